/* SPDX-License-Identifier: MIT
 * Clocks, as C libraries read them: cases/clocks.sh counts the calls that this makes, and compares what it
 * says natively and on Microcosm. argv[1]: how often. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,
				    CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI };

static void vdso(long rounds)
{
	struct timespec now, last[sizeof clocks / sizeof *clocks] = { { 0 } };
	struct timeval day;
	unsigned cpu = ~0u, backwards = 0, apart = 0;

	printf("vdso %d\n", getauxval(AT_SYSINFO_EHDR) != 0);
	for (long i = 0; i < rounds; i++) {
		for (size_t k = 0; k < sizeof clocks / sizeof *clocks; k++) {
			clock_gettime(clocks[k], &now);
			backwards += clocks[k] != CLOCK_REALTIME && (now.tv_sec < last[k].tv_sec ||
				     (now.tv_sec == last[k].tv_sec && now.tv_nsec < last[k].tv_nsec));
			last[k] = now;
		}
		gettimeofday(&day, NULL);
		time_t seconds = time(NULL);
		apart += seconds < day.tv_sec - 1 || seconds > day.tv_sec + 1 || last[0].tv_sec > day.tv_sec;
		cpu = (unsigned)sched_getcpu();
	}
	printf("backwards %u apart %u cpu %d\n", backwards, apart, cpu < CPU_SETSIZE);
	fflush(stdout);
}

static void calls(void)
{
	struct timespec resolution;
	struct tms tms;
	struct sysinfo info;
	unsigned cpu = ~0u, node = ~0u;
	char bytes[64] = { 0 }, none[64] = { 0 };

	for (size_t k = 0; k < sizeof clocks / sizeof *clocks; k++) {
		long r = clock_getres(clocks[k], &resolution);
		printf("resolution of %d: %ld %ld\n", clocks[k], r, resolution.tv_nsec);
	}
	printf("cpu clocks %d %d\n", clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &resolution),
	       clock_gettime(CLOCK_THREAD_CPUTIME_ID, &resolution));
	printf("times %d\n", times(&tms) != (clock_t)-1);
	printf("getcpu %ld %d %d\n", syscall(SYS_getcpu, &cpu, &node, NULL), cpu < CPU_SETSIZE, node < 1024);
	int r = sysinfo(&info);
	printf("sysinfo %d %d %lu\n", r, info.uptime > 0, info.totalram);
	printf("getrandom %zd %d %zd\n", getrandom(bytes, sizeof bytes, 0), memcmp(bytes, none, sizeof bytes) != 0,
	       getrandom(bytes, sizeof bytes, GRND_NONBLOCK));
	printf("getrandom %zd", getrandom(bytes, 1, 0x80));
	printf(" %s\n", strerrorname_np(errno));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1;

	if (argc > 2) {
		vdso(rounds);
		return 0;
	}
	calls();
	vdso(rounds);
	if (fork() == 0) {
		vdso(rounds);
		execl(argv[0], argv[0], argv[1], "again", NULL);
		_exit(1);
	}
	wait(NULL);
	return 0;
}
