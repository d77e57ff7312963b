#!/bin/bash
# SPDX-License-Identifier: MIT
# A world ends with its first process, and what is left is killed; with --wait it ends with the last, and
# has the first one's status all the same.
# timeout: 60
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

cat >orphan.c <<'EOT'
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	char byte;
	if (fork() == 0) {
		/* As long as somebody may write, it waits; then it says that it lived on. */
		if (read(0, &byte, 1) >= 0)
			write(1, "orphan\n", 7);
		return 9;
	}
	write(1, "first\n", 6);
	return argc > 1 ? strlen(argv[1]) : 0;
}
EOT
"$CC" -static -O1 -Wno-unused-result -o orphan orphan.c || fail "cannot build orphan.c"

mkfifo in
exec 8<>in
is 3 "$microcosm" ./orphan abc <in >out
[ "$(cat out)" = first ] || fail "without --wait: $(cat out)"
exec 8>&-

: >out
exec 8<>in
"$microcosm" --wait ./orphan abc <in >out &
waiting=$!
until_true 20 contains out first
[ -e "/proc/$waiting" ] || fail "--wait did not wait"
printf x >&8
wait "$waiting"
status=$?
[ $status = 3 ] || fail "--wait: status $status"
[ "$(cat out)" = "$(printf 'first\norphan')" ] || fail "--wait: $(cat out)"

: >out
"$microcosm" --wait ./orphan abc <in >out &
waiting=$!
until_true 20 contains out first
kill -TERM "$waiting"
wait "$waiting"
status=$?
[ $status = 143 ] || fail "--wait and SIGTERM: status $status"
exec 8>&-
