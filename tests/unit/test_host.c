/* SPDX-License-Identifier: MIT
 * The host process, with this program in the tracer's place and its children in the guests': gate
 * calls by the real notifications, without ptrace. The program is $MC_HOST_PROGRAM, else
 * bin/microcosm of the build tree; a component to load is built beside this test. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "base/ctl.h"
#include "region/region.h"
#include "rt.h"

enum {
	GATE_POW = RT_GATE_FIRST,
	GATE_SNPRINTF,
	GATE_CRC32,
	GATE_CLOSE,
	GATE_READ,
	GATE_QSORT,
	GATE_OPEN,
	GATE_MEMCPY,
	GATE_ABORT,
	GATE_EXIT,
	GATE_GETPID,
	GATE_SYSTEM,
	GATE_FORK,
	GATE_POWF_PLAIN, /* the same function, of a module without --fp */
	GATE_COMPONENT = 60, /* functions of host_component.c, in the order of component[] */
	GATE_UNKNOWN = 100,
};

static const struct import {
	const char *symbol, *library;
	uint32_t gate;
	bool vector;
} imports[] = {
	{ "pow", "libm.so.6", GATE_POW, true },
	{ "snprintf", "libc.so.6", GATE_SNPRINTF, true },
	{ "crc32", "libz.so.1", GATE_CRC32, false },
	{ "close", "libc.so.6", GATE_CLOSE, false },
	{ "read", "libc.so.6", GATE_READ, false },
	{ "qsort", "libc.so.6", GATE_QSORT, false },
	{ "open", "libc.so.6", GATE_OPEN, false },
	{ "memcpy", "libc.so.6", GATE_MEMCPY, false },
	{ "abort", "libc.so.6", GATE_ABORT, false },
	{ "exit", "libc.so.6", GATE_EXIT, false },
	{ "getpid", "libc.so.6", GATE_GETPID, false },
	{ "system", "libc.so.6", GATE_SYSTEM, false },
	{ "fork", "libc.so.6", GATE_FORK, false },
	{ "pow", "libm.so.6", GATE_POWF_PLAIN, false },
};

static const char *const component[] = { "test_caller", "test_fetch", "test_store",
					 "test_wait_interrupted", "test_many", "test_mixed",
					 "test_thread_end" };
enum { TEST_CALLER = GATE_COMPONENT, TEST_FETCH, TEST_STORE, TEST_WAIT, TEST_MANY, TEST_MIXED,
       TEST_THREAD_END };

/* What the tracer holds. */
static int ctl = -1;        /* the control socket */
static int host_input = -1; /* what the host process reads from its standard input */
static pid_t host;
static struct region region;
static struct ctl_thread *threads;
static int threads_fd = -1;
static uint64_t text; /* a page of module text */
static struct ctl_msg msg;

/* Two module functions, as bytes: int compare(const int *, const int *), and one that calls a gate. */
static const uint8_t compare_code[] = { 0x8b, 0x07, 0x2b, 0x06, 0xc3 };

static const char *host_program(void)
{
	const char *program = getenv("MC_HOST_PROGRAM");

	return program != NULL ? program : "bin/microcosm";
}

/* ---- The tracer's side ---- */

static void tell(uint32_t type, uint32_t slot, uint64_t a, uint64_t b, uint64_t c)
{
	msg.type = type;
	msg.slot = slot;
	msg.a = a;
	msg.b = b;
	msg.c = c;
	msg.text_len = 0;
	msg.n_fds = 0;
	ck_assert_int_eq(ctl_send(ctl, &msg), 0);
}

static void hear(uint32_t type)
{
	struct pollfd polled = { .fd = ctl, .events = POLLIN };

	ck_assert_msg(poll(&polled, 1, 20000) == 1, "the host process does not answer");
	ck_assert_int_eq(ctl_receive(ctl, &msg, 1), 1);
	ck_assert_msg(msg.type == type, "message %u instead of %u: %s", msg.type, type, msg.text);
}

static void tell_region(void)
{
	memset(&msg, 0, sizeof(msg));
	msg.type = CTL_REGION;
	msg.a = region.base;
	msg.b = region.size;
	msg.c = text; /* never run here */
	msg.n_fds = 4;
	msg.fds[0] = region.fds[REGION_SEALED];
	msg.fds[1] = region.fds[REGION_SHARED];
	msg.fds[2] = threads_fd;
	msg.fds[3] = threads_fd; /* for the stub: nothing is executed here */
	msg.text_len = (uint32_t)(region.n_maps * sizeof(region.maps[0]));
	memcpy(msg.text, region.maps, msg.text_len);
	ck_assert_int_eq(ctl_send(ctl, &msg), 0);
}

static void tell_import(const char *symbol, const char *module, const char *library, uint32_t gate,
			bool vector)
{
	msg.type = CTL_IMPORT;
	msg.a = gate;
	msg.b = vector;
	msg.n_fds = 0;
	msg.text_len = (uint32_t)sprintf(msg.text, "%s%c%s%c%s", symbol, 0, module, 0, library) + 1;
	ck_assert_int_eq(ctl_send(ctl, &msg), 0);
}

static void make_region(void)
{
	struct err err = { 0 };
	struct gaddr at;

	ck_assert_msg(region_create(&region, false, &err) == 0, "%s", err.text);
	ck_assert_int_eq(region_reserve(&region, 4096, 4096, &at, &err), 0);
	text = at.value;
	memcpy(region_at(&region, REGION_SEALED, at, 4096), compare_code, sizeof(compare_code));
	ck_assert_int_eq(region_map(&region, at, 4096, PROT_READ | PROT_EXEC, REGION_SEALED, &err), 0);
	ck_assert_msg(region_seal(&region, &err) == 0, "%s", err.text);
}

static void spawn_host(void)
{
	int pair[2], input[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
	host = fork();
	if (host == 0) {
		int socket = fcntl(pair[1], F_DUPFD, 100);

		dup2(input[0], 0);
		dup2(socket, CTL_FD);
		personality(ADDR_NO_RANDOMIZE); /* as a tracer with --no-aslr */
		execl(host_program(), "microcosm-host", (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	close(input[0]);
	ctl = pair[0];
	host_input = input[1];
}

static void setup_unbound(void)
{
	size_t size = CTL_TABLE_BYTES(RT_SLOT_COUNT);

	make_region();
	threads_fd = memfd_create("threads", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(threads_fd, (off_t)size), 0);
	threads = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, threads_fd, 0);
	ck_assert_ptr_ne(threads, MAP_FAILED);
	spawn_host();
	tell_region();
	tell(CTL_MODULE_TEXT, 0, text, text + 4096, 0);
}

static void setup(void)
{
	setup_unbound();
	for (size_t i = 0; i < sizeof(imports) / sizeof(imports[0]); i++)
		tell_import(imports[i].symbol, "test.so", imports[i].library, imports[i].gate,
			    imports[i].vector);
	tell(CTL_BIND, 0, 0, 0, 0);
	hear(CTL_OK);
}

/* The host process ends with its tracer, whatever it was doing. */
static void teardown(void)
{
	int status;

	close(ctl);
	close(host_input);
	ck_assert_int_eq(waitpid(host, &status, 0), host);
	ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 125),
		      "host process: status 0x%x", status);
	region_destroy(&region);
}

static void teardown_killed(void)
{
	kill(host, SIGKILL);
	waitpid(host, NULL, 0);
	close(ctl);
	close(host_input);
	region_destroy(&region);
}

/* ---- The guest's side: a child that has the region and a filter ---- */

static uint64_t sequence;
static uint32_t guest_slot; /* of this process */

static struct rt_gate_frame *guest_frame(uint32_t slot)
{
	return (struct rt_gate_frame *)(region.base + RT_OFF_THREADS + slot * RT_SLOT_BYTES + 0x10000);
}

static char *guest_buffer(void)
{
	return (char *)(region.base + RT_OFF_HEAP);
}

static long gate(const void *frame, uint64_t index, uint64_t seq, uint64_t slot)
{
	register uint64_t r10 __asm__("r10") = slot;
	register uint64_t r9 __asm__("r9") = RT_CARRIES_GATE;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(RT_NR_CARRIER), "D"(frame), "S"(index), "d"(seq), "r"(r10), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define GUEST_CHECK(condition)                                                             \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "test_host.c:%d: guest: %s\n", __LINE__, #condition); \
			_exit(1);                                                          \
		}                                                                          \
	} while (0)

static long call6(uint64_t index, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	struct rt_gate_frame *frame = guest_frame(guest_slot);
	uint64_t arguments[6] = { a, b, c, d, e, f };

	memcpy(frame->ireg, arguments, sizeof(arguments));
	long status = gate(frame, index, ++sequence, guest_slot);
	while (status == RT_GATE_CALLBACK) {
		int (*callback)(uint64_t, uint64_t) = (int (*)(uint64_t, uint64_t))frame->callback;

		frame->rax = (uint64_t)callback(frame->cb_ireg[0], frame->cb_ireg[1]);
		status = gate(frame, RT_GATE_RETURN, ++sequence, guest_slot);
	}
	return status == RT_GATE_DONE ? (long)frame->rax : status;
}

static void guest_map(void)
{
	for (size_t i = 0; i < region.n_maps; i++) {
		const struct region_map *map = &region.maps[i];

		GUEST_CHECK(mmap((void *)map->addr, map->len, (int)map->prot,
				 (map->private ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED_NOREPLACE,
				 region.fds[map->part],
				 (off_t)(map->addr - region.base)) == (void *)map->addr);
	}
}

static void guest_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_NR_CARRIER, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	GUEST_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	GUEST_CHECK(listener >= 0);
	memset(&msg, 0, CTL_WIRE_BYTES);
	msg.type = CTL_LISTENER;
	msg.text_len = 0;
	msg.n_fds = 1;
	msg.fds[0] = listener;
	GUEST_CHECK(ctl_send(ctl, &msg) == 0);
	close(listener);
}

static void set_thread(uint32_t slot, pid_t tid, enum ctl_plan plan)
{
	threads[slot].id = 7;
	threads[slot].process = 3;
	threads[slot].plan = plan;
	atomic_fetch_add(&threads[slot].epoch, 1);
	atomic_store(&threads[slot].tid, (uint32_t)tid);
}

static pid_t guest_start(void (*body)(void), enum ctl_plan plan)
{
	int ready[2];
	char byte = 0;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(20);
		guest_map();
		guest_filter();
		GUEST_CHECK(read(ready[0], &byte, 1) == 1);
		body();
		_exit(0);
	}
	set_thread(0, pid, plan);
	ck_assert_int_eq(write(ready[1], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void guest_end(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "guest: status 0x%x", status);
}

static void guest_run(void (*body)(void), enum ctl_plan plan)
{
	guest_end(guest_start(body, plan));
}

static void pause_ms(long ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&time, &time) < 0)
		;
}

static pid_t child_of(pid_t pid)
{
	char path[64];
	int child = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	for (int i = 0; i < 100 && child == 0; i++) {
		FILE *file = fopen(path, "re");

		if (file == NULL || fscanf(file, "%d", &child) != 1)
			pause_ms(1);
		if (file != NULL)
			fclose(file);
	}
	return child;
}

/* ---- Calls ---- */

static void body_calls(void)
{
	struct rt_gate_frame *frame = guest_frame(0);
	char *buffer = guest_buffer();
	double x = 2.5, y = 3.0, result;

	memset(frame, 0, sizeof(*frame));
	frame->vector = 1;
	memcpy(&frame->xmm[0], &x, 8);
	memcpy(&frame->xmm[1], &y, 8);
	GUEST_CHECK(gate(frame, GATE_POW, ++sequence, 0) == RT_GATE_DONE);
	memcpy(&result, &frame->xmm[0], 8);
	GUEST_CHECK(result == 15.625);

	/* Variadic, floating point and the stack: three in registers, ten more words, two in xmm. */
	strcpy(buffer + 512, "%d %d %d %d %d %d %d %d %d %d %d %d %ld %.2f %.1f");
	for (uint64_t i = 0; i < 10; i++)
		frame->stack[i] = i + 4;
	memcpy(&frame->xmm[0], &x, 8);
	memcpy(&frame->xmm[1], &y, 8);
	long n = call6(GATE_SNPRINTF, (uint64_t)buffer, 200, (uint64_t)(buffer + 512), 1, 2, 3);
	GUEST_CHECK(strcmp(buffer, "1 2 3 4 5 6 7 8 9 10 11 12 13 2.50 3.0") == 0);
	GUEST_CHECK(n == (long)strlen(buffer));
	frame->vector = 0;

	strcpy(buffer, "123456789");
	GUEST_CHECK(call6(GATE_CRC32, 0, (uint64_t)buffer, 9, 0, 0, 0) == 0xcbf43926);

	GUEST_CHECK(call6(GATE_CLOSE, (uint64_t)-1, 0, 0, 0, 0, 0) == -1 ||
		    (int)frame->rax == -1);
	GUEST_CHECK(frame->err == EBADF);
	GUEST_CHECK(call6(GATE_CRC32, 0, (uint64_t)buffer, 9, 0, 0, 0) == 0xcbf43926);
	GUEST_CHECK(frame->err == 0); /* not what the call before left */

	/* A module without --fp: its frames carry no vector state, whatever they say. */
	frame->vector = 1;
	memset(frame->xmm, 0x5a, sizeof(frame->xmm));
	GUEST_CHECK(gate(frame, GATE_POWF_PLAIN, ++sequence, 0) == RT_GATE_DONE);
	GUEST_CHECK(frame->xmm[0][0] == 0x5a5a5a5a5a5a5a5aull);
}

START_TEST(test_calls)
{
	guest_run(body_calls, CTL_PLAN_NONE);
}
END_TEST

static void body_refusals(void)
{
	struct rt_gate_frame *frame = guest_frame(0);
	uint64_t bad[] = { 0,
			   8,
			   (uint64_t)frame + 8,
			   region.base,
			   region.base + RT_OFF_TABLE,
			   region.base + RT_OFF_HEAP - 16,
			   region.base + region.size - 16,
			   region.base + region.size,
			   (uint64_t)&sequence & ~15ull,
			   ~0ull & ~15ull };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		GUEST_CHECK(gate((void *)bad[i], GATE_CRC32, ++sequence, 0) == -EFAULT);
	GUEST_CHECK(gate(frame, GATE_UNKNOWN, ++sequence, 0) == -ENOSYS);
	GUEST_CHECK(gate(frame, RT_GATE_MAX, ++sequence, 0) == -ENOSYS);
	GUEST_CHECK(gate(frame, 0x100000000ull + GATE_GETPID, ++sequence, 0) == -ENOSYS);
	GUEST_CHECK(gate(frame, ~0ull, ++sequence, 0) == -ENOSYS);
	GUEST_CHECK(gate(frame, 2, ++sequence, 0) == -ENOSYS);
	GUEST_CHECK(gate(frame, RT_GATE_RETURN, ++sequence, 0) == -EINVAL);
	GUEST_CHECK(gate(frame, RT_GATE_DESCRIPTOR, ++sequence, 0) == -EPERM);
	GUEST_CHECK(gate(frame, RT_GATE_DESCRIPTOR, ++sequence, (uint64_t)-1) == -EPERM);
	/* Another thread's slot, none, and one that is no slot. */
	GUEST_CHECK(gate(frame, GATE_GETPID, ++sequence, 1) == -EPERM);
	GUEST_CHECK(gate(frame, GATE_GETPID, ++sequence, (uint64_t)-1) == -EPERM);
	GUEST_CHECK(gate(frame, GATE_GETPID, ++sequence, RT_SLOT_COUNT) == -EPERM);
	GUEST_CHECK(gate(frame, GATE_GETPID, ++sequence, 1ull << 32) == -EPERM);
	memset(frame, 0, sizeof(*frame));
	GUEST_CHECK(call6(GATE_GETPID, 0, 0, 0, 0, 0, 0) > 0);
}

START_TEST(test_refusals)
{
	guest_run(body_refusals, CTL_PLAN_NONE);
}
END_TEST

static void body_sequence(void)
{
	struct rt_gate_frame *frame = guest_frame(0);

	memset(frame, 0, sizeof(*frame));
	strcpy(guest_buffer(), "x");
	frame->ireg[1] = (uint64_t)guest_buffer();
	frame->ireg[2] = 1;
	GUEST_CHECK(gate(frame, GATE_CRC32, 0, 0) == -EINVAL);
	GUEST_CHECK(gate(frame, GATE_CRC32, 5, 0) == RT_GATE_DONE);
	uint64_t crc = frame->rax;
	/* Again: answered from the record, the frame is left alone, whatever is asked for. */
	frame->rax = 99;
	GUEST_CHECK(gate(frame, GATE_CRC32, 5, 0) == RT_GATE_DONE);
	GUEST_CHECK(gate(NULL, GATE_UNKNOWN, 5, 0) == RT_GATE_DONE);
	GUEST_CHECK(frame->rax == 99);
	GUEST_CHECK(gate(frame, GATE_CRC32, 4, 0) == -EINVAL);
	GUEST_CHECK(gate(frame, GATE_CRC32, 6, 0) == RT_GATE_DONE && frame->rax == crc);
	GUEST_CHECK(gate(frame, GATE_UNKNOWN, 7, 0) == -ENOSYS);
	GUEST_CHECK(gate(frame, GATE_CRC32, 7, 0) == -ENOSYS);
	GUEST_CHECK(gate(frame, GATE_CRC32, ~0ull, 0) == RT_GATE_DONE);
	GUEST_CHECK(gate(frame, GATE_CRC32, 8, 0) == -EINVAL);
}

START_TEST(test_sequence)
{
	guest_run(body_sequence, CTL_PLAN_NONE);
}
END_TEST

static void body_qsort(void)
{
	int *numbers = (int *)guest_buffer();

	memset(guest_frame(0), 0, sizeof(struct rt_gate_frame));
	for (int i = 0; i < 100; i++)
		numbers[i] = i * 37 % 100;
	call6(GATE_QSORT, (uint64_t)numbers, 100, sizeof(int), text, 0, 0);
	for (int i = 0; i < 100; i++)
		GUEST_CHECK(numbers[i] == i);
}

START_TEST(test_callback)
{
	guest_run(body_qsort, CTL_PLAN_NONE);
}
END_TEST

/* Two threads in callbacks at the same time, behind one listener, with other calls in between. */
static void sort_and_call(void)
{
	int *numbers = (int *)guest_buffer() + guest_slot * 4096;
	char *string = (char *)(numbers + 2048);

	memset(guest_frame(guest_slot), 0, sizeof(struct rt_gate_frame));
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 200; i++)
			numbers[i] = (i * 37 + (int)guest_slot) % 200;
		call6(GATE_QSORT, (uint64_t)numbers, 200, sizeof(int), text, 0, 0);
		for (int i = 0; i < 200; i++)
			GUEST_CHECK(numbers[i] == i);
		strcpy(string, "123456789");
		GUEST_CHECK(call6(GATE_CRC32, 0, (uint64_t)string, 9, 0, 0, 0) == 0xcbf43926);
	}
}

static void body_two_sort(void)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		guest_slot = 1;
		while (atomic_load(&threads[1].tid) != (uint32_t)getpid())
			sched_yield();
	}
	sort_and_call();
	if (child != 0) {
		GUEST_CHECK(waitpid(child, &status, 0) == child);
		GUEST_CHECK(status == 0);
	}
}

START_TEST(test_callbacks_of_two)
{
	pid_t pid = guest_start(body_two_sort, CTL_PLAN_NONE);

	set_thread(1, child_of(pid), CTL_PLAN_NONE);
	guest_end(pid);
}
END_TEST

/* Comparators that call qsort themselves, to the depth that the host process allows. */
static unsigned nested_depth;

static void nested_sort(unsigned depth)
{
	struct rt_gate_frame *frame = guest_frame(0) - depth;
	int *numbers = (int *)guest_buffer() + 2 * depth;

	memset(frame, 0, sizeof(*frame));
	numbers[0] = 2;
	numbers[1] = 1;
	frame->ireg[0] = (uint64_t)numbers;
	frame->ireg[1] = 2;
	frame->ireg[2] = sizeof(int);
	frame->ireg[3] = text;
	long status = gate(frame, GATE_QSORT, ++sequence, 0);
	while (status == RT_GATE_CALLBACK) {
		GUEST_CHECK(frame->callback == text);
		GUEST_CHECK(gate(frame + 1, RT_GATE_RETURN, ++sequence, 0) == -EINVAL);
		if (depth + 1 < nested_depth)
			nested_sort(depth + 1);
		frame->rax = 1;
		status = gate(frame, RT_GATE_RETURN, ++sequence, 0);
	}
	GUEST_CHECK(status == RT_GATE_DONE);
	GUEST_CHECK(numbers[0] == 1 && numbers[1] == 2);
}

static void body_nested(void)
{
	nested_sort(0);
}

START_TEST(test_callback_nested)
{
	nested_depth = 64;
	guest_run(body_nested, CTL_PLAN_NONE);
}
END_TEST

START_TEST(test_callback_too_deep)
{
	nested_depth = 65;
	pid_t pid = guest_start(body_nested, CTL_PLAN_NONE);
	hear(CTL_END);
	ck_assert_ptr_nonnull(strstr(msg.text, "qsort"));
	ck_assert_ptr_nonnull(strstr(msg.text, "nested"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

/* The guest is killed inside a comparator: its host function ends, others go on. */
static void body_dies_in_callback(void)
{
	struct rt_gate_frame *frame = guest_frame(0);
	int *numbers = (int *)(guest_buffer() + 4096); /* sorted on when the guest is gone */

	memset(frame, 0, sizeof(*frame));
	for (int i = 0; i < 100; i++)
		numbers[i] = -i;
	frame->ireg[0] = (uint64_t)numbers;
	frame->ireg[1] = 100;
	frame->ireg[2] = sizeof(int);
	frame->ireg[3] = text;
	GUEST_CHECK(gate(frame, GATE_QSORT, ++sequence, 0) == RT_GATE_CALLBACK);
	_exit(0);
}

START_TEST(test_drop_in_callback)
{
	for (int i = 0; i < 3; i++) {
		guest_run(body_dies_in_callback, CTL_PLAN_NONE);
		atomic_store(&threads[0].tid, 0);
		if (i != 1) /* without: the next thread's epoch says it */
			tell(CTL_DROP, 0, 0, 0, 0);
	}
	guest_run(body_qsort, CTL_PLAN_NONE);
}
END_TEST

/* ---- Blocking calls ---- */

static void start_read(struct rt_gate_frame *frame)
{
	memset(frame, 0, sizeof(*frame));
	frame->ireg[1] = (uint64_t)guest_buffer();
	frame->ireg[2] = 16;
}

/* What a guest sets when it is ready for signals. */
static volatile int *guest_flag(void)
{
	return (volatile int *)(guest_buffer() + 65536);
}

/* The tracer's side of it, and a moment more for the guest to make its call. */
static void guest_wait(long ms)
{
	struct gaddr at = { region.base + RT_OFF_HEAP + 65536 };
	volatile int *flag = region_at(&region, REGION_SHARED, at, sizeof(int));

	while (*flag == 0)
		pause_ms(1);
	*flag = 0;
	pause_ms(ms);
}

static void on_signal(int signo)
{
	(void)signo;
}

/* Broken off by a signal, as it is for the tracer at its stop; called again with the same number. */
static void body_interrupted(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct rt_gate_frame *frame = guest_frame(0);

	sigaction(SIGUSR1, &action, NULL);
	*guest_flag() = 1;
	start_read(frame);
	GUEST_CHECK(gate(frame, GATE_READ, 1, 0) == -EINTR);
	GUEST_CHECK(frame->err == 0);
	kill(getppid(), SIGUSR2);
	long status;
	do {
		status = gate(frame, GATE_READ, 1, 0);
	} while (status == -EINTR);
	GUEST_CHECK(status == RT_GATE_DONE);
	GUEST_CHECK((long)frame->rax == -1 && frame->err == EINTR);
}

START_TEST(test_settle_interrupts)
{
	struct timespec moment = { .tv_nsec = 20000000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid_t pid = guest_start(body_interrupted, CTL_PLAN_NONE);
	guest_wait(50);
	tell(CTL_SETTLE, 0, 1, 0, 0); /* not interrupted: it runs on, the call is to be repeated */
	hear(CTL_SETTLED);
	ck_assert_uint_eq(msg.b, CTL_REPEAT);
	tell(CTL_SETTLE, 0, 2, 1, 0); /* never received */
	hear(CTL_SETTLED);
	ck_assert_uint_eq(msg.a, 2);
	ck_assert_uint_eq(msg.b, CTL_REPEAT);
	do {
		kill(pid, SIGUSR1);
	} while (sigtimedwait(&set, NULL, &moment) < 0);
	pause_ms(50); /* the repeat joins the worker */
	tell(CTL_SETTLE, 0, 1, 1, 0);
	hear(CTL_SETTLED);
	ck_assert_uint_eq(msg.slot, 0);
	ck_assert_uint_eq(msg.a, 1);
	ck_assert_uint_eq(msg.b, CTL_DONE);
	ck_assert_uint_eq(msg.c, RT_GATE_DONE);
	tell(CTL_SETTLE, 0, 1, 1, 0); /* it stays so */
	hear(CTL_SETTLED);
	ck_assert_uint_eq(msg.b, CTL_DONE);
	guest_end(pid);
}
END_TEST

/* Signals that restart the call: each repeat joins, the function runs once. */
static void body_restarted(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct rt_gate_frame *frame = guest_frame(0);

	sigaction(SIGUSR1, &action, NULL);
	*guest_flag() = 1;
	start_read(frame);
	frame->ireg[2] = 5;
	GUEST_CHECK(gate(frame, GATE_READ, 1, 0) == RT_GATE_DONE);
	GUEST_CHECK(frame->rax == 5 && memcmp(guest_buffer(), "hello", 5) == 0);
	start_read(frame);
	GUEST_CHECK(gate(frame, GATE_READ, 2, 0) == RT_GATE_DONE);
	GUEST_CHECK(frame->rax == 3);
}

START_TEST(test_repeats_join)
{
	pid_t pid = guest_start(body_restarted, CTL_PLAN_NONE);
	guest_wait(50);
	for (int i = 0; i < 50; i++) {
		kill(pid, SIGUSR1);
		pause_ms(1);
	}
	ck_assert_int_eq(write(host_input, "hello", 5), 5);
	pause_ms(50);
	ck_assert_int_eq(write(host_input, "abc", 3), 3);
	guest_end(pid);
}
END_TEST

/* A blocked call blocks its own thread alone; a dropped one's function ends. */
static void body_blocked_children(void)
{
	struct rt_gate_frame *frame = guest_frame(0);

	if (fork() == 0) {
		while (atomic_load(&threads[1].tid) != (uint32_t)getpid())
			sched_yield();
		frame = guest_frame(1);
		start_read(frame);
		gate(frame, GATE_READ, 1, 1);
		_exit(1);
	}
	pause_ms(300);
	memset(frame, 0, sizeof(*frame));
	for (int i = 0; i < 1000; i++)
		GUEST_CHECK(call6(GATE_GETPID, 0, 0, 0, 0, 0, 0) > 0);
}

START_TEST(test_blocked_call_blocks_one)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t pid = guest_start(body_blocked_children, CTL_PLAN_NONE);
	pid_t child = child_of(pid);

	ck_assert_int_gt(child, 0);
	set_thread(1, child, CTL_PLAN_NONE);
	guest_end(pid);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	atomic_store(&threads[1].tid, 0);
	tell(CTL_DROP, 1, 0, 0, 0);
	pause_ms(200);
	/* The dropped read would take this away if it still waited. */
	ck_assert_int_eq(write(host_input, "hello", 5), 5);
	pid = guest_start(body_restarted, CTL_PLAN_NONE);
	pause_ms(50);
	ck_assert_int_eq(write(host_input, "abc", 3), 3);
	guest_end(pid);
}
END_TEST

/* Signals as fast as they go while calls are made: none runs twice, no result is lost. Settled here by
 * repeating: the count is kept by the pipe, of which each call takes a byte. */
#define STORM_CALLS 2000

static void body_storm(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct rt_gate_frame *frame = guest_frame(0);
	unsigned char expected = 0;

	sigaction(SIGUSR1, &action, NULL);
	*guest_flag() = 1;
	for (uint64_t i = 1; i <= STORM_CALLS; i++) {
		long status;

		start_read(frame);
		frame->ireg[2] = 1;
		do {
			status = gate(frame, GATE_READ, i, 0);
		} while (status == -EINTR);
		GUEST_CHECK(status == RT_GATE_DONE);
		GUEST_CHECK(frame->rax == 1);
		GUEST_CHECK(*(unsigned char *)guest_buffer() == expected);
		expected++;
	}
}

START_TEST(test_storm)
{
	unsigned char bytes[STORM_CALLS];
	int status = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	ck_assert_int_eq(write(host_input, bytes, sizeof(bytes)), (int)sizeof(bytes));
	pid_t pid = guest_start(body_storm, CTL_PLAN_NONE);
	guest_wait(0);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		kill(pid, SIGUSR1);
		sched_yield();
	}
	ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- What ends the world ---- */

static uint64_t host_address;

static void body_own_pointer(void)
{
	memset(guest_frame(0), 0, sizeof(struct rt_gate_frame));
	call6(GATE_MEMCPY, (uint64_t)guest_buffer(), host_address, 1, 0, 0, 0);
}

static void body_wild_pointer(void)
{
	memset(guest_frame(0), 0, sizeof(struct rt_gate_frame));
	call6(GATE_MEMCPY, (uint64_t)guest_buffer(), 8, 16, 0, 0, 0);
}

static void body_data_callback(void) /* a function in the heap is none */
{
	memset(guest_frame(0), 0, sizeof(struct rt_gate_frame));
	call6(GATE_QSORT, (uint64_t)guest_buffer(), 10, 4, (uint64_t)guest_buffer(), 0, 0);
}

static void body_abort(void)
{
	memset(guest_frame(0), 0, sizeof(struct rt_gate_frame));
	call6(GATE_ABORT, 0, 0, 0, 0, 0, 0);
}

static void body_exit(void)
{
	memset(guest_frame(0), 0, sizeof(struct rt_gate_frame));
	call6(GATE_EXIT, 0, 0, 0, 0, 0, 0);
}

static void ends_world(void (*body)(void), const char *word, const char *other)
{
	pid_t pid = guest_start(body, CTL_PLAN_NONE);

	hear(CTL_END);
	ck_assert_msg(strstr(msg.text, word) != NULL && strstr(msg.text, other) != NULL, "%s", msg.text);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

START_TEST(test_own_pointer)
{
	char path[64], line[512];
	unsigned long low = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", host);
	FILE *maps = fopen(path, "re");
	ck_assert_ptr_nonnull(maps);
	/* Its own program: what comes before it is a sanitizer's shadow. */
	while (fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, "/microcosm\n") != NULL) {
			low = strtoul(line, NULL, 16);
			break;
		}
	fclose(maps);
	ck_assert_uint_ne(low, 0);
	host_address = low + 100;
	ends_world(body_own_pointer, "memcpy", "argument 1");
}
END_TEST

START_TEST(test_wild_pointer)
{
	ends_world(body_wild_pointer, "memcpy", "0x8");
}
END_TEST

START_TEST(test_data_callback)
{
	ends_world(body_data_callback, "qsort", "faulted");
}
END_TEST

START_TEST(test_abort)
{
	ends_world(body_abort, "abort", "SIGABRT");
}
END_TEST

START_TEST(test_exit)
{
	ends_world(body_exit, "exit", "host");
}
END_TEST

/* ---- Descriptors ---- */

static void body_descriptors(void)
{
	uint64_t none = (uint64_t)-1;
	struct stat st;
	struct rt_plan plan;

	GUEST_CHECK(gate(NULL, RT_GATE_DESCRIPTOR, 1, 1) == -EPERM);
	long all = gate(NULL, RT_GATE_DESCRIPTOR, 1, none), mask = (1 << RT_DESCRIPTOR_BITS) - 1;
	GUEST_CHECK(gate(NULL, RT_GATE_DESCRIPTOR, 1, none) == all); /* repeated */
	long plan_fd = (all & mask) - 1, sealed = (all >> RT_DESCRIPTOR_BITS & mask) - 1,
	     shared = (all >> 2 * RT_DESCRIPTOR_BITS) - 1;
	GUEST_CHECK(plan_fd > 2 && fcntl((int)plan_fd, F_GETFD) == FD_CLOEXEC);
	GUEST_CHECK(sealed > 2 && shared > 2 && sealed != plan_fd && shared != sealed);
	GUEST_CHECK(gate(NULL, RT_GATE_DESCRIPTOR, 2, none) == -EPERM);
	GUEST_CHECK(gate(NULL, RT_GATE_DESCRIPTOR, 3, none) == -EPERM);

	GUEST_CHECK(pread((int)plan_fd, &plan, sizeof(plan), 0) == (ssize_t)sizeof(plan));
	GUEST_CHECK(plan.magic == RT_PLAN_MAGIC && plan.region_base == region.base);
	GUEST_CHECK(plan.start == text && plan.n_fds == 2 && plan.entry == 0);
	GUEST_CHECK(plan.n_maps > 0 && plan.n_maps <= region.n_maps + 1 && plan.n_seal == 1);
	GUEST_CHECK(plan.seal_addr == region.base && plan.seal_len == RT_OFF_HEAP);
	GUEST_CHECK(fstat((int)plan_fd, &st) == 0 && (uint64_t)st.st_size == plan.size);
	GUEST_CHECK(write((int)plan_fd, "x", 1) < 0);
	/* Each of the region's mappings, by what the plan maps there last. */
	for (size_t i = 0; i < region.n_maps; i++) {
		const struct region_map *want = &region.maps[i];
		struct rt_map map, found = { 0 };

		for (uint32_t k = 0; k < plan.n_maps; k++) {
			GUEST_CHECK(pread((int)plan_fd, &map, sizeof(map),
					  (off_t)(plan.maps + k * sizeof(map))) == (ssize_t)sizeof(map));
			if (want->addr >= map.addr && want->addr < map.addr + map.len)
				found = map;
		}
		GUEST_CHECK(want->addr + want->len <= found.addr + found.len);
		GUEST_CHECK((found.prot & want->prot) == want->prot);
		GUEST_CHECK((found.prot & PROT_WRITE) == (want->prot & PROT_WRITE));
		GUEST_CHECK(found.offset == found.addr - region.base);
		GUEST_CHECK(found.fd == (want->part == REGION_SEALED ? 0 : 1));
		GUEST_CHECK((found.flags & ~(uint32_t)MAP_FIXED) ==
			    (uint32_t)(want->private ? MAP_PRIVATE : MAP_SHARED));
	}
	/* The sealed part cannot be written by this descriptor, the shared part can be mapped. */
	GUEST_CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, (int)sealed, 0) == MAP_FAILED);
	GUEST_CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, (int)sealed, 0) != MAP_FAILED);
	GUEST_CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, (int)shared, 0) != MAP_FAILED);

	/* Calls count from 1 again; after the first of them the stub's time is over. */
	memset(guest_frame(0), 0, sizeof(struct rt_gate_frame));
	GUEST_CHECK(call6(GATE_GETPID, 0, 0, 0, 0, 0, 0) > 0);
	GUEST_CHECK(gate(NULL, RT_GATE_DESCRIPTOR, 4, none) == -EPERM);
}

START_TEST(test_descriptors)
{
	guest_run(body_descriptors, CTL_PLAN_BOOT);
	guest_run(body_descriptors, CTL_PLAN_BOOT); /* each start anew */
}
END_TEST

/* ---- Components written for Microcosm ---- */

static const char *component_directory(void)
{
	const char *directory = getenv("MC_TEST_COMPONENT_DIR");

	return directory != NULL ? directory : "tests/unit";
}

static bool has_component(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/libmc_test.so", component_directory());
	return access(path, R_OK) == 0;
}

static void setup_component(void)
{
	setenv("MICROCOSM_HOST_DIR", component_directory(), 1);
	setup_unbound();
	for (uint32_t i = 0; i < sizeof(component) / sizeof(component[0]); i++)
		tell_import(component[i], "test.so", "libmc_test.so", GATE_COMPONENT + i, true);
	tell(CTL_BIND, 0, 0, 0, 0);
	hear(CTL_OK);
}

static void body_component(void)
{
	struct rt_gate_frame *frame = guest_frame(0);
	uint64_t heap = (uint64_t)guest_buffer(), sealed_end = text + 4096;
	uint64_t end = region.base + region.size;
	double a = 1.5, d = 4.0, result;
	float c = 0.25f;

	memset(frame, 0, sizeof(*frame));
	GUEST_CHECK(call6(TEST_CALLER, 0, 0, 0, 0, 0, 0) == 7);
	GUEST_CHECK(call6(TEST_CALLER, 1, 0, 0, 0, 0, 0) == 3);
	GUEST_CHECK(call6(TEST_CALLER, 2, 0, 0, 0, 0, 0) == TEST_CALLER);

	memset((void *)heap, 2, 256);
	GUEST_CHECK(call6(TEST_FETCH, heap, 256, 0, 0, 0, 0) == 512);
	GUEST_CHECK(call6(TEST_FETCH, text, 1, 0, 0, 0, 0) == 0x8b);
	GUEST_CHECK(call6(TEST_FETCH, sealed_end - 1, 1, 0, 0, 0, 0) == 0);
	GUEST_CHECK(call6(TEST_FETCH, sealed_end - 1, 2, 0, 0, 0, 0) == -EFAULT);
	GUEST_CHECK(call6(TEST_FETCH, sealed_end, 1, 0, 0, 0, 0) == -EFAULT); /* a hole */
	GUEST_CHECK(call6(TEST_FETCH, end - 16, 17, 0, 0, 0, 0) == -EFAULT);
	GUEST_CHECK(call6(TEST_FETCH, end, 1, 0, 0, 0, 0) == -EFAULT);
	GUEST_CHECK(call6(TEST_FETCH, 0, 1, 0, 0, 0, 0) == -EFAULT);
	GUEST_CHECK(call6(TEST_FETCH, ~0ull, 2, 0, 0, 0, 0) == -EFAULT);
	GUEST_CHECK(call6(TEST_FETCH, heap, (uint64_t)-1, 0, 0, 0, 0) == -E2BIG);

	GUEST_CHECK(call6(TEST_STORE, heap + 1, 200, 0, 0, 0, 0) == 0);
	GUEST_CHECK(*(uint8_t *)heap == 2 && *(uint8_t *)(heap + 200) == 199);
	GUEST_CHECK(*(uint8_t *)(heap + 201) == 2);
	GUEST_CHECK(call6(TEST_STORE, text, 1, 0, 0, 0, 0) == -EFAULT);
	GUEST_CHECK(call6(TEST_STORE, heap - 1, 2, 0, 0, 0, 0) == -EFAULT);

	for (uint64_t i = 0; i < 10; i++)
		frame->stack[i] = i + 7;
	GUEST_CHECK(call6(TEST_MANY, 1, 2, 3, 4, 5, 6) == 1496);
	frame->vector = 1;
	memcpy(&frame->xmm[0], &a, 8);
	memcpy(&frame->xmm[1], &c, 4);
	memcpy(&frame->xmm[2], &d, 8);
	call6(TEST_MIXED, 10, 3, 0, 0, 0, 0);
	memcpy(&result, &frame->xmm[0], 8);
	GUEST_CHECK(result == 9.5);
}

START_TEST(test_component)
{
	guest_run(body_component, CTL_PLAN_NONE);
}
END_TEST

static void body_waits(void)
{
	struct rt_gate_frame *frame = guest_frame(0);

	for (int i = 0; i < 3; i++) {
		memset(frame, 0, sizeof(*frame));
		GUEST_CHECK(call6(TEST_WAIT, 0, 0, 0, 0, 0, 0) == -EINTR);
	}
}

START_TEST(test_component_interrupted)
{
	pid_t pid = guest_start(body_waits, CTL_PLAN_NONE);

	for (uint64_t i = 1; i <= 3; i++) {
		pause_ms(30);
		tell(CTL_SETTLE, 0, i, 1, 0);
		hear(CTL_SETTLED);
		ck_assert_uint_eq(msg.b, CTL_DONE);
	}
	guest_end(pid);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__ /* which takes the unwinding of a thread for an overflow */
static void body_thread_end(void)
{
	memset(guest_frame(0), 0, sizeof(struct rt_gate_frame));
	call6(TEST_THREAD_END, 0, 0, 0, 0, 0, 0);
}

START_TEST(test_thread_end)
{
	ends_world(body_thread_end, "test_thread_end", "ended its thread");
}
END_TEST
#endif

/* ---- Imports ---- */

static void refuses_import(const char *symbol, const char *library, const char *word)
{
	tell_import(symbol, "needy.so", library, GATE_UNKNOWN, false);
	tell(CTL_BIND, 0, 0, 0, 0);
	hear(CTL_FAILED);
	ck_assert_uint_eq(msg.a, 126);
	ck_assert_msg(strstr(msg.text, word) != NULL && strstr(msg.text, "needy.so") != NULL &&
			      strstr(msg.text, library) != NULL,
		      "%s", msg.text);
}

START_TEST(test_import_data)
{
	static const char *const data[] = { "stdout", "environ", "errno", "sys_siglist" };

	refuses_import(data[_i], "libc.so.6", _i < 2 ? "only functions" : data[_i]);
}
END_TEST

START_TEST(test_import_missing)
{
	refuses_import("no_such_function", "libm.so.6", "no_such_function");
}
END_TEST

START_TEST(test_import_no_library)
{
	refuses_import("anything", "libnosuchlibrary.so.9", "cannot load");
}
END_TEST

START_TEST(test_import_ifunc)
{
	static const char *const functions[] = { "memmove", "time", "gettimeofday", "strlen" };

	tell_import(functions[_i], "m.so", "libc.so.6", GATE_UNKNOWN, false);
	tell(CTL_BIND, 0, 0, 0, 0);
	hear(CTL_OK);
}
END_TEST

/* ---- Trace ---- */

static void body_crc(void)
{
	memset(guest_frame(0), 0, sizeof(struct rt_gate_frame));
	strcpy(guest_buffer(), "123456789");
	GUEST_CHECK(call6(GATE_CRC32, 0, (uint64_t)guest_buffer(), 9, 0, 0, 0) == 0xcbf43926);
	GUEST_CHECK((int)call6(GATE_CLOSE, (uint64_t)-1, 0, 0, 0, 0, 0) == -1);
}

START_TEST(test_trace)
{
	struct ctl_gate line;

	tell(CTL_TRACE, 0, 1, 0, 0);
	guest_run(body_crc, CTL_PLAN_NONE);
	hear(CTL_GATE);
	ck_assert_uint_eq(msg.a, GATE_CRC32);
	ck_assert_uint_eq(msg.text_len, sizeof(line));
	memcpy(&line, msg.text, sizeof(line));
	ck_assert_uint_eq(line.ireg[1], region.base + RT_OFF_HEAP);
	ck_assert_uint_eq(line.ireg[2], 9);
	ck_assert_uint_eq(line.rax, 0xcbf43926);
	ck_assert(line.end_ns >= line.start_ns && line.start_ns > 0);
	hear(CTL_GATE);
	memcpy(&line, msg.text, sizeof(line));
	ck_assert_uint_eq(msg.a, GATE_CLOSE);
	ck_assert_int_eq(line.err, EBADF);
}
END_TEST

/* ---- The seal ---- */

static void body_sealed(void)
{
	struct rt_gate_frame *frame = guest_frame(0);

	memset(frame, 0, sizeof(*frame));
	strcpy(guest_buffer(), "/etc/passwd");
	call6(GATE_OPEN, (uint64_t)guest_buffer(), O_RDONLY, 0, 0, 0, 0);
	GUEST_CHECK((int)frame->rax == -1 && frame->err == EACCES);
	strcpy(guest_buffer(), "true");
	call6(GATE_SYSTEM, (uint64_t)guest_buffer(), 0, 0, 0, 0, 0);
	GUEST_CHECK((int)frame->rax != 0);
	call6(GATE_FORK, 0, 0, 0, 0, 0, 0);
	GUEST_CHECK((int)frame->rax == -1 && frame->err == EPERM);
	/* What was open stays so, and new workers start. */
	body_blocked_children();
}

static void body_open(void)
{
	struct rt_gate_frame *frame = guest_frame(0);

	memset(frame, 0, sizeof(*frame));
	strcpy(guest_buffer(), "/etc/passwd");
	call6(GATE_OPEN, (uint64_t)guest_buffer(), O_RDONLY, 0, 0, 0, 0);
	GUEST_CHECK((int)frame->rax > 2);
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 1;
}

START_TEST(test_seal)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	guest_run(body_open, CTL_PLAN_NONE); /* this leaves workers that are to be bound */
	tell(CTL_SEAL, 0, 0, 0, 0);
	hear(CTL_OK);
	if (!has_landlock()) {
		fprintf(stderr, "test_host: no Landlock in this kernel, its part is not tested\n");
		return;
	}
	pid_t pid = guest_start(body_sealed, CTL_PLAN_NONE);
	pid_t child = child_of(pid);
	set_thread(1, child, CTL_PLAN_NONE);
	guest_end(pid);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
END_TEST

START_TEST(test_survives_terminal)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGTTIN, SIGPIPE };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		kill(host, signals[i]);
	guest_run(body_crc, CTL_PLAN_NONE);
}
END_TEST

/* Its addresses are not the ones that a guest without randomization could guess. */
#ifndef __SANITIZE_THREAD__
START_TEST(test_own_randomization)
{
	char path[64];
	unsigned flags = ~0u;

	snprintf(path, sizeof(path), "/proc/%d/personality", host);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		fprintf(stderr, "test_host: no %s, randomization is not tested\n", path);
		return;
	}
	ck_assert_int_eq(fscanf(file, "%x", &flags), 1);
	fclose(file);
	ck_assert_uint_eq(flags & ADDR_NO_RANDOMIZE, 0);
}
END_TEST
#endif

static void add_worlds(Suite *suite)
{
	TCase *tcase = tcase_create("calls");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_calls);
	tcase_add_test(tcase, test_refusals);
	tcase_add_test(tcase, test_sequence);
	tcase_add_test(tcase, test_callback);
	tcase_add_test(tcase, test_callback_nested);
	tcase_add_test(tcase, test_callbacks_of_two);
	tcase_add_test(tcase, test_drop_in_callback);
	tcase_add_test(tcase, test_settle_interrupts);
	tcase_add_test(tcase, test_repeats_join);
	tcase_add_test(tcase, test_blocked_call_blocks_one);
	tcase_add_test(tcase, test_storm);
	tcase_add_test(tcase, test_descriptors);
	tcase_add_test(tcase, test_trace);
	tcase_add_test(tcase, test_seal);
	tcase_add_test(tcase, test_survives_terminal);
#ifndef __SANITIZE_THREAD__ /* which needs the opposite */
	tcase_add_test(tcase, test_own_randomization);
#endif
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("ends");
	tcase_add_checked_fixture(tcase, setup, teardown_killed);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_callback_too_deep);
	tcase_add_test(tcase, test_own_pointer);
	tcase_add_test(tcase, test_wild_pointer);
	tcase_add_test(tcase, test_data_callback);
	tcase_add_test(tcase, test_abort);
	tcase_add_test(tcase, test_exit);
	suite_add_tcase(suite, tcase);

	if (has_component()) {
		tcase = tcase_create("component");
		tcase_add_checked_fixture(tcase, setup_component, teardown);
		tcase_add_test(tcase, test_component);
		tcase_add_test(tcase, test_component_interrupted);
		suite_add_tcase(suite, tcase);
		tcase = tcase_create("component ends");
		tcase_add_checked_fixture(tcase, setup_component, teardown_killed);
#ifndef __SANITIZE_ADDRESS__
		tcase_add_test(tcase, test_thread_end);
#endif
		suite_add_tcase(suite, tcase);
	} else {
		fprintf(stderr, "test_host: no %s/libmc_test.so (MC_TEST_COMPONENT_DIR): "
				"<microcosm-host.h> is not tested\n", component_directory());
	}

	tcase = tcase_create("imports");
	tcase_add_checked_fixture(tcase, setup_unbound, teardown);
	tcase_add_loop_test(tcase, test_import_data, 0, 4);
	tcase_add_test(tcase, test_import_missing);
	tcase_add_test(tcase, test_import_no_library);
	tcase_add_loop_test(tcase, test_import_ifunc, 0, 4);
	suite_add_tcase(suite, tcase);
}

int main(void)
{
	if (access(host_program(), X_OK) < 0) {
		fprintf(stderr, "test_host: skipped: no host program at %s (MC_HOST_PROGRAM)\n",
			host_program());
		return getenv("MC_MUST_RUN") != NULL ? EXIT_FAILURE : 77;
	}
	Suite *suite = suite_create("host");
	SRunner *runner = srunner_create(suite);

	add_worlds(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
