/* SPDX-License-Identifier: MIT
 * A module whose initialiser faults.
 */
#include "check.h"

__attribute__((constructor)) static void start(void)
{
	*(volatile int *)16 = 1;
}
