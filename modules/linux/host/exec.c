/* SPDX-License-Identifier: MIT
 * execve, the host half: finds the file, and has its program planned. */
#include <errno.h>
#include <fcntl.h>
#include <microcosm-host.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "names.h"

/* 0 for a file that the caller may execute, by its mode and its mount. */
static int may_execute(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISLNK(st.st_mode) ? -ELOOP : -EACCES;
	return syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0 ? -errno : 0;
}

/* What fd, an O_PATH descriptor, is of, to be read; fd is closed. Nothing but a file that can be executed is
 * opened: a pipe's other end would notice. r: an error that is known already. */
static int open_again(int fd, int r)
{
	char name[16];

	if (r == 0)
		r = may_execute(fd);
	if (r == 0) {
		int directory = own_fd_name(fd, name, sizeof(name));

		r = openat(directory, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		r = r < 0 ? -errno : r;
	}
	close(fd);
	return r;
}

static int open_program(const struct names_at *at, uint64_t flags)
{
	uint32_t part;
	int fd = name_open(at, O_PATH | flags, 0, 0, &part);

	if (fd < 0)
		return fd;
	fd = open_again(fd, (mch_tree_limits(part) & ST_NOEXEC) != 0 ? -EACCES : 0);
	if (fd >= 0)
		mch_learn(fd, "", false, MCH_LEARN_READ);
	return fd;
}

/* What the caller holds, opened again. */
static int open_held(int number)
{
	int held = mch_caller_file(number);

	return held < 0 ? held : open_again(held, mch_tree_find(held, ST_NOEXEC) == 0 ? -EACCES : 0);
}

/* The path of an interpreter, which starts where the process is. */
static long at_path(struct names_at *at, const char *path)
{
	size_t len = strlen(path);

	if (len >= NAMES_PATH_MAX)
		return -ENAMETOOLONG;
	at->dev = at->ino = 0;
	at->len = (uint32_t)len;
	memcpy(at->path, path, len + 1);
	return 0;
}

static int open_interpreter(void *context, const char *path)
{
	struct names_at at;

	(void)context;
	long r = at_path(&at, path);
	return r < 0 ? (int)r : open_program(&at, 0);
}

/* What program_plan says of a file that is no program is Linux's ENOEXEC. */
static long exec_errno(long r)
{
	switch (r) {
	case -ENOENT: case -EACCES: case -ENOMEM: case -EMFILE: case -ENFILE: case -ELOOP: case -EINVAL: case -E2BIG:
		return r;
	default: return -ENOEXEC;
	}
}

/* Takes fd, or an error. */
static long plan(int fd, const char *path, struct names_words *to)
{
	struct mch_words words;

	if (fd < 0)
		return fd;
	long r = mch_exec(fd, path, open_interpreter, NULL, &words);
	close(fd);
	if (r < 0)
		return exec_errno(r);
	return mch_store(to, &words, offsetof(struct mch_words, text) + words.used);
}

long names_exec(const struct names_at *shared, int flags, struct names_words *to)
{
	struct names_at at;
	long r = at_fetch(&at, shared);

	if (r < 0)
		return r;
	return plan(open_program(&at, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0), at.path, to);
}

long names_exec_file(int fd, const struct names_at *shared, struct names_words *to)
{
	struct names_at at;
	long r = at_fetch(&at, shared);

	return r < 0 ? r : plan(open_held(fd), at.path, to);
}
