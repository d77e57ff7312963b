/* SPDX-License-Identifier: MIT
 * Runs a command and tells what it leaves behind: watch SECONDS REPORT COMMAND [ARG...]
 * Exits as the command does (128 + signal like a shell). Into the file REPORT goes one line for each
 * complaint: that time ran out, and every process that is still there a while after the command
 * ended, whatever session or group it is in. What is left is killed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS 3000

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Calls each(pid, name) for every child of ours that is not a zombie. */
static void children(void (*each)(pid_t pid, const char *name, FILE *report), FILE *report)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		char path[300], name[64], state;
		int pid, parent;
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		FILE *stat = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "r") : NULL;
		if (!stat)
			continue;
		if (fscanf(stat, "%d (%63[^)]) %c %d", &pid, name, &state, &parent) == 4 &&
		    parent == getpid() && state != 'Z')
			each(pid, name, report);
		fclose(stat);
	}
	if (dir)
		closedir(dir);
}

static void complain(pid_t pid, const char *name, FILE *report)
{
	fprintf(report, "process %d (%s) is left\n", (int)pid, name);
}

static void end(pid_t pid, const char *name, FILE *report)
{
	(void)name, (void)report;
	kill(pid, SIGKILL);
}

/* Reaps until there is no child any more: true, or until the time is up. */
static int all_gone(long long deadline)
{
	struct timespec nap = {.tv_nsec = 5000000};
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0 && errno == ECHILD)
			return 1;
		if (pid > 0)
			continue;
		if (now_ms() > deadline)
			return 0;
		nanosleep(&nap, NULL);
	}
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: watch SECONDS REPORT COMMAND [ARG...]\n");
		return 99;
	}
	FILE *report = fopen(argv[2], "we");
	if (!report || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		perror(argv[2]);
		return 99;
	}
	pid_t command = fork();
	if (command == 0) {
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	int fd = (int)syscall(SYS_pidfd_open, command, 0), status = 0;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	if (poll(&ready, 1, atoi(argv[1]) * 1000) != 1) {
		fprintf(report, "ran longer than %s s\n", argv[1]);
		kill(command, SIGKILL);
	}
	while (waitpid(command, &status, 0) < 0 && errno == EINTR)
		;
	if (!all_gone(now_ms() + GRACE_MS)) {
		children(complain, report);
		for (int i = 0; i < 100 && !all_gone(now_ms() + 50); i++)
			children(end, report);
	}
	fclose(report);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
