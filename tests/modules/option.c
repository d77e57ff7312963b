/* SPDX-License-Identifier: MIT
 * A module that was told things: its handler says what, and its initialiser checks what it finds. */
#include "check.h"

static long number(long other, long b, long c, long d, long e, long f)
{
	return mc_option_number("n", other);
}

/* The n-th byte of the greeting, -1 without one. */
static long letter(long n, long b, long c, long d, long e, long f)
{
	const char *text = mc_option("greeting");
	return text && n >= 0 && (size_t)n <= check_length(text) ? text[n] : -1;
}

__attribute__((constructor)) static void start(void)
{
	CHECK(mc_option("none") == NULL);
	CHECK(mc_option("") == NULL);
	CHECK(mc_option("greetin") == NULL);
	CHECK_IS(mc_option("empty")[0], 0);
	CHECK_IS(mc_option_number("none", 5), 5);
	CHECK_IS(mc_option_number("empty", 6), 6);
	CHECK_IS(mc_option_number("greeting", 7), 7);
	CHECK_IS(mc_option_number("big", 8), 8);
	mc_register(8300, number);
	mc_register(8301, letter);
}
