// SPDX-License-Identifier: MIT
// Fuzz target: a command line, its words separated by newlines, and the SET of its --trace. Runs each
// file that is named, or standard input; with libFuzzer, LLVMFuzzerTestOneInput alone is used.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "trace/set.h"

#define INPUT_MAX 65536
#define WORDS_MAX 256

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_set(const struct options *options)
{
	struct err err = { 0 };
	struct set *set;
	if (set_parse(options->tracing.set, &set, &err) == 0) {
		set_has_call(set, TRACE_LINUX, 1, "linux");
		set_has_signals(set);
		set_unknown_module(set, NULL, 0);
		set_free(set);
	} else if (!err.text[0]) {
		abort(); // refused without a reason
	}
}

static void check_options(const struct options *options, int argc)
{
	char *inherited[] = { (char *)"A=1", NULL };
	char **environment = options_environment(options, inherited);
	for (char **variable = environment; variable && *variable; variable++)
		if (!strchr(*variable, '='))
			abort();
	free(environment);
	if (options->argc < 0 || options->argc >= argc)
		abort();
	check_set(options);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	if (size > INPUT_MAX)
		return 0;
	char *text = malloc(size + 1), *rest = text, *argv[WORDS_MAX + 1];
	int argc = 0;
	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	argv[argc++] = (char *)"microcosm";
	for (char *word; argc < WORDS_MAX && (word = strsep(&rest, "\n"));)
		argv[argc++] = word;
	argv[argc] = NULL;
	struct options options;
	struct err err = { 0 };
	int status = options_parse(argc, argv, &options, &err);
	if (status == 0)
		check_options(&options, argc);
	else if (!err.text[0] || err.status != EXIT_MICROCOSM || strchr(err.text, '\n'))
		abort();
	options_free(&options);
	free(text);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
#include "replay.h"
#endif
