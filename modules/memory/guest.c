/* SPDX-License-Identifier: MIT
 * The memory module: kernel calls that are granted for anonymous private pages. Ranges that touch
 * the region are refused: nothing else would keep a caller from unmapping what it runs on. */
#include "../start.h"
#include "memory.h"

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/mman.h>

#define PROT_ALL (MC_MEMORY_READ | MC_MEMORY_WRITE | MC_MEMORY_EXEC)
#define MAP_OWN (MAP_PRIVATE | MAP_ANONYMOUS)

static mc_fn mmap_stub, mprotect_stub, munmap_stub;

static int touches_region(unsigned long addr, unsigned long len)
{
	const struct mc_header *header = mc_header();
	unsigned long end;

	if (__builtin_add_overflow(addr, len, &end))
		return 1;
	return addr < header->region_base + header->region_size && end > header->region_base;
}

static long memory_map(long addr, long len, long prot, long a3, long a4, long a5)
{
	(void)a3, (void)a4, (void)a5;
	if ((prot & ~(long)PROT_ALL) != 0 || touches_region((unsigned long)addr, (unsigned long)len))
		return -EINVAL;
	return mmap_stub(addr, len, prot, addr == 0 ? MAP_OWN : MAP_OWN | MAP_FIXED_NOREPLACE, -1, 0);
}

static long memory_protect(long addr, long len, long prot, long a3, long a4, long a5)
{
	(void)a3, (void)a4, (void)a5;
	if ((prot & ~(long)PROT_ALL) != 0 || touches_region((unsigned long)addr, (unsigned long)len))
		return -EINVAL;
	return mprotect_stub(addr, len, prot, 0, 0, 0);
}

static long memory_unmap(long addr, long len, long a2, long a3, long a4, long a5)
{
	(void)a2, (void)a3, (void)a4, (void)a5;
	if (touches_region((unsigned long)addr, (unsigned long)len))
		return -EINVAL;
	return munmap_stub(addr, len, 0, 0, 0, 0);
}

static const struct mc_rule map_anywhere[] = {
	RULE_LE(2, PROT_ALL), RULE_EQ(3, MAP_OWN), RULE_EQ(4, -1)
};
static const struct mc_rule map_there[] = {
	RULE_LE(2, PROT_ALL), RULE_EQ(3, MAP_OWN | MAP_FIXED_NOREPLACE), RULE_EQ(4, -1)
};
static const struct mc_rule protect[] = { RULE_LE(2, PROT_ALL) };

static const struct mc_grant grants[] = {
	{ __NR_mmap, 3, map_anywhere },
	{ __NR_mmap, 3, map_there },
	{ __NR_mprotect, 1, protect },
	{ __NR_munmap, 0, NULL },
};

static const struct mc_entry calls[] = {
	{ MC_NR_MEMORY_MAP, memory_map },
	{ MC_NR_MEMORY_PROTECT, memory_protect },
	{ MC_NR_MEMORY_UNMAP, memory_unmap },
};

MODULE_INIT memory_init(void)
{
	start(grants, COUNT(grants), calls, COUNT(calls));
	mmap_stub = mc_get(__NR_mmap);
	mprotect_stub = mc_get(__NR_mprotect);
	munmap_stub = mc_get(__NR_munmap);
}
