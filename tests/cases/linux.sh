#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs written for Linux find what they expect: guest/linux/*.c, against musl and glibc, quiet,
# traced and recorded.
# timeout: 180
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"

top=${microcosm%/bin/*}

run() { # WHAT
	"$microcosm" ./program >out 2>&1 </dev/null || fail "$1: status $?: $(cat out)"
	"$microcosm" -t -o trace ./program >out 2>&1 </dev/null || fail "$1, traced: status $?: $(cat out)"
	contains trace '^\[1\] exit_group\(0\)' || fail "$1: the trace has no end"
	"$microcosm" --trace-ring -o trace ./program >out 2>&1 </dev/null || fail "$1, recorded: status $?: $(cat out)"
	contains trace '^\[1\] exit_group\(0\)' || fail "$1: the ring's trace has no end"
}

for source in "$tests"/guest/linux/*.c; do
	name=${source##*/}
	"$mcc" --libc -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -iquote "$tests/guest" \
		-o program "$source" || fail "cannot build $name"
	run "$name, musl"
	"$CC" -static -pthread -std=gnu11 -O2 -iquote "$tests/guest" -I"$top/include" \
		-o program "$source" "$top/lib/libmicrocosm.a" || fail "cannot build $name against glibc"
	run "$name, glibc"
done
