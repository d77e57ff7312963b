/* SPDX-License-Identifier: MIT
 * mc_thread_spawn and mc_thread_join. In a program with thread-local variables a new thread first
 * makes its block on its own stack, then calls the function it was made for.
 *
 * The pair (function, argument) travels in a slot of `starts`:
 *   FREE (0) -> -ticket: taken by the spawner   (compare and swap; tickets are never used twice)
 *   -ticket  -> id:      the spawner, when the core has made the thread
 *   either   -> FREE:    the new thread, when it has copied the pair
 *   id       -> FREE:    whoever joins a thread that was killed before it came so far */
#include "lib.h"

#define STARTS_MAX 512
#define STACK_DEFAULT (256u << 10) /* what the core allocates for size 0 */
#define STACK_LEFT 1024u           /* what must be left below the block of a stack that is given */

struct start {
	long owner; /* atomic: see above */
	long (*entry)(void *);
	void *arg;
};

static struct start starts[STARTS_MAX];
static unsigned long next_ticket; /* atomic */
static long n_busy;               /* atomic: slots that are not FREE */

static struct start *start_take(long *ticket)
{
	unsigned long number = __atomic_add_fetch(&next_ticket, 1, __ATOMIC_RELAXED);

	*ticket = -(long)number;
	for (unsigned long i = 0; i < STARTS_MAX; i++) {
		struct start *start = &starts[(number + i) % STARTS_MAX];
		long unused = 0;
		if (__atomic_compare_exchange_n(&start->owner, &unused, *ticket, 0,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			__atomic_add_fetch(&n_busy, 1, __ATOMIC_RELAXED);
			return start;
		}
	}
	return NULL;
}

static void start_release(struct start *start)
{
	__atomic_store_n(&start->owner, 0, __ATOMIC_RELEASE);
	__atomic_sub_fetch(&n_busy, 1, __ATOMIC_RELAXED);
}

/* The first code of a new thread. */
static long thread_enter(void *slot)
{
	struct start *start = slot;
	long (*entry)(void *) = start->entry;
	void *arg = start->arg;

	start_release(start);
	long error = mc_tls_enter(__builtin_alloca(mc_tls_size()));
	return error ? error : entry(arg);
}

long mc_thread_spawn(long (*entry)(void *), void *arg, void *stack, size_t size)
{
	size_t need = mc_tls_size();
	long ticket;

	if (!need)
		return mc_call(MC_SYS_THREAD_SPAWN, (long)entry, (long)arg, (long)stack,
				  (long)size, 0, 0);
	if (stack && size < need + STACK_LEFT)
		return -LIB_EINVAL;
	if (!stack && __builtin_add_overflow(size ? size : STACK_DEFAULT, need, &size))
		return -LIB_EINVAL;
	struct start *start = start_take(&ticket);
	if (!start)
		return -LIB_EAGAIN;
	start->entry = entry;
	start->arg = arg;
	long id = mc_call(MC_SYS_THREAD_SPAWN, (long)thread_enter, (long)start, (long)stack,
			     (long)size, 0, 0);
	if (id <= 0)
		start_release(start);
	else /* fails when the thread has been quicker, which is as well */
		__atomic_compare_exchange_n(&start->owner, &ticket, id, 0, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
	return id;
}

long mc_thread_join(long id, long *value)
{
	long result = mc_call(MC_SYS_THREAD_JOIN, id, (long)value, 0, 0, 0, 0);

	if (result != 0 || __atomic_load_n(&n_busy, __ATOMIC_RELAXED) == 0)
		return result;
	for (size_t i = 0; i < STARTS_MAX; i++) {
		long owner = id;
		if (__atomic_compare_exchange_n(&starts[i].owner, &owner, 0, 0, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			__atomic_sub_fetch(&n_busy, 1, __ATOMIC_RELAXED);
	}
	return result;
}
