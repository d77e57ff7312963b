// SPDX-License-Identifier: MIT
// Policy files: options of the command line, one a line without the dashes. microcosm-policy(5).
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_MAX (1 << 20)

/* The file's text with a 0 behind it; NULL: err says why. */
static char *read_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text = NULL;
	size_t n = 0, room = 4096;
	ssize_t got = fd < 0 ? -1 : 1;
	while (got > 0) {
		char *grown = n + 1 < room && text ? text : realloc(text, room *= 2);
		if (!grown || room > BYTES_MAX) {
			err_set(err, E2BIG, "--policy: %s: too long", path);
			free(grown ? grown : text);
			close(fd);
			return NULL;
		}
		text = grown;
		got = read(fd, text + n, room - 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		err_sys(err, errno, "--policy: %s", path);
		free(text);
		text = NULL;
	} else {
		text[n] = 0;
		if (strlen(text) != n) {
			err_set(err, EINVAL, "--policy: %s: is no text", path);
			free(text);
			text = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return text;
}

static char *trim(char *text)
{
	text += strspn(text, " \t\r");
	size_t n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]))
		n--;
	text[n] = 0;
	return text;
}

static int apply_line(struct options *options, char *line, struct err *err)
{
	line = trim(line);
	if (*line == 0 || *line == '#')
		return 0;
	size_t len = strcspn(line, " \t");
	char *argument = line[len] ? trim(line + len) : NULL;
	line[len] = 0;
	return options_set(options, line, argument && *argument ? argument : NULL, err);
}

int policy_read(struct options *options, const char *path, struct err *err)
{
	char *text = read_file(path, err);
	if (!text)
		return -EINVAL;
	char **texts = reallocarray(options->texts, options->n_texts + 1, sizeof *texts);
	if (!texts) {
		free(text);
		return err_set(err, ENOMEM, "out of memory");
	}
	options->texts = texts;
	options->texts[options->n_texts++] = text;
	unsigned number = 1;
	for (char *line = text, *next; line; line = next, number++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (apply_line(options, line, err) < 0)
			return err_wrap(err, "%s:%u", path, number), -EINVAL;
	}
	return 0;
}

/* ---- The effective policy, in the same form ---- */

static void print_entry(const struct tree_option *entry, FILE *to)
{
	static const char *const names[] = {
		[CTL_TREE_RO] = "ro", [CTL_TREE_RW] = "rw", [CTL_TREE_TMPFS] = "tmpfs",
		[CTL_TREE_EMPTY] = "hide", [CTL_TREE_DEV] = "dev",
	};
	if (entry->kind == CTL_TREE_DEV)
		fprintf(to, "dev\n");
	else if (!entry->host)
		fprintf(to, "%s %s\n", names[entry->kind], entry->guest);
	else
		fprintf(to, "%s %.*s%s%s\n", names[entry->kind], (int)entry->host_len, entry->host,
			entry->guest ? ":" : "", entry->guest ? entry->guest : "");
}

void policy_print(const struct options *options, FILE *to)
{
	for (size_t i = 0; i < options->n_tree; i++)
		print_entry(&options->tree[i], to);
	if (options->cwd)
		fprintf(to, "cwd %s\n", options->cwd);
	if (options->clear_env)
		fprintf(to, "clear-env\n");
	for (size_t i = 0; i < options->n_env; i++)
		fprintf(to, "env %s\n", options->env[i]);
	for (size_t i = 0; i < options->n_words; i++)
		fprintf(to, "option %.*s=%.*s\n", (int)options->words[i].name_len, options->words[i].name,
			(int)options->words[i].value_len, options->words[i].value);
	if (options->modules)
		fprintf(to, "modules %s\n", options->modules);
	if (options->no_modules)
		fprintf(to, "no-modules\n");
	if (options->host_files)
		fprintf(to, "host-files\n");
	if (options->wait)
		fprintf(to, "wait\n");
	if (options->no_aslr)
		fprintf(to, "no-aslr\n");
}
