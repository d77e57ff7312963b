/* SPDX-License-Identifier: MIT
 * A fault inside a handler ends the process, with a report, whatever signal handlers it has.
 * modules: probe
 * status: 139
 * stderr: SIGSEGV
 * stderr: inside a handler
 * stderr: fault(\+0x[0-9a-f]+)?@probe
 */
#include "signal.h"
#include "probe.h"

static void on_fault(int signo, struct info *info, void *context)
{
	mc_syscall(NR_exit_group, 3, 0, 0, 0, 0, 0);
}

int main(void)
{
	on_signal(S_SEGV, on_fault, 0);
	call1(PROBE_FAULT, 8);
	return 0;
}
