/* SPDX-License-Identifier: MIT
 * What tracer and host process say to each other: messages over one SOCK_SEQPACKET pair (descriptor
 * CTL_FD in the host process), and a table of threads that the tracer writes and the host reads. */
#ifndef BASE_CTL_H
#define BASE_CTL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_FD 3 /* the host process's end of the pair */
#define CTL_TEXT_MAX 61440
#define CTL_FDS_MAX 4

enum ctl_type {
	/* Tracer to host; "reply" is what the host answers. */
	CTL_REGION = 1, /* fds: sealed memfd, shared memfd, thread table, stub; a base, b size, c rt_start;
			   text: struct region_map[]. No reply. */
	CTL_TREE,       /* a number of entries; fd: the program, or none; text: the directory to start in
			   (may be empty), then for each entry kind (enum ctl_tree, decimal), host path,
			   guest path, each \0-terminated. The very first message, before CTL_REGION.
			   Without entries a tree is made for programs with an interpreter alone.
			   b 1: what is found in it is to be told by CTL_LEARNED.
			   A failure ends the world. */
	CTL_MODULE_TEXT, /* a low, b high: callbacks may go there. No reply. */
	CTL_IMPORT,     /* a gate index, b vector flag; text: symbol\0module\0library\0library\0... */
	CTL_BIND,       /* all CTL_IMPORTs are sent: dlopen and dlsym them. Reply CTL_OK or CTL_FAILED */
	CTL_PROGRAM,    /* fd: the program, as the host's files have it, or none: then it must be in
			   the tree, where it is looked up first, by name\0 in PATH\0 or by a name with
			   a slash. a randomize; text: path\0module_dir\0name\0PATH\0. Reply CTL_OK
			   (a number of words, text: word\0..., to stand before the program's arguments,
			   its name left out) or CTL_FAILED (a exit status) */
	CTL_LISTENER,   /* fd: a seccomp listener, sent by the process that installed the filter */
	CTL_SEAL,       /* the host process gives up what it no longer needs. Reply CTL_OK/CTL_FAILED */
	CTL_SETTLE,     /* slot; a sequence number, b 1: interrupt a running worker, or
			   the one that gets its repeat. Reply CTL_SETTLED,
			   when the outcome is known; several may be under way */
	CTL_DROP,       /* slot: the thread is gone, its tid in the table is 0 or its successor's.
			   Worker interrupted, result dropped, a CTL_SETTLE that is under way stays
			   without reply. No reply. */
	CTL_SYMBOLIZE,  /* a address, of the program. Reply CTL_OK with text */
	CTL_TRACE,      /* a 1: report gates by CTL_GATE. No reply. */
	CTL_ANSWER,     /* to CTL_ASK_FILE and CTL_ASK: their b; a an errno, 0: none; then text, or a
			   descriptor */

	/* Host to tracer. */
	CTL_OK = 64,
	CTL_FAILED,     /* text: the message; a exit status */
	CTL_SETTLED,    /* slot; a sequence number, b enum ctl_outcome, c the status for rax */
	CTL_END,        /* the world must end; text: why */
	CTL_GATE,       /* slot, a gate index, text: struct ctl_gate: a gate call has been served */
	CTL_LEARNED,    /* a enum ctl_learned, b 1: a directory; text: path\0target\0 */
	CTL_ASK_FILE,   /* slot, a number of a descriptor of its thread's, b any word. CTL_ANSWER, with an
			   O_PATH descriptor */
	CTL_ASK,        /* a thread id, c process id, b any word, text: the name of a file of that
			   process's (proc.c). CTL_ANSWER */
	CTL_LOCAL,      /* slot; fd: the socket's file, O_PATH, that the next local address of its thread's
			   means */
	CTL_EXE,        /* slot; text: the path that its thread's next execveat goes by; of slot
			   RT_SLOT_COUNT: the first program */
};

enum ctl_tree { /* what lies at a place of the file tree */
	CTL_TREE_RO = 1, /* a file or directory of the host's, read-only */
	CTL_TREE_RW,
	CTL_TREE_TMPFS,  /* a new tmpfs, for everybody */
	CTL_TREE_EMPTY,  /* nothing */
	CTL_TREE_LINK,   /* a symbolic link: the host path is its text */
	CTL_TREE_DEV,    /* the harmless devices, and terminals of its own */
	CTL_TREE_PROC,   /* the world's processes */
};

enum ctl_learned { /* what a path in the tree is to --learn */
	CTL_LEARNED_NAME = 1, /* it is there */
	CTL_LEARNED_READ,     /* opened to be read, listed or executed */
	CTL_LEARNED_WRITE,    /* read-only, and was to be written */
	CTL_LEARNED_LINK,     /* a link to target */
	CTL_LEARNED_TOO_MUCH, /* no more is told */
};

enum ctl_outcome {
	CTL_REPEAT = 1, /* never received, or still running and not to be interrupted: call again with
			   the same sequence number */
	CTL_DONE,       /* results are in the frame, c goes into rax */
};

/* On the wire: the first CTL_WIRE_BYTES of struct ctl_msg, then the text, in one packet. */
#define CTL_WIRE_BYTES 32

struct ctl_msg {
	uint32_t type; /* enum ctl_type */
	uint32_t slot; /* index in the thread table */
	uint64_t a, b, c;
	uint32_t text_len;
	uint32_t n_fds; /* filled in by ctl_receive */
	int fds[CTL_FDS_MAX];
	char text[CTL_TEXT_MAX + 1]; /* ctl_receive puts a 0 after it */
};

struct ctl_gate { /* payload of CTL_GATE */
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t ireg[6];
	uint64_t rax;
	int32_t err; /* errno after the call */
	uint32_t status;
};

/* The thread table is a memfd that no guest has: one of these for each slot (rt.h), then the host
 * process's words, a uint64_t for each slot, then a uint64_t that counts changes of both, then a uint32_t for
 * each slot that counts its gate calls. The tracer writes an entry before it lets the thread run: all fields,
 * then epoch, then tid. A new start, exec or owner is a new epoch. */
struct ctl_thread {
	_Atomic uint32_t tid;   /* the kernel's id, 0: no thread */
	_Atomic uint32_t epoch; /* what the host recorded under another epoch is void */
	int64_t id;             /* Microcosm's id */
	int32_t process;
	uint32_t plan;          /* enum ctl_plan: what RT_GATE_DESCRIPTOR hands out */
	uint32_t fs;            /* index of its word: call/fs.c */
	_Atomic uint32_t cpu;   /* that the tracer keeps the thread on, + 1; 0: anywhere. At any time */
	uint32_t pid;           /* the kernel's id of its process, 0: the boot process */
	uint32_t program;       /* another number for each exec, copied by fork */
};

/* The host process's half, and all of it. */
#define CTL_HOST_BYTES(slots) (((slots) + 1) * sizeof(uint64_t) + (slots) * sizeof(uint32_t))
#define CTL_TABLE_BYTES(slots) ((slots) * sizeof(struct ctl_thread) + CTL_HOST_BYTES(slots))

enum ctl_plan {
	CTL_PLAN_NONE,
	CTL_PLAN_BOOT,
	CTL_PLAN_PROGRAM,
	CTL_PLAN_EXEC, /* the one that the thread had made for it */
};

/* The packet of a CTL_LISTENER, for a process that sends it without this file's code: its bytes. */
size_t ctl_listener_packet(void *to, size_t size);
/* Sends msg with its text and n_fds descriptors; restarts on EINTR. 0 or -errno. Thread-safe. */
int ctl_send(int socket, const struct ctl_msg *msg);
/* The same, but -EAGAIN where it would have to wait for the other side. */
int ctl_try_send(int socket, const struct ctl_msg *msg);
/* 1 with a message, 0 at the end of the stream, -EAGAIN with wait 0 when there is none, -EPROTO for a
 * malformed one. Descriptors are close-on-exec and the caller's. */
int ctl_receive(int socket, struct ctl_msg *msg, int wait);

#endif
