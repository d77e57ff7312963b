/* SPDX-License-Identifier: MIT
 * The memory module maps, protects and unmaps the caller's pages, and nothing of the region.
 */
#include "check.h"
#include <microcosm/memory.h>

#define E_EXIST 17
#define READ_WRITE (MC_MEMORY_READ | MC_MEMORY_WRITE)

static long map(long addr, long len, long prot)
{
	return call3(MC_NR_MEMORY_MAP, addr, len, prot);
}

int main(void)
{
	const struct mc_header *header = mc_header();
	long base = (long)header->region_base, size = (long)header->region_size;
	char *p = (char *)map(0, 10000, READ_WRITE);

	CHECK((long)p > 0 && (long)p % 4096 == 0);
	CHECK_IS(p[0], 0);
	p[9999] = 1;
	CHECK_IS(map((long)p, 4096, READ_WRITE), -E_EXIST);
	CHECK_IS(call3(MC_NR_MEMORY_PROTECT, (long)p, 4096, MC_MEMORY_READ), 0);
	CHECK_IS(call2(MC_NR_MEMORY_UNMAP, (long)p + 4096, 8192), 0);
	CHECK_IS(map((long)p + 4096, 4096, READ_WRITE), (long)p + 4096);
	CHECK_IS(call3(MC_NR_MEMORY_PROTECT, (long)p + 8192, 4096, 0), -E_NOMEM);

	CHECK_IS(map(0, 0, READ_WRITE), -E_INVAL);
	CHECK_IS(map(0, 4096, 8), -E_INVAL);
	CHECK_IS(map(0, 4096, 1l << 32), -E_INVAL);
	CHECK_IS(map(base, 4096, READ_WRITE), -E_INVAL);
	CHECK_IS(call3(MC_NR_MEMORY_PROTECT, base + size - 4096, 8192, READ_WRITE), -E_INVAL);
	CHECK_IS(call2(MC_NR_MEMORY_UNMAP, base - 4096, 8192), -E_INVAL);
	CHECK_IS(call2(MC_NR_MEMORY_UNMAP, 4096, base + size), -E_INVAL);
	CHECK_IS(call2(MC_NR_MEMORY_UNMAP, -4096, 8192), -E_INVAL);
	return 0;
}
