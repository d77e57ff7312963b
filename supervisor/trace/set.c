// SPDX-License-Identifier: MIT
// The SET of --trace=SET: a list of items, of which the last that matches decides.
#include "trace/set.h"

#include "microcosm.h"
#include "trace/kinds.h"
#include "trace/near.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum item_kind { ITEM_ALL, ITEM_CORE, ITEM_LINUX, ITEM_GATES, ITEM_SIGNALS, ITEM_THREADS,
		 ITEM_NUMBER, ITEM_MODULE };

struct item {
	enum item_kind kind;
	bool minus;
	int nr;
	const char *module; /* points into the set's text */
};

struct set {
	char *text;
	size_t n;
	struct item items[];
};

static const struct {
	const char *name;
	enum item_kind kind;
	bool minus; /* "none" is "!all" */
} words[] = {
	{ "all", ITEM_ALL, false },       { "none", ITEM_ALL, true },
	{ "core", ITEM_CORE, false },     { "linux", ITEM_LINUX, false },
	{ "gates", ITEM_GATES, false },   { "signals", ITEM_SIGNALS, false },
	{ "threads", ITEM_THREADS, false },
};
#define WORDS (sizeof words / sizeof words[0])

static void try_name(void *near, const char *name)
{
	near_try(near, name);
}

static int unknown_name(const char *name, struct err *err)
{
	struct near near;
	near_init(&near, name);
	for (size_t i = 0; i < WORDS; i++)
		near_try(&near, words[i].name);
	call_names(try_name, &near);
	if (near.best)
		return err_set(err, EINVAL, "--trace: no call or group is named '%s'; did you mean '%s'?",
			       name, near.best);
	return err_set(err, EINVAL, "--trace: no call or group is named '%s' (a module's calls: "
		       "by number, or module:NAME)", name);
}

static bool is_number(const char *text)
{
	if (*text == '-' || *text == '+')
		text++;
	return *text >= '0' && *text <= '9';
}

static int parse_number(const char *text, int *nr, struct err *err)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 0);
	if (*end)
		return err_set(err, EINVAL, "--trace: '%s' is not a number", text);
	if (errno || value < MC_NR_MIN || value > MC_NR_MAX)
		return err_set(err, EINVAL, "--trace: call numbers run from %d to %d, not %s", MC_NR_MIN,
			       MC_NR_MAX, text);
	*nr = (int)value;
	return 0;
}

static int parse_name(const char *name, struct item *item, struct err *err)
{
	for (size_t i = 0; i < WORDS; i++) {
		if (strcmp(words[i].name, name) == 0) {
			item->kind = words[i].kind;
			item->minus ^= words[i].minus;
			return 0;
		}
	}
	item->kind = ITEM_NUMBER;
	if (call_by_name(name, &item->nr) == 0)
		return 0;
	return unknown_name(name, err);
}

static int parse_item(char *text, struct item *item, struct err *err)
{
	static const char module[] = "module:";
	*item = (struct item){ 0 };
	for (; *text == '!'; text++)
		item->minus = !item->minus;
	if (!*text)
		return err_set(err, EINVAL, "--trace: a name is missing in the SET");
	if (is_number(text)) {
		item->kind = ITEM_NUMBER;
		return parse_number(text, &item->nr, err);
	}
	if (strncmp(text, module, sizeof module - 1) == 0) {
		item->kind = ITEM_MODULE;
		item->module = text + sizeof module - 1;
		if (!*item->module)
			return err_set(err, EINVAL, "--trace: a name is missing after 'module:'");
		return 0;
	}
	return parse_name(text, item, err);
}

int set_parse(const char *text, struct set **result, struct err *err)
{
	if (!text)
		text = "all";
	size_t n = 1;
	for (const char *c = text; *c; c++)
		n += *c == ',';
	struct set *set = calloc(1, sizeof *set + n * sizeof set->items[0]);
	char *copy = strdup(text);
	if (!set || !copy) {
		free(set);
		free(copy);
		return err_set(err, ENOMEM, "--trace: out of memory");
	}
	set->text = copy;
	for (char *rest = copy, *word; (word = strsep(&rest, ",")); set->n++) {
		int status = parse_item(word, &set->items[set->n], err);
		if (status) {
			set_free(set);
			return status;
		}
	}
	*result = set;
	return 0;
}

void set_free(struct set *set)
{
	if (set)
		free(set->text);
	free(set);
}

static bool same(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* An interposed call is still that call: numbers of core and Linux count whoever serves them. */
static bool item_has_call(const struct item *item, enum trace_source source, int nr,
			  const char *module)
{
	bool gate = source == TRACE_GATE;
	switch (item->kind) {
	case ITEM_ALL: return true;
	case ITEM_CORE:
		return source == TRACE_CORE || (!gate && nr < 0 && trace_call_name(nr));
	case ITEM_LINUX:
		return source == TRACE_LINUX || (!gate && (same(module, "linux") || call_is_linux(nr)));
	case ITEM_GATES: return gate;
	case ITEM_NUMBER: return !gate && nr == item->nr;
	case ITEM_MODULE: return same(module, item->module);
	default: return false;
	}
}

bool set_has_call(const struct set *set, enum trace_source source, int nr, const char *module)
{
	for (size_t i = set->n; i-- > 0;)
		if (item_has_call(&set->items[i], source, nr, module))
			return !set->items[i].minus;
	return set->items[0].minus;
}

static bool has_class(const struct set *set, enum item_kind kind)
{
	for (size_t i = set->n; i-- > 0;)
		if (set->items[i].kind == kind || set->items[i].kind == ITEM_ALL)
			return !set->items[i].minus;
	return set->items[0].minus;
}

bool set_has_signals(const struct set *set)
{
	return has_class(set, ITEM_SIGNALS);
}

bool set_has_threads(const struct set *set)
{
	return has_class(set, ITEM_THREADS);
}

const char *set_unknown_module(const struct set *set, const char *const *names, size_t n)
{
	for (size_t i = 0; i < set->n; i++) {
		const char *wanted = set->items[i].module;
		bool known = !wanted;
		for (size_t k = 0; k < n && !known; k++)
			known = strcmp(names[k], wanted) == 0;
		if (!known)
			return wanted;
	}
	return NULL;
}
