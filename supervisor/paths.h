/* SPDX-License-Identifier: MIT
 * Where Microcosm's own files and the user's program are. */
#ifndef PATHS_H
#define PATHS_H

#include <limits.h>

#include "base/err.h"

struct paths {
	char dir[PATH_MAX];     /* Microcosm's private directory */
	char stub[PATH_MAX + 32], runtime[PATH_MAX + 32];
	char module_dir[PATH_MAX + 32], module_set[PATH_MAX + 64];
};

/* Microcosm's private directory: beside the running program (../lib/microcosm: a build tree, or an installation
 * that was moved), else where it was configured to be. */
void paths_directory(char dir[PATH_MAX]);
/* modules: the user's choice of a module set, or NULL. */
int paths_find(struct paths *paths, const char *modules, struct err *err);

/* Opens the program as a shell would find it: a name with a slash as it is, another one by PATH. The
 * descriptor, with the path in found; or -errno and a status of 126 or 127 in err. */
int paths_open_program(const char *name, char found[PATH_MAX], struct err *err);

#endif
