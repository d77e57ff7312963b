#!/bin/bash
# SPDX-License-Identifier: MIT
# Gate calls under a storm of signals: none runs twice, none is lost. MC_STORM is how many: 20000 if not
# said, ten times that with MC_FULL=1.
# timeout: 1800
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"

module_set "$PWD/set.so" host
build storm "$tests/cases/signal_storm.c"
many=20000
[ "${MC_FULL:-0}" = 0 ] || many=200000
is 0 "$microcosm" --modules "$PWD/set.so" ./storm "${MC_STORM:-$many}"
