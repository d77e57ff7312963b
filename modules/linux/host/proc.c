/* SPDX-License-Identifier: MIT
 * /proc: names. Directories, links and empty files for the world's processes lie in a tmpfs that shows in
 * a second copy of the tree alone (struct mch_proc); in the one that names are resolved in first, an
 * empty directory lies over it. So only a lookup that comes to that directory, or misses, is done
 * again in the copy, under a lock, when everything there is as its caller is to see it: `self` leads
 * to the caller, and no other lookup sees that. A file is written when it is opened: proc_text.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <microcosm-host.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "names.h"
#include "proc.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below, and of what lies in the tmpfs */
static struct mch_thread lists[2][MCH_THREADS_MAX];      /* sorted by pid, then tid */
static struct mch_thread *shown = lists[0], *next = lists[1];
static size_t n_shown;
static uint64_t changes = UINT64_MAX; /* as of when `shown` was made; UINT64_MAX: never */
static int32_t self_pid, self_tid;    /* that `self` and `thread-self` lead to */

/* ---- The world's threads ---- */

static int compare(const void *a, const void *b)
{
	const struct mch_thread *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* The first one in a sorted list that is not before pid's thread tid. */
static const struct mch_thread *from(const struct mch_thread *list, size_t n, int32_t pid, int32_t tid)
{
	const struct mch_thread wanted = { .pid = pid, .tid = tid };
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (compare(&list[middle], &wanted) < 0)
			low = middle + 1;
		else
			n = middle;
	}
	return &list[low];
}

/* A thread of the process, or that one where tid is not 0. */
static const struct mch_thread *find(const struct mch_thread *list, size_t n, int32_t pid, int32_t tid)
{
	const struct mch_thread *at = from(list, n, pid, tid);

	return at < list + n && at->pid == pid && (tid == 0 || at->tid == tid) ? at : NULL;
}

bool proc_has(int32_t pid)
{
	return find(shown, n_shown, pid, 0) != NULL;
}

size_t proc_count(int32_t *last)
{
	*last = n_shown > 0 ? shown[n_shown - 1].pid : 0;
	return n_shown;
}

long proc_ask(const struct proc_place *at, const char *name, char *text, size_t size)
{
	const struct mch_thread *thread = find(shown, n_shown, at->pid, at->tid);
	char full[64];

	if (thread == NULL)
		return -ENOENT;
	snprintf(full, sizeof(full), "%s%s", at->tid != 0 ? "task/" : "", name);
	return mch_process(thread->pid, thread->tid, full, text, size);
}

/* ---- What lies in the tmpfs ---- */

static int made(int r)
{
	return r < 0 && errno != EEXIST ? -errno : 0;
}

static int make_directory(int at, const char *name)
{
	return made(mkdirat(at, name, 0755));
}

static int make_file(int at, const char *name, unsigned mode)
{
	return made(mknodat(at, name, S_IFREG | mode, 0));
}

/* In place of what was there. */
static int make_link(int at, const char *text, const char *name)
{
	char before[PATH_BYTES];
	ssize_t n = readlinkat(at, name, before, sizeof(before));

	if (n >= 0 && (size_t)n == strlen(text) && memcmp(before, text, (size_t)n) == 0)
		return 0;
	if (symlinkat(text, at, ".new") < 0)
		return -errno;
	return renameat(at, ".new", at, name) < 0 ? -errno : 0;
}

static int open_directory(int at, const char *name)
{
	int fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static DIR *list(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (directory == NULL && fd >= 0)
		close(fd);
	return directory;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void remove_all(int at, const char *name)
{
	DIR *directory = list(at, name);

	if (directory == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		if (is_dot(entry->d_name))
			continue;
		if (entry->d_type == DT_DIR)
			remove_all(dirfd(directory), entry->d_name);
		else
			unlinkat(dirfd(directory), entry->d_name, 0);
	}
	closedir(directory);
	unlinkat(at, name, AT_REMOVEDIR);
}

static int make_files(int at, const struct proc_file *files, bool of_task)
{
	int r = 0;

	for (; files->name != NULL && r == 0; files++)
		if (!of_task || files->of_task)
			r = make_file(at, files->name, files->mode);
	return r;
}

/* Where its exe and cwd lead to. */
static int set_links(int at, const struct mch_thread *thread, bool exe)
{
	char text[PATH_BYTES];
	int r = 0;

	if (exe) {
		long n = mch_process(thread->pid, thread->tid, "exe", text, sizeof(text) - 1);

		text[n > 0 ? n : 0] = '\0';
		if (n > 0)
			r = make_link(at, text, "exe");
		else
			unlinkat(at, "exe", 0);
	}
	if (r == 0 && directory_text(thread->word, text, sizeof(text)) > 0)
		r = make_link(at, text, "cwd");
	return r;
}

static int fill_process(int at, const struct mch_thread *thread)
{
	static const char *const directories[] = { "fd", ".fd", "fdinfo", "task" };
	int r = make_files(at, proc_process_files, false);

	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories) && r == 0; i++)
		r = make_directory(at, directories[i]);
	if (r == 0)
		r = make_link(at, "/", "root");
	return r == 0 ? set_links(at, thread, true) : r;
}

static int add_process(int at, const struct mch_thread *thread)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", thread->pid);
	int r = make_directory(at, name);
	int fd = r < 0 ? r : open_directory(at, name);
	if (fd < 0)
		return fd;
	r = fill_process(fd, thread);
	close(fd);
	return r;
}

static int add_thread(int at, const struct mch_thread *thread)
{
	char name[40];

	snprintf(name, sizeof(name), "%d/task/%d", thread->pid, thread->tid);
	int r = make_directory(at, name);
	int fd = r < 0 ? r : open_directory(at, name);
	if (fd < 0)
		return fd;
	r = make_files(fd, proc_process_files, true);
	close(fd);
	return r;
}

static void remove_thread(int at, const struct mch_thread *thread, bool process)
{
	char name[40];

	if (process)
		snprintf(name, sizeof(name), "%d", thread->pid);
	else
		snprintf(name, sizeof(name), "%d/task/%d", thread->pid, thread->tid);
	remove_all(at, name);
}

static int update_process(int at, const struct mch_thread *thread, const struct mch_thread *before)
{
	char name[16];

	if (thread->program == before->program && thread->word == before->word)
		return 0;
	snprintf(name, sizeof(name), "%d", thread->pid);
	int fd = open_directory(at, name);
	if (fd < 0)
		return fd;
	int r = set_links(fd, thread, thread->program != before->program);
	close(fd);
	return r;
}

/* The directories that the file's name has are made too. */
static int add_global(int at, const struct proc_file *file)
{
	char part[64];
	int r = 0;

	for (const char *slash = file->name; (slash = strchr(slash, '/')) != NULL && r == 0; slash++) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - file->name), file->name);
		r = make_directory(at, part);
	}
	return r == 0 ? make_file(at, file->name, file->mode) : r;
}

static int add_globals(int at)
{
	int r = make_link(at, "self/mounts", "mounts");

	for (const struct proc_file *file = proc_global_files; file->name != NULL && r == 0; file++)
		r = add_global(at, file);
	return r;
}

/* Brings the tmpfs in line with the world's threads. */
static int refresh(int at)
{
	uint64_t now = mch_threads_changes();
	int r = 0;

	if (now == changes)
		return 0;
	if (changes == UINT64_MAX)
		r = add_globals(at);
	size_t n = mch_threads(next, MCH_THREADS_MAX);
	qsort(next, n, sizeof(*next), compare);
	for (size_t i = 0; i < n_shown; i++) {
		bool process = find(next, n, shown[i].pid, 0) == NULL;

		if (process ? i == 0 || shown[i - 1].pid != shown[i].pid
			    : find(next, n, shown[i].pid, shown[i].tid) == NULL)
			remove_thread(at, &shown[i], process);
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct mch_thread *before = find(shown, n_shown, next[i].pid, 0);
		bool first = i == 0 || next[i - 1].pid != next[i].pid;

		if (first)
			r = before == NULL ? add_process(at, &next[i]) : update_process(at, &next[i], before);
		if (r == 0 && find(shown, n_shown, next[i].pid, next[i].tid) == NULL)
			r = add_thread(at, &next[i]);
	}
	struct mch_thread *before = shown;
	shown = next;
	n_shown = n;
	next = before;
	changes = r == 0 ? now : UINT64_MAX - 1; /* what failed is tried again */
	return r;
}

static int set_self(int at)
{
	const struct mch_caller *caller = mch_caller();
	char text[40];

	if (caller->pid == self_pid && caller->tid == self_tid)
		return 0;
	self_pid = 0; /* until both are made */
	snprintf(text, sizeof(text), "%d", caller->pid);
	int r = make_link(at, text, "self");
	if (r == 0) {
		snprintf(text, sizeof(text), "%d/task/%d", caller->pid, caller->tid);
		r = make_link(at, text, "thread-self");
	}
	if (r == 0) {
		self_pid = caller->pid;
		self_tid = caller->tid;
	}
	return r;
}

/* ---- Descriptors: N in fd is a link to N in .fd, which stands for the file itself ---- */

/* Whether N is in a list of numbers with a space after each. */
static bool listed(const char *numbers, const char *number)
{
	size_t n = strlen(number);

	for (const char *at = numbers; (at = strstr(at, number)) != NULL; at++)
		if ((at == numbers || at[-1] == ' ') && at[n] == ' ')
			return true;
	return false;
}

static void remove_closed(int at, const char *numbers)
{
	static const char *const directories[] = { "fd", ".fd", "fdinfo" };
	DIR *directory = list(at, "fd");
	char name[40];

	if (directory == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
		for (size_t i = 0; i < 3 && !is_dot(entry->d_name) && !listed(numbers, entry->d_name); i++) {
			snprintf(name, sizeof(name), "%s/%.16s", directories[i], entry->d_name);
			unlinkat(at, name, 0);
		}
	closedir(directory);
}

static int add_open(int at, const char *numbers)
{
	char name[40], text[40];
	int r = 0;

	for (int n; *numbers != '\0' && r == 0; numbers += n + 1) {
		n = (int)strcspn(numbers, " ");
		snprintf(name, sizeof(name), "fd/%.*s", n, numbers);
		if (faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		snprintf(text, sizeof(text), "../.fd/%.*s", n, numbers);
		r = made(symlinkat(text, at, name));
		if (r == 0)
			r = make_file(at, text + 3, 0666);
		snprintf(name, sizeof(name), "fdinfo/%.*s", n, numbers);
		if (r == 0)
			r = make_file(at, name, 0400);
	}
	return r;
}

static int sync_descriptors(int files, int32_t pid)
{
	static char numbers[65536];
	const struct proc_place at = { .pid = pid };
	char name[16];
	long n = proc_ask(&at, "fd", numbers, sizeof(numbers) - 1);

	if (n < 0)
		return (int)n;
	numbers[n] = '\0';
	snprintf(name, sizeof(name), "%d", pid);
	int fd = open_directory(files, name);
	if (fd < 0)
		return fd;
	remove_closed(fd, numbers);
	int r = add_open(fd, numbers);
	close(fd);
	return r;
}

/* ---- Where a descriptor is ---- */

static uint64_t device_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_dev : 0;
}

bool proc_is(int fd)
{
	const struct mch_proc *proc = mch_proc();

	return proc != NULL && device_of(fd) == proc->dev;
}

/* Takes "NUMBER/" from the front. */
static bool take_number(char **text, int32_t *number)
{
	size_t n = strspn(*text, "0123456789");

	if (n == 0 || n > 9 || ((*text)[n] != '/' && (*text)[n] != '\0'))
		return false;
	*number = atoi(*text);
	*text += n + ((*text)[n] == '/');
	return true;
}

/* -ENOENT for what has been removed since. */
static int place_of(int fd, struct proc_place *at)
{
	static const char top[] = "/proc/", task[] = "task/";
	long n = path_of(fd, at->path, sizeof(at->path));

	at->pid = at->tid = 0;
	if (n < 0)
		return (int)n;
	char *name = at->path;
	if (strncmp(name, top, sizeof(top) - 1) == 0)
		name += sizeof(top) - 1;
	if (take_number(&name, &at->pid) && strncmp(name, task, sizeof(task) - 1) == 0) {
		char *rest = name + sizeof(task) - 1;

		if (take_number(&rest, &at->tid))
			name = rest;
	}
	at->name = name;
	return 0;
}

/* The number at the end of "DIRECTORY/N", or -1. */
static int number_in(const struct proc_place *at, const char *directory)
{
	size_t n = strlen(directory);

	return at->pid != 0 && strncmp(at->name, directory, n) == 0 && at->name[n] == '/'
		       ? atoi(at->name + n + 1) : -1;
}

static bool lists_descriptors(const struct proc_place *at)
{
	return at->pid != 0 && at->tid == 0 &&
	       (strcmp(at->name, "fd") == 0 || strcmp(at->name, ".fd") == 0 || strcmp(at->name, "fdinfo") == 0);
}

static bool is_own(const struct proc_place *at)
{
	return at->pid == mch_caller()->pid;
}

/* ---- Whether a lookup has to be done again ---- */

/* A name that leads nowhere may do so in /proc: when the longest part of it that exists lies there, or is
 * a link, which then leads nowhere itself. */
static bool misses(int start, const char *path)
{
	char part[PATH_BYTES];
	size_t n = strlen(path);
	struct stat st;

	int again = open_below(start, path, O_PATH, 0, RESOLVE_NO_XDEV);
	if (again >= 0)
		close(again);
	if (again == -ENOENT)
		return false; /* most often: /proc is another mount than what it led through */
	memcpy(part, path, n + 1);
	for (;;) {
		while (n > 1 && part[n - 1] == '/')
			n--;
		part[n] = '\0';
		int fd = n == 0 ? -ENOTDIR : open_below(start, part, O_PATH | O_NOFOLLOW, 0, 0);
		if (fd >= 0) {
			bool found = fstat(fd, &st) == 0 && (S_ISLNK(st.st_mode) || st.st_dev == mch_proc()->empty_dev);

			close(fd);
			return found;
		}
		if (fd != -ENOENT || n == 1)
			return false;
		while (n > 0 && part[n - 1] != '/')
			n--;
	}
}

bool proc_begins(int start)
{
	return start >= 0 && proc_is(start);
}

bool proc_concerns(uint64_t dev)
{
	const struct mch_proc *proc = mch_proc();

	return proc != NULL && (dev == proc->dev || dev == proc->empty_dev);
}

bool proc_misses(int start, const char *path, int error)
{
	return mch_proc() != NULL && error == -ENOENT && (proc_begins(start) || misses(start, path));
}

/* ---- Lookups in the copy, under the lock ---- */

static int absolute(int start, const char *path, char *to, size_t size)
{
	long n = path[0] == '/' ? 0 : path_of(start, to, size);

	if (n < 0)
		return (int)n;
	if ((size_t)snprintf(to + n, size - (size_t)n, "%s%s", n > 0 ? "/" : "", path) >= size - (size_t)n)
		return -ENAMETOOLONG;
	return 0;
}

static int look(const char *path, uint64_t flags, uint64_t resolve)
{
	return open_below(mch_proc()->root, path, O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)), 0,
			  resolve | RESOLVE_IN_ROOT);
}

/* A link of a descriptor that was closed since is not there. */
static int check_link(int fd, const struct proc_place *at)
{
	char name[32], text[PATH_BYTES];
	int number = number_in(at, "fd");

	if (number < 0)
		return fd;
	snprintf(name, sizeof(name), "fd/%d", number);
	const struct proc_place process = { .pid = at->pid };
	long n = proc_ask(&process, name, text, sizeof(text));
	if (n >= 0)
		return fd;
	close(fd);
	return (int)n;
}

/* Makes the links of descriptors that path may mean: the caller's, by whatever way, and those of the
 * process in whose directory of them it lies. False: there is nothing new. */
static bool sync_for(int files, const char *path)
{
	char parent[2 * PATH_BYTES];
	struct proc_place at;
	int32_t own = mch_caller()->pid;
	bool synced = own != 0 && sync_descriptors(files, own) == 0;
	const char *slash = strrchr(path, '/');

	snprintf(parent, sizeof(parent), "%.*s", slash != NULL ? (int)(slash + 1 - path) : 0, path);
	int fd = look(parent, 0, 0);
	if (fd >= 0 && proc_is(fd) && place_of(fd, &at) == 0 && lists_descriptors(&at) && at.pid != own)
		synced |= sync_descriptors(files, at.pid) == 0;
	if (fd >= 0)
		close(fd);
	return synced;
}

/* What path is to the caller: an O_PATH descriptor in the copy; where it is in /proc, at says what it is,
 * else at->name is NULL. */
static int find_name(const char *path, uint64_t flags, uint64_t resolve, struct proc_place *at)
{
	const struct mch_proc *proc = mch_proc();
	int r = refresh(proc->files);

	at->name = NULL;
	if (r == 0)
		r = set_self(proc->files);
	if (r < 0)
		return r;
	int fd = look(path, flags, resolve);
	if (fd == -ENOENT && sync_for(proc->files, path))
		fd = look(path, flags, resolve);
	if (fd < 0 || !proc_is(fd))
		return fd;
	r = place_of(fd, at);
	if (r == 0 && lists_descriptors(at))
		r = sync_descriptors(proc->files, at->pid);
	if (r == 0)
		return check_link(fd, at);
	close(fd);
	return r;
}

/* ---- Opening what was found ---- */

/* The file that fd, an O_PATH descriptor, is of; fd is closed. */
static int open_again(int fd, uint64_t flags, uint64_t mode)
{
	char name[16];
	struct stat st;
	int directory = own_fd_name(fd, name, sizeof(name)), again = -1;

	if (fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
		errno = ELOOP;
	else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		errno = EEXIST;
	else
		again = openat(directory, name,
			       (int)(flags & ~(uint64_t)(O_CREAT | O_NOFOLLOW)) | O_CLOEXEC | O_NOCTTY, mode);
	int r = again < 0 ? -errno : again;
	close(fd);
	return r;
}

/* The same file as the process's own root has it: the copy's mounts are not those of the tree, and a path
 * that starts there is not to see /proc but by way of this file. */
static int open_outside(int fd)
{
	char path[PATH_BYTES];
	struct stat st, other;

	if (fstat(fd, &st) < 0 || path_of(fd, path, sizeof(path)) < 0)
		return fd;
	int again = open_below(-1, path, O_PATH | O_NOFOLLOW, 0, 0);
	if (again < 0)
		return fd;
	bool same = fstat(again, &other) == 0 && other.st_dev == st.st_dev && other.st_ino == st.st_ino;
	close(same ? fd : again);
	return same ? again : fd;
}

/* The text of a file, in one of its own that is open for reading. */
static int open_text(const struct proc_place *at)
{
	char name[16], *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (out == NULL)
		return -ENOMEM;
	int r = proc_write(out, at);
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	int fd = r < 0 ? r : openat(mch_proc()->files, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0444);
	if (fd == -1)
		fd = -errno;
	for (size_t done = 0; fd >= 0 && done < n;) {
		ssize_t written = write(fd, text + done, n - done);

		if (written <= 0) {
			close(fd);
			fd = -ENOMEM;
			break;
		}
		done += (size_t)written;
	}
	free(text);
	if (fd < 0)
		return fd;
	int directory = own_fd_name(fd, name, sizeof(name));
	r = openat(directory, name, O_RDONLY | O_CLOEXEC);
	r = r < 0 ? -errno : r;
	close(fd);
	return r;
}

/* Under the lock: opens a file of /proc. */
static int open_file(const struct proc_place *at, uint64_t flags, int *own)
{
	int number = number_in(at, ".fd");

	if (number >= 0) {
		if (own == NULL || !is_own(at))
			return -EACCES;
		*own = number;
		return -ENODATA;
	}
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((flags & O_DIRECTORY) != 0)
		return -ENOTDIR;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0)
		return -EACCES;
	return open_text(at);
}

/* What the caller's descriptor is open on, in place of fd, which stands for it; an inherited one may be
 * the user's own, which nothing may be done to by name. */
static int open_held(int fd, int number)
{
	int held = mch_caller_file(number);

	if (held >= 0 && mch_tree_find(held, 0) != 1) {
		close(held);
		return fd;
	}
	close(fd);
	return held == -EBADF ? -ENOENT : held;
}

/* A new file in a directory that is only reached by way of /proc. */
static int create(char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct proc_place at;
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash[1] == '\0')
		return slash == NULL ? -ENOENT : -EISDIR;
	pthread_mutex_lock(&lock);
	char last = slash[1];
	slash[1] = '\0';
	int parent = find_name(path, O_DIRECTORY, resolve, &at);
	slash[1] = last;
	pthread_mutex_unlock(&lock);
	if (parent < 0)
		return parent;
	if (at.name == NULL)
		parent = open_outside(parent);
	int fd = at.name != NULL ? -ENOENT : open_below(parent, slash + 1, flags, mode, resolve);
	close(parent);
	return fd;
}

int proc_open(int start, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve, int *own)
{
	char full[2 * PATH_BYTES];
	struct proc_place at;
	struct stat st;

	if ((resolve & ~(uint64_t)(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)) != 0)
		return -EXDEV; /* a lookup that is to stay below its start */
	int r = absolute(start, path, full, sizeof(full));
	if (r < 0)
		return r;
	pthread_mutex_lock(&lock);
	int fd = find_name(full, flags, resolve, &at);
	bool in_proc = fd >= 0 && at.name != NULL;
	bool is_file = in_proc && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	int number = is_file && is_own(&at) ? number_in(&at, ".fd") : -1;
	if (is_file && ((flags & O_PATH) == 0 || (own != NULL && number >= 0))) {
		close(fd);
		fd = open_file(&at, flags, own);
		pthread_mutex_unlock(&lock);
		return fd;
	}
	pthread_mutex_unlock(&lock);
	if (fd == -ENOENT && (flags & O_CREAT) != 0)
		return create(full, flags, mode, resolve);
	if (fd < 0)
		return fd;
	if (!in_proc)
		fd = open_outside(fd);
	if (number >= 0)
		return open_held(fd, number);
	return (flags & O_PATH) != 0 ? fd : open_again(fd, flags, mode);
}

/* ---- Links ---- */

bool proc_names(const char *path)
{
	int fd = look(path, O_NOFOLLOW, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Where a descriptor of the process leads to. What the world has no name for may have one outside. */
static long descriptor_text(const struct proc_place *at, int number, char *text, size_t size)
{
	static const char memfd[] = "/memfd:";
	const struct proc_place process = { .pid = at->pid };
	char name[32];

	snprintf(name, sizeof(name), "fd/%d", number);
	pthread_mutex_lock(&lock);
	long n = proc_ask(&process, name, text, size - 1);
	if (n >= 0) {
		text[n] = '\0';
		if (text[0] == '/' && strncmp(text, memfd, sizeof(memfd) - 1) != 0 && !proc_names(text))
			n = snprintf(text, size, "file:[%d]", number);
	}
	pthread_mutex_unlock(&lock);
	return n;
}

long proc_readlink(int fd, char *to, size_t size)
{
	struct proc_place at;
	int r = proc_is(fd) ? place_of(fd, &at) : -ENODATA;
	int number = r == 0 ? number_in(&at, "fd") : -1;

	return number < 0 ? -ENODATA : descriptor_text(&at, number, to, size);
}

/* Every start of a static glibc program asks: nothing is made in the tmpfs for it. */
long proc_readlink_exe(const char *path, char *to, size_t size)
{
	if (mch_proc() == NULL || strcmp(path, "/proc/self/exe") != 0)
		return -ENODATA;
	int fd = open_below(-1, "/proc", O_PATH | O_NOFOLLOW, 0, 0);
	bool is_proc = fd >= 0 && device_of(fd) == mch_proc()->empty_dev;
	if (fd >= 0)
		close(fd);
	if (!is_proc)
		return -ENODATA;
	const struct mch_caller *caller = mch_caller();
	long n = mch_process(caller->pid, caller->tid, "exe", to, size);
	return n > 0 ? n : -ENODATA;
}
