/* SPDX-License-Identifier: MIT
 * Linux processes and threads are made, stopped, ended and waited for as without Microcosm, and see the
 * memory that they should.
 */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_for(pid_t child, int options)
{
	int status = -1;

	CHECK_IS(waitpid(child, &status, options), child);
	return status;
}

static void ended(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(42);
	int status = wait_for(child, 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	if ((child = vfork()) == 0)
		_exit(7);
	CHECK_IS(WEXITSTATUS(wait_for(child, 0)), 7);
	if ((child = fork()) == 0) {
		siginfo_t info;
		if (fork() == 0)
			_exit(3);
		_exit(waitid(P_ALL, 0, &info, WEXITED) == 0 ? info.si_status : 99);
	}
	CHECK_IS(WEXITSTATUS(wait_for(child, 0)), 3);
	CHECK(wait(NULL) == -1 && errno == ECHILD);
}

static void killed(void)
{
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	CHECK_IS(kill(child, SIGSTOP), 0);
	CHECK(WIFSTOPPED(wait_for(child, WUNTRACED)));
	CHECK_IS(kill(child, SIGCONT), 0);
	CHECK(WIFCONTINUED(wait_for(child, WCONTINUED)));
	CHECK_IS(kill(child, SIGTERM), 0);
	int status = wait_for(child, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	if ((child = fork()) == 0) {
		signal(SIGSEGV, _exit);
		*(volatile int *)8 = 1;
	}
	CHECK_IS(WEXITSTATUS(wait_for(child, 0)), SIGSEGV);
}

static void memory(void)
{
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(shared != MAP_FAILED && own != MAP_FAILED);
	pid_t child = fork();
	if (child == 0) {
		*shared = *own = 5;
		_exit(0);
	}
	wait_for(child, 0);
	CHECK_IS(*shared, 5);
	CHECK_IS(*own, 0);
	*own = 6;
	own = mremap(own, 8192, 1 << 20, MREMAP_MAYMOVE);
	CHECK(own != MAP_FAILED && *own == 6);
	CHECK_IS(madvise(own, 4096, MADV_DONTNEED), 0);
	CHECK_IS(*own, 0);
	CHECK(madvise(own, 4096, 100 /* MADV_HWPOISON */) == -1 && errno == EPERM);
	CHECK_IS(mprotect(own, 4096, PROT_READ), 0);
	CHECK_IS(munmap(own, 1 << 20), 0);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ready;

static void *wait_until_ready(void *arg)
{
	pthread_mutex_lock(&lock);
	while (!ready)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void threads(void)
{
	pthread_t made[8];
	void *result;

	for (long i = 0; i < 8; i++)
		CHECK_IS(pthread_create(&made[i], NULL, wait_until_ready, (void *)i), 0);
	pthread_mutex_lock(&lock);
	ready = 1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (long i = 0; i < 8; i++) {
		CHECK_IS(pthread_join(made[i], &result), 0);
		CHECK_IS(result, i);
	}
	CHECK_IS(pthread_create(&made[0], NULL, wait_for_ever, NULL), 0);
	CHECK_IS(pthread_cancel(made[0]), 0);
	CHECK_IS(pthread_join(made[0], &result), 0);
	CHECK(result == PTHREAD_CANCELED);
}

static void identity(void)
{
	struct rlimit limit = { 20, 100 };
	char name[16];

	CHECK_IS(setuid(getuid()), 0);
	CHECK_IS(setgid(getgid()), 0);
	CHECK(setuid(getuid() + 1) == -1 && errno == EPERM);
	CHECK_IS(setrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_max = 101; /* not even as root */
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == -1 && errno == EPERM);
	CHECK(setrlimit(RLIMIT_NOFILE, (struct rlimit *)1) == -1 && errno == EFAULT);
	CHECK(setrlimit(1000, &limit) == -1 && errno == EINVAL);
	CHECK_IS(getrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK(limit.rlim_cur == 20 && limit.rlim_max == 100);
	CHECK_IS(prctl(PR_SET_NAME, "1) S 1 2"), 0);
	CHECK_IS(prctl(PR_GET_NAME, name), 0);
	CHECK(strcmp(name, "1) S 1 2") == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 0) == -1 && errno == EPERM);
	CHECK(prctl(PR_SET_SECCOMP, 2, 0) == -1 && errno == EPERM);
}

int main(void)
{
	identity();
	ended();
	killed();
	memory();
	threads();
	return 0;
}
