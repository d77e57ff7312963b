/* SPDX-License-Identifier: MIT
 * For --learn: what was found in the tree, and what could not be written. A name is walked part by part
 * as the kernel has just walked it, so that the links on its way are known too. The tracer is told each thing
 * once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "host/host.h"

#define PATH_BYTES 4096
#define LINKS_MAX 40 /* as Linux has it */
#define TOLD_MAX (1u << 17)
#define KEY_LISTED 'd'

static bool learning, entered;
static int own_fds = -1; /* /proc/self/fd */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *told[2 * TOLD_MAX]; /* a hash table; under lock, as n_told and later */
static unsigned n_told;

static struct later { /* found before the tree was this process's root */
	struct later *next;
	char path[];
} *later;

void learn_start(void)
{
	learning = true;
	own_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* ---- What the tracer is told ---- */

static unsigned hash(const char *text)
{
	uint32_t sum = 2166136261u;

	for (; *text != '\0'; text++)
		sum = (sum ^ (unsigned char)*text) * 16777619u;
	return sum;
}

/* Its place in the table, which may be empty. */
static char **place_of(const char *what)
{
	unsigned at = hash(what) % (2 * TOLD_MAX);

	while (told[at] != NULL && strcmp(told[at], what) != 0)
		at = (at + 1) % (2 * TOLD_MAX);
	return &told[at];
}

/* Whether it is the first time; nothing more can be kept: 0. */
static int is_new(const char *what)
{
	char **place = place_of(what);

	if (*place != NULL)
		return -1;
	if (n_told == TOLD_MAX)
		return 0;
	*place = strdup(what);
	n_told += *place != NULL;
	return *place != NULL;
}

/* A directory that it lies in was listed, which says enough. key: a kind, and the path. */
static bool is_listed(const char *key)
{
	char directory[PATH_BYTES + 8];
	size_t len = strlen(key);

	memcpy(directory, key, len + 1);
	directory[0] = KEY_LISTED;
	while (len > 1) {
		while (len > 1 && directory[len] != '/')
			len--;
		directory[len == 1 ? 2 : len] = '\0'; /* the root is a slash */
		if (*place_of(directory) != NULL)
			return true;
		len -= len > 1;
	}
	return false;
}

/* What changes all the time, and has a line of its own kind. */
static const char *without_inner(const char *path)
{
	static const char *const places[] = { "/tmp", "/proc", "/dev" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t len = strlen(places[i]);

		if (strncmp(path, places[i], len) == 0 && path[len] == '/')
			return places[i];
	}
	return path;
}

static void tell(enum ctl_learned what, bool directory, const char *path, const char *target)
{
	char text[2 * PATH_BYTES + 4], key[PATH_BYTES + 8];

	path = without_inner(path);
	size_t len = strlen(path) + 1, target_len = strlen(target) + 1;
	bool lists = directory && what == CTL_LEARNED_READ;
	snprintf(key, sizeof(key), "%c%s", lists ? KEY_LISTED : '0' + (int)what, path);
	pthread_mutex_lock(&lock);
	int fresh = what != CTL_LEARNED_WRITE && is_listed(key) ? -1 : is_new(key);
	pthread_mutex_unlock(&lock);
	if (fresh < 0)
		return;
	memcpy(text, path, len);
	memcpy(text + len, target, target_len);
	control_say(CTL_LEARNED, 0, fresh > 0 ? what : CTL_LEARNED_TOO_MUCH, directory, 0, text, len + target_len);
}

/* Where fd is; false when it is deleted or has no name. */
static bool name_of(int fd, char *path)
{
	char number[16];
	struct stat st;

	snprintf(number, sizeof(number), "%d", fd);
	ssize_t n = readlinkat(own_fds, number, path, PATH_BYTES - 1);
	if (n <= 0 || path[0] != '/' || fstat(fd, &st) < 0 || st.st_nlink == 0)
		return false;
	path[n] = '\0';
	return true;
}

static void tell_file(int fd, enum ctl_learned what)
{
	char path[PATH_BYTES];
	struct stat st;

	if (fstat(fd, &st) == 0 && name_of(fd, path))
		tell(what, S_ISDIR(st.st_mode), path, "");
}

/* ---- The walk ---- */

struct walk {
	int at;         /* O_PATH */
	unsigned links;
	char *rest;     /* in text: what is still to be walked */
	char text[2 * PATH_BYTES];
};

static void walk_to(struct walk *walk, int fd)
{
	close(walk->at);
	walk->at = fd;
}

/* The link's text comes before the rest. */
static bool walk_link(struct walk *walk, int link, const char *rest)
{
	char text[PATH_BYTES], path[PATH_BYTES], joined[sizeof(walk->text)];
	ssize_t n = readlinkat(link, "", text, sizeof(text) - 1);

	if (n <= 0 || ++walk->links > LINKS_MAX)
		return false;
	text[n] = '\0';
	if (name_of(link, path))
		tell(CTL_LEARNED_LINK, false, path, text);
	if (rest == NULL)
		return false;
	if (snprintf(joined, sizeof(joined), "%s/%s", text, rest) >= (int)sizeof(joined))
		return false;
	strcpy(walk->text, joined);
	walk->rest = walk->text;
	if (text[0] == '/')
		walk_to(walk, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return walk->at >= 0;
}

static int step_into(int at, const char *name)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, at, name, &how, sizeof(how));
}

/* One part of the name; false at its end, or where it leads nowhere. */
static bool walk_step(struct walk *walk, bool follow, bool creates)
{
	char *name = walk->rest + strspn(walk->rest, "/");
	size_t n = strcspn(name, "/");
	bool more = name[n] == '/', last = name[n + strspn(name + n, "/")] == '\0';
	struct stat st;

	if (n == 0)
		return false;
	walk->rest = name + n + more;
	name[n] = '\0';
	if (strcmp(name, "..") == 0)
		tell_file(walk->at, CTL_LEARNED_NAME);
	int next = step_into(walk->at, name);
	if (next < 0 || fstat(next, &st) < 0) {
		if (creates && last)
			tell_file(walk->at, CTL_LEARNED_WRITE);
		walk_to(walk, -1);
		return false;
	}
	if (!S_ISLNK(st.st_mode)) {
		walk_to(walk, next);
		return true;
	}
	bool through = !last || follow || more;
	bool goes_on = walk_link(walk, next, through ? walk->rest : NULL);
	close(next);
	if (!goes_on)
		walk_to(walk, -1);
	return goes_on;
}

static void learn(int start, const char *path, bool follow, enum ctl_learned what)
{
	struct walk walk = { .at = path[0] == '/' || start < 0 ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)
							       : fcntl(start, F_DUPFD_CLOEXEC, 0) };

	if (walk.at < 0 || strlen(path) >= PATH_BYTES)
		return;
	walk.rest = strcpy(walk.text, path);
	while (walk_step(&walk, follow, what == CTL_LEARNED_WRITE))
		;
	if (walk.at >= 0) {
		tell_file(walk.at, what);
		close(walk.at);
	}
}

void learn_later(const char *path)
{
	struct later *entry = learning && !entered ? malloc(sizeof(*entry) + strlen(path) + 1) : NULL;

	if (entry == NULL)
		return;
	strcpy(entry->path, path);
	pthread_mutex_lock(&lock);
	entry->next = later;
	later = entry;
	pthread_mutex_unlock(&lock);
}

void learn_entered(void)
{
	entered = true;
	while (later != NULL) {
		struct later *entry = later;

		later = entry->next;
		learn(-1, entry->path, true, CTL_LEARNED_READ);
		free(entry);
	}
}

void mch_learn(int start, const char *path, bool follow, enum mch_learn what)
{
	int e = errno;

	if (learning && entered)
		learn(start, path, follow,
		      what == MCH_LEARN_READ    ? CTL_LEARNED_READ
		      : what == MCH_LEARN_WRITE ? CTL_LEARNED_WRITE
						: CTL_LEARNED_NAME);
	errno = e;
}
