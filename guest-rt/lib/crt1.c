/* SPDX-License-Identifier: MIT
 * mc_crt1.o: from the process's first instruction to main and from its return to the world's end, for
 * programs without a C library's start-up code. */
#include "lib.h"

#include "crt_x86_64.h"

typedef void (*init_fn)(int, char **, char **);
typedef void (*fini_fn)(void);

extern const init_fn __preinit_array_start[] HIDDEN, __preinit_array_end[] HIDDEN;
extern const init_fn __init_array_start[] HIDDEN, __init_array_end[] HIDDEN;
extern const fini_fn __fini_array_start[] HIDDEN, __fini_array_end[] HIDDEN;
extern const Elf64_Rela __rela_iplt_start[] __attribute__((weak)) HIDDEN;
extern const Elf64_Rela __rela_iplt_end[] __attribute__((weak)) HIDDEN;

int main(int argc, char **argv, char **envp);
void crt_start(uintptr_t *stack, const Elf64_Dyn *dynamic) HIDDEN __attribute__((noreturn, used));

/* A program that needs shared objects was linked by Microcosm before it started: relocations, the
 * first thread's FS base and the shared objects' initialisers are done. */
static bool linked_already(const Elf64_Dyn *dynamic)
{
	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++)
		if (dynamic->d_tag == DT_NEEDED)
			return true;
	return false;
}

static void apply_relr(uintptr_t bias, const Elf64_Relr *relr, size_t bytes)
{
	uintptr_t *where = NULL;

	for (size_t i = 0; i < bytes / sizeof(*relr); i++) {
		if ((relr[i] & 1) == 0) {
			where = (uintptr_t *)(bias + relr[i]);
			*where++ += bias;
			continue;
		}
		for (unsigned bit = 0; bit < 63; bit++)
			if (relr[i] >> (bit + 1) & 1)
				where[bit] += bias;
		where += 63;
	}
}

static void apply_rela(uintptr_t bias, const Elf64_Rela *rela, size_t bytes, unsigned type)
{
	for (size_t i = 0; i < bytes / sizeof(*rela); i++) {
		uintptr_t *where = (uintptr_t *)(bias + rela[i].r_offset);
		uintptr_t value = bias + (uintptr_t)rela[i].r_addend;

		if (ELF64_R_TYPE(rela[i].r_info) != type)
			continue;
		*where = type == R_X86_64_IRELATIVE ? ((uintptr_t(*)(void))value)() : value;
	}
}

/* Only what a program has that is linked on its own. Nothing that needs relocating is touched before:
 * the bias comes from the program headers, which are where the auxiliary vector says. */
static void relocate(uintptr_t bias, const Elf64_Dyn *dynamic)
{
	uintptr_t value[DT_RELR + 1] = {0};

	for (; dynamic->d_tag != DT_NULL; dynamic++)
		if (dynamic->d_tag > 0 && dynamic->d_tag <= DT_RELR)
			value[dynamic->d_tag] = dynamic->d_un.d_val;
	const Elf64_Rela *rela = (const void *)(bias + value[DT_RELA]);
	const Elf64_Rela *plt = (const void *)(bias + value[DT_JMPREL]);
	if (bias != 0) {
		apply_relr(bias, (const void *)(bias + value[DT_RELR]), value[DT_RELRSZ]);
		apply_rela(bias, rela, value[DT_RELASZ], R_X86_64_RELATIVE);
	}
	apply_rela(bias, rela, value[DT_RELASZ], R_X86_64_IRELATIVE);
	apply_rela(bias, plt, value[DT_PLTRELSZ], R_X86_64_IRELATIVE);
}

static __attribute__((noreturn)) void end(int status)
{
	if (mc_header())
		mc_thread_kill(MC_WORLD, status);
	/* Not on Microcosm, then: as Linux ends a process. */
	mc_syscall(LINUX_NR_EXIT_GROUP, status, 0, 0, 0, 0, 0);
	__builtin_trap();
}

static void initialise(int argc, char **argv, char **envp)
{
	for (const init_fn *init = __preinit_array_start; init < __preinit_array_end; init++)
		(*init)(argc, argv, envp);
	for (const init_fn *init = __init_array_start; init < __init_array_end; init++)
		(*init)(argc, argv, envp);
}

static void finish(void)
{
	for (const fini_fn *fini = __fini_array_end; fini > __fini_array_start;)
		(*--fini)();
}

void crt_start(uintptr_t *stack, const Elf64_Dyn *dynamic)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);
	char **envp = argv + argc + 1;
	char **after = envp;

	while (*after)
		after++;
	mc_auxv = (const void *)(after + 1);
	mc_linked = linked_already(dynamic);
	if (!mc_linked) {
		if (dynamic)
			relocate(mc_load_bias(), dynamic);
		else
			apply_rela(0, __rela_iplt_start,
				   (size_t)((const char *)__rela_iplt_end -
					    (const char *)__rela_iplt_start),
				   R_X86_64_IRELATIVE);
		size_t tls = mc_tls_size();
		if (tls && mc_tls_enter(__builtin_alloca(tls)) != 0)
			end(125);
	}
	initialise(argc, argv, envp);
	int status = main(argc, argv, envp);
	finish();
	end(status);
}
