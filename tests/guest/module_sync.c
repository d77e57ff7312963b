/* SPDX-License-Identifier: MIT
 * The sync module's mutex excludes, its waits end by wakes, time and kills, and bad pointers are
 * refused.
 */
#include "check.h"
#include <microcosm/clock.h>
#include <microcosm/sync.h>

#define E_BUSY 16
#define E_TIMEDOUT 110
#define THREADS 8
#define ROUNDS 500

static struct mc_mutex mutex;
static uint32_t word;
static long count;

static long count_up(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		long r = call1(MC_NR_SYNC_LOCK, (long)&mutex);
		if (r != 0)
			return r;
		long seen = count;
		spin_pause();
		count = seen + 1;
		r = call1(MC_NR_SYNC_UNLOCK, (long)&mutex);
		if (r != 0)
			return r;
	}
	return 0;
}

static long wait_for_word(void *arg)
{
	return call3(MC_NR_SYNC_WAIT, (long)&word, 0, MC_WAIT_FOREVER);
}

static void excludes(void)
{
	long ids[THREADS], value;

	for (int i = 0; i < THREADS; i++)
		CHECK((ids[i] = do_spawn(count_up, NULL, NULL, 0)) > 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK_IS(do_join(ids[i], &value), 0);
		CHECK_IS(value, 0);
	}
	CHECK_IS(count, THREADS * ROUNDS);
	CHECK_IS(mutex.word, 0);
	CHECK_IS(call1(MC_NR_SYNC_UNLOCK, (long)&mutex), -E_PERM);
	CHECK_IS(call1(MC_NR_SYNC_TRYLOCK, (long)&mutex), 0);
	CHECK_IS(call1(MC_NR_SYNC_TRYLOCK, (long)&mutex), -E_BUSY);
	CHECK_IS(call1(MC_NR_SYNC_UNLOCK, (long)&mutex), 0);
}

static void waits(void)
{
	long value, id = do_spawn(wait_for_word, NULL, NULL, 0);

	CHECK(id > 0);
	while (call2(MC_NR_SYNC_WAKE, (long)&word, 1) != 1)
		nap_ms(1);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 0);
	CHECK_IS(call3(MC_NR_SYNC_WAIT, (long)&word, 7, MC_WAIT_FOREVER), -E_AGAIN);
	CHECK_IS(call3(MC_NR_SYNC_WAIT, (long)&word, 0, 5000000), -E_TIMEDOUT);
	CHECK_IS(call2(MC_NR_SYNC_WAKE, (long)&word, 1), 0);

	id = do_spawn(wait_for_word, NULL, NULL, 0);
	nap_ms(20);
	CHECK_IS(do_kill(id, 77), 0);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 77);
}

int main(void)
{
	excludes();
	waits();
	for (int nr = MC_NR_SYNC_LOCK; nr <= MC_NR_SYNC_WAKE; nr++) {
		CHECK_IS(call3(nr, (long)&mutex + 1, 1, 0), -E_INVAL);
		CHECK_IS(call3(nr, 64, 1, 0), -E_FAULT);
	}
	return 0;
}
