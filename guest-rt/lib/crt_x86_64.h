/* SPDX-License-Identifier: MIT
 * The first instructions of a program: the stack as the kernel left it, and where _DYNAMIC is (0 when
 * there is none), for crt_start. */
__asm__(".text\n"
	"	.globl	_start\n"
	"	.type	_start, @function\n"
	"_start:\n"
	"	xorl	%ebp, %ebp\n"
	"	movq	%rsp, %rdi\n"
	"	.weak	_DYNAMIC\n"
	"	.hidden	_DYNAMIC\n"
	"	leaq	_DYNAMIC(%rip), %rsi\n"
	"	andq	$-16, %rsp\n"
	"	call	crt_start\n"
	"	hlt\n"
	"	.size	_start, .-_start\n");
