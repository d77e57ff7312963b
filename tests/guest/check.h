/* SPDX-License-Identifier: MIT
 * What the test programs and modules share: checks that end the world, output that needs no library,
 * and calls by the way in that the runner asks for. */
#ifndef CHECK_H
#define CHECK_H

#include <microcosm.h>

#define CHECK_PRINT_LINUX 1     /* write */
#define CHECK_PRINT_CONSOLE 4097 /* the console module's */

/* Linux numbers and errno values that many tests want, without a C library. */
enum {
	NR_read = 0, NR_write = 1, NR_close = 3, NR_poll = 7, NR_mmap = 9, NR_mprotect = 10, NR_munmap = 11,
	NR_rt_sigaction = 13, NR_rt_sigprocmask = 14, NR_pipe = 22, NR_sched_yield = 24, NR_pause = 34,
	NR_nanosleep = 35, NR_getitimer = 36, NR_alarm = 37, NR_setitimer = 38, NR_getpid = 39, NR_clone = 56,
	NR_fork = 57, NR_vfork = 58, NR_exit = 60, NR_wait4 = 61, NR_kill = 62, NR_getppid = 110,
	NR_sigaltstack = 131, NR_arch_prctl = 158, NR_gettid = 186, NR_time = 201, NR_futex = 202,
	NR_exit_group = 231, NR_tgkill = 234, NR_rt_sigqueueinfo = 129,
};

enum {
	E_PERM = 1, E_SRCH = 3, E_INTR = 4, E_AGAIN = 11, E_NOMEM = 12, E_FAULT = 14, E_INVAL = 22,
	E_DEADLK = 35, E_NAMETOOLONG = 36, E_NOSYS = 38, E_NOENT = 2,
};

static inline size_t check_length(const char *text)
{
	size_t n = 0;
	while (text[n])
		n++;
	return n;
}

static inline void check_print(int fd, const char *text, size_t n)
{
	if (mc_syscall(CHECK_PRINT_CONSOLE, fd, (long)text, (long)n, 0, 0, 0) != (long)n)
		mc_syscall(CHECK_PRINT_LINUX, fd, (long)text, (long)n, 0, 0, 0);
}

/* One line: everything in one write, so that threads do not mix theirs. */
struct check_line {
	char text[400];
	size_t n;
};

static inline void check_add(struct check_line *line, const char *text)
{
	for (size_t i = 0; text[i] && line->n < sizeof line->text; i++)
		line->text[line->n++] = text[i];
}

static inline void check_add_number(struct check_line *line, long value)
{
	char digits[24];
	int at = sizeof digits - 1;
	unsigned long rest = value < 0 ? 0ul - (unsigned long)value : (unsigned long)value;
	digits[at] = 0;
	do
		digits[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (value < 0)
		digits[--at] = '-';
	check_add(line, digits + at);
}

/* A line to standard output. */
static inline void say(const char *text)
{
	struct check_line line;
	line.n = 0;
	check_add(&line, text);
	check_add(&line, "\n");
	check_print(1, line.text, line.n);
}

static inline void say_number(const char *text, long value)
{
	struct check_line line;
	line.n = 0;
	check_add(&line, text);
	check_add(&line, " ");
	check_add_number(&line, value);
	check_add(&line, "\n");
	check_print(1, line.text, line.n);
}

__attribute__((noreturn, unused)) static void check_failed(const char *file, long at, const char *what)
{
	struct check_line line;
	line.n = 0;
	check_add(&line, file);
	check_add(&line, ":");
	check_add_number(&line, at);
	check_add(&line, ": ");
	check_add(&line, what);
	check_add(&line, "\n");
	check_print(2, line.text, line.n);
	for (;;)
		mc_syscall(MC_SYS_THREAD_KILL, MC_WORLD, 1, 0, 0, 0, 0);
}

__attribute__((noreturn, unused)) static void check_differ(const char *file, long at, const char *what,
							   long is, long wanted)
{
	struct check_line line;
	line.n = 0;
	check_add(&line, file);
	check_add(&line, ":");
	check_add_number(&line, at);
	check_add(&line, ": ");
	check_add(&line, what);
	check_add(&line, " is ");
	check_add_number(&line, is);
	check_add(&line, ", not ");
	check_add_number(&line, wanted);
	check_add(&line, "\n");
	check_print(2, line.text, line.n);
	for (;;)
		mc_syscall(MC_SYS_THREAD_KILL, MC_WORLD, 1, 0, 0, 0, 0);
}

/* Or the world ends with status 1. */
#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))
/* Two integers or pointers are the same. */
#define CHECK_IS(is, wanted)                                                          \
	do {                                                                          \
		long check_is_ = (long)(is), check_wanted_ = (long)(wanted);          \
		if (check_is_ != check_wanted_)                                       \
			check_differ(__FILE__, __LINE__, #is, check_is_, check_wanted_); \
	} while (0)

static inline void spin_pause(void)
{
	__builtin_ia32_pause();
}

#ifndef MC_TEST_MODULE

/* The way in that MC_TEST_MODE names: `syscall` with "trap", else the entry. */
static long (*check_call)(int, long, long, long, long, long, long);

extern char **environ __attribute__((weak));

__attribute__((constructor)) static void check_start(int argc, char **argv, char **envp)
{
	static const char trap[] = "MC_TEST_MODE=trap";
	(void)argc, (void)argv;
	check_call = mc_call;
	for (char **e = &environ ? environ : envp; e && *e; e++) {
		size_t n = 0;
		while (trap[n] && (*e)[n] == trap[n])
			n++;
		if (!trap[n])
			check_call = mc_syscall;
	}
}

static inline long call(int nr, long a0, long a1, long a2, long a3, long a4, long a5)
{
	return check_call(nr, a0, a1, a2, a3, a4, a5);
}

static inline long call0(int nr) { return call(nr, 0, 0, 0, 0, 0, 0); }
static inline long call1(int nr, long a0) { return call(nr, a0, 0, 0, 0, 0, 0); }
static inline long call2(int nr, long a0, long a1) { return call(nr, a0, a1, 0, 0, 0, 0); }
static inline long call3(int nr, long a0, long a1, long a2) { return call(nr, a0, a1, a2, 0, 0, 0); }
static inline long call4(int nr, long a0, long a1, long a2, long a3)
{
	return call(nr, a0, a1, a2, a3, 0, 0);
}

/* The nine calls by that way, with the types of the C library's. */
static inline mc_fn do_register(int nr, mc_fn fn) { return (mc_fn)call2(MC_SYS_REGISTER, nr, (long)fn); }
static inline mc_fn do_get(int nr) { return (mc_fn)call1(MC_SYS_GET, nr); }
static inline long do_deregister(int nr) { return call1(MC_SYS_DEREGISTER, nr); }
static inline long do_kill(long id, long value) { return call2(MC_SYS_THREAD_KILL, id, value); }
static inline long do_join(long id, long *value) { return call2(MC_SYS_THREAD_JOIN, id, (long)value); }
static inline struct mc_thread *do_self(void) { return (struct mc_thread *)call0(MC_SYS_THREAD_SELF); }
static inline long do_spawn(long (*entry)(void *), void *arg, void *stack, size_t size)
{
	return call4(MC_SYS_THREAD_SPAWN, (long)entry, (long)arg, (long)stack, (long)size);
}

/* Waits until *word is value; the world ends with 1 when that takes too long. */
static inline void wait_until(const int *word, int value)
{
	struct { long s, ns; } nap = {0, 1000000};
	for (int i = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) != value; i++) {
		CHECK(i < 20000);
		mc_syscall(NR_nanosleep, (long)&nap, 0, 0, 0, 0, 0);
	}
}

static inline void nap_ms(long ms)
{
	struct { long s, ns; } nap = {ms / 1000, ms % 1000 * 1000000};
	mc_syscall(NR_nanosleep, (long)&nap, (long)&nap, 0, 0, 0, 0);
}

#endif
#endif
