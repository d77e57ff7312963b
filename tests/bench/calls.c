/* SPDX-License-Identifier: MIT
 * Times one kind of call. The same program runs on Microcosm, under other tracers and natively, where
 * only the kernel's calls mean anything.
 *
 *     calls KIND MILLISECONDS            prints nanoseconds for each call
 *     calls KIND MILLISECONDS THREADS    prints calls a second of that many threads together
 *     calls KIND MILLISECONDS THREADS wait
 * The last then keeps its threads until the end of standard input, so that somebody can look at the
 * processes meanwhile. Descriptor 0 is to be /dev/zero and 2 /dev/null where they are read and written. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <microcosm.h>
#include <microcosm/console.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "numbers.h"

#define FUTEX_WAKE_PRIVATE 129
#define WARM_UP_NS 20000000
#define THREADS_MAX 1000
#define FILE_NAME "/etc/passwd"

/* By a `syscall` instruction in any case; mc_call goes by the entry. */

static long getppid_by_kernel(void) { return syscall(SYS_getppid); }

static long getcwd_by_kernel(void)
{
	char path[256];
	return syscall(SYS_getcwd, path, sizeof path);
}

static long read_byte(void)
{
	char byte;
	return read(0, &byte, 1) == 1 ? 0 : -1;
}

static long write_byte(void) { return write(2, "", 1) == 1 ? 0 : -1; }

static long futex_wake(void)
{
	static _Thread_local int word;
	return syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1);
}

static long open_and_close(void)
{
	int fd = open(FILE_NAME, O_RDONLY);
	return fd < 0 ? -1 : close(fd);
}

static long stat_file(void)
{
	struct stat st;
	return stat(FILE_NAME, &st);
}

static long get_trapped(void) { return mc_syscall(MC_SYS_GET, MC_SYS_GET, 0, 0, 0, 0, 0); }

static long get_direct(void) { return mc_call(MC_SYS_GET, MC_SYS_GET, 0, 0, 0, 0, 0); }

static long self_direct(void) { return mc_call(MC_SYS_THREAD_SELF, 0, 0, 0, 0, 0, 0); }

static long handler_trapped(void) { return mc_syscall(NR_BENCH_NOTHING, 1, 0, 0, 0, 0, 0); }

static long handler_direct(void) { return mc_call(NR_BENCH_NOTHING, 1, 0, 0, 0, 0, 0); }

/* The instructions that Microcosm replaces when they stop again and again. */
static long handler_patched(void)
{
	long result;
	__asm__ volatile("movl %1, %%eax\n\tsyscall" : "=a"(result) : "i"(NR_BENCH_NOTHING), "D"(1l) : "rcx", "r11", "memory");
	return result;
}

static long getppid_patched(void)
{
	long result;
	__asm__ volatile("movl %1, %%eax\n\tsyscall" : "=a"(result) : "i"(SYS_getppid) : "rcx", "r11", "memory");
	return result;
}

static long gate_trapped(void) { return mc_syscall(NR_BENCH_GATE, 1, 0, 0, 0, 0, 0); }

static long gate_direct(void) { return mc_call(NR_BENCH_GATE, 1, 0, 0, 0, 0, 0); }

static long console_direct(void) { return mc_call(MC_NR_CONSOLE_WRITE, 2, (long)"", 1, 0, 0, 0); }

static long empty_thread(void *arg) { return (long)arg; }

static long spawn_and_join(void)
{
	long value, id = mc_thread_spawn(empty_thread, (void *)1, NULL, 0);

	return id < 0 ? id : mc_thread_join(id, &value) == 0 ? value : -1;
}

static const struct kind {
	const char *name;
	long (*call)(void); /* negative when it failed */
} kinds[] = {
	{"getppid", getppid_by_kernel},
	{"getcwd", getcwd_by_kernel},
	{"read", read_byte},
	{"write", write_byte},
	{"futex", futex_wake},
	{"open", open_and_close},
	{"stat", stat_file},
	{"get", get_trapped},
	{"get-direct", get_direct},
	{"self-direct", self_direct},
	{"handler", handler_trapped},
	{"handler-direct", handler_direct},
	{"handler-patched", handler_patched},
	{"getppid-patched", getppid_patched},
	{"gate", gate_trapped},
	{"gate-direct", gate_direct},
	{"console-direct", console_direct},
	{"spawn", spawn_and_join},
};

static void fail(const char *what)
{
	fprintf(stderr, "calls: %s\n", what);
	exit(1);
}

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* ---- One thread: nanoseconds for each call ---- */

static double burst_ns(const struct kind *kind, long n)
{
	double begin = now_ns();

	for (long i = 0; i < n; i++)
		if (kind->call() < 0)
			fail("a call failed");
	return now_ns() - begin;
}

/* Doubles the burst until it lasts, so that the machine is warm and the count is right. */
static double cost_ns(const struct kind *kind, long milliseconds)
{
	double ns;
	long n = 16;

	while ((ns = burst_ns(kind, n)) < WARM_UP_NS)
		n *= 2;
	n = (long)((double)n * (double)milliseconds * 1e6 / ns) + 1;
	return burst_ns(kind, n) / (double)n;
}

/* ---- Several threads: calls a second ---- */

static struct {
	const struct kind *kind;
	int stop; /* atomic */
	int stay;
	long done; /* atomic: calls of all threads */
	sem_t ended;
} crowd;

static void *call_until_stopped(void *arg)
{
	long n = 0;

	while (!__atomic_load_n(&crowd.stop, __ATOMIC_RELAXED)) {
		if (crowd.kind->call() < 0)
			fail("a call failed");
		n++;
	}
	__atomic_add_fetch(&crowd.done, n, __ATOMIC_RELAXED);
	sem_post(&crowd.ended);
	while (crowd.stay)
		pause();
	return arg;
}

static double rate(const struct kind *kind, long milliseconds, long n_threads, int stay)
{
	const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	pthread_t threads[THREADS_MAX];

	crowd.kind = kind;
	crowd.stay = stay;
	sem_init(&crowd.ended, 0, 0);
	burst_ns(kind, 100);
	double begin = now_ns();
	for (long i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, call_until_stopped, NULL) != 0)
			fail("cannot make a thread");
	nanosleep(&time, NULL);
	__atomic_store_n(&crowd.stop, 1, __ATOMIC_RELAXED);
	for (long i = 0; i < n_threads; i++)
		while (sem_wait(&crowd.ended) != 0)
			;
	double elapsed = now_ns() - begin;
	for (long i = 0; i < n_threads && !stay; i++)
		pthread_join(threads[i], NULL);
	return (double)crowd.done / elapsed * 1e9;
}

int main(int argc, char **argv)
{
	long milliseconds = argc > 2 ? atol(argv[2]) : 0, n_threads = argc > 3 ? atol(argv[3]) : 0;
	const struct kind *kind = NULL;
	char byte;

	for (size_t i = 0; argc > 2 && i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].name, argv[1]) == 0)
			kind = &kinds[i];
	if (!kind || milliseconds <= 0 || n_threads < 0 || n_threads > THREADS_MAX)
		fail("usage: calls KIND MILLISECONDS [THREADS [wait]]");
	printf("%.3f\n", n_threads ? rate(kind, milliseconds, n_threads, argc > 4)
				   : cost_ns(kind, milliseconds));
	fflush(stdout);
	while (argc > 4 && read(0, &byte, 1) > 0)
		;
	return 0;
}
