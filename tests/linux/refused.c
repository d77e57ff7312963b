/* SPDX-License-Identifier: MIT
 * What the Linux personality refuses, by the exact errno: the rows of linux_calls.def that say so, values of
 * arguments that no row allows, and all numbers without a row. On Microcosm only: natively some of these
 * would be done. Prints what is answered otherwise; built with -I to linux_calls.def. */
#include "calls.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <termios.h>

static int wrong;
static bool has_row[512];

static void expect(const char *what, long nr, const long args[6], int errnum)
{
	errno = 0;
	long result = syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);

	if (result != -1 || errno != errnum) {
		printf("%s (call %ld): %ld %s, not %s\n", what, nr, result, result == -1 ? strerrorname_np(errno) : "",
		       strerrorname_np(errnum));
		wrong++;
	}
}

static const struct refused_row {
	int nr;
	const char *name;
	int errnum;
} rows[] = {
#define GRANT(number, name, why, ...)
#define GRANT_IF(number, name, flag, why, ...)
#define MEDIATED(number, name, why, ...)
#define HANDLED(number, name, why, handler)
#define REFUSED(number, name, why, errnum) { number, #name, errnum },
#include "linux_calls.def"
#undef GRANT
#undef GRANT_IF
#undef MEDIATED
#undef HANDLED
#undef REFUSED
};

static const int all[] = {
#define GRANT(number, name, why, ...) number,
#define GRANT_IF(number, name, flag, why, ...) number,
#define MEDIATED(number, name, why, ...) number,
#define HANDLED(number, name, why, handler) number,
#define REFUSED(number, name, why, errnum) number,
#include "linux_calls.def"
	SYS_fchmod, SYS_fchown, /* in worlds that may write */
};

static const struct {
	const char *what;
	long nr, args[6];
	int errnum;
} values[] = {
	{ "signals for input", SYS_fcntl, { 0, F_SETFL, O_ASYNC }, EPERM },
	{ "the same", SYS_ioctl, { 0, FIOASYNC, (long)&(int){ 1 } }, EPERM },
	{ "owner of signals", SYS_fcntl, { 0, F_SETOWN, 1 }, ESRCH },
	{ "choice of signal", SYS_fcntl, { 0, F_SETSIG, SIGKILL }, EPERM },
	{ "lease", SYS_fcntl, { 0, F_SETLEASE, F_RDLCK }, EPERM },
	{ "directory notes", SYS_fcntl, { 0, F_NOTIFY, 1 }, EPERM },
	{ "seals", SYS_fcntl, { 0, F_ADD_SEALS, 1 }, EPERM },
	{ "a large pipe", SYS_fcntl, { 0, F_SETPIPE_SZ, 1 << 21 }, EPERM },
	{ "typing for the user", SYS_ioctl, { 0, TIOCSTI, 0 }, EPERM },
	{ "line discipline", SYS_ioctl, { 0, TIOCSETD, 0 }, EPERM },
	{ "console output", SYS_ioctl, { 0, TIOCCONS, 0 }, EPERM },
	{ "exclusive use", SYS_ioctl, { 0, TIOCEXCL, 0 }, EPERM },
	{ "a break", SYS_ioctl, { 0, TCSBRK, 0 }, EPERM },
	{ "another's terminal", SYS_ioctl, { 0, TIOCSCTTY, 1 }, EPERM },
	{ "huge pages in a file", SYS_memfd_create, { 0, MFD_HUGETLB }, EPERM },
	{ "huge pages", SYS_mmap, { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0 }, EPERM },
	{ "locked pages", SYS_mmap, { 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0 }, EPERM },
	{ "merged pages", SYS_madvise, { 4096, 4096, MADV_MERGEABLE }, EPERM },
	{ "a child without the region", SYS_madvise, { 4096, 4096, MADV_DONTFORK }, EPERM },
	{ "a poisoned page", SYS_madvise, { 4096, 4096, MADV_HWPOISON }, EPERM },
	{ "the end of a file alone", SYS_pwritev2, { 1, 0, 0, 0, 0, 0x20 }, EPERM },
	{ "a notification pipe", SYS_pipe2, { 0, O_EXCL }, EPERM },
	{ "an alarm clock", SYS_timer_create, { CLOCK_REALTIME_ALARM, 0, 0 }, EPERM },
	{ "an alarm clock's descriptor", SYS_timerfd_create, { CLOCK_BOOTTIME_ALARM, 0 }, EPERM },
	{ "another's clock", SYS_clock_gettime, { -14 /* process 1 */, 0 }, EINVAL },
	{ "a clock by descriptor", SYS_clock_gettime, { -29 /* descriptor 3 */, 0 }, EINVAL },
	{ "priority inheritance", SYS_futex, { 0, 6, 0 }, EPERM },
	{ "another's robust list", SYS_get_robust_list, { 1, 0, 0 }, EPERM },
	{ "a barrier for everybody", SYS_membarrier, { 1, 0, 0 }, EPERM },
	{ "another's processors", SYS_sched_setaffinity, { 1, 8, 0 }, EPERM },
	{ "GS base", SYS_arch_prctl, { 0x1001, 0 }, EPERM },
	{ "tracing", SYS_prctl, { 4 /* PR_SET_DUMPABLE */, 0 }, EPERM },
	{ "a filter", SYS_prctl, { 22 /* PR_SET_SECCOMP */, 1 }, EPERM },
	{ "adoption", SYS_prctl, { 36 /* PR_SET_CHILD_SUBREAPER */, 1 }, EPERM },
	{ "dispatch", SYS_prctl, { 59, 1 }, EPERM },
	{ "a user namespace", SYS_clone, { CLONE_NEWUSER | SIGCHLD }, EPERM },
	{ "an untraced child", SYS_clone, { CLONE_UNTRACED | SIGCHLD }, EPERM },
	{ "a sibling", SYS_clone, { CLONE_PARENT | SIGCHLD }, EPERM },
	{ "another signal at the end", SYS_clone, { SIGKILL }, EPERM },
	{ "real-time", SYS_sched_setscheduler, { 0, SCHED_FIFO, (long)&(int){ 1 } }, EPERM },
	{ "more than it has", SYS_setpriority, { 0, 0, -1 }, EACCES },
	{ "the group's priority", SYS_setpriority, { 1, 0, 19 }, EPERM },
	{ "another's priority", SYS_setpriority, { 0, 1, 19 }, ESRCH },
	{ "another's policy", SYS_sched_setscheduler, { 1, SCHED_BATCH, (long)&(int){ 0 } }, ESRCH },
	{ "another's limits", SYS_prlimit64, { 1, 7, 0, 0 }, ESRCH },
	{ "another's end", SYS_kill, { 1, SIGKILL }, ESRCH },
	{ "a hold on another", SYS_pidfd_open, { 1, 0 }, ESRCH },
	{ "another persona", SYS_personality, { 0x0040000 }, EPERM },
};

int main(int argc, char **argv)
{
	static const long none[6];

	calls_begin(argc, argv);
	int priority = getpriority(PRIO_PROCESS, 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect(rows[i].name, rows[i].nr, none, rows[i].errnum);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		expect(values[i].what, values[i].nr, values[i].args, values[i].errnum);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		has_row[all[i]] = true;
	/* Not uretprobe and uprobe, 335 and 336: newer kernels ask no filter about them, and answer whoever is
	 * no probe by SIGILL. */
	for (int nr = 0; nr < 512; nr++)
		if (!has_row[nr] && nr != 335 && nr != 336)
			expect("without a row", nr, none, ENOSYS);
	if (getpriority(PRIO_PROCESS, 0) != priority)
		wrong++;
	printf("%zu rows and %zu values refused, %d otherwise\n", sizeof rows / sizeof *rows, sizeof values / sizeof *values, wrong);
	return wrong != 0;
}
