/* SPDX-License-Identifier: MIT
 * Memory, time, scheduling, prctl and what the machine tells. cases/calls.sh compares. */
#include "calls.h"
#include "faults.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>

static void maps(void)
{
	char *at, *file;
	unsigned char resident[4];
	int fd = open("mapped", O_RDWR | O_CREAT, 0600);

	write(fd, "0123456789", 10);
	SAY((at = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
	SAY(touch(at, true));
	SAY(mprotect(at + 4096, 4096, PROT_READ));
	SAY(touch(at + 4096, true));
	SAY(mprotect(at + 4096, 4096, PROT_NONE));
	SAY(touch(at + 4096, false));
	SAY(mprotect(at + 1, 4096, PROT_NONE));
	SAY(mprotect(at, 4096, 0x100));
	SAY(munmap(at + 8192, 4096));
	SAY(touch(at + 8192, false));
	SAY(mprotect(at + 8192, 4096, PROT_READ));
	SAY(munmap(at + 1, 4096));
	SAY(munmap(at, 0));
	SAY(mmap(at + 8192, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at + 8192);
	SAY(mmap(at + 8192, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
	SAY(mmap(at + 8192, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at + 8192);
	SAY((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0) < 1l << 31);
	SAY(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	SAY(mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
	SAY(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED && errno == EBADF);
	SAY(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 1) == MAP_FAILED && errno == EINVAL);
	SAY(mmap(NULL, 1ul << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
	SAY((file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) != MAP_FAILED);
	printf("%.10s\n", file);
	SAY(touch(file + 4096, false));
	file[0] = 'X';
	SAY(msync(file, 4096, MS_SYNC));
	SAY(msync(file, 4096, 99));
	SAY(msync(file + 1, 4096, MS_SYNC));
	char byte;
	SAY(pread(fd, &byte, 1, 0) == 1 && byte == 'X');
	SAY(ftruncate(fd, 0));
	SAY(touch(file, false));
	SAY(munmap(file, 8192));
	close(fd);
	fd = open("mapped", O_RDONLY);
	SAY(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
	SAY(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE, fd, 0) == MAP_FAILED && errno == EACCES);
	close(fd);
	unlink("mapped");

	at[0] = 'a';
	char *moved;
	SAY((moved = mremap(at, 4096, 65536, MREMAP_MAYMOVE)) != MAP_FAILED && moved[0] == 'a');
	SAY(mremap(moved, 65536, 4096, 0) == moved);
	SAY(touch(moved + 4096, false));
	SAY(mremap(moved, 4096, 4096, 99) == MAP_FAILED && errno == EINVAL);
	SAY(mremap((void *)4096, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
	char *there = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY(mremap(moved, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, there) == there && there[0] == 'a');
	SAY(mincore(there, 4096, resident) == 0 && (resident[0] & 1));
	SAY(mincore(there + 1, 4096, resident));
	SAY(mincore(moved, 4096, (void *)1));
	SAY(madvise(there, 4096, MADV_DONTNEED) == 0 && there[0] == 0);
	there[0] = 'b';
	for (int advice = 0; advice < 24; advice++) {
		/* Which kernels are made with huge pages varies; these others are refused. */
		if (advice != MADV_MERGEABLE && advice != MADV_UNMERGEABLE && advice != MADV_HUGEPAGE &&
		    advice != MADV_NOHUGEPAGE && advice != MADV_DONTFORK && advice != MADV_DOFORK &&
		    advice != MADV_COLD && advice != MADV_PAGEOUT)
			printf("advice %d: %s\n", advice, madvise(there, 4096, advice) == 0 ? "0" : strerrorname_np(errno));
	}
	madvise(there, 4096, MADV_HUGEPAGE);
	madvise(there, 4096, MADV_NOHUGEPAGE);
	SAY(madvise(there + 1, 4096, MADV_NORMAL));
	SAY(madvise((void *)4096, 4096, MADV_WILLNEED));
	SAY(madvise(there, 4096, 102 /* MADV_GUARD_INSTALL */));
	SAY(touch(there, false));
	SAY(madvise(there, 4096, 103 /* MADV_GUARD_REMOVE */));
	SAY(touch(there, false));
	there[0] = 'c';
	pid_t child;
	SAY(madvise(there, 4096, MADV_WIPEONFORK));
	child = fork();
	if (child == 0)
		_exit(there[0]);
	said_end("MADV_WIPEONFORK", child);
	munmap(there, 8192);

	char *end = sbrk(0);
	SAY((char *)syscall(SYS_brk, 0) == end);
	SAY((char *)syscall(SYS_brk, end + 100000) == end + 100000);
	SAY(touch(end + 50000, true));
	SAY((char *)syscall(SYS_brk, end) == end);
	SAY((char *)syscall(SYS_brk, 4096) == end);
	/* Shared with a child, and private. */
	int *both = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int own = 1;
	child = fork();
	if (child == 0) {
		both[0] = 5;
		own = 2;
		_exit(own);
	}
	said_end("child", child);
	printf("%d %d\n", both[0], own);
	char *down = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_STACK | MAP_NORESERVE | MAP_POPULATE, -1, 0);
	SAY(touch(down + 60000, true));
}

static void clocks(void)
{
	static const int known[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
				     CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,
				     CLOCK_TAI };
	struct timespec ts, earlier, none = { 0, 0 }, brief = { 0, MILLISECONDS }, bad = { 0, 1000000000 };
	struct timeval tv;
	struct tms tms;

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		printf("clock %d:", known[i]);
		printf(" %ld", syscall(SYS_clock_gettime, known[i], &earlier));
		printf(" %d", clock_gettime(known[i], &ts));
		printf(" forward %d", ts.tv_sec > earlier.tv_sec || (ts.tv_sec == earlier.tv_sec && ts.tv_nsec >= earlier.tv_nsec) || i == 5 || i == 6);
		printf(" resolution %ld\n", syscall(SYS_clock_getres, known[i], &ts) == 0 ? ts.tv_nsec : -1);
	}
	SAY(clock_gettime(10, &ts)); /* none has it */
	clockid_t own, threads;
	SAY(clock_getcpuclockid(0, &own) == 0 && clock_gettime(own, &ts) == 0 && ts.tv_sec * 1000000000 + ts.tv_nsec > 0);
	SAY(clock_getcpuclockid(getpid(), &own) == 0 && clock_gettime(own, &ts) == 0 && clock_getres(own, &ts) == 0);
	SAY(pthread_getcpuclockid(pthread_self(), &threads) == 0 && clock_gettime(threads, &ts) == 0);
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	SAY(clock_getcpuclockid(child, &own) == 0 && clock_gettime(own, &ts) == 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	SAY(clock_gettime(own, &ts));
	SAY(clock_gettime(~3 << 3 | 3, &ts)); /* of a descriptor, which is none */
	SAY(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 1));
	SAY(syscall(SYS_gettimeofday, &tv, NULL) == 0 && labs(tv.tv_sec - time(NULL)) <= 1);
	SAY(labs(syscall(SYS_time, NULL) - tv.tv_sec) <= 1);
	SAY(times(&tms) > 0);
	SAY(nanosleep(&none, NULL));
	SAY(nanosleep(&brief, NULL));
	SAY(nanosleep(&bad, NULL));
	SAY(syscall(SYS_nanosleep, 1, NULL));
	SAY(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, &none, NULL));
	SAY(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &brief, NULL));
	SAY(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &brief, NULL));
	clock_gettime(CLOCK_MONOTONIC, &earlier);
	nanosleep(&(struct timespec){ 0, 30 * MILLISECONDS }, NULL);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	SAY((ts.tv_sec - earlier.tv_sec) * 1000 + (ts.tv_nsec - earlier.tv_nsec) / 1000000 >= 30);
}

/* On Microcosm nobody may raise a priority, so here nobody may either, whatever the niceness that this began with. */
static void give_up_nice(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) == 0) {
		data[0].effective &= ~(1u << CAP_SYS_NICE);
		syscall(SYS_capset, &head, data);
	}
}

static void scheduling(void)
{
	cpu_set_t set, one;
	struct sched_param param = { .sched_priority = 1 };
	unsigned cpu, node;
	struct timespec ts;

	give_up_nice();
	SAY(sched_getaffinity(0, sizeof set, &set));
	SAY(syscall(SYS_sched_getaffinity, 0, 1, &set));
	SAY(sched_getaffinity(1 << 29, sizeof set, &set));
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set)) {
			CPU_SET(i, &one);
			break;
		}
	SAY(sched_setaffinity(0, sizeof one, &one));
	SAY(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_EQUAL(&set, &one));
	CPU_ZERO(&one);
	SAY(sched_setaffinity(0, sizeof one, &one));
	SAY(syscall(SYS_getcpu, &cpu, &node, NULL) == 0 && CPU_ISSET(cpu, &set));
	SAY(sched_getscheduler(0));
	SAY(sched_getparam(0, &param) == 0 && param.sched_priority == 0);
	SAY(sched_getparam(1 << 29, &param));
	SAY(sched_get_priority_max(SCHED_FIFO));
	SAY(sched_get_priority_min(SCHED_RR));
	SAY(sched_get_priority_min(99));
	SAY(sched_rr_get_interval(0, &ts));
	SAY(getpriority(PRIO_PROCESS, 0));
	SAY(setpriority(PRIO_PROCESS, 0, 3));
	SAY(getpriority(PRIO_PROCESS, 0));
	SAY(nice(2));
	SAY(getpriority(PRIO_PROCESS, getpid()));
	SAY(setpriority(PRIO_PROCESS, 1 << 29, 3));
	SAY(setpriority(99, 0, 3));
	param.sched_priority = 0;
	SAY(sched_setscheduler(0, SCHED_BATCH, &param));
	SAY(sched_getscheduler(0));
	SAY(sched_setscheduler(0, SCHED_IDLE, &param));
	SAY(sched_setparam(0, &param));
	param.sched_priority = 5;
	SAY(sched_setscheduler(0, SCHED_OTHER, &param));
	struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t rest[3]; } attributes;
	SAY(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) == 0 && attributes.policy == SCHED_IDLE &&
	    attributes.nice == getpriority(PRIO_PROCESS, 0));
}

static void controls(void)
{
	char name[17] = "";
	int signo;

	SAY(prctl(PR_SET_NAME, "a name that is long"));
	SAY(prctl(PR_GET_NAME, name));
	printf("%s\n", name);
	SAY(prctl(PR_SET_NAME, 1));
	SAY(prctl(PR_GET_DUMPABLE) >= 0);
	SAY(prctl(PR_SET_PDEATHSIG, 99));
	SAY(prctl(PR_SET_PDEATHSIG, 0));
	SAY(prctl(PR_GET_PDEATHSIG, &signo) == 0 && signo == 0);
	SAY(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
	SAY(prctl(PR_CAPBSET_READ, 0, 0, 0, 0) >= 0);
	SAY(prctl(PR_CAPBSET_READ, 99, 0, 0, 0));
	SAY(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	SAY(prctl(PR_SET_TIMERSLACK, 60000, 0, 0, 0));
	SAY(prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	SAY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SAY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SAY(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SAY(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	SAY(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	SAY(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	char *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY_AS("PR_SET_VMA", prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, 4096, "mine") == 0 || errno == EINVAL);
}

static void machine(void)
{
	struct utsname names;
	struct sysinfo info;
	char bytes[64] = "", zero[64] = "";

	SAY(uname(&names) == 0 && strcmp(names.sysname, "Linux") == 0 && strcmp(names.machine, "x86_64") == 0);
	SAY(syscall(SYS_uname, 1));
	SAY(sysinfo(&info) == 0 && info.totalram > 0 && info.uptime > 0 && info.procs > 0);
	SAY(syscall(SYS_sysinfo, 1));
	SAY(getrandom(bytes, sizeof bytes, 0));
	SAY(memcmp(bytes, zero, sizeof bytes) != 0);
	SAY(getrandom(bytes, sizeof bytes, GRND_NONBLOCK));
	SAY(getrandom(bytes, sizeof bytes, 0x100));
	SAY(syscall(SYS_getrandom, 1, 8, 0));
	SAY(personality(0xffffffff) >= 0);
}

int main(int argc, char **argv)
{
	calls_begin(argc, argv);
	maps();
	clocks();
	controls();
	machine();
	scheduling(); /* at last: it lowers its own priority */
	return 0;
}
