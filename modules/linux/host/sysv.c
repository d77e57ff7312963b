/* SPDX-License-Identifier: MIT
 * System V's shared memory, the host half: the world's segments, each a memory file that guests map. Nobody
 * keeps account of who has attached one, over fork, exec and exits: the kernel knows. A mapping tells its
 * segment, by the file's name, and where it was attached, by its offset; and whether anybody has the file at
 * all, a lease on it tells. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <microcosm-host.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "../sysv.h"
#include "names.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define SEGMENTS_MAX 4096 /* as Linux's SHMMNI. Of an id it is the index, and how many there were before, times this */
#define SIZE_LIMIT (ULONG_MAX - (1ul << 24)) /* as Linux's SHMMAX: more is no size */
#define PAGE 4096u
#define MODE 0777
#define FILE_NAME "sysv-%d" /* with the id */
#define MAPPING_NAME "/memfd:sysv-"

struct segment {
	uint64_t size; /* 0: there is none */
	uint64_t dev, ino;
	int id, fd; /* for reading, as all that this process keeps open of it */
	uint32_t key;
	uint32_t uid, gid, maker_uid, maker_gid; /* as guests see them */
	unsigned mode; /* with SHM_DEST: it has no key any more, and goes when nobody has it */
	int32_t maker_pid, last_pid;
	int64_t attached, detached, changed; /* when, in seconds */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static struct segment segments[SEGMENTS_MAX];
static unsigned n_segments, n_removed; /* the latter are among the former */
static uint64_t all_pages;
static int n_made; /* ever, modulo what an id has room for */

static uint64_t pages_of(uint64_t size)
{
	return size / PAGE + (size % PAGE != 0);
}

/* ---- Mappings, as the kernel's /proc has them ---- */

struct mapping {
	uint64_t from, to, offset, dev, ino;
	int id;
};

/* False for a mapping of something else. Others may bear such names, so that the id may be nobody's. */
static bool mapping_parse(const char *line, struct mapping *to)
{
	unsigned major, minor;
	int path = 0;

	if (strstr(line, MAPPING_NAME) == NULL ||
	    sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %x:%x %" SCNu64 " %n", &to->from, &to->to, &to->offset,
		   &major, &minor, &to->ino, &path) != 6 ||
	    strncmp(line + path, MAPPING_NAME, sizeof(MAPPING_NAME) - 1) != 0)
		return false;
	unsigned long id = strtoul(line + path + sizeof(MAPPING_NAME) - 1, NULL, 10);
	to->dev = makedev(major, minor);
	to->id = id <= INT_MAX ? (int)id : -1;
	return true;
}

static bool mapping_is(const struct mapping *mapping, const struct segment *segment)
{
	return mapping->dev == segment->dev && mapping->ino == segment->ino;
}

/* All mappings of a thread's process; NULL where it has none any more. */
static FILE *mappings_open(int32_t pid, int32_t tid)
{
	long fd = mch_process(pid, tid, "task/maps", NULL, 0);
	FILE *file = fd < 0 ? NULL : fdopen((int)fd, "r");

	if (fd >= 0 && file == NULL)
		close((int)fd);
	return file;
}

/* Adds how often the process has attached the segment; false for a thread that has left its memory. */
static bool count_process(const struct mch_thread *thread, const struct segment *segment, uint64_t *n)
{
	FILE *file = mappings_open(thread->pid, thread->tid);
	struct mapping mapping;
	char *line = NULL;
	size_t size = 0;
	bool any = false;

	for (; file != NULL && getline(&line, &size, file) > 0; any = true)
		if (mapping_parse(line, &mapping) && mapping_is(&mapping, segment))
			++*n;
	free(line);
	if (file != NULL)
		fclose(file);
	return any;
}

static int compare(const void *a, const void *b)
{
	const struct mch_thread *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* How often the world's processes have attached it: a child counts when it begins to run. */
static uint64_t count(const struct segment *segment)
{
	struct mch_thread *threads = malloc(MCH_THREADS_MAX * sizeof(*threads));
	size_t n_threads = threads != NULL ? mch_threads(threads, MCH_THREADS_MAX) : 0;
	uint64_t n = 0;
	int32_t done = 0;

	if (n_threads > 0)
		qsort(threads, n_threads, sizeof(*threads), compare);
	for (size_t i = 0; i < n_threads; i++)
		if (threads[i].pid != done && count_process(&threads[i], segment, &n))
			done = threads[i].pid;
	free(threads);
	return n;
}

/* ---- Segments: under the lock ---- */

static struct segment *find(int id)
{
	struct segment *segment = id >= 0 ? &segments[id % SEGMENTS_MAX] : NULL;

	return segment != NULL && segment->size > 0 && segment->id == id ? segment : NULL;
}

static struct segment *find_key(uint32_t key)
{
	for (size_t i = 0; i < SEGMENTS_MAX; i++)
		if (segments[i].size > 0 && (segments[i].mode & SHM_DEST) == 0 && segments[i].key == key)
			return &segments[i];
	return NULL;
}

static void drop(struct segment *segment)
{
	close(segment->fd);
	all_pages -= pages_of(segment->size);
	n_segments--;
	n_removed -= (segment->mode & SHM_DEST) != 0;
	segment->size = 0;
}

/* Somebody has the memory: a mapping of it, or a descriptor that is to become one. The kernel leases a file to
 * who alone has it open. */
static bool is_held(const struct segment *segment)
{
	if (fcntl(segment->fd, F_SETLEASE, F_WRLCK) == 0) {
		fcntl(segment->fd, F_SETLEASE, F_UNLCK);
		return false;
	}
	return errno == EAGAIN || count(segment) > 0; /* there may be no leases */
}

/* What was removed goes when somebody comes by, and nobody has it any more. */
static void enter(void)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < SEGMENTS_MAX && n_removed > 0; i++)
		if (segments[i].size > 0 && (segments[i].mode & SHM_DEST) != 0 && !is_held(&segments[i]))
			drop(&segments[i]);
}

static void leave(void)
{
	pthread_mutex_unlock(&lock);
}

/* All are their maker's, and so are all processes. */
static bool may(const struct segment *segment, unsigned wanted)
{
	return (wanted & 7 & ~(segment->mode >> 6)) == 0;
}

/* ---- Making one ---- */

/* The machine's memory; each may be as large, and all of them. */
static uint64_t pages_max(void)
{
	struct sysinfo info;
	uint64_t units, bytes;

	if (sysinfo(&info) < 0 || __builtin_add_overflow(info.totalram, info.totalswap, &units) ||
	    __builtin_mul_overflow(units, info.mem_unit, &bytes))
		return 0;
	return bytes / PAGE;
}

/* Each is a descriptor of this process's, which needs others. */
static unsigned segments_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	return limit.rlim_cur / 4 < SEGMENTS_MAX ? (unsigned)(limit.rlim_cur / 4) : SEGMENTS_MAX;
}

/* The file once more, as a lease tells it from others. */
static int open_file(int fd, int flags)
{
	char name[16];
	int directory = own_fd_name(fd, name, sizeof(name));
	int again = openat(directory, name, flags | O_CLOEXEC);

	return again < 0 ? -errno : again;
}

/* A file of that size for ever. */
static int make_file(int id, uint64_t size)
{
	char name[32];

	snprintf(name, sizeof(name), FILE_NAME, id);
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int r = ftruncate(fd, (off_t)size) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ? -errno : open_file(fd, O_RDONLY);
	close(fd);
	return r;
}

static int make_errno(int error)
{
	return error == -EMFILE || error == -ENFILE ? -ENOSPC : error == -EFBIG ? -ENOMEM : error;
}

/* A new segment without a key and an owner; NULL, and *error. */
static struct segment *make(uint64_t size, int flags, int *error)
{
	uint64_t max = pages_max(), pages = pages_of(size);
	struct segment *segment = segments;
	struct stat st;

	*error = size == 0 || size > SIZE_LIMIT ? -EINVAL
		 : (flags & SHM_HUGETLB) != 0   ? -EPERM
		 : pages > max                  ? -ENOMEM
		 : n_segments >= segments_max() || (max < all_pages || pages > max - all_pages) ? -ENOSPC : 0;
	if (*error != 0)
		return NULL;
	while (segment->size > 0)
		segment++;
	int id = n_made * SEGMENTS_MAX + (int)(segment - segments);
	int fd = make_file(id, size);
	if (fd < 0 || fstat(fd, &st) < 0) {
		*error = fd < 0 ? make_errno(fd) : -errno;
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	*segment = (struct segment){ .size = size, .dev = st.st_dev, .ino = st.st_ino, .id = id, .fd = fd };
	n_made = (n_made + 1) % (INT_MAX / SEGMENTS_MAX);
	n_segments++;
	all_pages += pages;
	return segment;
}

static long make_for(uint32_t key, uint64_t size, int flags, uint32_t uid, uint32_t gid)
{
	int error;
	struct segment *segment = make(size, flags, &error);

	if (segment == NULL)
		return error;
	segment->key = key;
	segment->mode = (unsigned)flags & MODE;
	segment->uid = segment->maker_uid = uid;
	segment->gid = segment->maker_gid = gid;
	segment->maker_pid = mch_caller()->pid;
	segment->changed = time(NULL);
	return segment->id;
}

/* ---- Gates ---- */

long sysv_get(uint32_t key, uint64_t size, int flags, unsigned wanted, uint32_t uid, uint32_t gid)
{
	long r;

	enter();
	const struct segment *segment = key == IPC_PRIVATE ? NULL : find_key(key);
	if (segment == NULL)
		r = key != IPC_PRIVATE && (flags & IPC_CREAT) == 0 ? -ENOENT : make_for(key, size, flags, uid, gid);
	else if ((flags & IPC_CREAT) != 0 && (flags & IPC_EXCL) != 0)
		r = -EEXIST;
	else
		r = size > segment->size ? -EINVAL : !may(segment, wanted) ? -EACCES : segment->id;
	leave();
	return r;
}

long sysv_attach(int id, unsigned wanted, int read_only, uint64_t *size)
{
	uint64_t bytes = 0;
	long r = -EINVAL;

	enter();
	struct segment *segment = find(id);
	if (segment != NULL && !may(segment, wanted))
		r = -EACCES;
	else if (segment != NULL)
		r = open_file(segment->fd, read_only ? O_RDONLY : O_RDWR);
	if (r >= 0) {
		bytes = segment->size;
		segment->attached = time(NULL);
		segment->last_pid = mch_caller()->pid;
	}
	leave();
	if (r < 0)
		return r;
	int fd = (int)r;
	r = mch_store(size, &bytes, sizeof(bytes));
	if (r == 0)
		r = mch_give_fd(fd, O_CLOEXEC);
	if (r < 0)
		close(fd);
	return r;
}

/* A mapping that lies as far from the address as its part of the file from the beginning. */
static bool was_attached(const struct mapping *mapping, uint64_t address, const struct sysv_piece *after)
{
	return mapping->from >= address && mapping->from - address == mapping->offset && mapping->from >= after->end &&
	       (after->file == 0 || mapping->ino == after->file);
}

static bool next_piece(uint64_t address, const struct sysv_piece *after, struct mapping *mapping)
{
	FILE *file = mappings_open(mch_caller()->pid, mch_caller()->tid);
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (file != NULL && !found && getline(&line, &size, file) > 0)
		found = mapping_parse(line, mapping) && was_attached(mapping, address, after);
	free(line);
	if (file != NULL)
		fclose(file);
	return found;
}

long sysv_detach(uint64_t address, struct sysv_piece *shared)
{
	struct sysv_piece after;
	struct mapping mapping;
	long r = mch_fetch(&after, shared, sizeof(after));

	if (r < 0)
		return r;
	bool found = next_piece(address, &after, &mapping);
	enter(); /* and what was detached last may go */
	struct segment *segment = found ? find(mapping.id) : NULL;
	if (segment != NULL && mapping_is(&mapping, segment)) {
		segment->detached = time(NULL);
		segment->last_pid = mch_caller()->pid;
	}
	leave();
	if (!found)
		return -EINVAL;
	return mch_store(shared, &(struct sysv_piece){ mapping.from, mapping.to, mapping.ino }, sizeof(*shared));
}

long sysv_stat(int id, int by_index, unsigned wanted, struct sysv_status *to)
{
	struct segment copy = { 0 };

	enter();
	const struct segment *segment = !by_index ? find(id)
					: id >= 0 && id < SEGMENTS_MAX && segments[id].size > 0 ? &segments[id] : NULL;
	if (segment != NULL)
		copy = *segment;
	leave();
	if (copy.size == 0)
		return -EINVAL;
	if (!may(&copy, wanted))
		return -EACCES;
	const struct shmid_ds status = {
		.shm_perm = { .__key = (key_t)copy.key, .uid = copy.uid, .gid = copy.gid, .cuid = copy.maker_uid,
			      .cgid = copy.maker_gid, .mode = (unsigned short)copy.mode,
			      .__seq = (unsigned short)(copy.id / SEGMENTS_MAX) },
		.shm_segsz = copy.size,
		.shm_atime = copy.attached,
		.shm_dtime = copy.detached,
		.shm_ctime = copy.changed,
		.shm_cpid = copy.maker_pid,
		.shm_lpid = copy.last_pid,
		.shm_nattch = count(&copy),
	};
	long r = mch_store(to, &status, sizeof(status));
	return r < 0 ? r : copy.id;
}

long sysv_set(int id, unsigned mode, uint32_t uid, uint32_t gid)
{
	enter();
	struct segment *segment = find(id);
	if (segment != NULL) {
		segment->mode = (segment->mode & ~(unsigned)MODE) | (mode & MODE);
		segment->uid = uid;
		segment->gid = gid;
		segment->changed = time(NULL);
	}
	leave();
	return segment != NULL ? 0 : -EINVAL;
}

long sysv_remove(int id)
{
	enter();
	struct segment *segment = find(id);
	bool found = segment != NULL;
	if (found && (segment->mode & SHM_DEST) == 0) {
		segment->mode |= SHM_DEST;
		segment->key = IPC_PRIVATE;
		n_removed++;
		if (!is_held(segment))
			drop(segment);
	}
	leave();
	return found ? 0 : -EINVAL;
}

long sysv_check(int id)
{
	enter();
	bool found = find(id) != NULL;
	leave();
	return found ? 0 : -EINVAL;
}

/* Under the lock. */
static long last_index(void)
{
	long last = SEGMENTS_MAX - 1;

	while (last > 0 && segments[last].size == 0)
		last--;
	return last;
}

long sysv_limits(void *to)
{
	unsigned max = segments_max();
	const struct shminfo info = { .shmmax = SIZE_LIMIT, .shmmin = 1, .shmmni = max, .shmseg = max, .shmall = pages_max() };

	enter();
	long last = last_index();
	leave();
	long r = mch_store(to, &info, sizeof(info));
	return r < 0 ? r : last;
}

long sysv_usage(void *to)
{
	struct shm_info info = { 0 };
	struct stat st;

	enter();
	long last = last_index();
	info.used_ids = (int)n_segments;
	info.shm_tot = all_pages;
	for (size_t i = 0; i < SEGMENTS_MAX; i++)
		if (segments[i].size > 0 && fstat(segments[i].fd, &st) == 0)
			info.shm_rss += (unsigned long)st.st_blocks / (PAGE / 512);
	leave();
	long r = mch_store(to, &info, sizeof(info));
	return r < 0 ? r : last;
}
