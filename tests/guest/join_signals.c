/* SPDX-License-Identifier: MIT
 * Outside handlers signals are handled while a thread waits in -19, and the wait goes on.
 */
#include "signal.h"

static volatile int n;
static long main_tid;

static void on_usr1(int signo, struct info *info, void *context)
{
	n++;
}

static long sender(void *arg)
{
	for (int i = 0; i < 5; i++) {
		nap_ms(10);
		int before = n;
		send(main_tid, S_USR1);
		for (int k = 0; n == before; k++) {
			CHECK(k < 1000);
			nap_ms(2);
		}
	}
	nap_ms(10);
	return 66;
}

int main(void)
{
	long value = 0;
	main_tid = get_tid();
	on_signal(S_USR1, on_usr1, 0);
	long id = do_spawn(sender, NULL, NULL, 0);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 66);
	CHECK_IS(n, 5);
	on_signal(S_USR1, on_usr1, SA_restart);
	id = do_spawn(sender, NULL, NULL, 0);
	CHECK_IS(do_join(id, &value), 0);
	CHECK_IS(value, 66);
	CHECK_IS(n, 10);
	return 0;
}
