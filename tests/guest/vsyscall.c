/* SPDX-License-Identifier: MIT
 * A call to the legacy vsyscall page is answered as the Linux number that it stands for: granted, with a
 * handler of the guest's, and with none.
 */
#include "check.h"

static long own_time(long to, long b, long c, long d, long e, long f)
{
	return 1234567 + to;
}

static long own_getcpu(long cpu, long node, long cache, long d, long e, long f)
{
	*(unsigned *)cpu = 5;
	*(unsigned *)node = 6;
	return 0;
}

static long page(unsigned long at, long a0, long a1, long a2)
{
	long result;
	__asm__ volatile("call *%[at]" : "=a"(result) : [at] "r"(at), "D"(a0), "S"(a1), "d"(a2)
			 : "rcx", "r8", "r9", "r10", "r11", "memory");
	return result;
}

int main(void)
{
	long now = page(0xffffffffff600400, 0, 0, 0), linux_now = mc_syscall(NR_time, 0, 0, 0, 0, 0, 0);
	CHECK(now > 1600000000 && linux_now - now >= 0 && linux_now - now < 3);
	struct { long s, us; } time = {0, -1};
	CHECK_IS(page(0xffffffffff600000, (long)&time, 0, 0), 0);
	CHECK(time.s >= now && time.us >= 0 && time.us < 1000000);
	do_register(NR_time, own_time);
	CHECK_IS(page(0xffffffffff600400, 0, 0, 0), 1234567);
	do_register(309, own_getcpu);
	unsigned cpu = 0, node = 0;
	CHECK_IS(page(0xffffffffff600800, (long)&cpu, (long)&node, 0), 0);
	CHECK_IS(cpu, 5);
	CHECK_IS(node, 6);
	for (int i = 0; i < 100; i++)
		CHECK_IS(page(0xffffffffff600400, 0, 0, 0), 1234567);
	CHECK_IS(do_deregister(NR_time), 0);
	CHECK(page(0xffffffffff600400, 0, 0, 0) >= now);
	return 0;
}
