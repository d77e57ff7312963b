/* SPDX-License-Identifier: MIT
 * Processes that are killed at once, whatever their threads are at then: in calls that the tracer makes for them,
 * in forks, execs, joins, gates and waits. The world goes on.
 * stderr: used int 0x80
 * modes: quiet
 * timeout: 120 */
#include "hostile.h"

enum { SIGNAL_CONT = 18, SIGNAL_USR1 = 10, ROUNDS = 400, SHARED_MEMORY_TASK = CLONE_SHARES_MEMORY | SIGNAL_CHLD };

static char stacks[4][65536] __attribute__((aligned(16)));

static long nothing(void *arg)
{
	return 0;
}

static long sleeps(void *arg)
{
	nap_ms(1000);
	return 0;
}

static long own(long a0, long a1, long a2, long a3, long a4, long a5)
{
	return a0;
}

static void act(long what)
{
	long value;
	switch (what % 10) {
	case 0: raw(NR_kill, -1, SIGNAL_CONT, 0, 0, 0, 0); return;
	case 1: do_join(do_spawn(nothing, NULL, NULL, 0), &value); return;
	case 2: do_spawn(nothing, NULL, NULL, 0); return;
	case 3: {
		long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
		if (pid == 0)
			raw(NR_exit_group, 0, 0, 0, 0, 0, 0);
		return;
	}
	case 4: do_register(5000 + (int)(what & 7), own); return;
	case 5: do_register(NR_getppid, own); do_deregister(NR_getppid); return;
	case 6: do_join(do_spawn(sleeps, NULL, NULL, 65536), &value); return;
	case 7: raw(NR_open, (long)"/nothing/here", 0, 0, 0, 0, 0); return;
	case 8: {
		static const char *argv[] = {"/nothing", NULL};
		raw(59, (long)"/proc/self/exe", (long)argv, (long)argv, 0, 0, 0);
		return;
	}
	default: {
		long pid = raw(NR_vfork, 0, 0, 0, 0, 0, 0);
		if (pid == 0)
			raw(NR_exit, 0, 0, 0, 0, 0, 0);
		return;
	}
	}
}

static void acts(void *arg)
{
	for (unsigned long seed = (unsigned long)arg * 2654435761u + 12345;; seed = seed * 6364136223846793005u + 1442695040888963407u)
		act((long)(seed >> 33));
}

static void acts_one(void *arg)
{
	for (;;)
		act((long)arg);
}

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
			task(SHARED_MEMORY_TASK, end_it, (void *)(100000 + 37000 * (i % 100)), stacks[0], sizeof stacks[0]);
			task(0x10f00, i % 3 ? acts : acts_one, (void *)i, stacks[1], sizeof stacks[1]);
			if (i % 2)
				task(0x10f00, acts, (void *)(i + 7777), stacks[2], sizeof stacks[2]);
			acts((void *)(i + 31337));
		}
		CHECK(pid > 0);
		int status = -1;
		CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	}
	return 0;
}
