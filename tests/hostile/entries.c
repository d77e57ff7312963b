/* SPDX-License-Identifier: MIT
 * Refusal: no other way into the kernel is open: x32 numbers, numbers with high bits, out of range and
 * below it are -ENOSYS; int 0x80 and sysenter end their process.
 * modes: trap quiet
 * stderr: int 0x80 */
#include "hostile.h"

static void sysenters(void)
{
	/* Returns, if at all, to the 32-bit vDSO, which is not there. */
	__asm__ volatile("movl $20, %%eax\n\tmovq %%rsp, %%rbp\n\tsysenter" : : : "rax", "rcx", "rdx", "memory");
}

static int end_of(void (*fn)(void))
{
	int status = -1;
	long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		fn();
		raw(NR_exit_group, 0, 0, 0, 0, 0, 0);
	}
	CHECK(pid > 0);
	CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	return status;
}

static void int80(void)
{
	if (raw32(20 /* getpid */, 0, 0, 0) > 0)
		say("ESCAPED");
}

int main(void)
{
	static const char path[] = "/etc/passwd";
	static const unsigned long numbers[] = {
		0x40000000, 0x40000001, 0x40000002, 0x40000101, 0x40000208, 0x7fffffff, 0x80000000,
		61440, 0x3fff0000, 0x3fff0001, (unsigned)-4097, (unsigned)-4096, (unsigned)-256,
	};
	static const unsigned long opens[] = { 2, 0xdead000000000002, 0xffffffff00000002 };
	for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		CHECK_IS(raw(numbers[i], (long)path, (long)path, 0, 0, 0, 0), -E_NOSYS);
	/* As the linux module has it, in a world without files. */
	for (unsigned i = 0; i < sizeof opens / sizeof opens[0]; i++)
		CHECK_IS(raw(opens[i], (long)path, 0, 0, 0, 0, 0), -E_NOENT);
	/* All forms of -2 and -9 are these: the low 32 bits, signed. */
	CHECK_IS(raw((unsigned)-9, 0, 0, 0, 0, 0, 0), mc_thread_self());
	CHECK_IS(raw(0xabcd0000fffffff7, 0, 0, 0, 0, 0, 0), mc_thread_self());
	CHECK_IS(raw(0x1ffffffff, 7000, (long)sysenters, 0, 0, 0, 0), 0);
	CHECK_IS(raw(-1, 7000, (long)int80, 0, 0, 0, 0), sysenters);
	CHECK(end_of(int80) != 0);
	CHECK(end_of(sysenters) != 0);
	return 0;
}
