/* SPDX-License-Identifier: MIT
 * The world's file tree where nothing can be mounted: a list of parts, each a file or directory of the
 * host's at a place in another part. Names are resolved here, a component at a time: each step is one
 * that the kernel takes from a descriptor that is held here and follows no link, and the text of links is
 * walked like any other. Mountpoints are told by device and inode, as the kernel tells them by more than
 * their names, so that a part stays where it is when directories above it are renamed. `..` is the
 * kernel's too, and then climbed from up to the part's root: what does not lead there was moved away. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/openat2.h>

#include "host/host.h"

#define PATH_BYTES 4096
#define LINKS_MAX 40   /* as Linux */
#define CLIMB_MAX 4096 /* levels above a directory */
#define CLIMB_LONG 4096 /* in one walk: from then on no signal waits for it */
#define RETRIES 128    /* of making a file while others make and remove it */

struct part {
	int root; /* O_PATH */
	uint64_t dev, ino;
	uint64_t limits;     /* MOUNT_ATTR_* */
	bool is_everything;  /* the host's root: nothing is outside of it */
	struct mch_place at; /* what it covers; fd -1: nothing */
	uint64_t at_dev, at_ino;
};

static struct part *parts;
static uint32_t n_parts;
static uint32_t root_part;
static int own_fds = -1; /* /proc/self/fd */

/* ---- The list: while single-threaded ---- */

void parts_start(int fds)
{
	own_fds = fds;
}

int part_new(int root, uint64_t limits)
{
	struct stat st, host;
	struct part *grown = realloc(parts, (n_parts + 1) * sizeof(*parts));

	if (grown == NULL)
		return -ENOMEM;
	parts = grown;
	if (fstat(root, &st) < 0 || stat("/", &host) < 0)
		return -errno;
	parts[n_parts] = (struct part){
		.root = root, .dev = st.st_dev, .ino = st.st_ino, .limits = limits,
		.is_everything = st.st_dev == host.st_dev && st.st_ino == host.st_ino,
		.at = { .fd = -1 },
	};
	return (int)n_parts++;
}

static struct part *part_of(int root)
{
	for (uint32_t i = n_parts; i-- > 0;)
		if (parts[i].root == root)
			return &parts[i];
	return NULL;
}

int part_limit(int root, uint64_t limits)
{
	struct part *part = part_of(root);

	if (part == NULL)
		return -EBADF;
	part->limits |= limits;
	return 0;
}

int part_attach(int root, const struct mch_place *at)
{
	struct part *part = part_of(root);
	struct stat st;

	if (part == NULL)
		return -EBADF;
	if (at == NULL) {
		root_part = (uint32_t)(part - parts);
		return 0;
	}
	if (fstat(at->fd, &st) < 0)
		return -errno;
	int fd = fcntl(at->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	part->at = (struct mch_place){ .fd = fd, .part = at->part };
	part->at_dev = st.st_dev;
	part->at_ino = st.st_ino;
	return 0;
}

/* ---- Steps ---- */

struct walk {
	struct mch_place at; /* its descriptor is the walk's own */
	struct stat st;      /* of it */
	const struct mch_place *start; /* that the walk must not leave; NULL: it may */
	uint64_t start_dev, start_ino;
	uint64_t resolve;
	unsigned links, climbed;
	size_t next; /* where in text what is left of the path begins */
	char text[2 * PATH_BYTES];
};

static void walk_to(struct walk *w, int fd, uint32_t part)
{
	close(w->at.fd);
	w->at = (struct mch_place){ .fd = fd, .part = part };
}

/* To a part's root, or what a part covers. */
static int walk_to_copy(struct walk *w, const struct mch_place *place)
{
	int fd = fcntl(place->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	walk_to(w, fd, place->part);
	return fstat(fd, &w->st) < 0 ? -errno : 0;
}

static int walk_to_root(struct walk *w)
{
	if (w->start != NULL && (w->resolve & RESOLVE_IN_ROOT) != 0)
		return walk_to_copy(w, w->start);
	const struct mch_place root = { .fd = parts[root_part].root, .part = root_part };
	return walk_to_copy(w, &root);
}

static const struct part *part_covering(uint32_t part, const struct stat *st)
{
	for (uint32_t i = n_parts; i-- > 0;)
		if (parts[i].at.fd >= 0 && parts[i].at.part == part && parts[i].at_dev == st->st_dev &&
		    parts[i].at_ino == st->st_ino)
			return &parts[i];
	return NULL;
}

/* From a place that is covered to what covers it. */
static int walk_in(struct walk *w)
{
	const struct part *part;

	while ((part = part_covering(w->at.part, &w->st)) != NULL) {
		const struct mch_place root = { .fd = part->root, .part = (uint32_t)(part - parts) };
		int r = walk_to_copy(w, &root);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Through the root of a part to what it covers. */
static int walk_out(struct walk *w)
{
	for (;;) {
		const struct part *part = &parts[w->at.part];

		if (w->at.part == root_part || w->st.st_dev != part->dev || w->st.st_ino != part->ino)
			return 0;
		int r = walk_to_copy(w, &part->at);
		if (r < 0)
			return r;
	}
}

/* 0 when fd's directory lies in the one that dev and ino tell, or is it. Who makes it move meanwhile can move
 * it within the parts that he may write to, and each step is to what is above it then: there he stays. */
static int climb(struct walk *w, int fd, uint64_t dev, uint64_t ino)
{
	struct stat st, above;
	int r = fstat(fd, &st) < 0 ? -errno : 1, at = fd;

	for (unsigned levels = 0; r > 0; levels++, w->climbed++) {
		if (st.st_dev == dev && st.st_ino == ino)
			break;
		int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0 || fstat(up, &above) < 0)
			r = -errno;
		else if (above.st_dev == st.st_dev && above.st_ino == st.st_ino)
			r = -ENOENT; /* as Linux says where `..` would lead out of a mount */
		else if (levels == CLIMB_MAX)
			r = -ENAMETOOLONG;
		else if (w->climbed >= CLIMB_LONG && mch_interrupted())
			r = -EINTR;
		if (at != fd)
			close(at);
		at = up;
		st = above;
	}
	if (at != fd && at >= 0)
		close(at);
	return r < 0 ? r : 0;
}

/* 0 when the directory fd, above where the walk is, lies in the same part, and where the walk must not leave
 * its start, below that: what was moved away since does not. */
static int check_above(struct walk *w, int fd)
{
	uint32_t i = w->at.part;
	int r = parts[i].is_everything ? 0 : climb(w, fd, parts[i].dev, parts[i].ino);

	if (r < 0 || w->start == NULL)
		return r;
	for (; r == 0 && i != w->start->part; fd = parts[i].at.fd, i = parts[i].at.part)
		r = i == root_part ? -ENOENT : climb(w, fd, parts[i].dev, parts[i].ino);
	if (r == 0)
		r = climb(w, fd, w->start_dev, w->start_ino);
	return r == -ENOENT ? -EAGAIN : r; /* as Linux says where a name is to stay below its start */
}

static bool is_root(const struct walk *w)
{
	return w->at.part == root_part && w->st.st_dev == parts[root_part].dev &&
	       w->st.st_ino == parts[root_part].ino;
}

static bool is_start(const struct walk *w)
{
	return w->start != NULL && w->at.part == w->start->part && w->st.st_dev == w->start_dev &&
	       w->st.st_ino == w->start_ino;
}

static int step_up(struct walk *w)
{
	if ((w->resolve & RESOLVE_BENEATH) != 0 && is_start(w))
		return -EXDEV;
	if ((w->resolve & RESOLVE_IN_ROOT) != 0 && is_start(w))
		return 0;
	int r = walk_out(w);
	if (r < 0 || is_root(w))
		return r;
	int up = openat(w->at.fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (up < 0)
		return -errno;
	r = check_above(w, up);
	if (r < 0) {
		close(up);
		return r;
	}
	walk_to(w, up, w->at.part);
	return fstat(up, &w->st) < 0 ? -errno : walk_in(w);
}

/* Puts the text of the link fd before what is left, and the slash that followed it. */
static int link_follow(struct walk *w, int fd, bool slash)
{
	char text[PATH_BYTES];
	ssize_t n = readlinkat(fd, "", text, sizeof(text));

	if (n < 0)
		return -errno;
	if ((w->resolve & RESOLVE_NO_SYMLINKS) != 0 || ++w->links > LINKS_MAX)
		return -ELOOP;
	if (n == 0)
		return -ENOENT;
	if ((size_t)n + 1 > w->next)
		return -ENAMETOOLONG;
	if (slash)
		w->text[--w->next] = '/';
	w->next -= (size_t)n;
	memcpy(w->text + w->next, text, (size_t)n);
	if (text[0] != '/')
		return 0;
	return (w->resolve & RESOLVE_BENEATH) != 0 ? -EXDEV : walk_to_root(w);
}

/* Down to what `name` is, or into the text of the link that it is. slash: it must be a directory. */
static int step_down(struct walk *w, const char *name, bool follow, bool slash)
{
	struct stat st;
	int fd = openat(w->at.fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0 && S_ISLNK(st.st_mode) && follow) {
		r = link_follow(w, fd, slash);
		close(fd);
		return r;
	}
	if (r == 0 && slash && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	walk_to(w, fd, w->at.part);
	w->st = st;
	return walk_in(w);
}

/* ---- Walks ---- */

/* Takes the next component out of what is left: 1, 0 at the end, or -ENAMETOOLONG. slash: after it;
 * last: nothing else follows. */
static int next_name(struct walk *w, char *name, bool *slash, bool *last)
{
	const char *rest = w->text + w->next + strspn(w->text + w->next, "/");
	size_t n = strcspn(rest, "/");

	if (n == 0 || n > NAME_MAX)
		return n == 0 ? 0 : -ENAMETOOLONG;
	memcpy(name, rest, n);
	name[n] = '\0';
	rest += n;
	*slash = *rest == '/';
	rest += strspn(rest, "/");
	*last = *rest == '\0';
	w->next = (size_t)(rest - w->text);
	return 1;
}

/* To the end of the path, but not through a link at it unless follow. On -ENOENT for want of the last
 * component alone w is where it would lie, and missing gets its name. */
static int walk_path(struct walk *w, bool follow, bool creates, char *missing)
{
	char name[NAME_MAX + 1];
	bool slash, last;
	int r = 0;

	while (r == 0 && (r = next_name(w, name, &slash, &last)) > 0) {
		uint64_t dev = w->st.st_dev;
		uint32_t part = w->at.part;

		if (strcmp(name, "..") == 0)
			r = step_up(w);
		else if (creates && last && slash && strcmp(name, ".") != 0)
			r = -EISDIR;
		else
			r = step_down(w, name, follow || slash, slash);
		if (r == -ENOENT && last && !slash && strcmp(name, "..") != 0)
			strcpy(missing, name);
		if (r == 0 && (w->resolve & RESOLVE_NO_XDEV) != 0 &&
		    (w->at.part != part || w->st.st_dev != dev))
			r = -EXDEV;
	}
	return r;
}

static int walk_begin(struct walk *w, const struct mch_place *start, const char *path, uint64_t resolve)
{
	size_t len = strlen(path);
	struct stat st;

	w->at.fd = -1;
	w->resolve = resolve;
	w->links = w->climbed = 0;
	w->start = NULL;
	if (len == 0)
		return -ENOENT;
	if (len >= PATH_BYTES)
		return -ENAMETOOLONG;
	w->next = sizeof(w->text) - len - 1;
	memcpy(w->text + w->next, path, len + 1);
	if (start != NULL && (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0) {
		if (fstat(start->fd, &st) < 0)
			return -errno;
		w->start = start;
		w->start_dev = st.st_dev;
		w->start_ino = st.st_ino;
	}
	if (path[0] != '/' && start != NULL)
		return walk_to_copy(w, start);
	return path[0] == '/' && (resolve & RESOLVE_BENEATH) != 0 ? -EXDEV : walk_to_root(w);
}

/* ---- Opening what was found ---- */

static bool writes(uint64_t flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
}

/* What mounts would say. */
static int may_open(const struct walk *w, uint64_t flags)
{
	uint64_t limits = parts[w->at.part].limits;
	bool device = S_ISCHR(w->st.st_mode) || S_ISBLK(w->st.st_mode);

	if (S_ISLNK(w->st.st_mode))
		return (flags & O_DIRECTORY) != 0 ? -ENOTDIR : -ELOOP;
	if (S_ISDIR(w->st.st_mode) && (flags & O_CREAT) != 0)
		return -EISDIR;
	if (device && (limits & MOUNT_ATTR_NODEV) != 0)
		return -EACCES;
	if ((limits & MOUNT_ATTR_RDONLY) == 0 || !writes(flags))
		return 0;
	if (S_ISDIR(w->st.st_mode))
		return (flags & O_TMPFILE) == O_TMPFILE ? -EROFS : -EISDIR;
	return S_ISREG(w->st.st_mode) ? -EROFS : 0;
}

/* Opens what w has found, and nothing that may have taken its place. */
static int open_found(const struct walk *w, const struct open_how *how)
{
	char name[16];

	if ((how->flags & O_PATH) != 0) {
		if ((how->flags & O_DIRECTORY) != 0 && !S_ISDIR(w->st.st_mode))
			return -ENOTDIR;
		if (S_ISLNK(w->st.st_mode)) {
			int link = fcntl(w->at.fd, F_DUPFD_CLOEXEC, 0);

			return link < 0 ? -errno : link;
		}
	}
	if ((how->flags & O_CREAT) != 0 && (how->flags & O_EXCL) != 0)
		return -EEXIST;
	int r = (how->flags & O_PATH) != 0 ? 0 : may_open(w, how->flags);
	if (r < 0)
		return r;
	/* The descriptor's own flags are what was asked for, but for O_NOFOLLOW: the name is a link. */
	snprintf(name, sizeof(name), "%d", w->at.fd);
	int fd = openat(own_fds, name,
			(int)((how->flags & ~(uint64_t)(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC | O_NOCTTY),
			(mode_t)how->mode);
	return fd < 0 ? -errno : fd;
}

/* Where nothing is. -EEXIST: now there is. */
static int open_new(const struct walk *w, const char *name, const struct open_how *how)
{
	if ((parts[w->at.part].limits & MOUNT_ATTR_RDONLY) != 0)
		return -EROFS;
	int fd = openat(w->at.fd, name, (int)(how->flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY),
			(mode_t)how->mode);
	return fd < 0 ? -errno : fd;
}

static int open_once(struct walk *w, const struct mch_place *start, const char *path, const struct open_how *how,
		     bool *made_meanwhile)
{
	char missing[NAME_MAX + 1] = "";
	bool creates = (how->flags & O_CREAT) != 0, exclusive = creates && (how->flags & O_EXCL) != 0;
	int r = walk_begin(w, start, path, how->resolve);

	if (r == 0)
		r = walk_path(w, (how->flags & O_NOFOLLOW) == 0 && !exclusive, creates, missing);
	if (r == -ENOENT && creates && missing[0] != '\0') {
		r = open_new(w, missing, how);
		*made_meanwhile = r == -EEXIST && !exclusive;
		return r;
	}
	return r < 0 ? r : open_found(w, how);
}

int parts_open(const struct mch_place *start, const char *path, const struct open_how *how, uint32_t *part)
{
	struct walk w;
	int r = -EAGAIN;
	bool again = true;

	if ((how->resolve & RESOLVE_CACHED) != 0) /* nothing is known without asking */
		return -EAGAIN;
	for (int tries = 0; again && tries < RETRIES; tries++) {
		again = false;
		r = open_once(&w, start, path, how, &again);
		*part = w.at.part;
		if (w.at.fd >= 0)
			close(w.at.fd);
	}
	return again ? -EAGAIN : r;
}

/* ---- What may be changed ---- */

unsigned long parts_limits(uint32_t part)
{
	uint64_t limits = parts[part].limits;

	return ((limits & MOUNT_ATTR_RDONLY) != 0 ? ST_RDONLY : 0) |
	       ((limits & MOUNT_ATTR_NOEXEC) != 0 ? ST_NOEXEC : 0);
}

bool parts_covers(const struct mch_place *parent, const char *name)
{
	struct stat st;

	return fstatat(parent->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       part_covering(parent->part, &st) != NULL;
}

/* ---- Where a place is ---- */

static long host_path(int fd, char *to, size_t size)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", fd);
	ssize_t n = readlinkat(own_fds, name, to, size - 1);
	if (n < 0)
		return -errno;
	to[n] = '\0';
	return n;
}

/* The text behind the name of a part's root, or NULL. */
static const char *below(const char *path, const struct part *part)
{
	char root[PATH_BYTES];
	long top = host_path(part->root, root, sizeof(root));

	if (top == 1)
		top = 0; /* "/" */
	if (top < 0 || strncmp(path, root, (size_t)top) != 0 || (path[top] != '/' && path[top] != '\0'))
		return NULL;
	return path + top;
}

/* Puts what lies between a part's root and the place before the text, until that begins at the tree's root. */
long parts_path(const struct mch_place *place, char *to, size_t size)
{
	char path[PATH_BYTES], text[PATH_BYTES];
	size_t begin = sizeof(text) - 1;
	struct mch_place at = *place;

	text[begin] = '\0';
	while (at.fd >= 0) {
		const struct part *part = &parts[at.part];
		long n = host_path(at.fd, path, sizeof(path));
		const char *between = n < 0 ? NULL : below(path, part);

		if (between == NULL)
			return n < 0 ? n : -ENOENT;
		size_t len = strcmp(between, "/") == 0 ? 0 : strlen(between);
		if (len > begin)
			return -ENAMETOOLONG;
		begin -= len;
		memcpy(text + begin, between, len);
		if (at.part == root_part)
			break;
		at = part->at;
	}
	if (text[begin] == '\0')
		text[--begin] = '/';
	size_t len = sizeof(text) - 1 - begin;
	if (len + 1 > size)
		return -ERANGE;
	memcpy(to, text + begin, len + 1);
	return (long)len;
}

/* The kernel says where what is deleted was: that directory stands for it. */
static bool cut_deleted(char *path, size_t n, const struct stat *st)
{
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1;

	if (st->st_nlink != 0 || n <= tail || strcmp(path + n - tail, deleted) != 0)
		return false;
	*strrchr(path, '/') = '\0';
	return true;
}

static int find_in(uint32_t i, const char *rest, uint32_t *part)
{
	const struct mch_place start = { .fd = parts[i].root, .part = i };
	const struct open_how how = { .flags = O_PATH | O_NOFOLLOW,
				      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	rest += strspn(rest, "/");
	*part = i;
	return *rest != '\0' ? parts_open(&start, rest, &how, part) : fcntl(start.fd, F_DUPFD_CLOEXEC, 0);
}

/* By the name that the file has, which must lead to it through a part. */
int parts_find(int fd, unsigned long limit)
{
	char path[PATH_BYTES];
	struct stat st, found;
	long n = host_path(fd, path, sizeof(path));
	int r = -ENOENT;

	if (n < 0 || path[0] != '/' || fstat(fd, &st) < 0)
		return r;
	bool deleted = cut_deleted(path, (size_t)n, &st);
	for (uint32_t i = 0; i < n_parts && r != 1; i++) {
		uint32_t part;
		const char *rest = below(path, &parts[i]);
		int at = rest != NULL ? find_in(i, rest, &part) : -1;

		if (at < 0)
			continue;
		if (fstat(at, &found) == 0 && found.st_dev == st.st_dev && (deleted || found.st_ino == st.st_ino))
			r = (parts_limits(part) & limit) == 0;
		close(at);
	}
	return r;
}

/* ---- The second wall ---- */

#define READING (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define OF_FILES                                                                           \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	 1ull << 14 /* truncate */ | 1ull << 15 /* ioctl of devices */)

int parts_allow(int ruleset, uint64_t rights)
{
	for (uint32_t i = 0; i < n_parts; i++) {
		struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = parts[i].root };
		struct stat st;

		if (fstat(parts[i].root, &st) < 0)
			return -errno;
		if ((parts[i].limits & MOUNT_ATTR_RDONLY) != 0)
			rule.allowed_access &= READING;
		if (!S_ISDIR(st.st_mode))
			rule.allowed_access &= OF_FILES;
		if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
			return -errno;
	}
	return 0;
}
