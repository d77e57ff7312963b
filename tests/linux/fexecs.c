/* SPDX-License-Identifier: MIT
 * Programs are executed by descriptors. cases/execs.sh runs it natively and on Microcosm, in a directory
 * of its own, and compares. It executes itself, argv[1], with what is to be done in argv[1]. With
 * argv[2] "races" it executes while other threads change what its descriptors are. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *self;
extern char **environ;

static int copy(int to, const char *path)
{
	char buf[65536];
	ssize_t n;
	int from = open(path, O_RDONLY | O_CLOEXEC);

	while ((n = read(from, buf, sizeof buf)) > 0)
		if (write(to, buf, (size_t)n) != n)
			printf("cannot copy\n");
	close(from);
	return to;
}

static int make(const char *name, const char *text, int mode, int flags)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0700);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, (mode_t)mode) < 0)
		printf("cannot make %s\n", name);
	close(fd);
	return open(name, flags);
}

static void wait_and_say(const char *what, pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	printf("%s: %s %d\n", what, WIFEXITED(status) ? "status" : "signal",
	       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	fflush(stdout);
}

/* In a child; it says how it went. */
static void run(const char *what, int fd, const char *path, int flags)
{
	char *argv[] = { "zero", "show", "an argument", NULL };

	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		long r = path != NULL && flags < 0 ? execve(path, argv, environ)
						   : syscall(SYS_execveat, fd, path, argv, environ, flags);
		printf("  %ld %s\n", r, strerrorname_np(errno));
		fflush(stdout);
		_exit(99);
	}
	wait_and_say(what, child);
}

static void by_number(const char *directory, int fd)
{
	char path[64];

	snprintf(path, sizeof path, "%s/%d", directory, fd);
	run(directory, -1, path, -1);
}

static void all(void)
{
	int memory = copy(memfd_create("m", 0), self), closing = copy(memfd_create("c", MFD_CLOEXEC), self);
	int file = open(self, O_RDONLY), path = open(self, O_PATH), both[2], ends[2];

	run("memfd", memory, "", AT_EMPTY_PATH);
	run("memfd, close-on-exec", closing, "", AT_EMPTY_PATH);
	run("file", file, "", AT_EMPTY_PATH);
	run("O_PATH", path, "", AT_EMPTY_PATH);
	run("not to be followed", file, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
	run("name beats descriptor", file, self, AT_EMPTY_PATH);
	by_number("/proc/self/fd", memory);
	by_number("/dev/fd", file);
	by_number("/proc/self/fd", 1000);
	run("no such descriptor", 1000, "", AT_EMPTY_PATH);
	run("negative", -3, "", AT_EMPTY_PATH);
	run("the working directory", AT_FDCWD, "", AT_EMPTY_PATH);
	run("no path", file, NULL, AT_EMPTY_PATH);
	run("empty path", file, "", 0);
	run("flags", file, "", AT_EMPTY_PATH | 1);
	if (lseek(memory, 0, SEEK_CUR) == 0)
		printf("the position was moved\n");

	run("directory", open(".", O_RDONLY), "", AT_EMPTY_PATH);
	if (pipe(both) == 0)
		run("pipe", both[0], "", AT_EMPTY_PATH);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0)
		run("socket", ends[0], "", AT_EMPTY_PATH);
	run("eventfd", eventfd(0, 0), "", AT_EMPTY_PATH);
	mkfifo("fifo", 0700);
	run("fifo", open("fifo", O_PATH), "", AT_EMPTY_PATH);
	symlink("none", "link");
	run("link", open("link", O_PATH | O_NOFOLLOW), "", AT_EMPTY_PATH);
	run("not executable", make("plain", "text", 0600, O_RDONLY), "", AT_EMPTY_PATH);
	run("no program", make("text", "text", 0700, O_RDONLY), "", AT_EMPTY_PATH);
	run("empty file", make("empty", "", 0700, O_RDONLY), "", AT_EMPTY_PATH);
	int rubbish = memfd_create("r", 0);
	if (write(rubbish, "\177ELF rubbish, and more of it, as long as a header, as long as one is", 68) != 68)
		printf("cannot write\n");
	run("rubbish", rubbish, "", AT_EMPTY_PATH);

	char line[4200];
	snprintf(line, sizeof line, "#!%s show\nrest\n", self);
	run("script", make("script", line, 0700, O_RDONLY), "", AT_EMPTY_PATH);
	run("script, close-on-exec", make("script", line, 0700, O_RDONLY | O_CLOEXEC), "", AT_EMPTY_PATH);
	int gone = make("gone", line, 0700, O_RDONLY);
	unlink("gone");
	run("deleted script", gone, "", AT_EMPTY_PATH);
	int deleted = open("deleted", O_RDWR | O_CREAT, 0700);
	close(copy(deleted, self));
	deleted = open("deleted", O_RDONLY);
	unlink("deleted");
	run("deleted program", deleted, "", AT_EMPTY_PATH);

	/* With a vfork child, and from a thread that is not the first. */
	fflush(stdout);
	pid_t child = vfork();
	if (child == 0) {
		char *argv[] = { "zero", "show", NULL };
		fexecve(memory, argv, environ);
		_exit(99);
	}
	wait_and_say("vfork", child);
}

/* ---- Races: any outcome but a wrong program or a hang ---- */

static int target, good, bad;
static volatile int stop;

static void *swaps(void *arg)
{
	(void)arg;
	while (!stop) {
		dup2(bad, target);
		dup2(good, target);
		close(target);
		dup2(good, target);
	}
	return NULL;
}

static void races(void)
{
	int quits = 0, executed = 0;

	good = copy(memfd_create("good", 0), self);
	bad = memfd_create("bad", 0);
	for (int i = 0; i < 200; i++) {
		pid_t child = fork();
		if (child == 0) {
			char *argv[] = { "zero", "exit", NULL };
			pthread_t thread;
			target = dup(good);
			pthread_create(&thread, NULL, swaps, NULL);
			syscall(SYS_execveat, target, "", argv, environ, AT_EMPTY_PATH);
			_exit(98);
		}
		if (i % 4 == 3)
			kill(child, SIGKILL);
		int status = 0;
		waitpid(child, &status, 0);
		executed += WIFEXITED(status) && WEXITSTATUS(status) == 7;
		quits += (WIFEXITED(status) && WEXITSTATUS(status) == 98) || WIFSIGNALED(status);
	}
	printf("races %d\n", executed + quits);
}

int main(int argc, char **argv)
{
	char name[17] = "";

	if (argc > 1 && strcmp(argv[1], "exit") == 0)
		return 7;
	if (argc > 1 && strcmp(argv[1], "show") == 0) {
		prctl(PR_GET_NAME, name);
		printf("  shown as %s:", (const char *)getauxval(AT_EXECFN));
		for (int i = 0; i < argc; i++)
			printf(" '%s'", i > 0 || argv[0][0] != '/' ? argv[i] : "(self)");
		printf("\n");
		return 17;
	}
	self = argv[1];
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	close_range(3, ~0u, 0);
	if (argc > 2)
		races();
	else
		all();
	return 0;
}
