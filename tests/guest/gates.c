/* SPDX-License-Identifier: MIT
 * Functions of a host component: ten arguments, errno in the thread structure, the caller's identity,
 * callbacks on the same thread nested to any depth, a pointer into the region alone.
 * modules: host probe
 */
#include "signal.h"
#include "host.h"
#include "probe.h"

static char buffer[16] = "untouched";

static long callbacks(void *arg)
{
	for (int i = 0; i < 20; i++)
		CHECK_IS(call1(HOST_CALL_BACK, i), i);
	return call1(HOST_CALLER, 0);
}

int main(void)
{
	long ids[4], value;
	struct mc_thread *t = do_self();
	CHECK_IS(call1(HOST_ADD_TEN, 1), 1 * 1 + 2 * 2 + 3 * 3 + 4 * 4 + 5 * 5 + 6 * 6 + 7 * 7 + 8 * 8 + 9 * 9 + 10 * 10);
	CHECK_IS(call1(HOST_ADD_TEN, 0x100000000), 0x100000000 * 55 + 2 * 1 + 3 * 2 + 4 * 3 + 5 * 4 + 6 * 5 + 7 * 6 + 8 * 7 + 9 * 8 + 10 * 9);
	CHECK_IS(call1(HOST_ECHO, -1), -1);
	CHECK_IS(call1(HOST_ECHO, -512), -512);
	CHECK_IS(call1(HOST_ECHO, 0x7fffffffffffffff), 0x7fffffffffffffff);
	CHECK_IS(call2(HOST_ERRNO, 34, 12), 34);
	CHECK_IS(t->host_errno, 34);
	CHECK_IS(call1(HOST_CALLER, 0), t->id);
	CHECK_IS(call1(HOST_CALLER, 1), t->process);
	CHECK_IS(call1(HOST_CALL_BACK, 0), 0);
	CHECK_IS(call1(HOST_CALL_BACK, 1), 1);
	CHECK_IS(call1(HOST_CALL_BACK, 30), 30);
	for (int i = 0; i < 4; i++)
		ids[i] = do_spawn(callbacks, NULL, NULL, 0);
	for (int i = 0; i < 4; i++) {
		CHECK_IS(do_join(ids[i], &value), 0);
		CHECK_IS(value, ids[i]);
	}
	/* Guest memory is not the region's: components are refused it. */
	CHECK_IS(call2(HOST_STORE, 8, (long)buffer), -E_FAULT);
	CHECK_IS(buffer[0], 'u');
	/* A gate in the table is a C function. */
	CHECK_IS(call2(PROBE_DIRECT, HOST_ECHO, 98), 98);
	/* In a forked process the gates serve that one. */
	long pid = call0(NR_fork);
	if (pid == 0) {
		struct mc_thread *mine = do_self();
		int good = call1(HOST_CALLER, 0) == mine->id && call1(HOST_CALLER, 1) == mine->process &&
			   call1(HOST_CALL_BACK, 5) == 5;
		mc_syscall(NR_exit_group, good ? 3 : 4, 0, 0, 0, 0, 0);
	}
	int status;
	CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	CHECK_IS(status, 3 << 8);
	return 0;
}
