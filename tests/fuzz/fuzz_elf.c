// SPDX-License-Identifier: MIT
// Fuzz target: any bytes as a guest program, as what it needs, and as a module. Each argument is a file,
// standard input without one; it ends by abort when a plan breaks a rule. With AFL++:
//   CC=afl-clang-fast, AFL_USE_ASAN=1; afl-fuzz -i tests/fuzz/seeds/elf -o DIR -- ./fuzz_elf
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "load/modules.h"
#include "load/program.h"

#define BASE RT_FIXED_BASE
#define INPUT_MAX (1u << 20)
#define PAIRS_MAX 512 // mappings of which all pairs are compared

static int program_fd, other_fd, runtime_fd; // two files with the input, one with a good runtime
static struct region region, clean;

static void put(int fd, const void *bytes, size_t n)
{
	MC_ASSERT(ftruncate(fd, 0) == 0);
	MC_ASSERT(pwrite(fd, bytes, n, 0) == (ssize_t)n);
}

// All that is needed has the input's bytes, but is another file.
static int open_other(void *context, const char *path)
{
	(void)context;
	if (strstr(path, "no"))
		return -ENOENT;
	int fd = fcntl(other_fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

static void check_map(const struct rt_plan *plan, const struct rt_map *map)
{
	MC_ASSERT(map->addr % 4096 == 0 && map->len % 4096 == 0 && map->offset % 4096 == 0 && map->len);
	MC_ASSERT(map->addr >= 0x10000 && map->addr < 0x7f0000000000 && map->len <= 0x7f0000000000 - map->addr);
	MC_ASSERT(map->addr + map->len <= BASE || map->addr >= BASE + RT_REGION_SIZE);
	MC_ASSERT(map->addr + map->len <= RT_STUB_BASE || map->addr >= RT_PLAN_ADDR + RT_PLAN_MAX);
	bool slots = map->addr == RT_SLOTS_ADDR && map->len == RT_SLOTS_BYTES && map->prot == PROT_READ && map->fd == 0;
	MC_ASSERT(slots || map->fd == -1 || (map->fd >= 2 && (uint32_t)map->fd < plan->n_fds));
	MC_ASSERT(map->prot <= 7 && map->zero_from < map->len);
	MC_ASSERT(!map->zero_from || map->prot & PROT_WRITE);
}

static void check_array(const struct rt_plan *plan, uint64_t offset, uint64_t n, uint64_t size)
{
	MC_ASSERT(offset % 8 == 0 && offset <= plan->size && n * size <= plan->size - offset);
}

static void check_plan(const struct program_plan *made)
{
	const struct rt_plan *plan = made->blob;
	const struct rt_map *maps = (const void *)((const char *)plan + plan->maps);
	MC_ASSERT(plan->size <= RT_PLAN_MAX && plan->n_fds == 2 + made->n_fds);
	check_array(plan, plan->maps, plan->n_maps, sizeof(struct rt_map));
	check_array(plan, plan->relro, plan->n_relro, sizeof(struct rt_map));
	check_array(plan, plan->resolves, plan->n_resolves, sizeof(struct rt_resolve));
	check_array(plan, plan->inits, plan->n_inits, sizeof(uint64_t));
	for (uint32_t i = 0; i < plan->n_maps; i++) {
		check_map(plan, &maps[i]);
		for (uint32_t k = 0; k < i && i < PAIRS_MAX; k++)
			MC_ASSERT(maps[i].addr + maps[i].len <= maps[k].addr ||
				  maps[k].addr + maps[k].len <= maps[i].addr);
	}
}

static void try_program(void)
{
	struct program_request request = {
		.fd = program_fd, .path = "program", .module_dir = "modules", .open = open_other,
		.region_base = BASE, .region_size = RT_REGION_SIZE, .start = BASE + 0x200000};
	struct program_plan plan;
	struct err err = {0};
	char text[64];
	if (program_plan(&request, &plan, &err) < 0) {
		MC_ASSERT(*err.text && !strchr(err.text, '\n') && err.status == EXIT_UNUSABLE);
		return;
	}
	check_plan(&plan);
	for (size_t i = 0; i < plan.n_objects; i++)
		program_symbolize(&plan, plan.objects[i].low + 1, text, sizeof text);
	program_symbolize(&plan, plan.blob->program_entry, text, sizeof text);
	program_plan_free(&plan);
}

static void try_module(int runtime)
{
	char runtime_path[32], set_path[32];
	struct module_set *set;
	struct err err = {0};
	const char *module, *symbol;
	uint64_t value;
	region = clean;
	snprintf(runtime_path, sizeof runtime_path, "/proc/self/fd/%d", runtime);
	snprintf(set_path, sizeof set_path, "/proc/self/fd/%d", program_fd);
	if (modules_load(&region, runtime_path, set_path, "/nowhere", &set, &err) < 0) {
		MC_ASSERT(*err.text && !strchr(err.text, '\n') && err.status == EXIT_UNUSABLE);
		return;
	}
	for (size_t i = 0; i < region.n_maps; i++)
		MC_ASSERT(region_contains(&region, region.maps[i].addr, region.maps[i].len));
	for (size_t i = 0; i < set->n_inits; i++)
		MC_ASSERT(modules_symbolize(set, set->inits[i], &module, &symbol, &value));
	for (size_t i = 0; i < set->n_resolvers; i++)
		modules_resolve(&region, set, i, set->resolvers[i], &err);
	modules_runtime_symbol(set, "rt_entry", &value, &err);
	modules_free(set);
}

static void try_bytes(const unsigned char *bytes, size_t n)
{
	put(program_fd, bytes, n);
	put(other_fd, bytes, n);
	try_program();
	try_module(runtime_fd);
	try_module(other_fd);
}

static void make_runtime(void)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr load;
	} file = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			   .e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1},
		.load = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = sizeof file,
			 .p_memsz = sizeof file, .p_align = 4096}};
	put(runtime_fd, &file, sizeof file);
}

static void prepare(void)
{
	struct err err;
	program_fd = memfd_create("program", MFD_CLOEXEC);
	other_fd = memfd_create("other", MFD_CLOEXEC);
	runtime_fd = memfd_create("runtime", MFD_CLOEXEC);
	MC_ASSERT(program_fd >= 0 && other_fd >= 0 && runtime_fd >= 0);
	make_runtime();
	MC_ASSERT(region_create(&region, true, &err) == 0);
	clean = region;
}

#ifdef __AFL_FUZZ_TESTCASE_LEN
__AFL_FUZZ_INIT();

int main(void)
{
	prepare();
	__AFL_INIT();
	unsigned char *bytes = __AFL_FUZZ_TESTCASE_BUF;
	while (__AFL_LOOP(1000)) {
		int n = __AFL_FUZZ_TESTCASE_LEN;
		try_bytes(bytes, n > 0 ? (size_t)n : 0);
	}
	return 0;
}
#else
static int try_file(FILE *file)
{
	static unsigned char bytes[INPUT_MAX];
	if (!file)
		return -1;
	size_t n = fread(bytes, 1, sizeof bytes, file);
	if (ferror(file))
		return -1;
	try_bytes(bytes, n);
	return 0;
}

int main(int argc, char **argv)
{
	prepare();
	if (argc < 2)
		return try_file(stdin) < 0;
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (try_file(file) < 0) {
			perror(argv[i]);
			return 1;
		}
		fclose(file);
	}
	printf("%d files\n", argc - 1);
	return 0;
}
#endif
