/* SPDX-License-Identifier: MIT
 * Ways out of the world's files: each that works prints ESCAPED. cases/escapes.sh gives it descriptor 0 on
 * a directory outside, a tree with /ro, /rw and /tmp, and argv[1], the name of a file outside that
 * holds "secret". */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static const char *outside;

static void escaped(const char *how)
{
	printf("ESCAPED: %s\n", how);
	fflush(stdout);
}

static void check_fd(const char *how, int fd)
{
	char text[16] = "";

	if (fd < 0)
		return;
	if (read(fd, text, sizeof text - 1) > 0 && strncmp(text, "secret", 6) == 0)
		escaped(how);
	close(fd);
}

static void try_path(const char *how, const char *path)
{
	struct stat st;

	check_fd(how, open(path, O_RDONLY));
	if (stat(path, &st) == 0 && st.st_size == 6)
		escaped(how);
	check_fd(how, (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW));
}

static void names(void)
{
	char path[8192];
	static const char *const ups[] = {"..", "/..", "../../../../../..", "/rw/../..", "/rw/./../../..", "/proc/1/root",
					  "/proc/self/root", "/proc/self/cwd/../..", "/proc/self/exe/..", "/dev/../..",
					  "/rw/link", "/rw/up", "/rw/d/up"};

	mkdir("/rw/d", 0700);
	symlink("/", "/rw/link");
	symlink("../../../../../../../..", "/rw/up");
	symlink("../../..", "/rw/d/up");
	try_path("the name itself", outside);
	for (size_t i = 0; i < sizeof ups / sizeof *ups; i++) {
		snprintf(path, sizeof path, "%s/%s", ups[i], outside);
		try_path(ups[i], path);
	}
	symlink(outside, "/rw/direct");
	try_path("a symbolic link", "/rw/direct");
	link(outside, "/rw/hard");
	try_path("a hard link", "/rw/hard");
	linkat(AT_FDCWD, "/rw/direct", AT_FDCWD, "/rw/hard2", AT_SYMLINK_FOLLOW);
	try_path("a hard link to what a link leads to", "/rw/hard2");
	rename(outside, "/rw/moved");
	try_path("a rename", "/rw/moved");
}

static void descriptors(void)
{
	const char *name = strrchr(outside, '/') + 1;
	char path[4096];
	int fd;

	/* 0 is a directory outside: held, but no place to start at. */
	check_fd("openat of an inherited directory", openat(0, name, O_RDONLY));
	fd = dup(0);
	check_fd("openat of its duplicate", openat(fd, name, O_RDONLY));
	if (fchdir(0) == 0) {
		escaped("fchdir to an inherited directory");
		check_fd("and what lies there", open(name, O_RDONLY));
	}
	if (mkdirat(0, "made", 0700) == 0)
		escaped("mkdirat in an inherited directory");
	if (unlinkat(0, name, 0) == 0)
		escaped("unlinkat in an inherited directory");
	snprintf(path, sizeof path, "/dev/fd/0/%s", name);
	try_path("/dev/fd/0", path);
	snprintf(path, sizeof path, "/proc/self/fd/0/%s", name);
	try_path("/proc/self/fd/0", path);
	if (symlinkat("x", 0, "made") == 0 || linkat(0, name, AT_FDCWD, "/rw/l", 0) == 0)
		escaped("linkat from an inherited directory");
	check_fd("openat2", (int)syscall(437, 0, name, (long[]){O_RDONLY, 0, 0}, 24));
	close(fd);
	/* Its number says nothing: what fstat says is not taken from the caller alone. */
	fd = open("/rw", O_RDONLY | O_DIRECTORY);
	dup2(0, fd);
	check_fd("a number that was another directory's", openat(fd, name, O_RDONLY));
	close(fd);
}

/* A directory that is moved while a name goes up from it. */
static volatile int stop;

static void *mover(void *arg)
{
	(void)arg;
	while (!stop) {
		rename("/rw/a/b/c", "/rw/c");
		rename("/rw/c", "/rw/a/b/c");
	}
	return NULL;
}

static void races(void)
{
	pthread_t thread;
	char path[8192];

	mkdir("/rw/a", 0700);
	mkdir("/rw/a/b", 0700);
	mkdir("/rw/a/b/c", 0700);
	int fd = open("/rw/a/b/c", O_RDONLY | O_DIRECTORY);
	if (pthread_create(&thread, NULL, mover, NULL) != 0)
		return;
	snprintf(path, sizeof path, "../../../../../../../../..%s", outside);
	for (int i = 0; i < 2000; i++)
		check_fd("a race with a rename", openat(fd, path, O_RDONLY));
	close(fd);
	/* What a program keeps to a directory stays there. */
	fd = open("/rw/above", O_WRONLY | O_CREAT, 0600);
	if (write(fd, "secret", 6) != 6)
		printf("cannot write a file\n");
	close(fd);
	strcpy(path, "c/");
	for (int i = 0; i < 200; i++)
		strcat(path, "./");
	strcat(path, "../above");
	fd = open("/rw/a/b", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 4000; i++) {
		const struct open_how how = {.resolve = i % 2 == 0 ? RESOLVE_BENEATH : RESOLVE_IN_ROOT};

		check_fd("a race with a rename, from a directory that is not to be left",
			 (int)syscall(SYS_openat2, fd, path, &how, sizeof how));
	}
	stop = 1;
	pthread_join(thread, NULL);
	close(fd);
}

/* A name that leads up again and again from a deep directory, and through links of its kind, must not keep
 * a signal waiting. */
static void on_alarm(int signal)
{
	(void)signal;
}

static void lasting(void)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	char text[4096], name[16];
	struct timespec begin, end;
	struct stat st;
	size_t n = 0;

	if (chdir("/rw") < 0)
		return;
	for (int i = 0; i < 250; i++)
		if ((mkdir("d", 0700) < 0 && errno != EEXIST) || chdir("d") < 0)
			printf("cannot make a deep directory: %s\n", strerror(errno));
	mkdir("a", 0700);
	for (; n < 3900; n += 5)
		strcpy(text + n, "a/../");
	for (int i = 0; i < 39; i++) {
		snprintf(text + n, sizeof text - n, "link%d", i + 1);
		snprintf(name, sizeof name, "link%d", i);
		symlink(text, name);
	}
	mkdir("link39", 0700);
	sigaction(SIGALRM, &action, NULL);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	alarm(1);
	if (stat("link0", &st) < 0 && errno != EINTR)
		printf("a name that lasts: %s\n", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &end);
	alarm(0);
	if (end.tv_sec - begin.tv_sec > 7)
		escaped("a name keeps a signal waiting");
	chdir("/");
}

/* Standard input is the directory outside: held, to be read, as whoever gave it meant. */
static void changing_held(void)
{
	int other = dup(0);

	if (fchmod(0, 0777) == 0 || fchmod(other, 0700) == 0 || fchown(0, 1234, 1234) == 0 ||
	    fchown(0, getuid(), -1) == 0 || chmod("/proc/self/fd/0", 0700) == 0 || chmod("/dev/stdin", 0700) == 0)
		escaped("changing what was inherited");
	if (fsetxattr(0, "user.x", "x", 1, 0) == 0 || fremovexattr(0, "user.there") == 0 ||
	    setxattr("/proc/self/fd/0", "user.x", "x", 1, 0) == 0)
		escaped("attributes of what was inherited");
	if (futimens(0, NULL) == 0 || utimensat(AT_FDCWD, "/proc/self/fd/0", NULL, 0) == 0)
		escaped("times of what was inherited");
	close(other);
}

static void writing(void)
{
	struct stat st;
	int fd;

	if (open("/ro/new", O_WRONLY | O_CREAT, 0600) >= 0 || open("/ro/file", O_WRONLY) >= 0 ||
	    open("/ro/file", O_RDONLY | O_TRUNC) >= 0)
		escaped("writing to --ro");
	if (unlink("/ro/file") == 0 || rename("/ro/file", "/ro/other") == 0 || chmod("/ro/file", 0777) == 0 ||
	    utimensat(AT_FDCWD, "/ro/file", NULL, 0) == 0 || truncate("/ro/file", 0) == 0 ||
	    link("/ro/file", "/rw/file") == 0 || mkdir("/ro/d", 0700) == 0)
		escaped("changing --ro");
	fd = open("/ro/file", O_RDONLY);
	if (fchmod(fd, 0777) == 0 || futimens(fd, NULL) == 0 || ftruncate(fd, 0) == 0)
		escaped("changing --ro by a descriptor");
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		escaped("mapping --ro to write");
	if (mount("none", "/rw", "tmpfs", 0, NULL) == 0 || umount2("/ro", MNT_DETACH) == 0 || chroot("/rw") == 0 ||
	    syscall(SYS_unshare, 0x10000000) == 0 || syscall(SYS_setns, 0, 0) == 0 ||
	    syscall(SYS_pivot_root, "/rw", "/rw") == 0)
		escaped("mounts and namespaces");
	if (mknod("/rw/null", S_IFCHR | 0666, 0x103) == 0 || mknod("/rw/disk", S_IFBLK | 0600, 0xfe00) == 0)
		escaped("a device");
	close(open("/rw/prog", O_WRONLY | O_CREAT, 0700));
	if (chmod("/rw/prog", 04755) == 0 || open("/rw/prog2", O_WRONLY | O_CREAT, 04755) >= 0 ||
	    (stat("/rw/prog", &st) == 0 && (st.st_mode & 06000)))
		escaped("a set-user-ID file");
	fd = open("/rw/prog", O_RDONLY);
	if (fchmod(fd, 06755) == 0)
		escaped("a set-user-ID file by its descriptor");
}

static void reaching(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/dbus/system_bus_socket"};
	int s = socket(AF_UNIX, SOCK_STREAM, 0), pair[2];

	if (connect(s, (struct sockaddr *)&address, sizeof address) == 0 || errno != ENOENT)
		escaped("a socket");
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
		escaped("the network");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
	    connect(pair[0], (struct sockaddr *)&address, sizeof address) == 0)
		escaped("connect");
	if (syscall(SYS_open_by_handle_at, 0, outside, O_RDONLY) >= 0 ||
	    syscall(SYS_name_to_handle_at, AT_FDCWD, "/rw", outside, outside, 0) == 0)
		escaped("handles");
	if (syscall(SYS_ptrace, 16, getppid(), 0, 0) == 0 || syscall(SYS_kcmp, getpid(), getppid(), 0, 0, 0) >= 0 ||
	    syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0) >= 0 || syscall(434, getppid(), 0) >= 0)
		escaped("other processes");
	if (kill(getppid(), 0) == 0)
		escaped("a signal");
}

static const unsigned char exit_66[] = { /* an ELF program that exits with 66 */
	0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x3e, 0, 1, 0, 0, 0,
	0x78, 0, 0x40, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0x40, 0, 0x38, 0, 1, 0, 0x40, 0, 0, 0, 0, 0,
	1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,
	0x84, 0, 0, 0, 0, 0, 0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0,
	0xbf, 66, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05,
};

/* The kernel is to execute nothing but the stub. The stub page of the region makes calls that go by no
 * table; it is found by the header. */
static void executing(void)
{
	char *argv[] = {"x", NULL}, *envp[] = {NULL};
	int fd = open("/rw/own", O_RDWR | O_CREAT, 0700);

	if (write(fd, exit_66, sizeof exit_66) != (ssize_t)sizeof exit_66)
		printf("cannot write a program\n");
	close(fd);
	for (int how = 1; how < 4; how++) {
		int status = 0, program = open("/rw/own", O_RDONLY);
		pid_t child = fork();
		if (child == 0) {
			unsigned long region = strtoul(getenv("REGION") ? getenv("REGION") : "0", NULL, 16);
			long (*stub)(long, const char *, char **, char **, long, long) =
				(void *)(region + 0x101000 + 322 * 16);
			long (*stub_execve)(const char *, char **, char **, long, long, long) =
				(void *)(region + 0x101000 + 59 * 16);
			if (how == 1 && region)
				stub(program, "", argv, envp, AT_EMPTY_PATH, 0);
			else if (how == 2 && region)
				stub(AT_FDCWD, "/rw/own", argv, envp, 0, 0);
			else if (how == 3 && region)
				stub_execve("/rw/own", argv, envp, 0, 0, 0);
			_exit(1);
		}
		close(program);
		waitpid(child, &status, 0);
		/* By its own loader Microcosm may run it: not by the kernel's. */
		if (WIFEXITED(status) && WEXITSTATUS(status) == 66)
			escaped("a program that the kernel loaded");
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 1;
	outside = argv[1];
	names();
	descriptors();
	races();
	lasting();
	writing();
	changing_held();
	reaching();
	executing();
	puts("done");
	return 0;
}
