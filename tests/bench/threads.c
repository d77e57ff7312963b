/* SPDX-License-Identifier: MIT
 * What a thread costs elsewhere: nanoseconds for each pthread_create and pthread_join.
 *     threads COUNT */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *empty_thread(void *arg)
{
	return arg;
}

static double burst_ns(long n)
{
	struct timespec begin, end;
	pthread_t thread;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < n; i++)
		if (pthread_create(&thread, NULL, empty_thread, NULL) != 0 ||
		    pthread_join(thread, NULL) != 0)
			exit(1);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 0;

	if (n <= 0)
		return 2;
	burst_ns(n / 4 + 1);
	printf("%.3f\n", burst_ns(n) / (double)n);
	return 0;
}
