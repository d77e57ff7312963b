/* SPDX-License-Identifier: MIT
 * How a program finds the region's header and the entry: by the auxiliary vector. */
#include "lib.h"
#include "rt.h"

const Elf64_auxv_t *mc_auxv;
bool mc_linked;

/* There when a C library is: microcosm-cc has the linker take it in. */
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

bool mc_has_libc(void)
{
	return !mc_auxv && getauxval;
}

/* For who does not know the vector (initialisers of shared objects run before mc_crt1.o, and a program
 * may bring a start-up code of its own): from the thread's place. */
static const struct mc_header *header_by_thread(void)
{
	/* As the stubs do it. To a kernel this is no scheduler's policy: an error. */
	long thread = mc_syscall(RT_NR_CARRIER, -1, 0, 0, 0, MC_SYS_THREAD_SELF, RT_CARRIES_CORE);

	if (thread < 0) /* not Microcosm */
		return NULL;
	uint64_t slot = ((const struct mc_thread *)thread)->slot;
	return (const void *)((uint64_t)thread - RT_SLOT_THREAD - slot * RT_SLOT_BYTES - RT_OFF_THREADS +
			      RT_OFF_HEADER);
}

const struct mc_header *mc_header(void)
{
	static const char magic[8] = {'M', 'I', 'C', 'R', 'O', 'C', 'S', 'M'};
	const struct mc_header *header = (const void *)mc_auxv_get(AT_MICROCOSM);

	if (!mc_auxv && !mc_has_libc())
		header = header_by_thread();
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
	return (uintptr_t)mc_entry_syscall;
}
