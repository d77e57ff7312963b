/* SPDX-License-Identifier: MIT
 * Calls of sockets that the kernel's own would not do: what they name lies in memory, or is a file. */
#include "linux.h"

#include <linux/socket.h>
#include <linux/un.h>

enum {
	CLOSE = 3, SOCKET = 41, CONNECT = 42, SENDTO = 44, SENDMSG = 46, BIND = 49, LISTEN = 50, GETPEERNAME = 52,
	GETSOCKOPT = 55
};

#define MESSAGES_MAX 1024 /* as Linux's UIO_MAXIOV */
#define ADDRESS_MAX 128
#define SCM_RIGHTS 1
#define MSG_NOSIGNAL 0x4000
#define SOCK_STREAM 1
#define SOCK_SEQPACKET 5
#define NETLINK_ROUTE 0
#define SO_DOMAIN 39
#define SO_TYPE 3
#define SOL_SOCKET 1
#define AF_UNIX 1

struct message { /* struct msghdr, as the kernel has it */
	const void *name;
	uint32_t name_len, pad;
	void *parts;
	uint64_t n_parts;
	void *control;
	uint64_t control_len;
	uint64_t flags;
};

static mc_fn close_stub, connect_stub, getpeername_stub, getsockopt_stub, sendto_stub, sendmsg_stub;

/* ---- Local sockets ----
 * The tracer sends their calls here when they name one. The host half finds the file; the next address of a local
 * socket that this thread gives to the kernel out of the region is that file's, whatever it says. */

static const struct sockaddr_un found = { .sun_family = AF_UNIX, .sun_path = "(the file that was found)" };

static long socket_is(long fd, int option)
{
	int32_t value;
	uint32_t len = sizeof value;
	long r = getsockopt_stub(fd, SOL_SOCKET, option, (long)&value, (long)&len, 0);

	return r < 0 ? r : value;
}

/* A socket of another kind does not know the family. */
static long check_local(long fd)
{
	long family = socket_is(fd, SO_DOMAIN);

	return family < 0 ? family : family == AF_UNIX ? 0 : -EAFNOSUPPORT;
}

/* An abstract name leaves at->len 0. */
static long local_name(struct names_at *at, long address, long len)
{
	struct sockaddr_un name = { 0 };

	*at = (struct names_at){ 0 };
	if ((unsigned long)len > sizeof name || (size_t)len <= offsetof(struct sockaddr_un, sun_path))
		return -EINVAL;
	if (mc_copy_in(&name, (const void *)address, (size_t)len) != 0)
		return -EFAULT;
	if (name.sun_family != AF_UNIX)
		return -EINVAL;
	len -= (long)offsetof(struct sockaddr_un, sun_path);
	while (at->len < len && name.sun_path[at->len] != 0) {
		at->path[at->len] = name.sun_path[at->len];
		at->len++;
	}
	return 0;
}

/* Nobody has an abstract name: it would be one of the whole machine's. */
static long local_find(long address, long len)
{
	struct names_at at;
	long r = local_name(&at, address, len);

	return r < 0 ? r : at.len == 0 ? -ECONNREFUSED : names_local(&at);
}

static long local_connect(long fd, long address, long len, long a3, long a4, long a5)
{
	long r = check_local(fd);

	(void)a3, (void)a4, (void)a5;
	if (r == 0)
		r = local_find(address, (int)len);
	return r < 0 ? r : connect_stub(fd, (long)&found, sizeof found, 0, 0, 0);
}

/* 1: a name is looked at; 0: it is not, as the kernel does not either. */
static long wants_name(long fd)
{
	char peer[ADDRESS_MAX];
	uint32_t len = sizeof peer;
	long r = check_local(fd), type = socket_is(fd, SO_TYPE);

	if (r < 0)
		return r;
	if (type == SOCK_STREAM)
		return getpeername_stub(fd, (long)peer, (long)&len, 0, 0, 0) == 0 ? -EISCONN : -EOPNOTSUPP;
	return type != SOCK_SEQPACKET;
}

static long local_sendto(long fd, long data, long n, long flags, long address, long len)
{
	long r = wants_name(fd);

	if (r == 0)
		return sendto_stub(fd, data, n, flags, 0, 0);
	if (r > 0)
		r = local_find(address, (int)len);
	return r < 0 ? r : sendto_stub(fd, data, n, flags, (long)&found, sizeof found);
}

static long local_sendmsg(long fd, long given, long flags, long a3, long a4, long a5)
{
	struct message message;
	long r = wants_name(fd);

	(void)a3, (void)a4, (void)a5;
	if (r < 0)
		return r;
	if (mc_copy_in(&message, (const void *)given, sizeof message) != 0)
		return -EFAULT;
	if (r > 0) {
		r = local_find((long)message.name, (int)message.name_len);
		message.name = &found;
		message.name_len = sizeof found;
	} else {
		message.name = NULL;
		message.name_len = 0;
	}
	return r < 0 ? r : sendmsg_stub(fd, (long)&message, flags, 0, 0, 0);
}

/* ---- What the host half does to a socket of the guest's ---- */

static long send_socket(long fd)
{
	char byte = 0;
	struct {
		uint64_t len;
		int32_t level, type, fd, pad;
	} control = { offsetof(__typeof__(control), pad), SOL_SOCKET, SCM_RIGHTS, (int)fd, 0 };
	struct {
		void *base;
		uint64_t len;
	} part = { &byte, 1 };
	const struct message message = { .parts = &part, .n_parts = 1, .control = &control,
					 .control_len = sizeof control };
	long channel = names_channel();
	if (channel < 0)
		return channel;
	long r = sendmsg_stub(channel, (long)&message, MSG_NOSIGNAL, 0, 0, 0);
	close_stub(channel, 0, 0, 0, 0, 0);
	return r < 0 ? r : 0;
}

static long local_bind(long fd, long address, long len, long a3, long a4, long a5)
{
	struct names_at at;
	long r = check_local(fd);

	(void)a3, (void)a4, (void)a5;
	if (r < 0)
		return r;
	if ((int)len == sizeof(__kernel_sa_family_t)) /* the kernel would choose an abstract name */
		return -EACCES;
	r = local_name(&at, address, (int)len);
	if (r == 0 && at.len == 0)
		r = -EACCES;
	if (r < 0)
		return r;
	do {
		r = send_socket(fd);
		if (r == 0)
			r = names_bind(&at);
	} while (r == -EAGAIN);
	return r;
}

static long checked_listen(long fd, long backlog, long a2, long a3, long a4, long a5)
{
	long r;

	(void)a2, (void)a3, (void)a4, (void)a5;
	do {
		r = send_socket(fd);
		if (r == 0)
			r = names_listen((int)backlog);
	} while (r == -EAGAIN);
	return r;
}

/* ---- Netlink ---- */

/* The tracer has looked at the family. */
static long netlink_socket(long family, long type, long protocol, long a3, long a4, long a5)
{
	(void)family, (void)a3, (void)a4, (void)a5;
	return (int)protocol == NETLINK_ROUTE ? names_netlink((int)type) : -EACCES;
}

/* ---- Several messages ---- */

struct messages { /* struct mmsghdr, as the kernel has it */
	struct message message;
	uint32_t sent, pad;
};

/* Each goes by the tracer, which makes a copy. An error counts where nothing was sent before. */
HANDLER(linux_sendmmsg)
{
	long n = (unsigned)a2 < MESSAGES_MAX ? (long)(unsigned)a2 : MESSAGES_MAX, done = 0;
	struct messages *guest = (struct messages *)a1;

	for (; done < n; done++) {
		long r = sendmsg_stub(a0, (long)&guest[done].message, a3, 0, 0, 0);
		if (r < 0)
			return done > 0 ? done : r;
		uint32_t sent = (uint32_t)r;
		if (mc_copy_out(&guest[done].sent, &sent, sizeof sent) != 0)
			return done > 0 ? done : -EFAULT;
	}
	return done;
}

void sockets_init(void)
{
	static const struct mc_entry local[] = {
		{ NAMES_LOCAL(CONNECT), local_connect }, { NAMES_LOCAL(SENDTO), local_sendto },
		{ NAMES_LOCAL(SENDMSG), local_sendmsg }, { NAMES_LOCAL(BIND), local_bind },
		{ NAMES_LOCAL(LISTEN), checked_listen }, { NAMES_LOCAL(SOCKET), netlink_socket },
	};

	close_stub = mc_get(CLOSE);
	connect_stub = mc_get(CONNECT);
	getpeername_stub = mc_get(GETPEERNAME);
	getsockopt_stub = mc_get(GETSOCKOPT);
	sendto_stub = mc_get(SENDTO);
	sendmsg_stub = mc_get(SENDMSG);
	start_check(mc_register_all(local, COUNT(local)) == 0);
}
