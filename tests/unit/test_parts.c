/* SPDX-License-Identifier: MIT
 * A tree of parts means what the kernel's mounts mean: names, links, `..`, what is covered and what moves,
 * at random, in the same files by both ways. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/mount.h>
#include <linux/openat2.h>

#include "host/host.h"

#define ROUNDS 1000u
#define STARTS 8
#define PATH_BYTES 4096

bool mch_interrupted(void)
{
	return false;
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(77);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	need(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

static void enter_namespaces(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	need(unshare(CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER)) == 0, "no mount namespace");
	if (uid != 0) {
		snprintf(map, sizeof(map), "0 %u 1", uid);
		write_text("/proc/self/uid_map", map);
		write_text("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", gid);
		write_text("/proc/self/gid_map", map);
	}
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "cannot make mounts private");
	need(mount("tree", "/tmp", "tmpfs", 0, "size=64m") == 0, "no tmpfs");
}

/* ---- The tree, twice ---- */

static int add_part(const char *host, const char *guest)
{
	const struct open_how how = { .flags = O_PATH };
	struct mch_place at = { .fd = -1 };
	int root = open(host, O_PATH | O_CLOEXEC);

	need(root >= 0, host);
	int part = part_new(root, MOUNT_ATTR_NODEV);
	if (guest != NULL)
		at.fd = parts_open(NULL, guest, &how, &at.part);
	if (part < 0 || (guest != NULL && at.fd < 0) || part_attach(root, guest != NULL ? &at : NULL) < 0) {
		fprintf(stderr, "%s cannot be put at %s\n", host, guest);
		exit(1);
	}
	if (at.fd >= 0)
		close(at.fd);
	return part;
}

static void bind(const char *host, const char *guest)
{
	char target[64];

	snprintf(target, sizeof(target), "/tmp/tree%s", guest);
	need(mount(host, target, NULL, MS_BIND, NULL) == 0, target);
	add_part(host, strcmp(guest, "") == 0 ? NULL : guest);
}

static void make_trees(void)
{
	static const char *const directories[] = { "/tmp/tree", "/tmp/0", "/tmp/0/a", "/tmp/0/b", "/tmp/1",
						   "/tmp/1/m", "/tmp/1/sub", "/tmp/1/sub/x", "/tmp/2", "/tmp/2/y",
						   "/tmp/3", "/tmp/3/n", "/tmp/3/x" };

	umask(0);
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
		need(mkdir(directories[i], 0755) == 0, directories[i]);
	write_text("/tmp/1/f", "covered");
	write_text("/tmp/file", "file");
	write_text("/tmp/outside", "outside");
	parts_start(open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
	bind("/tmp/0", "");
	bind("/tmp/1", "/a");
	bind("/tmp/2", "/a/m");
	bind("/tmp/3", "/b");
	bind("/tmp/1/sub", "/b/n"); /* what shows in /a too */
	bind("/tmp/file", "/a/f");
	bind("/tmp/3/x", "/a/m/y");
	need(chroot("/tmp/tree") == 0 && chdir("/") == 0, "chroot");
}

/* ---- At random ---- */

static uint64_t state = 0x9e3779b97f4a7c15u;

static unsigned any(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

static const char *any_path(char *to)
{
	static const char *const names[] = { "a", "b", "m", "n", "sub", "x", "y", "z", "l", "k", "f", "..", "..", "..", ".", "" };
	unsigned n = 1 + any(6);

	strcpy(to, any(2) ? "/" : "");
	for (unsigned i = 0; i < n; i++) {
		strcat(to, names[any(sizeof(names) / sizeof(*names))]);
		if (i + 1 < n || any(8) == 0)
			strcat(to, "/");
	}
	return to;
}

static struct {
	struct mch_place place; /* by parts */
	int fd;                 /* the same by the kernel */
} starts[STARTS];
static unsigned n_found;

static void fail(const char *what, unsigned at, const char *path, const struct open_how *how, int got, int wanted)
{
	char text[PATH_BYTES] = "?";

	parts_path(&starts[at].place, text, sizeof(text));
	fprintf(stderr, "from %s: ", text);
	fprintf(stderr, "%s '%s' flags 0%llo resolve %llx: %d, natively %d\n", what, path,
		(unsigned long long)how->flags, (unsigned long long)how->resolve, got, wanted);
	exit(1);
}

static int kernel_open(int start, const char *path, const struct open_how *how)
{
	struct open_how asked = *how;

	asked.resolve |= RESOLVE_NO_MAGICLINKS;
	int fd;

	do /* while somebody renames, anywhere */
		fd = (int)syscall(SYS_openat2, start, path, &asked, sizeof(asked));
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : fd;
}

static void compare(void)
{
	static const uint64_t resolves[] = { 0, 0, 0, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS,
					     RESOLVE_NO_XDEV, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	struct open_how how = { .flags = O_PATH, .resolve = resolves[any(8)] };
	unsigned at = any(STARTS);
	struct stat a, b;
	uint32_t part;
	char path[256];

	if (any(8) == 0) /* the directories that change moves out of a part, and what is above them */
		strcpy(path, any(2) ? ".." : any(2) ? "/b/n/x" : "/b/n/x/z");
	else
		any_path(path);
	how.flags |= (any(3) == 0 ? O_NOFOLLOW : 0) | (any(4) == 0 ? O_DIRECTORY : 0);
	if (any(16) == 0) {
		how.flags = O_RDWR | O_CREAT | (any(2) ? O_EXCL : 0) | (any(2) ? O_NOFOLLOW : 0);
		how.mode = 0600;
	}
	int got = parts_open(&starts[at].place, path, &how, &part);
	if (got >= 0 && (how.flags & O_CREAT) != 0) { /* now it is there */
		how.flags = O_RDWR;
		how.mode = 0;
	}
	int wanted = kernel_open(starts[at].fd, path, &how);
	if (got < 0 || wanted < 0) {
		/* To the kernel any absolute link may lead to another mount while it has not looked for the root. */
		bool excused = wanted == -EXDEV && (how.resolve & RESOLVE_NO_XDEV) != 0;
		if (got != wanted && !excused)
			fail("open", at, path, &how, got, wanted);
		if (got >= 0)
			close(got);
		return;
	}
	if (fstat(got, &a) < 0 || fstat(wanted, &b) < 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		fail("another file:", at, path, &how, (int)a.st_ino, (int)b.st_ino);
	n_found++;
	if (!S_ISDIR(a.st_mode) || (how.flags & O_PATH) == 0) {
		close(got);
		close(wanted);
		return;
	}
	at = any(STARTS);
	close(starts[at].place.fd);
	close(starts[at].fd);
	starts[at].place = (struct mch_place){ got, part };
	starts[at].fd = wanted;
}

/* The path leads back, but for what is covered or deleted since. */
static void compare_paths(void)
{
	char path[PATH_BYTES];
	unsigned at = any(STARTS);
	struct stat st, own;
	long n = parts_path(&starts[at].place, path, sizeof(path));
	int back = n > 0 && strstr(path, "(deleted)") == NULL ? open(path, O_PATH | O_CLOEXEC) : -1;

	if (back < 0)
		return;
	if (fstat(back, &st) < 0 || fstat(starts[at].place.fd, &own) < 0 || own.st_ino != st.st_ino) {
		fprintf(stderr, "'%s' is the path of another directory\n", path);
		exit(1);
	}
	close(back);
}

static void change(void)
{
	char a[256], b[256];

	any_path(a);
	any_path(b);
	switch (any(9)) {
	case 0: case 1: mkdir(a, 0755); break;
	case 2: close(open(a, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); break;
	case 3: (void)!symlink(b, a); break;
	case 4: case 5: rename(a, b); break;
	case 6: (void)!unlink(a); break;
	case 7: rmdir(a); break;
	case 8: /* out of one part within another, and back */
		mkdir("/b/n/x/z", 0755);
		if (rename("/a/sub/x", "/a/moved") < 0)
			rename("/a/moved", "/a/sub/x");
		break;
	}
}

/* In trees of its own, which soon have little of their beginning left. */
static int run(unsigned seed)
{
	const struct open_how how = { .flags = O_PATH };

	state = state * (seed + 1) + seed;
	enter_namespaces();
	make_trees();
	for (unsigned i = 0; i < STARTS; i++) {
		starts[i].place.fd = parts_open(NULL, "/", &how, &starts[i].place.part);
		starts[i].fd = open("/", O_PATH | O_CLOEXEC);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (any(3) == 0)
			change();
		compare();
		if (any(16) == 0)
			compare_paths();
	}
	if (n_found > ROUNDS / 20)
		return 0;
	fprintf(stderr, "%u of %u paths led somewhere\n", n_found, ROUNDS);
	return 1;
}

int main(void)
{
	const char *wanted = getenv("TREES");
	unsigned n = wanted != NULL ? (unsigned)atoi(wanted) : 100;

	for (unsigned seed = 0; seed < n; seed++) {
		int status = 0;
		pid_t child = fork();

		if (child == 0)
			_exit(run(seed));
		if (child < 0 || waitpid(child, &status, 0) < 0)
			return 99;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			fprintf(stderr, "tree %u\n", seed);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
	}
	return 0;
}
