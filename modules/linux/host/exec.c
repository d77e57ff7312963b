/* SPDX-License-Identifier: MIT
 * execve, the host half: finds the file, and has its program planned. */
#include <errno.h>
#include <fcntl.h>
#include <microcosm-host.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "names.h"

static int open_program(const struct names_at *at, uint64_t flags)
{
	struct stat st;
	int fd = name_open(at, O_RDONLY | O_NONBLOCK | flags, 0, 0);

	if (fd < 0)
		return fd == -ENXIO ? -EACCES : fd;
	int r = fstat(fd, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? -EACCES : 0;
	if (r == 0 && syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	close(fd);
	return r;
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

long names_exec(const struct names_at *shared, int flags, struct names_words *to)
{
	struct names_at at;
	struct mch_words words;
	long r = at_fetch(&at, shared);

	if (r < 0)
		return r;
	int fd = open_program(&at, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0);
	if (fd < 0)
		return fd;
	r = mch_exec(fd, at.path, open_interpreter, NULL, &words);
	close(fd);
	if (r < 0)
		return exec_errno(r);
	return mch_store(to, &words, offsetof(struct mch_words, text) + words.used);
}
