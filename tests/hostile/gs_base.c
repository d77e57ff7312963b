/* SPDX-License-Identifier: MIT
 * Refusal: GS belongs to Microcosm: ARCH_SET_GS is -EPERM, and who changes the base by an instruction
 * hurts itself alone: it can still be ended, and its world goes on.
 * stderr: SIGSEGV */
#include "hostile.h"

#define BASE_OF_KERNEL 0xffff888000000000ul

static long handler(long a, long b, long c, long d, long e, long f)
{
	return 1;
}

static void set_gs(unsigned long base)
{
	__asm__ volatile("wrgsbase %0" : : "r"(base) : "memory");
}

static int child_status(unsigned long base, int nr, long a0, long a1)
{
	int status = -1;
	long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		set_gs(base);
		raw((unsigned long)nr, a0, a1, 0, 0, 0, 0);
		raw(NR_exit_group, 9, 0, 0, 0, 0, 0);
	}
	CHECK(pid > 0);
	CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	return status;
}

int main(void)
{
	CHECK_IS(call2(NR_arch_prctl, 0x1001 /* ARCH_SET_GS */, 0), -E_PERM);
	CHECK(do_register(7000, handler) == NULL);
	int status = child_status(BASE_OF_KERNEL, MC_SYS_THREAD_KILL, 0, 3);
	if (status == 4) /* SIGILL: not on this machine */
		return 0;
	CHECK_IS(status, 3 << 8);
	/* The dispatcher faults, as any code that uses a wild pointer. */
	CHECK_IS(child_status(BASE_OF_KERNEL, 7000, 0, 0) & 0x7f, SIGNAL_KILL);
	CHECK_IS(child_status(8, 7000, 0, 0) & 0x7f, SIGNAL_KILL);
	CHECK_IS(child_status(0, MC_SYS_THREAD_EXPAND, 0, 1), 9 << 8);
	CHECK_IS(call1(7000, 0), 1);
	return 0;
}
