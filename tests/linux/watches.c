/* SPDX-License-Identifier: MIT
 * inotify: what can be watched, what is told, and what is refused. cases/watches.sh runs it natively and on
 * Microcosm and compares. argv[1]: a directory to write to; argv[2]: a file that may not be read. */
#include "calls.h"

#include <sys/inotify.h>

#ifndef IN_MASK_CREATE
#define IN_MASK_CREATE 0x10000000
#endif

static void events(int fd)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(fd, buf, sizeof buf);
	unsigned cookie = 0;

	if (n < 0)
		printf("  %s\n", strerrorname_np(errno));
	for (char *p = buf; n > 0 && p < buf + n;) {
		struct inotify_event *event = (struct inotify_event *)p;
		printf("  %d %x '%s'%s\n", event->wd, event->mask, event->len ? event->name : "",
		       event->cookie == 0 ? "" : event->cookie == cookie ? " of the last" : " with a cookie");
		cookie = event->cookie;
		p += sizeof *event + event->len;
	}
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);

	if (fd < 0 || write(fd, "x", 1) != 1)
		printf("cannot write %s\n", path);
	close(fd);
}

int main(int argc, char **argv)
{
	char path[64];

	if (argc < 3 || chdir(argv[1]) < 0)
		return 99;
	int fd = (int)SAY(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	printf("%x\n", fcntl(fd, F_GETFD));
	close(SAY(inotify_init()));
	SAY(inotify_init1(1));
	mkdir("dir", 0755);
	touch("file");
	symlink("dir", "link");
	symlink("none", "dangling");
	mkdir("closed", 0755);

	SAY(inotify_add_watch(fd, "dir", IN_ALL_EVENTS));
	SAY(inotify_add_watch(fd, "file", IN_MODIFY | IN_OPEN));
	events(fd);
	touch("dir/a");
	events(fd);
	touch("file");
	events(fd);
	rename("dir/a", "dir/b");
	rename("dir/b", "c");
	mkdir("dir/sub", 0700);
	rmdir("dir/sub");
	chmod("dir", 0700);
	link("c", "dir/d");
	unlink("dir/d");
	events(fd);
	/* The same once more, and by other names. */
	SAY(inotify_add_watch(fd, "link", IN_CREATE));
	SAY(inotify_add_watch(fd, "./dir/../dir/", IN_CREATE | IN_MASK_ADD));
	SAY(inotify_add_watch(fd, "dir", IN_CREATE | IN_MASK_CREATE));
	SAY(inotify_add_watch(fd, "link", IN_DELETE_SELF | IN_DONT_FOLLOW));
	SAY(inotify_add_watch(fd, "dangling", IN_CREATE));
	SAY(inotify_add_watch(fd, "dangling", IN_DELETE_SELF | IN_DONT_FOLLOW));
	SAY(inotify_add_watch(fd, "link", IN_DELETE_SELF | IN_DONT_FOLLOW | IN_ONLYDIR));
	SAY(inotify_add_watch(fd, "file", IN_CREATE | IN_ONLYDIR));
	SAY(inotify_add_watch(fd, "dir", IN_CREATE | IN_ONLYDIR));
	SAY(inotify_add_watch(fd, "closed", IN_CREATE | IN_ONESHOT));
	touch("closed/x");
	touch("closed/y");
	unlink("dangling");
	unlink("link");
	events(fd);
	int held = open("dir", O_RDONLY);
	snprintf(path, sizeof path, "/proc/self/fd/%d", held);
	said("a held directory", inotify_add_watch(fd, path, IN_CREATE));
	close(held);
	said("a closed one", inotify_add_watch(fd, path, IN_CREATE));

	SAY(inotify_add_watch(fd, "none", IN_CREATE));
	SAY(inotify_add_watch(fd, "", IN_CREATE));
	SAY(inotify_add_watch(fd, "file/x", IN_CREATE));
	SAY(inotify_add_watch(fd, (char *)8, IN_CREATE));
	SAY(inotify_add_watch(fd, "dir", 0));
	SAY(inotify_add_watch(fd, "dir", IN_CREATE | IN_MASK_ADD | IN_MASK_CREATE));
	SAY(inotify_add_watch(-1, "dir", IN_CREATE));
	SAY(inotify_add_watch(1000, "none", IN_CREATE));
	SAY(inotify_add_watch(0, "dir", IN_CREATE));
	said("not to be read", inotify_add_watch(fd, argv[2], IN_OPEN));
	SAY(inotify_rm_watch(fd, 1));
	SAY(inotify_rm_watch(fd, 1));
	SAY(inotify_rm_watch(fd, 99));
	SAY(inotify_rm_watch(0, 2));
	events(fd);
	unlink("file");
	struct pollfd ready = { fd, POLLIN, 0 };
	SAY(poll(&ready, 1, 0));
	events(fd);
	printf("descriptors: the next is %d\n", dup(0));
	SAY(syscall(SYS_fanotify_init, 0, O_RDONLY));

	/* With other descriptors in use, low ones free, and no more of them to be had. */
	for (int i = 0; i < 300; i++)
		dup(0);
	SAY(inotify_add_watch(fd, "dir", IN_CREATE));
	close(0);
	SAY(inotify_add_watch(fd, "dir", IN_CREATE));
	touch("dir/e");
	events(fd);
	return 0;
}
