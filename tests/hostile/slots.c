/* SPDX-License-Identifier: MIT
 * Refusal: a world has 12,288 threads at most, ended ones that nobody joined included; what is one too
 * many fails or dies, and the world still ends.
 * status: 9
 * modes: trap quiet */
#include "hostile.h"

static long ends(void *arg)
{
	return 0;
}

int main(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	long id = 0, n = 0, status = 0;
	while (n < 20000 && (id = do_spawn(ends, NULL, NULL, 8192)) > 0)
		n++;
	CHECK_IS(id, -E_AGAIN);
	CHECK(n > 12000);
	(void)stack;
	/* A process too many has no structure to run with: it is killed before its first instruction. */
	long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0)
		do_kill(MC_WORLD, 1);
	if (pid > 0) {
		CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
		CHECK_IS(status, SIGNAL_KILL);
	}
	do_kill(MC_WORLD, 9);
	return 1;
}
