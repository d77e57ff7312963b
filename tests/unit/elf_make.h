/* SPDX-License-Identifier: MIT
 * Makes ELF files for tests with the compiler at hand, in a directory of the test's own. */
#ifndef TESTS_ELF_MAKE_H
#define TESTS_ELF_MAKE_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char make_dir[64];

__attribute__((unused)) static void make_setup(void)
{
	snprintf(make_dir, sizeof make_dir, "/tmp/mc-elf-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(make_dir));
}

__attribute__((unused)) static void make_teardown(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", make_dir);
	ck_assert_int_eq(system(command), 0);
}

/* The path of a file in the directory: a static buffer, one of eight in turn. */
__attribute__((unused)) static const char *make_path(const char *name)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s", make_dir, name);
	return path;
}

/* cc FLAGS -o name, the source from a string; FLAGS are for a shell in the directory. */
__attribute__((unused)) static const char *make_elf(const char *name, const char *flags,
						    const char *source)
{
	char command[2048];
	const char *cc = getenv("CC");
	snprintf(command, sizeof command, "cd '%s' && LC_ALL=C %s -x c - -x none -w -o '%s' -O1 -fcf-protection=none "
		 "-fno-stack-protector -nostdlib %s", make_dir, cc && *cc ? cc : "cc", name, flags);
	FILE *pipe = popen(command, "w");
	ck_assert_ptr_nonnull(pipe);
	fputs(source, pipe);
	ck_assert_msg(pclose(pipe) == 0, "%s failed", command);
	return make_path(name);
}

/* Changes n bytes at an offset. */
__attribute__((unused)) static void make_patch(const char *path, long offset, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, n, offset), (ssize_t)n);
	close(fd);
}

/* Reads a whole file: malloc'ed. */
__attribute__((unused)) static unsigned char *make_read(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	unsigned char *bytes = malloc((size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*size = (size_t)st.st_size;
	return bytes;
}

#endif
