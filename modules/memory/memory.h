/* SPDX-License-Identifier: MIT
 * The memory module: pages of the calling process's own. microcosm-modules(7). */
#ifndef MICROCOSM_MEMORY_H
#define MICROCOSM_MEMORY_H

#include <microcosm.h>

#define MC_NR_MEMORY_MAP     4128
#define MC_NR_MEMORY_PROTECT 4129
#define MC_NR_MEMORY_UNMAP   4130

#define MC_MEMORY_READ  1
#define MC_MEMORY_WRITE 2
#define MC_MEMORY_EXEC  4

/* Maps len bytes (rounded up to pages) of zeroed memory, anywhere, or at addr exactly: the address,
 * -EEXIST when something is there, -ENOMEM, -EINVAL. */
static inline long mc_memory_map(void *addr, size_t len, int prot)
{
	return mc_call(MC_NR_MEMORY_MAP, (long)addr, (long)len, prot, 0, 0, 0);
}

/* Changes what may be done with mapped pages: 0, -ENOMEM, -EINVAL, -EACCES. */
static inline long mc_memory_protect(void *addr, size_t len, int prot)
{
	return mc_call(MC_NR_MEMORY_PROTECT, (long)addr, (long)len, prot, 0, 0, 0);
}

/* Unmaps whatever is mapped there: 0, -EINVAL. */
static inline long mc_memory_unmap(void *addr, size_t len)
{
	return mc_call(MC_NR_MEMORY_UNMAP, (long)addr, (long)len, 0, 0, 0, 0);
}

#endif
