/* SPDX-License-Identifier: MIT
 * Refusal: threads that are made while their process is being ended do not keep it.
 * modes: trap quiet */
#include "hostile.h"

#define THREAD_FLAGS 0x50f00 /* CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM */
#define STACK 8192
#define STACKS 256

static char stacks[STACKS][STACK] __attribute__((aligned(16)));
static int next;

static void sleeps(void *arg)
{
	for (;;)
		raw(NR_pause, 0, 0, 0, 0, 0, 0);
}

static void makes(void *arg)
{
	for (;;) {
		int i = __atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST);
		if (i >= STACKS)
			sleeps(NULL);
		task(THREAD_FLAGS, i % 8 ? sleeps : makes, NULL, stacks[i], STACK);
	}
}

int main(void)
{
	for (int round = 0; round < 40; round++) {
		int status = -1;
		long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
		if (pid == 0) {
			for (int i = 0; i < 3; i++)
				task(THREAD_FLAGS, makes, NULL,
				     stacks[__atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST)], STACK);
			for (int i = 0; i < round * 2000; i++)
				spin_pause();
			for (;;)
				raw(NR_exit_group, 7, 0, 0, 0, 0, 0);
		}
		CHECK(pid > 0);
		CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
		CHECK_IS(status, 7 << 8);
	}
	return 0;
}
