// SPDX-License-Identifier: MIT
// Kernel calls that the tracer makes in a stopped thread: its registers are kept, the call runs, and a
// continuation goes on at its end.
#include <errno.h>
#include <string.h>

#include "world.h"

int inject(struct world *w, struct thread *t, const struct regs *at, bool trapped, int64_t nr,
	   const uint64_t args[6], void (*then)(struct world *, struct thread *, int64_t))
{
	if (!t->injection.active)
		t->injection.saved = *at;
	struct regs regs = t->injection.saved;
	regs_set_call(&regs, nr, args);
	if (!trapped) {
		/* Any `syscall` instruction will do. Where a guest could map over this one, inject_is
		 * tells what it does instead. */
		regs_go(&regs, table_kernel_stub(w, 0) + ARCH_STUB_SYSCALL_OFFSET);
		regs.user.orig_rax = (unsigned long long)-1;
	}
	t->injection.active = true;
	t->injection.then = then;
	t->injection.nr = nr;
	memmove(t->injection.args, args, sizeof t->injection.args);
	int error = os_set_regs(t->tid, &regs);
	if (error == 0)
		thread_resume(w, t, 0);
	return error;
}

bool inject_is(const struct thread *t, const struct os_call *call)
{
	return !call->foreign && call->nr == t->injection.nr &&
	       memcmp(call->args, t->injection.args, sizeof call->args) == 0;
}

void inject_finish(struct world *w, struct thread *t)
{
	struct regs regs;
	int error = os_get_regs(t->tid, &regs);
	if (error)
		return; /* killed: its end follows */
	if (regs_interrupted(&regs)) {
		/* By a signal or stop that is dealt with first. */
		const uint64_t *args = t->injection.args;
		inject(w, t, &t->injection.saved, false, t->injection.nr, args, t->injection.then);
		return;
	}
	t->injection.then(w, t, (int64_t)regs.user.rax);
}

void inject_return(struct world *w, struct thread *t, int64_t result)
{
	struct regs regs = t->injection.saved;
	t->injection.active = false;
	regs_set_result(&regs, result);
	report_result(w, t, result);
	signal_send_held(w, t, &regs);
	if (os_set_regs(t->tid, &regs) == 0)
		thread_resume(w, t, 0);
}
