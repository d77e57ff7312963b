/* SPDX-License-Identifier: MIT
 * The console module reads standard input, writes what it is given whole, and refuses other
 * descriptors and bad pointers.
 * stdin: hello
 * stdout: hello
 * stdout: done
 * stderr: ^to standard error$
 */
#include "check.h"
#include <microcosm/console.h>

#define E_BADF 9

static long read_console(void *buf, size_t n)
{
	return call2(MC_NR_CONSOLE_READ, (long)buf, (long)n);
}

static long write_console(long fd, const void *buf, long n)
{
	return call3(MC_NR_CONSOLE_WRITE, fd, (long)buf, n);
}

int main(void)
{
	char text[16];

	CHECK_IS(read_console(text, 0), 0);
	CHECK_IS(read_console(text, sizeof text), 6);
	CHECK_IS(read_console(text + 6, 1), 0);
	CHECK_IS(write_console(1, text, 6), 6);
	CHECK_IS(write_console(2, "to standard error\n", 18), 18);

	for (int fd = 0; fd < 10; fd++)
		if (fd != 1 && fd != 2)
			CHECK_IS(write_console(fd, text, 1), -E_BADF);
	CHECK_IS(write_console(1l << 32 | 1, text, 1), -E_BADF);
	CHECK_IS(write_console(1, text, -1), -E_INVAL);
	CHECK_IS(write_console(1, (void *)64, 1), -E_FAULT);
	CHECK_IS(write_console(1, (void *)-4096, 1), -E_FAULT);
	CHECK_IS(write_console(1, text, 0), 0);

	CHECK_IS(mc_console_write(1, "done\n", 5), 5);
	return 0;
}
