/* SPDX-License-Identifier: MIT
 * A call site that traps again and again for a handler is patched, and nothing else is to be seen of it: results,
 * registers and the red zone are the same, the table is the truth at once, its `syscall` can be jumped to, forks
 * have it and may change it, other code at its address is what it is, signals come at once. Code that only looks
 * like a site, code that can be written and code of a program that ignores or handles SIGTRAP stays as it is.
 * modules: probe
 * modes: direct quiet
 * timeout: 300 */
#include "check.h"
#include "probe.h"
#include "signal.h"

#define TRIES 1000 /* far more than it takes */
#define PAGE 4096
#define NR_OWN 5000

enum { S_TRAP = 5, PRIVATE_ANONYMOUS = 0x22, FIXED = 0x10, READ_WRITE = 3, READ_EXECUTE = 5, ALL = 7, IGNORE = 1 };

#define SITE(name, number)                                                                       \
	long name(long, long, long, long);                                                       \
	extern unsigned char name##_mov[], name##_syscall[];                                     \
	__asm__(".text\n" #name ": movq %rcx, %r10\n" #name "_mov: movl $" #number ", %eax\n"    \
		#name "_syscall: syscall\nret");

SITE(own_site, 5000)
SITE(sum_site, 5100)
SITE(other_site, 5002)
SITE(late_site, 5003)
SITE(core_site, 0xfffffff7) /* -9 */

/* The last argument's constant where the number's is elsewhere: own(7), or whatever number is asked for. */
long argument_site(long number);
extern unsigned char argument_site_mov[];
__asm__(".text\nargument_site: movq %rdi, %rax\nxorl %esi, %esi\nxorl %edx, %edx\nxorl %r10d, %r10d\nargument_site_mov: movl $7, %edi\nsyscall\nret");

/* movl $5000, %r8d; syscall: from its second byte on it looks like a site. */
long false_site(long number);
extern unsigned char false_site_mov[];
__asm__(".text\nfalse_site: movq %rdi, %rax\n.byte 0x41\nfalse_site_mov: .byte 0xb8, 0x88, 0x13, 0, 0\nsyscall\nret");

static long own(long a0, long a1, long a2, long a3, long a4, long a5)
{
	return a0 + 10 * a1 + 100 * a2 + 1000 * a3;
}

static long times_two(long a0, long a1, long a2, long a3, long a4, long a5)
{
	return 2 * a0;
}

static int is_patched(const unsigned char *mov)
{
	return mov[0] == 0xff && mov[1] == 0x24 && mov[2] == 0x25 && mov[5] == 0x0f && mov[6] == 0x05;
}

static int until_patched(long (*site)(long, long, long, long), const unsigned char *mov)
{
	for (int i = 0; i < TRIES && !is_patched(mov); i++)
		site(1, 2, 3, 4);
	return is_patched(mov);
}

/* ---- What stays ---- */

__attribute__((used)) static unsigned long seen[5]; /* rsp's change, flags, sums of registers, xmm9 */

static long registers(unsigned long backwards)
{
	long result;
	__asm__ volatile("movq %%rsp, %%r12\n"
			 "movq $77, -8(%%rsp)\nmovq $78, -120(%%rsp)\n"
			 "movq $1, %%rdi\nmovq $2, %%rsi\nmovq $3, %%rdx\nmovq $4, %%r10\nmovq $5, %%r8\n"
			 "movq $6, %%r9\nmovq $13, %%r13\nmovq $15, %%r15\nmovq %%r15, %%xmm9\n"
			 "testq %%rbx, %%rbx\njz 1f\nstd\n"
			 "1: leaq 2f(%%rip), %%r14\njmp sum_in_place\n"
			 "2: subq %%rsp, %%r12\npushfq\npopq %%rbx\ncld\n"
			 "movq %%r12, seen(%%rip)\nmovq %%rbx, seen+8(%%rip)\n"
			 "leaq (%%rdi,%%rsi), %%rcx\naddq %%rdx, %%rcx\naddq %%r10, %%rcx\naddq %%r8, %%rcx\n"
			 "addq %%r9, %%rcx\nmovq %%rcx, seen+16(%%rip)\n"
			 "leaq (%%r13,%%r15), %%rcx\nmovq %%rcx, seen+24(%%rip)\nmovq %%xmm9, seen+32(%%rip)\n"
			 : "=a"(result), "+b"(backwards)
			 :
			 : "rcx", "rdi", "rsi", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm9",
			   "cc", "memory");
	return result;
}

/* The red zone is looked at before anything is pushed: it is a leaf's. */
extern unsigned char sum_in_place_mov[];
__asm__(".text\nsum_in_place: nop\nsum_in_place_mov: movl $5100, %eax\nsyscall\n"
	"movq -8(%rsp), %r11\nsubq $77, %r11\naddq %r11, %rax\n"
	"movq -120(%rsp), %r11\nsubq $78, %r11\naddq %r11, %rax\njmp *%r14");

static long red_zone_sum(unsigned long direction)
{
	long result = registers(direction);
	CHECK_IS(seen[0], 0);
	CHECK_IS(seen[1] >> 10 & 1, direction);
	CHECK_IS(seen[2], 1 + 2 + 3 + 4 + 5 + 6);
	CHECK_IS(seen[3], 13 + 15);
	CHECK_IS(seen[4], 15);
	return result;
}

static void keeps_registers(void)
{
	const long sum = 1 + 2 * 2 + 3 * 3 + 4 * 4 + 5 * 5 + 6 * 6;
	for (int i = 0; i < TRIES && !is_patched(sum_in_place_mov); i++)
		CHECK_IS(red_zone_sum(0), sum);
	CHECK(is_patched(sum_in_place_mov));
	for (int i = 0; i < 10; i++) {
		CHECK_IS(red_zone_sum(0), sum);
		CHECK_IS(red_zone_sum(1), sum);
	}
}

static long spoils_vectors(long a0, long a1, long a2, long a3, long a4, long a5)
{
	__asm__ volatile("pxor %%xmm9, %%xmm9" ::: "xmm9");
	return a0;
}

static long vector_after_call(void)
{
	long kept;
	__asm__ volatile("movl $15, %%eax\nmovq %%rax, %%xmm9\ncall own_site\nmovq %%xmm9, %0"
			 : "=b"(kept)
			 :
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm9", "cc", "memory");
	return kept;
}

/* Of a handler of the guest's own, too, which may use them. */
static void keeps_vectors(void)
{
	CHECK(is_patched(own_site_mov));
	do_register(NR_OWN, spoils_vectors);
	CHECK_IS(vector_after_call(), 15);
	do_register(NR_OWN, own);
}

/* ---- The table ---- */

static void follows_the_table(void)
{
	CHECK_IS(own_site(1, 2, 3, 4), -E_NOSYS);
	do_register(NR_OWN, own);
	CHECK(until_patched(own_site, own_site_mov));
	CHECK_IS(own_site(1, 2, 3, 4), 4321);
	do_register(NR_OWN, times_two);
	CHECK_IS(own_site(21, 0, 0, 0), 42);
	do_register(NR_OWN, do_get(PROBE_SUM));
	CHECK_IS(own_site(1, 1, 1, 1), 10 + 5 * own_site(0, 0, 0, 0));
	do_register(NR_OWN, do_get(NR_getppid)); /* a stub: by the instruction */
	CHECK_IS(own_site(0, 0, 0, 0), mc_syscall(NR_getppid, 0, 0, 0, 0, 0, 0));
	do_deregister(NR_OWN);
	CHECK_IS(own_site(0, 0, 0, 0), -E_NOSYS);
	do_register(NR_OWN, own);
	CHECK_IS(own_site(1, 2, 3, 4), 4321);
}

/* Its number is another one from call to call: of a handler, of the kernel, of the core, of nobody. */
static void may_have_the_number_elsewhere(void)
{
	for (int i = 0; i < TRIES && !is_patched(argument_site_mov); i++)
		CHECK_IS(argument_site(NR_OWN), 7);
	CHECK(is_patched(argument_site_mov));
	CHECK_IS(argument_site(NR_OWN), 7);
	CHECK_IS(argument_site(NR_getpid), mc_syscall(NR_getpid, 0, 0, 0, 0, 0, 0));
	CHECK_IS(argument_site(MC_SYS_THREAD_SELF), mc_thread_self());
	CHECK_IS(argument_site(5999), -E_NOSYS);
	CHECK_IS(argument_site(0x7fffffff), -E_NOSYS);
}

/* ---- Its bytes ---- */

static void can_be_jumped_into(void)
{
	long result;
	CHECK(is_patched(own_site_mov));
	__asm__ volatile("call *%2" : "=a"(result) : "a"(NR_getpid), "r"(own_site_syscall) : "rcx", "r11", "memory");
	CHECK_IS(result, mc_syscall(NR_getpid, 0, 0, 0, 0, 0, 0));
	__asm__ volatile("call *%2" : "=a"(result) : "a"(MC_SYS_THREAD_SELF), "r"(own_site_syscall) : "rcx", "r11", "memory");
	CHECK_IS(result, mc_thread_self());
}

static int wait_for(long pid)
{
	int status = -1;
	CHECK_IS(mc_syscall(NR_wait4, pid, (long)&status, 0, 0, 0, 0), pid);
	return status;
}

static void is_inherited(void)
{
	long pid = mc_syscall(NR_fork, 0, 0, 0, 0, 0, 0);
	if (pid == 0) {
		int ok = is_patched(own_site_mov) && own_site(1, 2, 3, 4) == 4321 && !is_patched(late_site_mov);
		do_register(5003, own);
		ok = ok && until_patched(late_site, late_site_mov) && late_site(1, 2, 3, 4) == 4321;
		/* The child's table and the child's code. */
		do_register(NR_OWN, times_two);
		ok = ok && own_site(4, 0, 0, 0) == 8;
		mc_syscall(NR_exit_group, ok ? 0 : 1, 0, 0, 0, 0, 0);
	}
	CHECK_IS(wait_for(pid), 0);
	CHECK_IS(own_site(1, 2, 3, 4), 4321);
	CHECK(!is_patched(late_site_mov));
	do_register(5003, own);
	CHECK(until_patched(late_site, late_site_mov));
	CHECK_IS(late_site(1, 2, 3, 4), 4321);
}

static unsigned char *code_page(unsigned char *at, int number)
{
	const unsigned char code[] = {0x49, 0x89, 0xca, 0xb8, (unsigned char)number, (unsigned char)(number >> 8), 0, 0,
				      0x0f, 0x05, 0xc3};
	unsigned char *page = (unsigned char *)mc_syscall(NR_mmap, (long)at, PAGE, READ_WRITE,
							  PRIVATE_ANONYMOUS | (at ? FIXED : 0), -1, 0);
	CHECK(at ? page == at : (long)page > 0);
	for (unsigned i = 0; i < sizeof code; i++)
		page[i] = code[i];
	return page;
}

static void goes_with_its_page(void)
{
	unsigned char *page = code_page(NULL, NR_OWN);
	long (*site)(long, long, long, long) = (long (*)(long, long, long, long))page;
	CHECK_IS(mc_syscall(NR_mprotect, (long)page, PAGE, READ_EXECUTE, 0, 0, 0), 0);
	CHECK(until_patched(site, page + 3));
	CHECK_IS(site(1, 2, 3, 4), 4321);
	/* The same address, another number, and the first again. */
	do_register(5001, times_two);
	code_page(page, 5001);
	CHECK_IS(mc_syscall(NR_mprotect, (long)page, PAGE, READ_EXECUTE, 0, 0, 0), 0);
	for (int i = 0; i < 100; i++)
		CHECK_IS(site(i, 2, 3, 4), 2 * i);
	code_page(page, NR_OWN);
	CHECK_IS(mc_syscall(NR_mprotect, (long)page, PAGE, READ_EXECUTE, 0, 0, 0), 0);
	for (int i = 0; i < 100; i++)
		CHECK_IS(site(1, 2, 3, 4), 4321);
	CHECK_IS(mc_syscall(NR_munmap, (long)page, PAGE, 0, 0, 0, 0), 0);
}

/* ---- What is none ---- */

static void leaves_alone(void)
{
	for (int i = 0; i < TRIES; i++)
		false_site(NR_OWN);
	CHECK_IS(false_site_mov[0], 0xb8);
	unsigned char *page = code_page(NULL, NR_OWN);
	long (*site)(long, long, long, long) = (long (*)(long, long, long, long))page;
	CHECK_IS(mc_syscall(NR_mprotect, (long)page, PAGE, ALL, 0, 0, 0), 0);
	CHECK(!until_patched(site, page + 3));
	CHECK(!until_patched(core_site, core_site_mov)); /* no handler's */
}

/* Code that can be written since it was found to be a site that is called often: whether it was is seen by what
 * becomes of every other page, which stays as it is. An odd number of calls, so that it is each of them in turn. */
static void leaves_alone_what_changed(void)
{
	int patched = 0;
	for (int i = 0; i < TRIES; i++) {
		unsigned char *page = code_page(NULL, NR_OWN);
		long (*site)(long, long, long, long) = (long (*)(long, long, long, long))page;
		CHECK_IS(mc_syscall(NR_mprotect, (long)page, PAGE, READ_EXECUTE, 0, 0, 0), 0);
		CHECK_IS(site(1, 2, 3, 4), 4321);
		CHECK(!is_patched(page + 3));
		if (i % 2)
			CHECK_IS(mc_syscall(NR_mprotect, (long)page, PAGE, ALL, 0, 0, 0), 0);
		CHECK_IS(site(1, 2, 3, 4), 4321);
		CHECK_IS(site(1, 2, 3, 4), 4321);
		patched += is_patched(page + 3);
		CHECK(!(i % 2 && is_patched(page + 3)));
		CHECK_IS(mc_syscall(NR_munmap, (long)page, PAGE, 0, 0, 0, 0), 0);
	}
	CHECK(patched > 1);
}

static void handler(int signo, struct info *info, void *context)
{
	check_failed(__FILE__, signo, "the guest saw the breakpoint's signal");
}

static int patches_new_page(void)
{
	unsigned char *page = code_page(NULL, NR_OWN);
	CHECK_IS(mc_syscall(NR_mprotect, (long)page, PAGE, READ_EXECUTE, 0, 0, 0), 0);
	return until_patched((long (*)(long, long, long, long))page, page + 3);
}

static void leaves_sigtrap_alone(void)
{
	struct action ignore = {(void (*)(int, struct info *, void *))IGNORE, 0, 0, 0}, standard = {0}, now;
	unsigned long trap = 1ul << (S_TRAP - 1), mask = 0;
	do_register(5002, own);
	CHECK_IS(mc_syscall(NR_rt_sigaction, S_TRAP, (long)&ignore, 0, 8, 0, 0), 0);
	CHECK(!until_patched(other_site, other_site_mov));
	CHECK_IS(mc_syscall(NR_rt_sigaction, S_TRAP, 0, (long)&now, 8, 0, 0), 0);
	CHECK(now.handler == ignore.handler);
	on_signal(S_TRAP, handler, 0);
	CHECK(!patches_new_page());
	CHECK_IS(mc_syscall(NR_rt_sigaction, S_TRAP, 0, (long)&now, 8, 0, 0), 0);
	CHECK(now.handler == handler);
	CHECK_IS(mc_syscall(NR_rt_sigaction, S_TRAP, (long)&standard, 0, 8, 0, 0), 0);
	CHECK_IS(mc_syscall(NR_rt_sigprocmask, 0, (long)&trap, 0, 8, 0, 0), 0);
	CHECK(!patches_new_page());
	CHECK_IS(mc_syscall(NR_rt_sigprocmask, 1, (long)&trap, (long)&mask, 8, 0, 0), 0);
	CHECK(mask & trap);
	CHECK(patches_new_page());
}

/* A virtual machine's processor may not say that it was the breakpoint: then its trap looks like that of the `int1`
 * that stands before the site. */
static volatile int traps;

static void count_trap(int signo, struct info *info, void *context)
{
	traps++;
}

static void patches_without_a_reason(void)
{
	struct action standard = {0};
	for (int i = 0; i < TRIES; i++) {
		unsigned char *page = code_page(NULL, NR_OWN);
		page[2] = 0xf1;
		CHECK_IS(mc_syscall(NR_mprotect, (long)page, PAGE, READ_EXECUTE, 0, 0, 0), 0);
		((long (*)(long, long, long, long))(page + 3))(1, 2, 3, 4);
		CHECK(!is_patched(page + 3));
		traps = 0;
		on_signal(S_TRAP, count_trap, 0);
		((long (*)(long, long, long, long))(page + 2))(1, 2, 3, 4);
		CHECK_IS(mc_syscall(NR_rt_sigaction, S_TRAP, (long)&standard, 0, 8, 0, 0), 0);
		CHECK_IS(is_patched(page + 3), !traps);
		if (!traps)
			return;
		((long (*)(long, long, long, long))(page + 3))(1, 2, 3, 4); /* an odd number, as above */
		CHECK_IS(mc_syscall(NR_munmap, (long)page, PAGE, 0, 0, 0, 0), 0);
	}
	check_failed(__FILE__, __LINE__, "a trap without a reason is no breakpoint's");
}

/* ---- Signals ---- */

static volatile int alarms;

static void count_alarm(int signo, struct info *info, void *context)
{
	alarms++;
}

/* Between the jump and the `syscall` that makes the call after all there is nothing that would let a signal
 * out that was held back. */
static void comes_at_once(void)
{
	struct { long interval[2], seconds, us; } once = {.interval = {0, 0}};
	CHECK(is_patched(own_site_mov));
	do_deregister(NR_OWN);
	on_signal(S_ALRM, count_alarm, 0);
	for (int i = 0; i < 5000; i++) {
		int before = alarms;
		once.us = 20 + i % 30;
		CHECK_IS(mc_syscall(NR_setitimer, 0, (long)&once, 0, 0, 0, 0), 0);
		for (long n = 0; alarms == before; n++) {
			CHECK(n < 200000);
			own_site(0, 0, 0, 0);
		}
	}
	do_register(NR_OWN, own);
}

/* ---- Threads ---- */

static long many(void *arg)
{
	long wrong = 0;
	for (long i = 0; i < 20000; i++)
		wrong += own_site(i, 0, 0, (long)arg) != i + 1000 * (long)arg;
	return wrong;
}

static void serves_threads(void)
{
	long ids[4], value;
	for (long i = 0; i < 4; i++)
		ids[i] = do_spawn(many, (void *)i, NULL, 65536);
	for (int i = 0; i < 4; i++) {
		CHECK_IS(do_join(ids[i], &value), 0);
		CHECK_IS(value, 0);
	}
}

int main(void)
{
	follows_the_table();
	keeps_registers();
	keeps_vectors();
	may_have_the_number_elsewhere();
	can_be_jumped_into();
	is_inherited();
	goes_with_its_page();
	comes_at_once();
	serves_threads();
	leaves_alone();
	leaves_alone_what_changed();
	leaves_sigtrap_alone();
	patches_without_a_reason();
	return 0;
}
