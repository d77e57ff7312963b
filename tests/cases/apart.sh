#!/bin/bash
# SPDX-License-Identifier: MIT
# Threads that stop often are kept on the tracer's CPU, but not two of them that also compute: these run side
# by side.
# timeout: 120
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

[ "$(nproc)" -gt 1 ] || skip "one CPU: there is no other to run on"
"$CC" -O1 -o apart "$tests/cases/apart.c" || fail "cannot build apart"
mkfifo in out
"$microcosm" --host-ro --ro "$PWD" "$PWD/apart" <in >out &
supervisor=$!
exec 3>in 4<out
pids=()
for _ in 1 2; do
	read -r -t 60 pid <&4 || fail "no output"
	pids+=("$pid")
done

# How many of the two may run on more than one CPU.
free() {
	local pid text n=0
	for pid in "${pids[@]}"; do
		text=$(<"/proc/$pid/status") || fail "process $pid has ended"
		[[ $text =~ Cpus_allowed_list:[[:space:]]*[0-9]+[-,] ]] && n=$((n + 1))
	done
	echo "$n"
}

# Now and then all are let go for a moment: that does not count.
deadline=$((SECONDS + 60)) longest=0 run=0
while [ $SECONDS -lt $deadline ] && [ "$longest" -lt 100 ]; do
	n=$(free) || exit 1
	if [ "$n" = 2 ]; then
		run=$((run + 1))
	else
		run=0
	fi
	[ $run -le $longest ] || longest=$run
done
[ "$longest" -ge 100 ] || fail "at most $longest looks in a row found both free to run on any CPU"
exec 3>&-
wait "$supervisor" || fail "exit status $?"
