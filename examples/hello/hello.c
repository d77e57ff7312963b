/* SPDX-License-Identifier: MIT
 * A Microcosm program without a C library: four threads add up numbers, and each says so by a call of
 * the console module.
 *
 *     microcosm-cc -o hello hello.c
 *     microcosm hello */
#include <microcosm/console.h>

#define THREADS 4
#define NUMBERS 1000000L

static char *append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static char *append_number(char *to, long number)
{
	char digits[24], *digit = digits + sizeof(digits);

	*--digit = '\0';
	do {
		*--digit = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return append(to, digit);
}

static void say(const char *who, long number, const char *what, long result)
{
	char line[128], *end = line;

	end = append_number(append(end, who), number);
	end = append_number(append(end, what), result);
	end = append(end, "\n");
	mc_console_write(1, line, (size_t)(end - line));
}

static long add_up(void *share)
{
	long sum = 0;

	for (long i = (long)share; i <= NUMBERS; i += THREADS)
		sum += i;
	say("thread ", mc_thread_self()->id, " found ", sum);
	return sum;
}

int main(void)
{
	static const char hint[] = "This is a Microcosm program: start it by `microcosm`.\n";
	long ids[THREADS], sum = 0;

	if (!mc_header()) {
		mc_syscall(1 /* Linux's write */, 2, (long)hint, sizeof(hint) - 1, 0, 0, 0);
		return 1;
	}
	for (long i = 0; i < THREADS; i++)
		ids[i] = mc_thread_spawn(add_up, (void *)(i + 1), NULL, 0);
	for (long i = 0; i < THREADS; i++) {
		long value = 0;
		if (ids[i] < 0 || mc_thread_join(ids[i], &value) != 0)
			return 1;
		sum += value;
	}
	say("the sum of all numbers up to ", NUMBERS, " is ", sum);
	return sum == NUMBERS * (NUMBERS + 1) / 2 ? 0 : 1;
}
