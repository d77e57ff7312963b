/* SPDX-License-Identifier: MIT
 * Refusal: a gate call is what its frame, index, slot and sequence say, all of them checked: frames outside
 * the region, misaligned ones, ones in constants, gates that are not bound, other threads' slots, numbers
 * used again are errors; the descriptors of the start are not handed out again.
 * modes: direct quiet */
#include "hostile.h"

#define GATE_COUNT 8192
#define FRAME_SIZE 0x150
enum { E_BADSEQUENCE = 22, RETURN = 1, FIRST = 16 };

static unsigned long sequence;

static long gate(long frame, long index, long number, long slot)
{
	return raw(NR_carrier, frame, index, number, slot, -1, CARRIES_GATE);
}

int main(void)
{
	static char own[2 * FRAME_SIZE] __attribute__((aligned(16)));
	struct mc_thread *self = mc_thread_self();
	const struct mc_header *header = mc_header();
	long slot = self->slot, good = (long)self->stack_low + 4096;
	const long frames[] = {
		(long)own, 0, 8, -16, good + 8, good + 1, (long)header, (long)header->table,
		(long)(header->region_base + header->region_size - 16),
		(long)(header->region_base + header->region_size), (long)header->region_base - 16,
		0x7ffffffff000, (long)0xffffffffff600000ul,
	};
	sequence = self->gate_sequence + 1000;
	for (unsigned i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		long result = gate(frames[i], FIRST, (long)sequence++, slot);
		CHECK_IS(result == -E_NOSYS ? -E_FAULT : result, -E_FAULT);
	}
	for (long index = 0; index < GATE_COUNT + 100; index += index < 64 ? 1 : 61) {
		long result = gate(good, index, (long)sequence++, slot);
		/* More than 0 are a callback's request, and descriptors that a function gives. */
		CHECK(index == FIRST || result <= 0 || raw(3 /* close */, result, 0, 0, 0, 0, 0) == 0);
	}
	for (long index = -1; index > -100000000; index *= 7)
		CHECK(gate(good, index, (long)sequence++, slot) < 0);
	/* No descriptor of the start: that is over. */
	CHECK(gate(good, 0, (long)sequence++, slot) < 0);
	CHECK(gate(good, 0, 1, -1) < 0);
	/* No callback is under way. */
	CHECK(gate(good, RETURN, (long)sequence++, slot) < 0);
	/* Slots of others, slots that are none. */
	for (long other = -2; other < 12300; other += other < 10 ? 1 : 997)
		if (other != slot)
			CHECK_IS(gate(good, FIRST, (long)sequence++, other), -E_PERM);
	CHECK_IS(gate(good, FIRST, (long)sequence++, 1l << 32 | slot), -E_PERM);
	/* Numbers that were used: the old answer or an error, not a second run. */
	CHECK(gate(good, FIRST + 4000, 1, slot) < 0);
	CHECK(gate(good, FIRST + 4000, (long)sequence - 5, slot) < 0);
	CHECK(gate(good, FIRST + 4000, -1, slot) < 0); /* the last there is: */
	CHECK(gate(good, FIRST, 5, slot) < 0);
	say("survived");
	return 0;
}
