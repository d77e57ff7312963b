// SPDX-License-Identifier: MIT
// Fuzz target: a thread's ring as a guest may leave it, through the reader to the trace's lines. The input is the
// reader's count, the guest's, two times by both clocks, and the records. Runs each file that is named, or standard
// input; with libFuzzer, LLVMFuzzerTestOneInput alone is used.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/ring.h"
#include "trace/trace.h"

#define INPUT_MAX (sizeof(struct input))

struct input {
	uint64_t tail, head;
	struct ring_clock clock;
	struct rt_ring_record records[RT_RING_RECORDS];
};

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct trace *traces[2];
static struct input input;
static size_t n_lines;

static size_t no_read(void *context, int64_t thread, uint64_t addr, void *to, size_t n)
{
	(void)context, (void)thread, (void)addr, (void)to, (void)n;
	abort(); // its memory is not what it was at the call
}

static void no_symbol(void *context, int64_t thread, uint64_t addr, char *text, size_t size)
{
	(void)context, (void)thread, (void)addr, (void)text, (void)size;
	abort();
}

static void open_traces(void)
{
	const struct trace_access access = { NULL, no_read, no_symbol };
	for (int i = 0; i < 2; i++) {
		struct trace_options options = { .lines = true, .summary = true, .file = "/dev/null",
						 .format = i ? "json" : "text" };
		struct err err;
		if (!traces[i] && trace_open(&options, &access, &traces[i], &err) < 0)
			exit(EXIT_FAILURE);
	}
}

static void record(void *context, const struct rt_ring_record *record)
{
	(void)context;
	struct trace_call call = { .thread = 1, .source = record->nr < 0 ? TRACE_CORE : TRACE_LINUX, .nr = record->nr,
				   .recorded = true, .cycles = record->end - record->start };
	call.start_ns = ring_ns(&input.clock, record->start);
	memcpy(call.args, record->args, sizeof call.args);
	for (int i = 0; i < 2; i++) {
		trace_enter(traces[i], &call);
		trace_leave(traces[i], &call, record->result, ring_ns(&input.clock, record->end));
	}
	n_lines++;
}

static void lost(void *context, uint64_t records)
{
	(void)context;
	for (int i = 0; i < 2; i++)
		trace_lost(traces[i], 1, records == RING_LOST_UNKNOWN ? -1 : (int64_t)(records & INT64_MAX));
	n_lines++;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const struct ring_reader reader = { NULL, record, lost };
	memset(&input, 0, sizeof input);
	memcpy(&input, data, size < sizeof input ? size : sizeof input);
	open_traces();
	n_lines = 0;
	for (int i = 0; i < 2; i++)
		trace_hold(traces[i]);
	if (ring_read(input.records, input.tail, input.head, &reader) != input.head || n_lines > RT_RING_RECORDS)
		abort();
	for (int i = 0; i < 2; i++)
		trace_flush(traces[i]);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
#include "replay.h"
#endif
