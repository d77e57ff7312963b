/* SPDX-License-Identifier: MIT
 * When the first process ends, here by Linux's exit_group with other threads at work, the other processes
 * are killed.
 * modules: probe
 * status: 7
 */
#include "signal.h"
#include "probe.h"

static int running, never;

static long inside(void *arg)
{
	return call1(PROBE_TICKS, 20000000);
}

static long spins(void *arg)
{
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	for (;;)
		spin_pause();
}

int main(void)
{
	for (int i = 0; i < 2; i++)
		if (mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0) == 0) {
			nap_ms(1000000);
			mc_syscall(NR_exit_group, 1, 0, 0, 0, 0, 0);
		}
	do_spawn(spins, NULL, NULL, 0);
	do_spawn(inside, NULL, NULL, 0);
	wait_until(&running, 1);
	CHECK_IS(never, 0);
	call1(NR_exit_group, 7);
	return 1;
}
