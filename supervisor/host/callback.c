/* SPDX-License-Identifier: MIT
 * Faults in host functions. An instruction fetch at a module's function is a callback: the host
 * process maps module text without execute permission. Every other fault ends the world. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ucontext.h>

#include "host/host.h"

#define FAULT_FETCH 0x10 /* bit of the page fault's error code: it was an instruction fetch */

static const char *signal_text(int signo)
{
	switch (signo) {
	case SIGSEGV: return "faulted";
	case SIGBUS:  return "faulted (SIGBUS)";
	case SIGFPE:  return "divided by zero (SIGFPE)";
	case SIGILL:  return "executed an illegal instruction (SIGILL)";
	case SIGTRAP: return "executed a trap (SIGTRAP)";
	default:      return "aborted (SIGABRT)";
	}
}

static void end_by_fault(const struct worker *worker, int signo, const siginfo_t *info, uint64_t rip)
{
	const char *activity = control_activity();
	const char *what = "host process", *name = "";

	if (worker != NULL && worker->gate != NULL) {
		what = "host function ";
		name = worker->gate->symbol;
	} else if (worker == NULL && activity != NULL) {
		what = "host library ";
		name = activity;
	}
	if (signo == SIGSEGV || signo == SIGBUS)
		control_end("%s%s %s at 0x%llx, code at 0x%llx", what, name, signal_text(signo),
			    (unsigned long long)(uintptr_t)info->si_addr, (unsigned long long)rip);
	control_end("%s%s %s", what, name, signal_text(signo));
}

static bool is_callback(const struct worker *worker, const siginfo_t *info, const mcontext_t *context)
{
	uint64_t rip = (uint64_t)context->gregs[REG_RIP];

	return worker != NULL && worker->gate != NULL && (uint64_t)(uintptr_t)info->si_addr == rip &&
	       (context->gregs[REG_ERR] & FAULT_FETCH) != 0 && memory_in_text(rip);
}

/* The registers of the call that faulted are the callback's arguments; its results are put there, and
 * the host function goes on after the call. */
static void run_callback(struct worker *worker, mcontext_t *context)
{
	static const int roles[6] = { REG_RDI, REG_RSI, REG_RDX, REG_RCX, REG_R8, REG_R9 };
	struct rt_gate_frame *frame = &worker->frame;
	struct _libc_fpstate *vector = context->fpregs;
	uint64_t rsp = (uint64_t)context->gregs[REG_RSP];

	frame->callback = (uint64_t)context->gregs[REG_RIP];
	for (int i = 0; i < 6; i++)
		frame->cb_ireg[i] = (uint64_t)context->gregs[roles[i]];
	if (frame->vector)
		for (int i = 0; i < 8; i++)
			memcpy(frame->xmm[i], &vector->_xmm[i], sizeof(frame->xmm[i]));
	gate_callback(worker);
	context->gregs[REG_RAX] = (greg_t)frame->rax;
	if (frame->vector)
		memcpy(&vector->_xmm[0], frame->xmm[0], sizeof(frame->xmm[0]));
	memcpy(&context->gregs[REG_RIP], (const void *)rsp, 8);
	context->gregs[REG_RSP] = (greg_t)(rsp + 8);
}

static void on_fault(int signo, siginfo_t *info, void *argument)
{
	ucontext_t *context = argument;
	struct worker *worker = worker_self();
	int saved = errno; /* the host function's */

	if (signo == SIGSEGV && is_callback(worker, info, &context->uc_mcontext)) {
		run_callback(worker, &context->uc_mcontext);
		errno = saved;
		return;
	}
	end_by_fault(worker, signo, info, (uint64_t)context->uc_mcontext.gregs[REG_RIP]);
}

/* Being delivered is what breaks a blocking call off. */
static void on_interrupt(int signo)
{
	int saved = errno;

	(void)signo;
	seal_thread();
	errno = saved;
}

int callback_install(struct err *err)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT };
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction interrupt = { .sa_handler = on_interrupt }; /* without SA_RESTART */

	sigemptyset(&fault.sa_mask);
	sigemptyset(&interrupt.sa_mask);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (sigaction(faults[i], &fault, NULL) < 0)
			return err_sys(err, errno, "host process: cannot handle faults");
	if (sigaction(SIGNAL_INTERRUPT, &interrupt, NULL) < 0)
		return err_sys(err, errno, "host process: cannot handle signals");
	return 0;
}
