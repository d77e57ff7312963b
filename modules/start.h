/* SPDX-License-Identifier: MIT
 * What the shipped modules' initialisers share. A module that cannot set itself up ends the world:
 * programs rely on its calls, and half of them are worse than none. */
#ifndef MODULES_START_H
#define MODULES_START_H

#include <microcosm.h>

#define MODULE_INIT __attribute__((constructor)) static void

/* Rules for mc_grant; argument and value. */
#define RULE_EQ(argument, v) {(argument), MC_RULE_EQ, 0, (uint64_t)(v)}
#define RULE_NE(argument, v) {(argument), MC_RULE_NE, 0, (uint64_t)(v)}
#define RULE_LE(argument, v) {(argument), MC_RULE_LE, 0, (uint64_t)(v)}
/* All 64 bits but those in `free` must be as in v. */
#define RULE_BITS(argument, free, v) {(argument), MC_RULE_MASKED, ~(uint64_t)(free), (uint64_t)(v)}

static inline void start_check(int good)
{
	if (!good)
		mc_thread_kill(MC_WORLD, 125);
}

/* Grants nr where the rules hold, and returns the stub of that kernel call, which takes the call's
 * arguments and returns its result or -errno. The rules must lie in the region: static const. */
static inline mc_fn start_grant(int nr, const struct mc_rule *rules, size_t n)
{
	start_check(mc_grant(nr, rules, n) == 0);
	return mc_get(nr);
}

/* Blocking calls with a timeout that a stop or a signal breaks off are resumed by the kernel itself
 * under this number, restart_syscall. It can only go on with what the thread had begun. */
#define NR_RESTART 219

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* All grants and all calls of a module, in one crossing each. */
static inline void start(const struct mc_grant *grants, size_t n_grants, const struct mc_entry *calls,
			 size_t n_calls)
{
	start_check(mc_grant_all(grants, n_grants) == 0);
	start_check(mc_register_all(calls, n_calls) == 0);
}

#endif
