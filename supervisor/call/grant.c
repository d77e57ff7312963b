// SPDX-License-Identifier: MIT
// Grants: kernel calls that modules let pass, while they load; compiled into the world's filter.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "world.h"

#define GRANTS_MAX 4096 /* in one call: more would not fit into a filter */

static bool rule_valid(const struct mc_rule *rule)
{
	return rule->arg <= 5 && rule->op >= MC_RULE_EQ && rule->op <= MC_RULE_MASKED;
}

static bool rules_valid(const struct mc_rule *rules, uint64_t n)
{
	unsigned seen = 0;
	for (uint64_t i = 0; i < n; i++) {
		if (!rule_valid(&rules[i]) || seen >> rules[i].arg & 1)
			return false;
		seen |= 1u << rules[i].arg;
	}
	return true;
}

/* What a module says may lie in the sealed part (constants) or in the shared part (data, stack). */
bool region_copy(const struct world *w, uint64_t address, void *out, size_t size)
{
	for (size_t i = 0; i < w->region.n_maps; i++) {
		const struct region_map *map = &w->region.maps[i];
		if (address < map->addr || address - map->addr >= map->len)
			continue;
		const void *from = region_at(&w->region, map->part, (struct gaddr){address}, size);
		if (!from)
			return false;
		memcpy(out, from, size);
		return true;
	}
	return false;
}

int64_t grant_add(struct world *w, int32_t nr, uint64_t rules, uint64_t n)
{
	if (w->sealed)
		return -EPERM;
	if (nr < 0 || nr >= (int32_t)RT_KERNEL_STUBS || n > MC_RULES_MAX)
		return -EINVAL;
	struct grant grant = {.rule = {.nr = (uint32_t)nr, .n_conditions = (uint32_t)n}};
	if (n && !region_copy(w, rules, grant.rule.conditions, n * sizeof grant.rule.conditions[0]))
		return -EFAULT;
	if (!rules_valid(grant.rule.conditions, n))
		return -EINVAL;
	if (w->n_grants == w->room_grants) {
		size_t room = w->room_grants ? 2 * w->room_grants : 256;
		struct grant *grown = realloc(w->grants, room * sizeof *grown);
		if (!grown)
			return -ENOMEM;
		w->grants = grown;
		w->room_grants = room;
	}
	w->grants[w->n_grants++] = grant;
	table_set(w, w->boot_thread, nr, table_kernel_stub(w, nr));
	return 0;
}

int64_t grant_add_all(struct world *w, uint64_t grants, uint64_t n)
{
	if (n > GRANTS_MAX)
		return -EINVAL;
	for (uint64_t i = 0; i < n; i++) {
		struct mc_grant grant;
		uint64_t at;
		if (!checked_add(grants, i * sizeof grant, &at) || !region_copy(w, at, &grant, sizeof grant))
			return -EFAULT;
		int64_t error = grant_add(w, grant.nr, (uintptr_t)grant.rules, grant.n_rules);
		if (error)
			return error;
	}
	return 0;
}

bool grant_any(const struct world *w, int32_t nr)
{
	for (size_t i = 0; i < w->n_grants; i++)
		if ((int32_t)w->grants[i].rule.nr == nr)
			return true;
	return false;
}

bool grant_condition_holds(const struct mc_rule *rule, const uint64_t args[6])
{
	uint64_t arg = args[rule->arg];
	switch (rule->op) {
	case MC_RULE_EQ: return arg == rule->value;
	case MC_RULE_NE: return arg != rule->value;
	case MC_RULE_LT: return arg < rule->value;
	case MC_RULE_LE: return arg <= rule->value;
	case MC_RULE_GE: return arg >= rule->value;
	case MC_RULE_GT: return arg > rule->value;
	case MC_RULE_MASKED: return (arg & rule->mask) == rule->value;
	default: return false;
	}
}

bool grant_allows(const struct world *w, int32_t nr, const uint64_t args[6])
{
	for (size_t i = 0; i < w->n_grants; i++) {
		const struct os_rule *rule = &w->grants[i].rule;
		if ((int32_t)rule->nr != nr)
			continue;
		bool all = true;
		for (uint32_t c = 0; c < rule->n_conditions && all; c++)
			all = grant_condition_holds(&rule->conditions[c], args);
		if (all)
			return true;
	}
	return false;
}

/* ---- The region stays where it is ----
 * What the kernel is to read there, in place of what a guest said, must be what the tracer wrote: no call
 * may take the region's mappings away, or lay others over them. Where the kernel seals mappings, guests
 * have done so before they run anything of their own; where not, the filter hands over what comes near the
 * region, and every exec pays for that, whose own mappings stop too. */

#define NR_MMAP 9
#define NR_MUNMAP 11
#define NR_MREMAP 25

static bool moves_mappings(int32_t nr)
{
	return nr == NR_MMAP || nr == NR_MUNMAP || nr == NR_MREMAP;
}

static bool outside(const struct region *region, uint64_t addr, uint64_t len)
{
	uint64_t end;
	return checked_add(addr, len, &end) && (end <= region->base || addr >= region->base + region->size);
}

bool grant_spares_region(const struct world *w, int32_t nr, const uint64_t args[6])
{
	/* Otherwise an address is a hint; too large a length is the kernel's to refuse. */
	bool hint = nr == NR_MMAP && !(args[3] & MAP_FIXED);
	return !moves_mappings(nr) || hint ||
	       (outside(&w->region, args[0], args[1]) &&
		!(nr == NR_MREMAP && args[3] & MREMAP_FIXED && !outside(&w->region, args[4], args[2])));
}

/* ---- The filter ---- */

/* Left to the tracer by the filter: mediated, traced, or its entry is no longer a kernel stub and an
 * argument rule would have to be tested twice. */
static bool filtered(const struct world *w, int32_t nr)
{
	return !call_is_mediated(nr) && (rings_grant(w, nr) ||
	       !(w->trace && trace_wants(w->trace, TRACE_LINUX, nr, "linux")));
}

static bool interposed(const struct world *w, int32_t nr)
{
	return w->table->world[nr - MC_NR_MIN] != table_kernel_stub(w, nr);
}

/* What the filter needs: a rule beside one without conditions says nothing, nor does a second of those. */
static size_t needed_rules(const struct world *w, struct os_rule *rules, bool granted[RT_KERNEL_STUBS])
{
	bool always[RT_KERNEL_STUBS] = {false};
	size_t n = 0;
	for (size_t i = 0; i < w->n_grants; i++) {
		const struct os_rule *rule = &w->grants[i].rule;
		granted[rule->nr] = true;
		if (rule->n_conditions || always[rule->nr] || !filtered(w, (int32_t)rule->nr) || rule_is_mediated(rule))
			continue;
		always[rule->nr] = true;
		rules[n++] = *rule;
	}
	for (size_t i = 0; i < w->n_grants; i++) {
		const struct os_rule *rule = &w->grants[i].rule;
		if (rule->n_conditions && !always[rule->nr] && filtered(w, (int32_t)rule->nr) && !rule_is_mediated(rule))
			rules[n++] = *rule;
	}
	return n;
}

int grant_filter(struct world *w, struct os_program *filter, struct os_program *extra,
		 struct err *err)
{
	struct os_rule *rules = calloc(w->n_grants + 1, sizeof *rules);
	uint32_t *nrs = calloc(RT_KERNEL_STUBS, sizeof *nrs);
	if (!rules || !nrs) {
		free(rules);
		free(nrs);
		return err_set(err, ENOMEM, "no memory for the filter's rules");
	}
	bool granted[RT_KERNEL_STUBS] = {false};
	size_t n = needed_rules(w, rules, granted), n_nrs = 0;
	for (int32_t nr = 0; nr < (int32_t)RT_KERNEL_STUBS; nr++)
		if (granted[nr] && (interposed(w, nr) || rings_grant(w, nr)) && filtered(w, nr))
			nrs[n_nrs++] = (uint32_t)nr;
	*extra = (struct os_program){0};
	/* What is recorded is called from sites' stubs too, whose code is as much ours. */
	uint64_t low = w->region.base + RT_OFF_KERNEL_STUBS;
	uint64_t high = w->rings ? w->region.base + RT_OFF_SITES + RT_SITES_BYTES : low + RT_KERNEL_STUBS * RT_STUB_SIZE;
	int error = os_filter_make(rules, n, filter, err);
	if (error == 0 && !os_seals_mappings())
		error = os_filter_guard(filter, w->region.base, w->region.base + w->region.size, err);
	if (error == 0 && n_nrs)
		error = os_filter_interpose(nrs, n_nrs, low, high, extra, err);
	free(rules);
	free(nrs);
	return error;
}
