/* SPDX-License-Identifier: MIT
 * Two processes that compute and look for a file in turn, until standard input ends. */
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void work(void)
{
	struct pollfd end = {.fd = 0};
	struct stat st;
	volatile unsigned sum = 0;
	while (poll(&end, 1, 0) == 0)
		for (int i = 0; i < 100; i++) {
			for (int k = 0; k < 20000; k++)
				sum += (unsigned)k;
			stat("/", &st);
		}
}

int main(void)
{
	pid_t child = fork();
	if (child < 0)
		return 1;
	printf("%d\n", (int)getpid());
	fflush(stdout);
	work();
	if (child == 0)
		_exit(0);
	return waitpid(child, NULL, 0) != child;
}
