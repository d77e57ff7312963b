/* SPDX-License-Identifier: MIT
 * Runs a command under a filter like the one that container runtimes use if nothing else is said, for
 * processes without capabilities: confined [--numbers | --ptrace] COMMAND [ARG...]
 * What those profiles leave out is -EPERM, clone3 is -ENOSYS. --numbers: and so is every number above those
 * that the profile's author knew, negative ones included, as runc has it. --ptrace: it is refused too. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
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

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define IF(op, k, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, yes, no)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)

static unsigned short fill(struct sock_filter *to, int numbers, int ptrace)
{
	const struct sock_filter head[] = {
		LOAD(arch),
		IF(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		LOAD(nr),
		IF(BPF_JGT, numbers ? LAST_KNOWN : 0xffffffff, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		IF(BPF_JEQ, SYS_clone3, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		IF(BPF_JEQ, ptrace ? SYS_ptrace : SYS_bpf, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
	}, tail[] = {
		IF(BPF_JEQ, SYS_clone, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, args)),
		IF(BPF_JSET, NAMESPACES, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		RETURN(SECCOMP_RET_ALLOW),
	};
	size_t n = COUNT(head);

	memcpy(to, head, sizeof head);
	for (size_t i = 0; i < COUNT(refused); i++) {
		to[n++] = (struct sock_filter)IF(BPF_JEQ, refused[i], 0, 1);
		to[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EPERM);
	}
	memcpy(to + n, tail, sizeof tail);
	return (unsigned short)(n + COUNT(tail));
}

int main(int argc, char **argv)
{
	struct sock_filter code[COUNT(refused) * 2 + 16];
	int numbers = argc > 1 && strcmp(argv[1], "--numbers") == 0;
	int ptrace = argc > 1 && strcmp(argv[1], "--ptrace") == 0;
	char **command = argv + 1 + (numbers || ptrace);
	struct sock_fprog program = { .filter = code, .len = fill(code, numbers, ptrace) };

	if (argc < 2 + (numbers || ptrace)) {
		fprintf(stderr, "usage: confined [--numbers | --ptrace] COMMAND [ARG...]\n");
		return 125;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("confined: cannot install the filter");
		return 125;
	}
	execvp(command[0], command);
	perror(command[0]);
	return 127;
}
