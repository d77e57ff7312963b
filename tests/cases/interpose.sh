#!/bin/bash
# SPDX-License-Identifier: MIT
# A small module changes what Linux calls do for programs that know nothing of it: openat hides a file, and
# write, which otherwise goes straight to the kernel, turns letters into capitals; in the program, in what
# it forks and in what these execute.
# timeout: 60
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"
: "${microcosm:?}"

cat >shout.c <<'EOT'
#include <microcosm.h>

static mc_fn openat, write;

static long my_openat(long dirfd, long path, long flags, long mode, long a4, long a5)
{
	char name[256];
	long n = mc_copy_in_string(name, (const char *)path, sizeof name);
	if (n > 6 && __builtin_memcmp(name + n - 6, "hidden", 6) == 0)
		return -2; /* ENOENT */
	return openat(dirfd, path, flags, mode, a4, a5);
}

static long my_write(long fd, long from, long n, long a3, long a4, long a5)
{
	char text[4096];
	if (n <= 0 || n > (long)sizeof text || mc_copy_in(text, (const void *)from, n) != 0)
		return write(fd, from, n, a3, a4, a5);
	for (long i = 0; i < n; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			text[i] -= 'a' - 'A';
	return write(fd, (long)text, n, a3, a4, a5);
}

__attribute__((constructor)) static void start(void)
{
	openat = mc_register(257, my_openat);
	write = mc_register(1, my_write);
}
EOT
build "$PWD/shout.so" --module shout.c
"$mcc" --module-set -o set.so linux "$PWD/shout.so" || fail "cannot build the set"
mkdir files
echo "some text" >files/seen
echo "more text" >files/hidden

world=("$microcosm" --modules "$PWD/set.so" --host-ro --ro "$PWD/files:/tmp/files")
[ "$("${world[@]}" cat /tmp/files/seen)" = "SOME TEXT" ] || fail "write: $("${world[@]}" cat /tmp/files/seen 2>&1)"
"${world[@]}" cat /tmp/files/hidden >out 2>err && fail "openat: the hidden file is there: $(cat out)"
contains err 'NO SUCH FILE' || fail "openat: $(cat err)"
[ "$("${world[@]}" sh -c 'cat /tmp/files/seen; (echo forked; cat /tmp/files/seen) | cat; exec echo executed')" = \
	"$(printf 'SOME TEXT\nFORKED\nSOME TEXT\nEXECUTED')" ] || fail "processes"
