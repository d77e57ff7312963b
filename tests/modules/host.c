/* SPDX-License-Identifier: MIT
 * A module whose calls are functions of its host component. */
#include "host.h"

#include "check.h"

long test_count(void);
long test_total(void);
long test_sleep_ms(long ms);
long test_errno(long value, long result);
long test_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);
long test_caller(long process);
long test_call_back(long (*fn)(long), long depth);
long test_echo(long a);
long test_store(long n, void *to);
long test_read_pipe(void);

static long set_errno(long value, long result, long c, long d, long e, long f)
{
	return test_errno(value, result) == result ? mc_thread_self()->host_errno : -1;
}

static long ten(long a, long b, long c, long d, long e, long f)
{
	return test_ten(a, a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, a + 7, a + 8, a + 9);
}

/* Called by the host function in the guest, on the thread that made the call. */
static long back(long depth)
{
	if (depth <= 0)
		return 0;
	return 1 + test_call_back(back, depth - 1);
}

static long call_back(long depth, long b, long c, long d, long e, long f)
{
	return test_call_back(back, depth);
}

__attribute__((constructor)) static void start(void)
{
	/* A gate is a function like any other. */
	mc_register(HOST_COUNT, (mc_fn)(void *)test_count);
	mc_register(HOST_TOTAL, (mc_fn)(void *)test_total);
	mc_register(HOST_SLEEP_MS, (mc_fn)(void *)test_sleep_ms);
	mc_register(HOST_ERRNO, set_errno);
	mc_register(HOST_ADD_TEN, ten);
	mc_register(HOST_CALLER, (mc_fn)(void *)test_caller);
	mc_register(HOST_CALL_BACK, call_back);
	mc_register(HOST_ECHO, (mc_fn)(void *)test_echo);
	mc_register(HOST_STORE, (mc_fn)(void *)test_store);
	mc_register(HOST_READ_FD, (mc_fn)(void *)test_read_pipe);
}
