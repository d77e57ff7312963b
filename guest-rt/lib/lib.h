/* SPDX-License-Identifier: MIT
 * What the members of libmicrocosm.a share among themselves: nothing here is for programs. */
#ifndef LIB_H
#define LIB_H

#include <elf.h>
#include <stdbool.h>

#include "microcosm.h"

#define HIDDEN __attribute__((visibility("hidden")))

#define LINUX_NR_WRITE 1
#define LINUX_NR_ARCH_PRCTL 158
#define LINUX_NR_EXIT_GROUP 231

#define LIB_EAGAIN 11
#define LIB_EINVAL 22
#define LIB_ENOSYS 38

/* The auxiliary vector as the kernel gave it, set by mc_crt1.o before anything else runs. NULL in a
 * program that starts with a C library's crt1.o: then that library's getauxval is asked. */
extern const Elf64_auxv_t *mc_auxv HIDDEN;

/* Set by mc_crt1.o in a program that Microcosm linked. */
extern bool mc_linked HIDDEN;
/* There is a C library, which keeps threads' descriptions of its own. */
bool mc_has_libc(void) HIDDEN;

/* The value of an entry of the auxiliary vector, 0 when it has none. */
unsigned long mc_auxv_get(unsigned long type) HIDDEN;

/* Where this program lies: 0 when it is not position-independent. */
uintptr_t mc_load_bias(void) HIDDEN;

/* ---- Thread-local storage, for programs whose threads nobody else prepares ---- */

/* Bytes that a thread of this program needs for its block, 0 when it needs none. */
size_t mc_tls_size(void) HIDDEN;
/* Makes the block in `memory` (mc_tls_size() bytes) and sets the calling thread's FS base: 0, or
 * -errno when neither the instruction nor the kernel's call is there. */
long mc_tls_enter(void *memory) HIDDEN;

/* ---- call_x86_64.S ---- */

/* Where mc_call jumps: at first to code that asks mc_entry_find. */
extern uintptr_t mc_entry_address HIDDEN;
/* A `syscall` instruction that is called as the entry is. */
void mc_entry_syscall(void) HIDDEN;
uintptr_t mc_entry_find(void) HIDDEN;

#endif
