// SPDX-License-Identifier: MIT
// The tracer's loop: one event at a time, each handed to what it concerns. Blocks on nothing but
// events.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call/interpose.h"
#include "world.h"

#define NR_MMAP 9
#define NR_MPROTECT 10
#define NR_MUNMAP 11
#define NR_CLOSE 3
#define NR_IOCTL 16
#define NR_PAUSE 34
#define NR_SOCKET 41
#define NR_CONNECT 42
#define NR_SENDTO 44
#define NR_SENDMSG 46
#define NR_BIND 49
#define NR_LISTEN 50
#define NR_CLONE 56
#define NR_FORK 57
#define NR_VFORK 58
#define NR_EXECVE 59
#define NR_EXIT 60
#define NR_KILL 62
#define NR_FCNTL 72
#define NR_RT_SIGQUEUEINFO 129
#define NR_PRCTL 157
#define NR_ARCH_PRCTL 158
#define NR_SETPRIORITY 141
#define NR_SCHED_SETPARAM 142
#define NR_SCHED_SETSCHEDULER 144
#define NR_SETRLIMIT 160
#define NR_TKILL 200
#define NR_SCHED_SETAFFINITY 203
#define NR_SCHED_GETAFFINITY 204
#define NR_CLOCK_GETTIME 228
#define NR_CLOCK_GETRES 229
#define NR_EXIT_GROUP 231
#define NR_WAITID 247
#define NR_INOTIFY_ADD_WATCH 254
#define NR_TGKILL 234
#define NR_RT_TGSIGQUEUEINFO 297
#define NR_PRLIMIT64 302
#define NR_EXECVEAT 322
#define NR_PIDFD_SEND_SIGNAL 424
#define NR_PIDFD_OPEN 434
#define NR_MSEAL 462

#define IOCTL_FOREGROUND 0x5410 /* TIOCSPGRP */
#define IOCTL_ASYNC 0x5452 /* FIOASYNC */
#define FCNTL_SETFL 4
#define FCNTL_SETOWN 8
#define FCNTL_SETOWN_EX 15
#define FLAG_ASYNC 020000u /* O_ASYNC */
#define FAMILY_NETLINK 16
#define CLOCK_OF_OTHERS 0x80000000u /* a bit of numbers that stand for a process, a thread or a descriptor */
#define CLOCK_KIND 7
#define CLOCK_KIND_DESCRIPTOR 3
#define WAIT_BY_PIDFD 3 /* P_PIDFD */
#define CLONE_FLAG_VM 0x100u
#define CLONE_FLAG_FS 0x200u
#define CLONE_FLAG_FILES 0x400u
#define CLONE_FLAG_THREAD 0x10000u

#define VSYSCALL_PAGE 0xffffffffff600000ull
#define CARRIED_BYTES 16 /* what RT_CARRIES_CALL has at the stack pointer */

void world_end(struct world *w, enum world_end how, int status, const char *format, ...)
{
	if (w->end != END_NONE)
		return;
	w->end = how;
	w->status = status;
	va_list ap;
	va_start(ap, format);
	vsnprintf(w->end_reason, sizeof w->end_reason, format, ap);
	va_end(ap);
}

void thread_resume(struct world *w, struct thread *t, int signal)
{
	(void)w;
	if (t->interrupting && !t->injection.active)
		os_interrupt(t->tid);
	t->stopped = false;
	if (t->injection.active || t->lent.active || report_in_kernel(t))
		os_resume_to_call_end(t->tid, signal);
	else
		os_resume(t->tid, signal);
}

void thread_interrupt(struct thread *t)
{
	t->interrupting = true;
	if (t->tid && !t->stopped)
		os_interrupt(t->tid);
}

static void finish(struct world *w, struct thread *t, int32_t nr, int64_t result)
{
	report_result(w, t, result);
	if (os_set_result(t->tid, result, nr < 0) == 0)
		thread_resume(w, t, 0);
}

/* Of what the trace does not show. */
static void answer(struct world *w, struct thread *t, int64_t result)
{
	if (os_set_result(t->tid, result, false) == 0)
		thread_resume(w, t, 0);
}

static bool carries(const struct os_call *call, uint64_t what)
{
	return call->nr == RT_NR_CARRIER && call->args[5] == what;
}

static void pass(struct world *w, struct thread *t)
{
	thread_resume(w, t, 0);
}

/* A call of the guest's that goes on in the kernel. */
static void pass_kernel(struct world *w, struct thread *t)
{
	report_kernel(t);
	thread_resume(w, t, 0);
}

/* ---- Calls that a process may make before anything of the guest's has run ---- */

static bool stub_may(const struct os_call *call)
{
	switch (call->nr) {
	case NR_MMAP: case NR_MPROTECT: case NR_MUNMAP: case NR_CLOSE: case NR_ARCH_PRCTL:
	case NR_MSEAL: case NR_EXIT_GROUP: case NR_SENDMSG:
		return true;
	case NR_PRCTL: return call->args[0] == PR_SET_NAME;
	default:
		return false;
	}
}

static void start_boot(struct world *w, struct thread *t)
{
	struct regs regs;
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	/* As a C function on the handler stack, and inside a handler until it is parked. */
	regs_begin(&regs, w->rt.boot, thread_stack_high(w, t) - sizeof(struct mc_frame) - 8,
		   w->boot_list, thread_address(w, t));
	__atomic_store_n(&thread_structure(w, t)->depth, 1, __ATOMIC_SEQ_CST);
	t->state = THREAD_RUNNING;
	t->process->phase = PROCESS_RUNNING;
	if (os_set_regs(t->tid, &regs) == 0)
		thread_resume(w, t, 0);
}

static void start_program(struct world *w, struct thread *t, const struct os_call *call)
{
	struct regs regs;
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	t->begin = (struct mc_frame){.rip = call->args[1], .rsp = call->args[2],
				     .rdi = call->args[3]};
	if (call->args[1] != w->rt.first)
		t->begin.rdi = 0;
	t->process->phase = PROCESS_RUNNING;
	thread_begin(w, t, &regs);
	if (signal_holds(t)) /* since before its exec */
		thread_set_pending(w, t, true);
	place_start(w, t);
	if (os_set_regs(t->tid, &regs) == 0)
		thread_resume(w, t, 0);
}

static void trap_stub(struct world *w, struct thread *t, const struct os_call *call)
{
	if (carries(call, RT_CARRIES_TRACER) && call->args[0] == RT_OP_START) {
		if (t->process->boot)
			start_boot(w, t);
		else
			start_program(w, t, call);
	} else if (call->nr == NR_EXIT_GROUP && t->process->executed) {
		/* There is no program to go back to: as Linux does then. */
		os_send_signal(t->tgid, 0, SIGKILL);
	} else if (stub_may(call)) {
		pass(w, t);
	} else {
		finish(w, t, call->nr, -EPERM);
	}
}

/* ---- The runtime's requests ---- */

static void resolved(struct world *w, struct thread *t, const struct os_call *call)
{
	struct err err = {0};
	if (!t->process->boot || w->sealed)
		answer(w, t, -EPERM);
	else if (modules_resolve(&w->region, w->modules, call->args[1], call->args[2], &err) < 0)
		world_end(w, END_BROKEN, EXIT_UNUSABLE, "%s", err.text);
	else
		answer(w, t, 0);
}

static void trap_runtime(struct world *w, struct thread *t, const struct os_call *call)
{
	switch (call->args[0]) {
	case RT_OP_PENDING: signal_release(w, t); return;
	case RT_OP_GRANT:
		answer(w, t,
		       t->process->boot ? grant_add(w, (int32_t)call->args[1], call->args[2],
						    call->args[3])
					: -EPERM);
		return;
	case RT_OP_GRANT_ALL:
		answer(w, t, t->process->boot ? grant_add_all(w, call->args[1], call->args[2]) : -EPERM);
		return;
	case RT_OP_REGISTER_ALL:
		answer(w, t,
		       t->process->boot && !w->sealed
			       ? register_all(w, t, call->args[1], call->args[2])
			       : -EPERM);
		return;
	case RT_OP_RESOLVED: resolved(w, t, call); return;
	case RT_OP_BOOT_DONE:
		if (!t->process->boot)
			break;
		w->boot_ready = true; /* parked: stays stopped */
		return;
	case RT_OP_TRACE_RETURN:
		report_return(w, t, (int64_t)call->args[1]);
		answer(w, t, 0);
		return;
	case RT_OP_RING:
		if (!w->rings)
			break;
		answer(w, t, 0); /* it goes on meanwhile */
		ring_read_on(w, t, true);
		return;
	default: break;
	}
	answer(w, t, -ENOSYS);
}

/* ---- Kernel calls that never go by the filter alone ---- */

bool call_is_mediated(int32_t nr)
{
	switch (nr) {
	case NR_FORK: case NR_VFORK: case NR_CLONE:
	case NR_EXECVE: case NR_EXECVEAT: case NR_EXIT_GROUP: case NR_KILL: case NR_TKILL:
	case NR_TGKILL: case NR_RT_SIGQUEUEINFO: case NR_RT_TGSIGQUEUEINFO:
	case NR_SCHED_SETAFFINITY: case NR_SCHED_GETAFFINITY:
	case NR_SETRLIMIT: case NR_INOTIFY_ADD_WATCH:
	case NR_CONNECT: case NR_BIND: case NR_LISTEN: case NR_SENDMSG:
	case NR_SETPRIORITY: case NR_SCHED_SETPARAM: case NR_SCHED_SETSCHEDULER:
	case NR_PIDFD_OPEN: case NR_PIDFD_SEND_SIGNAL:
		return true;
	default:
		return false;
	}
}

/* Of these calls, those for which each of their conditions holds, the one or the other, may go by the filter alone. */
static const struct {
	int32_t nr;
	struct mc_rule free, or; /* op 0: there is no other */
} free_calls[] = {
	{NR_IOCTL, {.arg = 1, .op = MC_RULE_MASKED, .mask = ~(uint64_t)UINT32_MAX, .value = 0}, {0}},
	{NR_IOCTL, {.arg = 1, .op = MC_RULE_NE, .value = IOCTL_FOREGROUND}, {0}},
	{NR_IOCTL, {.arg = 1, .op = MC_RULE_NE, .value = IOCTL_ASYNC}, {0}},
	{NR_FCNTL, {.arg = 1, .op = MC_RULE_MASKED, .mask = ~(uint64_t)UINT32_MAX, .value = 0}, {0}},
	{NR_FCNTL, {.arg = 1, .op = MC_RULE_NE, .value = FCNTL_SETOWN}, {0}},
	{NR_FCNTL, {.arg = 1, .op = MC_RULE_NE, .value = FCNTL_SETOWN_EX}, {0}},
	{NR_FCNTL, {.arg = 1, .op = MC_RULE_NE, .value = FCNTL_SETFL},
		   {.arg = 2, .op = MC_RULE_MASKED, .mask = FLAG_ASYNC, .value = 0}},
	{NR_SENDTO, {.arg = 4, .op = MC_RULE_EQ, .value = 0}, {0}},
	{NR_SOCKET, {.arg = 0, .op = MC_RULE_LT, .value = FAMILY_NETLINK}, {0}},
	{NR_WAITID, {.arg = 0, .op = MC_RULE_LT, .value = WAIT_BY_PIDFD}, {0}},
	{NR_CLOCK_GETTIME, {.arg = 0, .op = MC_RULE_LT, .value = CLOCK_OF_OTHERS}, {0}},
	{NR_CLOCK_GETRES, {.arg = 0, .op = MC_RULE_LT, .value = CLOCK_OF_OTHERS}, {0}},
	{NR_PRLIMIT64, {.arg = 0, .op = MC_RULE_EQ, .value = 0}, {0}},
	{NR_PRLIMIT64, {.arg = 2, .op = MC_RULE_EQ, .value = 0}, {0}},
};

#define FREE_CALLS (sizeof free_calls / sizeof free_calls[0])

bool arguments_are_mediated(int32_t nr, const uint64_t args[6])
{
	for (size_t i = 0; i < FREE_CALLS; i++)
		if (free_calls[i].nr == nr && !grant_condition_holds(&free_calls[i].free, args) &&
		    !grant_condition_holds(&free_calls[i].or, args))
			return true;
	return false;
}

/* What condition lets pass, free does too, as far as can be seen. */
static bool is_within(const struct mc_rule *condition, const struct mc_rule *free)
{
	uint64_t args[6] = {0};
	if (condition->arg != free->arg)
		return false;
	args[free->arg] = condition->value;
	return (condition->op == free->op && condition->mask == free->mask && condition->value == free->value) ||
	       (condition->op == MC_RULE_EQ && grant_condition_holds(free, args)) ||
	       (condition->op == MC_RULE_MASKED && free->op == MC_RULE_NE &&
		((condition->value ^ free->value) & condition->mask) != 0) ||
	       (condition->op == MC_RULE_MASKED && free->op == MC_RULE_MASKED && !(free->mask & ~condition->mask) &&
		(condition->value & free->mask) == free->value) ||
	       (condition->op == MC_RULE_LE && free->op == MC_RULE_LT && condition->value < free->value) ||
	       (condition->op == MC_RULE_MASKED && free->op == MC_RULE_LT &&
		(condition->value | ~condition->mask) < free->value);
}

bool rule_is_mediated(const struct os_rule *rule)
{
	for (size_t i = 0; i < FREE_CALLS; i++) {
		bool within = free_calls[i].nr != (int32_t)rule->nr;
		for (uint32_t c = 0; c < rule->n_conditions && !within; c++)
			within = is_within(&rule->conditions[c], &free_calls[i].free) ||
				 is_within(&rule->conditions[c], &free_calls[i].or);
		if (!within)
			return true;
	}
	return false;
}

static void group_sent(struct world *w, struct thread *t, int64_t result);

static bool in_group(const struct thread *t, const struct process *p, int64_t pid)
{
	if (p->boot)
		return false;
	return pid == -1 ? p != t->process : getpgid(p->tgid) == (pid ? (pid_t)-pid : getpgid(t->tgid));
}

/* kill(2) of a group: to this world's processes in it, not to whoever else shares it. What handlers can
 * see of a signal is the sender's, so that it makes the kernel calls, one after the other: from the
 * newest process to the oldest. injection.data: the group, the signal, the process that is asked for, and
 * the result so far. */
static void group_next(struct world *w, struct thread *t, bool trapped)
{
	const struct process *next = NULL;
	uint64_t *data = t->injection.data;
	for (const struct process *p = w->processes; p && !next; p = p->next)
		if ((uint64_t)p->id < data[2] && in_group(t, p, (int64_t)data[0]))
			next = p;
	if (next) {
		const uint64_t args[6] = {(uint64_t)next->tgid, data[1]};
		data[2] = (uint64_t)next->id;
		inject(w, t, &t->injection.saved, trapped, NR_KILL, args, group_sent);
		return;
	}
	if (trapped) {
		finish(w, t, NR_KILL, -ESRCH);
		return;
	}
	inject_return(w, t, (int64_t)data[3]);
}

static void group_sent(struct world *w, struct thread *t, int64_t result)
{
	if (t->injection.data[3] != 0)
		t->injection.data[3] = (uint64_t)result;
	group_next(w, t, false);
}

static void signal_group(struct world *w, struct thread *t, int64_t pid, int signo)
{
	int64_t result = -ESRCH;
	if (signo != 0 && signo != SIGKILL) {
		if (os_get_regs(t->tid, &t->injection.saved) < 0)
			return;
		const uint64_t data[4] = {(uint64_t)pid, (uint64_t)signo, UINT64_MAX, (uint64_t)result};
		memcpy(t->injection.data, data, sizeof data);
		group_next(w, t, true);
		return;
	}
	for (struct process *p = w->processes, *next; p; p = next) {
		next = p->next;
		if (!in_group(t, p, pid))
			continue;
		int64_t sent = signo ? process_end_other(w, p, p->tgid) : 0;
		if (result != 0)
			result = sent;
	}
	finish(w, t, NR_KILL, result);
}

/* Its end has been seen, but its parent, of this world, has not waited for it: a signal would do nothing. */
static bool is_zombie(const struct world *w, pid_t pid)
{
	pid_t parent = pid > 0 ? os_zombie_parent(pid) : 0;
	const struct thread *t = parent ? thread_find(w, parent) : NULL;
	return t && t->process && !t->process->boot;
}

static void mediate_kill(struct world *w, struct thread *t, const struct os_call *call)
{
	bool by_thread = call->nr == NR_TKILL || call->nr == NR_TGKILL ||
			 call->nr == NR_RT_TGSIGQUEUEINFO;
	bool first_is_group = call->nr == NR_TGKILL || call->nr == NR_RT_TGSIGQUEUEINFO;
	int32_t pid = (int32_t)call->args[0], id = (int32_t)call->args[first_is_group ? 1 : 0];
	int signo = (int)call->args[first_is_group ? 2 : 1];
	bool valid = signo >= 0 && signo <= 64;
	if (by_thread && (pid <= 0 || id <= 0)) {
		finish(w, t, call->nr, -EINVAL);
		return;
	}
	if (call->nr == NR_KILL && pid <= 0) {
		if (valid)
			signal_group(w, t, pid, signo);
		else
			finish(w, t, call->nr, -EINVAL);
		return;
	}
	/* The kernel is asked only about threads of ours, which are not gone: no other has their id. */
	const struct thread *target = thread_find(w, id);
	struct process *p = target ? target->process : NULL;
	if (!p || p->boot) {
		bool zombie = is_zombie(w, id) && (!first_is_group || pid == id);
		finish(w, t, call->nr, !zombie ? -ESRCH : valid ? 0 : -EINVAL);
		return;
	}
	bool killed = signo == SIGKILL && (!first_is_group || target->tgid == pid);
	if (killed && target->tgid != t->tgid)
		finish(w, t, call->nr, process_end_other(w, p, target->tgid));
	else if (!killed || process_end(w, p, t, 0))
		pass_kernel(w, t);
}

static void dispatch(struct world *w, const struct os_event *event);

/* A process that has ended is its parent's to wait for once we have waited for it. Its descriptor says so before,
 * and who has looked there need not block. */
static void mediate_wait(struct world *w, struct thread *t, const struct os_call *call)
{
	pid_t tid = t->tid, target = os_pidfd_target(tid, (int)call->args[1]);
	struct os_event event;
	if (target > 0 && thread_find(w, target) && os_wait_ended(target, &event))
		dispatch(w, &event);
	if (thread_find(w, tid)) /* it was not its own */
		pass_kernel(w, t);
}

static void mediate_pidfd_open(struct world *w, struct thread *t, const struct os_call *call)
{
	pid_t pid = (pid_t)call->args[0];
	const struct thread *target = pid > 0 ? thread_find(w, pid) : NULL;
	if (pid <= 0)
		finish(w, t, call->nr, -EINVAL);
	else if (target ? target->process && !target->process->boot : is_zombie(w, pid))
		pass_kernel(w, t);
	else
		finish(w, t, call->nr, -ESRCH);
}

/* kill or rt_sigqueueinfo of the process that the descriptor stands for now: what the number leads to when
 * the kernel would look, another thread can change. */
static void mediate_pidfd_send(struct world *w, struct thread *t, const struct os_call *call)
{
	pid_t pid = os_pidfd_target(t->tid, (int)call->args[0]);
	int signo = (int)call->args[1];
	uint64_t info = call->args[2];
	const struct os_call instead = {.nr = info ? NR_RT_SIGQUEUEINFO : NR_KILL,
					.args = {(uint64_t)pid, (uint64_t)signo, info}};
	const struct thread *target = pid > 0 ? thread_find(w, pid) : NULL;
	struct process *p = target ? target->process : NULL;
	struct regs regs;
	if (call->args[3] != 0 || signo < 0 || signo > 64) {
		finish(w, t, call->nr, -EINVAL);
	} else if (pid < 0) {
		finish(w, t, call->nr, pid);
	} else if (!p || p->boot) {
		finish(w, t, call->nr, is_zombie(w, pid) ? 0 : -ESRCH);
	} else if (signo == SIGKILL && target->tgid != t->tgid) {
		finish(w, t, call->nr, process_end_other(w, p, target->tgid));
	} else if (os_get_regs(t->tid, &regs) < 0) {
		return;
	} else if (signo != SIGKILL) {
		inject(w, t, &regs, true, instead.nr, instead.args, inject_return);
	} else { /* itself: nobody looks at the registers any more */
		regs_set_call(&regs, NR_KILL, instead.args);
		if (os_set_regs(t->tid, &regs) == 0 && process_end(w, p, t, 0))
			pass_kernel(w, t);
	}
}

/* The job that the terminal's keys reach: of this world, or the one that the supervisor is in. The
 * kernel gets the number that was looked at, from memory that guests cannot write. */
static void mediate_foreground(struct world *w, struct thread *t, const struct os_call *call)
{
	int32_t group;
	bool known = false;
	if (os_read(t->tid, call->args[2], &group, sizeof group) != (ssize_t)sizeof group) {
		finish(w, t, call->nr, -EFAULT);
		return;
	}
	for (const struct process *p = w->processes; p && !known; p = p->next)
		known = !p->boot && getpgid(p->tgid) == group;
	if (!known && group != getpgrp()) {
		finish(w, t, call->nr, -EPERM);
		return;
	}
	if (lend_argument(w, t, &group, sizeof group) == 0)
		pass_kernel(w, t);
}

/* setrlimit and prlimit64: of a process of this world, by us, on what was looked at, and never more than
 * it has, which the kernel would give a world that runs as root. */
static int64_t set_limits(struct thread *t, pid_t target, const struct os_call *call)
{
	bool old = call->nr == NR_SETRLIMIT;
	uint64_t resource = call->args[old ? 0 : 1], from = call->args[old ? 1 : 2], to = old ? 0 : call->args[3];
	struct rlimit wanted, before;
	if (os_read(t->tid, from, &wanted, sizeof wanted) != (ssize_t)sizeof wanted)
		return -EFAULT;
	if (resource > INT32_MAX || wanted.rlim_cur > wanted.rlim_max)
		return -EINVAL;
	if (prlimit(target, (int)resource, NULL, &before) < 0)
		return -errno;
	if (wanted.rlim_max > before.rlim_max)
		return -EPERM;
	if (prlimit(target, (int)resource, &wanted, NULL) < 0)
		return -errno;
	return to && os_write(t->tid, to, &before, sizeof before) != (ssize_t)sizeof before ? -EFAULT : 0;
}

static void mediate_limits(struct world *w, struct thread *t, const struct os_call *call)
{
	const struct thread *target = t;
	if (call->nr == NR_PRLIMIT64 && (pid_t)call->args[0] != 0)
		target = thread_find(w, (pid_t)call->args[0]);
	if (!target || !target->process || target->process->boot)
		finish(w, t, call->nr, -ESRCH);
	else if (call->nr == NR_PRLIMIT64 && call->args[2] == 0)
		pass_kernel(w, t);
	else
		finish(w, t, call->nr, set_limits(t, target->tgid, call));
}

static void mediate_owner(struct world *w, struct thread *t, const struct os_call *call)
{
	int64_t result = owner_lend(w, t, call);
	if (result == 0)
		pass_kernel(w, t);
	else
		finish(w, t, call->nr, result);
}

static void mediate_async(struct world *w, struct thread *t, const struct os_call *call)
{
	int64_t result = owner_signals(w, t, call);
	if (result != 0)
		finish(w, t, call->nr, result);
}

static void mediate_ioctl(struct world *w, struct thread *t, const struct os_call *call)
{
	switch ((uint32_t)call->args[1]) {
	case IOCTL_FOREGROUND: mediate_foreground(w, t, call); return;
	case IOCTL_ASYNC: mediate_async(w, t, call); return;
	default: pass_kernel(w, t); return;
	}
}

static void mediate_fcntl(struct world *w, struct thread *t, const struct os_call *call)
{
	uint32_t command = (uint32_t)call->args[1];
	if (command == FCNTL_SETOWN || command == FCNTL_SETOWN_EX)
		mediate_owner(w, t, call);
	else if (command == FCNTL_SETFL && call->args[2] & FLAG_ASYNC)
		mediate_async(w, t, call);
	else
		pass_kernel(w, t);
}

static void making(struct world *w, struct thread *t, bool makes)
{
	w->n_making += (size_t)makes - (size_t)t->makes;
	t->makes = makes;
}

/* fork, vfork, clone: only where the child will find a slot. */
static void mediate_making(struct world *w, struct thread *t, const struct os_call *call)
{
	if (w->n_free_slots <= w->n_making) {
		finish(w, t, call->nr, -EAGAIN);
		return;
	}
	making(w, t, true);
	pass_kernel(w, t);
}

/* Its handler names what is to be watched by a descriptor of the caller's, which may be open on anything by
 * the time that the kernel looks: it is held anyway. A path for each number is written once, where no
 * guest can write, and may be in use by others. */
static void mediate_watch(struct world *w, struct thread *t, const struct os_call *call)
{
	struct regs regs;
	uint64_t number = call->args[1], at = w->held_paths + number * HELD_PATH_BYTES;
	if (number >= HELD_PATHS) {
		finish(w, t, call->nr, -EMFILE);
		return;
	}
	char *path = region_at(&w->region, REGION_SEALED, (struct gaddr){at}, HELD_PATH_BYTES);
	if (!*path)
		snprintf(path, HELD_PATH_BYTES, "/proc/self/fd/%d", (int)number);
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	regs.user.rsi = at;
	if (os_set_regs(t->tid, &regs) == 0)
		pass_kernel(w, t);
}

/* The processor time of this world's, whose process or thread is in the number. */
static void mediate_clock(struct world *w, struct thread *t, const struct os_call *call)
{
	int32_t clock = (int32_t)call->args[0];
	pid_t pid = ~(clock >> 3);
	const struct thread *target = pid > 0 ? thread_find(w, pid) : NULL;
	bool known = pid == 0 || (target && target->process && !target->process->boot);
	if (known && (clock & CLOCK_KIND) != CLOCK_KIND_DESCRIPTOR)
		pass_kernel(w, t);
	else
		finish(w, t, call->nr, -EINVAL);
}

static void upcall(struct world *w, struct thread *t, const struct os_call *call, int32_t nr);

static void mediate_address(struct world *w, struct thread *t, const struct os_call *call)
{
	int64_t result = socket_lend(w, t, call);
	if (result == SOCKET_LOCAL)
		upcall(w, t, call, RT_NR_LOCAL(call->nr));
	else if (result == 0)
		pass_kernel(w, t);
	else
		finish(w, t, call->nr, result);
}

/* Of an unbound socket the kernel would choose the port, and any address. */
static void mediate_listen(struct world *w, struct thread *t, const struct os_call *call)
{
	if (w->listens_freely)
		pass_kernel(w, t);
	else
		upcall(w, t, call, RT_NR_LOCAL(call->nr));
}

/* Netlink's the handler has its host half make. */
static void mediate_socket(struct world *w, struct thread *t, const struct os_call *call)
{
	if ((int32_t)call->args[0] == FAMILY_NETLINK)
		upcall(w, t, call, RT_NR_LOCAL(call->nr));
	else
		pass_kernel(w, t);
}

static void mediate(struct world *w, struct thread *t, const struct os_call *call)
{
	switch (call->nr) {
	case NR_EXIT_GROUP:
		t->process->exits = true;
		if (process_end(w, t->process, t, 0))
			pass_kernel(w, t);
		return; /* else stays stopped until the other threads have ended */
	case NR_FORK:
	case NR_VFORK:
	case NR_CLONE: mediate_making(w, t, call); return;
	case NR_EXECVE: finish(w, t, call->nr, -ENOSYS); return;
	case NR_EXECVEAT: exec_begin(w, t); return;
	case NR_SCHED_SETAFFINITY:
	case NR_SCHED_GETAFFINITY:
		/* What the guest sees and sets is its own, not where we keep it. */
		place_affinity(w, t, call->nr == NR_SCHED_SETAFFINITY);
		pass_kernel(w, t);
		return;
	case NR_IOCTL: mediate_ioctl(w, t, call); return;
	case NR_FCNTL: mediate_fcntl(w, t, call); return;
	case NR_INOTIFY_ADD_WATCH: mediate_watch(w, t, call); return;
	case NR_SETRLIMIT:
	case NR_PRLIMIT64: mediate_limits(w, t, call); return;
	case NR_CONNECT:
	case NR_BIND:
	case NR_SENDMSG:
	case NR_SENDTO: mediate_address(w, t, call); return;
	case NR_LISTEN: mediate_listen(w, t, call); return;
	case NR_SOCKET: mediate_socket(w, t, call); return;
	case NR_CLOCK_GETTIME:
	case NR_CLOCK_GETRES: mediate_clock(w, t, call); return;
	case NR_SETPRIORITY:
	case NR_SCHED_SETPARAM:
	case NR_SCHED_SETSCHEDULER: finish(w, t, call->nr, priority_set(w, t, call)); return;
	case NR_WAITID: mediate_wait(w, t, call); return;
	case NR_PIDFD_OPEN: mediate_pidfd_open(w, t, call); return;
	case NR_PIDFD_SEND_SIGNAL: mediate_pidfd_send(w, t, call); return;
	default: mediate_kill(w, t, call); return;
	}
}

/* What no rule lets pass. Programs know that they may not make a socket by this number. */
static int64_t refusal(const struct world *w, int32_t nr)
{
	return !grant_any(w, nr) ? -ENOSYS : nr == NR_SOCKET ? -EACCES : -EPERM;
}

/* From a patched site it will be recorded instead. */
static void pass_granted(struct world *w, struct thread *t, const struct os_call *call)
{
	if (rings_grant(w, call->nr))
		patch_consider(w, t, call);
	pass_kernel(w, t);
}

/* A kernel call that reached the tracer although it is granted, or by its stub. */
static void serve_kernel(struct world *w, struct thread *t, const struct os_call *call)
{
	if (t->process->boot && !w->sealed && grant_any(w, call->nr) && !call_is_mediated(call->nr))
		pass_kernel(w, t);
	else if (!grant_allows(w, call->nr, call->args))
		finish(w, t, call->nr, refusal(w, call->nr));
	else if (!grant_spares_region(w, call->nr, call->args))
		finish(w, t, call->nr, -EPERM);
	else if (call_is_mediated(call->nr) || arguments_are_mediated(call->nr, call->args))
		mediate(w, t, call);
	else
		pass_granted(w, t, call);
}

/* ---- Everything else: by the table ---- */

static void serve_core(struct world *w, struct thread *t, const struct os_call *call, int32_t nr)
{
	int64_t result;
	if (core_call(w, t, nr, call->args, &result) == SERVED_RESULT)
		finish(w, t, call->nr, result);
}

/* After a `syscall` of the runtime's that somebody called as a function, does its `ret` at once: a new
 * stack has no return address, a handler is to see who really called. */
static bool take_return(const struct world *w, const struct thread *t, struct regs *regs)
{
	uint64_t to, pushed = regs->user.rip == w->rt.entry_trapped ? CARRIED_BYTES : 0;
	if (!pushed && !table_in_stubs(w, regs->user.rip))
		return false;
	if (os_read(t->tid, regs->user.rsp + pushed, &to, sizeof to) != (ssize_t)sizeof to)
		return false; /* the ret itself will find out */
	regs->user.rip = to;
	regs->user.rsp += pushed + sizeof to;
	return true;
}

/* Has the handler of the number nr serve the call. */
static void upcall(struct world *w, struct thread *t, const struct os_call *call, int32_t nr)
{
	struct regs regs;
	/* A record would have the other number. */
	bool recorded = w->rings && nr == call->nr, wanted = report_upcall(t, recorded);
	if (nr == call->nr)
		patch_consider(w, t, call);
	if (!w->trace || recorded) {
		/* Where to return to and the flags are in rcx and r11 already, as after any `syscall`. */
		uint64_t to = wanted ? w->rt.upcall_ring : w->rt.upcall_trapped;
		if (os_redirect(t->tid, to, nr) == 0)
			thread_resume(w, t, 0);
		return;
	}
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	regs.user.orig_rax = (unsigned long long)(int64_t)nr;
	if (regs.user.rip == w->rt.entry_trapped)
		take_return(w, t, &regs);
	regs_upcall(&regs, w->rt.upcall, regs.user.rip, wanted);
	if (os_set_regs(t->tid, &regs) == 0)
		thread_resume(w, t, 0);
}

static bool is_vsyscall(const struct os_call *call)
{
	return call->ip >= VSYSCALL_PAGE && call->ip < VSYSCALL_PAGE + 4096;
}

static void serve_table(struct world *w, struct thread *t, const struct os_call *call)
{
	int32_t nr = call->nr;
	uint64_t entry = table_nr_valid(nr) ? table_get(w, t->process, nr) : 0;
	if (entry == 0) {
		finish(w, t, nr, -ENOSYS);
	} else if (nr < 0 && entry == table_core_default(w, nr)) {
		serve_core(w, t, call, nr);
	} else if (entry == table_kernel_stub(w, nr)) {
		serve_kernel(w, t, call);
	} else if (is_vsyscall(call)) {
		/* The kernel kills whoever changes rip here: skip the call, and go on at the stop
		 * that follows. */
		t->upcall_due = nr + 1;
		if (os_set_result(t->tid, 0, false) == 0 && os_interrupt(t->tid) == 0)
			thread_resume(w, t, 0);
	} else {
		upcall(w, t, call, nr);
	}
}

/* A call made by a stub bypasses the table. */
static void serve_stub(struct world *w, struct thread *t, const struct os_call *call)
{
	if (call->nr < 0 && table_core_default(w, call->nr))
		serve_core(w, t, call, call->nr);
	else if (call->nr >= 0 && call->nr < (int32_t)RT_KERNEL_STUBS)
		serve_kernel(w, t, call);
	else
		finish(w, t, call->nr, -ENOSYS);
}

static void serve(struct world *w, struct thread *t, const struct os_call *call, bool by_stub)
{
	report_call(w, t, call);
	if (t->kill_pending && !by_stub && thread_structure(w, t)->depth == 0)
		thread_exit_now(w, t, t->kill_value);
	else if (by_stub)
		serve_stub(w, t, call);
	else
		serve_table(w, t, call);
}

/* ---- Carried calls: for the kernel and for us they are what they carry from here on ---- */

static void serve_carried_core(struct world *w, struct thread *t, struct os_call *call)
{
	call->nr = (int32_t)call->args[4];
	call->args[4] = call->args[5] = 0; /* no call of the core's has so many */
	if (call->nr >= 0)
		answer(w, t, -ENOSYS);
	else if (os_set_number(t->tid, call->nr) == 0)
		serve(w, t, call, true);
}

static void serve_carried(struct world *w, struct thread *t, struct os_call *call)
{
	struct regs regs;
	if (os_read(t->tid, call->sp, &call->args[4], CARRIED_BYTES) != CARRIED_BYTES) {
		answer(w, t, -EFAULT);
		return;
	}
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	call->nr = regs_uncarry(&regs, &call->args[4]);
	if (os_set_regs(t->tid, &regs) == 0)
		serve(w, t, call, false);
}

static bool is_guard(const struct world *w, const struct thread *t, const struct os_call *call)
{
	return t->guard_due && call->nr == NR_MPROTECT && call->args[1] == RT_SLOT_GUARD &&
	       call->args[2] == PROT_NONE &&
	       call->args[0] == thread_stack_high(w, t) - RT_SLOT_STACK_HIGH;
}

static void end_foreign(struct world *w, struct thread *t, const char *why)
{
	fprintf(stderr, "microcosm: thread %lld %s: its process is ended\n", (long long)t->id, why);
	t->process->forced_status = 128 + SIGSYS;
	t->process->phase = PROCESS_ENDING;
	process_kill(t->process);
	if (os_set_result(t->tid, -ENOSYS, false) == 0)
		thread_resume(w, t, 0);
}

/* It was sent to exit: whatever it calls, it does. */
static void exit_here(struct world *w, struct thread *t)
{
	struct regs regs;
	const uint64_t args[6] = {(uint64_t)t->value & 0xff};
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	regs_set_call(&regs, NR_EXIT, args);
	if (os_set_regs(t->tid, &regs) == 0)
		thread_resume(w, t, 0);
}

static void trap(struct world *w, struct thread *t)
{
	struct os_call call;
	if (os_get_call(t->tid, &call) < 0)
		return; /* killed meanwhile: its end follows */
	struct process *p = t->process;
	if (!p) { /* cannot be: it has not been let go yet */
		os_send_signal(t->tid, 0, SIGKILL);
		return;
	}
	if (t->injection.active && inject_is(t, &call)) {
		pass(w, t);
		return;
	}
	/* That it asks to be read says nothing of how often it stops. */
	if (!w->rings || !carries(&call, RT_CARRIES_TRACER) || call.args[0] != RT_OP_RING) {
		ring_read_all(w, t);
		place_follow(w, t);
	}
	if (call.foreign) {
		end_foreign(w, t, "used int 0x80, which enters the kernel with 32-bit numbers");
	} else if (t->injection.active) {
		end_foreign(w, t, "has mapped over the region's stubs");
	} else if (p->phase == PROCESS_STUB) {
		trap_stub(w, t, &call);
	} else if (t->exiting) {
		exit_here(w, t);
	} else if (t->wait == WAIT_JOIN && call.nr == NR_PAUSE) {
		pass(w, t); /* restarted by the kernel, and not granted */
	} else if (is_guard(w, t, &call)) {
		t->guard_due = false;
		pass(w, t);
	} else if (carries(&call, RT_CARRIES_TRACER)) {
		trap_runtime(w, t, &call);
	} else if (carries(&call, RT_CARRIES_CORE)) {
		serve_carried_core(w, t, &call);
	} else if (carries(&call, RT_CARRIES_CALL)) {
		serve_carried(w, t, &call);
	} else {
		serve(w, t, &call, table_in_stubs(w, call.ip));
	}
}

/* ---- Threads and processes come and go ---- */

static void thread_start(struct world *w, struct thread *t)
{
	struct regs regs;
	/* Made while its process is being ended: it ends with the others. */
	if (t->process->phase == PROCESS_ENDING && t->tgid == t->process->tgid)
		t->kill_pending = true;
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	if (t->begin_here) {
		regs_to_frame(&regs, &t->begin);
		t->begin.rax = 0;
	}
	thread_begin(w, t, &regs);
	thread_report(w, t, CTL_PLAN_NONE);
	if (t->kill_pending)
		thread_exit_now(w, t, t->kill_value);
	else if (os_set_regs(t->tid, &regs) == 0 && !interpose_due(w, t, false))
		thread_resume(w, t, 0);
}

/* What a fork or clone made: its address space and the registers that it starts with. */
static int adopt(struct world *w, struct thread *parent, struct thread *n)
{
	struct regs regs;
	if (os_get_regs(parent->tid, &regs) < 0)
		return -ESRCH;
	int32_t nr = regs_nr(&regs);
	uint64_t flags = nr == NR_CLONE ? regs.user.rdi : nr == NR_VFORK ? CLONE_FLAG_VM : 0;
	struct process *p = parent->process;
	if (!(flags & CLONE_FLAG_VM)) {
		p = process_new(w, n->tid);
		if (!p)
			return -ENOMEM;
		p->phase = PROCESS_RUNNING;
		proc_inherit(p, parent->process);
	}
	n->tgid = flags & CLONE_FLAG_THREAD ? parent->tgid : n->tid;
	int error = p != parent->process ? table_inherit(p, parent->process) : 0;
	if (error == 0 && p != parent->process)
		error = patch_inherit(w, p, parent->process);
	if (error == 0)
		error = thread_place(w, n, p);
	if (error) {
		if (p != parent->process)
			process_release(w, p);
		return error;
	}
	if (flags & CLONE_FLAG_FILES && p != parent->process)
		p->shares_files = parent->process->shares_files = true;
	if (flags & (CLONE_FLAG_THREAD | CLONE_FLAG_FS))
		fs_share(w, n, parent);
	else
		fs_copy(w, n, parent);
	n->begin_here = true;
	if (thread_structure(w, parent)->depth) {
		/* Not through the handler: at the caller's instruction after the call. */
		n->begin_here = false;
		uint64_t at = thread_stack_high(w, parent) - sizeof n->begin;
		memcpy(&n->begin,
		       region_at(&w->region, REGION_SHARED, (struct gaddr){at}, sizeof n->begin),
		       sizeof n->begin);
		n->begin.rax = 0;
		if (nr == NR_CLONE && regs.user.rsi)
			n->begin.rsp = regs.user.rsi;
	} else if (take_return(w, parent, &regs)) {
		regs_to_frame(&regs, &n->begin);
		n->begin_here = false;
		n->begin.rax = 0;
		if (nr == NR_CLONE && regs.user.rsi)
			n->begin.rsp = regs.user.rsi;
		if (os_set_regs(parent->tid, &regs) < 0)
			return -ESRCH;
	}
	return 0;
}

static void made(struct world *w, struct thread *t, pid_t tid)
{
	struct thread *early = tid > 0 ? thread_find(w, tid) : NULL;
	/* It may have been killed already, and be gone. */
	if (early || (tid > 0 && os_is_traced(tid))) {
		struct thread *n = core_spawning(t);
		bool stopped = early && early->first_stop_seen;
		int error = 0;
		if (n) {
			if (early)
				thread_forget(w, early);
			thread_set_tid(w, n, tid);
			core_spawned(t);
			n->first_stop_seen = stopped;
		} else {
			n = early ? early : thread_new(w, tid);
			error = n ? adopt(w, t, n) : -ENOMEM;
		}
		if (error) {
			os_send_signal(tid, 0, SIGKILL); /* no structure for it: it cannot run here */
		} else {
			place_inherit(w, n, t);
			if (w->trace)
				trace_event(w->trace, t->id, "made thread %lld", (long long)n->id);
			if (stopped)
				thread_start(w, n);
		}
	}
	thread_resume(w, t, 0);
}

static void executed(struct world *w, const struct os_event *event)
{
	struct thread *t = thread_find(w, event->tid);
	if (t && t->process && t->process->phase == PROCESS_STUB && !t->process->executed) {
		thread_resume(w, t, 0); /* spawned, and traced before the kernel had executed the stub to the end */
	} else if (!exec_done(w, event->tid, (pid_t)event->value)) {
		/* Whatever this is, it must not run: a thread that was not ended in time may have put it in
		 * the stub's place. That is the process's own doing, and its alone. */
		struct thread *former = thread_find(w, (pid_t)event->value);
		if (former && former->process) {
			former->process->phase = PROCESS_ENDING;
			former->process->forced_status = 128 + SIGKILL;
		}
		os_send_signal(event->tid, 0, SIGKILL);
		os_resume(event->tid, 0);
	}
}

static void drop_gate(struct world *w, const struct thread *t)
{
	w->msg->type = CTL_DROP;
	w->msg->slot = t->slot;
	w->msg->text_len = w->msg->n_fds = 0;
	(void)control_send(w, w->msg); /* a dead host process ends the world by itself */
}

static void thread_ended(struct world *w, struct thread *t, int status)
{
	if (t->state == THREAD_ENDED || t->slot == UINT32_MAX)
		return;
	bool expected = t->exiting || t->process->phase == PROCESS_ENDING ||
			t->process->forced_status >= 0;
	if (!t->exiting)
		t->value = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !expected &&
	    t->state == THREAD_RUNNING && thread_structure(w, t)->depth)
		world_end(w, END_BROKEN, 128 + SIGKILL,
			  "thread %lld was killed inside a handler: module data may be half-changed",
			  (long long)t->id);
	t->state = THREAD_ENDED;
	if (t->tid == t->process->tgid)
		t->process->first_value = (int)(t->value & 0xff);
	thread_unreport(w, t);
	fs_leave(w, t);
	drop_gate(w, t);
	ring_read_all(w, t);
	report_drop(w, t);
	struct mc_thread *structure = thread_structure(w, t);
	structure->value = t->value;
	structure->state = MC_THREAD_ENDED;
	if (w->trace && !t->process->boot && w->end == END_NONE)
		trace_event(w->trace, t->id, "ended with %lld", (long long)t->value);
	core_thread_ended(t);
}

static void exiting(struct world *w, struct thread *t, int status)
{
	if (t->process)
		thread_ended(w, t, status);
	os_resume(t->tid, 0);
	t->stopped = false;
	/* A leader is reaped last: who ends the process waits for no more than this. */
	if (t->process) {
		process_end_continue(w, t->process);
		exec_continue(w, t->process);
	}
}

static int process_status(const struct process *p)
{
	return p->forced_status >= 0   ? p->forced_status
	       : WIFSIGNALED(p->status) ? 128 + WTERMSIG(p->status)
	       : !p->exits		? p->first_value
					: WEXITSTATUS(p->status);
}

/* Others share its memory and go on: the kernel may give its id to somebody else. */
static void leader_gone(struct process *p)
{
	for (const struct thread *t = p->threads; t; t = t->process_next)
		if (t->tid)
			p->tgid = t->tgid;
	if (p->phase == PROCESS_ENDING && p->forced_status < 0)
		p->phase = PROCESS_RUNNING;
}

static bool any_guest(const struct world *w)
{
	for (const struct process *p = w->processes; p; p = p->next)
		if (!p->boot)
			return true;
	return false;
}

/* The first process has ended: so does the world, or it waits for the others. */
static void first_ended(struct world *w, int code)
{
	w->first = NULL;
	w->first_status = code;
	if (!w->waits || !any_guest(w))
		world_end(w, END_ORDERLY, code, "%s", "");
}

static const char *why_no_process(void)
{
	return !os_is_filtered()     ? "does the kernel (5.11 or later) refuse seccomp filters with notification?"
	       : os_carrier_passes() ? "there is a seccomp filter already, a container's perhaps: does it forbid "
				       "filters of one's own (docker run --security-opt seccomp=unconfined)?"
				     : "there is a seccomp filter already, a container's perhaps, and it refuses "
				       "sched_get_priority_max, the number that Microcosm's own calls go by "
				       "(docker run --security-opt seccomp=unconfined)";
}

static void process_gone(struct world *w, struct process *p)
{
	while (p->threads)
		thread_forget(w, p->threads);
	int code = process_status(p);
	bool first = p == w->first, boot = p == w->boot && p->phase != PROCESS_ENDING, set_up = p->phase >= PROCESS_RUNNING || p->executed;
	process_release(w, p);
	if ((first || boot) && !set_up)
		world_end(w, END_BROKEN, EXIT_MICROCOSM, "cannot set up a process (status %d): %s", code,
			  why_no_process());
	else if (first || (w->waits && !w->first && w->filters_ready && !any_guest(w)))
		first_ended(w, first ? code : w->first_status);
	else if (boot && !w->finalising)
		world_end(w, END_BROKEN, EXIT_MICROCOSM,
			  "the boot process ended (status %d): an initialiser did it", code);
}

/* Whose maker was killed before its event was seen: nobody would ever let it go. */
static void kill_unplaced(struct world *w)
{
	w->unplaced = false;
	for (struct thread *t = threads_unplaced(w, NULL); t; t = threads_unplaced(w, t)) {
		const struct thread *maker = thread_find(w, os_maker(t->tid));
		if (maker && maker->process)
			w->unplaced = true;
		else
			os_send_signal(t->tid, 0, SIGKILL);
	}
}

static void gone(struct world *w, struct thread *t, int status)
{
	struct process *p = t->process;
	if (!p) {
		thread_forget(w, t);
		return;
	}
	core_spawn_lost(w, t);
	core_join_cancel(t);
	thread_ended(w, t, status);
	interpose_thread_gone(w, t);
	if (p->ender == t)
		p->ender = NULL;
	pid_t tid = t->tid;
	t->gone = true;
	thread_set_tid(w, t, 0);
	t->process->n_threads--;
	if (!t->joinable)
		thread_forget(w, t);
	/* The leader is reaped last in its group: only a vfork child may still be in the space. */
	if (tid == p->tgid)
		p->status = status;
	if (p->n_threads == 0)
		process_gone(w, p);
	else if (tid == p->tgid) {
		if (p == w->first)
			first_ended(w, process_status(p));
		leader_gone(p);
	}
	else {
		process_end_continue(w, p);
		exec_continue(w, p);
	}
	if (w->unplaced)
		kill_unplaced(w);
}

/* ---- Other stops ---- */

static void upcall_vsyscall(struct world *w, struct thread *t)
{
	struct regs regs;
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	regs.user.orig_rax = (unsigned long long)(t->upcall_due - 1);
	t->upcall_due = 0;
	bool recorded = w->rings != NULL, wanted = report_upcall(t, recorded);
	uint64_t to = wanted && recorded ? w->rt.upcall_ring : w->rt.upcall;
	regs_upcall(&regs, to, regs.user.rip, wanted && !recorded);
	if (os_set_regs(t->tid, &regs) == 0)
		thread_resume(w, t, 0);
}

static void kill_at_stop(struct world *w, struct thread *t, struct regs *regs)
{
	if (signal_settle_for_kill(w, t, regs))
		return;
	if (!thread_inside(w, t, regs)) {
		thread_exit_now(w, t, t->kill_value);
		return;
	}
	thread_set_pending(w, t, true);
	if (regs_interrupted(regs)) {
		core_join_cancel(t);
		regs_set_result(regs, -EINTR);
	}
	if (regs->user.rip >= w->rt.exit_check && regs->user.rip < w->rt.exit_end)
		regs->user.rip = w->rt.exit_check;
	if (os_set_regs(t->tid, regs) == 0)
		thread_resume(w, t, 0);
}

static void interrupted(struct world *w, struct thread *t)
{
	struct regs regs;
	if (!t->injection.active)
		t->interrupting = false;
	if (!t->first_stop_seen) {
		t->first_stop_seen = true;
		if (t->process)
			thread_start(w, t);
		else
			w->unplaced = true; /* when its maker's event has come */
		return;
	}
	if (t->injection.active || t->state != THREAD_RUNNING || t->exiting) {
		thread_resume(w, t, 0);
	} else if (t->upcall_due) {
		upcall_vsyscall(w, t);
	} else if (interpose_due(w, t, false)) {
		return;
	} else if (os_get_regs(t->tid, &regs) < 0) {
		return;
	} else if (t->kill_pending) {
		kill_at_stop(w, t, &regs);
	} else if (signal_holds(t) && thread_inside(w, t, &regs)) {
		signal_nudged(w, t, &regs);
	} else {
		if (t->wait == WAIT_JOIN && t->wait_for->state == THREAD_ENDED &&
		    regs_interrupted(&regs)) {
			core_join_complete(w, t, &regs);
			if (os_set_regs(t->tid, &regs) < 0)
				return;
		}
		thread_resume(w, t, 0);
	}
}

static void group_stopped(struct world *w, struct thread *t)
{
	if (t->kill_pending || t->exiting) {
		interrupted(w, t);
		return;
	}
	os_listen(t->tid);
	t->stopped = false;
	/* Whoever of this world stopped it is to let it go on, and is served meanwhile. */
	if (w->first && t->tid == w->first->tgid && !w->first_stopped_by_guest)
		w->stopping = true;
}

static void host_gone(struct world *w, int status)
{
	w->host_pid = 0;
	w->host_gone = true;
	world_end(w, END_BROKEN, EXIT_MICROCOSM, "the host process ended unexpectedly (%s %d)",
		  WIFSIGNALED(status) ? "signal" : "status",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void call_ended(struct world *w, struct thread *t)
{
	if (t->injection.active) {
		inject_finish(w, t);
		return;
	}
	struct regs regs;
	socket_return(t);
	if (os_get_regs(t->tid, &regs) == 0)
		report_kernel_end(w, t, &regs);
	/* This stop takes the place of one that we may have asked for. */
	interrupted(w, t);
}

static void dispatch(struct world *w, const struct os_event *event)
{
	if (event->tid == w->host_pid) {
		if (event->kind == OS_EVENT_GONE)
			host_gone(w, (int)event->value);
		return;
	}
	if (event->kind == OS_EVENT_EXEC) {
		executed(w, event);
		return;
	}
	struct thread *t = thread_find(w, event->tid);
	if (!t && event->kind == OS_EVENT_GONE)
		return;
	if (!t)
		t = thread_new(w, event->tid); /* a new one, before its maker's event */
	if (!t) {
		world_end(w, END_BROKEN, EXIT_MICROCOSM, "no memory for a thread");
		return;
	}
	t->stopped = event->kind != OS_EVENT_GONE;
	t->job_stopped = event->kind == OS_EVENT_GROUP_STOP;
	if (event->kind != OS_EVENT_TRAP && event->kind != OS_EVENT_GONE)
		ring_read_all(w, t);
	making(w, t, false); /* it has been made, and has come, or will not */
	switch (event->kind) {
	case OS_EVENT_TRAP: trap(w, t); return;
	case OS_EVENT_CALL_ENTRY: thread_resume(w, t, 0); return;
	case OS_EVENT_CALL_END: call_ended(w, t); return;
	case OS_EVENT_NEW: made(w, t, (pid_t)event->value); return;
	case OS_EVENT_EXEC: return; /* above */
	case OS_EVENT_EXITING: exiting(w, t, (int)event->value); return;
	case OS_EVENT_STOP: interrupted(w, t); return;
	case OS_EVENT_GROUP_STOP: group_stopped(w, t); return;
	case OS_EVENT_SIGNAL: signal_stop(w, t, event->signal); return;
	case OS_EVENT_GONE: gone(w, t, (int)event->value); return;
	case OS_EVENT_NONE: return;
	}
}

void loop_reap(struct world *w, const struct os_event *event)
{
	struct thread *t = event->kind == OS_EVENT_GONE ? thread_find(w, event->tid) : NULL;
	if (event->tid == w->host_pid && event->kind == OS_EVENT_GONE) {
		host_gone(w, (int)event->value);
	} else if (t) {
		gone(w, t, (int)event->value);
	} else if (event->kind != OS_EVENT_GONE && !(w->boot && event->tid == w->boot->tgid &&
						       w->boot->phase != PROCESS_ENDING)) {
		if (event->kind == OS_EVENT_NEW && event->value > 0)
			os_send_signal((pid_t)event->value, 0, SIGKILL);
		/* Whoever it is, nothing that it calls is served any more. */
		os_send_signal(event->tid, 0, SIGKILL);
		if (event->kind == OS_EVENT_TRAP)
			os_set_result(event->tid, -ENOSYS, false);
		os_resume(event->tid, 0);
	}
}

/* ---- The supervisor's own signals and messages ---- */

static void own_signals(struct world *w)
{
	bool from_terminal;
	int signo;
	while ((signo = os_wait_signal(&from_terminal)) != 0) {
		/* From the terminal the guest, in the same group, has it already; but when that hangs up,
		 * the session's leader is told alone. */
		if (from_terminal && !(signo == SIGHUP && getsid(0) == getpid()))
			continue;
		if (w->first && w->first->phase >= PROCESS_RUNNING)
			os_send_signal(w->first->tgid, 0, signo);
		else if (signal_is_fatal(signo) && w->filters_ready)
			world_end(w, END_ORDERLY, 128 + signo, "%s", "");
		else if (signal_is_fatal(signo))
			world_end(w, END_BROKEN, 128 + signo, "%s before the program started",
				  trace_signal_name(signo));
	}
}

/* The job's leader is the supervisor: it stops when its guest has, and goes on with it. */
static void stop_with_guest(struct world *w)
{
	w->stopping = false;
	raise(SIGSTOP);
	if (w->first)
		os_send_signal(w->first->tgid, 0, SIGCONT);
}

/* ---- Ticks ---- */

bool ticks_want(struct world *w, enum tick_reason reason, bool wanted)
{
	unsigned reasons = wanted ? w->ticking | reason : w->ticking & ~(unsigned)reason;
	/* Without ticks, waits that begin too late go on until the next signal. */
	if (!reasons != !w->ticking && os_wait_ticks(reasons ? TICK_MS : 0) < 0)
		return false;
	w->ticking = reasons;
	return true;
}

void nudge_begin(struct world *w)
{
	(void)ticks_want(w, TICKS_HELD, true);
}

static void nudge(struct world *w)
{
	bool any = false;
	if (!(w->ticking & TICKS_HELD))
		return;
	for (size_t i = 0; i < RT_SLOT_COUNT; i++) {
		struct thread *t = w->by_slot[i];
		if (!t || t->state != THREAD_RUNNING || !t->tid || t->exiting ||
		    !(t->kill_pending || signal_holds(t)))
			continue;
		any = true;
		if (!t->stopped)
			thread_interrupt(t);
	}
	(void)ticks_want(w, TICKS_HELD, any);
}

void loop_run(struct world *w, bool (*until)(const struct world *))
{
	struct os_event event;
	while (w->end == END_NONE && !until(w)) {
		int error = os_wait(&event);
		if (error == 0) {
			dispatch(w, &event);
			if (w->messages)
				control_receive(w); /* the signal for these has been */
		} else if (error == -EINTR) {
			control_receive(w);
			own_signals(w);
			nudge(w);
			place_tick(w);
			rings_tick(w);
		} else {
			world_end(w, END_BROKEN, EXIT_MICROCOSM, "waiting: %s", strerror(-error));
		}
		if (w->stopping)
			stop_with_guest(w);
	}
}
