/* SPDX-License-Identifier: MIT
 * The host half of the benchmarks' module. */
#include <microcosm-host.h>

long bench_host_nothing(long a0);

long bench_host_nothing(long a0)
{
	return a0;
}
