/* SPDX-License-Identifier: MIT
 * The first process ended by a signal: 128 + its number, with other threads blocked wherever.
 * modules: host
 * status: 143
 */
#include "signal.h"
#include "host.h"

static int ready;

static long in_host(void *arg)
{
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	return call1(HOST_SLEEP_MS, 1000000);
}

static long in_join(void *arg)
{
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	return do_join((long)arg, NULL);
}

int main(void)
{
	do_spawn(in_host, NULL, NULL, 0);
	do_spawn(in_join, (void *)do_self()->id, NULL, 0);
	wait_until(&ready, 2);
	nap_ms(10);
	mc_syscall(NR_kill, get_pid(), S_TERM, 0, 0, 0, 0);
	nap_ms(10000);
	return 1;
}
