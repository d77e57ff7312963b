#!/bin/bash
# SPDX-License-Identifier: MIT
# --learn writes a policy by which the same program runs and says the same, that holds no more than it asked
# for, and that no name of a file can put a line into.
# timeout: 300
# shellcheck disable=SC2016 # for shells inside
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

# Not in /tmp, which is the world's own there.
away=$(TMPDIR=/var/tmp mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$away"' EXIT
out=$PWD
cd "$away" || fail "no directory"
export PATH=/usr/local/bin:/usr/bin:/bin

# same COMMAND...: learned, then by what was learned.
same() {
	local first second
	"$microcosm" --learn "$out/policy" "$@" >"$out/learn.out" 2>&1 </dev/null
	first=$?
	"$microcosm" --policy "$out/policy" "$@" >"$out/policy.out" 2>&1 </dev/null
	second=$?
	diff "$out/learn.out" "$out/policy.out" >&2 || fail "$*: learning <, with the policy > $(cat "$out/policy")"
	[ $first = $second ] || fail "$*: status $second, when learning $first"
}
has() { # LINE: in the policy
	grep -qxF -- "$1" "$out/policy" || fail "no line '$1' in: $(cat "$out/policy")"
}
lacks() { # REGEX
	! grep -qE -- "$1" "$out/policy" || fail "a line with '$1' in: $(cat "$out/policy")"
}

mkdir -p dir/sub other
echo text >dir/file
ln -s ../dir/file other/link
ln -s other hop
printf '#include <stdio.h>\nint main(void) { return 0; }\n' >m.c

same ls -l /etc
has 'ro /etc'
lacks '^ro /(etc/.*)?$'
lacks '^rw'
same cat hop/link
has "ro $away/dir/file"
has "symlink ../dir/file:$away/other/link"
has "symlink other:$away/hop"
lacks "^ro $away/?(dir|other)?$"
same find "$away" -name 'f*'
has "ro $away"
lacks "$away/dir"
same find /usr/share/doc/bash -type f
same sh -c 'test -d dir/sub && cd dir/sub && pwd && cat ../file; test -e none || echo no; ls -d /usr/share/doc'
has "hide $away/dir/sub"
has 'hide /usr/share/doc'
has "ro $away/dir/file"
same sh -c 'echo x >/tmp/f && cat /tmp/f && echo y >/dev/null && ls -d /proc && cat /proc/self/comm'
has 'tmpfs /tmp'
has 'dev'
has proc
same ls -la /
has 'ro /'
if command -v python3 >/dev/null; then
	python3 -c 'import sqlite3; c = sqlite3.connect("db"); c.execute("create table t(a)"); c.execute("insert into t values(42)"); c.commit()'
	same python3 -B -c 'import json, os, sqlite3, ssl; print(json.dumps(sorted(os.listdir("dir"))), os.getcwd(), sqlite3.connect("file:db?mode=ro", uri=True).execute("select a from t").fetchall())'
	lacks '^ro /usr(/lib)?$'
fi
command -v lua5.4 >/dev/null && same lua5.4 -e 'print(io.open("dir/file"):read("a"), io.open("/etc/passwd"):read("l"), pcall(require, "none"))'
command -v sqlite3 >/dev/null && [ -e db ] && same sqlite3 -readonly db 'select a from t'
command -v gcc >/dev/null && same gcc -E m.c
# What a policy allows is what was asked for: the rest is not there.
same cat dir/file
[ "$("$microcosm" --policy "$out/policy" cat /etc/hostname 2>&1)" = "cat: /etc/hostname: No such file or directory" ] ||
	fail "more is allowed than was asked for"

# ---- What was to be written ----

"$microcosm" --learn "$out/policy" sh -c 'echo 1 >new; echo 2 >>dir/file; mkdir dir/sub/d; rm m.c; echo 3 >/etc/none; chmod 700 other; mv hop hap' >"$out/learn.out" 2>&1
has "rw $away"
has "rw $away/dir/file"
has "rw $away/dir/sub"
has "rw $away/other"
has '# rw /etc'
lacks '^rw /etc'
"$microcosm" --policy "$out/policy" sh -c 'echo 1 >new; echo 2 >>dir/file; mkdir dir/sub/d; chmod 700 other; mv hop hap; echo 3 >/etc/none' >"$out/policy.out" 2>&1
[ "$(cat new)" = 1 ] || fail "new: $(cat "$out/policy.out")"
[ "$(cat dir/file)" = "$(printf 'text\n2')" ] || fail "dir/file: $(cat "$out/policy.out")"
[ -d dir/sub/d ] || fail "dir/sub/d: $(cat "$out/policy.out")"
[ -L hap ] || fail "hap: $(cat "$out/policy.out")"
[ ! -e /etc/none ] || fail "/etc was written"
rm m.c && mv hap hop

# ---- What was to be reached ----

if command -v python3 >/dev/null; then
	cat >reach.py <<'END'
import socket
def tries(family, kind, what, address):
    s = socket.socket(family, kind)
    try: getattr(s, what)(*address)
    except OSError as e: print(type(e).__name__)
    s.close()
for i in range(3): tries(socket.AF_INET, socket.SOCK_STREAM, "connect", [("127.0.0.1", 4711)])
tries(socket.AF_INET6, socket.SOCK_STREAM, "connect", [("::1", 4712)])
tries(socket.AF_INET, socket.SOCK_DGRAM, "sendto", [b"x", ("10.1.2.3", 53)])
tries(socket.AF_INET, socket.SOCK_STREAM, "bind", [("127.0.0.1", 4713)])
END
	"$microcosm" --learn "$out/policy" python3 reach.py >"$out/learn.out" 2>&1
	[ "$(sort -u "$out/learn.out")" = PermissionError ] || fail "the network: $(cat "$out/learn.out")"
	has '# net 127.0.0.1:4711'
	has '# net [::1]:4712'
	has '# net 10.1.2.3:53'
	has '# net 127.0.0.1:4713'
	lacks '^net'
	[ "$(grep -c '# net' "$out/policy")" = 4 ] || fail "addresses: $(cat "$out/policy")"
	"$microcosm" --learn "$out/policy" --net 127.0.0.1:4711 python3 reach.py >"$out/learn.out" 2>&1
	has 'net 127.0.0.1:4711'
	lacks '# net 127.0.0.1:4711'
	contains "$out/learn.out" ConnectionRefusedError || fail "--net while learning: $(cat "$out/learn.out")"
fi

# ---- With what the user says himself ----

"$microcosm" --learn "$out/policy" --rw "$away/dir" --hostname box --wait --cwd "$away/dir" sh -c 'cat file; uname -n; echo z >z; cat /etc/passwd' >"$out/learn.out" 2>&1
has "rw $away/dir"
has 'option hostname=box'
has wait
has "cwd $away/dir"
has 'ro /etc/passwd'
lacks "^(ro|hide) $away/dir"
rm dir/z
"$microcosm" --policy "$out/policy" sh -c 'cat file; uname -n; echo z >z; cat /etc/passwd' >"$out/policy.out" 2>&1
diff "$out/learn.out" "$out/policy.out" >&2 || fail "with options: learning <, with the policy >"
[ "$(cat dir/z)" = z ] || fail "z"

# ---- Names ----

odd=$'a b\nrw x\n#"\\ '
mkdir "$odd"
echo odd >"$odd/f"
ln -s "$odd/f" $'l\nro x'
mkdir 'colon:'
echo colon >colon:/f
cat >names.c <<'END'
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	char buf[10];
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "r");
		printf("%s\n", file && fgets(buf, sizeof buf, file) ? buf : "none");
		/* Links of its own making, to what they may. */
		unlink("/tmp/l");
		if (symlink("/\nrw /", "/tmp/l") != 0 || symlink("x\nrw /", "/tmp/\nrw /etc") == 0)
			puts("links");
		access("/tmp/l", F_OK);
		fopen("/tmp/\nrw x", "w");
	}
	return 0;
}
END
"$CC" -static -O1 -Wno-unused-result -o names names.c || fail "cannot build names.c"
same ./names "$odd/f" $'l\nro x' dir/file
lacks '^rw x|^#"|^ro x'
[ "$(grep -c '^rw' "$out/policy")" = 0 ] || fail "lines that were put in: $(cat "$out/policy")"
[ "$(grep -vcE '^(#.*|(ro|symlink) ("/.*"|".*:/.*"|/.*|[^ ]*:/.*)|hide /[^ ]*|tmpfs /tmp|proc|dev)$' "$out/policy")" = 0 ] ||
	fail "odd lines: $(cat "$out/policy")"
contains "$out/policy.out" '^odd$' || fail "an odd name does not work: $(cat "$out/policy.out")"
"$microcosm" --learn "$out/policy" ./names colon:/f >"$out/learn.out" 2>&1
has "# cannot be said: ro $away/colon:/f"

# ---- What goes wrong ----

is 125 "$microcosm" --learn "$out/none/p" ./names 2>err
contains err '--learn: .*/none/p: No such file' || fail "$(cat err)"
is 125 "$microcosm" --learn "$out/p" --learn "$out/q" ./names 2>err
is 125 "$microcosm" --learn= ./names 2>err
printf 'learn x\n' >p
is 125 "$microcosm" --policy p ./names 2>err
is 127 "$microcosm" --learn "$out/policy" no-such-program 2>err
[ "$("$microcosm" --learn "$out/policy" cat "/proc/$$/status" 2>&1)" = "cat: /proc/$$/status: No such file or directory" ] ||
	fail "the host's /proc is there"
is 7 "$microcosm" --learn "$out/policy" sh -c 'exit 7'
is 137 "$microcosm" --learn "$out/policy" sh -c 'cat dir/file >/dev/null; kill -9 $$'
has "ro $away/dir/file"
exit 0
