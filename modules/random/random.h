/* SPDX-License-Identifier: MIT
 * The random module: bytes that nobody can predict. microcosm-modules(7). */
#ifndef MICROCOSM_RANDOM_H
#define MICROCOSM_RANDOM_H

#include <microcosm.h>

#define MC_NR_RANDOM 4144

/* Fills buf with n random bytes: how many were written, fewer than n only for n > 256 and when the
 * call was broken off, or -EFAULT, -EINTR. */
static inline long mc_random(void *buf, size_t n)
{
	return mc_call(MC_NR_RANDOM, (long)buf, (long)n, 0, 0, 0, 0);
}

#endif
