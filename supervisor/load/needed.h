/* SPDX-License-Identifier: MIT
 * The objects of a link: the roots and, recursively, all that they need, each once. */
#ifndef LOAD_NEEDED_H
#define LOAD_NEEDED_H

#include "load/object.h"

#define NEEDED_OBJECTS_MAX 256u
#define HOST_PREFIX "libhost_" /* a needed name that begins so is never a file */

struct needed {
	struct object *objects[NEEDED_OBJECTS_MAX]; /* breadth first, the roots at the front; owned */
	size_t n;
	const char *last_dir; /* searched last; NULL: none */
	/* Opens a file for reading: a descriptor or -errno. */
	int (*open)(void *context, const char *path);
	/* Gives an object its place and its image: sets bias, calls object_read. */
	int (*place)(void *context, struct object *object, struct err *err);
	void *context;
	unsigned attempts; /* files looked for so far */
};

/* Opens, places and adds an object. Takes fd over. */
int needed_root(struct needed *needed, int fd, const char *path, struct object **object,
		struct err *err);
/* Adds one that is open and placed; owned from now on, also when it does not fit. */
int needed_add(struct needed *needed, struct object *object, struct err *err);
/* Adds what the objects need. host names the libhost_* policy: 0 refuses them. */
int needed_gather(struct needed *needed, bool host, struct err *err);
/* Fills order[0..n) with all objects, dependencies before dependents, cycles broken where they
 * close, roots in their order. */
void needed_order(struct needed *needed, struct object **order);
void needed_free(struct needed *needed);

#endif
