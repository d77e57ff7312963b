/* SPDX-License-Identifier: MIT
 * Refusal: a guest that runs 32-bit code when the tracer makes a call in it, or ends it, has no say in
 * what is executed: the tracer's address, cut to 32 bits, is the guest's own memory.
 * modes: trap quiet
 * stdout: begin
 * stdout: end */
#include "hostile.h"

enum { CONSOLE_WRITE = 4097 };

static const char text[] = "ESCAPED\n";

/* Spins in 32-bit code at low. */
__attribute__((noreturn)) static void spin32(unsigned low)
{
	struct { unsigned at; unsigned short cs; } __attribute__((packed)) to = {low, 0x23};
	__asm__ volatile("ljmp *%0" : : "m"(to));
	__builtin_unreachable();
}

/* Where the tracer's address lands: int 0x80 with write(1, text, 8), again and again. */
static void plant(unsigned at)
{
	static const unsigned char code[] = {0xb8, 4, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0xb9, 0, 0, 0, 0,
					     0xba, 8, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xfe};
	unsigned page = at & ~0xfffu;
	CHECK_IS(raw(NR_mmap, page, 8192, 7, 0x32, -1, 0), page);
	unsigned char *to = (unsigned char *)(unsigned long)at;
	for (unsigned i = 0; i < sizeof code; i++)
		to[i] = code[i];
	char *words = (char *)(unsigned long)page + 4096;
	for (unsigned i = 0; i < sizeof text; i++)
		words[i] = text[i];
	*(unsigned *)(to + 11) = page + 4096;
}

static int *ready;

static long spinner(void)
{
	long pid = raw(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid)
		return pid;
	const struct mc_header *header = mc_header();
	plant((unsigned)(header->region_base + 0x101000 + 8));
	CHECK_IS(raw(NR_mmap, 0x20000000, 4096, 7, 0x32, -1, 0), 0x20000000);
	*(unsigned short *)0x20000000 = 0xfeeb;
	__atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
	spin32(0x20000000);
}

int main(void)
{
	int status;
	ready = (int *)raw(NR_mmap, 0, 4096, 3, 0x21, -1, 0);
	say("begin");
	long pid = spinner();
	CHECK(pid > 0);
	wait_until(ready, 1);
	/* A world-wide entry for a granted number: a filter is installed in every process. */
	mc_fn fn = do_get(CONSOLE_WRITE);
	CHECK(fn != NULL);
	CHECK(do_register(NR_getppid, fn) != NULL);
	nap_ms(50);
	CHECK_IS(raw(NR_kill, pid, SIGNAL_KILL, 0, 0, 0, 0), 0);
	CHECK_IS(raw(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	CHECK_IS(status, SIGNAL_KILL);
	say("end");
	return 0;
}
