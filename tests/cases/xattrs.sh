#!/bin/bash
# SPDX-License-Identifier: MIT
# Extended attributes on Microcosm are those of an ordinary user, as natively, also where the kernel lacks the
# newer calls for them; none that gives a file rights can be set, by root neither, and none where
# nothing may be written.
# timeout: 120
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

away=$(TMPDIR=/tmp mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$away"' EXIT
chmod 755 "$away"
"$CC" -static -O1 -Wno-nonnull -Wno-unused-result -Wno-stringop-overflow -Wno-stringop-overread -o "$away/xattrs" \
	"$tests/linux/xattrs.c" || fail "cannot build xattrs.c"
# The same with the calls of Linux 6.13 taken away from the program and all that it starts.
cat >without.c <<'END'
#include <errno.h>
#include <seccomp.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	for (int nr = 463; nr <= 466 && argc > 1; nr++)
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), nr, 0) < 0)
			return 98;
	if (seccomp_load(filter) < 0)
		return 98;
	execvp(argv[1], argv + 1);
	return 99;
}
END
"$CC" -O1 -o without without.c -lseccomp || fail "cannot build without.c"

other=()
if [ "$(id -u)" = 0 ]; then
	other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	"${other[@]}" unshare -U true 2>/dev/null || skip "no user namespaces for an ordinary user"
fi
mkdir -m 777 "$away/native" "$away/guest" "$away/old"
"${other[@]}" "$away/xattrs" "$away/native" >native.out 2>&1 || fail "natively: $(tail -n 5 native.out)"
contains native.out '^setxattr\("f", "user.one", "value", 5, 0\): 0$' || skip "no attributes in /tmp"
grep -q 'syscall(464' native.out || skip "the kernel has no getxattrat: nothing to compare with"
"${other[@]}" "$microcosm" --root / --rw "$away/guest" "$away/xattrs" "$away/guest" >guest.out 2>&1 ||
	fail "status $?: $(tail -n 5 guest.out)"
diff native.out guest.out >&2 || fail "natively <, on Microcosm >"
"${other[@]}" ./without "$microcosm" --root / --rw "$away/old" "$away/xattrs" "$away/old" >old.out 2>&1 ||
	fail "without the newer calls: status $?: $(tail -n 5 old.out)"
# A file that cannot be read has none that can be seen then.
diff <(sed '/^not to be read/,$d; /^syscall/d' native.out) <(sed '/^not to be read/,$d' old.out) >&2 || fail "natively <, without the newer calls >"

# ---- As whoever the tests run as ----

mkdir work ro
echo x >ro/f
cat >tries.c <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
static const char capability[20] = {1, 0, 0, 2, (char)255};
static void tries(const char *what, int r)
{
	printf("%s %s\n", what, r < 0 ? strerrorname_np(errno) : "done");
}
int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : 0;
	if (argc > 1) {
		tries("security", setxattr(argv[1], "security.capability", capability, sizeof capability, 0));
		tries("trusted", setxattr(argv[1], "trusted.x", "x", 1, 0));
		tries("user", setxattr(argv[1], "user.x", "x", 1, 0));
	}
	tries("held security", fsetxattr(fd, "security.capability", capability, sizeof capability, 0));
	tries("held trusted", fsetxattr(fd, "trusted.x", "x", 1, 0));
	tries("held user", fsetxattr(fd, "user.y", "x", 1, 0));
	return 0;
}
END
"$CC" -static -O1 -o tries tries.c || fail "cannot build tries.c"
listed() { # FILE: all that the kernel has, of every kind
	python3 -c 'import os, sys; print(*sorted(os.listxattr(sys.argv[1])))' "$1"
}
echo x >work/f
[ "$("$microcosm" --rw "$PWD/work:/w" ./tries /w/f)" = "$(printf '%s\n' 'security EPERM' 'trusted EPERM' 'user done' \
	'held security EPERM' 'held trusted EPERM' 'held user done')" ] || fail "$("$microcosm" --rw "$PWD/work:/w" ./tries /w/f)"
[ "$("$microcosm" --ro "$PWD/ro:/w" ./tries /w/f)" = "$(printf '%s\n' 'security EPERM' 'trusted EPERM' 'user EROFS' \
	'held security EPERM' 'held trusted EPERM' 'held user EROFS')" ] || fail "read-only: $("$microcosm" --ro "$PWD/ro:/w" ./tries /w/f)"
"$microcosm" ./tries <ro/f >out || fail "no files: status $?"
! contains out 'done' || fail "in a world without files: $(cat out)"
"$microcosm" --ro "$PWD/ro:/w" ./tries <ro/f >out || fail "inherited: status $?"
! contains out 'done' || fail "an inherited file was changed: $(cat out)"
if command -v python3 >/dev/null; then
	[ "$(listed work/f)" = "user.x user.y" ] || fail "what is left: $(listed work/f)"
	[ "$(listed ro/f)" = "" ] || fail "what is left: $(listed ro/f)"
	# What is not offered is not shown.
	if [ "$(id -u)" = 0 ] && python3 -c 'import os; os.setxattr("work/f", "trusted.t", b"1")' 2>/dev/null; then
		[ "$("$microcosm" --host-ro --ro "$PWD" python3 -c 'import os; print(*sorted(os.listxattr("work/f")))')" = \
			"user.x user.y" ] || fail "trusted.t is shown"
	fi
	cat >copies.py <<'END'
import os, shutil, sys
os.setxattr("f", "user.a", b"text")
shutil.copy2("f", "g")
print(sorted(os.listxattr("g")), os.getxattr("g", "user.a"))
END
	echo x >f
	"$microcosm" --host-ro --rw "$PWD" python3 copies.py >out 2>&1
	[ "$(cat out)" = "['user.a'] b'text'" ] || fail "copy2: $(cat out)"
fi
same() { # what a command says and leaves, natively and on Microcosm
	rm -rf left
	mkdir left
	sh -c "$1" >native.out 2>&1
	for file in left/*; do listed "$file"; done >>native.out
	rm -rf left
	mkdir left
	"$microcosm" --host-ro --rw "$PWD" sh -c "$1" >guest.out 2>&1
	for file in left/*; do listed "$file"; done >>guest.out
	diff native.out guest.out >&2 || fail "$1: natively <, on Microcosm >"
}
if command -v python3 >/dev/null && echo x >f && python3 -c 'import os; os.setxattr("f", "user.a", b"text")'; then
	same 'cp -a f left/g && cp --preserve=xattr f left/h && cp -p f left/i && ls left'
	same 'tar --xattrs -cf t.tar f && tar --xattrs -C left -xf t.tar && mv f left/moved && cp -a left/moved f; ls left'
	same 'ls -l /etc /tmp/../etc | head -n 5; install -m 600 f left/installed'
fi
exit 0
