/* SPDX-License-Identifier: MIT
 * The world's file tree: a mount namespace of this process's own, in which what the user opened to the
 * world is mounted on a root of its own. It is prepared while the process is single-threaded and
 * still sees the host's files, and entered at the seal; from then on nothing else has a name. Where the
 * kernel or a container's profile refuses namespaces or mounts, parts.c keeps the same tree as a list. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/openat2.h>

#include "base/checked.h"
#include "host/host.h"

#define PATH_BYTES 4096
#define PHDRS_MAX 128
#define PROC "/proc"
#define PROGRAM ".program" /* a directory there */
#define RETRIES 128 /* of a scoped lookup while somebody renames */

static int root = -1; /* O_PATH of the tree's root; -1: there is no tree */
static bool by_parts;
static int own_fds = -1; /* /proc/self/fd, which may have no name any more */
static bool writable; /* something in it is */
static bool writable_root;
static char *cwd;
static struct mch_proc proc = { .root = -1, .files = -1 };
static struct mch_mount *entries; /* what mch_tree_mounts shows */
static size_t n_entries;

const struct mch_proc *mch_proc(void)
{
	return proc.files >= 0 ? &proc : NULL;
}

const struct mch_mount *mch_tree_mounts(size_t *n)
{
	*n = n_entries;
	return entries;
}

long tree_path_of(int fd, char *to, size_t size)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", fd);
	ssize_t n = readlinkat(own_fds, name, to, size - 1);
	if (n < 0)
		return -errno;
	to[n] = '\0';
	return n;
}

int mch_tree(void)
{
	return root < 0 ? 0 : writable ? 2 : 1;
}

const char *mch_tree_cwd(void)
{
	return cwd;
}

/* ---- The kernel's calls for mounts, which the C library lacks; where it has none, parts. A mount is
 * a descriptor of its root ---- */

static int part_result(int r)
{
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

/* fd becomes a part's, or is closed. */
static int part_of(int fd, uint64_t limits)
{
	int r = fd < 0 ? fd : part_new(fd, limits);

	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? part_result(r) : fd;
}

static void mount_close(int mount)
{
	if (!by_parts)
		close(mount);
}

static int tree_clone(const char *path)
{
	if (by_parts) {
		int fd = open(path, O_PATH | O_CLOEXEC);

		return fd < 0 ? -1 : part_of(fd, 0);
	}
	return (int)syscall(SYS_open_tree, AT_FDCWD, path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int tree_limit(int mount, uint64_t set, bool recursive)
{
	struct mount_attr attr = { .attr_set = set };

	if (by_parts)
		return part_result(part_limit(mount, set));
	return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
			    &attr, sizeof(attr));
}

static int mount_new(const char *type, const char *const *options, uint64_t attr)
{
	int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), mount = -1;
	int r = context;

	for (; r >= 0 && *options != NULL; options += 2)
		r = (int)syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, options[0], options[1], 0);
	if (r >= 0)
		r = (int)syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, (unsigned)attr);
	int e = errno;
	if (context >= 0)
		close(context);
	errno = e;
	return mount;
}

static int tmpfs_new(const char *mode, uint64_t attr)
{
	const char *const options[] = { "mode", mode, NULL };

	if (by_parts)
		return part_of(scratch_directory((unsigned)strtoul(mode, NULL, 8)), attr);
	return mount_new("tmpfs", options, attr);
}

/* target NULL: as the tree's root. It is attached over this process's root, which it does not see:
 * its own root stays the host's until the tree is entered. */
static int mount_at(int mount, const struct mch_place *target)
{
	if (by_parts)
		return part_result(part_attach(mount, target));
	int at = target != NULL ? target->fd : open("/", O_PATH | O_CLOEXEC);
	int r = at < 0 ? -1 : (int)syscall(SYS_move_mount, mount, "", at, "",
					   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	int e = errno;
	if (target == NULL && at >= 0)
		close(at);
	errno = e;
	return r;
}

/* ---- The namespaces ---- */

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, strlen(text));
	int e = errno;
	close(fd);
	return n < 0 ? -e : 0;
}

/* Who may not mount may in a user namespace, where nobody has a name but the user. */
static int map_user(uid_t uid_before, gid_t gid_before)
{
	char uid[64], gid[64];

	snprintf(uid, sizeof(uid), "%u %u 1", uid_before, uid_before);
	snprintf(gid, sizeof(gid), "%u %u 1", gid_before, gid_before);
	int r = write_text("/proc/self/setgroups", "deny");
	if (r == 0)
		r = write_text("/proc/self/uid_map", uid);
	return r == 0 ? write_text("/proc/self/gid_map", gid) : r;
}

/* Where the file says so, who is not privileged gets a user namespace in which nothing is allowed: no
 * mounts, nor a name for the user. */
static bool users_restricted(void)
{
	char byte = '0';
	int fd = open("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, &byte, 1) < 0)
		byte = '0';
	close(fd);
	return byte != '0';
}

/* Root without CAP_SETFCAP, as in containers with all capabilities dropped, gets no name in a user namespace:
 * user_namespaces(7). */
static bool may_have_name(uid_t uid)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	return uid != 0 || syscall(SYS_capget, &head, data) < 0 ||
	       (data[CAP_TO_INDEX(CAP_SETFCAP)].effective & CAP_TO_MASK(CAP_SETFCAP)) != 0;
}

/* 1: mounts can be made from here on; 0: the kernel or a container's profile refuses it. */
static int unshare_mounts(struct err *err)
{
	int r = unshare(CLONE_NEWNS) < 0 ? -errno : 0;

	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (r == -EPERM && !users_restricted() && may_have_name(uid)) {
		r = unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? -errno : 0;
		if (r == 0 && (r = map_user(uid, gid)) < 0)
			return err_sys(err, -r, "cannot make a file tree: a user namespace was to be had, but "
						"no name for the user in it");
	}
	/* In a chroot whose root is no mount this fails. */
	return r == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* ---- Places in the tree ---- */

static int tree_open_at(const char *path, int flags, uint32_t *part)
{
	struct open_how how = { .flags = (uint64_t)flags | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	*part = 0;
	if (by_parts) {
		how.resolve = 0;
		return part_result(parts_open(NULL, path, &how, part));
	}
	/* As a process whose root the tree is would resolve it. */
	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

static int tree_open(const char *path, int flags)
{
	uint32_t part;

	return tree_open_at(path, flags, &part);
}

static int refuse_read_only(uint32_t part)
{
	if ((mch_tree_limits(part) & ST_RDONLY) == 0)
		return 0;
	errno = EROFS;
	return -1;
}

/* Makes a directory or an empty file, and opens it. */
static int place_make(const struct mch_place *parent, const char *path, const char *name, bool directory,
		      uint32_t *part)
{
	if (refuse_read_only(parent->part) < 0)
		return -1;
	int made = directory ? mkdirat(parent->fd, name, 0755) : mknodat(parent->fd, name, S_IFREG | 0600, 0);
	return made < 0 ? -1 : tree_open_at(path, O_PATH, part);
}

/* Makes what is missing of the path, directories and at its end a directory or an empty file. fd -1: it
 * cannot be had. */
static struct mch_place place(const char *path, bool directory)
{
	char part[PATH_BYTES];
	size_t len = strlen(path), end = 0;
	struct mch_place at;

	at.fd = tree_open_at("/", O_PATH, &at.part);
	if (len >= sizeof(part)) {
		close(at.fd);
		at.fd = -1;
		errno = ENAMETOOLONG;
	}
	while (at.fd >= 0) {
		size_t begin = end + strspn(path + end, "/");
		size_t n = strcspn(path + begin, "/");
		struct mch_place next;

		if (n == 0)
			break;
		end = begin + n;
		memcpy(part, path, end);
		part[end] = '\0';
		bool last = path[end + strspn(path + end, "/")] == '\0';
		next.fd = tree_open_at(part, O_PATH, &next.part);
		if (next.fd < 0 && errno == ENOENT)
			next.fd = place_make(&at, part, part + begin, !last || directory, &next.part);
		int e = errno;
		close(at.fd);
		errno = e;
		at = next;
	}
	return at;
}

static bool has_dots(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")) != NULL; p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

static int attach(int mount, const char *guest, bool directory)
{
	struct mch_place target = place(guest, directory);
	int r = target.fd < 0 ? -1 : mount_at(mount, &target);
	int e = errno;

	if (target.fd >= 0)
		close(target.fd);
	errno = e;
	return r;
}

/* The first mount of the tree, or one over all the others. */
static int attach_root(int mount, bool can_write)
{
	if (mount_at(mount, NULL) < 0)
		return -1;
	if (root >= 0)
		mount_close(root);
	root = mount;
	writable_root = can_write;
	n_entries = 0; /* what was in the one before cannot be seen any more */
	return 0;
}

/* ---- What can be in it ---- */

#define LIMITS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static int add_bind(const char *host, const char *guest, uint64_t limits, struct err *err)
{
	struct stat st;
	int mount = tree_clone(host);

	if (mount < 0)
		return err_sys(err, errno, "%s", host);
	int r = fstat(mount, &st);
	if (r == 0)
		r = tree_limit(mount, limits, true);
	bool is_root = strspn(guest, "/") == strlen(guest);
	if (r == 0 && is_root && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		r = -1;
	}
	if (r == 0 && is_root)
		return attach_root(mount, true) < 0 ? err_sys(err, errno, "%s as the tree's root", host) : 0;
	if (r == 0)
		r = attach(mount, guest, S_ISDIR(st.st_mode));
	int e = errno;
	mount_close(mount);
	if (r == 0)
		return 0;
	if (e == EROFS)
		return err_set(err, e, "%s has no place in the tree: %s is not there, and lies in what is "
				       "read-only", host, guest);
	return err_sys(err, e, "%s cannot be put at %s", host, guest);
}

static int add_tmpfs(const char *guest, const char *mode, uint64_t limits, struct err *err)
{
	int mount = tmpfs_new(mode, limits);

	if (mount < 0)
		return err_sys(err, errno, "cannot make a tmpfs for %s", guest);
	int r = attach(mount, guest, true);
	int e = errno;
	mount_close(mount);
	return r < 0 ? err_sys(err, e, "a tmpfs cannot be put at %s", guest) : 0;
}

static bool is_link(int directory, const char *name, const char *text)
{
	char found[PATH_BYTES];
	ssize_t n = readlinkat(directory, name, found, sizeof(found));

	return n == (ssize_t)strlen(text) && memcmp(found, text, (size_t)n) == 0;
}

static int add_link(const char *text, const char *guest, struct err *err)
{
	char directory[PATH_BYTES];
	const char *slash = strrchr(guest, '/');
	int n = snprintf(directory, sizeof(directory), "%.*s/", (int)(slash - guest), guest);
	struct mch_place parent = { .fd = -1 };

	if (n > 0 && (size_t)n < sizeof(directory))
		parent = place(directory, true);
	int r = parent.fd < 0 ? -1 : refuse_read_only(parent.part);
	if (r == 0)
		r = symlinkat(text, parent.fd, slash + 1);
	int e = errno;
	if (r < 0 && (e == EEXIST || e == EROFS) && parent.fd >= 0 && is_link(parent.fd, slash + 1, text))
		r = 0;
	if (parent.fd >= 0)
		close(parent.fd);
	return r < 0 ? err_sys(err, e, "the link %s cannot be made", guest) : 0;
}

/* Terminals of the world's own. Where they cannot be mounted they are the host's, of which new ones alone
 * can be had: they have no names here, which would be those of all the user's terminals. */
static int add_terminals(const char *guest, struct err *err)
{
	static const char *const options[] = { "ptmxmode", "0666", "mode", "620", NULL };
	char at[PATH_BYTES], ptmx[PATH_BYTES];
	int r;

	snprintf(at, sizeof(at), "%s/pts", guest);
	snprintf(ptmx, sizeof(ptmx), "%s/ptmx", guest);
	if (by_parts) {
		r = add_tmpfs(at, "0755", MOUNT_ATTR_RDONLY, err);
		return r == 0 && access("/dev/ptmx", F_OK) == 0 ? add_bind("/dev/ptmx", ptmx, 0, err) : r;
	}
	int pts = mount_new("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (pts < 0)
		return err_sys(err, errno, "cannot make %s", at);
	r = attach(pts, at, true);
	int e = errno;
	close(pts);
	return r < 0 ? err_sys(err, e, "cannot put terminals at %s", at) : add_link("pts/ptmx", ptmx, err);
}

static int add_devices(const char *guest, struct err *err)
{
	static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty" };
	static const char *const links[][2] = { { "fd", "/proc/self/fd" },
						{ "stdin", "/proc/self/fd/0" },
						{ "stdout", "/proc/self/fd/1" },
						{ "stderr", "/proc/self/fd/2" } };
	char host[64], at[PATH_BYTES];
	int r = add_tmpfs(guest, "0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);

	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes) && r == 0; i++) {
		snprintf(host, sizeof(host), "/dev/%s", nodes[i]);
		snprintf(at, sizeof(at), "%s/%s", guest, nodes[i]);
		if (access(host, F_OK) == 0)
			r = add_bind(host, at, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(*links) && r == 0; i++) {
		snprintf(at, sizeof(at), "%s/%s", guest, links[i][0]);
		r = add_link(links[i][1], at, err);
	}
	snprintf(at, sizeof(at), "%s/shm", guest);
	if (r == 0)
		r = add_tmpfs(at, "1777", LIMITS, err);
	return r < 0 ? r : add_terminals(guest, err);
}

/* ---- /proc: <microcosm-host.h> says what it is made of ---- */

static int device_of(int fd, uint64_t *dev)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	*dev = st.st_dev;
	return 0;
}

/* Its mount in the tree is read-only; another of the same files is not, and in no tree. */
static int add_proc(const char *guest, struct err *err)
{
	static const char *const options[] = { "mode", "0755", NULL };
	int mount = mount_new("tmpfs", options, LIMITS | MOUNT_ATTR_NOEXEC);
	int r = mount < 0 ? -1 : attach(mount, guest, true);

	if (proc.files >= 0)
		close(proc.files);
	proc.files = r < 0 ? -1
			   : (int)syscall(SYS_open_tree, mount, "",
					  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (proc.files < 0 || device_of(proc.files, &proc.dev) < 0 ||
	    tree_limit(mount, MOUNT_ATTR_RDONLY, false) < 0)
		r = err_sys(err, errno, "cannot make %s", guest);
	if (mount >= 0)
		close(mount);
	return r;
}

/* It wants a tree that is mounted twice. In one of all the host's files it is missed by few. */
static int add_no_proc(const char *guest, struct err *err)
{
	struct stat st, host;

	if (fstat(root, &st) == 0 && stat("/", &host) == 0 && st.st_dev == host.st_dev && st.st_ino == host.st_ino)
		return add_tmpfs(guest, "0755", LIMITS | MOUNT_ATTR_RDONLY, err);
	return err_set(err, EOPNOTSUPP, "there is no %s without mount namespaces, which the kernel or a container's "
					"profile refuses here (user.max_user_namespaces, seccomp); leave out --proc",
		       guest);
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whether the tree has the file that fd is open on at its path on the host. */
static bool in_tree(int fd, char *path, size_t size)
{
	int found = tree_path_of(fd, path, size) > 0 ? tree_open(path, O_PATH) : -1;
	bool same = found >= 0 && same_file(fd, found);

	if (found >= 0)
		close(found);
	return same;
}

/* A mount of that file; -1: its path leads to another now. */
static int clone_file(int fd)
{
	char path[PATH_BYTES];
	int mount = tree_path_of(fd, path, sizeof(path)) > 0 ? tree_clone(path) : -1;

	if (mount < 0 || same_file(fd, mount))
		return mount;
	close(mount);
	return -1;
}

/* A directory and an empty file in it, for the program to be put over: O_PATH of that. */
static int program_place(const char *name)
{
	char path[PATH_BYTES];

	if (snprintf(path, sizeof(path), PROC "/%s", name) >= (int)sizeof(path) ||
	    (mkdirat(proc.files, PROGRAM, 0755) < 0 && errno != EEXIST) ||
	    (mknodat(proc.files, name, S_IFREG | 0400, 0) < 0 && errno != EEXIST))
		return -1;
	return tree_open(path, O_PATH | O_NOFOLLOW);
}

bool tree_add_program(int fd, const char *called, char *to, size_t size)
{
	if (in_tree(fd, to, size))
		return true;
	const char *slash = strrchr(called, '/');
	int n = snprintf(to, size, PROC "/" PROGRAM "/%s", slash != NULL ? slash + 1 : called);

	if (proc.files < 0 || n >= (int)size)
		return false;
	int mount = clone_file(fd), target = program_place(to + sizeof(PROC));
	bool done = mount >= 0 && target >= 0 && tree_limit(mount, LIMITS | MOUNT_ATTR_RDONLY, false) == 0 &&
		    mount_at(mount, &(struct mch_place){ .fd = target }) == 0;
	if (mount >= 0)
		close(mount);
	if (target >= 0)
		close(target);
	return done;
}

/* Last of all: the tree is copied as it is, then in the one that this process enters an empty
 * directory hides it. */
static int hide_proc(struct err *err)
{
	static const char *const options[] = { "mode", "0555", NULL };
	uint64_t dev = 0;
	int target = tree_open(PROC, O_PATH | O_DIRECTORY);

	if (target < 0 || device_of(target, &dev) < 0 || dev != proc.dev) {
		if (target >= 0) /* something else has been put there since */
			close(target);
		close(proc.files);
		proc.files = -1;
		return 0;
	}
	int copy = (int)syscall(SYS_open_tree, root, "",
				OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	int mount = copy < 0 ? -1 : mount_new("tmpfs", options, LIMITS | MOUNT_ATTR_RDONLY);
	int r = mount < 0 || device_of(mount, &proc.empty_dev) < 0 ||
				mount_at(mount, &(struct mch_place){ .fd = target }) < 0
			? err_sys(err, errno, "cannot make a copy of the tree for %s", PROC)
			: 0;
	if (mount >= 0)
		close(mount);
	close(target);
	proc.root = copy;
	return r;
}

/* ---- What a dynamic program needs ---- */

/* Whether the file names an interpreter. It is read here with care; what is wrong with it is said
 * when it is planned. */
static bool has_interpreter(int fd)
{
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;

	if (pread(fd, &ehdr, sizeof(ehdr), 0) != (ssize_t)sizeof(ehdr) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0 || ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_phentsize != sizeof(phdr))
		return false;
	for (unsigned i = 0; i < ehdr.e_phnum && i < PHDRS_MAX; i++) {
		uint64_t at;

		if (!checked_add(ehdr.e_phoff, i * sizeof(phdr), &at) || at > INT64_MAX ||
		    pread(fd, &phdr, sizeof(phdr), (off_t)at) != (ssize_t)sizeof(phdr))
			return false;
		if (phdr.p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* Where its dynamic linker looks, read-only: a world that the user opened nothing to. */
static int add_libraries(struct err *err)
{
	static const char *const directories[] = { "/lib", "/lib32", "/lib64", "/libx32", "/usr/lib",
						   "/usr/lib32", "/usr/lib64", "/usr/libx32" };
	int r = 0;

	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories) && r == 0; i++) {
		char text[PATH_BYTES];
		ssize_t n = readlink(directories[i], text, sizeof(text) - 1);

		if (n >= 0) {
			text[n] = '\0';
			r = add_link(text, directories[i], err);
		} else if (access(directories[i], F_OK) == 0) {
			r = add_bind(directories[i], directories[i], LIMITS | MOUNT_ATTR_RDONLY, err);
		}
	}
	if (r == 0 && access("/etc/ld.so.cache", F_OK) == 0)
		r = add_bind("/etc/ld.so.cache", "/etc/ld.so.cache", LIMITS | MOUNT_ATTR_RDONLY, err);
	return r;
}

/* ---- The list ---- */

static int note_mount(const char *place, const char *type, bool read_only)
{
	struct mch_mount *grown = reallocarray(entries, n_entries + 1, sizeof(*entries));
	char *copy = strdup(place);

	if (grown != NULL)
		entries = grown;
	if (grown == NULL || copy == NULL) {
		free(copy);
		return -1;
	}
	entries[n_entries++] = (struct mch_mount){ copy, type, read_only };
	return 0;
}

static int note_entry(enum ctl_tree kind, const char *guest, struct err *err)
{
	bool bind = kind == CTL_TREE_RO || kind == CTL_TREE_RW;
	bool read_only = kind == CTL_TREE_RO || kind == CTL_TREE_EMPTY || kind == CTL_TREE_PROC;

	if (kind == CTL_TREE_LINK)
		return 0;
	if (note_mount(guest, bind ? "bind" : kind == CTL_TREE_PROC ? "proc" : "tmpfs", read_only) < 0)
		return err_set(err, ENOMEM, "%s: no memory for the list of mounts", guest);
	return 0;
}

static int add_entry(enum ctl_tree kind, const char *host, const char *guest, struct err *err)
{
	if (guest[0] != '/' || has_dots(guest))
		return err_set(err, EINVAL, "%s: a place in the tree is a path from its root, without '..'",
			       guest);
	writable |= kind == CTL_TREE_RW || kind == CTL_TREE_TMPFS;
	switch (kind) {
	case CTL_TREE_RO: return add_bind(host, guest, LIMITS | MOUNT_ATTR_RDONLY, err);
	case CTL_TREE_RW: return add_bind(host, guest, LIMITS, err);
	case CTL_TREE_TMPFS: return add_tmpfs(guest, "1777", LIMITS, err);
	case CTL_TREE_EMPTY: return add_tmpfs(guest, "0755", LIMITS | MOUNT_ATTR_RDONLY, err);
	case CTL_TREE_LINK: return add_link(host, guest, err);
	case CTL_TREE_DEV: return add_devices(guest, err);
	case CTL_TREE_PROC: return by_parts ? add_no_proc(guest, err) : add_proc(guest, err);
	default: return err_set(err, EPROTO, "host process: malformed CTL_TREE");
	}
}

/* The next string of a message, or NULL. */
static const char *next_text(const struct ctl_msg *msg, size_t *at)
{
	const char *text = msg->text + *at;

	if (*at >= msg->text_len)
		return NULL;
	*at += strlen(text) + 1;
	return *at <= msg->text_len ? text : NULL;
}

/* It shows whether the kernel lets this process mount: what is refused here is kept as parts. */
static int make_root(struct err *err)
{
	int r = unshare_mounts(err);

	if (r < 0)
		return r;
	int mount = r > 0 ? tmpfs_new("0755", LIMITS) : -1;
	if (mount >= 0 && tree_limit(mount, LIMITS, false) == 0 && attach_root(mount, false) == 0)
		return 0;
	if (mount >= 0)
		close(mount);
	by_parts = true;
	parts_start(own_fds);
	mount = tmpfs_new("0755", LIMITS);
	if (mount < 0 || attach_root(mount, false) < 0)
		return err_sys(err, errno, "cannot make a file tree: there are no mount namespaces to be had here, "
					   "and no temporary directory in TMPDIR, /tmp, /var/tmp or /dev/shm");
	return 0;
}

static int build(const struct ctl_msg *msg, struct err *err)
{
	size_t at = 0;
	const char *first = next_text(msg, &at);
	int r = make_root(err);

	if (r == 0 && by_parts && msg->b != 0)
		r = err_set(err, EOPNOTSUPP, "--learn needs mount namespaces, which the kernel or a container's profile "
					     "refuses here (user.max_user_namespaces, seccomp)");
	if (r == 0 && note_mount("/", "tmpfs", true) < 0)
		r = err_set(err, ENOMEM, "no memory for the list of mounts");
	cwd = first != NULL && *first != '\0' ? strdup(first) : NULL;
	for (uint64_t i = 0; i < msg->a && r == 0; i++) {
		const char *kind = next_text(msg, &at), *host = next_text(msg, &at),
			   *guest = next_text(msg, &at);

		if (guest == NULL)
			return err_set(err, EPROTO, "host process: malformed CTL_TREE");
		r = add_entry((enum ctl_tree)atoi(kind), host, guest, err);
		if (r == 0)
			r = note_entry((enum ctl_tree)atoi(kind), guest, err);
	}
	if (r == 0 && msg->a == 0)
		r = add_libraries(err);
	if (r == 0 && !writable_root && tree_limit(root, MOUNT_ATTR_RDONLY, false) < 0)
		r = err_sys(err, errno, "cannot make the tree's root read-only");
	return r;
}

int tree_prepare(const struct ctl_msg *msg, struct err *err)
{
	if (msg->b != 0)
		learn_start();
	if (msg->a == 0 && (msg->n_fds == 0 || !has_interpreter(msg->fds[0])))
		return 0;
	own_fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own_fds < 0)
		return err_sys(err, errno, "cannot make a file tree: it needs /proc (mount -t proc proc /proc); "
					   "/proc/self/fd");
	return build(msg, err);
}

int tree_open_program(const char *name)
{
	struct stat st;
	int fd = root < 0 ? -1 : tree_open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0) {
		close(fd);
		return -1;
	}
	learn_later(name);
	return fd;
}

int tree_open_file(const char *path)
{
	int fd = root < 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
			  : tree_open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	learn_later(path);
	return fd;
}

/* ---- Whether what is open lies in it ---- */

#define MOUNTS_MAX 4096
#define NO_MOUNT UINT64_MAX /* 0 is one */

static int mountinfo = -1; /* of the tree alone; read when it is first needed */
static pthread_once_t mounts_read = PTHREAD_ONCE_INIT;
static uint64_t mounts[MOUNTS_MAX]; /* ids */
static size_t n_mounts;

static uint64_t mount_of(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 || (stx.stx_mask & STATX_MNT_ID) == 0)
		return NO_MOUNT;
	return stx.stx_mnt_id;
}

static void add_mount(uint64_t id)
{
	if (id != NO_MOUNT && n_mounts < MOUNTS_MAX)
		mounts[n_mounts++] = id;
}

/* Those of the kernel's own that files without any name lie in: all memfds in one, and so on. */
static void add_nameless(void)
{
	int fds[5] = { memfd_create("", MFD_CLOEXEC), -1, -1, -1, -1 };

	if (pipe2(fds + 1, O_CLOEXEC) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds + 3) < 0)
		fds[3] = fds[4] = -1;
	for (int i = 0; i < 5; i++) {
		if (fds[i] < 0)
			continue;
		if (i % 2 == 0) /* the memfd, and one end of each pair */
			add_mount(mount_of(fds[i]));
		close(fds[i]);
	}
}

static void read_mounts(void)
{
	FILE *file = mountinfo >= 0 ? fdopen(mountinfo, "r") : NULL;
	char *line = NULL;
	size_t room = 0;

	while (file != NULL && getline(&line, &room, file) > 0)
		add_mount(strtoull(line, NULL, 10)); /* it comes first */
	free(line);
	if (file != NULL)
		fclose(file);
	add_nameless();
}

int mch_tree_find(int fd, unsigned long limit)
{
	uint64_t id = mount_of(fd);

	pthread_once(&mounts_read, read_mounts);
	for (size_t i = 0; i < n_mounts && id != NO_MOUNT; i++)
		if (mounts[i] == id)
			return 1;
	return by_parts ? parts_find(fd, limit) : -ENOENT;
}

int tree_enter(struct err *err)
{
	if (root < 0)
		return 0;
	umask(0); /* each guest process has its own */
	if (by_parts)
		return 0;
	int r = proc.files >= 0 ? hide_proc(err) : 0;
	if (r < 0)
		return r;
	int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
	    chdir("/") < 0)
		return err_sys(err, errno, "cannot enter the file tree");
	/* Opened now it tells of what is beneath this root. */
	if (self >= 0) {
		mountinfo = openat(self, "mountinfo", O_RDONLY | O_CLOEXEC);
		close(self);
	}
	learn_entered();
	return 0;
}

/* Everything beneath the root, which is the world's tree: not what a descriptor from before leads to. */
static int root_allow(int ruleset, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = rights,
		.parent_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};

	if (rule.parent_fd < 0)
		return -errno;
	long r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int e = errno;
	close(rule.parent_fd);
	if (r == 0 && proc.files >= 0) { /* which is no part of the tree where it can be written */
		rule.parent_fd = proc.files;
		r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
		e = errno;
	}
	return r < 0 ? -e : 0;
}

int tree_allow(int ruleset, uint64_t rights)
{
	if (root < 0)
		return 0;
	return by_parts ? parts_allow(ruleset, rights) : root_allow(ruleset, rights);
}

/* ---- For host components ---- */

int mch_tree_open(const struct mch_place *start, const char *path, const struct open_how *how, uint32_t *part)
{
	struct open_how asked = *how;
	int tries = 0;
	long fd;

	*part = 0;
	if (root < 0)
		return -ENOENT;
	if (by_parts)
		return parts_open(start, path, how, part);
	asked.flags |= O_CLOEXEC | ((how->flags & O_PATH) != 0 ? 0 : O_NOCTTY);
	asked.resolve |= RESOLVE_NO_MAGICLINKS;
	do {
		fd = syscall(SYS_openat2, start != NULL ? start->fd : AT_FDCWD, path, &asked, sizeof(asked));
	} while (fd < 0 && errno == EAGAIN && (how->resolve & RESOLVE_CACHED) == 0 && ++tries < RETRIES);
	return fd < 0 ? -errno : (int)fd;
}

bool mch_tree_confines(void)
{
	return root >= 0 && seal_keeps_files();
}

unsigned long mch_tree_limits(uint32_t part)
{
	return by_parts ? parts_limits(part) : 0;
}

bool mch_tree_covers(const struct mch_place *directory, const char *name)
{
	return by_parts && parts_covers(directory, name);
}

long mch_tree_path(const struct mch_place *place, char *to, size_t size)
{
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1;
	struct stat st;
	long n = by_parts ? parts_path(place, to, size) : tree_path_of(place->fd, to, size);

	if (n < 0)
		return n;
	if ((size_t)n > tail && strcmp(to + n - tail, deleted) == 0 &&
	    (fstat(place->fd, &st) < 0 || st.st_nlink == 0)) /* else it is part of the name */
		return -ENOENT;
	return to[0] == '/' ? n : -ENOENT;
}
