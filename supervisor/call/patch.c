// SPDX-License-Identifier: MIT
// Call sites that trap again and again for a handler, or only to be seen by --trace-ring: `movl $nr,%eax; syscall`
// becomes a jump to the dispatcher, so that the call costs a function call, or the kernel's own, from then on. So does
// what has another register's constant there.
//
// The jump goes by a slot whose address has the bytes of `syscall` for its upper half: of the seven bytes only
// the five of the mov change, and who jumps to the `syscall` finds it. That the mov begins where it seems to is
// proven by a hardware breakpoint on it that fires: in one process, for all that have the same code (proven.c).
// The thread is then at the mov, or, where it was proven elsewhere, behind a `syscall`; it is the only one of its
// address space, and so nobody executes what is written. Memory is written as debuggers do it: the process gets a
// copy of the page, which its forks inherit and which goes with exec or munmap. The table stays the truth: the
// dispatcher looks at it for each call, and what has no handler goes by the `syscall` instruction as before.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "call/patch.h"

#define HOT 16 /* traps of a site, in whatever processes: a proof costs about as much */
#define HOT_MAX 256 /* twice as many after each attempt, up to these */
#define PATIENCE 64 /* traps of other sites */
#define COUNTERS 256
#define TRAP_BREAKPOINT 4 /* TRAP_HWBKPT, of siginfo's si_code */
#define TRAP_NO_REASON 1  /* TRAP_BRKPT: virtual machines lose the reason now and then, */
#define TRAP_STEP 2       /* TRAP_TRACE: or take it for a step */
#define FLAG_TRAP 0x100   /* in the flags: the program steps */

struct patches { /* by a hash: sites that collide begin anew */
	struct counter {
		uint64_t site;
		uint32_t traps, wanted;
	} counters[COUNTERS];
};

int patches_init(struct world *w, struct err *err)
{
	w->patches = calloc(1, sizeof *w->patches);
	w->slots = slots_new();
	w->proven = proven_new();
	if (w->patches && w->slots && w->proven)
		return 0;
	patches_free(w);
	return err_set(err, ENOMEM, "no memory for patched call sites");
}

void patches_free(struct world *w)
{
	free(w->patches);
	free(w->slots);
	proven_free(w->proven);
	w->patches = NULL;
	w->slots = NULL;
	w->proven = NULL;
}

/* ---- Which sites are hot ---- */

/* Of all processes together, in which files' code lies at different addresses of pages. */
static struct counter *counter_of(struct patches *patches, int32_t nr, uint64_t return_to)
{
	uint64_t site = (uint64_t)(uint32_t)nr << 12 | return_to % CODE_PAGE;
	struct counter *counter = &patches->counters[site * 0x9e3779b97f4a7c15ull >> 56];
	if (counter->site != site || !counter->wanted)
		*counter = (struct counter){.site = site, .wanted = HOT};
	return counter;
}

static bool is_hot(struct counter *counter)
{
	return ++counter->traps >= counter->wanted;
}

static void attempted(struct counter *counter)
{
	counter->traps = 0;
	if (counter->wanted < HOT_MAX)
		counter->wanted *= 2;
}

static bool is_site(pid_t tid, uint64_t at, int32_t nr)
{
	uint8_t code[ARCH_SITE_BYTES];
	return os_read(tid, at, code, sizeof code) == (ssize_t)sizeof code && arch_site_is(code, nr);
}

bool patch_allowed(const struct thread *t, const struct os_mapping *mapping)
{
	struct os_mapping slots;
	return strcmp(mapping->permissions, "r-xp") == 0 && os_mapping(t->tid, RT_SLOTS_ADDR, &slots) &&
	       strcmp(slots.permissions, "r--s") == 0;
}

static bool can_patch(const struct thread *t, uint64_t at, struct os_mapping *mapping)
{
	return os_mapping(t->tid, at, mapping) && patch_allowed(t, mapping);
}

/* For a breakpoint that may never fire: what looked like a site is none, or is not called any more. */
static bool waits(struct thread *t)
{
	if (t->breakpoint && t->breakpoint_traps++ < PATIENCE)
		return true;
	if (t->breakpoint)
		os_break_at(t->tid, 0);
	t->breakpoint = 0;
	t->breakpoint_traps = 0;
	return false;
}

void patch_consider(struct world *w, struct thread *t, const struct os_call *call)
{
	struct process *p = t->process;
	struct os_mapping mapping;
	uint64_t at = call->ip - ARCH_SITE_BYTES;
	if (!w->patches || p->boot || call->ip < ARCH_SITE_BYTES)
		return;
	if (p->n_threads == 1)
		proven_apply(w, t, at);
	if (waits(t))
		return;
	struct counter *counter = counter_of(w->patches, call->nr, call->ip);
	if (!is_hot(counter))
		return;
	if (p->n_threads > 1 || os_signal_blocked(t->tid, SIGTRAP)) {
		counter->traps = 0; /* perhaps later */
		return;
	}
	attempted(counter);
	/* The breakpoint's signal is forced: a program that ignores SIGTRAP would find that changed, and so would one
	 * with a handler for it that blocks it until then. */
	if (is_site(t->tid, at, call->nr) && can_patch(t, at, &mapping) &&
	    os_signal_disposition(t->tid, SIGTRAP) == 'd' && os_break_at(t->tid, at) == 0) {
		t->breakpoint = at;
		t->breakpoint_nr = call->nr;
	}
}

/* ---- Patching ---- */

void patch_site(struct world *w, const struct thread *t, uint64_t at, uint8_t code[sizeof(uint64_t)])
{
	uint64_t word;
	uint32_t slot = slots_take(w, t->process, code, at + ARCH_SITE_BYTES);
	if (!slot)
		return;
	arch_site_patch(code, slot);
	memcpy(&word, code, sizeof word);
	os_poke(t->tid, at, word);
}

/* The thread is at the mov, alone. */
static void patch(struct world *w, struct thread *t, uint64_t at)
{
	uint8_t code[sizeof(uint64_t)];
	struct os_mapping mapping;
	if (!can_patch(t, at, &mapping) || os_read(t->tid, at, code, sizeof code) != (ssize_t)sizeof code)
		return;
	if (!arch_site_is(code, t->breakpoint_nr))
		return;
	proven_add(w, t, &mapping, at);
	patch_site(w, t, at, code);
}

bool patch_reached(struct world *w, struct thread *t, const siginfo_t *info, const struct regs *regs)
{
	uint64_t at = t->breakpoint;
	bool there = regs->user.rip == at;
	bool as_other = info->si_code == TRAP_NO_REASON ||
			(info->si_code == TRAP_STEP && !(regs->user.eflags & FLAG_TRAP));
	if (!at || !(info->si_code == TRAP_BREAKPOINT || (as_other && there)))
		return false;
	t->breakpoint = 0;
	os_break_at(t->tid, 0);
	if (t->process->n_threads == 1 && there)
		patch(w, t, at);
	thread_resume(w, t, 0);
	return true;
}
