/* SPDX-License-Identifier: MIT
 * The region: memory at the same address in every process of a world, in two memfds of the same size.
 * Every page belongs to one of them, at the offset that it has in the region: the sealed part, which
 * no guest can write, or the shared part. The tracer writes to both through views of its own, which
 * lie anywhere; guests and the host process map the list `maps`. */
#ifndef REGION_REGION_H
#define REGION_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* An address in a guest. Not to be dereferenced: go through the region's views. */
struct gaddr {
	uint64_t value;
};

enum region_part { REGION_SEALED, REGION_SHARED };

/* A mapping as guests have it. The host process maps the same list without PROT_EXEC. */
struct region_map {
	uint64_t addr;    /* page aligned, absolute */
	uint64_t len;     /* bytes, whole pages */
	uint32_t prot;    /* PROT_*; never PROT_WRITE in the sealed part */
	uint32_t private; /* 1: MAP_PRIVATE (the table), else MAP_SHARED */
	enum region_part part;
};

#define REGION_MAPS_MAX 512

struct region {
	uint64_t base;
	uint64_t size;
	int fds[2];        /* memfds by part */
	uint8_t *views[2]; /* the tracer's writable views by part, `size` bytes each */
	uint64_t next;     /* first free address of the module zone */
	size_t n_maps;
	struct region_map maps[REGION_MAPS_MAX];
};

/* Makes both memfds, the views, the header's and the table's mappings and those of stubs, heap and
 * threads. fixed: at RT_FIXED_BASE, else at a random place of the window. */
int region_create(struct region *region, bool fixed, struct err *err);
/* Applies the seals: from now on nobody can map the sealed part writable; the views stay. */
int region_seal(struct region *region, struct err *err);
void region_destroy(struct region *region);

/* The tracer's pointer to [addr, addr + len) in one part; NULL when it is not all in the region.
 * Bytes of the shared part change under the reader: copy once, then check. */
void *region_at(const struct region *region, enum region_part part, struct gaddr addr, uint64_t len);
bool region_contains(const struct region *region, uint64_t addr, uint64_t len);

/* Takes len bytes (rounded up to whole pages) of the module zone; align is a power of two >= 4096.
 * -ENOMEM when the zone is full. Nothing is mapped yet. */
int region_reserve(struct region *region, uint64_t len, uint64_t align, struct gaddr *addr,
		   struct err *err);
/* Adds a mapping to the list; the range must lie in the region and in no other mapping. */
int region_map(struct region *region, struct gaddr addr, uint64_t len, uint32_t prot,
	       enum region_part part, struct err *err);

#endif
