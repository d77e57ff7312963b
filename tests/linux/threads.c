/* SPDX-License-Identifier: MIT
 * Threads and futexes, and calls that several threads make at the same time. cases/calls.sh compares. */
#include "calls.h"

#include <asm/prctl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/rseq.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

static uint32_t word, other;

static long futex(uint32_t *at, int op, uint32_t value, const void *timeout, uint32_t *second, uint32_t value3)
{
	return syscall(SYS_futex, at, op, value, timeout, second, value3);
}

/* Waits until a thread sleeps in a futex, by asking the kernel to count it. */
static void *sleeper(void *arg)
{
	uint32_t *at = arg;

	while (__atomic_load_n(at, __ATOMIC_SEQ_CST) == 0)
		futex(at, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
	return (void *)7l;
}

static long wake_some(uint32_t *at, int op, int n, uint32_t bits)
{
	long woken;

	while ((woken = futex(at, op, (uint32_t)n, NULL, NULL, bits)) == 0)
		sched_yield();
	return woken;
}

static void *shared_wait(void *arg)
{
	return (void *)futex(arg, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void *bitset_wait(void *arg)
{
	return (void *)futex(arg, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 4);
}

static void futexes(void)
{
	struct timespec none = { 0, 0 }, brief = { 0, 5 * MILLISECONDS }, bad = { -1, 0 }, at;
	pthread_t thread;
	void *value;

	word = 1;
	SAY(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0));
	SAY(futex(&word, FUTEX_WAIT, 1, &none, NULL, 0));
	SAY(futex(&word, FUTEX_WAIT, 1, &brief, NULL, 0));
	SAY(futex(&word, FUTEX_WAIT, 1, &bad, NULL, 0));
	SAY(futex((void *)1, FUTEX_WAIT, 1, NULL, NULL, 0));
	SAY(futex((void *)4096, FUTEX_WAIT, 1, NULL, NULL, 0));
	SAY(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	SAY(futex(&word, FUTEX_WAIT_BITSET, 1, &none, NULL, 0));
	clock_gettime(CLOCK_MONOTONIC, &at);
	SAY(futex(&word, FUTEX_WAIT_BITSET, 1, &at, NULL, FUTEX_BITSET_MATCH_ANY));
	clock_gettime(CLOCK_REALTIME, &at);
	SAY(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &at, NULL, FUTEX_BITSET_MATCH_ANY));
	word = 0;
	pthread_create(&thread, NULL, shared_wait, &word);
	SAY(wake_some(&word, FUTEX_WAKE, 1, 0));
	pthread_join(thread, &value);
	printf("woken: %ld\n", (long)value);
	pthread_create(&thread, NULL, bitset_wait, &word);
	struct timespec pause = { 0, 30 * MILLISECONDS };
	nanosleep(&pause, NULL);
	SAY(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 3));
	SAY(wake_some(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 1, 4));
	pthread_join(thread, &value);
	/* Requeued: woken at the other word. */
	long moved;
	pthread_create(&thread, NULL, shared_wait, &word);
	while ((moved = futex(&word, FUTEX_REQUEUE, 0, (void *)1l, &other, 0)) == 0)
		sched_yield();
	printf("moved %ld\n", moved);
	/* A waiter that the kernel woke for nothing waits at the first word again. */
	SAY(futex(&other, FUTEX_WAKE, 1, NULL, NULL, 0) + futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	pthread_join(thread, &value);
	SAY(futex(&word, FUTEX_CMP_REQUEUE, 0, (void *)1l, &other, 99));
	pthread_create(&thread, NULL, shared_wait, &word);
	while ((moved = futex(&word, FUTEX_CMP_REQUEUE, 0, (void *)1l, &other, 0)) == 0)
		sched_yield();
	printf("moved %ld\n", moved);
	SAY(futex(&word, FUTEX_WAKE_OP, 1, (void *)1l, &other, FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 0)));
	printf("other %u\n", other);
	other = 0;
	pthread_join(thread, &value);
	/* Between processes. */
	uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	if (child == 0)
		_exit(futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0) != 0);
	SAY(wake_some(shared, FUTEX_WAKE, 1, 0));
	said_end("woken", child);
	munmap(shared, 4096);
}

/* ---- Robust mutexes: their owner dies ---- */

static pthread_mutex_t *robust;

static void *dies(void *arg)
{
	pthread_mutex_lock(robust);
	return arg;
}

static void robust_make(void)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(robust, &attributes);
}

static const char *name_of(int error)
{
	return error ? strerrorname_np(error) : "0";
}

static void robust_lists(void)
{
	pthread_t thread;

	robust = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	robust_make();
	pthread_create(&thread, NULL, dies, NULL);
	pthread_join(thread, NULL);
	printf("after a thread: %s", name_of(pthread_mutex_lock(robust)));
	printf(" %s", name_of(pthread_mutex_consistent(robust)));
	printf(" %s\n", name_of(pthread_mutex_unlock(robust)));
	for (int way = 0; way < 3; way++) {
		pid_t child = fork();
		if (child == 0) {
			pthread_mutex_lock(robust);
			if (way == 1)
				raise(SIGKILL);
			if (way == 2) {
				pthread_t waits;
				uint32_t never = 0;
				pthread_create(&waits, NULL, sleeper, &never);
				raise(SIGKILL);
			}
			_exit(0);
		}
		said_end("a process", child);
		printf("then: %s", name_of(pthread_mutex_lock(robust)));
		printf(" %s", name_of(pthread_mutex_consistent(robust)));
		printf(" %s\n", name_of(pthread_mutex_unlock(robust)));
	}
	/* One waits while it dies. */
	int ready[2];
	char c;
	pipe(ready);
	pid_t child = fork();
	if (child == 0) {
		pthread_mutex_lock(robust);
		write(ready[1], "x", 1);
		struct timespec pause = { 0, 30 * MILLISECONDS };
		nanosleep(&pause, NULL);
		_exit(0);
	}
	read(ready[0], &c, 1);
	printf("waited: %s\n", name_of(pthread_mutex_lock(robust)));
	said_end("a process", child);
	pthread_mutex_unlock(robust); /* not made consistent */
	printf("given up: %s\n", name_of(pthread_mutex_lock(robust)));
	void *head = NULL;
	size_t len = 0;
	SAY(syscall(SYS_get_robust_list, 0, &head, &len) == 0 && head && len == 24);
	SAY(syscall(SYS_set_robust_list, head, 23));
	SAY(syscall(SYS_set_robust_list, head, 24));
	close(ready[0]), close(ready[1]);
}

/* ---- Threads ---- */

static pid_t thread_tid;
static __thread int local = 5;

static void *thread_main(void *arg)
{
	thread_tid = gettid();
	local += 1;
	return (void *)(uintptr_t)(local + (getpid() != gettid()) * 10 + (uintptr_t)arg);
}

static void *cancelled(void *arg)
{
	pause();
	return arg;
}

static const char *cleaned_up = "not";

static void cleanup(void *arg)
{
	cleaned_up = arg;
}

static void *cancelled_open(void *arg)
{
	pthread_cleanup_push(cleanup, arg);
	close(open("fifo", O_RDONLY));
	pthread_cleanup_pop(0);
	return arg;
}

static uint32_t raw_tid = 1;
static char raw_stack[65536] __attribute__((aligned(16)));

static int raw_main(void *arg)
{
	*(int *)arg = 1;
	syscall(SYS_exit, 0);
	return 0;
}

static void threads(void)
{
	pthread_t thread;
	pthread_attr_t attributes;
	void *value;
	int raw_ran = 0;

	pthread_create(&thread, NULL, thread_main, (void *)100l);
	pthread_join(thread, &value);
	printf("joined %ld local %d\n", (long)value, local);
	while (syscall(SYS_tgkill, getpid(), thread_tid, 0) == 0) /* it may be on its last steps */
		sched_yield();
	SAY(syscall(SYS_tgkill, getpid(), thread_tid, 0));
	pthread_create(&thread, NULL, cancelled, NULL);
	SAY(pthread_cancel(thread));
	pthread_join(thread, &value);
	SAY(value == PTHREAD_CANCELED);
	mkfifo("fifo", 0600);
	pthread_create(&thread, NULL, cancelled_open, "after open");
	struct timespec pause = { 0, 50 * MILLISECONDS };
	nanosleep(&pause, NULL);
	SAY(pthread_cancel(thread));
	pthread_join(thread, &value);
	SAY(value == PTHREAD_CANCELED);
	printf("cleaned up %s\n", cleaned_up);
	unlink("fifo");
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	word = 0;
	pthread_create(&thread, &attributes, sleeper, &word);
	word = 1;
	futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
		    CLONE_CHILD_CLEARTID;
	uint32_t parent_tid = 0;
	SAY(clone(raw_main, raw_stack + sizeof raw_stack, flags, &raw_ran, &parent_tid, NULL, &raw_tid) > 0);
	while (__atomic_load_n(&raw_tid, __ATOMIC_SEQ_CST) != 0)
		futex(&raw_tid, FUTEX_WAIT, __atomic_load_n(&raw_tid, __ATOMIC_SEQ_CST), NULL, NULL, 0);
	printf("ran %d, tid told %d, cleared %u\n", raw_ran, parent_tid != 0, raw_tid);
	SAY(syscall(SYS_set_tid_address, &raw_tid) == gettid());
	SAY(syscall(SYS_gettid) == getpid());
	unsigned long fs = 0;
	SAY(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs) == 0 && fs != 0);
	SAY(syscall(SYS_arch_prctl, ARCH_SET_FS, fs));
	SAY(syscall(SYS_arch_prctl, ARCH_SET_FS, 1ul << 63));
	SAY(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) > 0);
	SAY(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	SAY(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	SAY(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
	SAY(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
	SAY(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
	static struct { _Alignas(32) char bytes[64]; } area;
	SAY(syscall(SYS_rseq, &area, 32, 0, 0)); /* glibc has registered one */
	SAY(syscall(SYS_rseq, &area, 32, 1, 0));
	SAY(sched_yield());
}

/* The first thread ends before the others. */
static void *outlives(void *arg)
{
	struct timespec pause = { 0, 20 * MILLISECONDS };

	nanosleep(&pause, NULL);
	_exit(kill(getpid(), 0) == 0 && open("none", O_RDONLY) < 0 ? 21 : 22);
	return arg;
}

static void leaders(void)
{
	pid_t child = fork();

	if (child == 0) {
		pthread_t thread;
		pthread_create(&thread, NULL, outlives, NULL);
		pthread_exit(NULL);
	}
	said_end("its first thread ended first", child);
	child = fork();
	if (child == 0) {
		pthread_t thread;
		word = 0;
		for (int i = 0; i < 5; i++)
			pthread_create(&thread, NULL, sleeper, &word);
		exit(23);
	}
	said_end("exit with sleeping threads", child);
}

/* ---- Signals to threads ---- */

static atomic_int got_in; /* 1: the thread it was for, 2: another */
static pid_t target;

static void for_thread(int signo)
{
	(void)signo;
	got_in = gettid() == target ? 1 : 2;
}

static void *takes(void *arg)
{
	sigset_t mask;

	target = gettid();
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	sigdelset(&mask, SIGUSR1);
	write(*(int *)arg, "x", 1);
	sigsuspend(&mask);
	return NULL;
}

static void *kills_itself(void *arg)
{
	SAY(kill(gettid(), 0)); /* a thread's id stands for its process */
	SAY(kill(gettid(), 99));
	SAY(syscall(SYS_tgkill, gettid(), gettid(), 0));
	SAY(syscall(SYS_rt_tgsigqueueinfo, 1 << 29, gettid(), SIGUSR1, &(siginfo_t){ .si_code = SI_QUEUE }));
	return arg;
}

static void *takes_blocked(void *arg)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	write(*(int *)arg, "x", 1);
	return (void *)(long)(sigwaitinfo(&set, &info) == SIGUSR2 && info.si_code == SI_USER);
}

static void signals(void)
{
	pthread_t thread;
	int ready[2];
	char c;
	void *value;
	sigset_t set;

	pipe(ready);
	handle(SIGUSR1, for_thread, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, takes, &ready[1]);
	read(ready[0], &c, 1);
	SAY(pthread_kill(thread, SIGUSR1));
	pthread_join(thread, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	printf("got in %d\n", got_in);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, takes_blocked, &ready[1]);
	read(ready[0], &c, 1);
	SAY(kill(getpid(), SIGUSR2)); /* for whichever thread waits */
	pthread_join(thread, &value);
	printf("taken %ld\n", (long)value);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	close(ready[0]), close(ready[1]);
	pthread_create(&thread, NULL, kills_itself, NULL);
	pthread_join(thread, NULL);
}

/* ---- At the same time ---- */

enum { CROWD = 6, ROUNDS = 60 };
static atomic_int failures, storms;
static atomic_bool crowded;

static void stormy(int signo)
{
	(void)signo;
	storms++;
}

static void fails(const char *what)
{
	if (failures++ == 0)
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
}

/* Each in files of its own: what handlers answer must not be mixed up. */
static void *crowd(void *arg)
{
	long n = (long)(uintptr_t)arg;
	char name[32], text[32], back[32], long_name[200];
	struct stat st;

	snprintf(name, sizeof name, "file-%ld", n);
	memset(long_name, 'a' + (int)n, sizeof long_name);
	long_name[sizeof long_name - 1] = 0;
	for (int i = 0; i < ROUNDS; i++) {
		int len = snprintf(text, sizeof text, "%ld %d", n, i);
		int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, text, (size_t)len) != len)
			fails("write");
		if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
			fails("FD_CLOEXEC");
		if (stat(name, &st) < 0 || st.st_size != len)
			fails("stat");
		int again = open(name, O_RDONLY);
		memset(back, 0, sizeof back);
		if (read(again, back, sizeof back) != len || strcmp(text, back) != 0)
			fails("read");
		if (open(long_name, O_RDONLY) >= 0 || errno != ENOENT)
			fails("open of nothing");
		close(fd);
		close(again);
		if (symlink(text, long_name) < 0 || readlink(long_name, back, sizeof back) != len ||
		    memcmp(back, text, (size_t)len) != 0 || unlink(long_name) < 0)
			fails("readlink");
		if (i % 20 == 0) {
			pid_t child = fork();
			int status = -1;
			if (child == 0)
				_exit(access(name, R_OK) == 0 ? (int)n : 99);
			pid_t ended;
			do
				ended = waitpid(child, &status, 0);
			while (ended < 0 && errno == EINTR);
			if (ended != child || !WIFEXITED(status) || WEXITSTATUS(status) != n)
				fails("a child");
		}
	}
	if (unlink(name) < 0)
		fails("unlink");
	return NULL;
}

static void *storm(void *arg)
{
	const pthread_t *threads = arg;
	struct timespec pause = { 0, MILLISECONDS };

	while (crowded) {
		for (int i = 0; i < CROWD; i++)
			pthread_kill(threads[i], SIGUSR1);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void crowds(bool stormed)
{
	pthread_t all[CROWD], sender;

	failures = storms = 0;
	crowded = true;
	handle(SIGUSR1, stormy, SA_RESTART);
	for (long i = 0; i < CROWD; i++)
		pthread_create(&all[i], NULL, crowd, (void *)i);
	if (stormed)
		pthread_create(&sender, NULL, storm, all);
	if (!stormed)
		for (int i = 0; i < CROWD; i++)
			pthread_join(all[i], NULL);
	else {
		/* A thread that has ended may be signalled until it is joined. */
		struct timespec pause = { 0, 300 * MILLISECONDS };
		nanosleep(&pause, NULL);
		crowded = false;
		pthread_join(sender, NULL);
		for (int i = 0; i < CROWD; i++)
			pthread_join(all[i], NULL);
	}
	printf("%d threads%s: %d failures, signals %d\n", CROWD, stormed ? " in a storm" : "", failures, storms > 0);
	fflush(stdout);
}

/* A process is ended while its threads are in handled calls. */
static void *endless(void *arg)
{
	for (;;)
		close(open("none", O_RDONLY));
	return arg;
}

static void ended_crowds(void)
{
	for (int way = 0; way < 3; way++) {
		pid_t child = fork();
		if (child == 0) {
			pthread_t thread;
			struct timespec pause = { 0, 20 * MILLISECONDS };
			for (int i = 0; i < 4; i++)
				pthread_create(&thread, NULL, endless, NULL);
			nanosleep(&pause, NULL);
			if (way == 0)
				exit(24);
			raise(way == 1 ? SIGTERM : SIGKILL);
		}
		said_end("ended amid calls", child);
	}
}

int main(int argc, char **argv)
{
	calls_begin(argc, argv);
	futexes();
	robust_lists();
	threads();
	leaders();
	signals();
	crowds(false);
	crowds(true);
	ended_crowds();
	return 0;
}
