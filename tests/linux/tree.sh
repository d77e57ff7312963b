# SPDX-License-Identifier: MIT
# What names mean in a tree of several parts, for a shell inside. cases/confined.sh runs it in a tree that is
# mounted and in one that cannot be, and compares.
# shellcheck shell=sh disable=SC2164
# The tree: /a a directory to read, with a link `abs` to /b and `up` to ../../b; /a/sub one to write, in it
# `hidden` and `deep/h` which are hidden, and `t`, a tmpfs; /a/file2 another file; /b to write, in it `in`;
# /twice the same to read.
go() {
	cd "$1" 2>&1 && pwd
}
try() { # as a line: what was done, what it said and how it ended
	text=$(/bin/busybox "$@" 2>&1)
	status=$?
	# shellcheck disable=SC2086 # one line
	echo "$*:" $text $status
}
busybox() {
	/bin/busybox "$@"
}
set -f
try ls -a /
try ls -a /a
try ls -a /a/sub
try ls -a /a/sub/hidden
try cat /a/file /a/file2 /b/file
# What lies at two places is at each what it is there, whichever was seen first.
try find /twice
go /twice/in
echo no >new
go /b/in
echo yes >new
try cat /b/in/new
go /twice/in
echo no >new
try rm -r /b/in
# Up, down and across.
go /a/sub/t
try ls ..
try ls ../..
try ls ../../..
try ls ../../../..
try cat ../../file
go ..
go ..
go ../b
try ls -a ..
go /a/sub/hidden
try cat ../one
go /
try ls -d /a/sub/t/. /a/sub/t/.. /a/./sub//t/ /../../a
# Links: of the whole tree, wherever they lie.
try cat /a/abs/file /a/up/file /a/sub/abs/file /a/sub/up/file
busybox ln -s /a/file /b/absolute
busybox ln -s ../a/file /b/relative
busybox ln -s ../../../../../../a/sub/../file /b/far
busybox ln -s ../a/sub/t /b/tmp
busybox ln -s loop2 /b/loop1
busybox ln -s loop1 /b/loop2
busybox ln -s /nowhere /b/dangling
try cat /b/absolute /b/relative /b/far
try cat /b/loop1
try ls /b/loop1/
try cat /b/absolute/
try cat /a/file/.
try cat /a/file/..
echo through >/b/dangling
try cat /nowhere
busybox ln -s /b/made /b/makes
echo through >/b/makes
try cat /b/made
echo x >/b/tmp/here
try ls /a/sub/t /b/tmp/ /b/tmp
go /b/tmp
go ..
try readlink /b/far
try rm /b/tmp/
try rmdir /b/tmp/
# What begins here stays where it is.
try mv /a/sub/hidden /a/sub/elsewhere
try rmdir /a/sub/hidden
try rm -r /a/sub/t
try mv /a/sub/t /b/t
try mkdir /a/sub/t
try mkdir /a/sub/hidden/x
try mv /a/sub/one /a/sub/hidden
try rmdir /a/sub
try mv /b /c
# What is above it may move: it moves along.
try mv /a/sub/deep /a/sub/moved
try ls -a /a/sub/moved/h
try cat /a/sub/moved/h/secret
go /a/sub/moved/h
go ..
busybox mkdir /a/sub/deep /a/sub/deep/h
try ls -a /a/sub/deep/h
# A directory that somebody is in moves.
busybox mkdir -p /b/1/2/3 /b/other
go /b/1/2/3
busybox mv /b/1/2 /b/other/two
try pwd -P
try ls ..
try ls ../..
try ls ../../..
go ..
busybox rm -r /b/other
try ls .
try ls ..
go /
# From part to part.
try ln /a/file /b/hard
try ln /b/file /a/sub/hard
try ln /b/file /b/hard
try ln /b/far /b/hard-link
try ln /b/absolute/ /b/hard-slash
try ln /b /b/hard-directory
try mv /b/hard /a/sub/hard
try cat /a/sub/hard
# What may not be changed.
echo no >/a/file
echo no >>/a/file2
echo no >/a/new
try mkdir /a/d
try mkdir /a/sub
try rm /a/file
try mv /a/file /a/other
try ln -s x /a/link
try ln -s x /a/file
try chmod 700 /a/file
try chown 0 /a/file
try touch /a/file
try touch -h /a/abs
try touch /a/missing
try rm /a/missing
try mknod /a/p p
try mkfifo /a/sub/p
try test -w /a/file
try test -w /a/sub/one
try mkdir /new
# Devices.
try cat /dev/null
echo x >/dev/null
try head -c 2 /dev/zero
try chmod 755 /a/sub/one
try stat -c '%a %s %F' /a/sub/one /a/file /a /dev/null /b/far
