#!/bin/bash
# SPDX-License-Identifier: MIT
# System V's shared memory: over exec, and with other ids, as natively (cases/calls.sh compares the rest); a world's
# segments are not the host's, nor another world's, and what was removed is gone from the host process too.
# timeout: 300
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

for program in sysv sysv_apart; do
	"$CC" -static -O1 -pthread -w "-I$tests/linux" -o $program "$tests/linux/$program.c" || fail "cannot build $program.c"
done

# ---- The same as natively ----

mkdir native guest
"$PWD/sysv" "$PWD/native" exec >native.out 2>&1 </dev/null || fail "natively: $(tail -n 5 native.out)"
contains native.out '^executed: status 0$' || fail "not executed: $(tail -n 5 native.out)"
compare() { # WHAT OPTION...
	local what=$1
	shift
	timeout -s KILL 100 "$microcosm" --rw "$PWD" "$@" "$PWD/sysv" "$PWD/guest" exec >guest.out 2>&1 </dev/null ||
		fail "$what: status $?: $(tail -n 5 guest.out)"
	diff native.out guest.out >&2 || fail "$what: natively <, on Microcosm >"
}
compare "plainly"
"$microcosm" --proc ./sysv attached 0 >proc.out 2>&1
[ $? = 125 ] || compare "with /proc" --proc # where there can be one
compare "with other ids" --uid=12345:23456
compare "traced" -t -o trace
contains trace 'shmget\(' || fail "shmget is not traced"
contains trace 'sysv_attach@linux\(' || fail "no gate in the trace"

# ---- Apart from the host, and from other worlds ----

read -r key id < <(./sysv_apart)
[ -n "${id:-}" ] || fail "no segment on the host"
trap './sysv_apart "$id"' EXIT
# Two worlds with a segment of that key.
worlds=()
for n in 1 2; do
	mkfifo in$n
	"$microcosm" ./sysv_apart "$key" "$id" <in$n >out$n 2>&1 &
	worlds+=($!)
done
exec 5>in1 6>in2
for n in 1 2; do until_true 60 contains out$n '^there$'; done
! grep -qw 7654321 /proc/sysvipc/shm || fail "the host sees a world's segment"
holders() {
	for pid in "${worlds[@]}"; do
		{ echo "$pid" && descendants "$pid"; } | while read -r process _; do
			find "/proc/$process/fd" "/proc/$process/map_files" -lname '*memfd:sysv-*' 2>/dev/null
		done
	done
}
[ -n "$(holders)" ] || fail "no process has a segment"
printf '\n' >&5
printf '\n' >&6
for n in 1 2; do until_true 60 contains out$n '^gone$'; done
[ -z "$(holders)" ] || fail "what was removed is still there: $(holders)"
exec 5>&- 6>&-
for n in 0 1; do wait "${worlds[n]}" || fail "status $?: $(cat out1 out2)"; done
! grep ESCAPED out1 out2 >&2 || fail "escaped"
trap - EXIT
./sysv_apart "$id" >host.out || fail "the host's segment: $(cat host.out)"
[ ! -s host.out ] || fail "the host's segment: $(cat host.out)"
