/* SPDX-License-Identifier: MIT */
/* Calls a host function until that has been served by the line, says so and waits, a byte at a time. */
#include "../guest/check.h"
#include "../modules/host.h"

enum { LINE_DONE = 0x98 };

int main(void)
{
	char byte;
	do {
		const volatile long *served = (const long *)((char *)mc_thread_self() + LINE_DONE);
		long begin = mc_syscall(NR_time, 0, 0, 0, 0, 0, 0);
		while (!*served && mc_syscall(NR_time, 0, 0, 0, 0, 0, 0) - begin < 100)
			for (long i = 0; i < 1000; i++)
				CHECK_IS(mc_call(HOST_ECHO, i, 0, 0, 0, 0, 0), i);
		say(*served ? "served" : "not served");
	} while (mc_syscall(NR_read, 0, (long)&byte, 1, 0, 0, 0) == 1);
	return 0;
}
