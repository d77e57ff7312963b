/* SPDX-License-Identifier: MIT
 * Processes and threads that come and go, end each other, call the core, handlers and the host, all together:
 * the world ends when its first process does, with its status. cases/hostile-stress.sh kills some
 * of its processes from outside meanwhile.
 * modes: direct trap quiet traced
 * status: 3 */
#include "hostile.h"

enum { CONSOLE_WRITE = 4097, CLOCK_NOW = 4112, WORKERS = 6, ROUNDS = 60 };

static long works(void *arg)
{
	long sum = 0;
	for (int i = 0; i < 20; i++) {
		sum += (long)do_get(i);
		call2(CLOCK_NOW, 1, (long)&sum);
		call3(CONSOLE_WRITE, 1, (long)"", 0);
		raw(NR_sched_yield, 0, 0, 0, 0, 0, 0);
	}
	return (long)arg;
}

static long waits(void *arg)
{
	while (raw(NR_pause, 0, 0, 0, 0, 0, 0) != 1)
		;
	return 0;
}

static void process(int kind)
{
	long ids[WORKERS], value;
	for (long i = 0; i < WORKERS; i++)
		ids[i] = do_spawn(i % 3 == 2 ? waits : works, (void *)i, NULL, 16384);
	for (int i = 2; i < WORKERS && kind % 2; i += 3)
		do_kill(ids[i], 9);
	for (int i = 0; i < WORKERS && kind % 2; i++)
		do_join(ids[i], &value);
	if (kind % 3 == 0)
		raw(NR_kill, raw(NR_getpid, 0, 0, 0, 0, 0, 0), SIGNAL_KILL, 0, 0, 0, 0);
	for (;;)
		raw(NR_exit_group, kind, 0, 0, 0, 0, 0);
}

int main(void)
{
	int status;
	for (int round = 0; round < ROUNDS; round++) {
		long pids[3];
		for (int i = 0; i < 3; i++) {
			pids[i] = raw(NR_fork, 0, 0, 0, 0, 0, 0);
			if (pids[i] == 0)
				process(round + i);
		}
		for (int i = 0; i < 3; i++)
			if (pids[i] > 0)
				raw(NR_wait4, pids[i], (long)&status, 0, 0, 0, 0);
	}
	for (;;)
		raw(NR_exit_group, 3, 0, 0, 0, 0, 0);
}
