/* SPDX-License-Identifier: MIT
 * What the two halves of the linux module say to each other about names. The structures lie in the
 * region; the host half copies each once. Results are >= 0 or -errno. */
#ifndef LINUX_NAMES_H
#define LINUX_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define NAMES_DESCRIPTOR_MAX 4095 /* that the tracer has a path for: see inotify_add_watch */
#define NAMES_LOCAL(nr) (0x2000 + (nr)) /* the handler that the tracer sends a call of local sockets to */
#define NAMES_PATH_MAX 4096 /* as Linux's PATH_MAX: with the terminator */

/* A path and where it starts. */
struct names_at {
	/* The directory that a relative path starts at, as fstat tells it of the guest's descriptor:
	 * it must have been given to a process of this world by name. Both 0: the working directory. */
	uint64_t dev, ino;
	uint32_t len; /* bytes of the path, without the terminator, < NAMES_PATH_MAX */
	char path[NAMES_PATH_MAX];
};

#define NAMES_AT_HEAD offsetof(struct names_at, path)

struct names_words { /* struct mch_words, of <microcosm-host.h>, as it lies in the region */
	uint32_t n, used;
	char text[6144];
};

struct names_xattr { /* a file, and an attribute of it */
	int32_t fd;     /* >= 0: what the caller's descriptor is open on; else what at names */
	int32_t flags;  /* AT_SYMLINK_NOFOLLOW */
	char name[256]; /* with its terminator */
	struct names_at at;
};

/* What names_open and names_stat answer for one of the caller's own descriptors, with its number. */
#define NAMES_OWN 0x40000000

/* The gates: all that the host half exports. */
#pragma GCC visibility push(default)

struct names_statx; /* struct statx, which the two halves get from different headers */

/* The answer is a descriptor: of the file opened, close-on-exec where flags have O_CLOEXEC. With O_PATH
 * it is a socket, always close-on-exec, out of which recvmsg gets the file's: seccomp's way to give
 * descriptors takes no such files. */
long names_open(const struct names_at *at, uint64_t flags, uint64_t mode, uint64_t resolve);
/* Stores statx's answer, of a final symbolic link itself where flags have AT_SYMLINK_NOFOLLOW. 1: but
 * the owner is one that the host half's user namespace has no name for; whoever has the file's
 * descriptor can ask. */
long names_stat(const struct names_at *at, int flags, struct names_statx *to, unsigned mask);

long names_access(const struct names_at *at, int mode, int flags);
long names_readlink(const struct names_at *at, char *to, size_t size); /* bytes stored */
long names_statfs(const struct names_at *at, void *to);                 /* struct statfs */
long names_chdir(const struct names_at *at); /* an empty path: the directory dev, ino itself */
long names_getcwd(char *to, size_t size);    /* bytes stored, with the terminator */
long names_umask(unsigned mask);             /* the previous one */

long names_mkdir(const struct names_at *at, unsigned mode);
long names_mknod(const struct names_at *at, unsigned mode);
long names_unlink(const struct names_at *at, int flags);
long names_rename(const struct names_at *from, const struct names_at *to, unsigned flags);
long names_link(const struct names_at *from, const struct names_at *to, int flags);
long names_symlink(const struct names_at *text, const struct names_at *at); /* text's start unused */

long names_chmod(const struct names_at *at, unsigned mode, int flags);
long names_chown(const struct names_at *at, unsigned uid, unsigned gid, int flags);
long names_utimens(const struct names_at *at, const void *times, int flags); /* two timespecs or NULL */
long names_truncate(const struct names_at *at, int64_t size);

/* The same for what the caller's descriptor fd is open on; what would change it is -EPERM where that was
 * inherited. */
long names_chmod_file(int fd, unsigned mode);
long names_chown_file(int fd, unsigned uid, unsigned gid);
long names_utimens_file(int fd, const void *times);
long names_access_file(int fd, int mode, int flags);
long names_readlink_file(int fd, char *to, size_t size);

/* The file that the caller's next local address means: -ECONNREFUSED where it is none of a socket, -EACCES where it
 * can only be read. */
long names_local(const struct names_at *at);
/* The answer is a socket: what the caller sends through it, descriptors beside a byte, are for its next call of
 * those below, which act on the socket sent. -EAGAIN: it was lost, since too many did the same. */
long names_channel(void);
long names_bind(const struct names_at *at);
long names_listen(int backlog);
/* The answer is a socket of NETLINK_ROUTE, of a type as socket has it, by which nothing can be changed: -EACCES where
 * there is no such, or the world has not the host's network. */
long names_netlink(int type);

/* What /proc is to show instead of the kernel's: ids in the high halves as those in the low ones, unless
 * both are 0, and a name, unless len is 0. For the boot process alone. */
long names_identity(uint64_t uids, uint64_t gids, const char *hostname, size_t len);

/* The answer is the descriptor that the caller's next execveat is to execute; AT_SYMLINK_NOFOLLOW in
 * flags. words->n is 0 for a program that is no script. */
long names_exec(const struct names_at *at, int flags, struct names_words *words);

/* The same for what the caller's descriptor fd is open on; at->path is what the program finds as its
 * name. */
long names_exec_file(int fd, const struct names_at *at, struct names_words *words);

/* size 0: only how many bytes there are. */
long names_xattr_get(const struct names_xattr *of, void *to, size_t size);
long names_xattr_list(const struct names_xattr *of, void *to, size_t size);
long names_xattr_set(const struct names_xattr *of, const void *from, size_t size, int flags);
long names_xattr_remove(const struct names_xattr *of);

#pragma GCC visibility pop

#endif
