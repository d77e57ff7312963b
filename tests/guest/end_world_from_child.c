/* SPDX-License-Identifier: MIT
 * -18 with MC_WORLD ends the world from any process and thread, also inside a handler; value & 0xff is the
 * status.
 * modules: probe
 * status: 200
 */
#include "signal.h"
#include "probe.h"

static long ender(void *arg)
{
	call(PROBE_CALL, MC_SYS_THREAD_KILL, MC_WORLD, 0x12345ffc8, 0, 0, 0);
	return 0;
}

int main(void)
{
	if (mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0) == 0) {
		do_spawn(ender, NULL, NULL, 0);
		nap_ms(1000000);
	}
	nap_ms(1000000);
	return 1;
}
