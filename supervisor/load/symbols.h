/* SPDX-License-Identifier: MIT
 * Function names of an ELF file, for traces and fault reports: from .symtab, else .dynsym. */
#ifndef LOAD_SYMBOLS_H
#define LOAD_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbols { /* sorted by value */
	struct symbol {
		uint64_t value, size; /* vaddr */
		const char *name;
	} *list;
	size_t n;
	char *names;
};

/* Reads what there is; a file without (readable) symbols gives none. NULL when out of memory. */
struct symbols *symbols_read(int fd);
void symbols_free(struct symbols *symbols);
/* The nearest symbol at or below a vaddr, within its size if it has one; else NULL. */
const struct symbol *symbols_find(const struct symbols *symbols, uint64_t vaddr);

#endif
