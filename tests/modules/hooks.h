/* SPDX-License-Identifier: MIT
 * What the test module hooks.c keeps for each thread, and its calls. */
#ifndef HOOKS_H
#define HOOKS_H

#include <microcosm.h>

#define HOOKS_MAGIC 0x6b6f6f68

struct hooks_part { /* at the offset that HOOKS_OFFSET returns, in each thread's structure */
	long magic;  /* set by -17 */
	long inits;  /* how often -17 ran for this thread */
	long calls;  /* of HOOKS_COUNT */
};

enum {
	HOOKS_OFFSET = 5300,
	HOOKS_COUNT,    /* one more call of this thread */
	HOOKS_INITS,    /* threads that passed -17 since the world began */
	HOOKS_KILLS,    /* -18 that were made through the table */
	HOOKS_SPAWNS,   /* -16 */
	HOOKS_GETPPIDS, /* getppid, which is wrapped */
	HOOKS_REFUSE,   /* the next a0 threads are refused by -17 with value a1 */
	HOOKS_REGISTERS, /* -1 that were made through the table */
	HOOKS_GETS,      /* -2 */
};

#endif
