// SPDX-License-Identifier: MIT
// The slots that patched sites jump by, each with a stub of its own. A process has those that its code jumps
// by; the same site of another one, at the same address, has the same slot.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "call/patch.h"

#define BUCKETS 1024
#define NONE UINT16_MAX

struct slots {
	struct slot {
		uint64_t return_to;
		uint32_t users; /* processes */
		uint8_t mov[ARCH_SITE_CHANGED];
		uint16_t next;  /* in the same bucket, or unused too */
	} all[RT_SITE_COUNT];
	size_t n; /* of these, those that were ever in use */
	uint16_t buckets[BUCKETS], unused;
};

_Static_assert(RT_SITE_COUNT * RT_SITE_SIZE <= RT_SITES_BYTES, "a stub for each slot");
_Static_assert(RT_SITE_COUNT < NONE, "an index for each slot");
_Static_assert(RT_SLOTS_ADDR >> 16 == 0x050f, "the bytes 0f 05");

struct slots *slots_new(void)
{
	struct slots *slots = calloc(1, sizeof *slots);
	if (!slots)
		return NULL;
	memset(slots->buckets, 0xff, sizeof slots->buckets);
	slots->unused = NONE;
	return slots;
}

static uint16_t *bucket_of(struct slots *slots, uint64_t return_to)
{
	return &slots->buckets[return_to * 0x9e3779b97f4a7c15ull >> 54];
}

static uint32_t slot_address(size_t index)
{
	return (uint32_t)(RT_SLOTS_ADDR + 8 * index);
}

static void stub_write(struct world *w, size_t index, const uint8_t *mov, uint64_t return_to)
{
	uint64_t stub = w->region.base + RT_OFF_SITES + index * RT_SITE_SIZE;
	uint64_t slot = w->region.base + RT_OFF_SLOTS + 8 * index;
	uint8_t *code = region_at(&w->region, REGION_SEALED, (struct gaddr){stub}, RT_SITE_SIZE);
	if (w->rings)
		arch_site_stub_ring(code, stub, mov, return_to, w->rt.site_ring, w->rt.site_recorded);
	else
		arch_site_stub(code, stub, mov, return_to, w->rt.site);
	memcpy(region_at(&w->region, REGION_SEALED, (struct gaddr){slot}, sizeof stub), &stub, sizeof stub);
}

static uint16_t slot_find(struct slots *slots, const uint8_t *mov, uint64_t return_to)
{
	uint16_t index = *bucket_of(slots, return_to);
	while (index != NONE && (slots->all[index].return_to != return_to ||
				 memcmp(slots->all[index].mov, mov, ARCH_SITE_CHANGED) != 0))
		index = slots->all[index].next;
	return index;
}

static uint16_t slot_make(struct world *w, const uint8_t *mov, uint64_t return_to)
{
	struct slots *slots = w->slots;
	uint16_t index = slots->unused, *bucket = bucket_of(slots, return_to);
	if (index != NONE)
		slots->unused = slots->all[index].next;
	else if (slots->n < RT_SITE_COUNT)
		index = (uint16_t)slots->n++;
	else
		return NONE;
	slots->all[index] = (struct slot){.return_to = return_to, .next = *bucket};
	memcpy(slots->all[index].mov, mov, ARCH_SITE_CHANGED);
	*bucket = index;
	stub_write(w, index, mov, return_to);
	return index;
}

static void slot_release(struct slots *slots, uint16_t index)
{
	struct slot *slot = &slots->all[index];
	if (--slot->users)
		return;
	uint16_t *at = bucket_of(slots, slot->return_to);
	while (*at != index)
		at = &slots->all[*at].next;
	*at = slot->next;
	slot->next = slots->unused;
	slots->unused = index;
}

static bool holds(const struct process *p, size_t index)
{
	for (size_t i = 0; i < p->n_sites; i++)
		if (p->sites[i] == index)
			return true;
	return false;
}

static bool keep(struct slots *slots, struct process *p, uint16_t index)
{
	if (p->n_sites == p->room_sites) {
		size_t room = p->room_sites ? 2 * p->room_sites : 16;
		uint16_t *grown = realloc(p->sites, room * sizeof *grown);
		if (!grown)
			return false;
		p->sites = grown;
		p->room_sites = room;
	}
	p->sites[p->n_sites++] = index;
	slots->all[index].users++;
	return true;
}

uint32_t slots_take(struct world *w, struct process *p, const uint8_t mov[ARCH_SITE_CHANGED], uint64_t return_to)
{
	uint16_t index = slot_find(w->slots, mov, return_to);
	if (index != NONE && holds(p, index))
		return slot_address(index);
	if (index == NONE)
		index = slot_make(w, mov, return_to);
	if (index == NONE)
		return 0;
	if (!keep(w->slots, p, index)) {
		w->slots->all[index].users++;
		slot_release(w->slots, index);
		return 0;
	}
	return slot_address(index);
}

void slots_restore(const struct world *w, const struct process *p, uint64_t page, uint8_t *bytes)
{
	for (size_t i = 0; i < p->n_sites; i++) {
		const struct slot *slot = &w->slots->all[p->sites[i]];
		uint64_t at = slot->return_to - ARCH_SITE_BYTES - page;
		if (at <= CODE_PAGE - ARCH_SITE_CHANGED)
			arch_site_restore(bytes + at, slot_address(p->sites[i]), slot->mov);
	}
}

/* ---- Processes ---- */

int patch_inherit(struct world *w, struct process *child, const struct process *parent)
{
	for (size_t i = 0; i < parent->n_sites; i++)
		if (!keep(w->slots, child, parent->sites[i]))
			return -ENOMEM;
	return 0;
}

void patch_forget(struct world *w, struct process *p)
{
	for (size_t i = 0; i < p->n_sites; i++)
		slot_release(w->slots, p->sites[i]);
	free(p->sites);
	p->sites = NULL;
	p->n_sites = p->room_sites = 0;
	memset(p->code, 0, sizeof p->code);
}
