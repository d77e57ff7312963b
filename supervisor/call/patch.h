/* SPDX-License-Identifier: MIT
 * Patched call sites, between patch.c, slots.c and proven.c. */
#ifndef CALL_PATCH_H
#define CALL_PATCH_H

#include "world.h"

/* ---- slots.c: what the jumps go by, and who has which ---- */

struct slots *slots_new(void);
/* The address of a slot for the site with this mov that returns to return_to, which the process has from now on;
 * 0: there is none. */
uint32_t slots_take(struct world *w, struct process *p, const uint8_t mov[ARCH_SITE_CHANGED], uint64_t return_to);
/* In the bytes of the process's page at `page`, and some more, has the sites that it jumps from as they were. */
void slots_restore(const struct world *w, const struct process *p, uint64_t page, uint8_t *bytes);

/* ---- proven.c: sites of files that are known to be ones ---- */

#define CODE_PAGE 4096

struct proven *proven_new(void);
void proven_free(struct proven *proven);
/* A site of the mapping, proven in the process, which has not patched it yet. */
void proven_add(struct world *w, const struct thread *t, const struct os_mapping *mapping, uint64_t at);
/* Patches what is known of the code that t is in, if the process has not been asked for that yet. */
void proven_apply(struct world *w, const struct thread *t, uint64_t ip);

/* ---- patch.c ---- */

/* Code that may be patched: private memory that is not written, of a process that has the slots. What is
 * written must reach no file, and a program that makes code does so with threads of its own ideas. */
bool patch_allowed(const struct thread *t, const struct os_mapping *mapping);
/* The site at `at`, of which code has 8 bytes, becomes a jump, there and in code. */
void patch_site(struct world *w, const struct thread *t, uint64_t at, uint8_t code[sizeof(uint64_t)]);

#endif
