/* SPDX-License-Identifier: MIT
 * Host component of the test module host.c: counts, waits, errno, callbacks, many arguments. */
#include <errno.h>
#include <microcosm-host.h>
#include <time.h>
#include <unistd.h>

long test_count(void);
long test_total(void);
long test_sleep_ms(long ms);
long test_errno(long value, long result);
long test_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);
long test_caller(long process);
long test_call_back(long (*fn)(long), long depth);
long test_echo(long a);
long test_store(long n, void *to);
long test_read_pipe(void);

static long total;

long test_count(void)
{
	return __atomic_add_fetch(&total, 1, __ATOMIC_SEQ_CST);
}

long test_total(void)
{
	return __atomic_load_n(&total, __ATOMIC_SEQ_CST);
}

long test_sleep_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000}, left = {0};
	if (nanosleep(&time, &left) == 0)
		return 0;
	return -1000 - left.tv_sec * 1000 - left.tv_nsec / 1000000;
}

long test_errno(long value, long result)
{
	errno = (int)value;
	return result;
}

long test_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;
}

long test_caller(long process)
{
	const struct mch_caller *caller = mch_caller();
	return !caller ? -1 : process ? caller->process : caller->thread;
}

long test_call_back(long (*fn)(long), long depth)
{
	return fn(depth);
}

long test_echo(long a)
{
	return a;
}

long test_store(long n, void *to)
{
	static const char text[4096] = "stored";
	return n < 0 || n > 4096 ? -EINVAL : mch_store(to, text, (size_t)n);
}

long test_read_pipe(void)
{
	int fds[2];
	char byte;
	if (pipe(fds) < 0)
		return -errno;
	long got = read(fds[0], &byte, 1);
	got = got < 0 ? -errno : got;
	close(fds[0]);
	close(fds[1]);
	return got;
}
