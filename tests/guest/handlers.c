/* SPDX-License-Identifier: MIT
 * A handler runs on the thread's handler stack, never on the guest's own, finds the interrupted
 * registers in the frame, and may call any number, nested to any depth.
 * modules: probe
 */
#include "check.h"
#include "probe.h"

static unsigned long own_stack, own_frame_rax, own_rdi, own_depth, own_aligned;
static char tiny[512] __attribute__((aligned(16)));

static long own(long a, long b, long c, long d, long e, long f)
{
	struct mc_thread *t = mc_thread_self();
	own_stack = (unsigned long)__builtin_frame_address(0);
	own_frame_rax = t->frame->rax;
	own_rdi = t->frame->rdi;
	own_depth = t->depth;
	own_aligned = own_stack % 16;
	return b ? call2(5000, a + 1, b - 1) : a;
}

static long on_tiny_stack(int nr, long a, long b)
{
	long result;
	unsigned long entry = mc_header()->entry;
	if (check_call == mc_syscall)
		__asm__ volatile("mov %%rsp, %%rbx\nmov %[sp], %%rsp\nsyscall\nmov %%rbx, %%rsp" : "=a"(result)
				 : "a"((long)nr), "D"(a), "S"(b), [sp] "r"(tiny + sizeof tiny)
				 : "rbx", "rcx", "r11", "memory");
	else
		__asm__ volatile("mov %%rsp, %%rbx\nmov %[sp], %%rsp\ncall *%[entry]\nmov %%rbx, %%rsp"
				 : "=a"(result)
				 : "a"((long)nr), "D"(a), "S"(b), [sp] "r"(tiny + sizeof tiny), [entry] "r"(entry)
				 : "rbx", "rcx", "r11", "memory");
	return result;
}

int main(void)
{
	struct mc_thread *t = mc_thread_self();
	struct mc_frame frame;
	do_register(5000, own);
	CHECK_IS(call2(5000, 7, 0), 7);
	CHECK(own_stack > t->stack_low && own_stack <= t->stack_high);
	CHECK_IS((int)own_frame_rax, 5000);
	CHECK_IS(own_rdi, 7);
	CHECK_IS(own_depth, 1);
	CHECK_IS(own_aligned, 0);
	CHECK_IS(t->depth, 0);
	CHECK_IS(t->frame, 0);
	CHECK_IS(call2(5000, 7, 20), 27); /* itself, nested */
	CHECK_IS(own_depth, 21);
	CHECK(own_stack > t->stack_low && own_stack <= t->stack_high);
	CHECK_IS(t->depth, 0);

	CHECK_IS(call0(PROBE_ALIGNED), 0);
	unsigned long stack = (unsigned long)call0(PROBE_STACK);
	CHECK(stack > t->stack_low && stack <= t->stack_high);
	CHECK_IS(call1(PROBE_DEPTH, 0), 1);
	CHECK_IS(call1(PROBE_DEPTH, 30), 31);

	CHECK_IS(call(PROBE_FRAME, (long)&frame, 2, 3, 4, 5, 6), 0);
	CHECK_IS((int)frame.rax, PROBE_FRAME);
	CHECK_IS(frame.rdi, &frame);
	CHECK_IS(frame.rsi, 2);
	CHECK_IS(frame.rdx, 3);
	CHECK_IS(frame.r10, 4);
	CHECK_IS(frame.r8, 5);
	CHECK_IS(frame.r9, 6);
	CHECK_IS(frame.outer, 0);
	CHECK(frame.rip > 0x400000 && frame.rip < 0x1000000); /* in this program */
	CHECK((unsigned long)&frame - frame.rsp < 65536);
	/* Nested: the frame's outer one is the caller's. */
	CHECK_IS(call2(PROBE_CALL, PROBE_FRAME, (long)&frame), 0);
	CHECK((unsigned long)frame.outer > t->stack_low && (unsigned long)frame.outer < t->stack_high);
	CHECK(frame.rip > mc_header()->region_base);

	/* A stack of 512 bytes and its red zone are enough. */
	CHECK_IS(on_tiny_stack(5000, 1, 10), 11);
	CHECK_IS(on_tiny_stack(PROBE_DEPTH, 10, 0), 11);
	CHECK_IS(on_tiny_stack(5999, 0, 0), -E_NOSYS);
	CHECK_IS(on_tiny_stack(MC_SYS_THREAD_SELF, 0, 0), t);

	/* Chained: called directly, the function at the number. */
	CHECK_IS(call(PROBE_DIRECT, PROBE_SUM, 1, 1, 1, 1, 1), 15);
	CHECK_IS(call2(PROBE_DIRECT, MC_SYS_THREAD_SELF, 0), t);
	CHECK_IS(call2(PROBE_DIRECT, NR_getppid, 0), mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0));
	CHECK_IS(call4(PROBE_DIRECT, NR_close, 987, 0, 0), -9); /* EBADF: stubs return -errno */
	/* Nested by the instruction and by the entry. */
	CHECK_IS(call2(PROBE_SYSCALL, PROBE_SUM, 5), 5);
	CHECK_IS(call2(PROBE_CALL, PROBE_SUM, 5), 5);
	CHECK_IS(call3(PROBE_SYSCALL, PROBE_CALL, 5999, 0), -E_NOSYS);
	/* From the guest, directly: the table's pointers are C functions that can be called. */
	mc_fn sum = (mc_fn)call0(PROBE_FUNCTION);
	CHECK_IS(sum(1, 2, 3, 4, 5, 6), 1 + 4 + 9 + 16 + 25 + 36);
	CHECK_IS(do_get(MC_SYS_GET)(5000, 0, 0, 0, 0, 0), own);
	CHECK_IS(do_get(NR_getppid)(0, 0, 0, 0, 0, 0), mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0));
	return 0;
}
