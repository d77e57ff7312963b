/* SPDX-License-Identifier: MIT
 * What depends on the instruction set: register roles, stub bytes, vector state. Pure functions. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#include "microcosm.h"

/* A stopped thread's registers. Edited as a whole, written back by one function (os_set_regs). */
struct regs {
	struct user_regs_struct user;
};

/* The low 32 bits of the number, signed, of the call at a system-call stop. */
int32_t regs_nr(const struct regs *regs);
/* The result that the caller will see; the kernel call that was under way, if any, is skipped. */
void regs_set_result(struct regs *regs, int64_t result);
/* Turns the trapped call into another one of the kernel's. */
void regs_set_call(struct regs *regs, int64_t nr, const uint64_t args[6]);
/* Steps back so that the `syscall` instruction is executed again, with number nr. */
void regs_repeat_call(struct regs *regs, int64_t nr);
/* The trapped call becomes the one that it carries by RT_CARRIES_CALL, whose number is returned; pushed are
 * that one's last two arguments. */
int32_t regs_uncarry(struct regs *regs, const uint64_t pushed[2]);
/* As regs_repeat_call, where nr was carried: what is an RT_CARRIES_*. */
void regs_repeat_carried(struct regs *regs, uint64_t what, int32_t nr);
/* A kernel call was broken off and would be restarted by the kernel (-512..-516 in rax). */
bool regs_interrupted(const struct regs *regs);
/* Does by hand what the kernel would do to restart it: for when it no longer can. */
void regs_restart(struct regs *regs);

/* What a handler's caller has in registers, to a frame and back. Segments, bases and the flags that a
 * guest may not choose stay as they are in regs. */
void regs_to_frame(const struct regs *regs, struct mc_frame *frame);
void regs_from_frame(struct regs *regs, const struct mc_frame *frame);

/* Goes on at rip, in 64-bit code also where the guest has jumped to 32-bit code. */
void regs_go(struct regs *regs, uint64_t rip);

/* Sends a trapped caller to the dispatcher: rip, rcx = where it returns, r11 = flags, DF clear. With
 * `traced` the dispatcher reports the handler's result. */
void regs_upcall(struct regs *regs, uint64_t dispatcher, uint64_t return_to, bool traced);
/* A new thread begins at rip with its stack pointer and thread structure (GS base). */
void regs_begin(struct regs *regs, uint64_t rip, uint64_t rsp, uint64_t argument, uint64_t gs_base);

#define ARCH_STUB_MAX 16
#define ARCH_STUB_SYSCALL_OFFSET 8 /* where the `syscall` of a call stub lies */
/* A C function of six arguments that makes call nr; bytes written. */
size_t arch_call_stub(uint8_t out[ARCH_STUB_MAX], int32_t nr);
/* Of the core's calls: target makes the one whose number is in the result's register. */
size_t arch_core_stub(uint8_t out[ARCH_STUB_MAX], uint64_t at, int32_t nr, uint64_t target);
/* The stubs of the calls that stay in user space: -9 in a few bytes, -2 by a jump to target. */
void arch_self_stub(uint8_t out[ARCH_STUB_MAX]);
void arch_jump_stub(uint8_t out[ARCH_STUB_MAX], uint64_t at, uint64_t target);
/* A call of nr that can be patched: the bytes before the address that it returns to, and where it begins, with
 * a mov of a constant into a register: of the number, or of the last argument. */
#define ARCH_SITE_BYTES 7
#define ARCH_SITE_CHANGED 5 /* of these, the mov; the `syscall` instruction stays */
bool arch_site_is(const uint8_t code[ARCH_SITE_BYTES], int32_t nr);
bool arch_site_ends(const uint8_t code[ARCH_SITE_BYTES]); /* as one does */
/* Makes it a jump by the slot at address `slot`. */
void arch_site_patch(uint8_t code[ARCH_SITE_BYTES], uint32_t slot);
/* Takes that back, if code is that jump. */
void arch_site_restore(uint8_t code[ARCH_SITE_BYTES], uint32_t slot, const uint8_t mov[ARCH_SITE_CHANGED]);
/* What the slot leads to, at address `at`: does the mov, and on to target with where to return to. */
void arch_site_stub(uint8_t *out, uint64_t at, const uint8_t mov[ARCH_SITE_CHANGED], uint64_t return_to,
		    uint64_t target);
/* The same for --trace-ring: target gets the stub's address instead, and may send the kernel call of a site of its
 * number to RT_SITE_KERNEL, after which it goes on at recorded, with the number and where to return to. */
void arch_site_stub_ring(uint8_t *out, uint64_t at, const uint8_t mov[ARCH_SITE_CHANGED], uint64_t return_to,
			 uint64_t target, uint64_t recorded);
/* The stub of a gate at address `at` that jumps to target with the index. */
size_t arch_gate_stub(uint8_t out[ARCH_STUB_MAX], uint64_t at, uint32_t index, uint64_t target);

/* The processor's time stamp counter. */
uint64_t arch_ticks(void);

/* The vector state that the kernel has enabled: XSAVE's mask and the bytes that it writes. */
void arch_vector_state(uint64_t *mask, uint64_t *size);

#endif
