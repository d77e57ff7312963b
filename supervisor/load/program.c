// SPDX-License-Identifier: MIT
// Guest programs: which kind it is, and what each kind's plan is.
#include "load/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/object.h"
#include "load/plan.h"
#include "load/symbols.h"
#include "load/text.h"

static int place_program(struct plan *plan, struct object *object, struct err *err)
{
	uint64_t room = RT_WINDOW_LOW - PLAN_PIE_LOW, need = object->high - object->low + 2 * object->align;
	return plan_place(plan, object, PLAN_PIE_LOW, room > need ? room - need : 0, err);
}

// Takes the object over: maps it as it is.
static int map_object(struct plan *plan, struct object *object, struct err *err)
{
	int r = plan_object(plan, object, err);
	if (r == 0) {
		r = plan_descriptor(plan, object->fd, err);
		object->fd = -1;
	}
	if (r >= 0)
		r = plan_object_maps(plan, object, r, err);
	return r;
}

static int map_interpreter(struct plan *plan, const struct object *program, struct err *err)
{
	const struct program_request *request = plan->request;
	struct object *object;
	int fd = request->open(request->context, program->interpreter);
	if (fd < 0)
		return err_sys(err, -fd, "%s: its interpreter %s cannot be opened", program->path,
			       program->interpreter);
	int r = object_open(fd, program->interpreter, &object, err);
	if (r < 0) {
		err_wrap(err, "%s: interpreter", program->path);
		return r;
	}
	r = plan_place(plan, object, PLAN_SHARED_LOW, PLAN_SHARED_RANDOM, err);
	if (r == 0)
		r = plan_entry(object, &plan->head.entry, err);
	if (r == 0) {
		plan->head.interpreter_base = object->bias;
		r = map_object(plan, object, err);
	}
	object_free(object);
	return r;
}

static int map_program(struct plan *plan, struct object *object, struct err *err)
{
	int r = place_program(plan, object, err);
	if (r == 0)
		r = plan_program(plan, object, err);
	if (r == 0)
		r = map_object(plan, object, err);
	if (r == 0 && object->interpreter)
		r = map_interpreter(plan, object, err);
	object_free(object);
	return r;
}

static int copy_region_maps(struct plan *plan, struct err *err)
{
	const struct program_request *request = plan->request;
	for (size_t i = 0; i < request->n_region_maps; i++) {
		int r = plan_map(plan, &request->region_maps[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_plan(struct plan *plan, struct err *err)
{
	const struct program_request *request = plan->request;
	struct object *object;
	int r = copy_region_maps(plan, err);
	if (r < 0)
		return r;
	int fd = fcntl(request->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_sys(err, errno, "%s", request->path);
	r = object_open(fd, request->path, &object, err);
	if (r < 0)
		return r;
	if (!object->interpreter && object_has_tag(object, DT_NEEDED))
		r = image_plan(plan, object, err);
	else
		r = map_program(plan, object, err);
	return r < 0 ? r : plan_finish(plan, err);
}

int program_plan(const struct program_request *request, struct program_plan *result, struct err *err)
{
	struct plan plan = {.request = request, .result = result};
	*result = (struct program_plan){0};
	int r = make_plan(&plan, err);
	plan_free(&plan);
	if (r < 0) {
		program_plan_free(result);
		text_clean(err);
		if (err)
			err->status = EXIT_UNUSABLE;
		return r;
	}
	return 0;
}

void program_plan_free(struct program_plan *plan)
{
	for (size_t i = 0; i < plan->n_fds; i++)
		close(plan->fds[i]);
	for (size_t i = 0; i < plan->n_objects; i++) {
		if (plan->objects[i].fd >= 0)
			close(plan->objects[i].fd);
		symbols_free(plan->objects[i].symbols);
		free(plan->objects[i].path);
	}
	free(plan->fds);
	free(plan->objects);
	free(plan->blob);
	*plan = (struct program_plan){0};
}

static void describe(struct program_object *object, uint64_t addr, char *text, size_t size)
{
	const char *slash = strrchr(object->path, '/');
	const char *file = slash ? slash + 1 : object->path;
	if (!object->symbols && object->fd >= 0)
		object->symbols = symbols_read(object->fd);
	const struct symbol *symbol = symbols_find(object->symbols, addr - object->bias);
	if (!symbol)
		snprintf(text, size, "%s+0x%llx", file, (unsigned long long)(addr - object->bias));
	else if (addr - object->bias == symbol->value)
		snprintf(text, size, "%s@%s", symbol->name, file);
	else
		snprintf(text, size, "%s+0x%llx@%s", symbol->name,
			 (unsigned long long)(addr - object->bias - symbol->value), file);
	text_clean_string(text);
}

void program_symbolize(const struct program_plan *plan, uint64_t addr, char *text, size_t size)
{
	if (size == 0)
		return;
	text[0] = '\0';
	for (size_t i = 0; i < plan->n_objects; i++) {
		struct program_object *object = &plan->objects[i];
		if (addr >= object->low && addr < object->high) {
			describe(object, addr, text, size);
			return;
		}
	}
}
