/* SPDX-License-Identifier: MIT
 * Directories that guests were given, so that they can start paths there. A guest names one by device
 * and inode, which it has from fstat; it can name no other than those given, which it could open by
 * name anyway. Many are kept, and the longest unused are dropped: with their path, which finds them
 * again unless they were renamed meanwhile. One that the tree has in several places is kept as each;
 * of these a guest's descriptor means the one that was last given. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <microcosm-host.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "names.h"

#define OPEN_MAX_WANTED 8192
#define KNOWN_MAX 65536 /* open and dropped */
#define BUCKETS 4096

struct directory {
	uint64_t dev, ino, mount;
	int fd;      /* O_PATH, -1: dropped, `path` is where it was */
	uint32_t part;
	char *path;
	bool used;   /* since the hand last came by */
	uint32_t next; /* index + 1 in the same bucket, 0: the last */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct directory *directories; /* under lock, as all below */
static uint32_t n_directories, room;
static uint32_t buckets[BUCKETS]; /* index + 1 */
static uint32_t n_open, open_max, hand;

/* ---- What the world starts with; and this process's own descriptors by name ---- */

static unsigned first_umask;
static int own_fds = -1;

/* Before the seal, while the host's files are there. */
__attribute__((constructor)) static void start(void)
{
	first_umask = umask(0);
	umask(first_umask);
	own_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int own_fd_name(int fd, char *name, size_t size)
{
	snprintf(name, size, "%d", fd);
	return own_fds;
}

long path_of(int fd, char *to, size_t size)
{
	const struct mch_place place = { .fd = fd };

	return mch_tree_path(&place, to, size);
}

/* ---- The process's word: bit 63 says that a umask is set, bits 32..40 have it; the low half is
 * the working directory's index + 1 ---- */

#define WORD_UMASK_SET (1ull << 63)

static uint64_t word_index(uint64_t word)
{
	return word & 0xffffffff;
}

unsigned process_umask(void)
{
	uint64_t word = mch_word();

	return (word & WORD_UMASK_SET) != 0 ? (unsigned)(word >> 32) & 0777 : first_umask;
}

unsigned process_set_umask(unsigned mask)
{
	unsigned before = process_umask();

	mch_set_word(WORD_UMASK_SET | (uint64_t)(mask & 0777) << 32 | word_index(mch_word()));
	return before;
}

static bool is_current(uint64_t word, void *context)
{
	return word_index(word) == *(const uint64_t *)context;
}

/* ---- The table ---- */

static uint32_t *bucket_of(uint64_t dev, uint64_t ino)
{
	return &buckets[(dev * 31 + ino * 0x9e3779b97f4a7c15u) >> 32 & (BUCKETS - 1)];
}

/* Index + 1, 0: none. */
static uint32_t table_find(uint64_t dev, uint64_t ino)
{
	uint32_t at = *bucket_of(dev, ino);

	while (at != 0 && (directories[at - 1].dev != dev || directories[at - 1].ino != ino))
		at = directories[at - 1].next;
	return at;
}

static uint32_t table_find_same(const struct directory *wanted)
{
	uint32_t at = *bucket_of(wanted->dev, wanted->ino);

	for (; at != 0; at = directories[at - 1].next) {
		const struct directory *found = &directories[at - 1];

		if (found->dev == wanted->dev && found->ino == wanted->ino && found->mount == wanted->mount &&
		    found->part == wanted->part)
			break;
	}
	return at;
}

/* Before the others of its bucket. */
static void table_link(uint32_t at)
{
	uint32_t *bucket = bucket_of(directories[at - 1].dev, directories[at - 1].ino);

	directories[at - 1].next = *bucket;
	*bucket = at;
}

static void table_unlink(uint32_t at)
{
	uint32_t *link = bucket_of(directories[at - 1].dev, directories[at - 1].ino);

	while (*link != at)
		link = &directories[*link - 1].next;
	*link = directories[at - 1].next;
}

/* Closes one that was not used for a while and is nobody's working directory. */
static void drop_one(void)
{
	char path[PATH_BYTES];

	for (uint32_t i = 0; i < 2 * n_directories; i++) {
		struct directory *at = &directories[hand];
		uint64_t index = hand + 1;

		hand = (hand + 1) % n_directories;
		if (at->fd < 0)
			continue;
		if (at->used || mch_any_word(is_current, &index)) {
			at->used = false;
			continue;
		}
		free(at->path);
		const struct mch_place place = { at->fd, at->part };
		at->path = mch_tree_path(&place, path, sizeof(path)) > 0 ? strdup(path) : NULL;
		close(at->fd);
		at->fd = -1;
		n_open--;
		return;
	}
}

static void limits_set(void)
{
	struct rlimit limit;

	open_max = 256;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 > open_max)
		open_max = limit.rlim_cur / 2 > OPEN_MAX_WANTED ? OPEN_MAX_WANTED : (uint32_t)(limit.rlim_cur / 2);
}

/* Forgets a dropped one that is nobody's working directory: its index + 1. */
static long forget_one(void)
{
	for (uint32_t i = 0; i < n_directories; i++) {
		uint64_t index = hand + 1;
		struct directory *at = &directories[hand];

		hand = (hand + 1) % n_directories;
		if (at->fd >= 0 || mch_any_word(is_current, &index))
			continue;
		table_unlink((uint32_t)index);
		free(at->path);
		return (long)index;
	}
	return -ENFILE;
}

static long table_add(const struct directory *wanted)
{
	long at = n_directories + 1;

	if (n_directories == KNOWN_MAX) {
		at = forget_one();
		if (at < 0)
			return at;
		n_directories--; /* counted again below */
	} else if (n_directories == room) {
		uint32_t more = room == 0 ? 64 : 2 * room;
		struct directory *grown = realloc(directories, more * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		directories = grown;
		room = more;
	}
	directories[at - 1] = *wanted;
	table_link((uint32_t)at);
	n_directories++;
	return at;
}

/* Without the open file that fd is: a lock on it, say, would stay. Where the directory may not be
 * searched there is no other way. */
static int reopen(int fd)
{
	int path = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return path >= 0 ? path : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}


static long keep_locked(const struct mch_place *place, const struct directory *wanted)
{
	long at = table_find_same(wanted);

	if (open_max == 0)
		limits_set();
	if (at == 0) {
		at = table_add(wanted);
	} else {
		table_unlink((uint32_t)at);
		table_link((uint32_t)at);
	}
	if (at < 0)
		return at;
	struct directory *directory = &directories[at - 1];
	directory->used = true;
	if (directory->fd >= 0)
		return at - 1;
	if (n_open >= open_max)
		drop_one();
	directory->fd = reopen(place->fd);
	if (directory->fd < 0)
		return -errno;
	n_open++;
	return at - 1;
}

static struct directory described(const struct mch_place *place, const struct statx *seen)
{
	return (struct directory){ .dev = makedev(seen->stx_dev_major, seen->stx_dev_minor), .ino = seen->stx_ino,
				   .mount = seen->stx_mnt_id, .part = place->part, .fd = -1 };
}

long directory_keep(const struct mch_place *place, const struct statx *seen)
{
	const struct directory wanted = described(place, seen);

	if (!S_ISDIR(seen->stx_mode))
		return -ENOTDIR;
	pthread_mutex_lock(&lock);
	long index = keep_locked(place, &wanted);
	pthread_mutex_unlock(&lock);
	return index;
}

static int open_directory(const char *path, uint64_t flags, uint32_t *part)
{
	const struct open_how how = { .flags = O_PATH | O_DIRECTORY | flags };

	return mch_tree_open(NULL, path, &how, part);
}

/* Opens a dropped one by the path that it had. */
static int find_again(const struct directory *directory)
{
	struct stat st;
	uint32_t part;

	if (directory->path == NULL)
		return -ESTALE;
	int fd = open_directory(directory->path, O_NOFOLLOW, &part);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) == 0 && st.st_dev == directory->dev && st.st_ino == directory->ino &&
	    part == directory->part)
		return fd;
	close(fd);
	return -ESTALE;
}

static int open_locked(uint32_t index, struct mch_place *place)
{
	struct directory *directory = &directories[index];

	if (directory->fd < 0) {
		int fd = find_again(directory);

		if (fd < 0)
			return fd;
		if (n_open >= open_max)
			drop_one();
		directory->fd = fd;
		n_open++;
	}
	directory->used = true;
	place->part = directory->part;
	place->fd = fcntl(directory->fd, F_DUPFD_CLOEXEC, 0);
	return place->fd < 0 ? -errno : 0;
}

static int directory_find(uint64_t dev, uint64_t ino, struct mch_place *place)
{
	pthread_mutex_lock(&lock);
	uint32_t at = table_find(dev, ino);
	int r = at != 0 ? open_locked(at - 1, place) : -EACCES;
	pthread_mutex_unlock(&lock);
	return r;
}

/* The directory that the world starts in, or its root where there is none of that name. */
static int directory_first(struct mch_place *place)
{
	const char *path = mch_tree_cwd();

	place->fd = open_directory(path != NULL ? path : "/", 0, &place->part);
	if (place->fd < 0)
		place->fd = open_directory("/", 0, &place->part);
	if (place->fd < 0)
		return place->fd;
	mch_learn(place->fd, "", false, MCH_LEARN_NAME);
	return 0;
}

int directory_current(struct mch_place *place)
{
	uint64_t index = word_index(mch_word());
	int r = -EACCES;

	if (index == 0)
		return directory_first(place);
	pthread_mutex_lock(&lock);
	if (index <= n_directories)
		r = open_locked((uint32_t)index - 1, place);
	pthread_mutex_unlock(&lock);
	return r;
}

long directory_text(uint64_t word, char *to, size_t size)
{
	uint64_t index = word_index(word);
	struct mch_place place;
	long n = -EACCES;

	pthread_mutex_lock(&lock);
	if (index == 0)
		n = directory_first(&place);
	else if (index <= n_directories)
		n = open_locked((uint32_t)index - 1, &place);
	pthread_mutex_unlock(&lock);
	if (n < 0)
		return n;
	n = mch_tree_path(&place, to, size);
	close(place.fd);
	return n;
}

int process_set_directory(const struct mch_place *place)
{
	struct statx seen;

	if (statx(place->fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_MNT_ID, &seen) < 0)
		return -errno;
	if (!S_ISDIR(seen.stx_mode))
		return -ENOTDIR;
	const struct directory wanted = described(place, &seen);
	pthread_mutex_lock(&lock);
	long index = keep_locked(place, &wanted);
	if (index >= 0)
		mch_set_word((mch_word() & ~0xffffffffull) | (uint64_t)(index + 1));
	pthread_mutex_unlock(&lock);
	return index < 0 ? (int)index : 0;
}

int directory_start(const struct names_at *at, struct mch_place *place)
{
	return at->dev == 0 && at->ino == 0 ? directory_current(place) : directory_find(at->dev, at->ino, place);
}
