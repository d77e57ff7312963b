/* SPDX-License-Identifier: MIT
 * Text in a fixed buffer: always terminated, cut when full, and printable ASCII whatever a guest
 * put into it. */
#ifndef TRACE_OUT_H
#define TRACE_OUT_H

#include <stdbool.h>
#include <stddef.h>

struct out {
	char *text;
	size_t size; /* of the buffer, the terminator included; > 0 */
	size_t len;
	bool full;   /* something did not fit */
};

void out_init(struct out *out, char *text, size_t size);
/* For text of the supervisor's own. */
void out_char(struct out *out, char c);
void out_text(struct out *out, const char *text);
void out_printf(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For bytes from elsewhere: what is not printable ASCII becomes a C escape. */
void out_escaped(struct out *out, const char *bytes, size_t n);
/* The same in quotes, with `"` and `\` escaped and "..." after them when `more` follows or the buffer
 * is full. The closing quote is never what gets lost. */
void out_quoted(struct out *out, const char *bytes, size_t n, bool more);
/* A JSON string of text that out_escaped may have made. */
void out_json(struct out *out, const char *text);
/* Text that was cut ends in "...". */
void out_mark_cut(struct out *out);

#endif
