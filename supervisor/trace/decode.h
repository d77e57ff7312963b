/* SPDX-License-Identifier: MIT
 * Arguments and results as text. What lies in a guest's memory is copied once, into buffers of fixed
 * size, and printed escaped. */
#ifndef TRACE_DECODE_H
#define TRACE_DECODE_H

#include "trace/kinds.h"
#include "trace/out.h"
#include "trace/trace.h"

#define DECODE_STRING_BYTES 64 /* longer ones are cut */

struct decode {
	const struct trace_access *access; /* NULL: memory and symbols are not looked at */
	int64_t thread;
	const uint64_t *args;
	struct call_shape shape;
	int64_t result; /* for what a call fills */
};

/* The shape that a traced call's arguments are printed by. */
void decode_shape(enum trace_source source, int nr, struct call_shape *shape);
/* How many arguments there are; optional ones at the end depend on those before them. */
unsigned decode_count(const struct decode *decode);
/* The call fills it: to be printed when it has returned. */
bool decode_is_filled(enum kind kind);
/* returned: what the call fills is there, if result says so. */
void decode_argument(const struct decode *decode, unsigned i, bool returned, struct out *out);
/* A number's errno text: "-1 ENOENT (No such file or directory)". */
void decode_result(const struct decode *decode, enum trace_source source, int64_t result,
		   struct out *out);
void decode_errno(struct out *out, int errnum);
static inline bool decode_is_error(int64_t result)
{
	return result < 0 && result >= -4095;
}
/* "function@object", or the address. */
void decode_function(const struct decode *decode, uint64_t addr, struct out *out);
/* "name", "function@module", "call_5000", with what is not printable escaped. */
void decode_name(enum trace_source source, int nr, const char *name, const char *module,
		 struct out *out);

#endif
