// SPDX-License-Identifier: MIT
// Scheduling priorities of this world's threads: lowered as asked for, never raised, which the kernel
// would do for a world that runs as root.
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

#include "world.h"

#define NR_SETPRIORITY 141
#define NR_SCHED_SETPARAM 142

static int64_t set_nice(pid_t tid, int which, int nice)
{
	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	if (which != PRIO_PROCESS)
		return -EPERM;
	errno = 0;
	int before = getpriority(PRIO_PROCESS, (id_t)tid);
	if (before == -1 && errno)
		return -errno;
	if (nice > 19)
		nice = 19;
	if (nice < before)
		return -EACCES; /* as the kernel answers those who may not */
	return setpriority(PRIO_PROCESS, (id_t)tid, nice) < 0 ? -errno : 0;
}

/* Among the policies that are not real-time; who is idle stays so. */
static int64_t set_policy(pid_t tid, int policy, struct sched_param param)
{
	int before = sched_getscheduler(tid);
	if (before < 0)
		return -errno;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return -EPERM;
	if ((policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE) || param.sched_priority != 0)
		return -EINVAL;
	if (before == SCHED_IDLE && policy != SCHED_IDLE)
		return -EPERM;
	return sched_setscheduler(tid, policy, &param) < 0 ? -errno : 0;
}

int64_t priority_set(struct world *w, struct thread *t, const struct os_call *call)
{
	bool nice = call->nr == NR_SETPRIORITY;
	pid_t tid = (pid_t)call->args[nice ? 1 : 0];
	const struct thread *target = tid ? thread_find(w, tid) : t;
	if (nice && (int)call->args[0] != PRIO_PROCESS)
		target = t;
	if (!nice && tid < 0)
		return -EINVAL;
	if (!target || !target->process || target->process->boot)
		return -ESRCH;
	if (nice)
		return set_nice(target->tid, (int)call->args[0], (int)call->args[2]);
	bool same = call->nr == NR_SCHED_SETPARAM;
	struct sched_param param;
	if (os_read(t->tid, call->args[same ? 1 : 2], &param, sizeof param) != (ssize_t)sizeof param)
		return -EFAULT;
	return set_policy(target->tid, same ? sched_getscheduler(target->tid) : (int)call->args[1], param);
}
