/* SPDX-License-Identifier: MIT
 * Runs a command and tells what it leaves behind: watch SECONDS REPORT COMMAND [ARG...]
 * Exits as the command does (128 + signal like a shell). Into the file REPORT goes one line for each
 * complaint: that time ran out, and what each process did then, and every process that is still there a
 * while after the command ended, whatever session or group it is in. What is left is killed. The command
 * begins with no signal ignored or blocked and no descriptor but 0-2, however this was started. */
#define _GNU_SOURCE
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

#define GRACE_MS 20000

static long long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

struct process {
	char name[64], state;
	int pid, parent;
};

#define MAX_PROCESSES 4096

/* All there are, zombies too. */
static int processes(struct process *all)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int n = 0;
	while (dir && n < MAX_PROCESSES && (entry = readdir(dir))) {
		char path[300];
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		FILE *stat = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "r") : NULL;
		if (!stat)
			continue;
		struct process *p = &all[n];
		n += fscanf(stat, "%d (%63[^)]) %c %d", &p->pid, p->name, &p->state, &p->parent) == 4;
		fclose(stat);
	}
	if (dir)
		closedir(dir);
	return n;
}

/* Calls each(pid, name) for every child of ours that is not a zombie. */
static void children(void (*each)(pid_t pid, const char *name, FILE *report), FILE *report)
{
	static struct process all[MAX_PROCESSES];
	int n = processes(all);
	for (int i = 0; i < n; i++)
		if (all[i].parent == getpid() && all[i].state != 'Z')
			each(all[i].pid, all[i].name, report);
}

/* The first line of a file of a task. */
static void tell_file(int pid, int task, const char *name, FILE *report)
{
	char path[300], line[200] = "";
	snprintf(path, sizeof path, "/proc/%d/task/%d/%s", pid, task, name);
	FILE *file = fopen(path, "r");
	if (file) {
		if (fgets(line, sizeof line, file))
			line[strcspn(line, "\n")] = 0;
		fclose(file);
	}
	fprintf(report, " %s %s", name, line);
}

static void tell_tasks(int pid, FILE *report)
{
	char path[300];
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			fprintf(report, "  task %s:", entry->d_name);
			tell_file(pid, atoi(entry->d_name), "wchan", report);
			tell_file(pid, atoi(entry->d_name), "syscall", report);
			fputc('\n', report);
		}
	if (dir)
		closedir(dir);
}

/* What every process below us does. */
static void tell_all(FILE *report)
{
	static struct process all[MAX_PROCESSES];
	static int ours[MAX_PROCESSES];
	int n = processes(all), n_ours = 0;
	ours[n_ours++] = getpid();
	for (int i = 0; i < n_ours; i++)
		for (int k = 0; k < n; k++)
			if (all[k].parent == ours[i] && n_ours < MAX_PROCESSES) {
				ours[n_ours++] = all[k].pid;
				fprintf(report, "process %d (%s), %c, of %d\n", all[k].pid, all[k].name, all[k].state, all[k].parent);
				tell_tasks(all[k].pid, report);
			}
}

static void begin(char **command)
{
	sigset_t none;
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(command[0], command);
	perror(command[0]);
	_exit(127);
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
	/* Before the fork: a process with high descriptors keeps a larger table for life, and select(2) shows it. */
	close_range(3, ~0u, 0);
	FILE *report = fopen(argv[2], "we");
	if (!report || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		perror(argv[2]);
		return 99;
	}
	pid_t command = fork();
	if (command == 0)
		begin(argv + 3);
	int fd = (int)syscall(SYS_pidfd_open, command, 0), status = 0;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	if (poll(&ready, 1, atoi(argv[1]) * 1000) != 1) {
		fprintf(report, "ran longer than %s s\n", argv[1]);
		tell_all(report);
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
