/* SPDX-License-Identifier: MIT
 * Refusal: signals reach processes of the world alone: not the supervisor's two, nor init, nor the
 * groups they are in, by any call that sends one; ids that are no process's are -ESRCH as well.
 * modes: direct trap quiet */
#include "hostile.h"

enum { NR_tkill = 200, NR_rt_tgsigqueueinfo = 297, SIGNAL_USR1 = 10 };

static long info[16];

static void refuse(long pid, int signo)
{
	CHECK_IS(call2(NR_kill, pid, signo), -E_SRCH);
	CHECK_IS(call2(NR_tkill, pid, signo), -E_SRCH);
	CHECK_IS(call3(NR_tgkill, pid, pid, signo), -E_SRCH);
	CHECK_IS(call3(NR_rt_sigqueueinfo, pid, signo, (long)info), -E_SRCH);
	CHECK_IS(call4(NR_rt_tgsigqueueinfo, pid, pid, signo, (long)info), -E_SRCH);
}

int main(void)
{
	static const int signals[] = {0, 1, 2, SIGNAL_KILL, 15, SIGNAL_CHLD, 19};
	long me = raw(NR_getpid, 0, 0, 0, 0, 0, 0), supervisor = raw(NR_getppid, 0, 0, 0, 0, 0, 0);
	((int *)info)[2] = -1; /* si_code SI_QUEUE */
	CHECK(supervisor > 0);
	for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		refuse(supervisor, signals[i]);
		refuse(1, signals[i]);
		/* Its other process and what else is near: ids below our own are not of this world. */
		for (long pid = me - 1; pid > me - 40 && pid > 1; pid--)
			if (call2(NR_kill, pid, 0) != 0) /* 0: the boot process's would be a defect, below */
				refuse(pid, signals[i]);
			else
				CHECK_IS(pid, 0);
		/* The supervisor's group has a member of this world only while we are in it. */
		CHECK_IS(call2(NR_kill, -supervisor, signals[i]) == -E_SRCH ||
				 raw(NR_getpgid, 0, 0, 0, 0, 0, 0) == supervisor || signals[i] == 0,
			 1);
		/* Everybody else: nobody. */
		CHECK_IS(call2(NR_kill, -1, signals[i]), -E_SRCH);
	}
	CHECK_IS(call2(NR_kill, 0x7fffffff, 9), -E_SRCH);
	CHECK_IS(call2(NR_kill, -0x7fffffff - 1l, 9), -E_SRCH);
	CHECK_IS(call2(NR_kill, me, 65), -E_INVAL);
	CHECK_IS(call2(NR_kill, me, -1), -E_INVAL);
	CHECK_IS(call2(NR_kill, 0, 0), 0);
	return 0;
}
