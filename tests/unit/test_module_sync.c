/* SPDX-License-Identifier: MIT
 * The sync module's mutex and wait/wake, natively: its states hold under contention, interruption
 * and time-outs. The kernel-call stub is the kernel call. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The module's names that the C library has too. */
#define wait module_wait
#include "../../modules/sync/guest.c"
#undef wait

static mc_fn registered[8];

static long kernel_futex(long a0, long a1, long a2, long a3, long a4, long a5)
{
	long r = syscall(SYS_futex, a0, a1, a2, a3, a4, a5);
	return r < 0 ? -errno : r;
}

long mc_grant(int nr, const struct mc_rule *rules, size_t n)
{
	(void)nr, (void)rules, (void)n;
	return 0;
}

mc_fn mc_get(int nr)
{
	return nr == SYS_futex ? kernel_futex : NULL;
}

mc_fn mc_register(int nr, mc_fn fn)
{
	registered[nr - MC_NR_SYNC_LOCK] = fn;
	return NULL;
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

long mc_thread_kill(long id, long value)
{
	(void)id, (void)value;
	abort();
}

/* Page 0 stands for all memory that is not mapped. */
long mc_copy_in(void *to, const void *guest, size_t n)
{
	if ((uintptr_t)guest < 4096)
		return -EFAULT;
	memcpy(to, guest, n);
	return 0;
}

static long call(int nr, long a0, long a1, long a2)
{
	return registered[nr - MC_NR_SYNC_LOCK](a0, a1, a2, 0, 0, 0);
}

static uint32_t state(struct mc_mutex *mutex)
{
	return __atomic_load_n(&mutex->word, __ATOMIC_RELAXED);
}

static struct mc_mutex mutex;
static long shared;

START_TEST(states_without_contention)
{
	struct mc_mutex m = { 0 };

	ck_assert_int_eq(call(MC_NR_SYNC_LOCK, (long)&m, 0, 0), 0);
	ck_assert_uint_eq(state(&m), HELD);
	ck_assert_int_eq(call(MC_NR_SYNC_TRYLOCK, (long)&m, 0, 0), -EBUSY);
	ck_assert_int_eq(call(MC_NR_SYNC_UNLOCK, (long)&m, 0, 0), 0);
	ck_assert_uint_eq(state(&m), FREE);
	ck_assert_int_eq(call(MC_NR_SYNC_UNLOCK, (long)&m, 0, 0), -EPERM);
	ck_assert_int_eq(call(MC_NR_SYNC_TRYLOCK, (long)&m, 0, 0), 0);
}
END_TEST

START_TEST(bad_pointers)
{
	struct mc_mutex m = { 0 };

	for (int nr = MC_NR_SYNC_LOCK; nr <= MC_NR_SYNC_WAKE; nr++) {
		ck_assert_int_eq(call(nr, (long)&m + 1, 1, 0), -EINVAL);
		ck_assert_int_eq(call(nr, 64, 1, 0), -EFAULT);
	}
}
END_TEST

static void *add(void *arg)
{
	for (long i = 0; i < (long)arg; i++) {
		ck_assert_int_eq(mc_mutex_lock(&mutex), 0);
		shared++;
		ck_assert_int_eq(mc_mutex_unlock(&mutex), 0);
	}
	return NULL;
}

START_TEST(excludes_under_contention)
{
	enum { THREADS = 8, ROUNDS = 20000 };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, add, (void *)(long)ROUNDS), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(shared, THREADS * ROUNDS);
	ck_assert_uint_eq(state(&mutex), FREE);
}
END_TEST

static void nothing(int signo)
{
	(void)signo;
}

static void *lock_once(void *arg)
{
	(void)arg;
	return (void *)mc_mutex_lock(&mutex);
}

START_TEST(interrupted_lock_leaves_it_usable)
{
	struct sigaction action = { .sa_handler = nothing };
	pthread_t thread;
	void *result;

	sigaction(SIGUSR1, &action, NULL);
	ck_assert_int_eq(mc_mutex_lock(&mutex), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, lock_once, NULL), 0);
	while (state(&mutex) != WAITED)
		usleep(1000);
	/* It may be on its way to sleep still: again until it has gone. */
	struct timespec soon;
	do {
		pthread_kill(thread, SIGUSR1);
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec += 20000000;
		soon.tv_sec += soon.tv_nsec / NS;
		soon.tv_nsec %= NS;
	} while (pthread_timedjoin_np(thread, &result, &soon) == ETIMEDOUT);
	ck_assert_int_eq((long)result, -EINTR);
	ck_assert_int_eq(mc_mutex_unlock(&mutex), 0);
	ck_assert_int_eq(mc_mutex_trylock(&mutex), 0);
	ck_assert_int_eq(mc_mutex_unlock(&mutex), 0);
}
END_TEST

static uint32_t word;

static void *wait_for_word(void *arg)
{
	(void)arg;
	return (void *)mc_word_wait(&word, 0, MC_WAIT_FOREVER);
}

START_TEST(wait_and_wake)
{
	pthread_t thread;
	void *result;
	long woken;

	ck_assert_int_eq(call(MC_NR_SYNC_WAIT, (long)&word, 7, -1), -EAGAIN);
	ck_assert_int_eq(call(MC_NR_SYNC_WAIT, (long)&word, 0, 2000000), -ETIMEDOUT);
	ck_assert_int_eq(call(MC_NR_SYNC_WAKE, (long)&word, 5, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_word, NULL), 0);
	do {
		usleep(1000);
		woken = call(MC_NR_SYNC_WAKE, (long)&word, LONG_MAX, 0);
	} while (woken == 0);
	pthread_join(thread, &result);
	ck_assert_int_eq(woken, 1);
	ck_assert_int_eq((long)result, 0);
	ck_assert_int_eq(call(MC_NR_SYNC_WAKE, (long)&word, 0, 0), 0);
	ck_assert_int_eq(call(MC_NR_SYNC_WAKE, (long)&word, -1, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("module sync");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, states_without_contention);
	tcase_add_test(tests, bad_pointers);
	tcase_add_test(tests, excludes_under_contention);
	tcase_add_test(tests, interrupted_lock_leaves_it_usable);
	tcase_add_test(tests, wait_and_wake);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
