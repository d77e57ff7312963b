/* SPDX-License-Identifier: MIT
 * Refusal: int 0x80 ends the process that made it also where that shares the memory of another one: the
 * call itself never reaches the kernel.
 * status: 159
 * stderr: int 0x80
 * stdout: begin */
#include "hostile.h"

static char stack[16384] __attribute__((aligned(16)));

static void sharer(void *arg)
{
	static const char text[] = "ESCAPED\n";
	char *low = (char *)0x10000000;
	for (int i = 0; i < 8; i++)
		low[i] = text[i];
	for (;;)
		if (raw32(4 /* write */, 1, (long)low, 8) == 8)
			raw(NR_exit_group, 1, 0, 0, 0, 0, 0);
}

int main(void)
{
	say("begin");
	CHECK_IS(raw(NR_mmap, 0x10000000, 4096, 3, 0x32, -1, 0), 0x10000000);
	CHECK(task(CLONE_SHARES_MEMORY | SIGNAL_CHLD, sharer, NULL, stack, sizeof stack) > 0);
	nap_ms(3000);
	return 1;
}
