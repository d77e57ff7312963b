/* SPDX-License-Identifier: MIT
 * Executes itself, once for each of args[1], while another process stops the one that does, lets it go on and sends
 * it what is ignored: each program then has three descriptors and no other. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS 256

static int count(void)
{
	int n = 0;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static pid_t disturb(pid_t pid)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	while (kill(pid, SIGSTOP) == 0) {
		kill(pid, SIGCONT);
		kill(pid, SIGWINCH);
		usleep(100 + (unsigned)rand() % 700);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	int status, wanted = argc > 1 ? atoi(argv[1]) : 0;

	if (wanted == 0)
		return count();
	for (int i = 0; i < wanted; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			execl(argv[0], argv[0], "0", (char *)0);
			_exit(99);
		}
		srand((unsigned)i);
		pid_t other = disturb(pid);
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 3) {
			printf("run %d: status %x\n", i, status);
			return 1;
		}
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
	}
	return 0;
}
