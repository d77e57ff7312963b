/* SPDX-License-Identifier: MIT
 * Extended attributes, the half in the guest: names and values are copied into the region, and the host
 * half does the rest, with what a path or a descriptor leads to. */
#include "linux.h"

#include <linux/fcntl.h>
#include <linux/limits.h>

/* ---- Which file ---- */

/* What a call of the f kind means. */
static long of_held(struct names_xattr *of, long fd)
{
	of->fd = (int)fd;
	of->flags = 0;
	of->at.len = 0;
	return names_held(fd);
}

static long of_path(struct names_xattr *of, long dirfd, long path, int flags)
{
	long r = names_at_fill(&of->at, dirfd, path);

	of->fd = -1;
	of->flags = flags & AT_SYMLINK_NOFOLLOW;
	if (r == 0 && of->flags == 0)
		of->fd = names_own_descriptor(&of->at);
	return r;
}

static long of_at(struct names_xattr *of, long dirfd, long path, int flags)
{
	if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return -EINVAL;
	long r = path != 0 || (flags & AT_EMPTY_PATH) == 0 ? of_path(of, dirfd, path, flags) : -ENOENT;
	bool empty = r == -ENOENT && (path == 0 || of->at.len == 0) && (flags & AT_EMPTY_PATH) != 0;

	if (!empty)
		return r;
	if ((int)dirfd != AT_FDCWD)
		return of_held(of, dirfd);
	names_at_current(&of->at);
	of->fd = -1;
	return 0;
}

static long attribute(struct names_xattr *of, long name)
{
	long len = mc_copy_in_string(of->name, (const char *)name, sizeof of->name);

	if (len == 0 || len == -ENAMETOOLONG)
		return -ERANGE;
	return len < 0 ? len : 0;
}

/* A descriptor's own name for what a call without it is told to have failed on. */
static long told(const struct names_xattr *of, long r)
{
	return r == -EBADF && of->at.len > 0 ? -ENOENT : r;
}

/* ---- The calls, when the file is known ---- */

static long get(struct names_xattr *of, long r, long name, long to, size_t size)
{
	long named = attribute(of, name);
	char *value = NULL;

	if (named < 0 || r < 0)
		return named < 0 ? named : r;
	size = size < XATTR_SIZE_MAX ? size : XATTR_SIZE_MAX;
	if (size > 0 && (value = mc_alloc(size)) == NULL)
		return -ENOMEM;
	r = told(of, names_xattr_get(of, value, size));
	if (r > 0 && size > 0 && mc_copy_out((void *)to, value, (size_t)r) != 0)
		r = -EFAULT;
	mc_free(value);
	return r;
}

static long list(struct names_xattr *of, long r, long to, size_t size)
{
	char *names = NULL;

	if (r < 0)
		return r;
	size = size < XATTR_LIST_MAX ? size : XATTR_LIST_MAX;
	if (size > 0 && (names = mc_alloc(size)) == NULL)
		return -ENOMEM;
	r = told(of, names_xattr_list(of, names, size));
	if (r > 0 && size > 0 && mc_copy_out((void *)to, names, (size_t)r) != 0)
		r = -EFAULT;
	mc_free(names);
	return r;
}

static long set(struct names_xattr *of, long r, long name, long from, size_t size, int flags)
{
	long named = attribute(of, name);
	char *value = NULL;

	if ((flags & ~3) != 0) /* XATTR_CREATE, XATTR_REPLACE */
		return -EINVAL;
	if (named < 0)
		return named;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	if (size > 0 && (value = mc_alloc(size)) == NULL)
		return -ENOMEM;
	if (size > 0 && mc_copy_in(value, (const void *)from, size) != 0)
		r = -EFAULT;
	if (r == 0)
		r = told(of, names_xattr_set(of, value, size, flags));
	mc_free(value);
	return r;
}

static long take_away(struct names_xattr *of, long r, long name)
{
	long named = attribute(of, name);

	if (named < 0 || r < 0)
		return named < 0 ? named : r;
	return told(of, names_xattr_remove(of));
}

/* ---- Handlers: by path, by the path of a link itself, by descriptor ---- */

#define THREE(name, call)                                                                  \
	HANDLER(linux_##name)                                                              \
	{                                                                                  \
		struct names_xattr of;                                                     \
		long r = of_path(&of, AT_FDCWD, a0, 0);                                    \
		return call;                                                               \
	}                                                                                  \
	HANDLER(linux_l##name)                                                             \
	{                                                                                  \
		struct names_xattr of;                                                     \
		long r = of_path(&of, AT_FDCWD, a0, AT_SYMLINK_NOFOLLOW);                  \
		return call;                                                               \
	}                                                                                  \
	HANDLER(linux_f##name)                                                             \
	{                                                                                  \
		struct names_xattr of;                                                     \
		long r = of_held(&of, a0);                                                 \
		return call;                                                               \
	}
THREE(setxattr, set(&of, r, a1, a2, (size_t)a3, (int)a4))
THREE(getxattr, get(&of, r, a1, a2, (size_t)a3))
THREE(listxattr, list(&of, r, a1, (size_t)a2))
THREE(removexattr, take_away(&of, r, a1))

struct arguments { /* the kernel's struct xattr_args */
	uint64_t value;
	uint32_t size, flags;
};

static long arguments(struct arguments *to, long from, size_t size)
{
	if (size < sizeof *to)
		return -EINVAL;
	if (size > 4096)
		return -E2BIG;
	if (mc_copy_in(to, (const void *)from, sizeof *to) != 0)
		return -EFAULT;
	for (size_t i = sizeof *to; i < size; i++) { /* what newer kernels know */
		char byte;
		if (mc_copy_in(&byte, (const char *)from + i, 1) != 0)
			return -EFAULT;
		if (byte != 0)
			return -E2BIG;
	}
	return 0;
}

HANDLER(linux_setxattrat)
{
	struct names_xattr of;
	struct arguments with;
	long r = arguments(&with, a4, (size_t)a5);

	if (r < 0)
		return r;
	r = of_at(&of, a0, a1, (int)a2);
	return set(&of, r, a3, (long)with.value, with.size, (int)with.flags);
}

HANDLER(linux_getxattrat)
{
	struct names_xattr of;
	struct arguments with;
	long r = arguments(&with, a4, (size_t)a5);

	if (r < 0)
		return r;
	if (with.flags != 0)
		return -EINVAL;
	r = of_at(&of, a0, a1, (int)a2);
	return get(&of, r, a3, (long)with.value, with.size);
}

HANDLER(linux_listxattrat)
{
	struct names_xattr of;
	long r = of_at(&of, a0, a1, (int)a2);

	return list(&of, r, a3, (size_t)a4);
}

HANDLER(linux_removexattrat)
{
	struct names_xattr of;
	long r = of_at(&of, a0, a1, (int)a2);

	return take_away(&of, r, a3);
}
