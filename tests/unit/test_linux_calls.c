/* SPDX-License-Identifier: MIT
 * The linux module's table, natively: each row's number is what Linux calls by that name, the filter
 * made of its rules allows what the rules say and nothing else, and calls that would lead out of a
 * world are refused. Handlers answer as the kernel would. Linked with the module's half in the guest; of
 * the other half there is only that no name exists. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "modules/linux/names.h"
#include "modules/linux/sysv.h"
#include "world.h"
#include "bpf_run.h"

#ifndef SYS_fchmodat2 /* newer than the headers */
#define SYS_fchmodat2 452
#endif

#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

_Static_assert(NAMES_LOCAL(7) == RT_NR_LOCAL(7), "the tracer's number");
_Static_assert(NAMES_DESCRIPTOR_MAX + 1 == HELD_PATHS, "the tracer has a path for each");

#define TIOCSTI_NR 0x5412
#define ROOM 512

static struct os_rule rules[ROOM];
static size_t n_rules;
static mc_fn entries[ROOM];
static struct os_program filter;

static long kernel_fstat(long fd, long buf, long a2, long a3, long a4, long a5)
{
	(void)a2, (void)a3, (void)a4, (void)a5;
	return syscall(SYS_fstat, fd, buf) < 0 ? -errno : 0;
}

static long ids(long real, long effective, long saved, long a3, long a4, long a5)
{
	(void)a3, (void)a4, (void)a5;
	*(uint32_t *)real = *(uint32_t *)effective = *(uint32_t *)saved = 1000;
	return 0;
}

long mc_grant(int nr, const struct mc_rule *from, size_t n)
{
	if (n_rules == ROOM) /* before main: Check is not there yet */
		abort();
	rules[n_rules].nr = (uint32_t)nr;
	rules[n_rules].n_conditions = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		rules[n_rules].conditions[i] = from[i];
	n_rules++;
	return 0;
}

long mc_grant_all(const struct mc_grant *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mc_grant(all[i].nr, all[i].rules, all[i].n_rules);
	return 0;
}

long mc_register_all(const struct mc_entry *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mc_register(all[i].nr, all[i].fn);
	return 0;
}

/* A mapping: what was asked for is answered, or `mapped` where that is not 0. */

static long mapped, map_args[6];

static long map(long address, long size, long protection, long flags, long fd, long offset)
{
	memcpy(map_args, (long[]){ address, size, protection, flags, fd, offset }, sizeof map_args);
	return mapped != 0 ? mapped : address != 0 ? address : 1l << 20;
}

static bool is_root;

static long capabilities(long head, long data, long a2, long a3, long a4, long a5)
{
	(void)head, (void)a2, (void)a3, (void)a4, (void)a5;
	*(uint32_t *)data = is_root ? 1u << 15 : 0;
	return 0;
}

static long is_1000(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return 1000;
}

static long does_nothing(long a0, long a1, long a2, long a3, long a4, long a5)
{
	(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return 0;
}

mc_fn mc_get(int nr)
{
	switch (nr) {
	case SYS_fstat: return kernel_fstat;
	case SYS_getresuid: case SYS_getresgid: return ids;
	case SYS_geteuid: case SYS_getegid: return is_1000;
	case SYS_capget: return capabilities;
	case SYS_mmap: return map;
	case SYS_close: return does_nothing;
	default: return NULL;
	}
}

mc_fn mc_register(int nr, mc_fn fn)
{
	if (nr < ROOM) /* others are not Linux's */
		entries[nr] = fn;
	return NULL;
}

long mc_thread_kill(long id, long value)
{
	(void)id, (void)value;
	abort();
}

const char *mc_option(const char *name)
{
	(void)name;
	return NULL;
}

long mc_option_number(const char *name, long other)
{
	(void)name;
	return other;
}

long mc_copy_in(void *to, const void *guest, size_t n)
{
	if ((uintptr_t)guest < 4096)
		return -EFAULT;
	if ((uintptr_t)to < 4096)
		return -EFAULT;
	memcpy(to, guest, n);
	return 0;
}

long mc_copy_out(void *guest, const void *from, size_t n)
{
	return mc_copy_in(guest, from, n);
}

void *mc_alloc(size_t size)
{
	return calloc(1, size);
}

void mc_free(void *p)
{
	free(p);
}

long mc_copy_in_string(char *to, const char *guest, size_t n)
{
	if ((uintptr_t)guest < 4096)
		return -EFAULT;
	size_t len = strnlen(guest, n);
	if (len == n)
		return -ENAMETOOLONG;
	memcpy(to, guest, len + 1);
	return (long)len;
}

/* ---- The other half ---- */

static struct names_at last; /* what was asked for */

static long nothing(const struct names_at *at)
{
	last = *at;
	return -ENOENT;
}

#define GATE(name, ...)                                                                    \
	long name(const struct names_at *at __VA_OPT__(, ) __VA_ARGS__)                    \
	{                                                                                  \
		return nothing(at);                                                        \
	}
#pragma GCC diagnostic ignored "-Wunused-parameter"
GATE(names_open, uint64_t flags, uint64_t mode, uint64_t resolve)
GATE(names_stat, int flags, struct names_statx *to, unsigned mask)
GATE(names_access, int mode, int flags)
GATE(names_readlink, char *to, size_t size)
GATE(names_statfs, void *to)
GATE(names_chdir)
GATE(names_mkdir, unsigned mode)
GATE(names_mknod, unsigned mode)
GATE(names_unlink, int flags)
GATE(names_rename, const struct names_at *to, unsigned flags)
GATE(names_link, const struct names_at *to, int flags)
GATE(names_symlink, const struct names_at *to)
GATE(names_chmod, unsigned mode, int flags)
GATE(names_chown, unsigned uid, unsigned gid, int flags)
GATE(names_utimens, const void *times, int flags)
GATE(names_truncate, int64_t size)
GATE(names_local)
GATE(names_bind)
GATE(names_exec, int flags, struct names_words *words)

long names_channel(void)
{
	return -ENFILE;
}

long names_listen(int backlog)
{
	return -EAGAIN;
}

long names_netlink(int type)
{
	return -EACCES;
}

long names_exec_file(int fd, const struct names_at *at, struct names_words *words)
{
	return nothing(at);
}

long names_chmod_file(int fd, unsigned mode)
{
	return -ENOENT;
}

long names_chown_file(int fd, unsigned uid, unsigned gid)
{
	return -ENOENT;
}

long names_utimens_file(int fd, const void *times)
{
	return -ENOENT;
}

long names_access_file(int fd, int mode, int flags)
{
	return -ENOENT;
}

long names_readlink_file(int fd, char *to, size_t size)
{
	return -ENOENT;
}

#define XATTR_GATE(name, ...)                                                              \
	long name(const struct names_xattr *of __VA_OPT__(, ) __VA_ARGS__)                 \
	{                                                                                  \
		return nothing(&of->at);                                                   \
	}
XATTR_GATE(names_xattr_get, void *to, size_t size)
XATTR_GATE(names_xattr_list, void *to, size_t size)
XATTR_GATE(names_xattr_set, const void *from, size_t size, int flags)
XATTR_GATE(names_xattr_remove)

/* One segment, 5, of a page. */

#define SEGMENT 5

static struct sysv_asked {
	uint32_t key, uid, gid;
	uint64_t size, address;
	int flags, read_only;
	unsigned wanted, mode;
} asked;

long sysv_check(int id)
{
	return id == SEGMENT ? 0 : -EINVAL;
}

long sysv_get(uint32_t key, uint64_t size, int flags, unsigned wanted, uint32_t uid, uint32_t gid)
{
	asked = (struct sysv_asked){ .key = key, .size = size, .flags = flags, .wanted = wanted, .uid = uid, .gid = gid };
	return SEGMENT;
}

long sysv_attach(int id, unsigned wanted, int read_only, uint64_t *size)
{
	asked = (struct sysv_asked){ .wanted = wanted, .read_only = read_only };
	*size = 4096;
	return sysv_check(id);
}

long sysv_detach(uint64_t address, struct sysv_piece *next)
{
	asked = (struct sysv_asked){ .address = address };
	return -EINVAL;
}

long sysv_stat(int id, int by_index, unsigned wanted, struct sysv_status *to)
{
	asked = (struct sysv_asked){ .wanted = wanted };
	memset((void *)to, 0x11, 112);
	return by_index ? SEGMENT : sysv_check(id) < 0 ? -EINVAL : id;
}

long sysv_set(int id, unsigned mode, uint32_t uid, uint32_t gid)
{
	asked = (struct sysv_asked){ .mode = mode, .uid = uid, .gid = gid };
	return sysv_check(id);
}

long sysv_remove(int id)
{
	return sysv_check(id);
}

long sysv_limits(void *to)
{
	memset(to, 0x22, 72);
	return 3;
}

long sysv_usage(void *to)
{
	memset(to, 0x33, 48);
	return 3;
}

long names_getcwd(char *to, size_t size)
{
	static const char root[] = "/";

	if (size < sizeof root)
		return -ERANGE;
	memcpy(to, root, sizeof root);
	return sizeof root;
}

const struct mc_header *mc_header(void)
{
	static const struct mc_header header = { .flags = MC_HEADER_NET };

	return &header;
}

long names_identity(uint64_t uids, uint64_t gids, const char *hostname, size_t len)
{
	(void)uids, (void)gids, (void)hostname, (void)len;
	return 0;
}

long names_umask(unsigned mask)
{
	return (long)mask;
}

/* ---- The rules, read twice ---- */

static bool rule_holds(const struct mc_rule *rule, const uint64_t args[6])
{
	uint64_t arg = args[rule->arg];

	switch (rule->op) {
	case MC_RULE_EQ: return arg == rule->value;
	case MC_RULE_NE: return arg != rule->value;
	case MC_RULE_LE: return arg <= rule->value;
	case MC_RULE_MASKED: return (arg & rule->mask) == rule->value;
	default: ck_abort_msg("the table has no other rules"); return false;
	}
}

static bool rules_allow(uint32_t nr, const uint64_t args[6])
{
	for (size_t i = 0; i < n_rules; i++) {
		bool all = rules[i].nr == nr;
		for (uint32_t c = 0; all && c < rules[i].n_conditions; c++)
			all = rule_holds(&rules[i].conditions[c], args);
		if (all)
			return true;
	}
	return false;
}

static bool filter_allows(uint32_t nr, const uint64_t args[6])
{
	struct seccomp_data data = { .nr = (int)nr, .arch = AUDIT_ARCH_X86_64 };

	memcpy(data.args, args, sizeof data.args);
	return bpf_run((const struct sock_filter *)filter.insns, filter.n, &data) == SECCOMP_RET_ALLOW;
}

static uint64_t random64(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
}

/* Near the rules' own values, where a filter would go wrong. */
static uint64_t some_argument(uint32_t nr, uint32_t arg)
{
	const struct os_rule *rule = &rules[(size_t)random() % n_rules];
	uint64_t value = random() % 3 == 0 ? (uint64_t)random() % 300 : 0;

	for (size_t i = 0; i < n_rules && rule->nr != nr; i++)
		rule = &rules[(size_t)random() % n_rules];
	for (uint32_t c = 0; c < rule->n_conditions; c++) {
		const struct mc_rule *condition = &rule->conditions[c];
		if (condition->arg == arg)
			value = condition->value |
				(condition->op == MC_RULE_MASKED ? random64() & ~condition->mask : 0);
	}
	switch (random() % 12) {
	case 0: return value ^ 1ull << random() % 64;
	case 1: return value + 1;
	case 2: return value - 1;
	case 3: return random64();
	default: return value;
	}
}

START_TEST(filter_does_what_the_rules_say)
{
	size_t allowed = 0, refused = 0;

	srandom(1);
	for (int i = 0; i < 200000; i++) {
		uint32_t nr = rules[(size_t)random() % n_rules].nr;
		uint64_t args[6];
		for (uint32_t k = 0; k < 6; k++)
			args[k] = some_argument(nr, k);
		bool expected = rules_allow(nr, args);
		ck_assert_msg(filter_allows(nr, args) == expected,
			      "call %u (%lx, %lx, %lx, %lx, %lx, %lx)", nr, args[0], args[1], args[2],
			      args[3], args[4], args[5]);
		allowed += expected;
		refused += !expected;
	}
	ck_assert_uint_gt(allowed, 10000);
	ck_assert_uint_gt(refused, 10000);
}
END_TEST

START_TEST(numbers_are_those_of_linux)
{
#define GRANT(number, name, why, ...) ck_assert_int_eq(number, SYS_##name);
#define MEDIATED(number, name, why, ...) ck_assert_int_eq(number, SYS_##name);
#define GRANT_IF(number, name, flag, why, ...) ck_assert_int_eq(number, SYS_##name);
#define HANDLED(number, name, why, handler) ck_assert_int_eq(number, SYS_##name);
#define REFUSED(number, name, why, errnum) ck_assert_int_eq(number, SYS_##name);
#include "../../modules/linux/linux_calls.def"
#undef GRANT
#undef GRANT_IF
#undef MEDIATED
#undef HANDLED
#undef REFUSED
}
END_TEST

static bool looked_at(uint32_t nr)
{
	bool any = call_is_mediated((int32_t)nr);

	for (size_t i = 0; i < n_rules; i++)
		any = any || (rules[i].nr == nr && rule_is_mediated(&rules[i]));
	return any;
}

/* What the table says that the tracer looks at, it does look at, whatever the filter would allow. */
START_TEST(mediated_rows_are_mediated)
{
#define GRANT(number, name, why, ...)
#define GRANT_IF(number, name, flag, why, ...)
#define MEDIATED(number, name, why, ...) ck_assert_msg(looked_at(number), "%s", #name);
#define HANDLED(number, name, why, handler)
#define REFUSED(number, name, why, errnum)
#include "../../modules/linux/linux_calls.def"
#undef GRANT
#undef GRANT_IF
#undef MEDIATED
#undef HANDLED
#undef REFUSED
}
END_TEST

/* ... and of these no stop has to be paid for. */
START_TEST(hot_calls_are_not_looked_at)
{
	static const struct { uint32_t nr; uint64_t args[6]; } hot[] = {
		{ SYS_fcntl, { 0, F_DUPFD, 0 } }, { SYS_fcntl, { 0, F_DUPFD_CLOEXEC, 0 } },
		{ SYS_fcntl, { 0, F_GETFD } }, { SYS_fcntl, { 0, F_SETFD, 1 } }, { SYS_fcntl, { 0, F_GETFL } },
		{ SYS_fcntl, { 0, F_SETFL, O_NONBLOCK | O_RDWR } }, { SYS_fcntl, { 0, F_GETLK, 4096 } },
		{ SYS_fcntl, { 0, F_SETLK, 4096 } }, { SYS_fcntl, { 0, F_SETLKW, 4096 } },
		{ SYS_fcntl, { 0, 36 /* F_OFD_GETLK */, 4096 } }, { SYS_fcntl, { 0, 37 /* F_OFD_SETLK */, 4096 } },
		{ SYS_fcntl, { 0, 38 /* F_OFD_SETLKW */, 4096 } }, { SYS_fcntl, { 0, F_GETOWN } },
		{ SYS_ioctl, { 0, 0x5401 /* TCGETS */, 4096 } }, { SYS_ioctl, { 0, 0x541b /* FIONREAD */, 4096 } },
		{ SYS_ioctl, { 0, 0x5421 /* FIONBIO */, 4096 } }, { SYS_ioctl, { 0, 0x5402 /* TCSETS */, 4096 } },
		{ SYS_ioctl, { 0, 0x5451 /* FIOCLEX */ } }, { SYS_waitid, { 0, 0, 4096, 4 } },
		{ SYS_sendto, { 0, 4096, 1 } }, { SYS_clock_gettime, { 1, 4096 } }, { SYS_prlimit64, { 0, 7, 0, 4096 } },
	};
	for (size_t i = 0; i < sizeof hot / sizeof *hot; i++) {
		bool free = false;
		for (size_t k = 0; k < n_rules && !free; k++) {
			free = rules[k].nr == hot[i].nr && !rule_is_mediated(&rules[k]);
			for (uint32_t c = 0; c < rules[k].n_conditions && free; c++)
				free = rule_holds(&rules[k].conditions[c], hot[i].args);
		}
		ck_assert_msg(free, "call %u (%lx, %lx)", hot[i].nr, hot[i].args[0], hot[i].args[1]);
		ck_assert(!arguments_are_mediated((int32_t)hot[i].nr, hot[i].args));
	}
}
END_TEST

/* ---- What must not be granted, and what must ---- */

struct verdict {
	const char *what;
	uint32_t nr;
	uint64_t args[6];
	bool allowed;
};

#define HIGH (1ull << 32)

static const struct verdict verdicts[] = {
	{ "typing for the user", SYS_ioctl, { 0, TIOCSTI_NR }, false },
	{ "the same with a high bit", SYS_ioctl, { 0, HIGH | TIOCSTI_NR }, false },
	{ "line discipline", SYS_ioctl, { 0, 0x5423 }, false },
	{ "console output", SYS_ioctl, { 0, 0x541d }, false },
	{ "virtual console", SYS_ioctl, { 0, 0x541c }, false },
	{ "foreground group, for the tracer to look at", SYS_ioctl, { 0, 0x5410 }, true },
	{ "asynchronous signals, for the tracer to look at", SYS_ioctl, { 0, 0x5452 }, true },
	{ "their target", SYS_ioctl, { 0, 0x8901 }, false },
	{ "a break", SYS_ioctl, { 0, 0x5409, 0 }, false },
	{ "terminal settings", SYS_ioctl, { 0, 0x5401 }, true },
	{ "window size", SYS_ioctl, { 0, 0x5413 }, true },
	{ "their target, by another number", SYS_ioctl, { 0, 0x8902 }, false },
	{ "owner of signals, for the tracer to look at", SYS_fcntl, { 0, 8, 1 }, true },
	{ "the same with a high bit", SYS_fcntl, { 0, HIGH | 8, 1 }, false },
	{ "owner of signals, by structure, for the tracer to look at", SYS_fcntl, { 0, 15, 1 }, true },
	{ "who it is", SYS_fcntl, { 0, 9 }, true },
	{ "who it is, by structure", SYS_fcntl, { 0, 16, 4096 }, true },
	{ "choice of signal", SYS_fcntl, { 0, 10, 9 }, false },
	{ "O_ASYNC, for the tracer to look at", SYS_fcntl, { 0, 4, 020000 }, true },
	{ "O_ASYNC and more, for the tracer to look at", SYS_fcntl, { 0, 4, 024000 }, true },
	{ "O_NONBLOCK", SYS_fcntl, { 0, 4, 04000 | 2 | 0100000 }, true },
	{ "lease", SYS_fcntl, { 0, 1024, 1 }, false },
	{ "directory notes", SYS_fcntl, { 0, 1026, 1 }, false },
	{ "sealing a memfd", SYS_fcntl, { 0, 1033, 15 }, false },
	{ "huge pipe", SYS_fcntl, { 1, 1031, 1 << 30 }, false },
	{ "name of a peer, for the tracer to look at", SYS_sendto, { 0, 1, 1, 0, 4096, 16 }, true },
	{ "name that connects", SYS_sendto, { 0, 1, 1, 0x20000000, 4096, 16 }, false },
	{ "connects without a name", SYS_sendto, { 0, 1, 1, 0x20000000, 0, 0 }, false },
	{ "no name", SYS_sendto, { 0, 1, 1, 0, 0, 0 }, true },
	{ "name in memory, for the tracer to look at", SYS_sendmsg, { 0, 4096, 0 }, true },
	{ "message that connects", SYS_sendmsg, { 0, 4096, 0x20000000 }, false },
	{ "names in memory", SYS_sendmmsg, { 0, 4096, 1, 0 }, false },
	{ "local stream", SYS_socket, { 1, 1, 0 }, true },
	{ "local datagrams", SYS_socket, { 1, 2, 0 }, true },
	{ "local socket of another kind", SYS_socket, { 1, 3, 0 }, false },
	{ "TCP", SYS_socket, { 2, 02000001, 6 }, true },
	{ "TCP over IPv6", SYS_socket, { 10, 1, 0 }, true },
	{ "UDP", SYS_socket, { 2, 2, 17 }, true },
	{ "ping, in a world with a list", SYS_socket, { 2, 2, 1 }, false },
	{ "raw socket", SYS_socket, { 2, 3, 6 }, false },
	{ "netlink, in a world with a list", SYS_socket, { 16, 3, 0 }, false },
	{ "netlink's answers, in a world with a list", SYS_setsockopt, { 0, 270, 11, 4096, 4 }, false },
	{ "packets", SYS_socket, { 17, 3, 0 }, false },
	{ "virtual machines' host", SYS_socket, { 40, 1, 0 }, false },
	{ "family with a high bit", SYS_socket, { HIGH | 2, 1, 0 }, false },
	{ "connect, for the tracer to look at", SYS_connect, { 0, 4096, 16 }, true },
	{ "bind, for the tracer to look at", SYS_bind, { 0, 4096, 16 }, true },
	{ "SO_REUSEADDR", SYS_setsockopt, { 0, 1, 2, 4096, 4 }, true },
	{ "SO_PRIORITY", SYS_setsockopt, { 0, 1, 12, 4096, 4 }, false },
	{ "SO_BINDTODEVICE", SYS_setsockopt, { 0, 1, 25, 4096, 4 }, false },
	{ "SO_ATTACH_FILTER", SYS_setsockopt, { 0, 1, 26, 4096, 16 }, false },
	{ "SO_MARK", SYS_setsockopt, { 0, 1, 36, 4096, 4 }, false },
	{ "TCP_NODELAY", SYS_setsockopt, { 0, 6, 1, 4096, 4 }, true },
	{ "TCP_FASTOPEN_CONNECT", SYS_setsockopt, { 0, 6, 30, 4096, 4 }, false },
	{ "source route", SYS_setsockopt, { 0, 0, 4, 4096, 4 }, false },
	{ "source route, IPv6", SYS_setsockopt, { 0, 41, 57, 4096, 4 }, false },
	{ "firewall", SYS_setsockopt, { 0, 0, 64, 4096, 4 }, false },
	{ "memory that children lack", SYS_madvise, { 4096, 4096, 10 }, false },
	{ "datagram pair", SYS_socketpair, { 1, 2, 0, 4096 }, true },
	{ "pair of another kind", SYS_socketpair, { 1, 3, 0, 4096 }, false },
	{ "stream pair", SYS_socketpair, { 1, 1 | 02000000, 0, 4096 }, true },
	{ "network pair", SYS_socketpair, { 2, 1, 0, 4096 }, false },
	{ "peer's process", SYS_getsockopt, { 0, 1, 77 }, false },
	{ "pending error", SYS_getsockopt, { 0, 1, 4 }, true },
	{ "user namespace", SYS_clone, { 0x10000000 | 17 }, false },
	{ "mount namespace", SYS_clone, { 0x00020000 | 17 }, false },
	{ "untraced child", SYS_clone, { 0x00800000 | 17 }, false },
	{ "our own parent's child", SYS_clone, { 0x00008000 | 17 }, false },
	{ "pidfd of a child", SYS_clone, { 0x00001000 | 17 }, true },
	{ "death by SIGKILL", SYS_clone, { 9 }, false },
	{ "high flags", SYS_clone, { HIGH | 17 }, false },
	{ "fork by clone", SYS_clone, { 0x01200011 }, true },
	{ "thread", SYS_clone, { 0x003d0f00 }, true },
	{ "flags in memory", SYS_clone3, { 4096, 88 }, false },
	{ "GS base", SYS_arch_prctl, { 0x1001, 4096 }, false },
	{ "GS base, high bit", SYS_arch_prctl, { HIGH | 0x1001, 4096 }, false },
	{ "FS base", SYS_arch_prctl, { 0x1002, 4096 }, true },
	{ "huge pages", SYS_mmap, { 0, 4096, 3, 0x40022, ~0ull, 0 }, false },
	{ "locked pages", SYS_mmap, { 0, 4096, 3, 0x2022, ~0ull, 0 }, false },
	{ "high flags", SYS_mmap, { 0, 4096, 3, HIGH | 0x22, ~0ull, 0 }, false },
	{ "own pages", SYS_mmap, { 0, 4096, 3, 0x22, ~0ull, 0 }, true },
	{ "thread stack", SYS_mmap, { 0, 4096, 0, 0x20022, ~0ull, 0 }, true },
	{ "poisoned page", SYS_madvise, { 4096, 4096, 100 }, false },
	{ "offline page", SYS_madvise, { 4096, 4096, 101 }, false },
	{ "poisoned page, high bit", SYS_madvise, { 4096, 4096, HIGH | 100 }, false },
	{ "merged page", SYS_madvise, { 4096, 4096, 12 }, false },
	{ "unused page", SYS_madvise, { 4096, 4096, 4 }, true },
	{ "priority inheritance", SYS_futex, { 4096, 6 }, false },
	{ "private wait", SYS_futex, { 4096, 128, 0 }, true },
	{ "private wake", SYS_futex, { 4096, 129, 1 }, true },
	{ "wait until", SYS_futex, { 4096, 128 | 256 | 9, 0 }, true },
	{ "another's limits, for the tracer to look at", SYS_prlimit64, { 1, 7, 0, 4096 }, true },
	{ "own limits, for the tracer to set", SYS_prlimit64, { 0, 7, 4096, 0 }, true },
	{ "own limits", SYS_prlimit64, { 0, 7, 0, 4096 }, true },
	{ "another's affinity", SYS_sched_setaffinity, { 1, 8, 4096 }, false },
	{ "another's robust list", SYS_get_robust_list, { 1, 4096, 4096 }, false },
	{ "another's clock, for the tracer to look at", SYS_clock_gettime, { (uint64_t)-30, 4096 }, true },
	{ "no clock", SYS_clock_gettime, { 12, 4096 }, false },
	{ "clock", SYS_clock_gettime, { 1, 4096 }, true },
	{ "alarm clock", SYS_timer_create, { 8, 0, 4096 }, false },
	{ "global barrier", SYS_membarrier, { 1 }, false },
	{ "no more tracing", SYS_prctl, { 4, 0 }, false },
	{ "anybody's tracing", SYS_prctl, { 0x59616d61, ~0ull }, false },
	{ "own filter", SYS_prctl, { 22, 2, 4096 }, false },
	{ "user dispatch", SYS_prctl, { 59, 1 }, false },
	{ "memory map fields", SYS_prctl, { 35, 1 }, false },
	{ "own name", SYS_prctl, { 15, 4096 }, true },
	{ "notification pipe", SYS_pipe2, { 4096, 0200 }, false },
	{ "pipe", SYS_pipe2, { 4096, 02000000 }, true },
	{ "filter", SYS_seccomp, { 1 }, false },
	{ "tracing", SYS_ptrace, { 16, 1 }, false },
	{ "another's memory", SYS_process_vm_readv, { 1 }, false },
	{ "another process, for the tracer to look at", SYS_pidfd_open, { 1 }, true },
	{ "another's descriptors", SYS_pidfd_getfd, { 3, 0, 0 }, false },
	{ "writing elsewhere than at the end", SYS_pwritev2, { 1, 4096, 1, 0, 0, 0x20 }, false },
	{ "rings", SYS_io_uring_setup, { 1 }, false },
	{ "times of a path", SYS_utimensat, { (uint64_t)AT_FDCWD, 4096 }, false },
	{ "times of a descriptor", SYS_utimensat, { 3, 0 }, false },
	{ "path", SYS_open, { 4096 }, false },
	{ "path", SYS_openat, { 0 }, false },
	{ "program", SYS_execve, { 4096 }, false },
	{ "program by name", SYS_execveat, { 0, 4096, 0, 0, 0 }, false },
	{ "stub, for the tracer to look at", SYS_execveat, { 3, 4096, 0, 0, AT_EMPTY_PATH }, true },
	{ "root", SYS_chroot, { 4096 }, false },
	{ "mode of a file", SYS_fchmod, { 0, 04777 }, false },
	{ "mode of a file, in a world that may write nothing", SYS_fchmod, { 0, 0644 }, false },
	{ "namespace", SYS_unshare, { 0x20000 }, false },
	{ "user fault", SYS_userfaultfd, { 0 }, false },
	{ "sealed mappings", 462, { 4096, 4096 }, false },
};

START_TEST(verdicts_hold)
{
	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		const struct verdict *v = &verdicts[i];
		ck_assert_msg(rules_allow(v->nr, v->args) == v->allowed, "%s (call %u)", v->what, v->nr);
	}
}
END_TEST

/* ---- Handlers ---- */

static long call(int nr, long a0, long a1, long a2, long a3)
{
	return entries[nr](a0, a1, a2, a3, 0, 0);
}

START_TEST(fstat_without_a_path)
{
	char buf[512];
	long fstatat = SYS_newfstatat, empty = AT_EMPTY_PATH;

	ck_assert_int_eq(call((int)fstatat, 0, (long)"", (long)buf, empty), 0);
	ck_assert_int_eq(call((int)fstatat, 0, 0, (long)buf, empty), 0);
	ck_assert_int_eq(call((int)fstatat, -1, (long)"", (long)buf, empty), -EBADF);
	ck_assert_int_eq(call((int)fstatat, 0, (long)"/", (long)buf, empty), -ENOENT);
	ck_assert_int_eq(call((int)fstatat, AT_FDCWD, (long)"", (long)buf, empty), -ENOENT);
	ck_assert_str_eq(last.path, "."); /* the working directory itself */
	ck_assert_int_eq(call((int)fstatat, -1, (long)"x", (long)buf, 0), -EBADF);
	ck_assert_int_eq(call((int)fstatat, 0, (long)"/", (long)buf, 4), -EINVAL);
	ck_assert_int_eq(call((int)fstatat, 0, (long)"", (long)buf, 0), -ENOENT);
	ck_assert_int_eq(call((int)fstatat, 0, 64, (long)buf, empty), -EFAULT);
	ck_assert_int_eq(call((int)fstatat, 0, 0, (long)buf, 0), -EFAULT);
}
END_TEST

START_TEST(working_directory_is_the_root)
{
	char buf[8] = "xxxxxxx";

	ck_assert_int_eq(call(SYS_getcwd, (long)buf, sizeof buf, 0, 0), 2);
	ck_assert_str_eq(buf, "/");
	ck_assert_int_eq(call(SYS_getcwd, (long)buf, 1, 0, 0), -ERANGE);
	ck_assert_int_eq(call(SYS_getcwd, 64, 8, 0, 0), -EFAULT);
}
END_TEST

START_TEST(ids_stay_what_they_are)
{
	ck_assert_int_eq(call(SYS_setuid, 1000, 7, 7, 7), 0);
	ck_assert_int_eq(call(SYS_setuid, 0, 1000, 1000, 1000), -EPERM);
	ck_assert_int_eq(call(SYS_setuid, -1, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_setgid, 0, 0, 0, 0), -EPERM);
	ck_assert_int_eq(call(SYS_setreuid, -1, 1000, 7, 7), 0);
	ck_assert_int_eq(call(SYS_setregid, 1000, 0, 7, 7), -EPERM);
	ck_assert_int_eq(call(SYS_setresuid, 1000, -1, 1000, 7), 0);
	ck_assert_int_eq(call(SYS_setresgid, 1000, -1, 0, 7), -EPERM);
	ck_assert_int_eq(call(SYS_mlock, 4096, 4096, 0, 0), -EPERM);
}
END_TEST

#define ROUND 020000 /* as <linux/shm.h> has them */
#define REMAP 040000
#define READ_ONLY 010000
#define EXECUTE 0100000

static long attach(unsigned long address, long flags)
{
	mapped = 0;
	return call(SYS_shmat, SEGMENT, (long)address, flags, 0);
}

START_TEST(memory_is_attached_as_linux_does)
{
	is_root = false;
	ck_assert_int_eq(attach(0, 0), 1l << 20);
	ck_assert_int_eq(map_args[1], 4096);
	ck_assert_int_eq(map_args[2], PROT_READ | PROT_WRITE);
	ck_assert_int_eq(map_args[3], MAP_SHARED);
	ck_assert_int_eq(map_args[4], 0); /* the descriptor */
	ck_assert_uint_eq(asked.wanted, 6);
	ck_assert_int_eq(attach(0x5000, READ_ONLY), 0x5000);
	ck_assert_int_eq(map_args[2], PROT_READ);
	ck_assert_int_eq(map_args[3], MAP_SHARED | MAP_FIXED_NOREPLACE);
	ck_assert_uint_eq(asked.wanted, 4);
	ck_assert_int_eq(asked.read_only, 1);
	ck_assert_int_eq(attach(0x5fff, READ_ONLY | EXECUTE | ROUND | REMAP), 0x5000);
	ck_assert_int_eq(map_args[2], PROT_READ | PROT_EXEC);
	ck_assert_int_eq(map_args[3], MAP_SHARED | MAP_FIXED);
	ck_assert_uint_eq(asked.wanted, 5);
	is_root = true;
	ck_assert_int_eq(attach(0, EXECUTE), 1l << 20);
	ck_assert_uint_eq(asked.wanted, 0);
	ck_assert_int_eq(attach(0x5001, 0), -EINVAL);
	ck_assert_int_eq(attach(0x5001, REMAP), -EINVAL);
	ck_assert_int_eq(attach(0, REMAP), -EINVAL);
	ck_assert_int_eq(attach(1, ROUND | REMAP), -EINVAL);
	ck_assert_int_eq(attach(-4096ul, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_shmat, 4, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_shmat, -1, 0, 0, 0), -EINVAL);
	mapped = -EEXIST;
	ck_assert_int_eq(call(SYS_shmat, SEGMENT, 0x5000, 0, 0), -EINVAL);
	mapped = -ENOMEM;
	ck_assert_int_eq(call(SYS_shmat, SEGMENT, 0x5000, 0, 0), -ENOMEM);
	ck_assert_int_eq(call(SYS_shmdt, 0x5001, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_shmdt, 0x5000, 0, 0, 0), -EINVAL);
	ck_assert_uint_eq(asked.address, 0x5000);
}
END_TEST

START_TEST(memory_is_told_of_as_linux_does)
{
	char buf[112] = { 0 };

	is_root = false;
	ck_assert_int_eq(call(SYS_shmget, 7, 100, 0620 | 01000, 0), SEGMENT);
	ck_assert_uint_eq(asked.key, 7);
	ck_assert_uint_eq(asked.size, 100);
	ck_assert_int_eq(asked.flags, 01620);
	ck_assert_uint_eq(asked.wanted, 6);
	ck_assert_uint_eq(asked.uid, 1000);
	ck_assert_int_eq(call(SYS_shmctl, SEGMENT, 2 /* IPC_STAT */, (long)buf, 0), 0);
	ck_assert_int_eq(buf[111], 0x11);
	ck_assert_uint_eq(asked.wanted, 4);
	ck_assert_int_eq(call(SYS_shmctl, 0, 13 /* SHM_STAT */, (long)buf, 0), SEGMENT);
	ck_assert_uint_eq(asked.wanted, 4);
	ck_assert_int_eq(call(SYS_shmctl, 0, 15 /* SHM_STAT_ANY */, (long)buf, 0), SEGMENT);
	ck_assert_uint_eq(asked.wanted, 0);
	ck_assert_int_eq(call(SYS_shmctl, SEGMENT, 2, 64, 0), -EFAULT);
	ck_assert_int_eq(call(SYS_shmctl, 4, 2, 64, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_shmctl, SEGMENT, 1 /* IPC_SET */, (long)buf, 0), 0);
	ck_assert_uint_eq(asked.uid, 0x11111111);
	ck_assert_uint_eq(asked.mode, 0x11111111);
	ck_assert_int_eq(call(SYS_shmctl, 4, 1, 64, 0), -EFAULT);
	ck_assert_int_eq(call(SYS_shmctl, 4, 1, (long)buf, 0), -EINVAL);
	memset(buf, 0xff, sizeof buf);
	ck_assert_int_eq(call(SYS_shmctl, SEGMENT, 1, (long)buf, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_shmctl, SEGMENT, 0 /* IPC_RMID */, 0, 0), 0);
	ck_assert_int_eq(call(SYS_shmctl, 4, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_shmctl, SEGMENT, 11 /* SHM_LOCK */, 0, 0), -EPERM);
	ck_assert_int_eq(call(SYS_shmctl, 4, 11, 0, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_shmctl, SEGMENT, 12 /* SHM_UNLOCK */, 0, 0), 0);
	ck_assert_int_eq(call(SYS_shmctl, 0, 3 /* IPC_INFO */, (long)buf, 0), 3);
	ck_assert_int_eq(buf[71], 0x22);
	ck_assert_int_eq(buf[72], -1);
	ck_assert_int_eq(call(SYS_shmctl, 0, 14 /* SHM_INFO */, (long)buf, 0), 3);
	ck_assert_int_eq(buf[47], 0x33);
	ck_assert_int_eq(buf[48], 0x22);
	ck_assert_int_eq(call(SYS_shmctl, -1, 3, (long)buf, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_shmctl, SEGMENT, 4, (long)buf, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_shmctl, SEGMENT, 0x102, (long)buf, 0), -EINVAL);
}
END_TEST

int main(void)
{
	struct err err = { 0 };
	Suite *suite = suite_create("linux calls");
	TCase *tests = tcase_create("all");

	/* The module's constructor has run: the rules are here. */
	if (os_filter_make(rules, n_rules, &filter, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_FAILURE;
	}
	tcase_add_test(tests, filter_does_what_the_rules_say);
	tcase_add_test(tests, numbers_are_those_of_linux);
	tcase_add_test(tests, mediated_rows_are_mediated);
	tcase_add_test(tests, hot_calls_are_not_looked_at);
	tcase_add_test(tests, verdicts_hold);
	tcase_add_test(tests, fstat_without_a_path);
	tcase_add_test(tests, working_directory_is_the_root);
	tcase_add_test(tests, ids_stay_what_they_are);
	tcase_add_test(tests, memory_is_attached_as_linux_does);
	tcase_add_test(tests, memory_is_told_of_as_linux_does);
	tcase_set_timeout(tests, 300);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	os_program_free(&filter);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
