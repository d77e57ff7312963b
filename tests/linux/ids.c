/* SPDX-License-Identifier: MIT
 * Who a program is, by every call that says so, and what of it the program may set. cases/identity.sh runs
 * it as somebody natively, and as seen by --uid on Microcosm, and compares. argv[1]: a directory to
 * write to; argv[2]: an id that is neither its own nor root's. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static void said(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
}

#define SAY(call) said(#call, (long)(call))

static void status(const char *what, const struct stat *st)
{
	printf("%s: %u %u\n", what, st->st_uid, st->st_gid);
}

static void sockets(void)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof who;
	char byte = 0, control[CMSG_SPACE(sizeof who)] __attribute__((aligned(8))) = "";
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof control };
	struct cmsghdr *head = (struct cmsghdr *)control;
	int pair[2], value = 0;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &who, &len));
	printf("peer: %d %u %u, %u bytes\n", who.pid == getpid(), who.uid, who.gid, len);
	len = 8;
	who.gid = 1;
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &who, &len));
	printf("peer: %d %u %u, %u bytes\n", who.pid == getpid(), who.uid, who.gid, len);
	len = sizeof value;
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_DOMAIN, &value, &len));
	printf("domain: %d, %u bytes\n", value, len);
	SAY(getsockopt(-1, SOL_SOCKET, SO_PEERCRED, &who, &len));
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, (void *)8, &len));
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &who, (void *)8));
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_CREDENTIALS;
	head->cmsg_len = CMSG_LEN(sizeof who);
	who = (struct ucred){ getpid(), getuid(), getgid() };
	memcpy(CMSG_DATA(head), &who, sizeof who);
	SAY(sendmsg(pair[0], &message, 0));
	close(pair[0]);
	close(pair[1]);
}

static void files(unsigned other)
{
	struct statx stx;
	struct stat st;
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);

	symlink("f", "l");
	if (fd < 0 || fstat(fd, &st) < 0)
		printf("no file\n");
	status("fstat", &st);
	stat("l", &st);
	status("stat", &st);
	lstat("l", &st);
	status("lstat", &st);
	fstatat(fd, "", &st, AT_EMPTY_PATH);
	status("fstatat", &st);
	if (syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS, &stx) == 0)
		printf("statx: %u %u\n", stx.stx_uid, stx.stx_gid);
	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) == 0)
		printf("statx: %u %u\n", stx.stx_uid, stx.stx_gid);
	stat("/", &st);
	status("/", &st);
	SAY(fstat(fd, (struct stat *)8));
	SAY(fstat(-1, &st));
	SAY(chown("f", geteuid(), getegid()));
	SAY(lchown("l", geteuid(), -1u));
	SAY(fchown(fd, -1u, getegid()));
	SAY(chown("f", -1u, -1u));
	SAY(chown("f", other, -1u));
	SAY(fchown(fd, -1u, other));
	SAY(fchownat(AT_FDCWD, "l", other, other, AT_SYMLINK_NOFOLLOW));
	SAY(chown("none", other, other));
	SAY(fchown(-1, other, other));
	stat("f", &st);
	status("after", &st);
	close(fd);
	unlink("f");
	unlink("l");
}

int main(int argc, char **argv)
{
	unsigned other = (unsigned)atoi(argv[2]);
	uid_t u[3];
	gid_t g[3], list[64];
	struct utsname name;

	if (argc < 3 || chdir(argv[1]) < 0)
		return 99;
	printf("%u %u %u %u\n", getuid(), geteuid(), getgid(), getegid());
	printf("auxv %lu %lu %lu %lu secure %lu\n", getauxval(AT_UID), getauxval(AT_EUID), getauxval(AT_GID),
	       getauxval(AT_EGID), getauxval(AT_SECURE));
	SAY(getresuid(&u[0], &u[1], &u[2]));
	SAY(getresgid(&g[0], &g[1], &g[2]));
	printf("%u %u %u %u %u %u\n", u[0], u[1], u[2], g[0], g[1], g[2]);
	SAY(syscall(SYS_getresuid, 8, &u[1], &u[2]));
	for (int i = 0; i < getgroups(64, list); i++)
		printf("group %u\n", list[i]);
	SAY(getgroups(0, NULL));
	SAY(syscall(SYS_getgroups, -1, list));
	SAY(syscall(SYS_getgroups, 1, 8));
	SAY(setuid(geteuid()));
	SAY(setgid(getegid()));
	SAY(setreuid(-1u, geteuid()));
	SAY(setregid(getegid(), getegid()));
	SAY(setresuid(geteuid(), -1u, geteuid()));
	SAY(setresgid(-1u, -1u, -1u));
	if (geteuid() != 0) {
		SAY(setuid(other));
		SAY(setgid(other));
		SAY(setresuid(-1u, other, -1u));
		SAY(setgroups(0, NULL));
	}
	SAY(setuid(-1u));
	if (uname(&name) == 0)
		printf("%s %zu %s\n", name.sysname, strlen(name.nodename), name.machine);
	SAY(uname((struct utsname *)8));
	sockets();
	files(other);
	return 0;
}
