/* SPDX-License-Identifier: MIT
 * What the hostile programs share: kernel entries of every kind, tasks made by clone, and proof of an
 * escape, which is a line on standard output that no test expects. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "../guest/check.h"

enum {
	CLONE_SHARES_MEMORY = 0x100, CLONE_WAITS = 0x4000, SIGNAL_CHLD = 17, SIGNAL_KILL = 9,
	NR_open = 2, NR_getpgid = 121, NR_kill_ = 62, NR_unlink = 87, NR_mkdir = 83,
	NR_ioprio_get = 252,
};

/* What Microcosm's own calls go by, as rt.h has it. */
enum { NR_carrier = 146 };
#define CARRIES_GATE 0x4d43525400000000l
#define CARRIES_TRACER 0x4d43525400000001l
#define CARRIES_CORE 0x4d43525400000002l
#define CARRIES_CALL 0x4d43525400000003l
#define CARRIES_NOTHING 0x4d43525400000004l

/* By the instruction itself, with all the bits of the number. */
static inline long raw(unsigned long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* The 32-bit entry: the kernel takes ebx, ecx, edx, and the low halves alone. */
static inline long raw32(long nr, long a, long b, long c)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "r8", "r9", "r10", "r11", "memory");
	return result;
}

/* A task made by clone that runs fn on a stack of its own and never comes back. */
static inline long task(long flags, void (*fn)(void *), void *arg, char *stack, size_t size)
{
	long *top = (long *)((unsigned long)(stack + size) & ~15ul);
	*--top = (long)arg;
	*--top = (long)fn;
	long result;
	__asm__ volatile("xorl %%edx, %%edx\n\txorl %%r10d, %%r10d\n\txorl %%r8d, %%r8d\n\t"
			 "syscall\n\t"
			 "testq %%rax, %%rax\n\tjnz 1f\n\t"
			 "popq %%rax\n\tpopq %%rdi\n\txorl %%ebp, %%ebp\n\tcall *%%rax\n\tud2\n"
			 "1:"
			 : "=a"(result)
			 : "a"(NR_clone), "D"(flags), "S"(top)
			 : "rcx", "rdx", "r8", "r10", "r11", "memory");
	return result;
}

/* Whether a kernel call that nobody is granted, and that the kernel refuses to nobody, got through. */
static inline void try_ungranted(void)
{
	if (raw(NR_ioprio_get, 1, 0, 0, 0, 0, 0) >= 0)
		raw(NR_write, 1, (long)"ESCAPED\n", 8, 0, 0, 0);
}

#endif
