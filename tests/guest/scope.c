/* SPDX-License-Identifier: MIT
 * A guest's own function serves the process that registered it and what that forks; a region function
 * serves the world. An own entry hides the world's until it is deregistered or a region function is
 * registered for the number.
 * modules: probe
 */
#include "signal.h"
#include "probe.h"

static long one(long a, long b, long c, long d, long e, long f)
{
	return 1;
}

static long two(long a, long b, long c, long d, long e, long f)
{
	return 2;
}

static long fork_here(void)
{
	return call0(NR_fork);
}

static long status_of(long pid)
{
	int status = -1;
	CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	CHECK_IS(status & 0x7f, 0);
	return status >> 8 & 0xff;
}

static void leave(int status)
{
	mc_syscall(NR_exit_group, status, 0, 0, 0, 0, 0);
}

int main(void)
{
	mc_fn region_function = (mc_fn)call0(PROBE_FUNCTION_OTHER); /* returns 4321 */
	int sync[2];
	char byte = 0;

	/* Own functions: inherited by fork, what the child does stays with the child. */
	CHECK_IS(do_register(5000, one), 0);
	long pid = fork_here();
	if (pid == 0) {
		CHECK_IS(call0(5000), 1);
		CHECK_IS(do_get(5000), one);
		CHECK_IS(do_register(5000, two), one);
		CHECK_IS(do_register(5001, two), 0);
		CHECK_IS(call0(5000), 2);
		leave(call0(5001) == 2 ? 7 : 8);
	}
	CHECK(pid > 0);
	CHECK_IS(status_of(pid), 7);
	CHECK_IS(call0(5000), 1);
	CHECK_IS(call0(5001), -E_NOSYS);
	CHECK_IS(do_get(5001), 0);

	/* Parent and child at once; what the parent registers after the fork the child does not see. */
	CHECK_IS(mc_syscall(NR_pipe, (long)sync, 0, 0, 0, 0, 0), 0);
	pid = fork_here();
	if (pid == 0) {
		CHECK_IS(mc_syscall(NR_read, sync[0], (long)&byte, 1, 0, 0, 0), 1);
		CHECK_IS(call0(5000), 1);
		CHECK_IS(call0(5002), -E_NOSYS);
		CHECK_IS(call0(5003), 4321); /* of the region: the world's */
		CHECK_IS(do_register(5004, region_function), 0);
		leave(9);
	}
	CHECK_IS(do_register(5002, two), 0);
	CHECK_IS(do_register(5000, two), one);
	CHECK_IS(do_register(5003, region_function), 0);
	CHECK_IS(mc_syscall(NR_write, sync[1], (long)&byte, 1, 0, 0, 0), 1);
	CHECK_IS(status_of(pid), 9);
	CHECK_IS(call0(5004), 4321);
	CHECK_IS(do_get(5004), region_function);

	/* An own entry over the world's. */
	CHECK_IS(do_register(5003, one), region_function);
	CHECK_IS(call0(5003), 1);
	CHECK_IS(do_deregister(5003), 0);
	CHECK_IS(call0(5003), 4321);
	CHECK_IS(do_register(5003, one), region_function);
	CHECK_IS(do_register(5003, region_function), one); /* removes the own one */
	CHECK_IS(call0(5003), 4321);
	CHECK_IS(do_deregister(5003), 0); /* so this is the world's */
	CHECK_IS(call0(5003), -E_NOSYS);
	/* A module's number the same way. */
	mc_fn sum = (mc_fn)call0(PROBE_FUNCTION);
	CHECK_IS(do_register(PROBE_SUM, one), sum);
	CHECK_IS(call1(PROBE_SUM, 50), 1);
	pid = fork_here();
	if (pid == 0) {
		CHECK_IS(do_deregister(PROBE_SUM), 0);
		CHECK_IS(call1(PROBE_SUM, 50), 50);
		leave(3);
	}
	CHECK_IS(status_of(pid), 3);
	CHECK_IS(call1(PROBE_SUM, 50), 1);
	CHECK_IS(do_deregister(PROBE_SUM), 0);
	CHECK_IS(call1(PROBE_SUM, 50), 50);
	/* Registered by the module, seen by a process that has a private page of the table. */
	pid = fork_here();
	if (pid == 0) {
		CHECK_IS(do_register(5010, one), 0); /* a private page */
		CHECK_IS(mc_syscall(NR_read, sync[0], (long)&byte, 1, 0, 0, 0), 1);
		CHECK_IS(call0(5010), 1);
		CHECK_IS(call0(5011), 4321);
		leave(4);
	}
	nap_ms(20);
	CHECK_IS(call1(PROBE_REGISTER, 5011), 0);
	CHECK_IS(mc_syscall(NR_write, sync[1], (long)&byte, 1, 0, 0, 0), 1);
	CHECK_IS(status_of(pid), 4);
	CHECK_IS(call0(5010), -E_NOSYS);
	return 0;
}
