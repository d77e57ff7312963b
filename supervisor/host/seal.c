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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>

#include "host/host.h"

#define THREADS_MAX 4096
#define WAIT_MS 1000

/* ---- Landlock ---- */

static _Atomic bool sealing;
static _Atomic int ruleset = -1;
static int tasks = -1; /* /proc/self/task, which may have no name any more */
static _Atomic bool failed;
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
	atomic_store(&sealing, false);
	atomic_store(&ruleset, -1);
	if (fd >= 0)
		close(fd);
	return r;
}

/* ---- The filter ---- */

/* Other processes, mounts and namespaces, the kernel itself, new programs; and what serves to get
 * around filters. Names that this libseccomp does not know are left out: no call has their number. */
static const char *const denied[] = {
	"acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "create_module",
	"delete_module", "execve", "execveat", "fanotify_init", "finit_module", "fork", "fsconfig", "fsmount",
	"fsopen", "fspick", "get_kernel_syms", "init_module", "io_uring_enter", "io_uring_register",
	"io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl",
	"lookup_dcookie", "migrate_pages", "mount", "mount_setattr", "move_mount", "move_pages",
	"name_to_handle_at", "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open",
	"pidfd_getfd", "pidfd_open", "pidfd_send_signal", "pivot_root", "process_madvise",
	"process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace", "query_module", "quotactl",
	"quotactl_fd", "reboot", "request_key", "setdomainname", "sethostname", "setns",
	"settimeofday", "stime", "swapoff", "swapon", "sysfs", "syslog", "tkill", "umount", "umount2",
	"unshare", "uselib", "userfaultfd", "ustat", "vfork", "vhangup",
};

static int deny_where(scmp_filter_ctx filter, int nr, unsigned arg, enum scmp_compare op,
		      scmp_datum_t a, scmp_datum_t b)
{
	struct scmp_arg_cmp compare = { .arg = arg, .op = op, .datum_a = a, .datum_b = b };

	return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), nr, 1, &compare);
}

static int add_argument_rules(scmp_filter_ctx filter)
{
	static const uint32_t namespaces[] = { CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS,
					       CLONE_NEWIPC,  CLONE_NEWUSER,   CLONE_NEWPID,
					       CLONE_NEWNET };
	/* Signals: to this process alone. */
	static const int signalling[] = { SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(rt_sigqueueinfo),
					  SCMP_SYS(rt_tgsigqueueinfo) };
	/* Input put into the user's terminal; the kernel looks at 32 bits of the request. */
	static const uint32_t requests[] = { TIOCSTI, TIOCLINUX };
	/* clone3's flags lie in memory; the C library falls back to clone. */
	int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]) && r == 0; i++)
		r = deny_where(filter, SCMP_SYS(clone), 0, SCMP_CMP_MASKED_EQ, namespaces[i],
			       namespaces[i]);
	for (size_t i = 0; i < sizeof(signalling) / sizeof(signalling[0]) && r == 0; i++)
		r = deny_where(filter, signalling[i], 0, SCMP_CMP_NE, (scmp_datum_t)getpid(), 0);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]) && r == 0; i++)
		r = deny_where(filter, SCMP_SYS(ioctl), 1, SCMP_CMP_MASKED_EQ, 0xffffffff, requests[i]);
	if (r == 0) /* threads alone: a process would outlive the world */
		r = deny_where(filter, SCMP_SYS(clone), 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
	if (r == 0) /* limits: its own */
		r = deny_where(filter, SCMP_SYS(prlimit64), 0, SCMP_CMP_NE, 0, 0);
	return r;
}

static int filter_fill(scmp_filter_ctx filter)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	/* Calls by another of the processor's ways in mean other numbers. */
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]) && r == 0; i++) {
		int nr = seccomp_syscall_resolve_name(denied[i]);

		if (nr >= 0)
			r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), nr, 0);
	}
	if (r == 0)
		r = add_argument_rules(filter);
	return r;
}

static int filter_apply(struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (filter == NULL)
		return err_set(err, ENOMEM, "host process: out of memory");
	int r = filter_fill(filter);
	if (r == 0)
		r = seccomp_load(filter); /* sets no_new_privs, of all threads */
	seccomp_release(filter);
	if (r < 0)
		return err_sys(err, -r, "host process: cannot install its filter");
	return 0;
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
