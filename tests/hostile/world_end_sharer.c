/* SPDX-License-Identifier: MIT
 * Refusal: a process that shares its maker's memory does not outlive the world, and nothing that it
 * calls while the world is being ended reaches the kernel.
 * status: 5
 * stdout: begin */
#include "hostile.h"

static char stacks[8][16384] __attribute__((aligned(16)));
static int running;

static void sharer(void *arg)
{
	__atomic_add_fetch(&running, 1, __ATOMIC_SEQ_CST);
	for (long i = 0; i < 200000; i++)
		try_ungranted();
	raw(NR_write, 1, (long)"OUTLIVED\n", 9, 0, 0, 0);
	for (;;)
		raw(NR_exit_group, 0, 0, 0, 0, 0, 0);
}

int main(void)
{
	say("begin");
	for (int i = 0; i < 8; i++)
		CHECK(task(CLONE_SHARES_MEMORY | SIGNAL_CHLD, sharer, NULL, stacks[i], sizeof stacks[i]) > 0);
	wait_until(&running, 8);
	do_kill(MC_WORLD, 5);
	return 1;
}
