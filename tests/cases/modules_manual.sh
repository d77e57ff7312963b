#!/bin/bash
# SPDX-License-Identifier: MIT
# microcosm-modules(7) is complete: it names every call of the shipped modules with its number; and
# microcosm-linux(7) every call in the linux module's table.
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"

top=$tests/..
page=$top/man/microcosm-modules.7
missing=0

lacks() {
	printf 'microcosm-modules(7) lacks %s\n' "$1" >&2
	missing=$((missing + 1))
}

# The calls' numbers are in the headers, and each has an inline function that uses it.
for header in "$top"/modules/*/*.h; do
	case $header in */linux/*) continue ;; esac # Linux's own numbers
	numbers=$(sed -nE 's/^#define (MC_NR_[A-Z_]+) +([0-9]+)$/\1 \2/p' "$header")
	[ -n "$numbers" ] || fail "no numbers found in $header"
	while read -r name number; do
		function=$(grep -B 2 -F "mc_call($name," "$header" | sed -nE 's/^static inline long (mc_[a-z_]+)\(.*/\1/p' |
			tail -n 1)
		[ -n "$function" ] || fail "$header has no function for $name"
		grep -qE "^\.It $number Fn \"long $function\"" "$page" || lacks "$number $function"
	done <<<"$numbers"
done

# microcosm-linux(7) has the linux module's table, as it is.
list=$("$top/scripts/linux-calls" <"$top/modules/linux/linux_calls.def")
[ "$(wc -l <<<"$list")" -gt 200 ] || fail "no calls found in linux_calls.def"
[ "$(grep '^\.It [0-9]' "$top/man/microcosm-linux.7")" = "$list" ] ||
	fail "the list in microcosm-linux(7) is not that of scripts/linux-calls"
[ $missing = 0 ]
