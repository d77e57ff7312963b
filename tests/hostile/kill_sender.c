/* SPDX-License-Identifier: MIT
 * Killed at once, by what another thread of its process does, while it signals a group: the world goes on.
 * stderr: used int 0x80 */
#include "hostile.h"

enum { SIGNAL_CONT = 18, SHARED_MEMORY_TASK = CLONE_SHARES_MEMORY | SIGNAL_CHLD, ROUNDS = 100 };

static char stack[65536] __attribute__((aligned(16)));

static void end_it(void *arg)
{
	struct { long s, ns; } nap = {0, (long)arg};
	raw(NR_nanosleep, (long)&nap, 0, 0, 0, 0, 0);
	raw32(20 /* getpid */, 0, 0, 0);
	for (;;)
		raw(NR_exit, 0, 0, 0, 0, 0, 0);
}

int main(void)
{
	for (long i = 0; i < ROUNDS; i++) {
		long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
		if (pid == 0) {
			task(SHARED_MEMORY_TASK, end_it, (void *)(10000 * i), stack, sizeof stack);
			for (;;)
				raw(NR_kill, -1, SIGNAL_CONT, 0, 0, 0, 0);
		}
		CHECK(pid > 0);
		int status = -1;
		CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
		CHECK_IS(status & 0x7f, SIGNAL_KILL);
	}
	return 0;
}
