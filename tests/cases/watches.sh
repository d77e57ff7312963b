#!/bin/bash
# SPDX-License-Identifier: MIT
# inotify on Microcosm tells what it tells natively, of what is open to the world alone.
# timeout: 120
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

away=$(TMPDIR=/tmp mktemp -d) || fail "no temporary directory"
trap 'rm -rf "$away"' EXIT
chmod 755 "$away"
"$CC" -static -O1 -Wno-nonnull -Wno-unused-result -o "$away/watches" "$tests/linux/watches.c" || fail "cannot build watches.c"
other=()
if [ "$(id -u)" = 0 ]; then
	other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	"${other[@]}" unshare -U true 2>/dev/null || skip "no user namespaces for an ordinary user"
fi
: >"$away/private"
chmod 0 "$away/private"
mkdir -m 777 "$away/native" "$away/guest" "$away/root"
"${other[@]}" "$away/watches" "$away/native" "$away/private" >native.out 2>&1 </dev/null || fail "natively: $(tail -n 5 native.out)"
"${other[@]}" "$microcosm" --root / --rw "$away/guest" "$away/watches" "$away/guest" "$away/private" >guest.out 2>&1 </dev/null ||
	fail "status $?: $(tail -n 5 guest.out)"
diff native.out guest.out >&2 || fail "natively <, on Microcosm >"
"$microcosm" --root / --rw "$away/root" "$away/watches" "$away/root" "$away/none" >guest.out 2>&1 </dev/null ||
	fail "status $?: $(tail -n 5 guest.out)"
diff <(grep -v '^not to be read' native.out) <(grep -v '^not to be read' guest.out) >&2 || fail "natively <, on Microcosm, as whoever this is >"

# Somebody outside writes; a program inside is told.
echo one >log
"$microcosm" --host-ro --ro "$PWD" tail -f log >out 2>err &
tail=$!
until_true 20 contains out one
echo two >>log
until_true 20 contains out two
kill $tail
wait $tail
[ "$(cat out)" = "$(printf 'one\ntwo')" ] || fail "tail: $(cat out err)"

# Many at once, in threads: each gets the watch that it asks for.
cat >many.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>
static void *watch(void *arg)
{
	char name[32], file[64], buf[4096];
	snprintf(name, sizeof name, "t%ld", (long)arg);
	mkdir(name, 0755);
	for (int i = 0; i < 100; i++) {
		int fd = inotify_init1(IN_NONBLOCK);
		snprintf(file, sizeof file, "%s/%d", name, i);
		if (fd < 0 || inotify_add_watch(fd, name, IN_CREATE) < 0)
			return "no watch";
		close(open(file, O_CREAT | O_RDWR, 0644));
		snprintf(file, sizeof file, "%d", i);
		if (read(fd, buf, sizeof buf) <= 0 || strcmp(((struct inotify_event *)buf)->name, file) != 0)
			return "another's event, or none";
		close(fd);
	}
	return NULL;
}
int main(void)
{
	pthread_t threads[4];
	void *bad;
	for (long i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, watch, (void *)i);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &bad);
		if (bad)
			puts(bad);
	}
	return 0;
}
END
"$CC" -static -O1 -pthread -Wno-unused-result -Wno-incompatible-pointer-types -Wno-discarded-qualifiers -o many many.c || fail "cannot build many.c"
mkdir work
"$microcosm" --rw "$PWD/work" --cwd "$PWD/work" ./many >out 2>&1 || fail "many: status $?: $(cat out)"
[ ! -s out ] || fail "many: $(cat out)"

# By the stub of the kernel call a program can name descriptors, and no path.
cat >stub.c <<'END'
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>
int main(void)
{
	long (*stub)(long, long, long, long, long, long) =
		(void *)(strtoul(getenv("REGION"), NULL, 16) + 0x101000 + 254 * 16);
	static char path[] = "/";
	int fd = inotify_init();
	printf("%ld %ld %ld %ld %ld\n", stub(fd, (long)path, IN_CREATE, 0, 0, 0), stub(fd, 4095, IN_CREATE, 0, 0, 0),
	       stub(fd, 4096, IN_CREATE, 0, 0, 0), stub(fd, -1, IN_CREATE, 0, 0, 0), stub(fd, 1L << 32, IN_CREATE, 0, 0, 0));
	return 0;
}
END
"$CC" -static -O1 -o stub stub.c || fail "cannot build stub.c"
[ "$("$microcosm" --no-aslr --env REGION=567000000000 ./stub)" = "-1 -2 -1 -1 -1" ] ||
	fail "by the stub: $("$microcosm" --no-aslr --env REGION=567000000000 ./stub)"
exit 0
