/* SPDX-License-Identifier: MIT
 * vfork and clone(CLONE_VM) outside and inside a handler: the child is its parent, as far as the table
 * goes, has its own thread structure, and the parent goes on when it ends.
 * modules: probe
 */
#include "signal.h"
#include "probe.h"

static long one(long a, long b, long c, long d, long e, long f)
{
	return 1;
}

static volatile long child_id, child_process, child_depth, steps;
static long parent_id, parent_process;

/* The child returns on the parent's stack: all in one function, nothing kept there. */
long vfork_by(unsigned long entry, long nr, long a0);
__asm__(".text\nvfork_by:\n"
	"pop %r12\n"
	"mov %esi, %eax\nmov %rdi, %rbx\nmov %rdx, %rdi\nxor %esi, %esi\nxor %edx, %edx\n"
	"test %rbx, %rbx\njz 1f\ncall *%rbx\njmp 2f\n1: syscall\n2:"
	"test %rax, %rax\njnz 3f\n"
	"and $-16, %rsp\ncall vfork_child\nhlt\n"
	"3: jmp *%r12\n");

static long run(unsigned long entry, long nr, long a0)
{
	register long result;
	__asm__ volatile("mov %%rsp, %%r13\ncall vfork_by\nmov %%r13, %%rsp" : "=a"(result), "+D"(entry), "+S"(nr), "+d"(a0)
			 :: "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "memory");
	return result;
}

void vfork_child(void);
void vfork_child(void)
{
	struct mc_thread *t = mc_thread_self();
	child_id = t->id;
	child_process = t->process;
	child_depth = t->depth;
	CHECK_IS(t->self, t);
	CHECK_IS(mc_syscall(5000, 0, 0, 0, 0, 0, 0), 1);
	CHECK_IS(mc_call(5000, 0, 0, 0, 0, 0, 0), 1);
	CHECK_IS(mc_call(PROBE_DEPTH, 2, 0, 0, 0, 0, 0), 3);
	mc_register(5001, one);
	steps++;
	mc_syscall(NR_exit_group, 5, 0, 0, 0, 0, 0);
}

int main(void)
{
	unsigned long entry = check_call == mc_syscall ? 0 : mc_header()->entry;
	int status;
	parent_id = do_self()->id;
	parent_process = do_self()->process;
	do_register(5000, one);
	for (int i = 0; i < 3; i++) {
		static const int nr[] = {NR_vfork, PROBE_DIRECT, PROBE_CALL};
		long pid = run(entry, nr[i], NR_vfork);
		CHECK(pid > 0);
		CHECK_IS(steps, i + 1); /* it ran before we went on */
		CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
		CHECK_IS(status, 5 << 8);
		CHECK(child_id > 0 && child_id != parent_id);
		CHECK_IS(child_process, parent_process);
		CHECK_IS(child_depth, 0);
		CHECK_IS(call0(5001), 1); /* its table is ours */
		CHECK_IS(do_deregister(5001), 0);
		CHECK_IS(do_self()->id, parent_id);
		CHECK_IS(do_self()->depth, 0);
	}
	return 0;
}
