/* SPDX-License-Identifier: MIT
 * Refusal: whatever number is called with whatever arguments, a call that has no entry is -ENOSYS, and
 * one that has does nothing to the world but return or end its own process.
 * modes: direct trap quiet
 * status: 42
 * stderr: .*
 * timeout: 120 */
#include "hostile.h"

#include <asm/errno.h>

enum { LAST = 1100, TRIES = 40, DONTWAIT = 1 };

static const struct {
	int nr;
	int refused; /* by this errno */
} listed[] = {
#define GRANT(number, ...) {number, 0},
#define MEDIATED(number, ...) {number, 0},
#define GRANT_IF(number, ...) {number, 0},
#define HANDLED(number, ...) {number, 0},
#define REFUSED(number, name, why, errnum) {number, errnum},
#include "../../modules/linux/linux_calls.def"
};

static unsigned long seed = 88172645463325252ul;

static unsigned long next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static char buffer[4096] = "/etc/passwd";

/* Numbers that mean something, pointers of every kind, rubbish. */
static long argument(void)
{
	const struct mc_header *header = mc_header();
	unsigned long r = next_random();
	switch (r >> 8 & 15) {
	case 0: return 0;
	case 1: return -1;
	case 2: return (long)(r >> 16 & 7);
	case 3: return (long)(r >> 16 & 0xfff);
	case 4: return (long)buffer;
	case 5: return (long)header->region_base + (long)(r >> 16 & 0xffffffff);
	case 6: return (long)mc_thread_self();
	case 7: return (long)header->table;
	case 8: return 1l << (r >> 16 & 63);
	case 9: return (long)0xffffffffff600000ul;
	case 10: return (long)0x8000000000000000ul;
	case 11: return 0x7ffffffff000 - (long)(r >> 16 & 0xffffff);
	case 12: return (long)(r >> 16 & 0xff) - 128;
	case 13: return 4096 << (r >> 16 & 7);
	default: return (long)next_random();
	}
}

/* Signals within the world are allowed, to the first process too; after vfork two run on one stack,
 * whatever that leads to; and newer kernels pass uretprobe and uprobe by every filter, to answer with
 * SIGILL who is not in their trampoline. */
static int left_out(int nr)
{
	return nr == 335 || nr == 336 || nr == NR_vfork || nr == NR_kill || nr == NR_tgkill || nr == 200 || nr == NR_rt_sigqueueinfo || nr == 297;
}

/* The errno of a call that has no entry, or whose entry refuses it; 0: it may do something. */
static int refusal(int nr)
{
	for (unsigned i = 0; i < sizeof listed / sizeof listed[0]; i++)
		if (listed[i].nr == nr)
			return listed[i].refused;
	return ENOSYS;
}

static void hostile_calls(int nr)
{
	int refused = refusal(nr);
	for (int i = 0; i < TRIES; i++) {
		long first = nr == NR_clone ? argument() & ~CLONE_SHARES_MEMORY : argument();
		long result = call(nr, first, argument(), argument(), argument(), argument(), argument());
		if (result == 0 && (nr == NR_clone || nr == NR_fork))
			raw(NR_exit_group, 0, 0, 0, 0, 0, 0); /* a child: no bomb */
		if (refused)
			CHECK_IS(result, -refused);
	}
}

/* The child's memory may be gone, and it may be the parent of others: what counts is that it goes. */
static void in_child(int nr)
{
	int status;
	long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		seed += (unsigned long)nr * 7919;
		hostile_calls(nr);
		for (;;)
			raw(NR_exit_group, 0, 0, 0, 0, 0, 0);
	}
	CHECK(pid > 0);
	for (int i = 0; raw(NR_wait4, pid, (long)&status, DONTWAIT, 0, 0, 0) == 0; i++) {
		if (i == 30)
			raw(NR_kill, pid, SIGNAL_KILL, 0, 0, 0, 0);
		CHECK_IS(i < 3000 ? -1 : nr, -1); /* it does not die */
		nap_ms(i < 10 ? 1 : 5);
	}
}

int main(void)
{
	for (int nr = 0; nr < LAST; nr++)
		if (left_out(nr))
			continue;
		else if (refusal(nr) == 0)
			in_child(nr);
		else
			hostile_calls(nr);
	/* What it left behind is killed with the world. */
	do_kill(MC_WORLD, 42);
	return 1;
}
