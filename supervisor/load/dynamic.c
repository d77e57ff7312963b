// SPDX-License-Identifier: MIT
// What an object's dynamic section names: strings, symbols, versions, hash tables; and looking up.
#include "load/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR 36
#define DT_RELRENT 37
#endif

#define NEEDED_MAX 256u
#define VERSION_NAME_MAX 255u
#define VERSIONS_MAX 0x7fffu
#define VERSION_INDEX 0x7fffu
#define VERSION_HIDDEN 0x8000u

struct raw { // the entries, as they stand in the file
	uint64_t strtab, strsz, symtab, hash, gnu_hash, versym, verdef, verdefnum, verneed, verneednum;
	uint64_t soname, rpath, runpath;
	bool has_soname, has_rpath, has_runpath;
};

static int damaged(const struct object *object, const char *what, struct err *err)
{
	return err_set(err, ENOEXEC, "%s: %s is damaged or not in the file", object->path, what);
}

static int take_entry(struct object *object, struct raw *raw, const Elf64_Dyn *dyn, struct err *err)
{
	uint64_t value = dyn->d_un.d_val;
	switch (dyn->d_tag) {
	case DT_STRTAB: raw->strtab = value; break;
	case DT_STRSZ: raw->strsz = value; break;
	case DT_SYMTAB: raw->symtab = value; break;
	case DT_HASH: raw->hash = value; break;
	case DT_GNU_HASH: raw->gnu_hash = value; break;
	case DT_VERSYM: raw->versym = value; break;
	case DT_VERDEF: raw->verdef = value; break;
	case DT_VERDEFNUM: raw->verdefnum = value; break;
	case DT_VERNEED: raw->verneed = value; break;
	case DT_VERNEEDNUM: raw->verneednum = value; break;
	case DT_SONAME: raw->soname = value; raw->has_soname = true; break;
	case DT_RPATH: raw->rpath = value; raw->has_rpath = true; break;
	case DT_RUNPATH: raw->runpath = value; raw->has_runpath = true; break;
	case DT_NEEDED: object->n_needed++; break;
	case DT_RELA: object->rela.vaddr = value; break;
	case DT_RELASZ: object->rela.size = value; break;
	case DT_JMPREL: object->jmprel.vaddr = value; break;
	case DT_PLTRELSZ: object->jmprel.size = value; break;
	case DT_RELR: object->relr.vaddr = value; break;
	case DT_RELRSZ: object->relr.size = value; break;
	case DT_INIT: object->init = value; break;
	case DT_FINI: object->fini = value; break;
	case DT_INIT_ARRAY: object->init_array.vaddr = value; break;
	case DT_INIT_ARRAYSZ: object->init_array.size = value; break;
	case DT_FINI_ARRAY: object->fini_array.vaddr = value; break;
	case DT_FINI_ARRAYSZ: object->fini_array.size = value; break;
	case DT_SYMBOLIC: object->symbolic = true; break;
	case DT_TEXTREL: object->textrel = true; break;
	case DT_FLAGS:
		object->symbolic |= (value & DF_SYMBOLIC) != 0;
		object->textrel |= (value & DF_TEXTREL) != 0;
		break;
	case DT_REL:
		return err_set(err, ENOEXEC, "%s: has REL relocations; x86-64 has RELA", object->path);
	case DT_PLTREL:
		if (value != DT_RELA)
			return damaged(object, "DT_PLTREL", err);
		break;
	case DT_SYMENT:
		if (value != sizeof(Elf64_Sym))
			return damaged(object, "DT_SYMENT", err);
		break;
	case DT_RELAENT:
		if (value != sizeof(Elf64_Rela))
			return damaged(object, "DT_RELAENT", err);
		break;
	case DT_RELRENT:
		if (value != 8)
			return damaged(object, "DT_RELRENT", err);
		break;
	default:
		break;
	}
	return 0;
}

static int read_strings(struct object *object, const struct raw *raw, struct err *err)
{
	if (!raw->strsz)
		return object->n_needed ? damaged(object, "DT_STRTAB", err) : 0;
	const uint8_t *table = object_bytes(object, raw->strtab, raw->strsz);
	if (!table)
		return damaged(object, "DT_STRTAB", err);
	object->strings = malloc(raw->strsz + 1);
	if (!object->strings)
		return err_sys(err, ENOMEM, "%s: string table", object->path);
	memcpy(object->strings, table, raw->strsz);
	object->strings[raw->strsz] = '\0';
	object->n_strings = raw->strsz;
	return 0;
}

static int read_names(struct object *object, const struct raw *raw, struct err *err)
{
	if (raw->has_soname && !(object->soname = object_string(object, raw->soname)))
		return damaged(object, "DT_SONAME", err);
	// DT_RUNPATH makes DT_RPATH void.
	if (raw->has_runpath || raw->has_rpath) {
		object->runpath = object_string(object, raw->has_runpath ? raw->runpath : raw->rpath);
		if (!object->runpath)
			return damaged(object, "DT_RUNPATH", err);
	}
	if (object->n_needed > NEEDED_MAX)
		return err_set(err, ENOEXEC, "%s: needs %zu objects, more than %u", object->path,
			       object->n_needed, NEEDED_MAX);
	object->needed = calloc(object->n_needed + 1, sizeof *object->needed);
	object->dependencies = calloc(object->n_needed + 1, sizeof(struct object *));
	if (!object->needed || !object->dependencies)
		return err_sys(err, ENOMEM, "%s", object->path);
	size_t n = 0;
	for (size_t i = 0; i < object->n_dynamic; i++) {
		if (object->dynamic[i].d_tag != DT_NEEDED)
			continue;
		const char *name = object_string(object, object->dynamic[i].d_un.d_val);
		if (!name || !*name)
			return damaged(object, "DT_NEEDED", err);
		object->needed[n++] = name;
	}
	return 0;
}

static int read_sysv_hash(struct object *object, uint64_t vaddr, uint64_t *n_symbols, struct err *err)
{
	struct sysv_hash *hash = &object->sysv;
	uint64_t rest;
	const uint8_t *p = object_rest(object, vaddr, &rest);
	if (!p || rest < 8)
		return damaged(object, "DT_HASH", err);
	uint32_t n_buckets = read_u32(p), n_chain = read_u32(p + 4);
	if (((uint64_t)n_buckets + n_chain + 2) * 4 > rest)
		return damaged(object, "DT_HASH", err);
	*hash = (struct sysv_hash){.buckets = p + 8, .chain = p + 8 + n_buckets * 4ull,
				   .n_buckets = n_buckets, .n_chain = n_chain};
	if (n_chain > *n_symbols)
		*n_symbols = n_chain;
	return 0;
}

// The table does not say how many symbols there are: the last chain's end does.
static int count_gnu_symbols(const struct object *object, uint64_t *n_symbols, struct err *err)
{
	const struct gnu_hash *hash = &object->gnu;
	uint64_t last = 0;
	for (uint64_t i = 0; i < hash->n_buckets; i++) {
		uint32_t first = read_u32(hash->buckets + 4 * i);
		if (first > last)
			last = first;
	}
	if (last == 0)
		return 0;
	if (last < hash->first)
		return damaged(object, "DT_GNU_HASH", err);
	for (uint64_t i = last - hash->first; i < hash->n_chain; i++) {
		if (!(read_u32(hash->chain + 4 * i) & 1))
			continue;
		if (hash->first + i + 1 > *n_symbols)
			*n_symbols = hash->first + i + 1;
		return 0;
	}
	return damaged(object, "DT_GNU_HASH", err);
}

static int read_gnu_hash(struct object *object, uint64_t vaddr, uint64_t *n_symbols, struct err *err)
{
	struct gnu_hash *hash = &object->gnu;
	uint64_t rest;
	const uint8_t *p = object_rest(object, vaddr, &rest);
	if (!p || rest < 16)
		return damaged(object, "DT_GNU_HASH", err);
	*hash = (struct gnu_hash){.n_buckets = read_u32(p), .first = read_u32(p + 4),
				  .n_bloom = read_u32(p + 8), .shift = read_u32(p + 12)};
	uint64_t fixed = 16 + hash->n_bloom * 8ull + hash->n_buckets * 4ull;
	if (hash->n_buckets == 0 || hash->n_bloom == 0 || hash->n_bloom & (hash->n_bloom - 1) ||
	    hash->shift > 31 || fixed > rest)
		return damaged(object, "DT_GNU_HASH", err);
	hash->bloom = p + 16;
	hash->buckets = hash->bloom + hash->n_bloom * 8ull;
	hash->chain = p + fixed;
	hash->n_chain = (rest - fixed) / 4;
	return count_gnu_symbols(object, n_symbols, err);
}

// Symbols that are only referred to need not be in any hash table.
static int count_referred(const struct object *object, const struct range *table, const char *what,
			  uint64_t *n_symbols, struct err *err)
{
	if (!table->size)
		return 0;
	const uint8_t *p = object_bytes(object, table->vaddr, table->size);
	if (!p || table->size % sizeof(Elf64_Rela))
		return damaged(object, what, err);
	for (uint64_t i = 0; i < table->size; i += sizeof(Elf64_Rela)) {
		uint64_t symbol = ELF64_R_SYM(read_u64(p + i + offsetof(Elf64_Rela, r_info)));
		if (symbol >= *n_symbols)
			*n_symbols = symbol + 1;
	}
	return 0;
}

static int read_symbols(struct object *object, const struct raw *raw, struct err *err)
{
	uint64_t n = 0;
	int r = 0;
	if (raw->hash)
		r = read_sysv_hash(object, raw->hash, &n, err);
	if (r == 0 && raw->gnu_hash)
		r = read_gnu_hash(object, raw->gnu_hash, &n, err);
	if (r == 0)
		r = count_referred(object, &object->rela, "DT_RELA", &n, err);
	if (r == 0)
		r = count_referred(object, &object->jmprel, "DT_JMPREL", &n, err);
	if (r < 0 || n == 0)
		return r;
	if (n == 1 && !raw->symtab) // only relocations without a symbol
		return 0;
	const uint8_t *table = object_bytes(object, raw->symtab, n * sizeof(Elf64_Sym));
	if (!table)
		return damaged(object, "DT_SYMTAB", err);
	object->symbols = malloc(n * sizeof(Elf64_Sym));
	if (!object->symbols)
		return err_sys(err, ENOMEM, "%s: symbol table", object->path);
	memcpy(object->symbols, table, n * sizeof(Elf64_Sym));
	object->n_symbols = n;
	return 0;
}

static uint32_t hash_sysv(const char *name)
{
	uint32_t h = 0;
	for (; *name; name++) {
		h = (h << 4) + (uint8_t)*name;
		h ^= h >> 24 & 0xf0;
		h &= 0x0fffffff;
	}
	return h;
}

static int set_version(struct object *object, uint32_t index, uint32_t name_offset, struct err *err)
{
	const char *name = object_string(object, name_offset);
	index &= VERSION_INDEX;
	if (!name || strnlen(name, VERSION_NAME_MAX + 1) > VERSION_NAME_MAX)
		return damaged(object, "the version table", err);
	if (index < object->n_versions)
		object->versions[index] = (struct version){name, hash_sysv(name)};
	return 0;
}

static int read_verdef(struct object *object, const struct raw *raw, struct err *err)
{
	uint64_t at = raw->verdef;
	for (uint64_t i = 0; i < raw->verdefnum; i++) {
		const uint8_t *p = object_bytes(object, at, sizeof(Elf64_Verdef));
		Elf64_Verdef def;
		if (!p || i > VERSIONS_MAX)
			return damaged(object, "DT_VERDEF", err);
		memcpy(&def, p, sizeof def);
		const uint8_t *aux = object_bytes(object, at + def.vd_aux, sizeof(Elf64_Verdaux));
		if (!aux)
			return damaged(object, "DT_VERDEF", err);
		// The base definition names the file, not a version.
		int r = def.vd_flags & VER_FLG_BASE ? 0 : set_version(object, def.vd_ndx, read_u32(aux), err);
		if (r < 0)
			return r;
		if (def.vd_next == 0)
			break;
		at += def.vd_next;
	}
	return 0;
}

static int read_verneed_names(struct object *object, uint64_t at, unsigned n, uint64_t *total,
			      struct err *err)
{
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = object_bytes(object, at, sizeof(Elf64_Vernaux));
		Elf64_Vernaux aux;
		if (!p || ++*total > VERSIONS_MAX)
			return damaged(object, "DT_VERNEED", err);
		memcpy(&aux, p, sizeof aux);
		int r = set_version(object, aux.vna_other, aux.vna_name, err);
		if (r < 0)
			return r;
		if (aux.vna_next == 0)
			break;
		at += aux.vna_next;
	}
	return 0;
}

static int read_verneed(struct object *object, const struct raw *raw, struct err *err)
{
	uint64_t at = raw->verneed, total = 0;
	for (uint64_t i = 0; i < raw->verneednum; i++) {
		const uint8_t *p = object_bytes(object, at, sizeof(Elf64_Verneed));
		Elf64_Verneed need;
		if (!p || i > VERSIONS_MAX)
			return damaged(object, "DT_VERNEED", err);
		memcpy(&need, p, sizeof need);
		int r = read_verneed_names(object, at + need.vn_aux, need.vn_cnt, &total, err);
		if (r < 0)
			return r;
		if (need.vn_next == 0)
			break;
		at += need.vn_next;
	}
	return 0;
}

static int read_versions(struct object *object, const struct raw *raw, struct err *err)
{
	if (!raw->versym || object->n_symbols == 0)
		return 0;
	object->versym = object_bytes(object, raw->versym, object->n_symbols * 2);
	if (!object->versym)
		return damaged(object, "DT_VERSYM", err);
	object->n_versions = VERSIONS_MAX + 1;
	object->versions = calloc(object->n_versions, sizeof *object->versions);
	if (!object->versions)
		return err_sys(err, ENOMEM, "%s: versions", object->path);
	int r = raw->verdef ? read_verdef(object, raw, err) : 0;
	return r == 0 && raw->verneed ? read_verneed(object, raw, err) : r;
}

int dynamic_read(struct object *object, struct err *err)
{
	struct raw raw = {0};
	int r = 0;
	object->n_needed = 0;
	for (size_t i = 0; i < object->n_dynamic && r == 0; i++)
		r = take_entry(object, &raw, &object->dynamic[i], err);
	if (r == 0)
		r = read_strings(object, &raw, err);
	if (r == 0)
		r = read_names(object, &raw, err);
	if (r == 0)
		r = read_symbols(object, &raw, err);
	return r == 0 ? read_versions(object, &raw, err) : r;
}

// Names can be long and equal for most of their length: comparing them is work that counts.
static bool spend(uint64_t *steps, uint64_t n)
{
	if (*steps < n) {
		*steps = 0;
		return false;
	}
	*steps -= n;
	return true;
}

void lookup_init(struct lookup *lookup, const char *name, const struct version *version, uint64_t *steps)
{
	uint32_t h = 5381;
	const char *p = name;
	for (; *p; p++)
		h = h * 33 + (uint8_t)*p;
	*lookup = (struct lookup){.name = name, .version = version, .gnu_hash = h,
				  .sysv_hash = hash_sysv(name), .steps = steps};
	spend(steps, (uint64_t)(p - name) / 8);
}

static bool name_equal(const char *a, const char *b, uint64_t *steps)
{
	size_t i = 0;
	while (a[i] && a[i] == b[i])
		i++;
	return spend(steps, i / 8) && a[i] == b[i];
}

static bool version_matches(const struct object *object, uint64_t index, const struct lookup *lookup)
{
	if (!object->versym)
		return true;
	uint32_t raw = object->versym[2 * index] | (uint32_t)object->versym[2 * index + 1] << 8;
	const struct version *have = &object->versions[raw & VERSION_INDEX];
	if (!lookup->version) // takes the default
		return !(raw & VERSION_HIDDEN);
	if (have->name && have->hash == lookup->version->hash &&
	    strcmp(have->name, lookup->version->name) == 0)
		return true;
	// A definition that has no version satisfies any.
	return !have->name && !(raw & VERSION_HIDDEN);
}

static bool symbol_matches(const struct object *object, uint64_t index, const struct lookup *lookup)
{
	const Elf64_Sym *symbol = &object->symbols[index];
	unsigned type = ELF64_ST_TYPE(symbol->st_info), binding = ELF64_ST_BIND(symbol->st_info);
	unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);
	if (binding == STB_LOCAL || visibility == STV_HIDDEN || visibility == STV_INTERNAL)
		return false;
	if (symbol->st_value == 0 && symbol->st_shndx != SHN_ABS && type != STT_TLS)
		return false;
	// A program at a fixed address gives its PLT entry as a function's address.
	if (symbol->st_shndx == SHN_UNDEF && (lookup->plt || type == STT_TLS))
		return false;
	if (type > STT_FUNC && type != STT_COMMON && type != STT_TLS && type != STT_GNU_IFUNC)
		return false;
	const char *name = object_string(object, symbol->st_name);
	return name && name_equal(name, lookup->name, lookup->steps) &&
	       version_matches(object, index, lookup);
}

static const Elf64_Sym *find_gnu(const struct object *object, const struct lookup *lookup)
{
	const struct gnu_hash *hash = &object->gnu;
	uint32_t h = lookup->gnu_hash;
	uint64_t word = read_u64(hash->bloom + 8ull * (h / 64 & (hash->n_bloom - 1)));
	if (!(word >> (h & 63) & word >> (h >> hash->shift & 63) & 1))
		return NULL;
	uint64_t index = read_u32(hash->buckets + 4ull * (h % hash->n_buckets));
	if (index < hash->first || index == 0)
		return NULL;
	for (; index < object->n_symbols && index - hash->first < hash->n_chain; index++) {
		uint32_t value = read_u32(hash->chain + 4 * (index - hash->first));
		if (!spend(lookup->steps, 1))
			return NULL;
		if ((value | 1) == (h | 1) && symbol_matches(object, index, lookup))
			return &object->symbols[index];
		if (value & 1)
			break;
	}
	return NULL;
}

static const Elf64_Sym *find_sysv(const struct object *object, const struct lookup *lookup)
{
	const struct sysv_hash *hash = &object->sysv;
	uint64_t index = read_u32(hash->buckets + 4ull * (lookup->sysv_hash % hash->n_buckets));
	for (uint32_t i = 0; i < hash->n_chain && index; i++) { // a chain that loops ends here
		if (index >= hash->n_chain || index >= object->n_symbols || !spend(lookup->steps, 1))
			return NULL;
		if (symbol_matches(object, index, lookup))
			return &object->symbols[index];
		index = read_u32(hash->chain + 4 * index);
	}
	return NULL;
}

const Elf64_Sym *object_find(const struct object *object, const struct lookup *lookup)
{
	if (!spend(lookup->steps, 1) || !object->n_symbols)
		return NULL;
	if (object->gnu.n_buckets)
		return find_gnu(object, lookup);
	return object->sysv.n_buckets ? find_sysv(object, lookup) : NULL;
}

const struct version *object_version(const struct object *object, uint64_t index)
{
	if (!object->versym || index >= object->n_symbols)
		return NULL;
	uint32_t raw = object->versym[2 * index] | (uint32_t)object->versym[2 * index + 1] << 8;
	const struct version *version = &object->versions[raw & VERSION_INDEX];
	// 0 and 1 are no versions but "local" and "global".
	return (raw & VERSION_INDEX) >= 2 && version->name ? version : NULL;
}

uint64_t object_value(const struct object *object, const Elf64_Sym *symbol)
{
	return symbol->st_shndx == SHN_ABS ? symbol->st_value : symbol->st_value + object->bias;
}
