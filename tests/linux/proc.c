/* SPDX-License-Identifier: MIT
 * What a program reads of itself in /proc: printed, a line for each thing, so that a native run and one on
 * Microcosm can be compared. The argument is a directory that it may write in. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 24
#define ROUNDS 60

static char text[1 << 20];

static void say(const char *what, bool holds)
{
	printf("%s: %s\n", what, holds ? "yes" : "no");
}

static long read_at(int directory, const char *path)
{
	int fd = openat(directory, path, O_RDONLY);
	size_t n = 0;
	ssize_t got;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	while (n < sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fd);
	return (long)n;
}

static long read_all(const char *path)
{
	return read_at(AT_FDCWD, path);
}

static bool links_to(const char *path, const char *wanted)
{
	char link[4096];
	ssize_t n = readlink(path, link, sizeof(link) - 1);

	link[n > 0 ? n : 0] = '\0';
	return strcmp(link, wanted) == 0;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* ---- The process ---- */

static void process(char **argv, const char *exe)
{
	char path[64], pid[16], line[64], cwd[4096];
	long n;

	snprintf(pid, sizeof(pid), "%d", getpid());
	say("self leads to this process", links_to("/proc/self", pid));
	snprintf(line, sizeof(line), "%d/task/%d", getpid(), gettid());
	say("thread-self leads to this thread", links_to("/proc/thread-self", line));
	say("exe is the program's path", links_to("/proc/self/exe", exe));
	say("exe is the program's file", same_file("/proc/self/exe", exe));
	say("exe opens", read_all("/proc/self/exe") > 4 && memcmp(text, "\177ELF", 4) == 0);
	snprintf(path, sizeof(path), "/proc/%d/exe", getpid());
	say("exe by number", links_to(path, exe));
	say("cwd", getcwd(cwd, sizeof(cwd)) != NULL && links_to("/proc/self/cwd", cwd) &&
			same_file("/proc/self/cwd", "."));
	say("root", links_to("/proc/self/root", "/"));

	n = read_all("/proc/self/cmdline");
	say("cmdline", n > 0 && strcmp(text, argv[0]) == 0 && strcmp(text + strlen(text) + 1, argv[1]) == 0);
	read_all("/proc/self/environ");
	say("environ", strstr(text, "MARK=found") != NULL);
	prctl(PR_SET_NAME, "a name)");
	read_all("/proc/self/comm");
	say("comm", strcmp(text, "a name)\n") == 0);
	read_all("/proc/self/stat");
	snprintf(line, sizeof(line), "%d (a name)) R ", getpid());
	say("stat", strncmp(text, line, strlen(line)) == 0);
	int fields = 0;
	for (char *word = strrchr(text, ')'); word != NULL; word = strchr(word + 1, ' '))
		fields++;
	printf("stat has %d fields\n", fields + 1);
	read_all("/proc/self/status");
	snprintf(line, sizeof(line), "\nPid:\t%d\n", getpid());
	say("status: pid", strncmp(text, "Name:\ta name)\n", 14) == 0 && strstr(text, line) != NULL);
	snprintf(line, sizeof(line), "\nUid:\t%d\t%d\t", getuid(), geteuid());
	say("status: user", strstr(text, line) != NULL);
	say("status: traced by nobody", strstr(text, "\nTracerPid:\t0\n") != NULL);
	say("status: runs", strstr(text, "\nState:\tR (running)\n") != NULL);
	read_all("/proc/self/statm");
	long size, resident;
	say("statm", sscanf(text, "%ld %ld", &size, &resident) == 2 && size >= resident && resident > 0);
	read_all("/proc/self/limits");
	say("limits", strstr(text, "Max open files") != NULL);
}

static bool mapped(const void *at, const char *name)
{
	for (char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL) {
		unsigned long low, high;

		if (sscanf(line, "%lx-%lx ", &low, &high) == 2 && (unsigned long)at >= low && (unsigned long)at < high)
			return strncmp(strchr(line, '\n') - strlen(name), name, strlen(name)) == 0;
	}
	return false;
}

static int a_variable = 1;

static void memory(const char *exe)
{
	pthread_attr_t attributes;
	void *stack;
	size_t size;
	int local;

	say("maps", read_all("/proc/self/maps") > 0);
	say("maps: the stack", mapped(&local, "[stack]"));
	say("maps: the program", mapped(&a_variable, exe));
	say("a thread's stack", pthread_getattr_np(pthread_self(), &attributes) == 0 &&
					pthread_attr_getstack(&attributes, &stack, &size) == 0 &&
					(char *)&local > (char *)stack && (char *)&local < (char *)stack + size);
}

/* ---- Threads and other processes ---- */

static int count(const char *path, bool numbers)
{
	DIR *directory = opendir(path);
	int n = 0;

	if (directory == NULL)
		return -errno;
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
		n += numbers ? strspn(entry->d_name, "0123456789") == strlen(entry->d_name) : entry->d_name[0] != '.';
	closedir(directory);
	return n;
}

static pthread_barrier_t started, finished;

static void *thread(void *argument)
{
	char line[64];

	prctl(PR_SET_NAME, "second");
	snprintf(line, sizeof(line), "%d/task/%d", getpid(), gettid());
	say("a thread: thread-self", links_to("/proc/thread-self", line));
	read_all("/proc/thread-self/comm");
	say("a thread: its name", strcmp(text, "second\n") == 0);
	read_all("/proc/self/comm");
	say("a thread: its process's name", strcmp(text, "a name)\n") == 0);
	pthread_barrier_wait(&started);
	pthread_barrier_wait(&finished);
	return argument;
}

static void threads(void)
{
	pthread_t second;

	pthread_barrier_init(&started, NULL, 2);
	pthread_barrier_init(&finished, NULL, 2);
	printf("threads: %d\n", count("/proc/self/task", true));
	pthread_create(&second, NULL, thread, NULL);
	pthread_barrier_wait(&started);
	printf("threads: %d\n", count("/proc/self/task", true));
	read_all("/proc/self/status");
	say("status: threads", strstr(text, "\nThreads:\t2\n") != NULL);
	pthread_barrier_wait(&finished);
	pthread_join(second, NULL);
}

static void child_of(const char *exe)
{
	int ready[2], end[2];
	char path[64], line[64], byte = 0;

	if (pipe(ready) < 0 || pipe(end) < 0)
		exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NAME, "child");
		close(end[1]);
		(void)!write(ready[1], &byte, 1);
		(void)!read(end[0], &byte, 1);
		_exit(0);
	}
	(void)!read(ready[0], &byte, 1);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	read_all(path);
	say("a child: comm", strcmp(text, "child\n") == 0);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	say("a child: exe", links_to(path, exe));
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	read_all(path);
	snprintf(line, sizeof(line), "\nPPid:\t%d\n", getpid());
	say("a child: its parent", strstr(text, line) != NULL);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	read_all(path);
	say("a child: stopped", strstr(text, "\nState:\tT (stopped)\n") != NULL);
	kill(pid, SIGCONT);
	close(end[1]);
	waitpid(pid, NULL, 0);
	printf("a child that is gone: %s\n", strerror((int)-read_all(path)));
	close(ready[0]);
	close(ready[1]);
	close(end[0]);
}

/* Many at once, each of which must find itself. */
static int find_oneself(int number)
{
	char name[16], line[32], pid[16];

	snprintf(name, sizeof(name), "number-%d", number);
	snprintf(line, sizeof(line), "%s\n", name);
	snprintf(pid, sizeof(pid), "%d", getpid());
	prctl(PR_SET_NAME, name);
	for (int i = 0; i < ROUNDS; i++) {
		if (read_all("/proc/self/comm") < 0 || strcmp(text, line) != 0)
			return 1;
		if (!links_to("/proc/self", pid))
			return 2;
	}
	return 0;
}

static void many(void)
{
	int status, failures = 0;

	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0)
			_exit(find_oneself(i));
	while (wait(&status) > 0)
		failures += status != 0;
	printf("of many processes %d do not find themselves\n", failures);
}

/* ---- Descriptors ---- */

static void descriptors(const char *directory)
{
	char path[4096], line[64];
	struct stat st, link;
	int ends[2];

	snprintf(path, sizeof(path), "%s/file", directory);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	int before = count("/proc/self/fd", true);
	if (pipe(ends) < 0)
		exit(1);
	printf("descriptors: %d more\n", count("/proc/self/fd", true) - before);
	snprintf(line, sizeof(line), "/proc/self/fd/%d", fd);
	say("a file's link", links_to(line, path));
	say("a link's kind", lstat(line, &link) == 0 && S_ISLNK(link.st_mode));
	say("a link's file", same_file(line, path));
	(void)!write(fd, "text", 4);
	lseek(fd, 0, SEEK_SET);
	say("a file by its link", read_all(line) == 4 && strcmp(text, "text") == 0);
	snprintf(line, sizeof(line), "/proc/self/./fd/%d", fd);
	lseek(fd, 0, SEEK_SET);
	say("by a longer name", read_all(line) == 4 && strcmp(text, "text") == 0);
	snprintf(line, sizeof(line), "pipe:[%lu]", fstat(ends[0], &st) == 0 ? (unsigned long)st.st_ino : 0ul);
	snprintf(path, sizeof(path), "/proc/thread-self/../../fd/%d", ends[0]);
	say("a pipe's link", links_to(path, line));
	(void)!write(ends[1], "down", 4);
	close(ends[1]);
	say("a pipe by its link", read_all(path) == 4 && strcmp(text, "down") == 0);
	close(ends[0]);
	printf("a closed one's link: %s\n", lstat(path, &st) < 0 ? strerror(errno) : "is there");
	printf("a closed one: %s\n", strerror((int)-read_all(path)));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	lseek(fd, 3, SEEK_SET);
	read_all(path);
	say("fdinfo", strncmp(text, "pos:\t3\n", 7) == 0);
	snprintf(path, sizeof(path), "/dev/fd/../fd/%d", fd);
	lseek(fd, 0, SEEK_SET);
	say("/dev/fd", read_all(path) == 4 && strcmp(text, "text") == 0);
	close(fd);
}

/* ---- Ways there ---- */

static void ways(const char *directory)
{
	char path[4096], pid[16];
	struct statfs fs;
	struct stat st;

	snprintf(path, sizeof(path), "%s/link", directory);
	say("a link to /proc/self/comm", symlink("/proc/self/comm", path) == 0 && read_all(path) > 0 &&
						 strcmp(text, "a name)\n") == 0);
	snprintf(path, sizeof(path), "%s/directory", directory);
	say("a link to /proc", symlink("/proc", path) == 0);
	strcat(path, "/self/comm");
	say("through it", read_all(path) > 0 && strcmp(text, "a name)\n") == 0);
	int fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
	say("from a directory", read_at(fd, "comm") > 0 && strcmp(text, "a name)\n") == 0);
	say("up from it", read_at(fd, "../self/comm") > 0 && strcmp(text, "a name)\n") == 0);
	say("there", fchdir(fd) == 0 && read_all("comm") > 0 && strcmp(text, "a name)\n") == 0);
	snprintf(pid, sizeof(pid), "/proc/%d", getpid());
	say("where", getcwd(path, sizeof(path)) != NULL && strcmp(path, pid) == 0);
	say("back", chdir(directory) == 0 && links_to("/proc/self/cwd", directory));
	close(fd);
	fd = open("/proc/self/cwd/made", O_WRONLY | O_CREAT | O_EXCL, 0600);
	say("a file made by way of cwd", fd >= 0 && access("made", R_OK) == 0);
	close(fd);
	printf("once more: %s\n", open("/proc/self/cwd/made", O_WRONLY | O_CREAT | O_EXCL, 0600) < 0 ? strerror(errno) : "made");
	say("a mode changed by way of a descriptor", fchmodat(AT_FDCWD, "made", 0640, AT_SYMLINK_NOFOLLOW) == 0 &&
							     stat("made", &st) == 0 && (st.st_mode & 07777) == 0640);
	say("a directory made by way of root", snprintf(path, sizeof(path), "/proc/self/root%s/sub", directory) > 0 &&
						     mkdir(path, 0700) == 0 && access("sub", X_OK) == 0);
	printf("what is not there: %s\n", strerror((int)-read_all("/proc/self/cwd/none")));
	printf("no process: %s\n", strerror((int)-read_all("/proc/999999999/stat")));
	printf("no file: %s\n", strerror((int)-read_all("/proc/self/none")));
	printf("beyond a file: %s\n", strerror((int)-read_all("/proc/self/comm/x")));
	say("statfs", statfs("/proc/self", &fs) == 0 && fs.f_type == 0x9fa0);
	say("access", access("/proc/self/stat", R_OK) == 0 && access("/proc/none", F_OK) < 0 && errno == ENOENT);
}

/* ---- The machine ---- */

static bool first_line(const char *path, const char *wanted)
{
	read_all(path);
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, wanted) == 0;
}

static void machine(void)
{
	struct utsname name;
	double up;
	int processors = 0;

	uname(&name);
	say("hostname", first_line("/proc/sys/kernel/hostname", name.nodename));
	say("osrelease", first_line("/proc/sys/kernel/osrelease", name.release));
	say("ostype", first_line("/proc/sys/kernel/ostype", name.sysname));
	say("version", read_all("/proc/version") > 0 && strstr(text, name.release) != NULL);
	read_all("/proc/cpuinfo");
	for (char *at = text; (at = strstr(at, "processor\t:")) != NULL; at++)
		processors++;
	say("cpuinfo", processors > 0 && processors == sysconf(_SC_NPROCESSORS_ONLN));
	read_all("/proc/stat");
	say("stat of the machine", strncmp(text, "cpu  ", 5) == 0 && strstr(text, "\nbtime ") != NULL);
	say("meminfo", read_all("/proc/meminfo") > 0 && strstr(text, "MemAvailable:") != NULL);
	say("uptime", read_all("/proc/uptime") > 0 && sscanf(text, "%lf", &up) == 1 && up > 0);
	say("loadavg", read_all("/proc/loadavg") > 0 && sscanf(text, "%lf %lf %lf", &up, &up, &up) == 3);
	say("mounts", read_all("/proc/mounts") > 0 && strstr(text, " /proc proc ") != NULL);
	say("mountinfo", read_all("/proc/self/mountinfo") > 0 && strstr(text, " /proc ") != NULL);
	say("filesystems", read_all("/proc/filesystems") > 0 && strstr(text, "\tproc\n") != NULL);
	say("uuid", read_all("/proc/sys/kernel/random/uuid") == 37);
	say("pid_max", read_all("/proc/sys/kernel/pid_max") > 0 && atoi(text) >= getpid());
}

int main(int argc, char **argv)
{
	char exe[4096];

	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (realpath(argv[0], exe) == NULL || chdir(argv[1]) < 0)
		return 1;
	process(argv, exe);
	memory(exe);
	threads();
	child_of(exe);
	many();
	descriptors(argv[1]);
	ways(argv[1]);
	machine();
	return 0;
}
