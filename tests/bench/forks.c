/* SPDX-License-Identifier: MIT
 * Nanoseconds for each fork, exec and wait of a program that ends at once.
 *     forks COUNT PROGRAM */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double burst_ns(long n, char *program)
{
	char *argv[] = {program, NULL};
	struct timespec begin, end;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			execv(program, argv);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			exit(1);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[1]) : 0;

	if (n <= 0)
		return 2;
	burst_ns(n / 4 + 1, argv[2]);
	printf("%.3f\n", burst_ns(n, argv[2]) / (double)n);
	return 0;
}
