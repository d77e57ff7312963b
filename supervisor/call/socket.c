// SPDX-License-Identifier: MIT
// Calls that name a network address, which lies in the guest's memory: the kernel gets a copy that no
// guest can write, in the thread's place of the sealed part, and the caller gets its registers back at
// the call's end. A call that a signal breaks off begins anew, with a new copy, if it is repeated.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

#define NR_CONNECT 42
#define NR_SENDTO 44
#define NR_SENDMSG 46
#define NR_BIND 49

#define CONTROL_BYTES 1088 /* descriptors, as many as the kernel passes at once, and credentials */

struct lent_place {
	union net_address name;
	struct msghdr message;
	unsigned char control[CONTROL_BYTES];
};

_Static_assert(sizeof(struct lent_place) <= LENT_BYTES, "a slot's place");

static uint64_t place_address(const struct world *w, const struct thread *t)
{
	return w->lent + (uint64_t)t->slot * LENT_BYTES;
}

static struct lent_place *place_of(const struct world *w, const struct thread *t)
{
	return region_at(&w->region, REGION_SEALED, (struct gaddr){place_address(w, t)},
			 sizeof(struct lent_place));
}

/* ---- Local sockets ----
 * The kernel would look their names up for the guest: it never sees one of the guest's. The host process
 * finds the file and gives it to us; the address that the kernel gets leads to our descriptor of it. */

void socket_set_local(struct thread *t, int fd)
{
	if (t->local >= 0)
		close(t->local);
	t->local = fd;
}

/* Whether the guest will find our descriptor there: its /proc is ours, but may show other processes. */
static bool leads_to(const char *path, int fd)
{
	struct stat there, here;
	return stat(path, &there) == 0 && fstat(fd, &here) == 0 && there.st_dev == here.st_dev &&
	       there.st_ino == here.st_ino;
}

/* What a handler says lies in the region, and stands for what was found for it. */
static int64_t local_address(struct world *w, struct thread *t, enum net_use use, uint64_t from, size_t len,
			     union net_address *address)
{
	bool by_handler = use != NET_BIND && region_contains(&w->region, from, 1);
	if (by_handler)
		control_receive(w); /* the descriptor was sent before the thread could come here */
	if (!by_handler || t->local < 0) {
		socket_set_local(t, -1);
		return SOCKET_LOCAL;
	}
	if (len != sizeof address->un)
		return -EINVAL;
	snprintf(address->un.sun_path, sizeof address->un.sun_path, "/proc/%d/fd/%d", (int)getpid(), t->local);
	return leads_to(address->un.sun_path, t->local) ? 0 : -EACCES;
}

/* ---- Addresses ---- */

/* That a message goes to netlink's kernel side need not be said. Said, it would have the kernel look at the sender's
 * capabilities alone, which a guest may have; else it looks at those of who made the socket too: the host process. */
static bool goes_without(enum net_use use, const union net_address *address)
{
	return use == NET_SEND && address->any.sa_family == AF_NETLINK;
}

/* Makes the copy; 0, SOCKET_LOCAL or -errno. *to is its address, 0 where the call is to go on without one. */
static int64_t copy_address(struct world *w, struct thread *t, enum net_use use, uint64_t from,
			    int32_t len, uint64_t *to)
{
	union net_address address = {.bytes = {0}};
	*to = place_address(w, t) + offsetof(struct lent_place, name);
	if (len == 0 && use == NET_SEND)
		return 0; /* the kernel says what that means: it reads nothing */
	if (len < 0 || (size_t)len > sizeof address)
		return -EINVAL;
	if (len && os_read(t->tid, from, &address, (size_t)len) != len)
		return -EFAULT;
	bool local = (size_t)len >= sizeof address.any.sa_family && address.any.sa_family == AF_UNIX;
	int64_t error = local ? local_address(w, t, use, from, (size_t)len, &address)
			      : net_check(&w->net, use, &address, (size_t)len);
	if (error == -EACCES)
		learn_address(w, &address);
	if (error)
		return error;
	if (goes_without(use, &address))
		*to = 0;
	else
		place_of(w, t)->name = address;
	return 0;
}

/* ---- What is sent beside the data ---- */

/* Root could say anything. Ids that --uid shows the guest become what they stand for. */
static bool own_credentials(const struct world *w, const struct thread *t, unsigned char *data, size_t len)
{
	struct ucred who;
	if (len != sizeof who)
		return false;
	memcpy(&who, data, sizeof who);
	if (who.uid == w->shown_uid)
		who.uid = geteuid();
	if (who.gid == w->shown_gid)
		who.gid = getegid();
	memcpy(data, &who, sizeof who);
	return who.pid == t->tgid && (who.uid == getuid() || who.uid == geteuid()) &&
	       (who.gid == getgid() || who.gid == getegid());
}

/* Neither marks nor source routes. */
static bool may_control(const struct world *w, const struct thread *t, const struct cmsghdr *head,
			unsigned char *data)
{
	switch (head->cmsg_level) {
	case SOL_SOCKET:
		return head->cmsg_type == SCM_RIGHTS ||
		       (head->cmsg_type == SCM_CREDENTIALS && own_credentials(w, t, data, head->cmsg_len - sizeof *head));
	case IPPROTO_IP:
		return head->cmsg_type == IP_PKTINFO || head->cmsg_type == IP_TTL || head->cmsg_type == IP_TOS;
	case IPPROTO_IPV6:
		return head->cmsg_type == IPV6_PKTINFO || head->cmsg_type == IPV6_HOPLIMIT ||
		       head->cmsg_type == IPV6_TCLASS;
	default: return false;
	}
}

static int64_t copy_control(const struct world *w, const struct thread *t, uint64_t from, uint64_t len)
{
	unsigned char bytes[CONTROL_BYTES];
	struct cmsghdr head;
	if (len > sizeof bytes)
		return -ENOBUFS;
	if (os_read(t->tid, from, bytes, len) != (ssize_t)len)
		return -EFAULT;
	for (size_t at = 0; len - at >= sizeof head; at += CMSG_ALIGN(head.cmsg_len)) {
		memcpy(&head, bytes + at, sizeof head);
		if (head.cmsg_len < sizeof head || head.cmsg_len > len - at)
			return -EINVAL;
		if (!may_control(w, t, &head, bytes + at + sizeof head))
			return -EPERM;
		if (CMSG_ALIGN(head.cmsg_len) >= len - at)
			break;
	}
	memcpy(place_of(w, t)->control, bytes, len);
	return 0;
}

/* sendmsg's structure; what is sent stays where it is. */
static int64_t copy_message(struct world *w, struct thread *t, uint64_t from, uint64_t *to)
{
	struct msghdr message;
	uint64_t at = place_address(w, t), name;
	int64_t error = 0;
	if (os_read(t->tid, from, &message, sizeof message) != (ssize_t)sizeof message)
		return -EFAULT;
	if (message.msg_name && message.msg_namelen) {
		int32_t len = (int32_t)message.msg_namelen;
		if (len > (int32_t)sizeof(struct sockaddr_storage)) /* the kernel takes the first of it */
			message.msg_namelen = len = sizeof(struct sockaddr_storage);
		error = copy_address(w, t, NET_SEND, (uintptr_t)message.msg_name, len, &name);
		message.msg_name = (void *)(uintptr_t)name;
		if (!name)
			message.msg_namelen = 0;
	}
	if (error == 0 && message.msg_controllen) {
		error = copy_control(w, t, (uintptr_t)message.msg_control, message.msg_controllen);
		message.msg_control = (void *)(uintptr_t)(at + offsetof(struct lent_place, control));
	}
	if (error == 0)
		place_of(w, t)->message = message;
	*to = at + offsetof(struct lent_place, message);
	return error;
}

/* ---- Calls ---- */

/* *to is what the call's pointer is to be. */
static int64_t copy(struct world *w, struct thread *t, const struct os_call *call, uint64_t *to)
{
	switch (call->nr) {
	case NR_SENDMSG: return copy_message(w, t, call->args[1], to);
	case NR_SENDTO: return copy_address(w, t, NET_SEND, call->args[4], (int32_t)call->args[5], to);
	case NR_BIND: return copy_address(w, t, NET_BIND, call->args[1], (int32_t)call->args[2], to);
	default: return copy_address(w, t, NET_CONNECT, call->args[1], (int32_t)call->args[2], to);
	}
}

static void lend_registers(struct thread *t, const struct regs *from)
{
	t->lent = (struct lent){.active = true, .rsi = from->user.rsi, .rdx = from->user.rdx, .r8 = from->user.r8};
}

int lend_argument(struct world *w, struct thread *t, const void *bytes, size_t n)
{
	struct regs regs;
	uint64_t at = place_address(w, t);
	memcpy(region_at(&w->region, REGION_SEALED, (struct gaddr){at}, n), bytes, n);
	if (os_get_regs(t->tid, &regs) < 0)
		return -ESRCH;
	lend_registers(t, &regs);
	regs.user.rdx = at;
	return os_set_regs(t->tid, &regs);
}

int64_t socket_lend(struct world *w, struct thread *t, const struct os_call *call)
{
	struct regs regs;
	uint64_t to;
	int64_t error = copy(w, t, call, &to);
	if (error)
		return error;
	if (os_get_regs(t->tid, &regs) < 0)
		return -ESRCH;
	lend_registers(t, &regs);
	if (call->nr == NR_SENDTO)
		regs.user.r8 = to;
	else
		regs.user.rsi = to;
	return os_set_regs(t->tid, &regs);
}

void socket_return(struct thread *t)
{
	struct regs regs;
	if (!t->lent.active || os_get_regs(t->tid, &regs) < 0)
		return;
	t->lent.active = false;
	regs.user.rsi = t->lent.rsi;
	regs.user.rdx = t->lent.rdx;
	regs.user.r8 = t->lent.r8;
	if (!regs_interrupted(&regs)) /* else it may be made again */
		socket_set_local(t, -1);
	os_set_regs(t->tid, &regs);
}
