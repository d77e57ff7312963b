#!/bin/bash
# SPDX-License-Identifier: MIT
# Without namespaces, as in a container whose runtime has its usual profile, the files are the same; as root
# and as a user whom this makes, for whom there may be user namespaces or not. Also where the profile refuses every
# number that it does not name.
# timeout: 900
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

for mode in '' --names; do
	under=("$place/confined" ${mode:+"$mode"})
	for name in files escapes; do
		[ "$(id -u)" != 0 ] || case_of $name "${under[@]}"
		case_of $name "${as_user[@]}" "${under[@]}"
		until_true 10 no_leftovers
	done
	case_of execs "${as_user[@]}" "${under[@]}"
	case_of sysv "${as_user[@]}" "${under[@]}"
	case_of programs "${as_user[@]}" "${under[@]}"
	until_true 10 no_leftovers
done
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
# Root whose capabilities are all gone could make a user namespace, and would have no name there.
if [ "$(id -u)" = 0 ]; then
	tree setpriv --bounding-set=-all --inh-caps=-all "$microcosm" >powerless.out
	diff confined.out powerless.out >&2 || fail "without namespaces <, root without capabilities >"
fi
contains confined.out '^stat' || fail "it ended early: $(tail -n 3 confined.out)"

# ---- What Microcosm asks of itself passes where only what is named does ----

cat >own.c <<'EOF'
#include <microcosm.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t alarms;
static long twice(long a, long b, long c, long d, long e, long f) { return 2 * (a + b + c + d + e + f); }
static long thread(void *arg) { return (long)arg + 1; }
static void on_alarm(int signo) { (void)signo; alarms++; }
static long late(void *arg) { while (alarms < 5) usleep(1000); return (long)arg; }

int main(void)
{
	long value = 0, result;
	signal(SIGALRM, on_alarm);
	mc_register(8192, twice);
	printf("twice %ld\n", mc_call(8192, 1, 2, 3, 4, 5, 6));
	printf("self %d, get %d\n", (long)mc_thread_self() == mc_call(-9, 0, 0, 0, 0, 0, 0), mc_get(8192) == twice);
	result = mc_thread_join(mc_thread_spawn(thread, (void *)41, 0, 0), &value);
	printf("join %ld %ld\n", result, value);
	/* Signals break off the wait, which begins again. */
	long id = mc_thread_spawn(late, (void *)6, 0, 0);
	ualarm(20000, 20000);
	result = mc_thread_join(id, &value);
	ualarm(0, 0);
	printf("join %ld %ld\n", result, value);
	printf("priority %ld %ld\n", mc_syscall(146, 1, 0, 0, 0, 0, 0), mc_syscall(146, 1, 0, 0, 0, -9, -1));
	printf("instruction %ld %d\n", mc_syscall(8192, 1, 2, 3, 4, 5, 6), mc_syscall(-2, 8192, 0, 0, 0, 0, 0) == (long)twice);
	fflush(stdout);
	return (int)mc_thread_kill(MC_WORLD, 7);
}
EOF
build own --libc own.c
expected=$(printf '%s\n' 'twice 42' 'self 1, get 1' 'join 0 42' 'join 0 6' 'priority 99 99' 'instruction -1 0')
for how in '' --trace=all; do
	is 7 "$place/confined" --names "$microcosm" ${how:+"$how" -o "$PWD/own.trace"} ./own >own.out
	[ "$(cat own.out)" = "$expected" ] || fail "--names $how: $(cat own.out)"
done
for line in 'mc_register\(8192, twice@own\) = NULL' 'call_8192@guest\(1, 2, 3, 4, 5, 6\) = 42' 'mc_thread_self\(\) = 0x' \
	'mc_thread_spawn\(thread_enter@own, ' 'mc_thread_join\(.*\) = 0' 'sched_get_priority_max\(1\) = 99' 'mc_thread_kill\(MC_WORLD, 7\)'; do
	contains own.trace "$line" || fail "the trace lacks $line: $(grep -v module own.trace)"
done
is 7 "$microcosm" ./own >own.out
[ "$(cat own.out)" = "${expected/instruction -1 0/instruction 42 1}" ] || fail "without a filter: $(cat own.out)"

under_each() { # TEXT MICROCOSM-ARG...: is what is printed, for root and for the user, by both kinds of profile
	local text=$1 mode
	shift
	for mode in --names --numbers; do
		[ "$("$place/confined" $mode "$microcosm" "$@" 2>&1 </dev/null)" = "$text" ] || fail "$mode $*"
		[ "$("${as_user[@]}" "$place/confined" $mode "$microcosm" "$@" 2>&1 </dev/null)" = "$text" ] ||
			fail "as a user: $mode $*"
	done
}
under_each "$(printf '1\n2\nstatus 3')" --dev --tmpfs /t --ro "$box:/bin/busybox" "$box" sh -c \
	'b=/bin/busybox; $b seq 2 >/t/n; $b cat /t/n; (exit 3) & wait $!; $b echo "status $?"'
under_each "$(printf 'x\n64')" --host-ro bash -c 'cat <<<x; /usr/bin/env printf "%d\n" 0x40'
# One that every user may execute.
[ ! -x /usr/bin/python3 ] || under_each "[0, 1, 4]" --host-ro /usr/bin/python3 -c '
import subprocess, threading
got = []
threads = [threading.Thread(target=lambda i=i: got.append(i * i)) for i in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
subprocess.run(["true"], check=True)
print(sorted(got))'
printf 'int main(void) { *(volatile int *)8 = 1; }\n' >fault.c
"$CC" -w -static -o fault fault.c || fail "cannot build fault.c"
is 139 "$place/confined" --names "$microcosm" ./fault 2>err
contains err 'SIGSEGV' || fail "a fault: $(cat err)"
contains err 'address 0x8$' || fail "a fault's address: $(cat err)"

# What is not to be had says so.
is 125 "$place/confined" --carrier "$microcosm" "$box" true 2>err
contains err 'refuses sched_get_priority_max, the number that Microcosm.s own' || fail "carrier: $(cat err)"
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
