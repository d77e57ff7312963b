#!/bin/bash
# SPDX-License-Identifier: MIT
# Sites that were proven in one process are patched in others, with and without the kernel's question for one
# mapping (6.11).
# timeout: 60
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

look() { # UNDER...
	"$CC" -static -no-pie -O1 -pthread -o patched "$tests/linux/patched.c" || fail "cannot build patched.c"
	"$@" "$microcosm" --rw "$PWD" "$PWD/patched" "$PWD/patched" >out 2>&1 || fail "status $?: $(cat out)"
	diff - out >&2 <<-END || fail "$*: expected <, found >"
		mapped: 0 patched, then 3
		writable: 0 patched, then 0
		shared: 0 patched, then 0
		with a thread: 0 patched, then 0
		executed: 3 patched
		changed: 0 patched, then 0
		executed: 0 patched
	END
}

look env
"$CC" -shared -fPIC -O1 -o no_procmap_query.so "$tests/linux/no_procmap_query.c" ||
	fail "cannot build no_procmap_query.c"
look env LD_PRELOAD="$PWD/no_procmap_query.so" ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
