/* SPDX-License-Identifier: MIT
 * Every call that takes a name, with what goes well and what goes wrong: result, errno and what it left
 * behind, a line each. cases/files.sh runs it natively and on Microcosm, in a directory of its own, and
 * compares. Built without a C library's wrappers in between where these do more than call. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

static long said(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
	fflush(stdout);
	return result;
}

#define SAY(call) said(#call, (long)(call))
/* Descriptors' numbers are compared too: the lowest that is free. */
#define OPEN(call) said(#call, (long)(call))

static void status(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		printf("%s: %s\n", path, strerrorname_np(errno));
		return;
	}
	printf("%s: mode %o links %lu size %lld owner %d group %d times %lld.%09ld %lld.%09ld\n", path, st.st_mode,
	       (unsigned long)st.st_nlink, S_ISDIR(st.st_mode) ? 0ll : (long long)st.st_size,
	       st.st_uid == geteuid(), st.st_gid == getegid(),
	       st.st_mtim.tv_sec < 2000 ? (long long)st.st_atim.tv_sec : -1ll,
	       st.st_mtim.tv_sec < 2000 ? st.st_atim.tv_nsec : 0l,
	       st.st_mtim.tv_sec < 2000 ? (long long)st.st_mtim.tv_sec : -1ll,
	       st.st_mtim.tv_sec < 2000 ? st.st_mtim.tv_nsec : 0l);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		printf("cannot write %s\n", path);
	close(fd);
}

static void opening(void)
{
	struct open_how how = { .flags = O_RDONLY }, in_root = { .flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT };
	char buf[8];
	int fd;

	write_file("f", "hello");
	close(OPEN(open("f", O_RDONLY)));
	SAY(open("none", O_RDONLY));
	SAY(open("", O_RDONLY));
	SAY(open("f/x", O_RDONLY));
	SAY(open("f/", O_RDONLY));
	SAY(open("f", O_RDONLY | O_DIRECTORY));
	SAY(open((const char *)1, O_RDONLY));
	SAY(open("f", O_WRONLY | O_CREAT | O_EXCL, 0600));
	close(OPEN(open("new", O_RDWR | O_CREAT | O_EXCL, 0666)));
	status("new");
	close(OPEN(creat("created", 0777)));
	status("created");
	fd = (int)OPEN(open("f", O_RDWR | O_APPEND | O_CLOEXEC));
	printf("flags %o %d\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	SAY(write(fd, "!", 1));
	SAY(pread(fd, buf, 6, 0));
	close(fd);
	fd = (int)OPEN(open("f", O_PATH));
	printf("flags %o %d\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	SAY(read(fd, buf, 1));
	close(fd);
	fd = (int)OPEN(open("f", O_RDWR | O_TRUNC));
	printf("flags %o\n", fcntl(fd, F_GETFL));
	close(fd);
	status("f");
	SAY(open(".", O_WRONLY));
	SAY(open(".", O_RDONLY | O_CREAT, 0600));
	close(OPEN(openat(AT_FDCWD, "./f", O_RDONLY)));
	SAY(openat(-5, "f", O_RDONLY));
	close(OPEN(openat(-5, "/", O_RDONLY)));
	fd = open("f", O_RDONLY);
	SAY(openat(fd, "f", O_RDONLY));
	close(fd);
	close(OPEN(syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof how)));
	SAY(syscall(SYS_openat2, AT_FDCWD, "f", &how, 8));
	SAY(syscall(SYS_openat2, AT_FDCWD, "/f", &in_root, sizeof in_root));
	how.flags = 1ull << 40;
	SAY(syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof how));
	static const struct open_how strict[] = {
		{ .flags = O_RDONLY, .resolve = 1ull << 40 }, { .flags = O_RDONLY, .resolve = 0x40 },
		{ .flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT | RESOLVE_BENEATH },
		{ .flags = O_RDONLY, .mode = 0644 }, { .flags = O_PATH | O_CREAT, .mode = 0644 },
		{ .flags = O_PATH | O_RDWR }, { .flags = O_RDWR | O_CREAT, .mode = 077777 },
	};
	for (size_t i = 0; i < sizeof strict / sizeof *strict; i++)
		SAY(syscall(SYS_openat2, AT_FDCWD, "f", &strict[i], sizeof *strict));
	how = (struct open_how){ .flags = O_RDONLY, .resolve = RESOLVE_BENEATH };
	SAY(syscall(SYS_openat2, AT_FDCWD, "../f", &how, sizeof how));
	fd = (int)OPEN(open(".", O_RDWR | O_TMPFILE, 0600));
	if (fd >= 0)
		SAY(write(fd, "x", 1));
	close(fd);
	char long_name[5000];
	memset(long_name, 'a', sizeof long_name);
	long_name[300] = 0;
	said("a long name", open(long_name, O_RDONLY));
	long_name[300] = 'a';
	long_name[4999] = 0;
	said("a long path", open(long_name, O_RDONLY));
}

static void directories(void)
{
	char text[4096];
	int fd, count = 0;

	SAY(mkdir("d", 0777));
	SAY(mkdir("d", 0777));
	SAY(mkdir("none/d", 0777));
	SAY(mkdir("d/e/", 0700));
	SAY(mkdir("/", 0700));
	SAY(mkdir(".", 0700));
	SAY(rmdir("d"));
	SAY(rmdir("."));
	SAY(rmdir("f"));
	SAY(unlink("d"));
	SAY(unlink("none"));
	SAY(unlink("f/"));
	status("d");
	fd = (int)OPEN(open("d", O_RDONLY | O_DIRECTORY));
	SAY(mkdirat(fd, "g", 0750));
	close(OPEN(openat(fd, "g/../../f", O_RDONLY)));
	int copy = dup(fd);
	close(fd);
	SAY(mkdirat(copy, "h", 0750));
	SAY(unlinkat(copy, "h", 0));
	SAY(unlinkat(copy, "h", AT_REMOVEDIR));
	SAY(rename("d", "renamed"));
	close(OPEN(openat(copy, "../f", O_RDONLY)));
	SAY(mkdirat(copy, "h", 0750));
	status("renamed/h");
	SAY(fchdir(copy));
	printf("cwd ends in %s\n", strrchr(getcwd(text, sizeof text), '/'));
	SAY(chdir(".."));
	SAY(chdir("f"));
	SAY(chdir("none"));
	SAY(fchdir(99));
	close(copy);
	SAY(syscall(SYS_getcwd, text, 2));
	DIR *list = opendir("renamed");
	for (struct dirent *entry; (entry = readdir(list)) != NULL;)
		count++;
	closedir(list);
	printf("%d entries\n", count);
	SAY(mkdir("x (deleted)", 0700));
	SAY(chdir("x (deleted)"));
	printf("cwd ends in %s\n", getcwd(text, sizeof text) ? strrchr(text, '/') : "nothing");
	SAY(chdir(".."));
	SAY(mkdir("gone", 0700));
	SAY(chdir("gone"));
	SAY(rmdir("../gone"));
	SAY(open("x", O_WRONLY | O_CREAT, 0600));
	SAY(syscall(SYS_getcwd, text, sizeof text));
	SAY(chdir(".."));
	SAY(open("..", O_RDONLY) >= 0);
	SAY(chdir("/"));
	printf("%s\n", getcwd(text, sizeof text));
	SAY(chdir(".."));
	printf("%s\n", getcwd(text, sizeof text));
}

static void links(void)
{
	char text[64] = "";

	SAY(symlink("f", "l"));
	SAY(symlink("f", "l"));
	SAY(symlink("", "l2"));
	SAY(symlink("loop", "loop"));
	SAY(open("loop", O_RDONLY));
	SAY(open("l", O_RDONLY | O_NOFOLLOW));
	SAY(open("l", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
	close(OPEN(open("l", O_PATH | O_NOFOLLOW)));
	SAY(readlink("l", text, sizeof text));
	SAY(readlink("l", text, 0));
	SAY(readlink("f", text, sizeof text));
	SAY(readlink("none", text, sizeof text));
	SAY(readlink("", text, sizeof text));
	SAY(link("f", "hard"));
	SAY(link("f", "hard"));
	SAY(link("l", "hard2"));
	SAY(linkat(AT_FDCWD, "l", AT_FDCWD, "hard3", AT_SYMLINK_FOLLOW));
	SAY(link(".", "hard4"));
	status("f");
	status("hard2");
	status("hard3");
	SAY(rename("hard", "moved"));
	SAY(rename("none", "moved"));
	SAY(rename("f", "renamed"));
	SAY(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "moved", RENAME_NOREPLACE));
	SAY(syscall(SYS_renameat2, AT_FDCWD, "l", AT_FDCWD, "renamed", RENAME_EXCHANGE));
	SAY(syscall(SYS_renameat2, AT_FDCWD, "l", AT_FDCWD, "renamed", RENAME_EXCHANGE));
	SAY(renameat(AT_FDCWD, "moved", AT_FDCWD, "renamed/moved"));
	status("renamed/moved");
	status("l");
	SAY(unlink("l"));
	SAY(symlink("dangling-target", "dangling"));
	close(OPEN(open("dangling", O_WRONLY | O_CREAT, 0600)));
	status("dangling-target");
}

/* What only asks about a named pipe does not let go who waits at its other end. */
static void pipes(void)
{
	char *const none[] = { NULL };
	int done[2];

	if (pipe(done) < 0)
		return;
	pid_t child = fork();
	if (child == 0) {
		close(done[0]);
		open("fifo", O_WRONLY);
		_exit(0);
	}
	close(done[1]);
	struct pollfd ended = { .fd = done[0] };
	/* Until it waits there, which nothing tells. */
	SAY(poll(&ended, 1, 200));
	SAY(truncate("fifo", 0));
	SAY(execve("fifo", none, none));
	SAY(access("fifo", R_OK));
	SAY(poll(&ended, 1, 200));
	int fd = open("fifo", O_RDONLY | O_NONBLOCK);
	SAY(poll(&ended, 1, -1));
	wait(NULL);
	close(fd);
	close(done[0]);
}

/* AT_EMPTY_PATH: what the descriptor is open on. */
static void nameless(void)
{
	struct timespec times[2] = { { 11, 0 }, { 12, 0 } };
	char text[16];
	int file = open("f", O_RDWR), name = open("f", O_PATH), here = open(".", O_RDONLY | O_DIRECTORY);

	symlink("f", "nameless");
	int link = open("nameless", O_PATH | O_NOFOLLOW);
	const int fds[] = { file, name, here, link, 99 };
	for (int i = 0; i < 5; i++) {
		SAY(fchownat(fds[i], "", -1, -1, AT_EMPTY_PATH));
		SAY(fchownat(fds[i], "", -1, -1, 0));
		SAY(fchownat(fds[i], "", -1, -1, AT_EMPTY_PATH | 0x8000));
		SAY(fchownat(fds[i], NULL, -1, -1, AT_EMPTY_PATH));
		SAY(syscall(SYS_faccessat2, fds[i], "", R_OK, AT_EMPTY_PATH));
		SAY(syscall(SYS_faccessat2, fds[i], "", 8, AT_EMPTY_PATH));
		SAY(readlinkat(fds[i], "", text, sizeof(text)));
	}
	for (int i = 0; i < 2; i++) {
		SAY(syscall(SYS_utimensat, fds[i], "", times, AT_EMPTY_PATH));
		SAY(syscall(SYS_utimensat, fds[i], "", times, AT_EMPTY_PATH | 0x8000));
		SAY(syscall(452, fds[i], "", 0600, AT_EMPTY_PATH | 0x8000));
		SAY(syscall(452 /* fchmodat2 */, fds[i], "", 0610 + i, AT_EMPTY_PATH));
		status("f");
	}
	SAY(syscall(452, AT_FDCWD, "f", 0640, AT_EMPTY_PATH));
	SAY(fchownat(AT_FDCWD, "", -1, -1, AT_EMPTY_PATH));
	SAY(readlinkat(AT_FDCWD, "", text, sizeof(text)));
	SAY(syscall(SYS_faccessat2, AT_FDCWD, "", W_OK, AT_EMPTY_PATH));
	unlink("nameless");
	close(file), close(name), close(here), close(link);
}

static void attributes(void)
{
	struct timespec times[2] = { { 1000, 5 }, { 1500, 7 } };
	struct timeval pair[2] = { { 100, 2 }, { 200, 3 } };
	struct utimbuf old = { 300, 400 };
	struct statfs fs;
	struct stat st;
	struct statx stx;
	int fd;

	SAY(chmod("f", 0640));
	status("f");
	SAY(chmod("none", 0640));
	SAY(fchmodat(AT_FDCWD, "f", 0755, 0));
	SAY(chown("f", -1, -1));
	SAY(chown("f", geteuid(), getegid()));
	SAY(lchown("f", geteuid(), -1));
	SAY(utimensat(AT_FDCWD, "f", times, 0));
	status("f");
	SAY(utimes("f", pair));
	status("f");
	SAY(utime("f", &old));
	status("f");
	times[0].tv_nsec = 2000000000;
	SAY(utimensat(AT_FDCWD, "f", times, 0));
	times[0].tv_nsec = UTIME_OMIT;
	SAY(utimensat(AT_FDCWD, "f", times, 0));
	status("f");
	fd = open("f", O_RDWR);
	times[0] = (struct timespec){ 1, 1 };
	SAY(futimens(fd, times));
	SAY(fchmod(fd, 0600));
	SAY(fchown(fd, -1, -1));
	SAY(fchmod(-1, 0600));
	SAY(fchown(99, -1, -1));
	SAY(futimens(99, times));
	times[0].tv_nsec = 2000000000;
	SAY(futimens(fd, times));
	SAY(syscall(SYS_utimensat, fd, NULL, NULL, AT_SYMLINK_NOFOLLOW));
	int name = open("f", O_PATH), gone = open("gone", O_RDWR | O_CREAT | O_TRUNC, 0600), both[2];
	SAY(fchmod(name, 0600));
	SAY(fchown(name, -1, -1));
	SAY(futimens(name, NULL));
	close(name);
	unlink("gone");
	SAY(fchmod(gone, 0640));
	SAY(fstat(gone, &st) == 0 && st.st_mode == (S_IFREG | 0640));
	SAY(futimens(gone, NULL));
	close(gone);
	gone = (int)syscall(SYS_memfd_create, "m", 0);
	SAY(fchmod(gone, 0500));
	SAY(fstat(gone, &st) == 0 ? st.st_mode : 0);
	close(gone);
	if (pipe(both) == 0)
		SAY(fchmod(both[0], 0600));
	close(both[0]);
	close(both[1]);
	SAY(fchmod(fd, 0600));
	SAY(ftruncate(fd, 100));
	status("f");
	SAY(fstat(fd, &st) == 0 && st.st_size == 100);
	SAY(fstat(99, &st));
	SAY(syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH));
	SAY(syscall(SYS_newfstatat, AT_FDCWD, "", &st, AT_EMPTY_PATH) == 0 && S_ISDIR(st.st_mode));
	SAY(syscall(SYS_newfstatat, fd, "", &st, 0));
	SAY(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &stx) == 0 && stx.stx_size == 100);
	SAY(statx(AT_FDCWD, "f", 0, 0x80000000, &stx));
	SAY(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &stx) == 0 && stx.stx_size == 100);
	close(fd);
	nameless();
	SAY(truncate("f", 10));
	SAY(truncate("f", -1));
	SAY(truncate("renamed", 1));
	SAY(truncate("none", 1));
	status("f");
	SAY(statfs("f", &fs) == 0 && fs.f_bsize > 0);
	SAY(statfs("none", &fs));
	SAY(access("f", R_OK | W_OK));
	SAY(access("f", F_OK));
	SAY(access("none", F_OK));
	SAY(access("f", 99));
	SAY(faccessat(AT_FDCWD, "f", W_OK, AT_EACCESS));
	SAY(mkfifo("fifo", 0600));
	SAY(mknod("node", S_IFREG | 0600, 0));
	status("fifo");
	status("node");
	SAY(open("fifo", O_WRONLY | O_NONBLOCK));
	pipes();
	printf("umask %o", umask(0));
	printf(" %o\n", umask(027));
	write_file("masked", "");
	SAY(mkdir("masked-directory", 0777));
	status("masked");
	status("masked-directory");
	if (fork() == 0) {
		printf("child: umask %o", umask(077));
		printf(" %o, chdir %d\n", umask(0), chdir("renamed"));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	printf("umask %o\n", umask(022));
	close(OPEN(open("f", O_RDONLY)));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	close_range(3, ~0u, 0); /* what the tests hold */
	if (argc > 1 && chdir(argv[1]) < 0)
		return 1;
	char home[4096];
	if (!getcwd(home, sizeof home))
		return 1;
	opening();
	directories();
	if (chdir(home) < 0)
		return 1;
	links();
	attributes();
	return 0;
}
