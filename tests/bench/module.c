/* SPDX-License-Identifier: MIT
 * The benchmarks' module: what a handler costs, and what a gate costs, without any work in them. */
#include <microcosm.h>

#include "numbers.h"

/* component.c */
extern long bench_host_nothing(long a0);

static long nothing(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return a0;
}

static long gate(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return bench_host_nothing(a0);
}

__attribute__((constructor)) static void bench_init(void)
{
	mc_register(NR_BENCH_NOTHING, nothing);
	mc_register(NR_BENCH_GATE, gate);
}
