/* SPDX-License-Identifier: MIT
 * What the runtime's C and its assembly share, and what the tracer fills in. */
#ifndef MC_RT_GUEST_H
#define MC_RT_GUEST_H

#include "rt.h"

struct rt_config {
	uint64_t header;
	uint64_t table_zero; /* address of the table's entry for number 0 */
	uint64_t region_base, region_size;
	uint64_t entry;
	uint64_t xsave_mask, xsave_size;
	uint64_t stubs; /* of core and kernel calls */
	uint64_t recorded; /* --trace-ring: address of the byte for number 0 */
};

#define MC_HEADER_VDSO 1u /* header flags: the vDSO stays, since a clock call is granted */

_Static_assert(offsetof(struct rt_config, table_zero) == 0x08, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_config, region_base) == 0x10, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_config, region_size) == 0x18, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_config, entry) == 0x20, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_config, xsave_mask) == 0x28, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_config, xsave_size) == 0x30, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_config, stubs) == 0x38, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_config, recorded) == 0x40, "dispatch_x86_64.S");
_Static_assert(sizeof(struct rt_config) == 72, "dispatch_x86_64.S");

_Static_assert(offsetof(struct rt_ring, limit) == 0x08, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_ring, mark) == 0x10, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_ring, lost) == 0x18, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_ring, after) == 0x20, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_ring, scratch) == 0x28, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_ring, records) == 0x80, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_ring_record, start) == 0x08, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_ring_record, result) == 0x18, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_ring_record, args) == 0x20, "dispatch_x86_64.S");

_Static_assert(offsetof(struct mc_thread, frame) == 0x30, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_thread, stack_low) == 0x38, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_thread, stack_high) == 0x40, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_thread, depth) == 0x48, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_thread, pending) == 0x4c, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_thread, gate_sequence) == 0x50, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_thread, host_errno) == 0x58, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_thread, slot) == 0x5c, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_frame, rip) == 0x68, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_frame, rflags) == 0x70, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_frame, rsp) == 0x78, "dispatch_x86_64.S");
_Static_assert(offsetof(struct mc_frame, outer) == 0x80, "dispatch_x86_64.S");
_Static_assert(sizeof(struct mc_frame) == 0x90, "dispatch_x86_64.S");

#endif
