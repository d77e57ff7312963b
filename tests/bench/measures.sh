# SPDX-License-Identifier: MIT
# What scripts/bench measures: a function for each kind of thing, called in every round at each place
# (unpinned, on one CPU, loaded). The first system of a measure is what the others are compared with. To be
# sourced by scripts/bench, which sets out, busybox, quick, place, round, input and has take and runner.
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # scripts/bench sets them, or uses them

# A burst on a loaded machine is to be longer than what the scheduler gives at a time.
readonly short_ms=40 long_ms=300 rate_ms=100 joins=200 starts=5 forks=50 stream_mb=200
readonly crowds=(1 2 4 8)
readonly heavy_rounds=3 # of what takes seconds
burst_ms=$short_ms

selected() { # MEASURE
	[ -z "$only" ] || grep -qiE -- "$only" <<<"$1"
}

# One measure: a command under each of several systems, in the way that `runner` says. A word that names
# one of our programs stands for that.
across() { # MEASURE SYSTEMS COMMAND...
	local measure=$1 system where words=()
	local -a systems
	selected "$measure" || return 0
	read -r -a systems <<<"$2"
	shift 2
	mapfile -t systems < <(chosen_systems "${systems[@]}")
	for system in "${systems[@]}"; do
		where=$(programs_for "$system")
		words=()
		for word; do
			if [ -x "$where/$word" ]; then words+=("$where/$word"); else words+=("$word"); fi
		done
		runner "$system"
		"${how:-in_process}" "$measure" "$system" "$where" "${words[@]}"
	done
}

# How a command is measured: it measures itself and prints nanoseconds, ...
in_process() { # MEASURE SYSTEM PROGRAMS COMMAND...
	take "$1" "$2" 1 ns "${run[@]}" "${@:4}"
}

# ... it prints calls a second of a number of threads, ...
as_rate() { # MEASURE SYSTEM PROGRAMS COMMAND...
	local n
	for n in "${crowds[@]}"; do
		take "$1" "$2" "$n" /s "${run[@]}" "${@:4}" $rate_ms "$n"
	done
}

# ... or from its start to its end, starter and all.
from_outside() { # MEASURE SYSTEM PROGRAMS COMMAND...
	take "$1" "$2" 1 ns "$3/start" "$times" "${run[@]}" "${@:4}"
}

heavy() {
	[ "$place" = unpinned ] && [ "$quick" = no ] && [ "$round" -le $heavy_rounds ]
}

# ---- Calls ----

take_traps() {
	local m="core call by trap"
	# PRoot stops for getcwd whatever it filters: it answers that call itself.
	across "$m" "ptrace-loop" ptrace_loop $burst_ms
	across "$m" "Microcosm" calls get $burst_ms
	across "$m" "strace runsc" calls getppid $burst_ms
	across "$m" "PRoot" calls getcwd $burst_ms
}

take_gates() {
	across "host gate by the entry" "Microcosm" calls gate-direct $burst_ms
}

take_calls() {
	across "handler by the entry (native: getppid)" "native" calls getppid $burst_ms
	across "handler by the entry (native: getppid)" "Microcosm" calls handler-direct $burst_ms
	across "handler by a patched site (native: getppid)" "native" calls getppid $burst_ms
	across "handler by a patched site (native: getppid)" "Microcosm" calls handler-patched $burst_ms
	across "-2 by the entry (native: getppid)" "native" calls getppid $burst_ms
	across "-2 by the entry (native: getppid)" "Microcosm" calls get-direct $burst_ms
	across "-9 by the entry (native: getppid)" "native" calls getppid $burst_ms
	across "-9 by the entry (native: getppid)" "Microcosm" calls self-direct $burst_ms
	across "upcall by trap" "ptrace-loop" ptrace_loop $burst_ms
	across "upcall by trap" "Microcosm" calls handler $burst_ms
	across "host gate in an upcall by trap" "Microcosm" calls gate $burst_ms
	across "console write by the entry" "native" calls write $burst_ms
	across "console write by the entry" "Microcosm" calls console-direct $burst_ms
	across "granted: getppid" "native Microcosm" calls getppid $burst_ms
	across "granted: read 1 byte" "native Microcosm" calls read $burst_ms
	across "granted: write 1 byte" "native Microcosm" calls write $burst_ms
	across "granted: futex wake" "native Microcosm" calls futex $burst_ms
}

# As Debian's programs make them, by glibc. musl's open is one that stops for the tracer each time.
take_names() {
	local options=(--host-ro)
	across "open and close" "native Microcosm bubblewrap PRoot runsc" calls-glibc open $burst_ms
	across "stat" "native Microcosm bubblewrap PRoot runsc" calls-glibc stat $burst_ms
	across "open and close by musl" "native Microcosm" calls open $burst_ms
}

# The line goes to /dev/null.
take_traced() {
	local m="traced call: getppid" options=(--trace -o /dev/null)
	across "$m" "strace Microcosm" calls getppid $burst_ms
	across "traced call: handler by the entry" "Microcosm" calls handler-direct $burst_ms
	# To be compared with "handler by the entry": at full speed, so that most records are lost.
	options=(--trace-ring=5000 -o /dev/null)
	across "trace-ring: handler by the entry" "Microcosm" calls handler-direct $burst_ms
	across "trace-ring: handler by a patched site" "Microcosm" calls handler-patched $burst_ms
	options=(--trace-ring=getppid -o /dev/null)
	across "trace-ring: getppid by a patched site" "Microcosm" calls getppid-patched $burst_ms
}

take_rates() {
	local how=as_rate
	across "host gates a second" "Microcosm" calls gate-direct
	across "trapped calls a second" "Microcosm" calls get
	across "trapped calls a second" "strace runsc" calls getppid
	across "trapped calls a second" "PRoot" calls getcwd
}

# ---- Threads, processes, programs ----

take_threads() {
	across "thread: -16 and -19 (native: glibc's pthread)" "native" threads $joins
	across "thread: -16 and -19 (native: glibc's pthread)" "Microcosm" calls spawn $burst_ms
	across "thread: pthread_create and join (musl)" "native Microcosm strace PRoot runsc" threads-musl $joins
}

take_starts() {
	local how=from_outside times=$starts options=()
	across "start of a static hello" "native Microcosm bubblewrap PRoot strace runsc" hello
	options=(--host-ro)
	across "start of a dynamic program (/bin/true)" "native Microcosm bubblewrap PRoot strace runsc" /bin/true
}

# The last echo is the number; bash counts in microseconds.
# shellcheck disable=SC2016 # for that bash
readonly bash_forks='n=$1 begin=${EPOCHREALTIME//[.,]/}
for ((i = 0; i < n; i++)); do "$0"; done
echo $(((${EPOCHREALTIME//[.,]/} - begin) * 1000 / n))'

take_forks() {
	local options=(--host-ro --ro "$out") everybody="native Microcosm bubblewrap PRoot strace runsc"
	across "fork+exec+wait in C" "$everybody" forks $forks nothing
	across "fork+exec+wait in bash" "$everybody" bash -c "$bash_forks" nothing $forks
}

readonly compiling="of 50 files" hashing="sha256sum of $stream_mb MB"

prepare_measures() {
	[ "$quick" = no ] || return 0
	! { selected "make -j1 $compiling" || selected "make -j2 $compiling"; } || [ -e "$out/project/Makefile" ] || make_project "$out/project"
	! selected "$hashing" || [ -s "$out/stream" ] ||
		seq 1 100000000 2>/dev/null | head -c $((stream_mb * 1000000)) >"$out/stream"
}

make_project() { # DIR
	local i f
	mkdir -p "$1"
	for ((i = 0; i < 50; i++)); do
		{
			printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n'
			for ((f = 0; f < 20; f++)); do
				printf 'int f%d_%d(const char *s, int n)\n{\n\tchar b[64];\n\tfor (int i = 0; i < n; i++)\n\t\tn += (int)strlen(s) * %d;\n\tsnprintf(b, sizeof b, "%%d %%s", n, s);\n\treturn atoi(b);\n}\n' $i $f $f
			done
		} >"$1/f$i.c"
		printf 'int f%d_0(const char *, int);\n' $i
	done >"$1/all.h"
	{
		printf '#include "all.h"\nint main(int argc, char **argv)\n{\n\treturn 0'
		for ((i = 0; i < 50; i++)); do printf ' * f%d_0(*argv, argc)' $i; done
		printf ';\n}\n'
	} >"$1/main.c"
	# shellcheck disable=SC2016 # make's
	printf 'prog: $(patsubst %%.c,%%.o,$(wildcard *.c))\n\t$(CC) -o $@ $^\n%%.o: %%.c\n\t$(CC) -O1 -c -o $@ $<\n' >"$1/Makefile"
}

take_programs() {
	local how=from_outside times=1 options=(--host-ro --rw "$out/project") jobs
	heavy || return 0
	for jobs in 1 2; do
		across "make -j$jobs $compiling" "native Microcosm bubblewrap PRoot runsc" make -s -B -j$jobs -C "$out/project"
	done
	options=()
	local input=$out/stream
	across "$hashing" "native Microcosm bubblewrap PRoot runsc" "$busybox" sha256sum
}

# ---- Memory ----

# The sum of one field of /proc/PID/smaps_rollup over processes, in KiB.
kib_of() { # FIELDS PID...
	local fields=$1 pid
	shift
	for pid; do
		cat "/proc/$pid/smaps_rollup" 2>/dev/null
	done | awk -v fields="$fields" 'index(fields, " " $1 " ") { n += $2 } END { print n + 0 }'
}

descendants_of() { # PID
	local child
	cat "/proc/$1"/task/*/children 2>/dev/null | tr ' ' '\n' | while read -r child; do
		printf '%s\n' "$child"
		descendants_of "$child"
	done
}

# While threads that made calls stay: what the system's own processes have for themselves, and all that
# there is, in `private` and `all`. The guest is whoever runs our program.
hold_and_look() { # THREADS COMMAND...
	local n=$1 line pid child in pids=() own=()
	shift
	private='' all=''
	coproc guest { exec timeout "$limit_s" "$@" $burst_ms "$n" wait 2>/dev/null; }
	# shellcheck disable=SC2154 # coproc sets it
	pid=$guest_PID in=${guest[1]}
	if read -r -t 60 line <&"${guest[0]}" && [ -n "$line" ]; then
		mapfile -t pids < <(descendants_of "$pid")
		for child in "${pids[@]}"; do
			[ "$(cat "/proc/$child/comm" 2>/dev/null)" = calls ] || own+=("$child")
		done
		private=$(kib_of ' Private_Clean: Private_Dirty: ' "${own[@]}")
		all=$(kib_of ' Pss: ' "${pids[@]}")
	fi
	exec {in}>&-
	wait "$pid" 2>/dev/null
}

take_held() { # MEASURE SYSTEM PROGRAMS COMMAND...
	local before
	hold_and_look 1 "${run[@]}" "${@:4}"
	if [ -z "$private" ]; then
		failed["$1: $2 ($place)"]=1
		return
	fi
	[ "$2" = native ] || record "memory: the supervisor's own" "$2" 1 "$private" KiB
	before=$all
	hold_and_look 101 "${run[@]}" "${@:4}"
	[ -z "$all" ] || record "memory: each guest thread in all processes" "$2" 1 \
		"$(awk -v a="$before" -v b="$all" 'BEGIN { printf "%.1f\n", (b > a ? (b - a) / 100 : 0) }')" KiB
}

take_memory() {
	local how=take_held
	across "memory" "native strace PRoot" calls getppid
	across "memory" "Microcosm" calls gate-direct
}

# ---- All ----

take_measures() {
	take_traps
	take_gates
	[ "$place" != loaded ] || return 0
	take_calls
	take_names
	take_traced
	take_rates
	take_threads
	take_starts
	take_forks
	take_programs
	[ "$place" != unpinned ] || take_memory
}

list_measures() {
	local place=unpinned quick=no round=1 out='' busybox=busybox
	across() { printf '%s\n' "$1"; }
	take_measures | awk '!seen[$0]++'
}
