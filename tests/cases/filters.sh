#!/bin/bash
# SPDX-License-Identifier: MIT
# Unmodified programs work as filters: busybox gives what it gives without Microcosm, and so do programs
# built against glibc and musl, static and static-PIE.
# timeout: 180
# shellcheck source=tests/cases/lib.sh
. "${tests:?}/cases/lib.sh"

busybox=$(command -v busybox) || skip "busybox is not installed"
file "$busybox" 2>/dev/null | grep -q dynamically && skip "busybox is not static: install busybox-static"
awk 'BEGIN { for (i = 0; i < 20000; i++) print i, "word" i * 7919 % 1000, i / 7 }' >data

same() { # ARG...
	"$busybox" "$@" <data >expected 2>&1
	local want=$? got
	"$microcosm" "$busybox" "$@" <data >found 2>&1
	got=$?
	[ $got = $want ] || fail "exit status $got, not $want: busybox $*: $(head -c 300 found)"
	cmp expected found >&2 || fail "another output: busybox $*"
}

# shellcheck disable=SC2016 # awk's own
same awk '{ sum[$2] += $3 } END { for (word in sum) print word, sum[word] }'
same sha256sum
same md5sum
same sort
same sort -k2,2 -k1n
same gzip -c
same bzip2 -c
same sed 's/word/x/g'
same grep word7
same grep nothing
same tr a-z A-Z
same cut -d' ' -f2
same wc
same uniq
same tac
same od -x
same base64
same cat
same true
same false
# shellcheck disable=SC2016 # the guest's shell expands
same sh -c 'echo a | while read x; do echo got $x; done; (exit 3); echo $?; kill -9 $$'
"$busybox" gzip -c <data >data.gz
"$microcosm" "$busybox" zcat <data.gz >found || fail "zcat"
cmp found data >&2 || fail "zcat: another output"

cat >filter.c <<'END'
#include <ctype.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long total;

static void *count(void *arg)
{
	for (long i = 0; i < 1000; i++) {
		pthread_mutex_lock(&lock);
		total++;
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[4];
	int c;

	setlocale(LC_ALL, "");
	while ((c = getchar()) != EOF)
		putchar(toupper(c));
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, count, NULL) != 0)
			return 1;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	printf("%ld %d %s %s\n", total, argc, argv[1], getenv("FILTER"));
	return ferror(stdin) || fflush(stdout) != 0 ? 1 : argc;
}
END

filter() { # COMPILER FLAG...
	command -v "$1" >/dev/null || return 0
	"$@" -O1 -pthread -o filter filter.c 2>compiler.out || fail "cannot build: $*: $(cat compiler.out)"
	FILTER=yes ./filter one <data >expected
	FILTER=yes "$microcosm" ./filter one <data >found 2>errors
	[ $? = 2 ] || fail "exit status: $*: $(cat errors)"
	cmp expected found >&2 || fail "another output: $*"
}

filter gcc -static
filter gcc -static-pie -fPIE
filter musl-gcc -static
filter musl-gcc -static-pie -fPIE
