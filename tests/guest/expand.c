/* SPDX-License-Identifier: MIT
 * -8 grows every thread structure, the live ones too, by zeroed bytes at the alignment asked for, and
 * returns their offset; structures do not move, and later ones have the part as well. */
#include "check.h"

static int go, ready;
static long offset_first, offset_second;

static long other(void *arg)
{
	struct mc_thread *t = do_self();
	CHECK_IS(t->size, offset_first + 100);
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	wait_until(&go, 1);
	CHECK_IS(do_self(), t);
	CHECK_IS(t->size, offset_second + 1000);
	for (int i = 0; i < 1000; i++)
		CHECK_IS(((char *)t)[offset_second + i], 0);
	return 5;
}

static long later(void *arg)
{
	struct mc_thread *t = do_self();
	for (int i = 0; i < 1000; i++)
		CHECK_IS(((char *)t)[offset_second + i], 0);
	for (int i = 0; i < 1000; i++)
		((char *)t)[offset_second + i] = 'x';
	return 6;
}

int main(void)
{
	struct mc_thread *t = do_self();
	long value, a, b;

	CHECK(t->size >= MC_THREAD_CORE_SIZE);
	offset_first = call2(MC_SYS_THREAD_EXPAND, 100, 64);
	CHECK(offset_first >= MC_THREAD_CORE_SIZE && offset_first % 64 == 0);
	a = do_spawn(other, NULL, NULL, 0);
	b = do_spawn(other, NULL, NULL, 0);
	wait_until(&ready, 2);
	offset_second = call2(MC_SYS_THREAD_EXPAND, 1000, 1);
	CHECK_IS(offset_second, offset_first + 100);
	CHECK_IS(do_self(), t);
	CHECK_IS(t->size, offset_second + 1000);
	for (int i = 0; i < 1000; i++)
		CHECK_IS(((char *)t)[offset_second + i], 0);
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	CHECK_IS(do_join(a, &value), 0);
	CHECK_IS(value, 5);
	CHECK_IS(do_join(b, &value), 0);
	CHECK_IS(value, 5);
	for (int i = 0; i < 4; i++) { /* a structure that was used before is zeroed */
		a = do_spawn(later, NULL, NULL, 0);
		CHECK_IS(do_join(a, &value), 0);
		CHECK_IS(value, 6);
	}
	long page = call2(MC_SYS_THREAD_EXPAND, 8, 4096);
	CHECK_IS(((unsigned long)t + (unsigned long)page) % 4096, 0);
	CHECK_IS(call2(MC_SYS_THREAD_EXPAND, 0, 1), page + 8);
	/* To the limit of 64 KiB and no byte further (that would end the world). */
	long rest = MC_THREAD_SIZE_MAX - (page + 8);
	CHECK_IS(call2(MC_SYS_THREAD_EXPAND, rest, 8), page + 8);
	((char *)t)[MC_THREAD_SIZE_MAX - 1] = 1;
	CHECK_IS(t->size, MC_THREAD_SIZE_MAX);
	return 0;
}
