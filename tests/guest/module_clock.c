/* SPDX-License-Identifier: MIT
 * The clock module tells the time in nanoseconds and sleeps at least as long as it is told to.
 */
#include "check.h"
#include <microcosm/clock.h>

#define SECOND 1000000000l
#define YEAR_2024 (1704067200 * SECOND)

static long monotonic(void)
{
	return call0(MC_NR_CLOCK_MONOTONIC);
}

int main(void)
{
	long before = monotonic();

	CHECK(before > 0);
	CHECK(call0(MC_NR_CLOCK_REALTIME) > YEAR_2024);
	CHECK_IS(call1(MC_NR_CLOCK_SLEEP, 20000000), 0);
	long after = monotonic();
	CHECK(after - before >= 20000000);
	CHECK_IS(call1(MC_NR_CLOCK_SLEEP, 0), 0);
	CHECK_IS(call1(MC_NR_CLOCK_SLEEP, -1), -E_INVAL);
	CHECK_IS(call1(MC_NR_CLOCK_SLEEP_UNTIL, before), 0);
	CHECK_IS(call1(MC_NR_CLOCK_SLEEP_UNTIL, after + 20000000), 0);
	CHECK(monotonic() >= after + 20000000);
	return 0;
}
