/* SPDX-License-Identifier: MIT
 * mc_copy_in, mc_copy_out and mc_copy_in_string are 0 or -EFAULT where the guest's memory is not mapped or
 * not permitted, whatever the address; strings that do not end are -ENAMETOOLONG.
 * modules: probe
 */
#include "check.h"
#include "probe.h"

static char text[8192] __attribute__((aligned(4096)));
static const char constant[16] = "constant";

int main(void)
{
	static const unsigned long bad[] = {0, 8, 0x123456789000, 0x7fffffffe000, 0x7ffffffff000, 0x800000000000,
					    0xffff800000000000, 0xffffffffff600000, 0xfffffffffffff000, ~0ul - 7};
	char *pages = (char *)mc_syscall(NR_mmap, 0, 8192, 3, 0x22, -1, 0);
	for (int i = 0; i < 8192; i++)
		pages[i] = 'a';
	CHECK_IS(mc_syscall(NR_mprotect, (long)pages + 4096, 4096, 0, 0, 0, 0), 0);
	CHECK_IS(call2(PROBE_COPY_IN, (long)text, 4095), 0);
	CHECK_IS(call2(PROBE_COPY_OUT, (long)text, 4000), 0);
	CHECK_IS(text[0], 'o');
	CHECK_IS(text[3999], 'o');
	CHECK_IS(text[4000], 0);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		CHECK_IS(call2(PROBE_COPY_IN, (long)bad[i], 8), -E_FAULT);
		CHECK_IS(call2(PROBE_COPY_OUT, (long)bad[i], 8), -E_FAULT);
		CHECK_IS(call2(PROBE_COPY_STRING, (long)bad[i], 8), -E_FAULT);
		CHECK_IS(call2(PROBE_COPY_IN, (long)bad[i], 0), 0);
	}
	CHECK_IS(call2(PROBE_COPY_IN, (long)pages + 4090, 6), 0);
	CHECK_IS(call2(PROBE_COPY_IN, (long)pages + 4090, 7), -E_FAULT);
	CHECK_IS(call2(PROBE_COPY_OUT, (long)pages + 4090, 7), -E_FAULT);
	CHECK_IS(call2(PROBE_COPY_OUT, (long)constant, 4), -E_FAULT); /* read-only */
	CHECK_IS(constant[0], 'c');
	CHECK_IS(call2(PROBE_COPY_STRING, (long)constant, 100), 8);
	CHECK_IS(call2(PROBE_COPY_STRING, (long)constant, 8), -E_NAMETOOLONG);
	CHECK_IS(call2(PROBE_COPY_STRING, (long)"", 1), 0);
	CHECK_IS(call2(PROBE_COPY_STRING, (long)pages + 4000, 4095), -E_FAULT);
	pages[4095] = 0;
	CHECK_IS(call2(PROBE_COPY_STRING, (long)pages + 4000, 4095), 95);
	/* The stack is guest memory like any other. */
	char local[64];
	CHECK_IS(call2(PROBE_COPY_OUT, (long)local, sizeof local), 0);
	CHECK_IS(local[63], 'o');
	return 0;
}
