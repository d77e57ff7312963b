/* SPDX-License-Identifier: MIT
 * Refusal: a thread that is being made cannot be joined by who guesses its id; the supervisor does not
 * stumble over one that then fails to be made. */
#include "hostile.h"

enum { SIGNAL_WINCH = 28, ROUNDS = 3000, SLOTS = 12288 };
#define TOO_LARGE 0x7ffffff00000ul

static int joiner_tid, over, round;
static long first_id;

static long joins(void *arg)
{
	long done = 0, value;
	__atomic_store_n(&joiner_tid, (int)raw(NR_gettid, 0, 0, 0, 0, 0, 0), __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST))
		for (long next = 0; next < 2; next++)
			done += do_join(first_id + (__atomic_load_n(&round, __ATOMIC_SEQ_CST) + next) * SLOTS,
					&value) == 0;
	return done;
}

int main(void)
{
	long value = -1;
	long id = do_spawn(joins, NULL, NULL, 0);
	CHECK(id > 0);
	first_id = id + 1; /* the next slot, which each attempt takes and gives back */
	while (!__atomic_load_n(&joiner_tid, __ATOMIC_SEQ_CST))
		nap_ms(1);
	long pid = raw(NR_getpid, 0, 0, 0, 0, 0, 0);
	for (; round < ROUNDS; __atomic_add_fetch(&round, 1, __ATOMIC_SEQ_CST)) {
		CHECK_IS(do_spawn(joins, NULL, NULL, TOO_LARGE), -E_NOMEM);
		CHECK_IS(raw(NR_tgkill, pid, joiner_tid, SIGNAL_WINCH, 0, 0, 0), 0);
	}
	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 0);
	return 0;
}
