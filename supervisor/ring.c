// SPDX-License-Identifier: MIT
// --trace-ring: calls that do not stop are recorded by the thread that makes them, in a ring beside its structure; we
// read it at each of the thread's stops, at its end, when it asks for that, and every few milliseconds. What stops is
// printed by report.c, as with --trace.
//
// Granted kernel calls of the SET are let pass by the filter from stubs alone, where the entry and patched sites make
// them and record them. Elsewhere they stop, until the site is patched.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "trace/ring.h"
#include "world.h"

#define NR_RT_SIGRETURN 15
#define NR_EXIT 60
/* A line takes longer than the call that it is about. Who calls at full speed is to lose records rather than the CPU,
 * which may be one for both: we rest so many times as long as it took to read. */
#define REST 2
#define SPENT_MOST 100000000 /* ticks: a guest may say anything */

struct rings {
	uint64_t recorded; /* address of the byte for MC_NR_MIN */
	struct ring_clock clock;
};

int rings_init(struct world *w, struct err *err)
{
	struct gaddr at = {0};
	w->rings = calloc(1, sizeof *w->rings);
	if (!w->rings)
		return err_set(err, ENOMEM, "no memory for the trace's rings");
	int error = region_reserve(&w->region, MC_NR_COUNT, 4096, &at, err);
	if (error == 0)
		error = region_map(&w->region, at, MC_NR_COUNT, PROT_READ, REGION_SEALED, err);
	w->rings->recorded = at.value;
	w->rings->clock = (struct ring_clock){.ticks = {arch_ticks()}, .ns = {os_now_ns()}};
	return error;
}

void rings_free(struct world *w)
{
	free(w->rings);
	w->rings = NULL;
}

uint64_t rings_recorded(const struct world *w)
{
	return w->rings ? w->rings->recorded - (uint64_t)(int64_t)MC_NR_MIN : 0;
}

/* ---- What is recorded ---- */

/* A byte that guests cannot write. */
static uint8_t *byte_of(const struct world *w, int32_t nr)
{
	uint64_t at = w->rings->recorded + (uint64_t)(nr - MC_NR_MIN);
	return region_at(&w->region, REGION_SEALED, (struct gaddr){at}, 1);
}

/* Whoever comes to serve it: what is not wanted after all is left out when it is read. */
static bool may_want(const struct world *w, int32_t nr)
{
	static const struct {
		enum trace_source source;
		const char *module;
	} others[] = {{TRACE_CORE, "core"}, {TRACE_LINUX, "linux"}, {TRACE_LINUX, "guest"}, {TRACE_MODULE, "guest"},
		      {TRACE_UNKNOWN, NULL}};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if ((nr < 0) == (others[i].source == TRACE_CORE) &&
		    trace_wants(w->trace, others[i].source, nr, others[i].module))
			return true;
	for (size_t i = 0; i < w->modules->n_modules && nr >= 0; i++)
		if (trace_wants(w->trace, TRACE_MODULE, nr, w->modules->modules[i].name))
			return true;
	return false;
}

bool rings_grant(const struct world *w, int32_t nr)
{
	return w->rings && !call_is_mediated(nr) && nr != NR_RT_SIGRETURN && nr != NR_EXIT &&
	       trace_wants(w->trace, TRACE_LINUX, nr, "linux");
}

void rings_choose(struct world *w)
{
	for (int32_t nr = MC_NR_MIN; nr <= MC_NR_MAX; nr++) {
		bool stays = nr == MC_SYS_GET || nr == MC_SYS_THREAD_SELF;
		if (!may_want(w, nr))
			continue;
		*byte_of(w, nr) = RT_RECORD_WANTED;
		if (stays || (nr >= 0 && nr < (int32_t)RT_KERNEL_STUBS && grant_any(w, nr) && rings_grant(w, nr)))
			*byte_of(w, nr) |= RT_RECORD_KERNEL;
	}
}

/* What is made in the region by a number that stubs record: the entry's and the sites' calls, and those that handlers
 * make for themselves. */
bool rings_has(const struct world *w, const struct os_call *call)
{
	return w->rings && table_nr_valid(call->nr) && *byte_of(w, call->nr) & RT_RECORD_KERNEL &&
	       region_contains(&w->region, call->ip, 1);
}

/* ---- Reading ---- */

struct reading {
	struct world *w;
	struct thread *t;
	uint64_t last; /* when the last record was made */
};

static void read_record(void *context, const struct rt_ring_record *record)
{
	struct reading *reading = context;
	reading->last = record->end;
	report_recorded(reading->w, reading->t, record, &reading->w->rings->clock);
}

static void read_lost(void *context, uint64_t records)
{
	const struct reading *reading = context;
	trace_lost(reading->w->trace, reading->t->id, records == RING_LOST_UNKNOWN ? -1 : (int64_t)(records & INT64_MAX));
}

/* Our view of it. */
static struct rt_ring *ring_of(const struct world *w, const struct thread *t)
{
	uint64_t at = w->region.base + RT_OFF_THREADS + t->slot * RT_SLOT_BYTES + RT_SLOT_RING;
	return region_at(&w->region, REGION_SHARED, (struct gaddr){at}, sizeof(struct rt_ring));
}

static void make_room(struct rt_ring *ring, uint64_t tail, uint64_t after)
{
	__atomic_store_n(&ring->limit, tail + RT_RING_RECORDS, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->after, after, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->mark, tail + RT_RING_MARK, __ATOMIC_RELEASE);
}

void ring_begin(struct world *w, struct thread *t)
{
	t->ring_tail = 0;
	if (!w->rings)
		return;
	struct rt_ring *ring = ring_of(w, t);
	memset(ring, 0, offsetof(struct rt_ring, records));
	make_room(ring, 0, 0);
}

static bool has_ring(const struct world *w, const struct thread *t)
{
	return w->rings && t->slot != UINT32_MAX && t->process && !t->process->boot;
}

void ring_read_on(struct world *w, struct thread *t, bool asked)
{
	if (!has_ring(w, t))
		return;
	struct rt_ring *ring = ring_of(w, t);
	uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	if (head == t->ring_tail)
		return;
	struct reading reading = {w, t, 0};
	const struct ring_reader reader = {&reading, read_record, read_lost};
	uint64_t begin = arch_ticks();
	w->rings->clock.ticks[1] = begin;
	w->rings->clock.ns[1] = os_now_ns();
	trace_hold(w->trace);
	t->ring_tail = ring_read(ring->records, t->ring_tail, head, &reader);
	trace_flush(w->trace);
	/* Who asked waited for us to come, too. */
	uint64_t now = arch_ticks(), spent = now - (asked && reading.last < begin ? reading.last : begin);
	make_room(ring, t->ring_tail, now + REST * (spent < SPENT_MOST ? spent : SPENT_MOST));
}

void ring_read_all(struct world *w, struct thread *t)
{
	ring_read_on(w, t, false);
	if (!has_ring(w, t))
		return;
	uint64_t lost = __atomic_exchange_n(&ring_of(w, t)->lost, 0, __ATOMIC_RELAXED);
	if (lost)
		read_lost(&(struct reading){w, t, 0}, lost);
}

void rings_tick(struct world *w)
{
	for (struct process *p = w->rings ? w->processes : NULL; p; p = p->next)
		for (struct thread *t = p->threads; t; t = t->process_next)
			if (t->state == THREAD_RUNNING)
				ring_read_on(w, t, false);
}
