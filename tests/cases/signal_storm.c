/* SPDX-License-Identifier: MIT */
/* Under a storm of signals calls a host function args[1] times; its component counts each run. */
#include "../guest/signal.h"
#include "../modules/host.h"

static volatile long signals;
static int done;
static long calls;
static long main_tid;

static void on_storm(int signo, struct info *info, void *context)
{
	signals++;
}

/* No second signal during a call: where stops are dear, the next would come before the handler of the one
 * before has returned, for ever. */
static long storm(void *arg)
{
	struct { long s, ns; } nap = {0, 20000};
	long last = -1;
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		long now = __atomic_load_n(&calls, __ATOMIC_ACQUIRE);
		if (now != last)
			mc_syscall(NR_tgkill, get_pid(), main_tid, (long)arg, 0, 0, 0);
		last = now;
		mc_syscall(NR_nanosleep, (long)&nap, 0, 0, 0, 0, 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	long wanted = 0, ids[2];
	for (const char *p = argc > 1 ? argv[1] : "1000"; *p; p++)
		wanted = wanted * 10 + *p - '0';
	main_tid = get_tid();
	on_signal(S_USR1, on_storm, 0);
	on_signal(S_USR2, on_storm, SA_restart);
	ids[0] = do_spawn(storm, (void *)S_USR1, NULL, 0);
	ids[1] = do_spawn(storm, (void *)S_USR2, NULL, 0);
	/* The only caller: each result must be one more than the one before. */
	for (long i = 1; i <= wanted; i++) {
		__atomic_store_n(&calls, i, __ATOMIC_RELEASE);
		CHECK_IS(i % 2 ? mc_syscall(HOST_COUNT, 0, 0, 0, 0, 0, 0) : mc_call(HOST_COUNT, 0, 0, 0, 0, 0, 0), i);
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	CHECK_IS(do_join(ids[0], NULL), 0);
	CHECK_IS(do_join(ids[1], NULL), 0);
	CHECK_IS(mc_call(HOST_TOTAL, 0, 0, 0, 0, 0, 0), wanted);
	CHECK(signals > 100);
	say_number("signals", signals);
	return 0;
}
