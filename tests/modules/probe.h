/* SPDX-License-Identifier: MIT
 * The calls of the test module probe.c: what a test wants to do or to look at inside a handler. */
#ifndef PROBE_H
#define PROBE_H

#include <microcosm.h>

enum {
	PROBE_SUM = 5100,   /* a0 + 2 a1 + 3 a2 + 4 a3 + 5 a4 + 6 a5 */
	PROBE_CALL,         /* mc_call(a0, a1, a2, a3, a4, a5, 0) */
	PROBE_SYSCALL,      /* mc_syscall of the same */
	PROBE_DIRECT,       /* the function at number a0, called as a C function with (a1...a5, 0) */
	PROBE_FRAME,        /* copies mc_thread_self()->frame to the guest's a0 */
	PROBE_STACK,        /* the handler's stack pointer */
	PROBE_UNTIL,        /* sets the guest's int at a0, then spins until the guest's int at a1 is not 0 */
	PROBE_COPY_IN,      /* mc_copy_in(a buffer, a0, a1), a1 at most 4096 */
	PROBE_COPY_OUT,     /* mc_copy_out(a0, a buffer of 'o', a1) */
	PROBE_COPY_STRING,  /* mc_copy_in_string(a buffer, a0, a1) */
	PROBE_FAULT,        /* reads at a0 without asking */
	PROBE_ALIGNED,      /* 0 when the handler was entered with the stack a C function expects */
	PROBE_CHAIN,        /* calls the number a0 with a1 and, after that, returns 1000 + its result */
	PROBE_SHARED,       /* adds a0 to a word of the module's data and returns what it was */
	PROBE_DEPTH,        /* how many handlers are active; with a0 > 0 asks itself by mc_call(a0 - 1) */
	PROBE_FUNCTION,     /* the address of PROBE_SUM's handler, for who wants to register it */
	PROBE_GRANT,        /* mc_grant(a0, NULL, 0) */
	PROBE_TICKS,        /* counts up to a0, for a long time inside without a wait */
	PROBE_FUNCTION_OTHER, /* the address of a region function that returns 4321 */
	PROBE_TRAP,         /* `int1`: a trap for which the processor has no reason */
	PROBE_REGISTER,     /* mc_register(a0, a function of the region) by the runtime's C function */
};

#endif
