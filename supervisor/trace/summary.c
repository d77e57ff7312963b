// SPDX-License-Identifier: MIT
// The table of -c. Times go into buckets whose width grows with the time, so that a median takes a
// fixed amount of memory however many calls there are.
#include "trace/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 500
#define SLOTS 2048 /* of the hash, a power of two */
#define SUB_BITS 4 /* 16 buckets for each power of two: a bucket's middle is off by 1/32 at most */
#define SUBS (1u << SUB_BITS)
#define POWERS 40u /* the last takes everything longer: 2^43 ns are two hours */
#define BUCKETS (POWERS * SUBS)

struct entry {
	uint64_t key;
	struct summary_row row;
	uint32_t buckets[BUCKETS];
};

struct summary {
	struct entry *slots[SLOTS];
	struct entry *others;
	size_t n;
};

/* Below SUBS one bucket for each value; above, the SUB_BITS bits after the highest choose. */
static unsigned bucket_of(uint64_t ns)
{
	if (ns < SUBS)
		return (unsigned)ns;
	unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - SUB_BITS;
	unsigned bucket = (shift + 1) * SUBS + (unsigned)((ns >> shift) & (SUBS - 1));
	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static uint64_t bucket_middle(unsigned bucket)
{
	if (bucket < SUBS)
		return bucket;
	unsigned shift = bucket / SUBS - 1;
	uint64_t low = (uint64_t)(SUBS + bucket % SUBS) << shift;
	return low + ((uint64_t)1 << shift) / 2;
}

struct summary *summary_new(void)
{
	return calloc(1, sizeof(struct summary));
}

void summary_free(struct summary *summary)
{
	if (!summary)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(summary->slots[i]);
	free(summary->others);
	free(summary);
}

static struct entry *entry_new(uint64_t key, const char *name)
{
	struct entry *entry = calloc(1, sizeof *entry);
	if (entry) {
		entry->key = key;
		snprintf(entry->row.name, sizeof entry->row.name, "%s", name);
	}
	return entry;
}

static struct entry *entry_find(struct summary *summary, uint64_t key, const char *name)
{
	size_t slot = (key * 0x9e3779b97f4a7c15ull >> 32) % SLOTS;
	for (; summary->slots[slot]; slot = (slot + 1) % SLOTS)
		if (summary->slots[slot]->key == key)
			return summary->slots[slot];
	struct entry **place = &summary->slots[slot];
	if (summary->n >= ROWS_MAX) {
		place = &summary->others;
		name = "(others)";
	}
	if (!*place) {
		*place = entry_new(key, name);
		summary->n += *place != NULL;
	}
	return *place;
}

void summary_add(struct summary *summary, uint64_t key, const char *name, uint64_t ns, bool error)
{
	struct entry *entry = entry_find(summary, key, name);
	if (!entry)
		return;
	entry->row.calls++;
	entry->row.errors += error;
	if (__builtin_add_overflow(entry->row.total_ns, ns, &entry->row.total_ns))
		entry->row.total_ns = UINT64_MAX;
	uint32_t *bucket = &entry->buckets[bucket_of(ns)];
	*bucket += *bucket != UINT32_MAX;
}

static uint64_t median(const struct entry *entry)
{
	uint64_t seen = 0, all = 0;
	for (unsigned i = 0; i < BUCKETS; i++)
		all += entry->buckets[i];
	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += entry->buckets[i];
		if (seen && seen * 2 >= all)
			return bucket_middle(i);
	}
	return 0;
}

static int by_total(const void *left, const void *right)
{
	const struct summary_row *a = left, *b = right;
	if (a->total_ns != b->total_ns)
		return a->total_ns < b->total_ns ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void row_add(struct summary_row *rows, size_t *n, const struct entry *entry)
{
	if (!entry)
		return;
	rows[*n] = entry->row;
	rows[*n].median_ns = median(entry);
	++*n;
}

struct summary_row *summary_rows(const struct summary *summary, size_t *n)
{
	*n = 0;
	if (!summary->n)
		return NULL;
	struct summary_row *rows = calloc(ROWS_MAX + 1, sizeof *rows);
	if (!rows)
		return NULL;
	for (size_t i = 0; i < SLOTS; i++)
		row_add(rows, n, summary->slots[i]);
	row_add(rows, n, summary->others);
	qsort(rows, *n, sizeof *rows, by_total);
	return rows;
}
