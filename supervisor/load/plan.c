// SPDX-License-Identifier: MIT
// Makes plans: lists that grow, addresses, and the blob at the end.
#include "load/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/checked.h"

#define LIST_MAX (RT_PLAN_MAX / 8) // items

static int list_add(struct list *list, const void *item, size_t size, struct err *err)
{
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		if (room > LIST_MAX)
			return err_set(err, E2BIG, "the plan of the program is too long");
		void *items = reallocarray(list->items, room, size);
		if (!items)
			return err_sys(err, ENOMEM, "no memory for the plan of the program");
		list->items = items;
		list->room = room;
	}
	memcpy((char *)list->items + list->n++ * size, item, size);
	return 0;
}

int plan_resolve(struct plan *plan, uint64_t where, uint64_t resolver, struct err *err)
{
	const struct rt_resolve item = {where, resolver};
	return list_add(&plan->resolves, &item, sizeof item, err);
}

int plan_init(struct plan *plan, uint64_t function, struct err *err)
{
	return list_add(&plan->inits, &function, sizeof function, err);
}

int plan_relro(struct plan *plan, uint64_t addr, uint64_t len, struct err *err)
{
	const struct rt_map item = {.addr = addr, .len = len, .prot = PROT_READ, .fd = -1};
	return list_add(&plan->relro, &item, sizeof item, err);
}

int plan_map(struct plan *plan, const struct rt_map *map, struct err *err)
{
	return list_add(&plan->maps, map, sizeof *map, err);
}

int plan_descriptor(struct plan *plan, int fd, struct err *err)
{
	struct program_plan *result = plan->result;
	int *fds = reallocarray(result->fds, result->n_fds + 1, sizeof *fds);
	if (!fds) {
		close(fd);
		return err_sys(err, ENOMEM, "no memory for the plan of the program");
	}
	result->fds = fds;
	fds[result->n_fds++] = fd;
	return (int)result->n_fds + 1; // the region's two come first
}

int plan_object(struct plan *plan, const struct object *object, struct err *err)
{
	struct program_plan *result = plan->result;
	struct program_object *objects =
		reallocarray(result->objects, result->n_objects + 1, sizeof *objects);
	if (!objects)
		return err_sys(err, ENOMEM, "no memory for the plan of the program");
	result->objects = objects;
	struct program_object *new = &objects[result->n_objects];
	*new = (struct program_object){.bias = object->bias, .low = object->low + object->bias,
				       .high = object->high + object->bias};
	new->path = strdup(object->path);
	if (!new->path)
		return err_sys(err, ENOMEM, "no memory for the plan of the program");
	new->fd = fcntl(object->fd, F_DUPFD_CLOEXEC, 3);
	result->n_objects++;
	return 0;
}

static int map_file_part(struct plan *plan, const struct object *object, const struct segment *segment,
			 int fd_index, struct err *err)
{
	uint64_t start = page_down(segment->vaddr), end = segment->vaddr + segment->filesz;
	struct rt_map map = {.addr = start + object->bias, .len = page_up(end) - start,
			     .offset = page_down(segment->offset), .prot = segment->prot,
			     .flags = MAP_PRIVATE, .fd = fd_index};
	// As Linux: where the page cannot be written it keeps what the file has.
	if (segment->memsz == segment->filesz || end % OBJECT_PAGE == 0 || !(segment->prot & PROT_WRITE))
		return plan_map(plan, &map, err);
	if (map.len > OBJECT_PAGE) { // zero_from is narrow: the last page is a mapping of its own
		map.len -= OBJECT_PAGE;
		int r = plan_map(plan, &map, err);
		if (r < 0)
			return r;
		map.addr += map.len;
		map.offset += map.len;
		map.len = OBJECT_PAGE;
	}
	map.zero_from = (uint32_t)(end % OBJECT_PAGE);
	return plan_map(plan, &map, err);
}

int plan_object_maps(struct plan *plan, const struct object *object, int fd_index, struct err *err)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *s = &object->segments[i];
		uint64_t behind = s->filesz ? page_up(s->vaddr + s->filesz) : page_down(s->vaddr);
		uint64_t end = page_up(s->vaddr + s->memsz);
		int r = s->filesz ? map_file_part(plan, object, s, fd_index, err) : 0;
		if (r == 0 && behind < end)
			r = plan_map(plan, &(struct rt_map){
				.addr = behind + object->bias, .len = end - behind, .prot = s->prot,
				.flags = MAP_PRIVATE | MAP_ANONYMOUS, .fd = -1}, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_random(const struct plan *plan, uint64_t range, uint64_t *value, struct err *err)
{
	*value = 0;
	if (!plan->request->randomize || range < OBJECT_PAGE)
		return 0;
	if (getrandom(value, sizeof *value, 0) != (ssize_t)sizeof *value)
		return err_sys(err, errno, "no random number for the program's address");
	*value = page_down(*value % range);
	return 0;
}

int plan_place(struct plan *plan, struct object *object, uint64_t low, uint64_t random, struct err *err)
{
	uint64_t offset, start;
	object->bias = 0;
	if (object->type == ET_DYN) {
		int r = plan_random(plan, random, &offset, err);
		if (r < 0)
			return r;
		start = low + offset;
		// Addresses keep their place within the largest page that the file was made for.
		uint64_t align = object->align > OBJECT_PAGE ? object->align : OBJECT_PAGE;
		object->bias = ((start + align - 1) & ~(align - 1)) - (object->low & ~(align - 1));
	}
	return plan_occupy(plan, object, err);
}

static bool overlaps(const struct object *object, uint64_t low, uint64_t high, const struct segment **segment)
{
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *s = &object->segments[i];
		uint64_t start = page_down(s->vaddr) + object->bias;
		uint64_t end = page_up(s->vaddr + s->memsz) + object->bias;
		*segment = s;
		if (start < high && low < end)
			return true;
	}
	return false;
}

static int refuse(const struct object *object, const struct segment *s, const char *where, struct err *err)
{
	return err_set(err, ENOEXEC, "%s: segment %u (0x%llx-0x%llx) lies %s", object->path, s->index,
		       (unsigned long long)(s->vaddr + object->bias),
		       (unsigned long long)(s->vaddr + s->memsz + object->bias), where);
}

int plan_occupy(struct plan *plan, const struct object *object, struct err *err)
{
	const struct program_request *request = plan->request;
	const struct segment *s;
	if (overlaps(object, 0, PLAN_LOW, &s))
		return refuse(object, s, "below 0x10000, where nothing may be mapped", err);
	if (overlaps(object, PLAN_HIGH, UINT64_MAX, &s))
		return refuse(object, s, "above 0x7f0000000000, where stacks and mappings are", err);
	if (overlaps(object, request->region_base, request->region_base + request->region_size, &s))
		return refuse(object, s, "where Microcosm's region is: link the program elsewhere", err);
	if (overlaps(object, RT_STUB_BASE, RT_PLAN_ADDR + RT_PLAN_MAX, &s))
		return refuse(object, s, "where Microcosm's stub is: link the program elsewhere", err);
	const struct range *placed = plan->placed.items;
	for (size_t i = 0; i < plan->placed.n; i++)
		if (overlaps(object, placed[i].vaddr, placed[i].vaddr + placed[i].size, &s))
			return refuse(object, s, "where another object of the program is", err);
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *own = &object->segments[i];
		uint64_t start = page_down(own->vaddr);
		const struct range range = {start + object->bias,
					    page_up(own->vaddr + own->memsz) - start};
		int r = list_add(&plan->placed, &range, sizeof range, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_entry(const struct object *object, uint64_t *entry, struct err *err)
{
	const struct segment *segment = object_segment(object, object->entry);
	if (!segment || !(segment->prot & PROT_EXEC))
		return err_set(err, ENOEXEC, "%s: its entry, 0x%llx, is not in an executable segment%s",
			       object->path, (unsigned long long)object->entry,
			       object->entry ? "" : ": is it a library?");
	*entry = object->entry + object->bias;
	return 0;
}

int plan_program(struct plan *plan, const struct object *object, struct err *err)
{
	struct rt_plan *head = &plan->head;
	uint64_t size = object->phnum * sizeof(Elf64_Phdr);
	int r = plan_entry(object, &head->program_entry, err);
	for (size_t i = 0; i < object->n_segments; i++) {
		const struct segment *s = &object->segments[i];
		if (!range_within(object->phoff, size, s->offset, s->offset + s->filesz))
			continue;
		head->program_phdr = object->phoff - s->offset + s->vaddr + object->bias;
		head->program_phnum = object->phnum;
		break;
	}
	head->entry = head->program_entry;
	head->program_phent = sizeof(Elf64_Phdr);
	head->program_base = object->bias;
	if (object->stack_executable)
		head->flags |= RT_PLAN_EXEC_STACK;
	return r;
}

// Puts an array behind what the blob has; its offset, 0 for none.
static uint64_t put(char *blob, uint64_t *size, const void *items, size_t n, size_t item_size)
{
	uint64_t offset = *size, bytes = n * item_size;
	if (n == 0)
		return 0;
	if (blob)
		memcpy(blob + offset, items, bytes);
	*size = (offset + bytes + 15) & ~15ull;
	return offset;
}

// Once without a blob, for the size, once to fill it.
static uint64_t lay_out(struct plan *plan, char *blob)
{
	const struct program_request *request = plan->request;
	struct rt_plan *head = &plan->head;
	uint64_t size = (sizeof *head + 15) & ~15ull;
	head->maps = put(blob, &size, plan->maps.items, plan->maps.n, sizeof(struct rt_map));
	head->resolves = put(blob, &size, plan->resolves.items, plan->resolves.n,
			     sizeof(struct rt_resolve));
	head->inits = put(blob, &size, plan->inits.items, plan->inits.n, sizeof(uint64_t));
	head->relro = put(blob, &size, plan->relro.items, plan->relro.n, sizeof(struct rt_map));
	head->execfn = (uint32_t)put(blob, &size, request->path, strlen(request->path) + 1, 1);
	return size;
}

// Where patched sites find their stubs; a program that lies there itself goes without.
static int map_slots(struct plan *plan, struct err *err)
{
	const struct range *placed = plan->placed.items;
	for (size_t i = 0; i < plan->placed.n; i++)
		if (placed[i].vaddr < RT_SLOTS_ADDR + RT_SLOTS_BYTES &&
		    RT_SLOTS_ADDR < placed[i].vaddr + placed[i].size)
			return 0;
	return plan_map(plan, &(struct rt_map){
		.addr = RT_SLOTS_ADDR, .len = RT_SLOTS_BYTES, .offset = RT_OFF_SLOTS,
		.prot = PROT_READ, .flags = MAP_SHARED, .fd = 0}, err);
}

int plan_finish(struct plan *plan, struct err *err)
{
	const struct program_request *request = plan->request;
	struct rt_plan *head = &plan->head;
	int r = map_slots(plan, err);
	if (r < 0)
		return r;
	head->magic = RT_PLAN_MAGIC;
	head->region_base = request->region_base;
	head->start = request->start;
	head->n_seal = 1;
	head->seal_addr = request->region_base;
	head->seal_len = RT_OFF_HEAP;
	head->n_fds = 2 + (uint32_t)plan->result->n_fds;
	head->n_maps = (uint32_t)plan->maps.n;
	head->n_resolves = (uint32_t)plan->resolves.n;
	head->n_inits = (uint32_t)plan->inits.n;
	head->n_relro = (uint32_t)plan->relro.n;
	head->size = lay_out(plan, NULL);
	if (head->size > RT_PLAN_MAX)
		return err_set(err, E2BIG, "%s: the plan of the program is too long", request->path);
	char *blob = calloc(1, head->size);
	if (!blob)
		return err_sys(err, ENOMEM, "no memory for the plan of the program");
	lay_out(plan, blob);
	memcpy(blob, head, sizeof *head);
	plan->result->blob = (struct rt_plan *)blob;
	return 0;
}

void plan_free(struct plan *plan)
{
	free(plan->maps.items);
	free(plan->resolves.items);
	free(plan->inits.items);
	free(plan->relro.items);
	free(plan->placed.items);
}
