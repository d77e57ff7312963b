/* SPDX-License-Identifier: MIT
 * A thread that waits for its registration to reach a stopped process can be killed meanwhile, and is
 * not missed when that process goes on.
 * modes: trap quiet */
#include "hostile.h"

enum { SIGNAL_STOP = 19, SIGNAL_CONT = 18, WAIT_STOPPED = 2 };

/* Granted without rules: getppid, getpgrp, getuid. */
static const int numbers[] = {110, 111, 102};
static int *shared;

static long own(long a, long b, long c, long d, long e, long f)
{
	return 5;
}

int main(void)
{
	int status = -1;
	shared = (int *)raw(NR_mmap, 0, 4096, 3, 0x21, -1, 0);
	for (int round = 0; round < 3; round++) {
		shared[0] = 0;
		long sleeper = raw(NR_fork, 0, 0, 0, 0, 0, 0);
		if (sleeper == 0) {
			long me = raw(NR_getpid, 0, 0, 0, 0, 0, 0);
			raw(NR_kill, me, SIGNAL_STOP, 0, 0, 0, 0);
			raw(NR_exit_group, 4, 0, 0, 0, 0, 0);
		}
		CHECK(sleeper > 0);
		CHECK_IS(raw(NR_wait4, sleeper, (long)&status, WAIT_STOPPED, 0, 0, 0), sleeper);
		CHECK_IS(status & 0xff, 0x7f);
		long caller = raw(NR_fork, 0, 0, 0, 0, 0, 0);
		if (caller == 0) {
			/* Its own entry first: then it has the filter, and waits for others alone. */
			do_register(numbers[round], own);
			__atomic_store_n(&shared[0], 1, __ATOMIC_SEQ_CST);
			do_register(numbers[round], do_get(4097));
			__atomic_store_n(&shared[0], 2, __ATOMIC_SEQ_CST);
			for (;;)
				nap_ms(1000);
		}
		CHECK(caller > 0);
		while (!__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST))
			nap_ms(1);
		nap_ms(50);
		CHECK_IS(__atomic_load_n(&shared[0], __ATOMIC_SEQ_CST), 1); /* it waits for the sleeper */
		CHECK_IS(raw(NR_kill, caller, SIGNAL_KILL, 0, 0, 0, 0), 0);
		CHECK_IS(raw(NR_wait4, caller, (long)&status, 0, 0, 0, 0), caller);
		CHECK_IS(status, SIGNAL_KILL);
		CHECK_IS(raw(NR_kill, sleeper, SIGNAL_CONT, 0, 0, 0, 0), 0);
		CHECK_IS(raw(NR_wait4, sleeper, (long)&status, 0, 0, 0, 0), sleeper);
		CHECK_IS(status, 4 << 8);
	}
	return 0;
}
