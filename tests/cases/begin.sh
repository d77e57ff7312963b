#!/bin/bash
# SPDX-License-Identifier: MIT
# A program begins with the signals blocked and ignored, the umask, niceness and limits of who starts it, as it
# does natively.
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

"$CC" -static -O1 -o begin "$tests/linux/begin.c" || fail "cannot build begin.c"

same() { # COMMAND... that starts what its last arguments are
	"$@" ./begin >native
	"$@" "$microcosm" ./begin >guest 2>&1 || fail "$*: status $?: $(cat guest)"
	diff native guest >&2 || fail "$*: natively <, on Microcosm >"
}

same env
same env --block-signal=TERM,USR1,CHLD,TRAP,SYS,SEGV
same env --ignore-signal=HUP,INT,USR1,CHLD,PIPE,TRAP,XFSZ
same prlimit --nofile=100:200 --core=0:0 --stack=4194304
same nice -n 7
umask 027
same env
same env --block-signal=RTMIN,RTMAX
env --block-signal=USR1 ./begin >native
contains native "^signal 10: blocked" || fail "nothing was blocked: $(cat native)"

# Limits under which there can be no world are said.
prlimit --fsize=1000:1000 "$microcosm" ./begin >out 2>&1
[ $? = 125 ] || fail "small files: $(cat out)"
contains out 'File too large' || fail "small files: $(cat out)"
