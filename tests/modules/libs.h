/* SPDX-License-Identifier: MIT
 * The calls of the test module libs.c: functions of the host's libm, libc and zlib. */
#ifndef LIBS_H
#define LIBS_H

#include <microcosm.h>

enum {
	LIBS_POW = 5400,   /* pow of the doubles at a0 and a1, to a2 */
	LIBS_SNPRINTF,     /* formats integers, strings, doubles, more than fit registers; text to a0, a1 bytes */
	LIBS_QSORT,        /* sorts a1 ints at a0, comparator in the module; the calls of it */
	LIBS_CRC32,        /* of a1 bytes at a0 */
	LIBS_COMPRESS,     /* a1 bytes at a0 to a2 with room for a3; the compressed size */
	LIBS_UNCOMPRESS,   /* the other way */
	LIBS_ERRNO,        /* of a close(-1) in the host process: result * 1000 + errno */
	LIBS_NESTED,       /* a qsort whose comparator calls qsort, to depth a0; comparisons */
	LIBS_SQRT_INSIDE,  /* pow through MC_FP while the caller's vector state counts: a0 squared */
};

#endif
