// SPDX-License-Identifier: MIT
// Fuzz target: a guest's gate calls to the linux module's host half, with memory that changes while it is read. The
// host process around it is made up below; the files are an empty tree of our own, which needs namespaces
// or root: exit status 77 without. Each argument is a file with calls. With libFuzzer, for which FUZZ_OUT names
// a directory that is /out in the tree:
//   clang -fsanitize=fuzzer,address,undefined -DFUZZ_LIBFUZZER -D_GNU_SOURCE -Iguest-rt/include
//     tests/fuzz/fuzz_gates.c modules/linux/host/{exec,names,proc,proc_text,sockets,sysv,xattr}.c -o fuzz_gates -lpthread
//   FUZZ_OUT=DIR ./fuzz_gates -artifact_prefix=/out/ /out
#include <microcosm.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

/* Its state is looked at. */
#include "../../modules/linux/host/directories.c"
#include "../../modules/linux/sysv.h"

#define INPUT_MAX 65536
#define REGION 0x567000000000u /* never mapped: who follows a pointer without mch_fetch is caught */
#define REGION_SIZE 0x40000u
#define WRITABLE 0x20000u      /* from here on */
#define FDS_MAX 600 /* few, so that directories are dropped and found again */
#define CALLS_MAX 64
#define BLOCKED_US 20000       /* a call that waits is interrupted, as a signal would */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static unsigned char memory[REGION_SIZE];
static uint64_t word;
static int files[4]; /* what the guest holds: a directory, a file, a pipe, something outside */
static int base_fds;

/* ---- The input ---- */

static const unsigned char *input;
static size_t left;

static uint64_t take(unsigned n_bytes)
{
	uint64_t value = 0;

	for (; n_bytes > 0 && left > 0; n_bytes--, left--)
		value = value << 8 | *input++;
	return value;
}

/* ---- <microcosm-host.h> ---- */

static bool within(const void *shared, size_t n, uint64_t low)
{
	uint64_t at = (uintptr_t)shared;

	return at >= REGION + low && at <= REGION + REGION_SIZE && n <= REGION + REGION_SIZE - at;
}

bool mch_in_region(const void *shared, size_t n)
{
	return within(shared, n, 0);
}

static uint32_t world_flags;

uint32_t mch_flags(void)
{
	return world_flags;
}

/* What was read is something else the next time. */
static void change(uint64_t at, size_t n)
{
	for (size_t i = 0; i < n && i < 24; i++)
		memory[at + i] ^= 0x55;
}

long mch_fetch(void *to, const void *shared, size_t n)
{
	if (!within(shared, n, 0))
		return -EFAULT;
	uint64_t at = (uintptr_t)shared - REGION;
	memcpy(to, memory + at, n);
	change(at, n);
	return 0;
}

long mch_store(void *shared, const void *from, size_t n)
{
	if (!within(shared, n, WRITABLE))
		return -EFAULT;
	memcpy(memory + ((uintptr_t)shared - REGION), from, n);
	return 0;
}

static int given = -1;

long mch_give_fd(int fd, int flags)
{
	if ((flags & ~O_CLOEXEC) != 0)
		abort();
	if (given >= 0)
		close(given);
	given = fd;
	return 0;
}

int mch_caller_file(int fd)
{
	int copy = fd >= 0 && fd < 4 ? fcntl(files[fd], F_DUPFD_CLOEXEC, 0) : -1;

	return copy < 0 ? -EBADF : copy;
}

/* Of the tree, and a socket's. */
long mch_local(int fd)
{
	struct stat st, outside;

	if (fstat(fd, &st) < 0 || fstat(files[3], &outside) < 0 || !S_ISSOCK(st.st_mode) || st.st_dev == outside.st_dev)
		abort();
	return 0;
}

static bool confined;

bool mch_tree_confines(void)
{
	return confined;
}

int mch_tree_find(int fd, unsigned long limit)
{
	struct stat st, outside;

	(void)limit;
	return fstat(fd, &st) == 0 && fstat(files[3], &outside) == 0 && st.st_dev != outside.st_dev ? 1 : -ENOENT;
}

int mch_tree_open(const struct mch_place *start, const char *path, const struct open_how *how, uint32_t *part)
{
	struct open_how asked = *how;

	*part = 0;
	asked.flags |= O_CLOEXEC | ((how->flags & O_PATH) != 0 ? 0 : O_NOCTTY);
	asked.resolve |= RESOLVE_NO_MAGICLINKS;
	long fd = syscall(SYS_openat2, start != NULL ? start->fd : AT_FDCWD, path, &asked, sizeof(asked));
	return fd < 0 ? -errno : (int)fd;
}

unsigned long mch_tree_limits(uint32_t part)
{
	if (part != 0)
		abort();
	return 0;
}

bool mch_tree_covers(const struct mch_place *directory, const char *name)
{
	return directory->fd < 0 || strchr(name, '/') != NULL;
}

long mch_tree_path(const struct mch_place *place, char *to, size_t size)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", place->fd);
	ssize_t n = readlinkat(own_fds, name, to, size - 1);
	if (n < 0)
		return -errno;
	to[n] = '\0';
	return to[0] == '/' && strstr(to, " (deleted)") == NULL ? n : -ENOENT;
}

long mch_exec(int file, const char *path, int (*open_other)(void *, const char *), void *context, struct mch_words *words)
{
	char first[256];
	ssize_t n = pread(file, first, sizeof(first) - 1, 0);

	memset(words, 0, sizeof(*words));
	if (n <= 0 || strlen(path) >= PATH_BYTES)
		return -ENOEXEC;
	first[n] = '\0';
	int fd = open_other(context, first);
	if (fd < 0)
		return fd;
	close(fd);
	words->n = 1;
	words->used = (uint32_t)n;
	memcpy(words->text, first, (size_t)n);
	return mch_give_fd(fcntl(file, F_DUPFD_CLOEXEC, 0), O_CLOEXEC);
}

uint64_t mch_word(void)
{
	return word;
}

void mch_set_word(uint64_t value)
{
	word = value;
}

bool mch_any_word(bool (*is)(uint64_t, void *), void *context)
{
	return word != 0 && is(word, context);
}

static int tree = 2; /* 0: none, 1: with /proc, 2: without */

int mch_tree(void)
{
	return tree != 0 ? 2 : 0;
}

const char *mch_tree_cwd(void)
{
	return "/d";
}

/* Reads what it is given, as the real one does. */
void mch_learn(int start, const char *path, bool follow, enum mch_learn what)
{
	(void)follow;
	if (start < -1 || strlen(path) >= 2 * PATH_BYTES || (unsigned)what > MCH_LEARN_WRITE)
		abort();
}

/* ---- Its /proc: some threads, of which the input says what the kernel would ---- */

static struct mch_proc proc = { .root = -1, .files = -1 };
static const struct mch_caller caller = { .thread = 1, .process = 1, .pid = 10, .tid = 11 };
static uint64_t n_changes;
static unsigned present; /* of `threads`, a bit for each */
static const struct mch_thread threads[] = { { .pid = 10, .tid = 10 }, { .pid = 10, .tid = 11 }, { .pid = 20, .tid = 20 },
					     { .pid = 20, .tid = 21 }, { .pid = 30, .tid = 30 } };
#define THREADS (sizeof(threads) / sizeof(*threads))

const struct mch_caller *mch_caller(void)
{
	return &caller;
}

const struct mch_proc *mch_proc(void)
{
	return tree == 2 && proc.root >= 0 ? NULL : &proc;
}

const struct mch_mount *mch_tree_mounts(size_t *n)
{
	static const struct mch_mount mounts[] = { { "/", "tmpfs", false }, { "/a b\\", "bind", true }, { "/proc", "proc", true } };

	*n = 3;
	return mounts;
}

uint64_t mch_threads_changes(void)
{
	return n_changes;
}

size_t mch_threads(struct mch_thread *to, size_t n_max)
{
	size_t n = 0;

	for (size_t i = THREADS; i-- > 0;)
		if ((present >> i & 1) != 0 && n < n_max) {
			to[n] = threads[i];
			to[n].program = present >> 5;
			to[n++].word = i == 4 ? word : 0;
		}
	return n;
}

static long change_threads(void)
{
	present = (unsigned)take(1);
	n_changes++;
	return 0;
}

static int file_of(const char *text, size_t n)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, text, n, 0) != (ssize_t)n)
		abort();
	return fd;
}

/* Text that a guest chose: its name, its arguments, its mappings' paths. */
static size_t chosen(char *to, size_t n_max)
{
	size_t n = (size_t)take(1);

	n = n < n_max ? n : n_max;
	for (size_t i = 0; i < n; i++)
		to[i] = (char)take(1);
	return n;
}

long mch_process(int32_t pid, int32_t tid, const char *name, char *text, size_t size)
{
	static const char maps[] = "7e00-7f00 r-xp 0 0:1 5 /d/g\n7f00-8000 rw-p 0 0:0 0 /memfd:microcosm (deleted)\n"
				   "8000-9000 rw-s 0 0:1 7 /memfd:sysv-0 (deleted)\n9000-a000 r--s 1000 0:1 7 /memfd:sysv-0 (deleted)\n";
	static const char *const opened[] = { "stat", "status", "statm", "cmdline", "comm", "maps", "environ", "limits" };
	static const char *const plain[] = { "30 (x) y) t 20 10 10 34816 99 0 1", "Name:\tx\nState:\tt (tracing stop)\nPPid:\t20\nNSpid:\t1\n",
					     "1 2 3", "a\0b", "x", maps,
					     "A=b", "Limit\n" };
	static const char fdinfo[] = "pos:\t0\nflags:\t02\nmnt_id:\t9\n";
	char own[300];

	(void)pid, (void)tid;
	if (strncmp(name, "task/", 5) == 0)
		name += 5;
	for (size_t i = 0; i < 8; i++)
		if (strcmp(name, opened[i]) == 0)
			return take(1) % 2 == 0 ? file_of(plain[i], strlen(plain[i])) : file_of(own, chosen(own, sizeof(own)));
	if (strncmp(name, "fdinfo/", 7) == 0)
		return file_of(fdinfo, strlen(fdinfo));
	if (strcmp(name, "fd") == 0)
		return size < 8 ? -EINVAL : (long)strlen(strcpy(text, "0 1 3 "));
	if (strcmp(name, "exe") == 0 || strncmp(name, "fd/", 3) == 0) {
		size_t n = take(1) % 2 == 0 ? (size_t)snprintf(own, sizeof(own), "/d/g") : chosen(own, sizeof(own));
		n = n < size ? n : size;
		memcpy(text, own, n);
		return (long)n;
	}
	if (strcmp(name, "state") == 0 && size > 0)
		return text[0] = 'T', 1;
	return -ENOENT;
}

/* ---- Arguments ---- */

/* Most lie where they should, one after the other. */
static uint64_t next_address;

static void *address(size_t n)
{
	unsigned kind = (unsigned)take(1);
	uint64_t at = next_address;

	if (kind >= 250)
		return (void *)(uintptr_t)(take(1) << 56 | take(8)); /* anywhere */
	if (kind >= 240)
		at = REGION_SIZE - take(2); /* over the end */
	else if (kind >= 230)
		at = WRITABLE - take(2); /* where it may not be written */
	else
		next_address += (n + 15) & ~15u;
	if (next_address > REGION_SIZE - 0x4000)
		next_address = WRITABLE;
	return (void *)(uintptr_t)(REGION + at);
}

static void put(const void *shared, const void *from, size_t n)
{
	if (within(shared, n, 0))
		memcpy(memory + ((uintptr_t)shared - REGION), from, n);
}

static void make_at(struct names_at *at)
{
	unsigned kind = (unsigned)take(1);
	uint32_t len = (uint32_t)take(1);

	memset(at, 0, sizeof(*at));
	if (kind % 4 == 1 && n_directories > 0) { /* a directory that it has */
		const struct directory *had = &directories[take(1) % n_directories];
		at->dev = had->dev;
		at->ino = had->ino;
	} else if (kind % 4 == 2) {
		at->dev = take(4);
		at->ino = take(4);
	}
	if (kind >= 248)
		len = (uint32_t)take(2);
	for (uint32_t i = 0; i < len && i < NAMES_PATH_MAX && left > 0; i++)
		at->path[i] = (char)take(1);
	at->len = kind >= 240 ? (uint32_t)take(4) : len;
}

static const struct names_at *name(void)
{
	struct names_at at;

	make_at(&at);
	void *to = address(sizeof(at));
	put(to, &at, sizeof(at));
	return to;
}

static const struct names_xattr *attribute(void)
{
	static const char *const known[] = { "user.a", "user.b", "system.posix_acl_access", "security.capability", "trusted.x" };
	struct names_xattr of = { .fd = (int32_t)(take(1) % 8) - 3, .flags = (int32_t)take(2) };
	unsigned kind = (unsigned)take(1);

	if (kind < 200)
		strcpy(of.name, known[kind % 5]);
	else
		for (unsigned i = 0; i < sizeof(of.name) && (kind == 255 || i < kind - 200); i++)
			of.name[i] = (char)take(1);
	make_at(&of.at);
	void *to = address(sizeof(of));
	put(to, &of, sizeof(of));
	return to;
}

/* A length for a place: mostly one that fits. */
static size_t length(void)
{
	unsigned kind = (unsigned)take(1);

	return kind >= 250 ? take(8) : kind >= 128 ? take(2) : kind;
}

static int fd_number(void)
{
	return (int)(take(1) % 8) - 2;
}

static unsigned flags(void)
{
	static const unsigned known[] = { 0, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, AT_REMOVEDIR, AT_EACCESS };
	unsigned kind = (unsigned)take(1);

	return kind < 250 ? known[kind % 5] : (unsigned)take(4);
}

static uint64_t open_flags(uint64_t kind)
{
	static const unsigned known[] = { O_RDONLY, O_RDWR | O_CREAT, O_PATH, O_DIRECTORY, O_WRONLY | O_CREAT | O_EXCL, O_PATH | O_NOFOLLOW,
					  O_TMPFILE | O_RDWR, O_RDONLY | O_NONBLOCK, O_WRONLY | O_TRUNC };

	return kind < 1u << 31 ? known[kind % 9] : kind << 1;
}

/* ---- Calls ---- */

/* What a call takes, in the order that the input has it, whatever the compiler's is. */
struct arguments {
	const struct names_at *at, *other;
	const struct names_xattr *attribute;
	void *to;
	size_t size;
	uint64_t a, b;
	unsigned flags;
	int fd;
};

enum { AT = 1, OTHER = 2, ATTRIBUTE = 4, TO = 8, SIZE = 16, A = 32, B = 64, FLAGS = 128, FD = 256 };

static struct arguments arguments_take(unsigned wanted)
{
	struct arguments x = { 0 };

	if (wanted & AT)
		x.at = name();
	if (wanted & OTHER)
		x.other = name();
	if (wanted & ATTRIBUTE)
		x.attribute = attribute();
	if (wanted & FD)
		x.fd = fd_number();
	if (wanted & FLAGS)
		x.flags = flags();
	if (wanted & A)
		x.a = take(4);
	if (wanted & B)
		x.b = take(4);
	if (wanted & TO)
		x.to = take(1) % 8 == 7 ? NULL : address(8192);
	if (wanted & SIZE)
		x.size = length();
	return x;
}

static long call_names(unsigned number)
{
	static const unsigned wanted[] = {
		AT | A | B, AT | FLAGS | A | TO, AT | FLAGS | A, AT | TO | SIZE, AT | TO, AT, TO | SIZE, A, AT | A, AT | A,
		AT | FLAGS, AT | OTHER | A, AT | OTHER | FLAGS, AT | OTHER, AT | FLAGS | A, AT | FLAGS | A | B,
		AT | FLAGS | TO, AT | A | B,
	};
	struct arguments x = arguments_take(wanted[number]);

	switch (number) {
	case 0: return names_open(x.at, open_flags(x.a), x.b & 07777, x.b >> 24 > 200 ? x.b >> 16 & 63 : 0);
	case 1: return names_stat(x.at, (int)x.flags, x.to, (unsigned)x.a);
	case 2: return names_access(x.at, (int)x.a & 15, (int)x.flags);
	case 3: return names_readlink(x.at, x.to, x.size);
	case 4: return names_statfs(x.at, x.to);
	case 5: return names_chdir(x.at);
	case 6: return names_getcwd(x.to, x.size);
	case 7: return names_umask((unsigned)x.a);
	case 8: return names_mkdir(x.at, (unsigned)x.a);
	case 9: return names_mknod(x.at, (unsigned)x.a);
	case 10: return names_unlink(x.at, (int)x.flags);
	case 11: return names_rename(x.at, x.other, (unsigned)x.a & 15);
	case 12: return names_link(x.at, x.other, (int)x.flags);
	case 13: return names_symlink(x.at, x.other);
	case 14: return names_chmod(x.at, (unsigned)x.a, (int)x.flags);
	case 15: return names_chown(x.at, (unsigned)x.a, (unsigned)x.b, (int)x.flags);
	case 16: return names_utimens(x.at, x.to, (int)x.flags);
	default: return names_truncate(x.at, (int64_t)(x.a << 32 | x.b));
	}
}

/* Those that act on what the caller holds, those of attributes, and execve. */
static long call_held(unsigned number)
{
	static const unsigned wanted[] = {
		AT | FLAGS | TO, FD | AT | TO, ATTRIBUTE | TO | SIZE, ATTRIBUTE | TO | SIZE, ATTRIBUTE | TO | SIZE | A, ATTRIBUTE,
		FD | A, FD | A | B, FD | TO, FD | A | FLAGS, FD | TO | SIZE,
	};
	struct arguments x = arguments_take(wanted[number]);

	switch (number) {
	case 0: return names_exec(x.at, (int)x.flags, x.to);
	case 1: return names_exec_file(x.fd, x.at, x.to);
	case 2: return names_xattr_get(x.attribute, x.to, x.size);
	case 3: return names_xattr_list(x.attribute, x.to, x.size);
	case 4: return names_xattr_set(x.attribute, x.to, x.size, (int)x.a);
	case 5: return names_xattr_remove(x.attribute);
	case 6: return names_chmod_file(x.fd, (unsigned)x.a);
	case 7: return names_chown_file(x.fd, (unsigned)x.a, (unsigned)x.b);
	case 8: return names_utimens_file(x.fd, x.to);
	case 9: return names_access_file(x.fd, (int)x.a, (int)x.flags);
	default: return names_readlink_file(x.fd, x.to, x.size);
	}
}

/* As a guest that sends what it likes, or nothing. */
static void send_one(void)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	unsigned kind = (unsigned)take(1);
	char byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control };
	int sent[2] = { kind % 8 < 4 ? files[kind % 4] : socket(kind % 8 == 7 ? AF_INET : AF_UNIX, SOCK_STREAM, 0), files[0] };
	size_t n = kind >= 240 ? 2 : 1;

	if (names_channel() < 0 || given < 0)
		abort();
	control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
	message.msg_controllen = CMSG_SPACE(n * sizeof(int));
	memcpy(CMSG_DATA(&control.head), sent, n * sizeof(int));
	if (kind < 250 && sendmsg(given, &message, MSG_NOSIGNAL) != 1)
		abort();
	if (sent[0] != files[kind % 4])
		close(sent[0]);
	close(given);
	given = -1;
}

/* Of this protocol alone, and only with the host's network. */
static long call_netlink(void)
{
	int type = (int)take(4), domain = 0, protocol = -1;
	socklen_t len = sizeof(int);

	world_flags = (unsigned)take(1) % 2 != 0 ? MC_HEADER_NET_HOST | MC_HEADER_NET : MC_HEADER_NET;
	long r = names_netlink(type);
	if (given < 0)
		return r;
	if ((world_flags & MC_HEADER_NET_HOST) == 0 || getsockopt(given, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
	    getsockopt(given, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0 || domain != AF_NETLINK || protocol != 0)
		abort();
	return r;
}

static long call_sockets(unsigned number)
{
	struct arguments x = arguments_take(number == 2 ? A : AT | A);

	confined = x.a % 2 != 0;
	if (number > 0)
		send_one();
	return number == 0 ? names_local(x.at) : number == 1 ? names_bind(x.at) : names_listen((int)x.a);
}

static int made[8]; /* ids of segments */
static unsigned n_made;

static long call_sysv(unsigned number)
{
	static const unsigned wanted[] = { A | B | SIZE, A | B | TO, A | TO, A | B | TO, A | B, A, TO, TO };
	struct arguments x = arguments_take(wanted[number]);
	int id = x.a >> 24 < 250 ? made[x.a % 8] : (int)x.a;
	long r;

	switch (number) {
	case 0:
		r = sysv_get((uint32_t)x.a % 8, x.size, (int)x.b, (unsigned)x.b >> 16, 1, 2);
		if (r >= 0)
			made[n_made++ % 8] = (int)r;
		return r;
	case 1: return sysv_attach(id, (unsigned)x.b, x.b >> 8 & 1, x.to);
	case 2: return sysv_detach(x.a << 12, x.to);
	case 3: return sysv_stat(id, x.b >> 8 & 1, (unsigned)x.b, (struct sysv_status *)x.to);
	case 4: return sysv_set(id, (unsigned)x.b, (uint32_t)x.a, (uint32_t)x.b);
	case 5: return sysv_check(id) == 0 ? sysv_remove(id) : -EINVAL;
	case 6: return sysv_limits(x.to);
	default: return sysv_usage(x.to);
	}
}

/* As nobody has them mapped, none is left. */
static void remove_segments(void)
{
	present = 0;
	for (int i = 0; i < 4096; i++) {
		long id = sysv_stat(i, 1, 0, (struct sysv_status *)(uintptr_t)(REGION + WRITABLE));
		if (id >= 0 && sysv_remove((int)id) != 0)
			abort();
	}
}

static long call(unsigned number)
{
	if (number > 33)
		return call_sysv(number - 34);
	if (number == 27)
		return change_threads();
	if (number == 33)
		return call_netlink();
	if (number > 27 && number < 31)
		return call_sockets(number - 28);
	return number < 18 ? call_names(number) : call_held(number - (number < 27 ? 18 : 22));
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* What a guest gets is a number from 0 on, or an errno; what it asked for has lent it nothing. */
static void check(long result, unsigned number)
{
	struct stat st, outside;

	if (result < -4095)
		abort();
	if (given >= 0) {
		if (fstat(given, &st) < 0 || fstat(files[3], &outside) < 0)
			abort();
		if (number == 0 && (st.st_mode & S_IFMT) != S_IFSOCK && st.st_dev == outside.st_dev)
			abort(); /* out of the tree */
		close(given);
		given = -1;
	}
	if (fstat(files[1], &st) < 0 || (st.st_mode & (S_ISUID | S_ISGID)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct itimerval timer = { { 0, BLOCKED_US }, { 0, BLOCKED_US } };

	if (size > INPUT_MAX)
		return 0;
	input = data;
	left = size;
	next_address = WRITABLE;
	tree = (int)(take(1) % 3);
	present = 31;
	n_changes++;
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < CALLS_MAX && left > 0; i++) {
		unsigned number = (unsigned)take(1) % 42;
		check(call(number), number);
	}
	timer = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &timer, NULL);
	remove_segments();
	if (count_fds() != base_fds + (int)n_open)
		abort(); /* a descriptor is left */
	return 0;
}

/* ---- The tree ---- */

static void on_alarm(int number)
{
	(void)number;
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(77);
}

static void put_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	need(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0, path);
}

static void enter_namespaces(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	need(unshare(CLONE_NEWNS | (uid == 0 ? 0 : CLONE_NEWUSER)) == 0, "no mount namespace");
	if (uid == 0)
		return;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	put_text("/proc/self/uid_map", map);
	put_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	put_text("/proc/self/gid_map", map);
}

static uint64_t device_at(const char *path)
{
	struct stat st;

	need(stat(path, &st) == 0, path);
	return st.st_dev;
}

/* As <microcosm-host.h> says: in a copy of the tree, and an empty directory in its place. */
static void mount_proc(void)
{
	need(mkdir("/tmp/proc", 0755) == 0 && mount("proc", "/tmp/proc", "tmpfs", 0, "size=4m,mode=755") == 0, "no tmpfs");
	proc.files = open("/tmp/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	proc.dev = device_at("/tmp/proc");
	proc.root = (int)syscall(SYS_open_tree, AT_FDCWD, "/tmp", OPEN_TREE_CLONE | O_CLOEXEC | AT_RECURSIVE);
	need(proc.files >= 0 && proc.root >= 0, "no copy of the tree");
	need(mount("empty", "/tmp/proc", "tmpfs", MS_RDONLY, "mode=755") == 0, "no tmpfs");
	proc.empty_dev = device_at("/tmp/proc");
}

/* A root of its own, in memory, of a bounded size and without devices. */
static void enter_tree(void)
{
	const char *out = getenv("FUZZ_OUT");
	char out_fd[40];

	enter_namespaces();
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "cannot make mounts private");
	/* It may lie where the tree will be. */
	snprintf(out_fd, sizeof(out_fd), "/proc/self/fd/%d", out != NULL ? open(out, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1);
	need(mount("tree", "/tmp", "tmpfs", MS_NODEV | MS_NOSUID, "size=16m,nr_inodes=4k,mode=755") == 0, "no tmpfs");
	if (out != NULL)
		need(mkdir("/tmp/out", 0700) == 0 && mount(out_fd, "/tmp/out", NULL, MS_BIND, NULL) == 0, out);
	mount_proc();
	need(chroot("/tmp") == 0 && chdir("/") == 0, "chroot");
}

static void fill_tree(void)
{
	struct statx seen;
	int pair[2];

	umask(0);
	need(mkdir("/d", 0755) == 0 && mkdir("/d/e", 0700) == 0, "mkdir");
	put_text("/f", "/d/g");
	put_text("/d/g", "text");
	need(chmod("/d/g", 0755) == 0 && chmod("/f", 0755) == 0, "chmod");
	need(symlink("f", "/l") == 0 && symlink("/d", "/d/m") == 0 && symlink("x", "/d/x") == 0, "symlink");
	need(pipe2(pair, O_CLOEXEC) == 0, "pipe");
	files[0] = open("/d", O_RDONLY | O_CLOEXEC);
	files[1] = open("/f", O_RDWR | O_CLOEXEC);
	files[2] = pair[0];
	need(files[0] >= 0 && files[1] >= 0, "open");
	need(statx(files[0], "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_MNT_ID, &seen) == 0, "statx");
	directory_keep(&(struct mch_place){ .fd = files[0] }, &seen);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sigaction action = { .sa_handler = on_alarm };
	const struct rlimit limit = { FDS_MAX, FDS_MAX };

	(void)argc, (void)argv;
	sigaction(SIGALRM, &action, NULL);
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
	files[3] = open("/", O_RDONLY | O_CLOEXEC);
	need(files[3] >= 0, "/");
	enter_tree();
	fill_tree();
	base_fds = count_fds() - (int)n_open;
	return 0;
}

#ifndef FUZZ_LIBFUZZER
static unsigned char *read_all(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	unsigned char *data = malloc(INPUT_MAX);

	if (file == NULL || data == NULL) {
		perror(path);
		exit(1);
	}
	*size = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	return data;
}

/* All are read before the tree is entered. */
int main(int argc, char **argv)
{
	unsigned char **data = calloc((size_t)argc, sizeof(*data));
	size_t *sizes = calloc((size_t)argc, sizeof(*sizes));

	for (int i = 1; i < argc; i++)
		data[i] = read_all(argv[i], &sizes[i]);
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		LLVMFuzzerTestOneInput(data[i], sizes[i]);
		free(data[i]);
	}
	free(data);
	free(sizes);
	printf("%d files\n", argc - 1);
	return 0;
}
#endif
