// SPDX-License-Identifier: MIT
// The table of calls, made from calls.def (the core's) and linux_calls.def.
#include "trace/kinds.h"

#include "trace/trace.h"

#include <string.h>

/* '#name' takes the name before any macro of a header could replace it. */
static const struct call_shape linux_shapes[] = {
#define LINUX(nr, name, result, ...) [nr] = { #name, result, { __VA_ARGS__ } },
#include "trace/linux_calls.def"
#undef LINUX
};
#define LINUX_COUNT (int)(sizeof linux_shapes / sizeof linux_shapes[0])

static const struct {
	int nr;
	const char *name, *kinds;
	char result;
} core_rows[] = {
#define CALL(nr, name, kinds, result) { nr, "mc_" #name, kinds, result },
#include "call/calls.def"
#undef CALL
};
#define CORE_COUNT (sizeof core_rows / sizeof core_rows[0])

/* calls.def gives kinds as letters. */
static uint8_t core_kind(char letter)
{
	switch (letter) {
	case 'd': return LONG;
	case 'u': return UINT;
	case 'x': return HEX;
	case 'n': return CALLNR;
	case 'f': return FUNC;
	case 'p': return PTR;
	case 't': return THREAD;
	default: return ANY;
	}
}

static uint8_t core_result(char letter)
{
	switch (letter) {
	case 'f': return RFUNC;
	case 'p':
	case 'x': return ADDR;
	default: return DEC;
	}
}

bool call_shape(int nr, struct call_shape *shape)
{
	*shape = (struct call_shape){ 0 };
	if (call_is_linux(nr)) {
		*shape = linux_shapes[nr];
		return true;
	}
	for (size_t i = 0; i < CORE_COUNT; i++) {
		if (core_rows[i].nr != nr)
			continue;
		shape->name = core_rows[i].name;
		shape->result = core_result(core_rows[i].result);
		for (size_t k = 0; k < 6 && core_rows[i].kinds[k]; k++)
			shape->kinds[k] = core_kind(core_rows[i].kinds[k]);
		return true;
	}
	return false;
}

bool call_is_linux(int nr)
{
	return nr >= 0 && nr < LINUX_COUNT && linux_shapes[nr].name;
}

int call_by_name(const char *name, int *nr)
{
	for (int i = 0; i < LINUX_COUNT; i++) {
		if (linux_shapes[i].name && strcmp(linux_shapes[i].name, name) == 0) {
			*nr = i;
			return 0;
		}
	}
	for (size_t i = 0; i < CORE_COUNT; i++) {
		if (strcmp(core_rows[i].name, name) == 0) {
			*nr = core_rows[i].nr;
			return 0;
		}
	}
	return -1;
}

void call_names(void (*f)(void *context, const char *name), void *context)
{
	for (int i = 0; i < LINUX_COUNT; i++)
		if (linux_shapes[i].name)
			f(context, linux_shapes[i].name);
	for (size_t i = 0; i < CORE_COUNT; i++)
		f(context, core_rows[i].name);
}

const char *trace_call_name(int nr)
{
	struct call_shape shape;
	return call_shape(nr, &shape) ? shape.name : NULL;
}
