/* SPDX-License-Identifier: MIT
 * The functions that compilers call without being asked, for programs that have no C library. Weak:
 * a program's own come first. */
#include <stddef.h>

#define WEAK __attribute__((weak))

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

/* Keeps compilers from making a call of the very function out of a loop. */
#define OPAQUE(p) __asm__("" : "+r"(p))

WEAK void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	void *result = to;
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
	return result;
}

WEAK void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if ((size_t)(d - s) >= n) /* not within the source: forwards is safe */
		return memcpy(to, from, n);
	while (n >= 8) {
		unsigned long word;
		n -= 8;
		__builtin_memcpy(&word, s + n, 8);
		__builtin_memcpy(d + n, &word, 8);
		OPAQUE(d);
	}
	while (n > 0) {
		n--;
		d[n] = s[n];
		OPAQUE(d);
	}
	return to;
}

WEAK void *memset(void *to, int byte, size_t n)
{
	void *result = to;
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
	return result;
}

WEAK int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n > 0; n--, x++, y++) {
		if (*x != *y)
			return *x - *y;
		OPAQUE(x);
	}
	return 0;
}

WEAK size_t strlen(const char *s)
{
	const char *end = s;

	while (*end) {
		end++;
		OPAQUE(end);
	}
	return (size_t)(end - s);
}
