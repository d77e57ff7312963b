/* SPDX-License-Identifier: MIT
 * For host components: shared libraries that the host process loads and whose functions modules call
 * through gates. Every argument may be hostile: a pointer may point anywhere, shared memory changes
 * while it is read. Functions of components return a result, or -errno.
 *
 * The functions below are the host process's own: link a component with them undefined. All but
 * mch_in_region, mch_flags, mch_fetch and mch_store are for the thread that runs a gate call. */
#ifndef MICROCOSM_HOST_H
#define MICROCOSM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* By this, which comes with the header, the host process tells components written for it, which check what
 * they are given, from libraries that believe it: it looks at the arguments of those alone. */
extern const char mch_component __attribute__((weak, visibility("default")));
const char mch_component = 1;

/* Who calls: told by the supervisor, not by the guest. */
struct mch_caller {
	int64_t thread;  /* id of the guest thread, unique in the world */
	int32_t process; /* id of its process, unique in the world */
	uint32_t gate;   /* index of the gate that was called */
	int32_t pid, tid; /* the kernel's ids of process (0: the boot process) and thread */
};

/* The caller of the function that this thread runs; valid until it returns. NULL on a thread that
 * runs none (a constructor, a thread that the component started). */
const struct mch_caller *mch_caller(void);

/* All n bytes lie in the region, in memory that is mapped there. Says nothing of what they hold. */
bool mch_in_region(const void *shared, size_t n);

/* The flags in the world's header, MC_HEADER_* of <microcosm.h>. */
uint32_t mch_flags(void);

/* Copies n bytes out of the region: each is read once, so that what was checked is what is used.
 * 0, or -EFAULT when they are not all in the region. */
long mch_fetch(void *to, const void *shared, size_t n);

/* Copies n bytes into the region. 0, or -EFAULT when they are not all in its writable part. */
long mch_store(void *shared, const void *from, size_t n);

/* The call's result is to be the descriptor fd, which the guest gets, close-on-exec when flags is
 * O_CLOEXEC (else 0), and which is closed here. What the function returns does not count then: the
 * guest sees the number that fd has there, or -errno (EMFILE). A later gift replaces an earlier one.
 * 0, or -EINVAL, and fd stays the caller's: bad flags, or not in a gate call. */
long mch_give_fd(int fd, int flags);

/* An O_PATH descriptor, for the caller to close, of what the calling process's descriptor fd is open on at
 * the moment; -EBADF where it has none. What it leads to may lie outside the world's file tree: it
 * was inherited then. */
int mch_caller_file(int fd);

/* The next address of the AF_UNIX kind that lies in the region and that the calling thread names in connect,
 * sendto or sendmsg, as large as it can be, is to lead to the socket whose file fd, an O_PATH descriptor, is open
 * on; fd stays the caller's. 0, or -errno. */
long mch_local(int fd);

/* What stands before the arguments of a `#!` file, argv[0] left out: n strings, each with its
 * terminator, in `used` bytes. n 0: no such file. */
struct mch_words {
	uint32_t n, used;
	char text[6144];
};

/* Plans the program in file, which stays the caller's, for the next execveat of the calling thread, and
 * makes the descriptor that it is to execute, with AT_EMPTY_PATH, the call's answer. path is what
 * the program finds as AT_EXECFN; open() opens what the file names, an interpreter: a descriptor or
 * -errno. 0, or -errno (-ENOEXEC for a file that cannot be run). */
long mch_exec(int file, const char *path, int (*open)(void *context, const char *path), void *context,
	      struct mch_words *words);

/* One word for each process, the host's alone: 0 at first, copied by fork, shared where clone's
 * CLONE_FS says so, kept by exec. The caller's, of the component that files belong to. */
uint64_t mch_word(void);
void mch_set_word(uint64_t value);
/* Whether any process has a word, other than 0, for which is() is true. */
bool mch_any_word(bool (*is)(uint64_t word, void *context), void *context);

/* The world's file tree: 0 none; 1 one to read; 2 one with places to write to. Where the kernel lets
 * this process mount, the tree is its root from the seal on, and every name resolves in it. Elsewhere the
 * tree is made of parts, and its names must be resolved by mch_tree_open. */
int mch_tree(void);
/* The directory in the tree that the world starts in; NULL: not said. */
const char *mch_tree_cwd(void);

/* A place in the tree: a descriptor of it, and the part that it lies in, 0 for all of a mounted tree. */
struct mch_place {
	int fd;
	uint32_t part;
};

struct open_how; /* <linux/openat2.h> */

/* openat2 in the tree; RESOLVE_NO_MAGICLINKS, O_CLOEXEC and O_NOCTTY always hold. start NULL: the root.
 * A descriptor, and *part is where it lies; or -errno. */
int mch_tree_open(const struct mch_place *start, const char *path, const struct open_how *how,
		  uint32_t *part);
/* Whatever path this process gives to the kernel, what it makes there lies in the tree, where it may be written: by
 * Landlock. It need not be what the path means in the tree. */
bool mch_tree_confines(void);
/* What mounts would refuse, for who changes or executes what a descriptor leads to. Of mounts these say
 * nothing: 0 and false.
 * ST_RDONLY, ST_NOEXEC of <sys/statvfs.h>, where the part has them. */
unsigned long mch_tree_limits(uint32_t part);
/* The name in that directory is where another part begins. */
bool mch_tree_covers(const struct mch_place *directory, const char *name);
/* For a descriptor that did not come from here (mch_caller_file): 1, what it is open on lies in the tree, in a
 * part without that limit, or has no name anywhere (a memfd, a pipe, a socket); 0, in parts that have it;
 * -ENOENT, it was inherited from outside. */
int mch_tree_find(int fd, unsigned long limit);
/* The place's path in the tree: its length, or -errno; -ENOENT when it is deleted. */
long mch_tree_path(const struct mch_place *place, char *to, size_t size);

/* What the user asked for in the tree, its root first. */
struct mch_mount {
	const char *place, *type; /* "tmpfs", "proc" or "bind" */
	bool read_only;
};
const struct mch_mount *mch_tree_mounts(size_t *n);

/* The world's /proc, which the component writes. In this process's root there lies an empty directory
 * over it; `root` is the same tree once more, O_PATH, in which it shows and cannot be written; what
 * is written below `files`, its own directory, shows there. */
struct mch_proc {
	int root, files;
	uint64_t dev, empty_dev; /* the devices of /proc, and of what lies over it */
};
const struct mch_proc *mch_proc(void); /* NULL: the world has none. Complete from the seal on */

/* The threads of the world. */
struct mch_thread {
	int32_t pid, tid;  /* the kernel's */
	uint32_t program;  /* another number for each exec, copied by fork */
	uint64_t word;     /* mch_word of it */
};
#define MCH_THREADS_MAX 12288
size_t mch_threads(struct mch_thread *to, size_t room); /* how many there are, in no order */
/* Another number after each change of what mch_threads says. */
uint64_t mch_threads_changes(void);

/* What the kernel's /proc says of a thread of this world. A descriptor to read is returned for stat,
 * status, statm, cmdline, comm, maps, environ, limits and fdinfo/N, the first seven of the thread
 * itself with task/ before the name; text is stored, and its length returned, for exe (the path
 * that the world knows), fd (numbers, a space after each), fd/N (where it leads to) and state (T: stopped
 * by a signal, S: not). -errno:
 * -ENOENT where there is no such thread, or file. */
long mch_process(int32_t pid, int32_t tid, const char *name, char *text, size_t size);

/* Under --learn, notes what was found in the tree, or could not be written as it is read-only there: path
 * starts in the directory start, -1: the root; a path without any part is start itself. */
enum mch_learn {
	MCH_LEARN_NAME, /* it is there */
	MCH_LEARN_READ,
	MCH_LEARN_WRITE,
};
void mch_learn(int start, const char *path, bool follow, enum mch_learn what);

/* The call should be given up: a signal waits for the guest thread, or the thread is gone. Blocking
 * kernel calls return EINTR then by themselves; who waits otherwise polls this and returns -EINTR. */
bool mch_interrupted(void);

#ifdef __cplusplus
}
#endif
#endif
