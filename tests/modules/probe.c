/* SPDX-License-Identifier: MIT
 * A module whose handlers do what the tests ask for. */
#include "probe.h"

#include "check.h"

static long sum(long a, long b, long c, long d, long e, long f)
{
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f;
}

static long other(long a, long b, long c, long d, long e, long f)
{
	return 4321;
}

static long nested(long nr, long a, long b, long c, long d, long e)
{
	return mc_call((int)nr, a, b, c, d, e, 0);
}

static long trapped(long nr, long a, long b, long c, long d, long e)
{
	return mc_syscall((int)nr, a, b, c, d, e, 0);
}

static long direct(long nr, long a, long b, long c, long d, long e)
{
	mc_fn fn = mc_get((int)nr);
	return fn ? fn(a, b, c, d, e, 0) : -E_NOSYS;
}

static long frame(long to, long b, long c, long d, long e, long f)
{
	return mc_copy_out((void *)to, mc_thread_self()->frame, sizeof(struct mc_frame));
}

static long stack(long a, long b, long c, long d, long e, long f)
{
	return (long)__builtin_frame_address(0);
}

static long until(long started, long go, long c, long d, long e, long f)
{
	int one = 1, seen = 0;
	if (mc_copy_out((void *)started, &one, sizeof one) < 0)
		return -E_FAULT;
	while (!seen) {
		if (mc_copy_in(&seen, (const void *)go, sizeof seen) < 0)
			return -E_FAULT;
		spin_pause();
	}
	return 77;
}

static char buffers[64][4096];

static char *buffer(void)
{
	return buffers[mc_thread_self()->slot % 64];
}

static long copy_in(long from, long n, long c, long d, long e, long f)
{
	return mc_copy_in(buffer(), (const void *)from, (size_t)n & 4095);
}

static long copy_out(long to, long n, long c, long d, long e, long f)
{
	for (int i = 0; i < 4096; i++)
		buffer()[i] = 'o';
	return mc_copy_out((void *)to, buffer(), (size_t)n & 4095);
}

static long copy_string(long from, long n, long c, long d, long e, long f)
{
	return mc_copy_in_string(buffer(), (const char *)from, (size_t)n & 4095);
}

static long fault(long at, long b, long c, long d, long e, long f)
{
	return *(volatile char *)at;
}

/* rbp is what the frame pointer was set to right after the push: 16 above the return address. */
static long aligned(long a, long b, long c, long d, long e, long f)
{
	return (long)__builtin_frame_address(0) % 16;
}

static long chain(long nr, long a, long c, long d, long e, long f)
{
	return 1000 + mc_call((int)nr, a, 0, 0, 0, 0, 0);
}

static long word;

static long shared(long a, long b, long c, long d, long e, long f)
{
	return __atomic_fetch_add(&word, a, __ATOMIC_SEQ_CST);
}

static long depth(long more, long b, long c, long d, long e, long f)
{
	return more > 0 ? mc_call(PROBE_DEPTH, more - 1, 0, 0, 0, 0, 0) : mc_thread_self()->depth;
}

static long function(long a, long b, long c, long d, long e, long f)
{
	return (long)sum;
}

static long function_other(long a, long b, long c, long d, long e, long f)
{
	return (long)other;
}

static long grant(long nr, long b, long c, long d, long e, long f)
{
	return mc_grant((int)nr, NULL, 0);
}

static long ticks(long n, long b, long c, long d, long e, long f)
{
	for (volatile long i = 0; i < n; i++)
		;
	return n;
}

static long trap(long a, long b, long c, long d, long e, long f)
{
	__asm__ volatile(".byte 0xf1");
	return 0;
}

static long reregister(long nr, long b, long c, long d, long e, long f)
{
	return (long)mc_register((int)nr, other);
}

__attribute__((constructor)) static void start(void)
{
	static const struct {
		int nr;
		mc_fn fn;
	} calls[] = {
		{PROBE_SUM, sum}, {PROBE_CALL, nested}, {PROBE_SYSCALL, trapped}, {PROBE_DIRECT, direct},
		{PROBE_FRAME, frame}, {PROBE_STACK, stack}, {PROBE_UNTIL, until},
		{PROBE_COPY_IN, copy_in}, {PROBE_COPY_OUT, copy_out}, {PROBE_COPY_STRING, copy_string},
		{PROBE_FAULT, fault}, {PROBE_ALIGNED, aligned}, {PROBE_CHAIN, chain}, {PROBE_SHARED, shared},
		{PROBE_DEPTH, depth}, {PROBE_FUNCTION, function}, {PROBE_GRANT, grant}, {PROBE_TICKS, ticks},
		{PROBE_FUNCTION_OTHER, function_other}, {PROBE_REGISTER, reregister}, {PROBE_TRAP, trap},
	};
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		mc_register(calls[i].nr, calls[i].fn);
}
