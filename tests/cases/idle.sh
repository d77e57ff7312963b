#!/bin/bash
# SPDX-License-Identifier: MIT
# While no guest calls, nothing of Microcosm runs, also when one has just called so often that a worker
# looks at its line.
# timeout: 300
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

module_set "$PWD/set.so" host
build idle "$tests/cases/idle.c"
[ "$(nproc)" -gt 1 ] || skip "one CPU: lines are not looked at there"

mkfifo in out
"$microcosm" --modules "$PWD/set.so" ./idle <in >out &
supervisor=$!
exec 3>in 4<out

read -r -t 150 line <&4 || fail "no output"
[ "$line" = served ] || fail "the line was not looked at: $line"

# Clock ticks of all threads, as the kernel counts them.
ticks() {
	local pid
	for pid in "$supervisor" $(descendants "$supervisor" | cut -d' ' -f1); do
		sed 's/.*) //' "/proc/$pid/stat"
	done | awk '{ n += $12 + $13 } END { print n }'
}

# Placement looks for some time whether the thread goes on calling.
sleep 1
before=$(ticks)
sleep 2
after=$(ticks)
[ -n "$before" ] || fail "no ticks"
[ $((after - before)) -le 2 ] || fail "$((after - before)) ticks of CPU time in 2 s in which nobody called"
exec 3>&-
wait "$supervisor" || fail "exit status $?"
