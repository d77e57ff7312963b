/* SPDX-License-Identifier: MIT
 * Gate calls that follow each other closely are served by the thread's line where a CPU is free for that, and
 * are the same calls: each runs once, with all its arguments, its errno and its caller; a slow one, one
 * that calls back, a descriptor for a result, threads side by side, fork and -18 in the middle.
 * modules: host
 * options: --ro /etc
 * modes: direct trap quiet
 * timeout: 300
 */
#include "check.h"
#include "host.h"

enum { NR_open = 2, NR_sched_getaffinity = 204, LINE_DONE = 0x98, ROUNDS = 3000, THREADS = 4 };

/* By the last call, whatever its number, which the host process leaves there. */
static long served(void)
{
	return __atomic_load_n((long *)((char *)mc_thread_self() + LINE_DONE), __ATOMIC_RELAXED);
}

static int cpus(void)
{
	unsigned char set[128];
	int n = 0;
	long size = mc_syscall(NR_sched_getaffinity, 0, sizeof set, (long)set, 0, 0, 0);
	CHECK(size > 0);
	for (long i = 0; i < size; i++)
		n += __builtin_popcount(set[i]);
	return n;
}

static void echo(long n)
{
	for (long i = 0; i < n; i++)
		CHECK_IS(call1(HOST_ECHO, i), i);
}

/* A failed try is not followed by the next one at once. */
static void until_served(void)
{
	long begin = mc_syscall(NR_time, 0, 0, 0, 0, 0, 0);
	while (!served()) {
		echo(1000);
		CHECK(mc_syscall(NR_time, 0, 0, 0, 0, 0, 0) - begin < 250);
	}
}

/* Names that are not there, until that is answered by the line; then one that is: the first descriptor. */
static void open_at_last(void)
{
	long before = served(), fd;
	for (int i = 0; (served() == before || served() % 4 != 0) && i < 100000; i++)
		CHECK_IS(mc_call(NR_open, (long)"/etc/nothing of that name", 0, 0, 0, 0, 0), -E_NOENT);
	for (int i = 0; i < 100; i++) {
		fd = mc_call(NR_open, (long)"/etc", 0, 0, 0, 0, 0);
		CHECK(fd >= 0);
		CHECK_IS(mc_call(NR_close, fd, 0, 0, 0, 0, 0), 0);
	}
}

static long works(void *arg)
{
	for (long i = 0; i < ROUNDS; i++) {
		CHECK(call0(HOST_COUNT) > 0);
		CHECK_IS(call1(HOST_ECHO, i + (long)arg), i + (long)arg);
		CHECK_IS(call1(HOST_CALLER, 0), mc_thread_self()->id);
	}
	return 1;
}

static long calls(void *arg)
{
	for (long i = 0;; i++) {
		CHECK_IS(call1(HOST_ECHO, i), i);
		__atomic_store_n((int *)arg, 1, __ATOMIC_RELEASE);
	}
}

static void fork_and_call(void)
{
	int status;
	long pid = mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		CHECK_IS(served(), 0); /* a line of its own */
		CHECK_IS(call1(HOST_CALLER, 1), mc_thread_self()->process);
		echo(2 * ROUNDS);
		mc_syscall(NR_exit_group, 7, 0, 0, 0, 0, 0);
	}
	CHECK(pid > 0);
	echo(2 * ROUNDS);
	CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	CHECK_IS(status, 7 << 8);
}

int main(void)
{
	static int calling[THREADS];
	long ids[THREADS], value;
	if (cpus() > 1) {
		open_at_last();
		until_served();
	} else {
		echo(20 * ROUNDS);
		CHECK_IS(served(), 0); /* there it would be in the way */
	}
	for (long i = 1; i <= ROUNDS; i++) {
		CHECK_IS(call0(HOST_COUNT), i);
		CHECK_IS(call2(HOST_ERRNO, i, -i), i);
		CHECK_IS(call1(HOST_ADD_TEN, i), 55 * i + 330);
	}
	for (long i = 0; i < 50; i++) {
		CHECK_IS(call1(HOST_SLEEP_MS, i % 2), 0);
		CHECK_IS(call1(HOST_CALL_BACK, 3), 3);
		echo(100);
	}
	for (long i = 0; i < THREADS; i++)
		CHECK((ids[i] = do_spawn(works, (void *)(i << 32), NULL, 0)) > 0);
	fork_and_call();
	for (int i = 0; i < THREADS; i++) {
		CHECK_IS(do_join(ids[i], &value), 0);
		CHECK_IS(value, 1);
	}
	CHECK_IS(call0(HOST_TOTAL), (THREADS + 1) * ROUNDS);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < THREADS; i++) {
			calling[i] = 0;
			CHECK((ids[i] = do_spawn(calls, &calling[i], NULL, 0)) > 0);
		}
		for (int i = 0; i < THREADS; i++) {
			wait_until(&calling[i], 1);
			CHECK_IS(do_kill(ids[i], 5), 0);
			CHECK_IS(do_join(ids[i], &value), 0);
			CHECK_IS(value, 5);
		}
	}
	echo(ROUNDS);
	return 0;
}
