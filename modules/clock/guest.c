/* SPDX-License-Identifier: MIT
 * The clock module: kernel calls that are granted for two clocks, with nanoseconds on top. */
#include "../start.h"
#include "clock.h"

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>

#define NS 1000000000L

static mc_fn clock_gettime_stub, clock_nanosleep_stub;

static long now(long clock)
{
	struct __kernel_timespec t;
	long r = clock_gettime_stub(clock, (long)&t, 0, 0, 0, 0);
	return r < 0 ? r : (long)t.tv_sec * NS + (long)t.tv_nsec;
}

static long sleep_for(long flags, long ns)
{
	if (ns < 0)
		return -EINVAL;
	struct __kernel_timespec t = { .tv_sec = ns / NS, .tv_nsec = ns % NS };
	return clock_nanosleep_stub(CLOCK_MONOTONIC, flags, (long)&t, 0, 0, 0);
}

static long clock_realtime(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return now(CLOCK_REALTIME);
}

static long clock_monotonic(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return now(CLOCK_MONOTONIC);
}

static long clock_sleep(long ns, long a1, long a2, long a3, long a4, long a5)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return sleep_for(0, ns);
}

static long clock_sleep_until(long ns, long a1, long a2, long a3, long a4, long a5)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return sleep_for(TIMER_ABSTIME, ns);
}

static const struct mc_rule realtime[] = { RULE_EQ(0, CLOCK_REALTIME) };
static const struct mc_rule monotonic[] = { RULE_EQ(0, CLOCK_MONOTONIC) };
static const struct mc_rule sleeping[] = { RULE_EQ(0, CLOCK_MONOTONIC), RULE_LE(1, TIMER_ABSTIME) };

static const struct mc_grant grants[] = {
	{ __NR_clock_gettime, 1, realtime },
	{ __NR_clock_gettime, 1, monotonic },
	{ __NR_clock_nanosleep, 2, sleeping },
	{ NR_RESTART, 0, NULL },
};

static const struct mc_entry calls[] = {
	{ MC_NR_CLOCK_REALTIME, clock_realtime },
	{ MC_NR_CLOCK_MONOTONIC, clock_monotonic },
	{ MC_NR_CLOCK_SLEEP, clock_sleep },
	{ MC_NR_CLOCK_SLEEP_UNTIL, clock_sleep_until },
};

MODULE_INIT clock_init(void)
{
	start(grants, COUNT(grants), calls, COUNT(calls));
	clock_gettime_stub = mc_get(__NR_clock_gettime);
	clock_nanosleep_stub = mc_get(__NR_clock_nanosleep);
}
