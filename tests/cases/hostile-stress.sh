#!/bin/bash
# SPDX-License-Identifier: MIT
# Worlds full of short-lived processes and threads, one of whose processes is killed from outside at a
# random moment: a guest's, the tracer or the host process. Nothing hangs, nothing is left.
# timeout: 240
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"

rounds=${MC_STRESS_ROUNDS:-60}
build churn "$tests/hostile/churn.c"

all_gone() {
	local pid
	for pid; do
		gone "$pid" || return 1
	done
}

# A victim of the kind, or nothing when there is none just now.
pick() { # KIND PID
	case $1 in
	0) echo "$2" ;;
	1) descendants "$2" | awk '$2 == "microcosm-host" { print $1; exit }' ;;
	*) descendants "$2" | awk '$2 != "microcosm-host" { print $1 }' | shuf -n 1 ;;
	esac
}

ended=0 killed=0
for ((round = 0; round < rounds; round++)); do
	"$microcosm" "$PWD/churn" >out 2>err &
	world=$!
	sleep "0.$(printf '%03d' $((RANDOM % 250)))"
	# Most rounds take guests' processes, several of them.
	for ((shot = 0; shot < (round % 4 < 2 ? 1 : 5); shot++)); do
		family=$(descendants "$world" | cut -d ' ' -f 1)
		victim=$(pick $((round % 4)) "$world")
		[ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null && killed=$((killed + 1))
	done
	family="$family $(descendants "$world" | cut -d ' ' -f 1)"
	until_true 20 gone "$world"
	wait "$world" 2>/dev/null
	status=$?
	case $status in
	3 | 137 | 125) ended=$((ended + 1)) ;;
	*) fail "round $round: status $status: $(cat err)" ;;
	esac
	# shellcheck disable=SC2086
	until_true 10 all_gone $family
done
echo "$rounds worlds, $killed processes killed"
[ "$killed" -gt $((rounds / 3)) ] || fail "only $killed processes were there to be killed"
