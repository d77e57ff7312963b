/* SPDX-License-Identifier: MIT
 * The linux module's half in the guest: what its files offer each other. */
#ifndef LINUX_LINUX_H
#define LINUX_LINUX_H

#include "../start.h"

#include <stdbool.h>

#include <linux/errno.h>

#include "names.h"

/* A handler of linux_calls.def; what it does not use is fine. */
#define HANDLER(name)                                                                      \
	long name(long a0, long a1, long a2, long a3, long a4, long a5);                   \
	long name(long a0 __attribute__((unused)), long a1 __attribute__((unused)),        \
		  long a2 __attribute__((unused)), long a3 __attribute__((unused)),        \
		  long a4 __attribute__((unused)), long a5 __attribute__((unused)))

/* ---- names.c ---- */

/* After the grants. */
void names_init(void);
/* Copies a path that starts at dirfd into at: 0, or -errno; -ENOENT for an empty one, len is 0 then. */
long names_at_fill(struct names_at *at, long dirfd, long path);

/* 0 for a descriptor that is open for more than its name, else -EBADF. */
long names_held(long fd);
/* The working directory itself. */
void names_at_current(struct names_at *at);
/* The number in a name of one of the caller's own descriptors, or -1. */
int names_own_descriptor(const struct names_at *at);

/* ---- ids.c ---- */

/* After all grants and handlers. */
void ids_init(void);
/* What the kernel says of a file's owner becomes what a guest sees; what a guest says becomes what the
 * kernel is to be told. */
void ids_show(uint32_t *uid, uint32_t *gid);
void ids_mean(long *uid, long *gid);
/* Who takes itself for root gives files of its own to others, as it thinks: -EPERM becomes 0. owner is as
 * the kernel has it; ids_pretend says whether to find it out. */
bool ids_pretend(void);
long ids_gave(long result, uint32_t owner);

/* ---- sockets.c ---- */

/* After the grants. */
void sockets_init(void);

/* ---- sysv.c ---- */

/* After the grants. */
void sysv_init(void);

/* ---- exec.c ---- */

/* After the grants. */
void exec_init(void);

#endif
