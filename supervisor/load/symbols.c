// SPDX-License-Identifier: MIT
// Reads function names through libelf; section headers are used for nothing else.
#include "load/symbols.h"

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYMBOLS_MAX (1u << 20)
#define NAMES_MAX (64u << 20) /* bytes */

static Elf_Scn *find_section(Elf *elf, uint32_t type, GElf_Shdr *header)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));)
		if (gelf_getshdr(scn, header) && header->sh_type == type &&
		    header->sh_entsize == sizeof(Elf64_Sym))
			return scn;
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	return (x->value > y->value) - (x->value < y->value);
}

// File contents only by rawchunk: it tests offset and size against the file.
static Elf_Data *chunk(Elf *elf, const GElf_Shdr *header, Elf_Type type)
{
	if (header->sh_type == SHT_NOBITS || (int64_t)header->sh_offset < 0)
		return NULL;
	return elf_getdata_rawchunk(elf, (int64_t)header->sh_offset, header->sh_size, type);
}

static void collect(struct symbols *symbols, Elf *elf, const GElf_Shdr *table)
{
	GElf_Shdr strings;
	Elf_Scn *scn = elf_getscn(elf, table->sh_link);
	if (!scn || !gelf_getshdr(scn, &strings) || strings.sh_type != SHT_STRTAB ||
	    strings.sh_size > NAMES_MAX || table->sh_size / sizeof(Elf64_Sym) > SYMBOLS_MAX)
		return;
	Elf_Data *data = chunk(elf, table, ELF_T_SYM), *names = chunk(elf, &strings, ELF_T_BYTE);
	if (!data || !names || !names->d_buf || !data->d_buf)
		return;
	size_t n = data->d_size / sizeof(Elf64_Sym);
	symbols->names = malloc(names->d_size + 1);
	symbols->list = calloc(n + 1, sizeof *symbols->list);
	if (!symbols->names || !symbols->list)
		return;
	memcpy(symbols->names, names->d_buf, names->d_size);
	symbols->names[names->d_size] = '\0';
	for (size_t i = 0; i < n; i++) {
		GElf_Sym symbol;
		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF ||
		    (GELF_ST_TYPE(symbol.st_info) != STT_FUNC &&
		     GELF_ST_TYPE(symbol.st_info) != STT_GNU_IFUNC) ||
		    symbol.st_name >= names->d_size || !symbols->names[symbol.st_name])
			continue;
		symbols->list[symbols->n++] = (struct symbol){
			symbol.st_value, symbol.st_size, symbols->names + symbol.st_name};
	}
	qsort(symbols->list, symbols->n, sizeof *symbols->list, compare);
}

// Files with more than 65279 sections, or none, have no symbols for us: libelf takes memory for as many
// as such a file claims.
static bool plain_sections(int fd)
{
	Elf64_Ehdr header;
	return pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header && header.e_shnum != 0;
}

struct symbols *symbols_read(int fd)
{
	struct symbols *symbols = calloc(1, sizeof *symbols);
	if (!symbols)
		return NULL;
	elf_version(EV_CURRENT);
	Elf *elf = plain_sections(fd) ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	GElf_Shdr table;
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64 &&
	    (find_section(elf, SHT_SYMTAB, &table) || find_section(elf, SHT_DYNSYM, &table)))
		collect(symbols, elf, &table);
	if (elf)
		elf_end(elf);
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
