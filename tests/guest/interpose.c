/* SPDX-License-Identifier: MIT
 * A module interposes on -17 and -18 to keep state for each thread, on -16, on -1 and -2 themselves, and
 * on a granted kernel call; each calls the function before it. From eight threads at once.
 * modules: hooks
 */
#include "signal.h"
#include "hooks.h"

static struct hooks_part *part(void)
{
	return (struct hooks_part *)((char *)do_self() + call0(HOOKS_OFFSET));
}

static long thread(void *arg)
{
	CHECK_IS(part()->magic, HOOKS_MAGIC); /* before any other code of this thread */
	CHECK_IS(part()->inits, 1);
	for (int i = 1; i <= 200; i++) {
		CHECK_IS(call0(HOOKS_COUNT), i);
		CHECK_IS(call0(NR_getppid), (long)arg);
	}
	CHECK_IS(part()->calls, 200);
	return 8;
}

static long own(long a, long b, long c, long d, long e, long f)
{
	return 1;
}

int main(void)
{
	long ids[8], value, parent = do_get(NR_getppid)(0, 0, 0, 0, 0, 0), calls = call0(HOOKS_GETPPIDS);
	CHECK_IS(part()->magic, HOOKS_MAGIC);
	CHECK_IS(part()->inits, 1);
	long inits = call0(HOOKS_INITS), kills = call0(HOOKS_KILLS);
	CHECK(inits >= 1);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 8; i++)
			ids[i] = do_spawn(thread, (void *)parent, NULL, 65536);
		for (int i = 0; i < 8; i++) {
			CHECK_IS(do_join(ids[i], &value), 0);
			CHECK_IS(value, 8);
		}
	}
	CHECK_IS(call0(HOOKS_INITS), inits + 24);
	CHECK_IS(call0(HOOKS_SPAWNS), 24);
	CHECK_IS(call0(HOOKS_KILLS), kills + 24); /* a return from the entry goes to -18 */
	CHECK_IS(call0(HOOKS_GETPPIDS), calls + 8 * 3 * 200);

	/* A fork's child passes -17 as well. */
	long pid = call0(NR_fork);
	if (pid == 0) {
		int good = part()->magic == HOOKS_MAGIC && part()->inits == 1 && part()->calls == 0 &&
			   call0(HOOKS_INITS) == inits + 25 && call0(HOOKS_COUNT) == 1;
		mc_syscall(NR_exit_group, good ? 5 : 6, 0, 0, 0, 0, 0);
	}
	int status;
	CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	CHECK_IS(status, 5 << 8);
	CHECK_IS(part()->calls, 0);

	/* Refused by -17: the thread ends with that value, its entry never runs. */
	call2(HOOKS_REFUSE, 1, -77);
	long id = do_spawn(thread, (void *)parent, NULL, 0);
	CHECK(id > 0);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, -77);

	long registers = call0(HOOKS_REGISTERS), gets = call0(HOOKS_GETS);
	CHECK_IS(do_register(5000, own), 0);
	CHECK_IS(do_get(5000), own);
	CHECK_IS(call0(5000), 1);
	CHECK_IS(do_register(5000, own), own);
	CHECK_IS(call0(HOOKS_REGISTERS), registers + 2);
	CHECK_IS(call0(HOOKS_GETS), gets + 1);
	/* What the core had is below: -3 puts it back, for the world. */
	CHECK_IS(do_deregister(MC_SYS_GET), 0);
	CHECK_IS(do_get(5000), own);
	CHECK_IS(call0(HOOKS_GETS), gets + 1);
	CHECK_IS(do_deregister(NR_getppid), 0);
	CHECK_IS(call0(NR_getppid), -E_NOSYS); /* not one of the nine: unassigned, not the module's before */
	return 0;
}
