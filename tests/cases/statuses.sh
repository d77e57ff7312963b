#!/bin/bash
# SPDX-License-Identifier: MIT
# Exit statuses: the program's own, 128 + signal, 127 when it is not found, 126 when it or a module cannot
# be used, 125 for a wrong command line and broken rules; one line each that says why.
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

# ends STATUS LINE-REGEX ARG...: of microcosm; no line at all where the regex is empty.
ends() {
	local want=$1 regex=$2 got
	shift 2
	"$microcosm" "$@" </dev/null >out 2>err
	got=$?
	[ $got = "$want" ] || fail "status $got, not $want: $*: $(cat err)"
	if [ -n "$regex" ]; then
		contains err "$regex" || fail "no line matches '$regex': $*: $(cat err)"
		[ "$(wc -l <err)" = 1 ] || fail "more than a line: $*: $(cat err)"
	else
		[ ! -s err ] || fail "unexpected: $*: $(cat err)"
	fi
}

cat >status.c <<'END'
#include "signal.h"
int main(int argc, char **argv)
{
	switch (argv[1][0]) {
	case 'e': return argv[1][1] - '0';
	case 'k': mc_syscall(NR_kill, get_pid(), S_TERM, 0, 0, 0, 0); return 1;
	case 'n': mc_register(MC_NR_MAX + 1, (mc_fn)(void *)main); return 1;
	case 'z': mc_register(5000, NULL); return 1;
	case 'c': mc_register(5000, (mc_fn)0x900000000000); return 1;
	case 'd': mc_deregister(MC_NR_MIN - 1); return 1;
	case 'x': mc_thread_expand(70000, 8); return 1;
	case 'a': mc_thread_expand(8, 3); return 1;
	case 'i': __asm__ volatile("int $0x80" :: "a"(20)); return 1;
	default: return 99;
	}
}
END
build status status.c
ends 0 '' ./status e0
ends 7 '' ./status e7
ends 143 '' ./status k
ends 125 'mc_register' ./status n
ends 125 'mc_register' ./status z
ends 125 'mc_register' ./status c
ends 125 'mc_deregister' ./status d
ends 125 'mc_thread_expand' ./status x
ends 125 'mc_thread_expand' ./status a
ends 159 'int 0x80' ./status i
ends 127 'nonesuch' ./nonesuch
ends 127 'nonesuch' nonesuch-program
echo 'not a program' >text
chmod +x text
ends 126 'text' ./text
: >empty
chmod +x empty
ends 126 'empty' ./empty
mkdir directory
ends 126 'directory' ./directory
ends 126 'text' --modules ./text ./status e0
ends 126 'nonesuch' --modules ./nonesuch.so ./status e0
ends 125 'nonesuch' --nonesuch ./status e0
ends 125 'mc_register' --no-modules ./status n
