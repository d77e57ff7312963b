/* SPDX-License-Identifier: MIT
 * The first process ends with its last thread, and the status is the first thread's value & 0xff.
 * status: 55
 * stdout: still there
 */
#include "check.h"

static long later(void *arg)
{
	nap_ms(50);
	say("still there");
	return 9;
}

int main(void)
{
	do_spawn(later, NULL, NULL, 0);
	do_kill(0, 0x1237);
	return 1;
}
