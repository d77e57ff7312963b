/* SPDX-License-Identifier: MIT
 * The kernel calls that grants.c grants with one rule each on the first argument, and its own calls. Each
 * takes a descriptor: with one that is not open it answers -EBADF, when it passes. */
#ifndef GRANTS_H
#define GRANTS_H

#include <microcosm.h>

enum {
	NR_GRANT_EQ = 5,      /* fstat: == 5 */
	NR_GRANT_NE = 8,      /* lseek: != 5 */
	NR_GRANT_LT = 74,     /* fsync: < 5 */
	NR_GRANT_LE = 75,     /* fdatasync: <= 5 */
	NR_GRANT_GE = 51,     /* getsockname: >= 5 */
	NR_GRANT_GT = 32,     /* dup: > 5 */
	NR_GRANT_MASKED = 77, /* ftruncate: 0x20..0x2f */
	NR_GRANT_TWO = 221,   /* fadvise64: 100 and second >= 7, or 200 */
	NR_GRANT_WIDE = 138,  /* fstatfs: 0x500000005, all 64 bits */
	GRANTS_NOTED = 5600,
	GRANTS_STUB,          /* the stub of NR_GRANT_EQ, called by the module */
};

#endif
