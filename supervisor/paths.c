// SPDX-License-Identifier: MIT
// Where Microcosm's own files and the user's program are.
#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool join(char *out, size_t size, const char *dir, const char *name)
{
	int n = snprintf(out, size, "%s/%s", dir, name);
	return n > 0 && (size_t)n < size;
}

static bool beside_program(char dir[PATH_MAX])
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n <= 0)
		return false;
	exe[n] = 0;
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(exe, '/');
		if (!slash)
			return false;
		*slash = 0;
	}
	return join(dir, PATH_MAX, exe, "lib/microcosm") && access(dir, X_OK) == 0;
}

void paths_directory(char dir[PATH_MAX])
{
	if (!beside_program(dir))
		snprintf(dir, PATH_MAX, "%s", MC_PKGLIBDIR);
}

int paths_find(struct paths *paths, const char *modules, struct err *err)
{
	paths_directory(paths->dir);
	if (!join(paths->stub, sizeof paths->stub, paths->dir, "stub") ||
	    !join(paths->runtime, sizeof paths->runtime, paths->dir, "microcosm-rt.so") ||
	    !join(paths->module_dir, sizeof paths->module_dir, paths->dir, "modules"))
		return err_set(err, ENAMETOOLONG, "%s: path too long", paths->dir);
	if (access(paths->stub, R_OK) < 0)
		return err_sys(err, errno, "%s: Microcosm's own file: is the installation whole?",
			       paths->stub);
	const char *chosen = modules ? modules : getenv("MICROCOSM_MODULES");
	if (chosen && *chosen) {
		if (strlen(chosen) >= sizeof paths->module_set)
			return err_set(err, ENAMETOOLONG, "%s: path too long", chosen);
		strcpy(paths->module_set, chosen);
	} else {
		join(paths->module_set, sizeof paths->module_set, paths->module_dir,
		     "microcosm-modules.so");
	}
	return 0;
}

static int open_checked(const char *path, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		int error = errno;
		err->status = error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_UNUSABLE;
		return err_sys(err, error, "%s", path);
	}
	err->status = EXIT_UNUSABLE;
	int error = 0;
	if (fstat(fd, &st) < 0)
		error = err_sys(err, errno, "%s", path);
	else if (S_ISDIR(st.st_mode))
		error = err_set(err, EISDIR, "%s: is a directory", path);
	else if (!S_ISREG(st.st_mode))
		error = err_set(err, EACCES, "%s: is not a regular file", path);
	else if (!(st.st_mode & 0111) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		error = err_set(err, EACCES, "%s: is not executable (chmod +x makes it so)", path);
	if (error) {
		close(fd);
		return error;
	}
	err->status = 0;
	return fd;
}

int paths_open_program(const char *name, char found[PATH_MAX], struct err *err)
{
	const char *path = getenv("PATH");
	if (strlen(name) >= PATH_MAX)
		return err_set(err, ENAMETOOLONG, "%.40s...: name too long", name);
	if (strchr(name, '/') || !*name) {
		strcpy(found, name);
		return open_checked(found, err);
	}
	struct err first = {0};
	int result = 0;
	for (const char *p = path ? path : "/usr/bin:/bin"; p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL) {
		int n = (int)strcspn(p, ":");
		if (snprintf(found, PATH_MAX, "%.*s%s%s", n, p, n ? "/" : "./", name) >= PATH_MAX)
			continue;
		int fd = open_checked(found, err);
		if (fd >= 0)
			return fd;
		if (err->status == EXIT_UNUSABLE && !result) {
			first = *err; /* goes on, as a shell does; said if nothing better comes */
			result = fd;
		}
	}
	if (result) {
		*err = first;
		return result;
	}
	err->status = EXIT_NOT_FOUND;
	return err_set(err, ENOENT, "%s: not found (PATH: %s)", name, path ? path : "not set");
}
