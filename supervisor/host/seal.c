/* SPDX-License-Identifier: MIT
 * The seal: before guests run, the host process gives up what no gate needs. It enters the world's file
 * tree; a filter for the whole process takes away kernel calls that reach other processes or the system;
 * Landlock takes every file that is neither open yet nor in the tree; and capabilities go.
 *
 * The last two bind single threads, and host libraries may have started some: each is reached by a
 * signal, whose handler binds it. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>

#include "host/host.h"

#define THREADS_MAX 4096
#define WAIT_MS 1000
#define X32_BIT 0x40000000

/* ---- Landlock ---- */

static _Atomic bool sealing;
static _Atomic int ruleset = -1;
static int tasks = -1; /* /proc/self/task, which may have no name any more */
static _Atomic bool failed;
static bool keeps_files; /* from before the guests run */
/* Threads that are bound, as their handlers say; n_bound is reserved before the entry is written. */
static _Atomic int bound[THREADS_MAX];
static _Atomic unsigned n_bound;
static sem_t bound_one; /* posted by each */
static __thread bool thread_bound;

/* Capabilities are each thread's too. As root those that files need, as root expects it of them; else
 * none: those of a user namespace would be more than the user has. */
static int drop_capabilities(void)
{
	const uint32_t files = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH |
			       1u << CAP_FOWNER | 1u << CAP_FSETID;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2], none[2] = { { 0 } };

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	none[0].permitted = none[0].effective = geteuid() == 0 ? data[0].permitted & files : 0;
	return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

/* A thread that is bound starts only threads that are. */
void seal_thread(void)
{
	int fd = atomic_load(&ruleset);

	if (!atomic_load(&sealing) || thread_bound)
		return;
	thread_bound = true;
	if (drop_capabilities() < 0 ||
	    (fd >= 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0))
		atomic_store(&failed, true);
	unsigned index = atomic_fetch_add(&n_bound, 1);
	if (index < THREADS_MAX)
		atomic_store(&bound[index], gettid());
	sem_post(&bound_one);
}

/* Every right to files that this kernel knows, up to the newest known here. */
static uint64_t handled_rights(int version)
{
	static const int bits[] = { 0, 13, 14, 15, 15, 16 }; /* by version; 1: bits 0..12 */
	int last = (int)(sizeof(bits) / sizeof(bits[0])) - 1;

	return (1ull << bits[version < last ? version : last]) - 1;
}

/* A ruleset that allows the tree, or nothing; -1 where the kernel has no Landlock. */
static int ruleset_make(struct err *err, int *fd)
{
	struct {
		uint64_t handled_access_fs;
	} attributes;
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	*fd = -1;
	if (version < 1)
		return 0;
	attributes.handled_access_fs = handled_rights((int)version);
	*fd = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (*fd < 0)
		return err_sys(err, errno, "host process: cannot make a Landlock ruleset");
	int r = tree_allow(*fd, attributes.handled_access_fs);
	if (r < 0)
		return err_sys(err, -r, "host process: cannot allow the tree in its Landlock ruleset");
	return 0;
}

/* Whether the thread blocks the signal, by its status file. A thread that is gone does not. */
static bool thread_blocks(int tid)
{
	char path[64], line[256];
	unsigned long long blocked = 0;

	snprintf(path, sizeof(path), "%d/status", tid);
	int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	FILE *status = fd < 0 ? NULL : fdopen(fd, "r");
	if (status == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "SigBlk: %llx", &blocked) == 1)
			break;
	fclose(status);
	return (blocked >> (SIGNAL_INTERRUPT - 1) & 1) != 0;
}

static bool sanitizer_thread(void)
{
#if defined(__SANITIZE_THREAD__)
	return true; /* its runtime's own thread blocks every signal */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return true;
#else
	return false;
#endif
#else
	return false;
#endif
}

static bool is_bound(int tid)
{
	unsigned n = atomic_load(&n_bound);

	for (unsigned i = 0; i < n && i < THREADS_MAX; i++)
		if (atomic_load(&bound[i]) == tid)
			return true;
	return false;
}

/* Until the thread is bound, or gone. A new thread blocks signals for a moment; one that goes on
 * doing so cannot be reached. */
static int wait_bound(int tid)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	for (int i = 0; i < WAIT_MS; i++) {
		if (is_bound(tid) || syscall(SYS_tgkill, getpid(), tid, 0) < 0)
			return 0;
		if (i > 50 && sanitizer_thread() && thread_blocks(tid))
			return 0;
		until.tv_nsec += 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		while (sem_timedwait(&bound_one, &until) == 0 && !is_bound(tid))
			;
	}
	return -ETIMEDOUT;
}

struct tids {
	size_t n;
	int list[THREADS_MAX];
};

static bool tids_contain(const struct tids *tids, int tid)
{
	for (size_t i = 0; i < tids->n; i++)
		if (tids->list[i] == tid)
			return true;
	return false;
}

/* Signals the threads not seen before and adds them; how many, or -errno. */
static int signal_new_threads(struct tids *seen, struct err *err)
{
	int fd = openat(tasks, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), signalled = 0;
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (directory == NULL && fd >= 0)
		close(fd);
	if (directory == NULL)
		return err_sys(err, errno, "host process: cannot list its threads");
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		int tid = atoi(entry->d_name);

		if (!isdigit((unsigned char)entry->d_name[0]) || tid == gettid() ||
		    tids_contain(seen, tid))
			continue;
		if (seen->n == THREADS_MAX) {
			closedir(directory);
			return err_set(err, E2BIG, "host libraries have more than %d threads",
				       THREADS_MAX);
		}
		seen->list[seen->n++] = tid;
		syscall(SYS_tgkill, getpid(), tid, SIGNAL_INTERRUPT);
		signalled++;
	}
	closedir(directory);
	return signalled;
}

/* Threads that appear while this runs were started by one that was not bound yet, or are bound: a
 * round without a new one ends it. */
static int bind_threads(struct err *err)
{
	static struct tids seen;
	int signalled;

	do {
		size_t first = seen.n;

		signalled = signal_new_threads(&seen, err);
		if (signalled < 0)
			return signalled;
		for (size_t i = first; i < seen.n; i++)
			if (wait_bound(seen.list[i]) < 0)
				return err_set(err, ETIMEDOUT,
					       "a host library has a thread that blocks signals and so "
					       "cannot be kept from files (--host-files allows it)");
	} while (signalled > 0);
	return 0;
}

static int threads_apply(struct err *err)
{
	int fd = -1;
	int r = ruleset_make(err, &fd);

	if (r < 0)
		return r;
	if (sem_init(&bound_one, 0, 0) < 0)
		return err_sys(err, errno, "host process: cannot make a semaphore");
	atomic_store(&ruleset, fd);
	atomic_store(&sealing, true);
	r = bind_threads(err);
	seal_thread(); /* last: the others' state was read from /proc */
	if (r == 0 && atomic_load(&failed))
		r = err_set(err, EPERM, "host process: its threads could not be bound");
	keeps_files = r == 0 && fd >= 0;
	atomic_store(&sealing, false);
	atomic_store(&ruleset, -1);
	if (fd >= 0)
		close(fd);
	return r;
}

/* ---- The filter ---- */

/* Other processes, mounts and namespaces, the kernel itself, new programs; and what serves to get
 * around filters. */
static uint32_t denied[] = { /* sorted before use */
	SYS_acct, SYS_add_key, SYS_adjtimex, SYS_bpf, SYS_chroot, SYS_clock_adjtime,
	SYS_clock_settime, SYS_create_module, SYS_delete_module, SYS_execve, SYS_execveat,
	SYS_fanotify_init, SYS_finit_module, SYS_fork, SYS_fsconfig, SYS_fsmount, SYS_fsopen,
	SYS_fspick, SYS_get_kernel_syms, SYS_init_module, SYS_io_uring_enter,
	SYS_io_uring_register, SYS_io_uring_setup, SYS_ioperm, SYS_iopl, SYS_kcmp,
	SYS_kexec_file_load, SYS_kexec_load, SYS_keyctl, SYS_lookup_dcookie, SYS_migrate_pages,
	SYS_mount, SYS_mount_setattr, SYS_move_mount, SYS_move_pages, SYS_name_to_handle_at,
	SYS_nfsservctl, SYS_open_by_handle_at, SYS_open_tree, SYS_perf_event_open, SYS_pidfd_getfd,
	SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pivot_root, SYS_process_madvise,
	SYS_process_mrelease, SYS_process_vm_readv, SYS_process_vm_writev, SYS_ptrace,
	SYS_query_module, SYS_quotactl, SYS_quotactl_fd, SYS_reboot, SYS_request_key,
	SYS_setdomainname, SYS_sethostname, SYS_setns, SYS_settimeofday, SYS_swapoff, SYS_swapon,
	SYS_sysfs, SYS_syslog, SYS_tkill, SYS_umount2, SYS_unshare, SYS_uselib, SYS_userfaultfd,
	SYS_ustat, SYS_vfork, SYS_vhangup,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DENY BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define IF(test, value, then, otherwise) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, then, otherwise)
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define LOAD_LOW(arg) LOAD(offsetof(struct seccomp_data, args) + 8 * (arg))
#define LOAD_HIGH(arg) LOAD(offsetof(struct seccomp_data, args) + 8 * (arg) + 4)

struct code {
	size_t n;
	struct sock_filter insns[64 + 4 * COUNT(denied)];
};

static void add(struct code *code, const struct sock_filter *insns, size_t n)
{
	memcpy(code->insns + code->n, insns, n * sizeof(*insns));
	code->n += n;
}

/* What becomes of a call; a body ends by returning. */
static void add_call(struct code *code, uint32_t nr, const struct sock_filter *body, size_t n)
{
	add(code, &(const struct sock_filter)IF(BPF_JEQ, nr, 0, (uint8_t)n), 1);
	add(code, body, n);
}

static void add_argument_rules(struct code *code)
{
	/* Input put into the user's terminal; the kernel looks at 32 bits of the request. */
	const struct sock_filter ioctl[] = {
		LOAD_LOW(1), IF(BPF_JEQ, TIOCSTI, 2, 0), IF(BPF_JEQ, TIOCLINUX, 1, 0), ALLOW, DENY,
	};
	/* Threads alone: a process would outlive the world. */
	const struct sock_filter clone[] = {
		LOAD_LOW(0),
		IF(BPF_JSET, CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
			     CLONE_NEWPID | CLONE_NEWNET, 2, 0),
		IF(BPF_JSET, CLONE_THREAD, 0, 1), ALLOW, DENY,
	};
	/* Its flags lie in memory; the C library falls back to clone. */
	const struct sock_filter clone3[] = {
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	/* Signals: to this process alone. */
	const struct sock_filter signal[] = {
		LOAD_HIGH(0), IF(BPF_JEQ, 0, 0, 3), LOAD_LOW(0), IF(BPF_JEQ, (uint32_t)getpid(), 0, 1), ALLOW,
		DENY,
	};
	/* Limits: its own. */
	const struct sock_filter limits[] = {
		LOAD_HIGH(0), IF(BPF_JEQ, 0, 0, 3), LOAD_LOW(0), IF(BPF_JEQ, 0, 0, 1), ALLOW, DENY,
	};

	add_call(code, SYS_ioctl, ioctl, COUNT(ioctl)); /* first: each gate makes two */
	add_call(code, SYS_clone, clone, COUNT(clone));
	add_call(code, SYS_clone3, clone3, COUNT(clone3));
	add_call(code, SYS_kill, signal, COUNT(signal));
	add_call(code, SYS_tgkill, signal, COUNT(signal));
	add_call(code, SYS_rt_sigqueueinfo, signal, COUNT(signal));
	add_call(code, SYS_rt_tgsigqueueinfo, signal, COUNT(signal));
	add_call(code, SYS_prlimit64, limits, COUNT(limits));
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* As a tree: when a filter is installed the kernel runs it for each number that there is. */
static void add_denied(struct code *code, const uint32_t *sorted, size_t n)
{
	const struct sock_filter end[] = { ALLOW, DENY };

	if (n > 4) {
		size_t node = code->n++, half = n / 2;

		add_denied(code, sorted, half);
		code->insns[node] = (struct sock_filter)IF(BPF_JGE, sorted[half], (uint8_t)(code->n - node - 1), 0);
		add_denied(code, sorted + half, n - half);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add(code, &(const struct sock_filter)IF(BPF_JEQ, sorted[i], (uint8_t)(n - i), 0), 1);
	add(code, end, COUNT(end));
}

static int filter_apply(struct err *err)
{
	/* Calls by another of the processor's ways in mean other numbers. */
	const struct sock_filter head[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		IF(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
		DENY,
		LOAD(offsetof(struct seccomp_data, nr)),
		IF(BPF_JGE, X32_BIT, 0, 1),
		DENY,
	};
	struct code code = { 0 };

	add(&code, head, COUNT(head));
	add_argument_rules(&code);
	qsort(denied, COUNT(denied), sizeof(denied[0]), compare_numbers);
	add_denied(&code, denied, COUNT(denied));
	const struct sock_fprog program = { .len = (unsigned short)code.n, .filter = code.insns };
	/* The other threads get both. */
	long r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (r == 0)
		r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (r != 0) /* or the id of a thread that cannot have it */
		return err_sys(err, r < 0 ? errno : EACCES, "host process: cannot install its filter");
	return 0;
}

bool seal_keeps_files(void)
{
	return keeps_files;
}

int seal_apply(struct err *err)
{
	const char *value = getenv("MICROCOSM_HOST_FILES");
	bool host_files = value != NULL && strcmp(value, "1") == 0;

	tasks = open("/proc/self/task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = tree_enter(err);
	/* Then the filter: it sets no_new_privs in every thread, without which none can be bound. */
	if (r == 0)
		r = filter_apply(err);
	if (r == 0 && !host_files)
		r = threads_apply(err);
	if (tasks >= 0)
		close(tasks);
	return r;
}
