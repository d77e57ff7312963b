#!/bin/bash
# SPDX-License-Identifier: MIT
# Without namespaces, as in a container whose runtime has its usual profile, the files are the same; as root
# and as a user whom this makes, for whom there may be user namespaces or not.
# timeout: 600
# shellcheck disable=SC2016,SC2317 # for shells inside; functions that are called by name
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

# The user can reach none of what this was built from: a copy of it.
place=$(TMPDIR=/tmp mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
cp -r "${microcosm%/bin/microcosm}/bin" "${microcosm%/bin/microcosm}/lib" "$place" || fail "cannot copy"
mkdir -p "$place/tests" "$place/tmp"
cp -r "$tests/cases" "$tests/linux" "$place/tests" || fail "cannot copy"
"$CC" -D_GNU_SOURCE -O1 -Wall -Wextra -o "$place/confined" "$tests/confined.c" || fail "cannot build confined.c"
microcosm=$place/bin/microcosm tests=$place/tests

as_user=()
if [ "$(id -u)" = 0 ]; then
	uid=64321
	while getent passwd "$uid" >/dev/null; do uid=$((uid + 1)); done
	as_user=(setpriv --reuid "$uid" --regid "$uid" --clear-groups)
	chown "$uid" "$place/tmp"
fi
as_user+=(env HOME=/nonexistent)

# A process of its own with no capabilities left is what a filter is installed in.
"${as_user[@]}" "$place/confined" true || fail "cannot run under a filter"
! "${as_user[@]}" "$place/confined" unshare -Ur true 2>/dev/null || fail "the filter lets namespaces be made"
"${as_user[@]}" "$microcosm" --version >/dev/null || fail "the user cannot run microcosm"

# case_of NAME COMMAND...: a case, run by the command, in a directory of its user's.
case_of() {
	local name=$1 out=$PWD/out
	shift
	"$@" sh -c 'rm -rf "$1" && mkdir "$1"' sh "$place/tmp/w" || fail "no directory"
	(
		cd "$place/tmp/w" || exit 1
		export tests microcosm TMPDIR=$place/tmp
		work=$PWD exec "$@" bash "$tests/cases/$name.sh" </dev/null
	) >"$out" 2>&1
	case $? in
	0) ;;
	77) skip "$name: $(tail -n 1 "$out")" ;;
	*) fail "$name, by $*: $(cat "$out")" ;;
	esac
	"$@" rm -rf "$place/tmp/w"
}
no_leftovers() {
	! compgen -G "$place/tmp/microcosm-*" >/dev/null
}

for name in files escapes; do
	[ "$(id -u)" != 0 ] || case_of $name "$place/confined"
	case_of $name "${as_user[@]}" "$place/confined"
	until_true 10 no_leftovers
done
case_of execs "${as_user[@]}" "$place/confined"
case_of programs "${as_user[@]}" "$place/confined"
until_true 10 no_leftovers
! "${as_user[@]}" unshare -Ur true 2>/dev/null || case_of escapes "${as_user[@]}"

# ---- Names in a tree of parts, with and without mounts ----

box=$(command -v busybox) || skip "no busybox"
file "$box" 2>/dev/null | grep -q 'dynamically' && skip "busybox is not static"
tree() { # COMMAND...: what tree.sh says, run by the command
	rm -rf one two b
	mkdir -p one/sub two/hidden two/deep/h two/t b/in
	for name in one/file one/file2 one/other two/one two/hidden/secret two/deep/h/secret b/file; do
		echo "$name" >$name
	done
	ln -s /b one/abs
	ln -s ../../b one/up
	ln -s /b two/abs
	ln -s ../../../b two/up
	chmod 700 one two b
	"$@" --ro "$PWD/one:/a" --rw "$PWD/two:/a/sub" --hide /a/sub/hidden --hide /a/sub/deep/h --tmpfs /a/sub/t \
		--ro "$PWD/one/other:/a/file2" --rw "$PWD/b:/b" --ro "$PWD/b:/twice" --dev --ro "$box:/bin/busybox" --ro "$tests/linux/tree.sh:/tree.sh" \
		"$box" sh /tree.sh 2>&1 </dev/null
}
tree "$place/confined" "$microcosm" >confined.out
contains confined.out '^cat /b/absolute /b/relative /b/far: one/file one/file one/file 0$' || fail "$(cat confined.out)"
contains confined.out '^cat /b/in/new: yes 0$' || fail "a directory that has two places: $(cat confined.out)"
! contains confined.out secret$ || fail "what is hidden is shown: $(cat confined.out)"
if tree "$microcosm" --trace=none >mounted.out; then
	diff mounted.out confined.out >&2 || fail "mounted <, without namespaces >"
fi
contains confined.out '^stat' || fail "it ended early: $(tail -n 3 confined.out)"

# What is not to be had says so.
is 125 "$place/confined" --numbers "$microcosm" "$box" true 2>err
contains err 'refuses every call number it does not know refuses Microcosm.s own' || fail "numbers: $(cat err)"
is 125 "$place/confined" --ptrace "$microcosm" "$box" true 2>err
contains err 'cannot trace a process: .*forbids ptrace' || fail "ptrace: $(cat err)"
is 125 "$place/confined" "$microcosm" --proc "$box" true 2>err
contains err 'there is no /proc without mount namespaces' || fail "--proc: $(cat err)"
[ "$("$place/confined" "$microcosm" --host-ro "$box" ls -a /proc)" = "$(printf '.\n..')" ] || fail "--host-ro: /proc"

# ---- What stands for a tmpfs goes away, however deep, and however the supervisor ends ----

mkdir -p tmp
inside=(env "TMPDIR=$PWD/tmp" "$place/confined" "$microcosm")
gone_all() {
	[ -z "$(ls tmp)" ]
}
"${inside[@]}" --tmpfs /t "$box" sh -c 'cd /t; mkdir a a/b; chmod 0 a/b a; i=0
	while [ $i -lt 500 ]; do mkdir d && cd d && >f && ln -s /etc l || exit 1; i=$((i + 1)); done' || fail "a deep tree"
until_true 60 gone_all
"${inside[@]}" --tmpfs /t --ro "$box:/bin/busybox" "$box" sh -c 'echo x >/t/f; echo ready; exec /bin/busybox sleep 1000' \
	>ready &
until_true 20 contains ready ready
[ -n "$(ls tmp)" ] || fail "TMPDIR is not used"
kill -KILL $!
until_true 20 gone_all
[ -e /etc ] || fail "links were followed"
exit 0
