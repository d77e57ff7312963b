// SPDX-License-Identifier: MIT
// Spawning: tracees that run nothing of the supervisor's once they execute the stub, and the host
// process.
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ctl.h"
#include "os/os.h"

#define TRACE_OPTIONS                                                                      \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |                \
	 PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |                   \
	 PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)

static int filter_install(const struct os_program *program, unsigned flags)
{
	struct sock_fprog prog = {program->n, (struct sock_filter *)program->insns};
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* Before the filter: descriptors and signals as a program expects them. */
static bool child_prepare(const struct os_spawn *spawn)
{
	if (spawn->apart && setpgid(0, 0) < 0)
		return false;
	if (spawn->no_stdio) {
		int null = open("/dev/null", O_RDWR);
		if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
			return false;
	}
	if (syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) < 0)
		return false;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* In the child, which the parent traces already. From the filter on, each call stops for the tracer,
 * which lets a process that has not executed the stub do these. */
static void child_run(const struct os_spawn *spawn)
{
	if (!child_prepare(spawn))
		_exit(125);
	if (spawn->extra && filter_install(spawn->extra, 0) < 0)
		_exit(125);
	int listener = filter_install(spawn->filter, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (listener < 0)
		_exit(125);
	static struct ctl_msg msg;
	msg.type = CTL_LISTENER;
	msg.n_fds = 1;
	msg.fds[0] = listener;
	if (ctl_send(spawn->control_fd, &msg) < 0)
		_exit(125);
	syscall(SYS_execveat, spawn->stub_fd, "", spawn->argv, spawn->envp, AT_EMPTY_PATH);
	_exit(125);
}

int os_spawn(const struct os_spawn *spawn, pid_t *tid, struct err *err)
{
	int gate[2];
	if (pipe2(gate, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	pid_t pid = fork();
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
		error = err_sys(err, errno,
				"cannot trace a process: the kernel's Yama setting (ptrace_scope 3) or "
				"a container's seccomp profile forbids ptrace");
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
	*pid = fork();
	if (*pid < 0) {
		int error = errno;
		close(pair[0]);
		close(pair[1]);
		return err_sys(err, error, "cannot make the host process");
	}
	if (*pid == 0) {
		setpgid(0, 0);
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
