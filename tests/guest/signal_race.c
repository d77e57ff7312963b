/* SPDX-License-Identifier: MIT
 * A signal that comes inside a handler just before its wait breaks that wait off as one that comes during
 * it. However the moment falls, a kernel call, a host function or -19 in a handler returns -EINTR.
 * modules: probe host
 * modes: quiet
 * timeout: 30
 */
#include "signal.h"
#include "host.h"

static int round_now, sent;
static volatile int n;
static long main_tid, sleeper_id;

static void on_usr1(int signo, struct info *info, void *context)
{
	n++;
}

static long sender(void *arg)
{
	unsigned seed = 1;
	for (int round = 1;; round++) {
		int now;
		while ((now = __atomic_load_n(&round_now, __ATOMIC_ACQUIRE)) < round)
			spin_pause();
		if (now == 0x7fffffff)
			return 0;
		seed = seed * 1103515245 + 12345;
		for (unsigned i = 0; i < (seed >> 16) % 3000; i++)
			spin_pause();
		send(main_tid, S_USR1);
		__atomic_store_n(&sent, round, __ATOMIC_RELEASE);
	}
}

static long sleeper(void *arg)
{
	nap_ms(1000000);
	return 0;
}

static long wait_inside(long how, long b, long c, long d, long e, long f)
{
	struct { long s, ns; } time = {1000, 0};
	int round = __atomic_add_fetch(&round_now, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < round % 100 * 40; i++) /* now before the signal, now after it */
		spin_pause();
	switch (how) {
	case 0: return mc_call(NR_nanosleep, (long)&time, 0, 0, 0, 0, 0);
	case 1: return mc_call(HOST_READ_FD, 0, 0, 0, 0, 0, 0);
	default: return mc_call(MC_SYS_THREAD_JOIN, sleeper_id, 0, 0, 0, 0, 0);
	}
}

int main(void)
{
	main_tid = get_tid();
	on_signal(S_USR1, on_usr1, 0);
	do_register(5000, wait_inside);
	sleeper_id = do_spawn(sleeper, NULL, NULL, 0);
	long id = do_spawn(sender, NULL, NULL, 0);
	int rounds = 0;
	for (int how = 0; how < 3; how++)
		for (int i = 0; i < 300; i++) {
			CHECK_IS(call1(5000, how), -E_INTR);
			rounds++;
			wait_until(&sent, rounds);
			CHECK_IS(n, rounds);
		}
	__atomic_store_n(&round_now, 0x7fffffff, __ATOMIC_RELEASE);
	CHECK_IS(do_join(id, NULL), 0);
	do_kill(sleeper_id, 0);
	return 0;
}
