/* SPDX-License-Identifier: MIT
 * -18 ends the calling thread with a value, or another one wherever it is: in user code, blocked in a
 * kernel call, in a wait for a word, in -19, in a host function, inside a handler (when that returns).
 * modules: probe host
 */
#include "check.h"
#include "host.h"
#include "probe.h"

static int running, go;

static long self_zero(void *arg)
{
	do_kill(0, 31);
	return 1;
}

static long self_id(void *arg)
{
	do_kill(do_self()->id, 32);
	return 1;
}

static long spins(void *arg)
{
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	for (;;)
		spin_pause();
}

static long sleeps(void *arg)
{
	struct { long s, ns; } time = {1000, 0};
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	mc_syscall(NR_nanosleep, (long)&time, 0, 0, 0, 0, 0);
	return 1;
}

static long sleeps_by_call(void *arg) /* in a handler of the clock module, or in the granted call */
{
	struct { long s, ns; } time = {1000, 0};
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	call2(NR_nanosleep, (long)&time, 0);
	return 1;
}

static long sleeps_in_module(void *arg)
{
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	call1(4114, 1000000000000);
	return 1;
}

static long waits_for_word(void *arg)
{
	static unsigned word;
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	call3(4163, (long)&word, 0, -1);
	return 1;
}

static long joins_main(void *arg)
{
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	do_join((long)arg, NULL);
	return 1;
}

static long host_sleep(void *arg)
{
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	call1(HOST_SLEEP_MS, 1000000);
	return 1;
}

static long in_handler(void *arg)
{
	call2(PROBE_UNTIL, (long)&running, (long)&go);
	return 1;
}

static long in_own_handler(long a, long b, long c, long d, long e, long f)
{
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	wait_until(&go, 1);
	return 0;
}

static long calls_own(void *arg)
{
	call0(5000);
	return 1;
}

static void kills(long (*entry)(void *), long value)
{
	long got = 0;
	running = go = 0;
	long id = do_spawn(entry, (void *)do_self()->id, NULL, 0);
	CHECK(id > 0);
	wait_until(&running, 1);
	nap_ms(10);
	CHECK_IS(do_kill(id, value), 0);
	nap_ms(5);
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	CHECK_IS(do_join(id, &got), 0);
	CHECK_IS(got, value);
}

int main(void)
{
	long value;
	CHECK_IS(do_join(do_spawn(self_zero, NULL, NULL, 0), &value), 0);
	CHECK_IS(value, 31);
	CHECK_IS(do_join(do_spawn(self_id, NULL, NULL, 0), &value), 0);
	CHECK_IS(value, 32);
	CHECK_IS(do_kill(99999, 0), -E_SRCH);
	CHECK_IS(do_kill(-2, 0), -E_SRCH);
	do_register(5000, in_own_handler);
	kills(spins, 41);
	kills(sleeps, 42);
	kills(sleeps_by_call, -43);
	kills(sleeps_in_module, 44);
	kills(waits_for_word, 45);
	kills(joins_main, 46);
	kills(host_sleep, 47);
	kills(in_handler, 48);
	kills(calls_own, 0x7fffffffffff);
	return 0;
}
