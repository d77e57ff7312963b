#!/bin/bash
# SPDX-License-Identifier: MIT
# /proc shows a world its own processes, as Linux would show them, and nothing of anybody else's; programs
# that live by it run.
# timeout: 240
# shellcheck disable=SC2016 # for shells inside
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

box=$(command -v busybox) || skip "no busybox"
file "$box" 2>/dev/null | grep -q 'dynamically' && skip "busybox is not static"
command -v python3 >python || skip "no python3"

# ---- What a program reads of itself ----

for kind in static dynamic; do
	[ $kind = static ] && flags=(-static) || flags=()
	"$CC" "${flags[@]}" -O1 -Wno-unused-result -pthread -o "reads-$kind" "$tests/linux/proc.c" ||
		fail "cannot build proc.c"
done

compare() { # WHAT PROGRAM COMMAND...
	local what=$1 program=$2
	shift 2
	rm -rf dir
	mkdir -m 777 dir
	MARK=found "$program" "$PWD/dir" >native.out 2>&1 </dev/null || fail "natively: $(cat native.out)"
	rm -rf dir
	mkdir -m 777 dir
	MARK=found "$@" "$program" "$PWD/dir" >guest.out 2>&1 </dev/null ||
		fail "$what: status $?: $(tail -n 5 guest.out)"
	diff native.out guest.out >&2 || fail "$what: natively <, on Microcosm >"
}

compare "static" ./reads-static "$microcosm" --rw "$PWD" --proc --dev
compare "dynamic" ./reads-dynamic "$microcosm" --host-ro --rw "$PWD"

other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if [ "$(id -u)" = 0 ] && "${other[@]}" "$microcosm" --version >version 2>/dev/null &&
	"${other[@]}" unshare -U true 2>/dev/null; then
	away=$(TMPDIR=/tmp mktemp -d) || fail "no temporary directory"
	trap 'rm -rf "$away"' EXIT
	chmod 755 "$away"
	cp reads-static "$away"
	here=$PWD
	cd "$away" || fail "cannot enter $away"
	chmod 777 .
	compare "as another user" ./reads-static "${other[@]}" "$microcosm" --rw "$away" --proc --dev
	cd "$here" || fail "cannot return to $here"
fi

# ---- Programs that live by it ----

inside() { # what a world with /proc says to busybox
	"$microcosm" --proc --dev --tmpfs /t -- "$box" "$@" 2>&1
}

[ "$(inside readlink /proc/self/exe)" = "/proc/.program/${box##*/}" ] || fail "exe of a program outside of the tree"
[ "$("$microcosm" --proc --ro "$box:/x/busybox" /x/busybox readlink /proc/self/exe)" = /x/busybox ] || fail "exe of a program in the tree"
[ "$(inside sh -c 'ps -o comm | sort' | tr '\n' ' ')" = "COMMAND busybox ps sort " ] ||
	fail "ps: $(inside sh -c 'ps -o comm | sort')"
inside sh -c 'echo "$$ $(pidof busybox)"' | grep -q '^\([0-9]*\) \(.* \)*\1\( \|$\)' || fail "pidof"
inside df | grep -q '% /t$' || fail "df: $(inside df)"
inside free | grep -q '^Mem: *[1-9]' || fail "free: $(inside free)"
inside uptime | grep -q 'load average: [0-9]' || fail "uptime"
[ "$(inside sh -c 'echo text | cat /dev/stdin')" = text ] || fail "/dev/stdin"
[ "$(inside sh -c 'echo text | cat /dev/../dev/stdin')" = text ] || fail "/dev/stdin by another name"
[ "$(inside sh -c 'echo text >/dev/fd/../fd/1')" = text ] || fail "/dev/fd/1"
[ "$("$microcosm" --host-ro bash -c 'cat <(echo piped)')" = piped ] || fail "process substitution"

"$microcosm" --host-ro python3 -c '
import os
assert os.path.samefile(os.readlink("/proc/self/exe"), os.path.realpath(os.sys.executable))
assert os.listdir("/proc/self/task") == [str(os.getpid())]
stat = open("/proc/self/stat").read().rsplit(")", 1)[1].split()
assert len(stat) == 50 and stat[0] == "R", stat
maps = open("/proc/self/maps").read()
assert "[stack]" in maps and "/libc" in maps and "[microcosm]" in maps
assert [p for p in os.listdir("/proc") if p.isdigit()] == [str(os.getpid())]
' || fail "python"

cat >free.c <<'END'
#include <stdlib.h>
int main(void) { char *volatile p = malloc(8); free(p); return p[1]; }
END
if "$CC" -w -fsanitize=address -o free free.c 2>cc.err && ! ./free 2>native.out && grep -q use-after-free native.out; then
	"$microcosm" --host-ro --ro "$PWD" ./free 2>guest.out && fail "no address sanitizer's error"
	grep -q 'use-after-free' guest.out || fail "address sanitizer: $(cat guest.out)"
fi

# ---- Nobody else ----

# A process outside: this shell. Its name, and the supervisor's, the host process's and the boot process's.
printf 'set -- %s %s\n' $$ "$microcosm" >inside.sh
cat >>inside.sh <<'END'
for name in "1" "1/cmdline" "self/../1/cmdline" "$1" "$1/cmdline" "$1/fd" "self/root/../proc/$1/comm" \
	"self/task/$1" "self/mem" "self/ns" "self/pagemap" "self/auxv" "kcore" "sysrq-trigger" "config.gz" "keys"; do
	[ -e "/proc/$name" ] && echo "/proc/$name"
	cat "/proc/$name" 2>/dev/null
done
ln -s "/proc/$1/cmdline" /t/other
ln -s /proc/self/root/../../../etc /t/etc
cat /t/other /t/etc/passwd 2>/dev/null
cat /proc/[0-9]*/cmdline >/t/lines
tr '\0' '\n' </t/lines | grep -x -e "$2" -e microcosm-host -e microcosm-boot
for pid in $(ls /proc | grep '^[0-9]'); do
	grep -e '^TracerPid:	[1-9]' "/proc/$pid/status" 2>/dev/null
done
grep -x "PPid:	$PPID" /proc/$$/status
cat /proc/self/mounts /proc/self/mountinfo /proc/self/cgroup | grep -v -e microcosm -e '^0::/$'
ls -a /proc/self/root/ | grep -v -x -e . -e .. -e dev -e proc -e t -e inside.sh
END
"$microcosm" --proc --dev --tmpfs /t --ro "$PWD/inside.sh:/inside.sh" -- "$box" sh /inside.sh \
	>shown 2>&1
[ -s shown ] && fail "shown: $(cat shown)"

# Every number that there could be, while others come and go.
"$microcosm" --proc -- "$box" sh -c 'i=1; while [ $i -le 33000 ]; do [ -e /proc/$i ] && echo $i; i=$((i + 1)); done' >numbers
[ "$(wc -l <numbers)" -le 1 ] || fail "numbers: $(tr '\n' ' ' <numbers)"

# Another process of the world is seen, its memory and descriptors are not.
inside sh -c 'sleep 100 & for f in maps environ fdinfo/0 fd/0; do cat /proc/$!/$f; done
	readlink /proc/$!/fd/0; kill $!' >refused
[ "$(grep -c 'Permission denied' refused)" = 4 ] || fail "another's memory: $(cat refused)"
grep -q '^/dev/null$' refused || fail "another's descriptor: $(cat refused)"

# Nothing can be changed.
for change in 'echo x >/proc/self/comm' 'echo x >/proc/new' 'echo x >>/proc/uptime' 'mkdir /proc/x' 'rm /proc/uptime' \
	'mv /proc/uptime /t' 'mv /t /proc/t' 'chmod 777 /proc/self/stat' 'ln -s x /proc/self/x' 'rm /proc/self' \
	'touch /proc/self/stat' 'ln /proc/uptime /t/uptime' 'truncate -s 0 /proc/uptime' 'mknod /proc/p p'; do
	inside sh -c "$change" >refused && fail "$change: is done"
	grep -q -e 'Read-only' -e 'denied' -e 'Invalid cross-device' refused || fail "$change: $(cat refused)"
done

# Only where it was asked for, and not where something else was put later.
[ "$("$microcosm" --tmpfs /t "$box" ls / 2>&1)" = t ] || fail "/proc unasked"
[ -z "$("$microcosm" --proc --hide /proc "$box" ls /proc 2>&1)" ] || fail "--hide after --proc"
"$microcosm" --host-ro --hide /proc true || fail "--hide /proc"
exit 0
