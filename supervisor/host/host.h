/* SPDX-License-Identifier: MIT
 * The host process: what its files offer each other. The control thread reads the tracer's messages;
 * worker threads answer gates. Locks, in the order they are taken: a slot's, the list of interrupted
 * workers', the sending lock. The list of listeners' before
 * a listener's, apart from the others. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/seccomp.h>

#include "base/ctl.h"
#include "base/err.h"
#include "microcosm-host.h"
#include "rt.h"

/* ---- control.c: the tracer's messages, and what is said to it ---- */

/* Reads messages until the tracer is gone. */
void control_run(void);
/* Sends a message of a few words and, when text is not NULL, len bytes. From any thread. */
void control_say(uint32_t type, uint32_t slot, uint64_t a, uint64_t b, uint64_t c, const void *text,
		  size_t len);
/* The same of no words, with a descriptor, which stays the caller's; -errno. */
int control_send_fd(uint32_t type, uint32_t slot, int fd);
/* Asks the tracer to end the world and does not return. Usable in fault handlers. */
void control_end(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The control thread's next poll must look at the interrupted workers. From any thread. */
void control_wake(void);
/* Whether gates are reported. */
bool control_traces(void);
/* What the control thread is doing for a host library, for fault messages; NULL: nothing. */
const char *control_activity(void);
void control_set_activity(const char *activity);

/* ---- memory.c: the region as the host process sees it ---- */

/* Maps the region from CTL_REGION and takes the message's descriptors. Once. */
int memory_map(struct ctl_msg *msg, struct err *err);
int memory_add_text(uint64_t low, uint64_t high);
bool memory_in_text(uint64_t addr);
bool memory_readable(uint64_t addr, uint64_t len);
bool memory_writable(uint64_t addr, uint64_t len);
/* The page of addr is mapped in this process and no part of the region. */
bool memory_is_own(uint64_t addr);
/* Copies that read or write each byte of shared memory once. */
void memory_fetch(void *to, uint64_t shared, size_t n);
void memory_store(uint64_t shared, const void *from, size_t n);
/* The thread table, RT_SLOT_COUNT rows. NULL before CTL_REGION. */
const struct ctl_thread *memory_threads(void);
/* The line of a slot's thread: guests write it at any time. */
struct rt_line *memory_line(uint32_t slot);
/* The word of index fs, which is the host process's own to use; NULL out of range. */
_Atomic uint64_t *memory_word(uint32_t fs);
/* Counts changes of the table and the words, these by memory_changed. */
uint64_t memory_changes(void);
void memory_changed(void);
/* For the tracer, which does not see gate calls and places threads by how often they leave the guest. */
void memory_count_gate(uint32_t slot);

struct memory_region { /* what plans say of the region */
	uint64_t base, size, start;
	int fds[2]; /* sealed part (read-only), shared part */
	int stub_fd;
	const struct rt_map *maps;
	size_t n_maps;
};
const struct memory_region *memory_region(void);

/* ---- component.c: host libraries and the functions that modules import ---- */

struct component_gate {
	void *function; /* NULL: not bound yet */
	char *symbol, *module;
	char *libraries; /* name\0name\0, an empty name at the end */
	bool vector;
	bool checks; /* what it is given, itself: it is of a component written for Microcosm */
	/* How long it has taken: component_took. */
	_Atomic uint32_t quick, wanted, swift;
	_Atomic bool special; /* has given a descriptor or called back: by notification alone */
};

/* First of all, once. */
void component_init(void);
int component_import(const struct ctl_msg *msg, struct err *err);
/* Loads what the imports name and finds every function; err->status is EXIT_UNUSABLE. */
int component_bind(struct err *err);
/* NULL when no such function is bound. */
struct component_gate *component_gate(uint64_t index);
/* Notes how long a call took, or the part of one until a callback. */
void component_took(struct component_gate *gate, uint64_t ns);
#define COMPONENT_SLOW_NS 500000 /* from here on it does not count as quick any more */
/* The function has returned at once so often that it probably will again. */
bool component_is_quick(const struct component_gate *gate);
/* So much so that a guest may wait for it without going to sleep. */
bool component_is_swift(const struct component_gate *gate);

/* ---- descriptor.c: plans and the descriptors that stubs ask for ---- */

/* Plans the program of a CTL_PROGRAM message, whose descriptor stays the caller's. */
int descriptor_plan_program(const struct ctl_msg *msg, struct mch_words *words, struct err *err);
/* Plans what the slot's thread executes next, in place of what it planned before; -errno. */
int descriptor_plan_next(uint32_t slot, int fd, const char *path, int (*open)(void *, const char *),
			 void *context, struct mch_words *words);
/* It has started, or never will. By the worker that serves the slot, or when that is nobody's. */
void descriptor_forget_next(uint32_t slot);
/* The same, unless it is the thread's of this id. */
void descriptor_forget_others(uint32_t slot, int64_t thread);
/* The n-th descriptor of a plan, to be closed by the caller; -EPERM after the last. */
int descriptor_get(enum ctl_plan plan, uint32_t slot, uint32_t n);
void descriptor_symbolize(uint64_t addr, char *text, size_t size);

/* ---- script.c ---- */

/* While the file is a `#!` one, takes its interpreter's in its place, which open() opens, and closes it.
 * -errno: -ENOEXEC for a bad line, -ELOOP. */
int script_follow(int *fd, const char *path, int (*open)(void *, const char *), void *context,
		  struct mch_words *words);

/* ---- worker.c: threads that receive notifications ---- */

struct notice { /* a call that waits for an answer: a notification, or what stands in a thread's line */
	int listener; /* -1: the line of the slot, with `id` as its sequence number */
	uint64_t id;
	uint32_t slot;
};

struct gift { /* a descriptor for the guest, as the result of a call */
	int fd;
	uint32_t flags; /* O_CLOEXEC or 0, there */
};

struct slot;
struct listener;

struct worker {
	pthread_t thread;
	struct listener *listener;
	bool leads;    /* it receives the listener's next notification, unless the lead was taken */
	uint64_t solo; /* number of the call that it runs while leading, 0: none */
	bool in_handler; /* in a callback: threads and memory are not to be had */
	/* The call that it runs; set by gate.c, by this worker alone. */
	struct slot *slot;
	uint32_t slot_index;
	uint64_t frame_addr;
	struct component_gate *gate; /* while the host function runs */
	struct mch_caller caller;
	struct rt_gate_frame frame;
	bool gives; /* the function's result is the gift */
	struct gift gift;
	uint64_t start_ns, segment_ns; /* of the call; of the time since its last callback */
	uint32_t orphaned_callbacks; /* answered here because the thread is gone */
	/* Under the slot's lock. */
	bool dropped;  /* the thread is gone: nobody wants the result */
	bool returned; /* the callback that it waits for has returned */
	struct worker *below; /* the worker that was suspended before it */
	pthread_cond_t resume;
	/* Under the lock of the list of interrupted workers. */
	bool listed;
	struct worker *next_interrupted;
	_Atomic bool interrupted;
};

/* The worker that this thread is, or NULL. */
struct worker *worker_self(void);
/* Starts one without a listener, to look at lines: line_run. */
int worker_start_for_lines(void);
/* Takes a listener over and starts to serve it. */
int worker_listen(int listener, struct err *err);
/* Breaks off what the worker waits for, again and again until worker_release, which its thread calls:
 * after that none of its waits is broken off. */
void worker_interrupt(struct worker *worker);
void worker_release(struct worker *worker);
/* Around what a worker runs for a call. Not quick: another worker receives what comes meanwhile. */
void worker_begin(struct worker *worker, bool quick);
void worker_end(struct worker *worker);
/* From now on another worker receives. */
void worker_leave(struct worker *worker);
/* For the leader alone, suspended in a callback: serves one notification, or gives the lead away. */
void worker_await(struct worker *worker);
/* Interrupts workers that are due and looks after solo calls; milliseconds until the next time, -1: never. */
int worker_tick(void);

/* ---- gate.c: what a gate call means; one record for each slot ---- */

void gate_serve(struct worker *worker, const struct notice *notice, const struct seccomp_notif *notif);
/* A call that stands in the line of a slot's thread of that epoch. True when it was made. */
bool gate_serve_line(struct worker *worker, uint32_t slot, uint32_t epoch, uint32_t index, uint64_t frame,
		     uint64_t sequence);
/* Those that the host process was started on. */
const cpu_set_t *gate_cpus(void);
/* Whether gate_serve would run a host function: the worker must not run one already. */
bool gate_needs_worker(const struct seccomp_notif *notif);
void gate_settle(uint32_t slot, uint64_t sequence, bool interrupt);
void gate_drop(uint32_t slot);
/* A host function called a module's function: has the guest call it and waits. The worker's frame
 * holds the arguments, then the results. */
void gate_callback(struct worker *worker);

/* ---- line.c: gate calls without a kernel call, while it pays ---- */

/* A thread calls one swift function after the other: its line is to be looked at, if that has paid of late. */
void line_want(uint32_t slot, uint32_t epoch, uint64_t now);
void line_answer(uint32_t slot, uint64_t sequence, uint64_t status);
/* What the worker does that looks at lines; does not return. */
void line_run(struct worker *worker) __attribute__((noreturn));

/* ---- callback.c: faults in host functions ---- */

int callback_install(struct err *err);
#define CALLBACK_STACK_BYTES 65536 /* for the handler, of each worker */

/* ---- tree.c: the world's files ---- */

/* Makes the tree that a CTL_TREE describes, where it describes one. While single-threaded. */
int tree_prepare(const struct ctl_msg *msg, struct err *err);
/* Opens a program, if the tree has one of that name that may be executed; else -1. Before the seal. */
int tree_open_program(const char *name);
/* A file by its name in the tree, or among the host's where there is no tree; -errno. Before the seal. */
int tree_open_file(const char *path);
/* Where fd is in the tree, if that is mounted, or among the host's files: its length, or -errno. */
long tree_path_of(int fd, char *to, size_t size);
/* The path in the tree of the program that was found on the host; where it has none, it is put into /proc.
 * Before the seal. */
bool tree_add_program(int fd, const char *called, char *to, size_t size);
/* The tree becomes this process's root, if there is one and it is mounted. */
int tree_enter(struct err *err);
/* Adds the tree to a Landlock ruleset, with the rights that the world has there, of those given. */
int tree_allow(int ruleset, uint64_t rights);

/* ---- parts.c: the tree where nothing can be mounted ---- */

/* Those of one part, and parts_start, while single-threaded.
 * own_fds: /proc/self/fd. */
void parts_start(int own_fds);
/* A part of the tree that is not in it yet, known by its root, an O_PATH descriptor that it keeps. limits:
 * MOUNT_ATTR_*; MOUNT_ATTR_NOSUID holds anyway. */
int part_new(int root, uint64_t limits);
int part_limit(int root, uint64_t limits);
/* at NULL: as the tree's root. */
int part_attach(int root, const struct mch_place *at);
int parts_allow(int ruleset, uint64_t rights);
/* As mch_tree_open, and so on. */
int parts_open(const struct mch_place *start, const char *path, const struct open_how *how, uint32_t *part);
unsigned long parts_limits(uint32_t part);
bool parts_covers(const struct mch_place *directory, const char *name);
int parts_find(int fd, unsigned long limit);
long parts_path(const struct mch_place *place, char *to, size_t size);

/* ---- scratch.c: directories where there is no tmpfs ---- */

/* A new one, as an O_PATH descriptor, or -errno. While single-threaded. */
int scratch_directory(unsigned mode);

/* ---- ask.c: what guests hold and are, by the tracer's help ---- */

/* What the thread's descriptor is open on: O_PATH, or -errno. Waits for the tracer, which always answers;
 * by the worker that serves the slot. */
int ask_file(uint32_t slot, int fd);
/* CTL_ANSWER; a descriptor is taken out of it. */
void ask_answered(struct ctl_msg *msg);

/* ---- learn.c: for --learn; nothing without it ---- */

/* Before anything is found. */
void learn_start(void);
/* Before the tree is entered: path was opened in it. */
void learn_later(const char *path);
void learn_entered(void);

/* ---- seal.c ---- */

int seal_apply(struct err *err);
/* Landlock keeps this process from every file outside of the tree. */
bool seal_keeps_files(void);
/* To be called by the handler of SIGNAL_INTERRUPT on every thread. */
void seal_thread(void);

/* Breaks off a blocking call, and reaches every thread at the seal. Ignored by default. */
#define SIGNAL_INTERRUPT SIGURG

/* ---- call_x86_64.S ---- */

/* Calls function with the frame's registers and stack words; results into rax, rdx, xmm 0 and 1. */
void call_function(struct rt_gate_frame *frame, void *function);

#endif
