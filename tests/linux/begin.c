/* SPDX-License-Identifier: MIT
 * What a program begins with that it has from who starts it: signals blocked and ignored, umask, niceness,
 * limits. cases/begin.sh compares. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

int main(void)
{
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int signo = 1; signo <= 64; signo++) {
		struct sigaction action = { .sa_handler = SIG_DFL };

		sigaction(signo, NULL, &action);
		if (sigismember(&blocked, signo) == 1 || action.sa_handler != SIG_DFL)
			printf("signal %d:%s%s\n", signo, sigismember(&blocked, signo) == 1 ? " blocked" : "",
			       action.sa_handler == SIG_IGN ? " ignored" : "");
	}
	for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
		struct rlimit limit = { 0, 0 };

		getrlimit(resource, &limit);
		printf("limit %d: %lu %lu\n", resource, limit.rlim_cur, limit.rlim_max);
	}
	printf("umask %o, niceness %d\n", umask(0), getpriority(PRIO_PROCESS, 0));
	return 0;
}
