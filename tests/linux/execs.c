/* SPDX-License-Identifier: MIT
 * Programs that execute programs. cases/execs.sh runs it natively and on Microcosm and compares. It
 * executes itself by the name in argv[1], with what is to be done in argv[2]. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *self;
extern char **environ;

static void wait_and_say(const char *what, pid_t child)
{
	int status = -1;

	if (waitpid(child, &status, 0) != child)
		printf("%s: lost\n", what);
	else
		printf("%s: %s %d\n", what, WIFEXITED(status) ? "status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	fflush(stdout);
}

static void fails(const char *path, char **argv)
{
	execv(path, argv);
	printf("execv %s: %s\n", path, strerrorname_np(errno));
	fflush(stdout);
}

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* What a program finds when it starts. */
static int show(int argc, char **argv)
{
	struct sigaction action;
	char name[17] = "";
	sigset_t blocked;

	prctl(PR_GET_NAME, name);
	printf("show: %d arguments, execfn %s, name %s\n", argc, (const char *)getauxval(AT_EXECFN), name);
	for (int i = 3; i < argc; i++)
		printf("  %s\n", argv[i]);
	printf("  X=%s random %d entry %d\n", getenv("X") ? getenv("X") : "-", getauxval(AT_RANDOM) != 0,
	       getauxval(AT_ENTRY) != 0);
	sigaction(SIGUSR1, NULL, &action);
	printf("  USR1 %s", action.sa_handler == SIG_DFL ? "default" : "other");
	sigaction(SIGUSR2, NULL, &action);
	printf(" USR2 %s", action.sa_handler == SIG_IGN ? "ignored" : "other");
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	printf(" HUP blocked %d pending", sigismember(&blocked, SIGHUP));
	sigpending(&blocked);
	printf(" %d descriptors %d\n", sigismember(&blocked, SIGHUP), count_descriptors());
	return 17;
}

static void handler(int signo)
{
	(void)signo;
}

static void run(char *const *argv, const char *what)
{
	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		execve(argv[0], argv, environ);
		printf("execve %s: %s\n", argv[0], strerrorname_np(errno));
		fflush(stdout);
		_exit(99);
	}
	wait_and_say(what, child);
}

static void write_script(const char *path, const char *line, int mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, line, strlen(line)) < 0 || fchmod(fd, (mode_t)mode) < 0)
		printf("cannot write %s\n", path);
	close(fd);
}

static void scripts(void)
{
	char line[4200];

	snprintf(line, sizeof line, "#!%s x\n", self);
	write_script("plain", line, 0700);
	snprintf(line, sizeof line, "#! %s   show with  blanks \nrest\n", self);
	write_script("argument", line, 0700);
	write_script("nested", "#!./argument\n", 0700);
	write_script("nested2", "#!./nested two\n", 0700);
	write_script("nested3", "#!./nested2\n", 0700);
	write_script("nested4", "#!./nested3\n", 0700);
	write_script("nested5", "#!./nested4\n", 0700);
	write_script("none", "#!/no/such/interpreter\n", 0700);
	write_script("empty", "#!  \n", 0700);
	write_script("text", "no line\n", 0700);
	write_script("nothing", "", 0700);
	write_script("not-executable", line, 0600);
	write_script("elf", "\177ELF rubbish, and more of it, as long as a header, as long as a header", 0700);
	memset(line, 'a', sizeof line);
	memcpy(line, "#!/", 3);
	line[300] = 0;
	write_script("long", line, 0700);

	char *argv[] = {"", "zero", "one", NULL};
	static char *const names[] = {"./argument", "./nested", "./nested2", "./nested3", "./nested4", "./nested5"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		argv[0] = names[i];
		run(argv, names[i]);
	}
	char *arguments[] = {"x", NULL};
	static const char *const bad[] = {"./none", "./empty", "./text", "./nothing", "./not-executable", "./elf", ".",
					  "./no-such-file", "", "./plain/x", "./long"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		fails(bad[i], arguments);
}

static void *sleeper(void *arg)
{
	if (arg)
		for (;;)
			pause();
	for (volatile int i = 0;; i++)
		;
	return NULL;
}

static void *executes(void *arg)
{
	char *argv[] = {self, self, "show", "from a thread", NULL};

	(void)arg;
	execv(self, argv);
	return NULL;
}

static void threads(void)
{
	char *argv[] = {self, self, "show", "with threads", NULL};

	for (int how = 0; how < 2; how++) {
		pid_t child = fork();
		if (child == 0) {
			pthread_t thread;
			for (long i = 0; i < 6; i++)
				pthread_create(&thread, NULL, sleeper, (void *)(i & 1));
			if (how == 0)
				execv(self, argv);
			pthread_create(&thread, NULL, executes, NULL);
			pthread_join(thread, NULL);
			_exit(98);
		}
		wait_and_say("threads", child);
	}
	/* All at once: one wins. */
	pid_t child = fork();
	if (child == 0) {
		pthread_t thread;
		argv[3] = "race";
		for (int i = 0; i < 8; i++)
			pthread_create(&thread, NULL, executes, NULL);
		for (;;)
			pause();
	}
	wait_and_say("race", child);
}

static int spin(void *nothing)
{
	for (;;)
		(void)nothing;
}

/* Children that are killed while they still share their parent's memory, while they execute, and early in
 * what they execute: each dies of it, and their parent goes on. */
static void killed(void)
{
	char *argv[] = {self, self, "spin", NULL}, *stack = malloc(1 << 16);
	struct timespec from, now;
	int of_it = 0, status;
	pid_t child;

	for (int i = 0; i < 100; i++) {
		if ((child = vfork()) == 0) {
			execv(self, argv);
			_exit(99);
		}
		clock_gettime(CLOCK_MONOTONIC, &from);
		do
			clock_gettime(CLOCK_MONOTONIC, &now);
		while ((now.tv_sec - from.tv_sec) * 1000000000 + now.tv_nsec - from.tv_nsec < i / 2 * 100000);
		kill(child, SIGKILL);
		of_it += waitpid(child, &status, 0) == child && status == SIGKILL;
	}
	printf("killed at once: %d\n", of_it);
	child = clone(spin, stack + (1 << 16), CLONE_VM | SIGCHLD, NULL);
	kill(child, SIGKILL);
	wait_and_say("killed, of shared memory", child);
	fflush(stdout);
	if ((child = fork()) == 0)
		_exit(7);
	wait_and_say("after that", child);
	free(stack);
}

int main(int argc, char **argv)
{
	char *show_argv[] = {argv[1], argv[1], "show", "a", "", "b c", NULL};
	sigset_t hangup;
	pid_t child;
	char *big;

	self = argc > 1 ? argv[1] : NULL;
	if (argc > 2 && strcmp(argv[2], "show") == 0)
		return show(argc, argv);
	if (argc > 2 && strcmp(argv[2], "exit") == 0)
		return 0;
	if (argc > 2 && strcmp(argv[2], "spin") == 0)
		return spin(NULL);
	if (argc > 2 && argv[0][0] == '.' && strncmp(argv[1], "show with", 9) == 0)
		return show(argc, argv);
	if (argc < 2 || strncmp(argv[1], "show", 4) == 0) { /* by a script */
		for (int i = 0; i < argc; i++)
			printf("  argv[%d] %s\n", i, i == 0 && argv[i][0] == '/' ? "(self)" : argv[i]);
		return 5;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	setenv("X", "value", 1);
	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hangup, NULL);
	close_range(3, ~0u, 0); /* what the tests hold */
	int kept = open("/", O_RDONLY), closed = open("/", O_RDONLY | O_CLOEXEC);
	printf("descriptors %d %d\n", kept, closed);
	run(show_argv, "execve");
	fflush(stdout);
	if ((child = vfork()) == 0) {
		execv(self, show_argv);
		_exit(99);
	}
	wait_and_say("vfork", child);
	if (posix_spawn(&child, self, NULL, NULL, show_argv, environ) == 0)
		wait_and_say("posix_spawn", child);
	fflush(stdout);
	if ((child = fork()) == 0) {
		raise(SIGHUP);
		execv(self, show_argv);
	}
	wait_and_say("pending", child);
	scripts();
	threads();
	killed();
	big = malloc(1 << 18);
	memset(big, 'x', 1 << 18);
	big[(1 << 18) - 1] = 0;
	char *big_argv[] = {self, big, NULL};
	fails(self, big_argv);
	close(kept);
	close(closed);
	int before = count_descriptors();
	char *exit_argv[] = {self, self, "exit", NULL};
	for (int i = 0; i < 200; i++) {
		if ((child = vfork()) == 0) {
			execv(self, exit_argv);
			_exit(99);
		}
		int status;
		if (waitpid(child, &status, 0) != child || status != 0)
			printf("round %d: %x\n", i, status);
	}
	printf("descriptors %s\n", before == count_descriptors() ? "level" : "leaked");
	return 0;
}
