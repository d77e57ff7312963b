// SPDX-License-Identifier: MIT
// Programs: their plans, what is refused, and, carried out in a child process, what runs.
#include <asm/prctl.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "elf_make.h"
#include "load/program.h"

#define STATIC "-static -no-pie -Wl,-z,max-page-size=4096 "
#define PIE "-fPIE -static-pie -Wl,-z,max-page-size=4096 "
#define SHARED "-fPIC -shared "
#define LINKED "-fPIE -pie -Wl,--no-dynamic-linker -Wl,--no-as-needed -Wl,-rpath,'$ORIGIN' "
#define BASE 0x567000000000ull
#define EXIT "static void leave(long s) { __asm__ volatile(\"syscall\" :: \"a\"(231), \"D\"(s)); for (;;); }\n"

static struct program_plan plan;
static struct err err;
static const struct rt_map region_map = {.addr = BASE, .len = 4096, .prot = PROT_READ,
					 .flags = MAP_SHARED, .fd = 0};

static void setup(void)
{
	make_setup();
	plan = (struct program_plan){0};
}

static void teardown(void)
{
	program_plan_free(&plan);
	make_teardown();
}

static int open_named(void *context, const char *path)
{
	(void)context;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int load_path(const char *path, bool randomize)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	struct program_request request = {
		.fd = fd, .path = path, .module_dir = make_path("dir"), .open = open_named,
		.region_maps = &region_map, .n_region_maps = 1, .region_base = BASE,
		.region_size = RT_REGION_SIZE, .start = BASE + 0x200000, .randomize = randomize};
	memset(&err, 0, sizeof err);
	program_plan_free(&plan);
	int r = program_plan(&request, &plan, &err);
	close(fd);
	return r;
}

static const char *blob_at(uint64_t offset)
{
	return (const char *)plan.blob + offset;
}

static const struct rt_map *maps(void)
{
	return (const struct rt_map *)blob_at(plan.blob->maps);
}

// The rules that the tracer will check.
static void check_plan(void)
{
	const struct rt_plan *p = plan.blob;
	ck_assert_uint_eq(p->magic, RT_PLAN_MAGIC);
	ck_assert_uint_le(p->size, RT_PLAN_MAX);
	ck_assert_uint_eq(p->n_fds, 2 + plan.n_fds);
	ck_assert_uint_ge(p->n_maps, 1);
	ck_assert_uint_le(p->maps + p->n_maps * sizeof(struct rt_map), p->size);
	ck_assert_int_eq(memcmp(&maps()[0], &region_map, sizeof region_map), 0);
	int slots = 0, in_their_place = 0;
	for (uint32_t i = 1; i < p->n_maps; i++) {
		const struct rt_map *m = &maps()[i];
		ck_assert(m->addr % 4096 == 0 && m->len % 4096 == 0 && m->len && m->offset % 4096 == 0);
		ck_assert(m->addr >= 0x10000 && m->addr + m->len <= 0x7f0000000000);
		ck_assert(m->addr + m->len <= BASE || m->addr >= BASE + RT_REGION_SIZE);
		ck_assert(m->addr + m->len <= RT_STUB_BASE || m->addr >= RT_PLAN_ADDR + RT_PLAN_MAX);
		if (m->addr == RT_SLOTS_ADDR) { /* of the region's sealed file */
			ck_assert(m->fd == 0 && m->len == RT_SLOTS_BYTES && m->prot == PROT_READ);
			slots++;
			continue;
		}
		in_their_place |= m->addr < RT_SLOTS_ADDR + RT_SLOTS_BYTES && RT_SLOTS_ADDR < m->addr + m->len;
		ck_assert(m->fd == -1 || (m->fd >= 2 && (uint32_t)m->fd < p->n_fds));
		ck_assert((m->flags & MAP_TYPE) == MAP_PRIVATE);
		ck_assert(!m->zero_from || m->prot & PROT_WRITE);
		for (uint32_t k = 1; k < i; k++)
			ck_assert(m->addr + m->len <= maps()[k].addr || maps()[k].addr + maps()[k].len <= m->addr);
	}
	ck_assert_int_eq(slots, !in_their_place);
}

static void loads_path(const char *path)
{
	int r = load_path(path, true);
	ck_assert_msg(r == 0, "%s", err.text);
	check_plan();
	ck_assert_str_eq(blob_at(plan.blob->execfn), path);
}

static void refused_path(const char *path, const char *words)
{
	ck_assert_int_lt(load_path(path, true), 0);
	ck_assert_int_eq(err.status, EXIT_UNUSABLE);
	ck_assert_msg(strstr(err.text, words) != NULL, "\"%s\" lacks \"%s\"", err.text, words);
	ck_assert_ptr_null(plan.blob);
}

/* ---- Carrying out a plan, as stub and runtime do ---- */

static long raw(long nr, long a, long b)
{
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return result;
}

// Nothing of the C library may run here: its thread pointer is gone.
__attribute__((noreturn, no_sanitize_address)) static void enter(const struct rt_plan *p, uint64_t *stack)
{
	const char *blob = (const char *)p;
	const struct rt_resolve *resolves = (const void *)(blob + p->resolves);
	const struct rt_map *relro = (const void *)(blob + p->relro);
	const uint64_t *inits = (const void *)(blob + p->inits);
	if (p->fs_base)
		raw(SYS_arch_prctl, ARCH_SET_FS, (long)p->fs_base);
	for (uint32_t i = 0; i < p->n_resolves; i++)
		*(uint64_t *)resolves[i].where = ((uint64_t (*)(void))resolves[i].resolver)();
	for (uint32_t i = 0; i < p->n_relro; i++) {
		register long protection __asm__("rdx") = relro[i].prot;
		long result;
		__asm__ volatile("syscall" : "=a"(result)
				 : "a"(SYS_mprotect), "D"(relro[i].addr), "S"(relro[i].len), "r"(protection)
				 : "rcx", "r11", "memory");
		if (result)
			raw(SYS_exit_group, 101, 0);
	}
	for (uint32_t i = 0; i < p->n_inits; i++)
		((void (*)(long, char **, char **))inits[i])(0, NULL, NULL);
	__asm__ volatile("mov %0, %%rsp\n\txor %%edx, %%edx\n\tjmp *%1" :: "r"(stack), "r"(p->entry));
	__builtin_unreachable();
}

static void map_all(const struct rt_plan *p)
{
	for (uint32_t i = 1; i < p->n_maps; i++) {
		const struct rt_map *m = &maps()[i];
		if (m->addr == RT_SLOTS_ADDR)
			continue; /* there is no region here */
		int fd = m->fd < 0 ? -1 : plan.fds[m->fd - 2];
		void *at = mmap((void *)m->addr, m->len, (int)m->prot, (int)m->flags | MAP_FIXED_NOREPLACE, fd,
				(off_t)m->offset);
		if (at != (void *)m->addr)
			_exit(100);
		if (m->zero_from)
			memset((char *)at + m->zero_from, 0, m->len - m->zero_from);
	}
}

// The exit status of the planned program, called with these arguments.
static int run(const char *const *args)
{
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		const struct rt_plan *p = plan.blob;
		static char random_bytes[16], platform[] = "x86_64";
		size_t n = 0, size = 1 << 20;
		uint64_t *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		uint64_t *top = stack + size / 8 - 128;
		const uint64_t auxv[][2] = {
			{AT_PHDR, p->program_phdr}, {AT_PHENT, p->program_phent}, {AT_PHNUM, p->program_phnum},
			{AT_ENTRY, p->program_entry}, {AT_BASE, p->interpreter_base}, {AT_PAGESZ, 4096},
			{AT_RANDOM, (uint64_t)random_bytes}, {AT_PLATFORM, (uint64_t)platform},
			{AT_HWCAP, getauxval(AT_HWCAP)}, {AT_HWCAP2, getauxval(AT_HWCAP2)}, {AT_UID, 0},
			{AT_SECURE, 0}, {AT_NULL, 0}};
		while (args[n])
			n++;
		top[0] = n;
		for (size_t i = 0; i <= n; i++)
			top[1 + i] = (uint64_t)args[i];
		top[2 + n] = 0;
		memcpy(top + 3 + n, auxv, sizeof auxv);
		alarm(20);
		map_all(p);
		enter(p, top);
	}
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int run_plain(void)
{
	return run((const char *const[]){"program", NULL});
}

/* ---- Tests ---- */

START_TEST(static_program)
{
	loads_path(make_elf("app", STATIC, EXIT
		"char data[5000] = \"x\"; char bss[9000]; int one = 1;\n"
		"void _start(void) { for (int i = 0; i < 9000; i++) if (bss[i]) leave(1);\n"
		"for (int i = 1; i < 5000; i++) if (data[i]) leave(2); bss[7] = 3; leave(one + 41); }"));
	ck_assert_uint_eq(plan.blob->program_base, 0);
	ck_assert_uint_eq(plan.blob->entry, plan.blob->program_entry);
	ck_assert_uint_eq(plan.blob->interpreter_base, 0);
	ck_assert_uint_eq(plan.blob->fs_base, 0);
	ck_assert_uint_eq(plan.n_fds, 1);
	ck_assert_uint_eq(plan.blob->program_phdr, 0x400040);
	ck_assert_int_eq(run_plain(), 42);
}
END_TEST

START_TEST(static_pie)
{
	const char *path = make_elf("app", PIE, EXIT
		"extern char __ehdr_start[]; static int x = 5; void _start(void) { leave(x + 1); }");
	uint64_t first;
	loads_path(path);
	first = plan.blob->program_base;
	ck_assert(first >= 0x555555554000 && first < RT_WINDOW_LOW && first % 4096 == 0);
	ck_assert_uint_eq(plan.blob->program_phdr, first + 0x40);
	ck_assert_int_eq(run_plain(), 6);
	loads_path(path);
	ck_assert_uint_ne(plan.blob->program_base, first);
	ck_assert_int_eq(load_path(path, false), 0);
	ck_assert_uint_eq(plan.blob->program_base, 0x555555554000);
	// Large pages keep their alignment.
	loads_path(make_elf("aligned", "-fPIE -static-pie -Wl,-z,max-page-size=0x200000 ", EXIT
			    "void _start(void) { leave(0); }"));
	ck_assert_uint_eq(plan.blob->program_base % 0x200000, 0);
}
END_TEST

START_TEST(interpreter)
{
	char flags[512];
	make_elf("interp", PIE, EXIT
		"__asm__(\".globl _start\\n_start: mov %rsp, %rdi\\n call go\");\n"
		"long go(unsigned long *s) { unsigned long *a = s + 1 + *s + 1; while (*a++);\n"
		"unsigned long entry = 0, base = 0; for (; *a; a += 2) { if (*a == 9) entry = a[1]; if (*a == 7) base = a[1]; }\n"
		"extern char __ehdr_start[] __attribute__((visibility(\"hidden\"))); if (base != (unsigned long)__ehdr_start) leave(1);\n"
		"((void (*)(void))entry)(); leave(2); }");
	snprintf(flags, sizeof flags, "-fPIE -pie -Wl,--dynamic-linker=%s", make_path("interp"));
	loads_path(make_elf("app", flags, EXIT "void _start(void) { leave(9); }"));
	ck_assert(plan.blob->interpreter_base >= 0x7e0000000000);
	ck_assert_uint_ne(plan.blob->entry, plan.blob->program_entry);
	ck_assert_uint_eq(plan.n_fds, 2);
	ck_assert_uint_eq(plan.n_objects, 2);
	ck_assert_int_eq(run_plain(), 9);
	// An interpreter at a fixed address, a program at another; and both at the same.
	make_elf("interp", STATIC "-Wl,-Ttext-segment=0x10000000", EXIT "void _start(void) { leave(3); }");
	loads_path(make_path("app"));
	ck_assert_uint_eq(plan.blob->interpreter_base, 0);
	ck_assert_int_eq(run_plain(), 3);
	snprintf(flags, sizeof flags, "-no-pie -Wl,-Ttext-segment=0x10000000 -Wl,--dynamic-linker=%s -Wl,--no-as-needed libx.so",
		 make_path("interp"));
	make_elf("libx.so", SHARED, "");
	refused_path(make_elf("app", flags, "void _start(void) {}"), "where another object");
	unlink(make_path("interp"));
	refused_path(make_path("app"), "interpreter");
	FILE *file = fopen(make_path("interp"), "w");
	fputs("nonsense", file);
	fclose(file);
	refused_path(make_path("app"), "interp: not an ELF file");
}
END_TEST

START_TEST(host_programs)
{
	// Whatever the machine has: an unmodified dynamic program, an unmodified static one.
	if (access("/bin/true", R_OK) == 0) {
		loads_path("/bin/true");
		ck_assert_int_eq(run_plain(), 0);
		loads_path("/bin/false");
		ck_assert_int_eq(run_plain(), 1);
	}
	if (access("/bin/busybox", R_OK) == 0) {
		loads_path("/bin/busybox");
		ck_assert_int_eq(run((const char *const[]){"busybox", "sh", "-c", "exit 33", NULL}), 33);
	}
}
END_TEST

static const char lib_source[] =
	"long shared_data = 11, shared_other = 12; long *where_data(void) { return &shared_data; }\n"
	"__thread long tls_lib = 21; long get_tls(void) { return tls_lib++; }\n"
	"static long fast(void) { return 31; } static void *choose(void) { return fast; }\n"
	"long pick(void) __attribute__((ifunc(\"choose\")));\n"
	"long inits; __attribute__((constructor)) static void init(void) { __asm__ volatile(\"\"); inits = inits * 10 + tls_lib; }\n"
	"void first(void) { inits = 5; }\n"
	"long (*const relro)(void) = get_tls; long call(long (*f)(void)) { return f() + relro(); }\n"
	"__attribute__((weak)) extern long nobody(void); long weak(void) { return nobody ? 1 : 0; }\n"
	"void *address(void) { extern void back(void); return back; }\n";
static const char app_source[] = EXIT
	"extern long shared_data, *where_data(void), get_tls(void), pick(void), inits, call(long (*)(void)), weak(void);\n"
	"extern void *address(void); extern __thread long tls_lib; __thread char tls_own[40] = \"abc\"; __thread long tls_zero;\n"
	"long big[100000]; long own(void) { return 100; } void back(void) {}\n"
	"__attribute__((constructor)) void never(void) { leave(99); }\n"
	"long (*const table[])(void) = { own, get_tls };\n"
	"__asm__(\".globl _start\\n_start: and $-16, %rsp\\n call go\");\n"
	"void go(void) {\n"
	" unsigned long self, canary; __asm__(\"mov %%fs:0, %0\\n mov %%fs:0x28, %1\" : \"=r\"(self), \"=r\"(canary));\n"
	" if (self % 64 || !canary || canary & 255) leave(1);\n"
	" if (shared_data != 11 || where_data() != &shared_data) leave(2);\n"
	" shared_data = 77; if (*where_data() != 77) leave(3);\n"
	" if (tls_own[0] != 'a' || tls_own[3] || tls_zero) leave(4);\n"
	" if (inits != 71) leave(5);\n"
	" if (get_tls() != 21 || tls_lib != 22) leave(6);\n"
	" if (pick() != 31) leave(7);\n"
	" if (call(own) != 122) leave(8);\n"
	" if (weak()) leave(9);\n"
	" if (address() != (void *)back) leave(10);\n"
	" if (table[1]() != 23) leave(11);\n"
	" for (int i = 0; i < 100000; i++) if (big[i]) leave(12);\n"
	" leave(42); }\n";

START_TEST(linked_programs)
{
	static const char *const flags[] = {
		LINKED "libone.so", "-no-pie -fno-pic -Wl,--no-dynamic-linker -Wl,-rpath,'$ORIGIN' libone.so",
		LINKED "-Wl,--hash-style=sysv -Wl,-z,now -Wl,-z,pack-relative-relocs libone.so"};
	make_elf("libone.so", SHARED "-Wl,-init,first -ftls-model=initial-exec", lib_source);
	for (size_t i = 0; i < 3; i++) {
		loads_path(make_elf("app", flags[i], app_source));
		ck_assert_uint_eq(plan.n_fds, 1);
		ck_assert_uint_ge(plan.blob->n_resolves, 1);
		ck_assert_uint_eq(plan.blob->n_inits, 2);
		ck_assert_uint_ge(plan.blob->n_relro, 1);
		ck_assert_uint_ne(plan.blob->fs_base, 0);
		ck_assert_int_lt(pwrite(plan.fds[0], "x", 1, 0), 0);
		ck_assert(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, plan.fds[0], 0) == MAP_FAILED);
		ck_assert_int_eq(run_plain(), 42);
	}
}
END_TEST

START_TEST(thread_locals)
{
	// Alignments of several blocks; dynamic model with an accessor of the program's own.
	make_elf("liba.so", SHARED, "__thread char a = 1; __thread long la __attribute__((aligned(1024))) = 2;\n"
		 "long *get_a(void) { return &la; } char *get_c(void) { return &a; }");
	make_elf("libb.so", SHARED "-ftls-model=initial-exec",
		 "static __thread char pad[3] = \"xy\"; static __thread long lb __attribute__((aligned(64))) = 3;\n"
		 "long *get_b(void) { return pad[0] == 'x' ? &lb : 0; }");
	loads_path(make_elf("app", LINKED "liba.so libb.so", EXIT
		"extern long *get_a(void), *get_b(void); extern char *get_c(void); __thread char c = 4; __thread long d;\n"
		"void *__tls_get_addr(unsigned long *i) { unsigned long *v; __asm__(\"mov %%fs:8, %0\" : \"=r\"(v));\n"
		" return v[0] == 3 && i[0] < 4 ? (char *)v[i[0]] + i[1] : 0; }\n"
		"__asm__(\".globl _start\\n_start: and $-16, %rsp\\n call go\");\n"
		"void go(void) { if (c != 4 || d) leave(1); if (*get_b() != 3 || (long)get_b() % 64) leave(2);\n"
		" if (*get_a() != 2 || (long)get_a() % 1024) leave(3); if (*get_c() != 1) leave(4); leave(42); }"));
	ck_assert_int_eq(run_plain(), 42);
	make_elf("liba.so", SHARED, "__thread char a = 1;");
	refused_path(make_elf("desc", SHARED "-Wl,-e,_start -Wl,-rpath,'$ORIGIN' liba.so",
			      "__asm__(\".globl _start\\n_start: lea a@tlsdesc(%rip), %rax\\n"
			      "call *a@tlscall(%rax)\");"), "TLSDESC");
}
END_TEST

START_TEST(linked_refusals)
{
	make_elf("libone.so", SHARED, "long f(void) { return 1; }");
	make_elf("app", LINKED "libone.so", EXIT "extern long f(void); void _start(void) { leave(f()); }");
	loads_path(make_path("app"));
	ck_assert_int_eq(run_plain(), 1);
	make_elf("libone.so", SHARED, "");
	refused_path(make_path("app"), "symbol f is needed and not in app, libone.so");
	unlink(make_path("libone.so"));
	refused_path(make_path("app"), "needs libone.so, which is not in ");
	ck_assert_ptr_nonnull(strstr(err.text, make_path("dir")));
	make_elf("libone.so", STATIC, "void _start(void) {}");
	refused_path(make_path("app"), "not a shared object");
	make_elf("libhost_libc.so.6", SHARED "-Wl,-soname,libhost_libc.so.6", "");
	make_elf("libone.so", SHARED "-Wl,--no-as-needed libhost_libc.so.6", "long f(void) { return 1; }");
	refused_path(make_path("app"), "host library libc.so.6");
	// A cycle is none of these: it ends.
	make_elf("libtwo.so", SHARED, "");
	make_elf("libone.so", SHARED "-Wl,--no-as-needed libtwo.so", "long f(void) { return 8; }");
	make_elf("libtwo.so", SHARED "-Wl,--no-as-needed libone.so", "");
	loads_path(make_path("app"));
	ck_assert_int_eq(run_plain(), 8);
}
END_TEST

static Elf64_Ehdr header;
static Elf64_Phdr phdrs[16];

static const char *broken(void)
{
	const char *path = make_path("app");
	make_patch(path, 0, &header, sizeof header);
	make_patch(path, 64, phdrs, header.e_phnum * sizeof *phdrs);
	return path;
}

START_TEST(bad_headers)
{
	size_t size;
	unsigned char *bytes = make_read(make_elf("app", STATIC, "long x = 1; char b[99]; void _start(void) {}"), &size);
	Elf64_Ehdr good;
	Elf64_Phdr good_phdrs[16];
	memcpy(&good, bytes, sizeof good);
	memcpy(good_phdrs, bytes + 64, good.e_phnum * sizeof *phdrs);
	free(bytes);
	int text = -1, data = -1;
	for (int i = 0; i < good.e_phnum; i++)
		if (good_phdrs[i].p_type == PT_LOAD)
			*(good_phdrs[i].p_flags & PF_X ? &text : &data) = i;
	ck_assert(text >= 0 && data > text);
#define BAD(words, ...) do { header = good; memcpy(phdrs, good_phdrs, sizeof phdrs); __VA_ARGS__; \
		refused_path(broken(), words); } while (0)
	BAD("not an ELF", header.e_ident[0] = 'x');
	BAD("not a 64-bit", header.e_ident[EI_CLASS] = ELFCLASS32);
	BAD("little-endian", header.e_ident[EI_DATA] = ELFDATA2MSB);
	BAD("for machine 183", header.e_machine = EM_AARCH64);
	BAD("version", header.e_version = 2);
	BAD("not been linked", header.e_type = ET_REL);
	BAD("ELF type 4", header.e_type = ET_CORE);
	BAD("no program headers", header.e_phnum = 0);
	header = good;
	header.e_phnum = 65;
	make_patch(make_path("app"), 0, &header, sizeof header);
	refused_path(make_path("app"), "more than 64");
	BAD("program headers of 57 bytes", header.e_phentsize = 57);
	BAD("truncated in the program headers", header.e_phoff = 1 << 30);
	BAD("truncated in the program headers", header.e_phoff = UINT64_MAX - 8);
	BAD("larger in the file than in memory", phdrs[data].p_memsz = 1);
	BAD("beyond the end of the file", phdrs[data].p_filesz = phdrs[data].p_memsz = 1 << 20);
	BAD("beyond the end of the file", phdrs[data].p_offset += 1 << 20);
	BAD("beyond the end of the file", phdrs[data].p_offset = (uint64_t)-4096 + phdrs[data].p_offset % 4096);
	BAD("misaligned", phdrs[data].p_offset -= 8);
	BAD("alignment of 0x1001", phdrs[data].p_align = 0x1001);
	BAD("overlaps segment", phdrs[data].p_vaddr = phdrs[data].p_vaddr % 4096 + phdrs[data - 1].p_vaddr);
	BAD("lies below segment", phdrs[data].p_vaddr = 0x300000 + phdrs[data].p_vaddr % 4096);
	BAD("huge", phdrs[data].p_memsz = 80ull << 30);
	BAD("too large", phdrs[data].p_memsz = UINT64_MAX - 4096);
	BAD("too large", phdrs[data].p_vaddr += 1ull << 62);
	BAD("below 0x10000", for (int i = 0; i < header.e_phnum; i++) phdrs[i].p_vaddr -= 0x400000);
	BAD("above 0x7f0000000000", for (int i = 0; i < header.e_phnum; i++) phdrs[i].p_vaddr += 0x7effffff0000);
	BAD("region", for (int i = 0; i < header.e_phnum; i++) phdrs[i].p_vaddr += BASE - 0x400000);
	BAD("region", for (int i = 0; i < header.e_phnum; i++) phdrs[i].p_vaddr += BASE + RT_REGION_SIZE - 0x401000);
	BAD("stub", for (int i = 0; i < header.e_phnum; i++) phdrs[i].p_vaddr += RT_STUB_BASE);
	BAD("not in an executable segment", header.e_entry = phdrs[data].p_vaddr);
	BAD("is it a library", header.e_entry = 0);
	BAD("no segment to load", for (int i = 0; i < header.e_phnum; i++) phdrs[i].p_type = PT_NULL);
	BAD("PT_INTERP is not a path", phdrs[0].p_type = PT_INTERP;
	    phdrs[0].p_offset = 0; phdrs[0].p_filesz = 4);
	BAD("PT_INTERP has", phdrs[0].p_type = PT_INTERP; phdrs[0].p_filesz = 1 << 30);
	BAD("truncated in PT_DYNAMIC", phdrs[0].p_type = PT_DYNAMIC; phdrs[0].p_filesz = 64; phdrs[0].p_offset = 1 << 30);
	BAD("PT_DYNAMIC has", phdrs[0].p_type = PT_DYNAMIC; phdrs[0].p_filesz = 1 << 30);
#undef BAD
	// What was there before was good.
	header = good;
	memcpy(phdrs, good_phdrs, sizeof phdrs);
	loads_path(broken());
}
END_TEST

START_TEST(stack_and_phdr)
{
	loads_path(make_elf("app", STATIC "-Wl,-z,execstack", "void _start(void) {}"));
	ck_assert(plan.blob->flags & RT_PLAN_EXEC_STACK);
	loads_path(make_elf("app", STATIC, "void _start(void) {}"));
	ck_assert(!(plan.blob->flags & RT_PLAN_EXEC_STACK));
	// Program headers that no segment loads have no address.
	size_t size;
	unsigned char *bytes = make_read(make_path("app"), &size);
	Elf64_Ehdr *h = (void *)bytes;
	uint64_t end = size;
	make_patch(make_path("app"), (long)size, bytes + 64, h->e_phnum * sizeof(Elf64_Phdr));
	make_patch(make_path("app"), offsetof(Elf64_Ehdr, e_phoff), &end, 8);
	free(bytes);
	loads_path(make_path("app"));
	ck_assert_uint_eq(plan.blob->program_phdr, 0);
	ck_assert_uint_eq(plan.blob->program_phnum, 0);
}
END_TEST

START_TEST(large_bss)
{
	loads_path(make_elf("app", PIE, EXIT "char big[8ull << 30]; char one[5] = \"x\";\n"
		"void _start(void) { leave(one[0] == 'x' && !big[0] && !big[(8ull << 30) - 1] ? 42 : 1); }"));
	ck_assert_int_eq(run_plain(), 42);
}
END_TEST

START_TEST(symbols)
{
	char text[100];
	make_elf("libone.so", SHARED, "long lib_function(void) { return 1; }");
	loads_path(make_elf("app", LINKED "libone.so",
			    "extern long lib_function(void); void _start(void) { lib_function(); }"));
	program_symbolize(&plan, plan.blob->program_entry, text, sizeof text);
	ck_assert_str_eq(text, "_start@app");
	program_symbolize(&plan, plan.blob->program_entry + 2, text, sizeof text);
	ck_assert_str_eq(text, "_start+0x2@app");
	program_symbolize(&plan, plan.blob->program_base, text, sizeof text);
	ck_assert_str_eq(text, "app+0x0");
	program_symbolize(&plan, 0x1000, text, sizeof text);
	ck_assert_str_eq(text, "");
	bool found = false;
	for (size_t i = 0; i < plan.n_objects; i++)
		for (uint64_t at = plan.objects[i].low; at < plan.objects[i].high; at++) {
			program_symbolize(&plan, at, text, sizeof text);
			found |= strcmp(text, "lib_function@libone.so") == 0;
			if (found)
				break;
		}
	ck_assert(found);
	program_symbolize(&plan, plan.blob->program_entry, text, 3);
	ck_assert_str_eq(text, "_s");
}
END_TEST

static void sweep_file(const char *name)
{
	size_t size;
	unsigned char *bytes = make_read(make_path(name), &size);
	int fd = open(make_path("bad"), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	char path[128];
	snprintf(path, sizeof path, "%s", make_path("bad"));
	for (size_t n = 0; n < size; n += n < 1024 ? 1 : 61) {
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(pwrite(fd, bytes, n, 0), (ssize_t)n);
		if (load_path(path, true) == 0)
			check_plan();
		else
			ck_assert(*err.text && err.status == EXIT_UNUSABLE);
	}
	ck_assert_int_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
	static const unsigned char flips[] = {0xff, 0x01, 0x80};
	for (size_t n = 0; n < size; n++) {
		if (n > 1024 && bytes[n] == 0 && n % 16) // mostly padding
			continue;
		for (size_t k = 0; k < 3; k++) {
			unsigned char bad = bytes[n] ^ flips[k];
			ck_assert_int_eq(pwrite(fd, &bad, 1, (off_t)n), 1);
			if (load_path(path, true) == 0)
				check_plan();
		}
		ck_assert_int_eq(pwrite(fd, bytes + n, 1, (off_t)n), 1);
	}
	close(fd);
	free(bytes);
}

// Every truncation, and every byte changed: an error or a plan, never a crash.
START_TEST(sweep_static)
{
	make_elf("app", STATIC "-s", EXIT "long x = 1; char bss[99]; void _start(void) { leave(x); }");
	sweep_file("app");
}
END_TEST

START_TEST(sweep_linked)
{
	make_elf("libone.so", SHARED "-Wl,-init,first -ftls-model=initial-exec", lib_source);
	make_elf("app", LINKED "-Wl,--hash-style=both -Wl,-z,pack-relative-relocs -s libone.so", app_source);
	sweep_file("app");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("program");
	TCase *tc = tcase_create("program");
	tcase_set_timeout(tc, 180);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, static_program);
	tcase_add_test(tc, static_pie);
	tcase_add_test(tc, interpreter);
	tcase_add_test(tc, host_programs);
	tcase_add_test(tc, linked_programs);
	tcase_add_test(tc, thread_locals);
	tcase_add_test(tc, linked_refusals);
	tcase_add_test(tc, bad_headers);
	tcase_add_test(tc, stack_and_phdr);
	tcase_add_test(tc, large_bss);
	tcase_add_test(tc, symbols);
	tcase_add_test(tc, sweep_static);
	tcase_add_test(tc, sweep_linked);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
