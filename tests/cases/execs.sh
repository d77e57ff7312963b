#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs execute programs on Microcosm as natively: arguments, environment, signals, descriptors,
# scripts, failures, with threads; static and dynamic.
# timeout: 180
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

compare() { # NAME OPTION...
	local name=$1
	shift
	rm -rf native guest
	mkdir native guest
	(cd native && exec "$home/$name" "$home/$name" </dev/null) >native.out 2>&1 || fail "natively: $(tail -n 5 native.out)"
	(cd guest && exec "$microcosm" "$@" "$home/$name" "$home/$name" </dev/null) >guest.out 2>&1 ||
		fail "$name: status $?: $(tail -n 5 guest.out)"
	diff native.out guest.out >&2 || fail "$name: natively <, on Microcosm >"
}

home=$PWD
"$CC" -static -O1 -pthread -o execs "$tests/linux/execs.c" || fail "cannot build execs.c"
"$CC" -O1 -pthread -o execs-dynamic "$tests/linux/execs.c" || fail "cannot build execs.c"
compare execs --rw "$PWD"
compare execs --rw "$PWD" --trace=threads -o "$PWD/trace"
contains trace 'executes a program' || fail "the trace does not tell of execs"
compare execs-dynamic --host-ro --rw "$PWD"
