// SPDX-License-Identifier: MIT
// Ending threads and processes: at the boundary, once no handler of theirs is active.
#include <errno.h>
#include <signal.h>

#include "call/interpose.h"
#include "world.h"

#define NR_EXIT 60

void thread_kill_request(struct world *w, struct thread *t, int64_t value)
{
	if (t->kill_pending || t->exiting || t->state == THREAD_ENDED)
		return;
	if (t->exec_waits) {
		thread_exit_now(w, t, value);
		return;
	}
	t->kill_pending = true;
	t->kill_value = value;
	nudge_begin(w);
	if (t->slot != UINT32_MAX)
		thread_set_pending(w, t, true);
	thread_interrupt(t);
	interpose_abandon(w, t);
}

static size_t others(const struct process *p, const struct thread *but)
{
	size_t n = 0;
	for (const struct thread *t = p->threads; t; t = t->process_next)
		n += t != but && t->tgid == p->tgid && t->state != THREAD_ENDED;
	return n;
}

/* None of its thread group but itself is yet to be sent to its exit call. */
static bool is_last(const struct thread *t)
{
	for (const struct thread *o = t->process->threads; o; o = o->process_next)
		if (o != t && o->tgid == t->tgid && o->state != THREAD_ENDED && !o->exiting)
			return false;
	return true;
}

static bool is_killed(const struct thread *t)
{
	const struct process *p = t->process;
	return t->killed || (p->phase == PROCESS_ENDING && !p->ender && p->end_signal == SIGKILL && t->tgid == p->tgid);
}

void thread_exit_now(struct world *w, struct thread *t, int64_t value)
{
	struct regs regs;
	report_drop(w, t);
	core_join_cancel(t);
	t->kill_pending = t->exec_waits = false;
	t->exiting = true;
	t->value = value;
	if (is_killed(t) && is_last(t)) {
		os_send_signal(t->tgid, 0, SIGKILL); /* the last one: the process's status is this */
		return;
	}
	if (os_get_regs(t->tid, &regs) < 0)
		return; /* killed: its end follows */
	regs_go(&regs, table_kernel_stub(w, 0) + ARCH_STUB_SYSCALL_OFFSET);
	regs.user.orig_rax = (unsigned long long)-1;
	regs.user.rax = NR_EXIT;
	regs.user.rdi = (uint64_t)value & 0xff;
	if (os_set_regs(t->tid, &regs) == 0)
		thread_resume(w, t, 0);
}

void process_kill(const struct process *p)
{
	pid_t last = 0;
	for (const struct thread *t = p->threads; t; t = t->process_next) {
		if (!t->tid || t->tgid == last)
			continue;
		last = t->tgid;
		os_send_signal(last, 0, SIGKILL);
	}
}

bool process_end(struct world *w, struct process *p, struct thread *ender, int signal)
{
	if (ender && ender->tgid != p->tgid)
		return true; /* a vfork child shares the address space alone: what it ends is itself */
	if (p->phase == PROCESS_ENDING && p->ender != ender) {
		/* Somebody else ends it already. */
		if (ender && ender->kill_pending)
			thread_exit_now(w, ender, ender->kill_value);
		return false;
	}
	if (p->n_threads == 1 && ender)
		return true;
	if (p->phase != PROCESS_ENDING) {
		p->phase = PROCESS_ENDING;
		p->ender = ender;
		p->end_signal = signal;
		for (struct thread *t = p->threads; t; t = t->process_next)
			if (t != ender && t->tgid == p->tgid)
				thread_kill_request(w, t, 0);
	}
	return others(p, ender) == 0;
}

int64_t process_end_other(struct world *w, struct process *p, pid_t tgid)
{
	if (tgid == p->tgid) {
		bool at_once = p->phase == PROCESS_STUB; /* nothing of the program has run */
		return process_end(w, p, NULL, SIGKILL) || at_once ? os_send_signal(tgid, 0, SIGKILL) : 0;
	}
	for (struct thread *t = p->threads; t; t = t->process_next)
		if (t->tgid == tgid) {
			t->killed = true;
			thread_kill_request(w, t, 0);
		}
	return 0;
}

void process_end_continue(struct world *w, struct process *p)
{
	if (p->phase != PROCESS_ENDING || !p->ender || others(p, p->ender))
		return;
	struct thread *t = p->ender;
	p->ender = NULL;
	/* Its call was checked, its signal stands: it goes through now. */
	if (t->stopped)
		thread_resume(w, t, p->end_signal);
}
