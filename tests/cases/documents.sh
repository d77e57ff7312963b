#!/bin/bash
# SPDX-License-Identifier: MIT
# README and ARCHITECTURE say what is so: the README's module and program are built and run by the
# commands that it gives, and what ARCHITECTURE names is in the code.
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"

top=$tests/..

# ---- README: "A call of your own" ----

# The section's indented lines: `$ cat FILE` begins a file, other `$` lines are commands, and what
# follows those is their output.
awk '
	/^## / { on = /A call of your own/ }
	!on || !/^(    |$)/ { next }
	{ sub(/^    /, "") }
	/^\$ cat / { file = $3; command = 0; next }
	/^\$ / { file = ""; command = 1; print substr($0, 3) >"commands"; next }
	file { print >file; next }
	command && /^[^[]/ { print >"expected" }
' "$top/README.md"
for file in double.c hello.c commands expected; do
	[ -s $file ] || fail "README has no $file where it is looked for"
done
mkdir bin
ln -s "$microcosm" "$mcc" bin/
for command in microcosm microcosm-cc; do
	[ -e bin/$command ] || fail "no $command"
done
PATH=$PWD/bin:$PATH bash -e commands >out 2>err || {
	cat err >&2
	fail "the README's commands fail"
}
cmp expected out >&2 || fail "the README's program prints something else"
contains err '^\[[0-9]+\] twice@double\(21, 0, 0, 0, 0, 0\) = 42 <' || fail "the README's trace is another"

# ---- ARCHITECTURE: names of functions, fields and files; all but a few are the project's own ----

tick=$(printf '\140')
elsewhere='^(crc32|qsort|WAIT_KILLABLE_RECV|bin/.*|lib/.*)$'
find "$top/supervisor" "$top/guest-rt" "$top/modules" "$top/scripts" "$top/tests" -type f -name '*.*' \
	! -path '*/seeds/*' >sources
missing=0
while read -r name; do
	case $name in
	*/) [ -d "$top/$name" ] || [ -d "$top/supervisor/$name" ] || [[ $name = *NAME* ]] ;;
	scripts/* | tests/*) [ -e "$top/$name" ] ;;
	*.c | *.h | *.S | *.def) grep -qF "/$name" sources || [[ $name = *\** ]] ;;
	*) tr '\n' '\0' <sources | xargs -0 grep -qw -- "$name" ;;
	esac || {
		printf 'ARCHITECTURE.md names %s, which is not there\n' "$name" >&2
		missing=$((missing + 1))
	}
done < <(grep -oE "${tick}[A-Za-z_][A-Za-z0-9_/*]*(\.[chS]|\.def|/)?$tick" "$top/ARCHITECTURE.md" | tr -d "$tick" |
	grep -vE "$elsewhere" | sort -u)
[ $missing = 0 ]
