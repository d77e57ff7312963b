/* SPDX-License-Identifier: MIT
 * -16: ids are positive, differ and are not the kernel's; the thread runs entry(arg) on the stack that
 * was given or on one of the core's; -EINVAL for a bad stack, -ENOMEM for one that cannot be made. */
#include "check.h"

static char own_stack[65536] __attribute__((aligned(16)));
static unsigned long stack_pointer;

static long where(void *arg)
{
	stack_pointer = (unsigned long)__builtin_frame_address(0);
	CHECK_IS(stack_pointer % 16, 0);
	return (long)arg * 2;
}

static long deep(void *arg)
{
	volatile char big[200 * 1024];
	for (unsigned i = 0; i < sizeof big; i += 1024)
		big[i] = 1;
	return big[0];
}

static long tid(void *arg)
{
	return mc_syscall(186, 0, 0, 0, 0, 0, 0);
}

int main(void)
{
	long value, id;
	id = do_spawn(where, (void *)21, own_stack, sizeof own_stack);
	CHECK(id > 0);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 42);
	CHECK(stack_pointer > (unsigned long)own_stack && stack_pointer < (unsigned long)own_stack + sizeof own_stack);
	id = do_spawn(where, (void *)-4, NULL, 0);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, -8);
	CHECK(stack_pointer < (unsigned long)own_stack || stack_pointer > (unsigned long)own_stack + sizeof own_stack);
	id = do_spawn(deep, NULL, NULL, 0); /* 256 KiB when nothing is said */
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 1);
	id = do_spawn(deep, NULL, NULL, 1 << 20);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 1);
	id = do_spawn(where, (void *)1, NULL, 5000); /* not whole pages */
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 2);
	id = do_spawn(tid, NULL, NULL, 0);
	CHECK_IS(do_join(id, &value), 0);
	CHECK(value > 0 && value != id);

	CHECK_IS(do_spawn(where, NULL, own_stack, 0), -E_INVAL);
	CHECK_IS(do_spawn(where, NULL, own_stack, 16), -E_INVAL);
	CHECK_IS(do_spawn(where, NULL, own_stack, ~0ul - 100), -E_INVAL);
	CHECK_IS(do_spawn(where, NULL, (void *)0x7fffffffe000, 1 << 20), -E_INVAL);
	CHECK_IS(do_spawn(where, NULL, NULL, 1ul << 47), -E_NOMEM);
	CHECK_IS(do_spawn(where, NULL, NULL, ~0ul), -E_NOMEM);

	/* Many at once: all ids differ. */
	long ids[64];
	for (int i = 0; i < 64; i++) {
		ids[i] = do_spawn(where, (void *)(long)i, NULL, 16384);
		CHECK(ids[i] > 0);
		for (int k = 0; k < i; k++)
			CHECK(ids[k] != ids[i]);
	}
	for (int i = 0; i < 64; i++) {
		CHECK_IS(do_join(ids[i], &value), 0);
		CHECK_IS(value, 2 * i);
	}
	return 0;
}
