// SPDX-License-Identifier: MIT
// Policy files: options of the command line, one a line without the dashes. microcosm-policy(5).
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
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

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes the quotes away, in place: what would end or begin a line is written as in C. */
static int unquote(char *text, struct err *err)
{
	char *to = text;
	const char *from = text + 1;
	while (*from && *from != '"') {
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		from++;
		if (*from == 'n' || *from == 't' || *from == '"' || *from == '\\') {
			*to++ = *from == 'n' ? '\n' : *from == 't' ? '\t' : *from;
			from++;
		} else if (*from == 'x' && hex(from[1]) >= 0 && hex(from[2]) >= 0 && hex(from[1]) + hex(from[2])) {
			*to++ = (char)(16 * hex(from[1]) + hex(from[2]));
			from += 3;
		} else {
			return err_set(err, EINVAL, "in quotes, \\ is followed by n, t, \", \\ or xHH");
		}
	}
	if (*from != '"' || from[1])
		return err_set(err, EINVAL, "a quoted argument ends with its second quote");
	*to = 0;
	return 0;
}

static int apply_line(struct options *options, char *line, struct err *err)
{
	line = trim(line);
	if (*line == 0 || *line == '#')
		return 0;
	size_t len = strcspn(line, " \t");
	char *argument = line[len] ? trim(line + len) : NULL;
	line[len] = 0;
	if (argument && *argument == '"' && unquote(argument, err) < 0)
		return -EINVAL;
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

void policy_line(FILE *to, const char *name, const char *argument)
{
	size_t len = strlen(argument);
	bool quoted = len == 0 || strchr(" \t\"", argument[0]) || strchr(" \t", argument[len - 1]);
	for (const char *p = argument; *p; p++)
		quoted = quoted || (unsigned char)*p < ' ' || *p == 0x7f;
	fprintf(to, "%s ", name);
	if (!quoted) {
		fprintf(to, "%s\n", argument);
		return;
	}
	fputc('"', to);
	for (const char *p = argument; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(to, "\\%c", *p);
		else if ((unsigned char)*p < ' ' || *p == 0x7f)
			fprintf(to, "\\x%02x", (unsigned)*p);
		else
			fputc(*p, to);
	}
	fputs("\"\n", to);
}

__attribute__((format(printf, 3, 4))) static void print_line(FILE *to, const char *name,
							       const char *format, ...)
{
	char *argument;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&argument, format, ap);
	va_end(ap);
	if (n < 0) {
		fprintf(stderr, "microcosm: no memory for a policy's line\n");
		return;
	}
	policy_line(to, name, argument);
	free(argument);
}

static void print_entry(const struct tree_option *entry, FILE *to)
{
	static const char *const names[] = {
		[CTL_TREE_RO] = "ro", [CTL_TREE_RW] = "rw", [CTL_TREE_TMPFS] = "tmpfs",
		[CTL_TREE_EMPTY] = "hide", [CTL_TREE_LINK] = "symlink", [CTL_TREE_DEV] = "dev",
		[CTL_TREE_PROC] = "proc",
	};
	if (entry->kind == CTL_TREE_DEV || entry->kind == CTL_TREE_PROC)
		fprintf(to, "%s\n", names[entry->kind]);
	else
		print_line(to, names[entry->kind], "%.*s%s%s", (int)entry->host_len,
			   entry->host ? entry->host : "", entry->host && entry->guest ? ":" : "",
			   entry->guest ? entry->guest : "");
}

void policy_print_files(const struct options *options, FILE *to)
{
	for (size_t i = 0; i < options->n_tree; i++)
		if (!options->tree[i].learning)
			print_entry(&options->tree[i], to);
}

void policy_print(const struct options *options, FILE *to)
{
	policy_print_files(options, to);
	net_print(&options->net, to);
	if (options->cwd)
		policy_line(to, "cwd", options->cwd);
	if (options->clear_env)
		fprintf(to, "clear-env\n");
	for (size_t i = 0; i < options->n_env; i++)
		policy_line(to, "env", options->env[i]);
	policy_print_rest(options, to);
}

void policy_print_rest(const struct options *options, FILE *to)
{
	for (size_t i = 0; i < options->n_words; i++)
		print_line(to, "option", "%.*s=%.*s", (int)options->words[i].name_len, options->words[i].name,
			   (int)options->words[i].value_len, options->words[i].value);
	if (options->modules)
		policy_line(to, "modules", options->modules);
	if (options->no_modules)
		fprintf(to, "no-modules\n");
	if (options->host_files)
		fprintf(to, "host-files\n");
	if (options->wait)
		fprintf(to, "wait\n");
	if (options->no_aslr)
		fprintf(to, "no-aslr\n");
	if (options->no_patch)
		fprintf(to, "no-patch\n");
}
