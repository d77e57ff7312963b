/* SPDX-License-Identifier: MIT
 * What the programs share that cases/calls.sh runs natively and on Microcosm: a line for each check, the
 * same in every run. Ids, addresses and times are in lines as relations alone. */
#ifndef TESTS_LINUX_CALLS_H
#define TESTS_LINUX_CALLS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline long said(const char *what, long result)
{
	if (result == -1)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
	fflush(stdout);
	return result;
}

#define SAY(...) said(#__VA_ARGS__, (long)(__VA_ARGS__))
/* For a call whose text is not the same in each run, or says too little. */
#define SAY_AS(what, ...) said(what, (long)(__VA_ARGS__))
/* SYS(name, arguments...): the call itself, without a C library's wrapper. */
#define SYS(name, ...) said(#name "(" #__VA_ARGS__ ")", syscall(SYS_##name, ##__VA_ARGS__))

#define MILLISECONDS 1000000l /* nanoseconds */

/* Waits for a child, and says how it ended. */
static inline void said_end(const char *what, pid_t child)
{
	int status = -1;
	pid_t got;

	do
		got = waitpid(child, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got != child)
		printf("%s: lost\n", what);
	else
		printf("%s: %s %d\n", what, WIFEXITED(status) ? "status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	fflush(stdout);
}

static inline void handle(int signo, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(signo, &action, NULL);
}

static inline void handle_info(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };

	sigaction(signo, &action, NULL);
}

static inline void ignore_signal(int signo)
{
	(void)signo;
}

static inline long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* Every program begins so: in the directory argv[1], with nothing open but 0-2. */
static inline void calls_begin(int argc, char **argv)
{
	sigset_t none;

	close_range(3, ~0u, 0);
	for (int signo = 1; signo < 32; signo++) /* who runs this in the background has it ignore some */
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	if (argc > 1 && chdir(argv[1]) < 0) {
		perror(argv[1]);
		exit(1);
	}
}

#endif
