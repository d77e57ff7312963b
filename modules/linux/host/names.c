/* SPDX-License-Identifier: MIT
 * Calls that take names, for guests. mch_tree_open resolves them in the world's tree. What is opened is the
 * guest's, by its number there; what a call changes, it changes by a descriptor of the directory
 * and the last part of the name. Where the tree is not mounted, no mount refuses a change of what is
 * read-only, or of where a part of the tree begins: that is asked here, before. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <microcosm-host.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "names.h"

#define KERNEL_O_LARGEFILE 0100000 /* the C library's is 0 */
#define OPEN_KNOWN                                                                         \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | \
	 O_SYNC | O_DIRECT | KERNEL_O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |  \
	 O_PATH | O_TMPFILE)
#define SET_ID (S_ISUID | S_ISGID)

static long result(long r)
{
	return r < 0 ? -errno : r;
}

static bool read_only(uint32_t part)
{
	return (mch_tree_limits(part) & ST_RDONLY) != 0;
}

long at_fetch(struct names_at *to, const struct names_at *shared)
{
	long r = mch_fetch(to, shared, NAMES_AT_HEAD);

	if (r < 0)
		return r;
	if (to->len >= NAMES_PATH_MAX)
		return -ENAMETOOLONG;
	r = mch_fetch(to->path, (const char *)shared + NAMES_AT_HEAD, to->len); /* it may be misaligned */
	to->path[to->len] = '\0';
	return r;
}

int open_below(int start, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	const struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
	const struct mch_place place = { .fd = start };
	uint32_t part;

	return mch_tree_open(start >= 0 ? &place : NULL, path, &how, &part);
}

/* What is to be known of what was found, and what it was: one call for all who want to know. */
struct sight {
	unsigned mask; /* STATX_* */
	int sync;      /* AT_STATX_* */
	struct statx stx;
};

static int look_at(int fd, struct sight *seen)
{
	return statx(fd, "", AT_EMPTY_PATH | seen->sync, seen->mask, &seen->stx) < 0 ? -errno : 0;
}

/* seen may be NULL. -ENODATA: it is the caller's descriptor *own; never where own is NULL. */
static int name_find(const struct names_at *at, uint64_t flags, uint64_t mode, uint64_t resolve, int *own,
		     uint32_t *part, struct sight *seen)
{
	const struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
	struct mch_place start = { .fd = -1 };
	struct sight for_proc = { .mask = STATX_TYPE }, *first = seen != NULL ? seen : &for_proc;

	if (mch_tree() == 0)
		return -ENOENT; /* a world without files */
	/* An absolute path starts nowhere, unless the directory is to be its root. */
	bool absolute = at->path[0] == '/' && (resolve & RESOLVE_IN_ROOT) == 0;
	int r = absolute ? 0 : directory_start(at, &start);
	if (r < 0)
		return r;
	*part = 0;
	int fd = proc_begins(start.fd) ? -ENOENT : mch_tree_open(absolute ? NULL : &start, at->path, &how, part);
	r = fd < 0 ? fd : seen != NULL || mch_proc() != NULL ? look_at(fd, first) : 0;
	if (r == 0 ? proc_concerns(makedev(first->stx.stx_dev_major, first->stx.stx_dev_minor))
		   : proc_misses(start.fd, at->path, r)) {
		if (fd >= 0)
			close(fd);
		fd = proc_open(start.fd, at->path, flags, mode, resolve, own);
		r = fd >= 0 && seen != NULL ? look_at(fd, seen) : 0;
		mch_learn(-1, "/proc", true, MCH_LEARN_NAME);
	} else if (fd >= 0 || fd == -EROFS) {
		mch_learn(start.fd, at->path, (flags & O_NOFOLLOW) == 0,
			  fd < 0 ? MCH_LEARN_WRITE : (flags & O_PATH) != 0 ? MCH_LEARN_NAME : MCH_LEARN_READ);
	}
	if (!absolute)
		close(start.fd);
	if (fd >= 0 && r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int name_open(const struct names_at *at, uint64_t flags, uint64_t mode, uint64_t resolve, uint32_t *part)
{
	return name_find(at, flags, mode, resolve, NULL, part, NULL);
}

long changed(int fd, long r)
{
	if (r == -EROFS)
		mch_learn(fd, "", false, MCH_LEARN_WRITE);
	return r;
}

/* An O_PATH descriptor of what at names: its number too. */
static int name_path(const struct names_at *at, bool follow, struct mch_place *place)
{
	place->fd = name_open(at, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, 0, &place->part);
	return place->fd;
}

int name_parent(const struct names_at *at, struct mch_place *place, const char **last)
{
	struct names_at parent = { .dev = at->dev, .ino = at->ino };
	size_t end = at->len, begin;

	while (end > 0 && at->path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && at->path[begin - 1] != '/'; begin--)
		;
	*last = end == 0 ? "." : at->path + begin; /* only slashes: the root */
	if (at->len == 0)
		return place->fd = -ENOENT;
	parent.len = (uint32_t)(begin > 0 ? begin : 1);
	memcpy(parent.path, begin > 0 ? at->path : end == 0 ? "/" : ".", parent.len);
	parent.path[parent.len] = '\0';
	place->fd = name_open(&parent, O_PATH | O_DIRECTORY, 0, 0, &place->part);
	return place->fd;
}

/* ---- Opening ---- */

static bool opens_for_reading(uint64_t flags)
{
	return (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0;
}

static long give(int fd, uint64_t flags)
{
	long r = mch_give_fd(fd, (flags & O_CLOEXEC) != 0 ? O_CLOEXEC : 0);

	if (r < 0)
		close(fd);
	return r;
}

/* A socket with fd in it. */
static int enclose(int fd)
{
	int pair[2];
	char byte = 0;
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	long r = result(sendmsg(pair[0], &message, MSG_NOSIGNAL));
	close(pair[0]);
	if (r < 0)
		close(pair[1]);
	return r < 0 ? (int)r : pair[1];
}

static long give_path(int fd)
{
	int socket = enclose(fd);

	close(fd);
	return socket < 0 ? socket : give(socket, O_CLOEXEC);
}

/* Only a set-user-ID file that lies outside the world's mounts could serve anybody; but there it
 * would lend them the user's rights. */
static bool sets_id(uint64_t mode)
{
	return (mode & SET_ID) != 0;
}

long names_open(const struct names_at *shared, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct names_at at;
	long r = at_fetch(&at, shared);

	if (r < 0)
		return r;
	if ((flags & ~(uint64_t)OPEN_KNOWN) != 0)
		return -EINVAL;
	bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
	if (creates && sets_id(mode))
		return -EPERM;
	if (creates)
		mode &= 07777 & ~(uint64_t)process_umask();
	struct mch_place place;
	struct sight seen = { .mask = STATX_TYPE | STATX_INO | STATX_MNT_ID };
	int own = -1;
	place.fd = name_find(&at, flags, creates ? mode : 0, resolve, &own, &place.part, &seen);
	if (place.fd < 0)
		return own >= 0 ? NAMES_OWN | own : place.fd;
	if (opens_for_reading(flags)) {
		r = directory_keep(&place, &seen.stx);
		if (r < 0 && r != -ENOTDIR) {
			close(place.fd);
			return r;
		}
	}
	return (flags & O_PATH) != 0 ? give_path(place.fd) : give(place.fd, flags);
}

#define OWNER_UNKNOWN 65534 /* what the kernel says of ids without a name in a user namespace */

long names_stat(const struct names_at *shared, int flags, struct names_statx *to, unsigned mask)
{
	struct names_at at;
	struct sight seen = { .mask = mask, .sync = flags & AT_STATX_SYNC_TYPE };
	long r = at_fetch(&at, shared);

	if (r < 0)
		return r;
	int own = -1;
	uint32_t part;
	int fd = name_find(&at, O_PATH | ((flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0), 0, 0, &own, &part,
			   &seen);
	if (fd < 0)
		return own >= 0 ? NAMES_OWN | own : fd;
	close(fd);
	r = mch_store(to, &seen.stx, sizeof(seen.stx));
	if (r < 0)
		return r;
	return seen.stx.stx_uid == OWNER_UNKNOWN || seen.stx.stx_gid == OWNER_UNKNOWN;
}

/* ---- What a name tells ---- */

/* Does with the place that shared names; its descriptor, an O_PATH one, is closed afterwards. */
#define WITH_NAME(shared, follow, place, call)                                                \
	do {                                                                               \
		struct names_at at_;                                                       \
		long r_ = at_fetch(&at_, shared);                                          \
		if (r_ < 0)                                                                \
			return r_;                                                         \
		struct mch_place place;                                                    \
		if (name_path(&at_, follow, &place) < 0)                                   \
			return place.fd;                                                   \
		r_ = (call);                                                               \
		close(place.fd);                                                           \
		return r_;                                                                 \
	} while (0)

static long access_place(const struct mch_place *place, int mode, int flags)
{
	struct stat st;

	if ((mode & W_OK) != 0 && read_only(place->part) &&
	    (fstat(place->fd, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)))
		return -EROFS;
	return result(syscall(SYS_faccessat2, place->fd, "", mode, (flags & AT_EACCESS) | AT_EMPTY_PATH));
}

static bool access_flags_known(int mode, int flags)
{
	return (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW)) == 0 && (mode & ~(R_OK | W_OK | X_OK)) == 0;
}

long names_access(const struct names_at *shared, int mode, int flags)
{
	if (!access_flags_known(mode, flags))
		return -EINVAL;
	WITH_NAME(shared, (flags & AT_SYMLINK_NOFOLLOW) == 0, place, access_place(&place, mode, flags));
}

/* A link's text of n bytes, or as much of it as there is room for. */
static long store_link(char *to, size_t size, const char *text, long n)
{
	if ((size_t)n > size)
		n = (long)size;
	long r = mch_store(to, text, (size_t)n);
	return r < 0 ? r : n;
}

static long readlink_fd(int fd, const struct statx *seen, char *to, size_t size)
{
	char text[PATH_BYTES];
	long n = -ENODATA;

	if (!S_ISLNK(seen->stx_mode)) /* most are none: programs look whether a path has links in it */
		return -EINVAL;
	if (proc_concerns(makedev(seen->stx_dev_major, seen->stx_dev_minor)))
		n = proc_readlink(fd, text, sizeof(text));
	if (n < 0 && n != -ENODATA)
		return n;
	if (n < 0)
		n = readlinkat(fd, "", text, sizeof(text));
	if (n < 0) /* of an empty path, Linux says that there is no such link */
		return errno == ENOENT ? -EINVAL : -errno;
	return store_link(to, size, text, n);
}

long names_readlink(const struct names_at *shared, char *to, size_t size)
{
	struct names_at at;
	char text[PATH_BYTES];
	long n = at_fetch(&at, shared);

	if (n < 0)
		return n;
	n = proc_readlink_exe(at.path, text, sizeof(text));
	if (n >= 0) {
		mch_learn(-1, "/proc", true, MCH_LEARN_NAME);
		return store_link(to, size, text, n);
	}
	struct sight seen = { .mask = STATX_TYPE };
	uint32_t part;
	int fd = name_find(&at, O_PATH | O_NOFOLLOW, 0, 0, NULL, &part, &seen);
	if (fd < 0)
		return fd;
	n = readlink_fd(fd, &seen.stx, to, size);
	close(fd);
	return n;
}

static long statfs_place(const struct mch_place *place, void *to)
{
	struct statfs answer;
	long r = result(fstatfs(place->fd, &answer));

	if (r == 0)
		answer.f_flags |= (long)mch_tree_limits(place->part);
	if (proc_is(place->fd)) /* what it is to the guest */
		answer = (struct statfs){ .f_type = PROC_SUPER_MAGIC, .f_bsize = 4096, .f_frsize = 4096,
					  .f_namelen = 255, .f_flags = answer.f_flags };
	return r < 0 ? r : mch_store(to, &answer, sizeof(answer));
}

long names_statfs(const struct names_at *shared, void *to)
{
	WITH_NAME(shared, true, place, statfs_place(&place, to));
}

/* ---- The working directory ---- */

static long enter(const struct mch_place *place)
{
	long r = result(syscall(SYS_faccessat2, place->fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS));

	return r < 0 ? r : process_set_directory(place);
}

long names_chdir(const struct names_at *shared)
{
	struct names_at at;
	long r = at_fetch(&at, shared);

	if (r < 0)
		return r;
	struct mch_place place;
	if (at.len == 0)
		r = directory_start(&at, &place);
	else
		r = place.fd = name_open(&at, O_PATH | O_DIRECTORY, 0, 0, &place.part);
	if (r < 0)
		return r;
	r = enter(&place);
	close(place.fd);
	return r;
}

long names_getcwd(char *to, size_t size)
{
	char path[PATH_BYTES] = "/"; /* of a world without files, too */
	struct mch_place place;
	long n = mch_tree() == 0 ? 1 : directory_current(&place);

	if (n < 0)
		return n;
	if (mch_tree() != 0) {
		n = mch_tree_path(&place, path, sizeof(path));
		close(place.fd);
	}
	if (n < 0)
		return n;
	if ((size_t)n + 1 > size)
		return -ERANGE;
	long r = mch_store(to, path, (size_t)n + 1);
	return r < 0 ? r : n + 1;
}

long names_umask(unsigned mask)
{
	return process_set_umask(mask);
}

/* ---- Changing directories ---- */

/* The name alone: with a slash after it a link would be followed. */
long may_change(const struct mch_place *parent, const char *last, enum change change)
{
	char name[NAMES_PATH_MAX];
	size_t n = strcspn(last, "/");
	struct stat st;

	memcpy(name, last, n);
	name[n] = '\0';
	if (read_only(parent->part))
		return change == MAKES && fstatat(parent->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? -EEXIST
											     : -EROFS;
	return change == REPLACES && mch_tree_covers(parent, name) ? -EBUSY : 0;
}

/* Does with the directory and last part of what shared names. */
#define WITH_PARENT(shared, change, fd, last, call)                                        \
	do {                                                                               \
		struct names_at at_;                                                       \
		const char *last;                                                          \
		long r_ = at_fetch(&at_, shared);                                          \
		if (r_ < 0)                                                                \
			return r_;                                                         \
		struct mch_place parent_;                                                  \
		int fd = name_parent(&at_, &parent_, &last);                               \
		if (fd < 0)                                                                \
			return fd;                                                         \
		r_ = may_change(&parent_, last, change);                                   \
		if (r_ == 0)                                                               \
			r_ = changed(fd, result(call));                                    \
		close(fd);                                                                 \
		return r_;                                                                 \
	} while (0)

long names_mkdir(const struct names_at *shared, unsigned mode)
{
	WITH_PARENT(shared, MAKES, fd, last, mkdirat(fd, last, mode & 01777 & ~process_umask()));
}

long names_mknod(const struct names_at *shared, unsigned mode)
{
	unsigned type = mode & S_IFMT;

	if (type != 0 && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK)
		return type == S_IFCHR || type == S_IFBLK ? -EPERM : -EINVAL;
	if (sets_id(mode))
		return -EPERM;
	WITH_PARENT(shared, MAKES, fd, last,
		    mknodat(fd, last, type | (mode & 01777 & ~process_umask()), 0));
}

long names_unlink(const struct names_at *shared, int flags)
{
	if ((flags & ~AT_REMOVEDIR) != 0)
		return -EINVAL;
	WITH_PARENT(shared, REPLACES, fd, last, unlinkat(fd, last, flags));
}

long names_symlink(const struct names_at *shared_text, const struct names_at *shared)
{
	struct names_at text;
	long r = at_fetch(&text, shared_text);

	if (r < 0)
		return r;
	WITH_PARENT(shared, MAKES, fd, last, symlinkat(text.path, fd, last));
}

/* Two names' parents, for a call that takes both. */
struct parents {
	struct names_at at[2];
	struct mch_place places[2];
	const char *last[2];
};

static long parents_open(struct parents *p, const struct names_at *from, const struct names_at *to)
{
	long r = at_fetch(&p->at[0], from);

	if (r == 0)
		r = at_fetch(&p->at[1], to);
	if (r < 0)
		return r;
	if (name_parent(&p->at[0], &p->places[0], &p->last[0]) < 0)
		return p->places[0].fd;
	if (name_parent(&p->at[1], &p->places[1], &p->last[1]) >= 0)
		return 0;
	close(p->places[0].fd);
	return p->places[1].fd;
}

static void parents_close(const struct parents *p)
{
	close(p->places[0].fd);
	close(p->places[1].fd);
}

long names_rename(const struct names_at *from, const struct names_at *to, unsigned flags)
{
	struct parents p;
	long r = parents_open(&p, from, to);

	if (r < 0)
		return r;
	if (p.places[0].part != p.places[1].part)
		r = -EXDEV;
	for (int i = 0; i < 2 && r == 0; i++)
		r = may_change(&p.places[i], p.last[i], REPLACES);
	if (r == 0)
		r = result(syscall(SYS_renameat2, p.places[0].fd, p.last[0], p.places[1].fd, p.last[1], flags));
	changed(p.places[0].fd, r);
	changed(p.places[1].fd, r);
	parents_close(&p);
	return r;
}

/* By the number of a descriptor, since by the name the kernel would follow magic links too, and, where
 * the tree is not mounted, any link that a slash follows. */
static long link_to(const struct names_at *from, bool follow, const struct mch_place *to, const char *last)
{
	char name[16];
	struct stat st;
	struct mch_place place;
	int fd = name_path(from, follow, &place);

	if (fd < 0)
		return fd;
	int directory = own_fd_name(fd, name, sizeof(name));
	long r = may_change(to, last, MAKES);
	if (r == 0 || r == -EROFS)
		r = place.part != to->part ? -EXDEV : r;
	if (r == 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		r = -EPERM; /* Landlock would speak of what the directory lies in */
	if (r == 0)
		r = result(linkat(directory, name, to->fd, last, AT_SYMLINK_FOLLOW));
	close(fd);
	return r;
}

long names_link(const struct names_at *from, const struct names_at *to, int flags)
{
	struct names_at at[2];
	struct mch_place parent;
	const char *last;
	long r = at_fetch(&at[0], from);

	if ((flags & ~AT_SYMLINK_FOLLOW) != 0)
		return -EINVAL;
	if (r == 0)
		r = at_fetch(&at[1], to);
	if (r < 0)
		return r;
	if (name_parent(&at[1], &parent, &last) < 0)
		return parent.fd;
	r = changed(parent.fd, link_to(&at[0], flags != 0, &parent, last));
	close(parent.fd);
	return r;
}

/* ---- Changing what a name leads to ---- */

/* As WITH_NAME, to change it. */
#define CHANGE_NAME(shared, follow, place, call)                                           \
	WITH_NAME(shared, follow, place, read_only(place.part) ? -EROFS : changed(place.fd, call))

static long chmod_fd(int fd, unsigned mode)
{
	char name[16];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -EOPNOTSUPP;
	if (sets_id(mode) && !(S_ISDIR(st.st_mode) && (mode & S_ISUID) == 0))
		return -EPERM;
	int directory = own_fd_name(fd, name, sizeof(name));
	return result(fchmodat(directory, name, mode & 07777, 0));
}

long names_chmod(const struct names_at *shared, unsigned mode, int flags)
{
	if ((flags & ~AT_SYMLINK_NOFOLLOW) != 0)
		return -EINVAL;
	CHANGE_NAME(shared, flags == 0, place, chmod_fd(place.fd, mode));
}

/* An id that the host half's user namespace does not know is one that the caller may not give. */
static long chown_fd(int fd, unsigned uid, unsigned gid)
{
	long r = result(fchownat(fd, "", uid, gid, AT_EMPTY_PATH));

	return r == -EINVAL ? -EPERM : r;
}

long names_chown(const struct names_at *shared, unsigned uid, unsigned gid, int flags)
{
	if ((flags & ~AT_SYMLINK_NOFOLLOW) != 0)
		return -EINVAL;
	CHANGE_NAME(shared, flags == 0, place, chown_fd(place.fd, uid, gid));
}

int held_to_change(int number)
{
	int fd = mch_caller_file(number);
	int found = fd >= 0 ? mch_tree_find(fd, ST_RDONLY) : 1;

	if (found == 1)
		return fd;
	close(fd);
	return found == 0 ? -EROFS : -EPERM;
}

long names_chmod_file(int number, unsigned mode)
{
	int fd = held_to_change(number);
	long r = fd < 0 ? fd : chmod_fd(fd, mode);

	if (fd >= 0)
		close(fd);
	return r;
}

long names_chown_file(int number, unsigned uid, unsigned gid)
{
	int fd = held_to_change(number);
	long r = fd < 0 ? fd : chown_fd(fd, uid, gid);

	if (fd >= 0)
		close(fd);
	return r;
}

static long utimens_fd(int fd, const void *shared_times)
{
	struct timespec times[2];

	if (shared_times != NULL && mch_fetch(times, shared_times, sizeof(times)) < 0)
		return -EFAULT;
	return result(syscall(SYS_utimensat, fd, "", shared_times != NULL ? times : NULL, AT_EMPTY_PATH));
}

long names_utimens(const struct names_at *shared, const void *shared_times, int flags)
{
	if ((flags & ~AT_SYMLINK_NOFOLLOW) != 0)
		return -EINVAL;
	CHANGE_NAME(shared, flags == 0, place, utimens_fd(place.fd, shared_times));
}

long names_utimens_file(int number, const void *shared_times)
{
	int fd = held_to_change(number);
	long r = fd < 0 ? fd : utimens_fd(fd, shared_times);

	if (fd >= 0)
		close(fd);
	return r;
}

long names_access_file(int number, int mode, int flags)
{
	if (!access_flags_known(mode, flags))
		return -EINVAL;
	struct mch_place place = { .fd = mch_caller_file(number) };
	if (place.fd < 0)
		return place.fd;
	long r = (mode & W_OK) != 0 && mch_tree_find(place.fd, ST_RDONLY) == 0 ? -EROFS
									       : access_place(&place, mode, flags);
	close(place.fd);
	return r;
}

long names_readlink_file(int number, char *to, size_t size)
{
	struct sight seen = { .mask = STATX_TYPE };
	int fd = mch_caller_file(number);

	if (fd < 0)
		return fd;
	long r = look_at(fd, &seen);
	if (r == 0) /* of an empty path, Linux says that there is no such link */
		r = S_ISLNK(seen.stx.stx_mode) ? readlink_fd(fd, &seen.stx, to, size) : -ENOENT;
	close(fd);
	return r;
}

/* Nothing else is opened: a pipe's other end would notice. */
static long truncate_place(const struct mch_place *place, int64_t size)
{
	char name[16];
	struct stat st;

	if (fstat(place->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (read_only(place->part))
		return -EROFS;
	int directory = own_fd_name(place->fd, name, sizeof(name));
	int fd = openat(directory, name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	long r = result(ftruncate(fd, size));
	close(fd);
	return r;
}

long names_truncate(const struct names_at *shared, int64_t size)
{
	WITH_NAME(shared, true, place, changed(place.fd, truncate_place(&place, size)));
}
