// SPDX-License-Identifier: MIT
// Spawning: tracees that run nothing of the supervisor's once they execute the stub, and the host
// process.
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ctl.h"
#include "os/os.h"
#include "rt.h"

#define TRACE_OPTIONS                                                                      \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |                \
	 PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |                   \
	 PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)

int os_filters_file(struct err *err)
{
	int fd = memfd_create("microcosm-filters", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, RT_FILTERS_BYTES) < 0)
		return err_sys(err, errno, "cannot make a file for the filters");
	return fd;
}

int os_filters_write(int fd, const struct os_program *filter, const struct os_program *extra,
		     struct err *err)
{
	const struct os_program *programs[] = {extra, filter};
	struct rt_filters filters = {0};
	filters.message_size = (uint32_t)ctl_listener_packet(filters.message, sizeof filters.message);
	off_t at = sizeof filters;
	for (size_t i = 0; i < 2; i++) {
		if (!programs[i] || !programs[i]->n)
			continue;
		size_t size = programs[i]->n * sizeof *programs[i]->insns;
		filters.lengths[filters.n++] = programs[i]->n;
		if (pwrite(fd, programs[i]->insns, size, at) != (ssize_t)size)
			return err_sys(err, EIO, "cannot write the filters");
		at += (off_t)size;
	}
	if (pwrite(fd, &filters, sizeof filters, 0) != (ssize_t)sizeof filters)
		return err_sys(err, EIO, "cannot write the filters");
	return 0;
}

/* Moves two descriptors to the places that the stub knows, wherever they were. */
static bool child_descriptors(int filters, int control)
{
	int f = fcntl(filters, F_DUPFD, RT_CONTROL_FD + 1), c = fcntl(control, F_DUPFD, RT_CONTROL_FD + 1);
	return f >= 0 && c >= 0 && dup2(f, RT_FILTERS_FD) >= 0 && dup2(c, RT_CONTROL_FD) >= 0;
}

/* In the child, which the parent traces already. */
static void child_run(const struct os_spawn *spawn)
{
	sigset_t none;
	if (spawn->apart && setpgid(0, 0) < 0)
		_exit(125);
	if (spawn->no_stdio) {
		int null = open("/dev/null", O_RDWR);
		if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
			_exit(125);
	}
	int stub = fcntl(spawn->stub_fd, F_DUPFD_CLOEXEC, RT_CONTROL_FD + 1);
	if (stub < 0 || !child_descriptors(spawn->filters_fd, spawn->control_fd) ||
	    syscall(SYS_close_range, RT_CONTROL_FD + 1u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) < 0)
		_exit(125);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		syscall(SYS_execveat, stub, "", spawn->argv, spawn->envp, AT_EMPTY_PATH);
	_exit(125);
}

bool os_is_filtered(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
}

bool os_carrier_passes(void)
{
	return syscall(RT_NR_CARRIER, SCHED_FIFO) >= 0;
}

/* What forbids it is not in the error. */
static int trace_refused(int error, struct err *err)
{
	char scope = '0';
	int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (read(fd, &scope, 1) != 1)
			scope = '0';
		close(fd);
	}
	const char *why = scope == '3'   ? "the kernel's Yama setting, ptrace_scope 3, forbids ptrace until it is "
					   "started again"
			  : scope == '2' ? "the kernel's Yama setting, ptrace_scope 2, wants CAP_SYS_PTRACE "
					   "(sysctl kernel.yama.ptrace_scope=1)"
			  : os_is_filtered()
				  ? "a seccomp filter, a container's perhaps, forbids ptrace "
				    "(docker run --security-opt seccomp=unconfined)"
				  : "is microcosm itself traced, by strace -f or a debugger?";
	return err_sys(err, error, "cannot trace a process: %s", why);
}

int os_spawn(const struct os_spawn *spawn, pid_t *tid, struct err *err)
{
	int gate[2];
	if (pipe2(gate, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	/* Not fork(3), in which a sanitizer would start a thread of its own in the child. */
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid < 0) {
		int error = errno;
		close(gate[0]);
		close(gate[1]);
		return err_sys(err, error, "cannot make a process");
	}
	if (pid == 0) {
		char byte;
		close(gate[1]);
		if (read(gate[0], &byte, 1) == 1)
			child_run(spawn);
		_exit(125);
	}
	close(gate[0]);
	int error = 0;
	if (ptrace(PTRACE_SEIZE, pid, 0, TRACE_OPTIONS) < 0) {
		error = trace_refused(errno, err);
		kill(pid, SIGKILL);
	} else if (write(gate[1], "", 1) != 1) {
		error = err_sys(err, errno, "cannot start a process");
	}
	close(gate[1]);
	*tid = pid;
	return error;
}

int os_spawn_host(const char *path, char *const *envp, pid_t *pid, int *socket, struct err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "cannot make a socket pair");
	/* The tracer's memory need not be copied for what executes at once. */
	*pid = vfork();
	if (*pid < 0) {
		int error = errno;
		close(pair[0]);
		close(pair[1]);
		return err_sys(err, error, "cannot make the host process");
	}
	if (*pid == 0) {
		/* In the user's job, so that components may read the terminal, but its signals are
		 * the guest's. */
		static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN,
					      SIGTTOU};
		for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
			signal(ignored[i], SIG_IGN);
		/* Its addresses must not be the guest's: see personality(2). */
		personality(personality(0xffffffff) & ~(unsigned long)ADDR_NO_RANDOMIZE);
		if (pair[1] == CTL_FD)
			fcntl(CTL_FD, F_SETFD, 0);
		else
			dup2(pair[1], CTL_FD);
		syscall(SYS_close_range, (unsigned)CTL_FD + 1, ~0u, 4u);
		char *argv[] = {(char *)"microcosm-host", NULL};
		execve(path, argv, envp);
		_exit(127);
	}
	close(pair[1]);
	*socket = pair[0];
	/* Messages interrupt os_wait. */
	if (fcntl(pair[0], F_SETOWN, getpid()) < 0 ||
	    fcntl(pair[0], F_SETFL, fcntl(pair[0], F_GETFL) | O_ASYNC) < 0)
		return err_sys(err, errno, "cannot watch the host process's socket");
	return 0;
}
