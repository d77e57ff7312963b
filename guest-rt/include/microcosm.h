/* SPDX-License-Identifier: MIT
 * The Microcosm ABI, version 1, for guest programs and for modules: see microcosm(7). */
#ifndef MICROCOSM_H
#define MICROCOSM_H

#define MC_ABI_VERSION 1

/* Call numbers run from MC_NR_MIN to MC_NR_MAX. Negative ones belong to the core. */
#define MC_NR_MIN (-4096)
#define MC_NR_MAX 61439
#define MC_NR_COUNT (MC_NR_MAX - MC_NR_MIN + 1)

#define MC_SYS_REGISTER      (-1)
#define MC_SYS_GET           (-2)
#define MC_SYS_DEREGISTER    (-3)
#define MC_SYS_THREAD_EXPAND (-8)
#define MC_SYS_THREAD_SELF   (-9)
#define MC_SYS_THREAD_SPAWN  (-16)
#define MC_SYS_THREAD_INIT   (-17)
#define MC_SYS_THREAD_KILL   (-18)
#define MC_SYS_THREAD_JOIN   (-19)

/* mc_thread_kill(MC_WORLD, value) ends the world with exit status value & 0xff. */
#define MC_WORLD (-1L)

/* The auxiliary vector entry that points to struct mc_header. */
#define AT_MICROCOSM 0x6d63

#define MC_THREAD_SIZE_MAX 65536 /* bytes of a thread structure, the core's 256 included */
#define MC_THREAD_CORE_SIZE 256
#define MC_HANDLER_STACK_MIN 65536

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call number is associated with: a C function of up to six integer arguments. A result in
 * -4095..-1 is a negated errno. */
typedef long (*mc_fn)(long, long, long, long, long, long);

#define MC_HEADER_WRITABLE 2u /* the world has files that it may write: a header flag */
#define MC_HEADER_NET 4u      /* some network addresses may be used */
#define MC_HEADER_NET_HOST 8u /* all of them */

/* The region's header, read-only for guests. Addresses are absolute. */
struct mc_header {
	char magic[8];         /* "MICROCSM", no terminator */
	uint32_t abi_version;  /* MC_ABI_VERSION */
	uint32_t flags;        /* bit 0: the vDSO is there, since a clock call is granted; MC_HEADER_* */
	uint64_t region_base;  /* bytes; 2 MiB aligned */
	uint64_t region_size;  /* bytes */
	uint64_t entry;        /* call it with the registers of a `syscall`: see microcosm(7) */
	uint64_t table;        /* mc_fn[table_count]; number nr is at index nr - table_first */
	int64_t table_first;   /* MC_NR_MIN */
	uint64_t table_count;  /* MC_NR_COUNT */
	uint64_t xsave_mask;   /* vector state that the dispatcher keeps around guest handlers */
	uint64_t xsave_size;   /* bytes that XSAVE with that mask writes */
	uint64_t options;      /* name\0value\0name\0value\0 and an empty name: mc_option() */
};

/* The registers of an interrupted caller, on the handler stack, while a handler runs. */
struct mc_frame {
	uint64_t rax; /* the call number, as given */
	uint64_t rdi, rsi, rdx, r10, r8, r9;
	uint64_t rbx, rbp, r12, r13, r14, r15;
	uint64_t rip, rflags, rsp;
	struct mc_frame *outer; /* the frame of the handler that made this call, or NULL */
	uint64_t number;        /* rax as given, still there when rax has the result */
};

enum mc_thread_state {
	MC_THREAD_NEW = 1, /* being prepared: -17 has not returned */
	MC_THREAD_RUNNING = 2,
	MC_THREAD_ENDED = 3,
};

/* A thread's structure, at the GS base, in the region. The supervisor keeps its own record of
 * everything here: what a guest writes into it misleads that guest alone. Modules' parts follow at
 * the offsets that mc_thread_expand returned. */
struct mc_thread {
	struct mc_thread *self; /* 0x00 */
	int64_t id;             /* 0x08 > 0, unique in the world */
	int32_t state;          /* 0x10 enum mc_thread_state */
	int32_t process;        /* 0x14 process id, unique in the world, not the kernel's */
	int64_t value;          /* 0x18 what the thread ended with */
	uint64_t size;          /* 0x20 bytes in use, MC_THREAD_CORE_SIZE and up */
	uint64_t canary;        /* 0x28 where -mstack-protector-guard-reg=gs looks */
	struct mc_frame *frame; /* 0x30 the innermost handler's caller, NULL outside handlers */
	uint64_t stack_low;     /* 0x38 handler stack, lowest usable byte */
	uint64_t stack_high;    /* 0x40 and one past its highest */
	uint32_t depth;         /* 0x48 handlers that are active, 0 outside; the dispatcher writes */
	uint32_t pending;       /* 0x4c set by the supervisor: stop on the way out of handlers */
	uint64_t gate_sequence; /* 0x50 gates called so far; the gate stubs write */
	int32_t host_errno;     /* 0x58 errno of the last host function */
	uint32_t slot;          /* 0x5c the supervisor's index of this thread */
	uint64_t reserved[20];
};

_Static_assert(sizeof(struct mc_thread) == MC_THREAD_CORE_SIZE, "the core's part is 256 bytes");
_Static_assert(offsetof(struct mc_thread, canary) == 0x28, "compilers look for the canary here");

/* Any call, by the entry (never enters the kernel when the handler is guest code)... */
long mc_call(int nr, long a0, long a1, long a2, long a3, long a4, long a5);
/* ...and by the `syscall` instruction. Both return the result as it is: -errno on failure. */
long mc_syscall(int nr, long a0, long a1, long a2, long a3, long a4, long a5);

/* The nine calls of the core: microcosm(7) has their rules. */
mc_fn mc_register(int nr, mc_fn fn);
mc_fn mc_get(int nr);
long mc_deregister(int nr);
long mc_thread_expand(size_t size, size_t align);
struct mc_thread *mc_thread_self(void);
long mc_thread_spawn(long (*entry)(void *), void *arg, void *stack, size_t size);
long mc_thread_init(struct mc_thread *t);
long mc_thread_kill(long id, long value);
long mc_thread_join(long id, long *value);

/* The region's header; NULL when the program does not run on Microcosm. */
const struct mc_header *mc_header(void);

/* ---- For modules only ---- */

/* How one argument of a granted kernel call must compare: unsigned, all 64 bits. */
enum mc_rule_op {
	MC_RULE_EQ = 1, /* arg == value */
	MC_RULE_NE,     /* arg != value */
	MC_RULE_LT,     /* arg <  value */
	MC_RULE_LE,     /* arg <= value */
	MC_RULE_GE,     /* arg >= value */
	MC_RULE_GT,     /* arg >  value */
	MC_RULE_MASKED, /* (arg & mask) == value */
};

struct mc_rule {
	uint32_t arg; /* 0..5 */
	uint32_t op;  /* enum mc_rule_op */
	uint64_t mask;
	uint64_t value;
};

#define MC_RULES_MAX 6

/* Lets the kernel call nr pass where all n rules hold (n 0: always) and makes nr's entry the stub
 * of that kernel call. Further grants of the same number are alternatives. In initialisers only.
 * 0; -EPERM after sealing; -EINVAL for a number the kernel cannot have, n > MC_RULES_MAX, more than
 * one rule for an argument, or a bad rule; -EFAULT when rules is not in the region. */
long mc_grant(int nr, const struct mc_rule *rules, size_t n);

/* The same for n grants in one crossing, which is quicker than one by one: 0, or the error of the
 * first that fails; those before it hold. The grants lie in the region too. */
struct mc_grant {
	int32_t nr;
	uint32_t n_rules;
	const struct mc_rule *rules;
};
long mc_grant_all(const struct mc_grant *grants, size_t n);

/* mc_register for n entries in one crossing: 0, or -EFAULT when the entries do not lie in the region;
 * the world ends where mc_register would end it. In initialisers, and as long as nobody interposes
 * on MC_SYS_REGISTER; else it makes n calls, with the same effect. */
struct mc_entry {
	int32_t nr;
	mc_fn fn;
};
long mc_register_all(const struct mc_entry *entries, size_t n);

/* What the user said by --option NAME=VALUE, or by an option that stands for one (microcosm(1)); the
 * last of a name counts. NULL: nothing. */
const char *mc_option(const char *name);
/* The same where it is a decimal number >= 0; other where it is none, or was not said. */
long mc_option_number(const char *name, long other);

/* Copies between the region and the calling guest's memory: 0, or -EFAULT where that memory is not
 * mapped or not permitted (how much was copied is then unspecified). */
long mc_copy_in(void *to, const void *guest, size_t n);
long mc_copy_out(void *guest, const void *from, size_t n);

/* The same for a string: length without the terminator, -EFAULT, or -ENAMETOOLONG when no
 * terminator is among the first n bytes. */
long mc_copy_in_string(char *to, const char *guest, size_t n);

/* Memory of the region's heap, 16-byte aligned and zeroed; NULL when it is used up. Shared by all
 * processes of the world. */
void *mc_alloc(size_t size);
void mc_free(void *p);

/* In a module built with --fp: the address to register for fn, a thunk that keeps the caller's
 * vector state around it. MC_FP_DEFINE(fn) once at file scope, MC_FP(fn) where it is used. */
#define MC_FP(fn) ((mc_fn)fn##_mc_fp_thunk)
#define MC_FP_DEFINE(fn)                                                                   \
	static void *const fn##_mc_fp_target __attribute__((used)) = (void *)(fn);         \
	extern long fn##_mc_fp_thunk(long, long, long, long, long, long);                  \
	__asm__(".pushsection .text\n\t.type " #fn "_mc_fp_thunk, @function\n"             \
		#fn "_mc_fp_thunk:\n\t"                                                    \
		"movq " #fn "_mc_fp_target(%rip), %rax\n\t"                                \
		"jmp mc_fp_call@PLT\n\t.size " #fn "_mc_fp_thunk, .-" #fn "_mc_fp_thunk\n\t" \
		".popsection")

#ifdef __cplusplus
}
#endif
#endif
#endif
