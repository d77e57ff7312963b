#!/bin/bash
# SPDX-License-Identifier: MIT
# --uid shows a program other ids everywhere, as if it ran as somebody else, and lets it do no more than
# before; --hostname another name; --option is what modules find by mc_option.
# timeout: 120
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

"$CC" -static -O1 -Wno-nonnull -Wno-unused-result -o ids "$tests/linux/ids.c" || fail "cannot build ids.c"

# ---- By the user that the tests run as ----

mkdir seen
"$microcosm" --rw "$PWD/seen:/w" --uid 1234:567 ./ids /w 4321 >guest.out 2>&1 || fail "ids: $(cat guest.out)"
for line in '1234 1234 567 567' 'auxv 1234 1234 567 567 secure 0' '1234 1234 1234 567 567 567' 'group 567' \
	'fstat: 1234 567' 'stat: 1234 567' 'lstat: 1234 567' 'fstatat: 1234 567' 'setuid(geteuid()): 0' \
	'peer: 1 1234 567, 12 bytes' 'sendmsg(pair[0], &message, 0): 1' 'setuid(other): EPERM' 'setgroups(0, NULL): EPERM' 'chown("f", geteuid(), getegid()): 0'; do
	grep -qxF -- "$line" guest.out || fail "no line '$line' in: $(cat guest.out)"
done
[ "$(grep -c '^statx: 1234 567$' guest.out)" = 2 ] || fail "statx: $(cat guest.out)"
"$microcosm" --rw "$PWD/seen:/w" --uid 77 ./ids /w 4321 | grep -qx '77 77 77 77' || fail "a gid by default"
"$microcosm" --rw "$PWD/seen:/w" --uid 0 ./ids /w 4321 >guest.out 2>&1 || fail "ids: $(cat guest.out)"
[ "$("$microcosm" --rw "$PWD/seen:/w" --uid 5:6 --uid 0 ./ids /w 4321)" = "$(cat guest.out)" ] || fail "the last --uid counts"
[ "$("$microcosm" --rw "$PWD/seen:/w" --option uid=0 --option gid=0 ./ids /w 4321)" = "$(cat guest.out)" ] || fail "--option"
# A number that is none is not taken for one.
"$microcosm" --rw "$PWD/seen:/w" --option uid=1x --option gid=99999999999999999999999 ./ids /w 4321 >guest.out
grep -qx "$(id -u) $(id -u) $(id -g) $(id -g)" guest.out || fail "an id that is none: $(head -n 1 guest.out)"

[ "$("$microcosm" --hostname some.where --host-ro uname -n)" = some.where ] || fail "--hostname"
[ "$("$microcosm" --hostname some.where --host-ro uname -sr)" = "$(uname -sr)" ] || fail "--hostname: the rest"
[ "$("$microcosm" --host-ro uname -n)" = "$(uname -n)" ] || fail "no --hostname"
[ "$("$microcosm" --hostname some.where --host-ro cat /proc/sys/kernel/hostname)" = some.where ] || fail "--hostname: /proc"
[ "$("$microcosm" --uid 5:6 --host-ro sed -n '/^[UG]id:/p; /^Groups:/p' /proc/self/status)" = "$(printf 'Uid:\t5\t5\t5\t5\nGid:\t6\t6\t6\t6\nGroups:\t6 ')" ] ||
	fail "--uid: /proc"
name=$(printf 'x%.0s' {1..64})
[ "$("$microcosm" --hostname "$name" --host-ro uname -n)" = "$name" ] || fail "a long name"

for bad in "--hostname=" "--hostname=x$name" --uid= --uid=-1 --uid=4294967295 --uid=1: --uid=:1 --uid=root \
	--uid=1:2:3 --uid=0x1 --option=x --option==x; do
	is 125 "$microcosm" "$bad" ./ids 2>err
	contains err "^microcosm: ${bad%%=*}: " || fail "$bad: $(cat err)"
done
long=$(head -c 3600 /dev/zero | tr '\0' x)
is 125 "$microcosm" --option "a=$long" ./ids 2>err
contains err '--option: more than 3584 bytes' || fail "a long option: $(cat err)"
printf 'hostname here\nuid 3:4\noption a=b=c\n' >policy
"$microcosm" --policy policy --print-policy >printed || fail "--print-policy"
printf 'option hostname=here\noption uid=3\noption gid=4\noption a=b=c\n' | diff - printed >&2 || fail "--print-policy"
"$microcosm" --policy printed --print-policy | diff printed - >&2 || fail "a printed policy is another"

# ---- By somebody who has no rights, compared with somebody else who has none ----

other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
away=$(TMPDIR=/tmp mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$away"' EXIT
chmod 755 "$away"
cp ids "$away"
mkdir -m 777 "$away/w"
if [ "$(id -u)" = 0 ] && "${other[@]}" "$microcosm" --version >version 2>/dev/null &&
	"${other[@]}" unshare -U true 2>/dev/null; then
	setpriv --reuid 1234 --regid 567 --groups 567 "$away/ids" "$away/w" 4321 >native.out 2>&1 ||
		fail "natively: $(cat native.out)"
	"${other[@]}" "$microcosm" --uid 1234:567 --root / --rw "$away/w:$away/w" "$away/ids" "$away/w" 4321 >guest.out 2>&1 ||
		fail "as another user: $(cat guest.out)"
	diff native.out guest.out >&2 || fail "natively <, on Microcosm >"
	asks=("${other[@]}")
elif [ "$(id -u)" != 0 ]; then
	asks=()
else
	exit 0
fi

# Who takes itself for root may pack, unpack and give away; what is written is the user's.
fake=("${asks[@]}" "$microcosm" --uid 0 --host-ro --env TMPDIR=/tmp --ro "$away" --rw "$away/w")
"${fake[@]}" "$away/ids" "$away/w" 4321 >guest.out 2>&1
for line in 'chown("f", other, -1u): 0' 'fchown(fd, -1u, other): 0' 'after: 0 0' 'chown("none", other, other): ENOENT' \
	'fchown(-1, other, other): EBADF' 'setuid(geteuid()): 0'; do
	grep -qxF -- "$line" guest.out || fail "no line '$line' in: $(cat guest.out)"
done
mkdir -p "$away/in/d"
echo text >"$away/in/d/f"
ln -s f "$away/in/d/l"
tar -C "$away/in" --owner 33 --group 44 -cf "$away/t.tar" d
"${fake[@]}" --cwd "$away/w" tar -xpf "$away/t.tar" >out 2>&1 || fail "tar as root: $(cat out)"
[ "$(cat "$away/w/d/l")" = text ] || fail "tar has not unpacked"
"${fake[@]}" --cwd "$away/w" tar --numeric-owner -cf again.tar d || fail "tar cannot pack"
tar --numeric-owner -tvf "$away/w/again.tar" >out
[ "$(awk '{ print $2 }' out | sort -u)" = 0/0 ] || fail "packed: $(cat out)"
"${fake[@]}" --cwd "$away/w" install -o root -g root -m 640 d/f installed || fail "install"
[ "$(stat -c '%u %a' "$away/w/installed")" = "$("${asks[@]}" id -u) 640" ] || fail "whose it is: $(stat "$away/w/installed")"
if command -v dpkg-deb >/dev/null; then
	"${asks[@]}" mkdir -p "$away/w/p/DEBIAN" "$away/w/p/opt" "$away/w/root/var/lib/dpkg/info" \
		"$away/w/root/var/lib/dpkg/updates" "$away/w/root/var/lib/dpkg/triggers"
	printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n' >"$away/w/p/DEBIAN/control"
	echo hi >"$away/w/p/opt/x"
	touch "$away/w/root/var/lib/dpkg/status"
	[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$away/w"
	"${fake[@]}" --cwd "$away/w" dpkg-deb --build p x.deb >out 2>&1 || fail "dpkg-deb: $(cat out)"
	[ "$(dpkg-deb -c "$away/w/x.deb" | awk '{ print $2 }' | sort -u)" = root/root ] || fail "whose files are packed"
	"${fake[@]}" --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env HOME=/none dpkg \
		--root="$away/w/root" --force-script-chrootless --log=/dev/null -i "$away/w/x.deb" >out 2>&1 || fail "dpkg: $(cat out)"
	[ "$(cat "$away/w/root/opt/x")" = hi ] || fail "dpkg has not unpacked: $(cat out)"
fi
# Files of others stay theirs, and what is not allowed is not.
if [ "$(id -u)" = 0 ]; then
	install -m 600 /dev/null "$away/w/private"
	install -m 644 /dev/null "$away/w/public"
	"${fake[@]}" cat "$away/w/private" >out 2>&1 && fail "--uid 0 reads what is another's"
	"${fake[@]}" chown 33 "$away/w/public" >out 2>&1 && fail "--uid 0 gives away what is another's"
	"${fake[@]}" chmod 666 "$away/w/public" >out 2>&1 && fail "--uid 0 opens what is another's"
	[ "$("${fake[@]}" stat -c '%u' "$away/w/public")" = 0 ] || fail "an owner is to be seen as it is"
	chown 4444 "$away/w/public"
	[ "$("${fake[@]}" stat -c '%u' "$away/w/public")" = 4444 ] || fail "an owner is to be seen as it is"
fi
exit 0
