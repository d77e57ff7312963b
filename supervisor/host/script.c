/* SPDX-License-Identifier: MIT
 * `#!` files: finds the program that is to run one, and the words that stand before its arguments, as
 * Linux does (binfmt_script). */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"

#define LINE_BYTES 255 /* that Linux looks at: BINPRM_BUF_SIZE less the terminator */
#define SCRIPTS_MAX 5  /* each the interpreter of the one before; one more is -ELOOP, as on Linux */

static int words_prepend(struct mch_words *words, const char *word)
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

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the line apart: the interpreter, and what follows it as one argument, or NULL. */
static int parse_line(char *line, char **interpreter, char **argument)
{
	char *end = line + strcspn(line, "\n");
	bool whole = *end == '\n' || strlen(line) < LINE_BYTES;

	while (end > line && is_blank(end[-1]))
		end--;
	*end = '\0';
	for (*interpreter = line + 2; is_blank(**interpreter); (*interpreter)++)
		;
	if (line + 2 > end || **interpreter == '\0')
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

/* Reads a `#!` line: 1, with the interpreter's name in interpreter; 0 when the file has none. */
static int read_line(int fd, const char *path, struct mch_words *words, char *interpreter)
{
	char line[LINE_BYTES + 1], *name, *argument;
	ssize_t n = pread(fd, line, LINE_BYTES, 0);

	if (n < 0)
		return -errno;
	line[n] = '\0';
	if (n < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	int r = parse_line(line, &name, &argument);
	if (r == 0)
		r = words_prepend(words, path);
	if (r == 0 && argument != NULL)
		r = words_prepend(words, argument);
	if (r == 0)
		strcpy(interpreter, name);
	return r < 0 ? r : 1;
}

int script_follow(int *fd, const char *path, int (*open)(void *, const char *), void *context,
		  struct mch_words *words)
{
	char name[LINE_BYTES + 1] = "";

	words->n = words->used = 0;
	for (int scripts = 0;; scripts++) {
		char next[LINE_BYTES + 1];
		int r = read_line(*fd, scripts == 0 ? path : name, words, next);

		if (r == 0)
			return scripts == 0 ? 0 : words_prepend(words, name);
		if (r > 0 && scripts == SCRIPTS_MAX)
			r = -ELOOP;
		if (r < 0)
			return r;
		memcpy(name, next, sizeof(name));
		int opened = open(context, name);
		if (opened < 0)
			return opened;
		close(*fd);
		*fd = opened;
	}
}
