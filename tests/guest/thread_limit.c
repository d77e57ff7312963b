/* SPDX-License-Identifier: MIT
 * A world has room for 12288 threads: -16, fork and clone beyond are -EAGAIN and leave nothing behind, and what
 * ends makes room again. All of them live at once here, so this is also the largest world there is.
 * modes: direct quiet
 * timeout: 300 */
#include "check.h"

#define SLOTS 12288
#define STACK 16384 /* the least that the dispatcher's own needs leave room in */

static int stop;
static long ids[SLOTS + 1];

static long wait_for_stop(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		mc_syscall(NR_futex, (long)&stop, 0 /* FUTEX_WAIT */, 0, 0, 0, 0);
	return (long)arg;
}

static long leave(void *arg)
{
	return (long)arg;
}

int main(void)
{
	long value, n = 0, id;

	while (n <= SLOTS && (id = do_spawn(wait_for_stop, (void *)n, NULL, STACK)) > 0)
		ids[n++] = id;
	CHECK_IS(id, -E_AGAIN);
	/* One slot is this thread's; the boot process may not have been reaped yet. */
	CHECK(n == SLOTS - 1 || n == SLOTS - 2);
	CHECK_IS(do_spawn(leave, NULL, NULL, STACK), -E_AGAIN);
	CHECK_IS(mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0), -E_AGAIN);
	CHECK_IS(mc_syscall(NR_vfork, 0, 0, 0, 0, 0, 0), -E_AGAIN);
	CHECK_IS(do_kill(ids[7], 70), 0);
	CHECK_IS(do_join(ids[7], &value), 0);
	CHECK_IS(value, 70);
	/* The kernel may take a moment to be done with it. */
	for (long tries = 0; (ids[7] = do_spawn(leave, (void *)7, NULL, STACK)) == -E_AGAIN && tries < 100000; tries++)
		mc_syscall(NR_sched_yield, 0, 0, 0, 0, 0, 0);
	CHECK(ids[7] > 0);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	mc_syscall(NR_futex, (long)&stop, 1 /* FUTEX_WAKE */, 0x7fffffff, 0, 0, 0);
	for (long i = 0; i < n; i++) {
		CHECK_IS(do_join(ids[i], &value), 0);
		CHECK_IS(value, i);
	}
	return 0;
}
