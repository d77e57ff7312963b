/* SPDX-License-Identifier: MIT
 * -1 returns the previous value or NULL and may be repeated; -3 is 0, and the number is unassigned
 * again; the table shows each change at once. */
#include "check.h"

static long one(long a, long b, long c, long d, long e, long f)
{
	return 1;
}

static long two(long a, long b, long c, long d, long e, long f)
{
	return 2;
}

int main(void)
{
	const mc_fn *table = (const mc_fn *)mc_header()->table;
	long first = mc_header()->table_first;

	CHECK_IS(do_get(6000), 0);
	CHECK_IS(call0(6000), -E_NOSYS);
	CHECK_IS(do_register(6000, one), 0);
	CHECK_IS(call0(6000), 1);
	CHECK_IS(table[6000 - first], one);
	CHECK_IS(do_register(6000, two), one);
	CHECK_IS(call0(6000), 2);
	CHECK_IS(table[6000 - first], two);
	CHECK_IS(do_register(6000, two), two);
	CHECK_IS(do_deregister(6000), 0);
	CHECK_IS(do_get(6000), 0);
	CHECK_IS(call0(6000), -E_NOSYS);
	CHECK_IS(table[6000 - first], 0);
	CHECK_IS(do_deregister(6000), 0);
	CHECK_IS(do_register(6000, one), 0);
	CHECK_IS(call0(6000), 1);
	/* By the other way in than the one it was registered by. */
	CHECK_IS(mc_syscall(6000, 0, 0, 0, 0, 0, 0), 1);
	CHECK_IS(mc_call(6000, 0, 0, 0, 0, 0, 0), 1);
	/* Through the library's C functions. */
	CHECK_IS(mc_register(6000, two), one);
	CHECK_IS(mc_get(6000), two);
	CHECK_IS(mc_deregister(6000), 0);
	CHECK_IS(mc_get(6000), 0);
	return 0;
}
