/* SPDX-License-Identifier: MIT
 * Signals and timers: what handlers are told, what waits they end, and which go on. cases/calls.sh
 * compares. */
#include "calls.h"
#include "noted.h"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/ucontext.h>

static const char *code(const siginfo_t *info)
{
	static char number[16];

	switch (info->si_code) {
	case SI_USER: return "SI_USER";
	case SI_QUEUE: return "SI_QUEUE";
	case SI_TIMER: return "SI_TIMER";
	case SI_TKILL: return "SI_TKILL";
	case SI_KERNEL: return "SI_KERNEL";
	}
	snprintf(number, sizeof number, "%d", info->si_code);
	return number;
}

static const char *whose(pid_t pid)
{
	return pid == getpid() ? "self" : pid == getppid() ? "parent" : pid == 0 ? "0" : "other";
}

static void told(const char *what)
{
	printf("%s: handled %d, signal %d %s by %s uid %d value %d\n", what, handled, last.si_signo, code(&last),
	       whose(last.si_pid), last.si_uid == getuid(), last.si_code == SI_QUEUE ? last.si_value.sival_int : 0);
	fflush(stdout);
	memset(&last, 0, sizeof last);
	handled = 0;
}

static pid_t sender; /* the child that the next signals are from */

static const char *child_or(pid_t pid)
{
	return sender && pid == sender ? "child" : whose(pid);
}

static void infos(void)
{
	union sigval value = { .sival_int = 42 };
	int status;

	handle_info(SIGUSR1, note, 0);
	handle_info(SIGRTMIN, note, 0);
	SAY(kill(getpid(), SIGUSR1));
	told("kill");
	SAY(raise(SIGUSR1));
	told("raise");
	SAY(sigqueue(getpid(), SIGUSR1, value));
	told("sigqueue");
	SAY(pthread_sigqueue(pthread_self(), SIGRTMIN, value));
	told("pthread_sigqueue");
	SAY(syscall(SYS_tkill, gettid(), SIGUSR1));
	told("tkill");
	SAY(kill(0, 0));
	SAY(kill(getpid(), 99));
	SAY(kill(getpid(), 0));
	SAY(kill(1 << 29, SIGUSR1));
	SAY(syscall(SYS_tgkill, getpid(), 1 << 29, SIGUSR1));
	SAY(syscall(SYS_tgkill, getpid(), -1, SIGUSR1));
	SAY(syscall(SYS_tgkill, 1 << 29, gettid(), SIGUSR1));
	SAY(syscall(SYS_tkill, 0, SIGUSR1));
	SAY(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, 1));
	SAY(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGUSR1, 1));

	sigset_t block, old;
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigaddset(&block, SIGUSR2);
	sigprocmask(SIG_BLOCK, &block, &old);
	handle_info(SIGUSR2, note, 0);
	static const char *const ways[] = { "kill", "sigqueue", "tgkill", "kill 0", "kill -group" };
	for (int way = 0; way < 5; way++) {
		sender = fork();
		if (sender == 0) {
			int me = getppid();
			long sent = -1;
			switch (way) {
			case 0: sent = kill(me, SIGUSR1); break;
			case 1: sent = sigqueue(me, SIGUSR1, value); break;
			case 2: sent = syscall(SYS_tgkill, me, me, SIGUSR1); break;
			case 3: handle(SIGUSR1, SIG_IGN, 0); sent = kill(0, SIGUSR1); break;
			case 4: handle(SIGUSR1, SIG_IGN, 0); sent = kill(-getpgrp(), SIGUSR1); break;
			}
			_exit(sent != 0);
		}
		siginfo_t info = { 0 };
		int got = sigwaitinfo(&block, &info);
		printf("child's %s: %d %s by %s uid %d value %d\n", ways[way], got == SIGUSR1, code(&info),
		       child_or(info.si_pid), info.si_uid == getuid(),
		       info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
		said_end("child", sender);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	/* What a child's end says. */
	handle_info(SIGCHLD, note, 0);
	for (int way = 0; way < 3; way++) {
		sender = fork();
		if (sender == 0) {
			if (way)
				raise(way == 1 ? SIGTERM : SIGKILL);
			_exit(7);
		}
		while (waitpid(sender, &status, 0) < 0 && errno == EINTR)
			;
		printf("SIGCHLD: handled %d code %d by %s uid %d status %d, waited %x\n", handled, last.si_code,
		       child_or(last.si_pid), last.si_uid == getuid(), last.si_status, status);
		fflush(stdout);
		handled = 0;
	}
	handle(SIGCHLD, SIG_DFL, 0);
}

/* ---- Actions ---- */

static volatile sig_atomic_t depth, deepest, order, raised;
static sigset_t seen_mask;

static void nested(int signo)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (!raised) {
		raised = 1;
		raise(SIGUSR1);
		raise(SIGUSR2);
	}
	sigprocmask(SIG_SETMASK, NULL, &seen_mask);
	order = order * 10 + (signo == SIGUSR1 ? 1 : 2);
	depth--;
}

static char *alternate, *on_stack;

static void where(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char here;

	(void)signo, (void)info;
	on_stack = &here;
	printf("on the alternate stack %d, flags %d, uc_stack %d\n", on_stack >= alternate && on_stack < alternate + 65536,
	       uc->uc_stack.ss_flags, uc->uc_stack.ss_sp == alternate);
	stack_t now;
	sigaltstack(NULL, &now);
	printf("inside: flags %d\n", now.ss_flags);
	now.ss_flags = SS_DISABLE;
	SAY(sigaltstack(&now, NULL));
}

static void faults(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	printf("fault %d code %d at %d, error %lld\n", signo, info->si_code, info->si_addr == (void *)64,
	       (long long)uc->uc_mcontext.gregs[REG_ERR]);
	fflush(stdout);
	uc->uc_mcontext.gregs[REG_RDI] = (long long)(uintptr_t)&handled; /* goes on with what is there */
}

static void actions(void)
{
	struct sigaction action = { .sa_handler = nested }, old;
	sigset_t set;

	SAY(sigaction(SIGKILL, &action, NULL));
	SAY(sigaction(SIGSTOP, &action, NULL));
	SAY(sigaction(0, &action, NULL));
	SAY(sigaction(65, &action, NULL));
	SAY(syscall(SYS_rt_sigaction, SIGUSR1, 1, 0, 8));
	SAY(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 4));
	SAY(sigaction(SIGUSR1, &action, NULL));
	SAY(sigaction(SIGUSR2, &action, NULL));
	SAY(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == nested);
	raise(SIGUSR1);
	printf("deepest %d order %d\n", deepest, order);
	deepest = order = raised = 0;
	action.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	printf("SA_NODEFER: deepest %d order %d\n", deepest, order);
	deepest = order = raised = 0;
	action.sa_flags = 0;
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	printf("sa_mask: deepest %d order %d\n", deepest, order);
	handle(SIGUSR1, ignore_signal, SA_RESETHAND);
	kill(getpid(), SIGUSR1);
	pid_t child = fork();
	if (child == 0) {
		raise(SIGUSR1);
		_exit(0);
	}
	said_end("SA_RESETHAND, then again", child);

	alternate = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = alternate, .ss_size = 65536 }, small = { .ss_sp = alternate, .ss_size = 100 }, now;
	SAY(sigaltstack(&small, NULL));
	SAY(sigaltstack(&stack, NULL));
	SAY(sigaltstack(NULL, &now) == 0 && now.ss_sp == alternate && now.ss_flags == 0);
	handle_info(SIGUSR1, where, SA_ONSTACK);
	raise(SIGUSR1);
	handle_info(SIGUSR1, where, 0);
	raise(SIGUSR1);
	stack.ss_flags = SS_DISABLE;
	SAY(sigaltstack(&stack, &now));
	printf("flags %d\n", now.ss_flags);
	fflush(stdout);

	handle_info(SIGSEGV, faults, 0);
	int got;
	__asm__ volatile("movl (%%rdi), %0" : "=r"(got) : "D"(64ul) : "memory");
	handle(SIGSEGV, SIG_DFL, 0);

	/* Pending, masks. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGKILL);
	SAY(sigprocmask(SIG_BLOCK, &set, NULL));
	sigset_t mask;
	sigprocmask(99, NULL, &mask);
	SAY(sigprocmask(99, &set, NULL));
	printf("USR1 blocked %d, KILL blocked %d\n", sigismember(&mask, SIGUSR1), sigismember(&mask, SIGKILL));
	handle_info(SIGUSR1, note, 0);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	SAY(sigpending(&mask) == 0 && sigismember(&mask, SIGUSR1));
	handled = 0;
	SAY(sigprocmask(SIG_UNBLOCK, &set, NULL));
	told("unblocked");

	/* Real-time signals queue, in order. */
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 3; i++) {
		union sigval value = { .sival_int = i };
		sigqueue(getpid(), SIGRTMIN + 1, value);
		value.sival_int = 10 + i;
		sigqueue(getpid(), SIGRTMIN, value);
	}
	siginfo_t info;
	struct timespec none = { 0, 0 }, some = { 0, 20 * MILLISECONDS }, bad = { 0, -1 };
	while (sigtimedwait(&set, &info, &none) > 0)
		printf("real-time %d value %d\n", info.si_signo - SIGRTMIN, info.si_value.sival_int);
	SAY(sigtimedwait(&set, &info, &none));
	SAY(sigtimedwait(&set, &info, &some));
	SAY(sigtimedwait(&set, &info, &bad));
	SAY(syscall(SYS_rt_sigtimedwait, 1, 0, 0, 8));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- Waits that a signal ends ---- */

static int waited_fd[2];
static unsigned word;

static long wait_read(void) { char c; return read(waited_fd[0], &c, 1); }
static long wait_poll(void) { struct pollfd p = { waited_fd[0], POLLIN, 0 }; return poll(&p, 1, 3000); }
static long wait_ppoll(void)
{
	struct pollfd p = { waited_fd[0], POLLIN, 0 };
	struct timespec ts = { 3, 0 };
	return ppoll(&p, 1, &ts, NULL);
}
static long wait_select(void)
{
	fd_set set;
	struct timeval tv = { 3, 0 };
	FD_ZERO(&set);
	FD_SET(waited_fd[0], &set);
	return syscall(SYS_select, waited_fd[0] + 1, &set, NULL, NULL, &tv);
}
static long wait_pselect(void)
{
	fd_set set;
	struct timespec ts = { 3, 0 };
	FD_ZERO(&set);
	FD_SET(waited_fd[0], &set);
	return pselect(waited_fd[0] + 1, &set, NULL, NULL, &ts, NULL);
}
static long wait_epoll(void)
{
	struct epoll_event event;
	int fd = epoll_create1(0);
	long result = epoll_wait(fd, &event, 1, 3000);
	int saved = errno;
	close(fd);
	errno = saved;
	return result;
}
static long wait_nanosleep(void)
{
	struct timespec ts = { 3, 0 }, rest = { 0, 0 };
	long result = syscall(SYS_nanosleep, &ts, &rest);
	if (result < 0)
		printf("(rest %d) ", rest.tv_sec == 2 && rest.tv_nsec > 0);
	return result;
}
static long wait_clock_nanosleep(void)
{
	struct timespec ts = { 3, 0 }, rest = { 0, 0 };
	long result = syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &ts, &rest);
	if (result < 0)
		printf("(rest %d) ", rest.tv_sec == 2 && rest.tv_nsec > 0);
	return result;
}
static long wait_absolute(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += 3;
	return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}
static long wait_futex(void) { return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL); }
static long wait_futex_timed(void)
{
	struct timespec ts = { 3, 0 };
	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts);
}
static long wait_futex_bitset(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += 3;
	return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &ts, NULL, 1);
}
static long wait_sigtimedwait(void)
{
	sigset_t set;
	struct timespec ts = { 3, 0 };
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigtimedwait(&set, NULL, &ts);
}
static long wait_sigsuspend(void)
{
	sigset_t set;
	sigemptyset(&set);
	return sigsuspend(&set);
}
static long wait_pause(void) { return pause(); }
static long wait_recv(void)
{
	int pair[2];
	char c;
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	long result = recv(pair[0], &c, 1, 0);
	int saved = errno;
	close(pair[0]), close(pair[1]);
	errno = saved;
	return result;
}
static long wait_open(void)
{
	long fd = open("fifo", O_RDONLY);
	if (fd >= 0)
		close((int)fd);
	return fd >= 0 ? 0 : -1;
}
static pid_t parent_child;
static long wait_wait4(void) { return waitpid(parent_child, NULL, 0) == parent_child ? 0 : -1; }
static long wait_waitid(void)
{
	siginfo_t info;
	return waitid(P_PID, (id_t)parent_child, &info, WEXITED);
}
static long wait_eventfd(void)
{
	eventfd_t value;
	int fd = eventfd(0, 0);
	long result = read(fd, &value, 8);
	int saved = errno;
	close(fd);
	errno = saved;
	return result;
}
static long wait_write(void)
{
	static char much[1 << 20];
	int pair[2];
	pipe(pair);
	long result = write(pair[1], much, sizeof much); /* the pipe's size, then it waits */
	int saved = errno;
	close(pair[0]), close(pair[1]);
	errno = saved;
	return result;
}
static long wait_lock(void)
{
	int fd = open("lock", O_RDWR);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	long result = fcntl(fd, F_SETLKW, &lock);
	int saved = errno;
	close(fd);
	errno = saved;
	return result;
}

static const struct waiting {
	const char *name;
	long (*wait)(void);
	bool no_restart; /* signal(7): never goes on, so that there is nobody to end it */
} waits[] = {
	{ "read", wait_read, false },
	{ "poll", wait_poll, true },
	{ "ppoll", wait_ppoll, true },
	{ "select", wait_select, true },
	{ "pselect", wait_pselect, true },
	{ "epoll_wait", wait_epoll, true },
	{ "nanosleep", wait_nanosleep, true },
	{ "clock_nanosleep", wait_clock_nanosleep, true },
	{ "clock_nanosleep absolute", wait_absolute, true },
	{ "futex", wait_futex, false },
	{ "futex timed", wait_futex_timed, true },
	{ "futex bitset", wait_futex_bitset, true },
	{ "sigtimedwait", wait_sigtimedwait, true },
	{ "sigsuspend", wait_sigsuspend, true },
	{ "pause", wait_pause, true },
	{ "recv", wait_recv, true },
	{ "open of a FIFO", wait_open, false },
	{ "wait4", wait_wait4, false },
	{ "waitid", wait_waitid, false },
	{ "eventfd", wait_eventfd, true },
	{ "write", wait_write, true },
	{ "F_SETLKW", wait_lock, false },
};

/* What ends a wait that goes on after the signal: the third tick of the timer. */
static volatile sig_atomic_t ticks, ending;
static bool waits_for_open;
static int asks[2];

static void tick(int signo)
{
	(void)signo;
	ticks++;
	if (!ending || ticks < 2)
		return;
	if (write(waited_fd[1], "x", 1) != 1)
		_exit(9);
	word = 1;
	syscall(SYS_futex, &word, FUTEX_WAKE, 1);
	if (waits_for_open)
		write(asks[1], "x", 1);
	else if (parent_child)
		kill(parent_child, SIGKILL);
}

/* In a child, with a child that holds a lock. */
static int interrupted_wait(const struct waiting *w, int flags)
{
	struct itimerval timer = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 };
	int holds[2];
	char c;

	pipe(waited_fd);
	pipe(holds);
	pipe(asks);
	waits_for_open = w->wait == wait_open;
	parent_child = fork();
	if (parent_child == 0) {
		int fd = open("lock", O_RDWR);
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
		fcntl(fd, F_SETLKW, &lock);
		write(holds[1], "x", 1);
		/* The other end of the FIFO, when the handler asks for it. */
		close(asks[1]);
		read(asks[0], &c, 1);
		open("fifo", O_WRONLY);
		for (;;)
			pause();
	}
	read(holds[0], &c, 1);
	ending = flags == SA_RESTART && !w->no_restart;
	handle(SIGALRM, tick, flags);
	printf("%s%s: ", w->name, flags ? ", SA_RESTART" : "");
	setitimer(ITIMER_REAL, &timer, NULL);
	errno = 0;
	long result = w->wait();
	int error = errno;
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	printf("%ld %s ticks %d\n", result, result < 0 ? strerrorname_np(error) : "", ticks > ending);
	fflush(stdout);
	kill(parent_child, SIGKILL);
	while (waitpid(parent_child, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static void waiting(void)
{
	mkfifo("fifo", 0600);
	close(open("lock", O_RDWR | O_CREAT, 0600));
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
		for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
			if (flags && (waits[i].wait == wait_write || waits[i].wait == wait_recv || waits[i].wait == wait_eventfd))
				continue; /* as read */
			pid_t child = fork();
			if (child == 0)
				_exit(interrupted_wait(&waits[i], flags));
			said_end("end", child);
		}
	unlink("fifo");
	unlink("lock");
}

/* An ignored signal, a stop and a continuation end no wait. It is long enough for all of them. */
static void undisturbed(void)
{
	pid_t children[3];
	struct found { long result; int error; bool slept; } *found =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	handle(SIGUSR1, SIG_IGN, 0);
	for (int way = 0; way < 3; way++) {
		children[way] = fork();
		if (children[way] == 0) {
			struct timespec ts = { 2, 0 };
			struct pollfd none;
			long long begun = now_ns();
			errno = 0;
			long result = way == 0 ? nanosleep(&ts, NULL) : way == 1 ? poll(&none, 0, 2000) : syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts);
			found[way] = (struct found){ result, errno, now_ns() - begun >= 1999 * MILLISECONDS };
			_exit(0);
		}
	}
	struct timespec brief = { 0, 20 * MILLISECONDS };
	nanosleep(&brief, NULL);
	for (int way = 0; way < 3; way++) {
		kill(children[way], SIGUSR1);
		kill(children[way], SIGURG);
		kill(children[way], SIGSTOP);
		int status = 0;
		waitpid(children[way], &status, WUNTRACED);
		printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
		fflush(stdout);
		kill(children[way], SIGCONT);
	}
	for (int way = 0; way < 3; way++) {
		said_end("end", children[way]);
		printf("undisturbed %d: %ld %s, slept %d\n", way, found[way].result, strerrorname_np(found[way].error), found[way].slept);
	}
	munmap(found, 4096);
}

/* ---- Timers ---- */

static void timers(void)
{
	/* Those that are looked at do not run out before that. */
	struct itimerval set = { .it_value.tv_usec = 20000 }, later = { .it_value.tv_sec = 100 }, old;
	struct itimerspec spec = { .it_value.tv_nsec = 20 * MILLISECONDS }, much_later = { .it_value.tv_sec = 100 }, was;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 77 };
	sigset_t block;
	siginfo_t info;
	timer_t id;

	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	sigaddset(&block, SIGRTMIN);
	sigaddset(&block, SIGVTALRM);
	sigprocmask(SIG_BLOCK, &block, NULL);
	SAY(alarm(100));
	SAY(alarm(0));
	SAY(alarm(0));
	SAY(setitimer(ITIMER_REAL, &later, &old));
	SAY(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_sec > 0);
	SAY(setitimer(ITIMER_REAL, &set, &old));
	SAY(sigwaitinfo(&block, &info) == SIGALRM);
	printf("SIGALRM: %s pid %d\n", code(&info), info.si_pid);
	SAY(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_usec == 0);
	SAY(setitimer(99, &set, NULL));
	SAY(setitimer(ITIMER_REAL, (void *)1, NULL));
	set.it_value.tv_usec = 2000000;
	SAY(setitimer(ITIMER_REAL, &set, NULL));
	set.it_value.tv_usec = 5000;
	SAY(setitimer(ITIMER_VIRTUAL, &set, NULL));
	sigset_t pending;
	do
		sigpending(&pending);
	while (!sigismember(&pending, SIGVTALRM));
	SAY(sigwaitinfo(&block, &info) == SIGVTALRM);
	SAY(timer_create(CLOCK_MONOTONIC, &event, &id));
	SAY(timer_gettime(id, &was) == 0 && was.it_value.tv_nsec == 0);
	SAY(timer_settime(id, 0, &much_later, &was));
	SAY(timer_gettime(id, &was) == 0 && was.it_value.tv_sec > 0);
	SAY(timer_settime(id, 0, &spec, &was));
	SAY(sigwaitinfo(&block, &info) == SIGRTMIN);
	printf("timer: %s value %d overrun %d id %d\n", code(&info), info.si_value.sival_int, info.si_overrun, info.si_timerid >= 0);
	spec.it_interval.tv_nsec = MILLISECONDS;
	SAY(timer_settime(id, 0, &spec, &was));
	struct timespec ts = { 0, 60 * MILLISECONDS };
	nanosleep(&ts, NULL);
	SAY(sigwaitinfo(&block, &info) == SIGRTMIN && info.si_overrun > 5);
	SAY(timer_getoverrun(id) > 5);
	SAY(timer_delete(id));
	SAY(syscall(SYS_timer_delete, 12345));
	SAY(syscall(SYS_timer_gettime, 12345, &was));
	SAY(timer_create(CLOCK_REALTIME, NULL, &id));
	clock_gettime(CLOCK_REALTIME, &spec.it_value);
	spec.it_interval.tv_nsec = 0;
	SAY(timer_settime(id, TIMER_ABSTIME, &spec, NULL));
	SAY(sigwaitinfo(&block, &info) == SIGALRM);
	printf("timer: %s\n", code(&info));
	SAY(timer_delete(id));
	event.sigev_signo = 99;
	SAY(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
	event.sigev_signo = SIGRTMIN;
	event.sigev_notify = SIGEV_THREAD_ID;
	event._sigev_un._tid = gettid();
	SAY(timer_create(CLOCK_MONOTONIC, &event, &id));
	spec.it_value = (struct timespec){ 0, MILLISECONDS };
	SAY(timer_settime(id, 0, &spec, NULL));
	SAY(sigwaitinfo(&block, &info) == SIGRTMIN);
	SAY(timer_delete(id));
	event._sigev_un._tid = getppid();
	SAY(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
	sigprocmask(SIG_UNBLOCK, &block, NULL);
}

/* A handler that jumps out, from a wait; twice, so that nothing is left blocked. */
#include <setjmp.h>
static sigjmp_buf out;

static void jump(int signo)
{
	siglongjmp(out, signo);
}

static void jumps(void)
{
	handle(SIGALRM, jump, 0);
	for (volatile int i = 0; i < 2; i++) {
		if (sigsetjmp(out, 1) == 0) {
			ualarm(10000, 0);
			for (;;)
				pause();
		}
		printf("jumped out\n");
	}
	mkfifo("fifo", 0600);
	for (volatile int i = 0; i < 2; i++) {
		if (sigsetjmp(out, 1) == 0) {
			ualarm(10000, 0);
			printf("opened %d\n", open("fifo", O_RDONLY));
		}
		printf("jumped out of open\n");
	}
	unlink("fifo");
	SAY(open("none", O_RDONLY));
}

int main(int argc, char **argv)
{
	calls_begin(argc, argv);
	setpgid(0, 0); /* its signals to the group are for nobody else */
	infos();
	actions();
	waiting();
	undisturbed();
	timers();
	jumps();
	return 0;
}
