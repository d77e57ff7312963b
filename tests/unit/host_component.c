/* SPDX-License-Identifier: MIT
 * A host component for test_host, built as a shared object beside it: what <microcosm-host.h> offers,
 * as a component sees it. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "microcosm-host.h"

long test_caller(long what);
long test_fetch(const void *shared, long n);
long test_store(void *shared, long n);
long test_wait_interrupted(void);
long test_many(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k,
	       long l, long m, long n, long o, long p);
double test_mixed(double a, long b, float c, double d, int e);
long test_thread_end(void);

long test_caller(long what)
{
	const struct mch_caller *caller = mch_caller();

	if (caller == NULL)
		return -EINVAL;
	return what == 0 ? (long)caller->thread : what == 1 ? caller->process : (long)caller->gate;
}

long test_fetch(const void *shared, long n)
{
	unsigned char bytes[256];
	long sum = 0;

	if (n < 0 || (size_t)n > sizeof(bytes))
		return -E2BIG;
	long r = mch_fetch(bytes, shared, (size_t)n);
	for (long i = 0; i < n && r == 0; i++)
		sum += bytes[i];
	return r < 0 ? r : sum;
}

long test_store(void *shared, long n)
{
	unsigned char bytes[256];

	if (n < 0 || (size_t)n > sizeof(bytes))
		return -E2BIG;
	for (long i = 0; i < n; i++)
		bytes[i] = (unsigned char)i;
	return mch_store(shared, bytes, (size_t)n);
}

/* Waits in a way that no signal breaks off. */
long test_wait_interrupted(void)
{
	if (mch_interrupted())
		return -EINVAL;
	while (!mch_interrupted())
		usleep(1000);
	return -EINTR;
}

long test_many(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k,
	       long l, long m, long n, long o, long p)
{
	long all[] = { a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p };
	long sum = 0;

	for (long at = 0; at < 16; at++)
		sum += all[at] * (at + 1);
	return sum;
}

double test_mixed(double a, long b, float c, double d, int e)
{
	return a + (double)b + (double)c * d - e;
}

long test_thread_end(void)
{
	pthread_exit(NULL);
}
