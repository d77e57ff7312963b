#!/bin/bash
# SPDX-License-Identifier: MIT
# Clocks are read as natively, at the price of a function call: programs have the kernel's vDSO, after fork and
# exec too, and make no calls for what it tells.
# timeout: 120
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

"$CC" -static -O1 -o clocks "$tests/linux/clocks.c" || fail "cannot build clocks.c"
"$CC" -O1 -o clocks-dynamic "$tests/linux/clocks.c" || fail "cannot build clocks.c"
calls() { # TRACE: those for the time that a program makes
	grep -cE '(clock_gettime|gettimeofday|time|getcpu)\(' "$1"
}
for program in clocks clocks-dynamic; do
	"$PWD/$program" 1000 >native.out 2>&1 || fail "natively: $(cat native.out)"
	"$microcosm" --host-ro --ro "$PWD" "$PWD/$program" 1000 >guest.out 2>&1 || fail "$program: status $?: $(cat guest.out)"
	diff native.out guest.out >&2 || fail "$program: natively <, on Microcosm >"
	contains guest.out '^vdso 1$' || fail "$program: there is no vDSO"
	[ "$(grep -c '^backwards 0 apart 0 cpu 1$' guest.out)" = 3 ] || fail "$program: $(cat guest.out)"
	# A thousand rounds make as many calls as one: those for clocks that the vDSO does not know.
	"$microcosm" --host-ro --ro "$PWD" --trace -o one "$PWD/$program" 1 >guest.out 2>&1 || fail "$program, traced"
	"$microcosm" --host-ro --ro "$PWD" --trace -o thousand "$PWD/$program" 1000 >guest.out 2>&1 || fail "$program, traced"
	contains one 'sysinfo\(' || fail "the trace is empty"
	case $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource 2>/dev/null) in
	tsc | kvm-clock | hyperv_clocksource_tsc_page) ;;
	*) skip "this machine's clock source is none that the vDSO can read" ;;
	esac
	[ "$(calls one)" = "$(calls thousand)" ] || fail "$program: $(calls one) calls in one round, $(calls thousand) in a thousand"
done
exit 0
