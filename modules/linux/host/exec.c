/* SPDX-License-Identifier: MIT
 * execve, the host half: finds the file, follows `#!` lines as Linux does, and has the program planned. */
#include <errno.h>
#include <fcntl.h>
#include <microcosm-host.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "names.h"

#define LINE_MAX_BYTES 255 /* of a `#!` line: BINPRM_BUF_SIZE less the terminator */
#define SCRIPTS_MAX 4      /* of scripts whose interpreters are scripts; one more is -ELOOP */

/* What must stand before a script's own arguments, in their order. */
struct words {
	uint32_t n, used;
	char text[NAMES_WORDS_BYTES];
};

static long words_prepend(struct words *words, const char *word)
{
	size_t size = strlen(word) + 1;

	if (words->used + size > sizeof(words->text))
		return -E2BIG;
	memmove(words->text + size, words->text, words->used);
	memcpy(words->text, word, size);
	words->used += (uint32_t)size;
	words->n++;
	return 0;
}

static int open_program(const struct names_at *at, uint64_t flags)
{
	struct stat st;
	int fd = name_open(at, O_RDONLY | O_NONBLOCK | flags, 0, 0);

	if (fd < 0)
		return fd == -ENXIO ? -EACCES : fd;
	int r = fstat(fd, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? -EACCES : 0;
	if (r == 0 && syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the line apart: the interpreter, and what follows it as one argument, or NULL. */
static long parse_line(char *line, char **interpreter, char **argument)
{
	char *end = line + strcspn(line, "\n");
	bool whole = *end == '\n' || strlen(line) < LINE_MAX_BYTES;

	while (end > line && is_blank(end[-1]))
		end--;
	*end = '\0';
	for (*interpreter = line + 2; is_blank(**interpreter); (*interpreter)++)
		;
	if (**interpreter == '\0')
		return -ENOEXEC;
	char *after = *interpreter + strcspn(*interpreter, " \t");
	if (*after == '\0' && !whole)
		return -ENOEXEC; /* the name itself may have been cut */
	*argument = NULL;
	if (*after != '\0') {
		*after++ = '\0';
		while (is_blank(*after))
			after++;
		*argument = after;
	}
	return 0;
}

/* The path of an interpreter, which starts where the process is. */
static long at_path(struct names_at *at, const char *path)
{
	size_t len = strlen(path);

	if (len >= NAMES_PATH_MAX)
		return -ENAMETOOLONG;
	at->dev = at->ino = 0;
	at->len = (uint32_t)len;
	memcpy(at->path, path, len + 1);
	return 0;
}

/* Follows one `#!` line: 1, and at names its interpreter; 0 when the file is no script. */
static long follow(int fd, struct names_at *at, struct words *words)
{
	char line[LINE_MAX_BYTES + 1], *interpreter, *argument;
	ssize_t n = pread(fd, line, LINE_MAX_BYTES, 0);

	if (n < 0)
		return -errno;
	line[n] = '\0';
	if (n < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	long r = parse_line(line, &interpreter, &argument);
	if (r == 0)
		r = words_prepend(words, at->path); /* the script, or the interpreter that is one */
	if (r == 0 && argument != NULL)
		r = words_prepend(words, argument);
	if (r == 0)
		r = at_path(at, interpreter);
	return r < 0 ? r : 1;
}

static int open_interpreter(void *context, const char *path)
{
	struct names_at at;

	(void)context;
	long r = at_path(&at, path);
	return r < 0 ? (int)r : open_program(&at, 0);
}

/* What program_plan says of a file that is no program is Linux's ENOEXEC. */
static long exec_errno(long r)
{
	switch (r) {
	case -ENOENT: case -EACCES: case -ENOMEM: case -EMFILE: case -ENFILE: case -ELOOP: case -EINVAL:
		return r;
	default: return -ENOEXEC;
	}
}

static long exec_file(struct names_at *at, uint64_t flags, struct words *words)
{
	char given[NAMES_PATH_MAX];
	int scripts = 0;

	memcpy(given, at->path, at->len + 1);
	for (;;) {
		int fd = open_program(at, scripts == 0 ? flags : 0);
		if (fd < 0)
			return fd;
		long r = follow(fd, at, words);
		if (r == 0) {
			if (scripts > 0) /* the interpreter is argv[0] */
				r = words_prepend(words, at->path);
			if (r == 0)
				r = mch_exec(fd, given, open_interpreter, NULL);
			close(fd);
			return r < 0 ? exec_errno(r) : 0;
		}
		close(fd);
		if (r < 0)
			return r;
		if (++scripts > SCRIPTS_MAX)
			return -ELOOP;
	}
}

long names_exec(const struct names_at *shared, int flags, struct names_words *to)
{
	struct names_at at;
	struct words words = { 0 };
	long r = at_fetch(&at, shared);

	if (r == 0)
		r = exec_file(&at, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0, &words);
	if (r == 0)
		r = mch_store(to, &words, offsetof(struct words, text) + words.used);
	return r;
}
