/* SPDX-License-Identifier: MIT
 * GS belongs to Microcosm: ARCH_SET_GS is -EPERM; FS is the guest's, kept around handlers and different in
 * each thread.
 * modules: probe
 */
#include "check.h"
#include "probe.h"

static unsigned long fs_of(void)
{
	unsigned long base = 0;
	CHECK_IS(mc_syscall(NR_arch_prctl, 0x1003, (long)&base, 0, 0, 0, 0), 0);
	return base;
}

static long own(long a, long b, long c, long d, long e, long f)
{
	unsigned long word;
	__asm__ volatile("mov %%fs:0, %0" : "=r"(word));
	return (long)word;
}

static long thread(void *arg)
{
	unsigned long block[2] = {(unsigned long)arg, 0};
	CHECK_IS(call2(NR_arch_prctl, 0x1002, (long)block), 0);
	for (int i = 0; i < 50; i++) {
		CHECK_IS(call0(5000), arg);
		CHECK_IS(fs_of(), block);
		CHECK_IS(call1(PROBE_DEPTH, 2), 3);
	}
	return 0;
}

int main(void)
{
	struct mc_thread *t = mc_thread_self();
	do_register(5000, own);
	CHECK_IS(call2(NR_arch_prctl, 0x1001, 0x1000), -E_PERM);
	CHECK_IS(mc_syscall(NR_arch_prctl, 0x1001, 0x1000, 0, 0, 0, 0), -E_PERM);
	CHECK_IS(mc_thread_self(), t);
	long ids[4];
	for (long i = 0; i < 4; i++)
		ids[i] = do_spawn(thread, (void *)(i + 70), NULL, 0);
	for (int i = 0; i < 4; i++)
		CHECK_IS(do_join(ids[i], NULL), 0);
	return 0;
}
