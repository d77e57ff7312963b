#!/bin/bash
# SPDX-License-Identifier: MIT
# An interactive shell inside a world controls jobs on a terminal: Ctrl-Z stops one, bg and fg let it go
# on, Ctrl-C ends it and not the shell.
# timeout: 120
# shellcheck disable=SC2016 # for the shell inside
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

bash=$(command -v bash) || fail "no bash"
"$CC" -D_GNU_SOURCE -O2 -Wall -Wextra -o pty "$tests/cases/pty.c" -lutil || fail "cannot build pty"
mkfifo keys
: >screen
./pty "$microcosm" --host-ro --env PS1='READY> ' --env TERM=dumb "$bash" --norc --noprofile -i <keys >screen 2>pty.err &
terminal=$!
exec 3>keys

type_keys() {
	printf %b "$1" >&3
}

seen() { # REGEX COUNT: at least so many lines
	[ "$(grep -cE -- "$1" screen)" -ge "$2" ]
}

prompted() { # the shell waits for a line
	[ "$(tail -n 1 screen)" = 'READY> ' ]
}

# The shell is ready when it answers; a job is in the foreground when it has said something itself.
until_true 20 contains screen 'READY>'
type_keys 'echo sum $((40 + 2))\r'
until_true 20 contains screen '^sum 42'
type_keys 'sh -c "echo job \\$((1 + 0)); sleep 100"\r'
until_true 20 contains screen '^job 1'
type_keys '\032'
until_true 20 contains screen '^\[1\]\+ +Stopped'
type_keys 'jobs\r'
until_true 20 seen '^\[1\]\+ +Stopped' 2
type_keys 'bg\r'
until_true 20 contains screen '^\[1\]\+ .*&'
type_keys 'jobs\r'
until_true 20 contains screen '^\[1\]\+ +Running'
type_keys 'kill -INT %1; wait %1; echo status $?\r'
until_true 20 contains screen '^status 130'
type_keys 'sh -c "trap \\"echo caught; exit 9\\" INT; while :; do echo tick; sleep 0.05; done"; echo after $?\r'
until_true 20 contains screen '^tick'
type_keys '\032'
until_true 20 contains screen '^after 148'
ticks=$(grep -c '^tick' screen)
type_keys 'fg\r'
until_true 20 seen '^tick' $((ticks + 1)) # what is typed behind a Ctrl-C can be lost, and before it too
type_keys '\003'
until_true 20 contains screen 'caught.?$'
until_true 20 prompted
type_keys 'echo jobs $(jobs | wc -l) left\r'
until_true 20 contains screen '^jobs 0 left'
type_keys 'exit 7\r'
wait "$terminal"
status=$?
exec 3>&-
[ $status = 7 ] || fail "exit status $status: $(tail -n 5 screen)"
