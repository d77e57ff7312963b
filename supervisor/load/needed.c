// SPDX-License-Identifier: MIT
// Finds needed objects: loaded ones by name and identity, others in the directories that are searched.
#include "load/needed.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS_MAX 16384u
#define NEEDED_NAME_MAX 255u

struct search {
	const char *name;
	struct object *object; // who needs it
	char path[PATH_MAX];   // the candidate, and then what was found
	int fd;                // -1 until found
	char looked[600];      // directories, for the message
};

int needed_add(struct needed *needed, struct object *object, struct err *err)
{
	if (needed->n == NEEDED_OBJECTS_MAX) {
		int r = err_set(err, E2BIG, "%s: more than %u objects are needed", object->path,
				NEEDED_OBJECTS_MAX);
		object_free(object);
		return r;
	}
	needed->objects[needed->n++] = object;
	return 0;
}

int needed_root(struct needed *needed, int fd, const char *path, struct object **result, struct err *err)
{
	struct object *object;
	int r = object_open(fd, path, &object, err);
	if (r < 0)
		return r;
	r = needed_add(needed, object, err);
	if (r < 0)
		return r;
	*result = object;
	return needed->place(needed->context, object, err);
}

static bool has_name(const struct object *object, const char *name)
{
	return (object->soname && strcmp(object->soname, name) == 0) || strcmp(object->file, name) == 0;
}

static void note_place(struct search *search, const char *dir, size_t n)
{
	size_t used = strlen(search->looked);
	snprintf(search->looked + used, sizeof search->looked - used, "%s%.*s", used ? ", " : "",
		 (int)(n < 256 ? n : 256), dir);
}

// Tries dir/name. 0 when it is not there.
static int try_path(struct needed *needed, struct search *search, struct err *err)
{
	if (++needed->attempts > ATTEMPTS_MAX)
		return err_set(err, ELOOP, "%s: too many places to look for needed objects",
			       search->object->path);
	int fd = needed->open(needed->context, search->path);
	if (fd >= 0)
		search->fd = fd;
	else if (fd != -ENOENT && fd != -ENOTDIR)
		return err_sys(err, -fd, "%s: needs %s, which cannot be opened", search->object->path,
			       search->path);
	return 0;
}

static int try_dir(struct needed *needed, struct search *search, const char *dir, size_t n, struct err *err)
{
	if (search->fd >= 0 || n == 0)
		return 0;
	int length = snprintf(search->path, sizeof search->path, "%.*s/%s", (int)n, dir, search->name);
	if (length < 0 || (size_t)length >= sizeof search->path)
		return 0;
	note_place(search, dir, n);
	return try_path(needed, search, err);
}

// The object's directory, "." when its path has none.
static void directory_of(const struct object *object, char *dir, size_t size)
{
	size_t n = (size_t)(object->file - object->path);
	if (n == 0)
		snprintf(dir, size, ".");
	else
		snprintf(dir, size, "%.*s", (int)(n > 1 ? n - 1 : n), object->path);
}

// Copies one element of a search path with $ORIGIN replaced; false when it does not fit.
static bool expand(const char *element, size_t n, const char *origin, char *dir, size_t size)
{
	static const char *const words[] = {"$ORIGIN", "${ORIGIN}"};
	size_t used = 0;
	for (size_t i = 0; i < n;) {
		size_t skip = 0;
		for (size_t w = 0; w < 2 && !skip; w++)
			if (n - i >= strlen(words[w]) && strncmp(element + i, words[w], strlen(words[w])) == 0)
				skip = strlen(words[w]);
		const char *from = skip ? origin : element + i;
		size_t length = skip ? strlen(origin) : 1;
		if (length >= size - used)
			return false;
		memcpy(dir + used, from, length);
		used += length;
		i += skip ? skip : 1;
	}
	dir[used] = '\0';
	return true;
}

static int search_runpath(struct needed *needed, struct search *search, const char *origin, struct err *err)
{
	const char *element = search->object->runpath;
	while (element && search->fd < 0) {
		const char *end = strchrnul(element, ':');
		char dir[PATH_MAX];
		if (expand(element, (size_t)(end - element), origin, dir, sizeof dir)) {
			int r = try_dir(needed, search, dir, strlen(dir), err);
			if (r < 0)
				return r;
		} else if (++needed->attempts > ATTEMPTS_MAX) {
			return err_set(err, ELOOP, "%s: too many places to look for needed objects",
				       search->object->path);
		}
		element = *end ? end + 1 : NULL;
	}
	return 0;
}

static int find_file(struct needed *needed, struct search *search, struct err *err)
{
	char origin[PATH_MAX];
	int r;
	directory_of(search->object, origin, sizeof origin);
	if (strchr(search->name, '/')) {
		snprintf(search->path, sizeof search->path, "%s", search->name);
		r = try_path(needed, search, err);
	} else {
		r = search_runpath(needed, search, origin, err);
		if (r == 0)
			r = try_dir(needed, search, origin, strlen(origin), err);
		if (r == 0 && needed->last_dir)
			r = try_dir(needed, search, needed->last_dir, strlen(needed->last_dir), err);
	}
	if (r < 0 || search->fd >= 0)
		return r;
	return err_set(err, ENOENT, "%s: needs %s, which is not %s%s", search->object->path, search->name,
		       *search->looked ? "in " : "there", search->looked);
}

static struct object *find_loaded(struct needed *needed, const char *name)
{
	for (size_t i = 0; i < needed->n; i++)
		if (has_name(needed->objects[i], name))
			return needed->objects[i];
	return NULL;
}

static struct object *find_same_file(struct needed *needed, int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return NULL;
	for (size_t i = 0; i < needed->n; i++)
		if (needed->objects[i]->device == st.st_dev && needed->objects[i]->inode == st.st_ino)
			return needed->objects[i];
	return NULL;
}

// A second file with the soname of a loaded object is that object, as for dlopen.
static struct object *find_same_soname(struct needed *needed, const struct object *object)
{
	if (!object->soname)
		return NULL;
	for (size_t i = 0; i + 1 < needed->n; i++)
		if (needed->objects[i]->soname && strcmp(needed->objects[i]->soname, object->soname) == 0)
			return needed->objects[i];
	return NULL;
}

static int load_one(struct needed *needed, struct object *object, const char *name,
		    struct object **dependency, struct err *err)
{
	if (strnlen(name, NEEDED_NAME_MAX + 1) > NEEDED_NAME_MAX)
		return err_set(err, ENAMETOOLONG, "%s: the name of a needed object is too long",
			       object->path);
	*dependency = find_loaded(needed, name);
	if (*dependency)
		return 0;
	struct search search = {.name = name, .object = object, .fd = -1};
	int r = find_file(needed, &search, err);
	if (r < 0)
		return r;
	*dependency = find_same_file(needed, search.fd);
	if (*dependency) {
		close(search.fd);
		return 0;
	}
	r = needed_root(needed, search.fd, search.path, dependency, err);
	if (r < 0) {
		err_wrap(err, "%s needs %s", object->path, name);
		return r;
	}
	struct object *same = find_same_soname(needed, *dependency);
	if (same) {
		object_free(needed->objects[--needed->n]);
		*dependency = same;
	}
	return 0;
}

int needed_gather(struct needed *needed, bool host, struct err *err)
{
	for (size_t i = 0; i < needed->n; i++) {
		struct object *object = needed->objects[i];
		for (size_t k = 0; k < object->n_needed; k++) {
			const char *name = object->needed[k];
			if (strncmp(name, HOST_PREFIX, strlen(HOST_PREFIX)) == 0) {
				if (host)
					continue;
				return err_set(err, ENOEXEC, "%s: needs the host library %s, which modules "
					       "alone may use: put what needs it into a module",
					       object->path, name + strlen(HOST_PREFIX));
			}
			int r = load_one(needed, object, name, &object->dependencies[k], err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

// As deep as there are objects: NEEDED_OBJECTS_MAX.
static void order_from(struct object *object, struct object **order, size_t *n)
{
	if (object->ordered)
		return;
	object->ordered = true;
	for (size_t i = 0; i < object->n_needed; i++)
		if (object->dependencies[i])
			order_from(object->dependencies[i], order, n);
	order[(*n)++] = object;
}

void needed_order(struct needed *needed, struct object **order)
{
	size_t n = 0;
	for (size_t i = 0; i < needed->n; i++)
		needed->objects[i]->ordered = false;
	for (size_t i = 0; i < needed->n; i++)
		order_from(needed->objects[i], order, &n);
	MC_ASSERT(n == needed->n);
}

void needed_free(struct needed *needed)
{
	for (size_t i = 0; i < needed->n; i++)
		object_free(needed->objects[i]);
	needed->n = 0;
}
