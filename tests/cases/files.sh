#!/bin/bash
# SPDX-License-Identifier: MIT
# Calls that take names do on Microcosm what they do natively, in files that were opened to the world, as
# root and as somebody else; and the options that open them mean what microcosm(1) says.
# timeout: 120
# shellcheck disable=SC2016 # for shells inside
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

"$CC" -static -O1 -Wno-nonnull -Wno-unused-result -o names "$tests/linux/names.c" || fail "cannot build names.c"
"$CC" -O1 -Wno-nonnull -Wno-unused-result -o names-dynamic "$tests/linux/names.c" || fail "cannot build names.c"

compare() { # WHAT COMMAND...
	local what=$1
	shift
	rm -rf native guest
	mkdir native guest
	./names "$PWD/native" >native.out 2>&1 </dev/null || fail "natively: $(cat native.out)"
	"$@" >guest.out 2>&1 </dev/null || fail "$what: status $?: $(tail -n 5 guest.out)"
	diff native.out guest.out >&2 || fail "$what: natively <, on Microcosm >"
}

compare "static" "$microcosm" --rw "$PWD/guest:/work" ./names /work
compare "dynamic" "$microcosm" --host-ro --rw "$PWD" ./names-dynamic "$PWD/guest"
compare "with a tmpfs" "$microcosm" --tmpfs /t ./names /t
[ -z "$(ls guest)" ] || fail "a tmpfs left files behind"

# As somebody else, in a user namespace, where that can be: owners are then to be seen as they are.
other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if [ "$(id -u)" = 0 ] && "${other[@]}" "$microcosm" --version >version 2>/dev/null &&
	"${other[@]}" unshare -U true 2>/dev/null; then
	away=$(TMPDIR=/tmp mktemp -d) || fail "no temporary directory"
	trap 'rm -rf "$away"' EXIT
	chmod 755 "$away"
	cp names "$away"
	mkdir -m 777 "$away/native" "$away/guest"
	"${other[@]}" "$away/names" "$away/native" >native.out 2>&1 </dev/null || fail "natively: $(cat native.out)"
	"${other[@]}" "$microcosm" --rw "$away/guest:/work" "$away/names" /work >guest.out 2>&1 </dev/null ||
		fail "as another user: status $?: $(tail -n 5 guest.out)"
	diff native.out guest.out >&2 || fail "as another user: natively <, on Microcosm >"
	stat -c '%U %G %a' /etc /etc/passwd >native.out
	"${other[@]}" "$microcosm" --host-ro "$(command -v stat)" -c '%U %G %a' /etc /etc/passwd >guest.out 2>&1
	diff native.out guest.out >&2 || fail "owners: natively <, on Microcosm >"
fi

# ---- The options ----

box=$(command -v busybox) || skip "no busybox"
file "$box" 2>/dev/null | grep -q 'dynamically' && skip "busybox is not static"
inside() { # what a world with these options says to a script
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	"$microcosm" "${options[@]}" -- "$box" "$@" 2>&1
}

mkdir -p one/sub two
echo first >one/file
echo second >two/file
[ "$(inside --ro "$PWD/one:/x" -- cat /x/file)" = first ] || fail "--ro"
inside --ro "$PWD/one:/x" -- touch /x/new | grep -q 'Read-only' || fail "--ro can be written"
inside --ro "$PWD/one:/x" -- rm /x/file | grep -q 'Read-only' || fail "--ro can be emptied"
inside --ro "$PWD/one:/x" -- chmod 777 /x/file | grep -q 'Read-only' || fail "--ro can be changed"
inside --rw "$PWD/one:/x" -- touch /x/new
[ -e one/new ] || fail "--rw cannot be written"
[ "$(inside --ro "$PWD/one" -- cat "$PWD/one/file")" = first ] || fail "--ro at its own path"
[ "$(inside --ro "$PWD/one:/x" --ro "$PWD/two:/x/sub" -- cat /x/sub/file)" = second ] || fail "one over the other"
[ "$(inside --ro "$PWD/one:/x" --tmpfs /x/sub -- ls /x/sub)" = "" ] || fail "--tmpfs over --ro"
[ "$(inside --root "$PWD/one" -- ls /)" = "$(printf 'file\nnew\nsub')" ] || fail "--root"
[ "$(inside --ro "$PWD/one:/x" --cwd /x -- pwd)" = /x ] || fail "--cwd"
[ "$(inside --ro "$PWD/one/file:/etc/only" -- ls -a /etc)" = "$(printf '.\n..\nonly')" ] || fail "a file"
[ "$(inside --dev -- ls /dev)" = "$(printf 'fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero')" ] ||
	fail "--dev: $(inside --dev -- ls /dev)"
inside --dev -- sh -c 'echo x >/dev/null && echo y >/dev/full' | grep -q 'No space left' || fail "devices"
[ "$(inside --dev -- head -c 3 /dev/zero | wc -c)" = 3 ] || fail "/dev/zero"
[ "$(inside -- ls / 2>&1 | head -n 1)" = "ls: /: No such file or directory" ] || fail "a world without files"
is 125 "$microcosm" --ro "$PWD/none" "$box" true 2>err
contains err "none: No such file" || fail "a missing directory: $(cat err)"
is 125 "$microcosm" --ro "$PWD/one:/x" --ro "$PWD/two:/x/none" "$box" true 2>err
contains err 'has no place in the tree' || fail "no mountpoint: $(cat err)"
is 125 "$microcosm" --ro "$PWD/one:/x/../y" "$box" true 2>err
is 127 "$microcosm" --ro "$PWD/one:/x" no-such-program 2>err

[ "$(inside --ro "$PWD/one:/x" --hide /x/sub -- ls -a /x/sub)" = "$(printf '.\n..')" ] || fail "--hide"
inside --tmpfs /t --hide /t/h -- touch /t/h/x | grep -q 'Read-only' || fail "--hide can be written"

# A policy is these options, in their place.
printf '# comment\n\n  ro %s:/x \ntmpfs /x/sub\ncwd /x\nenv V=a  b\n' "$PWD/one" >policy
[ "$(inside --policy "$PWD/policy" -- pwd)" = /x ] || fail "--policy"
[ "$(inside --policy "$PWD/policy" -- sh -c 'echo "$V"')" = "a  b" ] || fail "--policy: env"
[ "$(inside --policy policy --ro "$PWD/two:/x/sub" -- cat /x/sub/file)" = second ] || fail "--policy, and more"
"$microcosm" --policy policy --dev --proc --hide /y --wait --print-policy >printed || fail "--print-policy"
printf 'ro %s:/x\ntmpfs /x/sub\ndev\nproc\nhide /y\ncwd /x\nenv V=a  b\nwait\n' "$PWD/one" | diff - printed >&2 ||
	fail "--print-policy"
"$microcosm" --policy printed --print-policy | diff printed - >&2 || fail "a printed policy is another"
for bad in 'bogus' 'ro' 'dev x' 'policy /x' 'surface' 'trace' 'tmpfs x'; do
	printf 'cwd /x\n%s\n' "$bad" >policy
	is 125 "$microcosm" --policy policy "$box" true 2>err
	contains err '^microcosm: policy:2: ' || fail "policy with $bad: $(cat err)"
done
is 125 "$microcosm" --policy none "$box" true 2>err
contains err 'none: No such file' || fail "no policy: $(cat err)"

# Whatever a name has in it, a policy can say it, and a name cannot say more.
odd=$'two  \nro x\ttab "q" \\ \x01 # end '
mkdir "$odd"
echo odd >"$odd/file"
"$microcosm" --ro "$PWD/$odd:/x" --env "E=$odd" --env $'F=1\nrw /' --symlink $'/x/file\n:/l' --print-policy >printed || fail "--print-policy"
[ "$(wc -l <printed)" = 4 ] || fail "a printed policy of odd names: $(cat printed)"
"$microcosm" --policy printed --print-policy | diff printed - >&2 || fail "a printed policy is another"
[ "$(inside --policy printed -- cat /x/file)" = odd ] || fail "a policy with an odd name: $(cat printed)"
[ "$(inside --policy printed -- sh -c 'printf "%s." "$E"')" = "$odd." ] || fail "a policy with an odd variable"
for bad in 'ro "x' 'ro "x" y' 'ro "\q"' 'ro "\x00"' 'ro "\x1"' 'ro ""' 'ro "'; do
	printf 'cwd /x\n%s\n' "$bad" >policy
	is 125 "$microcosm" --policy policy "$box" true 2>err
	contains err '^microcosm: policy:2: ' || fail "policy with $bad: $(cat err)"
done
[ "$(inside --ro "$PWD/one:/x" --symlink x/file:/l --symlink /l:/d/e/m -- cat /d/e/m)" = first ] || fail "--symlink"
[ "$(inside --symlink none:/l -- readlink /l)" = none ] || fail "--symlink to nothing"
is 125 "$microcosm" --ro "$PWD/one:/x" --symlink y:/x "$box" true 2>err
contains err 'the link /x cannot be made' || fail "a link in the way: $(cat err)"
is 125 "$microcosm" --symlink y "$box" true 2>err

# PROGRAM is looked up in the tree first.
cp "$box" one/busybox
[ "$("$microcosm" --ro "$PWD/one:/x" /x/busybox echo found)" = found ] || fail "a program of the tree's"

cp one/busybox one/only-there
[ "$(PATH=/x:$PATH "$microcosm" --ro "$PWD/one:/x" only-there 2>&1 | head -n 1)" = "only-there: applet not found" ] ||
	fail "along PATH"
exit 0
