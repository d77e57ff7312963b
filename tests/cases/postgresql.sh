#!/bin/bash
# SPDX-License-Identifier: MIT
# PostgreSQL, Debian's, runs as it is: makes a data directory, serves clients at once over a local socket and over TCP,
# is killed and recovers, with its shared memory of the system's kinds all. As an ordinary user, since it refuses root.
# timeout: 600
# shellcheck disable=SC2016 # for shells inside
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

postgresql=$(compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1)
[ -n "$postgresql" ] || skip "no PostgreSQL (Debian's postgresql)"

# The user can reach none of what this was built from: a copy of it. Paths of sockets are short.
place=$(TMPDIR=/tmp mktemp -d /tmp/XXXXXX) || fail "no temporary directory"
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
cp -r "${microcosm%/bin/microcosm}/bin" "${microcosm%/bin/microcosm}/lib" "$place" || fail "cannot copy"
mkdir "$place/w"
as_user=() uid=$(id -u)
if [ "$uid" = 0 ]; then
	uid=64321
	while getent passwd "$uid" >/dev/null; do uid=$((uid + 1)); done
	as_user=(setpriv --reuid "$uid" --regid "$uid" --clear-groups)
	chown "$uid" "$place/w"
fi
# It wants to know the user's name.
printf 'postgres:x:%d:%d::/:/bin/sh\n' "$uid" "$uid" >"$place/passwd"
chmod 644 "$place/passwd"

cat >"$place/session" <<'END'
# session BIN PORT: in the world, in its directory; PORT or one of the next.
bin=$1 port=$2
fail() {
	printf '%s\n' "$*" >&2
	[ ! -e log ] || tail -n 30 log >&2
	exit 1
}
start() { # OPTION...
	"$bin/pg_ctl" -D data -l log -w -o "-k $PWD -p $port $*" start >said 2>&1
}
sql() { # COMMAND...
	"$bin/psql" -h "$PWD" -p "$port" -v ON_ERROR_STOP=1 -qAtX -c "$*" postgres
}
is() { # WANTED COMMAND...
	local said
	said=$(sql "${@:2}") || fail "psql: status $?: ${*:2}"
	[ "$said" = "$1" ] || fail "$said, not $1: ${*:2}"
}
adds() { # its own rows, and one that is everybody's
	for ((i = 0; i < 20; i++)); do
		echo "BEGIN; INSERT INTO t VALUES ($1 * 100 + $i, 'client $1'); UPDATE total SET n = n + 1; COMMIT;"
	done | "$bin/psql" -h "$2" -p "$port" -v ON_ERROR_STOP=1 -qX postgres
}

"$bin/initdb" -D data -A trust --locale=C -E UTF8 >said 2>&1 || fail "initdb: status $?: $(cat said)"
for ((; port < $2 + 20; port++)); do # one that is free
	! start "-c listen_addresses=127.0.0.1" || break
done
[ "$port" -lt $(($2 + 20)) ] || fail "it does not start: $(cat said)"
is '' 'CREATE TABLE t (a integer PRIMARY KEY, b text); CREATE TABLE total (n integer); INSERT INTO total VALUES (0)'
adds 1 "$PWD" &
first=$!
adds 2 127.0.0.1 &
second=$!
wait $first || fail "the first client: status $?"
wait $second || fail "the second client: status $?"
is 40 'SELECT n FROM total'
is '40|2' 'SELECT count(*), count(DISTINCT b) FROM t'
is sysv,posix "SELECT 'sysv,' || setting FROM pg_settings WHERE name = 'dynamic_shared_memory_type'"

# Killed: what it left behind is found, and used by nobody before its last process has gone.
kill -KILL "$(head -n 1 data/postmaster.pid)"
for ((i = 0; i < 600; i++)); do
	! start "-c listen_addresses= -c shared_memory_type=sysv -c dynamic_shared_memory_type=sysv" || break
	sleep 0.1
done
[ $i -lt 600 ] || fail "it does not start again: $(cat said)"
is 40 'SELECT n FROM total'
is '' "INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1000, 50999) g; ANALYZE t"
# Workers, which get their memory by key.
sql 'SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT count(b) FROM t' >plan || fail "no plan"
grep -q 'Workers Launched: [1-9]' plan || fail "no workers: $(cat plan)"
is 50040 'SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	SELECT count(b) FROM t'
"$bin/pg_ctl" -D data -w -m fast stop >said 2>&1 || fail "it does not stop: $(cat said)"
grep -q 'database system is shut down' log || fail "it did not end in order"
END

cd "$place/w" || fail "no directory"
"${as_user[@]}" env -i PATH="$PATH" HOME=/nonexistent "$place/bin/microcosm" --host-ro --dev --proc --rw "$place/w" \
	--ro "$place/passwd:/etc/passwd" --ro "$place/session" --net='127.0.0.1:*' -- \
	bash "$place/session" "${postgresql%/postgres}" $((20000 + $$ % 10000)) </dev/null >"$place/said" 2>&1 ||
	fail "status $?: $(cat "$place/said")"
exit 0
