#!/bin/bash
# SPDX-License-Identifier: MIT
# What the kernel itself says that guests called: none of it outside the grants. Records the kernel's tracepoints
# while hostile and everyday programs run, and holds each call with its arguments against --surface.
# Wants root and tracefs.
# timeout: 600
# shellcheck disable=SC2016 # for shells inside
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
export TMPDIR=/tmp # a world has one of its own
: "${microcosm:?}"

readonly region=567000000000   # with --no-aslr
readonly buffer_kb=32768       # for each CPU: a recording must not overrun it
instance=''

# ---- An instance of the kernel's tracing that is ours alone ----

remove_instance() { # DIR
	echo 0 >"$1/tracing_on"
	rmdir "$1"
}

# Also what a run that was killed has left.
remove_instances() {
	local left
	for left in "$tracing"/instances/microcosm-calls.*; do
		[ -d "$left" ] || continue
		if [ "$left" = "$instance" ] || gone "${left##*.}"; then remove_instance "$left"; fi
	done
}

finish() {
	remove_instances
	[ ! -d "$PWD/tracing" ] || umount "$PWD/tracing"
}

find_tracing() {
	[ "$(id -u)" = 0 ] || skip "recording the kernel's tracepoints wants root"
	[ "$(readlink /proc/self/ns/pid)" = 'pid:[4026531836]' ] || # PROC_PID_INIT_INO
		skip "in a PID namespace the kernel's tracepoints have other process numbers"
	tracing=/sys/kernel/tracing
	if [ ! -d $tracing/instances ]; then
		tracing=$PWD/tracing
		mkdir "$tracing"
		mount -t tracefs tracefs "$tracing" 2>err || {
			rmdir "$tracing"
			skip "no tracefs here: $(cat err)"
		}
	fi
	trap finish EXIT
	remove_instances
	mkdir "$tracing/instances/microcosm-calls.$$" 2>err || skip "no tracing instance can be made: $(cat err)"
	instance=$tracing/instances/microcosm-calls.$$
	[ -d "$instance/events/raw_syscalls/sys_enter" ] || skip "this kernel has no tracepoint raw_syscalls:sys_enter"
}

prepare_instance() {
	local event
	if ! { echo 0 >"$instance/tracing_on" && echo mono >"$instance/trace_clock" &&
		echo $buffer_kb >"$instance/buffer_size_kb" && echo 1 >"$instance/options/event-fork"; }; then
		fail "cannot set up $instance"
	fi
	for event in raw_syscalls/sys_enter task/task_newtask sched/sched_process_exec; do
		echo 1 >"$instance/events/$event/enable" || fail "no event $event"
	done
}

# Nothing may be missing from a recording.
check_complete() {
	cat "$instance"/per_cpu/cpu*/stats >stats
	awk -F': ' '/overrun|dropped/ && $2 != 0 { bad = 1 } END { exit bad }' stats ||
		fail "$1: events were lost: $(grep -E 'overrun|dropped' stats | sort | uniq -c)"
}

# ---- Recordings ----

calls=0

# Runs a program and checks all that was called; its status is in `status`. The tracer's own calls, which are
# many, are left out: its process makes no others.
record() { # WHAT LEAST OPTION... -- PROGRAM...
	local what=$1 least=$2 options=() n
	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	: >"$instance/trace"
	bash -c 'instance=$1
		shift
		echo $$ >"$instance/set_event_pid" &&
			echo "common_pid != $$" >"$instance/events/raw_syscalls/sys_enter/filter" &&
			echo 1 >"$instance/tracing_on" || exit 99
		exec "$@"' record "$instance" "$microcosm" --no-aslr "${options[@]}" "$@" <"${input:-/dev/null}" 2>&1 >"${output:-/dev/null}" | cat >err # no file: a guest may enlarge what it has
	status=${PIPESTATUS[0]}
	echo 0 >"$instance/tracing_on"
	: >"$instance/set_event_pid"
	[ "$status" != 99 ] || fail "$what: cannot record"
	check_complete "$what"
	cat "$instance/trace" >recording
	"$microcosm" "${options[@]}" --surface >surface || fail "$what: no surface"
	./checker surface $region <recording >found || fail "$what: $(head -n 40 found)"
	n=$(sed 's/ calls of.*//' found)
	[ "$n" -ge "$least" ] || fail "$what: only $(cat found), status $status: $(cat err)"
	calls=$((calls + n))
}

# Recorded as before, and good.
record_good() { # WHAT LEAST OPTION... -- PROGRAM...
	record "$@"
	[ "$status" = 0 ] || fail "$1: status $status: $(cat err)"
}

# Against another surface the last recording has holes: the check sees.
has_holes() { # WHAT SED-SCRIPT
	sed -E "$2" surface >narrower
	! cmp -s surface narrower || fail "there is no such line in the surface: $2"
	! ./checker narrower $region <recording >found || fail "$1: not found: $(cat found)"
	contains found '^HOLE' || fail "$1: $(cat found)"
}

find_tracing
prepare_instance
top=$tests/..
"$CC" -O2 -Wall -Wextra -I"$top/guest-rt/include" -I"$top/guest-rt" -o checker "$tests/cases/kernel_calls.c" ||
	fail "cannot build the checker"

# ---- Every number, with hostile arguments ----

build sweep "$tests/linux/sweep.c"
mkdir tree
for options in "" "--tmpfs /tmp --dev" "--host-ro --proc --net=host --rw $PWD/tree"; do
	read -r -a words <<<"$options"
	record "sweep $options" 10000 "${words[@]}" -- ./sweep
	[ "$status" = 42 ] || fail "sweep $options: status $status: $(tail -n 3 err)"
done
has_holes "a call that is not granted" '/^grant 39 getpid$/d'
has_holes "a call by other rules" 's/^(grant 72 fcntl arg1&0xf*c==)0$/\10x40/'
record "sweep alone" 15 --no-modules -- ./sweep alone
[ "$status" = 42 ] || fail "sweep alone: status $status: $(tail -n 3 err)"

# ---- What other tests try ----

"$CC" -static -O1 -pthread -Wno-unused-result -Wno-nonnull -o escapes "$tests/linux/escapes.c" ||
	fail "cannot build escapes.c"
mkdir ro rw outside
echo "not yours" >ro/file
echo secret >outside/secret
input=outside output=out record_good "escapes" 1000 --ro "$PWD/ro:/ro" --rw "$PWD/rw:/rw" --tmpfs /tmp --dev \
	--env REGION=$region -- ./escapes "$PWD/outside/secret"
contains out '^done$' || fail "escapes: $(cat out)"
"$CC" -static -O1 -pthread -o execs "$tests/linux/execs.c" || fail "cannot build execs.c"
record_good "execs" 200 --rw "$PWD" -- ./execs "$PWD/execs"
for name in fexecs names net watches; do
	"$CC" -static -O1 -pthread -Wno-nonnull -Wno-unused-result -o $name "$tests/linux/$name.c" || fail "cannot build $name.c"
done
record_good "fexecs" 200 --rw "$PWD" -- ./fexecs "$PWD/fexecs"
record_good "names" 100 --tmpfs /work -- ./names /work
record_good "watches" 100 --root / --rw "$PWD/tree" -- ./watches "$PWD/tree" "$PWD/none"
contains recording 'NR 254 ' || fail "watches: no inotify_add_watch was seen"
record_good "net" 500 "--net=127.0.0.1:*" "--net=[::1]:*" -- ./net
contains recording 'NR 42 ' || fail "net: no connect was seen"
for name in mode32 int80_sharer exit_races_clone kill_inside slots; do
	build hostile "$tests/hostile/$name.c"
	record "$name" 1 -- ./hostile
done

# ---- The tracer's own calls in guests: threads, and a filter where a grant is interposed on ----

module_set "$PWD/set.so" hooks
build interpose "$tests/guest/interpose.c"
record_good "interpose" 1000 --modules "$PWD/set.so" -- ./interpose
build spawn "$tests/guest/spawn.c"
record_good "spawn" 20 -- ./spawn

# ---- Every day ----

cat >day.sh <<'EOT'
for i in 3 1 2; do echo $i; done | sort | tr '\n' ' '
(sleep 0.1; exit 4) & wait $!; echo status $?
trap 'echo trapped' USR1; kill -USR1 $$
sleep 100 & kill $!; wait $!
(ulimit -n 50; ulimit -n); umask 027; echo x >g
mkdir d && touch d/a d/b && ls -l d && rm -r d g
ls -l /proc/self/fd >/dev/null; cat /proc/self/status /proc/$$/cmdline </dev/stdin | wc -l; cat /proc/self/fd/0 </proc/uptime
find /etc -maxdepth 1 -name '*.conf' 2>/dev/null | xargs cat | sort | uniq -c | sort -rn | head -n 3
printf 'int main(void) { return 0; }\n' >m.c && ${CC:-cc} -O1 -o m m.c && ./m && rm m m.c
EOT
record_good "a shell's day" 500 --host-ro --proc --rw "$PWD/tree" --cwd "$PWD/tree" --ro "$PWD/day.sh" --env CC="$CC" -- sh "$PWD/day.sh"
bash=$(command -v bash) || fail "no bash"
record_good "bash" 200 --host-ro --rw "$PWD/tree" --cwd "$PWD/tree" -- "$bash" -c \
	'set -m; sleep 100 & kill %1; wait; cat <(echo one) <(echo two); echo $((RANDOM)) >f; read -r x <f; kill -0 $$; kill -CONT 0'
if command -v python3 >/dev/null; then
	record_good "python3" 500 --host-ro --rw "$PWD/tree" --cwd "$PWD/tree" -- python3 -B -c \
		'import subprocess, threading, os, mmap, select, socket, signal, resource
t = [threading.Thread(target=sum, args=(range(1000),)) for i in range(10)]
[x.start() for x in t]; [x.join() for x in t]
subprocess.run(["sh", "-c", "exit 3"]); a, b = socket.socketpair(); a.send(b"x"); select.select([b], [], [], 1)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), 0)'
fi
echo "$calls calls of guests were recorded"
