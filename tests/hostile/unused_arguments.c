/* SPDX-License-Identifier: MIT
 * What lies in argument registers that a call does not have is nobody's business: a program's pointers may by
 * chance be addresses of the host process's memory, here by trying them all.
 * modes: trap quiet
 * timeout: 120 */
#include "hostile.h"

enum { NR_openat = 257, CWD = -100 };

/* Of what the host process has at least: a thread's heap, which is as large and aligned to that. */
#define STEP (64l << 20)

int main(void)
{
	for (long value = 0x7e0000000000; value < 0x7fff00000000; value += STEP)
		CHECK_IS(raw(NR_openat, CWD, (long)"none", 0, 0, value + 64, value + 64), -E_NOENT);
	return 0;
}
