#!/bin/bash
# SPDX-License-Identifier: MIT
# 1,000 spawns and joins, 64 threads at a time, each making core and host calls, MC_THREAD_ROUNDS times
# over (3; 100 with MC_FULL=1): no thread is lost, and memory, descriptors and threads of the
# supervisor are where they were after the first.
# timeout: 900
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

rounds=3
[ "${MC_FULL:-0}" = 0 ] || rounds=100
rounds=${MC_THREAD_ROUNDS:-$rounds}
module_set "$PWD/set.so" host
build many "$tests/cases/many_threads.c"

mkfifo in out
"$microcosm" --modules "$PWD/set.so" ./many "$rounds" <in >out &
supervisor=$!
exec 3>in 4<out

# Kilobytes resident, descriptors and threads of the tracer and of the host process, and of the guest its
# mapped kilobytes.
level() {
	local pid
	for pid in "$supervisor" "$host"; do
		awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"
		find "/proc/$pid/fd" -mindepth 1 | wc -l
		find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l
	done
	awk '/^VmSize/ { print $2 }' "/proc/$guest/status"
}

wait_for_round() {
	local line
	read -r -t 300 line <&4 || fail "no answer after round $round"
	[ "$line" = round ] || fail "unexpected output: $line"
}

round=0
wait_for_round
host=$(descendants "$supervisor" | awk '$2 == "microcosm-host" { print $1; exit }')
guest=$(descendants "$supervisor" | awk '$2 != "microcosm-host" { pid = $1 } END { print pid }')
if [ -z "$host" ] || [ -z "$guest" ]; then fail "processes: $(descendants "$supervisor")"; fi
mapfile -t before < <(level)
echo >&3
for ((round = 1; round <= rounds; round++)); do
	wait_for_round
	mapfile -t after < <(level)
	[ $round = "$rounds" ] || echo >&3
done
echo >&3
wait "$supervisor" || fail "exit status $?"
echo "before: ${before[*]}; after $rounds rounds: ${after[*]}" >&2
# Resident memory may grow by noise, not by 1,000 threads' worth each round. A sanitizer's runtime keeps
# memory of its own.
for i in 0 3; do
	! grep -qE '__(asan|tsan)_init' "$microcosm" || break
	[ "${after[i]}" -le $((before[i] + 600)) ] || fail "resident memory grew"
done
for i in 1 4; do
	[ "${after[i]}" -le "${before[i]}" ] || fail "descriptors are left"
done
[ "${after[2]}" -le "${before[2]}" ] || fail "tracer threads are left"
[ "${after[5]}" -le $((before[5] + 64)) ] || fail "host threads are left"
[ "${after[6]}" -le $((before[6] + 64 * 36)) ] || fail "the guest's stacks are left"
