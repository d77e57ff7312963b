# SPDX-License-Identifier: MIT
# What the cases share. run-guests sets microcosm, mcc, tests, work, shipped, CC; the working directory
# is the case's own and goes away with it.
# shellcheck shell=bash
set -u
: "${microcosm:?run me by tests/run-guests}" "${mcc:?}" "${tests:?}" "${work:?}" "${shipped:?}" "${CC:?}"

fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

skip() {
	printf '%s\n' "$*" >&2
	exit 77
}

# build OUT ARG...: by microcosm-cc, with the headers of the tests.
build() {
	local out=$1
	shift
	"$mcc" -std=gnu11 -O2 -g -Wall -Wextra -Wno-unused-parameter "-I$tests/guest" "-I$tests/modules" \
		-o "$out" "$@" || fail "cannot build $out"
}

# module_set OUT NAME...: test modules by name, built with the flags given in MODULE_FLAGS, with the
# shipped ones.
module_set() {
	local out=$1 name members=() host flags
	shift
	for name; do
		flags=()
		host=$tests/modules/$name.host.c
		if [ -e "$host" ]; then
			"$mcc" --host-component -I"$tests/guest" -I"$tests/modules" -o "$PWD/libmc_$name.so" "$host" ||
				fail "cannot build $host"
			flags=("--host-lib=$PWD/libmc_$name.so")
		fi
		build "$PWD/$name.so" --module -DMC_TEST_MODULE "$tests/modules/$name.c" "${flags[@]}"
		members+=("$PWD/$name.so")
	done
	"$mcc" --module-set -o "$out" clock console linux memory random sync "${members[@]}" ||
		fail "cannot build the module set"
}

# until_true SECONDS COMMAND...: polls, and fails the case when it never becomes true.
until_true() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || fail "waited too long for: $*"
		sleep 0.02
	done
}

contains() { # FILE REGEX
	grep -qE -- "$2" "$1"
}

gone() { # PID
	[ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null
}

# is STATUS COMMAND...: fails the case when the command's exit status is another.
is() {
	local want=$1 got
	shift
	"$@"
	got=$?
	[ "$got" = "$want" ] || fail "exit status $got, not $want: $*"
}

# Every descendant of a process, by parentage, one a line with its name.
descendants() { # PID
	local child
	cat "/proc/$1"/task/*/children 2>/dev/null | tr ' ' '\n' | while read -r child; do
		[ -n "$child" ] || continue
		printf '%s %s\n' "$child" "$(cat "/proc/$child/comm" 2>/dev/null)"
		descendants "$child"
	done
}
