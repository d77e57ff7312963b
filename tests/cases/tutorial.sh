#!/bin/bash
# SPDX-License-Identifier: MIT
# The tutorial of microcosm-modules(7) works line by line: its files are written, its commands run, and
# what they print is what the page says.
# timeout: 180
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"

page=$tests/../man/microcosm-modules.7
PATH=${microcosm%/*}:$PATH
commands=0

# The page's displays, with troff's escapes undone, one file each: a command display begins with "$ ".
# A file's display follows its name, ".Pa NAME :".
awk '
	/^\.Pa [a-z_]+\.c :$/ { name = $2 }
	/^\.Ed/ { inside = 0 }
	inside { gsub(/\\e/, "\\"); gsub(/\\-/, "-"); print > out }
	/^\.Bd -literal/ {
		inside = 1
		if (name != "") { out = name; name = "" } else out = sprintf("display%02d", ++n)
		print out > "order"
	}
' "$page"
[ -s order ] || fail "the page has no displays"

mapfile -t displays <order
last=${displays[-1]}

for display in "${displays[@]}"; do
	case $display in *.c) continue ;; esac
	grep -q '^\$ ' "$display" || fail "$display is no list of commands"
	grep -v '^\$ ' "$display" >expected
	: >found
	while IFS= read -r command; do
		commands=$((commands + 1))
		bash -c "$command" >>found 2>&1 </dev/null || fail "status $?: $command: $(cat found)"
	done < <(sed -n 's/^\$ //p' "$display")
	case $display in
	"$last") contains found '^gate log_host_line ' || fail "no gate: $(cat found)" ;;
	*) diff expected found >&2 || fail "the page says otherwise: $(cat "$display")" ;;
	esac
done
[ $commands -ge 20 ] || fail "only $commands commands found"
