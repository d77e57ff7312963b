/* SPDX-License-Identifier: MIT */
/* Says "ready PID" once its threads are where args[1] says, and stays there for ever. */
#include "../guest/signal.h"
#include "../modules/host.h"
#include "../modules/probe.h"

static int inside, never;

static void on_term(int signo, struct info *info, void *context)
{
	mc_syscall(NR_exit_group, 31, 0, 0, 0, 0, 0);
}

static long in_handler(void *arg)
{
	return mc_syscall(PROBE_UNTIL, (long)&inside, (long)&never, 0, 0, 0, 0);
}

static long in_host(void *arg)
{
	return mc_syscall(HOST_SLEEP_MS, 10000000, 0, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	char how = argc > 1 ? argv[1][0] : 'u';
	if (argc > 1 && argv[1][0] == 'h' && argv[1][1] == 'o')
		do_spawn(in_host, NULL, NULL, 0);
	else if (argc > 1 && argv[1][0] == 'h' && argv[1][4] == 'l' && argv[1][5] == 'e' && argv[1][6] == 'r') {
		do_spawn(in_handler, NULL, NULL, 0);
		wait_until(&inside, 1);
	} else if (argc > 1 && argv[1][0] == 'h')
		on_signal(S_TERM, on_term, 0);
	if (how == 'f')
		for (int i = 0; i < 3; i++)
			if (mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0) == 0)
				nap_ms(100000000);
	nap_ms(20);
	say_number("ready", get_pid());
	if (how == 'u')
		for (;;)
			spin_pause();
	for (;;)
		nap_ms(100000000);
}
