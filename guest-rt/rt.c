// SPDX-License-Identifier: MIT
// The guest runtime's C: a process's start after the stub, the boot lists, the region's heap, and the
// core's calls as functions for modules.
#include "rt_guest.h"

#include <asm/unistd.h>
#include <elf.h>
#include <linux/errno.h>
#include <linux/mman.h>

#define __NR_mseal_x86_64 462

extern const struct rt_config rt_config;

void rt_start(const struct rt_plan *plan, void *sp);
void rt_boot(const struct rt_boot_list *list);
uint64_t rt_guest_init(const struct rt_plan *plan, void *sp);
void __stack_chk_fail(void);
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
extern void rt_first(void);

static long tracer(long op, long a, long b, long c)
{
	return mc_syscall(RT_NR_CARRIER, op, a, b, c, 0, RT_CARRIES_TRACER);
}

void __stack_chk_fail(void)
{
	__builtin_trap();
}

/* ---- Start of a process: still on the kernel's stack, nothing of the guest has run ---- */

static size_t string_length(const char *text)
{
	size_t n = 0;
	while (text[n])
		n++;
	return n;
}

/* The vDSO is one ELF image whose section headers come last. */
static void drop_vdso(uint64_t at)
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)at;
	uint64_t size = ehdr->e_shoff + (uint64_t)ehdr->e_shnum * ehdr->e_shentsize;
	mc_syscall(__NR_munmap, (long)at, (long)((size + 4095) & ~4095ull), 0, 0, 0, 0);
}

static const char *string_end(const char *text)
{
	return text + string_length(text);
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

const char *mc_option(const char *name)
{
	const char *at = (const char *)mc_header()->options, *found = NULL;
	while (*at) {
		const char *value = string_end(at) + 1;
		if (same(at, name))
			found = value;
		at = string_end(value) + 1;
	}
	return found;
}

long mc_option_number(const char *name, long other)
{
	const char *text = mc_option(name);
	long value = 0;
	if (!text || !*text)
		return other;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return other;
	return value;
}

/* What the program should find for one entry of the kernel's vector, which describes the stub. */
static uint64_t auxv_value(const struct rt_plan *plan, const Elf64_auxv_t *entry, uint64_t execfn)
{
	switch (entry->a_type) {
	case AT_PHDR: return plan->program_phdr;
	case AT_PHENT: return plan->program_phent;
	case AT_PHNUM: return plan->program_phnum;
	case AT_BASE: return plan->interpreter_base;
	case AT_ENTRY: return plan->program_entry;
	case AT_EXECFN: return execfn ? execfn : entry->a_un.a_val;
	case AT_UID: case AT_EUID: return (uint64_t)mc_option_number("uid", (long)entry->a_un.a_val);
	case AT_GID: case AT_EGID: return (uint64_t)mc_option_number("gid", (long)entry->a_un.a_val);
	default: return entry->a_un.a_val;
	}
}

/* Moves the start-up vector down to make room for AT_MICROCOSM and AT_EXECFN's string; returns the new
 * stack pointer. */
static uint64_t *rewrite_vector(const struct rt_plan *plan, uint64_t *sp)
{
	const struct mc_header *header = (const struct mc_header *)rt_config.header;
	uint64_t *p = sp + 1 + sp[0] + 1; /* argc, argv, NULL */
	while (*p)
		p++;
	Elf64_auxv_t *auxv = (Elf64_auxv_t *)(p + 1);
	size_t n = 0;
	while (auxv[n].a_type != AT_NULL)
		n++;
	const char *execfn = plan->execfn ? (const char *)plan + plan->execfn : NULL;
	size_t string_bytes = execfn ? (string_length(execfn) + 1 + 15) & ~15ul : 0;
	size_t words = (size_t)((uint64_t *)auxv - sp);
	uint64_t *to = sp - (string_bytes + sizeof *auxv) / 8;
	for (size_t i = 0; i < words; i++)
		to[i] = sp[i];
	Elf64_auxv_t *out = (Elf64_auxv_t *)(to + words);
	/* Ends where the old vector ended, less the string: entries only move down. */
	char *string = (char *)(out + n + 2);
	for (size_t i = 0; i < n; i++) {
		Elf64_auxv_t entry = auxv[i];
		entry.a_un.a_val = auxv_value(plan, &entry, execfn ? (uint64_t)string : 0);
		if (entry.a_type == AT_SYSINFO_EHDR && !(header->flags & MC_HEADER_VDSO)) {
			drop_vdso(entry.a_un.a_val);
			entry.a_type = AT_IGNORE;
			entry.a_un.a_val = 0;
		}
		out[i] = entry;
	}
	out[n].a_type = AT_MICROCOSM;
	out[n].a_un.a_val = rt_config.header;
	out[n + 1].a_type = AT_NULL;
	out[n + 1].a_un.a_val = 0;
	if (execfn)
		memcpy(string, execfn, string_length(execfn) + 1);
	return to;
}

/* Where the kernel cannot (before 6.10), a guest that maps over the region harms its own view. One
 * call for each run of mappings without a gap, which mseal does not take. */
static void seal_region(const struct rt_plan *plan)
{
	const struct rt_map *maps = (const struct rt_map *)((const char *)plan + plan->maps);
	uint64_t low = 0, high = 0, end = plan->seal_addr + plan->seal_len;
	for (uint32_t i = 0; i <= plan->n_maps; i++) {
		int more = i < plan->n_maps;
		if (more && (maps[i].addr < plan->seal_addr || maps[i].addr >= end))
			continue; /* the program's, the heap and the threads: theirs to change */
		if (more && maps[i].addr >= low && maps[i].addr + maps[i].len <= high)
			continue; /* mapped over a part of it */
		if (more && maps[i].addr == high) {
			high += maps[i].len;
			continue;
		}
		if (high)
			mc_syscall(__NR_mseal_x86_64, (long)low, (long)(high - low), 0, 0, 0, 0);
		if (more) {
			low = maps[i].addr;
			high = low + maps[i].len;
		}
	}
}

/* The thread's name, in the stub's place: the last part of the path. */
static void set_name(const char *path)
{
	const char *name = path;
	for (const char *p = path; *p; p++)
		if (*p == '/')
			name = p + 1;
	mc_syscall(__NR_prctl, 15 /* PR_SET_NAME */, (long)name, 0, 0, 0, 0);
}

void rt_start(const struct rt_plan *plan, void *sp)
{
	if (plan->n_seal)
		seal_region(plan);
	mc_syscall(__NR_munmap, (long)RT_STUB_BASE, (long)RT_STUB_SPAN, 0, 0, 0, 0);
	if (plan->entry == 0) {
		mc_syscall(__NR_munmap, (long)RT_PLAN_ADDR, (long)RT_PLAN_MAX, 0, 0, 0, 0);
		tracer(RT_OP_START, 0, (long)sp, 0);
	}
	if (plan->flags & RT_PLAN_EXEC_STACK)
		mc_syscall(__NR_mprotect, (long)sp & ~4095l, 4096,
			   PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN, 0, 0, 0);
	uint64_t *vector = rewrite_vector(plan, sp);
	if (plan->execfn)
		set_name((const char *)plan + plan->execfn);
	if (plan->fs_base)
		mc_syscall(__NR_arch_prctl, 0x1002 /* ARCH_SET_FS */, (long)plan->fs_base, 0, 0, 0, 0);
	/* RELRO is the guest's own safety. Where its resolvers have yet to run it stays writable:
	 * afterwards mprotect is the world's to grant. */
	const struct rt_map *relro = (const struct rt_map *)((const char *)plan + plan->relro);
	for (uint32_t i = 0; i < plan->n_relro && plan->n_resolves == 0; i++)
		mc_syscall(__NR_mprotect, (long)relro[i].addr, (long)relro[i].len, relro[i].prot, 0, 0, 0);
	uint64_t entry = plan->entry;
	if (plan->n_resolves || plan->n_inits)
		entry = (uint64_t)rt_first;
	else
		mc_syscall(__NR_munmap, (long)RT_PLAN_ADDR, (long)RT_PLAN_MAX, 0, 0, 0, 0);
	tracer(RT_OP_START, (long)entry, (long)vector, (long)RT_PLAN_ADDR);
	__builtin_trap();
}

/* The first code of a linked program's first thread, after -17: resolvers, then the needed objects'
 * initialisers. Returns where the program starts. */
uint64_t rt_guest_init(const struct rt_plan *plan, void *sp)
{
	const struct rt_resolve *resolve =
		(const struct rt_resolve *)((const char *)plan + plan->resolves);
	for (uint32_t i = 0; i < plan->n_resolves; i++)
		*(uint64_t *)resolve[i].where = ((uint64_t(*)(void))resolve[i].resolver)();
	long argc = *(long *)sp;
	char **argv = (char **)sp + 1;
	char **envp = argv + argc + 1;
	const uint64_t *inits = (const uint64_t *)((const char *)plan + plan->inits);
	for (uint32_t i = 0; i < plan->n_inits; i++)
		((void (*)(long, char **, char **))inits[i])(argc, argv, envp);
	return plan->entry;
}

/* ---- The boot process ---- */

void rt_boot(const struct rt_boot_list *list)
{
	for (;;) {
		const uint64_t *fn = (const uint64_t *)list->resolvers;
		for (uint64_t i = 0; i < list->n_resolvers; i++)
			tracer(RT_OP_RESOLVED, (long)i, (long)((uint64_t(*)(void))fn[i])(), 0);
		fn = (const uint64_t *)list->calls;
		for (uint64_t i = 0; i < list->n_calls; i++)
			((void (*)(int, char **, char **))fn[i])(0, NULL, NULL);
		/* Parked here until the world ends in order; then the finalisers' list. */
		list = (const struct rt_boot_list *)tracer(RT_OP_BOOT_DONE, 0, 0, 0);
	}
}

/* ---- The heap: blocks of powers of two, free lists under one lock ----
 * lock: 0 free, 1 taken. Taken only inside handlers, where signals are held; a process that is killed
 * while it is inside one ends the world, so the lock is never orphaned. Threads are few here and hold
 * it for some instructions: waiters spin. */

#define HEAP_CLASS_MIN 5  /* 32 bytes, 16 of them the block's head */
#define HEAP_CLASS_MAX 29 /* 512 MiB */

struct heap_block {
	uint64_t class;
	struct heap_block *next;
};

static struct {
	uint32_t lock;
	uint64_t next; /* offset of the first byte never used */
	struct heap_block *free[HEAP_CLASS_MAX + 1];
} heap;

static void heap_lock(void)
{
	while (__atomic_exchange_n(&heap.lock, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&heap.lock, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
}

static void heap_unlock(void)
{
	__atomic_store_n(&heap.lock, 0, __ATOMIC_RELEASE);
}

void *mc_alloc(size_t size)
{
	uint64_t class = HEAP_CLASS_MIN;
	while (class <= HEAP_CLASS_MAX && (1ull << class) - sizeof(struct heap_block) < size)
		class++;
	if (class > HEAP_CLASS_MAX)
		return NULL;
	heap_lock();
	struct heap_block *block = heap.free[class];
	int fresh = 0;
	if (block) {
		heap.free[class] = block->next;
	} else if (RT_HEAP_BYTES - heap.next >= 1ull << class) {
		block = (struct heap_block *)(rt_config.region_base + RT_OFF_HEAP + heap.next);
		heap.next += 1ull << class;
		fresh = 1;
	}
	heap_unlock();
	if (!block)
		return NULL;
	block->class = class;
	if (!fresh)
		memset(block + 1, 0, (1ull << class) - sizeof *block);
	return block + 1;
}

void mc_free(void *p)
{
	if (!p)
		return;
	struct heap_block *block = (struct heap_block *)p - 1;
	if (block->class < HEAP_CLASS_MIN || block->class > HEAP_CLASS_MAX)
		__builtin_trap();
	heap_lock();
	block->next = heap.free[block->class];
	heap.free[block->class] = block;
	heap_unlock();
}

/* ---- The core's calls for modules ---- */

const struct mc_header *mc_header(void)
{
	return (const struct mc_header *)rt_config.header;
}

mc_fn mc_register(int nr, mc_fn fn)
{
	return (mc_fn)mc_call(MC_SYS_REGISTER, nr, (long)fn, 0, 0, 0, 0);
}

mc_fn mc_get(int nr)
{
	return (mc_fn)mc_call(MC_SYS_GET, nr, 0, 0, 0, 0, 0);
}

long mc_deregister(int nr)
{
	return mc_call(MC_SYS_DEREGISTER, nr, 0, 0, 0, 0, 0);
}

long mc_thread_expand(size_t size, size_t align)
{
	return mc_call(MC_SYS_THREAD_EXPAND, (long)size, (long)align, 0, 0, 0, 0);
}

struct mc_thread *mc_thread_self(void)
{
	struct mc_thread *self;
	__asm__("movq %%gs:0, %0" : "=r"(self));
	return self;
}

long mc_thread_spawn(long (*entry)(void *), void *arg, void *stack, size_t size)
{
	return mc_call(MC_SYS_THREAD_SPAWN, (long)entry, (long)arg, (long)stack, (long)size, 0, 0);
}

long mc_thread_init(struct mc_thread *t)
{
	return mc_call(MC_SYS_THREAD_INIT, (long)t, 0, 0, 0, 0, 0);
}

long mc_thread_kill(long id, long value)
{
	return mc_call(MC_SYS_THREAD_KILL, id, value, 0, 0, 0, 0);
}

long mc_thread_join(long id, long *value)
{
	return mc_call(MC_SYS_THREAD_JOIN, id, (long)value, 0, 0, 0, 0);
}

long mc_grant(int nr, const struct mc_rule *rules, size_t n)
{
	return tracer(RT_OP_GRANT, nr, (long)rules, (long)n);
}

long mc_grant_all(const struct mc_grant *grants, size_t n)
{
	return tracer(RT_OP_GRANT_ALL, (long)grants, (long)n, 0);
}

long mc_register_all(const struct mc_entry *entries, size_t n)
{
	uint64_t core_stub = rt_config.region_base + RT_OFF_CORE_STUBS - MC_SYS_REGISTER * RT_STUB_SIZE;
	if ((uint64_t)mc_get(MC_SYS_REGISTER) == core_stub) {
		long r = tracer(RT_OP_REGISTER_ALL, (long)entries, (long)n, 0);
		if (r != -EPERM)
			return r;
	}
	for (size_t i = 0; i < n; i++)
		mc_register(entries[i].nr, entries[i].fn);
	return 0;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;
	for (size_t i = 0; i < n; i++)
		if (p[i] != q[i])
			return p[i] - q[i];
	return 0;
}

size_t strlen(const char *text)
{
	return string_length(text);
}
