/* SPDX-License-Identifier: MIT
 * Refusal: the runtime's own requests, made by a guest, do nothing but what a jump of its own would:
 * starting again, granting, resolving, being the boot process.
 * modes: direct trap quiet */
#include "hostile.h"

enum { OP_START = 1, OP_PENDING, OP_GRANT, OP_BOOT_DONE, OP_RESOLVED, OP_TRACE_RETURN,
       OP_GRANT_ALL, OP_REGISTER_ALL };

static const struct mc_rule none;

static long ask(long op, long a, long b, long c, long d)
{
	return raw(NR_carrier, op, a, b, c, d, CARRIES_TRACER);
}

static int status_of(long op, long a, long b, long c)
{
	int status = -1;
	long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		for (int i = 0; i < 10; i++)
			ask(op, a, b, c, i);
		try_ungranted();
		raw(NR_exit_group, 7, 0, 0, 0, 0, 0);
	}
	CHECK(pid > 0);
	/* A jump to an old frame may lead round in circles. */
	for (int i = 0; raw(NR_wait4, pid, (long)&status, 1 /* WNOHANG */, 0, 0, 0) == 0; i++) {
		if (i == 100)
			CHECK_IS(raw(NR_kill, pid, SIGNAL_KILL, 0, 0, 0, 0), 0);
		CHECK(i < 5000);
		nap_ms(1);
	}
	return status;
}

int main(void)
{
	const struct mc_header *header = mc_header();
	CHECK_IS(ask(OP_START, (long)main, (long)&none, 0, 0), -E_NOSYS);
	CHECK_IS(ask(OP_GRANT, NR_open, (long)&none, 0, 0), -E_PERM);
	CHECK_IS(ask(OP_BOOT_DONE, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(ask(OP_RESOLVED, 0, (long)header->entry, 0, 0), -E_PERM);
	CHECK(ask(OP_TRACE_RETURN, 5, 0, 0, 0) <= 0);
	CHECK_IS(ask(OP_GRANT_ALL, (long)&none, 1, 0, 0), -E_PERM);
	CHECK_IS(ask(OP_REGISTER_ALL, (long)&none, 1, 0, 0), -E_PERM);
	for (long op = OP_REGISTER_ALL + 1; op < 40; op++)
		CHECK_IS(ask(op, -1, -1, -1, -1), -E_NOSYS);
	CHECK_IS(ask(-1, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(raw(NR_ioprio_get, 1, 0, 0, 0, 0, 0), -E_NOSYS);
	/* Leaves a handler that is not active: goes where the rest of an old frame says. */
	status_of(OP_PENDING, 0, 0, 0);
	for (long op = 0; op < 8; op++)
		status_of(op, (long)header, (long)header->table, 0x7fffffff);
	return 0;
}
