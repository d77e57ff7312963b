/* SPDX-License-Identifier: MIT
 * What host components may ask of the host process: <microcosm-host.h>. */
#include "microcosm-host.h"

#include <errno.h>

#include "host/host.h"

const struct mch_caller *mch_caller(void)
{
	const struct worker *worker = worker_self();

	return worker != NULL && worker->gate != NULL ? &worker->caller : NULL;
}

bool mch_in_region(const void *shared, size_t n)
{
	return memory_readable((uint64_t)(uintptr_t)shared, n);
}

long mch_fetch(void *to, const void *shared, size_t n)
{
	if (!mch_in_region(shared, n))
		return -EFAULT;
	memory_fetch(to, (uint64_t)(uintptr_t)shared, n);
	return 0;
}

long mch_store(void *shared, const void *from, size_t n)
{
	if (!memory_writable((uint64_t)(uintptr_t)shared, n))
		return -EFAULT;
	memory_store((uint64_t)(uintptr_t)shared, from, n);
	return 0;
}

bool mch_interrupted(void)
{
	const struct worker *worker = worker_self();

	return worker != NULL && atomic_load(&worker->interrupted);
}
