// SPDX-License-Identifier: MIT
// Kernel calls that the tracer makes in a stopped thread: its registers are kept, the call runs, and a
// continuation goes on at its end.
#include <errno.h>

#include "world.h"

int inject(struct world *w, struct thread *t, const struct regs *at, bool trapped, int64_t nr,
	   const uint64_t args[6], void (*then)(struct world *, struct thread *, int64_t))
{
	if (!t->injection.active)
		t->injection.saved = *at;
	struct regs regs = t->injection.saved;
	regs_set_call(&regs, nr, args);
	if (!trapped) {
		/* Any `syscall` instruction will do; the stubs' cannot be changed by the guest. */
		regs.user.rip = table_core_stub(w, MC_SYS_REGISTER) + ARCH_STUB_SYSCALL_OFFSET;
		regs.user.orig_rax = (unsigned long long)-1;
	}
	t->injection.active = true;
	t->injection.then = then;
	int error = os_set_regs(t->tid, &regs);
	if (error == 0)
		thread_resume(w, t, 0);
	return error;
}

void inject_finish(struct world *w, struct thread *t)
{
	struct regs regs;
	int error = os_get_regs(t->tid, &regs);
	if (error)
		return; /* killed: its end follows */
	t->injection.then(w, t, (int64_t)regs.user.rax);
}
