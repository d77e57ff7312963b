/* SPDX-License-Identifier: MIT
 * Runs a command under a filter like those that container runtimes use: confined [MODE] COMMAND [ARG...]
 * What is refused is -EPERM, clone3 is -ENOSYS. Without a mode: what the usual profiles leave out, for processes
 * without capabilities, and no other number. With --names: every number but those that Docker's profile has if
 * nothing else is said. --numbers: the first, and every number above those that the profile's author knew,
 * negative ones included, is -ENOSYS, as runc has it. --ptrace, --carrier: ptrace is refused too, or
 * the number that Microcosm's own calls go by. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST_KNOWN 450 /* set_mempolicy_home_node, Linux 5.17 */
#define NAMESPACES                                                                         \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |        \
	 CLONE_NEWPID | CLONE_NEWNET)

static const unsigned refused[] = {
	SYS_acct, SYS_add_key, SYS_bpf, SYS_chroot, SYS_clock_adjtime, SYS_clock_settime, SYS_delete_module,
	SYS_fanotify_init, SYS_finit_module, SYS_fsconfig, SYS_fsmount, SYS_fsopen, SYS_fspick,
	SYS_get_mempolicy, SYS_init_module, SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup,
	SYS_ioperm, SYS_iopl, SYS_kcmp, SYS_kexec_file_load, SYS_kexec_load, SYS_keyctl, SYS_lookup_dcookie,
	SYS_mbind, SYS_migrate_pages, SYS_mount, SYS_mount_setattr, SYS_move_mount, SYS_move_pages, SYS_nfsservctl,
	SYS_open_by_handle_at, SYS_open_tree, SYS_perf_event_open, SYS_pidfd_getfd, SYS_pivot_root,
	SYS_process_madvise, SYS_quotactl, SYS_reboot, SYS_request_key, SYS_set_mempolicy, SYS_setdomainname,
	SYS_sethostname, SYS_setns, SYS_settimeofday, SYS_swapoff, SYS_swapon, SYS_syslog, SYS_umount2,
	SYS_unshare, SYS_userfaultfd, SYS_ustat, SYS_vhangup,
};

/* clone, personality and socket by their arguments, below. Newer calls than those of these headers are left out,
 * as the profiles of their time have it. */
static const unsigned named[] = {
	SYS_accept, SYS_accept4, SYS_access, SYS_adjtimex, SYS_alarm, SYS_arch_prctl, SYS_bind, SYS_brk, SYS_capget,
	SYS_capset, SYS_chdir, SYS_chmod, SYS_chown, SYS_chroot, SYS_clock_adjtime, SYS_clock_getres,
	SYS_clock_gettime, SYS_clock_nanosleep, SYS_close, SYS_close_range, SYS_connect, SYS_copy_file_range,
	SYS_creat, SYS_dup, SYS_dup2, SYS_dup3, SYS_epoll_create, SYS_epoll_create1, SYS_epoll_ctl,
	SYS_epoll_ctl_old, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_epoll_wait, SYS_epoll_wait_old, SYS_eventfd,
	SYS_eventfd2, SYS_execve, SYS_execveat, SYS_exit, SYS_exit_group, SYS_faccessat, SYS_faccessat2,
	SYS_fadvise64, SYS_fallocate, SYS_fanotify_mark, SYS_fchdir, SYS_fchmod, SYS_fchmodat, SYS_fchown,
	SYS_fchownat, SYS_fcntl, SYS_fdatasync, SYS_fgetxattr, SYS_flistxattr, SYS_flock, SYS_fork, SYS_fremovexattr,
	SYS_fsetxattr, SYS_fstat, SYS_fstatfs, SYS_fsync, SYS_ftruncate, SYS_futex, SYS_futex_waitv, SYS_futimesat,
	SYS_getcpu, SYS_getcwd, SYS_getdents, SYS_getdents64, SYS_getegid, SYS_geteuid, SYS_getgid, SYS_getgroups,
	SYS_getitimer, SYS_getpeername, SYS_getpgid, SYS_getpgrp, SYS_getpid, SYS_getppid, SYS_getpriority,
	SYS_getrandom, SYS_getresgid, SYS_getresuid, SYS_getrlimit, SYS_get_robust_list, SYS_getrusage, SYS_getsid,
	SYS_getsockname, SYS_getsockopt, SYS_get_thread_area, SYS_gettid, SYS_gettimeofday, SYS_getuid, SYS_getxattr,
	SYS_inotify_add_watch, SYS_inotify_init, SYS_inotify_init1, SYS_inotify_rm_watch, SYS_io_cancel, SYS_ioctl,
	SYS_io_destroy, SYS_io_getevents, SYS_io_pgetevents, SYS_ioprio_get, SYS_ioprio_set, SYS_io_setup,
	SYS_io_submit, SYS_kill, SYS_landlock_add_rule, SYS_landlock_create_ruleset, SYS_landlock_restrict_self,
	SYS_lchown, SYS_lgetxattr, SYS_link, SYS_linkat, SYS_listen, SYS_listxattr, SYS_llistxattr, SYS_lremovexattr,
	SYS_lseek, SYS_lsetxattr, SYS_lstat, SYS_madvise, SYS_membarrier, SYS_memfd_create, SYS_memfd_secret,
	SYS_mincore, SYS_mkdir, SYS_mkdirat, SYS_mknod, SYS_mknodat, SYS_mlock, SYS_mlock2, SYS_mlockall, SYS_mmap,
	SYS_modify_ldt, SYS_mprotect, SYS_mq_getsetattr, SYS_mq_notify, SYS_mq_open, SYS_mq_timedreceive,
	SYS_mq_timedsend, SYS_mq_unlink, SYS_mremap, SYS_msgctl, SYS_msgget, SYS_msgrcv, SYS_msgsnd, SYS_msync,
	SYS_munlock, SYS_munlockall, SYS_munmap, SYS_nanosleep, SYS_newfstatat, SYS_open, SYS_openat, SYS_openat2,
	SYS_pause, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pipe, SYS_pipe2, SYS_pkey_alloc, SYS_pkey_free,
	SYS_pkey_mprotect, SYS_poll, SYS_ppoll, SYS_prctl, SYS_pread64, SYS_preadv, SYS_preadv2, SYS_prlimit64,
	SYS_process_mrelease, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pselect6, SYS_ptrace, SYS_pwrite64,
	SYS_pwritev, SYS_pwritev2, SYS_read, SYS_readahead, SYS_readlink, SYS_readlinkat, SYS_readv, SYS_recvfrom,
	SYS_recvmmsg, SYS_recvmsg, SYS_remap_file_pages, SYS_removexattr, SYS_rename, SYS_renameat, SYS_renameat2,
	SYS_restart_syscall, SYS_rmdir, SYS_rseq, SYS_rt_sigaction, SYS_rt_sigpending, SYS_rt_sigprocmask,
	SYS_rt_sigqueueinfo, SYS_rt_sigreturn, SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_rt_tgsigqueueinfo,
	SYS_sched_getaffinity, SYS_sched_getattr, SYS_sched_getparam, SYS_sched_get_priority_max,
	SYS_sched_get_priority_min, SYS_sched_getscheduler, SYS_sched_rr_get_interval, SYS_sched_setaffinity,
	SYS_sched_setattr, SYS_sched_setparam, SYS_sched_setscheduler, SYS_sched_yield, SYS_seccomp, SYS_select,
	SYS_semctl, SYS_semget, SYS_semop, SYS_semtimedop, SYS_sendfile, SYS_sendmmsg, SYS_sendmsg, SYS_sendto,
	SYS_setfsgid, SYS_setfsuid, SYS_setgid, SYS_setgroups, SYS_setitimer, SYS_setpgid, SYS_setpriority,
	SYS_setregid, SYS_setresgid, SYS_setresuid, SYS_setreuid, SYS_setrlimit, SYS_set_robust_list, SYS_setsid,
	SYS_setsockopt, SYS_set_thread_area, SYS_set_tid_address, SYS_setuid, SYS_setxattr, SYS_shmat, SYS_shmctl,
	SYS_shmdt, SYS_shmget, SYS_shutdown, SYS_sigaltstack, SYS_signalfd, SYS_signalfd4, SYS_socketpair,
	SYS_splice, SYS_stat, SYS_statfs, SYS_statx, SYS_symlink, SYS_symlinkat, SYS_sync, SYS_sync_file_range,
	SYS_syncfs, SYS_sysinfo, SYS_tee, SYS_tgkill, SYS_time, SYS_timer_create, SYS_timer_delete,
	SYS_timer_getoverrun, SYS_timer_gettime, SYS_timer_settime, SYS_timerfd_create, SYS_timerfd_gettime,
	SYS_timerfd_settime, SYS_times, SYS_tkill, SYS_truncate, SYS_umask, SYS_uname, SYS_unlink, SYS_unlinkat,
	SYS_utime, SYS_utimensat, SYS_utimes, SYS_vfork, SYS_vmsplice, SYS_wait4, SYS_waitid, SYS_write, SYS_writev,
};

static const unsigned personalities[] = { PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26, 0xffffffff };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define ARG0 ((unsigned)offsetof(struct seccomp_data, args))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define IF(op, k, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, yes, no)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)
#define CODE_MOST (2 * COUNT(named) + 64)

struct code {
	struct sock_filter insns[CODE_MOST];
	size_t n;
};

static void add(struct code *c, const struct sock_filter *insns, size_t n)
{
	memcpy(c->insns + c->n, insns, n * sizeof(*insns));
	c->n += n;
}

static void for_each(struct code *c, const unsigned *values, size_t n, unsigned action)
{
	for (size_t i = 0; i < n; i++) {
		const struct sock_filter one[] = { IF(BPF_JEQ, values[i], 0, 1), RETURN(action) };
		add(c, one, COUNT(one));
	}
}

static void by_arguments(struct code *c)
{
	const struct sock_filter clone[] = {
		IF(BPF_JEQ, SYS_clone, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG0),
		IF(BPF_JSET, NAMESPACES, 0, 1),
		REFUSE,
		RETURN(SECCOMP_RET_ALLOW),
	}, socket[] = {
		IF(BPF_JEQ, SYS_socket, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG0),
		IF(BPF_JEQ, AF_VSOCK, 0, 1),
		REFUSE,
		RETURN(SECCOMP_RET_ALLOW),
	}, personality[] = {
		IF(BPF_JEQ, SYS_personality, 1, 0),
		REFUSE,
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG0),
	}, last[] = { REFUSE };

	add(c, clone, COUNT(clone));
	add(c, socket, COUNT(socket));
	add(c, personality, COUNT(personality));
	for_each(c, personalities, COUNT(personalities), SECCOMP_RET_ALLOW);
	add(c, last, COUNT(last));
}

static void fill(struct code *c, const char *mode)
{
	bool names = strcmp(mode, "--names") == 0;
	const unsigned also = strcmp(mode, "--ptrace") == 0 ? SYS_ptrace
			      : strcmp(mode, "--carrier") == 0 ? SYS_sched_get_priority_max
							       : SYS_bpf;
	const struct sock_filter head[] = {
		LOAD(arch),
		IF(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
		REFUSE,
		LOAD(nr),
		IF(BPF_JGT, strcmp(mode, "--numbers") == 0 ? LAST_KNOWN : 0xffffffff, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		IF(BPF_JEQ, SYS_clone3, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		IF(BPF_JEQ, also, 0, 1),
		REFUSE,
	}, tail[] = {
		IF(BPF_JEQ, SYS_clone, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG0),
		IF(BPF_JSET, NAMESPACES, 0, 1),
		REFUSE,
		RETURN(SECCOMP_RET_ALLOW),
	};

	add(c, head, COUNT(head));
	if (names) {
		for_each(c, named, COUNT(named), SECCOMP_RET_ALLOW);
		by_arguments(c);
	} else {
		for_each(c, refused, COUNT(refused), SECCOMP_RET_ERRNO | EPERM);
		add(c, tail, COUNT(tail));
	}
}

static bool is_mode(const char *word)
{
	static const char *const modes[] = { "--names", "--numbers", "--ptrace", "--carrier" };

	for (size_t i = 0; i < COUNT(modes); i++)
		if (strcmp(word, modes[i]) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static struct code code;
	bool mode = argc > 1 && is_mode(argv[1]);
	char **command = argv + 1 + mode;

	if (argc < 2 + mode) {
		fprintf(stderr, "usage: confined [--names | --numbers | --ptrace | --carrier] COMMAND [ARG...]\n");
		return 125;
	}
	fill(&code, mode ? argv[1] : "");
	struct sock_fprog program = { .filter = code.insns, .len = (unsigned short)code.n };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("confined: cannot install the filter");
		return 125;
	}
	execvp(command[0], command);
	perror(command[0]);
	return 127;
}
