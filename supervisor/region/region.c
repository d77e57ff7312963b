// SPDX-License-Identifier: MIT
// The region: two sealed memfds, the tracer's views of them, and the list of mappings that guests make.
#include "region/region.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/checked.h"
#include "rt.h"

#define PAGE 4096ull
#define BASE_ALIGN 0x200000ull

// Newer than some C libraries.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static int choose_base(uint64_t *base, bool fixed, struct err *err)
{
	*base = RT_FIXED_BASE;
	if (fixed)
		return 0;
	uint64_t number;
	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return err_sys(err, errno, "no random number for the region's address");
	*base = RT_WINDOW_LOW + number % ((RT_WINDOW_HIGH - RT_WINDOW_LOW) / BASE_ALIGN) * BASE_ALIGN;
	return 0;
}

// Not executable as a file: guests map it with PROT_EXEC, which needs no x bit. Kernels before 6.3 do
// not know the flag.
static int make_memfd(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int make_part(struct region *region, enum region_part part, struct err *err)
{
	const char *name = part == REGION_SEALED ? "microcosm-sealed" : "microcosm-shared";
	int fd = make_memfd(name);
	if (fd < 0)
		return err_sys(err, errno, "cannot make the region's memory file");
	region->fds[part] = fd;
	if (ftruncate(fd, (off_t)region->size) < 0)
		return err_sys(err, errno, "cannot give the region its size");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)
		return err_sys(err, errno, "cannot seal the region's size");
	void *view = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (view == MAP_FAILED)
		return err_sys(err, errno, "cannot map the region");
	region->views[part] = view;
	return 0;
}

static int map_fixed_parts(struct region *region, struct err *err)
{
	static const struct {
		uint64_t offset, len;
		uint32_t prot;
		enum region_part part;
		bool private;
	} parts[] = {
		{RT_OFF_HEADER, PAGE, PROT_READ, REGION_SEALED, false},
		{RT_OFF_TABLE, RT_TABLE_BYTES, PROT_READ, REGION_SEALED, true},
		{RT_OFF_STUBS, RT_STUBS_BYTES, PROT_READ | PROT_EXEC, REGION_SEALED, false},
		{RT_OFF_SITES, RT_SITES_BYTES, PROT_READ | PROT_EXEC, REGION_SEALED, false},
		{RT_OFF_SLOTS, RT_SLOTS_BYTES, PROT_READ, REGION_SEALED, false},
		{RT_OFF_HEAP, RT_HEAP_BYTES, PROT_READ | PROT_WRITE, REGION_SHARED, false},
		{RT_OFF_THREADS, RT_REGION_SIZE - RT_OFF_THREADS, PROT_READ | PROT_WRITE, REGION_SHARED,
		 false},
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct gaddr addr = {region->base + parts[i].offset};
		int r = region_map(region, addr, parts[i].len, parts[i].prot, parts[i].part, err);
		if (r < 0)
			return r;
		region->maps[region->n_maps - 1].private = parts[i].private;
	}
	return 0;
}

int region_create(struct region *region, bool fixed, struct err *err)
{
	*region = (struct region){.size = RT_REGION_SIZE, .fds = {-1, -1}};
	int r = choose_base(&region->base, fixed, err);
	if (r == 0)
		r = make_part(region, REGION_SEALED, err);
	if (r == 0)
		r = make_part(region, REGION_SHARED, err);
	region->next = region->base + RT_OFF_MODULES;
	if (r == 0)
		r = map_fixed_parts(region, err);
	if (r < 0)
		region_destroy(region);
	return r;
}

int region_seal(struct region *region, struct err *err)
{
	if (fcntl(region->fds[REGION_SEALED], F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0)
		return err_sys(err, errno, "cannot seal the region against writing");
	if (fcntl(region->fds[REGION_SHARED], F_ADD_SEALS, F_SEAL_SEAL) < 0)
		return err_sys(err, errno, "cannot seal the region's shared part");
	return 0;
}

void region_destroy(struct region *region)
{
	for (int part = REGION_SEALED; part <= REGION_SHARED; part++) {
		if (region->views[part])
			munmap(region->views[part], region->size);
		if (region->fds[part] >= 0)
			close(region->fds[part]);
		region->views[part] = NULL;
		region->fds[part] = -1;
	}
	region->n_maps = 0;
}

bool region_contains(const struct region *region, uint64_t addr, uint64_t len)
{
	return range_within(addr, len, region->base, region->base + region->size);
}

void *region_at(const struct region *region, enum region_part part, struct gaddr addr, uint64_t len)
{
	if (!region_contains(region, addr.value, len))
		return NULL;
	return region->views[part] + (addr.value - region->base);
}

int region_reserve(struct region *region, uint64_t len, uint64_t align, struct gaddr *addr,
		   struct err *err)
{
	MC_ASSERT(align >= PAGE && (align & (align - 1)) == 0);
	uint64_t start, rounded, limit = region->base + RT_OFF_HEAP;
	if (!checked_align(region->next, align, &start) || !checked_align(len, PAGE, &rounded) ||
	    !range_within(start, rounded, region->next, limit))
		return err_set(err, ENOMEM, "the region has no room for %llu bytes of modules",
			       (unsigned long long)len);
	addr->value = start;
	region->next = start + rounded;
	return 0;
}

int region_map(struct region *region, struct gaddr addr, uint64_t len, uint32_t prot,
	       enum region_part part, struct err *err)
{
	MC_ASSERT(part == REGION_SHARED || !(prot & PROT_WRITE));
	MC_ASSERT(part == REGION_SEALED || !(prot & PROT_EXEC));
	uint64_t rounded;
	if (addr.value % PAGE || len == 0 || !checked_align(len, PAGE, &rounded) ||
	    !region_contains(region, addr.value, rounded))
		return err_set(err, EINVAL, "a mapping of %llu bytes at 0x%llx is not in the region",
			       (unsigned long long)len, (unsigned long long)addr.value);
	for (size_t i = 0; i < region->n_maps; i++) {
		const struct region_map *map = &region->maps[i];
		if (addr.value < map->addr + map->len && map->addr < addr.value + rounded)
			return err_set(err, EEXIST, "two mappings overlap at 0x%llx in the region",
				       (unsigned long long)addr.value);
	}
	if (region->n_maps == REGION_MAPS_MAX)
		return err_set(err, ENOMEM, "the modules need more than %d mappings", REGION_MAPS_MAX);
	region->maps[region->n_maps++] = (struct region_map){
		.addr = addr.value, .len = rounded, .prot = prot, .part = part};
	return 0;
}
