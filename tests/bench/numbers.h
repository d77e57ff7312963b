/* SPDX-License-Identifier: MIT
 * The call numbers of the benchmarks' module. */
#ifndef BENCH_NUMBERS_H
#define BENCH_NUMBERS_H

#define NR_BENCH_NOTHING 5000 /* a handler in the region that does nothing */
#define NR_BENCH_GATE 5001    /* one that calls a host function that does nothing */

#endif
