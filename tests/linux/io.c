/* SPDX-License-Identifier: MIT
 * Reading, writing and positions of what a program holds. cases/calls.sh compares. */
#include "calls.h"

#include <dirent.h>
#include <linux/falloc.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/vfs.h>

static char buf[65536];

static void show(const char *what, const char *bytes, size_t n)
{
	printf("%s: \"", what);
	for (size_t i = 0; i < n; i++)
		printf(bytes[i] >= ' ' && bytes[i] < 127 ? "%c" : "\\%d", bytes[i]);
	printf("\"\n");
	fflush(stdout);
}

static void content(int fd)
{
	char bytes[64];
	ssize_t n = pread(fd, bytes, sizeof bytes, 0);

	show("content", bytes, n < 0 ? 0 : (size_t)n);
}

static void plain(int fd)
{
	struct iovec out[3] = { { "one", 3 }, { "two", 3 }, { NULL, 0 } }, in[2] = { { buf, 2 }, { buf + 10, 4 } };
	struct iovec bad[1] = { { (void *)1, 3 } }, huge[2] = { { buf, SIZE_MAX / 2 }, { buf, SIZE_MAX / 2 } };

	SAY(write(fd, "hello", 5));
	SAY(write(fd, "", 0));
	SAY(write(fd, (void *)1, 5));
	SAY(write(99, "x", 1));
	SAY(writev(fd, out, 3));
	SAY(writev(fd, out, 0));
	SAY(writev(fd, bad, 1));
	SAY(writev(fd, out, -1));
	SAY(writev(fd, huge, 2));
	content(fd);
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(read(fd, buf, 5));
	SAY(lseek(fd, 1, SEEK_SET));
	SAY(lseek(fd, -100, SEEK_SET));
	SAY(lseek(fd, 0, 77));
	SAY(read(fd, buf, 4));
	show("read", buf, 4);
	SAY(read(fd, (void *)1, 4));
	SAY(readv(fd, in, 2));
	show("readv", buf, 2);
	show("readv", buf + 10, 4);
	SAY(pread(fd, buf, 3, 6));
	show("pread", buf, 3);
	SAY(pread(fd, buf, 3, -1));
	SAY(pread(fd, buf, 3, 1000));
	SAY(pwrite(fd, "XY", 2, 9));
	SAY(pwrite(fd, "XY", 2, -1));
	content(fd);
	SAY(preadv(fd, in, 2, 1));
	SAY(pwritev(fd, out, 2, 2));
	SAY(preadv(fd, in, 2, -5));
	SAY(preadv2(fd, in, 2, 1, 0));
	SAY(preadv2(fd, in, 2, -1, RWF_HIPRI));
	SAY(pwritev2(fd, out, 2, 2, RWF_DSYNC));
	SAY(pwritev2(fd, out, 1, 2, RWF_APPEND));
	content(fd);
	SAY(lseek(fd, 0, SEEK_END));
}

static void sizes(int fd)
{
	struct stat st;

	SAY(ftruncate(fd, 100));
	SAY(ftruncate(fd, -1));
	SAY(ftruncate(99, 1));
	SAY(lseek(fd, 0, SEEK_END));
	SAY(fallocate(fd, 0, 0, 20000));
	SAY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 20000, 20000));
	SAY(fstat(fd, &st) == 0 && st.st_size == 20000);
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
	SAY(fallocate(fd, 0, -1, 4096));
	SAY(fallocate(fd, 0, 0, 0));
	SAY(pwrite(fd, "z", 1, 16384));
	SAY(lseek(fd, 0, SEEK_DATA) <= 16384);
	SAY(lseek(fd, 0, SEEK_HOLE) <= 20000);
	SAY(lseek(fd, 20000, SEEK_DATA));
	SAY(ftruncate(fd, 10));
	SAY(fsync(fd));
	SAY(fdatasync(fd));
	SAY(fsync(99));
	SAY(syncfs(fd));
	SAY(sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE));
	SAY(sync_file_range(fd, 0, 10, 99));
	SAY(posix_fadvise(fd, 0, 10, POSIX_FADV_SEQUENTIAL));
	SAY(posix_fadvise(fd, 0, 10, 99));
	SAY(readahead(fd, 0, 10));
	SAY(readahead(99, 0, 10));
	SAY(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 10);
	SAY(fchmod(fd, 0640));
	SAY(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0640);
	SAY(fchown(fd, -1, -1));
	SAY(fstat(99, &st));
	SAY(syscall(SYS_fstat, fd, 1));
}

static void copies(int fd)
{
	int pair[2], other[2], to = memfd_create("to", MFD_CLOEXEC);
	off_t at = 1, back = 0;
	off64_t in = 0, out = 3;
	struct iovec pages[1] = { { buf, 5 } };

	pwrite(fd, "0123456789", 10, 0);
	SAY(pipe(pair));
	SAY(pipe2(other, O_NONBLOCK));
	SAY(sendfile(pair[1], fd, &at, 4));
	printf("at %ld\n", (long)at);
	SAY(read(pair[0], buf, 9));
	show("read", buf, 4);
	SAY(sendfile(to, fd, &back, 3));
	SAY(sendfile(to, 99, NULL, 3));
	SAY(sendfile(fd, pair[0], NULL, 1));
	content(to);
	SAY(copy_file_range(fd, &in, to, &out, 4, 0));
	printf("in %ld out %ld\n", (long)in, (long)out);
	SAY(copy_file_range(fd, &in, to, &out, 4, 1));
	SAY(copy_file_range(fd, &in, pair[1], NULL, 4, 0));
	content(to);
	at = 2;
	SAY(splice(fd, &at, pair[1], NULL, 3, 0));
	SAY(tee(pair[0], other[1], 3, 0));
	SAY(tee(pair[0], pair[1], 3, 0));
	SAY(tee(fd, pair[1], 3, 0));
	SAY(splice(pair[0], NULL, to, NULL, 3, SPLICE_F_MOVE));
	SAY(splice(pair[0], &at, to, NULL, 3, 0));
	SAY(splice(other[0], NULL, pair[1], NULL, 99, SPLICE_F_NONBLOCK));
	SAY(splice(other[0], NULL, pair[1], NULL, 99, SPLICE_F_NONBLOCK));
	SAY(read(pair[0], buf, 9));
	show("read", buf, 3);
	memcpy(buf, "pages", 5);
	SAY(vmsplice(pair[1], pages, 1, 0));
	SAY(vmsplice(99, pages, 1, 0));
	SAY(read(pair[0], buf + 100, 9));
	show("read", buf + 100, 5);
	content(to);
	SAY(read(other[0], buf, 1));
	SAY(ioctl(other[0], FIONREAD, &(int){ 0 }));
	close(to);
	close(pair[0]);
	handle(SIGPIPE, SIG_IGN, 0);
	SAY(write(pair[1], "x", 1));
	handle(SIGPIPE, SIG_DFL, 0);
	SAY(close(pair[1]));
	SAY(close(pair[1]));
	SAY(read(other[1], buf, 1));
	SAY(write(other[0], buf, 1));
	SAY(write(other[1], buf, 65536));
	SAY(write(other[1], buf, 1));
	SAY(read(other[0], buf, 65536));
	close(other[1]);
	SAY(read(other[0], buf, 1));
	close(other[0]);
	pid_t child = fork();
	if (child == 0) {
		if (pipe(pair) < 0)
			_exit(1);
		close(pair[0]);
		_exit(write(pair[1], "x", 1) == 1);
	}
	said_end("writes into a broken pipe", child);
}

static void memory_files(void)
{
	int fd;

	SAY(fd = memfd_create("a", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_GET_SEALS));
	close(fd);
	SAY(fd = memfd_create("a", 0));
	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_GET_SEALS));
	close(fd);
	SAY(memfd_create((void *)1, 0));
}

static void directories(void)
{
	int fd;
	struct statfs fs;
	DIR *list;
	int n = 0;

	mkdir("d", 0700);
	close(open("d/a", O_WRONLY | O_CREAT, 0600));
	close(open("d/b", O_WRONLY | O_CREAT, 0600));
	SAY(fd = open("d", O_RDONLY | O_DIRECTORY));
	SAY(syscall(SYS_getdents, fd, buf, sizeof buf) > 0);
	SAY(syscall(SYS_getdents, fd, buf, sizeof buf));
	SAY(lseek(fd, 0, SEEK_SET));
	SAY(syscall(SYS_getdents64, fd, buf, sizeof buf) > 0);
	SAY(syscall(SYS_getdents64, fd, buf, sizeof buf));
	SAY(lseek(fd, 0, SEEK_SET));
	SAY(syscall(SYS_getdents64, fd, buf, 5));
	SAY(syscall(SYS_getdents64, 0, buf, sizeof buf));
	SAY(syscall(SYS_getdents64, 99, buf, sizeof buf));
	SAY(read(fd, buf, 5));
	SAY(fstatfs(fd, &fs));
	SAY(fstatfs(99, &fs));
	SAY(fsync(fd));
	SAY(fdatasync(fd));
	for (list = fdopendir(fd); readdir(list);)
		n++;
	printf("%d entries\n", n);
	closedir(list);
	unlink("d/a");
	unlink("d/b");
	rmdir("d");
}

static void read_only(void)
{
	int fd = open("f", O_RDONLY);

	SAY(write(fd, "x", 1));
	SAY(ftruncate(fd, 1));
	SAY(fallocate(fd, 0, 0, 1));
	close(fd);
	fd = open("f", O_WRONLY | O_APPEND);
	SAY(read(fd, buf, 1));
	SAY(write(fd, "end", 3));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(pwrite(fd, "more", 4, 0)); /* at the end all the same */
	close(fd);
	fd = open("f", O_RDONLY);
	content(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	calls_begin(argc, argv);
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	plain(fd);
	sizes(fd);
	copies(fd);
	close(fd);
	memory_files();
	directories();
	read_only();
	unlink("f");
	return 0;
}
