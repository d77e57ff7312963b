/* SPDX-License-Identifier: MIT
 * Refusal: what a guest writes over thread structures and handler stacks misleads it alone: the
 * supervisor serves it by its own record, and ends the world when it is told to.
 * modes: direct trap quiet
 * stderr: .*
 * status: 6
 * timeout: 300 */
#include "hostile.h"

static unsigned long seed = 2463534242;

static unsigned long next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static long idles(void *arg)
{
	for (;;)
		raw(NR_pause, 0, 0, 0, 0, 0, 0);
	return 0;
}

static long handler(long a, long b, long c, long d, long e, long f)
{
	return a;
}

/* Its structure, and its handler stack's top, full of rubbish; then whatever the core has. */
static void scribbles(long kind)
{
	struct mc_thread *self = mc_thread_self();
	long mate = do_spawn(idles, NULL, NULL, 0);
	unsigned char *from = kind & 1 ? (unsigned char *)self : (unsigned char *)self->stack_high - 4096;
	size_t n = kind & 1 ? sizeof *self : 4096;
	for (size_t i = 0; i < n; i++)
		if (next_random() % 4 == 0)
			from[i] = (unsigned char)next_random();
	if (kind & 2)
		((struct mc_thread *)((char *)self + 0x40000))->depth = 77; /* the mate's */
	if (kind & 4)
		self->depth = kind & 8 ? 1 : 0x80000000;
	if (kind & 16)
		self->pending = 1;
	do_register(7000, handler);
	raw(7000, 1, 2, 3, 4, 5, 6);
	raw((unsigned)MC_SYS_THREAD_KILL, mate, 0, 0, 0, 0, 0);
	raw(NR_fork, 0, 0, 0, 0, 0, 0);
	raw((unsigned)MC_SYS_THREAD_EXPAND, 0, 1, 0, 0, 0, 0);
	raw(NR_exit_group, 0, 0, 0, 0, 0, 0);
}

int main(void)
{
	int status;
	for (long kind = 0; kind < 64; kind++) {
		seed += (unsigned long)kind;
		long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
		if (pid == 0)
			scribbles(kind);
		CHECK(pid > 0);
		for (int i = 0; raw(NR_wait4, pid, (long)&status, 1, 0, 0, 0) == 0; i++) {
			if (i > 400)
				break; /* it waits for its own handler to return: it said so itself */
			nap_ms(1);
		}
	}
	/* Our own last: the order to end is the kernel call's registers. */
	struct mc_thread *self = mc_thread_self();
	for (size_t i = 0; i < sizeof *self; i++)
		((volatile char *)self)[i] = (char)next_random();
	raw((unsigned)MC_SYS_THREAD_KILL, MC_WORLD, 6, 0, 0, 0, 0);
	return 1;
}
