// SPDX-License-Identifier: MIT
// execve, the tracer's part. A guest executes the stub and nothing else, by the descriptor that the host
// process gave it with the plan of the program that it wants; the stub then sets that up. As in a kernel
// the process's other threads end first, but not inside handlers, and the path that the kernel sees is
// one that no guest can write.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "call/interpose.h"
#include "world.h"

#define NR_EXECVEAT 322
#define AT_EMPTY 0x1000

static bool is_other(const struct thread *t, const struct thread *o)
{
	return o != t && o->tgid == t->tgid && o->state != THREAD_ENDED;
}

static bool alone(const struct thread *t)
{
	for (const struct thread *o = t->process->threads; o; o = o->process_next)
		if (is_other(t, o))
			return false;
	return true;
}

/* The descriptor and the vectors are the guest's; the empty path lies in the sealed part. */
static void go(struct world *w, struct thread *t)
{
	struct regs regs;
	t->exec_waits = false;
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	const uint64_t args[6] = {regs.user.rdi, w->empty_path, regs.user.rdx, regs.user.r10, AT_EMPTY};
	inject(w, t, &regs, true, NR_EXECVEAT, args, inject_return); /* it comes back where it failed */
}

void exec_begin(struct world *w, struct thread *t)
{
	control_receive(w); /* the CTL_EXE that came before it */
	if (t->process->boot) {
		report_result(w, t, -EPERM);
		if (os_set_result(t->tid, -EPERM, false) == 0)
			thread_resume(w, t, 0);
		return;
	}
	if (t->kill_pending || t->process->phase == PROCESS_ENDING) {
		/* Another thread ends the process, or executes something itself. */
		thread_exit_now(w, t, t->kill_value);
		return;
	}
	t->exec_waits = true;
	for (struct thread *o = t->process->threads; o; o = o->process_next)
		if (is_other(t, o))
			thread_kill_request(w, o, 0);
	if (alone(t))
		go(w, t);
}

void exec_continue(struct world *w, struct process *p)
{
	for (struct thread *t = p->threads; t; t = t->process_next)
		if (t->exec_waits && t->stopped && alone(t)) {
			go(w, t);
			return;
		}
}

/* ---- The new program's records ---- */

/* The leader's number is the executing thread's now; who had it has been waited for by the kernel. */
static void take_over(struct world *w, struct thread *t, pid_t tid)
{
	struct thread *leader = thread_find(w, tid);
	if (leader == t)
		return;
	if (leader) {
		leader->gone = true;
		thread_set_tid(w, leader, 0);
		leader->process->n_threads--;
	}
	thread_set_tid(w, t, tid);
}

static void forget_ended(struct world *w, const struct thread *t)
{
	for (struct thread *o = t->process->threads, *next; o; o = next) {
		next = o->process_next;
		if (o != t && o->tgid == t->tgid && o->gone)
			thread_forget(w, o);
	}
}

static bool shares_memory(const struct thread *t)
{
	for (const struct thread *o = t->process->threads; o; o = o->process_next)
		if (o->tgid != t->tgid)
			return true;
	return false;
}

/* A vfork child, or one that vfork children are left of: the address space is no longer the same. */
static bool leave_process(struct world *w, struct thread *t)
{
	struct process *from = t->process, *to = process_new(w, t->tgid);
	if (!to)
		return false;
	memcpy(to->interposed, from->interposed, sizeof to->interposed);
	to->own_affinity = from->own_affinity;
	if (from->tgid == t->tgid) { /* the others go on without it */
		to->first = from->first;
		from->first = false;
		if (w->first == from)
			w->first = to;
		for (const struct thread *o = from->threads; o; o = o->process_next)
			if (o != t && o->tid)
				from->tgid = o->tgid;
	}
	thread_move(t, to);
	return true;
}

static void reset_process(struct world *w, struct process *p)
{
	patch_forget(w, p);
	free(p->own);
	free(p->stacks);
	p->own = NULL;
	p->stacks = NULL;
	p->n_own = p->n_stacks = p->room_stacks = 0;
	memset(p->private_pages, 0, sizeof p->private_pages);
	p->ender = NULL;
	p->exits = false;
	p->shares_files = false; /* the kernel has given it a copy */
	p->forced_status = -1;
	p->phase = PROCESS_STUB;
	p->executed = true;
}

bool exec_done(struct world *w, pid_t tid, pid_t former)
{
	struct thread *t = thread_find(w, former);
	bool asked = t && t->process && t->injection.active && t->injection.nr == NR_EXECVEAT;
	if (!asked || !os_executes(tid, w->stub_dev, w->stub_ino))
		return false;
	t->injection.active = false;
	report_drop(w, t);
	interpose_thread_gone(w, t);
	take_over(w, t, tid);
	if (shares_memory(t) && !leave_process(w, t))
		return false;
	forget_ended(w, t);
	t->breakpoint = 0; /* the kernel has cleared it */
	reset_process(w, t->process);
	if (t->kill_pending) { /* since the kernel began: nothing of the program has run, and nothing does */
		t->process->phase = PROCESS_ENDING;
		os_send_signal(tid, 0, SIGKILL);
	}
	proc_executed(w, t);
	t->stopped = true;
	t->upcall_due = 0;
	ring_read_all(w, t);
	thread_prepare(w, t);
	thread_report(w, t, CTL_PLAN_EXEC);
	if (w->trace)
		trace_event(w->trace, t->id, "executes a program");
	thread_resume(w, t, 0);
	return true;
}
