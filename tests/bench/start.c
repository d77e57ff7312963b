/* SPDX-License-Identifier: MIT
 * Runs a command several times, each with standard input from its beginning, and prints the median of
 * how long it took from its making to its end, in nanoseconds:
 *     start TIMES COMMAND [ARG...] */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMES_MAX 1000

extern char **environ;

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The command's time, or -1 when it failed. */
static double run(char **argv)
{
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	lseek(0, 0, SEEK_SET);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	double begin = now_ns();
	int error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	if (error == 0 && waitpid(pid, &status, 0) != pid)
		error = -1;
	double end = now_ns();
	posix_spawn_file_actions_destroy(&actions);
	return error || !WIFEXITED(status) || WEXITSTATUS(status) ? -1 : end - begin;
}

int main(int argc, char **argv)
{
	static double took[TIMES_MAX];
	long times = argc > 2 ? atol(argv[1]) : 0;

	if (times < 1 || times > TIMES_MAX)
		return 2;
	for (long i = 0; i < times; i++)
		if ((took[i] = run(argv + 2)) < 0)
			return 1;
	qsort(took, (size_t)times, sizeof(took[0]), compare);
	printf("%.0f\n", took[times / 2]);
	return 0;
}
