/* SPDX-License-Identifier: MIT
 * A module that hands the host's library whatever its caller says.
 * build: --host-lib=libc.so.6
 */
#include <microcosm.h>

#include "raw.h"

char *setlocale(int, const char *);
long atol(const char *);

static long do_setlocale(long a, long b, long c, long d, long e, long f)
{
	return (long)setlocale(0, (const char *)0);
}

static long do_atol(long text, long b, long c, long d, long e, long f)
{
	return atol((const char *)text);
}

__attribute__((constructor)) static void start(void)
{
	mc_register(RAW_SETLOCALE, do_setlocale);
	mc_register(RAW_ATOL, do_atol);
}
