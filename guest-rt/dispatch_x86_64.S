/* SPDX-License-Identifier: MIT
 * The dispatcher, thread starts, gate calls and guest copies: what C cannot say.
 *
 * GS is the thread structure. Between rt_dispatch_begin and rt_dispatch_end, and while depth is not 0,
 * a thread is "inside": the tracer holds its signals. From rt_exit_check to rt_exit_end the code can be
 * begun again at rt_exit_check at any point: that is how the tracer closes the race between the check
 * of `pending` and the jump to the caller. */
#include "rt.h"

#define T_SELF       %gs:0x00
#define T_FRAME      %gs:0x30
#define T_STACK_LOW  %gs:0x38
#define T_STACK_HIGH %gs:0x40
#define T_DEPTH      %gs:0x48
#define T_PENDING    %gs:0x4c
#define T_SEQUENCE   %gs:0x50
#define T_ERRNO      %gs:0x58
#define T_SLOT       %gs:0x5c
#define T_SCRATCH    %gs:0x60
#define T_HANDLER    %gs:0x68
/* struct rt_ring. Only R_START is in use while a call is under way; the rest is the recorder's. */
#define RING(offset) %gs:RT_SLOT_RING - RT_SLOT_THREAD + offset
#define R_HEAD       RING(0x00)
#define R_LIMIT      RING(0x08)
#define R_MARK       RING(0x10)
#define R_LOST       RING(0x18)
#define R_AFTER      RING(0x20)
#define R_START      RING(0x28)
#define R_NUMBER     RING(0x30)
#define R_RESULT     RING(0x38)
#define R_RDX        RING(0x40)
#define R_TO         RING(0x48)
#define R_RDI        RING(0x50)
#define R_R9         RING(0x58)
#define R_RCX        RING(0x60)
/* Of the record whose offset is in `at`. */
#define RECORD(field, at) RING(0x80 + field)(at)
#define RECORD_KIND 0x00
#define RECORD_NR 0x04
#define RECORD_START 0x08
#define RECORD_END 0x10
#define RECORD_RESULT 0x18
#define RECORD_ARGS 0x20

/* struct rt_line */
#define L_SPINS    %gs:(RT_LINE + 0x00)
#define L_INDEX    %gs:(RT_LINE + 0x04)
#define L_FRAME    %gs:(RT_LINE + 0x08)
#define L_SEQUENCE %gs:(RT_LINE + 0x10)
#define L_DONE     %gs:(RT_LINE + 0x18)

#define F_RAX 0x00
#define F_RDI 0x08
#define F_RSI 0x10
#define F_RDX 0x18
#define F_R10 0x20
#define F_R8  0x28
#define F_R9  0x30
#define F_RBX 0x38
#define F_RBP 0x40
#define F_R12 0x48
#define F_R13 0x50
#define F_R14 0x58
#define F_R15 0x60
#define F_RIP 0x68
#define F_RFLAGS 0x70
#define F_RSP 0x78
#define F_OUTER 0x80
#define F_NUMBER 0x88
#define F_SIZE 0x90

/* Offsets from RT_OFF_STUBS; the stubs' first instruction is movq %rcx, %r10 (arch_call_stub). */
#define CALL_STUBS_BYTES (RT_OFF_KERNEL_STUBS - RT_OFF_STUBS + RT_KERNEL_STUBS * RT_STUB_SIZE)
#define STUB_ARGUMENT_MOVE 3

#define ENOSYS 38
#define EFAULT 14

/* Filled in by the tracer before anything runs; read-only for guests. struct rt_config in rt_guest.h. */
	.section .data.rel.ro, "aw", @progbits
	.balign 64
	.globl rt_config
	.type rt_config, @object
	.size rt_config, 72
rt_config:
	.quad 0 /* 0x00 header */
	.quad 0 /* 0x08 table, at index of number 0 */
	.quad 0 /* 0x10 region base */
	.quad 0 /* 0x18 region size */
	.quad 0 /* 0x20 entry for mc_call: rt_entry or rt_entry_trap */
	.quad 0 /* 0x28 XSAVE mask */
	.quad 0 /* 0x30 XSAVE bytes */
	.quad 0 /* 0x38 stubs */
	.quad 0 /* 0x40 what is recorded, at index of number 0 */

	.text
	.macro FUNCTION name
	.globl \name
	.type \name, @function
	.balign 16
\name:
	.endm

/* From the caller's stack to a frame on the handler stack, inside from now on: rcx = return address, flags =
 * what the frame keeps of them. Spoils rbx, which the frame has. Depth is written and not counted where it
 * can be: a counter in memory makes each call wait for the one before. */
	.macro ENTER flags
	movq %rsp, T_SCRATCH
	cmpl $0, T_DEPTH
	jne 1f
	movl $1, T_DEPTH
	movq T_STACK_HIGH, %rsp
	subq $F_SIZE, %rsp
	jmp 2f
1:	incl T_DEPTH
	leaq -(128 + F_SIZE)(%rsp), %rsp /* the red zone of the handler that called */
	andq $-16, %rsp
2:	movq %rax, F_RAX(%rsp)
	movq %rdi, F_RDI(%rsp)
	movq %rsi, F_RSI(%rsp)
	movq %rdx, F_RDX(%rsp)
	movq %r10, F_R10(%rsp)
	movq %r8, F_R8(%rsp)
	movq %r9, F_R9(%rsp)
	movq %rbx, F_RBX(%rsp)
	movq %rbp, F_RBP(%rsp)
	movq %r12, F_R12(%rsp)
	movq %r13, F_R13(%rsp)
	movq %r14, F_R14(%rsp)
	movq %r15, F_R15(%rsp)
	movq %rcx, F_RIP(%rsp)
	movq \flags, F_RFLAGS(%rsp)
	movq T_SCRATCH, %rbx
	movq %rbx, F_RSP(%rsp)
	movq T_FRAME, %rbx
	movq %rbx, F_OUTER(%rsp)
	movq %rax, F_NUMBER(%rsp)
	movq %rsp, T_FRAME
	.endm

/* The same way in for who calls one of our functions instead of the entry. */
	.macro TAKE_RETURN
	popq %rcx
	pushfq
	popq %r11
	andl $0x400, %r11d
	cld
	.endm

/* To rcx with the caller's stack. Who called returns as functions do, from where its return address was,
 * or the processor would guess every further return wrong. */
	.macro LEAVE flags
	testl $0x402, \flags
	jnz 1f
2:	movq %rcx, -8(%rsp)
	leaq -8(%rsp), %rsp
	ret
1:	testl $0x400, \flags
	jz 3f
	std
3:	testl $2, \flags
	jz 2b
	jmp *%rcx
	.endm

/* DF, of who came by a patched site, to the frame, and on. Not on the caller's stack. */
	.macro KEEP_DF to
	pushfq
	testb $4, 1(%rsp)
	leaq 8(%rsp), %rsp
	jz \to
	cld
	orl $0x400, F_RFLAGS(%rsp)
	jmp \to
	.endm

/* The time to rax; spoils rdx. */
	.macro TICKS
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	.endm

/* What is before rt_dispatch_begin may end in a kernel call without a look at `pending`: a signal there is
 * delivered at once.
 *
 * From a patched site, by its stub: rax = the number, rcx = where the `syscall` would return to. What no
 * handler serves is done by that instruction, which still stands there. */
FUNCTION rt_site
	movslq %eax, %rax
	leaq -MC_NR_MIN(%rax), %r11
	cmpq $MC_NR_COUNT, %r11
	jae 1f
	movq rt_config+0x08(%rip), %r11
	movq (%r11,%rax,8), %r11
	testq %r11, %r11
	jz 1f
	subq rt_config+0x38(%rip), %r11
	cmpq $CALL_STUBS_BYTES, %r11
	jae .Lsite
1:	leaq -2(%rcx), %r11
	jmp *%r11

.Lstub:
	addq $STUB_ARGUMENT_MOVE, %r11 /* the fourth argument is in r10 already */
	jmp *%r11

/* The entry: called with the registers of a `syscall`. An entry of the table that is itself a stub
 * makes its call from here, as the instruction would: it is no handler, and a wait in it is no wait
 * inside one. */
FUNCTION rt_entry
	movslq %eax, %rax
	leaq -MC_NR_MIN(%rax), %rcx
	cmpq $MC_NR_COUNT, %rcx
	jae .Lno_number
	movq rt_config+0x08(%rip), %rcx
	movq (%rcx,%rax,8), %r11
	movq %r11, %rcx
	subq rt_config+0x38(%rip), %rcx
	cmpq $CALL_STUBS_BYTES, %rcx
	jb .Lstub
	.globl rt_dispatch_begin
rt_dispatch_begin:
	/* Of the flags only DF is kept: that bit 1, which is always set, is 0 in the frame marks this
	 * way in. Nobody calls with DF set, by the C ABI; who does is served by the longer way. */
	pushfq
	testb $4, 1(%rsp)
	leaq 8(%rsp), %rsp
	popq %rcx
	jnz .Lbackwards
	ENTER $0

.Lcall:
	testq %r11, %r11
	jz rt_no_handler
	movq %r10, %rcx
	xorl %eax, %eax
	call *%r11
	jmp rt_leave_quiet

.Lbackwards:
	cld
	movq %r11, T_HANDLER
	movl $0x400, %r11d
	ENTER %r11
	movq T_HANDLER, %r11
	jmp .Lcall

.Lno_number:
	xorl %r11d, %r11d
	jmp rt_dispatch_begin

.Lsite:
	ENTER $2
	KEEP_DF .Ldispatch

/* Where the tracer sends a trapped call: rcx = return address, r11 = flags, as the `syscall` left them. */
	.globl rt_upcall_trapped
rt_upcall_trapped:
	cld /* the frame has it */
/* The same, DF clear: a traced call, or one of the vsyscall page. */
	.globl rt_upcall
rt_upcall:
	ENTER %r11

.Ldispatch:
	movslq %eax, %rax
	leaq -MC_NR_MIN(%rax), %rbx
	cmpq $MC_NR_COUNT, %rbx
	jae rt_no_handler
	movq rt_config+0x08(%rip), %rcx
	movq (%rcx,%rax,8), %rbx
	testq %rbx, %rbx
	jz rt_no_handler
	movq %r10, %rcx
	/* A handler in guest memory may use the vector registers: keep them if the caller trapped. */
	movq %rbx, %rax
	subq rt_config+0x10(%rip), %rax
	cmpq rt_config+0x18(%rip), %rax
	jae 4f
	xorl %eax, %eax
	call *%rbx
rt_leave:
	/* rsp is the frame again. */
	testl $RT_FLAGS_TRACED, F_RFLAGS(%rsp)
	jnz 9f
rt_leave_quiet:
	movq F_OUTER(%rsp), %rcx
	movq %rcx, T_FRAME
	cmpl $1, T_DEPTH
	jne 7f
	movq %rax, F_RAX(%rsp)
	movl $0, T_DEPTH

	.globl rt_exit_check
rt_exit_check:
	cmpl $0, T_PENDING
	jne 6f
	movq T_STACK_HIGH, %r11
	subq $F_SIZE, %r11
	movq F_RAX(%r11), %rax
	movq F_RDI(%r11), %rdi
	movq F_RSI(%r11), %rsi
	movq F_RDX(%r11), %rdx
	movq F_R10(%r11), %r10
	movq F_R8(%r11), %r8
	movq F_R9(%r11), %r9
	movq F_RBX(%r11), %rbx
	movq F_RBP(%r11), %rbp
	movq F_R12(%r11), %r12
	movq F_R13(%r11), %r13
	movq F_R14(%r11), %r14
	movq F_R15(%r11), %r15
	movq F_RSP(%r11), %rsp
	movq F_RIP(%r11), %rcx
	LEAVE F_RFLAGS(%r11)
	.globl rt_exit_end
rt_exit_end:

4:	testb $2, F_RFLAGS(%rsp)
	jz 8f
	movq %rbx, %rax
	call mc_fp_call
	jmp rt_leave
8:	xorl %eax, %eax
	call *%rbx
	jmp rt_leave

rt_no_handler:
	movq $-ENOSYS, %rax
	jmp rt_leave

9:	/* The tracer prints the result. */
	movq %rax, F_RAX(%rsp)
	movq %rax, %rsi
	movl $RT_NR_CARRIER, %eax
	movabsq $RT_CARRIES_TRACER, %r9
	movl $6, %edi /* RT_OP_TRACE_RETURN */
	syscall
	movq F_RAX(%rsp), %rax
	jmp rt_leave_quiet

6:	/* Something was held back: the tracer leaves in our place. */
	movl $RT_NR_CARRIER, %eax
	movabsq $RT_CARRIES_TRACER, %r9
	movl $2, %edi /* RT_OP_PENDING */
	syscall
	ud2

7:	/* Back into the handler that called. */
	decl T_DEPTH
	movq F_RDI(%rsp), %rdi
	movq F_RSI(%rsp), %rsi
	movq F_RDX(%rsp), %rdx
	movq F_R10(%rsp), %r10
	movq F_R8(%rsp), %r8
	movq F_R9(%rsp), %r9
	movq F_RBX(%rsp), %rbx
	movq F_RIP(%rsp), %rcx
	movq F_RFLAGS(%rsp), %r11
	movq F_RSP(%rsp), %rsp
	LEAVE %r11d

/* A gate that a guest calls on its own stack: inside it is a call like a handler's. */
	.macro GATE_OUTSIDE name, inside
\name:
	movq %rcx, %r10
	TAKE_RETURN
	ENTER %r11
	movq F_RSP(%rsp), %r11 /* the caller's further arguments */
	movq %rsp, %rbx
	subq $80, %rsp
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	movq (8 * \i)(%r11), %rcx
	movq %rcx, (8 * \i)(%rsp)
	.endr
	movq %r10, %rcx
	call \inside
	movq %rbx, %rsp
	movq %rdx, F_RDX(%rsp) /* a result too */
	jmp rt_leave
	.endm

	GATE_OUTSIDE rt_gate_outside, rt_gate_inside
	GATE_OUTSIDE rt_gate_outside_vector, rt_gate_inside_vector

/* A thread starts: on its handler stack lies the frame of the registers that it is to have, depth is
 * 1. First the guard page below the handler stack, then -17, then out as from any handler. */
FUNCTION rt_thread_begin
	movl $10, %eax /* mprotect(guard, 4096, PROT_NONE) */
	movq T_STACK_LOW, %rdi
	subq $RT_SLOT_GUARD, %rdi
	movl $RT_SLOT_GUARD, %esi
	xorl %edx, %edx
	syscall
	movq rt_config+0x08(%rip), %rcx
	movq (MC_SYS_THREAD_INIT * 8)(%rcx), %rbx
	movq T_SELF, %rdi
	xorl %esi, %esi
	xorl %edx, %edx
	xorl %ecx, %ecx
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	movq rt_config+0x10(%rip), %rax
	xorl %ebp, %ebp
	movq %rbx, %r12
	subq %rax, %r12
	cmpq rt_config+0x18(%rip), %r12
	jae 2f
	xorl %eax, %eax
	call *%rbx
1:	testq %rax, %rax
	jnz rt_thread_refused
	movq F_OUTER(%rsp), %rcx
	movq %rcx, T_FRAME
	decl T_DEPTH
	jmp rt_exit_check
2:	movq %rbx, %rax /* a fork's child has its parent's vector registers to keep */
	call mc_fp_call
	jmp 1b

rt_thread_refused:
	movq %rax, %rsi
	xorl %edi, %edi
	movl $MC_SYS_THREAD_KILL, %eax
	call *rt_config+0x20(%rip)
	ud2

/* ---- --trace-ring: handlers ---- */

/* By the entry, as at rt_dispatch_begin. */
.Lring_entry:
	pushfq
	testb $4, 1(%rsp)
	leaq 8(%rsp), %rsp
	popq %rcx
	jnz .Lring_backwards
	ENTER $0
.Lring_call:
	TICKS
	movq F_RDX(%rsp), %rdx
	subq $16, %rsp /* the time lies under the frame */
	movq %rax, (%rsp)
	testq %r11, %r11
	jz .Lring_no_handler
	movq %r10, %rcx
	xorl %eax, %eax
	call *%r11
	jmp .Lring_leave

.Lring_backwards:
	cld
	movq %r11, T_HANDLER
	movl $0x400, %r11d
	ENTER %r11
	movq T_HANDLER, %r11
	jmp .Lring_call

.Lring_site:
	ENTER $2
	KEEP_DF .Lring_dispatch

/* Where the tracer sends a trapped call that is to be recorded. */
	.globl rt_upcall_ring
rt_upcall_ring:
	cld
	ENTER %r11
.Lring_dispatch:
	movslq %eax, %rax
	xorl %ebx, %ebx
	leaq -MC_NR_MIN(%rax), %rcx
	cmpq $MC_NR_COUNT, %rcx
	jae 1f
	movq rt_config+0x08(%rip), %rcx
	movq (%rcx,%rax,8), %rbx
1:	TICKS
	movq F_RDX(%rsp), %rdx
	subq $16, %rsp
	movq %rax, (%rsp)
	testq %rbx, %rbx
	jz .Lring_no_handler
	movq %r10, %rcx
	movq %rbx, %rax
	subq rt_config+0x10(%rip), %rax
	cmpq rt_config+0x18(%rip), %rax
	jae 2f
3:	xorl %eax, %eax
	call *%rbx
	jmp .Lring_leave
2:	testb $2, (16 + F_RFLAGS)(%rsp)
	jz 3b
	movq %rbx, %rax
	call mc_fp_call
	jmp .Lring_leave

.Lring_no_handler:
	movq $-ENOSYS, %rax
.Lring_leave:
	movq (%rsp), %rcx
	movq %rcx, R_START
	addq $16, %rsp
	movl F_NUMBER(%rsp), %ecx
	movl %ecx, R_NUMBER
	movq F_RDI(%rsp), %rdi
	movq F_RSI(%rsp), %rsi
	movq F_RDX(%rsp), %rdx
	movq F_R10(%rsp), %r10
	movq F_R8(%rsp), %r8
	movq F_R9(%rsp), %r9
	leaq rt_leave_quiet(%rip), %r11
	movq %r11, R_TO
	jmp .Lrecord

/* ---- --trace-ring: stubs ---- */

/* By the entry. On the stack: the time, the number, where to return. */
.Lring_stub:
	movq (%rsp), %rcx
	movq %rcx, R_START
	movl 8(%rsp), %ecx
	movl %ecx, R_NUMBER
	leaq 16(%rsp), %rsp
	leaq .Lring_stub_recorded(%rip), %r11
	movq %r11, R_TO
	jmp .Lrecord
/* A signal came meanwhile: out as from a handler. */
.Lring_stub_held:
	popq %rcx
	ENTER $0
	jmp rt_leave_quiet

/* A patched site's kernel call has returned: r11 = its number, rcx = where to go on. */
	.globl rt_site_recorded
rt_site_recorded:
	movl %r11d, R_NUMBER
	leaq .Lring_kernel_recorded(%rip), %r11
	movq %r11, R_TO
/* Records what has returned: rax and the arguments' registers as the caller has them, R_START, R_NUMBER. On to R_TO,
 * all but r11 and flags kept. Signals are held meanwhile. */
.Lrecord:
	movq %rax, R_RESULT
	movq %rdx, R_RDX
	TICKS
	movq R_HEAD, %r11
1:	cmpq R_LIMIT, %r11
	jae 5f
	movl %r11d, %edx
	andl $(RT_RING_RECORDS - 1), %edx
	leaq (%rdx,%rdx,4), %rdx
	shlq $4, %rdx
	movq %rax, RECORD(RECORD_END, %rdx)
	cmpq $0, R_LOST
	jne 4f
	movl $RT_RING_CALL, RECORD(RECORD_KIND, %rdx)
	movl R_NUMBER, %eax
	movl %eax, RECORD(RECORD_NR, %rdx)
	movq R_START, %rax
	movq %rax, RECORD(RECORD_START, %rdx)
	movq R_RESULT, %rax
	movq %rax, RECORD(RECORD_RESULT, %rdx)
	movq R_RDX, %rax
	movq %rdi, RECORD(RECORD_ARGS, %rdx)
	movq %rsi, RECORD(RECORD_ARGS + 8, %rdx)
	movq %rax, RECORD(RECORD_ARGS + 16, %rdx)
	movq %r10, RECORD(RECORD_ARGS + 24, %rdx)
	movq %r8, RECORD(RECORD_ARGS + 32, %rdx)
	movq %r9, RECORD(RECORD_ARGS + 40, %rdx)
	movq RECORD(RECORD_END, %rdx), %rax
	incq %r11
	movq %r11, R_HEAD
2:	movq $0, R_START
	cmpq R_MARK, %r11
	jae 6f
3:	movq R_RDX, %rdx
	movq R_RESULT, %rax
	jmp *R_TO
4:	movl $RT_RING_LOST, RECORD(RECORD_KIND, %rdx)
	xorl %eax, %eax
	xchgq %rax, R_LOST
	movq %rax, RECORD(RECORD_RESULT, %rdx)
	movq RECORD(RECORD_END, %rdx), %rax
	incq %r11
	movq %r11, R_HEAD
	jmp 1b
5:	incq R_LOST
	jmp 2b
6:	cmpq R_AFTER, %rax
	jb 3b
	movq $-1, R_MARK /* once, until the tracer has read */
	movq %rdi, R_RDI
	movq %r9, R_R9
	movq %rcx, R_RCX
	movl $RT_NR_CARRIER, %eax
	movabsq $RT_CARRIES_TRACER, %r9
	movl $9, %edi /* RT_OP_RING */
	syscall
	movq R_RDI, %rdi
	movq R_R9, %r9
	movq R_RCX, %rcx
	jmp 3b
.Lring_kernel_held:
	ENTER $2
	KEEP_DF rt_leave_quiet

	.globl rt_dispatch_end
rt_dispatch_end:

/* Here as before rt_dispatch_begin.
 *
 * With --trace-ring the header's entry. What is not wanted, and what stops for the tracer, which prints it, goes the
 * way that it always goes. */
FUNCTION rt_entry_ring
	movslq %eax, %rax
	leaq -MC_NR_MIN(%rax), %rcx
	xorl %r11d, %r11d
	cmpq $MC_NR_COUNT, %rcx
	jae .Lring_entry
	movq rt_config+0x40(%rip), %rcx
	testb $RT_RECORD_WANTED, (%rcx,%rax)
	jz rt_entry
	movq rt_config+0x08(%rip), %rcx
	movq (%rcx,%rax,8), %r11
	movq %r11, %rcx
	subq rt_config+0x38(%rip), %rcx
	cmpq $CALL_STUBS_BYTES, %rcx
	jae .Lring_entry
	movq rt_config+0x40(%rip), %rcx
	testb $RT_RECORD_KERNEL, (%rcx,%rax)
	jz .Lstub
	pushq %rax
	pushq %rdx
	TICKS
	popq %rdx
	pushq %rax
	movq 8(%rsp), %rax
	addq $STUB_ARGUMENT_MOVE, %r11
	call *%r11
	jmp .Lring_stub

.Lring_stub_recorded:
	cmpl $0, T_PENDING /* of what was held while it was recorded */
	jne .Lring_stub_held
	ret

/* With --trace-ring, from a patched site's stub, at r11: rax = the number. The kernel call is made there, where its
 * address says what it is when it has returned: nothing that a handler of a signal could change needs to be
 * remembered but the time, which is then not known. Sites that do not say which call theirs is stop for it. */
FUNCTION rt_site_ring
	movslq %eax, %rax
	leaq -MC_NR_MIN(%rax), %rcx
	cmpq $MC_NR_COUNT, %rcx
	jae 1f
	movq rt_config+0x08(%rip), %rcx
	movq (%rcx,%rax,8), %rcx
	testq %rcx, %rcx
	jz 1f
	subq rt_config+0x38(%rip), %rcx
	cmpq $CALL_STUBS_BYTES, %rcx
	jae 2f
	movq rt_config+0x40(%rip), %rcx
	testb $RT_RECORD_KERNEL, (%rcx,%rax)
	jz 1f
	cmpb $RT_SITE_OF_NUMBER, (%r11)
	jne 1f
	movq %rdx, %rcx
	TICKS
	movq %rax, R_START
	movq %rcx, %rdx
	movl RT_SITE_NUMBER(%r11), %eax
	addq $RT_SITE_KERNEL, %r11
	jmp *%r11
1:	movq RT_SITE_RETURN(%r11), %rcx
	leaq -2(%rcx), %r11
	jmp *%r11
2:	movq RT_SITE_RETURN(%r11), %rcx
	movq rt_config+0x40(%rip), %r11
	testb $RT_RECORD_WANTED, (%r11,%rax)
	jz .Lsite
	jmp .Lring_site

.Lring_kernel_recorded:
	cmpl $0, T_PENDING
	jne .Lring_kernel_held
	jmp *%rcx

/* With --trace the header's entry: every call stops for the tracer, which takes the return address off
 * the stack if a handler serves it or a thread is made. */
	.macro CARRIED name, after, what
FUNCTION \name
	pushq %r9
	pushq %r8
	movl %eax, %r8d
	movabsq $\what, %r9
	movl $RT_NR_CARRIER, %eax
	syscall
	.globl \after
\after:
	popq %r8
	popq %r9
	ret
	.endm

	CARRIED rt_entry_trap, rt_entry_trapped, RT_CARRIES_CALL

/* Where the stubs of core calls jump. */
	CARRIED rt_core_call, rt_core_called, RT_CARRIES_CORE

/* First code of a thread of -16, on its own stack: rbx = entry, rdi = arg. */
FUNCTION rt_thread_main
	xorl %ebp, %ebp
	call *%rbx
	movq %rax, %rsi
	xorl %edi, %edi
	movl $MC_SYS_THREAD_KILL, %eax
	call *rt_config+0x20(%rip)
	ud2

/* First code of a program that Microcosm linked: rdi = plan, rsp = the start-up vector. */
FUNCTION rt_first
	movq %rsp, %rbx
	movq %rsp, %rsi
	andq $-16, %rsp
	call rt_guest_init
	movq %rbx, %rsp
	xorl %edx, %edx
	xorl %ebx, %ebx
	jmp *%rax

/* long mc_call(int nr, a0..a5): by the entry. Tail-jumps: the entry pops our return address. */
FUNCTION mc_call
	movslq %edi, %rax
	movq %rsi, %rdi
	movq %rdx, %rsi
	movq %rcx, %rdx
	movq %r8, %r10
	movq %r9, %r8
	movq 8(%rsp), %r9
	jmp *rt_config+0x20(%rip)

FUNCTION mc_syscall
	movslq %edi, %rax
	movq %rsi, %rdi
	movq %rdx, %rsi
	movq %rcx, %rdx
	movq %r8, %r10
	movq %r9, %r8
	movq 8(%rsp), %r9
	syscall
	ret

/* Core entries that need not leave user space. -9 is all in its stub; that of -2 jumps here: a C
 * function that spoils no more registers than a call may. */
FUNCTION rt_core_get
	movslq %edi, %rax
	leaq -MC_NR_MIN(%rax), %rcx
	cmpq $MC_NR_COUNT, %rcx
	jae 1f
	movq rt_config+0x08(%rip), %rcx
	movq (%rcx,%rax,8), %rax
	ret
1:	xorl %eax, %eax
	ret

FUNCTION rt_core_init
	movl $2, 0x10(%rdi) /* MC_THREAD_RUNNING */
	xorl %eax, %eax
	ret

/* mc_fp_call: calls the C function in rax with the vector state kept. General registers as a call. */
FUNCTION mc_fp_call
	pushq %rbp
	movq %rsp, %rbp
	pushq %rbx
	pushq %r12
	movq %rax, %rbx
	movq %rdx, %r12
	subq rt_config+0x30(%rip), %rsp
	andq $-64, %rsp
	/* XRSTOR wants the header's reserved words 0; XSAVE does not write them. */
	movq $0, 512(%rsp)
	movq $0, 520(%rsp)
	movq $0, 528(%rsp)
	movq $0, 536(%rsp)
	movq $0, 544(%rsp)
	movq $0, 552(%rsp)
	movq $0, 560(%rsp)
	movq $0, 568(%rsp)
	movl rt_config+0x28(%rip), %eax
	movl rt_config+0x2c(%rip), %edx
	xsave64 (%rsp)
	fninit
	pushq $0
	pushq $0x1f80
	ldmxcsr (%rsp)
	addq $16, %rsp
	movq %r12, %rdx
	xorl %eax, %eax
	call *%rbx
	movq %rax, %rbx
	movl rt_config+0x28(%rip), %eax
	movl rt_config+0x2c(%rip), %edx
	xrstor64 (%rsp)
	movq %rbx, %rax
	leaq -16(%rbp), %rsp
	popq %r12
	popq %rbx
	popq %rbp
	ret

/* Gate calls. The generated stub of gate i does `movl $i, %eax; jmp rt_gate_call` (or _vector). */
	.macro GATE name, inside, outside, vector
FUNCTION \name
	cmpl $0, T_DEPTH
	je \outside
\inside:
	pushq %rbp
	movq %rsp, %rbp
	pushq %rbx
	subq $(RT_GATE_FRAME_SIZE + 8), %rsp
	movl %eax, %ebx
	movq %rdi, 0x00(%rsp)
	movq %rsi, 0x08(%rsp)
	movq %rdx, 0x10(%rsp)
	movq %rcx, 0x18(%rsp)
	movq %r8, 0x20(%rsp)
	movq %r9, 0x28(%rsp)
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	movq (16 + 8 * \i)(%rbp), %rax
	movq %rax, (0x40 + 8 * \i)(%rsp)
	.endr
	movl $0, 0x98(%rsp)
	movl $\vector, 0x9c(%rsp)
	.if \vector
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7
	movups %xmm\i, (0xd0 + 16 * \i)(%rsp)
	.endr
	.endif
1:	movq T_SEQUENCE, %rdx
	incq %rdx
	movq %rdx, T_SEQUENCE
	movzwl L_SPINS, %ecx
	testl %ecx, %ecx
	jnz 6f
7:	movq %rsp, %rdi
	movl %ebx, %esi
	movl T_SLOT, %r10d
	movl $RT_NR_CARRIER, %eax
	movabsq $RT_CARRIES_GATE, %r9
	syscall
8:	testq %rax, %rax
	js 3f
	cmpl $-1, 0x98(%rsp) /* RT_ERR_DESCRIPTOR */
	je 5f
	testq %rax, %rax
	jnz 2f
	movl 0x98(%rsp), %eax
	movl %eax, T_ERRNO
	movq 0x30(%rsp), %rax
	movq 0x38(%rsp), %rdx
	.if \vector
	movups 0xd0(%rsp), %xmm0
	movups 0xe0(%rsp), %xmm1
	.endif
	jmp 4f
2:	cmpq $1, %rax /* RT_GATE_CALLBACK */
	jne 3f
	movq 0xa0(%rsp), %rdi
	movq 0xa8(%rsp), %rsi
	movq 0xb0(%rsp), %rdx
	movq 0xb8(%rsp), %rcx
	movq 0xc0(%rsp), %r8
	movq 0xc8(%rsp), %r9
	.if \vector
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7
	movups (0xd0 + 16 * \i)(%rsp), %xmm\i
	.endr
	.endif
	call *0x90(%rsp)
	movq %rax, 0x30(%rsp)
	.if \vector
	movups %xmm0, 0xd0(%rsp)
	.endif
	movl $1, %ebx /* RT_GATE_RETURN */
	jmp 1b
3:	movl %eax, %ecx /* the gate itself was refused: -errno */
	negl %ecx
	movl %ecx, T_ERRNO
	jmp 4f
6:	movl %ebx, L_INDEX /* by the line, if the answer is there in time */
	movq %rsp, L_FRAME
	leaq (,%rdx,4), %r11
	movq %rdx, L_SEQUENCE
9:	movq L_DONE, %rax
	subq %r11, %rax
	cmpq $RT_LINE_ASK, %rax
	jb 8b
	je 7b
	pause
	cmpw $0, L_SPINS
	je 7b
	decl %ecx
	jnz 9b
	movw $0, L_SPINS
	jmp 7b
5:	movl $0, T_ERRNO
4:	addq $(RT_GATE_FRAME_SIZE + 8), %rsp
	popq %rbx
	popq %rbp
	ret
	.endm

	GATE rt_gate_call, rt_gate_inside, rt_gate_outside, 0
	GATE rt_gate_call_vector, rt_gate_inside_vector, rt_gate_outside_vector, 1

/* Copies from and to a guest's memory: a fault between rt_copy_begin and rt_copy_end goes on at
 * rt_copy_fault, by the tracer. */
	.globl rt_copy_begin
FUNCTION mc_copy_in
rt_copy_begin:
	.globl mc_copy_out
	.type mc_copy_out, @function
mc_copy_out:
	movq %rdx, %rcx
	rep movsb
	xorl %eax, %eax
	ret

/* long mc_copy_in_string(char *to, const char *guest, size_t n) */
FUNCTION mc_copy_in_string
	xorl %eax, %eax
1:	cmpq %rdx, %rax
	jae 2f
	movb (%rsi,%rax), %cl
	movb %cl, (%rdi,%rax)
	testb %cl, %cl
	jz 3f
	incq %rax
	jmp 1b
2:	movq $-36, %rax /* ENAMETOOLONG */
3:	ret
	.globl rt_copy_end
rt_copy_end:

	.globl rt_copy_fault
rt_copy_fault:
	movq $-EFAULT, %rax
	ret

FUNCTION memcpy
	movq %rdi, %rax
	movq %rdx, %rcx
	rep movsb
	ret

FUNCTION memmove
	movq %rdi, %rax
	movq %rdx, %rcx
	movq %rdi, %r8
	subq %rsi, %r8
	cmpq %rdx, %r8
	jb 1f
	rep movsb
	ret
1:	leaq -1(%rdi,%rdx), %rdi
	leaq -1(%rsi,%rdx), %rsi
	std
	rep movsb
	cld
	ret

FUNCTION memset
	movq %rdi, %r8
	movl %esi, %eax
	movq %rdx, %rcx
	rep stosb
	movq %r8, %rax
	ret

	.section .note.GNU-stack, "", @progbits
