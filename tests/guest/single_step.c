/* SPDX-License-Identifier: MIT
 * A program that steps through itself, by the flag for that, sees nothing of what its calls do: handlers, copies
 * of its memory and nested calls among them. Virtual machines lose the reason for a trap now and then, which then
 * looks like that of `int1`.
 * modules: probe */
#include "probe.h"
#include "signal.h"

enum { S_TRAP = 5, NO_REASON = 1 /* TRAP_BRKPT */, STEP = 2 /* TRAP_TRACE */ };

static volatile long steps, wrong;

static void on_step(int signo, struct info *info, void *context)
{
	steps++;
	wrong += (info->code != STEP && info->code != NO_REASON) || mc_thread_self()->depth != 0;
}

static long stepped(int nr, long a0, long a1)
{
	long before = steps;
	__asm__ volatile("pushfq\norl $0x100, (%%rsp)\npopfq" ::: "memory", "cc");
	long result = call2(nr, a0, a1);
	__asm__ volatile("pushfq\nandl $~0x100, (%%rsp)\npopfq" ::: "memory", "cc");
	CHECK(steps > before);
	return result;
}

int main(void)
{
	static char text[] = "text", missing[] = "";
	on_signal(S_TRAP, on_step, 0);
	for (int i = 0; i < 40; i++) { /* patched sites too */
		CHECK_IS(stepped(PROBE_SUM, 1, 2), call2(PROBE_SUM, 1, 2));
		CHECK_IS(stepped(PROBE_DEPTH, 2, 0), call2(PROBE_DEPTH, 2, 0));
	}
	CHECK_IS(stepped(PROBE_COPY_IN, (long)text, sizeof text), 0);
	CHECK_IS(stepped(PROBE_COPY_STRING, (long)text, 0), call2(PROBE_COPY_STRING, (long)text, 0));
	CHECK_IS(stepped(PROBE_COPY_STRING, (long)missing, 0), call2(PROBE_COPY_STRING, (long)missing, 0));
	CHECK_IS(stepped(PROBE_COPY_IN, 16, 8), -E_FAULT);
	CHECK_IS(stepped(PROBE_TRAP, 0, 0), 0);
	CHECK_IS(stepped(NR_getpid, 0, 0), get_pid());
	CHECK_IS(wrong, 0);
	return 0;
}
