/* SPDX-License-Identifier: MIT
 * The calls of the test module raw.c. */
#ifndef RAW_H
#define RAW_H

enum {
	RAW_SETLOCALE = 5500, /* a pointer into the host process's memory */
	RAW_ATOL,             /* of a0, whatever that is */
};

#endif
