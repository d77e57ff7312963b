/* SPDX-License-Identifier: MIT
 * Refusal: what a guest carries in the carrier's call gets what it would get without: grants, handlers and the
 * core's calls, and nothing that is refused by its own number. The same call with anything else in r9 is the
 * kernel's, granted or not.
 * modes: trap quiet traced
 * trace: ^\[1\] mc_get\(5000\) = NULL
 * trace: ^\[1\] mc_thread_self\(\) = 0x */
#include "hostile.h"

enum { NR_sched_get_priority_max = 146, POLICY_FIFO = 1 };

/* By RT_CARRIES_CALL: what would be in r8 and r9 lies at the stack pointer. */
static long carried(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = nr;
	register long r9 __asm__("r9") = CARRIES_CALL;
	long result;
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\tpushq %[f]\n\tpushq %[e]\n\tsyscall\n\tpopq %%r8\n\tpopq %%r9\n\t"
			 "leaq 128(%%rsp), %%rsp"
			 : "=a"(result), "+r"(r8), "+r"(r9)
			 : "a"((long)NR_carrier), "D"(a), "S"(b), "d"(c), "r"(r10), [e] "b"(e), [f] "r"(f)
			 : "rcx", "r11", "memory");
	return result;
}

static long core(long nr, long a, long b)
{
	return raw(NR_carrier, a, b, 0, 0, nr, CARRIES_CORE);
}

/* With a stack pointer that cannot be read. */
static long carried_off_stack(long sp)
{
	register long r8 __asm__("r8") = NR_getpid;
	register long r9 __asm__("r9") = CARRIES_CALL;
	long result;
	__asm__ volatile("movq %%rsp, %%rbx\n\tmovq %[sp], %%rsp\n\tsyscall\n\tmovq %%rbx, %%rsp"
			 : "=a"(result)
			 : "a"((long)NR_carrier), "r"(r8), "r"(r9), [sp] "d"(sp)
			 : "rcx", "r11", "rbx", "memory");
	return result;
}

int main(void)
{
	static const char path[] = "/etc/passwd";
	static const long others[] = {0, -1, CARRIES_NOTHING, CARRIES_GATE - 1, CARRIES_GATE & 0xffffffff,
				      CARRIES_CALL & 0xffffffff, (long)0xcd43525400000001ul, 0x4d43525500000001,
				      0x4d43525480000001, 0x4d43525400000101};
	const long none = raw(NR_sched_get_priority_max, POLICY_FIFO, 0, 0, 0, 0, 0);

	/* The number itself: as it is granted, whatever is in r9. */
	CHECK_IS(none, 99);
	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
		CHECK_IS(raw(NR_carrier, POLICY_FIFO, 0, 0, 0, NR_getpid, others[i]), none);
		CHECK_IS(raw(NR_carrier, 99, 0, 0, 0, -2, others[i]), -E_INVAL);
	}
	/* Core calls; any other number is none of the core's. */
	CHECK_IS(core(-9, 0, 0), mc_thread_self());
	CHECK_IS(core(0xabcdfffffff7, 0, 0), mc_thread_self());
	CHECK_IS(core(-2, 5000, 0), 0);
	for (long nr = 0; nr < 600; nr++)
		CHECK_IS(core(nr, (long)path, 0), -E_NOSYS);
	CHECK_IS(core(-4, 0, 0), -E_NOSYS);
	CHECK_IS(core(-4097, 0, 0), -E_NOSYS);
	CHECK_IS(core(-0x80000000l, 0, 0), -E_NOSYS);
	/* Any call: its own checks. */
	CHECK_IS(carried(NR_getpid, 0, 0, 0, 0, 0, 0), raw(NR_getpid, 0, 0, 0, 0, 0, 0));
	CHECK_IS(carried(-9, 0, 0, 0, 0, 0, 0), mc_thread_self());
	CHECK_IS(carried(-2, 5000, 0, 0, 0, 0, 0), 0);
	CHECK_IS(carried(NR_ioprio_get, 1, 0, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(carried(NR_open, (long)path, 0, 0, 0, 0, 0), -E_NOENT); /* no files in this world */
	CHECK_IS(carried(NR_carrier, POLICY_FIFO, 0, 0, 0, 0, 0), none);
	CHECK_IS(carried(NR_mmap, (long)mc_header(), 4096, 3, 0x32, -1, 0), -E_PERM);
	for (long nr = -4098; nr > -8000; nr -= 97)
		CHECK_IS(carried(nr, 0, 0, 0, 0, 0, 0), -E_NOSYS);
	for (long nr = 501; nr < 70000; nr += 97)
		CHECK_IS(carried(nr, 0, 0, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(carried_off_stack(8), -E_FAULT);
	CHECK_IS(carried_off_stack(0x7ffffffff000 - 8), -E_FAULT);
	CHECK_IS(carried_off_stack((long)0xffff800000000000ul), -E_FAULT);
	try_ungranted();
	return 0;
}
