/* SPDX-License-Identifier: MIT
 * Collects what a plan (rt.h) will say, and makes the blob; places objects in a guest's address space. */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include "load/object.h"
#include "load/program.h"

/* Guests' own addresses. */
#define PLAN_LOW 0x10000ull
#define PLAN_HIGH 0x7f0000000000ull
#define PLAN_PIE_LOW 0x555555554000ull /* where kernels put programs; up to the region's window */
#define PLAN_SHARED_LOW 0x7e0000000000ull /* interpreters and shared objects */
#define PLAN_SHARED_RANDOM 0x8000000000ull

struct list { /* grows by doubling */
	void *items;
	size_t n, room;
};

struct plan {
	const struct program_request *request;
	struct program_plan *result;
	struct rt_plan head;
	struct list maps, resolves, inits, relro; /* rt_map, rt_resolve, uint64_t, rt_map */
	struct list placed;                       /* struct range of what objects occupy */
};

int plan_resolve(struct plan *plan, uint64_t where, uint64_t resolver, struct err *err);
int plan_init(struct plan *plan, uint64_t function, struct err *err);
int plan_relro(struct plan *plan, uint64_t addr, uint64_t len, struct err *err);
int plan_map(struct plan *plan, const struct rt_map *map, struct err *err);
/* A descriptor that the plan hands out: taken over. Its index, or -errno. */
int plan_descriptor(struct plan *plan, int fd, struct err *err);
/* Remembers where an object lies; its descriptor for symbols is copied. */
int plan_object(struct plan *plan, const struct object *object, struct err *err);
/* Maps an object's segments straight from its file. */
int plan_object_maps(struct plan *plan, const struct object *object, int fd_index, struct err *err);

/* Sets the object's bias: at random at or above low for ET_DYN (`random` is the range of starts), else
 * where the file says. */
int plan_place(struct plan *plan, struct object *object, uint64_t low, uint64_t random, struct err *err);
/* Takes [addr, addr + len) for an object: refused where something else is. */
int plan_occupy(struct plan *plan, const struct object *object, struct err *err);
/* Below `range`, a multiple of a page; 0 when the request wants no random addresses. */
int plan_random(const struct plan *plan, uint64_t range, uint64_t *value, struct err *err);
/* Entry, program headers, stack: what the auxiliary vector says of the program. */
int plan_program(struct plan *plan, const struct object *object, struct err *err);
/* The runtime address of an object's entry, which must be code. */
int plan_entry(const struct object *object, uint64_t *entry, struct err *err);

int plan_finish(struct plan *plan, struct err *err);
void plan_free(struct plan *plan);

/* image.c: links a program, open but not read, with what it needs; takes it over. */
int image_plan(struct plan *plan, struct object *program, struct err *err);

#endif
