// SPDX-License-Identifier: MIT
// ELF headers and segments: what may be believed of them after these checks, and an image in memory.
#include "load/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"

#define ADDRESS_MAX (1ull << 47)
#define ALIGN_MAX (1ull << 30)
#define DYNAMIC_MAX 65536u       // entries
#define INTERPRETER_MAX 4096u    // bytes

static int check_kind(const Elf64_Ehdr *header, const char *path, struct err *err)
{
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(err, ENOEXEC, "%s: not an ELF file", path);
	if (header->e_ident[EI_CLASS] != ELFCLASS64)
		return err_set(err, ENOEXEC, "%s: not a 64-bit ELF file", path);
	if (header->e_ident[EI_DATA] != ELFDATA2LSB)
		return err_set(err, ENOEXEC, "%s: not a little-endian ELF file", path);
	if (header->e_machine != EM_X86_64)
		return err_set(err, ENOEXEC, "%s: for machine %u, not for x86-64", path, header->e_machine);
	if (header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT)
		return err_set(err, ENOEXEC, "%s: unknown ELF version", path);
	if (header->e_type == ET_REL)
		return err_set(err, ENOEXEC, "%s: an object file that has not been linked", path);
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return err_set(err, ENOEXEC, "%s: ELF type %u is neither a program nor a shared object",
			       path, header->e_type);
	if (header->e_phentsize != sizeof(Elf64_Phdr) && header->e_phnum)
		return err_set(err, ENOEXEC, "%s: program headers of %u bytes, not %zu", path,
			       header->e_phentsize, sizeof(Elf64_Phdr));
	if (header->e_phnum == 0)
		return err_set(err, ENOEXEC, "%s: no program headers", path);
	if (header->e_phnum > OBJECT_PHDRS_MAX)
		return err_set(err, ENOEXEC, "%s: %u program headers, more than %u", path,
			       header->e_phnum, OBJECT_PHDRS_MAX);
	return 0;
}

// All of it, or -errno; -ENODATA where the file ends before.
static int read_all(int fd, void *to, uint64_t size, uint64_t offset)
{
	for (uint64_t done = 0; done < size;) {
		ssize_t got = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -ENODATA;
		done += (uint64_t)got;
	}
	return 0;
}

static int read_header(struct object *object, Elf64_Ehdr *header, struct err *err)
{
	struct stat st;
	if (fstat(object->fd, &st) < 0)
		return err_sys(err, errno, "%s", object->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EACCES, "%s: not a regular file", object->path);
	if (st.st_size == 0)
		return err_set(err, ENOEXEC, "%s: the file is empty", object->path);
	object->device = st.st_dev;
	object->inode = st.st_ino;
	object->file_size = (uint64_t)st.st_size;

	ssize_t got = pread(object->fd, header, sizeof *header, 0);
	if (got < 0)
		return err_sys(err, errno, "%s: cannot be read", object->path);
	if (got < (ssize_t)sizeof *header && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0)
		return err_set(err, ENOEXEC, "%s: truncated in the ELF header", object->path);
	return check_kind(header, object->path, err);
}

static int add_load(struct object *object, const Elf64_Phdr *ph, unsigned i, struct err *err)
{
	const char *path = object->path;
	if (ph->p_memsz == 0 && ph->p_filesz == 0)
		return 0;
	if (ph->p_filesz > ph->p_memsz)
		return err_set(err, ENOEXEC, "%s: segment %u is larger in the file than in memory", path, i);
	if (!range_within(ph->p_offset, ph->p_filesz, 0, object->file_size))
		return err_set(err, ENOEXEC, "%s: truncated: segment %u reaches beyond the end of the file",
			       path, i);
	if (!range_within(ph->p_vaddr, ph->p_memsz, 0, ADDRESS_MAX - OBJECT_PAGE))
		return err_set(err, ENOEXEC, "%s: segment %u (0x%llx, 0x%llx bytes) is too large for the "
			       "address space", path, i, (unsigned long long)ph->p_vaddr,
			       (unsigned long long)ph->p_memsz);
	if (ph->p_align & (ph->p_align - 1) || ph->p_align > ALIGN_MAX)
		return err_set(err, ENOEXEC, "%s: segment %u has an alignment of 0x%llx", path, i,
			       (unsigned long long)ph->p_align);
	if (ph->p_filesz && (ph->p_vaddr - ph->p_offset) % OBJECT_PAGE)
		return err_set(err, ENOEXEC, "%s: segment %u is misaligned: offset 0x%llx, address 0x%llx",
			       path, i, (unsigned long long)ph->p_offset,
			       (unsigned long long)ph->p_vaddr);
	if (object->n_segments) {
		const struct segment *before = &object->segments[object->n_segments - 1];
		if (ph->p_vaddr < before->vaddr)
			return err_set(err, ENOEXEC, "%s: segment %u lies below segment %u", path, i,
				       before->index);
		if (page_down(ph->p_vaddr) < page_up(before->vaddr + before->memsz))
			return err_set(err, ENOEXEC, "%s: segment %u overlaps segment %u", path, i,
				       before->index);
	} else {
		object->low = page_down(ph->p_vaddr);
	}
	object->high = page_up(ph->p_vaddr + ph->p_memsz);
	if (object->high - object->low > OBJECT_SPAN_MAX)
		return err_set(err, ENOEXEC, "%s: segment %u is huge: the file wants %llu GiB of addresses",
			       path, i, (unsigned long long)((object->high - object->low) >> 30));
	if (ph->p_align > object->align)
		object->align = ph->p_align;
	object->segments[object->n_segments++] = (struct segment){
		.vaddr = ph->p_vaddr, .memsz = ph->p_memsz, .offset = ph->p_offset,
		.filesz = ph->p_filesz, .used = ph->p_filesz, .index = i,
		.prot = (ph->p_flags & PF_R ? PROT_READ : 0u) | (ph->p_flags & PF_W ? PROT_WRITE : 0u) |
			(ph->p_flags & PF_X ? PROT_EXEC : 0u)};
	return 0;
}

static int add_interpreter(struct object *object, const Elf64_Phdr *ph, struct err *err)
{
	if (object->interpreter)
		return err_set(err, ENOEXEC, "%s: two PT_INTERP", object->path);
	if (ph->p_filesz < 2 || ph->p_filesz > INTERPRETER_MAX)
		return err_set(err, ENOEXEC, "%s: PT_INTERP has %llu bytes", object->path,
			       (unsigned long long)ph->p_filesz);
	if (!range_within(ph->p_offset, ph->p_filesz, 0, object->file_size))
		return err_set(err, ENOEXEC, "%s: truncated in PT_INTERP", object->path);
	char *text = object->interpreter = malloc(ph->p_filesz);
	if (!text)
		return err_sys(err, ENOMEM, "%s", object->path);
	if (read_all(object->fd, text, ph->p_filesz, ph->p_offset) < 0)
		return err_set(err, ENOEXEC, "%s: PT_INTERP cannot be read", object->path);
	if (text[ph->p_filesz - 1] != '\0' || text[0] == '\0')
		return err_set(err, ENOEXEC, "%s: PT_INTERP is not a path", object->path);
	return 0;
}

static int add_dynamic(struct object *object, const Elf64_Phdr *ph, struct err *err)
{
	uint64_t n = ph->p_filesz / sizeof(Elf64_Dyn);
	if (object->dynamic)
		return err_set(err, ENOEXEC, "%s: two PT_DYNAMIC", object->path);
	if (n == 0)
		return 0;
	if (n > DYNAMIC_MAX)
		return err_set(err, ENOEXEC, "%s: PT_DYNAMIC has %llu entries", object->path,
			       (unsigned long long)n);
	if (!range_within(ph->p_offset, ph->p_filesz, 0, object->file_size))
		return err_set(err, ENOEXEC, "%s: truncated in PT_DYNAMIC", object->path);
	object->dynamic = calloc(n, sizeof *object->dynamic);
	if (!object->dynamic)
		return err_sys(err, ENOMEM, "%s", object->path);
	if (read_all(object->fd, object->dynamic, n * sizeof *object->dynamic, ph->p_offset) < 0)
		return err_set(err, ENOEXEC, "%s: PT_DYNAMIC cannot be read", object->path);
	while (object->n_dynamic < n && object->dynamic[object->n_dynamic].d_tag != DT_NULL)
		object->n_dynamic++;
	return 0;
}

static int add_header(struct object *object, const Elf64_Phdr *ph, unsigned i, struct err *err)
{
	switch (ph->p_type) {
	case PT_LOAD:
		return add_load(object, ph, i, err);
	case PT_INTERP:
		return add_interpreter(object, ph, err);
	case PT_DYNAMIC:
		return add_dynamic(object, ph, err);
	case PT_TLS:
		if (object->tls)
			return err_set(err, ENOEXEC, "%s: two PT_TLS", object->path);
		object->tls = true;
		object->tls_segment = (struct segment){.vaddr = ph->p_vaddr, .memsz = ph->p_memsz,
						       .filesz = ph->p_filesz, .index = i};
		object->tls_align = ph->p_align ? ph->p_align : 1;
		return 0;
	case PT_GNU_RELRO:
		object->relro = true;
		object->relro_range = (struct range){ph->p_vaddr, ph->p_memsz};
		return 0;
	case PT_GNU_STACK:
		object->stack_executable = ph->p_flags & PF_X;
		return 0;
	default:
		return 0;
	}
}

// Reads by pread: a file that shrinks under a mapping would raise SIGBUS.
static int object_parse(struct object *object, struct err *err)
{
	Elf64_Ehdr header = {0};
	Elf64_Phdr headers[OBJECT_PHDRS_MAX];
	int r = read_header(object, &header, err);
	if (r < 0)
		return r;
	object->type = header.e_type;
	object->entry = header.e_entry;
	object->phoff = header.e_phoff;
	object->phnum = header.e_phnum;
	uint64_t size = header.e_phnum * sizeof headers[0];
	if (!range_within(header.e_phoff, size, 0, object->file_size))
		return err_set(err, ENOEXEC, "%s: truncated in the program headers", object->path);
	if (read_all(object->fd, headers, size, header.e_phoff) < 0)
		return err_set(err, ENOEXEC, "%s: the program headers cannot be read", object->path);
	for (unsigned i = 0; i < object->phnum && r == 0; i++)
		r = add_header(object, &headers[i], i, err);
	if (r == 0 && object->n_segments == 0)
		return err_set(err, ENOEXEC, "%s: no segment to load", object->path);
	return r;
}

int object_open(int fd, const char *path, struct object **result, struct err *err)
{
	struct object *object = calloc(1, sizeof *object);
	if (!object) {
		close(fd);
		return err_sys(err, ENOMEM, "%s", path);
	}
	object->fd = fd;
	object->align = OBJECT_PAGE;
	object->path = strdup(path);
	int r = object->path ? 0 : err_sys(err, ENOMEM, "%s", path);
	if (r == 0) {
		const char *slash = strrchr(object->path, '/');
		object->file = slash ? slash + 1 : object->path;
		r = object_parse(object, err);
	}
	if (r < 0) {
		object_free(object);
		return r;
	}
	*result = object;
	return 0;
}

static int read_segment(const struct object *object, const struct segment *segment, struct err *err)
{
	int r = read_all(object->fd, object->image + (segment->vaddr - object->low), segment->filesz,
			 segment->offset);
	if (r == -ENODATA)
		return err_set(err, ENOEXEC, "%s: truncated while segment %u was read", object->path,
			       segment->index);
	return r < 0 ? err_sys(err, -r, "%s: segment %u cannot be read", object->path, segment->index) : 0;
}

int object_read(struct object *object, uint8_t *image, struct err *err)
{
	object->image = image;
	for (size_t i = 0; i < object->n_segments; i++) {
		int r = read_segment(object, &object->segments[i], err);
		if (r < 0)
			return r;
	}
	return dynamic_read(object, err);
}

void object_release_image(struct object *object)
{
	if (object->image)
		munmap(object->image, object->high - object->low);
	object->image = NULL;
	object->versym = NULL;
	object->gnu = (struct gnu_hash){0};
	object->sysv = (struct sysv_hash){0};
}

void object_finish(struct object *object)
{
	object_release_image(object);
	if (object->fd >= 0)
		close(object->fd);
	object->fd = -1;
}

void object_free(struct object *object)
{
	if (!object)
		return;
	object_finish(object);
	free(object->path);
	free(object->interpreter);
	free(object->dynamic);
	free(object->strings);
	free(object->symbols);
	free(object->versions);
	free(object->needed);
	free(object->dependencies);
	free(object);
}

bool object_has_tag(const struct object *object, int64_t tag)
{
	for (size_t i = 0; i < object->n_dynamic; i++)
		if (object->dynamic[i].d_tag == tag)
			return true;
	return false;
}

const uint8_t *object_rest(const struct object *object, uint64_t vaddr, uint64_t *size)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *s = &object->segments[i];
		if (vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz) {
			*size = s->filesz - (vaddr - s->vaddr);
			return object->image + (vaddr - object->low);
		}
	}
	return NULL;
}

const uint8_t *object_bytes(const struct object *object, uint64_t vaddr, uint64_t size)
{
	uint64_t rest;
	const uint8_t *p = object_rest(object, vaddr, &rest);
	return p && size <= rest ? p : NULL;
}

const struct segment *object_segment(const struct object *object, uint64_t vaddr)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *s = &object->segments[i];
		if (vaddr >= s->vaddr && vaddr - s->vaddr < s->memsz)
			return s;
	}
	return NULL;
}

uint8_t *object_place(struct object *object, uint64_t vaddr, uint64_t size, const struct segment **segment)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		struct segment *s = &object->segments[i];
		if (!range_within(vaddr, size, s->vaddr, s->vaddr + s->memsz))
			continue;
		uint64_t end = vaddr - s->vaddr + size;
		if (end > s->used)
			s->used = end;
		if (segment)
			*segment = s;
		return object->image + (vaddr - object->low);
	}
	return NULL;
}

const char *object_string(const struct object *object, uint64_t offset)
{
	return offset < object->n_strings ? object->strings + offset : NULL;
}
