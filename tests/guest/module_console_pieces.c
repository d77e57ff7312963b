/* SPDX-License-Identifier: MIT
 * The console module writes a buffer that is many times its own whole, and of one with a hole in it
 * what lies before the hole.
 * modes: quiet
 */
#include "check.h"
#include <microcosm/console.h>
#include <microcosm/memory.h>

int main(void)
{
	char *big = (char *)mc_memory_map(NULL, 65536, MC_MEMORY_READ | MC_MEMORY_WRITE);

	CHECK((long)big > 0);
	for (long i = 0; i < 65536; i++)
		big[i] = (char)('a' + i % 26);
	CHECK_IS(mc_memory_unmap(big + 16384, 4096), 0);
	CHECK_IS(call3(MC_NR_CONSOLE_WRITE, 1, (long)big, 20000), 16384);
	CHECK_IS(call3(MC_NR_CONSOLE_WRITE, 1, (long)(big + 16384), 10), -E_FAULT);
	return 0;
}
