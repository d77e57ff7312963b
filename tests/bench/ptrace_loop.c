/* SPDX-License-Identifier: MIT
 * What the kernel asks of any tracer that answers a call: a seccomp stop, GETREGS, SETREGS and CONT,
 * tracer and tracee on one CPU. Prints nanoseconds for each call.
 *     ptrace_loop MILLISECONDS */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP_STOPS 5000

static void check(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void tracee(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof code[0], code};

	check(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0, "PTRACE_TRACEME");
	raise(SIGSTOP);
	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
	check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "PR_SET_SECCOMP");
	for (;;)
		syscall(SYS_getppid);
}

/* The call is skipped and gets its result from here, as a core call does. */
static void serve(pid_t pid)
{
	struct user_regs_struct regs;
	int status;

	check(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "waitpid");
	check(ptrace(PTRACE_GETREGS, pid, 0, &regs) == 0, "PTRACE_GETREGS");
	regs.orig_rax = (unsigned long)-1;
	regs.rax = 1;
	check(ptrace(PTRACE_SETREGS, pid, 0, &regs) == 0, "PTRACE_SETREGS");
	check(ptrace(PTRACE_CONT, pid, 0, 0) == 0, "PTRACE_CONT");
}

int main(int argc, char **argv)
{
	double limit = argc > 1 ? atof(argv[1]) * 1e6 : 0;
	cpu_set_t one;
	int status;
	long n = 0;

	if (limit <= 0)
		return 2;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	check(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
	pid_t pid = fork();
	if (pid == 0)
		tracee();
	check(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), "fork");
	check(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL) == 0,
	      "PTRACE_SETOPTIONS");
	check(ptrace(PTRACE_CONT, pid, 0, 0) == 0, "PTRACE_CONT");
	for (int i = 0; i < WARM_UP_STOPS; i++)
		serve(pid);
	double begin = now_ns(), elapsed;
	do {
		for (int i = 0; i < 1000; i++)
			serve(pid);
		n += 1000;
	} while ((elapsed = now_ns() - begin) < limit);
	kill(pid, SIGKILL);
	printf("%.3f\n", elapsed / (double)n);
	return 0;
}
