/* SPDX-License-Identifier: MIT
 * Holds a recording of the kernel's own tracepoints against a world's surface: every kernel call that a
 * guest made must be one that `microcosm --surface` lists, with its rules.
 *     kernel_calls SURFACE REGION <RECORDING
 * SURFACE is what --surface printed, REGION where the region is (hexadecimal). The recording has the events
 * sys_enter, task_newtask and sched_process_exec of the tracer's descendants. It fires after seccomp, so a call
 * that a filter refuses or the tracer answers is not in it.
 *
 * A thread is, in this order:
 *   SUPERVISOR  the host process, and a child of the tracer before it executes the stub
 *   STUB        from the exec of the stub on; the modules' boot process stays this
 *   GUEST       from the first call that a thread makes in the region, that for its stack's guard page
 * and what a thread makes is what it is itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../guest-rt/rt.h"

#define TID_MAX (1 << 22)
#define NR_MAX 1024
#define SHOWN_MAX 40
#define PAGE 4096
#define IOCTL_TIOCSPGRP 0x5410
#define USER_END (1ull << 47)

enum {
	NR_READ = 0, NR_CLOSE = 3, NR_MMAP = 9, NR_MPROTECT = 10, NR_MUNMAP = 11, NR_IOCTL = 16, NR_MREMAP = 25, NR_PAUSE = 34,
	NR_CONNECT = 42, NR_SENDTO = 44, NR_SENDMSG = 46, NR_BIND = 49,
	NR_CLONE = 56, NR_EXIT = 60, NR_KILL = 62, NR_RT_SIGQUEUEINFO = 129, NR_PRCTL = 157, NR_ARCH_PRCTL = 158,
	NR_SETRLIMIT = 160, NR_TKILL = 200, NR_CLOCK_GETTIME = 228, NR_CLOCK_GETRES = 229,
	NR_EXIT_GROUP = 231, NR_TGKILL = 234, NR_INOTIFY_ADD_WATCH = 254, NR_RT_TGSIGQUEUEINFO = 297,
	NR_PRLIMIT64 = 302, NR_SECCOMP = 317, NR_EXECVEAT = 322, NR_URETPROBE = 335, NR_UPROBE = 336, NR_MSEAL = 462,
};

enum state { SUPERVISOR, STUB, GUEST };

static unsigned char state_of[TID_MAX];
static bool ever_guest[TID_MAX], has_sealed[TID_MAX], kernel_seals;
static uint64_t region;
static long n_calls, n_holes, seen[NR_MAX];

static void fail(const char *what, const char *on)
{
	fprintf(stderr, "kernel_calls: %s: %s\n", what, on);
	exit(2);
}

/* ---- The surface ---- */

struct rule {
	int arg;
	char op[3]; /* as it is written, or "&" */
	uint64_t mask, value;
};

static struct grant {
	long nr;
	bool checked; /* the tracer looks at the call too */
	int n_rules;
	struct rule rules[6];
} grants[4096];
static size_t n_grants;

static void rule_parse(const char *word, struct rule *rule)
{
	char *at;
	if (strncmp(word, "arg", 3) != 0 || word[3] < '0' || word[3] > '5')
		fail("not a rule", word);
	rule->arg = word[3] - '0';
	at = (char *)word + 4;
	if (*at == '&') {
		rule->mask = strtoull(at + 1, &at, 0);
		strcpy(rule->op, "&");
	}
	size_t n = strspn(at, "=!<>");
	if (n < 1 || n > 2 || (*rule->op && (n != 2 || strncmp(at, "==", 2) != 0)))
		fail("not a rule", word);
	if (!*rule->op)
		memcpy(rule->op, at, n);
	rule->value = strtoull(at + n, &at, 0);
	if (*at)
		fail("not a rule", word);
}

/* grant NR NAME [checked] [RULE...] [interposed] */
static void grant_parse(char *line)
{
	struct grant *grant = &grants[n_grants++];
	char *save, *word = strtok_r(line, " \n", &save);
	if (n_grants > sizeof grants / sizeof grants[0])
		fail("more grants than there is room for", line);
	word = strtok_r(NULL, " \n", &save);
	if (!word)
		fail("a grant without a number", line);
	grant->nr = strtol(word, NULL, 10);
	strtok_r(NULL, " \n", &save);
	while ((word = strtok_r(NULL, " \n", &save)))
		if (strcmp(word, "checked") == 0)
			grant->checked = true;
		else if (strcmp(word, "interposed") != 0)
			rule_parse(word, &grant->rules[grant->n_rules++]);
}

static void surface_read(const char *path)
{
	char line[4096];
	FILE *file = fopen(path, "r");
	if (!file)
		fail(strerror(errno), path);
	while (fgets(line, sizeof line, file))
		if (strncmp(line, "grant ", 6) == 0)
			grant_parse(line);
		else if (strncmp(line, "gate ", 5) != 0 && strncmp(line, "net ", 4) != 0)
			fail("neither a gate, a grant nor the network", line);
	fclose(file);
}

static bool rule_holds(const struct rule *rule, const uint64_t *args)
{
	uint64_t arg = args[rule->arg];
	switch (rule->op[0]) {
	case '&': return (arg & rule->mask) == rule->value;
	case '=': return arg == rule->value;
	case '!': return arg != rule->value;
	case '<': return rule->op[1] ? arg <= rule->value : arg < rule->value;
	default: return rule->op[1] ? arg >= rule->value : arg > rule->value;
	}
}

/* The tracer tests the rules before it puts an argument of its own in place of the guest's. */
static bool is_replaced(long nr, int arg)
{
	return nr == NR_INOTIFY_ADD_WATCH && arg == 1;
}

/* NULL: no; one that the tracer need not look at, if there is any. */
static const struct grant *granted(long nr, const uint64_t *args)
{
	const struct grant *found = NULL;
	for (size_t i = 0; i < n_grants; i++) {
		bool holds = grants[i].nr == nr;
		for (int r = 0; r < grants[i].n_rules; r++)
			holds = holds && (is_replaced(nr, grants[i].rules[r].arg) || rule_holds(&grants[i].rules[r], args));
		if (holds && (!found || !grants[i].checked))
			found = &grants[i];
	}
	return found;
}

/* ---- What the tracer makes of a grant that it checks ---- */

static bool sealed(uint64_t address)
{
	return address >= region && address < region + RT_OFF_HEAP;
}

static bool is_guest(uint64_t arg)
{
	int32_t tid = (int32_t)arg;
	return tid > 0 && tid < TID_MAX && ever_guest[tid];
}

/* What does not lie in the lower half the kernel refuses. */
static bool spares_region(uint64_t addr, uint64_t len)
{
	return addr >= USER_END || len > USER_END - addr || addr + len <= region || addr >= region + RT_REGION_SIZE;
}

/* What the kernel is to read in the region must be what the tracer wrote there: where it seals mappings
 * (6.10) by that, which every program's stub does, else by keeping calls away. */
static bool leaves_region(long nr, const uint64_t *args)
{
	if (kernel_seals)
		return true;
	switch (nr) {
	case NR_MMAP: case NR_MUNMAP: return spares_region(args[0], args[1]);
	case NR_MREMAP:
		return spares_region(args[0], args[1]) && (!(args[3] & 2 /* MREMAP_FIXED */) || spares_region(args[4], args[2]));
	default: return true;
	}
}

static bool checked(long nr, const uint64_t *args)
{
	switch (nr) {
	/* The world's own threads, each by its number. */
	case NR_KILL: case NR_TKILL: case NR_RT_SIGQUEUEINFO: return is_guest(args[0]);
	case NR_TGKILL: case NR_RT_TGSIGQUEUEINFO: return is_guest(args[0]) && is_guest(args[1]);
	/* The tracer sets limits; the kernel is asked for them alone. */
	case NR_SETRLIMIT: return false;
	case NR_PRLIMIT64: return args[2] == 0 && ((int32_t)args[0] == 0 || is_guest(args[0]));
	/* What was looked at is handed over where guests cannot write. */
	case NR_EXECVEAT: case NR_INOTIFY_ADD_WATCH: case NR_CONNECT: case NR_BIND: case NR_SENDMSG:
		return sealed(args[1]);
	case NR_SENDTO: return sealed(args[4]);
	case NR_CLOCK_GETTIME: case NR_CLOCK_GETRES:
		return (int32_t)args[0] >= 0 || ((args[0] & 7) != 3 && ((int32_t)args[0] >> 3 == -1 ||
								      is_guest((uint64_t) ~((int32_t)args[0] >> 3))));
	case NR_IOCTL: return args[1] == IOCTL_TIOCSPGRP && sealed(args[2]);
	default: return true;
	}
}

/* ---- What is no grant and yet may be: Microcosm's own calls in guests ---- */

static bool is_guard(long nr, const uint64_t *args)
{
	return nr == NR_MPROTECT && args[1] == RT_SLOT_GUARD && args[2] == 0 && args[0] >= region + RT_OFF_THREADS &&
	       args[0] < region + RT_REGION_SIZE && (args[0] - region - RT_OFF_THREADS) % RT_SLOT_BYTES == 0;
}

static const char *own_call(long nr, const uint64_t *args)
{
	switch (nr) {
	case NR_MPROTECT:
		if (is_guard(nr, args))
			return "a new thread: its handler stack's guard page";
		return args[1] == PAGE && args[2] == 0 ? "-16: the guard page of a stack" : NULL;
	case NR_MMAP: /* PROT_READ | PROT_WRITE; MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE */
		return args[0] == 0 && args[2] == 3 && args[3] == 0x24022 && args[4] == (uint64_t)-1 ? "-16: a stack" : NULL;
	case NR_CLONE: /* CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM */
		return args[0] == 0x50f00 ? "-16: a thread" : NULL;
	case NR_PAUSE: return "-19: waits";
	case NR_EXIT: return "-18: the end of a thread";
	case NR_EXIT_GROUP: return "the end of a process";
	case NR_SECCOMP: /* SECCOMP_SET_MODE_FILTER, TSYNC, a filter in the sealed part */
		return args[0] == 1 && args[1] == 1 && sealed(args[2]) ? "interposition: a stricter filter" : NULL;
	/* Newer kernels let these pass by every filter, and answer who is not in their trampoline by SIGILL. */
	case NR_URETPROBE: case NR_UPROBE: return "the kernel's own";
	default: return NULL;
	}
}

static bool stub_may(long nr, const uint64_t *args)
{
	switch (nr) {
	case NR_MMAP: case NR_MPROTECT: case NR_MUNMAP: case NR_CLOSE: case NR_ARCH_PRCTL: case NR_MSEAL:
	case NR_EXIT_GROUP: case NR_EXIT:
		return true;
	case NR_PRCTL: return args[0] == 15; /* PR_SET_NAME */
	/* Its filters, of which the last has a listener, which goes to the host process. */
	case NR_READ: return args[0] == RT_FILTERS_FD;
	case NR_SECCOMP: return args[0] == 1 && (args[1] == 0 || args[1] == 8);
	case NR_SENDMSG: return args[0] == RT_CONTROL_FD;
	default: return false;
	}
}

/* ---- The recording ---- */

static void hole(int tid, long nr, const uint64_t *args, const char *why)
{
	if (n_holes++ < SHOWN_MAX)
		printf("HOLE: %s: thread %d made kernel call %ld(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx)\n", why, tid, nr,
		       (unsigned long long)args[0], (unsigned long long)args[1], (unsigned long long)args[2],
		       (unsigned long long)args[3], (unsigned long long)args[4], (unsigned long long)args[5]);
}

static void called(int tid, const char *text)
{
	unsigned long long a[6];
	uint64_t args[6];
	long nr;
	if (sscanf(text, "NR %ld (%llx, %llx, %llx, %llx, %llx, %llx)", &nr, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5]) != 7)
		fail("not a call", text);
	for (int i = 0; i < 6; i++)
		args[i] = a[i];
	if (state_of[tid] == STUB && nr == NR_MSEAL && args[0] == region && args[1] > RT_OFF_MODULES)
		has_sealed[tid] = true;
	if (state_of[tid] == STUB && is_guard(nr, args)) {
		if (kernel_seals && !has_sealed[tid])
			hole(tid, nr, args, "started without the region's mappings sealed");
		state_of[tid] = GUEST;
		ever_guest[tid] = true;
	}
	if (state_of[tid] == STUB && !stub_may(nr, args))
		hole(tid, nr, args, "before its start");
	if (state_of[tid] != GUEST)
		return;
	n_calls++;
	if (nr >= 0 && nr < NR_MAX)
		seen[nr]++;
	if (own_call(nr, args))
		return;
	const struct grant *grant = granted(nr, args);
	if (!grant)
		hole(tid, nr, args, "not granted");
	else if (!leaves_region(nr, args) || (grant->checked && !checked(nr, args)))
		hole(tid, nr, args, "granted, but not to be left to the kernel");
}

static int number_after(const char *text, const char *name)
{
	const char *at = NULL, *next = text;
	while ((next = strstr(next, name))) /* the last: file names come before it */
		at = next++;
	int n = at ? atoi(at + strlen(name)) : 0;
	if (n <= 0 || n >= TID_MAX)
		fail("no thread", text);
	return n;
}

static void made(int tid, const char *text)
{
	int child = atoi(text + strlen("pid="));
	if (strncmp(text, "pid=", 4) != 0 || child <= 0 || child >= TID_MAX)
		fail("no thread", text);
	state_of[child] = state_of[tid];
	ever_guest[child] = state_of[tid] == GUEST;
}

/* Guests execute the stub by a descriptor, the tracer's children by its name; the host process executes nothing. */
static void executed(const char *text)
{
	int tid = number_after(text, " pid="), former = number_after(text, " old_pid=");
	bool by_descriptor = strncmp(text, "filename=/dev/fd/", 17) == 0;
	bool stub = by_descriptor || strstr(text, "/stub pid=");
	if (state_of[former] != SUPERVISOR && !by_descriptor) {
		printf("HOLE: thread %d executed something else than the stub: %s", tid, text);
		n_holes++;
	}
	has_sealed[tid] = false;
	state_of[tid] = state_of[former] == SUPERVISOR && !stub ? SUPERVISOR : STUB;
}

/* "  COMM-TID [CPU] FLAGS TIME: EVENT: TEXT". COMM may have anything in it, also a new line, but is too short
 * to have an event. */
static void event(char *line)
{
	static const char *const names[] = {": sys_enter: ", ": task_newtask: ", ": sched_process_exec: "};
	for (int i = 0; i < 3; i++) {
		char *at = strstr(line, names[i]);
		if (!at)
			continue;
		*at = 0;
		char *cpu = strrchr(line, '[');
		while (cpu && cpu > line && cpu[-1] == ' ')
			cpu--;
		while (cpu && cpu > line && cpu[-1] >= '0' && cpu[-1] <= '9')
			cpu--;
		int tid = cpu ? atoi(cpu) : 0;
		if (!cpu || cpu == line || cpu[-1] != '-' || tid <= 0 || tid >= TID_MAX)
			fail("not an event", line);
		const char *text = at + strlen(names[i]);
		if (i == 0)
			called(tid, text);
		else if (i == 1)
			made(tid, text);
		else
			executed(text);
		return;
	}
}

int main(int argc, char **argv)
{
	char line[8192];
	int different = 0;
	if (argc != 3)
		fail("usage", "kernel_calls SURFACE REGION <RECORDING");
	surface_read(argv[1]);
	region = strtoull(argv[2], NULL, 16);
	kernel_seals = syscall(NR_MSEAL, 0, 0, 0) == 0;
	while (fgets(line, sizeof line, stdin))
		event(line);
	for (int nr = 0; nr < NR_MAX; nr++)
		different += seen[nr] > 0;
	printf("%ld calls of %d numbers, %ld holes\n", n_calls, different, n_holes);
	return n_holes != 0;
}
