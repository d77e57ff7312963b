/* SPDX-License-Identifier: MIT
 * Thread-local storage: the block below the FS base, as the x86-64 TLS ABI (variant II) lays it out. */
#include "lib.h"

/* Above the FS base. A C library keeps its own description of a thread there: in threads that it did
 * not make, zeroes have to do, which is enough for errno. */
#define TCB_BYTES 128
#define TCB_LIBC_BYTES 1024
#define TCB_CANARY 0x28 /* where compilers look for it */

#define ARCH_SET_FS 0x1002
#define HWCAP2_FSGSBASE 2

/* By the instruction pointer: a compiler may go by the GOT, which is not relocated yet when mc_crt1.o
 * asks. 0 in a program without a dynamic section. */
static uintptr_t dynamic_address(void)
{
	uintptr_t address;
	__asm__(".weak _DYNAMIC\n\t.hidden _DYNAMIC\n\tleaq _DYNAMIC(%%rip), %0" : "=r"(address));
	return address;
}

uintptr_t mc_load_bias(void)
{
	const Elf64_Phdr *phdr = (const void *)mc_auxv_get(AT_PHDR);
	unsigned long n = mc_auxv_get(AT_PHNUM);

	for (unsigned long i = 0; phdr && i < n; i++) {
		if (phdr[i].p_type == PT_PHDR)
			return (uintptr_t)phdr - phdr[i].p_vaddr;
		if (phdr[i].p_type == PT_DYNAMIC && dynamic_address())
			return dynamic_address() - phdr[i].p_vaddr;
	}
	return 0;
}

/* What a thread's block is made of. */
struct tls {
	const unsigned char *image; /* its first `filled` bytes, the others are 0 */
	size_t filled;
	size_t below; /* from its start up to the FS base */
	size_t above;
	size_t align;
};

/* In a program that Microcosm linked: what lies at the FS base of its threads. `image` is a copy of
 * the first thread's block, below and above, as it was before anything ran. */
struct linked_tcb {
	uintptr_t self;
	uintptr_t *vector;          /* 0x08 n, then where the blocks of modules 1..n are */
	uintptr_t unused[6];
	const unsigned char *image; /* 0x40 NULL: there is none */
	uint64_t below;             /* 0x48 bytes */
	uint64_t align;             /* 0x50 bytes */
	uint64_t above;             /* 0x58 bytes */
};
_Static_assert(offsetof(struct linked_tcb, vector) == 0x08, "load/image.c");
_Static_assert(offsetof(struct linked_tcb, image) == 0x40, "load/image.c");

void *__tls_get_addr(const uintptr_t index[2]);

static const struct linked_tcb *linked_tcb(void)
{
	uintptr_t base;
	__asm__("movq %%fs:0, %0" : "=r"(base));
	return (const struct linked_tcb *)base;
}

static struct tls describe(void)
{
	const Elf64_Phdr *phdr = (const void *)mc_auxv_get(AT_PHDR);
	unsigned long n = mc_auxv_get(AT_PHNUM);
	struct tls tls = {.align = 64, .above = mc_has_libc() ? TCB_LIBC_BYTES : TCB_BYTES};

	if (mc_linked) {
		const struct linked_tcb *tcb = linked_tcb();
		if (!tcb->image)
			return tls;
		return (struct tls){tcb->image, tcb->below + tcb->above, tcb->below, tcb->above, tcb->align};
	}
	for (unsigned long i = 0; phdr && i < n; i++) {
		if (phdr[i].p_type != PT_TLS)
			continue;
		size_t align = phdr[i].p_align ? phdr[i].p_align : 1;
		tls.image = (const void *)(mc_load_bias() + phdr[i].p_vaddr);
		tls.filled = phdr[i].p_filesz;
		tls.below = phdr[i].p_memsz + ((0 - phdr[i].p_vaddr - phdr[i].p_memsz) & (align - 1));
		if (align > tls.align)
			tls.align = align;
	}
	return tls;
}

size_t mc_tls_size(void)
{
	struct tls tls = describe();

	/* A C library's functions want an FS base even where the program has no variables there. */
	if (!tls.image && !mc_has_libc())
		return 0;
	return tls.below + tls.align + tls.above;
}

static long set_fs_base(uintptr_t base)
{
	if (mc_auxv_get(AT_HWCAP2) & HWCAP2_FSGSBASE) {
		__asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
		return 0;
	}
	return mc_syscall(LINUX_NR_ARCH_PRCTL, ARCH_SET_FS, (long)base, 0, 0, 0, 0);
}

static uint64_t canary(void)
{
	const unsigned char *random = (const void *)mc_auxv_get(AT_RANDOM);
	uint64_t value = 0;

	if (random)
		__builtin_memcpy(&value, random, sizeof(value));
	return value & ~0xfful; /* its lowest byte ends strings */
}

/* The copied description is the first thread's: `moved` is how far this block is from that one. */
static void move_linked(struct linked_tcb *tcb, uintptr_t moved)
{
	tcb->vector = (uintptr_t *)((uintptr_t)tcb->vector + moved);
	for (uintptr_t i = 1; i <= tcb->vector[0]; i++)
		tcb->vector[i] += moved;
}

long mc_tls_enter(void *memory)
{
	struct tls tls = describe();
	uintptr_t base = ((uintptr_t)memory + tls.below + tls.align - 1) & ~(uintptr_t)(tls.align - 1);
	/* Volatile: no compiler makes a call of this loop. */
	volatile unsigned char *block = (unsigned char *)(base - tls.below);

	for (size_t i = 0; i < tls.below + tls.above; i++)
		block[i] = i < tls.filled ? tls.image[i] : 0;
	if (mc_linked)
		move_linked((struct linked_tcb *)base, base - *(uintptr_t *)base);
	else
		*(uint64_t *)(base + TCB_CANARY) = canary();
	*(uintptr_t *)base = base; /* the ABI's: %fs:0 is the FS base */
	return set_fs_base(base);
}

/* Where a variable of a shared object is, for code that does not know its distance from the FS base. */
void *__tls_get_addr(const uintptr_t index[2])
{
	return (void *)(linked_tcb()->vector[index[0]] + index[1]);
}
