// SPDX-License-Identifier: MIT
// Flags and constants by their names, from the headers of the system that this is built on.
#include "trace/flags.h"

#include "trace/trace.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/memfd.h>
#include <linux/prctl.h>
#include <linux/random.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct name {
	uint64_t value;
	const char *name;
};

#define N(constant) { (uint64_t)(constant), #constant }
#define END { 0, NULL }

/* Newer than the oldest headers that this is built with. */
#ifndef SECCOMP_GET_NOTIF_SIZES
#define SECCOMP_GET_NOTIF_SIZES 3
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC 0x10U
#endif
#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#define KERNEL_O_LARGEFILE 0100000 /* the libraries define it as 0 on 64-bit systems */

static const struct name open_flags[] = {
	N(O_CREAT), N(O_EXCL), N(O_NOCTTY), N(O_TRUNC), N(O_APPEND), N(O_NONBLOCK), N(O_SYNC),
	N(O_DSYNC), N(O_ASYNC), N(O_DIRECT), { KERNEL_O_LARGEFILE, "O_LARGEFILE" }, N(O_TMPFILE),
	N(O_DIRECTORY), N(O_NOFOLLOW), N(O_NOATIME), N(O_CLOEXEC), N(O_PATH), END,
};
static const struct name prot_flags[] = {
	N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC), N(PROT_GROWSDOWN), N(PROT_GROWSUP), END,
};
static const struct name map_flags[] = {
	N(MAP_FIXED), N(MAP_ANONYMOUS), N(MAP_GROWSDOWN), N(MAP_DENYWRITE), N(MAP_EXECUTABLE),
	N(MAP_LOCKED), N(MAP_NORESERVE), N(MAP_POPULATE), N(MAP_NONBLOCK), N(MAP_STACK),
	N(MAP_HUGETLB), N(MAP_SYNC), N(MAP_FIXED_NOREPLACE), { 0x40, "MAP_32BIT" }, END,
};
static const struct name mremap_flags[] = {
	N(MREMAP_MAYMOVE), N(MREMAP_FIXED), { 4, "MREMAP_DONTUNMAP" }, END,
};
static const struct name msync_flags[] = { N(MS_ASYNC), N(MS_INVALIDATE), N(MS_SYNC), END };
static const struct name mlock_flags[] = { N(MCL_CURRENT), N(MCL_FUTURE), N(MCL_ONFAULT), END };
static const struct name madvice[] = {
	N(MADV_NORMAL), N(MADV_RANDOM), N(MADV_SEQUENTIAL), N(MADV_WILLNEED), N(MADV_DONTNEED),
	N(MADV_FREE), N(MADV_REMOVE), N(MADV_DONTFORK), N(MADV_DOFORK), N(MADV_MERGEABLE),
	N(MADV_UNMERGEABLE), N(MADV_HUGEPAGE), N(MADV_NOHUGEPAGE), N(MADV_DONTDUMP), N(MADV_DODUMP),
	N(MADV_WIPEONFORK), N(MADV_KEEPONFORK), N(MADV_COLD), N(MADV_PAGEOUT),
	N(MADV_POPULATE_READ), N(MADV_POPULATE_WRITE), { 100, "MADV_HWPOISON" }, END,
};
static const struct name clone_flags[] = {
	N(CLONE_VM), N(CLONE_FS), N(CLONE_FILES), N(CLONE_SIGHAND), N(CLONE_PIDFD), N(CLONE_PTRACE),
	N(CLONE_VFORK), N(CLONE_PARENT), N(CLONE_THREAD), N(CLONE_NEWNS), N(CLONE_SYSVSEM),
	N(CLONE_SETTLS), N(CLONE_PARENT_SETTID), N(CLONE_CHILD_CLEARTID), N(CLONE_DETACHED),
	N(CLONE_UNTRACED), N(CLONE_CHILD_SETTID), N(CLONE_NEWCGROUP), N(CLONE_NEWUTS),
	N(CLONE_NEWIPC), N(CLONE_NEWUSER), N(CLONE_NEWPID), N(CLONE_NEWNET), N(CLONE_IO), END,
};
static const struct name unshare_flags[] = {
	N(CLONE_VM), N(CLONE_FS), N(CLONE_FILES), N(CLONE_SIGHAND), N(CLONE_THREAD), N(CLONE_NEWNS),
	N(CLONE_SYSVSEM), N(CLONE_NEWCGROUP), N(CLONE_NEWUTS), N(CLONE_NEWIPC), N(CLONE_NEWUSER),
	N(CLONE_NEWPID), N(CLONE_NEWNET), N(CLONE_NEWTIME), END,
};
static const struct name wait_flags[] = {
	N(WNOHANG), N(WUNTRACED), N(WEXITED), N(WCONTINUED), N(WNOWAIT), { 0x20000000, "__WNOTHREAD" },
	{ 0x40000000, "__WALL" }, { 0x80000000, "__WCLONE" }, END,
};
static const struct name id_types[] = { N(P_ALL), N(P_PID), N(P_PGID), { 3, "P_PIDFD" }, END };
static const struct name mask_hows[] = { N(SIG_BLOCK), N(SIG_UNBLOCK), N(SIG_SETMASK), END };
static const struct name futex_ops[] = {
	N(FUTEX_WAIT), N(FUTEX_WAKE), N(FUTEX_FD), N(FUTEX_REQUEUE), N(FUTEX_CMP_REQUEUE),
	N(FUTEX_WAKE_OP), N(FUTEX_LOCK_PI), N(FUTEX_UNLOCK_PI), N(FUTEX_TRYLOCK_PI),
	N(FUTEX_WAIT_BITSET), N(FUTEX_WAKE_BITSET), N(FUTEX_WAIT_REQUEUE_PI),
	N(FUTEX_CMP_REQUEUE_PI), N(FUTEX_LOCK_PI2), END,
};
static const struct name ioctls[] = {
	N(TCGETS), N(TCSETS), N(TCSETSW), N(TCSETSF), N(TCGETA), N(TCSETA), N(TCSETAW), N(TCSETAF),
	N(TCSBRK), N(TCXONC), N(TCFLSH), N(TIOCEXCL), N(TIOCNXCL), N(TIOCSCTTY), N(TIOCGPGRP),
	N(TIOCSPGRP), N(TIOCOUTQ), N(TIOCSTI), N(TIOCGWINSZ), N(TIOCSWINSZ), N(TIOCMGET),
	N(TIOCMSET), N(FIONREAD), N(TIOCLINUX), N(TIOCCONS), N(TIOCPKT), N(FIONBIO), N(TIOCNOTTY),
	N(TIOCSETD), N(TIOCGETD), N(TCSBRKP), N(TIOCSBRK), N(TIOCCBRK), N(TIOCGSID), N(TIOCGPTN),
	N(TIOCSPTLCK), N(TIOCGPTPEER), N(FIONCLEX), N(FIOCLEX), N(FIOASYNC), N(FIOQSIZE),
	{ 0x40049409, "FICLONE" }, { 0x4020940d, "FICLONERANGE" }, { 0x80086601, "FS_IOC_GETFLAGS" },
	{ 0x40086602, "FS_IOC_SETFLAGS" }, { 0x8912, "SIOCGIFCONF" }, { 0x8913, "SIOCGIFFLAGS" },
	{ 0x8915, "SIOCGIFADDR" }, { 0x8927, "SIOCGIFHWADDR" }, { 0x8933, "SIOCGIFINDEX" },
	{ 0x80081272, "BLKGETSIZE64" }, END,
};
static const struct name fcntl_cmds[] = {
	N(F_DUPFD), N(F_GETFD), N(F_SETFD), N(F_GETFL), N(F_SETFL), { 5, "F_GETLK" }, { 6, "F_SETLK" },
	{ 7, "F_SETLKW" }, N(F_SETOWN), N(F_GETOWN), N(F_SETSIG), N(F_GETSIG), N(F_SETOWN_EX),
	N(F_GETOWN_EX), N(F_OFD_GETLK), N(F_OFD_SETLK), N(F_OFD_SETLKW), N(F_SETLEASE),
	N(F_GETLEASE), N(F_NOTIFY), N(F_DUPFD_CLOEXEC), N(F_SETPIPE_SZ), N(F_GETPIPE_SZ),
	N(F_ADD_SEALS), N(F_GET_SEALS), { 1035, "F_GET_RW_HINT" }, { 1036, "F_SET_RW_HINT" }, END,
};
static const struct name seals[] = {
	N(F_SEAL_SEAL), N(F_SEAL_SHRINK), N(F_SEAL_GROW), N(F_SEAL_WRITE), { 16, "F_SEAL_FUTURE_WRITE" },
	{ 32, "F_SEAL_EXEC" }, END,
};
static const struct name flocks[] = { N(LOCK_SH), N(LOCK_EX), N(LOCK_NB), N(LOCK_UN), END };
static const struct name prctls[] = {
	N(PR_SET_PDEATHSIG), N(PR_GET_PDEATHSIG), N(PR_GET_DUMPABLE), N(PR_SET_DUMPABLE),
	N(PR_GET_KEEPCAPS), N(PR_SET_KEEPCAPS), N(PR_GET_TIMING), N(PR_SET_TIMING), N(PR_SET_NAME),
	N(PR_GET_NAME), N(PR_GET_SECCOMP), N(PR_SET_SECCOMP), N(PR_CAPBSET_READ),
	N(PR_CAPBSET_DROP), N(PR_GET_TSC), N(PR_SET_TSC), N(PR_GET_SECUREBITS),
	N(PR_SET_SECUREBITS), N(PR_SET_TIMERSLACK), N(PR_GET_TIMERSLACK), N(PR_MCE_KILL),
	N(PR_MCE_KILL_GET), N(PR_SET_MM), N(PR_SET_PTRACER), N(PR_SET_CHILD_SUBREAPER),
	N(PR_GET_CHILD_SUBREAPER), N(PR_SET_NO_NEW_PRIVS), N(PR_GET_NO_NEW_PRIVS),
	N(PR_GET_TID_ADDRESS), N(PR_SET_THP_DISABLE), N(PR_GET_THP_DISABLE), N(PR_CAP_AMBIENT),
	N(PR_GET_SPECULATION_CTRL), N(PR_SET_SPECULATION_CTRL), N(PR_SET_IO_FLUSHER),
	N(PR_GET_IO_FLUSHER), N(PR_SET_SYSCALL_USER_DISPATCH), N(PR_SET_VMA), END,
};
static const struct name arch_prctls[] = {
	N(ARCH_SET_GS), N(ARCH_SET_FS), N(ARCH_GET_FS), N(ARCH_GET_GS), { 0x1011, "ARCH_GET_CPUID" },
	{ 0x1012, "ARCH_SET_CPUID" }, { 0x1021, "ARCH_GET_XCOMP_SUPP" },
	{ 0x1022, "ARCH_GET_XCOMP_PERM" }, { 0x1023, "ARCH_REQ_XCOMP_PERM" },
	{ 0x5001, "ARCH_SHSTK_ENABLE" }, { 0x5002, "ARCH_SHSTK_DISABLE" },
	{ 0x5003, "ARCH_SHSTK_LOCK" }, { 0x5005, "ARCH_SHSTK_STATUS" },
	{ 0x3001, "ARCH_CET_STATUS" }, END,
};
static const struct name seccomp_ops[] = {
	N(SECCOMP_SET_MODE_STRICT), N(SECCOMP_SET_MODE_FILTER), N(SECCOMP_GET_ACTION_AVAIL),
	N(SECCOMP_GET_NOTIF_SIZES), END,
};
static const struct name clocks[] = {
	N(CLOCK_REALTIME), N(CLOCK_MONOTONIC), N(CLOCK_PROCESS_CPUTIME_ID),
	N(CLOCK_THREAD_CPUTIME_ID), N(CLOCK_MONOTONIC_RAW), N(CLOCK_REALTIME_COARSE),
	N(CLOCK_MONOTONIC_COARSE), N(CLOCK_BOOTTIME), N(CLOCK_REALTIME_ALARM),
	N(CLOCK_BOOTTIME_ALARM), N(CLOCK_TAI), END,
};
static const struct name clock_flags[] = { N(TIMER_ABSTIME), END };
static const struct name whences[] = {
	N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), { 3, "SEEK_DATA" }, { 4, "SEEK_HOLE" }, END,
};
static const struct name access_modes[] = { N(R_OK), N(W_OK), N(X_OK), END };
/* One bit set serves all calls with AT_ flags; 0x200 means two things, by call. */
static const struct name at_flags[] = {
	N(AT_SYMLINK_NOFOLLOW), { 0x200, "AT_REMOVEDIR" }, N(AT_SYMLINK_FOLLOW), N(AT_NO_AUTOMOUNT),
	N(AT_EMPTY_PATH), { 0x2000, "AT_STATX_FORCE_SYNC" }, { 0x4000, "AT_STATX_DONT_SYNC" },
	{ 0x8000, "AT_RECURSIVE" }, END,
};
static const struct name rename_flags[] = {
	{ 1, "RENAME_NOREPLACE" }, { 2, "RENAME_EXCHANGE" }, { 4, "RENAME_WHITEOUT" }, END,
};
static const struct name rw_flags[] = {
	N(RWF_HIPRI), N(RWF_DSYNC), N(RWF_SYNC), N(RWF_NOWAIT), N(RWF_APPEND), END,
};
static const struct name memfd_flags[] = {
	N(MFD_CLOEXEC), N(MFD_ALLOW_SEALING), N(MFD_HUGETLB), N(MFD_NOEXEC_SEAL), N(MFD_EXEC), END,
};
static const struct name random_flags[] = {
	N(GRND_NONBLOCK), N(GRND_RANDOM), { 4, "GRND_INSECURE" }, END,
};
static const struct name families[] = {
	N(AF_UNSPEC), N(AF_UNIX), N(AF_INET), N(AF_AX25), N(AF_IPX), N(AF_APPLETALK), N(AF_X25),
	N(AF_INET6), N(AF_KEY), N(AF_NETLINK), N(AF_PACKET), N(AF_RDS), N(AF_CAN), N(AF_TIPC),
	N(AF_BLUETOOTH), N(AF_ALG), N(AF_VSOCK), { 44, "AF_XDP" }, END,
};
static const struct name socket_types[] = {
	N(SOCK_STREAM), N(SOCK_DGRAM), N(SOCK_RAW), N(SOCK_RDM), N(SOCK_SEQPACKET), N(SOCK_DCCP),
	N(SOCK_PACKET), END,
};
static const struct name socket_flags[] = { N(SOCK_CLOEXEC), N(SOCK_NONBLOCK), END };
static const struct name message_flags[] = {
	N(MSG_OOB), N(MSG_PEEK), N(MSG_DONTROUTE), N(MSG_CTRUNC), N(MSG_TRUNC), N(MSG_DONTWAIT),
	N(MSG_EOR), N(MSG_WAITALL), N(MSG_CONFIRM), N(MSG_ERRQUEUE), N(MSG_NOSIGNAL), N(MSG_MORE),
	N(MSG_WAITFORONE), N(MSG_FASTOPEN), N(MSG_CMSG_CLOEXEC), END,
};
static const struct name shutdowns[] = { N(SHUT_RD), N(SHUT_WR), N(SHUT_RDWR), END };
static const struct name socket_levels[] = {
	{ 0, "SOL_IP" }, N(SOL_SOCKET), { 6, "SOL_TCP" }, { 17, "SOL_UDP" }, { 41, "SOL_IPV6" },
	{ 263, "SOL_PACKET" }, { 270, "SOL_NETLINK" }, END,
};
static const struct name epoll_ops[] = { N(EPOLL_CTL_ADD), N(EPOLL_CTL_DEL), N(EPOLL_CTL_MOD), END };
static const struct name poll_events[] = {
	N(POLLIN), N(POLLPRI), N(POLLOUT), N(POLLERR), N(POLLHUP), N(POLLNVAL), N(POLLRDNORM),
	N(POLLRDBAND), N(POLLWRNORM), N(POLLWRBAND), { 0x2000, "POLLRDHUP" }, END,
};
static const struct name resources[] = {
	N(RLIMIT_CPU), N(RLIMIT_FSIZE), N(RLIMIT_DATA), N(RLIMIT_STACK), N(RLIMIT_CORE),
	N(RLIMIT_RSS), N(RLIMIT_NPROC), N(RLIMIT_NOFILE), N(RLIMIT_MEMLOCK), N(RLIMIT_AS),
	N(RLIMIT_LOCKS), N(RLIMIT_SIGPENDING), N(RLIMIT_MSGQUEUE), N(RLIMIT_NICE), N(RLIMIT_RTPRIO),
	N(RLIMIT_RTTIME), END,
};
static const struct name action_flags[] = {
	N(SA_NOCLDSTOP), N(SA_NOCLDWAIT), N(SA_SIGINFO), { 0x04000000, "SA_RESTORER" }, N(SA_ONSTACK),
	N(SA_RESTART), N(SA_NODEFER), { (uint64_t)0x80000000u, "SA_RESETHAND" }, END,
};
static const struct name file_types[] = {
	N(S_IFREG), N(S_IFDIR), N(S_IFCHR), N(S_IFBLK), N(S_IFIFO), N(S_IFLNK), N(S_IFSOCK), END,
};

static const char *find(const struct name *names, uint64_t value)
{
	for (; names->name; names++)
		if (names->value == value)
			return names->name;
	return NULL;
}

static void print_one(struct out *out, const struct name *names, uint64_t value)
{
	const char *name = find(names, value);
	if (name)
		out_text(out, name);
	else
		out_printf(out, "%#llx", (unsigned long long)value);
}

/* Names joined with |, the rest in hexadecimal. `first`: nothing stands before them yet. */
static void print_more(struct out *out, const struct name *names, uint64_t value, bool first)
{
	for (; names->name; names++) {
		if (names->value && (value & names->value) == names->value) {
			out_printf(out, "%s%s", first ? "" : "|", names->name);
			value &= ~names->value;
			first = false;
		}
	}
	if (value)
		out_printf(out, "%s%#llx", first ? "" : "|", (unsigned long long)value);
	else if (first)
		out_char(out, '0');
}

static void print_bits(struct out *out, const struct name *names, uint64_t value, const char *none)
{
	if (!value && none)
		out_text(out, none);
	else
		print_more(out, names, value, true);
}

static void print_open(struct out *out, uint64_t value)
{
	static const char *const modes[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
	out_text(out, modes[value & O_ACCMODE]);
	if (value & ~(uint64_t)O_ACCMODE)
		print_more(out, open_flags, value & ~(uint64_t)O_ACCMODE, false);
}

static void print_map(struct out *out, uint64_t value)
{
	static const char *const types[] = { "0", "MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED_VALIDATE" };
	uint64_t type = value & 3, size = (value >> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;
	bool huge = (value & MAP_HUGETLB) && size;
	out_text(out, types[type]);
	value &= ~(uint64_t)3;
	if (huge)
		value &= ~((uint64_t)MAP_HUGE_MASK << MAP_HUGE_SHIFT);
	if (value)
		print_more(out, map_flags, value, false);
	if (huge)
		out_printf(out, "|%llu<<MAP_HUGE_SHIFT", (unsigned long long)size);
}

void flags_clone(struct out *out, uint64_t flags)
{
	int signo = (int)(flags & 0xff);
	if (flags & ~(uint64_t)0xff)
		print_more(out, clone_flags, flags & ~(uint64_t)0xff, true);
	if (signo || !flags) {
		if (flags & ~(uint64_t)0xff)
			out_char(out, '|');
		flags_print(out, SIG, (uint64_t)signo);
	}
}

static void print_futex(struct out *out, uint64_t op)
{
	uint64_t command = op & (uint64_t)FUTEX_CMD_MASK & 0xffffffff;
	print_one(out, futex_ops, command);
	if (op & FUTEX_PRIVATE_FLAG)
		out_text(out, "_PRIVATE");
	if (op & FUTEX_CLOCK_REALTIME)
		out_text(out, "|FUTEX_CLOCK_REALTIME");
}

static void print_ioctl(struct out *out, uint64_t request)
{
	static const char *const ways[] = { "_IOC_NONE", "_IOC_WRITE", "_IOC_READ",
					    "_IOC_READ|_IOC_WRITE" };
	const char *name = find(ioctls, request);
	unsigned r = (unsigned)request;
	if (name)
		out_text(out, name);
	else if (request >> 32)
		out_printf(out, "%#llx", (unsigned long long)request);
	else
		out_printf(out, "_IOC(%s, %#x, %#x, %#x)", ways[_IOC_DIR(r)], _IOC_TYPE(r),
			   _IOC_NR(r), _IOC_SIZE(r));
}

/* clockid_t is an int; negative ones are made of a process id or a descriptor. */
static void print_clock(struct out *out, uint64_t value)
{
	const char *name = find(clocks, (uint32_t)value);
	if (name)
		out_text(out, name);
	else
		out_printf(out, "%d", (int)value);
}

static void print_socket_type(struct out *out, uint64_t value)
{
	uint64_t type = value & 0xf;
	print_one(out, socket_types, type);
	if (value & ~(uint64_t)0xf)
		print_more(out, socket_flags, value & ~(uint64_t)0xf, false);
}

static void print_access(struct out *out, uint64_t value)
{
	print_bits(out, access_modes, (uint32_t)value, "F_OK");
}

bool flags_print(struct out *out, enum kind kind, uint64_t value)
{
	uint64_t low = (uint32_t)value; /* most of these are ints to the kernel */
	switch (kind) {
	case OPEN: print_open(out, low); break;
	case FDF: print_bits(out, open_flags, low, NULL); break;
	case PROT: print_bits(out, prot_flags, value, "PROT_NONE"); break;
	case MAP: print_map(out, value); break;
	case MREMAP: print_bits(out, mremap_flags, value, NULL); break;
	case MSYNC: print_bits(out, msync_flags, low, NULL); break;
	case MLOCK: print_bits(out, mlock_flags, low, NULL); break;
	case MADV: print_one(out, madvice, low); break;
	case CLONE: flags_clone(out, value); break;
	case UNSHARE: print_bits(out, unshare_flags, value, NULL); break;
	case WOPT: print_bits(out, wait_flags, low, NULL); break;
	case IDTYPE: print_one(out, id_types, low); break;
	case SIG: {
		const char *name = trace_signal_name((int)value);
		if (name)
			out_text(out, name);
		else
			out_printf(out, "%d", (int)value);
		break;
	}
	case SIGHOW: print_one(out, mask_hows, low); break;
	case FUTEX: print_futex(out, low); break;
	case IOCTL: print_ioctl(out, value); break;
	case FCNTL: print_one(out, fcntl_cmds, low); break;
	case FLOCK: print_bits(out, flocks, low, NULL); break;
	case PRCTL: print_one(out, prctls, low); break;
	case ARCHP: print_one(out, arch_prctls, low); break;
	case SECC: print_one(out, seccomp_ops, low); break;
	case CLOCK: print_clock(out, value); break;
	case CLOCKF: print_bits(out, clock_flags, low, NULL); break;
	case WHENCE: print_one(out, whences, low); break;
	case ACC: print_access(out, value); break;
	case ATF: print_bits(out, at_flags, low, NULL); break;
	case RENAMEF: print_bits(out, rename_flags, low, NULL); break;
	case RWF: print_bits(out, rw_flags, low, NULL); break;
	case MEMFD: print_bits(out, memfd_flags, low, NULL); break;
	case GRND: print_bits(out, random_flags, low, NULL); break;
	case FAMILY: print_one(out, families, low); break;
	case STYPE: print_socket_type(out, low); break;
	case MSGF: print_bits(out, message_flags, low, NULL); break;
	case SHUT: print_one(out, shutdowns, low); break;
	case SOLEVEL: print_one(out, socket_levels, low); break;
	case EPOP: print_one(out, epoll_ops, low); break;
	case RES: print_one(out, resources, low); break;
	default: return false;
	}
	return true;
}

bool flags_open_has_mode(uint64_t flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

bool flags_futex_has_timeout(uint64_t op)
{
	switch (op & (uint64_t)FUTEX_CMD_MASK & 0xffffffff) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_WAIT_REQUEUE_PI: return true;
	default: return false;
	}
}

bool flags_futex_has_count(uint64_t op)
{
	switch (op & (uint64_t)FUTEX_CMD_MASK & 0xffffffff) {
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_CMP_REQUEUE_PI:
	case FUTEX_WAKE_OP: return true;
	default: return false;
	}
}

bool flags_futex_has_more(uint64_t op)
{
	switch (op & (uint64_t)FUTEX_CMD_MASK & 0xffffffff) {
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAKE_BITSET:
	case FUTEX_WAIT_REQUEUE_PI: return true;
	default: return flags_futex_has_count(op);
	}
}

bool flags_fcntl_has_argument(uint64_t cmd)
{
	switch ((uint32_t)cmd) {
	case F_GETFD:
	case F_GETFL:
	case F_GETOWN:
	case F_GETSIG:
	case F_GETLEASE:
	case F_GETPIPE_SZ:
	case F_GET_SEALS: return false;
	default: return true;
	}
}

void flags_fcntl_argument(struct out *out, uint64_t cmd, uint64_t value)
{
	switch ((uint32_t)cmd) {
	case F_SETFD:
		if (value == FD_CLOEXEC)
			out_text(out, "FD_CLOEXEC");
		else
			out_printf(out, "%#llx", (unsigned long long)value);
		break;
	case F_SETFL: print_open(out, (uint32_t)value); break;
	case F_SETSIG: flags_print(out, SIG, value); break;
	case F_ADD_SEALS: print_bits(out, seals, (uint32_t)value, NULL); break;
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_SETOWN:
	case F_SETLEASE:
	case F_SETPIPE_SZ: out_printf(out, "%d", (int)value); break;
	default: out_printf(out, "%#llx", (unsigned long long)value);
	}
}

/* Codes are negative and small: shifted, so that no name's value is mistaken for the end. */
static const struct name any_codes[] = {
	N(SI_USER), N(SI_QUEUE), N(SI_TIMER), N(SI_MESGQ), N(SI_ASYNCIO), N(SI_SIGIO), N(SI_TKILL),
	{ 0x80, "SI_KERNEL" }, END,
};
static const struct name segv_codes[] = {
	N(SEGV_MAPERR), N(SEGV_ACCERR), { 3, "SEGV_BNDERR" }, { 4, "SEGV_PKUERR" },
	{ 10, "SEGV_CPERR" }, END,
};
static const struct name bus_codes[] = {
	N(BUS_ADRALN), N(BUS_ADRERR), N(BUS_OBJERR), { 4, "BUS_MCEERR_AR" }, { 5, "BUS_MCEERR_AO" }, END,
};
static const struct name ill_codes[] = {
	N(ILL_ILLOPC), N(ILL_ILLOPN), N(ILL_ILLADR), N(ILL_ILLTRP), N(ILL_PRVOPC), N(ILL_PRVREG),
	N(ILL_COPROC), N(ILL_BADSTK), END,
};
static const struct name fpe_codes[] = {
	N(FPE_INTDIV), N(FPE_INTOVF), N(FPE_FLTDIV), N(FPE_FLTOVF), N(FPE_FLTUND), N(FPE_FLTRES),
	N(FPE_FLTINV), N(FPE_FLTSUB), END,
};
static const struct name trap_codes[] = {
	N(TRAP_BRKPT), N(TRAP_TRACE), { 3, "TRAP_BRANCH" }, { 4, "TRAP_HWBKPT" }, END,
};
static const struct name child_codes[] = {
	N(CLD_EXITED), N(CLD_KILLED), N(CLD_DUMPED), N(CLD_TRAPPED), N(CLD_STOPPED), N(CLD_CONTINUED),
	END,
};
static const struct name sys_codes[] = { { 1, "SYS_SECCOMP" }, { 2, "SYS_USER_DISPATCH" }, END };

const char *flags_si_code(int signo, int code)
{
	const struct name *names = NULL;
	switch (signo) {
	case SIGSEGV: names = segv_codes; break;
	case SIGBUS: names = bus_codes; break;
	case SIGILL: names = ill_codes; break;
	case SIGFPE: names = fpe_codes; break;
	case SIGTRAP: names = trap_codes; break;
	case SIGCHLD: names = child_codes; break;
	case SIGSYS: names = sys_codes; break;
	}
	const char *name = names && code > 0 ? find(names, (uint64_t)code) : NULL;
	return name ? name : find(any_codes, (uint64_t)(int64_t)code);
}

void flags_sigset(struct out *out, uint64_t mask)
{
	bool inverted = __builtin_popcountll(mask) > 32;
	if (inverted)
		mask = ~mask;
	out_text(out, inverted ? "~[" : "[");
	bool first = true;
	for (int signo = 1; signo <= 64; signo++) {
		if (!(mask >> (signo - 1) & 1))
			continue;
		const char *name = trace_signal_name(signo);
		out_printf(out, "%s%s", first ? "" : " ", name ? name : "?");
		first = false;
	}
	out_char(out, ']');
}

void flags_file_mode(struct out *out, uint32_t mode)
{
	const char *type = find(file_types, mode & S_IFMT);
	if (type)
		out_printf(out, "%s|%04o", type, mode & 07777);
	else
		out_printf(out, "%#o", mode);
}

void flags_wait_status(struct out *out, int status)
{
	if (WIFEXITED(status)) {
		out_printf(out, "{exited %d}", WEXITSTATUS(status));
	} else if (WIFSIGNALED(status)) {
		out_text(out, "{killed by ");
		flags_print(out, SIG, (uint64_t)WTERMSIG(status));
		out_char(out, '}');
	} else if (WIFSTOPPED(status)) {
		out_text(out, "{stopped by ");
		flags_print(out, SIG, (uint64_t)WSTOPSIG(status));
		out_char(out, '}');
	} else {
		out_printf(out, "{%#x}", (unsigned)status);
	}
}

void flags_sigaction(struct out *out, uint64_t flags)
{
	print_bits(out, action_flags, flags, NULL);
}

void flags_poll(struct out *out, unsigned events)
{
	print_bits(out, poll_events, events, NULL);
}
