/* SPDX-License-Identifier: MIT
 * Modules' initialisers run dependencies first, each object once, before the program; finalisers the other
 * way round when the world ends in order, and what the program printed comes between.
 * modules: order_c order_b order_a
 * stdout: init c
 * stdout: init b
 * stdout: init a
 * stdout: init a again
 * stdout: program 4
 * stdout: fini a
 * stdout: fini b
 * stdout: fini c
 * status: 12
 */
#include "check.h"

int main(void)
{
	say_number("program", call0(5500));
	do_kill(MC_WORLD, 0x70c);
	return 0;
}
