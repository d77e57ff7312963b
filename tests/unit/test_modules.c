// SPDX-License-Identifier: MIT
// Modules: found, ordered, linked and laid out in a region; and what is refused.
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "elf_make.h"
#include "load/modules.h"
#include "rt.h"

#define MODULE "-fPIC -shared -Wl,-z,now -Wl,-z,relro -Wl,-z,separate-code -Wl,-z,max-page-size=4096 "
#define NEEDED "-Wl,--no-as-needed "

static struct region region;
static struct module_set *set;
static struct err err;

static void setup(void)
{
	make_setup();
	set = NULL;
	ck_assert_int_eq(region_create(&region, false, &err), 0);
	make_elf("rt.so", MODULE "-Wl,-soname,microcosm-rt.so",
		 "long mc_call(void) { return 1; } void *memcpy(void *a, const void *b, unsigned long n)"
		 "{ return a; }\n"
		 "__asm__(\".globl rt_entry\\nrt_entry: ret\\n.globl rt_mark\\n.set rt_mark, 0x1234\");");
}

static void teardown(void)
{
	modules_free(set);
	region_destroy(&region);
	make_teardown();
}

static int load(const char *name)
{
	memset(&err, 0, sizeof err);
	return modules_load(&region, make_path("rt.so"), make_path(name), make_path("dir"), &set, &err);
}

static void refused(const char *name, const char *words)
{
	ck_assert_int_lt(load(name), 0);
	ck_assert_int_eq(err.status, EXIT_UNUSABLE);
	ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" lacks \"%s\"", err.text, words);
	ck_assert_ptr_null(strchr(err.text, '\n'));
	ck_assert_ptr_null(set);
}

static void loads(const char *name)
{
	int r = load(name);
	ck_assert_msg(r == 0, "%s", err.text);
}

static const struct module *module(const char *name)
{
	for (size_t i = 0; i < set->n_modules; i++)
		if (strcmp(set->modules[i].name, name) == 0)
			return &set->modules[i];
	ck_abort_msg("no module %s", name);
	return NULL;
}

// The vaddr of a dynamic symbol, from the section headers of a file that the tests trust.
static uint64_t vaddr_of(const char *file, const char *name)
{
	size_t size;
	unsigned char *bytes = make_read(make_path(file), &size);
	Elf64_Ehdr *header = (void *)bytes;
	Elf64_Shdr *sections = (void *)(bytes + header->e_shoff);
	uint64_t value = UINT64_MAX;
	for (unsigned i = 0; i < header->e_shnum; i++) {
		if (sections[i].sh_type != SHT_SYMTAB)
			continue;
		Elf64_Sym *symbols = (void *)(bytes + sections[i].sh_offset);
		const char *names = (char *)bytes + sections[sections[i].sh_link].sh_offset;
		for (size_t k = 0; k < sections[i].sh_size / sizeof *symbols; k++)
			if (symbols[k].st_shndx && strcmp(names + symbols[k].st_name, name) == 0)
				value = symbols[k].st_value;
	}
	free(bytes);
	ck_assert_msg(value != UINT64_MAX, "%s has no %s", file, name);
	return value;
}

static uint64_t address(const char *mod, const char *file, const char *name)
{
	return module(mod)->base + vaddr_of(file, name);
}

static const struct region_map *map_of(uint64_t addr)
{
	for (size_t i = 0; i < region.n_maps; i++)
		if (addr >= region.maps[i].addr && addr < region.maps[i].addr + region.maps[i].len)
			return &region.maps[i];
	return NULL;
}

// What a guest would read at an address.
static uint64_t word_at(uint64_t addr)
{
	const struct region_map *map = map_of(addr);
	ck_assert_ptr_nonnull(map);
	uint64_t value;
	memcpy(&value, region_at(&region, map->part, (struct gaddr){addr}, 8), 8);
	return value;
}

START_TEST(plain_set)
{
	make_elf("libone.so", MODULE, "extern long mc_call(void); long count = 7; long big[9000];\n"
		 "static void init(void) { count++; mc_call(); }\n"
		 "static void fini(void) { count--; }\n"
		 "static void (*const table[])(void) = { init, fini };\n"
		 "void (*const *one_table)(void) = table; long one(void) { return mc_call(); }\n"
		 "__attribute__((constructor)) static void start(void) { init(); }\n"
		 "__attribute__((destructor)) static void end(void) { fini(); }\n");
	make_elf("set.so", MODULE NEEDED "libone.so -Wl,-rpath,'$ORIGIN'", "");
	loads("set.so");
	ck_assert_uint_eq(set->n_modules, 3);
	ck_assert_str_eq(set->modules[0].name, "microcosm-rt");
	ck_assert_str_eq(set->modules[1].name, "one");
	ck_assert_str_eq(set->modules[2].name, "set");
	ck_assert_uint_eq(set->n_inits, 1);
	ck_assert_uint_eq(set->n_finis, 1);
	ck_assert_uint_eq(set->inits[0], address("one", "libone.so", "start"));
	ck_assert_uint_eq(set->finis[0], address("one", "libone.so", "end"));
	ck_assert_uint_eq(set->n_imports, 0);

	const struct module *one = module("one");
	ck_assert(region_contains(&region, one->base, one->len));
	ck_assert(set->inits[0] >= one->text_low && set->inits[0] < one->text_high);
	ck_assert_uint_eq(map_of(set->inits[0])->prot, PROT_READ | PROT_EXEC);
	ck_assert_int_eq(map_of(set->inits[0])->part, REGION_SEALED);
	// Data is shared, RELRO is sealed, and both are relocated.
	uint64_t count = address("one", "libone.so", "count");
	ck_assert_int_eq(map_of(count)->part, REGION_SHARED);
	ck_assert_uint_eq(word_at(count), 7);
	uint64_t table = address("one", "libone.so", "table");
	ck_assert_int_eq(map_of(table)->part, REGION_SEALED);
	ck_assert_uint_eq(map_of(table)->prot, PROT_READ);
	ck_assert_uint_eq(word_at(table), address("one", "libone.so", "init"));
	ck_assert_uint_eq(word_at(address("one", "libone.so", "one_table")), table);
	ck_assert_int_eq(map_of(address("one", "libone.so", "big") + 8 * 8999)->part, REGION_SHARED);
}
END_TEST

START_TEST(order_and_cycles)
{
	// a needs b, b needs c, c needs a; d stands alone. Dependencies first, the cycle broken at a.
	make_elf("libc3.so", MODULE, "");
	make_elf("libb.so", MODULE NEEDED "libc3.so", "__attribute__((constructor)) void init_b(void) { __asm__ volatile(\"\"); }");
	make_elf("liba.so", MODULE NEEDED "libb.so", "__attribute__((constructor)) void init_a(void) { __asm__ volatile(\"\"); }");
	make_elf("libc3.so", MODULE NEEDED "liba.so -Wl,-init,first_c",
		 "__attribute__((constructor)) void init_c(void) { __asm__ volatile(\"\"); } void first_c(void) {}");
	make_elf("libd.so", MODULE, "__attribute__((constructor)) void init_d(void) { __asm__ volatile(\"\"); }"
				    "__attribute__((destructor)) void fini_d(void) { __asm__ volatile(\"\"); }");
	make_elf("set.so", MODULE NEEDED "liba.so libd.so libb.so", "__attribute__((destructor)) void fini_set(void) { __asm__ volatile(\"\"); }");
	loads("set.so");
	ck_assert_uint_eq(set->n_modules, 6);
	ck_assert_uint_eq(set->n_inits, 5);
	ck_assert_uint_eq(set->inits[0], address("c3", "libc3.so", "first_c"));
	ck_assert_uint_eq(set->inits[1], address("c3", "libc3.so", "init_c"));
	ck_assert_uint_eq(set->inits[2], address("b", "libb.so", "init_b"));
	ck_assert_uint_eq(set->inits[3], address("a", "liba.so", "init_a"));
	ck_assert_uint_eq(set->inits[4], address("d", "libd.so", "init_d"));
	ck_assert_uint_eq(set->n_finis, 2);
	ck_assert_uint_eq(set->finis[0], address("set", "set.so", "fini_set"));
	ck_assert_uint_eq(set->finis[1], address("d", "libd.so", "fini_d"));
}
END_TEST

START_TEST(host_imports)
{
	make_elf("libhost_libm.so.6", "-shared -Wl,-soname,libhost_libm.so.6", "");
	make_elf("libhost_x.so", "-shared -Wl,-soname,libhost_/opt/x/libx.so", "");
	make_elf("libone.so", MODULE NEEDED "libhost_libm.so.6 libhost_x.so",
		 "extern long pow_(void), hidden_(void) __attribute__((weak)), memcpy(void);\n"
		 "long (*address)(void) = pow_; long (*maybe)(void) = hidden_;\n"
		 "long (*copy)(void) = memcpy; long f(void) { return pow_(); }");
	make_elf("libtwo.so", MODULE NEEDED "libhost_libm.so.6 libhost_x.so",
		 "extern long pow_(void), sqrt_(void); long g(void) { return pow_() + sqrt_(); }");
	make_elf("libthree.so", MODULE NEEDED "libhost_libm.so.6 libhost_x.so",
		 "char mc_module_fp; extern long pow_(void); long (*vec)(void) = pow_;");
	make_elf("set.so", MODULE NEEDED "libone.so libtwo.so libthree.so", "");
	loads("set.so");
	ck_assert_uint_eq(set->n_imports, 3);
	ck_assert_str_eq(set->imports[0].symbol, "pow_");
	ck_assert_uint_eq(set->imports[0].n_libraries, 2);
	ck_assert_str_eq(set->imports[0].libraries[0], "libm.so.6");
	ck_assert_str_eq(set->imports[0].libraries[1], "/opt/x/libx.so");
	ck_assert_uint_eq(set->imports[0].gate, RT_GATE_FIRST);
	ck_assert(!set->imports[0].vector);
	ck_assert_str_eq(set->imports[1].symbol, "sqrt_");
	ck_assert_str_eq(set->imports[2].symbol, "pow_");
	ck_assert(set->imports[2].vector && module("three")->vector && !module("one")->vector);
	uint64_t gates = region.base + RT_OFF_GATE_STUBS;
	ck_assert_uint_eq(word_at(address("one", "libone.so", "address")), gates + 16 * RT_STUB_SIZE);
	ck_assert_uint_eq(word_at(address("three", "libthree.so", "vec")), gates + 18 * RT_STUB_SIZE);
	ck_assert_uint_eq(word_at(address("one", "libone.so", "maybe")), 0);
	ck_assert_uint_eq(word_at(address("one", "libone.so", "copy")),
			  set->modules[0].base + vaddr_of("rt.so", "memcpy"));
}
END_TEST

START_TEST(data_imports_are_refused)
{
	// With a definition to link against, the reference says that it wants data.
	make_elf("libhost_c.so", "-shared -Wl,-soname,libhost_c.so", "long environ_;");
	make_elf("set.so", MODULE NEEDED "libhost_c.so",
		 "extern long environ_; long *address = &environ_;");
	refused("set.so", "variable environ_");
}
END_TEST

START_TEST(indirect_functions)
{
	make_elf("set.so", MODULE, "static long fast(void) { return 1; }\n"
		 "static void *choose(void) { return fast; }\n"
		 "long pick(void) __attribute__((ifunc(\"choose\")));\n"
		 "static long inner(void) __attribute__((ifunc(\"choose\")));\n"
		 "long (*address)(void) = pick; long (*const near)(void) = inner;\n"
		 "long f(void) { return pick() + near(); }");
	loads("set.so");
	ck_assert_uint_ge(set->n_resolvers, 2);
	uint64_t fast = address("set", "set.so", "fast");
	for (size_t i = 0; i < set->n_resolvers; i++) {
		ck_assert_uint_eq(set->resolvers[i], address("set", "set.so", "choose"));
		ck_assert_int_lt(modules_resolve(&region, set, i, region.base, &err), 0);
		ck_assert_int_eq(modules_resolve(&region, set, i, fast, &err), 0);
		ck_assert_uint_eq(word_at(set->resolve_where[i]), fast);
	}
	ck_assert_int_lt(modules_resolve(&region, set, set->n_resolvers, fast, &err), 0);
	ck_assert_uint_eq(word_at(address("set", "set.so", "address")), fast);
	ck_assert_uint_eq(word_at(address("set", "set.so", "near")), fast);
}
END_TEST

START_TEST(hashes_and_relr)
{
	static const char *const styles[] = {"gnu", "sysv", "both"};
	for (size_t i = 0; i < 3; i++) {
		char flags[200];
		snprintf(flags, sizeof flags, MODULE "-Wl,--hash-style=%s", styles[i]);
		make_elf("libone.so", flags, "long a(void) { return 1; } long b(void) { return 2; }");
		snprintf(flags, sizeof flags, MODULE NEEDED "-Wl,-z,pack-relative-relocs libone.so");
		make_elf("set.so", flags, "extern long a(void), b(void); static long x, y;\n"
			 "long (*fa)(void) = a, (*fb)(void) = b; long *px = &x, *py = &y;");
		loads("set.so");
		ck_assert_uint_eq(word_at(address("set", "set.so", "fa")), address("one", "libone.so", "a"));
		ck_assert_uint_eq(word_at(address("set", "set.so", "fb")), address("one", "libone.so", "b"));
		ck_assert_uint_eq(word_at(address("set", "set.so", "px")), address("set", "set.so", "x"));
		ck_assert_uint_eq(word_at(address("set", "set.so", "py")), address("set", "set.so", "y"));
		modules_free(set);
		set = NULL;
	}
}
END_TEST

START_TEST(versions)
{
	FILE *map = fopen(make_path("v.map"), "w");
	fputs("V1 { global: f; local: *; }; V2 { global: f; g; } V1;", map);
	fclose(map);
	make_elf("libv.so", MODULE "-Wl,--version-script=v.map",
		 "long f1(void) { return 1; } long f2(void) { return 2; } long g(void) { return 3; }\n"
		 "__asm__(\".symver f1,f@V1\"); __asm__(\".symver f2,f@@V2\");");
	make_elf("libold.so", MODULE NEEDED "libv.so",
		 "extern long f_old(void); __asm__(\".symver f_old,f@V1\"); long (*old)(void) = f_old;");
	make_elf("libnew.so", MODULE NEEDED "libv.so", "extern long f(void); long (*new)(void) = f;");
	// Linked without libv.so: the reference has no version.
	make_elf("libbare.so", MODULE, "extern long f(void); long (*bare)(void) = f;");
	make_elf("set.so", MODULE NEEDED "libold.so libnew.so libbare.so", "");
	loads("set.so");
	uint64_t f1 = address("v", "libv.so", "f1"), f2 = address("v", "libv.so", "f2");
	ck_assert_uint_eq(word_at(address("old", "libold.so", "old")), f1);
	ck_assert_uint_eq(word_at(address("new", "libnew.so", "new")), f2);
	ck_assert_uint_eq(word_at(address("bare", "libbare.so", "bare")), f2);
	modules_free(set);
	set = NULL;
	// A version that is gone is a symbol that is missing.
	map = fopen(make_path("v.map"), "w");
	fputs("V1 { global: f; local: *; };", map);
	fclose(map);
	make_elf("libv.so", MODULE "-Wl,--version-script=v.map", "long f(void) { return 1; }");
	refused("set.so", "f@V2");
}
END_TEST

START_TEST(scope)
{
	make_elf("libone.so", MODULE, "long who(void) { return 1; } long (*one_who)(void) = who;\n"
		 "__attribute__((visibility(\"hidden\"))) long own(void) { return 1; }\n"
		 "long (*one_own)(void) = own; long mc_call(void) { return 2; }");
	make_elf("libtwo.so", MODULE "-Wl,-Bsymbolic",
		 "long who(void) { return 2; } long own(void) { return 2; }\n"
		 "long call(void) __asm__(\"who\"); long (*two_who)(void) = who;");
	make_elf("libthree.so", MODULE, "extern long who(void), own(void), mc_call(void);\n"
		 "long (*three_who)(void) = who, (*three_own)(void) = own, (*three_call)(void) = mc_call;");
	make_elf("set.so", MODULE NEEDED "libone.so libtwo.so libthree.so", "");
	loads("set.so");
	uint64_t one_who = address("one", "libone.so", "who");
	ck_assert_uint_eq(word_at(address("one", "libone.so", "one_who")), one_who);
	ck_assert_uint_eq(word_at(address("one", "libone.so", "one_own")), address("one", "libone.so", "own"));
	ck_assert_uint_eq(word_at(address("two", "libtwo.so", "two_who")), address("two", "libtwo.so", "who"));
	ck_assert_uint_eq(word_at(address("three", "libthree.so", "three_who")), one_who);
	ck_assert_uint_eq(word_at(address("three", "libthree.so", "three_own")),
			  address("two", "libtwo.so", "own"));
	// The runtime comes first.
	ck_assert_uint_eq(word_at(address("three", "libthree.so", "three_call")),
			  set->modules[0].base + vaddr_of("rt.so", "mc_call"));
}
END_TEST

START_TEST(search_and_duplicates)
{
	ck_assert_int_eq(mkdir(make_path("dir"), 0700), 0);
	ck_assert_int_eq(mkdir(make_path("sub"), 0700), 0);
	// a by RUNPATH in sub, b beside a, c in the module directory, d the same file as a.
	make_elf("dir/libc3.so", MODULE, "");
	make_elf("sub/libb.so", MODULE, "");
	make_elf("sub/liba.so", MODULE NEEDED "sub/libb.so dir/libc3.so", "");
	ck_assert_int_eq(rename(make_path("sub/liba.so"), make_path("sub/tmp")), 0);
	make_elf("libb.so", MODULE "-Wl,-soname,libb.so", "");
	make_elf("libc3.so", MODULE "-Wl,-soname,libc3.so", "");
	make_elf("sub/liba.so", MODULE NEEDED "libb.so libc3.so", "");
	unlink(make_path("libb.so"));
	unlink(make_path("libc3.so"));
	ck_assert_int_eq(symlink("liba.so", make_path("sub/libd.so")), 0);
	make_elf("liba.so", MODULE "-Wl,-soname,liba.so", "");
	make_elf("libd.so", MODULE "-Wl,-soname,libd.so", "");
	make_elf("set.so", MODULE NEEDED "liba.so libd.so -Wl,-rpath,'/nowhere:${ORIGIN}/sub'", "");
	loads("set.so");
	ck_assert_uint_eq(set->n_modules, 5);
	ck_assert_str_eq(module("a")->path, make_path("sub/liba.so"));
	ck_assert_str_eq(module("b")->path, make_path("sub/libb.so"));
	ck_assert_str_eq(module("c3")->path, make_path("dir/libc3.so"));
	modules_free(set);
	set = NULL;
	unlink(make_path("dir/libc3.so"));
	refused("set.so", "needs libc3.so, which is not in ");
	ck_assert_ptr_nonnull(strstr(err.text, make_path("dir")));
}
END_TEST

START_TEST(same_soname_once)
{
	make_elf("libx1.so", MODULE "-Wl,-soname,libx.so",
		 "__attribute__((constructor)) void init_x(void) { __asm__ volatile(\"\"); }");
	make_elf("libx2.so", MODULE "-Wl,-soname,libx.so",
		 "__attribute__((constructor)) void init_x(void) { __asm__ volatile(\"\"); }");
	make_elf("liba.so", MODULE "-Wl,-soname,libx1.so", "");
	make_elf("libb.so", MODULE "-Wl,-soname,libx2.so", "");
	make_elf("set.so", MODULE NEEDED "liba.so libb.so", "");
	loads("set.so");
	ck_assert_uint_eq(set->n_modules, 3);
	ck_assert_uint_eq(set->n_inits, 1);
}
END_TEST

START_TEST(refusals)
{
	make_elf("tls.so", MODULE, "__thread long t = 1; long f(void) { return t; }");
	refused("tls.so", "thread structure");
	make_elf("textrel.so", "-shared -Wl,-z,notext -Wl,-z,max-page-size=4096",
		 "extern long missing; __asm__(\".text\\n.globl f\\nf: .quad f\");");
	refused("textrel.so", "-fPIC");
	make_elf("wx.so", MODULE "-Wl,-N", "long x = 1; long f(void) { return x; }");
	refused("wx.so", "writable and executable");
	make_elf("stack.so", MODULE "-Wl,-z,execstack", "");
	refused("stack.so", "noexecstack");
	make_elf("exec.so", "-static -no-pie", "void _start(void) {}");
	refused("exec.so", "not a shared object");
	make_elf("missing.so", MODULE, "extern long nobody(void); long f(void) { return nobody(); }");
	refused("missing.so", "symbol nobody is needed and not in rt.so, missing.so");
	refused("absent.so", "No such file");
	refused("dir", "");
	make_elf("big.so", MODULE, "char big[300 << 20];");
	refused("big.so", "no room");
}
END_TEST

START_TEST(special_files)
{
	ck_assert_int_eq(mkdir(make_path("d.so"), 0700), 0);
	refused("d.so", "not a regular file");
	ck_assert_int_eq(mkfifo(make_path("fifo.so"), 0600), 0);
	refused("fifo.so", "not a regular file");
	close(open(make_path("empty.so"), O_CREAT | O_WRONLY, 0600));
	refused("empty.so", "empty");
	FILE *script = fopen(make_path("script.so"), "w");
	fputs("#!/bin/sh\n", script);
	fclose(script);
	refused("script.so", "not an ELF file");
}
END_TEST

START_TEST(symbols)
{
	make_elf("set.so", MODULE, "static long inner(long a) { return a * 3; }\n"
		 "long (*handler)(long) = inner; long outer(long a) { return a; }");
	loads("set.so");
	uint64_t value, offset;
	const char *mod, *symbol;
	ck_assert_int_eq(modules_runtime_symbol(set, "rt_entry", &value, &err), 0);
	ck_assert_uint_eq(value, set->modules[0].base + vaddr_of("rt.so", "rt_entry"));
	ck_assert_int_eq(modules_runtime_symbol(set, "rt_mark", &value, &err), 0);
	ck_assert_uint_eq(value, 0x1234);
	ck_assert_int_eq(modules_runtime_symbol(set, "rt_other", &value, &err), -ENOENT);
	ck_assert(modules_symbolize(set, address("set", "set.so", "inner") + 1, &mod, &symbol, &offset));
	ck_assert_str_eq(mod, "set");
	ck_assert_str_eq(symbol, "inner");
	ck_assert_uint_eq(offset, 1);
	ck_assert(modules_symbolize(set, module("set")->base, &mod, &symbol, &offset));
	ck_assert_ptr_null(symbol);
	ck_assert(!modules_symbolize(set, region.base, &mod, &symbol, &offset));
}
END_TEST

// Every truncation, and every byte changed: an error or a set, never a crash.
START_TEST(sweep)
{
	size_t size;
	make_elf("libhost_m.so", "-shared -Wl,-soname,libhost_m.so", "");
	make_elf("good.so", MODULE NEEDED "-Wl,--hash-style=both -s libhost_m.so",
		 "extern long pow_(void); long x = 1; long *p = &x; long f(void) { return pow_(); }\n"
		 "__attribute__((constructor)) void init(void) { __asm__ volatile(\"\"); }");
	loads("good.so");
	modules_free(set);
	set = NULL;
	const struct region clean = region;
	unsigned char *bytes = make_read(make_path("good.so"), &size);
	int fd = open(make_path("bad.so"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	for (size_t n = 0; n < size; n += n < 1024 ? 1 : 37) {
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(pwrite(fd, bytes, n, 0), (ssize_t)n);
		region = clean;
		if (load("bad.so") == 0)
			modules_free(set);
		else
			ck_assert(*err.text);
		set = NULL;
	}
	ck_assert_int_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
	static const unsigned char flips[] = {0xff, 0x01, 0x80};
	for (size_t n = 0; n < size; n++) {
		if (n > 1024 && bytes[n] == 0 && n % 16) // mostly padding
			continue;
		for (size_t k = 0; k < 3; k++) {
			unsigned char bad = bytes[n] ^ flips[k];
			ck_assert_int_eq(pwrite(fd, &bad, 1, (off_t)n), 1);
			region = clean;
			if (load("bad.so") == 0)
				modules_free(set);
			set = NULL;
		}
		ck_assert_int_eq(pwrite(fd, bytes + n, 1, (off_t)n), 1);
	}
	close(fd);
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("modules");
	TCase *tc = tcase_create("modules");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, plain_set);
	tcase_add_test(tc, order_and_cycles);
	tcase_add_test(tc, host_imports);
	tcase_add_test(tc, data_imports_are_refused);
	tcase_add_test(tc, indirect_functions);
	tcase_add_test(tc, hashes_and_relr);
	tcase_add_test(tc, versions);
	tcase_add_test(tc, scope);
	tcase_add_test(tc, search_and_duplicates);
	tcase_add_test(tc, same_soname_once);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, special_files);
	tcase_add_test(tc, symbols);
	tcase_add_test(tc, sweep);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
