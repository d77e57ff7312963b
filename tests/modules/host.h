/* SPDX-License-Identifier: MIT
 * The calls of the test module host.c: each is a function of its host component, by a gate. */
#ifndef HOST_H
#define HOST_H

#include <microcosm.h>

enum {
	HOST_COUNT = 5200, /* counts one more for this thread in the host process, returns the count */
	HOST_TOTAL,        /* how many HOST_COUNT of all threads ran */
	HOST_SLEEP_MS,     /* sleeps; the milliseconds left when interrupted as -1000 - ms, else 0 */
	HOST_ERRNO,        /* sets errno to a0 and returns a1; then the thread structure's host_errno */
	HOST_ADD_TEN,      /* the sum of ten arguments a0, a0 + 1 ... a0 + 9, weighted by their place */
	HOST_CALLER,       /* the caller's thread id, or with a0 its process id */
	HOST_CALL_BACK,    /* calls the module's function back, a0 levels deep; how deep it came */
	HOST_ECHO,         /* a0 */
	HOST_STORE,        /* mch_store of a0 bytes at a1 (any address) */
	HOST_READ_FD,      /* blocks in read(2) of a pipe that nobody writes to: its errno, negative */
};

#endif
