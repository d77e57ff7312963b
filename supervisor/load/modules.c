// SPDX-License-Identifier: MIT
// The guest runtime and the modules: loaded, linked, and laid out in the region.
#include "load/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "load/link.h"
#include "load/needed.h"
#include "load/symbols.h"
#include "load/text.h"
#include "rt.h"

#define MODULE_ALIGN_MAX 0x200000ull
#define FP_MARK "mc_module_fp"
#define INITS_MAX 65536u

struct private {
	struct needed needed;
	struct link link;
	struct region *region;
	struct object *order[NEEDED_OBJECTS_MAX];
	// By place in order: read when first asked for, out of the file (0: none) that is kept for it.
	struct symbols *symbols[NEEDED_OBJECTS_MAX];
	int symbol_fds[NEEDED_OBJECTS_MAX];
	char *names[NEEDED_OBJECTS_MAX];
	const char **libraries[NEEDED_OBJECTS_MAX];  // host libraries, by place in order
	size_t n_libraries[NEEDED_OBJECTS_MAX];
};

// A list of addresses that grows.
static int append(uint64_t **list, size_t *n, size_t max, uint64_t value, struct err *err)
{
	if (*n >= max)
		return err_set(err, E2BIG, "the modules have more than %zu initialisers or resolvers", max);
	if ((*n & (*n + 1)) == 0) { // full at 0, 1, 3, 7...: doubles
		uint64_t *grown = realloc(*list, (*n * 2 + 2) * sizeof **list);
		if (!grown)
			return err_sys(err, ENOMEM, "list of initialisers");
		*list = grown;
	}
	(*list)[(*n)++] = value;
	return 0;
}

static int open_file(void *context, const char *path)
{
	(void)context;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int check_rules(const struct object *object, struct err *err)
{
	const char *path = object->path;
	if (object->type != ET_DYN)
		return err_set(err, ENOEXEC, "%s: not a shared object; modules are (microcosm-cc --module)",
			       path);
	if (object->tls)
		return err_set(err, ENOEXEC, "%s: has thread-local variables (PT_TLS); modules keep "
			       "per-thread data in the thread structure, see mc_thread_expand", path);
	if (object_has_tag(object, DT_TEXTREL))
		return err_set(err, ENOEXEC, "%s: has text relocations (DT_TEXTREL): build the module with "
			       "-fPIC (microcosm-cc --module does)", path);
	if (object->stack_executable)
		return err_set(err, ENOEXEC, "%s: asks for an executable stack, and handler stacks never "
			       "are: link it with -z noexecstack", path);
	for (size_t i = 0; i < object->n_segments; i++)
		if ((object->segments[i].prot & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC))
			return err_set(err, ENOEXEC, "%s: segment %u is writable and executable: link the "
				       "module with -z separate-code", path, object->segments[i].index);
	if (object->align > MODULE_ALIGN_MAX)
		return err_set(err, ENOEXEC, "%s: wants an alignment of 0x%llx, the region gives 0x%llx",
			       path, (unsigned long long)object->align,
			       (unsigned long long)MODULE_ALIGN_MAX);
	return 0;
}

static int place(void *context, struct object *object, struct err *err)
{
	struct private *private = context;
	struct gaddr base;
	uint64_t span = object->high - object->low;
	int r = check_rules(object, err);
	if (r == 0)
		r = region_reserve(private->region, span, object->align, &base, err);
	if (r < 0) {
		if (r == -ENOMEM)
			err_wrap(err, "%s", object->path);
		return r;
	}
	object->bias = base.value - object->low;
	void *image = mmap(NULL, span, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (image == MAP_FAILED)
		return err_sys(err, errno, "%s: no memory for its image", object->path);
	r = object_read(object, image, err);
	if (r == 0 && object->textrel)
		r = err_set(err, ENOEXEC, "%s: has text relocations (DF_TEXTREL): build the module with "
			    "-fPIC (microcosm-cc --module does)", object->path);
	return r;
}

static bool defines(const struct object *object, const char *name)
{
	uint64_t steps = LINK_STEPS;
	struct lookup lookup;
	lookup_init(&lookup, name, NULL, &steps);
	const Elf64_Sym *symbol = object_find(object, &lookup);
	return symbol && symbol->st_shndx != SHN_UNDEF;
}

// "libzlib.so.1" is zlib to people.
static char *short_name(const struct object *object)
{
	const char *name = object->soname ? object->soname : object->file;
	const char *slash = strrchr(name, '/');
	name = slash ? slash + 1 : name;
	if (strncmp(name, "lib", 3) == 0 && name[3])
		name += 3;
	const char *end = strstr(name, ".so");
	return strndup(name, end && end != name ? (size_t)(end - name) : strlen(name));
}

static int find_libraries(struct private *private, size_t i, struct err *err)
{
	const struct object *object = private->order[i];
	private->libraries[i] = calloc(object->n_needed + 1, sizeof(char *));
	if (!private->libraries[i])
		return err_sys(err, ENOMEM, "%s", object->path);
	for (size_t k = 0; k < object->n_needed; k++) {
		const char *name = object->needed[k];
		if (strncmp(name, HOST_PREFIX, strlen(HOST_PREFIX)) != 0)
			continue;
		if (!name[strlen(HOST_PREFIX)])
			return err_set(err, ENOEXEC, "%s: needs a host library without a name",
				       object->path);
		private->libraries[i][private->n_libraries[i]++] = name + strlen(HOST_PREFIX);
	}
	return 0;
}

static int describe(struct module_set *set, size_t i, struct err *err)
{
	struct private *private = set->private;
	struct object *object = private->order[i];
	struct module *module = &set->modules[i];
	private->names[i] = short_name(object);
	if (!private->names[i])
		return err_sys(err, ENOMEM, "%s", object->path);
	*module = (struct module){.path = object->path, .name = private->names[i],
				  .base = object->low + object->bias, .len = object->high - object->low,
				  .vector = defines(object, FP_MARK)};
	for (size_t k = 0; k < object->n_segments; k++) {
		const struct segment *s = &object->segments[k];
		if (!(s->prot & PROT_EXEC))
			continue;
		uint64_t low = page_down(s->vaddr) + object->bias;
		if (!module->text_high)
			module->text_low = low;
		module->text_high = page_up(s->vaddr + s->memsz) + object->bias;
	}
	return find_libraries(private, i, err);
}

static bool same_libraries(const struct module_import *import, const char **libraries, size_t n)
{
	if (import->n_libraries != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(import->libraries[i], libraries[i]) != 0)
			return false;
	return true;
}

static int add_import(struct module_set *set, size_t i, const char *symbol, uint32_t *gate, struct err *err)
{
	struct private *private = set->private;
	for (size_t k = 0; k < set->n_imports; k++) {
		struct module_import *import = &set->imports[k];
		if (strcmp(import->symbol, symbol) == 0 && import->vector == set->modules[i].vector &&
		    same_libraries(import, private->libraries[i], private->n_libraries[i])) {
			*gate = import->gate;
			return 0;
		}
	}
	if (RT_GATE_FIRST + set->n_imports >= RT_GATE_MAX)
		return err_set(err, E2BIG, "%s: the modules import more than %u host functions",
			       private->order[i]->path, RT_GATE_MAX - RT_GATE_FIRST);
	if (!set->imports)
		set->imports = calloc(RT_GATE_MAX, sizeof *set->imports);
	if (!set->imports)
		return err_sys(err, ENOMEM, "list of imports");
	*gate = RT_GATE_FIRST + (uint32_t)set->n_imports;
	set->imports[set->n_imports++] = (struct module_import){
		.symbol = symbol, .module = private->order[i]->path, .libraries = private->libraries[i],
		.n_libraries = private->n_libraries[i], .gate = *gate, .vector = set->modules[i].vector};
	return 0;
}

// A symbol that no object has: the host's, if the module asked for host libraries.
static int undefined(struct link *link, struct object *object, const Elf64_Sym *symbol, const char *name,
		     uint64_t *value, struct err *err)
{
	struct module_set *set = link->context;
	struct private *private = set->private;
	size_t i = 0;
	while (private->order[i] != object)
		i++;
	if (private->n_libraries[i] == 0)
		return link_missing(link, object, name,
				    object_version(object, (uint64_t)(symbol - object->symbols)), err);
	unsigned type = ELF64_ST_TYPE(symbol->st_info);
	if (type == STT_OBJECT || type == STT_COMMON || type == STT_TLS)
		return err_set(err, ENOEXEC, "%s: imports the host's variable %s; of host libraries only "
			       "functions can be imported: write a host component that returns it",
			       object->path, name);
	uint32_t gate = 0;
	int r = link_spend(link, object, set->n_imports, err);
	if (r == 0)
		r = add_import(set, i, name, &gate, err);
	if (r == 0)
		*value = private->region->base + RT_OFF_GATE_STUBS + gate * RT_STUB_SIZE;
	return r;
}

static bool in_text(const struct module_set *set, uint64_t addr)
{
	for (size_t i = 0; i < set->n_modules; i++)
		if (addr >= set->modules[i].text_low && addr < set->modules[i].text_high)
			return true;
	return false;
}

static int resolver(struct link *link, uint64_t where, uint64_t function, struct err *err)
{
	struct module_set *set = link->context;
	size_t n = set->n_resolvers;
	if (!in_text(set, function))
		return err_set(err, ENOEXEC, "the resolver of an indirect function, 0x%llx, lies outside "
			       "all modules' text", (unsigned long long)function);
	int r = append(&set->resolvers, &set->n_resolvers, INITS_MAX, function, err);
	return r == 0 ? append(&set->resolve_where, &n, INITS_MAX, where, err) : r;
}

static int relocate(struct module_set *set, struct err *err)
{
	struct private *private = set->private;
	struct link *link = &private->link;
	*link = (struct link){.scope = private->needed.objects, .n_scope = private->needed.n,
			      .steps = LINK_STEPS, .module = true, .undefined = undefined,
			      .resolver = resolver, .context = set};
	for (size_t i = 0; i < set->n_modules; i++) {
		int r = link_relocate(link, private->order[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_call(struct module_set *set, const struct object *object, uint64_t addr, bool fini,
		    struct err *err)
{
	if (!in_text(set, addr))
		return err_set(err, ENOEXEC, "%s: %s 0x%llx lies outside all modules' text", object->path,
			       fini ? "finaliser" : "initialiser", (unsigned long long)addr);
	return fini ? append(&set->finis, &set->n_finis, INITS_MAX, addr, err) :
		append(&set->inits, &set->n_inits, INITS_MAX, addr, err);
}

static int add_array(struct module_set *set, const struct object *object, const struct range *array,
		     bool fini, struct err *err)
{
	uint64_t n = array->size / 8;
	const uint8_t *p = n ? object_bytes(object, array->vaddr, n * 8) : NULL;
	if (n && !p)
		return err_set(err, ENOEXEC, "%s: DT_%s_ARRAY is damaged or not in the file", object->path,
			       fini ? "FINI" : "INIT");
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = fini ? n - 1 - i : i;
		int r = add_call(set, object, read_u64(p + 8 * at), fini, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int list_calls(struct module_set *set, struct err *err)
{
	struct private *private = set->private;
	int r = 0;
	for (size_t i = 0; i < set->n_modules && r == 0; i++) {
		const struct object *object = private->order[i];
		if (object->init)
			r = add_call(set, object, object->init + object->bias, false, err);
		if (r == 0)
			r = add_array(set, object, &object->init_array, false, err);
	}
	for (size_t i = set->n_modules; i > 0 && r == 0; i--) {
		const struct object *object = private->order[i - 1];
		r = add_array(set, object, &object->fini_array, true, err);
		if (r == 0 && object->fini)
			r = add_call(set, object, object->fini + object->bias, true, err);
	}
	return r;
}

// Copies [low, high) of the image, whole pages of one segment, to one part of the region and maps it.
static int lay_out(struct private *private, const struct object *object, const struct segment *segment,
		   uint64_t low, uint64_t high, uint32_t prot, struct err *err)
{
	enum region_part part = prot & PROT_WRITE ? REGION_SHARED : REGION_SEALED;
	struct gaddr addr = {low + object->bias};
	if (low >= high)
		return 0;
	uint8_t *to = region_at(private->region, part, addr, high - low);
	MC_ASSERT(to != NULL);
	// Beyond `used` the region is zero already, and stays without memory.
	uint64_t end = segment->vaddr + segment->used;
	if (end > high)
		end = high;
	if (end > low)
		memcpy(to, object->image + (low - object->low), end - low);
	return region_map(private->region, addr, high - low, prot | PROT_READ, part, err);
}

static int lay_out_segment(struct private *private, const struct object *object,
			   const struct segment *segment, struct err *err)
{
	uint64_t low = page_down(segment->vaddr), high = page_up(segment->vaddr + segment->memsz);
	uint64_t relro_low = low, relro_high = low, end;
	const struct range *relro = &object->relro_range;
	// Pages of RELRO alone are constants by now; its last, begun page stays writable.
	if (object->relro && segment->prot & PROT_WRITE && relro->vaddr >= segment->vaddr &&
	    relro->vaddr < high && !__builtin_add_overflow(relro->vaddr, relro->size, &end)) {
		relro_low = page_down(relro->vaddr);
		relro_high = end < high ? page_down(end) : high;
		if (relro_high < relro_low)
			relro_high = relro_low;
	}
	int r = lay_out(private, object, segment, low, relro_low, segment->prot, err);
	if (r == 0)
		r = lay_out(private, object, segment, relro_low, relro_high, PROT_READ, err);
	return r == 0 ? lay_out(private, object, segment, relro_high, high, segment->prot, err) : r;
}

static int lay_out_all(struct private *private, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct object *object = private->order[i];
		for (size_t k = 0; k < object->n_segments; k++) {
			int r = lay_out_segment(private, object, &object->segments[k], err);
			if (r < 0) {
				err_wrap(err, "%s", object->path);
				return r;
			}
		}
		int fd = fcntl(object->fd, F_DUPFD_CLOEXEC, 3);
		private->symbol_fds[i] = fd > 0 ? fd : 0;
	}
	return 0;
}

static int load_files(struct module_set *set, const char *runtime_path, const char *set_path, struct err *err)
{
	struct private *private = set->private;
	const char *const paths[] = {runtime_path, set_path};
	for (size_t i = 0; i < 2 && paths[i]; i++) {
		struct object *object;
		int fd = open_file(NULL, paths[i]);
		if (fd < 0)
			return err_sys(err, -fd, "%s", paths[i]);
		int r = needed_root(&private->needed, fd, paths[i], &object, err);
		if (r < 0)
			return r;
		if (i == 0 && object->n_needed)
			return err_set(err, ENOEXEC, "%s: the guest runtime must not need other objects",
				       runtime_path);
	}
	return needed_gather(&private->needed, true, err);
}

static int load(struct module_set *set, const char *runtime_path, const char *set_path, struct err *err)
{
	struct private *private = set->private;
	int r = load_files(set, runtime_path, set_path, err);
	if (r < 0)
		return r;
	set->n_modules = private->needed.n;
	set->modules = calloc(set->n_modules, sizeof *set->modules);
	if (!set->modules)
		return err_sys(err, ENOMEM, "list of modules");
	needed_order(&private->needed, private->order);
	for (size_t i = 0; i < set->n_modules && r == 0; i++)
		r = describe(set, i, err);
	if (r == 0)
		r = relocate(set, err);
	if (r == 0)
		r = list_calls(set, err);
	return r == 0 ? lay_out_all(private, set->n_modules, err) : r;
}

int modules_load(struct region *region, const char *runtime_path, const char *set_path,
		 const char *module_dir, struct module_set **result, struct err *err)
{
	struct module_set *set = calloc(1, sizeof *set);
	struct private *private = calloc(1, sizeof *private);
	int r = set && private ? 0 : err_sys(err, ENOMEM, "%s", set_path);
	if (r < 0) {
		free(private);
		free(set);
		return r;
	}
	set->private = private;
	private->region = region;
	private->needed.last_dir = module_dir;
	private->needed.open = open_file;
	private->needed.place = place;
	private->needed.context = private;
	r = load(set, runtime_path, set_path, err);
	for (size_t i = 0; i < private->needed.n; i++)
		if (r == 0)
			object_finish(private->needed.objects[i]);
	if (r < 0) {
		modules_free(set);
		text_clean(err);
		if (err)
			err->status = EXIT_UNUSABLE;
		return r;
	}
	*result = set;
	return 0;
}

void modules_free(struct module_set *set)
{
	if (!set)
		return;
	struct private *private = set->private;
	for (size_t i = 0; i < NEEDED_OBJECTS_MAX; i++) {
		symbols_free(private->symbols[i]);
		if (private->symbol_fds[i])
			close(private->symbol_fds[i]);
		free(private->names[i]);
		free(private->libraries[i]);
	}
	needed_free(&private->needed);
	free(set->modules);
	free(set->imports);
	free(set->resolvers);
	free(set->resolve_where);
	free(set->inits);
	free(set->finis);
	free(private);
	free(set);
}

int modules_resolve(struct region *region, const struct module_set *set, size_t index, uint64_t value,
		    struct err *err)
{
	if (index >= set->n_resolvers || !in_text(set, value))
		return err_set(err, EINVAL, "an indirect function resolved to 0x%llx, which lies outside "
			       "all modules' text", (unsigned long long)value);
	struct gaddr where = {set->resolve_where[index]};
	for (size_t i = 0; i < region->n_maps; i++) {
		const struct region_map *map = &region->maps[i];
		if (where.value < map->addr || where.value - map->addr >= map->len)
			continue;
		// May cross into the next page, and so into the other part: two views of one address.
		for (int part = REGION_SEALED; part <= REGION_SHARED; part++)
			memcpy(region_at(region, (enum region_part)part, where, sizeof value), &value,
			       sizeof value);
		return 0;
	}
	return err_set(err, EINVAL, "an indirect function's place 0x%llx is not in the region",
		       (unsigned long long)where.value);
}

int modules_runtime_symbol(const struct module_set *set, const char *name, uint64_t *value, struct err *err)
{
	const struct private *private = set->private;
	const struct object *runtime = private->needed.objects[0];
	for (uint64_t i = 0; i < runtime->n_symbols; i++) {
		const Elf64_Sym *symbol = &runtime->symbols[i];
		const char *have = object_string(runtime, symbol->st_name);
		if (symbol->st_shndx == SHN_UNDEF || !have || strcmp(have, name) != 0)
			continue;
		*value = object_value(runtime, symbol);
		return 0;
	}
	return err_set(err, ENOENT, "%s: does not export %s: it belongs to another version", runtime->path,
		       name);
}

bool modules_symbolize(const struct module_set *set, uint64_t addr, const char **module,
		       const char **symbol, uint64_t *offset)
{
	struct private *private = set->private;
	for (size_t i = 0; i < set->n_modules; i++) {
		const struct module *m = &set->modules[i];
		if (addr < m->base || addr - m->base >= m->len)
			continue;
		uint64_t bias = private->order[i]->bias;
		if (!private->symbols[i] && private->symbol_fds[i])
			private->symbols[i] = symbols_read(private->symbol_fds[i]);
		const struct symbol *found =
			private->symbols[i] ? symbols_find(private->symbols[i], addr - bias) : NULL;
		*module = m->name;
		*symbol = found ? found->name : NULL;
		*offset = addr - (found ? found->value + bias : m->base);
		return true;
	}
	return false;
}
