// SPDX-License-Identifier: MIT
// Reads function names; section headers are used for nothing else.
#include "load/symbols.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYMBOLS_MAX (1u << 20)
#define NAMES_MAX (64u << 20) /* bytes */

static bool read_all(int fd, void *to, uint64_t size, uint64_t offset)
{
	for (uint64_t done = 0; done < size;) {
		ssize_t got = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (uint64_t)got;
	}
	return true;
}

/* A part of the file, with a 0 behind it; NULL where it is not there. */
static void *chunk(int fd, uint64_t offset, uint64_t size)
{
	char *data = malloc(size + 1);
	if (!data || !read_all(fd, data, size, offset)) {
		free(data);
		return NULL;
	}
	data[size] = '\0';
	return data;
}

static const Elf64_Shdr *find_section(const Elf64_Shdr *sections, size_t n, uint32_t type)
{
	for (size_t i = 0; i < n; i++)
		if (sections[i].sh_type == type && sections[i].sh_entsize == sizeof(Elf64_Sym))
			return &sections[i];
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	return (x->value > y->value) - (x->value < y->value);
}

static void collect(struct symbols *symbols, int fd, const Elf64_Shdr *table, const Elf64_Shdr *strings)
{
	size_t n = table->sh_size / sizeof(Elf64_Sym);
	if (strings->sh_type != SHT_STRTAB || strings->sh_size > NAMES_MAX || n > SYMBOLS_MAX)
		return;
	Elf64_Sym *data = chunk(fd, table->sh_offset, n * sizeof *data);
	symbols->names = chunk(fd, strings->sh_offset, strings->sh_size);
	symbols->list = calloc(n + 1, sizeof *symbols->list);
	for (size_t i = 0; data && symbols->names && symbols->list && i < n; i++) {
		const Elf64_Sym *symbol = &data[i];
		int kind = ELF64_ST_TYPE(symbol->st_info);
		if (symbol->st_shndx == SHN_UNDEF || (kind != STT_FUNC && kind != STT_GNU_IFUNC) ||
		    symbol->st_name >= strings->sh_size || !symbols->names[symbol->st_name])
			continue;
		symbols->list[symbols->n++] = (struct symbol){symbol->st_value, symbol->st_size,
							      symbols->names + symbol->st_name};
	}
	free(data);
	if (symbols->n)
		qsort(symbols->list, symbols->n, sizeof *symbols->list, compare);
}

/* Files with more than 65279 sections, or none, have no symbols for us. */
struct symbols *symbols_read(int fd)
{
	struct symbols *symbols = calloc(1, sizeof *symbols);
	Elf64_Ehdr header;
	if (!symbols || !read_all(fd, &header, sizeof header, 0) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_shentsize != sizeof(Elf64_Shdr))
		return symbols;
	Elf64_Shdr *sections = chunk(fd, header.e_shoff, header.e_shnum * sizeof *sections);
	const Elf64_Shdr *table = sections ? find_section(sections, header.e_shnum, SHT_SYMTAB) : NULL;
	if (sections && !table)
		table = find_section(sections, header.e_shnum, SHT_DYNSYM);
	if (table && table->sh_link < header.e_shnum)
		collect(symbols, fd, table, &sections[table->sh_link]);
	free(sections);
	return symbols;
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->list);
	free(symbols->names);
	free(symbols);
}

const struct symbol *symbols_find(const struct symbols *symbols, uint64_t vaddr)
{
	size_t low = 0, high = symbols ? symbols->n : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (symbols->list[middle].value <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	const struct symbol *found = &symbols->list[low - 1];
	return found->size && vaddr - found->value >= found->size ? NULL : found;
}
