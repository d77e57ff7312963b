// SPDX-License-Identifier: MIT
// Who runs where: a stop costs twenty times as much when tracer and guest are on different CPUs, and
// the kernel wakes the one on an idle CPU while the other is still there. So a thread that stops often
// is kept on the tracer's CPU, and let go when it no longer does: threads that compute are not to share
// one, nor are several that stop often and together want more than one. Now and then all are let go for
// a few stops, and the tracer follows to where the kernel would have them.
#include "world.h"

#define LOOK_STOPS 32       /* stops of a thread between looks at how often it stops */
#define LOOK_STOPS_FREED 4  /* the same after it was let go only to see where it goes */
#define COMPUTES_NS 3000000 /* a thread that ran so long without a stop is let go */
#define IDLE_TICKS 8        /* and one that did neither: on a busy machine its turn may be long in coming */
#define FREE_EVERY 40       /* ticks */
#define BUSY 8              /* a part of the time: a thread that runs for more than that */
#define APART_NS 100000000  /* how long busy threads are then left to the scheduler */
#define GATES_OFTEN 16      /* in a tick */
#define OFTEN_NS 250000     /* between stops: a crossing between CPUs takes half of that */
#define OFTEN_ALONE_NS 5000000 /* the same for a world's only thread: nothing is lost by keeping it */

static bool tick_start(struct world *w, const struct thread *t)
{
	int cpu = os_cpu_of(t->tid);
	if (cpu >= 0 && os_place(0, cpu) == 0)
		w->cpu = cpu;
	else
		os_place(0, w->cpu);
	return ticks_want(w, TICKS_PLACE, true);
}

/* Slots, not threads: one that is freed meanwhile is no trouble. */
static bool list_add(struct world *w, const struct thread *t)
{
	for (size_t i = 0; i < w->n_pinned; i++)
		if (w->pinned[i] == t->slot)
			return true;
	if (w->n_pinned == PINNED_MAX)
		return false;
	w->pinned[w->n_pinned++] = t->slot;
	return true;
}

/* Where the host process's workers find it. */
static void set_pinned(struct world *w, struct thread *t, bool pinned)
{
	t->place.pinned = pinned;
	atomic_store(&w->thread_table[t->slot].cpu, pinned ? (uint32_t)w->cpu + 1 : 0);
}

static void let_go(struct world *w, struct thread *t)
{
	set_pinned(w, t, false);
	os_place(t->tid, -1);
}

/* Without the tick nobody would let the thread go. */
static void pin(struct world *w, struct thread *t)
{
	t->place.ran_ns = 0;
	set_pinned(w, t, !t->process->own_affinity && (w->ticking & TICKS_PLACE || tick_start(w, t)) && list_add(w, t) &&
				 os_place(t->tid, w->cpu) == 0);
}

static bool place_back(struct world *w, struct thread *t)
{
	t->place.freed = false;
	set_pinned(w, t, !t->process->own_affinity && os_place(t->tid, w->cpu) == 0);
	return t->place.pinned;
}

void place_start(struct world *w, struct thread *t)
{
	bool pinned = t->place.pinned; /* as who made it was: the kernel has kept that */
	t->place = (struct placement){.since_ns = os_now_ns(), .used = true, .pinned = pinned};
	if (!pinned)
		pin(w, t);
	if (!t->place.pinned)
		let_go(w, t); /* it was made on the tracer's CPU */
}

void place_inherit(struct world *w, struct thread *child, const struct thread *parent)
{
	child->place = (struct placement){.since_ns = os_now_ns(), .used = true};
	if (parent->place.pinned && list_add(w, child))
		set_pinned(w, child, true); /* by the kernel already */
	else
		let_go(w, child); /* its maker may have been let go meanwhile */
}

void place_affinity(struct world *w, struct thread *t, bool sets)
{
	for (size_t i = 0; i < w->n_pinned; i++) {
		struct thread *other = w->by_slot[w->pinned[i]];
		if (other && other->process == t->process && other->place.pinned)
			let_go(w, other);
	}
	t->process->own_affinity |= sets;
}

void place_follow(struct world *w, struct thread *t)
{
	struct placement *place = &t->place;
	place->used = true;
	if (++place->stops < (place->freed ? LOOK_STOPS_FREED : LOOK_STOPS))
		return;
	uint64_t now = os_now_ns();
	bool alone = w->n_threads <= 2; /* it and the boot process */
	bool often = now - place->since_ns < place->stops * (alone ? OFTEN_ALONE_NS : OFTEN_NS);
	place->since_ns = now;
	place->stops = 0;
	place->freed = false;
	if (often && !place->pinned && now >= w->apart_until_ns)
		pin(w, t);
	else if (!often && place->pinned)
		let_go(w, t);
}

/* Gates that the host process has served t since the last look. */
static uint32_t gates_since(const struct world *w, struct thread *t)
{
	uint32_t count = atomic_load_explicit(&w->gate_counts[t->slot], memory_order_relaxed);
	uint32_t since = count - t->place.gates;
	t->place.gates = count;
	return since;
}

/* How long it ran since the last tick. */
static uint64_t ran(struct thread *t)
{
	uint64_t before = t->place.ran_ns;
	t->place.ran_ns = os_cpu_time_ns(t->tid);
	return before && t->place.ran_ns > before ? t->place.ran_ns - before : 0;
}

/* At a tick: threads kept on one CPU want all of it, and more than one of them does much. */
static bool is_crowded(struct world *w, uint64_t elapsed_ns)
{
	uint64_t sum = 0;
	unsigned busy = 0;
	for (size_t i = 0; i < w->n_pinned; i++) {
		struct thread *t = w->by_slot[w->pinned[i]];
		if (!t || t->gone)
			continue;
		t->place.last_ns = ran(t);
		if (!t->place.pinned)
			continue;
		sum += t->place.last_ns;
		busy += t->place.last_ns > elapsed_ns / BUSY;
	}
	return busy > 1 && sum > elapsed_ns / 4 * 3;
}

/* At a tick: the thread still leaves the guest often, as far as can be told. */
static bool keeps(const struct world *w, struct thread *t)
{
	struct placement *place = &t->place;
	uint64_t cpu_ns = place->ran_ns;
	if (gates_since(w, t) >= GATES_OFTEN)
		place->used = true;
	if (place->used) {
		place->cpu_ns = cpu_ns;
		place->idle = 0;
		place->used = false;
		return true;
	}
	return cpu_ns - place->cpu_ns < COMPUTES_NS && ++place->idle < IDLE_TICKS;
}

void place_tick(struct world *w)
{
	if (!(w->ticking & TICKS_PLACE))
		return;
	uint64_t now = os_now_ns(), elapsed_ns = now - w->last_tick_ns;
	if (elapsed_ns < TICK_MS * 1000000 / 2) /* a signal of another kind is no tick */
		return;
	w->last_tick_ns = now;
	bool crowded = is_crowded(w, elapsed_ns);
	if (crowded)
		w->apart_until_ns = now + APART_NS;
	bool free_all = ++w->ticks % FREE_EVERY == 0;
	size_t kept = 0;
	for (size_t i = 0; i < w->n_pinned; i++) {
		struct thread *t = w->by_slot[w->pinned[i]];
		if (!t || t->gone)
			continue;
		bool was_pinned = t->place.pinned, keep = keeps(w, t);
		keep &= !crowded || t->place.last_ns <= elapsed_ns / BUSY;
		/* One that was freed and calls gates makes no stop that would bring it back. */
		if (was_pinned ? keep && !free_all : keep && t->place.freed && place_back(w, t)) {
			w->pinned[kept++] = t->slot;
			continue;
		}
		if (!was_pinned)
			continue;
		let_go(w, t);
		t->place.since_ns = now;
		t->place.stops = 0;
		t->place.freed = true;
		if (keep)
			w->pinned[kept++] = t->slot; /* for one more look */
	}
	w->n_pinned = kept;
	if (kept == 0) {
		(void)ticks_want(w, TICKS_PLACE, false);
		os_place(0, -1);
	}
}
