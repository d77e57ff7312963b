#!/bin/bash
# SPDX-License-Identifier: MIT
# --trace-ring: each call of the SET is a line or one of the lines' "N records lost", exactly and in the order that its
# thread made them; by the entry, by patched sites and by traps, of handlers and of the kernel, of threads, forked
# children, what is executed and what is killed; and what a guest writes over its ring is its own loss.
# timeout: 180
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

module_set "$PWD/set.so" host probe

count() { # N REGEX: exactly so many lines
	local got
	got=$(grep -cE -- "$2" trace)
	[ "$got" = "$1" ] || fail "$got lines match '$2', not $1: $(head -c 3000 trace)"
}

# Calls of number 5000 count up in their first argument, from 0 to less than 65536, in each thread that makes any, and
# are answered by what is one more: lines have each, in order, and what is missing is said to be lost where it is missing.
complete() { # THREADS CALLS
	awk -v threads="$1" -v calls="$2" '
	function wrong(what) { print what ": " $0; failed = 1; exit 1 }
	$2 ~ /^call_5000@guest/ {
		split($2, part, /[(,]/)
		n = part[2] + 0
		if (n != due[$1] + 0) wrong("not call " due[$1] + 0)
		if ($9 != n + 1) wrong("not its result")
		if ($10 !~ /^<[0-9]+$/ || substr($10, 2) + 0 < 1 || substr($10, 2) + 0 > 10000000000) wrong("no cycles")
		due[$1] = n + 1
		lines++
		since[$1] = 1
	}
	$2 == "..." {
		if ($4 != "records" || $5 != "lost" || $3 < 1) wrong("odd loss")
		due[$1] += $3
		lost++
	}
	END {
		if (failed) exit 1
		for (thread in due) {
			if (due[thread] != calls) { print thread " has " due[thread] " of " calls; exit 1 }
			n_threads++
		}
		if (n_threads != threads) { print n_threads " threads"; exit 1 }
		print lines, lost + 0
	}' trace >complete.out || fail "$(cat complete.out)"
}

cat >own.h <<'END'
#include "check.h"
static long own(long a, long b, long c, long d, long e, long f) { return a + 1; }
static inline void calls(long n)
{
	for (long i = 0; i < n; i++)
		CHECK_IS(mc_call(5000, i, 1, 2, 3, 4, 5), i + 1);
}
static inline void flat_out(long n) /* as fast as it can be done */
{
	for (long i = 0; i < n; i++)
		mc_call(5000, i, 1, 2, 3, 4, 5);
}
END

# ---- Order, results, loss ----

cat >few.c <<'END'
#include "own.h"
int main(void)
{
	mc_register(5000, own);
	calls(300);
	return 3;
}
END
build few few.c
is 3 "$microcosm" --trace-ring=5000 -o trace ./few
complete 1 300
[ "$(cat complete.out)" = '300 0' ] || fail "what fits is not all there: $(cat complete.out)"
count 300 '^\[1\] call_5000@guest\([0-9]+, 1, 2, 3, 4, 5\) = [0-9]+ <[0-9]+ cycles>$'
[ "$(wc -l <trace)" = 300 ] || fail "more than the SET: $(grep -v call_5000 trace)"

cat >many.c <<'END'
#include "own.h"
int main(void)
{
	mc_register(5000, own);
	flat_out(60000);
	return 3;
}
END
build many many.c
for try in 1 2 3; do
	is 3 "$microcosm" --trace-ring=5000 -o trace ./many
	complete 1 60000
	read -r lines lost <complete.out
	if [ "$lines" -lt 300 ] || [ "$lost" = 0 ]; then fail "$try: 60000 calls gave $lines lines and $lost losses"; fi
done

# ---- Threads, forks, exec, kills ----

cat >threads.c <<'END'
#include "own.h"
static long thread(void *arg) { flat_out(20000); return 0; }
int main(void)
{
	long ids[4];
	mc_register(5000, own);
	for (int i = 0; i < 4; i++)
		ids[i] = mc_thread_spawn(thread, 0, 0, 0);
	flat_out(20000);
	for (int i = 0; i < 4; i++)
		CHECK_IS(mc_thread_join(ids[i], 0), 0);
	return 3;
}
END
build threads threads.c
is 3 "$microcosm" --trace-ring=5000 -o trace ./threads
complete 5 20000

# The child that is killed makes no stop after its calls.
cat >killed.c <<'END'
#include "own.h"
int main(void)
{
	volatile int *ready = (int *)mc_syscall(NR_mmap, 0, 4096, 3, 0x21, -1, 0);
	int status;
	mc_register(5000, own);
	long pid = mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0);
	calls(200);
	if (pid == 0)
		for (*ready = 1;; )
			;
	while (!*ready)
		;
	CHECK_IS(mc_syscall(NR_kill, pid, 9, 0, 0, 0, 0), 0);
	CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	return 3;
}
END
build killed killed.c
is 3 "$microcosm" --trace-ring=5000 -o trace ./killed
complete 2 200
is 3 "$microcosm" --trace-ring=5000,threads -o trace ./killed
awk '$2 == "+++" && $3 == "ended" { ended[$1] = 1 }
	/call_5000/ && ended[$1] { exit 1 }' trace || fail "lines of a thread after its end"

cat >executes.c <<'END'
#include <string.h>
#include <unistd.h>
#include "own.h"
int main(int argc, char **argv)
{
	char *const again[] = {argv[0], "again", NULL};
	mc_register(5000, own);
	calls(100);
	if (argc == 1)
		execve(argv[0], again, environ);
	return argc == 2 ? 3 : 1;
}
END
"$mcc" --libc -O2 -Wno-unused-parameter "-I$tests/guest" -I. -o executes executes.c || fail "cannot build executes"
is 3 "$microcosm" --ro "$PWD" --trace-ring=5000,execveat -o trace "$PWD/executes"
sed -n '/execveat/,$p' trace | sed 1d >after
grep -v execveat trace | head -n 100 >before
[ "$(wc -l <after)" = 100 ] || fail "$(wc -l <after) lines after the exec: $(head -c 2000 trace)"
mv before trace
complete 1 100
mv after trace
complete 1 100

# ---- Patched sites: of the kernel's calls and of handlers, with signals that come at any point ----

cat >sites.c <<'END'
#include "signal.h"
#include "own.h"
#define SITE(name, number)                                                                       \
	long name(long, long, long, long);                                                       \
	extern unsigned char name##_mov[];                                                       \
	__asm__(".text\n" #name ": movq %rcx, %r10\n" #name "_mov: movl $" #number ", %eax\nsyscall\nret");
SITE(getppid_site, 110)
SITE(own_site, 5000)
SITE(sum_site, 5100)
SITE(pause_site, 34)
static volatile long alarms;
static void count_alarm(int signo, struct info *info, void *context)
{
	alarms++;
	getppid_site(0, 0, 0, 0);
	mc_call(5100, 1, 0, 0, 0, 0, 0);
}
int main(void)
{
	struct { long interval[2], seconds, us; } once = {.interval = {0, 0}};
	long parent = mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0), got = 1, n = 0, sums = 0;
	mc_register(5000, own);
	for (long i = 0; i < 1000; i++) {
		CHECK_IS(getppid_site(0, 0, 0, 0), parent);
		CHECK_IS(own_site(i, 1, 2, 3), i + 1);
		mc_syscall(MC_SYS_GET, 1, 0, 0, 0, 0, 0); /* a stop, so that nothing is lost */
	}
	CHECK_IS(getppid_site_mov[0], 0xff);
	CHECK_IS(own_site_mov[0], 0xff);
	got += 1000;
	on_signal(S_ALRM, count_alarm, 0);
	for (int i = 0; i < 1000; i++) {
		long before = alarms;
		once.us = 20 + i % 30;
		mc_syscall(38, 0, (long)&once, 0, 0, 0, 0);
		for (n = 0; alarms == before; n++) {
			CHECK(n < 1000000);
			CHECK_IS(getppid_site(0, 0, 0, 0), parent);
			got++;
			CHECK_IS(sum_site(1, 1, 1, 1), sum_site(0, 1, 1, 1) + 1);
			sums += 2;
			CHECK_IS(mc_call(NR_getppid, 0, 0, 0, 0, 0, 0), parent);
			got++;
		}
	}
	once.interval[1] = once.us = 2000;
	mc_syscall(38, 0, (long)&once, 0, 0, 0, 0);
	for (int i = 0; i < 100; i++) /* waits that a signal breaks off */
		CHECK_IS(pause_site(0, 0, 0, 0), -E_INTR);
	CHECK_IS(pause_site_mov[0], 0xff);
	once.interval[1] = once.us = 0;
	mc_syscall(38, 0, (long)&once, 0, 0, 0, 0);
	say_number("pause", 100);
	got += alarms;
	sums += alarms;
	say_number("getppid", got);
	say_number("sum", sums);
	return 3;
}
END
build sites sites.c
is 3 "$microcosm" --modules "$PWD/set.so" --trace-ring=getppid,pause,5000,5100 -o trace ./sites >out
sum() { # REGEX: lines that match
	grep -cE -- "$1" trace
}
lost=$(awk '$2 == "..." { n += $3 } END { print n + 0 }' trace)
got=$(($(sum '\] getppid\(\) = [0-9]+') + $(sum 'sum@probe') + $(sum 'pause\(\) = (-1 EINTR|\?)') + lost))
wanted=$(awk '{ n += $2 } END { print n }' out)
[ "$got" = "$wanted" ] || fail "$got calls in the trace, $wanted made: $(cat out) $lost $(head -c 2000 trace)"
[ "$(sum 'getppid\(\) = [0-9]+ <[0-9.]+ us>')" -ge 16 ] || fail "no calls that stopped"
[ "$(sum 'getppid\(\) = [0-9]+ <[0-9]+ cycles>')" -ge 1000 ] || fail "no calls of a patched site"
grep call_5000 trace >own && mv own trace
complete 1 1000

# ---- As many lines as --trace has, by either way in ----

cat >traced.c <<'END'
#include "check.h"
#include "../modules/host.h"
#include "../modules/probe.h"
static long own(long a, long b, long c, long d, long e, long f) { return mc_call(5999, a, 0, 0, 0, 0, 0); }
static long thread(void *arg) { return mc_call(MC_SYS_GET, 5998, 0, 0, 0, 0, 0); }
int main(void)
{
	mc_register(5000, own);
	for (int i = 0; i < 10; i++) {
		mc_call(5000, i, 0, 0, 0, 0, 0);
		mc_syscall(5000, i, 0, 0, 0, 0, 0);
		mc_call(PROBE_SUM, 1000 + i, 0, 0, 0, 0, 0);
		mc_syscall(HOST_ECHO, 2000 + i, 0, 0, 0, 0, 0);
		mc_call(NR_getppid, 0, 0, 0, 0, 0, 0);
		mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0);
		mc_call(MC_SYS_THREAD_SELF, 0, 0, 0, 0, 0, 0);
		mc_call(60000, 1, 2, 3, 0, 0, 0);
		mc_call(70000, 1, 2, 3, 0, 0, 0);
	}
	mc_syscall(NR_write, 1, (long)"[1] forged() = 0\n", 17, 0, 0, 0);
	mc_call(NR_write, 1, (long)"[1] forged() = 0\n", 17, 0, 0, 0);
	mc_thread_join(mc_thread_spawn(thread, 0, 0, 0), 0);
	return 3;
}
END
build traced traced.c
is 3 "$microcosm" --modules "$PWD/set.so" --trace-ring -o trace ./traced >out
count 20 'call_5000@guest\([0-9],.*ENOSYS'
count 20 '5999.*ENOSYS'
count 10 'sum@probe.*\(10[0-9][0-9],.*= 10'
count 20 'echo.*\(20[0-9][0-9].*= 20' # the call, and its gate
count 20 'getppid\(\) = [0-9]+'
count 10 'getppid\(\) = [0-9]+ <[0-9]+ cycles>'
count 10 'mc_thread_self\(\) = 0x'
count 10 '60000.*ENOSYS'
count 10 '70000.*ENOSYS'
count 1 'mc_register\(5000, own@traced\) = NULL'
count 0 '^\[1\] forged'
count 1 'write\(1, "\[1\] forged.* us>' # what stopped: its memory was looked at then
count 1 'write\(1, 0x[0-9a-f]+, 17\) = 17 <[0-9]+ cycles>'
count 1 'mc_thread_spawn\(thread@traced'
count 1 'mc_thread_join\('
count 1 'mc_get\(5998\) = NULL'
count 1 'mc_thread_kill\(MC_WORLD, 3\)'

is 3 "$microcosm" --modules "$PWD/set.so" --trace-ring=core -o trace ./traced >out
count 0 'getppid|5000@|5999|sum@'
count 10 'mc_thread_self\(\) = 0x'
is 3 "$microcosm" --modules "$PWD/set.so" --trace-ring --summary -o trace ./traced >out
contains trace ' 20 +20 call_5999' || fail "no summary: $(cat trace)"
is 3 "$microcosm" --modules "$PWD/set.so" --trace-ring --trace-format=json -o trace ./traced >out
contains trace '"name":"sum".*"duration_ns":[0-9]+,"cycles":[0-9]+}' || fail "no cycles: $(cat trace)"
contains trace '"name":"mc_register".*"cycles":null}' || fail "cycles of what stopped: $(cat trace)"
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys
last = 0
for line in open("trace"):
    line = json.loads(line)
    if line["thread"] == 1 and line["type"] == "call" and line["source"] != "gate":
        end = line["time_ns"] + (line["duration_ns"] or 0)
        assert end >= last - 2000000, line # two clocks
        last = end' || fail "lines that are not JSON, or times that go back"
fi
is 125 "$microcosm" --trace --trace-ring ./few >out 2>&1

# ---- A guest that writes over its ring ----

cat >scribbles.c <<'END'
#include "own.h"
#define RING 0x10000 /* from the thread's structure on */
#define CARRIES_TRACER 0x4d43525400000001l
static unsigned long seed = 2463534242;
static unsigned long next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}
static void scribble(long kind)
{
	unsigned long *ring = (unsigned long *)((char *)mc_thread_self() + RING);
	for (int i = 0; i < 200; i++) {
		for (int k = 0; k < 5; k++)
			if (kind >> k & 1)
				ring[k] = kind & 32 ? next_random() : kind & 64 ? ring[k] + next_random() % 1024 : 0;
		if (kind & 128)
			for (int k = 16; k < 16 + 512 * 10; k++)
				ring[k] = next_random() >> next_random() % 64;
		mc_call(5000, i, 0, 0, 0, 0, 0);
		if (i % 10 == 0)
			mc_syscall(146, 9, 0, 0, 0, 0, CARRIES_TRACER); /* asks to be read */
	}
}
int main(void)
{
	int status;
	mc_register(5000, own);
	for (long kind = 0; kind < 256; kind++) {
		seed += (unsigned long)kind;
		long pid = mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0);
		if (pid == 0) {
			scribble(kind);
			mc_syscall(NR_exit_group, 0, 0, 0, 0, 0, 0);
		}
		CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
		CHECK_IS(status, 0);
	}
	calls(50);
	return 3;
}
END
build scribbles scribbles.c
is 3 "$microcosm" --trace-ring=5000 -o trace ./scribbles 2>err
[ ! -s err ] || fail "$(cat err)"
# A stop is good for a ring's records, and a process here makes some 25.
[ "$(wc -l <trace)" -lt $((256 * 30 * 513)) ] || fail "$(wc -l <trace) lines"
contains trace 'the ring was written to' || fail "nothing was noticed: $(head -c 1000 trace)"
grep '^\[1\]' trace >own && mv own trace
complete 1 50
