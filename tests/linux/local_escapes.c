/* SPDX-License-Identifier: MIT
 * Local sockets of the host's, which are not for a world. cases/local.sh runs this as
 *   local_escapes count DIR [NAME]   the host's side: sockets in the directory, which must not be reached, and
 *                                    abstract ones of the name; at the end of standard input it prints how
 *                                    often they were
 *   local_escapes try OUTSIDE RO RW NAME   the guest's: tries each way to them, which lie in OUTSIDE, that the
 *                                    world has not, and in RO, that it may read; from RW. It holds a directory
 *                                    of OUTSIDE as 0. A line for each way that is open
 *   local_escapes ways ...           the same without names that change meanwhile
 *   local_escapes reach DIR          the guest's: how often it reaches those in DIR */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define RACES 1000
#define LOCAL(nr) (0x2000 + (nr)) /* the numbers of the handlers, which a guest may call by itself */

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
static const char *const names[] = { "stream", "datagram", "packets" };

static socklen_t fill(struct sockaddr_un *name, const char *directory, const char *text)
{
	bool abstract = !directory;

	*name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int n = snprintf(name->sun_path + abstract, sizeof name->sun_path - abstract, "%s%s%s", directory ? directory : "",
			 directory ? "/" : "", text);
	if (n >= (int)(sizeof name->sun_path - abstract)) {
		printf("the path is too long: %s/%s\n", directory, text);
		exit(1);
	}
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
}

/* ---- The host's side ---- */

static int count(const char *directory, const char *abstract)
{
	int sockets[6], n = 0;
	long reached = 0;
	char byte;

	for (int i = 0; i < (abstract ? 6 : 3); i++) {
		struct sockaddr_un name;
		char text[64];
		snprintf(text, sizeof text, "%s%s", i < 3 ? "" : abstract, names[i % 3]);
		socklen_t len = fill(&name, i < 3 ? directory : NULL, text);
		if (i < 3)
			unlink(name.sun_path);
		sockets[n] = socket(AF_UNIX, types[i % 3] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (bind(sockets[n], (struct sockaddr *)&name, len) < 0 ||
		    (types[i % 3] != SOCK_DGRAM && listen(sockets[n], 4096) < 0) ||
		    (i < 3 && chmod(name.sun_path, 0777) < 0)) {
			perror("local_escapes: a socket to be left alone");
			return 1;
		}
		n++;
	}
	printf("ready\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	for (int i = 0; i < n; i++) {
		int fd = -1;
		while (types[i % 3] == SOCK_DGRAM ? recv(sockets[i], &byte, 1, 0) >= 0
						   : (fd = accept(sockets[i], NULL, NULL)) >= 0) {
			if (fd >= 0)
				close(fd);
			reached++;
		}
	}
	printf("%ld\n", reached);
	return 0;
}

/* ---- The guest's side ---- */

static bool all_well = true;

static void refused(const char *way, const char *what, const char *call, long result, int error)
{
	if (result >= 0 || (error && errno != error)) {
		printf("%s, %s, %s: %s\n", way, what, call, result >= 0 ? "open" : strerrorname_np(errno));
		all_well = false;
	}
}

/* Every call that could reach it: 3 connect, 3 send; of these one way each counts what it reaches. */
static long tries(const char *way, const struct sockaddr_un *name, socklen_t len, int error)
{
	struct iovec part = { (void *)"x", 1 };
	struct msghdr message = { .msg_name = (void *)(uintptr_t)name, .msg_namelen = len, .msg_iov = &part, .msg_iovlen = 1 };
	struct mmsghdr several = { .msg_hdr = message };
	const struct sockaddr *to = (const struct sockaddr *)name;
	const char *what = name->sun_path[0] ? name->sun_path : name->sun_path + 1;
	long reached = 0;

	for (int i = 0; i < 3; i++) {
		int fd = socket(AF_UNIX, types[i] | SOCK_NONBLOCK, 0), pair[2];
		bool wrong = !strstr(what, names[i]); /* EPROTOTYPE then, if anything */
		long r = connect(fd, to, len);
		reached += r == 0;
		refused(way, what, "connect", r, wrong ? 0 : error);
		refused(way, what, "its handler", syscall(LOCAL(SYS_connect), fd, to, len), wrong ? 0 : error);
		close(fd);
		if (socketpair(AF_UNIX, types[i] | SOCK_NONBLOCK, 0, pair) == 0) {
			if (types[i] == SOCK_DGRAM)
				refused(way, what, "connect of a pair's", connect(pair[0], to, len), wrong ? 0 : error);
			else
				refused(way, what, "connect of a pair's", connect(pair[0], to, len), 0);
			close(pair[0]);
			close(pair[1]);
		}
	}
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (!strstr(what, names[1]))
		error = 0;
	reached += sendto(fd, "x", 1, 0, to, len) == 1;
	refused(way, what, "sendto", sendto(fd, "x", 1, 0, to, len), error);
	refused(way, what, "sendmsg", sendmsg(fd, &message, 0), error);
	refused(way, what, "sendmmsg", sendmmsg(fd, &several, 1, 0), error);
	refused(way, what, "sendto's handler", syscall(LOCAL(SYS_sendto), fd, "x", 1, 0, to, len), error);
	refused(way, what, "sendmsg's handler", syscall(LOCAL(SYS_sendmsg), fd, &message, 0), error);
	close(fd);
	return reached;
}

static void all_of(const char *way, const char *directory, int error)
{
	for (int i = 0; i < 3; i++) {
		struct sockaddr_un name;
		socklen_t len = fill(&name, directory, names[i]);
		tries(way, &name, len, error);
	}
}

static void outside(const char *from, const char *rw)
{
	char link[96];

	all_of("its name", from, 0);
	/* By links, up, and by what the kernel's /proc has. */
	snprintf(link, sizeof link, "%s/link", rw);
	unlink(link);
	(void)!symlink(from, link);
	all_of("a link", link, 0);
	unlink(link);
	for (int i = 0; i < 2; i++) {
		snprintf(link, sizeof link, "%s%s", i ? "../../../../../../../.." : "/../../..", from);
		all_of("up", link, 0);
	}
	all_of("a directory that is held", "/proc/self/fd/0", 0);
	all_of("a directory that is held", "/dev/fd/0", 0);
	all_of("a directory that is held", "/dev/stdin", 0);
	snprintf(link, sizeof link, "/proc/self/root%s", from);
	all_of("a root", link, 0);
	snprintf(link, sizeof link, "/proc/%d/root%s", getppid(), from);
	all_of("a root", link, 0);
	snprintf(link, sizeof link, "/proc/%d/cwd", getppid());
	all_of("a directory", link, 0);
	/* Its descriptors: the numbers that the tracer puts into addresses. */
	for (int fd = 0; fd < 32; fd++) {
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		snprintf(name.sun_path, sizeof name.sun_path, "/proc/%d/fd/%d", getppid(), fd);
		tries("a descriptor of the tracer's", &name, sizeof name, 0);
	}
	if (fchdir(0) == 0)
		printf("a directory that is held can be entered\n");
	/* Nothing is made there. */
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un name;
	socklen_t len = fill(&name, from, "new");
	refused("its name", name.sun_path, "bind", bind(fd, (struct sockaddr *)&name, len), 0);
	len = fill(&name, "/proc/self/fd/0", "new");
	refused("held", name.sun_path, "bind", bind(fd, (struct sockaddr *)&name, len), 0);
	len = fill(&name, "../../../../../../../..", "new");
	refused("up", name.sun_path, "bind", bind(fd, (struct sockaddr *)&name, len), 0);
	close(fd);
}

static void readable(const char *ro, const char *rw)
{
	char other[96], target[128];
	struct sockaddr_un name;

	all_of("to be read", ro, EACCES);
	for (int i = 0; i < 3; i++) {
		snprintf(target, sizeof target, "%s/%s", ro, names[i]);
		snprintf(other, sizeof other, "%s/%s", rw, names[i]);
		unlink(other);
		refused("a hard link", other, "link", link(target, other), 0);
		refused("moved", other, "rename", rename(target, other), 0);
		(void)!symlink(target, other);
		socklen_t len = fill(&name, rw, names[i]);
		tries("a link to what is to be read", &name, len, EACCES);
		/* By a descriptor of it. */
		int fd = open(target, O_PATH);
		name = (struct sockaddr_un){ .sun_family = AF_UNIX };
		snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d", fd);
		tries("a descriptor of it", &name, sizeof name, 0);
		close(fd);
		unlink(other);
	}
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t len = fill(&name, ro, "new");
	refused("to be read", name.sun_path, "bind", bind(fd, (struct sockaddr *)&name, len), EROFS);
	len = fill(&name, ro, "stream");
	refused("to be read", name.sun_path, "bind", bind(fd, (struct sockaddr *)&name, len), EADDRINUSE);
	refused("to be read", name.sun_path, "chmod", chmod(name.sun_path, 0600), 0);
	close(fd);
}

static void abstract(const char *prefix)
{
	struct sockaddr_un name;
	char text[64];

	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "%s%s", prefix, names[i]);
		socklen_t len = fill(&name, NULL, text);
		tries("an abstract name", &name, len - 1, ECONNREFUSED);
		tries("an abstract name", &name, sizeof name, ECONNREFUSED);
		/* Nor can one be had. */
		int fd = socket(AF_UNIX, types[i], 0);
		name.sun_path[1] = 'x';
		refused("an abstract name", text, "bind", bind(fd, (struct sockaddr *)&name, len - 1), EACCES);
		refused("an abstract name", text, "bind", bind(fd, (struct sockaddr *)&name, 3), EACCES);
		refused("any abstract name", text, "bind", bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)), EACCES);
		refused("any abstract name", text, "SO_PASSCRED", setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int)),
			EPERM);
		close(fd);
	}
}

/* ---- Names that change while they are looked at ---- */

static struct sockaddr_un shared;
static socklen_t shared_len;
static atomic_bool racing;
static char good[108], bad[108], turning[108], turned[108];

/* The address itself. */
static void *writes(void *arg)
{
	while (racing) {
		strcpy(shared.sun_path, arg);
		strcpy(shared.sun_path, good);
	}
	return NULL;
}

/* What it leads to: two links change places. */
static void *turns(void *arg)
{
	(void)arg;
	while (racing)
		syscall(SYS_renameat2, AT_FDCWD, turning, AT_FDCWD, turned, 2 /* RENAME_EXCHANGE */);
	return NULL;
}

static void race(void *(*with)(void *), const char *what, bool binds)
{
	pthread_t thread;
	long done = 0;

	racing = true;
	pthread_create(&thread, NULL, with, bad);
	for (long i = 0; i < 20 * RACES && (i < RACES || done < 100); i++) {
		int fd = socket(AF_UNIX, (binds || i % 2 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
		if (binds) {
			done += bind(fd, (struct sockaddr *)&shared, shared_len) == 0;
			unlink(shared.sun_path);
		} else if (i % 2) {
			done += connect(fd, (struct sockaddr *)&shared, shared_len) == 0;
		} else {
			/* To the stream, with the type that it has not: it was found. */
			done += sendto(fd, "x", 1, 0, (struct sockaddr *)&shared, shared_len) == 1 || errno == EPROTOTYPE;
		}
		close(fd);
		if (i % 64 == 63) /* what was accepted is not needed */
			while ((fd = accept4(3, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				close(fd);
	}
	racing = false;
	pthread_join(thread, NULL);
	if (done < 100) {
		printf("a race (%s) with %ld good calls tells nothing\n", what, done);
		all_well = false;
	}
}

static void races(const char *ro, const char *rw)
{
	struct sockaddr_un own;
	char path[108];
	socklen_t len = fill(&own, rw, "mine");

	unlink(own.sun_path);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(server, (struct sockaddr *)&own, len) < 0 || listen(server, 4096) < 0)
		perror("a socket of one's own");
	dup2(server, 3);
	fill(&own, ro, "stream");
	strcpy(bad, own.sun_path);
	snprintf(good, sizeof good, "%s/mine", rw);
	shared_len = fill(&shared, rw, "mine");
	shared_len = sizeof shared;
	race(writes, "an address", false);

	/* A directory that is one thing, then another. */
	snprintf(path, sizeof path, "%s/d", rw);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/d/stream", rw);
	unlink(path);
	snprintf(good, sizeof good, "%s/mine", rw);
	(void)!link(good, path);
	snprintf(turning, sizeof turning, "%s/turn1", rw);
	snprintf(turned, sizeof turned, "%s/turn2", rw);
	unlink(turning);
	unlink(turned);
	(void)!symlink("d", turning);
	(void)!symlink(ro, turned);
	fill(&shared, turning, "stream");
	race(turns, "a link", false);
	fill(&shared, turning, "made");
	race(turns, "a link, bound", true);
	/* The same on the way out. */
	unlink(turned);
	unlink(turning);
	(void)!symlink("d", turning);
	(void)!symlink("/proc/self/fd/0", turned);
	fill(&shared, turning, "stream");
	race(turns, "a magic link", false);
	fill(&shared, turning, "made");
	race(turns, "a magic link, bound", true);
	unlink(turned);
	unlink(turning);
	close(3);
	close(server);
}

/* ---- What the handlers and the host half are not to believe ---- */

static void odd(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), pipes[2];

	(void)!pipe(pipes);
	for (long len = -2; len < 140; len++) {
		refused("an odd length", "of nothing", "bind's handler", syscall(LOCAL(SYS_bind), fd, &name, len), 0);
		refused("an odd length", "of nothing", "connect's handler", syscall(LOCAL(SYS_connect), fd, &name, len), 0);
	}
	/* What the kernel gets is never the guest's. */
	memset(name.sun_path, 'x', sizeof name.sun_path);
	refused("", "a pipe", "listen's handler", syscall(LOCAL(SYS_listen), pipes[0], 1), ENOTSOCK);
	refused("", "nothing", "listen's handler", syscall(LOCAL(SYS_listen), -1, 1), EBADF);
	refused("", "a pipe", "bind's handler", syscall(LOCAL(SYS_bind), pipes[0], &name, sizeof name), ENOTSOCK);
	refused("", "nothing", "bind's handler", syscall(LOCAL(SYS_bind), -1, &name, sizeof name), EBADF);
	refused("", "unbound", "listen's handler", syscall(LOCAL(SYS_listen), fd, 1), EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static int reach(const char *directory)
{
	struct sockaddr_un name;
	long reached = 0;

	for (int i = 0; i < 3; i++) {
		socklen_t len = fill(&name, directory, names[i]);
		int fd = socket(AF_UNIX, types[i], 0);
		reached += connect(fd, (struct sockaddr *)&name, len) == 0 && (types[i] != SOCK_DGRAM || send(fd, "x", 1, 0) == 1);
		close(fd);
	}
	printf("%ld\n", reached);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "count") == 0)
		return count(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "reach") == 0)
		return reach(argv[2]);
	if (argc != 6)
		return 2;
	outside(argv[2], argv[4]);
	readable(argv[3], argv[4]);
	abstract(argv[5]);
	odd();
	if (strcmp(argv[1], "ways") != 0)
		races(argv[3], argv[4]);
	printf(all_well ? "refused\n" : "not all was refused\n");
	return 0;
}
