/* SPDX-License-Identifier: MIT
 * A number of the core's own can be registered as any other, and -3 restores the core's. */
#include "check.h"

static long own(long a, long b, long c, long d, long e, long f)
{
	return 99;
}

int main(void)
{
	/* -1, -2 and -3 themselves last: they are used meanwhile, by their stubs. */
	static const int core[] = {MC_SYS_THREAD_EXPAND, MC_SYS_THREAD_SELF, MC_SYS_THREAD_SPAWN,
				   MC_SYS_THREAD_INIT, MC_SYS_THREAD_KILL, MC_SYS_THREAD_JOIN,
				   MC_SYS_GET, MC_SYS_REGISTER, MC_SYS_DEREGISTER};
	const mc_fn *table = (const mc_fn *)mc_header()->table - mc_header()->table_first;
	mc_fn deregister = do_get(MC_SYS_DEREGISTER), reregister = do_get(MC_SYS_REGISTER);

	for (unsigned i = 0; i < sizeof core / sizeof core[0]; i++) {
		mc_fn before = table[core[i]];
		CHECK(before != NULL);
		CHECK_IS(reregister(core[i], (long)own, 0, 0, 0, 0), before);
		CHECK_IS(call0(core[i]), 99);
		CHECK_IS(table[core[i]], own);
		CHECK_IS(deregister(core[i], 0, 0, 0, 0, 0), 0);
		CHECK_IS(table[core[i]], before);
	}
	CHECK_IS(do_self(), mc_thread_self());
	CHECK_IS(do_get(5000), 0);
	/* The world's own entry, when the caller has none: still the core's. */
	CHECK_IS(do_deregister(MC_SYS_THREAD_SELF), 0);
	CHECK(do_self() == mc_thread_self() && do_self() != NULL);
	return 0;
}
