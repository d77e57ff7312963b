/* SPDX-License-Identifier: MIT
 * Arithmetic on sizes and offsets that come from outside: true when the result fits. */
#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool checked_add(uint64_t a, uint64_t b, uint64_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

static inline bool checked_mul(uint64_t a, uint64_t b, uint64_t *product)
{
	return !__builtin_mul_overflow(a, b, product);
}

/* Rounds up to a multiple of align, a power of two. */
static inline bool checked_align(uint64_t value, uint64_t align, uint64_t *aligned)
{
	uint64_t sum;
	if (!checked_add(value, align - 1, &sum))
		return false;
	*aligned = sum & ~(align - 1);
	return true;
}

/* [start, start + len) lies within [low, high). */
static inline bool range_within(uint64_t start, uint64_t len, uint64_t low, uint64_t high)
{
	return start >= low && start <= high && len <= high - start;
}

#endif
