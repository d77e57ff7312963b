#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs that people use every day run on Microcosm with the same output and status as natively. Those
# that are not installed are left out, and named.
# timeout: 300
# shellcheck disable=SC2016 # for shells inside
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

missing=() home=$PWD
has() {
	command -v "$1" >/dev/null && return
	missing+=("$1")
	return 1
}

# same WHAT COMMAND...: in a directory of its own, natively and with all of the host's files to read.
same() {
	local what=$1 native guest
	shift
	rm -rf native guest
	mkdir native guest
	(cd native && exec "$@" </dev/null) >native.out 2>&1
	native=$?
	(cd guest && exec "$microcosm" --host-ro --rw "$home" "$@" </dev/null) >guest.out 2>&1
	guest=$?
	sed -i "s|$PWD/native|DIR|g; s/process [0-9][0-9]*/process N/" native.out
	sed -i "s|$PWD/guest|DIR|g; s/process [0-9][0-9]*/process N/" guest.out
	diff native.out guest.out >&2 || fail "$what: natively <, on Microcosm >"
	[ $native = $guest ] || fail "$what: status $guest, natively $native"
	diff -r native guest >&2 || fail "$what: other files are left"
}

cat >script.sh <<'EOT'
for i in 3 1 2; do echo $i; done | sort | tr '\n' ' '
(echo background; exit 4) & wait $!; echo status $?
trap 'echo trapped' USR1; kill -USR1 $$; trap 'echo bye' EXIT
cat <<X
here $((6 * 7)) $(echo inner)
X
mkdir d && cd d && touch b a c && echo * && rm [ab] && echo * && cd .. && rm -r d
f() { return 3; }; f; echo $?
echo one >f; echo two >>f; while read -r line; do echo "<$line>"; done <f
false || echo or; true && echo and; ! true; echo $?
(ulimit -n 50; ulimit -n); umask 027; echo x >g; ls -l g | cut -c1-10
test -d /etc && test ! -e /nonexistent && echo tests
exec 5>&1; echo five >&5; cat <nonexistent; echo $?
sleep 100 & kill $!; wait $! 2>/dev/null; echo killed $?
exit 9
EOT
same "sh" sh "$PWD/script.sh"
has bash && same "bash" bash "$PWD/script.sh"
has bash && same "process substitution" bash -c 'cat <(echo one) <(echo two); echo to >(cat >f); wait; cat /dev/stdin <<<three'
if has busybox; then
	same "busybox sh" busybox sh "$PWD/script.sh"
	same "busybox find" busybox find /usr/share/doc/bash -name 'c*'
fi
same "find, xargs, sort, uniq" sh -c 'find /etc -maxdepth 1 -type f -name "*.conf" 2>/dev/null | sort | xargs cat | sort | uniq -c | sort -rn | head'
has tar && has gzip && same "tar and gzip" sh -c 'mkdir t && cd t && seq 1000 >a && mkdir -m 750 b && ln -s ../a b/l && ln a b/h && chmod 640 a && cd .. && tar czf t.tgz t && rm -r t && tar xzf t.tgz && cat t/b/l | md5sum && stat -c "%a %h" t/a t/b && rm t.tgz'
has lua5.4 && same "lua" lua5.4 -e 'local t = {} for l in io.popen("echo a; echo b"):lines() do t[#t+1] = l end print(table.concat(t, ",")) local f = io.open("f", "w") f:write(("x"):rep(100000)) f:close() print(#io.open("f"):read("a"), os.rename("f", "g"), os.remove("none"))'
if has python3; then
	cat >check.py <<'EOT'
import os, sys, subprocess, threading, tempfile, shutil, json, signal, time, select, mmap, socket, errno
print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True))
results = []
threads = [threading.Thread(target=lambda i=i: results.append(sum(range(i * 1000)))) for i in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(results), sum(results))
d = tempfile.mkdtemp(dir="."); p = os.path.join(d, "f")
open(p, "w").write("text" * 1000)
print(os.stat(p).st_size, sorted(os.listdir(d)), os.path.realpath(p).startswith(os.getcwd()))
with open(p, "r+b") as f:
    m = mmap.mmap(f.fileno(), 0); m[0:4] = b"TEXT"; m.close()
print(open(p).read(8)); shutil.copytree(d, "copy"); shutil.rmtree(d); print(os.listdir("copy"))
r, w = os.pipe(); pid = os.fork()
if pid == 0:
    os.write(w, b"child"); os._exit(5)
print(os.read(r, 10), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
signal.signal(signal.SIGALRM, lambda *a: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(0.05)
a, b = socket.socketpair(); a.send(b"x"); print(select.select([b], [], [], 1)[0] == [b], b.recv(1))
for root, dirs, files, fd in os.fwalk("copy"): print(root, dirs, files, os.stat("f", dir_fd=fd).st_size)
os.symlink("f", "copy/l"); print(os.readlink("copy/l"), os.path.islink("copy/l"))
try: os.mkdir("/etc/x/y/z")
except OSError as e: print(errno.errorcode[e.errno])
shutil.rmtree("copy")
sys.exit(6)
EOT
	same "python3" python3 -B "$PWD/check.py"
fi
if has git; then
	cat >git.sh <<'EOT'
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z
set -e
git config --global user.name A && git config --global user.email a@example.org && git config --global init.defaultBranch main
git init -q a && cd a
for i in 1 2 3 4 5 6; do seq $((i * 100)) >f$i; git add f$i; git commit -q -m "commit $i"; done
git checkout -q -b side HEAD~3; echo x >>f1; git commit -q -a -m side; git checkout -q main; git merge -q side -m merge
git log --oneline --graph; git gc -q; git fsck; git count-objects -v | grep -v size
cd .. && git clone -q a b && git clone -q "file://$PWD/a" c && git clone -q --bare a d.git
cd b && git rebase -q HEAD~2 && echo y >n && git add n && git commit -q -m n && git push -q ../d.git HEAD:refs/heads/new
echo z >>n; git stash -q; git stash pop -q; git status --short; git archive HEAD | tar t; git log -p | md5sum; git grep -c 99
git format-patch -1 --stdout | git -C ../c am -q; git -C ../c log -1 --format=%s; git -C ../d.git log --oneline new
cd .. && rm -rf a b c d.git .gitconfig
EOT
	same "git" sh "$PWD/git.sh"
fi
if has perl; then
	cat >check.pl <<'EOT'
use strict; use warnings; use Socket; use IO::Handle; use POSIX ":sys_wait_h"; use IPC::Open3; use Fcntl ":flock"; use File::Find;
$| = 1;
pipe(my $r, my $w); my $pid = fork;
if (!$pid) { close $r; print $w "child $_\n" for 1 .. 3; close $w; exit 3 }
close $w; print while <$r>; waitpid $pid, 0; print $? >> 8, "\n";
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; $a->autoflush(1); print $a "to the other\n"; print scalar <$b>;
my $reaped = 0; $SIG{CHLD} = sub { while (waitpid(-1, WNOHANG) > 0) { $reaped = $? >> 8 } };
exit 7 unless fork; select undef, undef, undef, 0.02 until $reaped; print "reaped $reaped\n"; $SIG{CHLD} = "DEFAULT";
my $p = open3(my $in, my $out, undef, "tr a-z A-Z"); print $in "abc\n"; close $in; print <$out>; waitpid $p, 0;
open(my $f, ">", "l"); flock($f, LOCK_EX) or die;
if (!fork) { open(my $g, ">", "l"); print flock($g, LOCK_EX | LOCK_NB) ? "got\n" : "busy $!\n"; exit }
wait; eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 1; select undef, undef, undef, 60 }; print $@;
print `echo x; exit 2`, $? >> 8, "\n"; find(sub { print "$File::Find::name\n" if /^pass/ }, "/etc"); utime 1, 2, "l"; print +(stat "l")[9], "\n";
symlink "l", "m"; print readlink("m"), "\n"; unlink "l", "m"; exec "sh", "-c", 'echo $0 $1; kill -TERM $$', "n", "argument";
EOT
	same "perl" perl "$PWD/check.pl"
fi
if has sqlite3; then
	same "sqlite3, two writers" sh -c 'sqlite3 db "pragma journal_mode=wal; create table t(a)"; for w in 1 2; do for i in 1 2 3 4 5 6 7 8 9; do echo "insert into t values($w);"; done | sqlite3 -cmd ".timeout 10000" db & done; wait; sqlite3 db "select a, count(*) from t group by a; pragma integrity_check"; rm -f db*'
fi
if has make; then
	printf 'int f(void) { return 41; }\n' >f.c
	printf '#include <stdio.h>\nint f(void);\nint main(void) { printf("%%d\\n", f() + 1); return 3; }\n' >m.c
	printf 'prog: f.o m.o\n\t$(CC) -o $@ f.o m.o\n%%.o: ../%%.c\n\t$(CC) -O1 -c -o $@ $<\n' >Makefile
	same "make and the compiler" sh -c "make -s -j2 -f ../Makefile CC='$CC' && ./prog; echo \$?; rm -f prog *.o"
fi
cat >many.c <<'EOT'
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
	int status, sum = 0;
	for (int i = 0; i < 1000; i++) {
		if (fork() == 0)
			_exit(i % 100);
		if (i % 50 == 49)
			for (int k = 0; k < 50; k++)
				if (wait(&status) > 0)
					sum += WEXITSTATUS(status);
	}
	printf("%d\n", sum);
	return 0;
}
EOT
"$CC" -O1 -o many many.c || fail "cannot build many.c"
same "a thousand children" "$PWD/many"
[ ${#missing[@]} -eq 0 ] || printf '# not installed: %s\n' "${missing[*]}"
exit 0
