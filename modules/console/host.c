/* SPDX-License-Identifier: MIT
 * The console module, host half: reads and writes the host process's own descriptors 0, 1 and 2. The
 * kernel copies straight from and to the region; nothing is read twice. */
#include <microcosm-host.h>

#include <errno.h>
#include <unistd.h>

long console_host_read(void *buf, size_t n);
long console_host_write(int fd, const void *buf, size_t n);

/* A signal for the guest thread breaks the call off: errno is EINTR then. */
static long result(ssize_t r)
{
	return r < 0 ? -errno : (long)r;
}

long console_host_read(void *buf, size_t n)
{
	if (!mch_in_region(buf, n))
		return -EFAULT;
	return result(read(STDIN_FILENO, buf, n));
}

long console_host_write(int fd, const void *buf, size_t n)
{
	if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
		return -EBADF;
	if (!mch_in_region(buf, n))
		return -EFAULT;
	return result(write(fd, buf, n));
}
