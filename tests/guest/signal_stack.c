/* SPDX-License-Identifier: MIT
 * sigaltstack, SA_RESTART, nested signals and leaving a signal handler by a jump work as on Linux, also
 * when the signal came while the thread was inside a handler.
 * modules: probe
 */
#include "signal.h"
#include "probe.h"

static char alternate[65536] __attribute__((aligned(16)));
static volatile int n, on_alternate, go, running;
static void *jump[5];
static long main_tid;
static int pipe_fds[2];

static void on_usr1(int signo, struct info *info, void *context)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);
	n++;
	on_alternate = here > (unsigned long)alternate && here < (unsigned long)alternate + sizeof alternate;
}

static void on_usr2(int signo, struct info *info, void *context)
{
	n++;
	unsigned long unblock = 1ul << (S_USR2 - 1);
	mc_syscall(NR_rt_sigprocmask, 1, (long)&unblock, 0, 8, 0, 0);
	__builtin_longjmp(jump, 1);
}

static long sends(void *arg)
{
	wait_until((const int *)&running, 1);
	nap_ms(20);
	send(main_tid, (int)(long)arg);
	nap_ms(20);
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	mc_syscall(NR_write, pipe_fds[1], (long)"x", 1, 0, 0, 0);
	return 0;
}

static long start(int signo)
{
	n = go = running = 0;
	return do_spawn(sends, (void *)(long)signo, NULL, 0);
}

static void jumps(void)
{
	long id = start(S_USR2);
	if (__builtin_setjmp(jump) == 0) {
		call2(PROBE_UNTIL, (long)&running, (long)&go);
		CHECK(!"came back");
	}
	CHECK_IS(n, 1);
	CHECK_IS(mc_thread_self()->depth, 0);
	CHECK_IS(call1(PROBE_DEPTH, 2), 3);
	CHECK_IS(do_join(id, NULL), 0);
}

int main(void)
{
	struct { void *sp; int flags; size_t size; } stack = {alternate, 0, sizeof alternate};
	char byte;
	main_tid = get_tid();
	CHECK_IS(mc_syscall(NR_pipe, (long)pipe_fds, 0, 0, 0, 0, 0), 0);
	CHECK_IS(mc_syscall(NR_sigaltstack, (long)&stack, 0, 0, 0, 0, 0), 0);
	on_signal(S_USR1, on_usr1, SA_onstack | SA_restart);
	on_signal(S_USR2, on_usr2, 0);

	long id = start(S_USR1);
	CHECK_IS(call2(PROBE_UNTIL, (long)&running, (long)&go), 77);
	CHECK_IS(n, 1);
	CHECK_IS(on_alternate, 1);
	CHECK_IS(do_join(id, NULL), 0);
	CHECK_IS(mc_syscall(NR_read, pipe_fds[0], (long)&byte, 1, 0, 0, 0), 1);

	/* read goes on after the signal, by the entry too: a stub that the table names is no handler. */
	for (int i = 0; i < 5; i++) {
		id = start(S_USR1);
		running = 1;
		CHECK_IS(call3(NR_read, pipe_fds[0], (long)&byte, 1), 1);
		CHECK_IS(byte, 'x');
		CHECK_IS(n, 1);
		CHECK_IS(do_join(id, NULL), 0);
	}

	for (int i = 0; i < 5; i++) {
		jumps();
		CHECK_IS(mc_syscall(NR_read, pipe_fds[0], (long)&byte, 1, 0, 0, 0), 1);
	}
	return 0;
}
