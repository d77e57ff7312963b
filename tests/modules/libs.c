/* SPDX-License-Identifier: MIT
 * A module that uses the host's own libraries, floating point among them.
 * build: --fp --host-lib=libm.so.6 --host-lib=libc.so.6 --host-lib=libz.so.1
 */
#include "libs.h"

#include "check.h"

double pow(double, double);
int snprintf(char *, size_t, const char *, ...);
void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
int close(int);
unsigned long crc32(unsigned long, const unsigned char *, unsigned);
int compress2(unsigned char *, unsigned long *, const unsigned char *, unsigned long, int);
int uncompress(unsigned char *, unsigned long *, const unsigned char *, unsigned long);

#define BYTES 65536

static long do_pow(long x, long y, long to, long d, long e, long f)
{
	double a, b, result;
	if (mc_copy_in(&a, (void *)x, sizeof a) || mc_copy_in(&b, (void *)y, sizeof b))
		return -E_FAULT;
	result = pow(a, b);
	return mc_copy_out((void *)to, &result, sizeof result);
}
MC_FP_DEFINE(do_pow);

static long do_square(long a, long b, long c, long d, long e, long f)
{
	return (long)pow((double)a, 2.0);
}
MC_FP_DEFINE(do_square);

static long do_snprintf(long to, long n, long c, long d, long e, long f)
{
	char *text = mc_alloc(512);
	int length = snprintf(text, 512, "%d %s %c %.3f %ld %g %x %d %d %d %.1f|", -5, "text", 'c', 3.14159,
			      123456789012345l, 1e300, 0xbeef, 1, 2, 3, 9.5);
	long result = length < 0 || length >= n ? -E_INVAL : mc_copy_out((void *)to, text, (size_t)length + 1);
	mc_free(text);
	return result ? result : length;
}
MC_FP_DEFINE(do_snprintf);

static long compared;

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	compared++;
	return x < y ? -1 : x > y;
}

static long do_qsort(long at, long n, long c, long d, long e, long f)
{
	int *numbers = mc_alloc(BYTES);
	compared = 0;
	long result = n < 0 || (size_t)n > BYTES / sizeof *numbers - 8 ? -E_INVAL
		      : mc_copy_in(numbers, (void *)at, (size_t)n * sizeof *numbers);
	if (result == 0) {
		qsort(numbers, (size_t)n, sizeof *numbers, compare);
		result = mc_copy_out((void *)at, numbers, (size_t)n * sizeof *numbers);
	}
	mc_free(numbers);
	return result ? result : compared;
}

static long nest_left;

static int nest(const void *a, const void *b)
{
	compared++;
	if (nest_left > 0) {
		int *pair = mc_alloc(2 * sizeof *pair);
		nest_left--;
		pair[0] = 2, pair[1] = 1;
		qsort(pair, 2, sizeof *pair, nest);
		if (pair[0] != 1)
			compared += 1000000;
		mc_free(pair);
	}
	return compare(a, b);
}

static long do_nested(long depth, long b, long c, long d, long e, long f)
{
	int *pair = mc_alloc(2 * sizeof *pair);
	pair[0] = 2, pair[1] = 1;
	compared = 0;
	nest_left = depth;
	qsort(pair, 2, sizeof *pair, nest);
	long result = pair[0] == 1 ? compared / 2 : -1;
	mc_free(pair);
	return result;
}

static long do_crc32(long at, long n, long c, long d, long e, long f)
{
	unsigned char *bytes = mc_alloc(BYTES);
	long result = n < 0 || n > BYTES - 16 ? -E_INVAL : mc_copy_in(bytes, (void *)at, (size_t)n);
	if (result == 0)
		result = (long)crc32(0, bytes, (unsigned)n);
	mc_free(bytes);
	return result;
}

static long convert(long at, long n, long to, long room, int direction)
{
	unsigned char *from = mc_alloc(BYTES), *out = mc_alloc(2 * BYTES);
	unsigned long *length = mc_alloc(sizeof *length);
	*length = (unsigned long)room;
	long result = n < 0 || n > BYTES - 16 || room < 0 || room > BYTES ? -E_INVAL
		      : mc_copy_in(from, (void *)at, (size_t)n);
	if (result == 0)
		result = direction ? compress2(out, length, from, (unsigned long)n, 9)
				   : uncompress(out, length, from, (unsigned long)n);
	if (result == 0)
		result = mc_copy_out((void *)to, out, *length);
	if (result == 0)
		result = (long)*length;
	mc_free(from);
	mc_free(out);
	mc_free(length);
	return result;
}

static long do_compress(long at, long n, long to, long room, long e, long f)
{
	return convert(at, n, to, room, 1);
}

static long do_uncompress(long at, long n, long to, long room, long e, long f)
{
	return convert(at, n, to, room, 0);
}

static long do_errno(long a, long b, long c, long d, long e, long f)
{
	return close(-1) * 1000 + mc_thread_self()->host_errno;
}

__attribute__((constructor)) static void start(void)
{
	mc_register(LIBS_POW, MC_FP(do_pow));
	mc_register(LIBS_SNPRINTF, MC_FP(do_snprintf));
	mc_register(LIBS_QSORT, do_qsort);
	mc_register(LIBS_CRC32, do_crc32);
	mc_register(LIBS_COMPRESS, do_compress);
	mc_register(LIBS_UNCOMPRESS, do_uncompress);
	mc_register(LIBS_ERRNO, do_errno);
	mc_register(LIBS_NESTED, do_nested);
	mc_register(LIBS_SQRT_INSIDE, MC_FP(do_square));
}
