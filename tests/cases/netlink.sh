#!/bin/bash
# SPDX-License-Identifier: MIT
# With --net=host the network's configuration can be read by netlink as natively, and not be changed, by root either
# and whatever the kernel would let a world's user do. All of it in network namespaces of its own.
# timeout: 300
# shellcheck disable=SC2016 # for shells inside
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

# ---- Inside, where the network is ours to change ----

unchanged() { # WHAT
	./netlink show >now.out 2>&1
	diff native.out now.out >&2 || fail "$1 changed the network: before <, after >"
}

compare() { # WHAT OPTION...
	local what=$1
	shift
	timeout -s KILL 100 "$microcosm" --net=host "$@" ./netlink show >guest.out 2>&1 </dev/null ||
		fail "$what: status $?: $(tail -n 5 guest.out)"
	diff native.out guest.out >&2 || fail "$what: natively <, on Microcosm >"
}

refused() { # WHAT MODE COMMAND...
	local what=$1 mode=$2
	shift 2
	timeout -s KILL 100 "$@" ./netlink "$mode" >out 2>&1 </dev/null
	[ "$(cat out)" = refused ] || fail "$what: $(tail -n 20 out)"
	unchanged "$what"
}

inside() {
	./netlink up || skip "the loopback interface cannot be set up here"
	./netlink show >native.out 2>&1 || fail "natively: $(tail -n 5 native.out)"
	contains native.out '^interface lo .* address 2 192\.0\.2\.1 mask' || fail "natively: $(cat native.out)"
	contains native.out '^message 24 ' || fail "no routes"
	# The test can fail: natively each way is open.
	./netlink change >out 2>&1
	[ "$(grep -c ': open$' out)" = 95 ] || fail "natively: $(cat out)"
	[ "$(grep -vc ': open$' out)" = 1 ] || fail "natively: $(grep -v ': open$' out)"
	unchanged "natively what was undone"

	compare "netlink"
	compare "netlink, with files" --host-ro --proc
	compare "netlink, traced" -t -o trace
	contains trace 'socket\(AF_NETLINK, SOCK_RAW\|SOCK_CLOEXEC, 0\) = [0-9]+ ' || fail "socket is not traced"
	contains trace 'bind\([0-9]+, \{AF_NETLINK\}, 12\) = 0 ' || fail "bind is not traced"

	refused "changes" change "$microcosm" --net=host
	refused "changes, with files" change "$microcosm" --net=host --host-ro --proc
	refused "changes, traced" change "$microcosm" --net=host -t -o trace
	refused "changes, without namespaces" change ./confined "$microcosm" --net=host --host-ro
	refused "no network" none "$microcosm"
	refused "a list" none "$microcosm" --net='*:*'
	# Where the host process keeps what it may, or may more than it seems, there is none.
	refused "root's host files" none "$microcosm" --net=host --host-files
	[ "$(id -u)" != 0 ] || [ "${real_root:?}" = no ] || by_user
	owned
}

# In the network of a user namespace that one's own user has made, everything is allowed from outside too.
owned() {
	coproc holder { exec unshare -rn ./netlink hold; }
	local pid=${holder_PID:?} net
	read -r net <&"${holder[0]}" || skip "no namespace in a namespace"
	net=(nsenter "--net=/proc/$pid/ns/net")
	"${net[@]}" ./netlink change >out 2>&1
	[ "$(grep -c ': open$' out)" = 95 ] || fail "natively, in a namespace's network: $(cat out)"
	refused "a network of the user's" none "${net[@]}" "$microcosm" --net=host
	kill "$pid"
	wait "$pid" 2>/dev/null
}

# A user with that one capability, for whom the host process makes a user namespace where it can.
by_user() {
	local uid=64321 place by=()
	place=$(TMPDIR=/tmp mktemp -d) || fail "no temporary directory"
	trap 'rm -rf "$place"' EXIT
	chmod 755 "$place"
	local top=${microcosm%/bin/microcosm}
	cp -r "$top/bin" "$top/lib" netlink confined "$place" || fail "cannot copy"
	by=(env -C "$place" setpriv --reuid "$uid" --regid "$uid" --clear-groups)
	by+=(--inh-caps=+net_admin --ambient-caps=+net_admin)
	"${by[@]}" ./netlink change >out 2>&1
	[ "$(grep -c ': open$' out)" = 95 ] || fail "natively, by a user: $(cat out)"
	refused "a user with the capability" change "${by[@]}" "$place/bin/microcosm" --net=host
	refused "a user with the capability, and files" change "${by[@]}" "$place/bin/microcosm" --net=host --host-ro
	refused "a user with the capability, without namespaces" change \
		"${by[@]}" ./confined "$place/bin/microcosm" --net=host --host-ro
	refused "a user's network by a list" none "${by[@]}" "$place/bin/microcosm" --net='*:*'
}

if [ "${1:-}" = inside ]; then
	inside
	exit 0
fi

# ---- Outside ----

"$CC" -static -O1 -pthread -Wall -Wextra -Wno-nonnull -o netlink "$tests/linux/netlink.c" ||
	fail "cannot build netlink.c"
"$CC" -D_GNU_SOURCE -O1 -Wall -Wextra -o confined "$tests/confined.c" || fail "cannot build confined.c"

"$microcosm" --net=host --surface >surface
contains surface '^grant 41 socket checked arg0==0x10 ' || fail "--surface: no netlink with --net=host"
"$microcosm" --net='*:*' --surface >surface
! contains surface '^grant 41 socket .*arg0==0x10 ' || fail "--surface: netlink with a list"

# Of this machine's network nothing is changed: what could fail does so in one of its own.
export real_root=no
if unshare -n true 2>/dev/null; then
	[ "$(awk '{ print $2, $3 }' /proc/self/uid_map)" != '0 4294967295' ] || real_root=yes
	enter=(unshare -n)
elif unshare -rn true 2>/dev/null; then
	enter=(unshare -rn)
else
	skip "no network namespaces"
fi
"${enter[@]}" bash "$tests/cases/netlink.sh" inside
