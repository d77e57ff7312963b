/* SPDX-License-Identifier: MIT
 * Signals for input that would reach somebody outside of the world. cases/owners.sh runs this as
 *   owner_escapes hold process|group COMMAND...   the host's side: runs the command with a socket as 0 whose signals
 *                             are its own, or its group's, and says whether any came
 *   owner_escapes hold absent COMMAND...   the same for a group that has nobody in it while the command runs
 *   owner_escapes on          the guest's: has signals for 0, and says whether it may
 *   owner_escapes try PATH    the guest's: a line for each way that is open; PATH is this program
 *   owner_escapes own         0 where a socket may have signals */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RACES 3000

static volatile sig_atomic_t reached;

static void count(int signo)
{
	(void)signo;
	reached++;
}

/* Into a group of a child's, until its end. */
static pid_t move_away(void)
{
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	if (child > 0 && (setpgid(child, child) < 0 || setpgid(0, child) < 0))
		perror("setpgid");
	return child;
}

static int hold(const char *whose, char **command)
{
	bool absent = strcmp(whose, "absent") == 0, group = absent || strcmp(whose, "group") == 0;
	pid_t keeper = 0;
	int pair[2], status;

	signal(SIGIO, count);
	if (absent)
		setpgid(0, 0); /* already so for a session's leader, which could not leave it */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || fcntl(pair[0], F_SETOWN, group ? -getpgrp() : getpid()) < 0)
		return 1;
	if (absent)
		keeper = move_away();
	pid_t child = fork();
	if (child == 0) {
		signal(SIGIO, SIG_DFL);
		dup2(pair[0], 0);
		close_range(3, ~0u, 0);
		execv(command[0], command);
		_exit(126);
	}
	while (waitpid(child, &status, 0) < 0)
		;
	if (absent && setpgid(0, 0) < 0)
		perror("setpgid");
	if (keeper)
		kill(keeper, SIGKILL);
	if (write(pair[1], "x", 1) != 1 || reached)
		puts("REACHED");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- The guest ---- */

static void is(const char *what, long result, int errnum)
{
	int got = result < 0 ? errno : 0;

	if (got == errnum)
		return;
	printf("%s: %s, not %s\n", what, got ? strerrorname_np(got) : "0", errnum ? strerrorname_np(errnum) : "0");
	fflush(stdout);
}

static int turn_on(int fd)
{
	return ioctl(fd, FIOASYNC, &(int){ 1 });
}

static void signals_are(const char *what, int fd, int errnum)
{
	is(what, turn_on(fd), errnum);
	is(what, fcntl(fd, F_SETFL, O_ASYNC), errnum);
	is(what, fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK), errnum);
}

static int set_owner(int fd, int kind, int id)
{
	struct f_owner_ex owner = { kind, id };

	return fcntl(fd, F_SETOWN_EX, &owner);
}

static void foreign(int fd)
{
	pid_t me = getpid(), supervisor = getppid(), group = getpgrp();

	for (pid_t id = me - 1; id > me - 20 && id > 0; id--) { /* nobody else's is of this world */
		is("another's id", fcntl(fd, F_SETOWN, id), ESRCH);
		is("another's thread", set_owner(fd, F_OWNER_TID, id), ESRCH);
	}
	is("the first process", fcntl(fd, F_SETOWN, 1), ESRCH);
	is("the first process", set_owner(fd, F_OWNER_PID, 1), ESRCH);
	is("the supervisor", fcntl(fd, F_SETOWN, supervisor), ESRCH);
	is("the supervisor, high bits", syscall(SYS_fcntl, fd, F_SETOWN, 1ul << 32 | (unsigned)supervisor), ESRCH);
	is("the supervisor", set_owner(fd, F_OWNER_PID, supervisor), ESRCH);
	is("the supervisor's group", fcntl(fd, F_SETOWN, -group), EPERM);
	is("the supervisor's group", set_owner(fd, F_OWNER_PGRP, group), EPERM);
	is("another group", fcntl(fd, F_SETOWN, -1), ESRCH);
	is("another group", set_owner(fd, F_OWNER_PGRP, 1), ESRCH);
	/* Others of the session may join it. */
	is("setpgid", setpgid(0, 0), group == me ? EPERM : 0);
	is("a group in the supervisor's session", fcntl(fd, F_SETOWN, -getpgrp()), EPERM);
	is("FIOSETOWN", ioctl(fd, 0x8901, &supervisor), EPERM);
	is("SIOCSPGRP", ioctl(fd, 0x8902, &supervisor), EPERM);
	is("F_SETSIG", fcntl(fd, F_SETSIG, SIGKILL), EPERM);
	is("the owner", fcntl(fd, F_GETOWN), 0);
	if (fcntl(fd, F_GETOWN) != 0)
		puts("it has an owner");
}

static void kinds(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), slave = ioctl(master, TIOCSPTLCK, &(int){ 0 });

	slave = slave == 0 ? ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY) : -1;
	if (slave < 0)
		puts("no terminal");
	signals_are("a terminal's other end", master, EPERM);
	signals_are("a terminal", slave, EPERM);
	signals_are("/dev/null", open("/dev/null", O_RDWR), EPERM);
	signals_are("a file", memfd_create("file", 0), EPERM);
	signals_are("epoll", epoll_create1(0), EPERM);
	signals_are("eventfd", eventfd(0, 0), EPERM);
	signals_are("inotify", inotify_init(), EPERM);
	signals_are("nothing", 99, EBADF);
}

/* ---- Who else could put something in its place ---- */

static void *waits(void *arg)
{
	char byte;

	(void)!read(*(int *)arg, &byte, 1);
	return NULL;
}

static char stack[65536] __attribute__((aligned(16)));

static int in_shared_memory(void *arg)
{
	signals_are("with the parent's descriptors and memory", *(int *)arg, EPERM);
	return 0;
}

static void ended(const char *what, pid_t child)
{
	int status = -1;

	if (waitpid(child, &status, 0) != child || status != 0)
		printf("%s: status %x\n", what, status);
}

static void sharers(int fd, const char *path)
{
	pthread_t thread;
	int wake[2];

	signals_are("alone", fd, 0);
	if (pipe(wake) < 0 || pthread_create(&thread, NULL, waits, &wake[0]) != 0) {
		puts("no thread");
		return;
	}
	signals_are("beside a thread", fd, EPERM);
	is("wake", write(wake[1], "", 1), 0);
	pthread_join(thread, NULL);
	signals_are("alone again", fd, 0);

	ended("memory", clone(in_shared_memory, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, &fd));
	signals_are("alone a third time", fd, 0);

	pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		signals_are("with the parent's descriptors", fd, EPERM);
		pid_t copy = fork();
		if (copy == 0) {
			signals_are("with a copy of them", fd, 0);
			_exit(0);
		}
		ended("copy", copy);
		(void)!read(wake[0], &(char){ 0 }, 1);
		execl(path, path, "own", (char *)NULL);
		_exit(1);
	}
	signals_are("with a child's descriptors", fd, EPERM);
	is("wake", write(wake[1], "", 1), 0);
	ended("a program of its own", child);
}

/* What the structure says when the kernel looks. */
static atomic_bool stop;

static void *changes(void *arg)
{
	struct f_owner_ex *owner = arg;

	while (!stop) {
		__atomic_store_n(&owner->pid, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&owner->pid, getpid(), __ATOMIC_RELAXED);
	}
	return NULL;
}

static void races(int fd)
{
	struct f_owner_ex owner = { F_OWNER_PID, getpid() }, got;
	pthread_t thread;

	pthread_create(&thread, NULL, changes, &owner);
	for (int i = 0; i < RACES; i++) {
		fcntl(fd, F_SETOWN_EX, &owner);
		if (fcntl(fd, F_GETOWN_EX, &got) < 0 || (got.pid != 0 && got.pid != getpid())) {
			printf("owner %d\n", got.pid);
			break;
		}
	}
	stop = true;
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	int pair[2];

	if (argc > 3 && strcmp(argv[1], "hold") == 0)
		return hold(argv[2], argv + 3);
	if (argc == 2 && strcmp(argv[1], "on") == 0) {
		signals_are("a socket without an owner", 0, 0);
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 1;
	if (argc == 2 && strcmp(argv[1], "own") == 0)
		return turn_on(pair[0]) != 0;
	if (argc != 3)
		return 2;
	signal(SIGIO, SIG_IGN);
	/* What has an owner outside. */
	signals_are("a socket of somebody else's", 0, EPERM);
	foreign(pair[0]);
	kinds();
	is("its own", fcntl(0, F_SETOWN, getpid()), 0);
	signals_are("a socket of its own", 0, 0);
	races(pair[0]);
	sharers(pair[0], argv[2]);
	puts("done");
	return 0;
}
