/* SPDX-License-Identifier: MIT
 * Preloaded: a kernel without PROCMAP_QUERY, which came with 6.11. */
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...)
{
	va_list list;

	va_start(list, request);
	void *argument = va_arg(list, void *);
	va_end(list);
	if ((request & 0xffff) == ('f' << 8 | 17)) {
		errno = ENOTTY;
		return -1;
	}
	return (int)syscall(SYS_ioctl, fd, request, argument);
}
