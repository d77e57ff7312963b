#!/bin/bash
# SPDX-License-Identifier: MIT
# Job control on a terminal: Ctrl-C ends the guest or is handled by it, once for each time; Ctrl-Z stops
# the job and the shell goes on, fg lets it run on; Ctrl-\ quits.
# timeout: 120
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

"$CC" -D_GNU_SOURCE -O2 -Wall -Wextra -o pty "$tests/cases/pty.c" -lutil || fail "cannot build pty"
build terminal "$tests/cases/terminal.c"
mkfifo keys

# on_terminal COMMAND...: its output in `screen`, what is written to descriptor 3 is typed.
on_terminal() {
	: >screen
	./pty "$@" <keys >screen 2>pty.err &
	terminal=$!
	exec 3>keys
}

type_keys() {
	printf %b "$1" >&3
}

ends() { # STATUS WHAT
	local status
	wait "$terminal"
	status=$?
	exec 3>&-
	[ $status = "$1" ] || fail "$2: exit status $status, not $1: $(tail -n 5 screen)"
}

lines() { # REGEX COUNT: at least so many lines
	[ "$(grep -cE -- "$1" screen)" -ge "$2" ]
}

for how in plain threads; do
	on_terminal "$microcosm" ./terminal $how
	until_true 20 contains screen '^tick'
	type_keys '\003'
	ends 130 "Ctrl-C, $how"

	on_terminal "$microcosm" ./terminal $how
	until_true 20 contains screen '^tick'
	type_keys '\034'
	ends 131 "Ctrl-backslash, $how"
done

on_terminal "$microcosm" ./terminal handles
until_true 20 contains screen '^tick'
for n in 1 2 3; do
	type_keys '\003'
	until_true 20 contains screen "interrupted $n"
done
ends 23 "Ctrl-C that is handled"
[ "$(grep -c interrupted screen)" = 3 ] || fail "Ctrl-C came more than once"

# Interrupts until it is: the shell may not have brought it to the foreground yet.
interrupted() {
	type_keys '\003'
	sleep 0.05
	! descendants "$terminal" | grep -q ' microcosm$'
}

# The terminal goes away.
on_terminal "$microcosm" ./terminal threads
until_true 20 contains screen '^tick'
supervisor=$(descendants "$terminal" | awk '$2 == "microcosm" { print $1; exit }')
kill -KILL "$terminal"
until_true 10 gone "$supervisor"
exec 3>&-

# In a shell with job control.
for how in plain threads; do
	export PS1='prompt> ' HISTFILE='' TERM=dumb
	on_terminal bash --norc --noprofile -i
	until_true 20 contains screen 'prompt> '
	type_keys "$microcosm ./terminal $how\n"
	until_true 20 contains screen '^tick'
	type_keys '\032'
	until_true 20 contains screen 'Stopped'
	count=$(grep -c '^tick' screen)
	type_keys "echo we are \$((40 + 2))\\n"
	until_true 20 contains screen 'we are 42'
	[ $(($(grep -c '^tick' screen) - count)) -le 1 ] || fail "Ctrl-Z: it runs on, $how"
	type_keys 'fg\n'
	until_true 20 contains screen continued
	count=$(grep -c '^tick' screen)
	until_true 20 lines '^tick' $((count + 5))
	type_keys '\032'
	until_true 20 lines Stopped 2
	type_keys 'bg\n'
	count=$(grep -c '^tick' screen)
	until_true 20 lines '^tick' $((count + 5))
	seen=$(grep -c "microcosm ./terminal $how" screen)
	type_keys 'fg\n'
	until_true 20 lines "microcosm ./terminal $how" $((seen + 1))
	until_true 20 interrupted
	type_keys 'echo status $?\n'
	until_true 20 contains screen 'status 130'
	type_keys 'exit 5\n'
	ends 5 "the shell, $how"
done
