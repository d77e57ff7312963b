/* SPDX-License-Identifier: MIT
 * Concurrent -1 of one number from eight threads: a total order. Every function that was registered is
 * returned as the previous value exactly once, but the last.
 */
#include "check.h"

enum { THREADS = 8, ROUNDS = 100 };
static int go;
static unsigned char returned[THREADS * ROUNDS];
static int firsts;

/* Only addresses count: they are never called. */
static char functions[THREADS * ROUNDS] __attribute__((aligned(16)));

static long thread(void *arg)
{
	wait_until(&go, 1);
	for (int i = 0; i < ROUNDS; i++) {
		char *previous = (char *)do_register(5000, (mc_fn)(void *)&functions[(long)arg * ROUNDS + i]);
		if (previous)
			__atomic_add_fetch(&returned[previous - functions], 1, __ATOMIC_SEQ_CST);
		else
			__atomic_add_fetch(&firsts, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

int main(void)
{
	long ids[THREADS];
	for (long i = 0; i < THREADS; i++)
		ids[i] = do_spawn(thread, (void *)i, NULL, 65536);
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		CHECK_IS(do_join(ids[i], NULL), 0);
	char *last = (char *)do_get(5000);
	CHECK(last >= functions && last < functions + sizeof functions);
	CHECK_IS(firsts, 1);
	for (int i = 0; i < THREADS * ROUNDS; i++)
		CHECK_IS(returned[i], &functions[i] != last);
	return 0;
}
