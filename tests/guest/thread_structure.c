/* SPDX-License-Identifier: MIT
 * The thread structure: at the GS base, self pointer first, id, state, process, canary at 0x28, handler
 * stack of at least 64 KiB; different for each thread, zeroed before it is used again. */
#include "check.h"

static long ids[3];

static struct mc_thread *gs(void)
{
	struct mc_thread *t;
	__asm__ volatile("mov %%gs:0, %0" : "=r"(t));
	return t;
}

static void look(void)
{
	struct mc_thread *t = gs();
	unsigned long canary;
	__asm__ volatile("mov %%gs:0x28, %0" : "=r"(canary));
	CHECK_IS(t->self, t);
	CHECK_IS(do_self(), t);
	CHECK_IS(mc_thread_self(), t);
	CHECK(t->id > 0);
	CHECK_IS(t->state, MC_THREAD_RUNNING);
	CHECK(t->process > 0);
	CHECK(t->size >= 256);
	CHECK_IS(t->canary, canary);
	CHECK(canary != 0);
	CHECK_IS(t->frame, 0);
	CHECK_IS(t->depth, 0);
	CHECK(t->stack_high - t->stack_low >= MC_HANDLER_STACK_MIN);
	const struct mc_header *h = mc_header();
	CHECK(t->stack_low > h->region_base && t->stack_high < h->region_base + h->region_size);
	CHECK((unsigned long)t > h->region_base && (unsigned long)t < h->region_base + h->region_size);
}

static long thread(void *arg)
{
	long *out = arg;
	look();
	*out = (long)gs();
	unsigned char *p = (unsigned char *)gs();
	for (unsigned i = offsetof(struct mc_thread, reserved) + 64; i < 256; i++) {
		CHECK_IS(p[i], 0);
		p[i] = 0xee; /* must be gone when the structure is used again */
	}
	ids[0] = gs()->id;
	return 3;
}

int main(void)
{
	long a = 0, b = 0, c = 0, value;
	look();
	struct mc_thread *mine = gs();
	long id = do_spawn(thread, &a, NULL, 0);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 3);
	CHECK_IS(ids[0], id);
	CHECK(a != (long)mine && a != 0);
	CHECK(id != mine->id);
	long id2 = do_spawn(thread, &b, NULL, 0);
	CHECK(id2 != id && id2 > 0);
	CHECK_IS(do_join(id2, NULL), 0);
	long id3 = do_spawn(thread, &c, NULL, 0);
	CHECK_IS(do_join(id3, NULL), 0);
	CHECK(id3 != id && id3 != id2);
	CHECK_IS(mine, gs());
	return 0;
}
