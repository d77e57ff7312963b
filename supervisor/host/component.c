/* SPDX-License-Identifier: MIT
 * Host libraries: what modules import is loaded, found and checked to be a function. Gates are found
 * by index, so nothing can be called that was not asked for. */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/host.h"
#include "paths.h"

/* A function counts as quick until it lasts; then it takes that many quick calls in a row, twice as
 * many each time. */
#define QUICK_CALLS 8
#define QUICK_CALLS_MAX 64
/* What lies between this and COMPONENT_SLOW_NS says nothing: a worker may have lost its CPU. */
#define QUICK_NS 50000
/* It is swift, too, when nearly all calls take less than a guest spins at its line: each of these counts one,
 * up to a limit, and each other one takes some away. */
#define SWIFT_NS 25000
#define SWIFT_CALLS 8
#define SWIFT_CALLS_MAX 32

struct library {
	struct library *next;
	void *handle;
	char *name;
};

static struct component_gate *gates[RT_GATE_MAX];
static struct library *libraries;

struct component_gate *component_gate(uint64_t index)
{
	if (index >= RT_GATE_MAX || gates[index] == NULL || gates[index]->function == NULL)
		return NULL;
	return gates[index];
}

/* A function that lasted has to be quick more often before it is trusted again. Races between
 * workers lose a count, no more. */
void component_took(struct component_gate *gate, uint64_t ns)
{
	uint32_t swift = atomic_load_explicit(&gate->swift, memory_order_relaxed);

	if (ns < SWIFT_NS)
		swift += swift < SWIFT_CALLS_MAX;
	else if (ns < COMPONENT_SLOW_NS)
		swift -= swift < SWIFT_CALLS ? swift : SWIFT_CALLS;
	else
		swift = 0;
	atomic_store_explicit(&gate->swift, swift, memory_order_relaxed);
	if (ns < QUICK_NS) {
		uint32_t quick = atomic_load_explicit(&gate->quick, memory_order_relaxed);

		if (quick < QUICK_CALLS_MAX)
			atomic_store_explicit(&gate->quick, quick + 1, memory_order_relaxed);
	} else if (ns >= COMPONENT_SLOW_NS) {
		uint32_t wanted = atomic_load_explicit(&gate->wanted, memory_order_relaxed);

		atomic_store_explicit(&gate->quick, 0, memory_order_relaxed);
		wanted = wanted == 0 ? QUICK_CALLS : wanted < QUICK_CALLS_MAX ? wanted * 2 : wanted;
		atomic_store_explicit(&gate->wanted, wanted, memory_order_relaxed);
	}
}

bool component_is_quick(const struct component_gate *gate)
{
	return atomic_load_explicit(&gate->quick, memory_order_relaxed) >=
	       atomic_load_explicit(&gate->wanted, memory_order_relaxed);
}

bool component_is_swift(const struct component_gate *gate)
{
	return atomic_load_explicit(&gate->swift, memory_order_relaxed) >= SWIFT_CALLS &&
	       !atomic_load_explicit(&gate->special, memory_order_relaxed) && component_is_quick(gate);
}

/* Copies a message's rest, name\0name\0, with an empty name at its end. */
static char *copy_names(const char *names, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy != NULL) {
		memcpy(copy, names, len);
		copy[len] = '\0';
	}
	return copy;
}

int component_import(const struct ctl_msg *msg, struct err *err)
{
	const char *symbol = msg->text, *end = msg->text + msg->text_len;
	const char *module = symbol + strlen(symbol) + 1; /* ctl_receive put a 0 at the end */

	if (msg->text_len == 0 || end[-1] != '\0' || module >= end || msg->a < RT_GATE_FIRST ||
	    msg->a >= RT_GATE_MAX || gates[msg->a] != NULL)
		return err_set(err, EPROTO, "host process: malformed CTL_IMPORT");
	const char *names = module + strlen(module) + 1;
	struct component_gate *gate = calloc(1, sizeof(*gate));
	if (gate == NULL)
		return err_set(err, ENOMEM, "host process: out of memory");
	gate->vector = msg->b != 0;
	gate->symbol = strdup(symbol);
	gate->module = strdup(module);
	gate->libraries = copy_names(names, (size_t)(end - names));
	gates[msg->a] = gate;
	if (gate->symbol == NULL || gate->module == NULL || gate->libraries == NULL)
		return err_set(err, ENOMEM, "host process: out of memory");
	return 0;
}

/* Before a mount namespace of its own hides how it was found. */
static char own_directory[PATH_MAX];

void component_init(void)
{
	paths_directory(own_directory);
}

/* The path of a component that is shipped with Microcosm; false when there is no such file. */
static bool shipped_path(const char *name, char *path, size_t size)
{
	const char *directory = getenv("MICROCOSM_HOST_DIR");
	int n;

	if (directory != NULL && *directory != '\0')
		n = snprintf(path, size, "%s/%s", directory, name);
	else
		n = snprintf(path, size, "%s/host-modules/%s", own_directory, name);
	return n > 0 && (size_t)n < size && access(path, F_OK) == 0;
}

static int library_load(const char *name, const struct component_gate *gate, void **handle,
			struct err *err)
{
	char path[PATH_MAX + 16];
	const char *file = name;

	for (struct library *library = libraries; library != NULL; library = library->next)
		if (strcmp(library->name, name) == 0) {
			*handle = library->handle;
			return 0;
		}
	if (strchr(name, '/') == NULL && shipped_path(name, path, sizeof(path)))
		file = path;
	struct library *library = calloc(1, sizeof(*library));
	if (library == NULL || (library->name = strdup(name)) == NULL) {
		free(library);
		return err_set(err, ENOMEM, "host process: out of memory");
	}
	control_set_activity(name);
	library->handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	control_set_activity(NULL);
	if (library->handle == NULL) {
		err_set(err, ENOENT, "%s: cannot load host library %s: %s", gate->module, name,
			dlerror());
		free(library->name);
		free(library);
		return -ENOENT;
	}
	library->next = libraries;
	libraries = library;
	*handle = library->handle;
	return 0;
}

struct place {
	uint64_t addr;
	bool executable;
};

static int look_in(struct dl_phdr_info *object, size_t size, void *context)
{
	struct place *place = context;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uint64_t start = object->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0 &&
		    place->addr >= start && place->addr - start < segment->p_memsz)
			place->executable = true;
	}
	return place->executable;
}

/* Whether addr lies in a loaded object's code. */
static bool executable(uint64_t addr)
{
	struct place place = { .addr = addr };

	dl_iterate_phdr(look_in, &place);
	return place.executable;
}

/* A symbol's type, by the table it was found in; what dlsym made of an STT_GNU_IFUNC need have no
 * symbol, and a thread-local object lies in no library. */
static bool is_function(void *address)
{
	Dl_info info;
	void *extra = NULL;

	if (dladdr1(address, &info, &extra, RTLD_DL_SYMENT) != 0 && extra != NULL &&
	    info.dli_saddr == address) {
		const ElfW(Sym) *symbol = extra;
		int type = ELF64_ST_TYPE(symbol->st_info);

		if (type == STT_OBJECT || type == STT_TLS || type == STT_COMMON)
			return false;
	}
	return executable((uint64_t)(uintptr_t)address);
}

/* "libz.so.1, libc.so.6" */
static void list_names(const char *names, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (const char *name = names; *name != '\0' && used < size; name += strlen(name) + 1) {
		int n = snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", name);

		used += n > 0 ? (size_t)n : 0;
	}
}

/* Not of a library that the component depends on. */
static bool is_of_component(void *handle, const void *function)
{
	const void *mark = dlsym(handle, "mch_component");
	Dl_info of_mark, of_function;

	return mark != NULL && dladdr(mark, &of_mark) != 0 && dladdr(function, &of_function) != 0 &&
	       of_mark.dli_fbase == of_function.dli_fbase;
}

static int bind_one(struct component_gate *gate, struct err *err)
{
	char names[512];

	for (const char *name = gate->libraries; *name != '\0'; name += strlen(name) + 1) {
		void *handle = NULL;
		int r = library_load(name, gate, &handle, err);

		if (r < 0)
			return r;
		control_set_activity(name); /* dlsym runs the resolver of an IFUNC */
		void *address = dlsym(handle, gate->symbol);
		control_set_activity(NULL);
		if (address == NULL)
			continue;
		if (!is_function(address))
			return err_set(err, EINVAL,
				       "%s imports data %s from %s: only functions can be imported",
				       gate->module, gate->symbol, name);
		gate->function = address;
		gate->checks = is_of_component(handle, address);
		return 0;
	}
	list_names(gate->libraries, names, sizeof(names));
	return err_set(err, ENOENT, "%s imports %s, which is not in %s", gate->module, gate->symbol,
		       names[0] != '\0' ? names : "any host library: it depends on none");
}

int component_bind(struct err *err)
{
	for (size_t i = RT_GATE_FIRST; i < RT_GATE_MAX; i++) {
		if (gates[i] == NULL || gates[i]->function != NULL)
			continue;
		int r = bind_one(gates[i], err);
		if (r < 0) {
			err->status = EXIT_UNUSABLE;
			return r;
		}
	}
	return 0;
}
