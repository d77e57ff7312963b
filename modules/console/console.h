/* SPDX-License-Identifier: MIT
 * The console module: standard input, output and error of the world. microcosm-modules(7). */
#ifndef MICROCOSM_CONSOLE_H
#define MICROCOSM_CONSOLE_H

#include <microcosm.h>

#define MC_NR_CONSOLE_READ  4096
#define MC_NR_CONSOLE_WRITE 4097

/* Reads up to n bytes of standard input: how many, 0 at its end, or -errno (-EINTR, -EFAULT, what
 * read(2) says). Returns what there is, as read(2) does. */
static inline long mc_console_read(void *buf, size_t n)
{
	return mc_call(MC_NR_CONSOLE_READ, (long)buf, (long)n, 0, 0, 0, 0);
}

/* Writes n bytes to standard output (fd 1) or error (fd 2): how many, fewer than n only when an
 * error or an interruption followed, or -errno (-EBADF for any other fd). */
static inline long mc_console_write(int fd, const void *buf, size_t n)
{
	return mc_call(MC_NR_CONSOLE_WRITE, fd, (long)buf, (long)n, 0, 0, 0);
}

#endif
