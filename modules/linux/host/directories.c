/* SPDX-License-Identifier: MIT
 * Directories that guests were given, so that they can start paths there. A guest names one by device
 * and inode, which it has from fstat; it can name no other than those given, which it could open by
 * name anyway. Many are kept, and the longest unused are dropped: with their path, which finds them
 * again unless they were renamed meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <microcosm-host.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "names.h"

#define OPEN_MAX_WANTED 8192
#define KNOWN_MAX 65536 /* open and dropped */
#define BUCKETS 4096

struct directory {
	uint64_t dev, ino;
	int fd;      /* O_PATH, -1: dropped, `path` is where it was */
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
	static const char deleted[] = " (deleted)";
	char name[16];
	ssize_t n = readlinkat(own_fd_name(fd, name, sizeof(name)), name, to, size - 1);

	if (n < 0)
		return -errno;
	to[n] = '\0';
	size_t tail = sizeof(deleted) - 1;
	if ((size_t)n > tail && strcmp(to + n - tail, deleted) == 0)
		return -ENOENT;
	return to[0] == '/' ? n : -ENOENT;
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
		at->path = path_of(at->fd, path, sizeof(path)) > 0 ? strdup(path) : NULL;
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
		uint32_t *link = bucket_of(at->dev, at->ino);
		while (*link != index)
			link = &directories[*link - 1].next;
		*link = at->next;
		free(at->path);
		return (long)index;
	}
	return -ENFILE;
}

static long table_add(const struct stat *st)
{
	long at = n_directories + 1;

	if (n_directories == KNOWN_MAX) {
		at = forget_one();
		if (at < 0)
			return at;
		n_directories--; /* counted again below */
	} else if (n_directories == room) {
		uint32_t wanted = room == 0 ? 64 : 2 * room;
		struct directory *grown = realloc(directories, wanted * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		directories = grown;
		room = wanted;
	}
	uint32_t *bucket = bucket_of(st->st_dev, st->st_ino);
	directories[at - 1] = (struct directory){
		.dev = st->st_dev, .ino = st->st_ino, .fd = -1, .next = *bucket };
	*bucket = (uint32_t)at;
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

static long keep_locked(int fd, const struct stat *st)
{
	long at = table_find(st->st_dev, st->st_ino);

	if (open_max == 0)
		limits_set();
	if (at == 0)
		at = table_add(st);
	if (at < 0)
		return at;
	struct directory *directory = &directories[at - 1];
	directory->used = true;
	if (directory->fd >= 0)
		return at - 1;
	if (n_open >= open_max)
		drop_one();
	directory->fd = reopen(fd);
	if (directory->fd < 0)
		return -errno;
	n_open++;
	return at - 1;
}

long directory_keep(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	pthread_mutex_lock(&lock);
	long index = keep_locked(fd, &st);
	pthread_mutex_unlock(&lock);
	return index;
}

/* Opens a dropped one by the path that it had. */
static int find_again(const struct directory *directory)
{
	struct stat st;

	if (directory->path == NULL)
		return -ESTALE;
	int fd = open(directory->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && st.st_dev == directory->dev && st.st_ino == directory->ino)
		return fd;
	close(fd);
	return -ESTALE;
}

static int open_locked(uint32_t index)
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
	int fd = fcntl(directory->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int directory_find(uint64_t dev, uint64_t ino)
{
	pthread_mutex_lock(&lock);
	uint32_t at = table_find(dev, ino);
	int fd = at != 0 ? open_locked(at - 1) : -EACCES;
	pthread_mutex_unlock(&lock);
	return fd;
}

/* The directory that the world starts in, or its root where there is none of that name. */
static int directory_first(void)
{
	const char *path = mch_tree_cwd();
	int fd = open(path != NULL ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	mch_learn(fd, "", false, MCH_LEARN_NAME);
	return fd;
}

int directory_current(void)
{
	uint64_t index = word_index(mch_word());
	int fd = -EACCES;

	if (index == 0)
		return directory_first();
	pthread_mutex_lock(&lock);
	if (index <= n_directories)
		fd = open_locked((uint32_t)index - 1);
	pthread_mutex_unlock(&lock);
	return fd;
}

long directory_text(uint64_t word, char *to, size_t size)
{
	uint64_t index = word_index(word);
	int fd = -EACCES;

	pthread_mutex_lock(&lock);
	if (index == 0)
		fd = directory_first();
	else if (index <= n_directories)
		fd = open_locked((uint32_t)index - 1);
	pthread_mutex_unlock(&lock);
	if (fd < 0)
		return fd;
	long n = path_of(fd, to, size);
	close(fd);
	return n;
}

int process_set_directory(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	pthread_mutex_lock(&lock);
	long index = keep_locked(fd, &st);
	if (index >= 0)
		mch_set_word((mch_word() & ~0xffffffffull) | (uint64_t)(index + 1));
	pthread_mutex_unlock(&lock);
	return index < 0 ? (int)index : 0;
}

int directory_start(const struct names_at *at)
{
	return at->dev == 0 && at->ino == 0 ? directory_current() : directory_find(at->dev, at->ino);
}
