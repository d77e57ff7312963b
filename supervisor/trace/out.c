// SPDX-License-Identifier: MIT
// Text in a fixed buffer, and the escapes that keep a guest's bytes away from the terminal.
#include "trace/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void out_init(struct out *out, char *text, size_t size)
{
	*out = (struct out){ .text = text, .size = size };
	text[0] = 0;
}

void out_char(struct out *out, char c)
{
	if (out->len + 1 >= out->size) {
		out->full = true;
		return;
	}
	out->text[out->len++] = c;
	out->text[out->len] = 0;
}

void out_text(struct out *out, const char *text)
{
	while (*text)
		out_char(out, *text++);
}

void out_printf(struct out *out, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	size_t room = out->size - out->len;
	int n = vsnprintf(out->text + out->len, room, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		out->full = true;
		out->len = out->size - 1;
	} else {
		out->len += (size_t)n;
	}
}

/* Writes the escape of byte c, which next follows (-1: nothing), into text; returns its length. */
static size_t escape(char text[5], unsigned char c, int next, bool quoted)
{
	static const char letters[] = "\nn\tt\rr\vv\ff";
	for (const char *l = letters; *l; l += 2) {
		if (c == (unsigned char)l[0]) {
			text[0] = '\\';
			text[1] = l[1];
			return 2;
		}
	}
	if (c >= 0x20 && c < 0x7f) {
		size_t n = 0;
		if (quoted && (c == '"' || c == '\\'))
			text[n++] = '\\';
		text[n++] = (char)c;
		return n;
	}
	/* All three digits only where a digit follows that would join in. */
	bool digit = next >= '0' && next <= '7';
	return (size_t)snprintf(text, 5, digit ? "\\%03o" : "\\%o", c);
}

void out_escaped(struct out *out, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[5];
		int next = i + 1 < n ? (unsigned char)bytes[i + 1] : -1;
		size_t len = escape(text, (unsigned char)bytes[i], next, false);
		for (size_t k = 0; k < len; k++)
			out_char(out, text[k]);
	}
}

void out_quoted(struct out *out, const char *bytes, size_t n, bool more)
{
	const size_t closing = 4; /* "... */
	out_char(out, '"');
	for (size_t i = 0; i < n; i++) {
		char text[5];
		int next = i + 1 < n ? (unsigned char)bytes[i + 1] : -1;
		size_t len = escape(text, (unsigned char)bytes[i], next, true);
		if (out->len + len + closing + 1 > out->size) {
			more = true;
			break;
		}
		for (size_t k = 0; k < len; k++)
			out_char(out, text[k]);
	}
	out_text(out, more ? "\"..." : "\"");
}

void out_json(struct out *out, const char *text)
{
	out_char(out, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (out->len + 7 >= out->size) {
			out->full = true;
			break;
		}
		if (c == '"' || c == '\\')
			out_printf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			out_printf(out, "\\u%04x", c);
		else
			out_char(out, (char)c);
	}
	out_char(out, '"');
}

void out_mark_cut(struct out *out)
{
	if (out->full && out->len >= 3)
		memcpy(out->text + out->len - 3, "...", 3);
}
