/* SPDX-License-Identifier: MIT
 * A module that grants kernel calls by each operator, and notes what its initialiser was told.
 */
#include "grants.h"

#include "check.h"

static long noted[16];
static mc_fn stub;

static long get_noted(long i, long b, long c, long d, long e, long f)
{
	return noted[i & 15];
}

static long by_stub(long a, long b, long c, long d, long e, long f)
{
	return stub(a, b, c, d, e, f);
}

static long entry(void *arg)
{
	return 0;
}

static const struct mc_rule eq[] = {{0, MC_RULE_EQ, 0, 5}};
static const struct mc_rule ne[] = {{0, MC_RULE_NE, 0, 5}};
static const struct mc_rule lt[] = {{0, MC_RULE_LT, 0, 5}};
static const struct mc_rule le[] = {{0, MC_RULE_LE, 0, 5}};
static const struct mc_rule ge[] = {{0, MC_RULE_GE, 0, 5}};
static const struct mc_rule gt[] = {{0, MC_RULE_GT, 0, 5}};
static const struct mc_rule masked[] = {{0, MC_RULE_MASKED, 0xfffffffffffffff0, 0x20}};
static const struct mc_rule two[] = {{0, MC_RULE_EQ, 0, 100}, {1, MC_RULE_GE, 0, 7}};
static const struct mc_rule other[] = {{0, MC_RULE_EQ, 0, 200}};
static const struct mc_rule wide[] = {{0, MC_RULE_EQ, 0, 0x500000005}};
static const struct mc_rule bad_op[] = {{0, 99, 0, 0}};
static const struct mc_rule bad_arg[] = {{6, MC_RULE_EQ, 0, 0}};
static const struct mc_rule same_arg[] = {{0, MC_RULE_GE, 0, 1}, {0, MC_RULE_LE, 0, 5}};

__attribute__((constructor)) static void start(void)
{
	/* Calls whose wrong arguments are harmless: what passes shows in the kernel's own answer. */
	noted[0] = mc_grant(NR_GRANT_EQ, eq, 1) | mc_grant(NR_GRANT_NE, ne, 1) | mc_grant(NR_GRANT_LT, lt, 1) |
		   mc_grant(NR_GRANT_LE, le, 1) | mc_grant(NR_GRANT_GE, ge, 1) | mc_grant(NR_GRANT_GT, gt, 1) |
		   mc_grant(NR_GRANT_MASKED, masked, 1) | mc_grant(NR_GRANT_WIDE, wide, 1) |
		   mc_grant(NR_GRANT_TWO, two, 2) | mc_grant(NR_GRANT_TWO, other, 1) | mc_grant(39, NULL, 0);
	noted[1] = mc_grant(-5, NULL, 0);
	noted[2] = mc_grant(5000, NULL, 0);
	noted[3] = mc_grant(40, bad_op, 1);
	noted[4] = mc_grant(40, bad_arg, 1);
	noted[5] = mc_grant(40, same_arg, 2);
	noted[6] = mc_grant(40, eq, 7);
	noted[7] = mc_grant(40, (const struct mc_rule *)8, 1);
	noted[8] = mc_thread_spawn(entry, NULL, NULL, 0);
	noted[9] = mc_call(39, 0, 0, 0, 0, 0, 0) > 0; /* granted already */
	noted[10] = mc_call(NR_GRANT_EQ, 6, 0, 0, 0, 0, 0);
	noted[11] = mc_thread_self()->id;
	stub = mc_get(NR_GRANT_EQ);
	mc_register(GRANTS_NOTED, get_noted);
	mc_register(GRANTS_STUB, by_stub);
}
