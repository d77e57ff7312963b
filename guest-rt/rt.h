/* SPDX-License-Identifier: MIT
 * What the supervisor and the code that runs in the guest agree on, beside the public ABI. */
#ifndef MC_RT_H
#define MC_RT_H

#include "microcosm.h"

#ifdef __ASSEMBLER__
#define RT_U(value) value
#else
#define RT_U(value) value##ull
#endif

/* ---- The carrier ----
 * A filter that was there before ours, as a container has it, refuses each number that it does not name, and
 * what it refuses does not come to us. So what we ask of ourselves goes by a number that they all name, and
 * that does nothing: r9 says what it is. With any other r9 the call is the kernel's. */
#define RT_NR_CARRIER 146 /* sched_get_priority_max */
#define RT_CARRIES_HIGH 0x4d435254 /* upper half of all of these */
/* A gate: rdi frame, rsi gate index, rdx the thread's sequence number, r10 the thread's slot. Served by the
 * host process by seccomp notification. */
#define RT_CARRIES_GATE 0x4d43525400000000
/* The runtime's request to the tracer: rdi is an RT_OP. */
#define RT_CARRIES_TRACER 0x4d43525400000001
/* The core's own function of the number in r8, whatever the table has. */
#define RT_CARRIES_CORE 0x4d43525400000002
/* Any call, by the table: its number in r8, its own r8 and r9 at the stack pointer. */
#define RT_CARRIES_CALL 0x4d43525400000003

/* A kernel call that names a local socket, which names are not the kernel's to resolve: the tracer sends it to
 * the handler of this number instead, which the linux module has. Whoever else calls it gets the same. */
#define RT_NR_LOCAL(nr) (0x2000 + (nr))

/* In the flags of an upcall's frame, where the processor has 0: the result is to be reported. */
#define RT_FLAGS_TRACED 0x80000000

#define RT_GATE_MAX 8192
#define RT_GATE_FRAME_SIZE 0x150

/* The line of a thread, in its structure: struct rt_line below. */
#define RT_LINE 0x80
#define RT_LINE_ASK 2 /* beside enum rt_gate_status: call by notification */

/* ---- The region's layout: offsets from its base ---- */
#define RT_REGION_SIZE   RT_U(0x100000000) /* 4 GiB of addresses; pages cost only when touched */
#define RT_OFF_HEADER    RT_U(0x0)
#define RT_OFF_OPTIONS   RT_U(0x200) /* in the header's page: mc_header.options */
#define RT_OPTIONS_BYTES RT_U(0xe00)
#define RT_OFF_TABLE     RT_U(0x1000)
#define RT_TABLE_BYTES   (MC_NR_COUNT * RT_U(8))
#define RT_OFF_STUBS     RT_U(0x100000) /* text made by the tracer */
#define RT_STUB_SIZE     RT_U(16)
#define RT_OFF_CORE_STUBS   (RT_OFF_STUBS)           /* 256: index -nr */
#define RT_OFF_KERNEL_STUBS (RT_OFF_STUBS + 0x1000)  /* 1024: index nr */
#define RT_KERNEL_STUBS  RT_U(1024)
#define RT_OFF_GATE_STUBS   (RT_OFF_STUBS + 0x10000) /* RT_GATE_MAX: index gate */
#define RT_STUBS_BYTES   RT_U(0x40000)
/* Patched sites: a stub for each, and what the patched jumps go by, mapped at RT_SLOTS_ADDR too. A slot's
 * number is the upper half of a jump's operand's lower half: see call/patch.c. */
#define RT_OFF_SITES     RT_U(0x140000)
#define RT_SITE_SIZE     RT_U(64)
#define RT_SITES_BYTES   RT_U(0x80000)
#define RT_OFF_SLOTS     RT_U(0x1c0000)
#define RT_SLOTS_BYTES   RT_U(0x10000)
#define RT_SITE_COUNT    (RT_SLOTS_BYTES / 8)
#define RT_SLOTS_ADDR    RT_U(0x050f0000)
#define RT_OFF_MODULES   RT_U(0x200000)
#define RT_OFF_HEAP      RT_U(0x10000000)
#define RT_HEAP_BYTES    RT_U(0x30000000)
#define RT_OFF_THREADS   RT_U(0x40000000)
#define RT_SLOT_BYTES    RT_U(0x40000)
#define RT_SLOT_COUNT    ((RT_REGION_SIZE - RT_OFF_THREADS) / RT_SLOT_BYTES)
/* Within a thread's slot: a guard page, the handler stack, the structure, the ring. */
#define RT_SLOT_GUARD    RT_U(0x1000)
#define RT_SLOT_STACK_HIGH RT_U(0x20000)
#define RT_SLOT_THREAD   RT_U(0x20000)
#define RT_SLOT_RING     RT_U(0x30000)
/* ---- --trace-ring ----
 * Each thread records calls that need not stop in its ring; the tracer reads. */
#define RT_RING_RECORDS  512 /* a power of 2 */
#define RT_RING_MARK     384 /* unread ones, with which a thread asks to be read */
#define RT_RING_RECORD   80  /* bytes */
#define RT_RING_CALL     1
#define RT_RING_LOST     2   /* `result` records were lost before this */
/* rt_config.recorded: a byte for each number. */
#define RT_RECORD_WANTED 1 /* by handlers */
#define RT_RECORD_KERNEL 2 /* when its entry is a stub that does not stop, too */
/* In the stub of a patched site that records. */
#define RT_SITE_NUMBER   1  /* after the opcode, if that is RT_SITE_OF_NUMBER: else rax had it before */
#define RT_SITE_OF_NUMBER 0xb8
#define RT_SITE_KERNEL   17 /* what makes the kernel call */
#define RT_SITE_RETURN   21 /* 8 bytes: where the site's `syscall` returns to */

/* The window that the base is chosen from, 2 MiB aligned. */
#define RT_WINDOW_LOW    RT_U(0x566000000000)
#define RT_WINDOW_HIGH   RT_U(0x567f00000000)
#define RT_FIXED_BASE    RT_U(0x567000000000)

/* Where the stub is linked; nothing of a guest may be planned there. */
#define RT_STUB_BASE     RT_U(0x200000000000)
#define RT_STUB_SPAN     RT_U(0x10000)
#define RT_PLAN_ADDR     (RT_STUB_BASE + RT_STUB_SPAN) /* the plan, until the start is done */
#define RT_PLAN_MAX      RT_U(0x1000000)

#ifndef __ASSEMBLER__

enum rt_op {
	RT_OP_START = 1,    /* the stub is done: rsi = first user rip, rdx = first user rsp; once */
	RT_OP_PENDING,      /* the dispatcher's way out: signals or a kill were held back */
	RT_OP_GRANT,        /* rsi nr, rdx rules, r10 n: initialisers only */
	RT_OP_BOOT_DONE,    /* the boot process ran its list; returns 0, or the next list to run */
	RT_OP_RESOLVED,     /* rsi index of an IRELATIVE relocation, rdx what its resolver returned */
	RT_OP_TRACE_RETURN, /* a traced upcall returned: rsi its result */
	RT_OP_GRANT_ALL,    /* rsi array of struct mc_grant, rdx its length: initialisers only */
	RT_OP_REGISTER_ALL, /* rsi array of struct mc_entry, rdx its length: initialisers only */
	RT_OP_RING,         /* the thread's ring is nearly full */
};

struct rt_ring_record { /* the guest writes */
	uint32_t kind;
	int32_t nr;
	uint64_t start, end; /* ticks of the processor's time stamp counter; start 0: not known */
	int64_t result;
	uint64_t args[6];
};

struct rt_ring { /* counts are of records since the thread began */
	uint64_t head;  /* guest writes: how many there were */
	uint64_t limit; /* tracer writes: as many there may be by now */
	uint64_t mark;  /* both: with as many the thread asks to be read, once */
	uint64_t lost;  /* guest writes: how many found no room since the last record */
	uint64_t after; /* tracer writes: but not before this time, in ticks */
	uint64_t scratch[11]; /* the dispatcher's */
	struct rt_ring_record records[RT_RING_RECORDS];
};

_Static_assert(sizeof(struct rt_ring_record) == RT_RING_RECORD, "dispatch_x86_64.S");
_Static_assert(sizeof(struct rt_ring) <= RT_SLOT_BYTES - RT_SLOT_RING, "room for the ring");
_Static_assert(RT_SLOT_THREAD + MC_THREAD_SIZE_MAX <= RT_SLOT_RING, "room for the structure");

/* Gate indexes below RT_GATE_FIRST are the runtime's own. */
enum rt_gate {
	RT_GATE_DESCRIPTOR = 0, /* stub: the next descriptors of this start (plan first), or -errno */
	RT_GATE_RETURN = 1,     /* a callback returned: rax, xmm0 in the frame */
	RT_GATE_FIRST = 16,     /* host functions */
};

/* Of descriptors, as many as there are to come in one answer: the first in its lowest bits, each as its
 * number + 1. */
#define RT_DESCRIPTORS 3
#define RT_DESCRIPTOR_BITS 21

/* In a frame's err: what the gate call returned in rax is the function's result, a descriptor that the
 * host process has installed. */
#define RT_ERR_DESCRIPTOR (-1)

/* What a gate call returns in rax. */
enum rt_gate_status {
	RT_GATE_DONE = 0,     /* results are in the frame */
	RT_GATE_CALLBACK = 1, /* call frame->callback with its arguments, then RT_GATE_RETURN */
};

/* The call frame, on the calling thread's stack in the region, 16-byte aligned. The host process
 * copies it once. */
struct rt_gate_frame {
	uint64_t ireg[6];    /* 0x00 guest writes: rdi rsi rdx rcx r8 r9 */
	uint64_t rax;        /* 0x30 host writes (guest, before RT_GATE_RETURN) */
	uint64_t rdx;        /* 0x38 host writes */
	uint64_t stack[10];  /* 0x40 guest writes: the words above the return address */
	uint64_t callback;   /* 0x90 host writes: function in module text */
	int32_t err;         /* 0x98 host writes: errno after the call */
	uint32_t vector;     /* 0x9c guest writes: 1 when xmm holds arguments and wants results */
	uint64_t cb_ireg[6]; /* 0xa0 host writes: the callback's arguments */
	uint64_t xmm[8][2];  /* 0xd0 arguments; results in 0 and 1; a callback's arguments */
};

_Static_assert(offsetof(struct rt_gate_frame, rax) == 0x30, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_gate_frame, stack) == 0x40, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_gate_frame, callback) == 0x90, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_gate_frame, err) == 0x98, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_gate_frame, vector) == 0x9c, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_gate_frame, cb_ireg) == 0xa0, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_gate_frame, xmm) == 0xd0, "dispatch_x86_64.S");
_Static_assert(sizeof(struct rt_gate_frame) == RT_GATE_FRAME_SIZE, "dispatch_x86_64.S");

/* One cache line in each thread's structure, by which a gate call costs no kernel call while a thread of the
 * host process looks at it: as long as `spins` is not 0, the gate's stub writes its call here, looks so
 * often for the answer, and then makes the same call, of the same sequence number, by notification. So
 * nothing depends on what becomes of the line. */
struct rt_line {
	_Atomic uint16_t spins;    /* both write: the host process arms it, either takes it back */
	uint16_t unused;
	_Atomic uint32_t index;    /* guest writes */
	_Atomic uint64_t frame;    /* guest writes */
	_Atomic uint64_t sequence; /* guest writes, last */
	_Atomic uint64_t done;     /* host writes: sequence * 4 + enum rt_gate_status or RT_LINE_ASK */
};

_Static_assert(RT_LINE % 64 == 0 && sizeof(struct rt_line) <= 64, "one cache line");
_Static_assert(RT_LINE >= offsetof(struct mc_thread, reserved) + 16 &&
		       RT_LINE + 64 <= MC_THREAD_CORE_SIZE, "in what is reserved");
_Static_assert(offsetof(struct rt_line, index) == 0x04, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_line, frame) == 0x08, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_line, sequence) == 0x10, "dispatch_x86_64.S");
_Static_assert(offsetof(struct rt_line, done) == 0x18, "dispatch_x86_64.S");

/* ---- The plan: how a process is laid out, made by the host process, executed by the stub ----
 * One blob in a sealed memfd: struct rt_plan, then the arrays at the byte offsets it gives. The stub
 * maps it, collects the other descriptors in order (RT_GATE_DESCRIPTOR), makes the mappings in
 * order, closes everything, and jumps to `start` in the region with rdi = the plan and rsi = its
 * stack pointer as the kernel gave it. */
#define RT_PLAN_MAGIC 0x4e414c50434d5452ull

struct rt_map {
	uint64_t addr;   /* page aligned */
	uint64_t len;    /* bytes, whole pages */
	uint64_t offset; /* in the descriptor, page aligned */
	uint32_t prot;   /* PROT_* */
	uint32_t flags;  /* MAP_SHARED or MAP_PRIVATE (| MAP_ANONYMOUS); without MAP_FIXED,
			    MAP_FIXED_NOREPLACE is added */
	int32_t fd;      /* index of the descriptor, -1 for anonymous memory */
	uint32_t zero_from; /* bytes: zero the mapping from here to its end (bss in a file page); 0: none */
};

struct rt_resolve { /* an IRELATIVE relocation of a guest object: *where = ((fn)resolver)() */
	uint64_t where;
	uint64_t resolver;
};

struct rt_plan {
	uint64_t magic;
	uint64_t size;        /* bytes of the whole blob */
	uint64_t region_base;
	uint64_t start;       /* rt_start or rt_boot, in the region */
	uint32_t n_fds;       /* descriptors that follow the plan itself */
	uint32_t n_maps;
	uint64_t maps;        /* struct rt_map[n_maps]: the region's first */
	uint32_t n_seal;      /* 1: mseal [seal_addr, seal_addr + seal_len) where the kernel can */
	uint32_t flags;       /* RT_PLAN_* */
	uint64_t seal_addr, seal_len;
	/* For a guest program; all 0 in the boot process. */
	uint64_t entry;       /* where the first thread starts: the interpreter's entry if there is one */
	uint64_t program_entry, program_phdr, program_phent, program_phnum; /* AT_ENTRY, AT_PHDR... */
	uint64_t program_base;     /* load bias */
	uint64_t interpreter_base; /* AT_BASE, 0 without */
	uint64_t fs_base;          /* of the first thread, 0: none; programs that Microcosm links */
	uint64_t resolves;         /* struct rt_resolve[n_resolves] */
	uint64_t inits;            /* uint64_t[n_inits]: called in order with (argc, argv, envp) */
	uint32_t n_resolves, n_inits;
	uint64_t relro;            /* struct rt_map[n_relro], prot applied after resolves; fd unused */
	uint32_t n_relro;
	uint32_t execfn;           /* byte offset in the blob of the string for AT_EXECFN, 0: keep */
};
/* What a process that the supervisor spawns installs on itself first: it reads this and then the instructions
 * from RT_FILTERS_FD, and waits for them; the last one's listener goes to RT_CONTROL_FD as a struct ctl_msg's
 * first bytes with the descriptor. Such a process has executed the stub by its path, and AT_EXECFN says so:
 * guests execute it by descriptor alone, and the kernel then says "/dev/fd/". */
#define RT_FILTERS_FD 3
#define RT_CONTROL_FD 4
#define RT_FILTERS_MAX 2
#define RT_FILTERS_BYTES (64 + RT_FILTERS_MAX * 4096 * 8) /* as much as the kernel takes */

struct rt_filters {
	uint32_t n;
	uint32_t lengths[RT_FILTERS_MAX]; /* instructions of 8 bytes each */
	uint32_t message_size;            /* bytes of message */
	uint8_t message[48];              /* sent with the listener */
};

#define RT_PLAN_NO_VDSO 1u    /* unmap the vDSO and drop AT_SYSINFO_EHDR */
#define RT_PLAN_EXEC_STACK 2u /* PT_GNU_STACK asks for an executable stack */

/* What rt_boot runs: resolvers of module objects, then initialisers; at the end, finalisers. Lies in
 * the region's sealed part. */
struct rt_boot_list {
	uint64_t resolvers, n_resolvers; /* address of uint64_t[] of resolver functions */
	uint64_t calls, n_calls;         /* address of uint64_t[] of functions */
};

#endif
#endif
