/* SPDX-License-Identifier: MIT
 * A world: one run. The state that the tracer keeps of its region, processes and threads; nothing in
 * it is read from memory that a guest can write. One thread, the tracer's, touches it. */
#ifndef WORLD_H
#define WORLD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "arch/arch.h"
#include "base/ctl.h"
#include "base/err.h"
#include "load/modules.h"
#include "net.h"
#include "os/os.h"
#include "region/region.h"
#include "rt.h"
#include "trace/fault.h"
#include "trace/trace.h"

struct world;
struct thread;
struct ring_clock;

/* ---- Processes: address spaces ---- */

enum process_phase {
	PROCESS_STUB,     /* the stub and rt_start: nothing of the guest's has run */
	PROCESS_RUNNING,
	PROCESS_ENDING,   /* its threads are being brought out of handlers and ended */
};

struct own_entry { /* an entry of the table that this process alone sees */
	int32_t nr;
	uint64_t fn;
};

#define CODE_RANGES 8

struct process {
	struct process *next;
	int32_t id;      /* Microcosm's */
	pid_t tgid;      /* the kernel's */
	enum process_phase phase;
	bool boot, first;
	struct thread *threads; /* those in a slot, the latest first; ended ones until they are joined */
	size_t n_threads; /* a vfork child's thread counts here until it executes */
	bool executed; /* it runs what it executed, not what it began as */
	bool own_affinity; /* it has chosen CPUs for its threads: we do not */
	struct own_entry *own; /* sorted by nr */
	size_t n_own;
	uint8_t private_pages[(RT_TABLE_BYTES / 4096 + 7) / 8]; /* of the table: copied on write */
	uint8_t interposed[RT_KERNEL_STUBS / 8]; /* numbers that a stacked filter hands to us */
	struct thread *ender; /* PROCESS_ENDING: the thread whose call or signal ends it, or NULL */
	int end_signal;       /* PROCESS_ENDING: the signal, 0 for exit_group */
	int status;             /* wait status of its leader, once that is reaped */
	bool exits;           /* by exit_group: its argument is the status, else the first thread's value */
	int first_value;
	int forced_status;    /* exit status to report instead of the kernel's, -1: none */
	uint16_t *sites;      /* slots of patched ones; a fork's child has its parent's */
	size_t n_sites, room_sites;
	struct code_range {   /* where its calls came from, and what was known of that code then: call/proven.c */
		uint64_t low, high;
		uint32_t changes;
	} code[CODE_RANGES];
	struct stack_pool { uint64_t base, size; } *stacks; /* made for -16 and free again */
	size_t n_stacks, room_stacks;
	bool shares_files; /* its descriptors with another process, or did once: by CLONE_FILES */
	char *exe;        /* the path of what it executes, in the world's files; NULL: not known */
	uint32_t program; /* another number for each exec */
};

/* ---- Threads ----
 * state      set by                              next
 * NEW        its maker's event or own first stop RUNNING by thread_begin
 * RUNNING    thread_begin                        ENDED at its last stop
 * ENDED      on_exiting; the kernel's thread may  freed by -19 (joinable) or when it is gone
 *            be gone or not (`gone`)
 */
enum thread_state { THREAD_NEW, THREAD_RUNNING, THREAD_ENDED };

struct held_signal {
	siginfo_t info;
	bool sent; /* sent again by us: its delivery stop gets this siginfo */
};

/* A kernel call that the tracer makes in a stopped thread, and what follows. */
struct injection {
	bool active;
	int64_t nr;
	uint64_t args[6];
	struct regs saved;
	/* Goes on with the thread, which is stopped and has its saved registers again. */
	void (*then)(struct world *w, struct thread *t, int64_t result);
	uint64_t data[4]; /* for then */
};

/* The registers that a call in the kernel has otherwise than its caller gave them: call/socket.c. */
struct lent {
	bool active;
	uint64_t rsi, rdx, r8;
};

#define LENT_BYTES 1280 /* of sealed memory, for each slot */

enum wait_kind { WAIT_NONE, WAIT_JOIN };

/* Why there are ticks: threads that may be pinned, threads with something held back, rings to be read. */
enum tick_reason { TICKS_PLACE = 1, TICKS_HELD = 2, TICKS_RINGS = 4 };

#define TICK_MS 5

#define PINNED_MAX 64

/* Whether a thread is kept on the tracer's CPU: see place.c. */
struct placement {
	uint64_t since_ns; /* the last look at how often it stops */
	uint32_t stops;    /* since then */
	uint64_t cpu_ns;   /* how long it had run at the last tick after a stop */
	uint64_t ran_ns, last_ns; /* how long at the last tick, and between the last two */
	uint32_t idle;     /* ticks since */
	uint32_t gates;    /* of w->gate_counts, at the last tick */
	bool pinned;
	bool used;         /* it stopped since the last tick */
	bool freed;        /* let go to see where it goes: look soon */
};

#define HELD_PATHS 4096     /* descriptors that have such a name: /proc/self/fd/N */
#define HELD_PATH_BYTES 24

#define CALLS_KEPT 16

struct thread {
	struct thread *hash_next;
	struct thread *process_next; /* of process->threads */
	pid_t tid, tgid;  /* the kernel's */
	int64_t id;       /* Microcosm's */
	uint32_t slot, epoch;
	uint32_t fs; /* index of its word, UINT32_MAX: none */
	struct process *process; /* NULL: its maker's event has not come yet */
	enum thread_state state;
	bool stopped;     /* in a stop that we may edit and must resume */
	bool job_stopped; /* as a job is, until a signal continues it */
	bool first_stop_seen;
	bool interrupting; /* it is to stop soon; any other stop makes the kernel forget that */
	bool gone;        /* reaped */
	unsigned breakpoint_traps; /* since it was set */
	uint64_t breakpoint; /* where it is to stop for its site to be patched, 0: nowhere */
	int32_t breakpoint_nr; /* of the call that was made there */
	bool makes;       /* is in a fork, vfork or clone */
	bool joinable;    /* made by -16, or a world's or process's first */
	bool guard_due;   /* its own mprotect of the guard page is still to come */
	int64_t value;    /* what it ended with */
	uint64_t stack_base, stack_size; /* allocated by -16, 0: not ours */
	struct mc_frame begin; /* THREAD_NEW: the registers that it starts with */

	enum wait_kind wait;
	struct thread *wait_for;  /* WAIT_JOIN */
	uint64_t wait_value;      /* guest address for the value, or 0 */
	struct thread *joiner;    /* who waits for this one */
	struct thread *spawning;  /* the record of what its -16 is making, until the kernel has made it */

	bool kill_pending; /* -18 from elsewhere: takes effect outside handlers */
	bool killed;       /* with kill_pending: by SIGKILL, which its thread group dies of */
	int64_t kill_value;
	bool exec_waits;   /* stopped at its execveat until the process's other threads have ended */
	bool exiting;      /* its exit call is on the way: let it pass */
	char *exe;         /* what its next execveat goes by, NULL: not known */

	struct held_signal *held;
	size_t n_held, room_held;

	bool settling;     /* stopped in a gate that the host process settles */
	bool settle_signal; /* on account of a signal in settle_info, else of -18 */
	siginfo_t settle_info;
	struct injection injection;
	struct lent lent;
	int local; /* the socket's file that its handler's next local address means; -1: none */
	uint64_t settle_sequence;
	int32_t called;     /* that call's number */
	uint64_t restarts;  /* where it is when a signal comes that it repeats that call after; 0: nowhere */
	int32_t upcall_due; /* a vsyscall's number + 1: upcall at the next stop */
	bool begin_here;    /* THREAD_NEW: starts with the registers of its first stop */
	struct interposition *interpose; /* a filter is to be installed in it */
	struct interposition *awaits;    /* stopped at its -1 or -3 until all are */
	struct placement place;

	struct fault_call calls[CALLS_KEPT]; /* ring of the last trapped calls */
	size_t n_calls;
	struct traced_call *traced; /* trapped calls under way, innermost first */
	uint64_t ring_tail; /* records of its ring that have been read */
};

/* ---- The table of calls ---- */

struct grant {
	struct os_rule rule;
};

struct table {
	uint64_t world[MC_NR_COUNT]; /* index nr - MC_NR_MIN: the world's entries */
};

enum world_end {
	END_NONE,
	END_ORDERLY, /* first process ended, or MC_WORLD: finalisers run */
	END_BROKEN,  /* a rule broken or a failure: at once */
};

struct world {
	struct region region;
	struct module_set *modules;
	struct table *table;
	struct grant *grants;
	size_t n_grants, room_grants;
	bool sealed;
	uint64_t thread_size; /* bytes in use in every thread structure */
	uint64_t canary;

	struct process *processes;
	int32_t last_process_id;
	struct thread **by_tid; /* hash */
	size_t n_threads;
	struct thread *by_slot[RT_SLOT_COUNT];
	uint32_t slot_generation[RT_SLOT_COUNT];
	uint32_t *free_slots;   /* a stack: the lowest first at start */
	size_t n_free_slots;
	size_t n_making;        /* of these, promised to what threads are making */
	struct ctl_thread *thread_table; /* what the host process reads */
	_Atomic uint64_t *fs_words;      /* ... and writes; in the same memory, then how often both changed */
	_Atomic uint32_t *gate_counts;   /* ... and these, behind them: by slot */
	uint32_t fs_users[RT_SLOT_COUNT]; /* threads that have the word, 0: free */
	uint32_t fs_next;                 /* where to look for a free one */
	int thread_table_fd;

	struct process *boot;
	struct thread *boot_thread; /* parked after the initialisers */
	struct process *first;
	pid_t host_pid;
	int control; /* socket to the host process */
	bool host_gone;
	struct ctl_msg *msg; /* one buffer for all messages in and out */
	struct ctl_msg *answer;           /* that came before it was waited for, or NULL */
	struct ctl_msg *incoming;         /* and one for those that are put by while one is sent */
	struct waiting_message *messages; /* put by, the oldest first */

	/* What the runtime in the region offers, by address. */
	struct {
		uint64_t config, entry, entry_trap, entry_trapped, entry_ring, upcall, upcall_trapped, upcall_ring, site, site_ring, site_recorded;
		uint64_t dispatch_begin, dispatch_end;
		uint64_t exit_check, exit_end, thread_begin, thread_main;
		uint64_t core_call, core_called, core_get, core_init, boot, start, first;
		uint64_t gate_call, gate_call_vector, copy_begin, copy_end, copy_fault;
	} rt;
	int filters_fd;     /* of the first process, which waits for them */
	bool filters_ready;
	struct net net;
	uint32_t shown_uid, shown_gid; /* what guests take for their effective ids: --uid */
	bool listens_freely; /* no listen(2) can let the kernel choose an address that --net has not */
	bool waits;       /* for all processes, not for the first alone */
	int first_status; /* of the first process, which has ended */
	char *first_exe;  /* what it is to execute first */
	uint32_t last_program;
	uint64_t boot_list; /* struct rt_boot_list of initialisers, then of finalisers */
	uint64_t fini_list;
	uint64_t scratch;   /* sealed pages for what injected calls point to */
	uint64_t empty_path; /* in the sealed part too */
	uint64_t lent;       /* and there LENT_BYTES for each slot */
	uint64_t held_paths; /* and names of a process's own descriptors, made when they are needed */
	int stub_fd;
	uint64_t stub_dev, stub_ino;

	enum world_end end;
	int status; /* exit status */
	char end_reason[512];
	bool finalising, boot_ready;
	uint8_t interposed[RT_KERNEL_STUBS / 8]; /* granted numbers that were ever interposed */

	struct trace *trace;  /* NULL: none */
	struct rings *rings;  /* ring.c; NULL: what is traced stops */
	struct learn *learn;  /* NULL: nothing is to be learned */
	struct patches *patches; /* call/patch.c; NULL, as the two below: sites stay as they are */
	struct slots *slots;     /* call/slots.c */
	struct proven *proven;   /* call/proven.c */
	int cpu;               /* the tracer's, and that of the threads pinned to it */
	unsigned ticks;
	uint32_t pinned[PINNED_MAX]; /* slots */
	size_t n_pinned;
	uint64_t last_tick_ns, apart_until_ns;
	unsigned ticking; /* enum tick_reason bits: os_wait is interrupted every TICK_MS */
	bool unplaced; /* there may be threads whose maker's event has not come */
	bool first_stopped_by_guest;
	bool stopping; /* the supervisor stops itself once the first process has */
	uint64_t start_ns;
};

/* Ends the world: everything is killed when control returns to the loop. The first reason counts. */
void world_end(struct world *w, enum world_end how, int status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- world.c ---- */
struct options;
int world_run(const struct options *options, void (*host)(void), int *status, struct err *err);

/* ---- call/thread.c: records ---- */
int threads_init(struct world *w, struct err *err);
void threads_free(struct world *w);
struct process *process_new(struct world *w, pid_t tgid);
void process_release(struct world *w, struct process *p);
struct thread *thread_new(struct world *w, pid_t tid); /* not in a slot or process yet */
struct thread *thread_find(const struct world *w, pid_t tid);
/* The next thread after `last` (NULL: the first) that is stopped and in no process yet. */
struct thread *threads_unplaced(const struct world *w, const struct thread *last);
struct thread *thread_by_id(const struct world *w, int64_t id);
/* Gives it a slot, an id and a prepared structure in the region; -EAGAIN when all are taken. */
int thread_place(struct world *w, struct thread *t, struct process *p);
/* Puts it into another process, which is of another address space. */
void thread_move(struct thread *t, struct process *to);
/* Makes its structure that of a thread that has not begun. */
void thread_prepare(struct world *w, struct thread *t);
void thread_set_tid(struct world *w, struct thread *t, pid_t tid);
/* Tells the host process who runs in the slot; before the thread is resumed. */
void thread_report(struct world *w, struct thread *t, enum ctl_plan plan);
/* It is gone: before its slot can be another's. */
void thread_unreport(struct world *w, const struct thread *t);
void thread_forget(struct world *w, struct thread *t); /* frees slot and record */
/* Its structure in the region: the tracer's view of bytes that guests write. */
struct mc_thread *thread_structure(const struct world *w, const struct thread *t);
uint64_t thread_address(const struct world *w, const struct thread *t);
uint64_t thread_stack_high(const struct world *w, const struct thread *t);
/* Handlers are active, or the dispatcher is: signals and kills wait. */
bool thread_inside(const struct world *w, const struct thread *t, const struct regs *regs);
void thread_set_pending(const struct world *w, const struct thread *t, bool pending);
/* Writes t->begin to the handler stack and points regs at rt_thread_begin. */
void thread_begin(struct world *w, struct thread *t, struct regs *regs);

/* ---- call/fs.c: a word of the host process's for each process, inherited as Linux's fs_struct ----
 * The tracer copies it and never reads it. A thread has its maker's with CLONE_THREAD or CLONE_FS,
 * else a copy. */
void fs_new(struct world *w, struct thread *t);
void fs_share(struct world *w, struct thread *t, const struct thread *with);
void fs_copy(struct world *w, struct thread *t, const struct thread *from);
void fs_leave(struct world *w, struct thread *t);

/* ---- call/table.c ---- */
void table_init(struct world *w);
uint64_t table_get(const struct world *w, const struct process *p, int32_t nr);
/* Sets and returns the previous value; the memory of all processes is in line when it returns. */
uint64_t table_set(struct world *w, struct thread *t, int32_t nr, uint64_t fn);
void table_unset(struct world *w, struct thread *t, int32_t nr);
int table_inherit(struct process *child, const struct process *parent);
bool table_nr_valid(int64_t nr);
uint64_t table_core_default(const struct world *w, int32_t nr); /* 0: not one of the nine */
uint64_t table_core_stub(const struct world *w, int32_t nr);
uint64_t table_kernel_stub(const struct world *w, int32_t nr); /* 0: the kernel has no such number */
bool table_in_stubs(const struct world *w, uint64_t ip);

/* ---- call/grant.c ---- */
int64_t grant_add(struct world *w, int32_t nr, uint64_t rules, uint64_t n);
int64_t grant_add_all(struct world *w, uint64_t grants, uint64_t n); /* of struct mc_grant */
/* As many -1 calls by t, of the boot process, with an array of struct mc_entry in the region. */
int64_t register_all(struct world *w, struct thread *t, uint64_t entries, uint64_t n);
/* Copies what a module has, constant or not; false when it is not in one mapping of the region. */
bool region_copy(const struct world *w, uint64_t address, void *out, size_t size);
bool grant_any(const struct world *w, int32_t nr);
bool grant_allows(const struct world *w, int32_t nr, const uint64_t args[6]);
bool grant_condition_holds(const struct mc_rule *rule, const uint64_t args[6]);
/* ... and leaves the region's mappings alone, which no grant covers. */
bool grant_spares_region(const struct world *w, int32_t nr, const uint64_t args[6]);
/* The world's filter; the second is for numbers that are granted and interposed, n 0 when none. */
int grant_filter(struct world *w, struct os_program *filter, struct os_program *extra,
		 struct err *err);

/* ---- call/core.c: the nine calls ---- */

enum served {
	SERVED_RESULT,  /* *result is what the caller gets */
	SERVED_BLOCKED, /* the thread sleeps in the kernel until it is woken */
	SERVED_RESUMED, /* the callee has taken care of the thread */
};

enum served core_call(struct world *w, struct thread *t, int32_t nr, const uint64_t args[6],
		      int64_t *result);
/* The thread that t's -16 is making at the moment, or NULL. */
struct thread *core_spawning(const struct thread *t);
/* ... has been made. */
void core_spawned(struct thread *t);
/* t was killed: what its -16 was making is given up. */
void core_spawn_lost(struct world *w, struct thread *t);
/* Completes a -19 whose thread is stopped and whose target has ended. */
void core_join_complete(struct world *w, struct thread *t, struct regs *regs);
void core_join_cancel(struct thread *t);
/* A thread has ended: wakes who waits for it, or releases it. */
void core_thread_ended(struct thread *t);

/* ---- call/end.c: ending threads and processes from outside ---- */
void thread_kill_request(struct world *w, struct thread *t, int64_t value);
/* At a stop of t outside handlers: makes it exit. */
void thread_exit_now(struct world *w, struct thread *t, int64_t value);
/* exit_group, or a signal that ends the process: true when nothing stands in the way, else the other
 * threads are ended first and t waits. */
bool process_end(struct world *w, struct process *p, struct thread *ender, int signal);
void process_end_continue(struct world *w, struct process *p);
/* SIGKILL by another, of p or of a process that shares p's memory without being threads of it (a vfork
 * child, before it executes). */
int64_t process_end_other(struct world *w, struct process *p, pid_t tgid);
/* SIGKILL, at once: the processes that share the memory without being threads of p's too. */
void process_kill(const struct process *p);

/* ---- call/exec.c ---- */
/* At a granted execveat of t's. */
void exec_begin(struct world *w, struct thread *t);
/* A thread of p's has ended. */
void exec_continue(struct world *w, struct process *p);
/* The kernel has executed something: what was thread `former` is thread tid. False: not what it was
 * allowed to; it must not run. */
bool exec_done(struct world *w, pid_t tid, pid_t former);

/* ---- proc.c: what the host process may know of the world's processes ---- */
/* CTL_ASK and CTL_EXE, in w->msg, which is used for the answer. */
void proc_ask(struct world *w);
void proc_exe(struct world *w);
void proc_inherit(struct process *child, const struct process *parent);
/* t's process executes what CTL_EXE said of t; before it is reported. */
void proc_executed(struct world *w, struct thread *t);

/* ---- call/socket.c ---- */
#define SOCKET_LOCAL 1
/* Has a call go on with a copy of the address that it names, until its end, where socket_return gives the
 * registers back. 0, or what the call is to answer, or SOCKET_LOCAL: it names a local socket, which the
 * module's handler of RT_NR_LOCAL finds first. */
int64_t socket_lend(struct world *w, struct thread *t, const struct os_call *call);
void socket_return(struct thread *t);
/* The call that t is stopped at is to read these bytes, LENT_BYTES at most, where its third argument pointed; socket_return
 * gives the register back. 0 or -errno. */
int lend_argument(struct world *w, struct thread *t, const void *bytes, size_t n);
/* The file that the next local address of t's handler means, -1: none any more. It is closed here. */
void socket_set_local(struct thread *t, int fd);

/* ---- call/owner.c: signals for input ---- */
/* Has fcntl's F_SETOWN or F_SETOWN_EX go on with what was looked at: 0, or what the call is to answer. */
int64_t owner_lend(struct world *w, struct thread *t, const struct os_call *call);
/* Has t, stopped at what turns these signals on, go on with it: 0, or what the call is to answer. */
int64_t owner_signals(struct world *w, struct thread *t, const struct os_call *call);

/* ---- call/inject.c ---- */
int inject(struct world *w, struct thread *t, const struct regs *at, bool trapped, int64_t nr,
	   const uint64_t args[6],
	   void (*then)(struct world *, struct thread *, int64_t));
void inject_finish(struct world *w, struct thread *t);
/* The last of them is done: the thread goes on after its own call, which returns result. */
void inject_return(struct world *w, struct thread *t, int64_t result);
/* A call that t makes while an injection is under way is the injected one. */
bool inject_is(const struct thread *t, const struct os_call *call);

/* ---- call/patch.c, slots.c: call sites that trap again and again ---- */
int patches_init(struct world *w, struct err *err);
void patches_free(struct world *w);
/* t is stopped at a call that a handler serves, or that is to be recorded: patches what is known of its code; counts
 * its site, and has it patched when it is hot. */
void patch_consider(struct world *w, struct thread *t, const struct os_call *call);
/* A SIGTRAP of t's: true when it was ours, and t has been resumed. */
bool patch_reached(struct world *w, struct thread *t, const siginfo_t *info, const struct regs *regs);
int patch_inherit(struct world *w, struct process *child, const struct process *parent);
/* The process's memory is gone. */
void patch_forget(struct world *w, struct process *p);

/* ---- signals.c ---- */
void signal_stop(struct world *w, struct thread *t, int signal);
void signal_settled(struct world *w, struct thread *t, enum ctl_outcome outcome, int64_t status);
/* RT_OP_PENDING: leaves the outermost handler in the dispatcher's place and sends what was held. */
void signal_release(struct world *w, struct thread *t);
/* The tracer's own calls in t are done, which is stopped and goes on with regs: outside handlers, what
 * was held meanwhile is sent again. */
void signal_send_held(struct world *w, struct thread *t, const struct regs *regs);
/* Signals wait for t to leave its handlers. */
bool signal_holds(const struct thread *t);
/* At a stop that nudge asked for, inside a handler: breaks off the wait that t may have begun since. */
void signal_nudged(struct world *w, struct thread *t, struct regs *regs);
/* At any other stop: true when t was in a gate on behalf of a kill and is being settled. */
bool signal_settle_for_kill(struct world *w, struct thread *t, const struct regs *regs);
/* A signal's default action ends the process. */
bool signal_is_fatal(int signo);

/* ---- report.c: the trace's and the fault report's view of a world ----
 * With a trace, every trapped call is on its thread's stack of calls under way until its result shows:
 * at once, at the kernel call's end, or when its handler returns. */
int report_open(struct world *w, const struct options *options, struct err *err);
/* A line for each module that was loaded; an error when the trace is to show one that was not. */
int report_modules(struct world *w, struct err *err);
void report_close(struct world *w);
void report_call(struct world *w, struct thread *t, const struct os_call *call);
void report_result(struct world *w, struct thread *t, int64_t result);
/* The innermost call goes on in a handler: true when its result is to be seen; recorded: the guest records it, else
 * the handler is to report it on its way out. */
bool report_upcall(struct thread *t, bool recorded);
/* ... in the kernel; report_in_kernel says whether its end is to be waited for. */
void report_kernel(struct thread *t);
bool report_in_kernel(const struct thread *t);
void report_kernel_end(struct world *w, struct thread *t, const struct regs *regs);
/* A traced handler has returned. */
void report_return(struct world *w, struct thread *t, int64_t result);
/* ... or recorded its call, as it says. */
void report_recorded(struct world *w, struct thread *t, const struct rt_ring_record *record,
		     const struct ring_clock *clock);
/* The thread, or its calls under way, will not come back. */
void report_drop(struct world *w, struct thread *t);
void report_gate(struct world *w, struct thread *t, uint32_t index, const struct ctl_gate *gate);
void report_fault(struct world *w, struct thread *t, const siginfo_t *info,
		  const struct regs *regs);

/* ---- ring.c: --trace-ring ---- */
int rings_init(struct world *w, struct err *err); /* before the region is sealed */
void rings_free(struct world *w);
uint64_t rings_recorded(const struct world *w); /* for rt_config */
/* Says what guests are to record: once grants are known. */
void rings_choose(struct world *w);
/* A granted kernel call that the filter lets pass where it is recorded. */
bool rings_grant(const struct world *w, int32_t nr);
/* This call is recorded where it is made, or is a handler's own: no line of ours. */
bool rings_has(const struct world *w, const struct os_call *call);
void ring_begin(struct world *w, struct thread *t); /* its structure is new */
/* Prints what t has recorded. It may be running; asked: it stopped for that. */
void ring_read_on(struct world *w, struct thread *t, bool asked);
/* The same, and what was lost since, of one that is not running. */
void ring_read_all(struct world *w, struct thread *t);
void rings_tick(struct world *w);

/* ---- learn.c: --learn ---- */
int learn_open(struct world *w, const struct options *options, struct err *err);
void learn_note(struct world *w, const struct ctl_msg *msg); /* a CTL_LEARNED */
void learn_address(struct world *w, const union net_address *address); /* it was refused */
void learn_close(struct world *w, const struct options *options);

/* ---- place.c ---- */
/* The program's first thread, stopped: it begins on the tracer's CPU. */
void place_start(struct world *w, struct thread *t);
/* A new thread runs where its maker does, until it has shown how often it stops. */
void place_inherit(struct world *w, struct thread *child, const struct thread *parent);
void place_follow(struct world *w, struct thread *t); /* t is in a stop for a call */
/* t is about to look at affinities of its process's threads, or to set one. */
void place_affinity(struct world *w, struct thread *t, bool sets);
void place_tick(struct world *w);                     /* os_wait was interrupted */

/* ---- surface.c ---- */
void surface_print(const struct world *w, FILE *to);

/* ---- loop.c ---- */
/* Calls that end processes, replace them or reach others: never left to the filter. */
bool call_is_mediated(int32_t nr);
/* The same of other calls for some arguments alone: these; some of those that this rule lets pass. */
bool arguments_are_mediated(int32_t nr, const uint64_t args[6]);
bool rule_is_mediated(const struct os_rule *rule);
/* setpriority, sched_setparam, sched_setscheduler: 0 or -errno. */
int64_t priority_set(struct world *w, struct thread *t, const struct os_call *call);
/* False where there can be none. */
bool ticks_want(struct world *w, enum tick_reason reason, bool wanted);
/* What is held back from a thread inside a handler breaks off the waits that it begins later too, which
 * nothing tells us of: until none has anything held back, such threads are stopped now and then. */
void nudge_begin(struct world *w);
/* Resumes a stopped thread with what its state asks for. */
void thread_resume(struct world *w, struct thread *t, int signal);
/* Has it stop by OS_EVENT_STOP, whatever other stops come before. */
void thread_interrupt(struct thread *t);
/* Serves events until `until` is true or the world ends. */
void loop_run(struct world *w, bool (*until)(const struct world *));
/* The same for one event while everything is being killed: only ends matter. */
void loop_reap(struct world *w, const struct os_event *event);

/* ---- control.c: messages ---- */
/* Never waits for the host process to read before it has read what that sent. 0 or -errno. */
int control_send(struct world *w, const struct ctl_msg *msg);
/* Acts on every message that has come. */
void control_receive(struct world *w);
/* Sends a request and waits for CTL_OK or CTL_FAILED, serving tracees meanwhile is not needed. */
int control_ask(struct world *w, struct ctl_msg *msg, struct err *err);
/* Its second half alone, for who has better to do meanwhile. */
int control_answer(struct world *w, struct err *err);
void control_forget(struct world *w); /* at the end: what was put by and never acted on */

#endif
