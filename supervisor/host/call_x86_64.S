/* SPDX-License-Identifier: MIT
 * Calls a host function with the registers and stack words of a gate's frame (rt.h). */
#include "rt.h"

#define FRAME_RAX 0x30
#define FRAME_RDX 0x38
#define FRAME_STACK 0x40
#define FRAME_VECTOR 0x9c
#define FRAME_XMM 0xd0

	.text
	.globl call_function
	.type call_function, @function
call_function: /* rdi frame, rsi function */
	.cfi_startproc
	endbr64
	pushq %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq %rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq %rbx
	.cfi_offset %rbx, -24
	subq $(8 + 80), %rsp /* aligned to 16: the ten words above the return address */
	movq %rdi, %rbx
	movq %rsi, %r11
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	movq (FRAME_STACK + 8 * \i)(%rbx), %rax
	movq %rax, (8 * \i)(%rsp)
	.endr
	xorl %eax, %eax
	cmpl $0, FRAME_VECTOR(%rbx)
	je 1f
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7
	movups (FRAME_XMM + 16 * \i)(%rbx), %xmm\i
	.endr
	movl $8, %eax /* for variadic functions: vector registers in use, at most */
1:	movq 0x00(%rbx), %rdi
	movq 0x08(%rbx), %rsi
	movq 0x10(%rbx), %rdx
	movq 0x18(%rbx), %rcx
	movq 0x20(%rbx), %r8
	movq 0x28(%rbx), %r9
	call *%r11
	movq %rax, FRAME_RAX(%rbx)
	movq %rdx, FRAME_RDX(%rbx)
	cmpl $0, FRAME_VECTOR(%rbx)
	je 2f
	movups %xmm0, (FRAME_XMM)(%rbx)
	movups %xmm1, (FRAME_XMM + 16)(%rbx)
2:	addq $(8 + 80), %rsp
	popq %rbx
	popq %rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size call_function, . - call_function

	.section .note.GNU-stack, "", @progbits
