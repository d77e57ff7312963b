#!/bin/bash
# SPDX-License-Identifier: MIT
# SIGTERM to the supervisor ends the guest as it would end it; SIGKILL of the tracer, of the host process
# or of the guest leaves no process behind, wherever the guest's threads are.
# timeout: 120
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

module_set "$PWD/set.so" host probe
build sleeper "$tests/cases/sleeper.c"

# start ARG...: the world is up when the guest has said so.
start() {
	: >out
	"$microcosm" --modules "$PWD/set.so" ./sleeper "$@" >out 2>err &
	supervisor=$!
	until_true 20 contains out ready
	mapfile -t processes < <(descendants "$supervisor" | awk '{ print $1 }')
	host=$(descendants "$supervisor" | awk '$2 == "microcosm-host" { print $1; exit }')
	if [ ${#processes[@]} -lt 2 ] || [ -z "$host" ]; then
		fail "processes: $(descendants "$supervisor")"
	fi
}

# ends STATUS WHAT: and every process is gone soon.
ends() {
	local status pid
	wait "$supervisor"
	status=$?
	[ "$status" = "$1" ] || fail "$2: exit status $status, not $1: $(cat err)"
	for pid in "${processes[@]}"; do
		until_true 5 gone "$pid"
	done
}

for where in user kernel host handler fork; do
	if [ $where != handler ]; then # one that never returns: signals wait for it, as the ABI says
		start $where
		kill -TERM "$supervisor"
		ends 143 "SIGTERM, $where"
	fi

	start $where
	kill -KILL "$supervisor"
	ends 137 "SIGKILL of the tracer, $where"

	start $where
	kill -KILL "$host"
	ends 125 "SIGKILL of the host process, $where"
	contains err 'host process' || fail "no word on the host process: $(cat err)"
done

# A handler of SIGTERM in the guest: it decides.
start handles
kill -TERM "$supervisor"
ends 31 "SIGTERM that is handled"

# SIGKILL of the guest from outside: 128 + 9 outside handlers, and the world's end inside.
start user
kill -KILL "$(sed -n 's/^ready //p' out)"
ends 137 "SIGKILL of the guest"
start handler
kill -KILL "$(sed -n 's/^ready //p' out)"
ends 137 "SIGKILL of the guest inside a handler"
