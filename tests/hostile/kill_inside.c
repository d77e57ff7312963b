/* SPDX-License-Identifier: MIT
 * A SIGKILL that one process of the world sends to another that is inside a handler ends that process
 * when the handler returns, and not the world.
 * modules: probe
 * modes: trap quiet */
#include "hostile.h"
#include "../modules/probe.h"

int main(void)
{
	int *shared = (int *)raw(NR_mmap, 0, 4096, 3, 0x21 /* MAP_SHARED | MAP_ANONYMOUS */, -1, 0);
	int status = -1;
	long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		call2(PROBE_UNTIL, (long)&shared[0], (long)&shared[1]);
		__atomic_store_n(&shared[2], 1, __ATOMIC_SEQ_CST);
		raw(NR_exit_group, 1, 0, 0, 0, 0, 0);
	}
	CHECK(pid > 0);
	wait_until(&shared[0], 1);
	CHECK_IS(raw(NR_kill, pid, SIGNAL_KILL, 0, 0, 0, 0), 0);
	nap_ms(50);
	CHECK_IS(raw(NR_wait4, pid, (long)&status, 1 /* WNOHANG */, 0, 0, 0), 0);
	__atomic_store_n(&shared[1], 1, __ATOMIC_SEQ_CST);
	CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	CHECK_IS(status, SIGNAL_KILL);
	CHECK_IS(shared[2], 0);
	return 0;
}
