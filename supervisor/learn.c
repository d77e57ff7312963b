// SPDX-License-Identifier: MIT
// --learn: writes the policy that a program needs, of what the host process saw it find, and what it was kept
// from writing.
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"
#include "world.h"

#define ADDRESSES_MAX 256

struct learned { /* all that is known of a path */
	char *path;
	char *target; /* of a link, else NULL */
	bool directory, read, write;
	bool covered; /* by what stands for it */
	bool inner;   /* a directory with something in it that has a line */
};

struct learn {
	FILE *file;
	const char *name;
	struct learned *list;
	size_t n, room;
	bool too_much, no_memory;
	bool tmp, proc, dev; /* something in there was asked for */
	char cwd[PATH_MAX];
	char *addresses[ADDRESSES_MAX]; /* that were refused, as --net has them */
	size_t n_addresses;
	char **said; /* places in the tree that the user fills himself */
	size_t n_said;
};

static int note_said(struct learn *learn, const struct options *options)
{
	learn->said = calloc(options->n_tree + 1, sizeof *learn->said);
	if (!learn->said)
		return -ENOMEM;
	for (size_t i = 0; i < options->n_tree; i++) {
		const struct tree_option *entry = &options->tree[i];
		if (entry->learning)
			continue;
		char *host = entry->guest ? NULL : strndup(entry->host, entry->host_len);
		char *place = entry->guest ? strdup(entry->guest) : host ? realpath(host, NULL) : NULL;
		if (place) /* else the world will not be made */
			learn->said[learn->n_said++] = place;
		free(host);
	}
	return 0;
}

int learn_open(struct world *w, const struct options *options, struct err *err)
{
	if (!options->learn)
		return 0;
	w->learn = calloc(1, sizeof *w->learn);
	if (!w->learn)
		return err_set(err, ENOMEM, "no memory to learn");
	w->learn->name = options->learn;
	w->learn->file = fopen(options->learn, "we");
	if (!w->learn->file)
		return err_sys(err, errno, "--learn: %s", options->learn);
	if (note_said(w->learn, options) < 0)
		return err_set(err, ENOMEM, "no memory to learn");
	if (options->cwd)
		snprintf(w->learn->cwd, sizeof w->learn->cwd, "%s", options->cwd);
	else if (!getcwd(w->learn->cwd, sizeof w->learn->cwd))
		w->learn->cwd[0] = 0;
	return 0;
}

static void add(struct learn *learn, const struct learned *one)
{
	if (learn->n == learn->room) {
		size_t room = learn->room ? 2 * learn->room : 256;
		struct learned *grown = reallocarray(learn->list, room, sizeof *grown);
		if (!grown) {
			learn->no_memory = true;
			return;
		}
		learn->list = grown;
		learn->room = room;
	}
	learn->list[learn->n++] = *one;
}

void learn_note(struct world *w, const struct ctl_msg *msg)
{
	const char *target = msg->text + strlen(msg->text) + 1;
	if (!w->learn || msg->text[0] != '/' || target >= msg->text + msg->text_len)
		return;
	if (msg->a == CTL_LEARNED_TOO_MUCH) {
		w->learn->too_much = true;
		return;
	}
	struct learned one = {
		.path = strdup(msg->text),
		.target = msg->a == CTL_LEARNED_LINK ? strdup(target) : NULL,
		.directory = msg->b != 0,
		.read = msg->a == CTL_LEARNED_READ,
		.write = msg->a == CTL_LEARNED_WRITE,
	};
	if (one.path && (one.target || msg->a != CTL_LEARNED_LINK))
		add(w->learn, &one);
	else
		w->learn->no_memory = true;
}

void learn_address(struct world *w, const union net_address *address)
{
	char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];
	struct learn *learn = w->learn;
	if (!learn)
		return;
	if (address->any.sa_family == AF_INET6 &&
	    inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof host))
		snprintf(text, sizeof text, "[%s]:%u", host, ntohs(address->in6.sin6_port));
	else if (address->any.sa_family != AF_INET6 &&
		 inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof host))
		snprintf(text, sizeof text, "%s:%u", host, ntohs(address->in.sin_port));
	else
		return;
	for (size_t i = 0; i < learn->n_addresses; i++)
		if (strcmp(learn->addresses[i], text) == 0)
			return;
	if (learn->n_addresses == ADDRESSES_MAX) {
		learn->too_much = true;
		return;
	}
	learn->addresses[learn->n_addresses] = strdup(text);
	if (learn->addresses[learn->n_addresses])
		learn->n_addresses++;
	else
		learn->no_memory = true;
}

/* ---- Paths ---- */

/* At or beneath. */
static bool is_under(const char *path, const char *directory)
{
	size_t len = strlen(directory);
	while (len > 0 && directory[len - 1] == '/')
		len--;
	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == 0);
}

/* The length of the directory that the first len bytes of path lie in; 0 at the root. */
static size_t parent_len(const char *path, size_t len)
{
	while (len > 1 && path[len - 1] != '/')
		len--;
	return len > 1 ? len - 1 : path[1] && len == 1 ? 1 : 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct learned *)a)->path, ((const struct learned *)b)->path);
}

static struct learned *find(const struct learn *learn, const char *path, size_t len)
{
	size_t low = 0, high = learn->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *other = learn->list[middle].path;
		int order = strncmp(path, other, len);
		if (order == 0 && other[len])
			order = -1;
		if (order == 0)
			return &learn->list[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* Calls with the entry of each directory that path lies in, where there is one. */
static bool any_parent(struct learn *learn, const char *path, bool (*is)(struct learned *parent))
{
	bool found = false;
	size_t len = strlen(path);
	while ((len = len > 1 ? parent_len(path, len) : 0) > 0) {
		struct learned *parent = find(learn, path, len);
		if (parent && is(parent))
			found = true;
		if (len == 1)
			break;
	}
	return found;
}

/* ---- What stands for what ---- */

static void merge(struct learn *learn)
{
	size_t n = 0;
	if (learn->n)
		qsort(learn->list, learn->n, sizeof *learn->list, by_path);
	for (size_t i = 0; i < learn->n; i++) {
		struct learned *one = &learn->list[i], *last = n ? &learn->list[n - 1] : NULL;
		if (!last || strcmp(last->path, one->path) != 0) {
			learn->list[n++] = *one;
			continue;
		}
		last->directory |= one->directory;
		last->read |= one->read;
		last->write |= one->write;
		free(one->path);
		if (last->target)
			free(one->target);
		else
			last->target = one->target;
	}
	learn->n = n;
}

static bool stands_for_all(struct learned *parent)
{
	return !parent->covered && parent->directory && parent->read;
}

static bool mark_inner(struct learned *parent)
{
	parent->inner = true;
	return false;
}

/* What the user said himself, or has a line of its own kind. */
static bool said_otherwise(struct learn *learn, const char *path)
{
	for (size_t i = 0; i < learn->n_said; i++)
		if (is_under(path, learn->said[i]))
			return true;
	bool *kinds[] = {&learn->tmp, &learn->proc, &learn->dev};
	static const char *const places[] = {"/tmp", "/proc", "/dev"};
	for (int i = 0; i < 3; i++)
		if (is_under(path, places[i]))
			return *kinds[i] = true;
	return false;
}

/* Where the program started it was meant to. */
static bool is_allowed(const struct learn *learn, const struct learned *one)
{
	return one->write && learn->cwd[0] && learn->cwd[1] && is_under(one->path, learn->cwd);
}

static void sift(struct learn *learn)
{
	merge(learn);
	for (size_t i = 0; i < learn->n; i++)
		learn->list[i].covered = said_otherwise(learn, learn->list[i].path);
	/* Sorted, so that a directory comes before what is in it. */
	for (size_t i = 0; i < learn->n; i++)
		if (any_parent(learn, learn->list[i].path, stands_for_all))
			learn->list[i].covered = true;
	for (size_t i = 0; i < learn->n; i++)
		if (!learn->list[i].covered || is_allowed(learn, &learn->list[i]))
			any_parent(learn, learn->list[i].path, mark_inner);
	for (size_t i = 0; i < learn->n_said; i++)
		any_parent(learn, learn->said[i], mark_inner);
}

/* ---- The file ---- */

/* HOST[:GUEST] has no way to say a path with this in it. */
static bool can_be_said(const char *path)
{
	return strstr(path, ":/") == NULL;
}

static void write_line(FILE *to, const char *name, const char *argument, const char *path)
{
	if (!can_be_said(path))
		fputs("# cannot be said: ", to);
	policy_line(to, name, argument);
}

static void write_link(FILE *to, const struct learned *link)
{
	char text[2 * PATH_MAX];
	snprintf(text, sizeof text, "%s:%s", link->target, link->path);
	write_line(to, "symlink", text, link->path);
}

static void write_found(FILE *to, const struct learned *one)
{
	if (one->covered)
		return;
	if (one->target)
		write_link(to, one);
	else if (!one->directory || one->read)
		write_line(to, "ro", one->path, one->path);
	else if (!one->inner && one->path[1])
		write_line(to, "hide", one->path, "");
}

static void write_refused(FILE *to, const struct learn *learn, const struct learned *one)
{
	if (!one->write)
		return;
	if (!is_allowed(learn, one))
		fputs("# ", to);
	write_line(to, "rw", one->path, one->path);
}

static void write_all(const struct learn *learn, const struct options *options)
{
	FILE *to = learn->file;
	fputs("# What the program asked for, see microcosm-policy(5). To be read before it is relied on.\n", to);
	if (options->cwd)
		policy_line(to, "cwd", options->cwd);
	net_print(&options->net, to);
	policy_print_rest(options, to);
	for (size_t i = 0; i < learn->n; i++)
		write_found(to, &learn->list[i]);
	const struct learned *root = find(learn, "/", 1);
	bool all = root && root->read && !root->covered; /* what --learn itself lays over it */
	if (learn->tmp || all)
		fputs("tmpfs /tmp\n", to);
	if (learn->proc || all)
		fputs("proc\n", to);
	if (learn->dev || all)
		fputs("dev\n", to);
	policy_print_files(options, to);
	fputs("# What it was kept from writing, allowed where it started:\n", to);
	for (size_t i = 0; i < learn->n; i++)
		write_refused(to, learn, &learn->list[i]);
	if (learn->n_addresses)
		fputs("# The network that it was kept from:\n", to);
	for (size_t i = 0; i < learn->n_addresses; i++)
		fprintf(to, "# net %s\n", learn->addresses[i]);
}

void learn_close(struct world *w, const struct options *options)
{
	struct learn *learn = w->learn;
	if (!learn)
		return;
	if (learn->file) {
		sift(learn);
		write_all(learn, options);
		if (ferror(learn->file) | fclose(learn->file))
			fprintf(stderr, "microcosm: --learn: %s: cannot be written\n", learn->name);
	}
	if (learn->too_much || learn->no_memory)
		fprintf(stderr, "microcosm: --learn: %s is incomplete: the program asked for too much\n",
			learn->name);
	for (size_t i = 0; i < learn->n; i++) {
		free(learn->list[i].path);
		free(learn->list[i].target);
	}
	for (size_t i = 0; i < learn->n_addresses; i++)
		free(learn->addresses[i]);
	for (size_t i = 0; i < learn->n_said; i++)
		free(learn->said[i]);
	free(learn->said);
	free(learn->list);
	free(learn);
	w->learn = NULL;
}
