// SPDX-License-Identifier: MIT
// Error messages: filled in where something fails, wrapped on the way up, printed by main.
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int err_set(struct err *err, int errnum, const char *format, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, format);
		vsnprintf(err->text, sizeof err->text, format, ap);
		va_end(ap);
	}
	return -errnum;
}

int err_sys(struct err *err, int errnum, const char *format, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, format);
		int used = vsnprintf(err->text, sizeof err->text, format, ap);
		va_end(ap);
		if (used >= 0 && (size_t)used < sizeof err->text)
			snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s",
				 strerror(errnum));
	}
	return -errnum;
}

void err_wrap(struct err *err, const char *format, ...)
{
	if (!err)
		return;
	char inner[sizeof err->text];
	memcpy(inner, err->text, sizeof inner);
	va_list ap;
	va_start(ap, format);
	int used = vsnprintf(err->text, sizeof err->text, format, ap);
	va_end(ap);
	if (used < 0 || (size_t)used >= sizeof err->text)
		return;
	int room = (int)(sizeof err->text - (size_t)used);
	snprintf(err->text + used, (size_t)room, ": %.*s", room, inner);
}

void assert_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "microcosm: internal error at %s:%d: %s\n", file, line, condition);
	abort();
}
