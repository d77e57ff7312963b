#!/bin/bash
# SPDX-License-Identifier: MIT
# --surface prints every gate and every grant with its rules, one a line, and nothing that a set has not.
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

for name in grants libs; do
	read -r -a flags < <(sed -n 's/^ \* build: //p' "$tests/modules/$name.c")
	build "$PWD/$name.so" --module -DMC_TEST_MODULE "${flags[@]}" "$tests/modules/$name.c"
done
"$mcc" --module-set -o "$PWD/set.so" "$PWD/grants.so" "$PWD/libs.so" || fail "cannot build the set"
is 0 "$microcosm" --modules "$PWD/set.so" --surface >surface 2>err
[ ! -s err ] || fail "unexpected: $(cat err)"

for symbol in pow snprintf qsort close crc32 compress2 uncompress; do
	[ "$(grep -cw "$symbol" surface)" = 1 ] || fail "not one line for $symbol: $(cat surface)"
done
for symbol in fstat lseek fsync fdatasync getsockname dup ftruncate fstatfs getpid; do
	[ "$(grep -cw "$symbol" surface)" = 1 ] || fail "not one line for $symbol: $(cat surface)"
done
[ "$(grep -cw fadvise64 surface)" = 2 ] || fail "not both alternatives of fadvise64: $(cat surface)"
[ "$(grep -c . surface)" = 18 ] || fail "other lines than these: $(cat surface)"
# No gate and no grant: nothing.
[ -z "$("$microcosm" --no-modules --surface)" ] || fail "a surface without modules"
