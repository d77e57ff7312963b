/* SPDX-License-Identifier: MIT
 * System V's shared memory: ids of nobody, sizes without end, more segments than there may be, addresses in the
 * region and wild ones, and threads that put other files in place of what is being attached. The world's limits
 * hold, what was removed makes room again, and the region stays as it is.
 * modes: direct trap quiet traced
 * timeout: 300 */
#include "hostile.h"

enum {
	NR_shmget = 29, NR_shmat = 30, NR_shmctl = 31, NR_dup2 = 33, NR_shmdt = 67, NR_memfd_create = 319,
	REMOVE = 0, SET = 1, STAT = 2, PRIVATE = 0, CREATE = 01000, READ_ONLY = 010000, ROUND = 020000, REMAP = 040000,
	E_NOSPC = 28, SEGMENTS_MAX = 4096, RACES = 300, RACERS = 3,
};

static long get(long size)
{
	return call3(NR_shmget, PRIVATE, size, 0600);
}

static long attach(long id, unsigned long at, long flags)
{
	return call3(NR_shmat, id, (long)at, flags);
}

static long detach(unsigned long at)
{
	return call1(NR_shmdt, (long)at);
}

static long control(long id, long command, void *status)
{
	return call3(NR_shmctl, id, command, (long)status);
}

static char status[256];

/* ---- Ids, sizes, numbers ---- */

static void ids(void)
{
	static const long wild[] = { -1, 1, 4095, 4096, 0x7fffffff, 0x80000000, -4096, 0x7ffff000 };
	long id = get(4096);

	CHECK_IS(id, 0);
	CHECK_IS(get(4096), 4097); /* the next place, and the second one ever */
	CHECK_IS(control(4097, REMOVE, 0), 0);
	for (unsigned i = 0; i < sizeof wild / sizeof *wild; i++) {
		CHECK_IS(attach(wild[i], 0, 0), -E_INVAL);
		CHECK_IS(control(wild[i], STAT, status), -E_INVAL);
		CHECK_IS(control(wild[i], SET, status), -E_INVAL);
		CHECK_IS(control(wild[i], REMOVE, 0), -E_INVAL);
	}
	/* By its index: only there. */
	for (long command = 13; command <= 15; command += 2) {
		CHECK_IS(control(0, command, status), 0);
		CHECK_IS(control(4095, command, status), -E_INVAL);
		CHECK_IS(control(4096, command, status), -E_INVAL);
		CHECK_IS(control(0x7fffffff, command, status), -E_INVAL);
	}
	for (long command = 16; command < 64; command++)
		CHECK_IS(control(id, command, status), -E_INVAL);
	CHECK_IS(control(id, 11 /* SHM_LOCK */, 0), -E_PERM);
	CHECK_IS(control(id, STAT, (void *)mc_header()), -E_FAULT);
	CHECK_IS(control(id, 14 /* SHM_INFO */, (void *)mc_header()), -E_FAULT);
	CHECK_IS(control(id, REMOVE, 0), 0);
}

static void sizes(void)
{
	static const unsigned long huge[] = { -1ul, -4096ul, 1ul << 63, (1ul << 63) - 1, (1ul << 63) - 4095, 1ul << 62,
					      1ul << 47 };

	for (unsigned i = 0; i < sizeof huge / sizeof *huge; i++) {
		long r = get((long)huge[i]);
		CHECK(r == -E_INVAL || r == -E_NOMEM);
		CHECK(call3(NR_shmget, 77, (long)huge[i], CREATE | 0600 | 010000 /* SHM_NORESERVE */) < 0);
	}
	CHECK_IS(call3(NR_shmget, PRIVATE, 1l << 21, 0600 | 04000 /* SHM_HUGETLB */), -E_PERM);
	CHECK_IS(call3(NR_shmget, 77, 0, 0), -E_NOENT);
}

static void numbers(void)
{
	static int made[SEGMENTS_MAX + 1];
	long n = 0, r = 0;

	while (n <= SEGMENTS_MAX && (r = get(1)) >= 0)
		made[n++] = (int)r;
	CHECK_IS(r, -E_NOSPC);
	CHECK(n >= 64 && n <= SEGMENTS_MAX);
	/* Removed, and yet attached: they still count. */
	long at = attach(made[0], 0, 0);
	CHECK(at > 0);
	CHECK_IS(control(made[0], REMOVE, 0), 0);
	CHECK_IS(get(1), -E_NOSPC);
	CHECK_IS(detach((unsigned long)at), 0);
	made[0] = (int)get(1);
	CHECK(made[0] >= 0);
	while (n > 0)
		CHECK_IS(control(made[--n], REMOVE, 0), 0);
	/* All the machine's memory, in parts. */
	long size = 1l << 46;
	while (size > 0 && (r = get(size)) < 0)
		size /= 2;
	CHECK(size > 0);
	made[n++] = (int)r;
	while (n < 64 && (r = get(size)) >= 0)
		made[n++] = (int)r;
	CHECK(n < 64);
	CHECK_IS(r, -E_NOSPC);
	while (n > 0)
		CHECK_IS(control(made[--n], REMOVE, 0), 0);
}

/* ---- Addresses ---- */

static void addresses(void)
{
	const struct mc_header *header = mc_header();
	unsigned long base = header->region_base, end = base + header->region_size;
	/* From the fifth on what a process could map over, as by mmap, to its own harm: where something is already. */
	const unsigned long in_region[] = { base, base + 4096, base + 0x100000, base - 4096, base + 0x200000,
					    base + 0x10000000, base + 0x40000000, end - 8192 };
	long id = get(8192);

	for (unsigned i = 0; i < sizeof in_region / sizeof *in_region; i++) {
		for (long flags = 0; flags <= (REMAP | ROUND | READ_ONLY); flags += READ_ONLY) {
			if (i > 3 && (flags & REMAP) != 0)
				continue;
			long r = attach(id, in_region[i] + ((flags & ROUND) != 0 ? 5 : 0), flags);
			CHECK(r == -E_PERM || r == -E_INVAL);
		}
		CHECK_IS(detach(in_region[i]), -E_INVAL);
	}
	/* Near the end of all addresses. */
	for (unsigned long at = 1ul << 46; at != 0; at <<= 1)
		for (long off = -4096; off <= 4096; off += 4096) {
			long r = attach(id, at + (unsigned long)off, 0);
			CHECK(r < 0 || (unsigned long)r == at + (unsigned long)off);
			CHECK(r < 0 ? detach(at + (unsigned long)off) == -E_INVAL : detach((unsigned long)r) == 0);
		}
	CHECK(header->magic[0] == 'M');
	/* Whose names are like those of segments is nobody's segment. */
	long fd = call2(NR_memfd_create, (long)"sysv-0", 0);
	CHECK(fd >= 0);
	long own = raw(NR_mmap, 0, 4096, 1, 1, fd, 0);
	CHECK(own > 0);
	CHECK_IS(control(id, STAT, status), 0);
	CHECK_IS(*(long *)(status + 88), 0); /* attached */
	long named = call2(NR_memfd_create, (long)"sysv-99999999999999999999", 0);
	CHECK(raw(NR_mmap, 0, 4096, 1, 1, named, 0) > 0);
	CHECK_IS(control(id, STAT, status), 0);
	CHECK_IS(*(long *)(status + 88), 0);
	CHECK_IS(control(id, REMOVE, 0), 0);
}

/* ---- Races ---- */

static volatile int over;
static int other;

/* Whatever is open at the moment is another file, or closed. */
static long replaces(void *arg)
{
	for (long i = 0; !over; i++) {
		long fd = 3 + (i + (long)arg) % 6;
		if (fd != other)
			raw(i % 2 ? NR_dup2 : NR_close, i % 2 ? other : fd, fd, 0, 0, 0, 0);
	}
	return 0;
}

static long changes(void *arg)
{
	for (long i = 0; !over; i++) {
		long id = get(4096), at = attach(id, 0, i & 1 ? READ_ONLY : 0);
		control(id, REMOVE, 0);
		control(i & 4095, REMOVE, 0);
		if (at > 0)
			detach((unsigned long)at);
	}
	return 0;
}

static void races(void)
{
	long mates[RACERS], value, id = get(8192);

	other = (int)call2(NR_memfd_create, (long)"other", 0);
	for (long i = 0; i < RACERS; i++) {
		mates[i] = do_spawn(i == 2 ? changes : replaces, (void *)i, NULL, 16384);
		CHECK(mates[i] >= 0);
	}
	for (long i = 0; i < RACES; i++) {
		long at = attach(id, 0, i & 1 ? READ_ONLY : 0);
		CHECK(at < 0 || at >= 4096);
		if (at > 0)
			detach((unsigned long)at);
		control(id, STAT, status);
		detach(mc_header()->region_base);
		if (i % 50 == 0) { /* processes that end with something attached */
			long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
			if (pid == 0) {
				attach(id, 0, 0);
				for (;;)
					raw(NR_exit_group, 0, 0, 0, 0, 0, 0);
			}
			CHECK(pid > 0);
			raw(NR_wait4, pid, 0, 0, 0, 0, 0);
		}
	}
	over = 1;
	for (int i = 0; i < RACERS; i++)
		do_join(mates[i], &value);
	for (long i = 3; i < 16; i++)
		raw(NR_close, i, 0, 0, 0, 0, 0);
	control(id, REMOVE, 0);
	id = get(4096);
	CHECK(id >= 0);
	long at = attach(id, 0, 0);
	CHECK(at > 0);
	CHECK_IS(*(int *)at, 0);
	CHECK_IS(detach((unsigned long)at), 0);
	CHECK_IS(control(id, REMOVE, 0), 0);
}

int main(void)
{
	ids();
	sizes();
	numbers();
	addresses();
	races();
	return 0;
}
