/* SPDX-License-Identifier: MIT */
/* A terminal for a test: pty COMMAND... runs it as a session of its own on a new pty, copies what it prints
 * to standard output, and what comes on standard input to it as typed. Exits as the command does. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int terminal, status;
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	pid_t pid = argc > 1 ? forkpty(&terminal, NULL, NULL, &size) : -1;
	if (pid == 0) {
		/* A shell's background jobs, such as this one may be, ignore them. */
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		signal(SIGHUP, SIG_DFL); /* nohup leaves it ignored: that is not the case here */
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (pid < 0)
		return 99;
	struct pollfd fds[2] = {{.fd = terminal, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	char buffer[4096];
	while (poll(fds, 2, 60000) > 0) {
		if (fds[0].revents) {
			ssize_t n = read(terminal, buffer, sizeof buffer);
			if (n <= 0)
				break; /* EIO: nobody has it open any more */
			if (write(1, buffer, (size_t)n) != n)
				break;
		}
		if (fds[1].revents) {
			ssize_t n = read(0, buffer, sizeof buffer);
			if (n <= 0)
				fds[1].fd = -1;
			else if (write(terminal, buffer, (size_t)n) != n)
				break;
		}
	}
	if (waitpid(pid, &status, 0) != pid)
		return 98;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
