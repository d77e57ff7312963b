#!/bin/bash
# SPDX-License-Identifier: MIT
# The network on Microcosm is what it is natively, where --net lets it be; and nothing leads to an address that
# is not on the list. Everything here stays on the loopback addresses.
# timeout: 240
# shellcheck disable=SC2154 # coproc sets host_PID
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

"$CC" -static -O1 -pthread -Wno-nonnull -Wno-unused-result -o net "$tests/linux/net.c" || fail "cannot build net.c"
"$CC" -static -O1 -pthread -Wno-nonnull -Wno-unused-result -o net_escapes "$tests/linux/net_escapes.c" ||
	fail "cannot build net_escapes.c"

# ---- The same as natively ----

./net >native.out 2>&1 </dev/null || fail "natively: $(tail -n 5 native.out)"
compare() { # WHAT OPTION...
	local what=$1
	shift
	timeout -s KILL 100 "$microcosm" "$@" ./net >guest.out 2>&1 </dev/null || fail "$what: status $?: $(tail -n 5 guest.out)"
	diff native.out guest.out >&2 || fail "$what: natively <, on Microcosm >"
}
compare "with the host's network" --net=host
compare "with a list" --net='127.0.0.1:*' --net='[::1]:*'
compare "with a list, traced" --net='127.0.0.0/8:*,[::1/128]:*' -t -o trace
contains trace 'connect\([0-9]+, \{AF_INET, 127\.0\.0\.1:[0-9]+\}, 16\) = 0 ' || fail "connect is not traced"
contains trace 'connect\(.*= -1 EINTR' || fail "no connect that was broken off in the trace"

# ---- Refusals ----

# The host's side: ports that it chose, and at the end how often what nobody may reach was reached. Bash
# forgets a coprocess that has ended, so that its pipes are kept here.
counting() {
	coproc host { exec ./net_escapes count; }
	pid=$host_PID
	exec 7<&"${host[0]}" 8>&"${host[1]}"
	eval "exec ${host[0]}<&- ${host[1]}>&-"
	read -r allowed tcp udp <&7 || fail "no host's side"
}
counted() {
	exec 8>&-
	read -r reached <&7 || fail "the host's side does not answer"
	exec 7<&-
	wait "$pid"
}

hostile() { # WHAT OPTION...: with one allowed port that nobody listens on
	local what=$1
	shift
	counting
	timeout -s KILL 100 "$microcosm" --net="127.0.0.1:$allowed" "$@" ./net_escapes try "$allowed" "$tcp" "$udp" >out 2>&1 </dev/null
	counted
	[ "$(cat out)" = refused ] || fail "$what: $(tail -n 20 out)"
	[ "$reached" = 0 ] || fail "$what: what nobody may reach was reached $reached times"
}
hostile "a list"
mkdir rw
hostile "a list and files" --ro "$PWD" --rw "$PWD/rw"
hostile "a list, traced" -t -o trace
# Where the kernel cannot seal mappings, the filter keeps programs from the region's.
"$CC" -shared -fPIC -O1 -o no_mseal.so "$tests/linux/no_mseal.c" || fail "cannot build no_mseal.c"
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 LD_PRELOAD=$PWD/no_mseal.so hostile "without mseal"

# The test can fail: with the host's network most is open.
counting
timeout -s KILL 100 "$microcosm" --net=host ./net_escapes try "$allowed" "$tcp" "$udp" >out 2>&1 </dev/null
counted
contains out '^connect.*open$' || fail "nothing is open at all: $(cat out)"
[ "$reached" -gt 100 ] || fail "reached $reached times only"
# ... but local sockets of the host's are not.
if contains out 'path|local'; then fail "local sockets are open: $(cat out)"; fi

for list in none host; do
	counting
	./net_escapes give "$microcosm" --net=$list --ro "$PWD" "$PWD/net_escapes" held >out 2>&1
	counted
	[ "$(cat out)" = refused ] || fail "a datagram socket that is held, --net=$list: $(cat out)"
	[ "$reached" = 0 ] || fail "local sockets were reached $reached times by one that is held, --net=$list"
done

# ---- What the options mean ----

box=$(command -v busybox) || skip "no busybox"
is 125 "$microcosm" --net=localhost:80 "$box" true 2>err
contains err "^microcosm: --net: 'localhost:80' is neither" || fail "a name: $(cat err)"
"$microcosm" --net '10.0.0.1:80,[fd00::/8]:*' --net '*:53' --surface >surface
[ "$(grep '^net' surface)" = "$(printf 'net 10.0.0.1:80\nnet [fd00::/8]:*\nnet *:53')" ] || fail "--surface: $(grep '^net' surface)"
contains surface '^grant 42 connect checked$' || fail "--surface: connect"
contains surface '^grant 44 sendto checked arg4!=0' || fail "--surface: sendto"
"$microcosm" --surface >surface
if contains surface '^net'; then fail "a network that nobody asked for"; fi
if contains surface '^grant 41 socket arg0&'; then fail "sockets that nobody asked for"; fi
"$microcosm" --net='1.2.3.4:5,*:6' --print-policy >policy
printf 'net 1.2.3.4:5\nnet *:6\n' | diff - policy >&2 || fail "--print-policy"
"$microcosm" --policy policy --net=host --print-policy >printed
[ "$(cat printed)" = "net host" ] || fail "a policy and --net=host: $(cat printed)"
"$microcosm" --policy policy --net=none --print-policy >printed
[ ! -s printed ] || fail "a policy and --net=none: $(cat printed)"

# ---- Programs ----

mkdir -p www
echo "served" >www/page

# shellcheck disable=SC2317 # until_true calls it
asked() { # COMMAND...: until the server is up
	"$@" >answer 2>/dev/null
}
if "$box" --list | grep -qx httpd && "$box" --list | grep -qx wget; then
	counting
	counted
	port=$allowed
	"$microcosm" --net="127.0.0.1:$port" --ro "$PWD/www:/www" "$box" httpd -f -p "127.0.0.1:$port" -h /www &
	server=$!
	trap 'kill "$server" 2>/dev/null' EXIT
	until_true 30 asked "$box" wget -q -O - "http://127.0.0.1:$port/page"
	[ "$(cat answer)" = served ] || fail "httpd says: $(cat answer)"
	"$microcosm" --net="127.0.0.1:$port" "$box" wget -q -O - "http://127.0.0.1:$port/page" >answer 2>err
	[ "$(cat answer)" = served ] || fail "wget: $(cat answer err)"
	"$microcosm" --net="127.0.0.1:1" "$box" wget -q -O - "http://127.0.0.1:$port/page" >answer 2>err
	contains err 'Permission denied' || fail "wget, elsewhere: $(cat answer err)"
	"$microcosm" "$box" wget -q -O - "http://127.0.0.1:$port/page" >answer 2>err
	contains err 'Permission denied' || fail "wget without a network: $(cat answer err)"
	kill "$server"
	wait "$server"
	trap - EXIT
else
	skip "busybox has no httpd and wget"
fi

python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null) || skip "no python3"
cat >web.py <<'END'
import http.server, socket, threading, urllib.request, urllib.error
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body[::-1])
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
port = server.server_address[1]
threading.Thread(target=server.serve_forever, daemon=True).start()
sent = bytes(range(256)) * 4096
def ask(results):
    for _ in range(10):
        got = urllib.request.urlopen("http://127.0.0.1:%d/" % port, sent, timeout=60).read()
        results.append(got == sent[::-1])
results = []
threads = [threading.Thread(target=ask, args=(results,)) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
print(results.count(True))
server.shutdown()
server.server_close()
try:
    socket.create_connection(("127.0.0.1", port), 5)
except OSError as error:
    print(type(error).__name__)
with socket.create_server(("::1", 0), family=socket.AF_INET6) as one, socket.socket(socket.AF_INET6) as two:
    two.settimeout(20)
    two.connect(one.getsockname())
    print(one.accept()[0].getpeername()[:2] == two.getsockname()[:2])
END
"$python" web.py >native.out 2>&1 || fail "natively: $(cat native.out)"
for list in host '127.0.0.1:*,[::1]:*'; do
	timeout -s KILL 100 "$microcosm" --net="$list" --host-ro --ro "$PWD" "$python" "$PWD/web.py" >guest.out 2>&1 ||
		fail "--net=$list: python: status $?: $(cat guest.out)"
	diff native.out guest.out >&2 || fail "--net=$list: python: natively <, on Microcosm >"
done

# Names, by a server of a network namespace's own, whose one address is the loopback's.
cat >names.py <<'END'
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    query, peer = server.recvfrom(512)
    end = query.index(b"\0", 12) + 5
    kind = query[end - 3]
    known = query[12:end - 5] == b"\x04name\x04test"
    answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\x01\x02\x03" if known and kind == 1 else b""
    server.sendto(query[:2] + (b"\x81\x80" if known else b"\x81\x83") + b"\0\x01\0" + bytes([bool(answer)]) +
                  b"\0\0\0\0" + query[12:end] + answer, peer)
END
cat >ask.py <<'END'
import socket
for name in "name.test", "none.test", "localhost":
    try:
        print(sorted({entry[4][0] for entry in socket.getaddrinfo(name, 80, socket.AF_INET)}))
    except OSError as error:
        print(type(error).__name__, error)
try:
    print(socket.getaddrinfo("name.test", 80)[0][4][0])
except OSError as error:
    print(type(error).__name__, error)
END
mkdir etc
echo "nameserver 127.0.0.1" >etc/resolv.conf
echo "hosts: files dns" >etc/nsswitch.conf
echo "127.0.0.1 localhost" >etc/hosts
cat >inside.sh <<'END'
"$box" ifconfig lo 127.0.0.1 up || exit 77
"$python" names.py >ready &
server=$!
for _ in $(seq 500); do [ -s ready ] || sleep 0.02; done
for list in host 127.0.0.1:53; do
	timeout -s KILL 60 "$microcosm" --net="$list" --host-ro --ro "$PWD/etc:/etc" --ro "$PWD" "$python" "$PWD/ask.py" >"names.$list" 2>&1 </dev/null
done
kill $server
END
export box python microcosm
if unshare -rn true 2>/dev/null; then
	unshare -rn bash inside.sh || fail "no loopback in a network namespace"
	for list in host 127.0.0.1:53; do
		[ "$(sed -n '1p;4p' "names.$list")" = "$(printf "['127.1.2.3']\n127.1.2.3")" ] || fail "names, --net=$list: $(cat "names.$list")"
		contains "names.$list" '^gaierror .*(not known|No address)' || fail "a name that is none, --net=$list: $(cat "names.$list")"
		contains "names.$list" "^\\['127.0.0.1'\\]\$" || fail "a name of a file's, --net=$list: $(cat "names.$list")"
	done
else
	skip "no network namespaces"
fi
exit 0
