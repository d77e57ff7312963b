#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs execute programs on Microcosm as natively: arguments, environment, signals, descriptors,
# scripts, failures, with threads; static and dynamic.
# timeout: 180
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

compare() { # NAME OPTION...
	local name=$1
	shift
	rm -rf native guest
	mkdir native guest
	(cd native && exec "$home/$name" "$home/$name" </dev/null) >native.out 2>&1 || fail "natively: $(tail -n 5 native.out)"
	(cd guest && exec "$microcosm" "$@" "$home/$name" "$home/$name" </dev/null) >guest.out 2>&1 ||
		fail "$name: status $?: $(tail -n 5 guest.out)"
	diff native.out guest.out >&2 || fail "$name: natively <, on Microcosm >"
}

home=$PWD
"$CC" -static -O1 -pthread -o execs "$tests/linux/execs.c" || fail "cannot build execs.c"
"$CC" -O1 -pthread -o execs-dynamic "$tests/linux/execs.c" || fail "cannot build execs.c"
compare execs --rw "$PWD"
compare execs --rw "$PWD" --trace=threads -o "$PWD/trace"
contains trace 'executes a program' || fail "the trace does not tell of execs"
compare execs-dynamic --host-ro --rw "$PWD"

# By descriptors.
"$CC" -static -O1 -pthread -Wno-nonnull -Wno-unused-result -o fexecs "$tests/linux/fexecs.c" || fail "cannot build fexecs.c"
"$CC" -O1 -pthread -Wno-nonnull -Wno-unused-result -o fexecs-dynamic "$tests/linux/fexecs.c" || fail "cannot build fexecs.c"
compare fexecs --rw "$PWD"
compare fexecs-dynamic --host-ro --rw "$PWD"
"$microcosm" --rw "$PWD" "$PWD/fexecs" "$PWD/fexecs" races >out 2>&1 || fail "races: status $?: $(cat out)"
contains out '^races 200$' || fail "races: $(cat out)"

# Broken off at any point of its start.
"$CC" -static -O1 -o exec_stops "$tests/linux/exec_stops.c" || fail "cannot build exec_stops.c"
(exec "$microcosm" --ro "$PWD" "$PWD/exec_stops" 1500 </dev/null >out 2>&1) || fail "stopped: status $?: $(cat out)"

# What is on a mount without execution is not executed; nor is what was inherited from outside the tree.
cat >held.c <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	char *none[] = {argv[0], NULL}, *words[] = {"x", "exit", NULL};
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : 0;
	fexecve(fd, words, none + 1);
	puts(strerrorname_np(errno));
	return 0;
}
END
"$CC" -static -O1 -o held held.c || fail "cannot build held.c"
[ "$("$microcosm" --ro "$PWD" "$PWD/held" "$PWD/fexecs"; echo $?)" = 7 ] || fail "held.c"
[ "$("$microcosm" --host-ro --ro "$PWD" sh -c "cp $PWD/fexecs /dev/p && $PWD/held /dev/p")" = EACCES ] ||
	fail "what lies on a mount without execution was executed"
[ "$("$microcosm" --ro "$PWD/held:/held" /held <fexecs)" = EACCES ] || fail "an inherited file was executed"
