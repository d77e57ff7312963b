/* SPDX-License-Identifier: MIT
 * A fork, vfork or clone inside a handler: the child starts at the caller's instruction after the call
 * with result 0, its own thread structure and an empty handler stack; so does one outside. -17 has run.
 * modules: probe
 */
#include "signal.h"
#include "probe.h"

static char stack[65536] __attribute__((aligned(16)));
static long parent_id, parent_process;
static struct mc_thread *parent_self;

static long status_of(long pid)
{
	int status = -1;
	CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	return status;
}

static void child(int status, int new_process)
{
	struct mc_thread *t = do_self();
	CHECK(t != parent_self);
	CHECK(t->id != parent_id);
	CHECK_IS(t->self, t);
	CHECK_IS(t->depth, 0);
	CHECK_IS(t->frame, 0);
	CHECK_IS(t->state, MC_THREAD_RUNNING);
	CHECK_IS(t->process != parent_process, new_process);
	CHECK_IS(call1(PROBE_DEPTH, 3), 4); /* its own handler stack works */
	mc_syscall(NR_exit_group, status, 0, 0, 0, 0, 0);
}

/* By a handler that makes the call: directly its stub, or once more through the table. */
static long inside(int how, int nr, long a, long b)
{
	switch (how) {
	case 0: return call2(nr, a, b);
	case 1: return call3(PROBE_CALL, nr, a, b);
	case 2: return call3(PROBE_DIRECT, nr, a, b);
	case 3: return call(PROBE_CALL, PROBE_DIRECT, nr, a, b, 0, 0);
	default: return call4(PROBE_SYSCALL, nr, a, b, 0);
	}
}

/* clone with a stack of its own: nothing of C may be on the way. */
long clone_inside(unsigned long entry, long nr_outer, long nr, long flags, long sp);
__asm__(".text\nclone_inside:\n"
	"push %rbx\n"
	"mov %rdi, %rbx\nmov %esi, %eax\nmov %rdx, %rdi\nmov %rcx, %rsi\nmov %r8, %rdx\n"
	"xor %r10d, %r10d\nxor %r8d, %r8d\nxor %r9d, %r9d\n"
	"test %rbx, %rbx\njz 1f\ncall *%rbx\njmp 2f\n1: syscall\n2:"
	"test %rax, %rax\njz 3f\npop %rbx\nret\n"
	"3: xor %ebp, %ebp\ncall clone_child\nhlt\n");

void clone_child(void);
void clone_child(void)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);
	CHECK(here > (unsigned long)stack && here <= (unsigned long)stack + sizeof stack);
	child(23, 1);
}

int main(void)
{
	parent_self = do_self();
	parent_id = parent_self->id;
	parent_process = parent_self->process;
	for (int how = 0; how < 5; how++) {
		volatile int local = how;
		long pid = inside(how, NR_fork, 0, 0);
		if (pid == 0) {
			CHECK_IS(local, how);
			child(20 + how, 1);
		}
		CHECK(pid > 0);
		CHECK_IS(status_of(pid), (20 + how) << 8);
		CHECK_IS(parent_self->depth, 0);
		CHECK_IS(parent_self->id, parent_id);
	}
	unsigned long entry = check_call == mc_syscall ? 0 : mc_header()->entry;
	/* clone(SIGCHLD, stack) through a handler's direct call, and through its mc_call. */
	static const int outer[] = {PROBE_DIRECT, PROBE_CALL, PROBE_SYSCALL};
	for (int i = 0; i < 3; i++) {
		long pid = clone_inside(entry, outer[i], NR_clone, S_CHLD, (long)(stack + sizeof stack));
		CHECK(pid > 0);
		CHECK_IS(status_of(pid), 23 << 8);
	}
	return 0;
}
