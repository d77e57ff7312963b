/* SPDX-License-Identifier: MIT */
/* args[1] times: 1,000 threads are spawned and joined, 64 at a time, each making core calls and host
 * calls. Before the first and after each round it says "round" and waits for a line. */
#include "../guest/check.h"
#include "../modules/host.h"

enum { THREADS = 1000, AT_ONCE = 64 };

static long thread(void *arg)
{
	struct mc_thread *t = do_self();
	CHECK_IS(t->self, t);
	for (int i = 0; i < 5; i++) {
		CHECK_IS(call1(HOST_ECHO, (long)arg + i), (long)arg + i);
		CHECK(do_get(HOST_ECHO) != NULL);
		CHECK_IS(call1(HOST_CALLER, 0), t->id);
	}
	return (long)arg * 3;
}

static void pause_for_line(void)
{
	char line[16];
	say("round");
	CHECK(mc_syscall(NR_read, 0, (long)line, sizeof line, 0, 0, 0) > 0);
}

int main(int argc, char **argv)
{
	long ids[AT_ONCE], value, rounds = 0;
	for (const char *p = argc > 1 ? argv[1] : "1"; *p; p++)
		rounds = rounds * 10 + *p - '0';
	for (long round = 0; round <= rounds; round++) {
		for (long i = 0; i < THREADS + AT_ONCE; i++) {
			if (i >= AT_ONCE) {
				CHECK_IS(do_join(ids[i % AT_ONCE], &value), 0);
				CHECK_IS(value, (i - AT_ONCE) * 3);
			}
			if (i < THREADS) {
				ids[i % AT_ONCE] = do_spawn(thread, (void *)i, NULL, 32768);
				CHECK(ids[i % AT_ONCE] > 0);
			}
		}
		pause_for_line(); /* the first round warms up */
	}
	return 0;
}
