#!/bin/bash
# SPDX-License-Identifier: MIT
# Signals for input reach this world's processes alone, whoever a descriptor's owner was before.
# timeout: 120
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

"$CC" -static -O1 -pthread -o owner_escapes "$tests/linux/owner_escapes.c" || fail "cannot build owner_escapes.c"

tried() { # WHAT OPTION...
	local what=$1 owner
	shift
	for owner in process group; do
		# Away from the runner's group, to which a signal would go.
		setsid -w ./owner_escapes hold $owner "$microcosm" --dev --ro "$PWD" "$@" \
			"$PWD/owner_escapes" try "$PWD/owner_escapes" \
			>out 2>&1 </dev/null || fail "$what, the $owner's: status $?: $(tail -n 5 out)"
		[ "$(cat out)" = "done" ] || fail "$what, the $owner's: $(cat out)"
	done
}
tried "quiet"
tried "traced" -t -o trace
contains trace 'ioctl\(0, FIOASYNC, .*\) = -1 EPERM' || fail "FIOASYNC is not traced"
contains trace 'ioctl\(0, FIOASYNC, .*\) = 0' || fail "FIOASYNC is not traced"
tried "recorded" --trace-ring -o trace

# Nobody is its owner now, as far as can be told; but they may come back. Natively that reaches them.
absent() { # WANTED COMMAND...
	local said
	said=$(./owner_escapes hold absent "${@:2}" </dev/null 2>&1) || fail "without an owner: status $?: $said"
	[ "$said" = "$1" ] || fail "without an owner: $said"
}
absent REACHED ./owner_escapes on
absent '' "$microcosm" --ro "$PWD" "$PWD/owner_escapes" on
