/* SPDX-License-Identifier: MIT
 * The Linux personality: the numbers of Linux x86-64, so that unmodified programs run. The table in
 * linux_calls.def says what each may do; this file carries it out. */
#include "linux.h"

#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <asm/termbits.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/memfd.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/time.h>

#define FUTEX_FLAGS (FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)
#define SOCKET_FLAGS (O_NONBLOCK | O_CLOEXEC)
#define SEND_FLAGS 0xc8c5 /* MSG_OOB, DONTROUTE, DONTWAIT, EOR, CONFIRM, NOSIGNAL, MORE */
#define CLONE_FREE                                                                         \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_THREAD |     \
	 CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |           \
	 CLONE_DETACHED | CLONE_CHILD_SETTID | CLONE_IO | CLONE_PIDFD)

/* What linux_calls.def names. */
#define GRANT(number, name, why, ...)
#define MEDIATED(number, name, why, ...)
#define GRANT_IF(number, name, flag, why, ...)
#define HANDLED(number, name, why, handler) long handler(long, long, long, long, long, long);
#define REFUSED(number, name, why, errnum)
#include "linux_calls.def"
#undef GRANT
#undef MEDIATED
#undef GRANT_IF
#undef HANDLED
#undef REFUSED

#define REFUSAL(errnum)                                                                    \
	static long refused_##errnum(long a0, long a1, long a2, long a3, long a4, long a5)  \
	{                                                                                  \
		(void)a0, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;                \
		return -errnum;                                                            \
	}
REFUSAL(EPERM)
REFUSAL(EACCES)
REFUSAL(EOPNOTSUPP)


struct grant_row {
	int nr;
	uint32_t flag; /* of the header, in which worlds; 0: in all */
	struct mc_rule rules[3]; /* op 0 ends them */
};

static const struct grant_row grants[] = {
#define GRANT(number, name, why, ...) { number, 0, { __VA_ARGS__ } },
#define MEDIATED(number, name, why, ...) { number, 0, { __VA_ARGS__ } },
#define GRANT_IF(number, name, flag, why, ...) { number, flag, { __VA_ARGS__ } },
#define HANDLED(number, name, why, handler)
#define REFUSED(number, name, why, errnum)
#include "linux_calls.def"
#undef GRANT
#undef MEDIATED
#undef GRANT_IF
#undef HANDLED
#undef REFUSED
};

static const struct mc_entry handlers[] = {
#define GRANT(number, name, why, ...)
#define MEDIATED(number, name, why, ...)
#define GRANT_IF(number, name, flag, why, ...)
#define HANDLED(number, name, why, handler) { number, handler },
#define REFUSED(number, name, why, errnum) { number, refused_##errnum },
#include "linux_calls.def"
#undef GRANT
#undef MEDIATED
#undef GRANT_IF
#undef HANDLED
#undef REFUSED
};

MODULE_INIT linux_init(void)
{
	struct mc_grant all[COUNT(grants)]; /* 4 KiB: handler stacks have 64 */
	size_t n_all = 0;

	for (size_t i = 0; i < COUNT(grants); i++) {
		uint32_t n = 0;
		if ((mc_header()->flags & grants[i].flag) != grants[i].flag)
			continue;
		while (n < COUNT(grants[i].rules) && grants[i].rules[n].op != 0)
			n++;
		all[n_all++] = (struct mc_grant){ grants[i].nr, n, grants[i].rules };
	}
	start_check(mc_grant_all(all, n_all) == 0);
	names_init();
	exec_init();
	sockets_init();
	sysv_init();
	start_check(mc_register_all(handlers, COUNT(handlers)) == 0);
	ids_init();
}
