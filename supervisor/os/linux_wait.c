// SPDX-License-Identifier: MIT
// Waiting: one blocking wait4 for all tracees, which signals break off without a race.
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "os/os.h"

long wait_unless_doorbell(int *status, const int *doorbell);
extern const char wait_begin[], wait_end[], wait_interrupted[], wait_restorer[];

/* Signals for the supervisor, by number: set in the handler, taken in os_wait_signal. The handlers are
 * the process's, so this state is too. */
static int doorbell;
static volatile sig_atomic_t came[65], came_from_terminal[65];
static sigset_t given; /* what was blocked before */

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
				SIGTSTP, SIGCONT, SIGWINCH};

static void handler(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uintptr_t rip = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
	if (rip >= (uintptr_t)wait_begin && rip < (uintptr_t)wait_end)
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)wait_interrupted;
	if (signo != SIGIO) {
		came[signo] = 1;
		came_from_terminal[signo] = info->si_code > 0;
	}
	doorbell = 1;
}

struct kernel_sigaction { /* rt_sigaction(2) as the kernel has it */
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	const void *restorer;
	uint64_t mask;
};

/* By the raw call: sanitizers defer handlers that go through their libc, and a deferred handler does
 * not find the thread at the instruction that it interrupted. */
static int install(int signo)
{
	struct kernel_sigaction action = {
		.handler = handler,
		/* Restarting: the trace's writes are not to fail; os_wait is interrupted anyhow. */
		.flags = SA_SIGINFO | SA_RESTART | 0x04000000 /* SA_RESTORER */,
		.restorer = wait_restorer,
		.mask = ~0ull,
	};
	struct kernel_sigaction before;
	if (syscall(SYS_rt_sigaction, signo, NULL, &before, sizeof action.mask) < 0)
		return -1;
	/* What the user had ignored (nohup) the guest is to ignore too. */
	if (signo != SIGIO && (uintptr_t)before.handler == (uintptr_t)SIG_IGN)
		return 0;
	return (int)syscall(SYS_rt_sigaction, signo, &action, NULL, sizeof action.mask);
}

int os_wait_init(struct err *err)
{
	if (install(SIGIO) < 0)
		return err_sys(err, errno, "cannot handle SIGIO");
	for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++)
		if (install(passed_on[i]) < 0)
			return err_sys(err, errno, "cannot handle signal %d", passed_on[i]);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, &given);
	return 0;
}

const sigset_t *os_wait_given_mask(void)
{
	return &given;
}

int os_wait_ticks(unsigned milliseconds)
{
	static timer_t timer;
	static bool made;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGIO};
	if (!made && timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		return -errno;
	made = true;
	struct timespec each = {.tv_nsec = (long)milliseconds * 1000000};
	struct itimerspec when = {.it_interval = each, .it_value = each};
	return timer_settime(timer, 0, &when, NULL) < 0 ? -errno : 0;
}

int os_wait_signal(bool *from_terminal)
{
	for (int signo = 1; signo <= 64; signo++)
		if (came[signo]) {
			came[signo] = 0;
			*from_terminal = came_from_terminal[signo];
			return signo;
		}
	return 0;
}

static enum os_event_kind classify_stop(int status, struct os_event *event)
{
	int signo = WSTOPSIG(status);
	unsigned long message;
	event->signal = signo;
	switch (status >> 16) {
	case PTRACE_EVENT_SECCOMP: return OS_EVENT_TRAP;
	case PTRACE_EVENT_CLONE:
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		if (ptrace(PTRACE_GETEVENTMSG, event->tid, 0, &message) < 0)
			message = 0;
		event->value = (int64_t)message;
		return OS_EVENT_NEW;
	case PTRACE_EVENT_EXEC:
		if (ptrace(PTRACE_GETEVENTMSG, event->tid, 0, &message) < 0)
			message = 0;
		event->value = (int64_t)message;
		return OS_EVENT_EXEC;
	case PTRACE_EVENT_EXIT:
		if (ptrace(PTRACE_GETEVENTMSG, event->tid, 0, &message) < 0)
			message = 0;
		event->value = (int64_t)message;
		return OS_EVENT_EXITING;
	case PTRACE_EVENT_STOP:
		return signo == SIGTRAP ? OS_EVENT_STOP : OS_EVENT_GROUP_STOP;
	default: break;
	}
	if (signo == (SIGTRAP | 0x80)) {
		struct __ptrace_syscall_info info;
		memset(&info, 0, sizeof info);
		if (ptrace((enum __ptrace_request)PTRACE_GET_SYSCALL_INFO, event->tid, sizeof info,
			   &info) < 0)
			return OS_EVENT_NONE;
		return info.op == PTRACE_SYSCALL_INFO_EXIT ? OS_EVENT_CALL_END : OS_EVENT_CALL_ENTRY;
	}
	return OS_EVENT_SIGNAL;
}

bool os_wait_ended(pid_t tid, struct os_event *event)
{
	siginfo_t info = {0};
	int status;
	/* Stops are told of too, asked for or not: they stay for os_wait. */
	if (waitid(P_PID, (id_t)tid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0 || info.si_pid != tid ||
	    info.si_code > CLD_DUMPED || waitpid(tid, &status, WNOHANG | __WALL) != tid)
		return false;
	*event = (struct os_event){.kind = OS_EVENT_GONE, .tid = tid, .value = status};
	return true;
}

int os_wait(struct os_event *event)
{
	int status;
	long tid = wait_unless_doorbell(&status, &doorbell);
	if (tid == -EINTR) {
		__atomic_store_n(&doorbell, 0, __ATOMIC_SEQ_CST);
		return -EINTR;
	}
	if (tid < 0)
		return (int)tid;
	*event = (struct os_event){.tid = (pid_t)tid};
	if (WIFSTOPPED(status)) {
		event->kind = classify_stop(status, event);
	} else {
		event->kind = OS_EVENT_GONE;
		event->value = status;
	}
	return 0;
}
