/* SPDX-License-Identifier: MIT
 * The sync module: mutexes, and waiting for a word in memory to change. Calls for guests, functions
 * for other modules. microcosm-modules(7). */
#ifndef MICROCOSM_SYNC_H
#define MICROCOSM_SYNC_H

#include <microcosm.h>

#define MC_NR_SYNC_LOCK    4160
#define MC_NR_SYNC_TRYLOCK 4161
#define MC_NR_SYNC_UNLOCK  4162
#define MC_NR_SYNC_WAIT    4163
#define MC_NR_SYNC_WAKE    4164

/* A mutex: all zero is free. Works between all threads that see the memory it lies in. Who locks
 * unlocks; not recursive; a thread that ends with it held leaves it held. */
struct mc_mutex {
	uint32_t word; /* 4-byte aligned; sync/guest.c has the states */
};

#define MC_WAIT_FOREVER (-1L)

/* For guests. 0 or -errno: -EFAULT, -EINVAL (not aligned); for each what else is said. */

/* -EINTR: broken off, not locked. */
static inline long mc_sync_lock(struct mc_mutex *mutex)
{
	return mc_call(MC_NR_SYNC_LOCK, (long)mutex, 0, 0, 0, 0, 0);
}

/* -EBUSY: somebody has it. */
static inline long mc_sync_trylock(struct mc_mutex *mutex)
{
	return mc_call(MC_NR_SYNC_TRYLOCK, (long)mutex, 0, 0, 0, 0, 0);
}

/* -EPERM: nobody had it. */
static inline long mc_sync_unlock(struct mc_mutex *mutex)
{
	return mc_call(MC_NR_SYNC_UNLOCK, (long)mutex, 0, 0, 0, 0, 0);
}

/* Sleeps while *word is expected, until woken, at most timeout_ns: 0 (woken; look again, it may be
 * for nothing), -EAGAIN (it was not expected), -ETIMEDOUT, -EINTR. */
static inline long mc_sync_wait(const uint32_t *word, uint32_t expected, long timeout_ns)
{
	return mc_call(MC_NR_SYNC_WAIT, (long)word, (long)expected, timeout_ns, 0, 0, 0);
}

/* Wakes up to n threads that wait for word: how many. */
static inline long mc_sync_wake(const uint32_t *word, long n)
{
	return mc_call(MC_NR_SYNC_WAKE, (long)word, n, 0, 0, 0, 0);
}

/* For modules, which depend on the sync module: the same on memory of the region, without a probe
 * (a bad pointer is a fault in the handler). A handler that gets -EINTR gives up and returns it; one
 * that must not give up calls again. */
long mc_mutex_lock(struct mc_mutex *mutex);
long mc_mutex_trylock(struct mc_mutex *mutex);
long mc_mutex_unlock(struct mc_mutex *mutex);
long mc_word_wait(const uint32_t *word, uint32_t expected, long timeout_ns);
long mc_word_wake(const uint32_t *word, long n);

#endif
