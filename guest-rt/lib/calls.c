/* SPDX-License-Identifier: MIT
 * The core's calls as C functions. All go by the entry: a filter that was there before Microcosm's refuses
 * their numbers to the `syscall` instruction. */
#include "lib.h"

static mc_fn to_function(long result)
{
	/* An errno is no function: the number is out of range, or this is not Microcosm. */
	return result < 0 && result >= -4095 ? NULL : (mc_fn)result;
}

mc_fn mc_register(int nr, mc_fn fn)
{
	return to_function(mc_call(MC_SYS_REGISTER, nr, (long)fn, 0, 0, 0, 0));
}

mc_fn mc_get(int nr)
{
	return to_function(mc_call(MC_SYS_GET, nr, 0, 0, 0, 0, 0));
}

long mc_deregister(int nr)
{
	return mc_call(MC_SYS_DEREGISTER, nr, 0, 0, 0, 0, 0);
}

long mc_thread_expand(size_t size, size_t align)
{
	return mc_call(MC_SYS_THREAD_EXPAND, (long)size, (long)align, 0, 0, 0, 0);
}

struct mc_thread *mc_thread_self(void)
{
	return (struct mc_thread *)to_function(mc_call(MC_SYS_THREAD_SELF, 0, 0, 0, 0, 0, 0));
}

long mc_thread_init(struct mc_thread *t)
{
	return mc_call(MC_SYS_THREAD_INIT, (long)t, 0, 0, 0, 0, 0);
}

long mc_thread_kill(long id, long value)
{
	return mc_call(MC_SYS_THREAD_KILL, id, value, 0, 0, 0, 0);
}
