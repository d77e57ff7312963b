/* SPDX-License-Identifier: MIT
 * -2 returns the current association, NULL for a number that has none or is out of range. */
#include "check.h"

static long own(long a, long b, long c, long d, long e, long f)
{
	return 17;
}

int main(void)
{
	CHECK(do_get(MC_NR_MAX) == NULL);
	CHECK(do_get(MC_NR_MIN) == NULL);
	CHECK(do_get(MC_NR_MAX + 1) == NULL);
	CHECK(do_get(MC_NR_MIN - 1) == NULL);
	CHECK(do_get(0x7fffffff) == NULL);
	CHECK(do_get((int)0x80000000u) == NULL);
	CHECK(do_get(MC_SYS_GET) != NULL);
	CHECK(do_get(5000) == NULL);
	do_register(5000, own);
	CHECK(do_get(5000) == own);
	const struct mc_header *header = mc_header();
	const mc_fn *table = (const mc_fn *)header->table;
	CHECK(table[5000 - header->table_first] == own);
	return 0;
}
