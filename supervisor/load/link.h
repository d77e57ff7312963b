/* SPDX-License-Identifier: MIT
 * Relocates objects in their images: symbols by scope and version, as a dynamic linker does. Runs
 * none of their code: what resolvers would say is left to others. */
#ifndef LOAD_LINK_H
#define LOAD_LINK_H

#include "load/object.h"

/* Work that a link may cost: symbols and hash chains looked at, relocations applied. */
#define LINK_STEPS (1ull << 26)

struct link {
	struct object **scope; /* symbols are looked for in this order */
	size_t n_scope;
	uint64_t steps;        /* LINK_STEPS at first */
	bool module;           /* the rules for modules: no TLS, no relocations in text */

	/* A strong symbol that nobody in the scope defines: sets *value, or says why not. */
	int (*undefined)(struct link *link, struct object *object, const Elf64_Sym *symbol,
			 const char *name, uint64_t *value, struct err *err);
	/* *where = resolver(), both runtime addresses, is to be done before the code runs. */
	int (*resolver)(struct link *link, uint64_t where, uint64_t resolver, struct err *err);
	void *context;

	/* The last symbol looked up: relocations come sorted by symbol. */
	const struct object *last_object;
	uint64_t last_index;
	bool last_plt;
	const struct object *last_definer;
	const Elf64_Sym *last_definition;
};

/* Applies all relocations of one object. Those that it copies data from come first. */
int link_relocate(struct link *link, struct object *object, struct err *err);
/* Takes n off the steps; -ELOOP with a message when they do not suffice. */
int link_spend(struct link *link, const struct object *object, uint64_t n, struct err *err);
/* "symbol NAME, which X needs, is not in A, B, C" */
int link_missing(const struct link *link, const struct object *object, const char *name,
		 const struct version *version, struct err *err);

#endif
