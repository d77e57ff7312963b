/* SPDX-License-Identifier: MIT
 * Turns a guest program's ELF files, which are hostile, into a plan that the stub executes (rt.h).
 * Runs in the host process. Three kinds: a program with PT_INTERP is laid out with its interpreter
 * and started there, as Linux does; one with DT_NEEDED and no interpreter is linked here, with the
 * shared objects it needs, into an image file; every other one is mapped and started as it is. */
#ifndef LOAD_PROGRAM_H
#define LOAD_PROGRAM_H

#include "base/err.h"
#include "rt.h"

#include <stdbool.h>
#include <stddef.h>

struct program_request {
	int fd;             /* the program, open for reading; stays the caller's */
	const char *path;   /* as the user named it: for messages, AT_EXECFN, $ORIGIN */
	const char *module_dir; /* searched last for needed objects */
	/* Opens a file that the program names (interpreter, needed object): a descriptor or -errno. */
	int (*open)(void *context, const char *path);
	void *context;
	const struct rt_map *region_maps; /* go first into the plan; fd 0 sealed part, 1 shared part */
	size_t n_region_maps;
	uint64_t region_base, region_size;
	uint64_t start;     /* rt_start */
	bool randomize;     /* load addresses of ET_DYN objects */
};

struct program_plan {
	struct rt_plan *blob; /* malloc'ed, blob->size bytes */
	/* Descriptors 2.. of the plan (0 and 1 are the region's): files and the linked image. Owned. */
	int *fds;
	size_t n_fds;
	/* Where objects lie, for symbolising later. Owned strings; ELF files stay hostile. */
	struct program_object {
		char *path;
		uint64_t bias, low, high;
		int fd; /* its file, owned, for its symbols; -1: none */
		struct symbols *symbols; /* read when first asked for; owned */
	} *objects;
	size_t n_objects;
};

/* err->status is EXIT_UNUSABLE for a file that cannot be run, with one clear line. */
int program_plan(const struct program_request *request, struct program_plan *plan, struct err *err);
void program_plan_free(struct program_plan *plan);
/* The nearest function symbol at or below addr, read from the objects' own symbol tables. Writes
 * "symbol+0x12@object", or "object+0x1234", or "" when addr lies in none. */
void program_symbolize(const struct program_plan *plan, uint64_t addr, char *text, size_t size);

#endif
