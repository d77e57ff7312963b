/* SPDX-License-Identifier: MIT
 * How a program finds the region's header and the entry: by the auxiliary vector. */
#include "lib.h"

const Elf64_auxv_t *mc_auxv;

/* There when a C library is. */
extern unsigned long getauxval(unsigned long type) __attribute__((weak));

unsigned long mc_auxv_get(unsigned long type)
{
	if (!mc_auxv)
		return getauxval ? getauxval(type) : 0;
	for (const Elf64_auxv_t *entry = mc_auxv; entry->a_type != AT_NULL; entry++)
		if (entry->a_type == type)
			return entry->a_un.a_val;
	return 0;
}

const struct mc_header *mc_header(void)
{
	static const char magic[8] = {'M', 'I', 'C', 'R', 'O', 'C', 'S', 'M'};
	const struct mc_header *header = (const void *)mc_auxv_get(AT_MICROCOSM);

	if (!header)
		return NULL;
	for (size_t i = 0; i < sizeof(magic); i++)
		if (header->magic[i] != magic[i])
			return NULL;
	return header;
}

/* Several threads may come here at once: they store the same. */
uintptr_t mc_entry_find(void)
{
	const struct mc_header *header = mc_header();

	if (header) {
		__atomic_store_n(&mc_entry_address, (uintptr_t)header->entry, __ATOMIC_RELAXED);
		return (uintptr_t)header->entry;
	}
	/* Not kept: initialisers of shared objects may come here before mc_crt1.o has run. */
	return (uintptr_t)mc_entry_syscall;
}
