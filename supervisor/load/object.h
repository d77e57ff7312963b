/* SPDX-License-Identifier: MIT
 * One ELF file, hostile until checked: headers, and, for those that are linked here, an image of its
 * segments with the tables that its dynamic section names. Every vaddr and offset in it is tested
 * where it is used; what is read twice is copied first. */
#ifndef LOAD_OBJECT_H
#define LOAD_OBJECT_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define OBJECT_PAGE 4096ull
#define OBJECT_PHDRS_MAX 64
#define OBJECT_SPAN_MAX (64ull << 30)

struct segment { /* a PT_LOAD with bytes in memory */
	uint64_t vaddr, memsz, offset, filesz;
	uint64_t used;  /* bytes from vaddr that may differ from 0 in the image */
	uint32_t prot;  /* PROT_* */
	unsigned index; /* of the program header, for messages */
};

struct range { /* of virtual addresses as the file has them */
	uint64_t vaddr, size;
};

struct version { /* what an index of the version table stands for; name NULL: nothing */
	const char *name;
	uint32_t hash;
};

struct gnu_hash { /* pointers into the image, checked as far as the counts say */
	const uint8_t *bloom, *buckets, *chain;
	uint32_t n_bloom, n_buckets, first, shift;
	uint64_t n_chain;
};

struct sysv_hash {
	const uint8_t *buckets, *chain;
	uint32_t n_buckets, n_chain;
};

struct object {
	/* Filled by object_open. */
	char *path;
	const char *file; /* its last component */
	int fd;
	dev_t device;
	ino_t inode;
	uint64_t file_size;
	uint16_t type;    /* ET_EXEC, ET_DYN */
	uint64_t entry;   /* vaddr */
	uint64_t phoff;
	unsigned phnum;
	struct segment segments[OBJECT_PHDRS_MAX];
	size_t n_segments;
	uint64_t low, high; /* all segments lie in these whole pages */
	uint64_t align;     /* the largest of the segments' alignments, at least a page */
	char *interpreter;  /* NULL: none */
	Elf64_Dyn *dynamic;
	size_t n_dynamic;
	bool tls, relro, stack_executable;
	struct segment tls_segment; /* PT_TLS; alignment in tls_align */
	uint64_t tls_align;
	struct range relro_range;

	/* Where it will lie: runtime address = vaddr + bias. The owner's to set. */
	uint64_t bias;

	/* Filled by object_read. */
	uint8_t *image;     /* byte 0 is vaddr low */
	char *strings;      /* a copy with a 0 behind it */
	uint64_t n_strings;
	Elf64_Sym *symbols; /* a copy: relocations may not change what is looked up */
	uint64_t n_symbols;
	const uint8_t *versym; /* n_symbols of two bytes, NULL without versions */
	struct version *versions;
	size_t n_versions;
	struct gnu_hash gnu;   /* n_buckets 0: none */
	struct sysv_hash sysv;
	struct range rela, jmprel, relr, init_array, fini_array;
	uint64_t init, fini;   /* vaddr, 0: none */
	const char *soname, *runpath; /* NULL: none */
	const char **needed;
	size_t n_needed;
	bool symbolic, textrel;

	/* The linker's. */
	struct object **dependencies; /* one for each needed object, NULL for libhost_* */
	bool ordered;
	uint64_t tls_offset;          /* the block begins this far below the thread pointer */
	unsigned tls_module;          /* from 1 */
	uint64_t image_offset;        /* of image in the plan's image file */
};

/* Takes fd over, whatever the result; path is for messages. */
int object_open(int fd, const char *path, struct object **object, struct err *err);
/* Takes over image, a zeroed mapping of high - low bytes, and reads the segments into it, and the
 * tables from there. */
int object_read(struct object *object, uint8_t *image, struct err *err);
/* Unmaps the image. Strings, symbols and headers stay. */
void object_release_image(struct object *object);
/* No more is to be read: unmaps the image, closes the file. */
void object_finish(struct object *object);
void object_free(struct object *object);

/* Whether the dynamic section has an entry with this tag. */
bool object_has_tag(const struct object *object, int64_t tag);
/* [vaddr, vaddr + size) as read from the file, all in one segment; NULL when it is not. */
const uint8_t *object_bytes(const struct object *object, uint64_t vaddr, uint64_t size);
/* From vaddr to the end of what was read of its segment. */
const uint8_t *object_rest(const struct object *object, uint64_t vaddr, uint64_t *size);
/* Memory that a relocation may write, bss included; NULL when it is in no segment. */
uint8_t *object_place(struct object *object, uint64_t vaddr, uint64_t size,
		      const struct segment **segment);
/* The segment of an address, by its memory size; NULL when there is none. */
const struct segment *object_segment(const struct object *object, uint64_t vaddr);
/* A string of the table; NULL when the offset is beyond it. */
const char *object_string(const struct object *object, uint64_t offset);

/* dynamic.c: the tables that the dynamic section names. Called by object_read. */
int dynamic_read(struct object *object, struct err *err);

/* A symbol that is looked for. */
struct lookup {
	const char *name;
	const struct version *version; /* NULL: the reference has none */
	uint32_t gnu_hash, sysv_hash;
	bool plt;        /* for a call: an undefined symbol with a value is no definition */
	uint64_t *steps; /* what is left of the work that the caller is ready to do */
};

void lookup_init(struct lookup *lookup, const char *name, const struct version *version,
		 uint64_t *steps);
/* The object's definition that others may see; NULL when it has none, or when no steps are left. */
const Elf64_Sym *object_find(const struct object *object, const struct lookup *lookup);
/* The version that symbol index asks for; NULL for none. */
const struct version *object_version(const struct object *object, uint64_t index);
/* The runtime address of a symbol that the object defines. */
uint64_t object_value(const struct object *object, const Elf64_Sym *symbol);

static inline uint64_t page_down(uint64_t value)
{
	return value & ~(OBJECT_PAGE - 1);
}

/* For values that are known not to be near the top. */
static inline uint64_t page_up(uint64_t value)
{
	return page_down(value + OBJECT_PAGE - 1);
}

/* Files have their numbers where they like: not always aligned. */
static inline uint32_t read_u32(const uint8_t *p)
{
	uint32_t value;
	__builtin_memcpy(&value, p, sizeof value);
	return value;
}

static inline uint64_t read_u64(const uint8_t *p)
{
	uint64_t value;
	__builtin_memcpy(&value, p, sizeof value);
	return value;
}

#endif
