// SPDX-License-Identifier: MIT
// Spawning: tracees that run nothing of the supervisor's once they execute the stub, and the host
// process.
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/ctl.h"
#include "os/os.h"
#include "rt.h"

#define TRACE_OPTIONS                                                                      \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |                \
	 PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |                   \
	 PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)

int os_filters_send(int fd, const struct os_program *filter, const struct os_program *extra, struct err *err)
{
	const struct os_program *programs[] = {extra, filter};
	struct rt_filters filters = {0};
	struct iovec parts[1 + RT_FILTERS_MAX] = {{&filters, sizeof filters}};
	size_t total = sizeof filters;
	filters.message_size = (uint32_t)ctl_listener_packet(filters.message, sizeof filters.message);
	for (size_t i = 0; i < RT_FILTERS_MAX; i++) {
		if (!programs[i] || !programs[i]->n)
			continue;
		filters.lengths[filters.n++] = programs[i]->n;
		parts[filters.n] = (struct iovec){programs[i]->insns, programs[i]->n * sizeof *programs[i]->insns};
		total += parts[filters.n].iov_len;
	}
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 1 + filters.n};
	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent == (ssize_t)total || (sent < 0 && errno == EPIPE)) /* it has been killed: its end follows */
		return 0;
	return err_sys(err, sent < 0 ? errno : EIO, "cannot send a process its filters");
}

/* Moves two descriptors to the places that the stub knows, wherever they were. */
static bool child_descriptors(int filters, int control)
{
	int f = fcntl(filters, F_DUPFD, RT_CONTROL_FD + 1), c = fcntl(control, F_DUPFD, RT_CONTROL_FD + 1);
	return f >= 0 && c >= 0 && dup2(f, RT_FILTERS_FD) >= 0 && dup2(c, RT_CONTROL_FD) >= 0;
}

/* In the child, which shares the parent's memory until it executes; -1: it cannot, for errno. */
static int child_run(const struct os_spawn *spawn, int filters)
{
	sigset_t none;
	if (spawn->boot) {
		int null = open("/dev/null", O_RDWR);
		if (setpgid(0, 0) < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
			return -1;
	}
	if (!child_descriptors(filters, spawn->control_fd) ||
	    syscall(SYS_close_range, RT_CONTROL_FD + 1u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) < 0)
		return -1;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, spawn->boot ? &none : os_wait_given_mask(), NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return execve(spawn->stub, spawn->argv, spawn->envp);
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

/* The child's memory is the parent's until it has executed the stub: none is copied. Then the stub waits for its
 * filters, and is traced before it gets them. */
static int spawn_child(const struct os_spawn *spawn, int filters, pid_t *pid, struct err *err)
{
	int failure[2], error = 0;
	if (pipe2(failure, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	*pid = vfork();
	if (*pid == 0) {
		/* Both are moved out of the way of those that the stub knows. */
		int out = fcntl(failure[1], F_DUPFD_CLOEXEC, RT_CONTROL_FD + 1);
		child_run(spawn, filters);
		error = errno;
		(void)!write(out, &error, sizeof error);
		_exit(125);
	}
	if (*pid < 0)
		error = errno;
	close(failure[1]);
	/* Ends where the kernel has closed the child's end at its exec. */
	if (!error && read(failure[0], &error, sizeof error) < 0)
		error = errno;
	close(failure[0]);
	return error ? err_sys(err, error, "cannot start a process with %s", spawn->stub) : 0;
}

int os_spawn(const struct os_spawn *spawn, pid_t *tid, int *filters, struct err *err)
{
	int pair[2];
	*filters = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "cannot make a socket pair");
	int error = spawn_child(spawn, pair[1], tid, err);
	close(pair[1]);
	if (!error && ptrace(PTRACE_SEIZE, *tid, 0, TRACE_OPTIONS) < 0) {
		error = trace_refused(errno, err);
		kill(*tid, SIGKILL);
	}
	if (error)
		close(pair[0]);
	else
		*filters = pair[0];
	return error;
}

int os_spawn_host(void (*run)(void), pid_t *pid, int *socket, struct err *err)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "cannot make a socket pair");
	*pid = fork();
	if (*pid == 0) {
		if (pair[1] == CTL_FD)
			fcntl(CTL_FD, F_SETFD, 0);
		else
			dup2(pair[1], CTL_FD);
		run();
	}
	int error = *pid < 0 ? err_sys(err, errno, "cannot make the host process") : 0;
	close(pair[1]);
	*socket = pair[0];
	return error;
}

int os_watch_socket(int socket, struct err *err)
{
	if (fcntl(socket, F_SETOWN, getpid()) < 0 ||
	    fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_ASYNC) < 0)
		return err_sys(err, errno, "cannot watch the host process's socket");
	return 0;
}
