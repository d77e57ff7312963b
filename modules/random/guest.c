/* SPDX-License-Identifier: MIT
 * The random module: the kernel's generator, which writes to the caller's memory itself. */
#include "../start.h"
#include "random.h"

#include <asm/unistd.h>

static mc_fn getrandom_stub;

static long random_fill(long buf, long n, long a2, long a3, long a4, long a5)
{
	(void)a2, (void)a3, (void)a4, (void)a5;
	return getrandom_stub(buf, n, 0, 0, 0, 0);
}

static const struct mc_rule no_flags[] = { RULE_EQ(2, 0) };

MODULE_INIT random_init(void)
{
	getrandom_stub = start_grant(__NR_getrandom, no_flags, 1);
	mc_register(MC_NR_RANDOM, random_fill);
}
