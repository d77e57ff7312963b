/* SPDX-License-Identifier: MIT
 * Signals without a C library. */
#ifndef SIGNAL_TEST_H
#define SIGNAL_TEST_H

#include "check.h"

enum { S_HUP = 1, S_INT = 2, S_ILL = 4, S_USR1 = 10, S_SEGV = 11, S_USR2 = 12, S_ALRM = 14, S_TERM = 15,
       S_CHLD = 17, S_RT = 40 };
enum { SA_siginfo = 4, SA_onstack = 0x08000000, SA_restart = 0x10000000, SA_nodefer = 0x40000000,
       SA_restorer = 0x04000000 };

struct info {
	int signo, error, code, pad;
	int pid, uid;
	long value;
	char rest[96];
};

struct action {
	void (*handler)(int, struct info *, void *);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

void signal_restorer(void);
__asm__(".text\nsignal_restorer:\nmov $15, %eax\nsyscall\n");

static inline void on_signal(int signo, void (*handler)(int, struct info *, void *), unsigned long flags)
{
	struct action action = {handler, flags | SA_siginfo | SA_restorer, signal_restorer, 0};
	CHECK_IS(mc_syscall(NR_rt_sigaction, signo, (long)&action, 0, 8, 0, 0), 0);
}

static inline long get_pid(void) { return mc_syscall(NR_getpid, 0, 0, 0, 0, 0, 0); }
static inline long get_tid(void) { return mc_syscall(NR_gettid, 0, 0, 0, 0, 0, 0); }

static inline void send(long tid, int signo)
{
	CHECK_IS(mc_syscall(NR_tgkill, get_pid(), tid, signo, 0, 0, 0), 0);
}

/* With a value, as sigqueue does. */
static inline void queue(int signo, long value)
{
	struct info info = {.signo = signo, .code = -1, .pid = (int)get_pid(), .value = value};
	CHECK_IS(mc_syscall(NR_rt_sigqueueinfo, get_pid(), signo, (long)&info, 0, 0, 0), 0);
}

#endif
