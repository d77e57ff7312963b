/* SPDX-License-Identifier: MIT
 * A module that interposes: on -17 and -18 for state of its own in each thread, on -16, -1 and -2, and
 * on getppid, which the linux module has granted.
 * build: @modules@/linux.so
 */
#include "hooks.h"

#include "check.h"

static mc_fn previous_init, previous_kill, previous_spawn, previous_getppid, previous_register, previous_get;
static long offset, inits, kills, spawns, getppids, refuse, refuse_value, registers, gets;

static struct hooks_part *part(struct mc_thread *t)
{
	return (struct hooks_part *)((char *)t + offset);
}

static long hook_init(long t, long b, long c, long d, long e, long f)
{
	long result = previous_init(t, 0, 0, 0, 0, 0);
	if (result != 0)
		return result;
	if (refuse > 0 && __atomic_fetch_sub(&refuse, 1, __ATOMIC_SEQ_CST) > 0)
		return refuse_value;
	struct hooks_part *mine = part((struct mc_thread *)t);
	mine->magic = HOOKS_MAGIC;
	mine->inits++;
	__atomic_add_fetch(&inits, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static long hook_kill(long id, long value, long c, long d, long e, long f)
{
	__atomic_add_fetch(&kills, 1, __ATOMIC_SEQ_CST);
	return previous_kill(id, value, 0, 0, 0, 0);
}

static long hook_spawn(long entry, long arg, long stack, long size, long e, long f)
{
	long id = previous_spawn(entry, arg, stack, size, 0, 0);
	if (id > 0)
		__atomic_add_fetch(&spawns, 1, __ATOMIC_SEQ_CST);
	return id;
}

static long hook_getppid(long a, long b, long c, long d, long e, long f)
{
	__atomic_add_fetch(&getppids, 1, __ATOMIC_SEQ_CST);
	return previous_getppid(a, b, c, d, e, f);
}

static long hook_register(long nr, long fn, long c, long d, long e, long f)
{
	__atomic_add_fetch(&registers, 1, __ATOMIC_SEQ_CST);
	return previous_register(nr, fn, 0, 0, 0, 0);
}

static long hook_get(long nr, long b, long c, long d, long e, long f)
{
	__atomic_add_fetch(&gets, 1, __ATOMIC_SEQ_CST);
	return previous_get(nr, 0, 0, 0, 0, 0);
}

#define COUNTER(name, value)                                                 \
	static long name(long a, long b, long c, long d, long e, long f)     \
	{                                                                    \
		return __atomic_load_n(&(value), __ATOMIC_SEQ_CST);          \
	}
COUNTER(get_offset, offset)
COUNTER(get_inits, inits)
COUNTER(get_kills, kills)
COUNTER(get_spawns, spawns)
COUNTER(get_getppids, getppids)
COUNTER(get_registers, registers)
COUNTER(get_gets, gets)

static long count(long a, long b, long c, long d, long e, long f)
{
	return ++part(mc_thread_self())->calls;
}

static long set_refuse(long n, long value, long c, long d, long e, long f)
{
	refuse_value = value;
	__atomic_store_n(&refuse, n, __ATOMIC_SEQ_CST);
	return 0;
}

__attribute__((constructor)) static void start(void)
{
	offset = mc_thread_expand(sizeof(struct hooks_part), _Alignof(struct hooks_part));
	previous_init = mc_register(MC_SYS_THREAD_INIT, hook_init);
	previous_kill = mc_register(MC_SYS_THREAD_KILL, hook_kill);
	previous_spawn = mc_register(MC_SYS_THREAD_SPAWN, hook_spawn);
	previous_getppid = mc_register(NR_getppid, hook_getppid);
	mc_register(HOOKS_OFFSET, get_offset);
	mc_register(HOOKS_COUNT, count);
	mc_register(HOOKS_INITS, get_inits);
	mc_register(HOOKS_KILLS, get_kills);
	mc_register(HOOKS_SPAWNS, get_spawns);
	mc_register(HOOKS_GETPPIDS, get_getppids);
	mc_register(HOOKS_REFUSE, set_refuse);
	mc_register(HOOKS_REGISTERS, get_registers);
	mc_register(HOOKS_GETS, get_gets);
	previous_get = mc_register(MC_SYS_GET, hook_get);
	previous_register = mc_register(MC_SYS_REGISTER, hook_register);
	/* Now each further one goes through it. */
	if (mc_register(5399, count) != NULL || registers != 1 || mc_get(5399) != count || gets != 1)
		mc_thread_kill(MC_WORLD, 99);
	mc_deregister(5399);
}
