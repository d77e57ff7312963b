/* SPDX-License-Identifier: MIT
 * Functions of the host's own libraries: floating point (pow), variadic with more arguments than
 * registers (snprintf), a guest comparator (qsort, nested too), errno, zlib there and back.
 * modules: libs
 */
#include "check.h"
#include "libs.h"

static int numbers[2000];
static unsigned char text[20000], packed[20000], back[20000];

int main(void)
{
	double x = 2.5, y = 3.0, result = 0;
	CHECK_IS(call3(LIBS_POW, (long)&x, (long)&y, (long)&result), 0);
	CHECK(result == 15.625);
	x = 2.0, y = 0.5;
	CHECK_IS(call3(LIBS_POW, (long)&x, (long)&y, (long)&result), 0);
	CHECK(result > 1.41421356 && result < 1.41421357);
	CHECK_IS(call3(LIBS_POW, 8, (long)&y, (long)&result), -E_FAULT);

	/* The caller's vector state is kept around a handler that uses it. */
	double sum = 0;
	for (int i = 1; i <= 20; i++) {
		double kept = i * 1.5;
		__asm__ volatile("" : "+x"(kept));
		long square = mc_syscall(LIBS_SQRT_INSIDE, i, 0, 0, 0, 0, 0);
		__asm__ volatile("" : "+x"(kept));
		CHECK_IS(square, i * i);
		sum += kept;
	}
	CHECK(sum == 315.0);

	static const char expected[] = "-5 text c 3.142 123456789012345 1e+300 beef 1 2 3 9.5|";
	CHECK_IS(call2(LIBS_SNPRINTF, (long)text, sizeof text), sizeof expected - 1);
	for (unsigned i = 0; i < sizeof expected; i++)
		CHECK_IS(text[i], expected[i]);

	unsigned seed = 7;
	for (int i = 0; i < 2000; i++)
		numbers[i] = (int)(seed = seed * 1103515245 + 12345) >> 4;
	CHECK(call2(LIBS_QSORT, (long)numbers, 200) >= 199);
	for (int i = 1; i < 200; i++)
		CHECK(numbers[i - 1] <= numbers[i]);
	CHECK(numbers[200] != numbers[199] + 1);
	CHECK_IS(call1(LIBS_NESTED, 0), 1);
	CHECK_IS(call1(LIBS_NESTED, 10), 11);

	CHECK_IS(call2(LIBS_CRC32, (long)"123456789", 9), 0xcbf43926);
	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = (unsigned char)("microcosm "[i % 10] + (i / 5000));
	long n = call4(LIBS_COMPRESS, (long)text, sizeof text, (long)packed, sizeof packed);
	CHECK(n > 20 && n < 2000);
	CHECK_IS(call4(LIBS_UNCOMPRESS, (long)packed, n, (long)back, sizeof back), sizeof text);
	for (unsigned i = 0; i < sizeof text; i++)
		CHECK_IS(back[i], text[i]);
	CHECK_IS(call4(LIBS_UNCOMPRESS, (long)packed, n, (long)back, 100), -5); /* Z_BUF_ERROR */
	packed[n / 2] ^= 0x55;
	CHECK(call4(LIBS_UNCOMPRESS, (long)packed, n, (long)back, sizeof back) < 0);
	CHECK_IS(call0(LIBS_ERRNO), -1000 + 9); /* EBADF */
	return 0;
}
