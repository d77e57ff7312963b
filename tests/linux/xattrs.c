/* SPDX-License-Identifier: MIT
 * Extended attributes, by every call there is, with what goes well and what goes wrong. cases/xattrs.sh
 * runs it as an ordinary user natively and on Microcosm and compares. argv[1]: a directory to write to. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

struct arguments {
	uint64_t value;
	uint32_t size, flags;
	uint64_t more;
};

static void said(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
}

#define SAY(call) said(#call, (long)(call))

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In order: file systems have their own. */
static void list(const char *path)
{
	char names[4096], *sorted[64];
	int n = 0;
	ssize_t len = llistxattr(path, names, sizeof names);

	said(path, len);
	for (char *p = names; len > 0 && p < names + len; p += strlen(p) + 1)
		sorted[n++] = p;
	qsort(sorted, (size_t)n, sizeof *sorted, by_name);
	for (int i = 0; i < n; i++) {
		char value[64] = "";
		ssize_t size = lgetxattr(path, sorted[i], value, sizeof value - 1);
		printf("  %s = %zd '%.20s'\n", sorted[i], size, strncmp(sorted[i], "user.", 5) == 0 ? value : "");
	}
}

static void paths(void)
{
	char buf[64], *big = calloc(1, 70000), name[300];

	SAY(setxattr("f", "user.one", "value", 5, 0));
	SAY(setxattr("f", "user.two", "", 0, XATTR_CREATE));
	SAY(setxattr("f", "user.two", "x", 1, XATTR_CREATE));
	SAY(setxattr("f", "user.two", "xy", 2, XATTR_REPLACE));
	SAY(setxattr("f", "user.none", "xy", 2, XATTR_REPLACE));
	SAY(setxattr("f", "user.none", "xy", 2, 4));
	SAY(setxattr("l", "user.link", "followed", 8, 0));
	SAY(lsetxattr("l", "user.link", "itself", 6, 0));
	SAY(setxattr("dir", "user.d", "directory", 9, 0));
	SAY(setxattr("fifo", "user.p", "pipe", 4, 0));
	list("f");
	list("l");
	list("dir");
	list("fifo");
	SAY(getxattr("f", "user.one", buf, 3));
	SAY(getxattr("f", "user.one", NULL, 0));
	SAY(getxattr("f", "user.one", buf, 64));
	SAY(getxattr("f", "user.one", (void *)8, 64));
	SAY(getxattr("f", "user.one", big, 70000));
	SAY(getxattr("f", "user.missing", buf, 64));
	SAY(getxattr("fifo", "user.p", buf, 64));
	SAY(lgetxattr("l", "user.one", buf, 64));
	SAY(getxattr("none", "user.one", buf, 64));
	SAY(getxattr("f/", "user.one", buf, 64));
	SAY(getxattr("", "user.one", buf, 64));
	SAY(getxattr((char *)8, "user.one", buf, 64));
	SAY(getxattr("f", (char *)8, buf, 64));
	SAY(getxattr("f", "", buf, 64));
	SAY(getxattr("f", "user.", buf, 64));
	SAY(getxattr("f", "user", buf, 64));
	SAY(getxattr("f", "other.one", buf, 64));
	memset(name, 'n', sizeof name);
	memcpy(name, "user.", 5);
	name[255] = 0;
	said("a long name", setxattr("f", name, "v", 1, 0));
	said("a long name", removexattr("f", name));
	name[255] = 'n';
	name[256] = 0;
	said("too long a name", setxattr("f", name, "v", 1, 0));
	SAY(setxattr("f", "user.big", big, 65537, 0));
	SAY(setxattr("f", "user.x", (void *)8, 5, 0));
	SAY(setxattr("f", "user.x", (void *)8, 0, 0));
	SAY(removexattr("f", "user.x"));
	SAY(listxattr("f", buf, 3));
	SAY(listxattr("f", NULL, 0) > 0);
	SAY(listxattr("f", (void *)8, 64));
	SAY(listxattr("none", buf, 64));
	SAY(listxattr("f", big, 70000) > 0);
	SAY(removexattr("f", "user.two"));
	SAY(removexattr("f", "user.two"));
	SAY(lremovexattr("l", "user.two"));
	SAY(removexattr("none", "user.two"));
	free(big);
}

/* Not a user's. */
static void others(void)
{
	/* Version 2; the owner rwx, user 4321 r, group r, mask r, others none. */
	static const unsigned char acl[] = { 2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 4, 0, 4, 0, 255, 255, 255, 255,
					     32, 0, 0, 0, 255, 255, 255, 255 };
	static const unsigned char capability[20] = { 1, 0, 0, 2, 255 };
	struct stat st;
	char buf[64];

	SAY(setxattr("f", "trusted.x", "v", 1, 0));
	SAY(getxattr("f", "trusted.x", buf, 64));
	SAY(removexattr("f", "trusted.x"));
	SAY(setxattr("f", "security.capability", capability, 20, 0));
	SAY(getxattr("f", "security.capability", buf, 64));
	SAY(setxattr("f", "security.x", "v", 1, 0));
	SAY(getxattr("f", "system.posix_acl_access", buf, 64));
	SAY(setxattr("f", "system.posix_acl_access", acl, sizeof acl, 0));
	SAY(setxattr("f", "system.posix_acl_access", "x", 1, 0));
	if (stat("f", &st) == 0)
		printf("mode %o\n", st.st_mode);
	SAY(setxattr("dir", "system.posix_acl_default", acl, sizeof acl, 0));
	list("dir");
	SAY(removexattr("dir", "system.posix_acl_default"));
	SAY(removexattr("f", "system.posix_acl_access"));
	SAY(setxattr("/etc/passwd", "user.x", "v", 1, 0) < 0);
}

static void descriptors(void)
{
	int fd = open("f", O_RDONLY), path = open("f", O_PATH), dir = open(".", O_RDONLY), both[2];
	char buf[64], name[64];

	SAY(fsetxattr(fd, "user.held", "yes", 3, 0));
	SAY(fgetxattr(fd, "user.held", buf, 64));
	SAY(fgetxattr(fd, "user.held", buf, 2));
	SAY(flistxattr(fd, NULL, 0) > 0);
	SAY(fremovexattr(fd, "user.held"));
	SAY(fremovexattr(fd, "user.held"));
	SAY(fgetxattr(path, "user.one", buf, 64));
	SAY(fsetxattr(path, "user.one", "x", 1, 0));
	SAY(flistxattr(path, buf, 64));
	SAY(fgetxattr(-1, "user.one", buf, 64));
	SAY(fgetxattr(1000, "user.one", buf, 64));
	SAY(fsetxattr(fd, "trusted.x", "x", 1, 0));
	SAY(fsetxattr(fd, "security.x", "x", 1, 0));
	snprintf(name, sizeof name, "/proc/self/fd/%d", path);
	SAY(getxattr(name, "user.one", buf, 64));
	snprintf(name, sizeof name, "/proc/self/fd/%d", 1000);
	SAY(getxattr(name, "user.one", buf, 64));
	if (pipe(both) == 0)
		SAY(fgetxattr(both[0], "user.one", buf, 64));

	struct arguments with = { (uintptr_t)buf, 64, 0, 0 };
	if (syscall(464, dir, "f", 0, "user.one", &with, 16) < 0 && errno == ENOSYS)
		return; /* natively; the case says so */
	SAY(syscall(464, dir, "f", 0, "user.one", &with, 16));
	SAY(syscall(464, dir, "l", AT_SYMLINK_NOFOLLOW, "user.one", &with, 16));
	SAY(syscall(464, fd, "", AT_EMPTY_PATH, "user.one", &with, 24));
	SAY(syscall(464, fd, NULL, AT_EMPTY_PATH, "user.one", &with, 16));
	SAY(syscall(464, AT_FDCWD, "", AT_EMPTY_PATH, "user.one", &with, 16));
	SAY(syscall(464, dir, "f", 8, "user.one", &with, 16));
	SAY(syscall(464, dir, "f", 0, "user.one", &with, 8));
	SAY(syscall(464, dir, "f", 0, "user.one", &with, 5000));
	SAY(syscall(464, dir, "f", 0, "user.one", 8, 16));
	with.more = 1;
	SAY(syscall(464, dir, "f", 0, "user.one", &with, 24));
	with.flags = 1;
	SAY(syscall(464, dir, "f", 0, "user.one", &with, 16));
	SAY(syscall(463, dir, "f", 0, "user.at", &with, 16));
	SAY(syscall(463, dir, "f", 0, "user.at", &with, 16));
	SAY(syscall(465, dir, "f", 0, NULL, 0) > 0);
	SAY(syscall(466, dir, "f", 0, "user.at"));
	SAY(syscall(466, fd, "", AT_EMPTY_PATH, "user.at"));
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]) < 0)
		return 99;
	close(open("f", O_RDWR | O_CREAT | O_TRUNC, 0644));
	mkdir("dir", 0755);
	symlink("f", "l");
	mkfifo("fifo", 0600);
	list("f");
	paths();
	others();
	descriptors();
	chmod("f", 0200);
	puts("not to be read:");
	list("f");
	char buf[8];
	SAY(getxattr("f", "user.one", buf, 8));
	return 0;
}
