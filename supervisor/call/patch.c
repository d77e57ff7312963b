// SPDX-License-Identifier: MIT
// Call sites that trap again and again for a handler: `movl $nr,%eax; syscall` becomes a jump to the dispatcher,
// so that the call costs a function call from then on.
//
// The jump goes by a slot whose address has the bytes of `syscall` for its upper half: of the seven bytes only
// the five of the mov change, and who jumps to the `syscall` finds it. That the mov begins where it seems to is
// proven by a hardware breakpoint on it that fires. The thread is then at the mov, it is the only one of its
// address space, and so nobody executes what is written. Memory is written as debuggers do it: the process gets a
// copy of the page, which its forks inherit and which goes with exec or munmap. The table stays the truth: the
// dispatcher looks at it for each call, and what has no handler goes by the `syscall` instruction as before.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define HOT 16 /* traps of a site: patching costs about as much */
#define PATIENCE 64 /* traps of other sites */
#define COUNTERS 256
#define GIVEN_UP UINT32_MAX
#define TRAP_BREAKPOINT 4 /* TRAP_HWBKPT, of siginfo's si_code */
#define TRAP_NO_REASON 1  /* TRAP_BRKPT: virtual machines lose the reason now and then */

/* A slot and its stub, in use by so many address spaces. */
struct site {
	uint64_t return_to;
	int32_t nr;
	uint32_t users;
};

struct patches {
	struct counter { /* by a hash: sites that collide begin anew */
		uint64_t return_to;
		int32_t process;
		uint32_t traps;
	} counters[COUNTERS];
	struct site sites[RT_SITE_COUNT];
	size_t n; /* of the sites, those that were ever in use */
};

_Static_assert(RT_SITE_COUNT * RT_SITE_SIZE <= RT_SITES_BYTES, "a stub for each slot");
_Static_assert(RT_SLOTS_ADDR >> 16 == 0x050f, "the bytes 0f 05");

int patches_init(struct world *w, struct err *err)
{
	w->patches = calloc(1, sizeof *w->patches);
	return w->patches ? 0 : err_set(err, ENOMEM, "no memory for patched call sites");
}

void patches_free(struct world *w)
{
	free(w->patches);
	w->patches = NULL;
}

/* ---- Which sites are hot ---- */

static struct counter *counter_of(struct patches *patches, const struct process *p, uint64_t return_to)
{
	uint64_t hash = (return_to ^ (uint64_t)p->id << 40) * 0x9e3779b97f4a7c15ull;
	struct counter *counter = &patches->counters[hash >> 56];
	if (counter->return_to != return_to || counter->process != p->id)
		*counter = (struct counter){.return_to = return_to, .process = p->id};
	return counter;
}

static bool is_site(pid_t tid, uint64_t at, int32_t nr)
{
	uint8_t code[ARCH_SITE_BYTES];
	return os_read(tid, at, code, sizeof code) == (ssize_t)sizeof code && arch_site_is(code, nr);
}

/* Private memory that is not written, where the slots are: what is written must reach no file, and a
 * program that makes code does so with threads of its own ideas. */
static bool can_patch(const struct thread *t, uint64_t at)
{
	char text[5], slots[5];
	return os_mapping(t->tid, at, text) && strcmp(text, "r-xp") == 0 &&
	       os_mapping(t->tid, RT_SLOTS_ADDR, slots) && strcmp(slots, "r--s") == 0;
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
	uint64_t at = call->ip - ARCH_SITE_BYTES;
	if (!w->patches || p->boot || call->ip < ARCH_SITE_BYTES || waits(t))
		return;
	struct counter *counter = counter_of(w->patches, p, call->ip);
	if (counter->traps == GIVEN_UP || ++counter->traps < HOT)
		return;
	if (p->n_threads > 1 || os_signal_blocked(t->tid, SIGTRAP)) {
		counter->traps = 0; /* perhaps later */
		return;
	}
	counter->traps = GIVEN_UP;
	/* The breakpoint's signal is forced: a program that ignores SIGTRAP would find that changed, and so would one
	 * with a handler for it that blocks it until then. */
	if (is_site(t->tid, at, call->nr) && can_patch(t, at) && os_signal_disposition(t->tid, SIGTRAP) == 'd' &&
	    os_break_at(t->tid, at) == 0)
		t->breakpoint = at;
}

/* ---- Slots ---- */

static uint64_t stub_address(const struct world *w, size_t index)
{
	return w->region.base + RT_OFF_SITES + index * RT_SITE_SIZE;
}

/* The same site of another process, or of this one before it was unmapped, has a slot already. */
static size_t site_find(struct patches *patches, int32_t nr, uint64_t return_to)
{
	size_t unused = patches->n;
	for (size_t i = 0; i < patches->n; i++) {
		const struct site *site = &patches->sites[i];
		if (site->users && site->nr == nr && site->return_to == return_to)
			return i;
		if (!site->users)
			unused = i;
	}
	return unused;
}

static void site_write(struct world *w, size_t index, int32_t nr, uint64_t return_to)
{
	uint64_t stub = stub_address(w, index), slot = w->region.base + RT_OFF_SLOTS + 8 * index;
	arch_site_stub(region_at(&w->region, REGION_SEALED, (struct gaddr){stub}, RT_SITE_SIZE), stub, nr, return_to,
		       w->rt.site);
	memcpy(region_at(&w->region, REGION_SEALED, (struct gaddr){slot}, sizeof stub), &stub, sizeof stub);
	w->patches->sites[index] = (struct site){.return_to = return_to, .nr = nr};
	if (index == w->patches->n)
		w->patches->n++;
}

static bool holds(const struct process *p, size_t index)
{
	for (size_t i = 0; i < p->n_sites; i++)
		if (p->sites[i] == index)
			return true;
	return false;
}

static bool keep(struct world *w, struct process *p, size_t index)
{
	if (holds(p, index))
		return true;
	if (p->n_sites == p->room_sites) {
		size_t room = p->room_sites ? 2 * p->room_sites : 16;
		uint16_t *grown = realloc(p->sites, room * sizeof *grown);
		if (!grown)
			return false;
		p->sites = grown;
		p->room_sites = room;
	}
	p->sites[p->n_sites++] = (uint16_t)index;
	w->patches->sites[index].users++;
	return true;
}

/* The thread is at the mov, alone. */
static void patch(struct world *w, struct thread *t, uint64_t at)
{
	union {
		uint8_t code[sizeof(uint64_t)];
		uint64_t word;
	} text;
	int32_t nr;
	if (os_read(t->tid, at, text.code, sizeof text.code) != (ssize_t)sizeof text.code)
		return;
	memcpy(&nr, text.code + 1, sizeof nr);
	if (!arch_site_is(text.code, nr))
		return;
	uint64_t return_to = at + ARCH_SITE_BYTES;
	size_t index = site_find(w->patches, nr, return_to);
	if (index == RT_SITE_COUNT)
		return;
	if (!w->patches->sites[index].users)
		site_write(w, index, nr, return_to);
	if (!keep(w, t->process, index))
		return;
	arch_site_patch(text.code, (uint32_t)(RT_SLOTS_ADDR + 8 * index));
	os_poke(t->tid, at, text.word);
}

bool patch_reached(struct world *w, struct thread *t, const siginfo_t *info, const struct regs *regs)
{
	uint64_t at = t->breakpoint;
	bool there = regs->user.rip == at;
	if (!at || !(info->si_code == TRAP_BREAKPOINT || (info->si_code == TRAP_NO_REASON && there)))
		return false;
	t->breakpoint = 0;
	os_break_at(t->tid, 0);
	if (t->process->n_threads == 1 && there && can_patch(t, at))
		patch(w, t, at);
	thread_resume(w, t, 0);
	return true;
}

/* ---- Processes ---- */

int patch_inherit(struct world *w, struct process *child, const struct process *parent)
{
	for (size_t i = 0; i < parent->n_sites; i++)
		if (!keep(w, child, parent->sites[i]))
			return -ENOMEM;
	return 0;
}

void patch_forget(struct world *w, struct process *p)
{
	for (size_t i = 0; i < p->n_sites; i++)
		w->patches->sites[p->sites[i]].users--;
	free(p->sites);
	p->sites = NULL;
	p->n_sites = p->room_sites = 0;
}
