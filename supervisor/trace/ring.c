// SPDX-License-Identifier: MIT
// A thread's ring: one writer, the thread, and one reader. A guest that writes into it what it likes misleads its own
// trace, and gets no more lines than a ring has records.
#include "trace/ring.h"

#include <string.h>

uint64_t ring_read(const struct rt_ring_record *records, uint64_t tail, uint64_t head, const struct ring_reader *reader)
{
	if (head - tail > RT_RING_RECORDS) {
		reader->lost(reader->context, RING_LOST_UNKNOWN);
		return head;
	}
	for (; tail != head; tail++) {
		struct rt_ring_record record;
		memcpy(&record, &records[tail % RT_RING_RECORDS], sizeof record);
		__asm__ volatile("" : "+m"(record)); /* the copy is what counts from here on */
		if (record.kind == RT_RING_CALL)
			reader->record(reader->context, &record);
		else
			reader->lost(reader->context,
				     record.kind == RT_RING_LOST ? (uint64_t)record.result : RING_LOST_UNKNOWN);
	}
	return head;
}

uint64_t ring_ns(const struct ring_clock *clock, uint64_t ticks)
{
	if (ticks <= clock->ticks[0] || clock->ticks[1] <= clock->ticks[0])
		return clock->ns[0];
	if (ticks >= clock->ticks[1])
		return clock->ns[1];
	double part = (double)(ticks - clock->ticks[0]) / (double)(clock->ticks[1] - clock->ticks[0]);
	return clock->ns[0] + (uint64_t)(part * (double)(clock->ns[1] - clock->ns[0]));
}
