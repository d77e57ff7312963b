/* SPDX-License-Identifier: MIT
 * The table of -c: for each call how often, how often in vain, and how long. */
#ifndef TRACE_SUMMARY_H
#define TRACE_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct summary;

struct summary_row {
	char name[64];
	uint64_t calls, errors;
	uint64_t total_ns;
	uint64_t median_ns; /* to within 4 % */
};

struct summary *summary_new(void);
void summary_free(struct summary *summary);
/* key tells calls apart; name, already escaped, is what the row is called. Numbers that guests make
 * up can be many: what comes after the first 500 is counted in one row, "(others)". */
void summary_add(struct summary *summary, uint64_t key, const char *name, uint64_t ns, bool error);
/* The rows, longest total first; malloc'ed. NULL when there are none (or no memory). */
struct summary_row *summary_rows(const struct summary *summary, size_t *n);

#endif
