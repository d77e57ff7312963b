/* SPDX-License-Identifier: MIT
 * Times one kind of call in a loop and prints nanoseconds for each. The same program runs on
 * Microcosm, under other tracers and natively, where only the kernel's calls mean anything.
 *
 *     calls KIND MILLISECONDS [WAIT]
 * With WAIT it then waits for the end of its standard input, so that somebody can look at the
 * processes meanwhile. */
#include <microcosm.h>
#include <microcosm/console.h>

#include "numbers.h"

#define NR_READ 0
#define NR_WRITE 1
#define NR_GETCWD 79
#define NR_GETPPID 110
#define NR_CLOCK_GETTIME 228

#define CLOCK_MONOTONIC 1
#define WARM_UP_NS 20000000

static char small[256];

static long empty_thread(void *arg)
{
	return (long)arg;
}

static long getppid_by_kernel(void)
{
	return mc_syscall(NR_GETPPID, 0, 0, 0, 0, 0, 0);
}

static long getcwd_by_kernel(void)
{
	return mc_syscall(NR_GETCWD, (long)small, sizeof(small), 0, 0, 0, 0);
}

static long get_trapped(void)
{
	return mc_syscall(MC_SYS_GET, MC_SYS_GET, 0, 0, 0, 0, 0);
}

static long get_direct(void)
{
	return mc_call(MC_SYS_GET, MC_SYS_GET, 0, 0, 0, 0, 0);
}

static long self_trapped(void)
{
	return mc_syscall(MC_SYS_THREAD_SELF, 0, 0, 0, 0, 0, 0);
}

static long self_direct(void)
{
	return mc_call(MC_SYS_THREAD_SELF, 0, 0, 0, 0, 0, 0);
}

static long handler_trapped(void)
{
	return mc_syscall(NR_BENCH_NOTHING, 1, 0, 0, 0, 0, 0);
}

static long handler_direct(void)
{
	return mc_call(NR_BENCH_NOTHING, 1, 0, 0, 0, 0, 0);
}

static long gate_trapped(void)
{
	return mc_syscall(NR_BENCH_GATE, 1, 0, 0, 0, 0, 0);
}

static long gate_direct(void)
{
	return mc_call(NR_BENCH_GATE, 1, 0, 0, 0, 0, 0);
}

/* By the entry; standard error is to be /dev/null. */
static long console_direct(void)
{
	return mc_call(MC_NR_CONSOLE_WRITE, 2, (long)small, 1, 0, 0, 0);
}

static long spawn_and_join(void)
{
	long value, id = mc_thread_spawn(empty_thread, (void *)1, NULL, 0);

	return id < 0 ? id : mc_thread_join(id, &value) == 0 ? value : -1;
}

static const struct kind {
	const char *name;
	long (*call)(void); /* positive when it did what it should */
} kinds[] = {
	{"getppid", getppid_by_kernel},
	{"getcwd", getcwd_by_kernel},
	{"get", get_trapped},
	{"get-direct", get_direct},
	{"self", self_trapped},
	{"self-direct", self_direct},
	{"handler", handler_trapped},
	{"handler-direct", handler_direct},
	{"gate", gate_trapped},
	{"gate-direct", gate_direct},
	{"console-direct", console_direct},
	{"spawn", spawn_and_join},
};

static void print(const char *text, size_t n)
{
	mc_syscall(NR_WRITE, 1, (long)text, (long)n, 0, 0, 0);
}

static void print_thousandths(long value)
{
	char digits[24], *digit = digits + sizeof(digits);

	*--digit = '\n';
	for (int place = 0; place < 4 || value > 0; place++) {
		if (place == 3)
			*--digit = '.';
		*--digit = (char)('0' + value % 10);
		value /= 10;
	}
	print(digit, (size_t)(digits + sizeof(digits) - digit));
}

static long now_ns(void)
{
	long time[2];

	mc_syscall(NR_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)time, 0, 0, 0, 0);
	return time[0] * 1000000000 + time[1];
}

static long burst_ns(const struct kind *kind, long n)
{
	long begin = now_ns();

	for (long i = 0; i < n; i++)
		if (kind->call() <= 0)
			return -1;
	return now_ns() - begin;
}

/* Doubles the burst until it lasts, so that the machine is warm and the count is right. */
static int measure(const struct kind *kind, long milliseconds)
{
	long n = 16, ns;

	while ((ns = burst_ns(kind, n)) < WARM_UP_NS) {
		if (ns < 0)
			return 1;
		n *= 2;
	}
	n = (long)((unsigned long)n * (unsigned long)milliseconds * 1000 / ((unsigned long)ns / 1000)) + 1;
	ns = burst_ns(kind, n);
	if (ns < 0)
		return 1;
	print_thousandths((long)((unsigned long)ns * 1000 / (unsigned long)n));
	return 0;
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

int main(int argc, char **argv)
{
	long milliseconds = 0;
	int status = 2;

	if (argc < 3)
		return 2;
	for (const char *digit = argv[2]; *digit >= '0' && *digit <= '9'; digit++)
		milliseconds = 10 * milliseconds + *digit - '0';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (same(kinds[i].name, argv[1]))
			status = measure(&kinds[i], milliseconds);
	if (argc > 3)
		while (mc_syscall(NR_READ, 0, (long)small, sizeof(small), 0, 0, 0) > 0)
			;
	return status;
}
