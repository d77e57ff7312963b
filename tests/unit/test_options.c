// SPDX-License-Identifier: MIT
// The command line: what is understood, and what is said of what is not.
#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static struct options options;
static struct err err;
static char *words[32];

static int parse(const char *first, ...)
{
	va_list ap;
	int n = 0;
	words[n++] = "microcosm";
	va_start(ap, first);
	for (const char *word = first; word; word = va_arg(ap, const char *))
		words[n++] = (char *)word;
	va_end(ap);
	words[n] = NULL;
	options_free(&options);
	memset(&err, 0, sizeof err);
	return options_parse(n, words, &options, &err);
}
#define PARSE(...) ck_assert_msg(parse(__VA_ARGS__, NULL) == 0, "%s", err.text)

#define FAILS(message, ...)                                                                \
	do {                                                                               \
		ck_assert_int_eq(parse(__VA_ARGS__, NULL), -EINVAL);                       \
		ck_assert_str_eq(err.text, message);                                       \
		ck_assert_int_eq(err.status, EXIT_MICROCOSM);                              \
	} while (0)

static void teardown(void)
{
	options_free(&options);
}

START_TEST(a_program_and_its_arguments)
{
	PARSE("prog", "-t", "--help");
	ck_assert_int_eq(options.action, OPTIONS_RUN);
	ck_assert_int_eq(options.argc, 3);
	ck_assert_str_eq(options.argv[0], "prog");
	ck_assert_str_eq(options.argv[2], "--help");
	ck_assert_ptr_null(options.argv[3]);
	ck_assert(!options.trace && !options.modules && !options.no_modules && !options.host_files);
	PARSE("--", "-prog");
	ck_assert_str_eq(options.argv[0], "-prog");
	PARSE("--no-aslr", "--", "--", "x");
	ck_assert(options.no_aslr);
	ck_assert_str_eq(options.argv[0], "--");
	PARSE("-");
	ck_assert_str_eq(options.argv[0], "-");
	PARSE("");
	ck_assert_str_eq(options.argv[0], "");
}
END_TEST

START_TEST(the_world)
{
	PARSE("--modules", "a.so", "--host-files", "prog");
	ck_assert_str_eq(options.modules, "a.so");
	ck_assert(options.host_files);
	ck_assert_int_eq(options.argc, 1);
	PARSE("--modules=b.so", "--modules=c.so", "prog");
	ck_assert_str_eq(options.modules, "c.so");
	PARSE("--no-modules", "prog");
	ck_assert(options.no_modules);
	PARSE("--surface");
	ck_assert_int_eq(options.action, OPTIONS_SURFACE);
	ck_assert_int_eq(options.argc, 0);
	PARSE("--surface", "--modules=x", "prog");
	ck_assert_int_eq(options.argc, 1);
}
END_TEST

START_TEST(the_trace)
{
	PARSE("-t", "prog");
	ck_assert(options.trace && options.tracing.lines && !options.tracing.summary);
	ck_assert_ptr_null(options.tracing.set);
	PARSE("--trace", "prog");
	ck_assert_ptr_null(options.tracing.set);
	ck_assert_int_eq(options.argc, 1);
	PARSE("--trace=core,!mc_get", "prog");
	ck_assert_str_eq(options.tracing.set, "core,!mc_get");
	PARSE("-tcrofile", "prog");
	ck_assert(options.tracing.lines && options.tracing.summary && options.tracing.relative);
	ck_assert_str_eq(options.tracing.file, "file");
	PARSE("-co", "file", "prog");
	ck_assert(options.trace && !options.tracing.lines && options.tracing.summary);
	ck_assert_str_eq(options.tracing.file, "file");
	PARSE("-c", "--trace=write", "prog");
	ck_assert(options.tracing.lines && options.tracing.summary);
	PARSE("-o", "f", "prog");
	ck_assert(options.trace && options.tracing.lines);
	PARSE("-r", "prog");
	ck_assert(options.trace && options.tracing.lines && options.tracing.relative);
	PARSE("--trace-format=json", "prog");
	ck_assert(options.trace && options.tracing.lines);
	ck_assert_str_eq(options.tracing.format, "json");
	PARSE("-c", "--trace-format", "json", "prog");
	ck_assert(options.trace && !options.tracing.lines && !options.ring);
	PARSE("--trace-ring", "prog");
	ck_assert(options.trace && options.tracing.lines && options.ring);
	ck_assert_ptr_null(options.tracing.set);
	PARSE("-co", "f", "--trace-ring=core", "prog");
	ck_assert(options.trace && options.tracing.lines && options.tracing.summary && options.ring);
	ck_assert_str_eq(options.tracing.set, "core");
}
END_TEST

START_TEST(help_and_version_end_the_line)
{
	PARSE("--help", "--nonsense");
	ck_assert_int_eq(options.action, OPTIONS_HELP);
	PARSE("-h");
	ck_assert_int_eq(options.action, OPTIONS_HELP);
	PARSE("--version");
	ck_assert_int_eq(options.action, OPTIONS_VERSION);
	ck_assert(!options.trace);
}
END_TEST

START_TEST(mistakes)
{
	FAILS("no PROGRAM was given; see 'microcosm --help'", "-t");
	FAILS("no PROGRAM was given; see 'microcosm --help'", "--");
	ck_assert_int_eq(parse(NULL), -EINVAL);
	FAILS("unknown option --trce; did you mean --trace?", "--trce", "x");
	FAILS("unknown option --completely-else; see 'microcosm --help'", "--completely-else=3", "x");
	FAILS("unknown option -q; see 'microcosm --help'", "-tq", "x");
	FAILS("unknown option -?; see 'microcosm --help'", "-\033", "x");
	FAILS("-t takes no argument with '='; write --trace=core", "-t=core", "x");
	FAILS("unknown option -=; see 'microcosm --help'", "-=x", "x");
	FAILS("-o needs an argument: -o FILE; see 'microcosm --help'", "-o");
	FAILS("-o: a file name is missing; see 'microcosm --help'", "-o", "", "x");
	FAILS("--modules needs an argument: --modules=FILE; see 'microcosm --help'", "--modules");
	FAILS("--modules: a file name is missing; see 'microcosm --help'", "--modules=", "x");
	FAILS("--no-aslr takes no argument; see 'microcosm --help'", "--no-aslr=1", "x");
	FAILS("--env: 'A' is not NAME=VALUE; see 'microcosm --help'", "--env", "A", "x");
	FAILS("--env: '=A' is not NAME=VALUE; see 'microcosm --help'", "--env", "=A", "x");
	FAILS("--trace and --trace-ring exclude each other: it is either every call that stops, or those that cannot do "
	      "without", "--trace-ring", "-t", "x");
	FAILS("--trace-format: 'xml' is neither 'text' nor 'json'; see 'microcosm --help'",
	      "--trace-format=xml", "x");
	FAILS("--modules and --no-modules contradict each other", "--modules=a", "--no-modules", "x");
}
END_TEST

static void is_entry(size_t at, enum ctl_tree kind, const char *host, const char *guest)
{
	const struct tree_option *entry = &options.tree[at];
	ck_assert_int_eq(entry->kind, kind);
	ck_assert_uint_eq(entry->host_len, host ? strlen(host) : 0);
	if (host)
		ck_assert(memcmp(entry->host, host, entry->host_len) == 0);
	if (guest)
		ck_assert_str_eq(entry->guest, guest);
	else
		ck_assert_ptr_null(entry->guest);
}

START_TEST(trees)
{
	PARSE("--ro=/a", "--rw", "/b:/c", "--ro=x:y:/z", "--root=r", "--tmpfs=/t", "--dev", "--cwd=/w", "--proc", "prog");
	ck_assert_uint_eq(options.n_tree, 7);
	is_entry(0, CTL_TREE_RO, "/a", NULL);
	is_entry(1, CTL_TREE_RW, "/b", "/c");
	is_entry(2, CTL_TREE_RO, "x:y", "/z");
	is_entry(3, CTL_TREE_RO, "r", "/");
	is_entry(4, CTL_TREE_TMPFS, NULL, "/t");
	is_entry(5, CTL_TREE_DEV, NULL, "/dev");
	is_entry(6, CTL_TREE_PROC, NULL, "/proc");
	ck_assert_str_eq(options.cwd, "/w");
	PARSE("--host-ro", "--host-ro", "--wait", "prog");
	ck_assert(options.wait && options.n_tree > 2 && options.n_tree % 2 == 0);
	is_entry(0, CTL_TREE_RO, "/", "/");
	is_entry(1, CTL_TREE_TMPFS, NULL, "/tmp");
	is_entry(2, CTL_TREE_PROC, NULL, "/proc");
	PARSE("prog");
	ck_assert_uint_eq(options.n_tree, 0);
	ck_assert(!options.wait && !options.cwd);
}
END_TEST

START_TEST(bad_trees)
{
	FAILS("--ro: ':/x' names nothing of the host's; see 'microcosm --help'", "--ro=:/x", "prog");
	FAILS("--rw: '' names nothing of the host's; see 'microcosm --help'", "--rw=", "prog");
	FAILS("--tmpfs: 'x' is not a path from the root; see 'microcosm --help'", "--tmpfs=x", "prog");
	FAILS("--cwd: '' is not a path from the root; see 'microcosm --help'", "--cwd=", "prog");
	FAILS("--root: a directory is missing; see 'microcosm --help'", "--root=", "prog");
}
END_TEST

START_TEST(environments)
{
	char *inherited[] = { "A=1", "AB=2", "C=3", NULL };
	PARSE("--env=A=9", "--env", "D=", "--env=D=5", "prog");
	char **list = options_environment(&options, inherited);
	const char *expected[] = { "A=9", "AB=2", "C=3", "D=5" };
	for (int i = 0; i < 4; i++)
		ck_assert_str_eq(list[i], expected[i]);
	ck_assert_ptr_null(list[4]);
	free(list);
	PARSE("--clear-env", "--env=X=a=b", "prog");
	list = options_environment(&options, inherited);
	ck_assert_str_eq(list[0], "X=a=b");
	ck_assert_ptr_null(list[1]);
	free(list);
	PARSE("prog");
	list = options_environment(&options, NULL);
	ck_assert_ptr_null(list[0]);
	free(list);
}
END_TEST

START_TEST(the_help_lists_every_option)
{
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	options_help(file);
	fclose(file);
	static const char *const names[] = { "--modules=FILE", "--no-modules", "--surface", "--host-files",
		"--no-aslr", "--env=NAME=VALUE", "--clear-env", "--hostname=NAME", "--uid=UID[:GID]", "--symlink=TARGET:GUEST", "--learn=FILE", "--option=NAME=VALUE", "-t, --trace[=SET]", "--trace-ring[=SET]", "-o, --output=FILE",
		"-c, --summary", "-r, --relative", "--trace-format=text|json", "-h, --help", "--version" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ck_assert_msg(strstr(text, names[i]) != NULL, "%s is missing", names[i]);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		ck_assert_msg(strlen(line) < 88, "too long: %s", line);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tcase = tcase_create("options");
	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, a_program_and_its_arguments);
	tcase_add_test(tcase, the_world);
	tcase_add_test(tcase, the_trace);
	tcase_add_test(tcase, help_and_version_end_the_line);
	tcase_add_test(tcase, mistakes);
	tcase_add_test(tcase, environments);
	tcase_add_test(tcase, trees);
	tcase_add_test(tcase, bad_trees);
	tcase_add_test(tcase, the_help_lists_every_option);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
