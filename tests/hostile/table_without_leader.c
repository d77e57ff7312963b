/* SPDX-License-Identifier: MIT
 * A process whose first thread has ended, and which has a private page of the table, neither keeps
 * others from registering nor misses what they register. */
#include "hostile.h"

static int *shared;

static long own(long a, long b, long c, long d, long e, long f)
{
	return 5;
}

static long waits(void *arg)
{
	__atomic_store_n(&shared[0], 1, __ATOMIC_SEQ_CST);
	wait_until(&shared[1], 1);
	__atomic_store_n((long *)&shared[4], (long)do_get(7001), __ATOMIC_SEQ_CST);
	raw(NR_exit_group, do_get(7000) == own, 0, 0, 0, 0, 0);
	return 0;
}

int main(void)
{
	int status = -1;
	shared = (int *)raw(NR_mmap, 0, 4096, 3, 0x21, -1, 0);
	long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		do_register(7000, own);
		do_spawn(waits, NULL, NULL, 0);
		do_kill(0, 3);
	}
	CHECK(pid > 0);
	wait_until(&shared[0], 1);
	nap_ms(100); /* its first thread is gone by now, or the test proves less */
	mc_fn fn = do_get(4097);
	CHECK(do_register(7001, fn) == NULL);
	__atomic_store_n(&shared[1], 1, __ATOMIC_SEQ_CST);
	CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	CHECK_IS(status, 1 << 8);
	CHECK_IS(*(long *)&shared[4], fn);
	return 0;
}
