/* SPDX-License-Identifier: MIT
 * A guest interposes at run time on numbers that are granted to the kernel: its own function is called by
 * the instruction too, at once and in all threads, and can call the stub that was there; -3 undoes it. A
 * region function serves all processes from then on.
 * modules: probe
 */
#include "signal.h"
#include "probe.h"

static mc_fn write_before;
static int writes, stop, ready;
static volatile long wrong;

static long own_getppid(long a, long b, long c, long d, long e, long f)
{
	return 424242;
}

static long own_write(long fd, long buf, long n, long d, long e, long f)
{
	__atomic_add_fetch(&writes, 1, __ATOMIC_SEQ_CST);
	return write_before(fd, buf, n, d, e, f);
}

/* Calls all the time; from `stop` on every call must reach the guest's function. */
static long caller(void *arg)
{
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0);
	for (int i = 0; i < 20; i++)
		if (mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0) != 424242)
			wrong = 1;
	return 0;
}

int main(void)
{
	long ids[3], parent = mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0);
	int sync[2], status;
	char byte = 0;
	CHECK(parent != 424242);
	CHECK_IS(mc_syscall(NR_pipe, (long)sync, 0, 0, 0, 0, 0), 0);
	for (int i = 0; i < 3; i++)
		ids[i] = do_spawn(caller, NULL, NULL, 0);
	wait_until(&ready, 3);
	mc_fn stub = do_register(NR_getppid, own_getppid);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	CHECK(stub != NULL);
	CHECK_IS(mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0), 424242);
	CHECK_IS(mc_call(NR_getppid, 0, 0, 0, 0, 0, 0), 424242);
	CHECK_IS(stub(0, 0, 0, 0, 0, 0), parent);
	for (int i = 0; i < 3; i++)
		CHECK_IS(do_join(ids[i], NULL), 0);
	CHECK_IS(wrong, 0);
	long pid = mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) { /* inherited, and taken back there alone */
		int good = mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0) == 424242 && do_deregister(NR_getppid) == 0 &&
			   mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0) != 424242;
		mc_syscall(NR_exit_group, good ? 3 : 4, 0, 0, 0, 0, 0);
	}
	CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	CHECK_IS(status, 3 << 8);
	CHECK_IS(mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0), 424242);
	CHECK_IS(do_deregister(NR_getppid), 0);
	CHECK_IS(mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0), parent);
	CHECK_IS(call0(NR_getppid), parent);

	write_before = do_register(NR_write, own_write);
	CHECK_IS(mc_syscall(NR_write, sync[1], (long)&byte, 1, 0, 0, 0), 1);
	CHECK_IS(mc_call(NR_write, sync[1], (long)&byte, 1, 0, 0, 0), 1);
	CHECK_IS(writes, 2);
	CHECK_IS(do_deregister(NR_write), 0);
	CHECK_IS(mc_syscall(NR_write, sync[1], (long)&byte, 1, 0, 0, 0), 1);
	CHECK_IS(writes, 2);
	for (int i = 0; i < 3; i++)
		CHECK_IS(mc_syscall(NR_read, sync[0], (long)&byte, 1, 0, 0, 0), 1);

	/* A region function, while another process is running: it sees it too. */
	pid = mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		mc_syscall(NR_read, sync[0], (long)&byte, 1, 0, 0, 0);
		int good = mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0) == 4321 &&
			   mc_call(NR_getppid, 0, 0, 0, 0, 0, 0) == 4321;
		mc_syscall(NR_exit_group, good ? 3 : 4, 0, 0, 0, 0, 0);
	}
	nap_ms(20);
	CHECK_IS(call1(PROBE_REGISTER, NR_getppid), stub);
	CHECK_IS(mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0), 4321);
	CHECK_IS(mc_syscall(NR_write, sync[1], (long)&byte, 1, 0, 0, 0), 1);
	CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	CHECK_IS(status, 3 << 8);
	CHECK_IS(mc_register(NR_getppid, stub), (mc_fn)call0(PROBE_FUNCTION_OTHER));
	CHECK_IS(mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0), parent);
	return 0;
}
