/* SPDX-License-Identifier: MIT
 * Signals that a Linux program sends itself, is sent by timers, blocks and waits for arrive as they do
 * without Microcosm.
 */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int last, value;

static void note(int signo, siginfo_t *info, void *context)
{
	last = signo;
	value = info->si_value.sival_int;
}

static void handle(int signo)
{
	struct sigaction action = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };

	CHECK_IS(sigaction(signo, &action, NULL), 0);
	last = 0;
}

static void sent(void)
{
	handle(SIGUSR1);
	CHECK_IS(kill(getpid(), SIGUSR1), 0);
	CHECK_IS(last, SIGUSR1);
	last = 0;
	CHECK_IS(raise(SIGUSR1), 0);
	CHECK_IS(last, SIGUSR1);
	handle(SIGUSR2);
	CHECK_IS(sigqueue(getpid(), SIGUSR2, (union sigval){ .sival_int = 4711 }), 0);
	CHECK_IS(last, SIGUSR2);
	CHECK_IS(value, 4711);
	CHECK(kill(1, 0) == -1 && (errno == EPERM || errno == ESRCH));
}

static void blocked(void)
{
	sigset_t one, before;
	struct timespec second = { 1, 0 };
	struct signalfd_siginfo from;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	handle(SIGUSR1);
	CHECK_IS(sigprocmask(SIG_BLOCK, &one, &before), 0);
	raise(SIGUSR1);
	CHECK_IS(last, 0);
	CHECK(sigsuspend(&before) == -1 && errno == EINTR);
	CHECK_IS(last, SIGUSR1);
	raise(SIGUSR1);
	CHECK_IS(sigtimedwait(&one, NULL, &second), SIGUSR1);
	raise(SIGUSR1);
	int fd = signalfd(-1, &one, 0);
	CHECK_IS(read(fd, &from, sizeof from), sizeof from);
	CHECK_IS(from.ssi_signo, SIGUSR1);
	close(fd);
	CHECK_IS(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void timers(void)
{
	struct itimerval soon = { { 0, 0 }, { 0, 10000 } };
	struct itimerspec sooner = { { 0, 0 }, { 0, 5000000 } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t timer;

	handle(SIGALRM);
	CHECK_IS(setitimer(ITIMER_REAL, &soon, NULL), 0);
	CHECK(pause() == -1 && errno == EINTR);
	CHECK_IS(last, SIGALRM);
	handle(SIGUSR1);
	CHECK_IS(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	CHECK_IS(timer_settime(timer, 0, &sooner, NULL), 0);
	while (last != SIGUSR1)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	CHECK_IS(timer_delete(timer), 0);
}

int main(void)
{
	sent();
	blocked();
	timers();
	return 0;
}
