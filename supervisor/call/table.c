// SPDX-License-Identifier: MIT
// The table of calls: the world's entries in the region, and those that a process alone has, which the
// tracer pokes into that process's private copy of a page.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "world.h"

static const int32_t core_numbers[] = {
#define CALL(nr, name, args, result) nr,
#include "call/calls.def"
#undef CALL
};

bool table_nr_valid(int64_t nr)
{
	return nr >= MC_NR_MIN && nr <= MC_NR_MAX;
}

uint64_t table_core_stub(const struct world *w, int32_t nr)
{
	return w->region.base + RT_OFF_CORE_STUBS + (uint64_t)-nr * RT_STUB_SIZE;
}

uint64_t table_kernel_stub(const struct world *w, int32_t nr)
{
	if (nr < 0 || nr >= (int32_t)RT_KERNEL_STUBS)
		return 0;
	return w->region.base + RT_OFF_KERNEL_STUBS + (uint64_t)nr * RT_STUB_SIZE;
}

bool table_in_stubs(const struct world *w, uint64_t ip)
{
	return ip >= w->region.base + RT_OFF_CORE_STUBS &&
	       ip < w->region.base + RT_OFF_KERNEL_STUBS + RT_KERNEL_STUBS * RT_STUB_SIZE;
}

uint64_t table_core_default(const struct world *w, int32_t nr)
{
	if (nr == MC_SYS_THREAD_INIT)
		return w->rt.core_init;
	for (size_t i = 0; i < sizeof core_numbers / sizeof core_numbers[0]; i++)
		if (core_numbers[i] == nr)
			return table_core_stub(w, nr);
	return 0;
}

static uint64_t entry_address(const struct world *w, int32_t nr)
{
	return w->region.base + RT_OFF_TABLE + (uint64_t)(nr - MC_NR_MIN) * 8;
}

static size_t entry_page(int32_t nr)
{
	return (size_t)(nr - MC_NR_MIN) * 8 / 4096;
}

static void world_write(struct world *w, int32_t nr, uint64_t fn)
{
	uint64_t *entry = region_at(&w->region, REGION_SEALED, (struct gaddr){entry_address(w, nr)}, 8);
	__atomic_store_n(entry, fn, __ATOMIC_SEQ_CST);
	w->table->world[nr - MC_NR_MIN] = fn;
}

void table_init(struct world *w)
{
	for (size_t i = 0; i < sizeof core_numbers / sizeof core_numbers[0]; i++)
		world_write(w, core_numbers[i], table_core_default(w, core_numbers[i]));
}

static size_t own_find(const struct process *p, int32_t nr, bool *found)
{
	size_t low = 0, high = p->n_own;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->own[middle].nr < nr)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < p->n_own && p->own[low].nr == nr;
	return low;
}

uint64_t table_get(const struct world *w, const struct process *p, int32_t nr)
{
	bool found;
	size_t at = own_find(p, nr, &found);
	return found ? p->own[at].fn : w->table->world[nr - MC_NR_MIN];
}

/* Through t, or any thread of p's: its leader may have ended. */
static void poke(struct world *w, struct process *p, const struct thread *t, int32_t nr, uint64_t fn)
{
	size_t page = entry_page(nr);
	int error = t ? os_poke(t->tid, entry_address(w, nr), fn) : -ESRCH;
	for (size_t i = 0; i < RT_SLOT_COUNT && error == -ESRCH; i++)
		if (w->by_slot[i] && w->by_slot[i]->process == p && w->by_slot[i]->tid)
			error = os_poke(w->by_slot[i]->tid, entry_address(w, nr), fn);
	if (error == 0)
		p->private_pages[page / 8] |= (uint8_t)(1u << page % 8);
	else if (error != -ESRCH)
		world_end(w, END_BROKEN, EXIT_MICROCOSM,
			  "cannot write the table of a process: %s", strerror(-error));
}

static bool page_private(const struct process *p, int32_t nr)
{
	size_t page = entry_page(nr);
	return p->private_pages[page / 8] >> page % 8 & 1;
}

/* A world-wide entry also goes to processes whose copy of the page no longer follows the file. */
static void world_set(struct world *w, int32_t nr, uint64_t fn)
{
	world_write(w, nr, fn);
	for (struct process *p = w->processes; p; p = p->next) {
		bool own;
		own_find(p, nr, &own);
		if (!own && page_private(p, nr))
			poke(w, p, thread_find(w, p->tgid), nr, fn);
	}
}

static void own_remove(struct process *p, size_t at)
{
	memmove(&p->own[at], &p->own[at + 1], (p->n_own - at - 1) * sizeof *p->own);
	p->n_own--;
}

static int own_insert(struct process *p, size_t at, int32_t nr, uint64_t fn)
{
	struct own_entry *own = realloc(p->own, (p->n_own + 1) * sizeof *own);
	if (!own)
		return -ENOMEM;
	p->own = own;
	memmove(&own[at + 1], &own[at], (p->n_own - at) * sizeof *own);
	own[at] = (struct own_entry){nr, fn};
	p->n_own++;
	return 0;
}

uint64_t table_set(struct world *w, struct thread *t, int32_t nr, uint64_t fn)
{
	struct process *p = t->process;
	uint64_t previous = table_get(w, p, nr);
	bool found;
	size_t at = own_find(p, nr, &found);
	if (region_contains(&w->region, fn, 1)) {
		if (found)
			own_remove(p, at);
		world_set(w, nr, fn);
		return previous;
	}
	if (found)
		p->own[at].fn = fn;
	else if (own_insert(p, at, nr, fn) < 0) {
		world_end(w, END_BROKEN, EXIT_MICROCOSM, "no memory for a process's table");
		return previous;
	}
	poke(w, p, t, nr, fn);
	return previous;
}

void table_unset(struct world *w, struct thread *t, int32_t nr)
{
	struct process *p = t->process;
	bool found;
	size_t at = own_find(p, nr, &found);
	if (found) {
		own_remove(p, at);
		poke(w, p, t, nr, w->table->world[nr - MC_NR_MIN]);
		return;
	}
	world_set(w, nr, table_core_default(w, nr));
}

int table_inherit(struct process *child, const struct process *parent)
{
	if (parent->n_own) {
		child->own = malloc(parent->n_own * sizeof *child->own);
		if (!child->own)
			return -ENOMEM;
		memcpy(child->own, parent->own, parent->n_own * sizeof *child->own);
		child->n_own = parent->n_own;
	}
	memcpy(child->private_pages, parent->private_pages, sizeof child->private_pages);
	memcpy(child->interposed, parent->interposed, sizeof child->interposed);
	child->own_affinity = parent->own_affinity;
	return 0;
}
