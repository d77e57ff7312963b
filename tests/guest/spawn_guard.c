/* SPDX-License-Identifier: MIT
 * The stack that the core makes has a guard page below it.
 * status: 139
 * stderr: SIGSEGV
 * timeout: 10
 */
#include "check.h"

static long through(void *arg)
{
	volatile char *p = (char *)__builtin_frame_address(0) - 64;
	for (int i = 0; i < 40960; i += 64)
		p[-i] = 1;
	return 0;
}

int main(void)
{
	do_join(do_spawn(through, NULL, NULL, 8192), NULL);
	return 0;
}
