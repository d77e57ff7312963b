/* SPDX-License-Identifier: MIT
 * Directories for a world that has no tmpfs: they lie in one that only this user may enter, and are
 * removed when this process is gone, however it went, by a child that does nothing else. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/host.h"

static int base = -1;

/* ---- The child ---- */

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *list_open(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (list == NULL && fd >= 0)
		close(fd);
	return list;
}

/* A directory that is not empty, into top, under a name that is free. */
static void move_up(int from, const char *name, int top)
{
	static unsigned n;
	char to[16];

	fchmodat(from, name, 0700, 0); /* its owner, too, must be able to write to what he moves */
	do
		snprintf(to, sizeof(to), "%u", n++);
	while (renameat(from, name, top, to) < 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR));
}

/* Removes a directory of top's. Directories in it are moved up, so that its depth costs nothing. */
static void remove_directory(int top, const char *name)
{
	fchmodat(top, name, 0700, 0);
	DIR *list = list_open(top, name);

	if (list == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(list)) != NULL;)
		if (!is_dots(entry->d_name) && unlinkat(dirfd(list), entry->d_name, 0) < 0 &&
		    unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR) < 0)
			move_up(dirfd(list), entry->d_name, top);
	closedir(list);
}

/* Whether anything was there. What cannot be removed is left: there is nobody to tell. */
static bool remove_contents(int parent, const char *top)
{
	bool removed = false;
	DIR *list = list_open(parent, top);

	if (list == NULL)
		return false;
	for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
		if (is_dots(entry->d_name))
			continue;
		if (unlinkat(dirfd(list), entry->d_name, 0) < 0)
			remove_directory(dirfd(list), entry->d_name);
		removed |= unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT;
	}
	closedir(list);
	return removed;
}

static _Noreturn void wait_and_remove(int alive, int parent, const char *name)
{
	char byte;

	prctl(PR_SET_NAME, "microcosm-clean");
	setsid();
	/* Nothing of the world's is to stay open for it: not its output either. */
	if (dup3(alive, STDIN_FILENO, 0) < 0 || dup3(parent, STDOUT_FILENO, 0) < 0)
		_exit(EXIT_FAILURE);
	close_range(STDERR_FILENO, ~0u, 0);
	while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
		;
	while (remove_contents(STDOUT_FILENO, name))
		;
	_exit(unlinkat(STDOUT_FILENO, name, AT_REMOVEDIR) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- This process ---- */

static int base_make(const char *where)
{
	char path[4096];
	int alive[2], parent = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int n = snprintf(path, sizeof(path), "%s/microcosm-XXXXXX", where);

	if (parent < 0)
		return -errno;
	if (n < 0 || (size_t)n >= sizeof(path))
		errno = ENAMETOOLONG;
	else if (mkdtemp(path) != NULL)
		base = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (base < 0 || pipe2(alive, O_CLOEXEC) < 0) {
		int e = errno;
		close(parent);
		return -e;
	}
	pid_t child = fork();
	if (child == 0)
		wait_and_remove((close(alive[1]), alive[0]), parent, strrchr(path, '/') + 1);
	int e = errno;
	close(parent);
	close(alive[0]); /* the other end stays open for as long as this process is there */
	return child < 0 ? -e : 0;
}

static int base_find(void)
{
	const char *wheres[] = { getenv("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm" };
	int r = -ENOENT;

	for (size_t i = 0; i < sizeof(wheres) / sizeof(*wheres) && r < 0; i++)
		if (wheres[i] != NULL && wheres[i][0] == '/')
			r = base_make(wheres[i]);
	return r;
}

int scratch_directory(unsigned mode)
{
	static unsigned n;
	char name[16];
	int r = base < 0 ? base_find() : 0;

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%u", n++);
	if (mkdirat(base, name, 0700) < 0 || fchmodat(base, name, mode, 0) < 0)
		return -errno;
	int fd = openat(base, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
