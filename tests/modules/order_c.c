/* SPDX-License-Identifier: MIT
 * What the others need; runs first and ends last. It needs console, to print.
 * build: @modules@/console.so
 */
#include "order.h"

int order_steps;

void order_step(const char *what)
{
	order_steps++;
	check_print(1, what, check_length(what));
	check_print(1, "\n", 1);
}

ORDER_MODULE(c)

static long steps(long a, long b, long c, long d, long e, long f)
{
	return order_steps;
}

__attribute__((constructor)) static void start(void)
{
	mc_register(5500, steps);
}
