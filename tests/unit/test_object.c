// SPDX-License-Identifier: MIT
// ELF objects: images, symbol tables and lookups, with tables that lie; and the limits of the work.
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "elf_make.h"
#include "load/link.h"
#include "load/needed.h"
#include "load/symbols.h"

#define SHARED "-fPIC -shared -Wl,-z,max-page-size=4096 "

static struct object *object;
static struct err err;

static void setup(void)
{
	make_setup();
	object = NULL;
}

static void teardown(void)
{
	object_free(object);
	make_teardown();
}

static int open_object(const char *path)
{
	object_free(object);
	object = NULL;
	memset(&err, 0, sizeof err);
	return object_open(open(path, O_RDONLY | O_CLOEXEC), path, &object, &err);
}

static int read_object(const char *path)
{
	int r = open_object(path);
	if (r < 0)
		return r;
	void *image = mmap(NULL, object->high - object->low, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(image != MAP_FAILED);
	return object_read(object, image, &err);
}

static void reads(const char *path)
{
	int r = read_object(path);
	ck_assert_msg(r == 0, "%s", err.text);
}

static const Elf64_Sym *find(const char *name, uint64_t steps)
{
	struct lookup lookup;
	lookup_init(&lookup, name, NULL, &steps);
	return object_find(object, &lookup);
}

static uint64_t dynamic(int64_t tag)
{
	for (size_t i = 0; i < object->n_dynamic; i++)
		if (object->dynamic[i].d_tag == tag)
			return object->dynamic[i].d_un.d_val;
	ck_abort_msg("no such tag");
	return 0;
}

// Writes into the file at a vaddr.
static void patch(const char *path, uint64_t vaddr, const void *bytes, size_t n)
{
	const struct segment *s = object_segment(object, vaddr);
	ck_assert_ptr_nonnull(s);
	make_patch(path, (long)(vaddr - s->vaddr + s->offset), bytes, n);
}

// Where the entry of a tag lies in the file: behind the dynamic section's start.
static void patch_dynamic(const char *path, int64_t tag, uint64_t value)
{
	size_t size;
	unsigned char *bytes = make_read(path, &size);
	Elf64_Ehdr *header = (void *)bytes;
	Elf64_Phdr *ph = (void *)(bytes + header->e_phoff);
	for (unsigned i = 0; i < header->e_phnum; i++)
		for (uint64_t at = 0; ph[i].p_type == PT_DYNAMIC && at < ph[i].p_filesz; at += 16)
			if (*(int64_t *)(bytes + ph[i].p_offset + at) == tag)
				make_patch(path, (long)(ph[i].p_offset + at + 8), &value, 8);
	free(bytes);
}

START_TEST(finds_symbols)
{
	static const char *const styles[] = {"gnu", "sysv", "both"};
	char source[20000] = "", flags[100];
	for (int i = 0; i < 200; i++)
		sprintf(source + strlen(source), "long symbol_%d(void) { return %d; }\n", i, i);
	strcat(source, "__attribute__((visibility(\"hidden\"))) long hidden(void) { return 1; }\n"
		       "extern long outside(void); long (*keep[])(void) = { hidden, outside };\n");
	for (size_t i = 0; i < 3; i++) {
		snprintf(flags, sizeof flags, SHARED "-Wl,--hash-style=%s", styles[i]);
		reads(make_elf("lib.so", flags, source));
		ck_assert_uint_ge(object->n_symbols, 202);
		for (int k = 0; k < 200; k++) {
			char name[32];
			snprintf(name, sizeof name, "symbol_%d", k);
			const Elf64_Sym *symbol = find(name, 1000);
			ck_assert_ptr_nonnull(symbol);
			ck_assert_str_eq(object_string(object, symbol->st_name), name);
			object->bias = 0x10000;
			ck_assert_uint_eq(object_value(object, symbol), symbol->st_value + 0x10000);
		}
		ck_assert_ptr_null(find("symbol_200", 1000));
		ck_assert_ptr_null(find("hidden", 1000));
		ck_assert_ptr_null(find("outside", 1000));
		ck_assert_ptr_null(find("", 1000));
		ck_assert_ptr_null(find("symbol_1", 0)); // no work left
	}
}
END_TEST

START_TEST(hash_chains_that_loop)
{
	const char *path = make_elf("lib.so", SHARED "-Wl,--hash-style=sysv", "long a, b, c, d, e, f;");
	uint32_t hash[2], one = 1;
	reads(path);
	uint64_t at = dynamic(DT_HASH);
	memcpy(hash, object_bytes(object, at, 8), 8);
	// Every bucket and every link leads to symbol 1.
	for (uint32_t i = 0; i < hash[0] + hash[1]; i++)
		patch(path, at + 8 + 4 * i, &one, 4);
	reads(path);
	ck_assert_ptr_null(find("nothing", 1000000));
	// A table that says it is larger than the file.
	hash[0] = UINT32_MAX;
	patch(path, at, hash, 4);
	ck_assert_int_eq(read_object(path), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(err.text, "DT_HASH"));

	path = make_elf("lib.so", SHARED "-Wl,--hash-style=gnu", "long a, b, c, d, e, f;");
	reads(path);
	at = dynamic(DT_GNU_HASH);
	const uint32_t zero = 0, many = UINT32_MAX, three = 3, shift = 64;
	patch(path, at + 12, &shift, 4);
	ck_assert_int_eq(read_object(path), -ENOEXEC);
	patch(path, at + 12, &one, 4);
	patch(path, at + 8, &three, 4); // not a power of two
	ck_assert_int_eq(read_object(path), -ENOEXEC);
	patch(path, at + 8, &one, 4);
	patch(path, at, &zero, 4);
	ck_assert_int_eq(read_object(path), -ENOEXEC);
	patch(path, at, &many, 4);
	ck_assert_int_eq(read_object(path), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(err.text, "DT_GNU_HASH"));
}
END_TEST

START_TEST(tables_outside)
{
	static const int64_t tags[] = {DT_STRTAB, DT_SYMTAB, DT_GNU_HASH, DT_RELA, DT_JMPREL, DT_VERSYM,
				       DT_VERDEF, DT_STRSZ, DT_RELASZ, DT_PLTRELSZ, DT_SONAME};
	static const uint64_t values[] = {1, 1ull << 40, UINT64_MAX, UINT64_MAX - 23, 0x2fff8};
	FILE *map = fopen(make_path("v.map"), "w");
	fputs("V1 { global: *; };", map);
	fclose(map);
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		const char *path = make_elf("lib.so", SHARED "-Wl,-soname,libx.so -Wl,--version-script=v.map",
			"extern long f(void); long x, *p = &x; long g(void) { return f(); }");
		reads(path);
		dynamic(tags[i]);
		for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
			patch_dynamic(path, tags[i], values[k]);
			// Small numbers may happen to be good; the others may not.
			int r = read_object(path);
			ck_assert(r == -ENOEXEC || (r == 0 && values[k] == 1));
		}
	}
	const char *path = make_elf("lib.so", SHARED, "");
	patch_dynamic(path, DT_SYMENT, 23);
	ck_assert_int_eq(read_object(path), -ENOEXEC);
}
END_TEST

START_TEST(places)
{
	reads(make_elf("lib.so", SHARED, "long data = 5; char bss[10000]; const long constant = 7;"));
	const Elf64_Sym *bss = find("bss", 1000), *data = find("data", 1000);
	uint64_t rest;
	const struct segment *segment;
	ck_assert_ptr_null(object_bytes(object, bss->st_value + 8000, 8)); // not in the file
	ck_assert_ptr_nonnull(object_bytes(object, data->st_value, 8));
	ck_assert_uint_eq(read_u64(object_bytes(object, data->st_value, 8)), 5);
	ck_assert_ptr_null(object_bytes(object, data->st_value, UINT64_MAX));
	ck_assert_ptr_null(object_rest(object, UINT64_MAX, &rest));
	ck_assert_ptr_nonnull(object_place(object, bss->st_value + 8000, 8, &segment));
	ck_assert_uint_eq(segment->prot, PROT_READ | PROT_WRITE);
	ck_assert_uint_ge(segment->used, bss->st_value + 8008 - segment->vaddr);
	ck_assert_ptr_null(object_place(object, segment->vaddr + segment->memsz - 7, 8, NULL));
	ck_assert_ptr_null(object_place(object, UINT64_MAX - 3, 8, NULL));
	ck_assert_ptr_null(object_string(object, object->n_strings));
	ck_assert_str_eq(object_string(object, object->n_strings - 1), "");
}
END_TEST

static int undefined(struct link *link, struct object *o, const Elf64_Sym *symbol, const char *name,
		     uint64_t *value, struct err *e)
{
	(void)symbol;
	(void)value;
	return link_missing(link, o, name, NULL, e);
}

static int relocate(uint64_t steps)
{
	struct link link = {.scope = &object, .n_scope = 1, .steps = steps, .undefined = undefined};
	return link_relocate(&link, object, &err);
}

START_TEST(relocations)
{
	const char *path = make_elf("lib.so", SHARED "-Wl,-z,notext",
		"long x[4] = {1, 2}; long *p = x + 1; extern char end_of; long f(void) { return 1; }\n"
		"__asm__(\".data\\n.globl near\\nnear: .long f - .\\n.globl other\\nother: .quad x + 8\");");
	reads(path);
	object->bias = 0x100000;
	ck_assert_int_eq(relocate(LINK_STEPS), 0);
	const Elf64_Sym *x = find("x", 1000), *p = find("p", 1000), *other = find("other", 1000);
	const Elf64_Sym *near = find("near", 1000), *f = find("f", 1000);
	ck_assert_uint_eq(read_u64(object_bytes(object, p->st_value, 8)), x->st_value + 8 + 0x100000);
	ck_assert_uint_eq(read_u64(object_bytes(object, other->st_value, 8)), x->st_value + 8 + 0x100000);
	ck_assert_uint_eq(read_u32(object_bytes(object, near->st_value, 4)),
			  (uint32_t)(f->st_value - near->st_value));
	const uint64_t place = p->st_value;
	reads(path);
	ck_assert_int_eq(relocate(3), -ELOOP);
	ck_assert_ptr_nonnull(strstr(err.text, "too long to link"));

	// A type that nobody has, a symbol that does not exist, a place in no segment.
	struct {
		uint64_t offset, info;
		const char *words;
	} bad[] = {
		{0, ELF64_R_INFO(0, 99), "R_X86_64_99 lies in no segment"},
		{place, ELF64_R_INFO(0, 99), "R_X86_64_99 is not supported"},
		{place, ELF64_R_INFO(0, R_X86_64_32), "R_X86_64_32 is not supported"},
		{place, ELF64_R_INFO(0, R_X86_64_COPY), "has no symbol"},
		{UINT64_MAX - 2, ELF64_R_INFO(0, R_X86_64_RELATIVE), "in no segment"},
		{place, ELF64_R_INFO(0, R_X86_64_TLSDESC), "TLSDESC"},
		{place, ELF64_R_INFO(0, R_X86_64_TPOFF64), "not thread-local"},
	};
	bad[0].offset = 1ull << 40;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint64_t at = dynamic(DT_RELA);
		patch(path, at, &bad[i].offset, 16);
		reads(path);
		ck_assert_int_eq(relocate(LINK_STEPS), -ENOEXEC);
		ck_assert_msg(strstr(err.text, bad[i].words) != NULL, "%s lacks %s", err.text, bad[i].words);
	}
	const uint64_t info = ELF64_R_INFO(1 << 20, R_X86_64_64);
	patch(path, dynamic(DT_RELA) + 8, &info, 8);
	ck_assert_int_eq(read_object(path), -ENOEXEC);
}
END_TEST

// A bitmap that stands for far more than there is.
START_TEST(relr_outside)
{
	const char *path = make_elf("lib.so", SHARED "-Wl,-z,pack-relative-relocs",
				    "static long x; long *p[100] = {&x, &x, &x};");
	reads(path);
	ck_assert_int_eq(relocate(LINK_STEPS), 0);
	const uint64_t far = 1ull << 40, all = UINT64_MAX;
	uint64_t at = object->relr.vaddr;
	patch(path, at + 8, &all, 8);
	reads(path);
	int r = relocate(LINK_STEPS);
	ck_assert(r == 0 || r == -ENOEXEC);
	patch(path, at, &far, 8);
	reads(path);
	ck_assert_int_eq(relocate(LINK_STEPS), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(err.text, "RELR"));
}
END_TEST

// A file that shrinks after it was looked at gives an error, not a signal.
START_TEST(shrinking_file)
{
	const char *path = make_elf("lib.so", SHARED, "long big[100000] = {1};");
	ck_assert_int_eq(open_object(path), 0);
	ck_assert_int_eq(truncate(path, 5000), 0);
	void *image = mmap(NULL, object->high - object->low, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_int_eq(object_read(object, image, &err), -ENOEXEC);
	ck_assert_ptr_nonnull(strstr(err.text, "truncated while"));
}
END_TEST

START_TEST(function_names)
{
	const char *path = make_elf("lib.so", SHARED,
		"__attribute__((noinline)) static long inner(long a) { return a * 3; }\n"
		"long outer(long a) { return inner(a) + inner(a + 1); } long data;");
	reads(path);
	const Elf64_Sym *outer = find("outer", 1000);
	struct symbols *symbols = symbols_read(object->fd);
	ck_assert_ptr_nonnull(symbols);
	const struct symbol *found = symbols_find(symbols, outer->st_value + 3);
	ck_assert_ptr_nonnull(found);
	ck_assert_str_eq(found->name, "outer");
	ck_assert_ptr_null(symbols_find(symbols, 0));
	ck_assert_ptr_null(symbols_find(symbols, find("data", 1000)->st_value));
	symbols_free(symbols);
	// Not ELF at all: none, and no harm.
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	symbols = symbols_read(fd);
	ck_assert_ptr_nonnull(symbols);
	ck_assert_uint_eq(symbols->n, 0);
	symbols_free(symbols);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("object");
	TCase *tc = tcase_create("object");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, finds_symbols);
	tcase_add_test(tc, hash_chains_that_loop);
	tcase_add_test(tc, tables_outside);
	tcase_add_test(tc, places);
	tcase_add_test(tc, relocations);
	tcase_add_test(tc, relr_outside);
	tcase_add_test(tc, shrinking_file);
	tcase_add_test(tc, function_names);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
