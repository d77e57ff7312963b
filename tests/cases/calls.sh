#!/bin/bash
# SPDX-License-Identifier: MIT
# Each call that linux_calls.def claims does on Microcosm what it does natively: the programs of tests/linux
# say a line for each check, and the lines are the same; what is refused is refused by the errno that the
# table has. No row of the table is left out.
# timeout: 600
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

table=$tests/../modules/linux/linux_calls.def
programs=(io numbers descriptors wait misc signals processes threads sysv owners)

for program in "${programs[@]}" refused names xattrs watches net execs; do
	"$CC" -static -O1 -pthread -w "-I${table%/*}" -o "$program" "$tests/linux/$program.c" || fail "cannot build $program.c"
done

# On no terminal, and away from the runner's group: programs send signals to their own.
run() { # COMMAND...
	setsid -w "$@" </dev/null
}

on_microcosm() { # PROGRAM OPTION...
	local program=$1
	shift
	rm -rf guest
	mkdir guest
	run "$microcosm" --dev --rw "$PWD/guest:/work" "$@" "./$program" /work /work/none >"$program.guest" 2>&1 ||
		fail "$program: status $?: $(tail -n 5 "$program.guest")"
}

for program in "${programs[@]}"; do
	rm -rf native
	mkdir native
	run "./$program" "$PWD/native" >"$program.native" 2>&1 || fail "$program natively: $(tail -n 5 "$program.native")"
	for trace in quiet traced; do
		if [ $trace = quiet ]; then
			on_microcosm "$program"
		else
			on_microcosm "$program" --trace=linux --trace-format=json -o "$PWD/$program.json"
		fi
		diff "$program.native" "$program.guest" >&2 || fail "$program, $trace: natively <, on Microcosm >"
	done
done
on_microcosm refused --trace=linux --trace-format=json -o "$PWD/refused.json"
cat refused.guest

# ---- Nothing is left out ----

# Which calls these make is of interest here; that they do what they should, their own cases say.
for program in names xattrs watches net; do
	on_microcosm $program --net='127.0.0.1:*' --net='[::1]:*' --trace=linux --trace-format=json -o "$PWD/$program.json"
done
mkdir guest/execs
home=$PWD
(cd guest/execs && run "$microcosm" --rw "$home" --trace=linux --trace-format=json -o "$home/execs.json" "$home/execs" \
	"$home/execs") >execs.out 2>&1 || fail "execs: $(tail -n 5 execs.out)"

sed -nE 's/^(GRANT|GRANT_IF|MEDIATED|HANDLED|REFUSED)\( *[0-9]+, *([a-z0-9_]+),.*/\2/p' "$table" | sort -u >claimed
sed -nE 's/^\{"schema":1,"type":"call",.*"source":"linux",.*"name":"([a-z0-9_]+)",.*/\1/p' ./*.json | sort -u >called
[ "$(wc -l <claimed)" -gt 250 ] || fail "linux_calls.def cannot be read"
comm -23 claimed called >left
[ ! -s left ] || fail "rows of linux_calls.def that no test calls: $(tr '\n' ' ' <left)"
