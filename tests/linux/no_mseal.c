/* SPDX-License-Identifier: MIT
 * Preloaded: a kernel without mseal(2), for who calls it by syscall(3). */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>

long syscall(long number, ...)
{
	va_list list;
	long args[6], result = number;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	if (number == 462) {
		errno = ENOSYS;
		return -1;
	}
	register long r10 __asm__("r10") = args[3];
	register long r8 __asm__("r8") = args[4];
	register long r9 __asm__("r9") = args[5];
	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	if (result < 0 && result >= -4095) {
		errno = (int)-result;
		return -1;
	}
	return result;
}
