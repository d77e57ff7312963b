/* SPDX-License-Identifier: MIT
 * A child that borrows its maker's memory ends by exit_group or by a signal without the maker.
 */
#include "hostile.h"

static int status;
static char stack[16384] __attribute__((aligned(16)));

static void exits(void *arg)
{
	for (;;)
		raw(NR_exit_group, 3, 0, 0, 0, 0, 0);
}

static void kills_itself(void *arg)
{
	for (;;)
		raw(NR_kill, raw(NR_getpid, 0, 0, 0, 0, 0, 0), 15, 0, 0, 0, 0);
}

static void faults(void *arg)
{
	*(volatile int *)8 = 1;
}

static int run(void (*fn)(void *), long flags)
{
	long pid = task(CLONE_SHARES_MEMORY | flags | SIGNAL_CHLD, fn, NULL, stack, sizeof stack);
	CHECK(pid > 0);
	CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	return status;
}

int main(void)
{
	CHECK_IS(run(exits, CLONE_WAITS), 3 << 8);
	CHECK_IS(run(exits, 0), 3 << 8);
	CHECK_IS(run(kills_itself, CLONE_WAITS), 15);
	CHECK_IS(run(kills_itself, 0), 15);
	(void)faults;
	return 0;
}
