/* SPDX-License-Identifier: MIT
 * -19: the value; 0 when the thread ended before; -ESRCH for what is no thread, was joined, or has a
 * joiner; -EDEADLK for oneself and for a cycle; -EFAULT for a bad pointer. */
#include "check.h"

static long quick(void *arg)
{
	return (long)arg;
}

static int go;
static long main_id, first_id, results[2];

static long slow(void *arg)
{
	wait_until(&go, 1);
	return (long)arg;
}

static long joins(void *arg)
{
	long value = -1, result = do_join((long)arg, &value);
	return result == 0 ? value : result;
}

static long joins_main(void *arg)
{
	return do_join(main_id, NULL);
}

int main(void)
{
	long value = 0;
	main_id = do_self()->id;
	CHECK_IS(do_join(0, &value), -E_SRCH);
	CHECK_IS(do_join(-1, &value), -E_SRCH);
	CHECK_IS(do_join(123456789, &value), -E_SRCH);
	CHECK_IS(do_join(0x7fffffffffffffff, &value), -E_SRCH);
	CHECK_IS(do_join(main_id, &value), -E_DEADLK);

	long id = do_spawn(quick, (void *)0x123456789abc, NULL, 0);
	nap_ms(20); /* likely ended */
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 0x123456789abc);
	CHECK_IS(do_join(id, &value), -E_SRCH);
	id = do_spawn(quick, (void *)-7, NULL, 0);
	CHECK_IS(do_join(id, NULL), 0);
	CHECK_IS(do_kill(id, 1), -E_SRCH);

	/* A bad pointer loses the value but not the thread. */
	id = do_spawn(quick, (void *)5, NULL, 0);
	CHECK_IS(do_join(id, (long *)8), -E_FAULT);

	/* A second joiner loses. */
	id = do_spawn(slow, (void *)11, NULL, 0);
	long a = do_spawn(joins, (void *)id, NULL, 0), b = do_spawn(joins, (void *)id, NULL, 0);
	nap_ms(20);
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	CHECK_IS(do_join(a, &results[0]), 0);
	CHECK_IS(do_join(b, &results[1]), 0);
	CHECK(results[0] == 11 || results[1] == 11);
	CHECK(results[0] == -E_SRCH || results[1] == -E_SRCH);

	/* A cycle of two: whoever comes second is told. */
	first_id = do_spawn(joins_main, NULL, NULL, 0);
	long result = do_join(first_id, &value);
	if (result == -E_DEADLK) /* it waits for us and will do so for ever */
		CHECK_IS(do_kill(first_id, 0), 0);
	else
		CHECK_IS(value, -E_DEADLK);
	return 0;
}
