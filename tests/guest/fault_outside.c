/* SPDX-License-Identifier: MIT
 * A fault outside handlers goes to the guest's signal handler, as on Linux; without one it ends the
 * process by that signal, with a report: signal, address, registers, backtrace, the last calls.
 * status: 139
 * stderr: SIGSEGV
 * stderr: address 0x10
 * stderr: rip
 * stderr: crash(\+0x[0-9a-f]+)?@program
 * stderr: mc_get\(5123\) = NULL
 */
#include "signal.h"

static volatile int n;

static void on_fault(int signo, struct info *info, void *context)
{
	n++;
	CHECK_IS(info->code, 1); /* SEGV_MAPERR */
	((unsigned long *)context)[5 + 16] += 3; /* rip: past the instruction */
}

__attribute__((noinline, noclone)) static void crash(volatile char *at)
{
	*at = 1;
	__asm__ volatile("");
}

int main(void)
{
	on_signal(S_SEGV, on_fault, 0);
	__asm__ volatile("movb %%al, 1(%%rdx)" :: "a"(0), "d"(0x20) : "memory");
	CHECK_IS(n, 1);
	struct action reset = {0};
	CHECK_IS(mc_syscall(NR_rt_sigaction, S_SEGV, (long)&reset, 0, 8, 0, 0), 0);
	mc_syscall(MC_SYS_GET, 5123, 0, 0, 0, 0, 0);
	crash((char *)0x10);
	return 0;
}
