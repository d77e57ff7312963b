/* SPDX-License-Identifier: MIT
 * Processes: made, waited for, stopped, re-parented; groups, sessions, ids, limits. cases/calls.sh
 * compares. */
#include "calls.h"

#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void exits(void)
{
	int status;
	pid_t child;

	SAY(waitpid(-1, &status, 0));
	SAY(waitpid(-1, &status, WNOHANG));
	SAY(waitpid(1 << 29, &status, 0));
	SAY(waitpid(0, NULL, 0x40));
	for (int code = 0; code < 4; code++) {
		static const int codes[] = { 0, 1, 255, 256 };
		child = fork();
		if (child == 0)
			_exit(codes[code]);
		said_end("exit", child);
	}
	static const int signals[] = { SIGTERM, SIGKILL, SIGABRT, SIGSEGV, SIGUSR1, SIGPIPE };
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		child = fork();
		if (child == 0) {
			struct rlimit none = { 0, 0 };
			setrlimit(RLIMIT_CORE, &none);
			kill(getpid(), signals[i]);
			_exit(0);
		}
		SAY(waitpid(child, &status, 0) == child);
		printf("status %x\n", status);
	}
	child = fork();
	if (child == 0)
		syscall(SYS_exit, 9);
	said_end("exit of the last thread", child);
	child = vfork();
	if (child == 0)
		_exit(3);
	said_end("vfork", child);
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(4);
	said_end("clone", child);
	child = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (child == 0)
		_exit(5);
	SAY(waitpid(child, &status, 0)); /* no SIGCHLD: not among these */
	SAY(waitpid(child, &status, __WCLONE) == child && WEXITSTATUS(status) == 5);
	pid_t told[2] = { 0, 0 };
	child = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, 0,
			       &told[0], &told[1], 0);
	if (child == 0)
		_exit(told[1] == getpid() && told[0] == getpid() ? 6 : 7);
	SAY(told[0] == child && told[1] == 0);
	said_end("clone with ids", child);
	child = (pid_t)syscall(SYS_clone, CLONE_FS | CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		mkdir("below", 0700);
		_exit(chdir("below") || dup2(1, 50) != 50);
	}
	said_end("clone with files", child);
	SAY(fcntl(50, F_GETFD));
	char cwd[4096];
	printf("in %s\n", strrchr(getcwd(cwd, sizeof cwd), '/'));
	close(50);
	if (chdir("..") < 0 || rmdir("below") < 0)
		printf("cannot go back\n");
	SAY(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0));
	SAY(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0));
}

/* A child of the same address space that runs on a stack of its own. */
static char vm_stack[65536] __attribute__((aligned(16)));
static int shared;

static int in_vm(void *arg)
{
	shared += *(int *)arg;
	return 11;
}

static void shared_memory(void)
{
	int add = 5;
	pid_t child;

	child = clone(in_vm, vm_stack + sizeof vm_stack, CLONE_VM | SIGCHLD, &add);
	said_end("clone with memory", child);
	child = clone(in_vm, vm_stack + sizeof vm_stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &add);
	said_end("clone as posix_spawn does", child);
	child = clone(in_vm, vm_stack + sizeof vm_stack, SIGCHLD, &add);
	said_end("clone with a stack", child);
	printf("shared %d\n", shared);
	shared = 0;
	fflush(stdout);
	child = vfork();
	if (child == 0) {
		shared = 1;
		_exit(0);
	}
	printf("shared %d\n", shared);
	said_end("vfork", child);
}

static int turn[2][2]; /* 0: to the parent */

static void give(int to)
{
	write(turn[to][1], "x", 1);
}

static void take(int from)
{
	char c;

	read(turn[from][0], &c, 1);
}

static void stops(void)
{
	int status = 0;
	siginfo_t info;
	pid_t child;

	pipe(turn[0]);
	pipe(turn[1]);
	child = fork();
	if (child == 0) {
		setpgid(0, 0); /* SIGTSTP does nothing in a group without a parent in the session */
		give(0);
		take(1);
		raise(SIGSTOP);
		take(1); /* a stop would take the place of what its parent waits for */
		raise(SIGTSTP);
		take(1);
		_exit(8);
	}
	take(0);
	SAY(waitpid(child, &status, WNOHANG));
	SAY(waitpid(child, &status, WNOHANG | WUNTRACED));
	give(1);
	SAY(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	SAY(waitpid(child, &status, WUNTRACED | WNOHANG));
	kill(child, SIGCONT);
	SAY(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
	SAY(waitpid(child, &status, WCONTINUED | WNOHANG));
	give(1);
	memset(&info, 0, sizeof info);
	SAY(waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOWAIT));
	printf("code %d status %d signo %d child %d uid %d\n", info.si_code, info.si_status, info.si_signo, info.si_pid == child,
	       info.si_uid == getuid());
	SAY(waitid(P_PID, (id_t)child, &info, WSTOPPED));
	SAY(waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid == 0);
	kill(child, SIGCONT);
	SAY(waitid(P_PID, (id_t)child, &info, WCONTINUED));
	printf("code %d status %d\n", info.si_code, info.si_status);
	SAY(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
	give(1);
	SAY(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
	printf("code %d status %d child %d\n", info.si_code, info.si_status, info.si_pid == child);
	SAY(kill(child, 0)); /* it is there until it is waited for */
	SAY(kill(child, SIGTERM));
	SAY(getpgid(child) == child);
	SAY(waitid(P_PGID, (id_t)child, &info, WEXITED));
	SAY(kill(child, 0));
	SAY(getpgid(child));
	SAY(waitid(P_PID, (id_t)child, &info, WEXITED));
	SAY(waitid(P_PID, (id_t)child, &info, 0));
	SAY(waitid(77, 0, &info, WEXITED));
	SAY(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG));

	/* A stopped one is killed; a stop that its parent is told of; one that it is not. */
	for (int flags = 0; flags <= SA_NOCLDSTOP; flags += SA_NOCLDSTOP) {
		sigset_t block;
		struct timespec brief = { 0, 100 * MILLISECONDS };

		handle(SIGCHLD, ignore_signal, flags);
		sigemptyset(&block);
		sigaddset(&block, SIGCHLD);
		sigprocmask(SIG_BLOCK, &block, NULL);
		child = fork();
		if (child == 0) {
			raise(SIGSTOP);
			_exit(0);
		}
		SAY(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
		memset(&info, 0, sizeof info);
		SAY(sigtimedwait(&block, &info, &brief) == SIGCHLD);
		printf("code %d status %d\n", info.si_code, info.si_status);
		kill(child, SIGKILL);
		said_end("killed while stopped", child);
		SAY(sigtimedwait(&block, &info, &brief) == SIGCHLD);
		printf("code %d status %d\n", info.si_code, info.si_status);
		sigprocmask(SIG_UNBLOCK, &block, NULL);
	}
	/* Nobody waits for children where SIGCHLD is ignored. */
	handle(SIGCHLD, SIG_IGN, 0);
	child = fork();
	if (child == 0)
		_exit(0);
	SAY(waitpid(child, &status, 0));
	handle(SIGCHLD, ignore_signal, SA_NOCLDWAIT);
	child = fork();
	if (child == 0)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	printf("then: %s\n", strerrorname_np(errno));
	handle(SIGCHLD, SIG_DFL, 0);

	/* The child stops its parent, and lets it go on. */
	child = fork();
	if (child == 0) {
		pid_t grandchild = fork();
		if (grandchild == 0) {
			pid_t parent = getppid();
			kill(parent, SIGSTOP);
			take(1);
			kill(parent, SIGCONT);
			_exit(0);
		}
		said_end("stopped by its child", grandchild);
		_exit(0);
	}
	SAY(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
	give(1);
	said_end("child", child);
	close(turn[0][0]), close(turn[0][1]), close(turn[1][0]), close(turn[1][1]);
}

/* The first process of the world is stopped by another one of it, which lets it go on. */
static void stops_first(void)
{
	struct timespec brief = { 0, 100 * MILLISECONDS };
	pid_t child = fork();

	if (child == 0) {
		long sent = kill(getppid(), SIGSTOP);
		nanosleep(&brief, NULL);
		sent |= kill(getppid(), SIGCONT);
		_exit(sent != 0);
	}
	said_end("stopped this one", child);
}

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static siginfo_t noted;

static void note(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	noted = *info;
}

static void pidfds(void)
{
	int fd, ready[2];
	siginfo_t info = { .si_code = SI_QUEUE, .si_signo = SIGUSR1, .si_value.sival_int = 6 };
	sigset_t block, old;
	char c;

	SAY(syscall(SYS_pidfd_open, 0, 0));
	SAY(syscall(SYS_pidfd_open, -1, 0));
	SAY(syscall(SYS_pidfd_open, 1 << 29, 0));
	SAY(fd = (int)syscall(SYS_pidfd_open, getpid(), 0));
	SAY(fcntl(fd, F_GETFD));
	handle_info(SIGUSR1, note, 0);
	SAY(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	SAY(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0));
	printf("code %d by %d\n", noted.si_code, noted.si_pid == getpid());
	info.si_pid = getpid();
	SAY(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0));
	printf("code %d value %d\n", noted.si_code, noted.si_value.sival_int);
	SAY(syscall(SYS_pidfd_send_signal, fd, 99, NULL, 0));
	SAY(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, 1, 0));
	SAY(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 1 << 20));
	SAY(syscall(SYS_pidfd_send_signal, 99, SIGUSR1, NULL, 0));
	SAY(syscall(SYS_pidfd_send_signal, 0, SIGUSR1, NULL, 0));
	close(fd);
	pipe(ready);
	pid_t child = fork();
	if (child == 0) {
		sigemptyset(&block);
		sigaddset(&block, SIGUSR1);
		sigprocmask(SIG_BLOCK, &block, &old);
		write(ready[1], "x", 1);
		_exit(sigwaitinfo(&block, &info) == SIGUSR1 && info.si_pid == getppid() ? 5 : 6);
	}
	SAY(fd = (int)syscall(SYS_pidfd_open, child, O_NONBLOCK));
	read(ready[0], &c, 1);
	struct pollfd poll_fd = { fd, POLLIN, 0 };
	SAY(poll(&poll_fd, 1, 0));
	SAY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	SAY(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0));
	SAY(poll(&poll_fd, 1, -1));
	SAY(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0)); /* not waited for yet */
	int again;
	SAY(again = (int)syscall(SYS_pidfd_open, child, 0));
	SAY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	printf("code %d status %d\n", info.si_code, info.si_status);
	SAY(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0));
	SAY(syscall(SYS_pidfd_send_signal, again, 0, NULL, 0));
	SAY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	SAY(waitid(P_PIDFD, 0, &info, WEXITED));
	close(fd), close(again);
	fd = -1;
	child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
	if (child == 0)
		for (;;)
			pause();
	SAY(fd);
	SAY(fcntl(fd, F_GETFD));
	SAY(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
	SAY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	printf("code %d status %d\n", info.si_code, info.si_status);
	close(fd);
	/* What a descriptor says has ended can be waited for. */
	int at_once = 0;
	for (int i = 0; i < 200; i++) {
		child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
		if (child == 0)
			_exit(0);
		poll_fd.fd = fd;
		poll(&poll_fd, 1, -1);
		info.si_pid = 0;
		waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
		at_once += info.si_pid == child;
		waitpid(child, NULL, 0);
		close(fd);
	}
	printf("ended, %d of 200\n", at_once);
	child = fork();
	if (child == 0) {
		fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
		_exit(0);
	}
	said_end("killed itself", child);
	/* Arguments keep their registers. */
	long nr = SYS_pidfd_send_signal, result;
	register long flags __asm__("r10") = 0;
	fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	long rdi = fd, rsi = 0, rdx = 0;
	__asm__ volatile("syscall" : "=a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(flags) : "0"(nr) : "rcx", "r11", "memory");
	printf("result %ld, %d %ld %ld %ld\n", result, rdi == fd, rsi, rdx, flags);
	close(fd);
	close(ready[0]), close(ready[1]);
}

static void usage(void)
{
	struct rusage used, self;
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct timespec ran = { 0 };
		while (ran.tv_nsec < 5 * MILLISECONDS)
			clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ran);
		_exit(0);
	}
	memset(&used, 0, sizeof used);
	SAY(wait4(child, &status, 0, &used) == child);
	SAY(used.ru_utime.tv_sec == 0 && used.ru_utime.tv_usec + used.ru_stime.tv_usec > 1000 && used.ru_maxrss > 0);
	SAY(getrusage(RUSAGE_SELF, &self) == 0 && self.ru_maxrss > 0);
	SAY(getrusage(RUSAGE_CHILDREN, &self) == 0 && self.ru_utime.tv_usec + self.ru_stime.tv_usec > 1000);
	SAY(getrusage(RUSAGE_THREAD, &self));
	SAY(getrusage(99, &self));
}

static void orphans(void)
{
	int ends[2];
	char got = '?';
	pid_t child;

	pipe(ends);
	child = fork();
	if (child == 0) {
		pid_t me = getpid();
		if (fork() == 0) {
			while (getppid() == me)
				sched_yield();
			write(ends[1], "r", 1);
			_exit(0);
		}
		_exit(0);
	}
	said_end("parent", child);
	close(ends[1]);
	SAY(read(ends[0], &got, 1));
	SAY(read(ends[0], &got, 1)); /* when the orphan has ended too */
	close(ends[0]);
	/* The signal at the parent's end. */
	pipe(ends);
	child = fork();
	if (child == 0) {
		int ready[2];
		char c;
		pipe(ready);
		if (fork() == 0) {
			int signo = 0;
			sigset_t block;
			sigemptyset(&block);
			sigaddset(&block, SIGUSR1);
			sigprocmask(SIG_BLOCK, &block, NULL);
			SAY(prctl(PR_SET_PDEATHSIG, SIGUSR1));
			SAY(prctl(PR_GET_PDEATHSIG, &signo) == 0 && signo == SIGUSR1);
			write(ready[1], "x", 1);
			siginfo_t info;
			got = sigwaitinfo(&block, &info) == SIGUSR1 ? 'y' : 'n';
			write(ends[1], &got, 1);
			_exit(0);
		}
		read(ready[0], &c, 1);
		_exit(0);
	}
	said_end("parent", child);
	close(ends[1]);
	SAY(read(ends[0], &got, 1) == 1 && got == 'y');
	close(ends[0]);
}

static void groups(void)
{
	int ready[2];
	char c;

	SAY(getpgid(0) == getpgrp());
	SAY(getsid(0) == getsid(getpid()));
	SAY(getpgid(1 << 29));
	SAY(getsid(1 << 29));
	SAY(setpgid(0, -1));
	SAY(setpgid(1 << 29, 0));
	pid_t child = fork();
	if (child == 0) {
		SAY(setpgid(0, 0));
		SAY(getpgrp() == getpid());
		SAY(getsid(0) == getsid(getppid()));
		SAY(setsid()); /* leads a group already */
		SAY(setpgid(0, getpgid(getppid())));
		SAY(setsid() == getpid());
		SAY(getsid(0) == getpid() && getpgrp() == getpid());
		SAY(setpgid(0, getpgid(getppid())));
		SAY(open("/dev/tty", O_RDWR));
		_exit(0);
	}
	said_end("child", child);
	pipe(ready);
	child = fork();
	if (child == 0) {
		read(ready[0], &c, 1);
		_exit(getpgrp() == getpid() ? 0 : 1);
	}
	SAY(setpgid(child, child));
	SAY(getpgid(child) == child);
	pid_t second = fork();
	if (second == 0) {
		setpgid(0, child);
		pause();
	}
	SAY(setpgid(second, child));
	SAY(kill(-child, 0));
	write(ready[1], "x", 1);
	said_end("leader", child);
	SAY(kill(-child, SIGTERM));
	said_end("member", second);
	SAY(kill(-child, SIGTERM));
	close(ready[0]), close(ready[1]);
}

static void ids(void)
{
	uid_t u[3];
	gid_t g[3], list[64];

	SAY(getuid() == geteuid());
	SAY(getgid() == getegid());
	SAY(getresuid(&u[0], &u[1], &u[2]) == 0 && u[0] == getuid() && u[1] == u[0] && u[2] == u[0]);
	SAY(getresgid(&g[0], &g[1], &g[2]) == 0 && g[0] == getgid() && g[1] == g[0] && g[2] == g[0]);
	SAY(getgroups(0, NULL) >= 0);
	SAY(getgroups(64, list) == getgroups(0, NULL));
	SAY(getgroups(-1, list));
	SAY(syscall(SYS_getresuid, 1, 1, 1));
	SAY(syscall(SYS_setuid, getuid()));
	SAY(syscall(SYS_setgid, getgid()));
	SAY(syscall(SYS_setuid, -1));
	SAY(syscall(SYS_setreuid, -1, geteuid()));
	SAY(syscall(SYS_setregid, getgid(), -1));
	SAY(syscall(SYS_setresuid, -1, -1, -1));
	SAY(syscall(SYS_setresgid, -1, getgid(), -1));
	SAY(getpid() == gettid());
	SAY(syscall(SYS_getpid) == getpid());
	SAY(syscall(SYS_getppid) == getppid());
	SAY(syscall(SYS_getpgrp) == getpgrp());
}

static void limits(void)
{
	struct rlimit limit, old;

	pid_t child = fork();
	if (child == 0) {
		SAY(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 3);
		SAY(syscall(SYS_getrlimit, RLIMIT_NOFILE, &old) == 0 && old.rlim_cur == limit.rlim_cur);
		SAY(getrlimit(99, &limit));
		SAY(syscall(SYS_getrlimit, RLIMIT_NOFILE, 1));
		limit.rlim_cur = 10;
		limit.rlim_max = 20;
		SAY(setrlimit(RLIMIT_NOFILE, &limit));
		SAY(syscall(SYS_prlimit64, getpid(), RLIMIT_NOFILE, NULL, &old) == 0 && old.rlim_cur == 10);
		SAY(dup2(0, 9));
		SAY(dup2(0, 10));
		SAY(open(".", O_RDONLY));
		int n = 0;
		while (dup(0) >= 0)
			n++;
		SAY(n > 0 && errno == EMFILE);
		SAY(open(".", O_RDONLY));
		SAY(open(".", O_PATH));
		SAY(open("made", O_WRONLY | O_CREAT, 0600));
		unlink("made"); /* here it may have been made: see microcosm-linux(7) */
		close(9);
		SAY(open(".", O_RDONLY));
		close(9);
		close(8);
		SAY(open(".", O_PATH));
		SAY(open(".", O_RDONLY));
		limit.rlim_cur = 20;
		SAY(prlimit(0, RLIMIT_NOFILE, &limit, &old));
		printf("was %ld %ld\n", (long)old.rlim_cur, (long)old.rlim_max);
		SAY(dup2(0, 19));
		limit.rlim_cur = 21;
		SAY(setrlimit(RLIMIT_NOFILE, &limit));
		SAY(prlimit(getpid(), RLIMIT_NOFILE, NULL, &old));
		SAY(syscall(SYS_setrlimit, RLIMIT_NOFILE, 1));
		SAY(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 1, 0));
		SAY(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, 1));
		SAY(syscall(SYS_setrlimit, 99, &limit));
		_exit(0);
	}
	said_end("descriptors", child);
	child = fork();
	if (child == 0) {
		limit.rlim_cur = limit.rlim_max = 5;
		SAY(setrlimit(RLIMIT_FSIZE, &limit));
		int fd = open("limited", O_RDWR | O_CREAT, 0600);
		SAY(write(fd, "12345678", 8));
		unlink("limited");
		write(fd, "9", 1); /* SIGXFSZ */
		_exit(0);
	}
	said_end("file size", child);
	child = fork();
	if (child == 0) {
		limit.rlim_cur = limit.rlim_max = 0;
		SAY(setrlimit(RLIMIT_CORE, &limit));
		limit.rlim_cur = 1;
		limit.rlim_max = 2;
		SAY(setrlimit(RLIMIT_CPU, &limit));
		for (;;)
			;
	}
	said_end("processor time", child);
	child = fork();
	if (child == 0) {
		getrlimit(RLIMIT_STACK, &limit);
		SAY(setrlimit(RLIMIT_STACK, &limit));
		limit.rlim_cur = limit.rlim_max = 64 << 20;
		SAY(setrlimit(RLIMIT_DATA, &limit));
		SAY(mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
		_exit(0);
	}
	said_end("data", child);
	/* A child has its parent's. */
	limit.rlim_cur = limit.rlim_max = 77;
	child = fork();
	if (child == 0) {
		SAY(setrlimit(RLIMIT_SIGPENDING, &limit));
		if (fork() == 0) {
			SAY(getrlimit(RLIMIT_SIGPENDING, &old) == 0 && old.rlim_cur == 77);
			_exit(0);
		}
		wait(NULL);
		_exit(0);
	}
	said_end("inherited", child);
}

static void many(void)
{
	int sum = 0, status;

	for (int i = 0; i < 50; i++)
		if (fork() == 0)
			_exit(i);
	for (int i = 0; i < 50; i++)
		if (wait(&status) > 0)
			sum += WEXITSTATUS(status);
	printf("50 children: %d\n", sum);
	SAY(wait(&status));
}

int main(int argc, char **argv)
{
	calls_begin(argc, argv);
	exits();
	shared_memory();
	stops();
	pidfds();
	usage();
	orphans();
	groups();
	ids();
	limits();
	many();
	stops_first();
	return 0;
}
