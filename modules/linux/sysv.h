/* SPDX-License-Identifier: MIT
 * What the two halves of the linux module say to each other about System V's shared memory. Results are
 * >= 0 or -errno. Ids and permissions are within a world, whose processes all belong to one user: the half in
 * the guest is believed who it is and what it may do. */
#ifndef LINUX_SYSV_H
#define LINUX_SYSV_H

#include <stddef.h>
#include <stdint.h>

/* A mapping of what was attached at an address. */
struct sysv_piece {
	uint64_t at, end; /* the next one begins at `end` or behind it; 0 at first */
	uint64_t file;    /* which all of them are of; 0 at first */
};

struct sysv_status; /* struct shmid64_ds, which the two halves get from different headers */

/* The gates. `wanted` has rwx, as the bits of a mode's last digit, 0 for who may everything. */
#pragma GCC visibility push(default)

/* The id of the segment; uid and gid are its maker's, if it is made. */
long sysv_get(uint32_t key, uint64_t size, int flags, unsigned wanted, uint32_t uid, uint32_t gid);
/* The answer is a descriptor of the segment's memory, close-on-exec; stores how large that is. */
long sysv_attach(int id, unsigned wanted, int read_only, uint64_t *size);
/* Stores the next of the caller's mappings that were attached at the address; -EINVAL: there is none. */
long sysv_detach(uint64_t address, struct sysv_piece *next);
/* The id. By the segment's index where by_index is not 0. */
long sysv_stat(int id, int by_index, unsigned wanted, struct sysv_status *to);
long sysv_set(int id, unsigned mode, uint32_t uid, uint32_t gid);
long sysv_remove(int id);
/* 0 where there is such a segment. */
long sysv_check(int id);
/* The highest index. Stores struct shminfo64, limits, or struct shm_info, what is in use. */
long sysv_limits(void *to);
long sysv_usage(void *to);

#pragma GCC visibility pop

#endif
