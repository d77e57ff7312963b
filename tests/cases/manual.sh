#!/bin/bash
# SPDX-License-Identifier: MIT
# microcosm(7) is complete: it lists every core call with its number, and every function, constant and
# field of <microcosm.h> with its value or offset; the limits it states are those of the code.
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"

top=$tests/..
page=$top/man/microcosm.7
include=$top/guest-rt/include
missing=0

# wants PATTERN WHAT: the page has a line like the pattern.
wants() {
	grep -qE -- "$1" "$page" && return
	printf 'microcosm(7) lacks: %s\n' "$2" >&2
	missing=$((missing + 1))
}

# How the page writes a number.
number() {
	printf '%s' "${1/#-/\\\\-}"
}

# ---- The core's calls ----

calls=$(sed -n 's/^CALL(\(-[0-9]*\), *\([a-z_]*\),.*/\1 \2/p' "$top/supervisor/call/calls.def")
[ "$(wc -l <<<"$calls")" = 9 ] || fail "calls.def does not have nine calls"
while read -r nr name; do
	wants "^\.It $(number "$nr") Fn \"[^\"]*mc_$name\"" "call $nr mc_$name"
done <<<"$calls"

# ---- Functions ----

functions() { # HEADER
	"$CC" -E -P "$include/$1" | tr '\n' ' ' | grep -oE '\bmch?_[a-z_]+ ?\(' | tr -d ' (' | sort -u
}
for header in microcosm.h microcosm-host.h; do
	list=$(functions $header)
	[ -n "$list" ] || fail "no functions found in $header"
	for function in $list; do
		wants "Fn \"?[^\"]*$function\"?( |\$)" "function $function"
	done
done

# ---- Constants, fields and limits, with the compiler's help ----

macros=$("$CC" -dM -E "$include/microcosm.h" | sed -nE 's/^#define ((MC|AT)_[A-Z_]+) .*/\1/p' | sort -u)
enums=$("$CC" -E -P "$include/microcosm.h" | grep -oE '\bMC_[A-Z_]+\b' | sort -u)
cat >values.c <<'END'
#include <stdio.h>
#include "rt.h"
#define VALUE(name) printf("value %s %lld\n", #name, (long long)(name))
#define FIELD(type, name) printf("field %s 0x%02zx\n", #name, offsetof(struct type, name))
#define LIMIT(value) printf("limit %s %llu\n", #value, (unsigned long long)(value))
int main(void)
{
END
for name in $macros $enums; do
	printf '\tVALUE(%s);\n' "$name"
done >>values.c
fields() { # STRUCT FIELD...
	local type=$1
	shift
	printf "\tFIELD($type, %s);\n" "$@"
}
{
	fields mc_thread self id state process value size canary frame stack_low stack_high depth pending \
		gate_sequence host_errno slot reserved
	fields mc_header magic abi_version flags region_base region_size entry table table_first \
		table_count xsave_mask xsave_size options
	fields mc_frame rax rdi rbx rip rflags rsp outer number
	cat <<'END'
	LIMIT(RT_SLOT_COUNT);
	LIMIT(RT_SLOT_STACK_HIGH - RT_SLOT_GUARD);
	LIMIT(sizeof(struct mc_frame));
	LIMIT(RT_GATE_MAX - RT_GATE_FIRST);
	LIMIT(RT_KERNEL_STUBS);
	LIMIT(RT_REGION_SIZE);
	LIMIT(RT_OFF_HEAP - RT_OFF_MODULES);
	LIMIT(RT_HEAP_BYTES);
	return 0;
}
END
} >>values.c
"$CC" -std=gnu11 -I"$top/guest-rt" -I"$include" -o values values.c || fail "cannot build values"
./values >values.txt
contains values.txt '^value MC_SYS_THREAD_JOIN -19$' || fail "no values found in microcosm.h"
contains values.txt '^value MC_RULE_MASKED 7$' || fail "no enumerators found in microcosm.h"

while read -r kind name value; do
	case $kind in
	value) wants "^\.It Dv $name Ta $(number "$value")( |\$)" "constant $name, $value" ;;
	field) wants "^\.It $value Ta Va $name( |\$)" "field $name at $value" ;;
	esac
done < <(grep -v '^limit' values.txt)
# A limit's expression has spaces: its value is the last word.
while read -r line; do
	wants "^\.It ${line##* } Ta " "$line"
done < <(grep '^limit' values.txt)

# limit FILE NAME: what a #define of the supervisor's says.
limit() {
	local value
	value=$(sed -nE "s/^#define $2 ([0-9]+)u?( .*)?\$/\\1/p" "$top/supervisor/$1")
	[ -n "$value" ] || fail "$1 has no $2"
	wants "^\.It $value Ta " "$2, $value"
}
limit host/gate.c CALLBACK_DEPTH_MAX
limit signals.c HELD_MAX
limit load/needed.h NEEDED_OBJECTS_MAX
limit region/region.h REGION_MAPS_MAX

# ---- Calls that always stop for the tracer ----

mediated=$(sed -n '/^bool call_is_mediated/,/^}/p' "$top/supervisor/loop.c" | grep -oE '\bNR_[A-Z0-9_]+')
[ -n "$mediated" ] || fail "no mediated calls found in loop.c"
for call in $mediated; do
	call=${call#NR_}
	wants "\\b${call,,}\\b" "the mediated call ${call,,}"
done

[ $missing = 0 ]
