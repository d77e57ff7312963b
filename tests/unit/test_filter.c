/* SPDX-License-Identifier: MIT
 * The world's filter against what it is made from, and against libseccomp's filter of the same rules:
 * random rules, and calls whose arguments lie where filters go wrong. */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf_run.h"
#include "os/os.h"
#include "rt.h"

#define RULES_MOST 90
#define CALLS 400
#define SETS 300

static struct os_rule rules[4096];
static size_t n_rules;

/* ---- What the rules mean ---- */

static bool holds(const struct mc_rule *rule, uint64_t arg)
{
	switch (rule->op) {
	case MC_RULE_EQ: return arg == rule->value;
	case MC_RULE_NE: return arg != rule->value;
	case MC_RULE_LT: return arg < rule->value;
	case MC_RULE_LE: return arg <= rule->value;
	case MC_RULE_GE: return arg >= rule->value;
	case MC_RULE_GT: return arg > rule->value;
	default: return (arg & rule->mask) == rule->value;
	}
}

static bool allowed(uint32_t nr, const uint64_t args[6])
{
	for (size_t i = 0; i < n_rules; i++) {
		bool all = rules[i].nr == nr;
		for (uint32_t c = 0; all && c < rules[i].n_conditions; c++)
			all = holds(&rules[i].conditions[c], args[rules[i].conditions[c].arg]);
		if (all)
			return true;
	}
	return false;
}

/* ---- The same by libseccomp ---- */

static bool add_to(scmp_filter_ctx ctx, const struct os_rule *rule)
{
	static const enum scmp_compare ops[] = {
		[MC_RULE_EQ] = SCMP_CMP_EQ, [MC_RULE_NE] = SCMP_CMP_NE, [MC_RULE_LT] = SCMP_CMP_LT,
		[MC_RULE_LE] = SCMP_CMP_LE, [MC_RULE_GE] = SCMP_CMP_GE, [MC_RULE_GT] = SCMP_CMP_GT,
		[MC_RULE_MASKED] = SCMP_CMP_MASKED_EQ,
	};
	struct scmp_arg_cmp conditions[MC_RULES_MAX];

	for (uint32_t c = 0; c < rule->n_conditions; c++) {
		const struct mc_rule *from = &rule->conditions[c];
		bool masked = from->op == MC_RULE_MASKED;
		conditions[c] = SCMP_CMP64(from->arg, ops[from->op], masked ? from->mask : from->value,
					   masked ? from->value : 0);
	}
	int error = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, (int)rule->nr, rule->n_conditions, conditions);
	return error == 0 || error == -EEXIST;
}

static size_t by_libseccomp(struct sock_filter *code, size_t room)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRACE(1));
	int fd = memfd_create("filter", MFD_CLOEXEC);

	ck_assert(ctx != NULL && fd >= 0);
	for (size_t i = 0; i < n_rules; i++)
		ck_assert(add_to(ctx, &rules[i]));
	ck_assert_int_eq(seccomp_export_bpf(ctx, fd), 0);
	ssize_t got = pread(fd, code, room * sizeof *code, 0);
	ck_assert_int_gt(got, 0);
	close(fd);
	seccomp_release(ctx);
	return (size_t)got / sizeof *code;
}

/* ---- Chance ---- */

static uint64_t random64(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
}

static uint64_t some_value(void)
{
	switch (random() % 6) {
	case 0: return random64();
	case 1: return (uint64_t)random() % 8 << 32 | (uint64_t)random() % 8;
	case 2: return UINT64_MAX - (uint64_t)random() % 4;
	default: return (uint64_t)random() % 16;
	}
}

static struct mc_rule some_condition(uint32_t arg, bool equal_only)
{
	struct mc_rule rule = { .arg = arg, .op = (uint32_t)(MC_RULE_EQ + random() % (MC_RULE_MASKED - MC_RULE_EQ + 1)),
				.value = some_value() };

	if (equal_only)
		rule.op = random() % 3 ? MC_RULE_EQ : MC_RULE_MASKED;
	if (rule.op == MC_RULE_MASKED) {
		rule.mask = random() % 2 ? random64() : ~(uint64_t)(random() % 16);
		rule.value &= rule.mask;
	}
	return rule;
}

static void some_rules(bool equal_only)
{
	n_rules = 1 + (size_t)random() % RULES_MOST;
	for (size_t i = 0; i < n_rules; i++) {
		uint32_t seen = 0;
		rules[i] = (struct os_rule){ .nr = (uint32_t)(random() % 3 ? random() % 20 : random() % 460) };
		for (long most = random() % 4; most > 0; most--) {
			uint32_t arg = (uint32_t)random() % 6;
			if (seen >> arg & 1)
				continue;
			seen |= 1u << arg;
			rules[i].conditions[rules[i].n_conditions++] = some_condition(arg, equal_only);
		}
	}
}

/* Near a rule's values, if there is one of this number. */
static void some_call(uint32_t *nr, uint64_t args[6])
{
	const struct os_rule *rule = &rules[(size_t)random() % n_rules];

	*nr = random() % 8 ? rule->nr : (uint32_t)random() % 470;
	for (uint32_t i = 0; i < 6; i++)
		args[i] = some_value();
	for (uint32_t c = 0; c < rule->n_conditions; c++) {
		uint64_t value = rule->conditions[c].value;
		switch (random() % 8) {
		case 0: value++; break;
		case 1: value--; break;
		case 2: value ^= 1ull << random() % 64; break;
		case 3: value |= random64() & ~rule->conditions[c].mask; break;
		default: break;
		}
		args[rule->conditions[c].arg] = value;
	}
}

/* ---- Tests ---- */

static struct os_program make(void)
{
	struct os_program filter;
	struct err err = { 0 };

	ck_assert_msg(os_filter_make(rules, n_rules, &filter, &err) == 0, "%s", err.text);
	return filter;
}

static uint32_t verdict(const struct os_program *filter, uint32_t arch, uint32_t nr, const uint64_t args[6])
{
	struct seccomp_data data = { .nr = (int)nr, .arch = arch };

	memcpy(data.args, args, sizeof data.args);
	return bpf_run((const struct sock_filter *)filter->insns, filter->n, &data) & SECCOMP_RET_ACTION_FULL;
}

START_TEST(does_what_the_rules_say)
{
	uint64_t args[6];
	uint32_t nr;
	size_t passed = 0, trapped = 0;

	srandom(1);
	for (int set = 0; set < SETS; set++) {
		some_rules(false);
		struct os_program filter = make();
		for (int i = 0; i < CALLS; i++) {
			some_call(&nr, args);
			bool want = allowed(nr, args);
			ck_assert_msg(verdict(&filter, AUDIT_ARCH_X86_64, nr, args) ==
					      (want ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRACE),
				      "set %d, call %u", set, nr);
			passed += want;
			trapped += !want;
		}
		os_program_free(&filter);
	}
	ck_assert_uint_gt(passed, SETS * CALLS / 8);
	ck_assert_uint_gt(trapped, SETS * CALLS / 8);
}
END_TEST

START_TEST(says_what_libseccomp_says)
{
	static struct sock_filter theirs[BPF_MAXINSNS];
	struct seccomp_data data = { .arch = AUDIT_ARCH_X86_64 };
	uint64_t args[6];
	uint32_t nr;

	srandom(2);
	for (int set = 0; set < SETS; set++) {
		some_rules(true);
		struct os_program filter = make();
		size_t n = by_libseccomp(theirs, BPF_MAXINSNS);
		for (int i = 0; i < CALLS; i++) {
			some_call(&nr, args);
			data.nr = (int)nr;
			memcpy(data.args, args, sizeof args);
			ck_assert_msg(verdict(&filter, AUDIT_ARCH_X86_64, nr, args) ==
					      (bpf_run(theirs, n, &data) & SECCOMP_RET_ACTION_FULL),
				      "set %d, call %u", set, nr);
		}
		os_program_free(&filter);
	}
}
END_TEST

START_TEST(everything_else_stops)
{
	const uint64_t args[6] = { 0 };
	static const uint32_t others[] = { 460, 511, 512, 0x3fff0000, 0x3fff0001, 0x40000000, 0x40000001,
					   0x40000000 | RT_NR_CARRIER, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff };

	n_rules = 0;
	for (uint32_t nr = 0; nr < 460; nr++)
		rules[n_rules++] = (struct os_rule){ .nr = nr };
	struct os_program filter = make();
	ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_X86_64, 459, args), SECCOMP_RET_ALLOW);
	ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_I386, 3, args), SECCOMP_RET_TRACE);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_X86_64, others[i], args), SECCOMP_RET_TRACE);
	os_program_free(&filter);
	n_rules = 0;
	filter = make();
	ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_X86_64, 0, args), SECCOMP_RET_TRACE);
	os_program_free(&filter);
}
END_TEST

/* What the carrier's call is, by the word in r9: whole, and in no other register. */
START_TEST(tells_what_is_carried)
{
	static const uint64_t others[] = { 0, 1, UINT64_MAX, RT_CARRIES_CALL + 1, RT_CARRIES_GATE - 1,
					   RT_CARRIES_GATE | 0x80000000, RT_CARRIES_GATE | 0x100,
					   RT_CARRIES_GATE + (1ull << 32), RT_CARRIES_GATE - (1ull << 32),
					   RT_CARRIES_GATE | 1ull << 63, RT_CARRIES_HIGH, 2, 3 };
	static const uint64_t traced[] = { RT_CARRIES_TRACER, RT_CARRIES_CORE, RT_CARRIES_CALL };
	static const uint32_t neighbours[] = { 0, RT_NR_CARRIER - 1, RT_NR_CARRIER + 1, 511 };

	for (int granted = 0; granted < 2; granted++) {
		const uint32_t plain = granted ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRACE;
		n_rules = 0;
		for (uint32_t nr = 140; nr < 150; nr++)
			if (nr != RT_NR_CARRIER || granted)
				rules[n_rules++] = (struct os_rule){ .nr = nr };
		struct os_program filter = make();
		uint64_t args[6] = { 0, 0, 0, 0, 0, RT_CARRIES_GATE };
		ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_X86_64, RT_NR_CARRIER, args), SECCOMP_RET_USER_NOTIF);
		ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_I386, RT_NR_CARRIER, args), SECCOMP_RET_TRACE);
		for (size_t i = 0; i < sizeof neighbours / sizeof *neighbours; i++)
			ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_X86_64, neighbours[i], args),
					  neighbours[i] > 140 && neighbours[i] < 150 ? SECCOMP_RET_ALLOW
										     : SECCOMP_RET_TRACE);
		for (size_t i = 0; i < sizeof traced / sizeof *traced; i++) {
			args[5] = traced[i];
			ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_X86_64, RT_NR_CARRIER, args), SECCOMP_RET_TRACE);
		}
		for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
			args[5] = others[i];
			ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_X86_64, RT_NR_CARRIER, args), plain);
		}
		const uint64_t elsewhere[6] = { RT_CARRIES_GATE, RT_CARRIES_GATE, RT_CARRIES_GATE, RT_CARRIES_GATE,
						RT_CARRIES_GATE, 0 };
		ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_X86_64, RT_NR_CARRIER, elsewhere), plain);
		os_program_free(&filter);
	}
}
END_TEST

/* The boot process's own: by where the instruction lies, whose address is the next one's at a stop. */
START_TEST(lets_the_stub_pass)
{
	static const struct { uint64_t ip; uint32_t verdict; } places[] = {
		{ 0, SECCOMP_RET_TRACE }, { RT_STUB_BASE - 1, SECCOMP_RET_TRACE },
		{ RT_STUB_BASE, SECCOMP_RET_ALLOW }, { RT_STUB_BASE + RT_STUB_SPAN - 1, SECCOMP_RET_ALLOW },
		{ RT_STUB_BASE + RT_STUB_SPAN, SECCOMP_RET_TRACE }, { RT_STUB_BASE + (1ull << 32), SECCOMP_RET_TRACE },
		{ RT_STUB_BASE - (1ull << 32), SECCOMP_RET_TRACE }, { RT_FIXED_BASE, SECCOMP_RET_TRACE },
		{ UINT64_MAX, SECCOMP_RET_TRACE },
	};
	struct os_program filter;
	struct err err = { 0 };

	ck_assert_int_eq(os_filter_boot(&filter, &err), 0);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		struct seccomp_data data = { .nr = 9, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = places[i].ip };
		const struct sock_filter *code = (const struct sock_filter *)filter.insns;
		ck_assert_uint_eq(bpf_run(code, filter.n, &data) & SECCOMP_RET_ACTION_FULL, places[i].verdict);
		data.arch = AUDIT_ARCH_I386;
		ck_assert_uint_eq(bpf_run(code, filter.n, &data) & SECCOMP_RET_ACTION_FULL, SECCOMP_RET_TRACE);
		data = (struct seccomp_data){ .nr = RT_NR_CARRIER, .arch = AUDIT_ARCH_X86_64,
					      .args = { [5] = RT_CARRIES_GATE }, .instruction_pointer = places[i].ip };
		ck_assert_uint_eq(bpf_run(code, filter.n, &data), SECCOMP_RET_USER_NOTIF);
	}
	os_program_free(&filter);
}
END_TEST

static uint32_t verdict_at(const struct os_program *filter, uint32_t arch, uint32_t nr, uint64_t ip)
{
	const struct seccomp_data data = { .nr = (int)nr, .arch = arch, .instruction_pointer = ip };
	return bpf_run((const struct sock_filter *)filter->insns, filter->n, &data) & SECCOMP_RET_ACTION_FULL;
}

/* Interposed numbers, however many, pass from their stubs alone; others are not looked at. */
START_TEST(passes_from_stubs)
{
	const uint64_t low = 0x567000101000, high = 0x567000105000;
	static const uint64_t elsewhere[] = { 0, 0x401000, 0x101000, 0x567000100fff, 0x567000105000, 0x568000101000,
					      UINT64_MAX };
	static const size_t counts[] = { 1, 2, 300, 512 };
	uint32_t nrs[512];
	struct err err = { 0 };

	for (size_t i = 0; i < sizeof nrs / sizeof *nrs; i++)
		nrs[i] = (uint32_t)(2 * i);
	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
		struct os_program filter;
		ck_assert_int_eq(os_filter_interpose(nrs, counts[c], low, high, &filter, &err), 0);
		for (uint32_t nr = 0; nr < 1100; nr++) {
			bool listed = nr % 2 == 0 && nr < 2 * counts[c];
			for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
				ck_assert_uint_eq(verdict_at(&filter, AUDIT_ARCH_X86_64, nr, elsewhere[i]),
						  listed ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW);
			ck_assert_uint_eq(verdict_at(&filter, AUDIT_ARCH_X86_64, nr, low), SECCOMP_RET_ALLOW);
			ck_assert_uint_eq(verdict_at(&filter, AUDIT_ARCH_X86_64, nr, high - 1), SECCOMP_RET_ALLOW);
			ck_assert_uint_eq(verdict_at(&filter, AUDIT_ARCH_I386, nr, 0x401000), SECCOMP_RET_ALLOW);
		}
		os_program_free(&filter);
	}
}
END_TEST

START_TEST(has_bounds)
{
	struct os_program filter;
	struct err err = { 0 };

	for (n_rules = 0; n_rules < 4096; n_rules++)
		rules[n_rules] = (struct os_rule){ .nr = 16, .n_conditions = 1, .conditions = {
			{ .arg = 1, .op = MC_RULE_MASKED, .mask = UINT64_MAX, .value = n_rules } } };
	ck_assert_int_lt(os_filter_make(rules, n_rules, &filter, &err), 0);
	ck_assert(strstr(err.text, "4096") != NULL);
	n_rules = 1;
	rules[0].conditions[0].op = 99;
	ck_assert_int_lt(os_filter_make(rules, n_rules, &filter, &err), 0);
	/* A long list of requests is more than one jump can pass. */
	for (n_rules = 0; n_rules < 600; n_rules++)
		rules[n_rules] = (struct os_rule){ .nr = 16, .n_conditions = 1, .conditions = {
			{ .arg = 1, .op = MC_RULE_EQ, .value = 2 * n_rules } } };
	filter = make();
	for (uint64_t value = 0; value < 1300; value++)
		ck_assert_uint_eq(verdict(&filter, AUDIT_ARCH_X86_64, 16, (const uint64_t[6]){ 0, value }),
				  value % 2 == 0 && value < 1200 ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRACE);
	os_program_free(&filter);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("filter");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, does_what_the_rules_say);
	tcase_add_test(tests, says_what_libseccomp_says);
	tcase_add_test(tests, everything_else_stops);
	tcase_add_test(tests, tells_what_is_carried);
	tcase_add_test(tests, lets_the_stub_pass);
	tcase_add_test(tests, passes_from_stubs);
	tcase_add_test(tests, has_bounds);
	tcase_set_timeout(tests, 300);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
