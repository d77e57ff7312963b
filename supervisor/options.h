/* SPDX-License-Identifier: MIT
 * The command line: microcosm [OPTIONS] [--] PROGRAM [ARG...]. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/ctl.h"
#include "base/err.h"
#include "net.h"
#include "trace/trace.h"

enum options_action {
	OPTIONS_RUN,
	OPTIONS_SURFACE, /* print gates and grants; there need be no program */
	OPTIONS_POLICY,  /* print the policy that the options make */
	OPTIONS_HELP,
	OPTIONS_VERSION,
};

struct tree_option { /* a place in the world's file tree */
	enum ctl_tree kind;
	const char *host; /* host_len bytes of it; NULL: the kind has none */
	size_t host_len;
	const char *guest; /* NULL: as the host's */
	bool learning;     /* of --learn itself: it is no part of a policy */
};

struct word_option { /* what modules are told: not terminated */
	const char *name, *value;
	size_t name_len, value_len;
};

/* Every string points into argv, or into a policy file's text. */
struct options {
	enum options_action action;
	bool trace;                  /* open a trace, with: */
	struct trace_options tracing;
	bool ring;                   /* calls that need not stop do not, and are recorded */
	const char *modules;         /* --modules FILE: NULL is $MICROCOSM_MODULES, or the installed set */
	bool no_modules;             /* an empty world: the core alone */
	bool no_aslr;
	bool no_patch;               /* call sites stay as they are, however often they trap */
	bool wait;                   /* the world ends with its last process, not with its first */
	bool host_files;             /* host components may open files after sealing */
	struct tree_option *tree;    /* in order; the list is the options' own */
	size_t n_tree;
	char **texts;                /* of policy files; the options' own */
	size_t n_texts;
	struct net net;
	const char *learn;           /* --learn FILE: NULL is no */
	const char *cwd;             /* NULL: the supervisor's, where the world has it */
	bool clear_env;
	const char **env;            /* NAME=VALUE, in order; the list is the options' own */
	size_t n_env;
	struct word_option *words;   /* in order; the list is the options' own */
	size_t n_words;
	int argc;                    /* PROGRAM and its arguments; 0 when there is none */
	char **argv;
};

/* 0; -EINVAL (or -ENOMEM) with a message and status 125. options_free is right either way. */
int options_parse(int argc, char **argv, struct options *options, struct err *err);
void options_free(struct options *options);
/* What a policy file may say: sets an option of the world, its files or its environment, by its name.
 * argument NULL: none. Both must stay. */
int options_set(struct options *options, const char *name, const char *argument, struct err *err);

/* ---- policy.c ---- */
int policy_read(struct options *options, const char *path, struct err *err);
void policy_print(const struct options *options, FILE *to);
/* Of it the tree's entries that the user gave, and what is of neither files nor environment. */
void policy_print_files(const struct options *options, FILE *to);
void policy_print_rest(const struct options *options, FILE *to);
/* A line of such a file, whatever is in the argument. */
void policy_line(FILE *to, const char *name, const char *argument);

/* The guest's environment: what is inherited unless --clear-env, then --env's, the last of a name
 * wins. A malloc'ed list of borrowed strings that ends in NULL; NULL: no memory. */
char **options_environment(const struct options *options, char **inherited);

void options_help(FILE *to);

#endif
