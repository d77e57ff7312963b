/* SPDX-License-Identifier: MIT
 * What --trace-ring reads out of a thread's ring: all of it memory that guests write, and may be writing. */
#ifndef TRACE_RING_H
#define TRACE_RING_H

#include <stdint.h>

#include "rt.h"

#define RING_LOST_UNKNOWN UINT64_MAX

struct ring_reader {
	void *context;
	/* A copy, as the guest wrote it: only its kind has been looked at. */
	void (*record)(void *context, const struct rt_ring_record *record);
	/* So many are missing here; RING_LOST_UNKNOWN: the ring makes no sense. */
	void (*lost)(void *context, uint64_t records);
};

/* Reads what there is from tail on, head being a copy of the guest's count: at most RT_RING_RECORDS records, each
 * looked at once. Returns the new tail. */
uint64_t ring_read(const struct rt_ring_record *records, uint64_t tail, uint64_t head, const struct ring_reader *reader);

/* Two moments by both clocks: ticks between them can be told in nanoseconds. */
struct ring_clock {
	uint64_t ticks[2], ns[2];
};

/* What lies outside of the two is the nearer of them. */
uint64_t ring_ns(const struct ring_clock *clock, uint64_t ticks);

#endif
