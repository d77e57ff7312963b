/* SPDX-License-Identifier: MIT
 * Extended attributes, the host half: those that users have for themselves, and access control lists,
 * which are modes written out. What gives a file rights (security.*) or is the administrator's
 * (trusted.*) is neither shown nor set. */
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <microcosm-host.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "names.h"

/* Newer than the headers: Linux 6.13. */
#define NR_SETXATTRAT 463
#define NR_GETXATTRAT 464
#define NR_LISTXATTRAT 465
#define NR_REMOVEXATTRAT 466

struct arguments {
	uint64_t value;
	uint32_t size, flags;
};

static long result(long r)
{
	return r < 0 ? -errno : r;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool offered(const char *name)
{
	return begins(name, "user.") || strcmp(name, "system.posix_acl_access") == 0 ||
	       strcmp(name, "system.posix_acl_default") == 0;
}

/* As for those who have no right to it. */
static long not_offered(const char *name, bool changes)
{
	if (begins(name, "trusted.") || begins(name, "security."))
		return changes ? -EPERM : -ENODATA;
	return -EOPNOTSUPP;
}

/* ---- Which file ---- */

struct of {
	struct names_xattr told; /* but for at */
	int fd;                  /* O_PATH */
	bool read_only; /* though no mount says so */
};

/* Fills in what a guest says, and finds the file. */
static long find(struct of *of, const struct names_xattr *shared, bool changes)
{
	struct names_at at;
	long r = mch_fetch(&of->told, shared, offsetof(struct names_xattr, at));

	if (r < 0)
		return r;
	of->told.name[sizeof(of->told.name) - 1] = '\0';
	of->read_only = false;
	if (of->told.fd >= 0) {
		of->fd = changes ? held_to_change(of->told.fd) : mch_caller_file(of->told.fd);
		return of->fd < 0 ? of->fd : 0;
	}
	r = at_fetch(&at, (const void *)((const char *)shared + offsetof(struct names_xattr, at)));
	if (r < 0)
		return r;
	uint64_t follow = (of->told.flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0;
	uint32_t part;
	of->fd = name_open(&at, O_PATH | follow, 0, 0, &part);
	of->read_only = of->fd >= 0 && (mch_tree_limits(part) & ST_RDONLY) != 0;
	return of->fd < 0 ? of->fd : 0;
}

/* Of all four calls, by an argument that they do not take: what a filter says of a number that it does not know is
 * mostly -EPERM, which the calls say too. Workers that ask at the same time store the same. */
static bool newer_calls(void)
{
	static atomic_int known; /* 1: there, -1: not */

	if (known == 0) {
		syscall(NR_GETXATTRAT, -1, "", 0, "", NULL, 0);
		known = errno == EINVAL ? 1 : -1;
	}
	return known > 0;
}

#define NEWER(...) (newer_calls() ? result(syscall(__VA_ARGS__)) : -ENOSYS)

/* Before Linux 6.13 an attribute's file must be open: a descriptor, or -1, and *r is the answer. Others than
 * regular files and directories have none, and none can be given to them. */
static int open_again(int fd, long none, long *r)
{
	char name[16];
	struct stat st;

	*r = fstat(fd, &st) < 0 ? -errno : none;
	if (*r != none || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return -1;
	int directory = own_fd_name(fd, name, sizeof(name));
	int again = openat(directory, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (again < 0)
		*r = -errno;
	return again;
}

/* r: what the kernel's newer call says, -ENOSYS where there is none; older: what to do then. */
#define ON_OLD(r, none, fd, older)                                                         \
	do {                                                                               \
		if ((r) == -ENOSYS) {                                                      \
			int fd = open_again(of->fd, none, &(r));                           \
			if (fd >= 0) {                                                     \
				(r) = result(older);                                       \
				close(fd);                                                 \
			}                                                                  \
		}                                                                          \
	} while (0)

static long get(const struct of *of, void *value, size_t size)
{
	char number[16];
	struct arguments with = { (uint64_t)(uintptr_t)value, (uint32_t)size, 0 };
	int own = own_fd_name(of->fd, number, sizeof(number));
	long r = NEWER(NR_GETXATTRAT, own, number, 0, of->told.name, &with, sizeof(with));

	ON_OLD(r, -ENODATA, fd, fgetxattr(fd, of->told.name, value, size));
	return r;
}

static long set(const struct of *of, const void *value, size_t size, int flags)
{
	char number[16];
	struct arguments with = { (uint64_t)(uintptr_t)value, (uint32_t)size, (uint32_t)flags };
	int own = own_fd_name(of->fd, number, sizeof(number));
	long r = NEWER(NR_SETXATTRAT, own, number, 0, of->told.name, &with, sizeof(with));

	ON_OLD(r, -EPERM, fd, fsetxattr(fd, of->told.name, value, size, flags));
	return r;
}

static long list(const struct of *of, char *names, size_t size)
{
	char number[16];
	int own = own_fd_name(of->fd, number, sizeof(number));
	long r = NEWER(NR_LISTXATTRAT, own, number, 0, names, size);

	ON_OLD(r, 0, fd, flistxattr(fd, names, size));
	return r;
}

static long take_away(const struct of *of)
{
	char number[16];
	int own = own_fd_name(of->fd, number, sizeof(number));
	long r = NEWER(NR_REMOVEXATTRAT, own, number, 0, of->told.name);

	ON_OLD(r, -EPERM, fd, fremovexattr(fd, of->told.name));
	return r;
}

/* ---- Gates ---- */

long names_xattr_get(const struct names_xattr *shared, void *to, size_t size)
{
	struct of of;
	long r = find(&of, shared, false);

	if (r < 0)
		return r;
	size = size < XATTR_SIZE_MAX ? size : XATTR_SIZE_MAX;
	char *value = size > 0 ? malloc(size) : NULL;
	if (size > 0 && value == NULL)
		r = -ENOMEM;
	else
		r = offered(of.told.name) ? get(&of, value, size) : not_offered(of.told.name, false);
	if (r > 0 && size > 0 && mch_store(to, value, (size_t)r) < 0)
		r = -EFAULT;
	free(value);
	close(of.fd);
	return r;
}

/* Leaves in the list what is offered: its length. */
static long sift(char *names, long len)
{
	long kept = 0;

	for (long at = 0, n; at < len; at += n) {
		n = (long)strlen(names + at) + 1;
		if (!offered(names + at))
			continue;
		memmove(names + kept, names + at, (size_t)n);
		kept += n;
	}
	return kept;
}

long names_xattr_list(const struct names_xattr *shared, void *to, size_t size)
{
	struct of of;
	long r = find(&of, shared, false);

	if (r < 0)
		return r;
	char *names = malloc(XATTR_LIST_MAX);
	r = names == NULL ? -ENOMEM : list(&of, names, XATTR_LIST_MAX);
	if (r > 0)
		r = sift(names, r);
	if (r > 0 && size > 0)
		r = (size_t)r > size ? -ERANGE : mch_store(to, names, (size_t)r) < 0 ? -EFAULT : r;
	free(names);
	close(of.fd);
	return r;
}

long names_xattr_set(const struct names_xattr *shared, const void *from, size_t size, int flags)
{
	struct of of;

	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	long r = find(&of, shared, true);
	if (r < 0)
		return r;
	char *value = size > 0 ? malloc(size) : NULL;
	if (size > 0 && value == NULL)
		r = -ENOMEM;
	else if (size > 0 && mch_fetch(value, from, size) < 0)
		r = -EFAULT;
	else
		r = !offered(of.told.name) ? not_offered(of.told.name, true)
		    : of.read_only ? -EROFS : changed(of.fd, set(&of, value, size, flags));
	free(value);
	close(of.fd);
	return r;
}

long names_xattr_remove(const struct names_xattr *shared)
{
	struct of of;
	long r = find(&of, shared, true);

	if (r < 0)
		return r;
	r = !offered(of.told.name) ? not_offered(of.told.name, true)
	    : of.read_only ? -EROFS : changed(of.fd, take_away(&of));
	close(of.fd);
	return r;
}
