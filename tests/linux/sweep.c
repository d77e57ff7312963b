/* SPDX-License-Identifier: MIT
 * Calls every number with hostile arguments of several kinds: Linux's and those beyond, negative ones, x32's,
 * with bits above the low 32, and by the 32-bit entry. It expects nothing but to be there at the end:
 * cases/kernel_calls.sh looks at what the kernel was really asked. Not to be run natively.
 *     sweep          each number in children, which may die, hang, or lose what they have
 *     sweep alone    without children, for a world whose calls are the core's nine alone */
#include "../hostile/hostile.h"

enum {
	LINUX_LAST = 500, BEYOND_LAST = 1200, I386_LAST = 470, SETS = 16, STALL_MS = 100,
	NR_rt_sigqueueinfo_ = 129, NR_tkill = 200, NR_rt_tgsigqueueinfo = 297, NR_uretprobe = 335, NR_uprobe = 336,
};

#define X32 0x40000000ul
#define ABOVE 0x100000000l

static char buffer[8192] = "victim";

/* What rules are written against, and what stands between tracer and guests. */
static const struct special {
	int nr;
	long args[6];
} specials[] = {
	{16, {0, 0x5412, (long)buffer}},		   /* TIOCSTI */
	{16, {0, 0x541c, (long)buffer}},		   /* TIOCLINUX */
	{16, {0, 0x5423, (long)buffer}},		   /* TIOCSETD */
	{16, {0, 0x5410, (long)buffer}},		   /* TIOCSPGRP: of somebody else */
	{16, {0, 0x5413 + ABOVE, (long)buffer}},	   /* TIOCGWINSZ, for who compares 32 bits */
	{53, {1, 2, 0, (long)buffer}},			   /* a pair of datagram sockets */
	{44, {0, (long)buffer, 1, 0, (long)buffer, 16}},   /* sendto with an address */
	{56, {0x800000 | 17}},				   /* CLONE_UNTRACED */
	{56, {0x8000 | 17}},				   /* CLONE_PARENT */
	{56, {0x2000 | 17}},				   /* CLONE_PTRACE */
	{56, {0x10000000 | 17}},			   /* CLONE_NEWUSER */
	{56, {9}},					   /* SIGKILL at the end */
	{72, {0, 8, 1}},				   /* F_SETOWN */
	{72, {0, 4, 0x2000}},				   /* O_ASYNC */
	{72, {0, 10, 9}},				   /* F_SETSIG */
	{101, {0, 0, 0, 0}},				   /* PTRACE_TRACEME */
	{157, {4, 0}},					   /* PR_SET_DUMPABLE */
	{157, {22, 1}},					   /* PR_SET_SECCOMP */
	{157, {35, 8, 0, 0}},				   /* PR_SET_MM */
	{157, {36, 1}},					   /* PR_SET_CHILD_SUBREAPER */
	{157, {59, 1, 0, 0, 0}},			   /* PR_SET_SYSCALL_USER_DISPATCH */
	{157, {0x59616d61, -1}},			   /* PR_SET_PTRACER */
	{158, {0x1001, 0}},				   /* ARCH_SET_GS */
	{158, {0x1012, 0}},				   /* ARCH_CET or cpuid faults */
	{9, {0, 4096, 3, 0x40022, -1, 0}},		   /* MAP_HUGETLB */
	{28, {(long)buffer, 4096, 100}},		   /* MADV_HWPOISON */
	{203, {1, 128, (long)buffer}},			   /* somebody else's processors */
	{230, {8, 0, (long)buffer, 0}},			   /* a clock that wakes the machine */
	{228, {-14, (long)buffer}},			   /* another process's clock */
	{280, {-100, (long)buffer, 0, 0}},		   /* utimensat with a path */
	{302, {1, 7, (long)buffer, 0}},			   /* somebody else's limits */
	{302, {0, 7, (long)buffer, 0}},			   /* one's own */
	{317, {1, 1, (long)buffer}},			   /* seccomp, as the tracer makes it */
	{319, {(long)buffer, 4}},			   /* MFD_HUGETLB */
	{322, {-1, (long)buffer, 0, 0, 0x1000}},	   /* execveat as the handlers make it */
	{322, {0, (long)"", 0, 0, 0x1000}},
	{425, {8, (long)buffer}},			   /* io_uring_setup */
	{438, {0, 0, 0}},				   /* pidfd_getfd */
};

static unsigned long seed = 88172645463325252ul;

static unsigned long next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static long value_of_kind(int kind, long position)
{
	switch (kind) {
	case 0: return 0;
	case 1: return -1;
	case 2: return (long)buffer;
	case 3: return position;
	case 4: return (long)0xffff800000000000ul;
	case 5: return ABOVE | position;
	case 6: return (long)mc_header()->region_base;
	case 7: return (long)mc_header()->table;
	case 8: return 4096;
	case 9: return -0x80000000l;
	case 10: return (long)0xffffffffff600000ul;
	case 11: return 0x1000; /* AT_EMPTY_PATH */
	case 12: return -100;	/* AT_FDCWD */
	case 13: return (long)(next_random() >> 16 & 0xffff);
	default: return (long)next_random();
	}
}

/* The first sets are of one kind each, then two with descriptor and path, the others mixtures. */
static void choose_arguments(int set, long args[6])
{
	static const long by_descriptor[6] = {0, (long)buffer, 16, (long)buffer, 16, 0};
	static const long by_name[6] = {(long)buffer, (long)buffer, 0, 0, 0, 0};
	for (int i = 0; i < 6; i++)
		args[i] = set < 8    ? value_of_kind(set, i)
			  : set == 8 ? by_descriptor[i]
			  : set == 9 ? by_name[i]
				     : value_of_kind((int)(next_random() >> 20 & 15), i);
}

/* If one got through it should hurt nobody: who it is for may be wrong, the signal is none. */
static void disarm(int nr, long args[6])
{
	int by_thread = nr == NR_tgkill || nr == NR_rt_tgsigqueueinfo;
	if (nr == NR_kill || nr == NR_tkill || nr == NR_rt_sigqueueinfo_ || by_thread)
		args[by_thread ? 2 : 1] = 0;
	if (nr == NR_clone)
		args[0] &= ~(long)CLONE_SHARES_MEMORY; /* two on one stack */
}

static void one_call(unsigned long nr, long args[6])
{
	int low = (int)nr;
	disarm(low, args);
	long result = raw(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (result == 0 && (low == NR_clone || low == NR_fork || low == NR_vfork))
		raw(NR_exit_group, 0, 0, 0, 0, 0, 0); /* a child: no bomb */
}

/* ---- The jobs: numbers in their encodings, each with every set ---- */

static void call_linux(long job)
{
	long args[6];
	choose_arguments((int)(job % SETS), args);
	one_call((unsigned long)(job / SETS), args);
}

static void call_special(long job)
{
	long args[6];
	for (int i = 0; i < 6; i++)
		args[i] = specials[job].args[i];
	one_call((unsigned long)specials[job].nr, args);
}

static void call_x32(long job)
{
	long args[6];
	choose_arguments(job % 2 ? 8 : 3, args);
	one_call(X32 | (unsigned long)(job / 2), args);
}

/* The kernel takes the low 32 bits, whatever is above. */
static void call_above(long job)
{
	long args[6];
	choose_arguments(job % 2 ? 1 : 8, args);
	one_call((unsigned long)(job / 2) | (unsigned long)ABOVE << job % 31, args);
}

static int is_core(long nr)
{
	return nr == -1 || nr == -2 || nr == -3 || nr == -8 || nr == -9 || (nr <= -16 && nr >= -19);
}

static void call_negative(long job)
{
	long args[6];
	choose_arguments(8, args);
	if (!is_core(-job))
		one_call((unsigned long)-job & (job % 2 ? 0xfffffffful : ~0ul), args);
}

static void call_i386(long job)
{
	raw32(job, 0, (long)buffer & 0x7fffffff, 16);
}

/* Gates, the runtime's requests and the core's calls, as the runtime makes them, and what is none of these. */
static void call_runtime(long job)
{
	long args[6], what = job / SETS;
	choose_arguments((int)(job % SETS), args);
	args[5] = 0x4d43525400000000l | what;
	if (what >= 2 && (is_core((int)args[4]) || (unsigned)args[4] <= LINUX_LAST))
		args[4] = -4; /* these are called above */
	one_call(146, args);
}

/* ---- Children: each goes on where the one before it ended ---- */

static long *progress; /* shared: the job that is being done */

static void in_child(void (*call)(long), long first, long last)
{
	*progress = first;
	seed += (unsigned long)first * 7919;
	long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		for (long job = first; job < last; job++) {
			__atomic_store_n(progress, job, __ATOMIC_SEQ_CST);
			call(job);
		}
		*progress = last;
		for (;;)
			raw(NR_exit_group, 0, 0, 0, 0, 0, 0);
	}
	CHECK(pid > 0);
	long seen = -1;
	int status;
	for (int stalled = 0; raw(NR_wait4, pid, (long)&status, 1 /* WNOHANG */, 0, 0, 0) == 0; stalled++) {
		if (__atomic_load_n(progress, __ATOMIC_SEQ_CST) != seen)
			stalled = 0;
		seen = __atomic_load_n(progress, __ATOMIC_SEQ_CST);
		if (stalled >= STALL_MS)
			raw(NR_kill, pid, SIGNAL_KILL, 0, 0, 0, 0);
		CHECK(stalled < 300 * STALL_MS); /* it does not die */
		nap_ms(1);
	}
}

static void in_children(void (*call)(long), long first, long last)
{
	while (first < last) {
		in_child(call, first, last);
		CHECK(*progress >= first && *progress <= last);
		first = *progress < last ? *progress + 1 : last;
	}
}

static void sweep(void)
{
	progress = (long *)raw(NR_mmap, 0, 4096, 3, 0x21, -1, 0);
	CHECK((unsigned long)progress < -4095ul);
	for (long nr = 0; nr < LINUX_LAST; nr++)
		in_children(call_linux, nr * SETS, (nr + 1) * SETS);
	in_children(call_linux, LINUX_LAST * SETS, BEYOND_LAST * SETS);
	for (long i = 0; i < (long)(sizeof specials / sizeof specials[0]); i++)
		in_children(call_special, i, i + 1);
	in_children(call_x32, 0, 2 * 600);
	for (long nr = 0; nr < LINUX_LAST; nr++)
		in_children(call_above, 2 * nr, 2 * nr + 2);
	in_children(call_negative, 1, 4200);
	for (long nr = 0; nr < I386_LAST; nr += 9)
		in_children(call_i386, nr, nr + 1);
	in_children(call_runtime, 0, 4 * SETS);
}

/* ---- Alone: there is nothing that a call could do ---- */

static int passes_every_filter(int nr)
{
	return nr == NR_uretprobe || nr == NR_uprobe;
}

static void call_refused(unsigned long nr, int set)
{
	long args[6];
	choose_arguments(set, args);
	CHECK_IS(raw(nr, args[0], args[1], args[2], args[3], args[4], args[5]), -E_NOSYS);
}

static long thread(void *arg)
{
	call_refused(NR_getpid, 0);
	return (long)arg;
}

static void sweep_alone(void)
{
	long value;
	for (int nr = 0; nr < BEYOND_LAST; nr++)
		for (int set = 0; set < SETS && !passes_every_filter(nr); set++) {
			call_refused((unsigned long)nr, set);
			call_refused(X32 | (unsigned long)nr, set);
			call_refused((unsigned long)ABOVE << set | (unsigned long)nr, set);
		}
	for (int nr = 1; nr < 5000; nr++)
		if (!is_core(-nr))
			call_refused((unsigned long)-nr, nr % SETS);
	/* The core's own needs, for its calls. */
	for (int i = 0; i < 5; i++) {
		long id = do_spawn(thread, (void *)7, NULL, 0);
		CHECK(id > 0);
		CHECK_IS(do_join(id, &value), 0);
		CHECK_IS(value, 7);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		sweep_alone();
	else
		sweep();
	/* What it left behind is killed with the world. */
	do_kill(MC_WORLD, 42);
	return 1;
}
