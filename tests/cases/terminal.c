/* SPDX-License-Identifier: MIT */
/* Says "tick" often; with "handles", "interrupted N" at each SIGINT and ends with 23 at the third; at a
 * SIGCONT it says "continued"; with "threads" there are two more that spin and wait. */
#include "../guest/signal.h"

static volatile int interrupts, continues;

static void on_int(int signo, struct info *info, void *context)
{
	interrupts++;
}

static void on_cont(int signo, struct info *info, void *context)
{
	continues++;
}

static long spins(void *arg)
{
	for (;;)
		nap_ms(1);
	return 0;
}

static long joins(void *arg)
{
	return do_join((long)arg, NULL);
}

int main(int argc, char **argv)
{
	int handles = argc > 1 && argv[1][0] == 'h', seen = 0, seen_continues = 0;
	on_signal(18, on_cont, 0);
	if (handles)
		on_signal(S_INT, on_int, 0);
	if (argc > 1 && argv[1][0] == 't')
		do_spawn(joins, (void *)do_spawn(spins, NULL, NULL, 0), NULL, 0);
	say("ready");
	for (;;) {
		nap_ms(10);
		say("tick");
		if (interrupts != seen)
			say_number("interrupted", seen = interrupts);
		if (continues != seen_continues) {
			seen_continues = continues;
			say("continued");
		}
		if (seen >= 3)
			mc_syscall(NR_exit_group, 23, 0, 0, 0, 0, 0);
	}
}
