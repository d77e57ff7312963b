// SPDX-License-Identifier: MIT
// Signals: delivered at the boundary, as in a kernel. While a thread is inside a handler they are held,
// its wait is broken off, and they are sent again on its way out.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define NR_OPEN 2
#define NR_CONNECT 42
#define NR_SENDTO 44
#define NR_SENDMSG 46
#define NR_CREAT 85
#define NR_OPENAT 257
#define NR_OPENAT2 437
#define HELD_MAX 1024 /* real-time signals queue; the kernel's own limit is of this order */
#define RESTARTSYS (-512)
#define FLAG_TRAP 0x100u
#define FRAME_TRAPPED 2u /* in a frame's flags: it was entered by a `syscall` instruction */

bool signal_is_fatal(int signo)
{
	switch (signo) {
	case SIGCHLD: case SIGURG: case SIGWINCH: case SIGCONT:
	case SIGSTOP: case SIGTSTP: case SIGTTIN: case SIGTTOU:
		return false;
	default:
		return true;
	}
}

static bool stops_job(int signo)
{
	return signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
}

/* Raised by the instruction at rip, not sent. */
static bool is_fault(int signo, const siginfo_t *info)
{
	switch (signo) {
	case SIGSEGV: case SIGBUS: case SIGILL: case SIGFPE: case SIGTRAP: case SIGSYS:
		return info->si_code > 0; /* SI_USER is 0, what others send is below */
	default:
		return false;
	}
}

/* After each instruction, because the guest has set the flag for that. Virtual machines lose the reason of a trap
 * (DR6) now and then, and Linux calls one without a reason TRAP_BRKPT. */
static bool is_step(int signo, const siginfo_t *info, const struct regs *regs)
{
	return signo == SIGTRAP && (info->si_code == TRAP_TRACE ||
				    (info->si_code == TRAP_BRKPT && regs->user.eflags & FLAG_TRAP));
}

static bool in_gate(const struct regs *regs)
{
	return regs->user.orig_rax == RT_NR_CARRIER && regs->user.r9 == RT_CARRIES_GATE &&
	       (int64_t)regs->user.rax == RESTARTSYS;
}

static void hold(struct world *w, struct thread *t, const siginfo_t *info)
{
	thread_set_pending(w, t, true);
	nudge_begin(w);
	for (size_t i = 0; i < t->n_held; i++)
		if (info->si_signo < 32 && t->held[i].info.si_signo == info->si_signo && !t->held[i].sent)
			return; /* ordinary signals do not queue */
	if (t->n_held == HELD_MAX)
		return;
	if (t->n_held == t->room_held) {
		size_t room = t->room_held ? 2 * t->room_held : 4;
		struct held_signal *grown = realloc(t->held, room * sizeof *grown);
		if (!grown) {
			world_end(w, END_BROKEN, EXIT_MICROCOSM, "no memory to hold a signal");
			return;
		}
		t->held = grown;
		t->room_held = room;
	}
	t->held[t->n_held++] = (struct held_signal){.info = *info};
}

/* A signal that we sent again gets back what it was first sent with. */
static void restore_info(struct thread *t, siginfo_t *info)
{
	for (size_t i = 0; i < t->n_held; i++)
		if (t->held[i].sent && t->held[i].info.si_signo == info->si_signo) {
			*info = t->held[i].info;
			os_set_siginfo(t->tid, info);
			memmove(&t->held[i], &t->held[i + 1],
				(--t->n_held - i) * sizeof *t->held);
			return;
		}
}

/* It would not even interrupt a wait. */
static bool ignored(const struct thread *t, int signo)
{
	int disposition = os_signal_disposition(t->tid, signo);
	return disposition == 'i' ||
	       (disposition == 'd' && !signal_is_fatal(signo) && !stops_job(signo));
}

static bool ends_process(const struct thread *t, int signo)
{
	return signal_is_fatal(signo) && os_signal_disposition(t->tid, signo) == 'd';
}

/* What a handler of the linux module's waited for, that Linux repeats after one of the program's with
 * SA_RESTART: the call, -1: no such. */
static int32_t restarted_call(int32_t nr)
{
	switch (nr) {
	case NR_OPEN: case NR_CREAT: case NR_OPENAT: case NR_OPENAT2: return nr;
	case RT_NR_LOCAL(NR_CONNECT): case RT_NR_LOCAL(NR_SENDTO): case RT_NR_LOCAL(NR_SENDMSG):
		return nr - RT_NR_LOCAL(0);
	default: return -1;
	}
}

/* At the first signal after a call that was broken off for it: as if the kernel had broken it off, which
 * then looks at SA_RESTART. */
static void restart(struct thread *t, struct regs *regs)
{
	if (t->restarts && regs->user.rip == t->restarts && (int64_t)regs->user.rax == -EINTR) {
		regs->user.rax = (unsigned long long)RESTARTSYS;
		regs->user.orig_rax = (unsigned long long)t->called;
		os_set_regs(t->tid, regs);
	}
	t->restarts = 0;
}

/* In the way that it was made. */
static void repeat_join(const struct world *w, struct regs *regs)
{
	if (regs->user.rip == w->rt.entry_trapped)
		regs_repeat_carried(regs, RT_CARRIES_CALL, MC_SYS_THREAD_JOIN);
	else if (regs->user.rip == w->rt.core_called)
		regs_repeat_carried(regs, RT_CARRIES_CORE, MC_SYS_THREAD_JOIN);
	else
		regs_repeat_call(regs, MC_SYS_THREAD_JOIN);
}

/* At a signal's stop, outside handlers. */
static void deliver(struct world *w, struct thread *t, const siginfo_t *info, struct regs *regs)
{
	int signo = info->si_signo;
	restart(t, regs);
	if (stops_job(signo) && t->process == w->first) {
		const struct thread *sender = info->si_code <= 0 ? thread_find(w, info->si_pid) : NULL;
		w->first_stopped_by_guest = sender && sender->process != w->first;
	}
	if (t->wait == WAIT_JOIN) {
		if (t->wait_for->state == THREAD_ENDED) {
			core_join_complete(w, t, regs);
		} else if (ignored(t, signo)) {
			thread_resume(w, t, signo); /* pause(2) goes on */
			return;
		} else {
			core_join_cancel(t);
			report_drop(w, t);
			repeat_join(w, regs);
		}
		if (os_set_regs(t->tid, regs) < 0)
			return;
	}
	bool fault = is_fault(signo, info);
	if ((fault || t->process->n_threads > 1) && ends_process(t, signo)) {
		if (fault)
			report_fault(w, t, info, regs);
		if (!process_end(w, t->process, t, signo))
			return; /* stays stopped until the others are out */
	}
	thread_resume(w, t, signo);
}

/* Module data may be half-changed, but by the guest's own doing: the process ends, the world goes on. */
static void fault_inside(struct world *w, struct thread *t, const siginfo_t *info,
			 const struct regs *regs)
{
	report_fault(w, t, info, regs);
	if (t->process->boot) {
		world_end(w, END_BROKEN, EXIT_MICROCOSM, "fault in an initialiser (%s)",
			  trace_signal_name(info->si_signo));
		return;
	}
	t->process->forced_status = 128 + info->si_signo;
	t->process->phase = PROCESS_ENDING;
	process_kill(t->process);
}

static void settle(struct world *w, struct thread *t, const struct regs *regs)
{
	t->settling = true;
	t->settle_sequence = regs->user.rdx;
	w->msg->type = CTL_SETTLE;
	w->msg->slot = t->slot;
	w->msg->a = regs->user.rdx;
	w->msg->b = 1;
	w->msg->text_len = w->msg->n_fds = 0;
	if (control_send(w, w->msg) < 0)
		world_end(w, END_BROKEN, EXIT_MICROCOSM, "the host process does not answer");
}

bool signal_settle_for_kill(struct world *w, struct thread *t, const struct regs *regs)
{
	if (!in_gate(regs))
		return false;
	t->settle_signal = false;
	settle(w, t, regs);
	return true;
}

/* A wait inside a handler ends with -EINTR, unless it has come to its end. */
static void break_wait(struct world *w, struct thread *t, struct regs *regs)
{
	if (t->wait == WAIT_JOIN && t->wait_for->state == THREAD_ENDED) {
		core_join_complete(w, t, regs);
	} else if (regs_interrupted(regs)) {
		if (t->wait == WAIT_JOIN) {
			core_join_cancel(t);
			report_result(w, t, -EINTR);
		}
		regs_set_result(regs, -EINTR);
	}
}

bool signal_holds(const struct thread *t)
{
	for (size_t i = 0; i < t->n_held; i++)
		if (!t->held[i].sent)
			return true;
	return false;
}

void signal_nudged(struct world *w, struct thread *t, struct regs *regs)
{
	if (in_gate(regs)) {
		t->settle_signal = false;
		settle(w, t, regs);
		return;
	}
	break_wait(w, t, regs);
	if (os_set_regs(t->tid, regs) == 0)
		thread_resume(w, t, 0);
}

static void stop_inside(struct world *w, struct thread *t, const siginfo_t *info,
			struct regs *regs)
{
	break_wait(w, t, regs);
	/* Past the dispatcher's check: back to it. */
	if (regs->user.rip >= w->rt.exit_check && regs->user.rip < w->rt.exit_end)
		regs->user.rip = w->rt.exit_check;
	hold(w, t, info);
	if (os_set_regs(t->tid, regs) == 0)
		thread_resume(w, t, 0);
}

void signal_stop(struct world *w, struct thread *t, int signo)
{
	siginfo_t info;
	struct regs regs;
	if (os_get_siginfo(t->tid, &info) < 0 || os_get_regs(t->tid, &regs) < 0)
		return;
	if (!t->process || t->process->phase < PROCESS_RUNNING || t->state != THREAD_RUNNING ||
	    t->exiting) {
		thread_resume(w, t, t->exiting ? 0 : signo);
		return;
	}
	if (signo == SIGTRAP && patch_reached(w, t, &info, &regs))
		return;
	bool inside = thread_inside(w, t, &regs);
	if (inside && is_step(signo, &info, &regs)) {
		thread_resume(w, t, 0); /* as in a kernel, there is none in a call */
		return;
	}
	restore_info(t, &info);
	if (w->trace)
		trace_signal(w->trace, t->id, signo, &info);
	bool fault = is_fault(signo, &info);
	if (fault && regs.user.rip >= w->rt.copy_begin && regs.user.rip < w->rt.copy_end) {
		regs.user.rip = w->rt.copy_fault;
		if (os_set_regs(t->tid, &regs) == 0)
			thread_resume(w, t, 0);
		return;
	}
	if (t->injection.active && !fault) {
		hold(w, t, &info);
		thread_resume(w, t, 0);
		return;
	}
	if (fault && inside) {
		fault_inside(w, t, &info, &regs);
		return;
	}
	if ((inside || in_gate(&regs)) && ignored(t, signo)) {
		thread_resume(w, t, signo); /* interrupts nothing */
		return;
	}
	if (in_gate(&regs)) {
		t->settle_signal = true;
		t->settle_info = info;
		settle(w, t, &regs);
	} else if (inside) {
		stop_inside(w, t, &info, &regs);
	} else {
		deliver(w, t, &info, &regs);
	}
}

void signal_settled(struct world *w, struct thread *t, enum ctl_outcome outcome, int64_t status)
{
	struct regs regs;
	t->settling = false;
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	if (outcome == CTL_DONE)
		regs_set_result(&regs, status);
	else
		regs_repeat_call(&regs, RT_NR_CARRIER);
	if (os_set_regs(t->tid, &regs) < 0)
		return;
	bool inside = thread_inside(w, t, &regs);
	if (t->settle_signal && inside)
		hold(w, t, &t->settle_info);
	else if (t->settle_signal) {
		deliver(w, t, &t->settle_info, &regs);
		return;
	} else if (!inside) {
		thread_exit_now(w, t, t->kill_value);
		return;
	}
	thread_resume(w, t, 0);
}

static void send_held(struct thread *t)
{
	for (size_t i = 0; i < t->n_held; i++)
		if (!t->held[i].sent) {
			t->held[i].sent = true;
			os_send_signal(t->tgid, t->tid, t->held[i].info.si_signo);
		}
}

void signal_send_held(struct world *w, struct thread *t, const struct regs *regs)
{
	if (t->n_held == 0 || thread_inside(w, t, regs))
		return;
	if (!t->kill_pending)
		thread_set_pending(w, t, false);
	send_held(t);
}

void signal_release(struct world *w, struct thread *t)
{
	struct regs regs;
	struct mc_frame frame;
	uint64_t at = thread_stack_high(w, t) - sizeof frame;
	memcpy(&frame, region_at(&w->region, REGION_SHARED, (struct gaddr){at}, sizeof frame),
	       sizeof frame);
	thread_set_pending(w, t, false);
	if (os_get_regs(t->tid, &regs) < 0)
		return;
	regs_from_frame(&regs, &frame);
	if (os_set_regs(t->tid, &regs) < 0)
		return;
	if (t->kill_pending) {
		thread_exit_now(w, t, t->kill_value);
		return;
	}
	int32_t nr = restarted_call((int32_t)frame.number);
	if ((int64_t)frame.rax == -EINTR && (frame.rflags & FRAME_TRAPPED) && nr >= 0) {
		t->restarts = frame.rip;
		t->called = nr;
	}
	send_held(t);
	thread_resume(w, t, 0);
}
