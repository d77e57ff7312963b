// SPDX-License-Identifier: MIT
// x86-64: register roles by the System V ABI and the kernel's syscall convention; stub bytes.
#include "arch/arch.h"
#include "rt.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <x86intrin.h>

#define FLAG_DF 0x400ull
/* Flags that user code may choose: CF PF AF ZF SF TF DF OF AC ID. */
#define FLAGS_USER 0x240dd5ull
#define FLAGS_FIXED 0x202ull
#define USER_CS 0x33
#define USER_SS 0x2b

/* include/linux/errno.h of the kernel: never seen by programs, only by tracers. */
#define RESTARTSYS 512
#define RESTARTNOINTR 513
#define RESTARTNOHAND 514
#define RESTART_RESTARTBLOCK 516
#define NR_RESTART_SYSCALL 219

int32_t regs_nr(const struct regs *regs)
{
	return (int32_t)regs->user.orig_rax;
}

void regs_set_result(struct regs *regs, int64_t result)
{
	regs->user.orig_rax = (unsigned long long)-1;
	regs->user.rax = (unsigned long long)result;
}

void regs_set_call(struct regs *regs, int64_t nr, const uint64_t args[6])
{
	regs->user.orig_rax = (unsigned long long)nr;
	regs->user.rax = (unsigned long long)nr;
	regs->user.rdi = args[0];
	regs->user.rsi = args[1];
	regs->user.rdx = args[2];
	regs->user.r10 = args[3];
	regs->user.r8 = args[4];
	regs->user.r9 = args[5];
}

void regs_repeat_call(struct regs *regs, int64_t nr)
{
	regs->user.rip -= 2;
	regs->user.rax = (unsigned long long)nr;
	regs->user.orig_rax = (unsigned long long)-1;
}

int32_t regs_uncarry(struct regs *regs, const uint64_t pushed[2])
{
	int32_t nr = (int32_t)regs->user.r8;
	regs->user.orig_rax = (unsigned long long)(int64_t)nr;
	regs->user.r8 = pushed[0];
	regs->user.r9 = pushed[1];
	return nr;
}

void regs_repeat_carried(struct regs *regs, uint64_t what, int32_t nr)
{
	regs->user.r8 = (uint32_t)nr;
	regs->user.r9 = what;
	regs_repeat_call(regs, RT_NR_CARRIER);
}

bool regs_interrupted(const struct regs *regs)
{
	int64_t rax = (int64_t)regs->user.rax;
	return (int64_t)regs->user.orig_rax >= 0 &&
	       (rax == -RESTARTSYS || rax == -RESTARTNOINTR || rax == -RESTARTNOHAND ||
		rax == -RESTART_RESTARTBLOCK);
}

void regs_restart(struct regs *regs)
{
	if (!regs_interrupted(regs))
		return;
	int64_t nr = (int64_t)regs->user.rax == -RESTART_RESTARTBLOCK
			     ? NR_RESTART_SYSCALL
			     : (int64_t)regs->user.orig_rax;
	regs_repeat_call(regs, nr);
}

void regs_to_frame(const struct regs *regs, struct mc_frame *frame)
{
	const struct user_regs_struct *u = &regs->user;
	*frame = (struct mc_frame){
		.rax = u->rax, .rdi = u->rdi, .rsi = u->rsi, .rdx = u->rdx, .r10 = u->r10,
		.r8 = u->r8,   .r9 = u->r9,   .rbx = u->rbx, .rbp = u->rbp, .r12 = u->r12,
		.r13 = u->r13, .r14 = u->r14, .r15 = u->r15, .rip = u->rip,
		.rflags = u->eflags, .rsp = u->rsp,
	};
}

void regs_from_frame(struct regs *regs, const struct mc_frame *frame)
{
	struct user_regs_struct *u = &regs->user;
	u->rax = frame->rax;
	u->rdi = frame->rdi;
	u->rsi = frame->rsi;
	u->rdx = frame->rdx;
	u->r10 = frame->r10;
	u->r8 = frame->r8;
	u->r9 = frame->r9;
	u->rbx = frame->rbx;
	u->rbp = frame->rbp;
	u->r12 = frame->r12;
	u->r13 = frame->r13;
	u->r14 = frame->r14;
	u->r15 = frame->r15;
	u->rip = frame->rip;
	u->rcx = frame->rip;
	u->r11 = frame->rflags;
	u->rsp = frame->rsp;
	u->eflags = (frame->rflags & FLAGS_USER) | FLAGS_FIXED;
	u->orig_rax = (unsigned long long)-1;
}

void regs_go(struct regs *regs, uint64_t rip)
{
	regs->user.rip = rip;
	regs->user.cs = USER_CS;
	regs->user.ss = USER_SS;
}

void regs_upcall(struct regs *regs, uint64_t dispatcher, uint64_t return_to, bool traced)
{
	struct user_regs_struct *u = &regs->user;
	u->rax = (unsigned long long)(int64_t)regs_nr(regs);
	u->orig_rax = (unsigned long long)-1;
	u->rcx = return_to;
	u->r11 = u->eflags | FLAGS_FIXED | (traced ? RT_FLAGS_TRACED : 0);
	u->eflags &= ~FLAG_DF;
	u->rip = dispatcher;
}

void regs_begin(struct regs *regs, uint64_t rip, uint64_t rsp, uint64_t argument, uint64_t gs_base)
{
	struct user_regs_struct *u = &regs->user;
	u->rip = rip;
	u->rsp = rsp;
	u->rdi = argument;
	u->gs_base = gs_base;
	u->orig_rax = (unsigned long long)-1;
	u->eflags = FLAGS_FIXED;
}

size_t arch_call_stub(uint8_t out[ARCH_STUB_MAX], int32_t nr)
{
	/* movq %rcx,%r10; movl $nr,%eax; syscall; ret */
	static const uint8_t code[] = {0x49, 0x89, 0xca, 0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3};
	memset(out, 0xcc, ARCH_STUB_MAX);
	memcpy(out, code, sizeof code);
	memcpy(out + 4, &nr, sizeof nr);
	return sizeof code;
}

/* What the entry skips of a stub: there, a call's fourth argument is where the kernel wants it. */
#define ARGUMENT_MOVE 3

static uint8_t *stub_begin(uint8_t out[ARCH_STUB_MAX])
{
	static const uint8_t nop[ARGUMENT_MOVE] = {0x0f, 0x1f, 0x00};
	memset(out, 0xcc, ARCH_STUB_MAX);
	memcpy(out, nop, sizeof nop);
	return out + sizeof nop;
}

static void jump_to(uint8_t *out, uint64_t at, uint64_t target)
{
	int32_t displacement = (int32_t)(target - (at + 5));
	out[0] = 0xe9;
	memcpy(out + 1, &displacement, sizeof displacement);
}

void arch_self_stub(uint8_t out[ARCH_STUB_MAX])
{
	/* movq %gs:0,%rax; ret */
	static const uint8_t code[] = {0x65, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0xc3};
	memcpy(stub_begin(out), code, sizeof code);
}

void arch_jump_stub(uint8_t out[ARCH_STUB_MAX], uint64_t at, uint64_t target)
{
	jump_to(stub_begin(out), at + ARGUMENT_MOVE, target);
}

size_t arch_core_stub(uint8_t out[ARCH_STUB_MAX], uint64_t at, int32_t nr, uint64_t target)
{
	/* movq %rcx,%r10; movl $nr,%eax; jmp target */
	static const uint8_t code[] = {0x49, 0x89, 0xca, 0xb8};
	memset(out, 0xcc, ARCH_STUB_MAX);
	memcpy(out, code, sizeof code);
	memcpy(out + 4, &nr, sizeof nr);
	jump_to(out + 8, at + 8, target);
	return 13;
}

static const uint8_t syscall_code[2] = {0x0f, 0x05};

bool arch_site_ends(const uint8_t code[ARCH_SITE_BYTES])
{
	return memcmp(code + ARCH_SITE_CHANGED, syscall_code, sizeof syscall_code) == 0;
}

bool arch_site_is(const uint8_t code[ARCH_SITE_BYTES], int32_t nr)
{
	/* movl $nr,%eax; syscall, or any constant into another register, but for the stack pointer */
	return (code[0] & 0xf8) == 0xb8 && code[0] != 0xbc && (code[0] != 0xb8 || memcmp(code + 1, &nr, sizeof nr) == 0) &&
	       arch_site_ends(code);
}

void arch_site_patch(uint8_t code[ARCH_SITE_BYTES], uint32_t slot)
{
	/* jmp *slot: the upper half of the operand is the `syscall`, and so must the slot's address be. */
	static const uint8_t jump[] = {0xff, 0x24, 0x25};
	memcpy(code, jump, sizeof jump);
	memcpy(code + sizeof jump, &slot, sizeof slot);
}

void arch_site_restore(uint8_t code[ARCH_SITE_BYTES], uint32_t slot, const uint8_t mov[ARCH_SITE_CHANGED])
{
	uint8_t jump[ARCH_SITE_BYTES];
	arch_site_patch(jump, slot);
	if (memcmp(code, jump, sizeof jump) == 0)
		memcpy(code, mov, ARCH_SITE_CHANGED);
}

void arch_site_stub(uint8_t *out, uint64_t at, const uint8_t mov[ARCH_SITE_CHANGED], uint64_t return_to, uint64_t target)
{
	/* the mov; movabsq $return_to,%rcx; jmp target */
	memcpy(out, mov, ARCH_SITE_CHANGED);
	out[5] = 0x48;
	out[6] = 0xb9;
	memcpy(out + 7, &return_to, sizeof return_to);
	jump_to(out + 15, at + 15, target);
}

void arch_site_stub_ring(uint8_t *out, uint64_t at, const uint8_t mov[ARCH_SITE_CHANGED], uint64_t return_to,
			 uint64_t target, uint64_t recorded)
{
	/* the mov; leaq at(%rip),%r11; jmp target
	 * syscall; movabsq $return_to,%rcx; movl $nr,%r11d; jmp recorded */
	static const uint8_t code[] = {0x4c, 0x8d, 0x1d, 0xf4, 0xff, 0xff, 0xff, 0xe9, 0, 0, 0, 0, 0x0f, 0x05,
				       0x48, 0xb9, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0xbb, 0, 0, 0, 0, 0xe9};
	memcpy(out, mov, ARCH_SITE_CHANGED);
	memcpy(out + ARCH_SITE_CHANGED, code, sizeof code);
	jump_to(out + 12, at + 12, target);
	memcpy(out + RT_SITE_RETURN, &return_to, sizeof return_to);
	memcpy(out + 31, mov + RT_SITE_NUMBER, sizeof(int32_t));
	jump_to(out + 35, at + 35, recorded);
}

size_t arch_gate_stub(uint8_t out[ARCH_STUB_MAX], uint64_t at, uint32_t index, uint64_t target)
{
	/* movl $index,%eax; jmp target */
	memset(out, 0xcc, ARCH_STUB_MAX);
	out[0] = 0xb8;
	memcpy(out + 1, &index, sizeof index);
	jump_to(out + 5, at + 5, target);
	return 10;
}

uint64_t arch_ticks(void)
{
	return __rdtsc();
}

/* What code that a C compiler made may touch: x87, SSE, AVX, AVX-512. Not AMX's tiles, 8 KiB that
 * nobody uses without asking the kernel, nor the protection keys: nothing in a handler changes them. */
#define VECTOR_STATE 0xe7u
#define STATE_FIRST_EXTENDED 2
#define STATE_LAST 7

void arch_vector_state(uint64_t *mask, uint64_t *size)
{
	unsigned a, b, c, d, last = 0;
	*mask = 0x3; /* x87 and SSE: what every x86-64 has */
	*size = 512 + 64;
	__cpuid(1, a, b, c, d); /* virtual machines take microseconds for each of these */
	if (!(c & bit_OSXSAVE))
		return;
	uint32_t low, high;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	*mask = low & VECTOR_STATE;
	for (unsigned i = STATE_FIRST_EXTENDED; i <= STATE_LAST; i++)
		if (*mask >> i & 1)
			last = i;
	if (last == 0)
		return;
	__cpuid_count(0xd, last, a, b, c, d); /* a: bytes of the component, b: its offset */
	*size = (a + b + 63) & ~63u;
}
