/* SPDX-License-Identifier: MIT
 * Signals for input: who owns a socket's or pipe's, and gets them. cases/calls.sh compares. */
#include "calls.h"
#include "noted.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

static void told(const char *what)
{
	printf("%s: handled %d, signal %d code %d\n", what, handled, last.si_signo, last.si_code);
	fflush(stdout);
	memset(&last, 0, sizeof last);
	handled = 0;
}

/* What a descriptor's owner is, by number alone. */
static void said_owner(int fd)
{
	struct f_owner_ex owner = { -1, -1 };
	long got = fcntl(fd, F_GETOWN), me = getpid();

	printf("owner: %s, ", got == 0 ? "none" : got == me ? "this" : got == -me ? "this group" : got > 0 ? "other" : "?");
	got = fcntl(fd, F_GETOWN_EX, &owner);
	printf("%ld: kind %d %s\n", got, owner.type, owner.pid == 0 ? "none" : owner.pid == me ? "this" : "other");
	fflush(stdout);
}

static void owners(int in, int out)
{
	int on = 1, off = 0;
	char bytes[8];
	struct f_owner_ex owner = { F_OWNER_TID, gettid() };

	said_owner(in);
	SAY(write(out, "a", 1));
	SAY(ioctl(in, FIOASYNC, &on));
	SAY(fcntl(in, F_GETFL) & O_ASYNC);
	SAY(write(out, "a", 1));
	told("nobody's");
	SAY(fcntl(in, F_SETOWN, getpid()));
	said_owner(in);
	SAY(write(out, "a", 1));
	told("its own");
	SAY(ioctl(in, FIOASYNC, &off));
	SAY(fcntl(in, F_GETFL) & O_ASYNC);
	SAY(write(out, "a", 1));
	told("turned off");
	SAY(fcntl(in, F_SETFL, O_ASYNC | O_NONBLOCK));
	SAY(fcntl(in, F_GETFL) & (O_ASYNC | O_NONBLOCK));
	SAY(write(out, "a", 1));
	told("turned on by F_SETFL");
	SAY(fcntl(in, F_SETFL, O_ASYNC));
	SAY(fcntl(in, F_SETOWN, 0));
	said_owner(in);
	SAY(write(out, "a", 1));
	told("nobody's again");
	SAY(fcntl(in, F_SETOWN_EX, &owner));
	said_owner(in);
	SAY(write(out, "a", 1));
	told("the thread's");
	owner.type = F_OWNER_PID;
	SAY(fcntl(in, F_SETOWN_EX, &owner));
	said_owner(in);
	SAY(write(out, "a", 1));
	told("the process's");
	SAY(read(in, bytes, sizeof bytes));
	/* Calls keep the registers of their arguments. */
	long kept, result;
	__asm__ volatile("syscall"
			 : "=a"(result), "=d"(kept)
			 : "a"((long)SYS_fcntl), "D"((long)in), "S"((long)F_SETOWN_EX), "1"(&owner)
			 : "rcx", "r11", "memory");
	printf("%ld, kept %d\n", result, kept == (long)&owner);
	SAY(fcntl(in, F_SETFL, 0));
	SAY(fcntl(in, F_GETFL) & O_ASYNC);
}

static void a_childs(int in, int out)
{
	int ready[2], on = 1;
	sigset_t set;
	char byte;

	SAY(pipe(ready));
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid_t child = fork();
	if (child == 0) {
		siginfo_t info;
		write(ready[1], "r", 1);
		_exit(sigwaitinfo(&set, &info) == SIGIO && info.si_code == SI_KERNEL ? 5 : 6);
	}
	read(ready[0], &byte, 1);
	SAY(fcntl(in, F_SETOWN, child));
	SAY(fcntl(in, F_GETOWN) == child);
	SAY(ioctl(in, FIOASYNC, &on));
	SAY(write(out, "a", 1));
	said_end("a child's", child);
	SAY(fcntl(in, F_GETOWN));
	SAY_AS("F_SETOWN of who is gone", fcntl(in, F_SETOWN, child));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	told("not the parent");
}

/* In a session of its own. */
static void a_groups(int in, int out)
{
	struct f_owner_ex owner = { F_OWNER_PGRP, 0 };
	int on = 1;

	pid_t child = fork();
	if (child == 0) {
		SAY(setsid() == getpid());
		SAY(fcntl(in, F_SETOWN, -getpid()));
		said_owner(in);
		SAY(ioctl(in, FIOASYNC, &on));
		SAY(write(out, "a", 1));
		told("the group's");
		SAY(fcntl(in, F_SETOWN, 0));
		owner.pid = getpid();
		SAY(fcntl(in, F_SETOWN_EX, &owner));
		said_owner(in);
		SAY(write(out, "a", 1));
		told("the group's");
		_exit(0);
	}
	said_end("a group's", child);
}

static void *nothing(void *arg)
{
	return arg;
}

static void others(int fd)
{
	struct f_owner_ex owner = { 3, 0 };
	pthread_t thread;
	int on = 1;

	SAY(fcntl(fd, F_SETOWN, 1 << 29));
	SAY(fcntl(fd, F_SETOWN, -(1 << 29)));
	SAY(fcntl(fd, F_SETOWN, INT32_MIN));
	SAY(fcntl(99, F_SETOWN, getpid()));
	SAY(fcntl(99, F_GETOWN));
	SAY(fcntl(fd, F_SETOWN_EX, &owner));
	SAY(fcntl(fd, F_SETOWN_EX, (struct f_owner_ex *)64));
	SAY(fcntl(fd, F_GETOWN_EX, (struct f_owner_ex *)64));
	owner = (struct f_owner_ex){ F_OWNER_PID, -getpid() };
	SAY(fcntl(fd, F_SETOWN_EX, &owner));
	owner = (struct f_owner_ex){ F_OWNER_TID, 1 << 29 };
	SAY(fcntl(fd, F_SETOWN_EX, &owner));
	SAY(ioctl(99, FIOASYNC, &on));
	SAY(ioctl(fd, FIOASYNC, 64));
	SAY(fcntl(99, F_SETFL, O_ASYNC));
	/* Who had threads once may have them too. */
	SAY(pthread_create(&thread, NULL, nothing, NULL));
	SAY(pthread_join(thread, NULL));
	SAY(ioctl(fd, FIOASYNC, &on));
}

int main(int argc, char **argv)
{
	int pair[2];

	calls_begin(argc, argv);
	handle_info(SIGIO, note, 0);
	SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	owners(pair[0], pair[1]);
	a_childs(pair[0], pair[1]);
	SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	a_groups(pair[0], pair[1]);
	SAY(pipe(pair));
	owners(pair[0], pair[1]);
	/* Urgent data, where the kernel has it, tells the owner by itself. */
	handle_info(SIGURG, note, 0);
	SAY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	SAY(fcntl(pair[0], F_SETOWN, getpid()));
	SAY(send(pair[1], "u", 1, MSG_OOB));
	told("urgent");
	others(pair[0]);
	return 0;
}
