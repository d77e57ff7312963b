// SPDX-License-Identifier: MIT
// Programs that Microcosm links itself: program and needed objects in one memory file, relocated here,
// with the first thread's thread-local variables.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/checked.h"
#include "load/link.h"
#include "load/needed.h"
#include "load/plan.h"

#define IMAGE_MAX (1ull << 30)
#define TLS_MAX (64ull << 20)
#define TCB_BYTES 4096ull
#define TCB_VECTOR 0x8  // points to: how many modules have blocks, then where each is
#define TCB_CANARY 0x28
#define TCB_TEMPLATE 0x40 // for new threads (guest-rt/lib/tls.c): where a copy of all this is,
#define TCB_BELOW 0x48    // how many bytes lie below the thread pointer,
#define TCB_ALIGN 0x50    // what it must be aligned to,
#define TCB_ABOVE 0x58    // how many bytes lie above
#define TCB_VECTOR_AT 0x100

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

struct image {
	struct plan *plan;
	struct needed needed;
	struct link link;
	struct object *order[NEEDED_OBJECTS_MAX];
	int fd;
	uint64_t size;      // of the file so far
	uint64_t next;      // where the next shared object goes
	uint64_t tls_size;  // of all blocks, up to the thread pointer
};

// A zeroed piece of the file, whole pages, mapped here.
static int piece(struct image *image, uint64_t len, uint64_t *offset, void **at, struct err *err)
{
	uint64_t end;
	if (!checked_add(image->size, len, &end) || end > IMAGE_MAX)
		return err_set(err, E2BIG, "%s: with what it needs it is larger than %llu MiB",
			       image->plan->request->path, IMAGE_MAX >> 20);
	if (ftruncate(image->fd, (off_t)end) < 0)
		return err_sys(err, errno, "%s: no memory to link it in", image->plan->request->path);
	*at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, image->fd, (off_t)image->size);
	if (*at == MAP_FAILED)
		return err_sys(err, errno, "%s: no memory to link it in", image->plan->request->path);
	*offset = image->size;
	image->size = end;
	return 0;
}

static int place(void *context, struct object *object, struct err *err)
{
	struct image *image = context;
	uint64_t span = object->high - object->low;
	void *at;
	int r;
	if (object == image->needed.objects[0]) {
		uint64_t room = RT_WINDOW_LOW - PLAN_PIE_LOW, need = span + 2 * object->align;
		r = plan_place(image->plan, object, PLAN_PIE_LOW, room > need ? room - need : 0, err);
	} else if (object->type != ET_DYN) {
		r = err_set(err, ENOEXEC, "%s: not a shared object", object->path);
	} else {
		r = plan_place(image->plan, object, image->next, 0, err);
		image->next = object->high + object->bias;
	}
	if (r == 0)
		r = piece(image, span, &object->image_offset, &at, err);
	return r == 0 ? object_read(object, at, err) : r;
}

static int open_named(void *context, const char *path)
{
	const struct image *image = context;
	return image->plan->request->open(image->plan->request->context, path);
}

// Blocks lie below the thread pointer, the program's nearest to it, as its code assumes.
static int lay_out_tls(struct image *image, struct err *err)
{
	unsigned modules = 0;
	for (size_t i = 0; i < image->needed.n; i++) {
		struct object *object = image->needed.objects[i];
		const struct segment *tls = &object->tls_segment;
		uint64_t align = object->tls_align;
		if (!object->tls)
			continue;
		if (tls->filesz > tls->memsz || tls->memsz > TLS_MAX || align > OBJECT_PAGE ||
		    align & (align - 1) ||
		    (tls->filesz && !object_bytes(object, tls->vaddr, tls->filesz)))
			return err_set(err, ENOEXEC, "%s: PT_TLS is damaged or too large", object->path);
		uint64_t first = -tls->vaddr & (align - 1);
		object->tls_offset =
			((image->tls_size + tls->memsz - first + align - 1) & ~(align - 1)) + first;
		object->tls_module = ++modules;
		image->tls_size = object->tls_offset;
		if (image->tls_size > TLS_MAX)
			return err_set(err, ENOEXEC, "%s: too many thread-local variables", object->path);
	}
	return 0;
}

static void write_word(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof value);
}

// addr is what the guest will see at pointer.
static void write_tls(const struct image *image, uint8_t *pointer, uint64_t addr, uint64_t canary)
{
	uint8_t *vector = pointer + TCB_VECTOR_AT;
	uint64_t modules = 0;
	_Static_assert(TCB_VECTOR_AT + 8 * (NEEDED_OBJECTS_MAX + 1) <= TCB_BYTES, "the vector fits");
	for (size_t i = 0; i < image->needed.n; i++) {
		const struct object *object = image->needed.objects[i];
		const struct segment *tls = &object->tls_segment;
		if (!object->tls)
			continue;
		modules = object->tls_module;
		write_word(vector + 8 * modules, addr - object->tls_offset);
		if (tls->filesz)
			memcpy(pointer - object->tls_offset, object_bytes(object, tls->vaddr, tls->filesz),
			       tls->filesz);
	}
	write_word(vector, modules);
	write_word(pointer, addr);
	write_word(pointer + TCB_VECTOR, addr + TCB_VECTOR_AT);
	write_word(pointer + TCB_CANARY, canary);
}

// After relocation, which may change the templates. The thread pointer begins a page: all alignments hold.
static int make_tls(struct image *image, struct err *err)
{
	uint64_t below = page_up(image->tls_size), len = below + TCB_BYTES, offset, canary;
	void *at;
	if (getrandom(&canary, sizeof canary, 0) != (ssize_t)sizeof canary)
		return err_sys(err, errno, "no random number for the stack protector");
	int r = piece(image, len, &offset, &at, err);
	if (r < 0)
		return r;
	uint64_t addr = image->next + OBJECT_PAGE; // a page that nothing is in, against overruns
	image->plan->head.fs_base = addr + below;
	uint64_t template = addr + len + OBJECT_PAGE;
	write_word((uint8_t *)at + below + TCB_TEMPLATE, template);
	write_word((uint8_t *)at + below + TCB_BELOW, below);
	write_word((uint8_t *)at + below + TCB_ALIGN, OBJECT_PAGE);
	write_word((uint8_t *)at + below + TCB_ABOVE, TCB_BYTES);
	// The lowest byte stays 0: it ends strings.
	write_tls(image, (uint8_t *)at + below, addr + below, canary & ~0xffull);
	munmap(at, len);
	r = plan_map(image->plan, &(struct rt_map){
		.addr = template, .len = len, .offset = offset, .prot = PROT_READ,
		.flags = MAP_PRIVATE, .fd = 2}, err);
	return r < 0 ? r : plan_map(image->plan, &(struct rt_map){
		.addr = addr, .len = len, .offset = offset, .prot = PROT_READ | PROT_WRITE,
		.flags = MAP_PRIVATE, .fd = 2}, err);
}

static int undefined(struct link *link, struct object *object, const Elf64_Sym *symbol, const char *name,
		     uint64_t *value, struct err *err)
{
	(void)value;
	return link_missing(link, object, name,
			    object_version(object, (uint64_t)(symbol - object->symbols)), err);
}

static int resolver(struct link *link, uint64_t where, uint64_t function, struct err *err)
{
	struct image *image = link->context;
	return plan_resolve(image->plan, where, function, err);
}

static int relocate(struct image *image, struct err *err)
{
	image->link = (struct link){.scope = image->needed.objects, .n_scope = image->needed.n,
				    .steps = LINK_STEPS, .undefined = undefined, .resolver = resolver,
				    .context = image};
	for (size_t i = 0; i < image->needed.n; i++) {
		int r = link_relocate(&image->link, image->order[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

// The program's own initialisers are for its start code.
static int add_inits(struct image *image, const struct object *object, struct err *err)
{
	uint64_t n = object->init_array.size / 8;
	const uint8_t *p = n ? object_bytes(object, object->init_array.vaddr, n * 8) : NULL;
	if (object == image->needed.objects[0])
		return 0;
	if (n && !p)
		return err_set(err, ENOEXEC, "%s: DT_INIT_ARRAY is damaged or not in the file",
			       object->path);
	int r = object->init ? plan_init(image->plan, object->init + object->bias, err) : 0;
	for (uint64_t i = 0; i < n && r == 0; i++)
		r = plan_init(image->plan, read_u64(p + 8 * i), err);
	return r;
}

static int add_relro(struct image *image, const struct object *object, struct err *err)
{
	const struct range *relro = &object->relro_range;
	const struct segment *s = object->relro ? object_segment(object, relro->vaddr) : NULL;
	uint64_t end;
	if (!s || !checked_add(relro->vaddr, relro->size, &end))
		return 0;
	uint64_t limit = page_up(s->vaddr + s->memsz), low = page_down(relro->vaddr);
	uint64_t high = end < limit ? page_down(end) : limit;
	return low < high ? plan_relro(image->plan, low + object->bias, high - low, err) : 0;
}

static int map_segments(struct image *image, const struct object *object, struct err *err)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *s = &object->segments[i];
		uint64_t start = page_down(s->vaddr), end = page_up(s->vaddr + s->memsz);
		// Behind `used` all is zero, and need not take memory in the file.
		uint64_t middle = s->used ? page_up(s->vaddr + s->used) : start;
		int r = 0;
		if (middle > start)
			r = plan_map(image->plan, &(struct rt_map){
				.addr = start + object->bias, .len = middle - start,
				.offset = object->image_offset + (start - object->low), .prot = s->prot,
				.flags = MAP_PRIVATE, .fd = 2}, err);
		if (r == 0 && end > middle)
			r = plan_map(image->plan, &(struct rt_map){
				.addr = middle + object->bias, .len = end - middle, .prot = s->prot,
				.flags = MAP_PRIVATE | MAP_ANONYMOUS, .fd = -1}, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int describe(struct image *image, struct err *err)
{
	int r = plan_program(image->plan, image->needed.objects[0], err);
	for (size_t i = 0; i < image->needed.n && r == 0; i++) {
		struct object *object = image->order[i];
		r = add_inits(image, object, err);
		if (r == 0)
			r = add_relro(image, object, err);
		if (r == 0)
			r = map_segments(image, object, err);
		if (r == 0)
			r = plan_object(image->plan, object, err);
		if (object->stack_executable)
			image->plan->head.flags |= RT_PLAN_EXEC_STACK;
	}
	return r;
}

static int seal(struct image *image, struct err *err)
{
	for (size_t i = 0; i < image->needed.n; i++)
		object_finish(image->needed.objects[i]); // a writable mapping would keep the seal off
	if (fcntl(image->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return err_sys(err, errno, "%s: its image cannot be sealed", image->plan->request->path);
	int fd = image->fd;
	image->fd = -1;
	int index = plan_descriptor(image->plan, fd, err);
	MC_ASSERT(index < 0 || index == 2);
	return index < 0 ? index : 0;
}

static int link_image(struct image *image, struct object *program, struct err *err)
{
	int r = needed_add(&image->needed, program, err);
	if (r == 0)
		r = place(image, program, err);
	if (r == 0)
		r = needed_gather(&image->needed, false, err);
	if (r == 0)
		r = lay_out_tls(image, err);
	if (r == 0) {
		needed_order(&image->needed, image->order);
		r = relocate(image, err);
	}
	if (r == 0)
		r = make_tls(image, err);
	if (r == 0)
		r = describe(image, err);
	return r == 0 ? seal(image, err) : r;
}

int image_plan(struct plan *plan, struct object *program, struct err *err)
{
	struct image *image = calloc(1, sizeof *image);
	uint64_t random;
	int r = image ? plan_random(plan, PLAN_SHARED_RANDOM, &random, err) :
		err_sys(err, ENOMEM, "%s", program->path);
	if (r < 0) {
		free(image);
		object_free(program);
		return r;
	}
	image->plan = plan;
	image->next = PLAN_SHARED_LOW + random;
	image->needed.last_dir = plan->request->module_dir;
	image->needed.open = open_named;
	image->needed.place = place;
	image->needed.context = image;
	image->fd = memfd_create("microcosm-image", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (image->fd < 0 && errno == EINVAL) // before Linux 6.3
		image->fd = memfd_create("microcosm-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (image->fd < 0) {
		r = err_sys(err, errno, "%s: no memory to link it in", program->path);
		object_free(program);
	} else {
		r = link_image(image, program, err);
	}
	needed_free(&image->needed);
	if (image->fd >= 0)
		close(image->fd);
	free(image);
	return r;
}
