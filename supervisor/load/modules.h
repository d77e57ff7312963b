/* SPDX-License-Identifier: MIT
 * Loads the guest runtime and a module set into the region and links them: symbols, relocations,
 * order of initialisers. Nothing of them runs here; the boot process runs the lists. */
#ifndef LOAD_MODULES_H
#define LOAD_MODULES_H

#include "region/region.h"

struct module_import { /* a function that a module wants of the host */
	const char *symbol;
	const char *module;     /* path of the first module that asked, for messages */
	const char **libraries; /* host library names in order of search, "libhost_" taken off */
	size_t n_libraries;
	uint32_t gate;          /* RT_GATE_FIRST and up; the same for every module that asks for the
				   same symbol of the same libraries with the same vector flag */
	bool vector;            /* some importing module was built with --fp */
};

struct module {
	const char *path;
	const char *name;   /* for people: the soname, or the file's name, without "lib" and ".so*" */
	uint64_t base, len; /* where it lies in the region */
	uint64_t text_low, text_high; /* its executable pages; both 0 when it has none */
	bool vector;        /* built with --fp: has the symbol mc_module_fp */
};

struct module_set {
	struct module *modules; /* dependencies before dependents; [0] is the guest runtime */
	size_t n_modules;
	struct module_import *imports;
	size_t n_imports;
	/* Lists for the boot process, in order. Addresses in the region. */
	uint64_t *resolvers, *resolve_where; /* IRELATIVE: call, check, store (sealed part) */
	size_t n_resolvers;
	uint64_t *inits, *finis;
	size_t n_inits, n_finis;
	void *private;
};

/* Loads runtime_path, then set_path with all that it needs (NULL: the core alone). module_dir is searched last. On failure
 * err->status is EXIT_UNUSABLE and the message names file, reason and where it was looked for. */
int modules_load(struct region *region, const char *runtime_path, const char *set_path,
		 const char *module_dir, struct module_set **set, struct err *err);
void modules_free(struct module_set *set);

/* Stores what resolver index returned, a check first: it must lie in module text. The boot process has
 * reported it, so it is not to be believed. */
int modules_resolve(struct region *region, const struct module_set *set, size_t index, uint64_t value,
		    struct err *err);

/* The value of a symbol that the runtime exports; -ENOENT with a message when it has none. */
int modules_runtime_symbol(const struct module_set *set, const char *name, uint64_t *value,
			   struct err *err);
/* The module and the nearest function symbol at or below an address; false when it is in no module.
 * Names live as long as the set; *symbol is NULL when none is known. */
bool modules_symbolize(const struct module_set *set, uint64_t addr, const char **module,
		       const char **symbol, uint64_t *offset);

#endif
