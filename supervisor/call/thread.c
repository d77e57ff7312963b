// SPDX-License-Identifier: MIT
// Records of processes and threads, and the part of the thread structures that the core prepares.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "world.h"

#define HASH_SIZE 4096u
#define THREAD_TABLE_BYTES CTL_TABLE_BYTES(RT_SLOT_COUNT)

static struct thread **bucket(const struct world *w, pid_t tid)
{
	return &w->by_tid[(unsigned)tid % HASH_SIZE];
}

int threads_init(struct world *w, struct err *err)
{
	w->by_tid = calloc(HASH_SIZE, sizeof *w->by_tid);
	w->free_slots = calloc(RT_SLOT_COUNT, sizeof *w->free_slots);
	w->msg = calloc(1, sizeof *w->msg);
	w->incoming = calloc(1, sizeof *w->incoming);
	w->table = calloc(1, sizeof *w->table);
	if (!w->by_tid || !w->free_slots || !w->msg || !w->incoming || !w->table)
		return err_set(err, ENOMEM, "no memory for the world's tables");
	for (size_t i = 0; i < RT_SLOT_COUNT; i++)
		w->free_slots[i] = (uint32_t)(RT_SLOT_COUNT - 1 - i);
	w->n_free_slots = RT_SLOT_COUNT;
	w->thread_size = MC_THREAD_CORE_SIZE;
	if (getrandom(&w->canary, sizeof w->canary, 0) != (ssize_t)sizeof w->canary)
		return err_sys(err, errno, "cannot get random bytes");
	w->canary &= ~0xffull; /* its lowest byte ends strings */
	w->thread_table_fd = memfd_create("microcosm-threads", MFD_CLOEXEC);
	size_t size = THREAD_TABLE_BYTES;
	if (w->thread_table_fd < 0 || ftruncate(w->thread_table_fd, (off_t)size) < 0)
		return err_sys(err, errno, "cannot make the thread table");
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, w->thread_table_fd, 0);
	if (at == MAP_FAILED)
		return err_sys(err, errno, "cannot map the thread table");
	w->thread_table = at;
	w->fs_words = (_Atomic uint64_t *)(w->thread_table + RT_SLOT_COUNT);
	w->gate_counts = (_Atomic uint32_t *)(w->fs_words + RT_SLOT_COUNT + 1);
	return 0;
}

void threads_free(struct world *w)
{
	for (size_t i = 0; w->by_tid && i < HASH_SIZE; i++)
		while (w->by_tid[i])
			thread_forget(w, w->by_tid[i]);
	for (size_t i = 0; i < RT_SLOT_COUNT; i++)
		if (w->by_slot[i])
			thread_forget(w, w->by_slot[i]);
	while (w->processes)
		process_release(w, w->processes);
	free(w->by_tid);
	free(w->free_slots);
	free(w->first_exe);
	free(w->msg);
	free(w->incoming);
	free(w->table);
	free(w->grants);
	if (w->thread_table)
		munmap(w->thread_table, THREAD_TABLE_BYTES);
	if (w->thread_table_fd > 0)
		close(w->thread_table_fd);
}

struct process *process_new(struct world *w, pid_t tgid)
{
	struct process *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->id = ++w->last_process_id;
	p->tgid = tgid;
	p->forced_status = -1;
	p->next = w->processes;
	w->processes = p;
	return p;
}

void process_release(struct world *w, struct process *p)
{
	for (struct process **at = &w->processes; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	if (w->first == p)
		w->first = NULL;
	if (w->boot == p)
		w->boot = NULL;
	patch_forget(w, p);
	free(p->own);
	free(p->stacks);
	free(p->exe);
	free(p);
}

static void hash_remove(struct world *w, struct thread *t)
{
	for (struct thread **at = bucket(w, t->tid); *at; at = &(*at)->hash_next)
		if (*at == t) {
			*at = t->hash_next;
			w->n_threads--;
			return;
		}
}

static void hash_add(struct world *w, struct thread *t)
{
	struct thread **at = bucket(w, t->tid);
	t->hash_next = *at;
	*at = t;
	w->n_threads++;
}

struct thread *thread_new(struct world *w, pid_t tid)
{
	struct thread *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->slot = UINT32_MAX;
	t->fs = UINT32_MAX;
	t->local = -1;
	t->tid = tid;
	if (tid)
		hash_add(w, t);
	return t;
}

void thread_set_tid(struct world *w, struct thread *t, pid_t tid)
{
	if (t->tid)
		hash_remove(w, t);
	t->tid = tid;
	if (tid)
		hash_add(w, t);
}

struct thread *thread_find(const struct world *w, pid_t tid)
{
	struct thread *t = *bucket(w, tid);
	while (t && t->tid != tid)
		t = t->hash_next;
	return t;
}

struct thread *threads_unplaced(const struct world *w, const struct thread *last)
{
	struct thread *t = last ? last->hash_next : NULL;
	for (size_t i = last ? (unsigned)last->tid % HASH_SIZE + 1 : 0; i <= HASH_SIZE; i++) {
		while (t && (t->process || !t->first_stop_seen))
			t = t->hash_next;
		if (t || i == HASH_SIZE)
			break;
		t = w->by_tid[i];
	}
	return t;
}

/* An id is its slot and how often that was used before: found without a search, not used again soon.
 * Slot 0, the boot process's, never gives id 0. */
static int64_t id_of(uint32_t slot, uint32_t generation)
{
	return (int64_t)generation * (int64_t)RT_SLOT_COUNT + slot;
}

struct thread *thread_by_id(const struct world *w, int64_t id)
{
	if (id <= 0)
		return NULL;
	struct thread *t = w->by_slot[(uint64_t)id % RT_SLOT_COUNT];
	return t && t->id == id ? t : NULL;
}

uint64_t thread_address(const struct world *w, const struct thread *t)
{
	return w->region.base + RT_OFF_THREADS + t->slot * RT_SLOT_BYTES + RT_SLOT_THREAD;
}

uint64_t thread_stack_high(const struct world *w, const struct thread *t)
{
	return w->region.base + RT_OFF_THREADS + t->slot * RT_SLOT_BYTES + RT_SLOT_STACK_HIGH;
}

struct mc_thread *thread_structure(const struct world *w, const struct thread *t)
{
	return region_at(&w->region, REGION_SHARED, (struct gaddr){thread_address(w, t)},
			 MC_THREAD_SIZE_MAX);
}

int thread_place(struct world *w, struct thread *t, struct process *p)
{
	if (w->n_free_slots == 0)
		return -EAGAIN;
	t->slot = w->free_slots[--w->n_free_slots];
	if (t->slot == 0 && w->slot_generation[0] == 0)
		w->slot_generation[0] = 1;
	t->id = id_of(t->slot, w->slot_generation[t->slot]);
	w->by_slot[t->slot] = t;
	t->process = p;
	t->process_next = p->threads;
	p->threads = t;
	p->n_threads++;
	thread_prepare(w, t);
	return 0;
}

static void process_remove(struct thread *t)
{
	struct thread **at = &t->process->threads;
	while (*at != t)
		at = &(*at)->process_next;
	*at = t->process_next;
}

void thread_move(struct thread *t, struct process *to)
{
	process_remove(t);
	t->process->n_threads--;
	t->process = to;
	t->process_next = to->threads;
	to->threads = t;
	to->n_threads++;
}

void thread_prepare(struct world *w, struct thread *t)
{
	t->state = THREAD_NEW;
	t->guard_due = true;
	struct mc_thread *structure = thread_structure(w, t);
	memset(structure, 0, w->thread_size);
	uint64_t address = thread_address(w, t), high = thread_stack_high(w, t);
	*structure = (struct mc_thread){
		.self = (struct mc_thread *)(uintptr_t)address,
		.id = t->id,
		.state = MC_THREAD_NEW,
		.process = t->process->id,
		.size = w->thread_size,
		.canary = w->canary,
		.stack_low = high - RT_SLOT_STACK_HIGH + RT_SLOT_GUARD,
		.stack_high = high,
		.slot = t->slot,
	};
	ring_begin(w, t);
}

void thread_report(struct world *w, struct thread *t, enum ctl_plan plan)
{
	struct ctl_thread *entry = &w->thread_table[t->slot];
	entry->id = t->id;
	entry->process = t->process->id;
	entry->plan = (uint32_t)plan;
	entry->fs = t->fs;
	entry->pid = t->process->boot ? 0 : (uint32_t)t->tgid;
	entry->program = t->process->program;
	atomic_fetch_add(&entry->epoch, 1);
	atomic_store(&entry->tid, (uint32_t)t->tid);
	atomic_fetch_add(&w->fs_words[RT_SLOT_COUNT], 1);
}

void thread_unreport(struct world *w, const struct thread *t)
{
	atomic_store(&w->thread_table[t->slot].tid, 0);
	atomic_fetch_add(&w->fs_words[RT_SLOT_COUNT], 1);
}

void thread_forget(struct world *w, struct thread *t)
{
	if (t->tid)
		hash_remove(w, t);
	if (t->joiner) {
		t->joiner->wait_for = NULL;
		t->joiner->wait = WAIT_NONE;
	}
	if (t->wait_for)
		t->wait_for->joiner = NULL;
	fs_leave(w, t);
	socket_set_local(t, -1);
	if (t->slot != UINT32_MAX) {
		/* A released structure is zeroed before it is used again. */
		memset(thread_structure(w, t), 0, w->thread_size);
		w->by_slot[t->slot] = NULL;
		process_remove(t);
		w->slot_generation[t->slot]++;
		w->free_slots[w->n_free_slots++] = t->slot;
	}
	report_drop(w, t);
	free(t->held);
	free(t->exe);
	free(t);
}

bool thread_inside(const struct world *w, const struct thread *t, const struct regs *regs)
{
	const struct mc_thread *structure = thread_structure(w, t);
	if (__atomic_load_n(&structure->depth, __ATOMIC_SEQ_CST) != 0)
		return true;
	return regs->user.rip >= w->rt.dispatch_begin && regs->user.rip < w->rt.dispatch_end;
}

void thread_set_pending(const struct world *w, const struct thread *t, bool pending)
{
	struct mc_thread *structure = thread_structure(w, t);
	__atomic_store_n(&structure->pending, pending, __ATOMIC_SEQ_CST);
}

void thread_begin(struct world *w, struct thread *t, struct regs *regs)
{
	uint64_t at = thread_stack_high(w, t) - sizeof(struct mc_frame);
	struct mc_frame *frame = region_at(&w->region, REGION_SHARED, (struct gaddr){at},
					   sizeof *frame);
	*frame = t->begin;
	frame->rflags |= 2; /* it has no return address: nobody called */
	frame->outer = NULL;
	struct mc_thread *structure = thread_structure(w, t);
	structure->frame = (struct mc_frame *)(uintptr_t)at;
	__atomic_store_n(&structure->depth, 1, __ATOMIC_SEQ_CST);
	regs_begin(regs, w->rt.thread_begin, at, 0, thread_address(w, t));
	t->state = THREAD_RUNNING;
}
