/* SPDX-License-Identifier: MIT
 * The start-up vector is Linux's with AT_MICROCOSM, which points to the header: magic, version, region,
 * entry, table. Header and table cannot be written.
 * args: one two  three
 */
#include "check.h"

#include <elf.h>

int main(int argc, char **argv, char **envp)
{
	CHECK_IS(argc, 4);
	CHECK_IS(argv[argc], 0);
	static const char *const words[] = {"one", "two", "three"};
	for (int i = 0; i < 3; i++) {
		CHECK_IS(check_length(argv[i + 1]), check_length(words[i]));
		for (int k = 0; words[i][k]; k++)
			CHECK_IS(argv[i + 1][k], words[i][k]);
	}
	CHECK((unsigned long)&argv[-1] % 16 == 0); /* where the stack pointer was: argc */
	CHECK_IS(((long *)argv)[-1], argc);
	CHECK_IS(envp, argv + argc + 1);

	char **end = envp;
	int mode = 0;
	for (; *end; end++)
		mode |= (*end)[0] == 'M' && (*end)[1] == 'C' && (*end)[2] == '_' && (*end)[3] == 'T';
	CHECK(mode); /* MC_TEST_MODE */
	unsigned long value[64] = {0};
	unsigned seen_execfn = 0;
	const struct mc_header *h = NULL;
	int n = 0;
	for (const Elf64_auxv_t *a = (const Elf64_auxv_t *)(end + 1); a->a_type != AT_NULL; a++) {
		if (a->a_type == AT_MICROCOSM) {
			h = (const struct mc_header *)a->a_un.a_val;
			n++;
		} else if (a->a_type < 64) {
			CHECK(a->a_type == AT_IGNORE || value[a->a_type] == 0);
			value[a->a_type] = a->a_un.a_val;
			seen_execfn |= a->a_type == AT_EXECFN;
		}
	}
	CHECK_IS(n, 1);
	CHECK_IS(h, mc_header());
	CHECK_IS(value[AT_PAGESZ], 4096);
	CHECK(value[AT_PHDR] && value[AT_PHNUM] && value[AT_PHENT] == sizeof(Elf64_Phdr));
	CHECK(value[AT_ENTRY] && value[AT_RANDOM] && value[AT_PLATFORM] && value[AT_HWCAP]);
	CHECK(value[AT_CLKTCK]);
	CHECK_IS(value[AT_BASE], 0);
	CHECK_IS(value[AT_SECURE], 0);
	CHECK(seen_execfn);
	/* The program's own headers, and its own entry within its own text. */
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)value[AT_PHDR];
	int found = 0;
	for (unsigned i = 0; i < value[AT_PHNUM]; i++)
		found |= phdr[i].p_type == PT_LOAD && (phdr[i].p_flags & PF_X) &&
			 value[AT_ENTRY] - phdr[i].p_vaddr < phdr[i].p_memsz;
	CHECK(found);
	const char *execfn = (const char *)value[AT_EXECFN];
	size_t name = check_length(execfn), word = check_length(argv[0]);
	CHECK(name >= word);
	for (size_t i = 0; i < word; i++)
		CHECK_IS(execfn[name - word + i], argv[0][i]);

	static const char magic[8] = {'M', 'I', 'C', 'R', 'O', 'C', 'S', 'M'};
	for (int i = 0; i < 8; i++)
		CHECK_IS(h->magic[i], magic[i]);
	CHECK_IS(h->abi_version, 1);
	CHECK_IS(h->region_base % (2 << 20), 0);
	CHECK(h->region_base >= 0x566000000000 && h->region_base + h->region_size <= 0x568000000000);
	CHECK((unsigned long)h >= h->region_base && (unsigned long)h < h->region_base + h->region_size);
	CHECK(h->entry > h->region_base && h->entry < h->region_base + h->region_size);
	CHECK(h->table > h->region_base && h->table < h->region_base + h->region_size);
	CHECK_IS(*(const char *)h->options, 0); /* the user said nothing */
	CHECK_IS(h->table_first, MC_NR_MIN);
	CHECK_IS(h->table_count, 65536);
	return 0;
}
