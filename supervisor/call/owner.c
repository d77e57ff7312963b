// SPDX-License-Identifier: MIT
// Signals for input: whom a descriptor's go to, and what may have them at all. Only processes of this world
// become owners. Without an owner nobody is sent any by sockets and pipes; a terminal would choose its
// foreground group, in which there may be others, and so has none.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

#define NR_FCNTL 72
#define SETOWN_EX 15

struct owner { /* struct f_owner_ex */
	int32_t kind, id;
};

enum { OWNER_TID, OWNER_PID, OWNER_GROUP };

_Static_assert(sizeof(struct owner) <= LENT_BYTES, "a slot's place");

/* A session that is not ours was made in this world, and whoever is in it was, too. Others may join groups of our own
 * session. 0 or -errno. */
static int64_t check_group(const struct world *w, int32_t group)
{
	const struct process *p = w->processes;
	while (p && (p->boot || getpgid(p->tgid) != group))
		p = p->next;
	if (!p)
		return -ESRCH;
	pid_t session = getsid(p->tgid);
	return session < 0 || session == getsid(0) ? -EPERM : 0;
}

static int64_t check_owner(const struct world *w, const struct owner *owner)
{
	if (owner->id == 0)
		return 0;
	if (owner->kind == OWNER_GROUP)
		return check_group(w, owner->id);
	const struct thread *target = owner->id > 0 ? thread_find(w, owner->id) : NULL;
	return target && target->process && !target->process->boot ? 0 : -ESRCH;
}

int64_t owner_lend(struct world *w, struct thread *t, const struct os_call *call)
{
	int32_t id = (int32_t)call->args[2];
	struct owner owner = {OWNER_PID, id};
	bool by_structure = (uint32_t)call->args[1] == SETOWN_EX;
	if (by_structure && os_read(t->tid, call->args[2], &owner, sizeof owner) != (ssize_t)sizeof owner)
		return -EFAULT;
	if (!by_structure && id == INT32_MIN)
		return -EINVAL;
	if (!by_structure && id < 0)
		owner = (struct owner){OWNER_GROUP, -id};
	if (owner.kind < OWNER_TID || owner.kind > OWNER_GROUP)
		return -EINVAL;
	int64_t error = check_owner(w, &owner);
	return error || !by_structure ? error : lend_argument(w, t, &owner, sizeof owner);
}

/* ---- Turning them on ----
 * What the descriptor is must still be so when the kernel looks: that is certain where nobody else can put something
 * in its place, another thread or a process that has the same descriptors. It may have been given from outside with an
 * owner, so that this is asked for. injection.data: the call. */

static bool has_files_alone(const struct thread *t)
{
	for (const struct thread *o = t->process->threads; o; o = o->process_next)
		if (o != t && o->state != THREAD_ENDED)
			return false;
	return !t->process->shares_files;
}

static void owner_cleared(struct world *w, struct thread *t, int64_t result)
{
	const uint64_t *data = t->injection.data, args[6] = {data[1], data[2], data[3]};
	if (result < 0)
		inject_return(w, t, result);
	else
		inject(w, t, &t->injection.saved, false, (int64_t)data[0], args, inject_return);
}

static void owner_known(struct world *w, struct thread *t, int64_t result)
{
	const uint64_t *data = t->injection.data, args[6] = {data[1], data[2], data[3]};
	struct owner owner = {result < 0 ? OWNER_GROUP : OWNER_PID, (int32_t)(result < 0 ? -result : result)};
	/* fcntl's results are errors or groups alike; it has no error to tell of a descriptor that is one of these. */
	const uint64_t clear[6] = {data[1], F_SETOWN};
	if (result == 0) /* or one of another pid namespace, or a group that is empty for now */
		inject(w, t, &t->injection.saved, false, NR_FCNTL, clear, owner_cleared);
	else if (check_owner(w, &owner) == 0)
		inject(w, t, &t->injection.saved, false, (int64_t)data[0], args, inject_return);
	else
		inject_return(w, t, result == -EBADF ? -EBADF : -EPERM);
}

int64_t owner_signals(struct world *w, struct thread *t, const struct os_call *call)
{
	const uint64_t args[6] = {call->args[0], F_GETOWN};
	const uint64_t data[4] = {(uint64_t)call->nr, call->args[0], call->args[1], call->args[2]};
	int is_channel = os_is_channel(t->tid, (int)call->args[0]);
	if (is_channel < 0)
		return is_channel;
	if (!is_channel || !has_files_alone(t))
		return -EPERM;
	if (os_get_regs(t->tid, &t->injection.saved) < 0)
		return 0; /* killed: its end follows */
	memcpy(t->injection.data, data, sizeof data);
	inject(w, t, &t->injection.saved, true, NR_FCNTL, args, owner_known);
	return 0;
}
