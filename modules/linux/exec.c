/* SPDX-License-Identifier: MIT
 * execve, the half in the guest: the host half finds and plans the program and gives the descriptor of
 * what the kernel is to execute, which sets the program up. A script's interpreter comes before the
 * caller's arguments. */
#include "linux.h"

#include <linux/fcntl.h>
#include <linux/mman.h>

enum { CLOSE = 3, MMAP = 9, MUNMAP = 11, FCNTL = 72, EXECVEAT = 322 };

#define ARGUMENTS_MAX 0x20000 /* of a script: argv is copied to stand behind its interpreter */

static mc_fn execveat_stub, close_stub, fcntl_stub, mmap_stub, munmap_stub;

void exec_init(void)
{
	execveat_stub = mc_get(EXECVEAT);
	close_stub = mc_get(CLOSE);
	fcntl_stub = mc_get(FCNTL);
	mmap_stub = mc_get(MMAP);
	munmap_stub = mc_get(MUNMAP);
}

/* How many arguments there are. */
static long count(long argv)
{
	uint64_t argument;

	for (long n = 0; n < ARGUMENTS_MAX; n++) {
		if (mc_copy_in(&argument, (const void *)(argv + 8 * n), sizeof argument) != 0)
			return -EFAULT;
		if (argument == 0)
			return n;
	}
	return -E2BIG;
}

/* The words, then all arguments but the first, in the caller's own memory, which goes with it: a new
 * mapping of size bytes, or -errno. */
static long script_arguments(const struct names_words *words, long argv, long n, size_t size)
{
	long at = mmap_stub(0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *arguments = (uint64_t *)at;
	size_t text = 0;

	if (at < 0)
		return at;
	for (uint32_t i = 0; i < words->n; i++) {
		arguments[i] = (uint64_t)(words->text + text);
		while (words->text[text++] != 0)
			;
	}
	/* What changed since it was counted is the caller's own loss; the rest is 0. */
	if (n > 1)
		mc_copy_in(arguments + words->n, (const void *)(argv + 8), 8 * ((size_t)n - 1));
	return at;
}

static long execute(long fd, const struct names_words *words, long argv, long envp)
{
	long arguments = argv;
	size_t size = 0;

	if (words->n > 0) {
		long n = argv != 0 ? count(argv) : 0;

		size = (words->n + (size_t)(n > 0 ? n : 0) + 1) * sizeof(uint64_t);
		arguments = n < 0 ? n : script_arguments(words, argv, n, size);
		if (arguments < 0 && arguments > -4096)
			return arguments;
	}
	long r = execveat_stub(fd, (long)"", arguments, envp, AT_EMPTY_PATH, 0);
	if (size > 0)
		munmap_stub(arguments, (long)size, 0, 0, 0, 0);
	return r;
}

/* What the kernel calls a program that has no name. */
static void name_descriptor(struct names_at *at, int fd)
{
	static const char directory[] = "/dev/fd/";
	char digits[12];
	size_t n = 0, len = 0;

	do
		digits[n++] = (char)('0' + fd % 10);
	while ((fd /= 10) != 0);
	for (; directory[len] != 0; len++)
		at->path[len] = directory[len];
	while (n > 0)
		at->path[len++] = digits[--n];
	at->len = (uint32_t)len;
	at->path[len] = 0;
}

/* The interpreter of a script could not open it again. */
static bool unreachable(long fd, const struct names_words *words)
{
	return words->n > 0 && (fcntl_stub(fd, F_GETFD, 0, 0, 0, 0) & FD_CLOEXEC) != 0;
}

static long exec_at(long dirfd, long path, long argv, long envp, long flags)
{
	struct names_at at;
	struct names_words words;
	long r = names_at_fill(&at, dirfd, path), fd;
	bool nameless = (flags & AT_EMPTY_PATH) != 0 && r == -ENOENT && at.len == 0;

	if (nameless && (int)dirfd < 0)
		return (int)dirfd == AT_FDCWD ? -EACCES : -EBADF;
	if (r < 0 && !nameless)
		return r;
	int own = nameless ? (int)dirfd
		  : (flags & AT_SYMLINK_NOFOLLOW) != 0 ? -1 : names_own_descriptor(&at);
	if (nameless)
		name_descriptor(&at, own);
	if (own >= 0)
		fd = names_exec_file(own, &at, &words);
	else
		fd = names_exec(&at, (int)flags, &words);
	if (fd < 0)
		return fd == -EBADF && !nameless ? -ENOENT : fd;
	r = nameless && unreachable(own, &words) ? -ENOENT : execute(fd, &words, argv, envp);
	close_stub(fd, 0, 0, 0, 0, 0);
	return r;
}

HANDLER(linux_execve)
{
	return exec_at(AT_FDCWD, a0, a1, a2, 0);
}

HANDLER(linux_execveat)
{
	if (((int)a4 & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0)
		return -EINVAL;
	return exec_at(a0, a1, a2, a3, (int)a4);
}
