/* SPDX-License-Identifier: MIT
 * Calls that take names, the half in the guest: paths are copied into the region, and a directory is
 * told by what fstat says of it. The host half resolves. Files' status is asked of the kernel here,
 * by a descriptor that the host half gives for the moment: owners are the guest's to see as they are. */
#include "linux.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/time.h>

#include "names.h"

enum { CLOSE = 3, FSTAT = 5, RECVMSG = 47, FCNTL = 72, INOTIFY_ADD_WATCH = 254 };

#define MODE_TYPE 0170000
#define MODE_DIRECTORY 0040000
#define OPEN_FLAGS                                                                         \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | \
	 O_SYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |  \
	 O_PATH | O_TMPFILE)
#define PATH_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static mc_fn close_stub, fcntl_stub, fstat_stub, recvmsg_stub, watch_stub;

void names_init(void)
{
	watch_stub = mc_get(INOTIFY_ADD_WATCH);
	close_stub = mc_get(CLOSE);
	fcntl_stub = mc_get(FCNTL);
	fstat_stub = mc_get(FSTAT);
	recvmsg_stub = mc_get(RECVMSG);
}

static long fstat_own(long fd, struct stat *st)
{
	return fstat_stub(fd, (long)st, 0, 0, 0, 0);
}

/* The directory fd, as the host half knows it. */
static long at_directory(struct names_at *at, long fd)
{
	struct stat st;
	long r = fstat_own(fd, &st);

	if (r < 0)
		return r;
	if ((st.st_mode & MODE_TYPE) != MODE_DIRECTORY)
		return -ENOTDIR;
	at->dev = st.st_dev;
	at->ino = st.st_ino;
	return 0;
}

/* Copies a path that starts at dirfd. -ENOENT for an empty one, with nothing but at->len set. */
long names_at_fill(struct names_at *at, long dirfd, long path)
{
	long len = mc_copy_in_string(at->path, (const char *)path, sizeof at->path);

	at->dev = at->ino = 0;
	at->len = 0;
	if (len <= 0)
		return len < 0 ? len : -ENOENT;
	at->len = (uint32_t)len;
	if (at->path[0] == '/' || (int)dirfd == AT_FDCWD)
		return 0;
	return at_directory(at, (int)dirfd);
}

/* With AT_EMPTY_PATH an empty path, or none, means dirfd itself. */
static bool is_empty(const struct names_at *at, long r, long path, long flags)
{
	return ((int)flags & AT_EMPTY_PATH) != 0 && (path == 0 || (r == -ENOENT && at->len == 0));
}

/* Whether it is what dirfd is open on that is meant; AT_FDCWD then is the path ".". The flag has been read. */
static bool is_held(struct names_at *at, long *r, long dirfd, long path, long *flags)
{
	bool empty = path != 0 && is_empty(at, *r, path, *flags);

	*flags = (int)*flags & ~AT_EMPTY_PATH;
	if (!empty || (int)dirfd != AT_FDCWD)
		return empty;
	names_at_current(at);
	*r = 0;
	return false;
}

void names_at_current(struct names_at *at)
{
	*(uint16_t *)at->path = '.';
	at->len = 1;
}

/* ---- Opening ---- */

/* What of text follows the beginning, or NULL. */
static const char *behind(const char *text, const char *beginning)
{
	while (*beginning != 0)
		if (*text++ != *beginning++)
			return NULL;
	return text;
}

static bool is_text(const char *text, const char *other)
{
	const char *rest = behind(text, other);

	return rest != NULL && *rest == 0;
}

/* As the kernel has them. */
struct message {
	void *name;
	uint64_t name_len;
	void *parts;
	uint64_t n_parts;
	void *control;
	uint64_t control_len;
	uint64_t flags;
};

#define MSG_CMSG_CLOEXEC 0x40000000

/* The same once more, by the lowest number that is free. */
static long duplicate(int fd, uint64_t flags)
{
	return fcntl_stub(fd, (flags & O_CLOEXEC) != 0 ? F_DUPFD_CLOEXEC : F_DUPFD, 0, 0, 0, 0);
}

/* As systems without such files have it: the descriptor itself once more, not the file opened anew. */
static long open_own(int fd, uint64_t flags)
{
	long r = duplicate(fd, flags);

	return r == -EBADF ? -ENOENT : r;
}

/* The descriptor that lies in a socket, which is closed. */
static long take_out(long socket, uint64_t flags)
{
	char byte;
	struct {
		uint64_t len;
		int32_t level, type, fd, pad;
	} control = { .fd = -EMFILE }; /* what the kernel had no room for it does not write */
	struct {
		void *base;
		uint64_t len;
	} part = { &byte, 1 };
	struct message message = { .parts = &part, .n_parts = 1, .control = &control,
				   .control_len = sizeof control };
	long r = recvmsg_stub(socket, (long)&message, flags & O_CLOEXEC ? MSG_CMSG_CLOEXEC : 0, 0, 0, 0);

	close_stub(socket, 0, 0, 0, 0, 0);
	if (r < 0 || control.fd < 0)
		return r < 0 ? r : control.fd;
	/* The socket had the lowest number. */
	long lowest = duplicate(control.fd, flags);
	if (lowest < 0)
		return control.fd;
	close_stub(lowest < control.fd ? control.fd : lowest, 0, 0, 0, 0, 0);
	return lowest < control.fd ? lowest : control.fd;
}

static long open_name(const struct names_at *at, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	long fd = names_open(at, flags, mode, resolve);

	if (fd >= NAMES_OWN)
		return open_own((int)(fd - NAMES_OWN), flags);
	return fd >= 0 && (flags & O_PATH) != 0 ? take_out(fd, flags) : fd;
}

int names_own_descriptor(const struct names_at *at)
{
	static const char *const directories[] = { "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/" };
	static const char *const streams[] = { "/dev/stdin", "/dev/stdout", "/dev/stderr" };

	for (int i = 0; i < 3; i++)
		if (is_text(at->path, streams[i]))
			return i;
	for (int i = 0; i < 3; i++) {
		const char *digit = behind(at->path, directories[i]);
		long number = 0;

		if (digit == NULL || *digit == 0)
			continue;
		for (; *digit >= '0' && *digit <= '9' && number < 1 << 20; digit++)
			number = 10 * number + *digit - '0';
		return *digit == 0 ? (int)number : -1;
	}
	return -1;
}

static long open_at(long dirfd, long path, uint64_t flags, long mode)
{
	struct names_at at;
	long r = names_at_fill(&at, dirfd, path);

	if (r < 0)
		return r;
	flags &= (flags & O_PATH) != 0 ? PATH_FLAGS : OPEN_FLAGS;
	int own = names_own_descriptor(&at);
	if (own >= 0)
		return open_own(own, flags);
	if ((flags & O_PATH) == 0)
		flags |= O_LARGEFILE;
	return open_name(&at, flags, (uint64_t)mode & 07777, 0);
}

HANDLER(linux_open)
{
	return open_at(AT_FDCWD, a0, (uint32_t)a1, a2);
}

HANDLER(linux_creat)
{
	return open_at(AT_FDCWD, a0, O_CREAT | O_WRONLY | O_TRUNC, a1);
}

HANDLER(linux_openat)
{
	return open_at(a0, a1, (uint32_t)a2, a3);
}

/* What openat2 is strict about, unlike its elders. */
static bool how_holds(const struct open_how *how)
{
	const uint64_t known = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |
			       RESOLVE_IN_ROOT | RESOLVE_CACHED, scopes = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
	bool creates = (how->flags & O_CREAT) != 0 || (how->flags & O_TMPFILE) == O_TMPFILE;

	return (how->flags & ~(uint64_t)((how->flags & O_PATH) != 0 ? PATH_FLAGS : OPEN_FLAGS)) == 0 &&
	       (how->mode & ~(creates ? 07777ull : 0)) == 0 && (how->resolve & ~known) == 0 &&
	       (how->resolve & scopes) != scopes;
}

HANDLER(linux_openat2)
{
	struct names_at at;
	struct open_how how;

	if ((unsigned long)a3 < sizeof how)
		return -EINVAL;
	if (mc_copy_in(&how, (const void *)a2, sizeof how) != 0)
		return -EFAULT;
	if ((unsigned long)a3 > sizeof how)
		return -E2BIG;
	long r = names_at_fill(&at, a0, a1);
	if (r < 0)
		return r;
	if ((how.resolve & RESOLVE_IN_ROOT) != 0 && (int)a0 != AT_FDCWD)
		r = at_directory(&at, (int)a0);
	if (r < 0)
		return r;
	if (!how_holds(&how))
		return -EINVAL;
	return open_name(&at, how.flags, how.mode, how.resolve);
}

/* ---- Status ---- */

static uint64_t device(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | (uint64_t)(major & 0xfff) << 8 | (uint64_t)(minor & ~0xffu) << 12;
}

static void stat_of_statx(struct stat *to, const struct statx *stx)
{
	*to = (struct stat){
		.st_dev = device(stx->stx_dev_major, stx->stx_dev_minor),
		.st_ino = stx->stx_ino,
		.st_nlink = stx->stx_nlink,
		.st_mode = stx->stx_mode,
		.st_uid = stx->stx_uid,
		.st_gid = stx->stx_gid,
		.st_rdev = device(stx->stx_rdev_major, stx->stx_rdev_minor),
		.st_size = (long)stx->stx_size,
		.st_blksize = stx->stx_blksize,
		.st_blocks = (long)stx->stx_blocks,
		.st_atime = (unsigned long)stx->stx_atime.tv_sec,
		.st_atime_nsec = stx->stx_atime.tv_nsec,
		.st_mtime = (unsigned long)stx->stx_mtime.tv_sec,
		.st_mtime_nsec = stx->stx_mtime.tv_nsec,
		.st_ctime = (unsigned long)stx->stx_ctime.tv_sec,
		.st_ctime_nsec = stx->stx_ctime.tv_nsec,
	};
}

/* What fstat tells, where statx adds something. */
static void statx_of_stat(struct statx *to, const struct stat *st)
{
	*to = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (uint32_t)st->st_blksize,
		.stx_nlink = (uint32_t)st->st_nlink,
		.stx_uid = st->st_uid,
		.stx_gid = st->st_gid,
		.stx_mode = (uint16_t)st->st_mode,
		.stx_ino = st->st_ino,
		.stx_size = (uint64_t)st->st_size,
		.stx_blocks = (uint64_t)st->st_blocks,
		.stx_atime = { .tv_sec = (int64_t)st->st_atime, .tv_nsec = (uint32_t)st->st_atime_nsec },
		.stx_mtime = { .tv_sec = (int64_t)st->st_mtime, .tv_nsec = (uint32_t)st->st_mtime_nsec },
		.stx_ctime = { .tv_sec = (int64_t)st->st_ctime, .tv_nsec = (uint32_t)st->st_ctime_nsec },
		.stx_dev_major = (uint32_t)(st->st_dev >> 8 & 0xfff),
		.stx_dev_minor = (uint32_t)((st->st_dev & 0xff) | (st->st_dev >> 12 & 0xfff00)),
		.stx_rdev_major = (uint32_t)(st->st_rdev >> 8 & 0xfff),
		.stx_rdev_minor = (uint32_t)((st->st_rdev & 0xff) | (st->st_rdev >> 12 & 0xfff00)),
	};
}

/* The owner as this process sees it. */
static long owner_of(const struct names_at *at, int flags, struct statx *to)
{
	struct stat st;
	uint64_t open_flags = O_PATH | O_CLOEXEC | ((flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0);
	long fd = open_name(at, open_flags, 0, 0);

	if (fd < 0)
		return fd;
	long r = fstat_own(fd, &st);
	close_stub(fd, 0, 0, 0, 0, 0);
	to->stx_uid = st.st_uid;
	to->stx_gid = st.st_gid;
	return r;
}

static long status_of(const struct names_at *at, int flags, unsigned mask, struct statx *to)
{
	long r = names_stat(at, flags, (struct names_statx *)to, mask);

	return r == 1 ? owner_of(at, flags, to) : r;
}

/* What a path leads to; from fstat where it is empty. */
static long statx_at(long dirfd, long path, long flags, unsigned mask, struct statx *to)
{
	struct names_at at;
	struct stat st;
	long r = names_at_fill(&at, dirfd, path);

	if (is_empty(&at, r, path, flags)) {
		if ((int)dirfd != AT_FDCWD) {
			r = fstat_own((int)dirfd, &st);
			if (r == 0)
				statx_of_stat(to, &st);
			return r;
		}
		names_at_current(&at);
		r = 0;
	}
	if (r < 0)
		return r;
	int own = (flags & AT_SYMLINK_NOFOLLOW) == 0 ? names_own_descriptor(&at) : -1;
	flags &= AT_SYMLINK_NOFOLLOW | AT_STATX_SYNC_TYPE;
	r = own >= 0 ? NAMES_OWN | own : status_of(&at, (int)flags, mask, to);
	if (r >= NAMES_OWN) {
		r = fstat_own(r - NAMES_OWN, &st);
		if (r == 0)
			statx_of_stat(to, &st);
		return r == -EBADF ? -ENOENT : r;
	}
	return r;
}

static long stat_at(long dirfd, long path, long flags, long to)
{
	struct statx stx;
	struct stat st;
	long r = statx_at(dirfd, path, flags, STATX_BASIC_STATS, &stx);

	if (r < 0)
		return r;
	ids_show(&stx.stx_uid, &stx.stx_gid);
	stat_of_statx(&st, &stx);
	return mc_copy_out((void *)to, &st, sizeof st);
}

HANDLER(linux_stat)
{
	return stat_at(AT_FDCWD, a0, 0, a1);
}

HANDLER(linux_lstat)
{
	return stat_at(AT_FDCWD, a0, AT_SYMLINK_NOFOLLOW, a1);
}

HANDLER(linux_newfstatat)
{
	if (((int)a3 & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	return stat_at(a0, a1, a3, a2);
}

HANDLER(linux_statx)
{
	struct statx stx;
	const int known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;

	if (((int)a2 & ~known) != 0 || ((unsigned)a3 & STATX__RESERVED) != 0)
		return -EINVAL;
	long r = statx_at(a0, a1, a2, (unsigned)a3, &stx);
	if (r < 0)
		return r;
	ids_show(&stx.stx_uid, &stx.stx_gid);
	return mc_copy_out((void *)a4, &stx, sizeof stx);
}

static long statfs_at(long path, struct statfs *to)
{
	struct names_at at;
	long r = names_at_fill(&at, AT_FDCWD, path);

	return r < 0 ? r : names_statfs(&at, to);
}

HANDLER(linux_statfs)
{
	struct statfs st;
	long r = statfs_at(a0, &st);

	return r < 0 ? r : mc_copy_out((void *)a1, &st, sizeof st);
}

/* ---- What a name tells ---- */

static long access_at(long dirfd, long path, long mode, long flags)
{
	struct names_at at;
	long r = names_at_fill(&at, dirfd, path);

	if (is_held(&at, &r, dirfd, path, &flags))
		return names_access_file((int)dirfd, (int)mode, (int)flags);
	return r < 0 ? r : names_access(&at, (int)mode, (int)flags);
}

HANDLER(linux_access)
{
	return access_at(AT_FDCWD, a0, a1, 0);
}

HANDLER(linux_faccessat)
{
	return access_at(a0, a1, a2, 0);
}

HANDLER(linux_faccessat2)
{
	return access_at(a0, a1, a2, a3);
}

static long readlink_at(long dirfd, long path, long to, long size)
{
	struct names_at at;
	char text[NAMES_PATH_MAX];

	if ((int)size <= 0)
		return -EINVAL;
	long r = names_at_fill(&at, dirfd, path), flags = AT_EMPTY_PATH;
	size_t room = (size_t)(int)size < sizeof text ? (size_t)(int)size : sizeof text;
	if ((int)dirfd != AT_FDCWD && is_held(&at, &r, dirfd, path, &flags))
		r = names_readlink_file((int)dirfd, text, room);
	else if (r == 0)
		r = names_readlink(&at, text, room);
	if (r < 0)
		return r;
	return mc_copy_out((void *)to, text, (size_t)r) != 0 ? -EFAULT : r;
}

HANDLER(linux_readlink)
{
	return readlink_at(AT_FDCWD, a0, a1, a2);
}

HANDLER(linux_readlinkat)
{
	return readlink_at(a0, a1, a2, a3);
}

/* ---- The working directory ---- */

HANDLER(linux_chdir)
{
	struct names_at at;
	long r = names_at_fill(&at, AT_FDCWD, a0);

	return r < 0 ? r : names_chdir(&at);
}

HANDLER(linux_fchdir)
{
	struct names_at at;
	long r = at_directory(&at, (int)a0);

	at.len = 0;
	return r < 0 ? r : names_chdir(&at);
}

HANDLER(linux_getcwd)
{
	char path[NAMES_PATH_MAX];
	long r = names_getcwd(path, (unsigned long)a1 < sizeof path ? (size_t)a1 : sizeof path);

	if (r < 0)
		return r;
	return mc_copy_out((void *)a0, path, (size_t)r) != 0 ? -EFAULT : r;
}

HANDLER(linux_umask)
{
	return names_umask((unsigned)a0);
}

/* ---- Changing directories ---- */

static long mkdir_at(long dirfd, long path, long mode)
{
	struct names_at at;
	long r = names_at_fill(&at, dirfd, path);

	return r < 0 ? r : names_mkdir(&at, (unsigned)mode);
}

HANDLER(linux_mkdir)
{
	return mkdir_at(AT_FDCWD, a0, a1);
}

HANDLER(linux_mkdirat)
{
	return mkdir_at(a0, a1, a2);
}

static long mknod_at(long dirfd, long path, long mode)
{
	struct names_at at;
	long r = names_at_fill(&at, dirfd, path);

	return r < 0 ? r : names_mknod(&at, (unsigned)mode);
}

HANDLER(linux_mknod)
{
	return mknod_at(AT_FDCWD, a0, a1);
}

HANDLER(linux_mknodat)
{
	return mknod_at(a0, a1, a2);
}

static long unlink_at(long dirfd, long path, long flags)
{
	struct names_at at;
	long r = names_at_fill(&at, dirfd, path);

	return r < 0 ? r : names_unlink(&at, (int)flags);
}

HANDLER(linux_unlink)
{
	return unlink_at(AT_FDCWD, a0, 0);
}

HANDLER(linux_rmdir)
{
	return unlink_at(AT_FDCWD, a0, AT_REMOVEDIR);
}

HANDLER(linux_unlinkat)
{
	return unlink_at(a0, a1, a2);
}

static long rename_at(long from_fd, long from, long to_fd, long to, long flags)
{
	struct names_at a, b;
	long r = names_at_fill(&a, from_fd, from);

	if (r == 0)
		r = names_at_fill(&b, to_fd, to);
	return r < 0 ? r : names_rename(&a, &b, (unsigned)flags);
}

HANDLER(linux_rename)
{
	return rename_at(AT_FDCWD, a0, AT_FDCWD, a1, 0);
}

HANDLER(linux_renameat)
{
	return rename_at(a0, a1, a2, a3, 0);
}

HANDLER(linux_renameat2)
{
	return rename_at(a0, a1, a2, a3, a4);
}

/* A descriptor itself cannot be linked: as for ordinary users. */
static long link_at(long from_fd, long from, long to_fd, long to, long flags)
{
	struct names_at a, b;
	long r = names_at_fill(&a, from_fd, from);

	if (r == 0)
		r = names_at_fill(&b, to_fd, to);
	return r < 0 ? r : names_link(&a, &b, (int)flags & ~AT_EMPTY_PATH);
}

HANDLER(linux_link)
{
	return link_at(AT_FDCWD, a0, AT_FDCWD, a1, 0);
}

HANDLER(linux_linkat)
{
	return link_at(a0, a1, a2, a3, a4);
}

static long symlink_at(long text, long dirfd, long path)
{
	struct names_at a, b;
	long r = names_at_fill(&a, AT_FDCWD, text);

	if (r == 0)
		r = names_at_fill(&b, dirfd, path);
	return r < 0 ? r : names_symlink(&a, &b);
}

HANDLER(linux_symlink)
{
	return symlink_at(a0, AT_FDCWD, a1);
}

HANDLER(linux_symlinkat)
{
	return symlink_at(a0, a1, a2);
}

/* ---- Changing what a name leads to ---- */

static long chmod_at(long dirfd, long path, long mode, long flags)
{
	struct names_at at;
	long r = names_at_fill(&at, dirfd, path);

	if (is_held(&at, &r, dirfd, path, &flags))
		return (flags & ~AT_SYMLINK_NOFOLLOW) != 0 ? -EINVAL : names_chmod_file((int)dirfd, (unsigned)mode);
	return r < 0 ? r : names_chmod(&at, (unsigned)mode, (int)flags);
}

HANDLER(linux_chmod)
{
	return chmod_at(AT_FDCWD, a0, a1, 0);
}

long names_held(long fd)
{
	long flags = fcntl_stub(fd, F_GETFL, 0, 0, 0, 0);

	return flags < 0 || (flags & O_PATH) != 0 ? -EBADF : 0;
}

HANDLER(linux_fchmod)
{
	long r = names_held(a0);

	return r < 0 ? r : names_chmod_file((int)a0, (unsigned)a1);
}

HANDLER(linux_fchmodat)
{
	return chmod_at(a0, a1, a2, 0);
}

HANDLER(linux_fchmodat2)
{
	return chmod_at(a0, a1, a2, a3);
}

static long chown_held(long fd, long uid, long gid)
{
	struct stat st;

	ids_mean(&uid, &gid);
	long r = names_chown_file((int)fd, (unsigned)uid, (unsigned)gid);
	return r == -EPERM && ids_pretend() && fstat_own(fd, &st) == 0 ? ids_gave(r, st.st_uid) : r;
}

static long chown_at(long dirfd, long path, long uid, long gid, long flags)
{
	struct names_at at;
	struct statx stx;
	long r = names_at_fill(&at, dirfd, path);

	if (is_held(&at, &r, dirfd, path, &flags))
		return (flags & ~AT_SYMLINK_NOFOLLOW) != 0 ? -EINVAL : chown_held(dirfd, uid, gid);
	if (r < 0)
		return r;
	ids_mean(&uid, &gid);
	r = names_chown(&at, (unsigned)uid, (unsigned)gid, (int)flags);
	if (r == -EPERM && ids_pretend() && status_of(&at, (int)flags, STATX_UID, &stx) == 0)
		r = ids_gave(r, stx.stx_uid);
	return r;
}

HANDLER(linux_chown)
{
	return chown_at(AT_FDCWD, a0, a1, a2, 0);
}

HANDLER(linux_fchown)
{
	long r = names_held(a0);

	return r < 0 ? r : chown_held(a0, a1, a2);
}

HANDLER(linux_lchown)
{
	return chown_at(AT_FDCWD, a0, a1, a2, AT_SYMLINK_NOFOLLOW);
}

HANDLER(linux_fchownat)
{
	return chown_at(a0, a1, a2, a3, a4);
}

static long utimens_at(long dirfd, long path, const struct timespec *times, long flags)
{
	struct names_at at;
	long r = names_at_fill(&at, dirfd, path);

	if (is_held(&at, &r, dirfd, path, &flags))
		return (flags & ~AT_SYMLINK_NOFOLLOW) != 0 ? -EINVAL : names_utimens_file((int)dirfd, times);
	return r < 0 ? r : names_utimens(&at, times, (int)flags);
}

HANDLER(linux_utimensat)
{
	struct timespec times[2];

	if (a2 != 0 && mc_copy_in(times, (const void *)a2, sizeof times) != 0)
		return -EFAULT;
	if (a1 == 0) {
		long r = (int)a3 != 0 ? -EINVAL : names_held(a0);

		return r < 0 ? r : names_utimens_file((int)a0, a2 != 0 ? times : NULL);
	}
	return utimens_at(a0, a1, a2 != 0 ? times : NULL, a3);
}

static long utimes_at(long dirfd, long path, long shared)
{
	struct timeval given[2];
	struct timespec times[2];

	if (shared == 0)
		return utimens_at(dirfd, path, NULL, 0);
	if (mc_copy_in(given, (const void *)shared, sizeof given) != 0)
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (given[i].tv_usec < 0 || given[i].tv_usec >= 1000000)
			return -EINVAL;
		times[i].tv_sec = given[i].tv_sec;
		times[i].tv_nsec = given[i].tv_usec * 1000;
	}
	return utimens_at(dirfd, path, times, 0);
}

HANDLER(linux_utimes)
{
	return utimes_at(AT_FDCWD, a0, a1);
}

HANDLER(linux_futimesat)
{
	return utimes_at(a0, a1, a2);
}

HANDLER(linux_utime)
{
	int64_t given[2]; /* struct utimbuf: access, modification */
	struct timespec times[2] = { { 0 } };

	if (a1 == 0)
		return utimens_at(AT_FDCWD, a0, NULL, 0);
	if (mc_copy_in(given, (const void *)a1, sizeof given) != 0)
		return -EFAULT;
	times[0].tv_sec = given[0];
	times[1].tv_sec = given[1];
	return utimens_at(AT_FDCWD, a0, times, 0);
}

HANDLER(linux_truncate)
{
	struct names_at at;

	if (a1 < 0)
		return -EINVAL;
	long r = names_at_fill(&at, AT_FDCWD, a0);
	return r < 0 ? r : names_truncate(&at, a1);
}

/* ---- Watching ---- */

/* What the kernel would look at before it looks at the path. */
static long watch_check(long fd, unsigned mask)
{
	if ((mask & (IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW |
		     IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT)) == 0 ||
	    (mask & (IN_MASK_ADD | IN_MASK_CREATE)) == (IN_MASK_ADD | IN_MASK_CREATE))
		return -EINVAL;
	return fcntl_stub(fd, F_GETFD, 0, 0, 0, 0) < 0 ? -EBADF : 0;
}

/* The kernel is told the number of a descriptor, for which the tracer puts its path. */
HANDLER(linux_inotify_add_watch)
{
	struct names_at at;
	unsigned mask = (unsigned)a2;
	long r = watch_check(a0, mask);

	if (r == 0)
		r = names_at_fill(&at, AT_FDCWD, a1);
	if (r < 0)
		return r;
	bool follow = (mask & IN_DONT_FOLLOW) == 0;
	int own = follow ? names_own_descriptor(&at) : -1;
	long fd = own >= 0 ? own : open_name(&at, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW) |
					     ((mask & IN_ONLYDIR) != 0 ? O_DIRECTORY : 0), 0, 0);
	if (fd < 0)
		return fd;
	r = fd > NAMES_DESCRIPTOR_MAX ? -EMFILE : watch_stub(a0, fd, mask & ~IN_DONT_FOLLOW, 0, 0, 0);
	if (own < 0)
		close_stub(fd, 0, 0, 0, 0, 0);
	return r;
}
