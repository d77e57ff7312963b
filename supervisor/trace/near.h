/* SPDX-License-Identifier: MIT
 * The name that was probably meant. */
#ifndef TRACE_NEAR_H
#define TRACE_NEAR_H

#include <stddef.h>

struct near {
	const char *wanted;
	const char *best; /* the nearest name so far, NULL: none is near */
	size_t distance;
};

void near_init(struct near *near, const char *wanted);
void near_try(struct near *near, const char *name);

#endif
