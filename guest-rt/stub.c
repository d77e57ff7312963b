// SPDX-License-Identifier: MIT
// The stub: all that a new process executes before the region is there. One that the supervisor spawned
// installs its filters; each collects the plan and its descriptors through gate calls, makes the
// mappings, and goes on in the region. Freestanding, linked at RT_STUB_BASE; nothing of the supervisor
// is in it.
#include <asm/unistd.h>
#include <linux/mman.h>

#include "rt.h"

#define STUB_FDS_MAX 256

static long call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

/* Nothing can be reported from here: the supervisor sees the status and says what failed. */
static void fail(void)
{
	for (;;)
		call6(__NR_exit_group, 125, 0, 0, 0, 0, 0);
}

/* ---- Filters: struct sock_fprog, msghdr and cmsghdr as the kernel has them ---- */

struct filter_program {
	unsigned short n;
	const void *insns;
};

struct message {
	void *name;
	uint64_t name_len;
	void *vector;
	uint64_t vector_len;
	void *control;
	uint64_t control_len;
	uint64_t flags;
};

static void send_listener(const struct rt_filters *filters, long listener)
{
	struct {
		uint64_t len;
		int32_t level, type;
		int32_t fd, pad;
	} control = {20, 1 /* SOL_SOCKET */, 1 /* SCM_RIGHTS */, (int32_t)listener, 0};
	const struct {
		const void *base;
		uint64_t len;
	} part = {filters->message, filters->message_size};
	struct message message = {.vector = (void *)&part, .vector_len = 1, .control = &control,
				  .control_len = sizeof control};
	if (call6(__NR_sendmsg, RT_CONTROL_FD, (long)&message, 0, 0, 0, 0) < 0)
		fail();
	call6(__NR_close, listener, 0, 0, 0, 0, 0);
}

/* At the end of the stream the supervisor is gone. */
static void receive(char *to, uint64_t n)
{
	while (n) {
		long got = call6(__NR_read, RT_FILTERS_FD, (long)to, (long)n, 0, 0, 0);
		if (got <= 0)
			fail();
		to += got;
		n -= (uint64_t)got;
	}
}

static void install_filters(void)
{
	struct rt_filters *filters = (struct rt_filters *)call6(
		__NR_mmap, 0, RT_FILTERS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if ((unsigned long)filters >= -4095ul)
		fail();
	receive((char *)filters, sizeof *filters);
	if (filters->n > RT_FILTERS_MAX)
		fail();
	const uint64_t *insns = (const uint64_t *)(filters + 1);
	for (uint32_t i = 0, at = 0; i < filters->n; at += filters->lengths[i++])
		receive((char *)(insns + at), 8 * (uint64_t)filters->lengths[i]);
	long listener = -1;
	for (uint32_t i = 0; i < filters->n; i++) {
		struct filter_program program = {(unsigned short)filters->lengths[i], insns};
		int last = i + 1 == filters->n;
		listener = call6(__NR_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */,
				 last ? 8 /* SECCOMP_FILTER_FLAG_NEW_LISTENER */ : 0, (long)&program, 0,
				 0, 0);
		if (listener < 0)
			fail();
		insns += filters->lengths[i];
	}
	send_listener(filters, listener);
	call6(__NR_munmap, (long)filters, RT_FILTERS_BYTES, 0, 0, 0, 0);
	call6(__NR_close, RT_FILTERS_FD, 0, 0, 0, 0, 0);
	call6(__NR_close, RT_CONTROL_FD, 0, 0, 0, 0, 0);
}

/* ---- The plan ---- */

/* How many, at least one. */
static uint32_t next_descriptors(long sequence, int fds[RT_DESCRIPTORS])
{
	uint32_t n = 0;
	long answer = call6(RT_NR_CARRIER, 0, RT_GATE_DESCRIPTOR, sequence, -1, 0, RT_CARRIES_GATE);
	if (answer <= 0)
		fail();
	for (; answer; answer >>= RT_DESCRIPTOR_BITS)
		fds[n++] = (int)(answer & ((1 << RT_DESCRIPTOR_BITS) - 1)) - 1;
	return n;
}

static void map_one(const struct rt_map *map, const int *fds, uint32_t n_fds)
{
	long fd = map->fd >= 0 && (uint32_t)map->fd < n_fds ? fds[map->fd] : -1;
	/* The bss of a file page is cleared through a mapping that can be written. */
	long at = call6(__NR_mmap, (long)map->addr, (long)map->len, (long)map->prot,
			(long)(map->flags & MAP_FIXED ? map->flags : map->flags | MAP_FIXED_NOREPLACE),
			fd, (long)map->offset);
	if (at != (long)map->addr)
		fail();
	if (map->zero_from)
		for (char *p = (char *)map->addr + map->zero_from, *end = (char *)map->addr + map->len;
		     p < end; p++)
			*(volatile char *)p = 0;
}

/* sp is the stack as the kernel makes it: argc, argv, 0, envp, 0, pairs. */
static int executed_by_path(const uint64_t *sp)
{
	const uint64_t *pair = sp + 1 + *sp + 1;
	while (*pair++)
		;
	for (; pair[0]; pair += 2)
		if (pair[0] == 31 /* AT_EXECFN */) {
			const uint64_t by_descriptor = 0x2f64662f7665642f; /* "/dev/fd/" */
			uint64_t begin;
			__builtin_memcpy(&begin, (const char *)pair[1], sizeof begin);
			return begin != by_descriptor;
		}
	return 0;
}

__attribute__((used)) static void stub_main(void *sp)
{
	int all[1 + STUB_FDS_MAX + RT_DESCRIPTORS]; /* the plan's, then what it has */
	const int *fds = all + 1;
	if (executed_by_path(sp))
		install_filters();
	long sequence = 1;
	uint32_t n = next_descriptors(sequence++, all);
	const struct rt_plan *plan = (const struct rt_plan *)RT_PLAN_ADDR;
	if (call6(__NR_mmap, RT_PLAN_ADDR, RT_PLAN_MAX, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE,
		  all[0], 0) != (long)RT_PLAN_ADDR)
		fail();
	if (plan->magic != RT_PLAN_MAGIC || plan->n_fds > STUB_FDS_MAX)
		fail();
	while (n <= plan->n_fds)
		n += next_descriptors(sequence++, all + n);
	const struct rt_map *maps = (const struct rt_map *)((const char *)plan + plan->maps);
	for (uint32_t i = 0; i < plan->n_maps; i++)
		map_one(&maps[i], fds, plan->n_fds);
	for (uint32_t i = 0; i < n; i++)
		call6(__NR_close, all[i], 0, 0, 0, 0, 0);
	((void (*)(const struct rt_plan *, void *))plan->start)(plan, sp);
	fail();
}

__asm__(".globl _start\n"
	"_start:\n\t"
	"xorl %ebp, %ebp\n\t"
	"movq %rsp, %rdi\n\t"
	"andq $-16, %rsp\n\t"
	"call stub_main\n");
