#!/bin/bash
# SPDX-License-Identifier: MIT
# Local sockets on Microcosm are what they are natively, as far as the world's files go; and nothing leads to a
# socket of the host's that lies elsewhere, or that the world may only read, or that has an abstract name.
# timeout: 300
# shellcheck disable=SC2154 # coproc sets host_PID
# shellcheck disable=SC2016,SC2094 # for shells inside; the directory is not the output
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

"$CC" -static -O1 -pthread -w "-I$tests/linux" -o local "$tests/linux/local.c" || fail "cannot build local.c"
"$CC" -static -O1 -pthread -w -o local_escapes "$tests/linux/local_escapes.c" || fail "cannot build local_escapes.c"

# Paths of sockets are short.
place=$(TMPDIR=/tmp mktemp -d /tmp/XXXXXX) || fail "no temporary directory"
trap 'rm -rf "$place"' EXIT

# ---- The same as natively ----

mkdir "$place/native"
./local "$place/native" >native.out 2>&1 </dev/null || fail "natively: $(tail -n 5 native.out)"
compare() { # WHAT OPTION...
	local what=$1
	shift
	rm -rf "$place/guest"
	mkdir "$place/guest"
	timeout -s KILL 100 "$microcosm" --rw "$place/guest" "$@" ./local "$place/guest" >guest.out 2>&1 </dev/null ||
		fail "$what: status $?: $(tail -n 5 guest.out)"
	diff native.out guest.out >&2 || fail "$what: natively <, on Microcosm >"
	rm -rf "$place/guest"
}
compare "without a network"
compare "traced" -t -o trace
contains trace 'bind\([0-9]+, \{AF_UNIX, "/.*/guest/stream"\}, [0-9]+\) = 0 ' || fail "bind is not traced"
contains trace 'connect\([0-9]+, \{AF_UNIX, "/.*/guest/stream"\}, [0-9]+\) = 0 ' || fail "connect is not traced"
contains trace 'names_local@linux\(' || fail "no gate in the trace"
compare "with the host's network" --net=host
# With a list the host process listens, and is the peer that clients see.
sed -i 's/^listener: 1 1/listener: 0 1/' native.out
compare "with a list" --net='127.0.0.1:*'

# ---- Refusals ----

mkdir "$place/out" "$place/ro" "$place/rw"
counting() { # DIR [NAME]
	coproc host { exec ./local_escapes count "$@"; }
	pid=$host_PID
	exec 7<&"${host[0]}" 8>&"${host[1]}"
	eval "exec ${host[0]}<&- ${host[1]}>&-"
	read -r ready <&7 || ready=
	[ "$ready" = ready ] || fail "no host's side"
}
counted() { # the number in `reached`
	exec 8>&-
	read -r reached <&7 || fail "the host's side does not answer"
	exec 7<&-
	wait "$pid"
}

hostile() { # WHAT OPTION...
	local what=$1
	shift
	# The one in out is asked at the end of the other.
	for counts in out ro; do
		counting "$place/$counts" "$name"
		[ $counts = out ] && ./local_escapes count "$place/ro" </dev/null >/dev/null
		rm -rf "$place/rw"
		mkdir "$place/rw"
		timeout -s KILL 100 "$microcosm" --ro "$place/ro:/ro" --rw "$place/rw:/rw" --dev "$@" ./local_escapes try "$place/out" /ro /rw "$name" \
			<"$place/out" >out 2>&1
		counted
		[ "$(cat out)" = refused ] || fail "$what: $(tail -n 20 out)"
		[ "$reached" = 0 ] || fail "$what: what nobody may reach was reached $reached times"
		[ "$(cd "$place/ro" && echo *)" = "datagram packets stream" ] || fail "$what: $(ls "$place/ro")"
		[ "$(cd "$place/out" && echo *)" = "datagram packets stream" ] || fail "$what: $(ls "$place/out")"
	done
}
name=microcosm-test-$$-
hostile "files"
hostile "the host's network, and /proc" --net=host --proc
hostile "traced" -t -o trace --proc
hostile "the host's /proc" --ro /proc

# The test can fail: what may be written can be connected to, by the host's processes and the world's.
counting "$place/out"
[ "$("$microcosm" --rw "$place/out:/out" ./local_escapes reach /out)" = 3 ] || fail "sockets of the host's that may be written"
counted
[ "$reached" = 3 ] || fail "reached $reached times"
counting "$place/out"
"$microcosm" --rw "$place/out:/out" --ro "$place/ro:/ro" ./local_escapes ways /out /ro /out "$name" </dev/null >out 2>&1
counted
contains out '^its name.* connect: open$' || fail "nothing is open at all: $(cat out)"
[ "$reached" -gt 10 ] || fail "reached $reached times only"

# ---- Programs ----

in_world() { # COMMAND: by a shell, with a /tmp of its own
	timeout -s KILL 100 "$microcosm" --host-ro --dev --proc --env HOME=/tmp --env TMPDIR=/tmp --cwd /tmp --ro "$place" bash -c "$1" >out 2>&1 </dev/null ||
		fail "status $?: $1: $(cat out)"
}
if python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null); then
	cat >serve.py <<'END'
import asyncio, multiprocessing.connection, os, socket, socketserver, threading
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline()[::-1])
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
with Server("/tmp/server", Handler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answers = []
    def ask():
        for i in range(20):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect("/tmp/server")
                s.sendall(b"hello\n")
                answers.append(s.makefile("rb").read())
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads: t.start()
    for t in threads: t.join()
    print(server.server_address, len(answers), set(answers))
    server.shutdown()
async def main():
    async def echo(reader, writer):
        writer.write((await reader.readline()).upper())
        writer.close()
    server = await asyncio.start_unix_server(echo, "/tmp/async")
    reader, writer = await asyncio.open_unix_connection("/tmp/async")
    writer.write(b"loud\n")
    print(await reader.read(), server.sockets[0].getsockname(), writer.get_extra_info("peername"))
    writer.close()
    server.close()
asyncio.run(main())
with multiprocessing.connection.Listener(family="AF_UNIX") as listener:
    if os.fork() == 0:
        with multiprocessing.connection.Client(listener.address) as client:
            client.send({"a": [1, 2]})
        os._exit(0)
    with listener.accept() as got:
        print(got.recv())
    os.wait()
if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        shared = manager.dict()
        child = multiprocessing.Process(target=shared.update, args=({"by": "child"},))
        child.start()
        child.join()
        print(dict(shared))
END
	cp serve.py "$place"
	in_world "$python $place/serve.py"
	printf '%s\n' "/tmp/server 80 {b'\\nolleh'}" "b'LOUD\\n' /tmp/async /tmp/async" "{'a': [1, 2]}" "{'by': 'child'}" | diff - out >&2 ||
		fail "python: $(cat out)"
fi
has() { # PROGRAM...
	command -v "$@" >/dev/null
}
if has ssh-agent ssh-add ssh-keygen; then
	in_world 'eval "$(ssh-agent)" && ssh-keygen -q -t ed25519 -N "" -f key && ssh-add key && ssh-add -l && ssh-agent -k && while [ -e "$SSH_AUTH_SOCK" ]; do :; done'
	contains out '^256 SHA256:.*\(ED25519\)' || fail "ssh-agent: $(cat out)"
fi
if has tmux; then
	in_world 'tmux -f /dev/null -S /tmp/s new-session -d "echo from inside >said; read never" && until [ -s said ]; do :; done
		tmux -S /tmp/s list-sessions && cat said && tmux -S /tmp/s kill-server'
	contains out '^from inside$' || fail "tmux: $(cat out)"
fi
if has dbus-daemon dbus-send; then
	in_world 'dbus-daemon --session --fork --print-address=3 --print-pid=4 3>a 4>p && export DBUS_SESSION_BUS_ADDRESS=$(cat a) &&
		dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetConnectionUnixUser string:org.freedesktop.DBus
		status=$?; kill $(cat p); exit $status'
	contains out "uint32 $(id -u)\$" || fail "dbus: $(cat out)"
fi
if has gpg gpg-agent gpgconf; then
	in_world 'mkdir -m 700 g && export GNUPGHOME=/tmp/g && gpg --batch --quick-gen-key --passphrase "" a@example.org ed25519 sign never &&
		echo text >t && gpg --batch -s t && gpg --verify t.gpg; status=$?; gpgconf --kill all; exit $status'
	contains out 'Good signature' || fail "gpg: $(cat out)"
fi
exit 0
