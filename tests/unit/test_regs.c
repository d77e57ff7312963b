/* SPDX-License-Identifier: MIT
 * Register editing: what guests may not choose stays, restarts are told from results, stubs are the
 * bytes that the tracer's addresses rely on. */
#include "arch/arch.h"
#include "rt.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct regs regs;

static void setup(void)
{
	memset(&regs, 0, sizeof(regs));
	regs.user.cs = 0x33;
	regs.user.ss = 0x2b;
	regs.user.rip = 0x401002;
	regs.user.eflags = 0x246;
}

START_TEST(numbers_are_32_bits_signed)
{
	static const struct { unsigned long long raw; int32_t nr; } cases[] = {
		{0, 0}, {0xffffffff, -1}, {0xffffffffffffffff, -1}, {0x1ffffffff, -1},
		{0xfffffff7, -9}, {0xabcd00000000003c, 60}, {0x80000000, INT32_MIN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		regs.user.orig_rax = cases[i].raw;
		ck_assert_int_eq(regs_nr(&regs), cases[i].nr);
	}
}
END_TEST

/* With a number of -1 the kernel takes no result for a request to restart. */
START_TEST(results_are_never_restarts)
{
	for (int64_t code = -516; code <= -512; code++) {
		regs.user.orig_rax = 34;
		regs_set_result(&regs, code);
		ck_assert_int_eq((int64_t)regs.user.orig_rax, -1);
		ck_assert_int_eq((int64_t)regs.user.rax, code);
		ck_assert(!regs_interrupted(&regs));
	}
}
END_TEST

START_TEST(restarts_are_told)
{
	static const int codes[] = {-512, -513, -514, -516};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		setup();
		regs.user.orig_rax = 202;
		regs.user.rax = (unsigned long long)(long)codes[i];
		ck_assert(regs_interrupted(&regs));
		regs_restart(&regs);
		ck_assert_uint_eq(regs.user.rip, 0x401000);
		ck_assert_uint_eq(regs.user.rax, codes[i] == -516 ? 219 : 202);
		ck_assert_int_eq((int64_t)regs.user.orig_rax, -1);
	}
	static const int others[] = {0, -4, -511, -515, -517};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		setup();
		regs.user.orig_rax = 202;
		regs.user.rax = (unsigned long long)(long)others[i];
		ck_assert(!regs_interrupted(&regs));
	}
}
END_TEST

START_TEST(frames_keep_what_is_not_the_guests)
{
	struct mc_frame frame;
	memset(&frame, 0xff, sizeof(frame));
	regs.user.gs_base = 0x567000020000;
	regs.user.fs_base = 0x7000;
	regs_from_frame(&regs, &frame);
	ck_assert_uint_eq(regs.user.cs, 0x33);
	ck_assert_uint_eq(regs.user.ss, 0x2b);
	ck_assert_uint_eq(regs.user.gs_base, 0x567000020000);
	ck_assert_uint_eq(regs.user.fs_base, 0x7000);
	/* Not IOPL, NT, VM, VIF, VIP; the interrupt flag always. */
	ck_assert_uint_eq(regs.user.eflags & 0x1a7000, 0);
	ck_assert_uint_eq(regs.user.eflags & 0x200, 0x200);
	ck_assert_int_eq((int64_t)regs.user.orig_rax, -1);
}
END_TEST

START_TEST(frames_go_both_ways)
{
	struct mc_frame frame, again;
	unsigned long long *words = (unsigned long long *)&regs.user;
	for (size_t i = 0; i < 15; i++)
		words[i] = 0x1000 + i;
	regs.user.rip = 0x401234;
	regs.user.rsp = 0x7ffc0000;
	regs_to_frame(&regs, &frame);
	struct regs other = regs;
	memset(&other.user, 0, 15 * sizeof(unsigned long long));
	regs_from_frame(&other, &frame);
	regs_to_frame(&other, &again);
	ck_assert_int_eq(memcmp(&frame, &again, sizeof(frame)), 0);
	ck_assert_uint_eq(other.user.rcx, 0x401234);
}
END_TEST

START_TEST(goes_on_in_64_bit_code)
{
	regs.user.cs = 0x23;
	regs.user.ss = 0;
	regs_go(&regs, 0x567000100018);
	ck_assert_uint_eq(regs.user.rip, 0x567000100018);
	ck_assert_uint_eq(regs.user.cs, 0x33);
	ck_assert_uint_eq(regs.user.ss, 0x2b);
}
END_TEST

START_TEST(calls_are_replaced_whole)
{
	const uint64_t args[6] = {1, 2, 3, 4, 5, 6};
	regs_set_call(&regs, 56, args);
	ck_assert_uint_eq(regs.user.orig_rax, 56);
	ck_assert_uint_eq(regs.user.rdi, 1);
	ck_assert_uint_eq(regs.user.rsi, 2);
	ck_assert_uint_eq(regs.user.rdx, 3);
	ck_assert_uint_eq(regs.user.r10, 4);
	ck_assert_uint_eq(regs.user.r8, 5);
	ck_assert_uint_eq(regs.user.r9, 6);
	regs_repeat_call(&regs, MC_SYS_THREAD_JOIN);
	ck_assert_uint_eq(regs.user.rip, 0x401000);
	ck_assert_int_eq((int64_t)regs.user.rax, MC_SYS_THREAD_JOIN);
	ck_assert_int_eq((int64_t)regs.user.orig_rax, -1);
}
END_TEST

/* Where the tracer sends threads for its own calls there is a `syscall`. */
START_TEST(stubs_have_their_instruction)
{
	uint8_t code[ARCH_STUB_MAX];
	static const int32_t numbers[] = {0, 1, 1023};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int32_t nr;
		ck_assert_uint_le(arch_call_stub(code, numbers[i]), RT_STUB_SIZE);
		ck_assert_int_eq(code[ARCH_STUB_SYSCALL_OFFSET], 0x0f);
		ck_assert_int_eq(code[ARCH_STUB_SYSCALL_OFFSET + 1], 0x05);
		memcpy(&nr, code + 4, sizeof(nr));
		ck_assert_int_eq(nr, numbers[i]);
	}
	uint64_t at = 0x567000110000, target = 0x567000201234, site = 0x401007, back;
	int32_t displacement, number;
	ck_assert_uint_eq(arch_gate_stub(code, at, 77, target), 10);
	memcpy(&displacement, code + 6, sizeof(displacement));
	ck_assert_uint_eq(at + 10 + (uint64_t)(int64_t)displacement, target);
	ck_assert_uint_le(arch_core_stub(code, at, -19, target), RT_STUB_SIZE);
	memcpy(&displacement, code + 9, sizeof(displacement));
	ck_assert_uint_eq(at + 13 + (uint64_t)(int64_t)displacement, target);
	/* What the dispatcher looks for in a site's. */
	uint8_t stub[RT_SITE_SIZE];
	memset(stub, 0xcc, sizeof(stub));
	const uint8_t mov[ARCH_SITE_CHANGED] = {RT_SITE_OF_NUMBER, 110};
	arch_site_stub_ring(stub, at, mov, site, target, target + 64);
	memcpy(&number, stub + RT_SITE_NUMBER, sizeof(number));
	ck_assert_int_eq(number, 110);
	memcpy(&number, stub + 31, sizeof(number));
	ck_assert_int_eq(number, 110);
	memcpy(&displacement, stub + 8, sizeof(displacement)); /* leaq */
	ck_assert_uint_eq(at + 12 + (uint64_t)(int64_t)displacement, at);
	memcpy(&displacement, stub + RT_SITE_KERNEL - 4, sizeof(displacement));
	ck_assert_uint_eq(at + RT_SITE_KERNEL + (uint64_t)(int64_t)displacement, target);
	ck_assert_int_eq(stub[RT_SITE_KERNEL], 0x0f);
	ck_assert_int_eq(stub[RT_SITE_KERNEL + 1], 0x05);
	memcpy(&back, stub + RT_SITE_RETURN, sizeof(back));
	ck_assert_uint_eq(back, site);
	memcpy(&displacement, stub + 36, sizeof(displacement));
	ck_assert_uint_eq(at + 40 + (uint64_t)(int64_t)displacement, target + 64);
	ck_assert_int_eq(stub[40], 0xcc);
}
END_TEST

/* What was carried is the call; made again, it is carried again. */
START_TEST(carried_calls_are_themselves)
{
	regs.user = (struct user_regs_struct){.rip = 0x401002, .orig_rax = RT_NR_CARRIER, .rdi = 7,
					      .r8 = 0xffffffed, .r9 = RT_CARRIES_CALL};
	const uint64_t pushed[2] = {5, 6};
	ck_assert_int_eq(regs_uncarry(&regs, pushed), MC_SYS_THREAD_JOIN);
	ck_assert_int_eq((int64_t)regs.user.orig_rax, MC_SYS_THREAD_JOIN);
	ck_assert_uint_eq(regs.user.r8, 5);
	ck_assert_uint_eq(regs.user.r9, 6);
	regs_repeat_carried(&regs, RT_CARRIES_CALL, MC_SYS_THREAD_JOIN);
	ck_assert_uint_eq(regs.user.rip, 0x401000);
	ck_assert_uint_eq(regs.user.rax, RT_NR_CARRIER);
	ck_assert_int_eq((int64_t)regs.user.orig_rax, -1);
	ck_assert_uint_eq(regs.user.rdi, 7);
	ck_assert_int_eq(regs_uncarry(&regs, pushed), MC_SYS_THREAD_JOIN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("regs");
	TCase *tests = tcase_create("regs");
	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, numbers_are_32_bits_signed);
	tcase_add_test(tests, results_are_never_restarts);
	tcase_add_test(tests, restarts_are_told);
	tcase_add_test(tests, frames_keep_what_is_not_the_guests);
	tcase_add_test(tests, frames_go_both_ways);
	tcase_add_test(tests, goes_on_in_64_bit_code);
	tcase_add_test(tests, calls_are_replaced_whole);
	tcase_add_test(tests, stubs_have_their_instruction);
	tcase_add_test(tests, carried_calls_are_themselves);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
