/* SPDX-License-Identifier: MIT
 * Call numbers run from -4096 to 61439: both ends can be registered and called, one beyond either is
 * -ENOSYS, as are x32 numbers; rax = -1, 0xffffffff and 0x1ffffffff are all -1. */
#include "check.h"

static long own(long a, long b, long c, long d, long e, long f)
{
	return 4711 + a;
}

static long raw_trap(unsigned long rax, long a0, long a1)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(rax), "D"(a0), "S"(a1) : "rcx", "r11", "memory");
	return result;
}

static long raw_entry(unsigned long rax, long a0, long a1)
{
	long result;
	__asm__ volatile("call *%[entry]" : "=a"(result)
			 : "a"(rax), "D"(a0), "S"(a1), [entry] "r"(mc_header()->entry)
			 : "rcx", "r11", "memory");
	return result;
}

int main(void)
{
	static const int ends[] = {MC_NR_MIN, MC_NR_MIN + 1, -256, -100, 60000, MC_NR_MAX - 1, MC_NR_MAX};
	static const unsigned long beyond[] = {
		MC_NR_MAX + 1, (unsigned)(MC_NR_MIN - 1), 0x7fffffff, 0x80000000, 0x40000000, 0x40000001,
		0x40000000 | NR_getpid, 0x400000ff, 0x1000000000000000ul | (MC_NR_MAX + 1), 70000,
		0xfffffffful - 4096,
	};
	long (*raw)(unsigned long, long, long) = check_call == mc_syscall ? raw_trap : raw_entry;

	for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		CHECK_IS(call1(ends[i], 3), -E_NOSYS);
		CHECK_IS(do_register(ends[i], own), 0);
		CHECK_IS(call1(ends[i], 3), 4714);
		CHECK_IS(do_get(ends[i]), own);
		CHECK_IS(do_deregister(ends[i]), 0);
		CHECK_IS(call1(ends[i], 3), -E_NOSYS);
	}
	for (unsigned i = 0; i < sizeof beyond / sizeof beyond[0]; i++)
		CHECK_IS(raw(beyond[i], 1, 2), -E_NOSYS);

	/* All three are mc_register: what the one before left is what the next returns. */
	CHECK_IS(raw(~0ul, 5000, (long)own), 0);
	CHECK_IS(raw(0xffffffff, 5000, (long)raw), own);
	CHECK_IS(raw(0x1fffffffful, 5000, (long)own), raw);
	CHECK_IS(do_get(5000), own);
	/* And the low 32 bits are what counts elsewhere. */
	CHECK_IS(raw(0xabcdef0000000000ul | 5000, 1, 0), 4712);
	CHECK_IS(raw(0x00000001fffffffeul, 5000, 0), own);
	return 0;
}
