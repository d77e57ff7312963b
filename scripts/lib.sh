# SPDX-License-Identifier: MIT
# What the scripts share: finding and installing what is missing, and quiet builds. To be sourced by
# bash, with `root` set to the source tree.
# shellcheck shell=bash
: "${root:?}"

note() {
	printf '%s\n' "$*" >&2
}

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# ---- Packages ----

wanted=()

# want PACKAGE COMMAND-OR-FILE: the package is needed unless the command or file is there.
want() {
	case $2 in
	/*) [ -e "$2" ] || wanted+=("$1") ;;
	*) command -v "$2" >/dev/null || wanted+=("$1") ;;
	esac
}

want_for_build() {
	want gcc gcc
	want libc6-dev /usr/include/stdio.h
	want make make
	want autoconf autoconf
	want automake automake
	want pkg-config pkg-config
	want libseccomp-dev /usr/include/seccomp.h
	want check /usr/include/check.h
}

# The tour and the tests run a busybox without shared libraries.
want_busybox() {
	local busybox
	busybox=$(command -v busybox) || {
		wanted+=(busybox-static)
		return
	}
	# The interpreter's path is in a dynamic program, in its first page.
	if head -c 4096 "$busybox" | LC_ALL=C grep -aq /lib64/ld-linux; then
		wanted+=(busybox-static)
	fi
}

# In a shell of its own, with `become` set. Of servers the files are wanted: none is to start (invoke-rc.d(8)).
install_packages() { # PACKAGE...
	local policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		trap '"${become[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
		printf '#!/bin/sh\nexit 101\n' | "${become[@]}" install -m 755 /dev/stdin $policy
	fi
	"${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null || true
	"${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" </dev/null
}

install_wanted() {
	local become=() log
	[ ${#wanted[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		fail "these Debian packages (or your system's equivalents) are missing: ${wanted[*]}"
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null ||
			fail "missing: ${wanted[*]}. Install them (apt-get install ${wanted[*]}), or run this as root or with sudo installed"
		become=(sudo)
	fi
	note "Installing ${wanted[*]} ..."
	log=$(mktemp)
	if ! (install_packages "${wanted[@]}") >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		fail "could not install: ${wanted[*]}"
	fi
	rm -f "$log"
	wanted=()
}

# ---- Building ----

# Runs a command with its output in a log; shows the end of it when the command fails.
quietly() { # LOG COMMAND...
	local log=$1
	shift
	mkdir -p "${log%/*}"
	"$@" </dev/null >"$log" 2>&1 || {
		tail -n 40 "$log" >&2
		note "${0##*/}: failed: $* (all of the output: $log)"
		return 1
	}
}

prepare_configure() {
	if [ -e "$root/config.status" ]; then
		fail "the source tree itself is configured, which keeps it from building elsewhere: run \"make distclean\" in $root first"
	fi
	if [ ! -x "$root/configure" ] || [ ! -e "$root/Makefile.in" ] ||
		[ "$root/configure.ac" -nt "$root/configure" ] || [ "$root/Makefile.am" -nt "$root/Makefile.in" ]; then
		(cd "$root" && quietly "$root/build/autoreconf.log" autoreconf -fi) || return 1
		# What autoreconf finds up to date it leaves old.
		touch "$root/configure" "$root/Makefile.in"
	fi
}

# Configures DIR when it is not yet, or configured by an older configure.
configure_in() { # DIR OPTION...
	local dir=$1
	shift
	mkdir -p "$dir"
	if [ ! -e "$dir/config.status" ] || [ "$root/configure" -nt "$dir/config.status" ]; then
		(cd "$dir" && quietly "$dir/configure.out" "$root/configure" "$@")
	fi
}

build_in() { # DIR TARGET...
	local dir=$1
	shift
	quietly "$dir/make.out" make -C "$dir" -j"$(nproc)" "$@"
}
