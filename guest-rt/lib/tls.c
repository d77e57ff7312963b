/* SPDX-License-Identifier: MIT
 * Thread-local storage: the block below the FS base, as the x86-64 TLS ABI (variant II) lays it out. */
#include "lib.h"

/* Above the FS base. A C library keeps its own description of a thread there: in threads that it did
 * not make, zeroes have to do, which is enough for errno. */
#define TCB_BYTES 64
#define TCB_LIBC_BYTES 1024

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

static const Elf64_Phdr *tls_segment(void)
{
	const Elf64_Phdr *phdr = (const void *)mc_auxv_get(AT_PHDR);
	unsigned long n = mc_auxv_get(AT_PHNUM);

	for (unsigned long i = 0; phdr && i < n; i++)
		if (phdr[i].p_type == PT_TLS)
			return &phdr[i];
	return NULL;
}

static size_t tls_align(const Elf64_Phdr *tls)
{
	return tls && tls->p_align > 64 ? tls->p_align : 64;
}

/* From the block's start up to the FS base. */
static size_t tls_below(const Elf64_Phdr *tls)
{
	if (!tls)
		return 0;
	size_t align = tls->p_align ? tls->p_align : 1;
	return tls->p_memsz + ((0 - tls->p_vaddr - tls->p_memsz) & (align - 1));
}

static size_t tcb_size(void)
{
	return mc_auxv ? TCB_BYTES : TCB_LIBC_BYTES;
}

size_t mc_tls_size(void)
{
	const Elf64_Phdr *tls = tls_segment();

	/* A C library's functions want an FS base even where the program has no variables there. */
	if (!tls && mc_auxv)
		return 0;
	return tls_below(tls) + tls_align(tls) + tcb_size();
}

static long set_fs_base(uintptr_t base)
{
	if (mc_auxv_get(AT_HWCAP2) & HWCAP2_FSGSBASE) {
		__asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
		return 0;
	}
	return mc_syscall(LINUX_NR_ARCH_PRCTL, ARCH_SET_FS, (long)base, 0, 0, 0, 0);
}

long mc_tls_enter(void *memory)
{
	const Elf64_Phdr *tls = tls_segment();
	size_t align = tls_align(tls);
	uintptr_t base = ((uintptr_t)memory + tls_below(tls) + align - 1) & ~(uintptr_t)(align - 1);
	volatile unsigned char *block = (unsigned char *)(base - tls_below(tls));
	volatile unsigned char *tcb = (unsigned char *)base;

	if (tls) {
		const unsigned char *image = (const void *)(mc_load_bias() + tls->p_vaddr);
		for (size_t i = 0; i < tls->p_memsz; i++)
			block[i] = i < tls->p_filesz ? image[i] : 0;
	}
	for (size_t i = 0; i < tcb_size(); i++)
		tcb[i] = 0;
	*(uintptr_t *)base = base; /* the ABI's: %fs:0 is the FS base */
	return set_fs_base(base);
}
