/* SPDX-License-Identifier: MIT
 * Signals are held while a thread is inside a handler and delivered when the outermost one returns, with
 * the siginfo that they were sent with; real-time ones all of them. A wait inside is broken off with
 * -EINTR; one outside behaves as on Linux.
 * modules: probe host
 */
#include "signal.h"
#include "host.h"
#include "probe.h"

static volatile int n_usr1, n_rt, last_code, depth_seen, go, running;
static volatile long last_value, last_pid, rt_sum;
static long main_tid;

static void on_usr1(int signo, struct info *info, void *context)
{
	n_usr1++;
	last_code = info->code;
	last_pid = info->pid;
	depth_seen = (int)mc_thread_self()->depth;
}

static void on_rt(int signo, struct info *info, void *context)
{
	n_rt++;
	rt_sum = rt_sum * 10 + info->value;
	last_code = info->code;
	depth_seen = (int)mc_thread_self()->depth;
	/* A handler of signals may itself make calls. */
	CHECK_IS(call1(PROBE_DEPTH, 1), 2);
}

/* Sends to the main thread while that is inside PROBE_UNTIL, then lets it go. */
static long sender(void *arg)
{
	wait_until((const int *)&running, 1);
	nap_ms(5);
	if (arg) {
		for (int i = 1; i <= 3; i++) {
			struct info info = {.signo = S_RT, .code = -1, .pid = 77, .value = i};
			CHECK_IS(mc_syscall(297, get_pid(), main_tid, S_RT, (long)&info, 0, 0), 0);
		}
	} else {
		send(main_tid, S_USR1);
		send(main_tid, S_USR1); /* ordinary ones do not queue */
	}
	nap_ms(20);
	CHECK_IS(n_usr1 + n_rt, 0);
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static long breaker(void *arg)
{
	wait_until((const int *)&running, 1);
	nap_ms(30);
	send(main_tid, S_USR1);
	return 0;
}

static long in_kernel_wait(long a, long b, long c, long d, long e, long f)
{
	struct { long s, ns; } time = {1000, 0};
	running = 1;
	long result = mc_call(NR_nanosleep, (long)&time, 0, 0, 0, 0, 0);
	CHECK_IS(n_usr1, 0); /* not yet: we are inside */
	return result;
}

static long in_host_wait(long a, long b, long c, long d, long e, long f)
{
	running = 1;
	long result = mc_call(HOST_READ_FD, 0, 0, 0, 0, 0, 0);
	CHECK_IS(n_usr1, 0);
	return result;
}

static long sleeper(void *arg)
{
	nap_ms(100000);
	return 0;
}

static long in_join(long id, long b, long c, long d, long e, long f)
{
	running = 1;
	long result = mc_call(MC_SYS_THREAD_JOIN, id, 0, 0, 0, 0, 0);
	CHECK_IS(n_usr1, 0);
	return result;
}

static void broken_off(int nr, long a0)
{
	n_usr1 = running = 0;
	long id = do_spawn(breaker, NULL, NULL, 0);
	CHECK_IS(call1(nr, a0), -E_INTR);
	CHECK_IS(n_usr1, 1);
	CHECK_IS(depth_seen, 0);
	CHECK_IS(do_join(id, NULL), 0);
}

int main(void)
{
	main_tid = get_tid();
	on_signal(S_USR1, on_usr1, 0);
	on_signal(S_RT, on_rt, 0);

	long id = do_spawn(sender, NULL, NULL, 0);
	CHECK_IS(call2(PROBE_UNTIL, (long)&running, (long)&go), 77);
	CHECK_IS(n_usr1, 1);
	CHECK_IS(last_code, -6); /* SI_TKILL */
	CHECK_IS(last_pid, get_pid());
	CHECK_IS(depth_seen, 0);
	CHECK_IS(do_join(id, NULL), 0);

	n_usr1 = running = go = 0;
	id = do_spawn(sender, (void *)1, NULL, 0);
	CHECK_IS(call2(PROBE_UNTIL, (long)&running, (long)&go), 77);
	CHECK_IS(n_rt, 3);
	CHECK_IS(rt_sum, 123);
	CHECK_IS(last_code, -1); /* SI_QUEUE */
	CHECK_IS(depth_seen, 0);
	CHECK_IS(do_join(id, NULL), 0);

	do_register(5000, in_kernel_wait);
	do_register(5001, in_host_wait);
	do_register(5002, in_join);
	broken_off(5000, 0);
	broken_off(5001, 0);
	long target = do_spawn(sleeper, NULL, NULL, 0);
	broken_off(5002, target);
	CHECK_IS(do_kill(target, 3), 0);
	long value;
	CHECK_IS(do_join(target, &value), 0); /* still ours to join */
	CHECK_IS(value, 3);

	/* In a host function called directly, the guest's own: its result is kept. */
	n_usr1 = 0;
	running = 1;
	id = do_spawn(breaker, NULL, NULL, 0);
	long left = call1(HOST_SLEEP_MS, 100000);
	CHECK(left < -50000 && left > -102000);
	CHECK_IS(n_usr1, 1);
	CHECK_IS(do_join(id, NULL), 0);
	return 0;
}
