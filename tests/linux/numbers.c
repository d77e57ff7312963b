/* SPDX-License-Identifier: MIT
 * Calls by the numbers that C libraries have others for by now; names.c has what they do. cases/calls.sh
 * compares. */
#include "calls.h"

#include <linux/capability.h>
#include <utime.h>

int main(int argc, char **argv)
{
	char text[16] = "";
	struct stat st;
	struct utimbuf old = { 300, 400 };
	struct timeval pair[2] = { { 100, 2 }, { 200, 3 } };

	calls_begin(argc, argv);
	SYS(open, "f", O_RDWR | O_CREAT | O_EXCL, 0640);
	SYS(open, "f", O_RDWR | O_CREAT | O_EXCL, 0640);
	SYS(open, "none", O_RDONLY);
	SYS(stat, "f", &st);
	printf("mode %o\n", st.st_mode);
	SYS(lstat, "none", &st);
	SYS(symlinkat, "f", AT_FDCWD, "l");
	SYS(lstat, "l", &st);
	printf("mode %o\n", st.st_mode);
	SYS(readlinkat, AT_FDCWD, "l", text, sizeof text);
	SYS(mknod, "p", S_IFIFO | 0600, 0);
	SYS(mknod, "p", S_IFIFO | 0600, 0);
	SYS(faccessat, AT_FDCWD, "f", R_OK);
	SYS(faccessat, AT_FDCWD, "none", R_OK);
	SYS(fchownat, AT_FDCWD, "l", -1, getegid(), AT_SYMLINK_NOFOLLOW);
	SYS(fchmodat, AT_FDCWD, "f", 0600);
	SAY(syscall(452 /* fchmodat2 */, AT_FDCWD, "f", 0604, 0));
	SYS(utime, "f", &old);
	SYS(stat, "f", &st);
	printf("mode %o times %ld %ld\n", st.st_mode, (long)st.st_atime, (long)st.st_mtime);
	SYS(utimes, "f", pair);
	SYS(stat, "f", &st);
	printf("times %ld %ld\n", (long)st.st_atime, (long)st.st_mtime);
	pair[0].tv_sec = 5;
	SYS(futimesat, AT_FDCWD, "f", pair);
	SYS(stat, "f", &st);
	printf("times %ld %ld\n", (long)st.st_atime, (long)st.st_mtime);
	SYS(utimes, "none", pair);
	unlink("f");
	unlink("l");
	unlink("p");
	pid_t child = (pid_t)syscall(SYS_fork);
	if (child == 0)
		_exit(6);
	said_end("fork", child);
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	SYS(capget, &head, data);
	head.version = 1;
	SYS(capget, &head, data);
	printf("version %x\n", head.version);
	SYS(munlock, 4096, 0);
	SYS(munlockall);
	return 0;
}
