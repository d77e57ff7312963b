/* SPDX-License-Identifier: MIT
 * Local sockets. One that is connected or sent to is found here by its name, and the tracer puts its file in the
 * name's place: the call itself is the guest's, which may wait. The name that a socket is bound to the kernel
 * keeps, and tells everybody, so that it should be as the guest says it: this process binds, to whom it means the
 * same, a copy of the descriptor that the guest sends here.
 * And netlink sockets, which this process makes since it may do little with them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <microcosm-host.h>
#include <microcosm.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "names.h"

static long result(long r)
{
	return r < 0 ? -errno : r;
}

/* ---- Names of others ---- */

/* To connect wants to write; that a mount is read-only the kernel does not mind, of sockets. */
static long local_place(const struct mch_place *place)
{
	struct stat st;
	struct statvfs mount;

	if (fstat(place->fd, &st) < 0 || fstatvfs(place->fd, &mount) < 0)
		return -errno;
	if (((mount.f_flag | mch_tree_limits(place->part)) & ST_RDONLY) != 0) {
		if (S_ISSOCK(st.st_mode))
			changed(place->fd, -EROFS);
		return -EACCES;
	}
	return S_ISSOCK(st.st_mode) ? mch_local(place->fd) : -ECONNREFUSED;
}

long names_local(const struct names_at *shared)
{
	struct names_at at;
	struct mch_place place;
	long r = at_fetch(&at, shared);

	if (r < 0)
		return r;
	place.fd = name_open(&at, O_PATH, 0, 0, &place.part);
	if (place.fd < 0)
		return place.fd;
	r = local_place(&place);
	close(place.fd);
	return r;
}

/* ---- Sockets that guests send ---- */

#define CHANNELS 64 /* a guest's use of one is short */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct channel {
	int64_t thread; /* 0: nobody's */
	int fd;
} channels[CHANNELS]; /* under lock, as below */
static unsigned oldest;

/* Under the lock: the thread's own, or the one that has been there longest. */
static struct channel *channel_of(int64_t thread)
{
	for (unsigned i = 0; i < CHANNELS; i++)
		if (channels[i].thread == thread)
			return &channels[i];
	return NULL;
}

static void channel_keep(int64_t thread, int fd)
{
	pthread_mutex_lock(&lock);
	struct channel *channel = channel_of(thread);
	if (channel == NULL)
		channel = &channels[oldest++ % CHANNELS];
	if (channel->thread != 0)
		close(channel->fd);
	*channel = (struct channel){ thread, fd };
	pthread_mutex_unlock(&lock);
}

/* The caller's end, which is the caller's to close; -1. */
static int channel_take(int64_t thread)
{
	int fd = -1;

	pthread_mutex_lock(&lock);
	struct channel *channel = channel_of(thread);
	if (channel != NULL) {
		fd = channel->fd;
		channel->thread = 0;
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

long names_channel(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	channel_keep(mch_caller()->thread, pair[0]);
	long r = mch_give_fd(pair[1], O_CLOEXEC);
	if (r < 0)
		close(pair[1]);
	return r;
}

/* The descriptor that was sent, -EBADF where none was. */
static int receive(int channel)
{
	char byte;
	int fd = -EBADF;
	union {
		struct cmsghdr head;
		char bytes[CMSG_LEN(sizeof(int))]; /* with no room for more: the kernel drops them */
	} control;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control.bytes) };

	if (recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return fd;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* A copy of the caller's socket, and its family; -errno. */
static int socket_sent(int *family)
{
	int channel = channel_take(mch_caller()->thread);

	if (channel < 0)
		return -EAGAIN;
	int fd = receive(channel);
	close(channel);
	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, family, &(socklen_t){ sizeof(*family) }) == 0)
		return fd;
	int r = -errno;
	close(fd);
	return r;
}

/* ---- Binding ---- */

static pthread_mutex_t current = PTHREAD_MUTEX_INITIALIZER; /* the working directory, this process's */

/* A path of the guest's means the same to the kernel, and if the guest changes that now, it leads to nothing
 * worse: from the directory `start`, which is the current one. */
static bool means_same(const char *path, const char *last, int parent)
{
	char above[PATH_BYTES];
	size_t n = (size_t)(last - path);
	struct stat there, here;

	if (!mch_tree_confines())
		return false;
	memcpy(above, path, n);
	above[n] = '\0';
	int fd = open(n > 0 ? above : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool same = fd >= 0 && fstat(fd, &there) == 0 && fstat(parent, &here) == 0 && there.st_dev == here.st_dev &&
		    there.st_ino == here.st_ino;
	if (fd >= 0)
		close(fd);
	return same;
}

static long bind_path(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	size_t len = strlen(path);

	if (fstat(fd, &st) < 0)
		return -errno;
	memcpy(address.sun_path, path, len); /* without a terminator, if need be */
	/* The file gets the socket's own mode. */
	if (fchmod(fd, st.st_mode & ~process_umask() & 07777) < 0)
		return -errno;
	long r = result(bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)));
	fchmod(fd, st.st_mode & 07777);
	return r;
}

/* The whole path, or, where that means something else to the kernel, the last part. */
static long bind_in(int fd, const char *path, const char *last, int start, int parent)
{
	pthread_mutex_lock(&current);
	int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	long r = before < 0 ? -errno : result(fchdir(start));
	if (r == 0 && !means_same(path, last, parent)) {
		path = last;
		r = result(fchdir(parent));
	}
	if (r == 0)
		r = bind_path(fd, path);
	if (before >= 0) {
		(void)!fchdir(before);
		close(before);
	}
	pthread_mutex_unlock(&current);
	return r;
}

static long bind_name(int fd, const struct names_at *at)
{
	struct mch_place parent, start;
	const char *last;
	int directory = name_parent(at, &parent, &last);

	if (directory < 0)
		return directory;
	long r = may_change(&parent, last, MAKES);
	if (r == 0 && proc_is(directory))
		r = -EROFS;
	if (r == 0)
		r = directory_start(at, &start);
	if (r == 0) {
		r = bind_in(fd, at->path, last, start.fd, directory);
		close(start.fd);
	}
	changed(directory, r);
	close(directory);
	return r == -EEXIST ? -EADDRINUSE : r;
}

long names_bind(const struct names_at *shared)
{
	struct names_at at;
	int family, fd = socket_sent(&family);

	if (fd < 0)
		return fd;
	long r = at_fetch(&at, shared);
	if (r == 0 && family != AF_UNIX)
		r = -EAFNOSUPPORT;
	if (r == 0)
		r = strlen(at.path) <= sizeof(((struct sockaddr_un *)0)->sun_path) ? bind_name(fd, &at) : -EINVAL;
	close(fd);
	return r;
}

/* ---- Listening ---- */

static bool has_port(const struct sockaddr_storage *name)
{
	switch (name->ss_family) {
	case AF_INET: return ((const struct sockaddr_in *)name)->sin_port != 0;
	case AF_INET6: return ((const struct sockaddr_in6 *)name)->sin6_port != 0;
	default: return true; /* of another kind, which the kernel does not bind by itself */
	}
}

/* Only of a socket that has a port: else the kernel would choose one, and any address. */
static long listen_bound(int fd, int backlog)
{
	struct sockaddr_storage before = { 0 }, after = { 0 };
	socklen_t len = sizeof(before), len_after = sizeof(after);

	if (getsockname(fd, (struct sockaddr *)&before, &len) < 0)
		return -errno;
	if (!has_port(&before))
		return -EACCES;
	if (listen(fd, backlog) < 0)
		return -errno;
	/* The port may have been that of a connection which somebody ended meanwhile. */
	if (getsockname(fd, (struct sockaddr *)&after, &len_after) == 0 && len == len_after &&
	    memcmp(&before, &after, sizeof(before)) == 0)
		return 0;
	shutdown(fd, SHUT_RDWR);
	return -EACCES;
}

long names_listen(int backlog)
{
	int family, fd = socket_sent(&family);

	if (fd < 0)
		return fd;
	long r = listen_bound(fd, backlog);
	close(fd);
	return r;
}

/* ---- Netlink ---- */

/* Whether this process might set up the network that the socket is of: the kernel asks before it looks. As root with
 * --host-files it might, and in the network of a user namespace that its user made. */
static bool may_set_up(int fd)
{
	int space = ioctl(fd, SIOCGSKNS);

	if (space < 0)
		return errno != EPERM;
	close(space);
	return true;
}

/* What a message without an address may do, the kernel asks of who made the socket too, and not of who sends it alone:
 * a world may run as root. The tracer takes addresses away. */
long names_netlink(int type)
{
	int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);

	if ((mch_flags() & MC_HEADER_NET_HOST) == 0 || (kind != SOCK_RAW && kind != SOCK_DGRAM))
		return -EACCES;
	int fd = socket(AF_NETLINK, type | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	long r = may_set_up(fd) ? -EACCES : mch_give_fd(fd, (type & SOCK_CLOEXEC) != 0 ? O_CLOEXEC : 0);
	if (r < 0)
		close(fd);
	return r;
}
