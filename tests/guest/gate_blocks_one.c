/* SPDX-License-Identifier: MIT
 * A host function that blocks, blocks the calling thread alone: 32 threads wait in one while others call
 * functions and the core.
 * modules: host
 */
#include "check.h"
#include "host.h"

static int waiting;

static long waits(void *arg)
{
	__atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	return call1(HOST_SLEEP_MS, 1000000);
}

static long works(void *arg)
{
	for (int i = 0; i < 50; i++) {
		CHECK_IS(call1(HOST_ECHO, i), i);
		CHECK_IS(do_self()->self, mc_thread_self());
	}
	return 1;
}

int main(void)
{
	long blocked[32], id, value;
	for (int i = 0; i < 32; i++)
		blocked[i] = do_spawn(waits, NULL, NULL, 16384);
	wait_until(&waiting, 32);
	nap_ms(10);
	for (int i = 0; i < 4; i++) {
		id = do_spawn(works, NULL, NULL, 16384);
		CHECK_IS(do_join(id, &value), 0);
		CHECK_IS(value, 1);
	}
	for (int i = 0; i < 32; i++) {
		CHECK_IS(do_kill(blocked[i], 5), 0);
		CHECK_IS(do_join(blocked[i], &value), 0);
		CHECK_IS(value, 5);
	}
	return 0;
}
