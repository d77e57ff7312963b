/* SPDX-License-Identifier: MIT
 * The SET of --trace=SET: which calls and events are traced. */
#ifndef TRACE_SET_H
#define TRACE_SET_H

#include "trace/trace.h"

struct set;

/* text NULL is "all". Items take effect from left to right; a SET that begins with a negation begins
 * with everything. -EINVAL with a message that suggests what was meant. */
int set_parse(const char *text, struct set **set, struct err *err);
void set_free(struct set *set);

bool set_has_call(const struct set *set, enum trace_source source, int nr, const char *module);
bool set_has_signals(const struct set *set);
bool set_has_threads(const struct set *set);
/* The first module:NAME whose NAME is none of names; NULL when all are. */
const char *set_unknown_module(const struct set *set, const char *const *names, size_t n);

#endif
