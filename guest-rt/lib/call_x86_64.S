/* SPDX-License-Identifier: MIT
 * mc_call and mc_syscall: from the C ABI's registers to those of a call. */
	.text

/* edi, rsi, rdx, rcx, r8, r9, 8(%rsp) become eax, rdi, rsi, rdx, r10, r8, r9. */
	.macro	shuffle
	movl	%edi, %eax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	movq	8(%rsp), %r9
	.endm

/* The entry pops this function's return address: a jump is a call here. */
	.globl	mc_call
	.type	mc_call, @function
mc_call:
	shuffle
	jmp	*mc_entry_address(%rip)
	.size	mc_call, .-mc_call

	.globl	mc_syscall
	.type	mc_syscall, @function
mc_syscall:
	shuffle
	syscall
	ret
	.size	mc_syscall, .-mc_syscall

/* Used in the entry's place where there is no Microcosm, or before it is known that there is. */
	.globl	mc_entry_syscall
	.hidden	mc_entry_syscall
	.type	mc_entry_syscall, @function
mc_entry_syscall:
	syscall
	ret
	.size	mc_entry_syscall, .-mc_entry_syscall

/* The first call: find the entry, then go on as if it had been known. Seven pushes and the return
 * address leave the stack aligned. */
	.type	entry_first, @function
entry_first:
	pushq	%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%r10
	pushq	%r8
	pushq	%r9
	call	mc_entry_find
	movq	%rax, %r11
	popq	%r9
	popq	%r8
	popq	%r10
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%rax
	jmp	*%r11
	.size	entry_first, .-entry_first

	.section .data.rel.local, "aw", @progbits
	.balign	8
	.globl	mc_entry_address
	.hidden	mc_entry_address
	.type	mc_entry_address, @object
	.size	mc_entry_address, 8
mc_entry_address:
	.quad	entry_first

	.section .note.GNU-stack, "", @progbits
