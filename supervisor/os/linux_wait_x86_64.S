/* SPDX-License-Identifier: MIT
 * wait4 that a signal cannot slip past: a handler that finds the thread between the check of the
 * doorbell and the end of the `syscall` instruction moves it to wait_interrupted. */
	.text
	.globl wait_unless_doorbell
	.type wait_unless_doorbell, @function
/* long wait_unless_doorbell(int *status, const int *doorbell): wait4(-1, status, __WALL, NULL) */
wait_unless_doorbell:
	movq %rsi, %r8
	movq %rdi, %rsi
	movq $-1, %rdi
	movl $0x40000000, %edx
	xorl %r10d, %r10d
	.globl wait_begin
wait_begin:
	cmpl $0, (%r8)
	jne wait_interrupted
	movl $61, %eax
	syscall
	.globl wait_end
wait_end:
	ret
	.globl wait_interrupted
wait_interrupted:
	movq $-4, %rax /* -EINTR */
	ret

	.globl wait_restorer
wait_restorer:
	movl $15, %eax
	syscall

	.section .note.GNU-stack, "", @progbits
