// SPDX-License-Identifier: MIT
// The core's nine calls, as microcosm(7) states them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "call/interpose.h"
#include "world.h"

#define PAGE 4096u
#define STACK_DEFAULT (256u << 10)
#define USER_END 0x800000000000ull
#define NR_MMAP 9
#define NR_MPROTECT 10
#define NR_PAUSE 34
#define NR_CLONE 56

#define SPAWN_FLAGS 0x50f00 /* CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM */

/* ---- -1, -2, -3 ---- */

static void broken(struct world *w, const struct thread *t, const char *call, const char *why,
		   int64_t value)
{
	world_end(w, END_BROKEN, EXIT_MICROCOSM, "thread %lld: %s: %s (%lld)", (long long)t->id,
		  call, why, (long long)value);
}

/* False: the world has been ended. */
static bool core_register_entry(struct world *w, struct thread *t, int32_t nr, uint64_t fn,
				int64_t *previous)
{
	*previous = 0;
	if (!table_nr_valid(nr))
		broken(w, t, "mc_register", "number out of range", nr);
	else if (fn == 0 || fn >= USER_END)
		broken(w, t, "mc_register", "not a function's address", (int64_t)fn);
	else
		*previous = (int64_t)table_set(w, t, nr, fn);
	return w->end == END_NONE;
}

static enum served core_register(struct world *w, struct thread *t, const uint64_t args[6],
				 int64_t *result)
{
	int32_t nr = (int32_t)args[0];
	if (!core_register_entry(w, t, nr, args[1], result))
		return SERVED_RESULT;
	return interpose_sync(w, t, nr, *result) ? SERVED_RESUMED : SERVED_RESULT;
}

static enum served core_deregister(struct world *w, struct thread *t, const uint64_t args[6],
				   int64_t *result)
{
	int32_t nr = (int32_t)args[0];
	*result = 0;
	if (!table_nr_valid(nr)) {
		broken(w, t, "mc_deregister", "number out of range", nr);
		return SERVED_RESULT;
	}
	table_unset(w, t, nr);
	return interpose_sync(w, t, nr, 0) ? SERVED_RESUMED : SERVED_RESULT;
}

int64_t register_all(struct world *w, struct thread *t, uint64_t entries, uint64_t n)
{
	if (n > MC_NR_COUNT)
		return -EINVAL;
	for (uint64_t i = 0; i < n && w->end == END_NONE; i++) {
		struct mc_entry entry;
		uint64_t at;
		int64_t previous;
		if (!checked_add(entries, i * sizeof entry, &at) || !region_copy(w, at, &entry, sizeof entry))
			return -EFAULT;
		/* Nothing to bring in line: no filter of grants is in force yet. */
		core_register_entry(w, t, entry.nr, (uint64_t)(uintptr_t)entry.fn, &previous);
	}
	return 0;
}

/* ---- -8 ---- */

static int64_t core_expand(struct world *w, struct thread *t, const uint64_t args[6])
{
	uint64_t size = args[0], align = args[1], offset, end;
	if (align == 0 || align > 4096 || (align & (align - 1))) {
		broken(w, t, "mc_thread_expand", "alignment is not a power of two in 1..4096",
		       (int64_t)align);
		return 0;
	}
	if (!checked_align(w->thread_size, align, &offset) || !checked_add(offset, size, &end) ||
	    end > MC_THREAD_SIZE_MAX) {
		broken(w, t, "mc_thread_expand", "a thread's structure has 65536 bytes", (int64_t)size);
		return 0;
	}
	w->thread_size = end;
	for (size_t i = 0; i < RT_SLOT_COUNT; i++) {
		if (!w->by_slot[i])
			continue;
		struct mc_thread *structure = thread_structure(w, w->by_slot[i]);
		memset((char *)structure + offset, 0, size);
		structure->size = end;
	}
	return (int64_t)offset;
}

/* ---- -16 ----
 * The caller, stopped at its call, makes the kernel calls one after the other: mmap and mprotect for a
 * stack of ours, unless a free one is in the pool; then clone. injection.data: the new thread's id, once the
 * kernel has made it. */

static void stack_release(struct process *p, uint64_t base, uint64_t size)
{
	if (p->n_stacks == RT_SLOT_COUNT)
		return; /* as many as there can be threads */
	if (p->n_stacks == p->room_stacks) {
		size_t room = p->room_stacks ? 2 * p->room_stacks : 16;
		struct stack_pool *grown = realloc(p->stacks, room * sizeof *grown);
		if (!grown)
			return; /* the process keeps the memory until it ends */
		p->stacks = grown;
		p->room_stacks = room;
	}
	p->stacks[p->n_stacks++] = (struct stack_pool){base, size};
}

static bool stack_take(struct process *p, uint64_t size, uint64_t *base)
{
	for (size_t i = p->n_stacks; i-- > 0;)
		if (p->stacks[i].size == size) {
			*base = p->stacks[i].base;
			p->stacks[i] = p->stacks[--p->n_stacks];
			return true;
		}
	return false;
}

static void spawn_abandon(struct world *w, struct thread *t, int64_t error)
{
	const struct thread *n = t->spawning;
	if (n->stack_base)
		stack_release(t->process, n->stack_base, n->stack_size);
	core_spawn_lost(w, t);
	inject_return(w, t, error);
}

static void spawn_cloned(struct world *w, struct thread *t, int64_t result)
{
	if (result < 0 || t->spawning)
		spawn_abandon(w, t, result == -ENOMEM ? -ENOMEM : -EAGAIN);
	else
		inject_return(w, t, (int64_t)t->injection.data[0]);
}

struct thread *core_spawning(const struct thread *t)
{
	return t->injection.active && t->injection.then == spawn_cloned ? t->spawning : NULL;
}

void core_spawned(struct thread *t)
{
	/* From now on it may end, and be joined, before its maker's call does. */
	t->injection.data[0] = (uint64_t)t->spawning->id;
	t->spawning = NULL;
}

void core_spawn_lost(struct world *w, struct thread *t)
{
	if (!t->spawning)
		return;
	t->process->n_threads--;
	thread_forget(w, t->spawning);
	t->spawning = NULL;
}

static void spawn_clone(struct world *w, struct thread *t, bool trapped)
{
	const struct thread *n = t->spawning;
	const uint64_t args[6] = {SPAWN_FLAGS, n->begin.rsp};
	inject(w, t, &t->injection.saved, trapped, NR_CLONE, args, spawn_cloned);
}

static void spawn_guarded(struct world *w, struct thread *t, int64_t result)
{
	if (result < 0)
		spawn_abandon(w, t, -ENOMEM);
	else
		spawn_clone(w, t, false);
}

static void spawn_mapped(struct world *w, struct thread *t, int64_t result)
{
	struct thread *n = t->spawning;
	if (result < 0 && result > -4096) {
		spawn_abandon(w, t, -ENOMEM);
		return;
	}
	n->stack_base = (uint64_t)result;
	n->begin.rsp = (n->stack_base + n->stack_size) & ~15ull;
	const uint64_t args[6] = {n->stack_base, PAGE, PROT_NONE};
	inject(w, t, &t->injection.saved, false, NR_MPROTECT, args, spawn_guarded);
}

/* Bytes of mapping for a stack of ours, its guard page included; false: too large to be one. */
static bool stack_bytes(uint64_t size, uint64_t *bytes)
{
	uint64_t rounded;
	return checked_align(size ? size : STACK_DEFAULT, PAGE, &rounded) &&
	       checked_add(rounded, PAGE, bytes) && *bytes < USER_END;
}

static enum served core_spawn(struct world *w, struct thread *t, const uint64_t args[6],
			      int64_t *result)
{
	uint64_t entry = args[0], arg = args[1], stack = args[2], size = args[3], bytes = 0, end;
	if (t->process->boot) {
		*result = -EAGAIN;
		return SERVED_RESULT;
	}
	if (stack && (size < PAGE || !checked_add(stack, size, &end) || end > USER_END)) {
		*result = -EINVAL;
		return SERVED_RESULT;
	}
	if (!stack && !stack_bytes(size, &bytes)) {
		*result = -ENOMEM;
		return SERVED_RESULT;
	}
	struct thread *n = thread_new(w, 0);
	if (!n) {
		*result = -ENOMEM;
		return SERVED_RESULT;
	}
	/* Others are promised to forks that are under way. */
	int error = w->n_free_slots > w->n_making ? thread_place(w, n, t->process) : -EAGAIN;
	struct regs regs;
	if (error == 0)
		error = os_get_regs(t->tid, &regs);
	if (error) {
		if (n->process)
			n->process->n_threads--;
		thread_forget(w, n);
		*result = -EAGAIN;
		return SERVED_RESULT;
	}
	n->tgid = t->tgid;
	fs_share(w, n, t);
	n->joinable = true;
	n->begin = (struct mc_frame){.rip = w->rt.thread_main, .rbx = entry, .rdi = arg,
				     .rsp = (stack + size) & ~15ull};
	t->spawning = n;
	t->injection.saved = regs;
	if (stack) {
		spawn_clone(w, t, true);
		return SERVED_RESUMED;
	}
	n->stack_size = bytes;
	if (stack_take(t->process, bytes, &n->stack_base)) {
		n->begin.rsp = (n->stack_base + bytes) & ~15ull;
		spawn_clone(w, t, true);
		return SERVED_RESUMED;
	}
	const uint64_t mmap_args[6] = {0, bytes, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE,
				       (uint64_t)-1, 0};
	inject(w, t, &regs, true, NR_MMAP, mmap_args, spawn_mapped);
	return SERVED_RESUMED;
}

/* ---- -18 ---- */

static enum served core_kill(struct world *w, struct thread *t, const uint64_t args[6],
			     int64_t *result)
{
	int64_t id = (int64_t)args[0], value = (int64_t)args[1];
	*result = 0;
	if (id == MC_WORLD) {
		world_end(w, END_ORDERLY, (int)(value & 0xff), "%s", "");
		return SERVED_RESUMED;
	}
	if (t->process->boot && (id == 0 || id == t->id)) {
		broken(w, t, "mc_thread_kill", "called by an initialiser on itself", value);
		return SERVED_RESUMED;
	}
	if (id == 0 || id == t->id) {
		thread_exit_now(w, t, value);
		return SERVED_RESUMED;
	}
	struct thread *target = thread_by_id(w, id);
	if (!target || target->process != t->process || target->state == THREAD_ENDED) {
		*result = -ESRCH;
		return SERVED_RESULT;
	}
	thread_kill_request(w, target, value);
	return SERVED_RESULT;
}

/* ---- -19 ----
 * The caller sleeps in pause(2), which signals can break off: the call is then made again. */

static void join_release(struct world *w, struct thread *target)
{
	if (target->stack_base)
		stack_release(target->process, target->stack_base, target->stack_size);
	if (target->gone)
		thread_forget(w, target);
	else
		target->joinable = false; /* freed when the kernel's thread is gone */
}

static int64_t join_collect(struct world *w, struct thread *t, struct thread *target, uint64_t to)
{
	if (to && os_write(t->tid, to, &target->value, sizeof target->value) !=
			  (ssize_t)sizeof target->value) {
		target->joiner = NULL;
		return -EFAULT;
	}
	target->joiner = NULL;
	join_release(w, target);
	return 0;
}

static bool join_cycle(const struct thread *t, const struct thread *target)
{
	for (const struct thread *at = target; at; at = at->wait_for)
		if (at == t)
			return true;
		else if (at->kill_pending)
			return false; /* its wait is about to end */
	return false;
}

static enum served core_join(struct world *w, struct thread *t, const uint64_t args[6],
			     int64_t *result)
{
	struct thread *target = thread_by_id(w, (int64_t)args[0]);
	/* Ids can be guessed: one that is still being made may never come to be. */
	bool unborn = target && target->state == THREAD_NEW && !target->tid;
	if (!target || unborn || target->process != t->process || !target->joinable ||
	    (target->joiner && target->joiner != t)) {
		*result = -ESRCH;
		return SERVED_RESULT;
	}
	if (join_cycle(t, target)) {
		*result = -EDEADLK;
		return SERVED_RESULT;
	}
	if (target->state == THREAD_ENDED) {
		*result = join_collect(w, t, target, args[1]);
		return SERVED_RESULT;
	}
	struct regs regs;
	if (os_get_regs(t->tid, &regs) < 0)
		return SERVED_BLOCKED;
	/* pause takes no arguments: those of the call stay where they are. */
	regs.user.orig_rax = NR_PAUSE;
	if (os_set_regs(t->tid, &regs) < 0)
		return SERVED_BLOCKED;
	t->wait = WAIT_JOIN;
	t->wait_for = target;
	t->wait_value = args[1];
	target->joiner = t;
	thread_resume(w, t, 0);
	return SERVED_BLOCKED;
}

void core_join_complete(struct world *w, struct thread *t, struct regs *regs)
{
	struct thread *target = t->wait_for;
	t->wait = WAIT_NONE;
	t->wait_for = NULL;
	int64_t result = join_collect(w, t, target, t->wait_value);
	regs_set_result(regs, result);
	report_result(w, t, result);
}

void core_join_cancel(struct thread *t)
{
	if (t->wait_for)
		t->wait_for->joiner = NULL;
	t->wait_for = NULL;
	t->wait = WAIT_NONE;
}

void core_thread_ended(struct thread *t)
{
	if (t->joiner)
		thread_interrupt(t->joiner);
}

enum served core_call(struct world *w, struct thread *t, int32_t nr, const uint64_t args[6],
		      int64_t *result)
{
	int32_t number = (int32_t)args[0];
	switch (nr) {
	case MC_SYS_REGISTER: return core_register(w, t, args, result);
	case MC_SYS_GET:
		*result = table_nr_valid(number) ? (int64_t)table_get(w, t->process, number) : 0;
		return SERVED_RESULT;
	case MC_SYS_DEREGISTER: return core_deregister(w, t, args, result);
	case MC_SYS_THREAD_EXPAND:
		*result = core_expand(w, t, args);
		return SERVED_RESULT;
	case MC_SYS_THREAD_SELF:
		*result = (int64_t)thread_address(w, t);
		return SERVED_RESULT;
	case MC_SYS_THREAD_SPAWN: return core_spawn(w, t, args, result);
	case MC_SYS_THREAD_INIT:
		*result = 0;
		return SERVED_RESULT;
	case MC_SYS_THREAD_KILL: return core_kill(w, t, args, result);
	case MC_SYS_THREAD_JOIN: return core_join(w, t, args, result);
	default:
		*result = -ENOSYS;
		return SERVED_RESULT;
	}
}
