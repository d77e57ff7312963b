// SPDX-License-Identifier: MIT
// Calls that name a network address, which lies in the guest's memory: the kernel gets a copy that no
// guest can write, in the thread's place of the sealed part, and the caller gets its registers back at
// the call's end. A call that a signal breaks off begins anew, with a new copy, if it is repeated.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "world.h"

#define NR_CONNECT 42
#define NR_SENDTO 44
#define NR_BIND 49

static uint64_t lent_address(const struct world *w, const struct thread *t)
{
	return w->lent + (uint64_t)t->slot * LENT_BYTES;
}

/* Makes the copy; 0 or -errno. */
static int64_t copy_address(struct world *w, const struct thread *t, enum net_use use, uint64_t from,
			    uint64_t given)
{
	union net_address address = {.bytes = {0}};
	int32_t len = (int32_t)given; /* as the kernel takes it */
	if (len < 0 || (size_t)len > sizeof address)
		return -EINVAL;
	if (len && os_read(t->tid, from, &address, (size_t)len) != len)
		return -EFAULT;
	int error = net_check(&w->net, use, &address, (size_t)len);
	if (error == -EACCES)
		learn_address(w, &address);
	if (error)
		return error;
	memcpy(region_at(&w->region, REGION_SEALED, (struct gaddr){lent_address(w, t)}, sizeof address),
	       &address, sizeof address);
	return 0;
}

int64_t socket_lend(struct world *w, struct thread *t, const struct os_call *call)
{
	struct regs regs;
	bool sends = call->nr == NR_SENDTO;
	int at = sends ? 4 : 1; /* the address among the arguments, its length after it */
	enum net_use use = sends ? NET_SEND : call->nr == NR_BIND ? NET_BIND : NET_CONNECT;
	int64_t error = copy_address(w, t, use, call->args[at], call->args[at + 1]);
	if (error)
		return error;
	if (os_get_regs(t->tid, &regs) < 0)
		return -ESRCH;
	t->lent = (struct lent){.active = true, .rsi = regs.user.rsi, .r8 = regs.user.r8};
	if (sends)
		regs.user.r8 = lent_address(w, t);
	else
		regs.user.rsi = lent_address(w, t);
	return os_set_regs(t->tid, &regs);
}

void socket_return(struct thread *t)
{
	struct regs regs;
	if (!t->lent.active || os_get_regs(t->tid, &regs) < 0)
		return;
	t->lent.active = false;
	regs.user.rsi = t->lent.rsi;
	regs.user.r8 = t->lent.r8;
	os_set_regs(t->tid, &regs);
}

/* ---- listen ---- */

static bool has_port(const union net_address *name)
{
	switch (name->any.sa_family) {
	case AF_INET: return name->in.sin_port != 0;
	case AF_INET6: return name->in6.sin6_port != 0;
	default: return true; /* of another kind, which the kernel does not bind by itself */
	}
}

static int64_t listen_on(int fd, int backlog)
{
	union net_address before = {.bytes = {0}}, after = {.bytes = {0}};
	socklen_t len = sizeof before, len_after = sizeof after;
	if (getsockname(fd, &before.any, &len) < 0)
		return -errno;
	if (!has_port(&before))
		return -EACCES;
	if (listen(fd, backlog) < 0)
		return -errno;
	/* The port may have been that of a connection which somebody ended meanwhile. */
	if (getsockname(fd, &after.any, &len_after) == 0 && len == len_after &&
	    memcmp(&before, &after, sizeof before) == 0)
		return 0;
	shutdown(fd, SHUT_RDWR);
	return -EACCES;
}

int64_t socket_listen(const struct thread *t, int fd, int backlog)
{
	int own = os_take_fd(t->tid, t->tgid, fd);
	if (own < 0)
		return own == -EPERM || own == -ENOSYS ? -EACCES : own;
	int64_t result = listen_on(own, backlog);
	close(own);
	return result;
}
