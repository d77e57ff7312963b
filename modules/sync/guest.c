/* SPDX-License-Identifier: MIT
 * The sync module: a mutex of one word over the kernel's futex.
 *
 *   word       means                         who moves it, how
 *   FREE 0     nobody holds it               lock: to HELD (compare and swap)
 *                                            a lock that has waited: to WAITED (swap)
 *   HELD 1     held, nobody sleeps           unlock: to FREE (swap)
 *                                            a lock about to sleep: to WAITED (swap)
 *   WAITED 2   held, somebody may sleep      unlock: to FREE (swap), then wakes one
 *                                            a lock about to sleep: stays
 *   other      not a mutex                   as WAITED
 *
 * A thread sleeps only while the word is WAITED, and every unlock of WAITED wakes one, which swaps
 * WAITED in: it has the lock if FREE came out, else it sleeps again. One that gives up with -EINTR may
 * leave WAITED with no sleeper: that costs one wake for nothing. The futexes are not process-private:
 * a word in the region or in memory that processes share works between them. */
#include "../start.h"
#include "sync.h"

#include <asm/unistd.h>
#include <limits.h>
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/time_types.h>

#define NS 1000000000L

enum { FREE, HELD, WAITED };

static mc_fn futex_stub;

long mc_word_wait(const uint32_t *word, uint32_t expected, long timeout_ns)
{
	struct __kernel_timespec t = { .tv_sec = timeout_ns / NS, .tv_nsec = timeout_ns % NS };
	return futex_stub((long)word, FUTEX_WAIT, (long)expected, timeout_ns < 0 ? 0 : (long)&t, 0, 0);
}

long mc_word_wake(const uint32_t *word, long n)
{
	if (n <= 0)
		return 0;
	return futex_stub((long)word, FUTEX_WAKE, n < INT_MAX ? n : INT_MAX, 0, 0, 0);
}

long mc_mutex_trylock(struct mc_mutex *mutex)
{
	uint32_t was = FREE;
	if (__atomic_compare_exchange_n(&mutex->word, &was, HELD, 0, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return 0;
	return -EBUSY;
}

long mc_mutex_lock(struct mc_mutex *mutex)
{
	if (mc_mutex_trylock(mutex) == 0)
		return 0;
	while (__atomic_exchange_n(&mutex->word, WAITED, __ATOMIC_ACQUIRE) != FREE) {
		long r = mc_word_wait(&mutex->word, WAITED, MC_WAIT_FOREVER);
		if (r != 0 && r != -EAGAIN)
			return r;
	}
	return 0;
}

long mc_mutex_unlock(struct mc_mutex *mutex)
{
	switch (__atomic_exchange_n(&mutex->word, FREE, __ATOMIC_RELEASE)) {
	case FREE:
		return -EPERM;
	case HELD:
		return 0;
	default:
		/* The memory may be gone by now: whoever got the mutex may have freed it. */
		mc_word_wake(&mutex->word, 1);
		return 0;
	}
}

/* A caller's pointer is tried before atomics touch it. Unmapping it meanwhile, or a word that cannot
 * be written, is a fault in a handler and ends that process, as it would without Microcosm. */
static long probe(long word)
{
	uint32_t value;
	if (word % (long)sizeof value != 0)
		return -EINVAL;
	return mc_copy_in(&value, (const void *)word, sizeof value);
}

static long sync_lock(long mutex, long a1, long a2, long a3, long a4, long a5)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	long r = probe(mutex);
	return r != 0 ? r : mc_mutex_lock((struct mc_mutex *)mutex);
}

static long sync_trylock(long mutex, long a1, long a2, long a3, long a4, long a5)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	long r = probe(mutex);
	return r != 0 ? r : mc_mutex_trylock((struct mc_mutex *)mutex);
}

static long sync_unlock(long mutex, long a1, long a2, long a3, long a4, long a5)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	long r = probe(mutex);
	return r != 0 ? r : mc_mutex_unlock((struct mc_mutex *)mutex);
}

/* The kernel itself checks the pointers of these two. */
static long sync_wait(long word, long expected, long timeout_ns, long a3, long a4, long a5)
{
	(void)a3, (void)a4, (void)a5;
	return mc_word_wait((const uint32_t *)word, (uint32_t)expected, timeout_ns);
}

static long sync_wake(long word, long n, long a2, long a3, long a4, long a5)
{
	(void)a2, (void)a3, (void)a4, (void)a5;
	return mc_word_wake((const uint32_t *)word, n);
}

static const struct mc_rule wait[] = { RULE_EQ(1, FUTEX_WAIT) };
static const struct mc_rule wake[] = { RULE_EQ(1, FUTEX_WAKE) };

static const struct mc_grant grants[] = {
	{ __NR_futex, 1, wait },
	{ __NR_futex, 1, wake },
	{ NR_RESTART, 0, NULL },
};

static const struct mc_entry calls[] = {
	{ MC_NR_SYNC_LOCK, sync_lock },
	{ MC_NR_SYNC_TRYLOCK, sync_trylock },
	{ MC_NR_SYNC_UNLOCK, sync_unlock },
	{ MC_NR_SYNC_WAIT, sync_wait },
	{ MC_NR_SYNC_WAKE, sync_wake },
};

MODULE_INIT sync_init(void)
{
	start(grants, COUNT(grants), calls, COUNT(calls));
	futex_stub = mc_get(__NR_futex);
}
