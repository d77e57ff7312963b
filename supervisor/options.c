// SPDX-License-Identifier: MIT
// The command line, by a table: a row says how an option is called, what it sets, and what the help
// says of it.
#include "options.h"

#include "trace/near.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum argument { ARG_NONE, ARG_OPTIONAL, ARG_REQUIRED }; /* optional: only as --name=ARGUMENT */

struct parse {
	struct options *options;
	bool lines; /* asked for by --trace itself... */
	bool ring;  /* ... or by --trace-ring */
	bool shape; /* by an option that lines are needed for */
	struct err *err;
};

struct option_row {
	char letter; /* 0: none */
	const char *name;
	enum argument argument;
	const char *argument_name;
	int (*set)(struct parse *parse, const char *argument);
	const char *help; /* lines end in \n */
};

struct option_group {
	const char *title;
	const struct option_row *rows;
};

#define HOSTNAME_MAX 64 /* Linux's */
#define HINT "see 'microcosm --help'"

/* ---- What options do ---- */

static int set_trace(struct parse *parse, const char *argument)
{
	parse->lines = true;
	if (argument)
		parse->options->tracing.set = argument;
	return 0;
}

static int set_trace_ring(struct parse *parse, const char *argument)
{
	parse->ring = true;
	parse->options->ring = true;
	if (argument)
		parse->options->tracing.set = argument;
	return 0;
}

static int set_output(struct parse *parse, const char *argument)
{
	if (!*argument)
		return err_set(parse->err, EINVAL, "-o: a file name is missing; " HINT);
	parse->options->tracing.file = argument;
	return 0;
}

static int set_summary(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->tracing.summary = true;
	return 0;
}

static int set_relative(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->tracing.relative = true;
	parse->shape = true;
	return 0;
}

static int set_format(struct parse *parse, const char *argument)
{
	if (strcmp(argument, "text") != 0 && strcmp(argument, "json") != 0)
		return err_set(parse->err, EINVAL,
			       "--trace-format: '%s' is neither 'text' nor 'json'; " HINT, argument);
	parse->options->tracing.format = argument;
	parse->shape = true;
	return 0;
}

static int set_modules(struct parse *parse, const char *argument)
{
	if (!*argument)
		return err_set(parse->err, EINVAL, "--modules: a file name is missing; " HINT);
	parse->options->modules = argument;
	return 0;
}

static int set_no_modules(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->no_modules = true;
	return 0;
}

static int set_surface(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->action = OPTIONS_SURFACE;
	return 0;
}

static int set_no_patch(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->no_patch = true;
	return 0;
}

static int set_no_aslr(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->no_aslr = true;
	return 0;
}

static int set_wait(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->wait = true;
	return 0;
}

static int set_host_files(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->host_files = true;
	return 0;
}

static int tree_add(struct parse *parse, enum ctl_tree kind, const char *host, size_t host_len,
		    const char *guest)
{
	struct options *options = parse->options;
	struct tree_option *tree = reallocarray(options->tree, options->n_tree + 1, sizeof *tree);
	if (!tree)
		return err_set(parse->err, ENOMEM, "out of memory");
	options->tree = tree;
	options->tree[options->n_tree++] = (struct tree_option){
		.kind = kind, .host = host, .host_len = host_len, .guest = guest };
	return 0;
}

/* HOST[:GUEST]: the last colon that a path follows parts them. */
static int set_bind(struct parse *parse, enum ctl_tree kind, const char *option, const char *argument)
{
	const char *guest = NULL;
	for (const char *p = argument; (p = strstr(p, ":/")) != NULL; p++)
		guest = p + 1;
	size_t len = guest ? (size_t)(guest - 1 - argument) : strlen(argument);
	if (len == 0)
		return err_set(parse->err, EINVAL, "--%s: '%s' names nothing of the host's; " HINT, option,
			       argument);
	return tree_add(parse, kind, argument, len, guest);
}

static int set_ro(struct parse *parse, const char *argument)
{
	return set_bind(parse, CTL_TREE_RO, "ro", argument);
}

static int set_rw(struct parse *parse, const char *argument)
{
	return set_bind(parse, CTL_TREE_RW, "rw", argument);
}

/* TARGET:GUEST, parted as above; TARGET is not looked at. */
static int set_symlink(struct parse *parse, const char *argument)
{
	int status = set_bind(parse, CTL_TREE_LINK, "symlink", argument);
	if (!status && !parse->options->tree[parse->options->n_tree - 1].guest)
		return err_set(parse->err, EINVAL, "--symlink: '%s' is not TARGET:GUEST; " HINT, argument);
	return status;
}

static int set_root(struct parse *parse, const char *argument)
{
	if (!*argument)
		return err_set(parse->err, EINVAL, "--root: a directory is missing; " HINT);
	return tree_add(parse, CTL_TREE_RO, argument, strlen(argument), "/");
}

static int set_tmpfs(struct parse *parse, const char *argument)
{
	if (argument[0] != '/')
		return err_set(parse->err, EINVAL, "--tmpfs: '%s' is not a path from the root; " HINT, argument);
	return tree_add(parse, CTL_TREE_TMPFS, NULL, 0, argument);
}

static int set_hide(struct parse *parse, const char *argument)
{
	if (argument[0] != '/')
		return err_set(parse->err, EINVAL, "--hide: '%s' is not a path from the root; " HINT, argument);
	return tree_add(parse, CTL_TREE_EMPTY, NULL, 0, argument);
}

static int set_dev(struct parse *parse, const char *argument)
{
	(void)argument;
	return tree_add(parse, CTL_TREE_DEV, NULL, 0, "/dev");
}

static int set_proc(struct parse *parse, const char *argument)
{
	(void)argument;
	return tree_add(parse, CTL_TREE_PROC, NULL, 0, "/proc");
}

/* What of the host tells more than files, or lets its processes be reached, is left out. */
static int set_host_ro(struct parse *parse, const char *argument)
{
	(void)argument;
	int status = tree_add(parse, CTL_TREE_RO, "/", 1, "/");
	if (!status)
		status = tree_add(parse, CTL_TREE_TMPFS, NULL, 0, "/tmp");
	if (!status)
		status = set_proc(parse, NULL);
	if (!status)
		status = tree_add(parse, CTL_TREE_EMPTY, NULL, 0, "/sys");
	if (!status)
		status = tree_add(parse, CTL_TREE_EMPTY, NULL, 0, "/run");
	return status ? status : set_dev(parse, NULL);
}

static int set_net(struct parse *parse, const char *argument)
{
	return net_add(&parse->options->net, argument, parse->err);
}

/* All of the host's files but its /proc: there the world has its own. */
static int set_learn(struct parse *parse, const char *argument)
{
	size_t first = parse->options->n_tree;
	if (!*argument || parse->options->learn)
		return err_set(parse->err, EINVAL, "--learn: %s; " HINT,
			       *argument ? "once is enough" : "a file name is missing");
	int status = tree_add(parse, CTL_TREE_RO, "/", 1, "/");
	if (!status)
		status = tree_add(parse, CTL_TREE_TMPFS, NULL, 0, "/tmp");
	if (!status)
		status = set_proc(parse, NULL);
	if (!status)
		status = set_dev(parse, NULL);
	for (size_t i = first; i < parse->options->n_tree; i++)
		parse->options->tree[i].learning = true;
	parse->options->learn = argument;
	return status;
}

static int set_cwd(struct parse *parse, const char *argument)
{
	if (argument[0] != '/')
		return err_set(parse->err, EINVAL, "--cwd: '%s' is not a path from the root; " HINT, argument);
	parse->options->cwd = argument;
	return 0;
}

static int set_env(struct parse *parse, const char *argument)
{
	struct options *options = parse->options;
	if (!strchr(argument, '=') || argument[0] == '=')
		return err_set(parse->err, EINVAL, "--env: '%s' is not NAME=VALUE; " HINT, argument);
	const char **env = reallocarray(options->env, options->n_env + 1, sizeof *env);
	if (!env)
		return err_set(parse->err, ENOMEM, "out of memory");
	options->env = env;
	options->env[options->n_env++] = argument;
	return 0;
}

static int set_clear_env(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->clear_env = true;
	return 0;
}

static int add_word(struct parse *parse, const char *name, size_t name_len, const char *value,
		    size_t value_len)
{
	struct options *options = parse->options;
	struct word_option *words = reallocarray(options->words, options->n_words + 1, sizeof *words);
	if (!words)
		return err_set(parse->err, ENOMEM, "out of memory");
	options->words = words;
	options->words[options->n_words++] = (struct word_option){ name, value, name_len, value_len };
	return 0;
}

static int set_option(struct parse *parse, const char *argument)
{
	const char *value = strchr(argument, '=');
	if (!value || value == argument)
		return err_set(parse->err, EINVAL, "--option: '%s' is not NAME=VALUE; " HINT, argument);
	return add_word(parse, argument, (size_t)(value - argument), value + 1, strlen(value + 1));
}

static int set_hostname(struct parse *parse, const char *argument)
{
	size_t len = strlen(argument);
	if (len == 0 || len > HOSTNAME_MAX)
		return err_set(parse->err, EINVAL, "--hostname: a name has 1 to %d bytes; " HINT, HOSTNAME_MAX);
	return add_word(parse, "hostname", 8, argument, len);
}

/* Digits of an id that Linux can have: UINT32_MAX says "none". */
static bool is_id(const char *text, size_t len)
{
	uint64_t id = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		id = 10 * id + (uint64_t)(text[i] - '0');
		if (id >= UINT32_MAX)
			return false;
	}
	return len > 0;
}

static int set_uid(struct parse *parse, const char *argument)
{
	size_t len = strcspn(argument, ":");
	const char *gid = argument[len] ? argument + len + 1 : argument;
	size_t gid_len = argument[len] ? strlen(gid) : len;
	if (!is_id(argument, len) || !is_id(gid, gid_len))
		return err_set(parse->err, EINVAL, "--uid: '%s' is not UID or UID:GID, in numbers; " HINT, argument);
	int status = add_word(parse, "uid", 3, argument, len);
	return status ? status : add_word(parse, "gid", 3, gid, gid_len);
}

static int set_policy(struct parse *parse, const char *argument)
{
	return policy_read(parse->options, argument, parse->err);
}

static int set_print_policy(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->action = OPTIONS_POLICY;
	return 0;
}

static int set_help(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->action = OPTIONS_HELP;
	return 0;
}

static int set_version(struct parse *parse, const char *argument)
{
	(void)argument;
	parse->options->action = OPTIONS_VERSION;
	return 0;
}

/* ---- The table ---- */

static const struct option_row world_rows[] = {
	{ 0, "modules", ARG_REQUIRED, "FILE", set_modules,
	  "the module set (default: $MICROCOSM_MODULES,\nelse the installed one)\n" },
	{ 0, "no-modules", ARG_NONE, NULL, set_no_modules,
	  "no modules: the core's nine calls and nothing else\n" },
	{ 0, "surface", ARG_NONE, NULL, set_surface,
	  "print all that the module set lets a program reach\n"
	  "(gates and granted kernel calls), one a line, and end\n" },
	{ 0, "host-files", ARG_NONE, NULL, set_host_files,
	  "let host components open the host's files; without it\nthey are kept from them once the modules are up\n" },
	{ 0, "wait", ARG_NONE, NULL, set_wait,
	  "wait for all of the world's processes; without it they\nare killed when PROGRAM ends\n" },
	{ 0, "no-aslr", ARG_NONE, NULL, set_no_aslr, "the same addresses in every run\n" },
	{ 0, "no-patch", ARG_NONE, NULL, set_no_patch, "leave the program's code as it is\n" },
	{ 0 },
};

static const struct option_row net_rows[] = {
	{ 0, "net", ARG_REQUIRED, "none|host|LIST", set_net,
	  "addresses to connect and bind to. LIST: ADDR:PORT, or\n"
	  "[IPv6]:PORT, separated by commas; ADDR may be * or end\n"
	  "in /BITS, PORT be *. host: all; default: none\n" },
	{ 0 },
};

/* In this order they are laid over each other: HOST at GUEST, by default at its own path. */
static const struct option_row file_rows[] = {
	{ 0, "ro", ARG_REQUIRED, "HOST[:GUEST]", set_ro, "a file or directory of the host's, read-only\n" },
	{ 0, "rw", ARG_REQUIRED, "HOST[:GUEST]", set_rw, "the same, to be changed too\n" },
	{ 0, "root", ARG_REQUIRED, "DIR", set_root, "DIR as the root, read-only: --ro DIR:/\n" },
	{ 0, "tmpfs", ARG_REQUIRED, "GUEST", set_tmpfs, "an empty directory in memory\n" },
	{ 0, "symlink", ARG_REQUIRED, "TARGET:GUEST", set_symlink, "a symbolic link to TARGET\n" },
	{ 0, "hide", ARG_REQUIRED, "GUEST", set_hide, "an empty directory that stays so\n" },
	{ 0, "dev", ARG_NONE, NULL, set_dev, "/dev with null, zero, full, random, urandom, tty,\nand terminals of its own\n" },
	{ 0, "proc", ARG_NONE, NULL, set_proc, "/proc with the world's own processes\n" },
	{ 0, "host-ro", ARG_NONE, NULL, set_host_ro,
	  "all of the host's files read-only, with its own /tmp,\n/dev and /proc, without /sys and /run\n" },
	{ 0, "cwd", ARG_REQUIRED, "DIR", set_cwd, "start in DIR (default: here, where the world has it)\n" },
	{ 0 },
};

static const struct option_row environment_rows[] = {
	{ 0, "env", ARG_REQUIRED, "NAME=VALUE", set_env, "add to PROGRAM's environment; may be repeated\n" },
	{ 0, "clear-env", ARG_NONE, NULL, set_clear_env, "begin with an empty environment\n" },
	{ 0, "hostname", ARG_REQUIRED, "NAME", set_hostname, "what uname(2) calls the machine\n" },
	{ 0, "uid", ARG_REQUIRED, "UID[:GID]", set_uid,
	  "the ids that PROGRAM sees as its own, and on files of\nyours; 0: it takes itself for root\n" },
	{ 0, "option", ARG_REQUIRED, "NAME=VALUE", set_option, "a word for modules; may be repeated\n" },
	{ 0 },
};

static const struct option_row trace_rows[] = {
	{ 't', "trace", ARG_OPTIONAL, "SET", set_trace,
	  "one line for each call. SET is a list, separated by\n"
	  "commas: names, numbers, core, linux, gates,\n"
	  "module:NAME, signals, threads, all, none; !X takes X\n"
	  "away. -t takes no SET\n" },
	{ 0, "trace-ring", ARG_OPTIONAL, "SET", set_trace_ring,
	  "the same at speed: what need not stop does not, and\nthe program records it itself, as long as there is\n"
	  "room; see microcosm(1) for when to believe it\n" },
	{ 'o', "output", ARG_REQUIRED, "FILE", set_output, "write the trace to FILE (default: standard error)\n" },
	{ 'c', "summary", ARG_NONE, NULL, set_summary,
	  "a table of counts and times at the end (lines too,\nwith --trace)\n" },
	{ 'r', "relative", ARG_NONE, NULL, set_relative, "seconds since the line before, in front of each line\n" },
	{ 0, "trace-format", ARG_REQUIRED, "text|json", set_format, "json: one object a line, see microcosm(1)\n" },
	{ 0 },
};

static const struct option_row policy_rows[] = {
	{ 0, "policy", ARG_REQUIRED, "FILE", set_policy, "options out of a file, see microcosm-policy(5)\n" },
	{ 0, "learn", ARG_REQUIRED, "FILE", set_learn,
	  "run PROGRAM with all of the host's files to read, and\nwrite the policy that it needs\n" },
	{ 0, "print-policy", ARG_NONE, NULL, set_print_policy, "print these options as such a file, and end\n" },
	{ 0 },
};

static const struct option_row other_rows[] = {
	{ 'h', "help", ARG_NONE, NULL, set_help, "print this and end\n" },
	{ 0, "version", ARG_NONE, NULL, set_version, "print the version and end\n" },
	{ 0 },
};

static const struct option_group groups[] = {
	{ "The world", world_rows },
	{ "Its files (default: none, but libraries for a dynamic program)", file_rows },
	{ "Its network", net_rows },
	{ "What the program is given", environment_rows },
	{ "Policies, of all of these", policy_rows },
	{ "Watching", trace_rows },
	{ "Other", other_rows },
};
#define GROUPS (sizeof groups / sizeof groups[0])
#define POLICY_GROUPS 4 /* that a policy file may use: the first of them */

/* ---- Parsing ---- */

static const struct option_row *find_letter(char letter)
{
	for (size_t g = 0; g < GROUPS; g++)
		for (const struct option_row *row = groups[g].rows; row->name; row++)
			if (row->letter && row->letter == letter)
				return row;
	return NULL;
}

static const struct option_row *find_name(const char *name, size_t len)
{
	for (size_t g = 0; g < GROUPS; g++)
		for (const struct option_row *row = groups[g].rows; row->name; row++)
			if (strlen(row->name) == len && memcmp(row->name, name, len) == 0)
				return row;
	return NULL;
}

static int unknown_name(const char *name, int len, struct err *err)
{
	char wanted[64];
	struct near near;
	snprintf(wanted, sizeof wanted, "%.*s", len, name);
	near_init(&near, wanted);
	for (size_t g = 0; g < GROUPS; g++)
		for (const struct option_row *row = groups[g].rows; row->name; row++)
			near_try(&near, row->name);
	if (near.best)
		return err_set(err, EINVAL, "unknown option --%.*s; did you mean --%s?", len, name,
			       near.best);
	return err_set(err, EINVAL, "unknown option --%.*s; " HINT, len, name);
}

/* Both return how many further words were taken, or a negative errno. */
static int parse_long(struct parse *parse, const char *word, const char *next)
{
	size_t len = strcspn(word, "=");
	const char *argument = word[len] ? word + len + 1 : NULL;
	const struct option_row *row = find_name(word, len);
	int taken = 0;
	if (!row)
		return unknown_name(word, len < 64 ? (int)len : 64, parse->err);
	if (row->argument == ARG_NONE && argument)
		return err_set(parse->err, EINVAL, "--%s takes no argument; " HINT, row->name);
	if (row->argument == ARG_REQUIRED && !argument) {
		if (!next)
			return err_set(parse->err, EINVAL, "--%s needs an argument: --%s=%s; " HINT,
				       row->name, row->name, row->argument_name);
		argument = next;
		taken = 1;
	}
	int status = row->set(parse, argument);
	return status ? status : taken;
}

int options_set(struct options *options, const char *name, const char *argument, struct err *err)
{
	struct parse parse = { .options = options, .err = err };
	const struct option_row *row = groups[0].rows;
	for (size_t g = 0; g < POLICY_GROUPS; g++) {
		for (row = groups[g].rows; row->name && strcmp(row->name, name) != 0; row++)
			;
		if (row->name)
			break;
	}
	if (!row->name || row->set == set_surface)
		return err_set(err, EINVAL, "'%s' is no option for a policy", name);
	if (row->argument == ARG_NONE && argument)
		return err_set(err, EINVAL, "%s takes no argument", name);
	if (row->argument == ARG_REQUIRED && !argument)
		return err_set(err, EINVAL, "%s needs an argument: %s", name, row->argument_name);
	return row->set(&parse, argument);
}

static int parse_letters(struct parse *parse, const char *letters, const char *next)
{
	for (; *letters; letters++) {
		const struct option_row *row = find_letter(*letters);
		if (!row && *letters == '=' && letters[-1] != '-')
			return err_set(parse->err, EINVAL, "-%c takes no argument with '='; write --%s%s",
				       letters[-1], find_letter(letters[-1])->name, letters);
		if (!row)
			return err_set(parse->err, EINVAL, "unknown option -%c; " HINT,
				       *letters > ' ' && *letters < 0x7f ? *letters : '?');
		int status;
		if (row->argument == ARG_REQUIRED) {
			const char *argument = letters[1] ? letters + 1 : next;
			if (!argument)
				return err_set(parse->err, EINVAL, "-%c needs an argument: -%c %s; " HINT,
					       row->letter, row->letter, row->argument_name);
			status = row->set(parse, argument);
			return status ? status : letters[1] == 0;
		}
		status = row->set(parse, NULL);
		if (status)
			return status;
	}
	return 0;
}

static bool ends_here(const struct options *options)
{
	return options->action == OPTIONS_HELP || options->action == OPTIONS_VERSION;
}

/* The index of the first word that is not an option. */
static int parse_words(struct parse *parse, int argc, char **argv)
{
	int i = 1;
	while (i < argc && argv[i][0] == '-' && argv[i][1] && !ends_here(parse->options)) {
		const char *word = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(word, "--") == 0)
			return i + 1;
		int taken = word[1] == '-' ? parse_long(parse, word + 2, next)
					   : parse_letters(parse, word + 1, next);
		if (taken < 0)
			return taken;
		i += 1 + taken;
	}
	return i;
}

static int check(const struct parse *parse)
{
	const struct options *options = parse->options;
	if (ends_here(options))
		return 0;
	if (options->modules && options->no_modules)
		return err_set(parse->err, EINVAL, "--modules and --no-modules contradict each other");
	if (parse->lines && parse->ring)
		return err_set(parse->err, EINVAL, "--trace and --trace-ring exclude each other: it is either every call "
						   "that stops, or those that cannot do without");
	if (options->action == OPTIONS_RUN && !options->argc)
		return err_set(parse->err, EINVAL, "no PROGRAM was given; " HINT);
	return 0;
}

int options_parse(int argc, char **argv, struct options *options, struct err *err)
{
	*options = (struct options){ 0 };
	struct parse parse = { .options = options, .err = err };
	int at = parse_words(&parse, argc, argv);
	int status = at < 0 ? at : 0;
	if (at >= 0 && at < argc) {
		options->argc = argc - at;
		options->argv = argv + at;
	}
	if (!status)
		status = check(&parse);
	if (status) {
		if (err)
			err->status = EXIT_MICROCOSM;
		return status;
	}
	/* -c alone asks for the table and not for lines; -o alone is of use to either. */
	struct trace_options *tracing = &options->tracing;
	tracing->lines = parse.lines || parse.ring || (!tracing->summary && (parse.shape || tracing->file));
	options->trace = tracing->lines || tracing->summary;
	return 0;
}

void options_free(struct options *options)
{
	free(options->env);
	free(options->tree);
	free(options->words);
	net_free(&options->net);
	for (size_t i = 0; i < options->n_texts; i++)
		free(options->texts[i]);
	free(options->texts);
	options->texts = NULL;
	options->n_texts = 0;
	options->env = NULL;
	options->tree = NULL;
	options->words = NULL;
	options->n_tree = options->n_words = 0;
	options->n_env = 0;
}

/* Puts a variable in its place in the list, or at its end. */
static void environment_set(char **list, size_t *n, char *variable)
{
	size_t len = strcspn(variable, "=");
	for (size_t i = 0; i < *n; i++) {
		if (strncmp(list[i], variable, len) == 0 && list[i][len] == '=') {
			list[i] = variable;
			return;
		}
	}
	list[(*n)++] = variable;
}

char **options_environment(const struct options *options, char **inherited)
{
	size_t n = 0, count = 0;
	while (!options->clear_env && inherited && inherited[count])
		count++;
	char **list = calloc(count + options->n_env + 1, sizeof *list);
	if (!list)
		return NULL;
	for (; n < count; n++)
		list[n] = inherited[n];
	for (size_t i = 0; i < options->n_env; i++)
		environment_set(list, &n, (char *)options->env[i]);
	return list;
}

/* ---- Help ---- */

#define HELP_COLUMN 26

static void help_row(FILE *to, const struct option_row *row)
{
	char left[64];
	const char *argument = row->argument_name ? row->argument_name : "";
	char letter[5] = "    ";
	if (row->letter)
		snprintf(letter, sizeof letter, "-%c, ", row->letter);
	snprintf(left, sizeof left, "  %s--%s%s%s%s", letter, row->name,
		 row->argument == ARG_OPTIONAL ? "[=" : row->argument == ARG_REQUIRED ? "=" : "",
		 argument, row->argument == ARG_OPTIONAL ? "]" : "");
	const char *first = left;
	if (strlen(left) >= HELP_COLUMN) {
		fprintf(to, "%s\n", left);
		first = "";
	}
	for (const char *line = row->help; *line; first = "") {
		int len = (int)strcspn(line, "\n");
		fprintf(to, "%-*s%.*s\n", HELP_COLUMN, first, len, line);
		line += len + 1;
	}
}

void options_help(FILE *to)
{
	fputs("usage: microcosm [OPTIONS] [--] PROGRAM [ARG...]\n"
	      "Runs PROGRAM in a world of its own, whose calls are served by modules.\n", to);
	for (size_t g = 0; g < GROUPS; g++) {
		fprintf(to, "\n%s:\n", groups[g].title);
		for (const struct option_row *row = groups[g].rows; row->name; row++)
			help_row(to, row);
	}
	fputs("\n"
	      "Exit status: PROGRAM's own; 128 + N when signal N ended it; 127 PROGRAM not found;\n"
	      "126 PROGRAM or a module unusable; 125 anything wrong with the command or the world.\n"
	      "\n"
	      "Examples:\n"
	      "  microcosm /bin/busybox sha256sum < FILE\n"
	      "  microcosm --trace=core,gates ./hello\n"
	      "  microcosm -c -o counts.txt -- /bin/busybox sort < FILE\n"
	      "  microcosm --surface\n", to);
}
