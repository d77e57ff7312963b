#!/bin/bash
# SPDX-License-Identifier: MIT
# No way leads out of the files that were opened to a world: by names, links, races, descriptors held from
# outside, mounts, sockets, other processes or the kernel's own loader.
# timeout: 120
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

"$CC" -static -O1 -pthread -Wno-unused-result -Wno-nonnull -o escapes "$tests/linux/escapes.c" ||
	fail "cannot build escapes.c"
mkdir -p ro rw outside
echo "not yours" >ro/file
echo secret >outside/secret
echo secret >"$PWD/secret"

touch -d @1000000000 outside
before=$(stat -c '%a %u %Y' outside)

# Without randomization the program may know where the stubs of kernel calls are (rt.h).
run() { # WHAT OPTION...
	local what=$1
	shift
	rm -rf rw
	mkdir rw
	"$microcosm" --no-aslr "$@" --env REGION=567000000000 ./escapes "$PWD/outside/secret" <outside >out 2>&1 ||
		fail "$what: status $?: $(tail -n 5 out)"
	contains out '^done$' || fail "$what: $(cat out)"
	if contains out ESCAPED; then fail "$what: $(cat out)"; fi
	[ "$(cat outside/secret)" = secret ] || fail "$what: the file outside was changed"
	[ "$(ls outside)" = secret ] || fail "$what: $(ls outside)"
	[ "$(stat -c '%a %u %Y' outside)" = "$before" ] || fail "$what: the directory outside was changed"
	[ "$(cat ro/file)" = "not yours" ] || fail "$what: --ro was changed"
}
run "a tree" --ro "$PWD/ro:/ro" --rw "$PWD/rw:/rw" --tmpfs /tmp --dev
run "a tree, traced" --ro "$PWD/ro:/ro" --rw "$PWD/rw:/rw" --tmpfs /tmp --dev --trace=none,core -o trace

# The program finds what is open to it: the test can fail.
rm -rf rw
mkdir rw
"$microcosm" --rw "$PWD/rw:/rw" --ro "$PWD/outside" ./escapes "$PWD/outside/secret" <outside >out 2>&1
contains out 'ESCAPED: the name itself' || fail "nothing is found at all: $(cat out)"
exit 0
