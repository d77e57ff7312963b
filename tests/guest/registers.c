/* SPDX-License-Identifier: MIT
 * A call keeps every register but rax, rcx and r11, and DF; by the instruction also the red zone and all
 * vector state, by the entry all vector state unless the handler is the guest's own. It passes the
 * arguments on and looks at the low 32 bits of rax.
 * modules: probe
 */
#include "check.h"
#include "probe.h"

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, R8, R9, R10, R11, R12, R13, R14, R15, FLAGS, RSP, REGISTERS };
static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9",
				    "r10", "r11", "r12", "r13", "r14", "r15", "flags", "rsp"};
#define DF 0x400ul

unsigned long reg_in[REGISTERS], reg_out[REGISTERS], reg_entry, reg_sp, reg_red[16];
unsigned char vector_in[16384] __attribute__((aligned(64))), vector_out[16384] __attribute__((aligned(64))),
	vector_own[16384] __attribute__((aligned(64)));
unsigned long vector_mask;

void run_trap(void);
void run_entry(void);

/* XRSTOR of the pattern, flags, the red zone, registers from reg_in, the call, registers to reg_out, the
 * red zone, flags, XSAVE. Nothing is pushed while the red zone counts, and mov changes no flags. */
#define RUN(name, instruction)                                                        \
	__asm__(".text\n" name ":\n"                                                  \
		"push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"  \
		"mov %rsp, reg_sp(%rip)\n"                                            \
		"mov vector_mask(%rip), %eax\nmov vector_mask+4(%rip), %edx\n"        \
		"xsave64 vector_own(%rip)\nxrstor64 vector_in(%rip)\n"                \
		"lea -256(%rsp), %rsp\npushq reg_in+15*8(%rip)\npopfq\n"              \
		"mov reg_sp(%rip), %rsp\n"                                            \
		".irp i,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n"                     \
		"movq $(0x5ed5ed00+\\i), -8*\\i(%rsp)\n.endr\n"                       \
		"mov reg_in+0*8(%rip), %rax\nmov reg_in+1*8(%rip), %rbx\n"            \
		"mov reg_in+2*8(%rip), %rcx\nmov reg_in+3*8(%rip), %rdx\n"            \
		"mov reg_in+4*8(%rip), %rsi\nmov reg_in+5*8(%rip), %rdi\n"            \
		"mov reg_in+6*8(%rip), %rbp\nmov reg_in+7*8(%rip), %r8\n"             \
		"mov reg_in+8*8(%rip), %r9\nmov reg_in+9*8(%rip), %r10\n"             \
		"mov reg_in+10*8(%rip), %r11\nmov reg_in+11*8(%rip), %r12\n"          \
		"mov reg_in+12*8(%rip), %r13\nmov reg_in+13*8(%rip), %r14\n"          \
		"mov reg_in+14*8(%rip), %r15\n" instruction "\n"                      \
		"mov %rax, reg_out+0*8(%rip)\nmov %rbx, reg_out+1*8(%rip)\n"          \
		"mov %rcx, reg_out+2*8(%rip)\nmov %rdx, reg_out+3*8(%rip)\n"          \
		"mov %rsi, reg_out+4*8(%rip)\nmov %rdi, reg_out+5*8(%rip)\n"          \
		"mov %rbp, reg_out+6*8(%rip)\nmov %r8, reg_out+7*8(%rip)\n"           \
		"mov %r9, reg_out+8*8(%rip)\nmov %r10, reg_out+9*8(%rip)\n"           \
		"mov %r11, reg_out+10*8(%rip)\nmov %r12, reg_out+11*8(%rip)\n"        \
		"mov %r13, reg_out+12*8(%rip)\nmov %r14, reg_out+13*8(%rip)\n"        \
		"mov %r15, reg_out+14*8(%rip)\nmov %rsp, reg_out+16*8(%rip)\n"        \
		".irp i,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n"                     \
		"mov -8*\\i(%rsp), %rax\nmov %rax, reg_red-8+8*\\i(%rip)\n.endr\n"    \
		"lea -256(%rsp), %rsp\npushfq\npopq reg_out+15*8(%rip)\ncld\n"        \
		"mov vector_mask(%rip), %eax\nmov vector_mask+4(%rip), %edx\n"        \
		"xsave64 vector_out(%rip)\nxrstor64 vector_own(%rip)\n"               \
		"mov reg_sp(%rip), %rsp\n"                                            \
		"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n")

RUN("run_trap", "syscall");
RUN("run_entry", "call *reg_entry(%rip)");

/* ---- Vector state: x87, SSE, and of the extended state AVX and AVX-512 ---- */

static unsigned component_offset[8], component_size[8];

static void find_components(void)
{
	static const int wanted[] = {2, 5, 6, 7};
	unsigned long mask = 3 | (mc_header()->xsave_mask & 0xe4);
	CHECK(mc_header()->xsave_size <= sizeof vector_in);
	for (unsigned i = 0; i < 4; i++) {
		unsigned a = 0xd, b, c = (unsigned)wanted[i], d;
		if (!(mask >> wanted[i] & 1))
			continue;
		__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		component_size[wanted[i]] = a;
		component_offset[wanted[i]] = b;
	}
	vector_mask = mask;
}

static void fill(unsigned char *p, unsigned n, unsigned seed)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (unsigned char)(seed + i * 37 + 1);
}

static void fill_vectors(unsigned seed)
{
	for (unsigned i = 0; i < sizeof vector_in; i++)
		vector_in[i] = vector_out[i] = 0;
	*(unsigned short *)vector_in = 0x27f;          /* FCW: doubles */
	vector_in[4] = 0xff;                           /* no x87 register is empty */
	*(unsigned *)(vector_in + 24) = 0x5f80;        /* MXCSR: round up, all masked */
	for (int i = 0; i < 8; i++)
		fill(vector_in + 32 + 16 * i, 10, seed + (unsigned)i);
	fill(vector_in + 160, 256, seed + 99);
	for (int i = 2; i < 8; i++)
		fill(vector_in + component_offset[i], component_size[i], seed + (unsigned)i);
	*(unsigned long *)(vector_in + 512) = vector_mask;
}

static int same(unsigned at, unsigned n)
{
	for (unsigned i = at; i < at + n; i++)
		if (vector_in[i] != vector_out[i])
			return 0;
	return 1;
}

static void check_vectors(void)
{
	CHECK(same(0, 2));
	CHECK(same(4, 1));
	CHECK(same(24, 4));
	for (unsigned i = 0; i < 8; i++)
		CHECK(same(32 + 16 * i, 10));
	CHECK(same(160, 256));
	for (int i = 2; i < 8; i++)
		CHECK(same(component_offset[i], component_size[i]));
}

/* ---- Runs ---- */

static unsigned long seen[6], seen_flags;

/* Spoils all that a C function may. */
static long own(long a, long b, long c, long d, long e, long f)
{
	unsigned long flags;
	__asm__ volatile("pushfq\npop %0" : "=r"(flags));
	seen[0] = (unsigned long)a, seen[1] = (unsigned long)b, seen[2] = (unsigned long)c;
	seen[3] = (unsigned long)d, seen[4] = (unsigned long)e, seen[5] = (unsigned long)f;
	seen_flags = flags;
	unsigned control = 0x1f80;
	__asm__ volatile("fninit\nfldpi\nldmxcsr %0\n"
			 ".irp i,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\npcmpeqd %%xmm\\i, %%xmm\\i\n.endr"
			 :: "m"(control) : "memory");
	if (vector_mask & 4)
		__asm__ volatile("vzeroall" ::: "memory");
	__asm__ volatile("xor %%eax, %%eax\nmov %%rax, %%rcx\nmov %%rax, %%rdx\nmov %%rax, %%rsi\n"
			 "mov %%rax, %%rdi\nmov %%rax, %%r8\nmov %%rax, %%r9\nmov %%rax, %%r10\n"
			 "mov %%rax, %%r11\nadd $1, %%rax"
			 ::: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc");
	return 0x123456789abcl;
}

static int stackless; /* rdx stays 0 */

static void run(int trap, unsigned flags, int keeps_vectors)
{
	for (int i = 0; i < REGISTERS; i++)
		if (reg_in[i] == 0 && i != FLAGS && i != RSP && !(stackless && i == RDX))
			reg_in[i] = 0x1111111111111111ul * (unsigned long)(i + 1);
	reg_in[FLAGS] = 0x202 | flags;
	fill_vectors(flags + (unsigned)reg_in[RAX]);
	if (trap)
		run_trap();
	else
		run_entry();
	for (int i = RBX; i < FLAGS; i++)
		if (i != RCX && i != R11 && reg_out[i] != reg_in[i])
			check_failed("registers.c", (long)reg_in[RAX], names[i]);
	CHECK_IS(reg_out[RSP], reg_sp);
	CHECK_IS(reg_out[FLAGS] & DF, flags);
	for (unsigned i = 0; trap && i < 16; i++)
		CHECK_IS(reg_red[i], 0x5ed5ed01 + i);
	if (keeps_vectors)
		check_vectors();
}

/* Number and arguments; 0: whatever run puts there. */
static void prepare(int nr, long a0, long a1, long a2, long a3)
{
	for (int i = 0; i < REGISTERS; i++)
		reg_in[i] = 0;
	reg_in[RAX] = (unsigned)nr | 0xfeedfacd00000000ul;
	reg_in[RDI] = (unsigned long)a0;
	reg_in[RSI] = (unsigned long)a1;
	reg_in[RDX] = (unsigned long)a2;
	reg_in[R10] = (unsigned long)a3;
}

static long ends(void *arg)
{
	return (long)arg;
}

static void all(int trap, unsigned flags)
{
	prepare(5000, 0, 0, 0, 0);
	run(trap, flags, trap);
	CHECK_IS(reg_out[RAX], 0x123456789abcl);
	CHECK_IS(seen[0], reg_in[RDI]);
	CHECK_IS(seen[1], reg_in[RSI]);
	CHECK_IS(seen[2], reg_in[RDX]);
	CHECK_IS(seen[3], reg_in[R10]);
	CHECK_IS(seen[4], reg_in[R8]);
	CHECK_IS(seen[5], reg_in[R9]);
	CHECK_IS(seen_flags & DF, 0);

	prepare(PROBE_SUM, 0, 0, 0, 0);
	run(trap, flags, 1);
	CHECK_IS(reg_out[RAX], reg_in[RDI] + 2 * reg_in[RSI] + 3 * reg_in[RDX] + 4 * reg_in[R10] +
			       5 * reg_in[R8] + 6 * reg_in[R9]);
	prepare(PROBE_DEPTH, 3, 0, 0, 0); /* nested */
	run(trap, flags, 1);
	CHECK_IS(reg_out[RAX], 4);
	prepare(5999, 0, 0, 0, 0);
	run(trap, flags, 1);
	CHECK_IS(reg_out[RAX], -E_NOSYS);
	prepare(MC_NR_MAX + 1, 0, 0, 0, 0);
	run(trap, flags, 1);
	CHECK_IS(reg_out[RAX], -E_NOSYS);
	prepare(MC_SYS_GET, 5000, 0, 0, 0);
	run(trap, flags, 1);
	CHECK_IS(reg_out[RAX], own);
	prepare(MC_SYS_THREAD_SELF, 0, 0, 0, 0);
	run(trap, flags, 1);
	CHECK_IS(reg_out[RAX], mc_thread_self());
	prepare(MC_SYS_REGISTER, 5001, (long)own, 0, 0);
	run(trap, flags, 1);
	prepare(MC_SYS_DEREGISTER, 5001, 0, 0, 0);
	run(trap, flags, 1);
	CHECK_IS(reg_out[RAX], 0);
	prepare(NR_getppid, 0, 0, 0, 0); /* granted */
	run(trap, flags, 1);
	CHECK_IS(reg_out[RAX], mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0));
	prepare(4113, 0, 0, 0, 0); /* the clock module's */
	run(trap, flags, 1);
	CHECK((long)reg_out[RAX] > 0);

	long value = 0;
	prepare(MC_SYS_THREAD_SPAWN, (long)ends, 9, 0, 0); /* kernel calls are made in the caller's name */
	reg_in[R10] = 65536;
	stackless = 1;
	run(trap, flags, 1);
	stackless = 0;
	long id = (long)reg_out[RAX];
	CHECK(id > 0);
	prepare(MC_SYS_THREAD_JOIN, id, (long)&value, 0, 0);
	run(trap, flags, 1);
	CHECK_IS(reg_out[RAX], 0);
	CHECK_IS(value, 9);
}

int main(void)
{
	reg_entry = mc_header()->entry;
	find_components();
	do_register(5000, own);
	int trap = check_call == mc_syscall;
	all(trap, 0);
	all(trap, DF);
	return 0;
}
