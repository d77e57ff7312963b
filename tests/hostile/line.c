/* SPDX-License-Identifier: MIT
 * Refusal: whatever stands in a line is a gate call of the thread that the line belongs to, checked as any
 * other. Lines of threads that call, of ones that do not, and of nobody are written over all the time, with
 * numbers that make sense and with rubbish: the writers and their victims may get anything for it, the
 * supervisor goes on, and a thread whose line is left alone gets what it asks for.
 * modules: host
 * modes: direct quiet
 * stderr: ^survived$
 * timeout: 120 */
#include "hostile.h"
#include "host.h"

enum { SLOT_BYTES = 0x40000, SLOTS = 24, LINE = 0x80, FIRST = 16, CHILDREN = 3 };

struct line {
	unsigned short spins, unused;
	unsigned index;
	unsigned long frame, sequence, done;
};

static unsigned long seed = 88172645463325252;

static unsigned long next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Structures of slots above the caller's; the first process has the lowest. */
static struct mc_thread *structure_of(struct mc_thread *lowest, unsigned i)
{
	return (struct mc_thread *)((char *)lowest + (i + 1ul) * SLOT_BYTES);
}

static void scribble(struct mc_thread *lowest)
{
	struct mc_thread *t = structure_of(lowest, (unsigned)(next_random() % SLOTS));
	volatile struct line *line = (volatile struct line *)((char *)t + LINE);
	unsigned long kind = next_random(), frames = (unsigned long)t - SLOT_BYTES / 4;
	line->index = kind & 1 ? (unsigned)(FIRST + next_random() % 64) : (unsigned)next_random();
	line->frame = kind & 2 ? frames & ~15ul : kind & 4 ? (unsigned long)lowest : next_random();
	line->sequence = kind & 8 ? t->gate_sequence + kind / 16 % 4 : kind & 16 ? line->sequence + 1 : next_random();
	if (kind & 32)
		line->spins = (unsigned short)next_random();
	if (kind & 64)
		line->done = line->sequence * 4 + kind / 128 % 3;
}

static long scribbles(void *lowest)
{
	for (;;)
		scribble(lowest);
}

/* Not with CHECK: what it gets may be wrong. */
static void be_child(struct mc_thread *lowest)
{
	do_spawn(scribbles, lowest, NULL, 0);
	for (long i = 0;; i++)
		call1(HOST_ECHO, i);
}

int main(void)
{
	struct mc_thread *self = mc_thread_self();
	long pids[CHILDREN];
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < CHILDREN; i++) {
			seed += 77;
			pids[i] = raw(NR_fork, 0, 0, 0, 0, 0, 0);
			if (pids[i] == 0)
				be_child(self);
			CHECK(pids[i] > 0);
		}
		for (long i = 0; i < 5000; i++)
			CHECK_IS(call1(HOST_ECHO, i), i);
		for (int i = 0; i < CHILDREN; i++) {
			raw(NR_kill_, pids[i], SIGNAL_KILL, 0, 0, 0, 0);
			CHECK_IS(raw(NR_wait4, pids[i], 0, 0, 0, 0, 0), pids[i]);
		}
	}
	check_print(2, "survived\n", 9); /* beside what is said of the others, if they faulted */
	return 0;
}
