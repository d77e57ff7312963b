/* SPDX-License-Identifier: MIT
 * The clock module: time and sleep, in nanoseconds. microcosm-modules(7). */
#ifndef MICROCOSM_CLOCK_H
#define MICROCOSM_CLOCK_H

#include <microcosm.h>

#define MC_NR_CLOCK_REALTIME    4112
#define MC_NR_CLOCK_MONOTONIC   4113
#define MC_NR_CLOCK_SLEEP       4114
#define MC_NR_CLOCK_SLEEP_UNTIL 4115

/* Nanoseconds since 1970-01-01 00:00:00 UTC. */
static inline long mc_clock_realtime(void)
{
	return mc_call(MC_NR_CLOCK_REALTIME, 0, 0, 0, 0, 0, 0);
}

/* Nanoseconds since some moment in the past; never goes back. */
static inline long mc_clock_monotonic(void)
{
	return mc_call(MC_NR_CLOCK_MONOTONIC, 0, 0, 0, 0, 0, 0);
}

/* Sleeps for ns nanoseconds: 0, -EINTR when broken off, -EINVAL when ns is negative. */
static inline long mc_clock_sleep(long ns)
{
	return mc_call(MC_NR_CLOCK_SLEEP, ns, 0, 0, 0, 0, 0);
}

/* The same until mc_clock_monotonic() is ns; to be called again after -EINTR. */
static inline long mc_clock_sleep_until(long ns)
{
	return mc_call(MC_NR_CLOCK_SLEEP_UNTIL, ns, 0, 0, 0, 0, 0);
}

#endif
