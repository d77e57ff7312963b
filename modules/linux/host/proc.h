/* SPDX-License-Identifier: MIT
 * /proc: what its two files, names (proc.c) and texts (proc_text.c), offer each other. All of it is called
 * under the lock of proc.c. */
#ifndef LINUX_HOST_PROC_H
#define LINUX_HOST_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "names.h"

struct proc_place {
	int32_t pid, tid; /* pid 0: of no process; tid 0: of no thread */
	const char *name; /* below /proc, or below the process's or thread's directory there */
	char path[PATH_BYTES]; /* that name points into */
};

struct proc_file {
	const char *name;
	unsigned mode;
	bool of_task; /* threads have it too */
	int (*write)(FILE *out, const struct proc_place *at, const char *fixed); /* 0 or -errno */
	const char *fixed; /* for write */
};

/* Ended by one without a name. */
extern const struct proc_file proc_process_files[], proc_global_files[];

/* Writes the file's text; -errno. */
int proc_write(FILE *out, const struct proc_place *at);

/* Whether the process is one of the world's. */
bool proc_has(int32_t pid);
/* How many threads it has; the highest process id. */
size_t proc_count(int32_t *last);
/* mch_process, of the place's process or thread. */
long proc_ask(const struct proc_place *at, const char *name, char *text, size_t size);
/* Whether the world has something of that name. */
bool proc_names(const char *path);

#endif
