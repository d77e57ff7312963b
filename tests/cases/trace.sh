#!/bin/bash
# SPDX-License-Identifier: MIT
# The trace has a line for each call that a guest makes, by either way in, nested ones and host calls too,
# whatever the guest prints or does; the lines name calls, arguments, results, threads and their ends.
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

module_set "$PWD/set.so" host probe
cat >traced.c <<'END'
#include "check.h"
#include "../modules/host.h"
#include "../modules/probe.h"
static long own(long a, long b, long c, long d, long e, long f) { return mc_call(5999, a, 0, 0, 0, 0, 0); }
static long thread(void *arg) { return mc_call(MC_SYS_GET, 5998, 0, 0, 0, 0, 0); }
int main(void)
{
	mc_fn direct = mc_get(NR_getppid);
	mc_register(5000, own);
	for (int i = 0; i < 10; i++) {
		mc_call(5000, i, 0, 0, 0, 0, 0);
		mc_syscall(5000, i, 0, 0, 0, 0, 0);
		mc_call(PROBE_SUM, 1000 + i, 0, 0, 0, 0, 0);
		mc_syscall(HOST_ECHO, 2000 + i, 0, 0, 0, 0, 0);
		mc_call(NR_getppid, 0, 0, 0, 0, 0, 0);
		mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0);
		direct(0, 0, 0, 0, 0, 0);
		mc_call(60000, 1, 2, 3, 0, 0, 0);
		mc_call(70000, 1, 2, 3, 0, 0, 0);
	}
	mc_syscall(NR_write, 1, (long)"[1] forged() = 0\n", 17, 0, 0, 0);
	mc_thread_join(mc_thread_spawn(thread, 0, 0, 0), 0);
	return 3;
}
END
build traced traced.c
is 3 "$microcosm" --modules "$PWD/set.so" -t -o trace ./traced >out

count() { # N REGEX: exactly so many lines
	local got
	got=$(grep -cE -- "$2" trace)
	[ "$got" = "$1" ] || fail "$got lines match '$2', not $1: $(head -c 3000 trace)"
}

count 20 'call_5000@guest\([0-9],.*ENOSYS'
count 20 '5999.*ENOSYS'
count 10 'sum@probe.*\(10[0-9][0-9],.*= 10'
count 20 'echo.*\(20[0-9][0-9].*= 20' # the call, and its gate
count 30 'getppid\(\) = [0-9]+'
count 10 '60000.*ENOSYS'
count 10 '70000.*ENOSYS'
count 1 'mc_register\(5000, own@traced\) = NULL'
count 0 '^\[1\] forged'
count 1 'write\(1, "\[1\] forged'
count 1 'mc_thread_spawn\(thread@traced'
count 1 'mc_thread_join\('
count 1 'mc_get\(5998\) = NULL'
count 1 'mc_thread_kill\(MC_WORLD, 3\)'
contains trace '^\[[0-9]+\] \+\+\+ made thread' || fail "no line for the thread made"

# A set of calls, and their counts alone.
is 3 "$microcosm" --modules "$PWD/set.so" --trace=getppid,mc_get -o trace ./traced >out
count 30 '^\[1\] getppid\('
count 0 'mc_register|5999|echo'
is 3 "$microcosm" --modules "$PWD/set.so" -c -o trace ./traced >out
contains trace 'getppid' || fail "no summary: $(cat trace)"
is 3 "$microcosm" --modules "$PWD/set.so" -t --trace-format=json -o trace ./traced >out
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys
for line in open("trace"): json.loads(line)' || fail "lines that are not JSON"
fi
