#!/bin/bash
# SPDX-License-Identifier: MIT
# nginx as it is, a master with workers: it serves, replaces a worker that was killed, takes new settings and ends
# when it is told to. Debian's nginx or nginx-light.
# timeout: 240
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || skip "no nginx"

mkdir -p site/one site/two
echo "the first" >site/one/index.html
echo "the second" >site/two/index.html
head -c 3000000 /dev/urandom >site/one/large

settings() { # DIRECTORY
	cat >site/nginx.conf.new <<END
worker_processes 2;
daemon $daemon;
pid nginx.pid;
error_log error.log info;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server { listen 127.0.0.1:$port; root $1; }
}
END
	mv site/nginx.conf.new site/nginx.conf
}

get() { # PATH: what is answered, without the header
	exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
	printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" >&3
	sed '1,/^\r$/d' <&3
	exec 3<&-
}
serves() { # TEXT
	[ "$(get '' 2>/dev/null)" = "$1" ]
}

workers() {
	cat "/proc/$master/task/$master/children"
}
are_new() { # OLD...: two, and none of these
	local old now
	read -r -a now <<<"$(workers)"
	[ ${#now[@]} = 2 ] || return 1
	for old; do
		[[ " ${now[*]} " != *" $old "* ]] || return 1
	done
}

started_or_ended() {
	serves "the first" || gone "$world"
}

start() { # OPTION...: a port that is free may be somebody's by the time that it is wanted
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 10000))
		settings one
		: >site/error.log
		# Who takes itself for root gives its workers another user's ids, which a world has not.
		"$microcosm" --host-ro --rw "$PWD/site" --net="127.0.0.1:$port" --uid=1000 "$@" \
			nginx -p "$PWD/site" -c "$PWD/site/nginx.conf" >out 2>&1 </dev/null &
		world=$!
		until_true 60 started_or_ended
		! gone "$world" || {
			contains site/error.log 'bind\(\) to .* failed' && continue
			fail "$how: $(tail -n 5 out site/error.log)"
		}
		read -r master <site/nginx.pid || fail "$how: no master"
		return
	done
	fail "$how: no free port"
}

lives() {
	local killed first
	start "$@"
	until_true 30 are_new
	get large >got || fail "$how: no answer"
	cmp got site/one/large >&2 || fail "$how: another file"
	[[ $(get none) == *"404 Not Found"* ]] || fail "$how: what is not there: $(get none)"

	read -r killed first <<<"$(workers)"
	kill -KILL "$killed" || fail "$how: cannot kill a worker"
	until_true 30 are_new "$killed"
	[[ " $(workers) " == *" $first "* ]] || fail "$how: the other worker ended too"
	until_true 30 serves "the first"

	settings two
	read -r -a old <<<"$(workers)"
	kill -HUP "$master" || fail "$how: cannot signal the master"
	until_true 30 are_new "${old[@]}"
	until_true 30 serves "the second"

	kill -QUIT "$master" || fail "$how: cannot signal the master"
	wait "$world" || fail "$how: status $?: $(tail -n 5 out site/error.log)"
	[ ! -e site/nginx.pid ] || fail "$how: the master did not end by itself"
	# Its memory is not to be had by dumps anyway.
	if grep -E '\[(alert|emerg|crit)\]' site/error.log | grep -vE 'PR_SET_DUMPABLE|exited on signal 9'; then
		fail "$how: nginx complains"
	fi
	contains site/error.log 'exited on signal 9' || fail "$how: nobody saw the worker's end"
}

daemon=off how="in the foreground"
lives
how="in the foreground, traced"
lives -t -o trace
contains trace 'ioctl\([0-9]+, FIOASYNC, .*\) = 0' || fail "no FIOASYNC in the trace"
contains trace 'fcntl\([0-9]+, F_SETOWN, [0-9]+\) = 0' || fail "no F_SETOWN in the trace"
daemon=on how="in the background"
lives --wait
