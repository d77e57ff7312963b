// SPDX-License-Identifier: MIT
// Symbols and relocations for x86-64.
#include "load/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct definition { // of a symbol: object NULL when there is none
	const struct object *object;
	const Elf64_Sym *symbol;
};

static const char *const type_names[] = {
	[R_X86_64_NONE] = "NONE", [R_X86_64_64] = "64", [R_X86_64_PC32] = "PC32",
	[R_X86_64_GOT32] = "GOT32", [R_X86_64_PLT32] = "PLT32", [R_X86_64_COPY] = "COPY",
	[R_X86_64_GLOB_DAT] = "GLOB_DAT", [R_X86_64_JUMP_SLOT] = "JUMP_SLOT",
	[R_X86_64_RELATIVE] = "RELATIVE", [R_X86_64_32] = "32", [R_X86_64_32S] = "32S",
	[R_X86_64_16] = "16", [R_X86_64_PC16] = "PC16", [R_X86_64_8] = "8",
	[R_X86_64_DTPMOD64] = "DTPMOD64", [R_X86_64_DTPOFF64] = "DTPOFF64",
	[R_X86_64_TPOFF64] = "TPOFF64", [R_X86_64_TPOFF32] = "TPOFF32", [R_X86_64_PC64] = "PC64",
	[R_X86_64_SIZE32] = "SIZE32", [R_X86_64_SIZE64] = "SIZE64", [R_X86_64_TLSDESC] = "TLSDESC",
	[R_X86_64_IRELATIVE] = "IRELATIVE",
};

static int refuse_type(const struct object *object, uint32_t type, const char *why, struct err *err)
{
	const char *name = type < sizeof type_names / sizeof *type_names ? type_names[type] : NULL;
	char number[16];
	snprintf(number, sizeof number, "%u", type);
	return err_set(err, ENOEXEC, "%s: relocation R_X86_64_%s %s", object->path,
		       name ? name : number, why);
}

static int too_much_work(const struct object *object, struct err *err)
{
	return err_set(err, ELOOP, "%s: symbols and relocations take too long to link", object->path);
}

int link_spend(struct link *link, const struct object *object, uint64_t n, struct err *err)
{
	if (link->steps < n) {
		link->steps = 0;
		return too_much_work(object, err);
	}
	link->steps -= n;
	return 0;
}

int link_missing(const struct link *link, const struct object *object, const char *name,
		 const struct version *version, struct err *err)
{
	char where[512] = "";
	size_t used = 0;
	for (size_t i = 0; i < link->n_scope && used < sizeof where - 1; i++) {
		int n = snprintf(where + used, sizeof where - used, "%s%s", i ? ", " : "",
				 link->scope[i]->file);
		used += n > 0 ? (size_t)n : 0;
	}
	return err_set(err, ENOEXEC, "%s: symbol %.256s%s%s is needed and not in %s%s", object->path, name,
		       version ? "@" : "", version ? version->name : "", where,
		       used >= sizeof where ? "..." : "");
}

// Bound within its own object, whatever others define.
static bool binds_here(const Elf64_Sym *symbol)
{
	if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL)
		return true;
	return symbol->st_shndx != SHN_UNDEF && ELF64_ST_VISIBILITY(symbol->st_other) != STV_DEFAULT;
}

static struct definition find_in_scope(struct link *link, const struct object *object,
				       const struct lookup *lookup, const struct object *skip)
{
	if (object->symbolic && object != skip) {
		const Elf64_Sym *own = object_find(object, lookup);
		if (own)
			return (struct definition){object, own};
	}
	for (size_t i = 0; i < link->n_scope; i++) {
		if (link->scope[i] == skip)
			continue;
		const Elf64_Sym *symbol = object_find(link->scope[i], lookup);
		if (symbol)
			return (struct definition){link->scope[i], symbol};
	}
	return (struct definition){NULL, NULL};
}

static int find(struct link *link, const struct object *object, uint64_t index, bool plt,
		const struct object *skip, struct definition *found, struct err *err)
{
	const Elf64_Sym *symbol = &object->symbols[index];
	if (binds_here(symbol)) {
		*found = (struct definition){object, symbol};
		return 0;
	}
	if (!skip && link->last_object == object && link->last_index == index && link->last_plt == plt) {
		*found = (struct definition){link->last_definer, link->last_definition};
		return 0;
	}
	const char *name = object_string(object, symbol->st_name);
	if (!name || !*name)
		return err_set(err, ENOEXEC, "%s: symbol %llu has no name", object->path,
			       (unsigned long long)index);
	struct lookup lookup;
	lookup_init(&lookup, name, object_version(object, index), &link->steps);
	lookup.plt = plt;
	*found = find_in_scope(link, object, &lookup, skip);
	if (link->steps == 0)
		return too_much_work(object, err);
	if (!skip) {
		link->last_object = object;
		link->last_index = index;
		link->last_plt = plt;
		link->last_definer = found->object;
		link->last_definition = found->symbol;
	}
	return 0;
}

// Looks up a symbol that may be missing: weak ones are 0 then, for others the owner is asked.
static int value_of(struct link *link, struct object *object, uint64_t index, uint32_t type,
		    struct definition *found, uint64_t *value, struct err *err)
{
	const Elf64_Sym *symbol = &object->symbols[index];
	*value = 0;
	int r = find(link, object, index, type == R_X86_64_JUMP_SLOT, NULL, found, err);
	if (r < 0)
		return r;
	if (found->object) {
		*value = object_value(found->object, found->symbol);
		return 0;
	}
	if (ELF64_ST_BIND(symbol->st_info) == STB_WEAK)
		return 0;
	return link->undefined(link, object, symbol, object_string(object, symbol->st_name), value, err);
}

static void store(uint8_t *where, uint64_t value)
{
	memcpy(where, &value, sizeof value);
}

static int apply_copy(struct link *link, struct object *object, const Elf64_Rela *rela, struct err *err)
{
	uint64_t index = ELF64_R_SYM(rela->r_info);
	const Elf64_Sym *symbol = &object->symbols[index];
	struct definition found;
	int r = find(link, object, index, true, object, &found, err);
	if (r < 0)
		return r;
	if (!found.object || found.object == object) {
		if (ELF64_ST_BIND(symbol->st_info) == STB_WEAK)
			return 0;
		const char *name = object_string(object, symbol->st_name);
		return link_missing(link, object, name ? name : "?", object_version(object, index), err);
	}
	uint64_t size = symbol->st_size < found.symbol->st_size ? symbol->st_size : found.symbol->st_size;
	uint64_t from = found.symbol->st_value;
	const struct segment *segment = object_segment(found.object, from);
	uint8_t *to = object_place(object, rela->r_offset, size, NULL);
	if (!to || !segment || size > segment->memsz - (from - segment->vaddr))
		return refuse_type(object, R_X86_64_COPY, "copies from or to no segment", err);
	r = link_spend(link, object, size / 8, err);
	if (r == 0)
		memmove(to, found.object->image + (from - found.object->low), size);
	return r;
}

// Thread-local variables lie at fixed distances below the first thread's pointer.
static int apply_tls(struct link *link, struct object *object, const Elf64_Rela *rela, uint8_t *where,
		     struct err *err)
{
	uint32_t type = ELF64_R_TYPE(rela->r_info);
	uint64_t index = ELF64_R_SYM(rela->r_info), ignored;
	if (link->module)
		return refuse_type(object, type, "is for a thread-local variable: modules keep per-thread "
				   "data in the thread structure, see mc_thread_expand", err);
	struct definition found = {object, NULL};
	if (index) {
		int r = value_of(link, object, index, type, &found, &ignored, err);
		if (r < 0)
			return r;
	}
	if (!found.object) // weak, and nobody has it
		return 0;
	if (!found.object->tls)
		return refuse_type(object, type, "is for a symbol that is not thread-local", err);
	uint64_t offset = (found.symbol ? found.symbol->st_value : 0) + (uint64_t)rela->r_addend;
	switch (type) {
	case R_X86_64_TPOFF64:
		store(where, offset - found.object->tls_offset);
		break;
	case R_X86_64_DTPMOD64:
		store(where, found.object->tls_module);
		break;
	default:
		store(where, offset);
		break;
	}
	return 0;
}

// S, S + A, S + A - P; or, when S is an indirect function, a resolver.
static int apply_symbol(struct link *link, struct object *object, const Elf64_Rela *rela, uint8_t *where,
			struct err *err)
{
	uint32_t type = ELF64_R_TYPE(rela->r_info);
	uint64_t index = ELF64_R_SYM(rela->r_info), value = 0;
	struct definition found = {NULL, NULL};
	if (index) {
		int r = value_of(link, object, index, type, &found, &value, err);
		if (r < 0)
			return r;
	}
	uint64_t place = rela->r_offset + object->bias, addend = (uint64_t)rela->r_addend;
	if (found.symbol && ELF64_ST_TYPE(found.symbol->st_info) == STT_GNU_IFUNC &&
	    found.symbol->st_shndx != SHN_UNDEF) {
		if (type == R_X86_64_PC32 || (type == R_X86_64_64 && addend))
			return refuse_type(object, type, "to an indirect function is not supported", err);
		return link->resolver(link, place, value, err);
	}
	if (type == R_X86_64_64)
		value += addend;
	if (type == R_X86_64_PC32) {
		int64_t distance = (int64_t)(value + addend - place);
		int32_t narrow = (int32_t)distance;
		if (narrow != distance)
			return refuse_type(object, type, "does not reach its symbol: build with -fPIC", err);
		memcpy(where, &narrow, sizeof narrow);
		return 0;
	}
	store(where, value);
	return 0;
}

static int apply(struct link *link, struct object *object, const Elf64_Rela *rela, struct err *err)
{
	uint32_t type = ELF64_R_TYPE(rela->r_info);
	if (type == R_X86_64_NONE)
		return 0;
	if (ELF64_R_SYM(rela->r_info) && ELF64_R_SYM(rela->r_info) >= object->n_symbols)
		return refuse_type(object, type, "is for a symbol that does not exist", err);
	if (type == R_X86_64_COPY)
		return ELF64_R_SYM(rela->r_info) ? apply_copy(link, object, rela, err) :
			refuse_type(object, type, "has no symbol", err);
	const struct segment *segment;
	uint8_t *where = object_place(object, rela->r_offset, type == R_X86_64_PC32 ? 4 : 8, &segment);
	if (!where)
		return refuse_type(object, type, "lies in no segment", err);
	if (link->module && !(segment->prot & PROT_WRITE))
		return refuse_type(object, type, "changes text or constants: build the module with -fPIC "
				   "(microcosm-cc --module does)", err);
	switch (type) {
	case R_X86_64_RELATIVE:
		store(where, object->bias + (uint64_t)rela->r_addend);
		return 0;
	case R_X86_64_IRELATIVE:
		return link->resolver(link, rela->r_offset + object->bias,
				      object->bias + (uint64_t)rela->r_addend, err);
	case R_X86_64_64:
	case R_X86_64_PC32:
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
		return apply_symbol(link, object, rela, where, err);
	case R_X86_64_TPOFF64:
	case R_X86_64_DTPMOD64:
	case R_X86_64_DTPOFF64:
		return apply_tls(link, object, rela, where, err);
	case R_X86_64_TLSDESC:
		return refuse_type(object, type, "is not supported: build with -mtls-dialect=gnu", err);
	default:
		return refuse_type(object, type, "is not supported", err);
	}
}

static int apply_table(struct link *link, struct object *object, const struct range *table, struct err *err)
{
	for (uint64_t i = 0; i < table->size; i += sizeof(Elf64_Rela)) {
		// dynamic_read has tested the whole table.
		const uint8_t *p = object_bytes(object, table->vaddr + i, sizeof(Elf64_Rela));
		Elf64_Rela rela;
		MC_ASSERT(p != NULL);
		memcpy(&rela, p, sizeof rela);
		int r = link_spend(link, object, 1, err);
		if (r == 0)
			r = apply(link, object, &rela, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int relocate_word(struct link *link, struct object *object, uint64_t vaddr, struct err *err)
{
	const struct segment *segment;
	uint8_t *where = object_place(object, vaddr, 8, &segment);
	if (!where || (link->module && !(segment->prot & PROT_WRITE)))
		return err_set(err, ENOEXEC, "%s: a RELR relocation lies in no writable segment",
			       object->path);
	store(where, read_u64(where) + object->bias);
	return link_spend(link, object, 1, err);
}

// An even word is an address; an odd one a bitmap of the 63 words behind the last.
static int apply_relr(struct link *link, struct object *object, struct err *err)
{
	uint64_t next = 0;
	for (uint64_t i = 0; i < object->relr.size; i += 8) {
		const uint8_t *p = object_bytes(object, object->relr.vaddr + i, 8);
		if (!p)
			return err_set(err, ENOEXEC, "%s: DT_RELR is damaged or not in the file",
				       object->path);
		uint64_t word = read_u64(p);
		int r = link_spend(link, object, 1, err);
		if (!(word & 1)) {
			if (r == 0)
				r = relocate_word(link, object, word, err);
			next = word + 8;
		} else {
			for (unsigned bit = 1; bit < 64 && r == 0; bit++)
				if (word >> bit & 1)
					r = relocate_word(link, object, next + 8ull * (bit - 1), err);
			next += 63 * 8;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int link_relocate(struct link *link, struct object *object, struct err *err)
{
	int r = apply_relr(link, object, err);
	if (r == 0)
		r = apply_table(link, object, &object->rela, err);
	return r == 0 ? apply_table(link, object, &object->jmprel, err) : r;
}
