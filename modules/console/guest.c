/* SPDX-License-Identifier: MIT
 * The console module, guest half: carries bytes between the caller and the host component, one
 * bounded buffer on the handler stack at a time. */
#include "../start.h"
#include "console.h"

#include <linux/errno.h>

#define CHUNK 8192

/* host.c */
extern long console_host_read(void *buf, size_t n);
extern long console_host_write(int fd, const void *buf, size_t n);

static long console_read(long buf, long size, long a2, long a3, long a4, long a5)
{
	char chunk[CHUNK];
	size_t n = (size_t)size;
	(void)a2, (void)a3, (void)a4, (void)a5;

	if (n > sizeof chunk)
		n = sizeof chunk;
	if (n == 0)
		return 0;
	long got = console_host_read(chunk, n);
	if (got > 0 && mc_copy_out((void *)buf, chunk, (size_t)got) != 0)
		return -EFAULT;
	return got;
}

static long console_write(long fd, long buf, long size, long a3, long a4, long a5)
{
	char chunk[CHUNK];
	size_t left = (size_t)size;
	long done = 0, error = 0;
	(void)a3, (void)a4, (void)a5;

	if (fd != 1 && fd != 2)
		return -EBADF;
	if (size < 0)
		return -EINVAL;
	while (left > 0) {
		size_t n = left < sizeof chunk ? left : sizeof chunk;
		if (mc_copy_in(chunk, (const char *)buf + done, n) != 0) {
			error = -EFAULT;
			break;
		}
		long put = console_host_write((int)fd, chunk, n);
		if (put <= 0) {
			error = put;
			break;
		}
		done += put;
		left -= (size_t)put;
	}
	return done > 0 ? done : error;
}

MODULE_INIT console_init(void)
{
	mc_register(MC_NR_CONSOLE_READ, console_read);
	mc_register(MC_NR_CONSOLE_WRITE, console_write);
}
