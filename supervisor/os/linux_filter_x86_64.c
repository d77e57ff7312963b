// SPDX-License-Identifier: MIT
// Filters: libseccomp makes the world's; the one for interposed grants looks at the instruction
// pointer, which libseccomp cannot, and is written here.
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/os.h"
#include "rt.h"

_Static_assert(sizeof(struct os_insn) == sizeof(struct sock_filter), "the kernel's layout");

/* What GETEVENTMSG would say of a trap; the tracer goes by the call itself. */
#define TRACE_DEFAULT 1
#define TRACE_BAD_ARCH 2

#define API_NOTIFY 5 /* seccomp_api_get(3): user notification */

static int condition_make(const struct mc_rule *rule, struct scmp_arg_cmp *out)
{
	static const enum scmp_compare ops[] = {
		[MC_RULE_EQ] = SCMP_CMP_EQ, [MC_RULE_NE] = SCMP_CMP_NE,
		[MC_RULE_LT] = SCMP_CMP_LT, [MC_RULE_LE] = SCMP_CMP_LE,
		[MC_RULE_GE] = SCMP_CMP_GE, [MC_RULE_GT] = SCMP_CMP_GT,
		[MC_RULE_MASKED] = SCMP_CMP_MASKED_EQ,
	};
	if (rule->op < MC_RULE_EQ || rule->op > MC_RULE_MASKED || rule->arg > 5)
		return -EINVAL;
	*out = rule->op == MC_RULE_MASKED
		       ? SCMP_CMP64(rule->arg, SCMP_CMP_MASKED_EQ, rule->mask, rule->value)
		       : SCMP_CMP64(rule->arg, ops[rule->op], rule->value, 0);
	return 0;
}

static int program_read(scmp_filter_ctx ctx, struct os_program *out, struct err *err)
{
	int fd = memfd_create("microcosm-filter", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot make a file for the filter");
	int error = seccomp_export_bpf(ctx, fd);
	struct stat st;
	if (error < 0 || fstat(fd, &st) < 0) {
		close(fd);
		return err_set(err, EIO, "libseccomp cannot export the filter");
	}
	size_t size = (size_t)st.st_size;
	out->insns = malloc(size);
	ssize_t got = out->insns ? pread(fd, out->insns, size, 0) : -1;
	close(fd);
	if (got != st.st_size) {
		os_program_free(out);
		return err_set(err, ENOMEM, "cannot read the filter back");
	}
	size_t n = size / sizeof(struct sock_filter);
	if (n > BPF_MAXINSNS) {
		os_program_free(out);
		return err_set(err, E2BIG,
			       "the modules' grants make a filter of %zu instructions; the kernel takes %d",
			       n, BPF_MAXINSNS);
	}
	out->n = (uint16_t)n;
	return 0;
}

static int rules_add(scmp_filter_ctx ctx, const struct os_rule *rules, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct scmp_arg_cmp conditions[MC_RULES_MAX];
		for (uint32_t c = 0; c < rules[i].n_conditions; c++)
			if (condition_make(&rules[i].conditions[c], &conditions[c]) < 0)
				return err_set(err, EINVAL, "grant of call %u: bad rule", rules[i].nr);
		int error = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, (int)rules[i].nr,
						   rules[i].n_conditions, conditions);
		if (error < 0 && error != -EEXIST)
			return err_sys(err, -error, "libseccomp refuses the grant of call %u",
				       rules[i].nr);
	}
	return 0;
}

int os_filter_make(const struct os_rule *rules, size_t n, struct os_program *out, struct err *err)
{
	/* It probes by calls that a debugger's or valgrind's kernel may not know; what the real kernel
	 * can do shows when the stub installs the filter. */
	if (seccomp_api_get() < API_NOTIFY)
		(void)seccomp_api_set(API_NOTIFY);
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRACE(TRACE_DEFAULT));
	if (!ctx)
		return err_set(err, ENOMEM, "libseccomp cannot start a filter");
	/* Negative numbers and other ABIs reach this action, not the default one: facts in the
	 * manual of seccomp_attr_set(3), SCMP_FLTATR_ACT_BADARCH. */
	int error = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRACE(TRACE_BAD_ARCH));
	if (error == 0)
		error = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, RT_NR_GATE, 0);
	if (error < 0)
		error = err_sys(err, -error, "libseccomp refuses the gates' rule");
	else
		error = rules_add(ctx, rules, n, err);
	if (error == 0) {
		/* A binary tree over the numbers; older libraries lack it and make a list. */
		(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		error = program_read(ctx, out, err);
	}
	seccomp_release(ctx);
	return error;
}

#define DATA_NR offsetof(struct seccomp_data, nr)
#define DATA_ARCH offsetof(struct seccomp_data, arch)
#define DATA_IP offsetof(struct seccomp_data, instruction_pointer)

static void insn(struct sock_filter *code, size_t *at, int op, uint32_t k, int yes, int no)
{
	code[(*at)++] = (struct sock_filter)BPF_JUMP(op, k, yes, no);
}

int os_filter_interpose(const uint32_t *nrs, size_t n, uint64_t low, uint64_t high,
			struct os_program *out, struct err *err)
{
	/* 8 instructions a number; the address range lies within one 4 GiB block. */
	if (8 * n + 4 > BPF_MAXINSNS || low >> 32 != (high - 1) >> 32)
		return err_set(err, EINVAL, "cannot interpose on %zu granted calls", n);
	struct sock_filter *code = calloc(8 * n + 4, sizeof *code);
	if (!code)
		return err_set(err, ENOMEM, "no memory for a filter");
	size_t at = 0;
	insn(code, &at, BPF_LD | BPF_W | BPF_ABS, DATA_ARCH, 0, 0);
	insn(code, &at, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	insn(code, &at, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	for (size_t i = 0; i < n; i++) {
		insn(code, &at, BPF_LD | BPF_W | BPF_ABS, DATA_NR, 0, 0);
		insn(code, &at, BPF_JMP | BPF_JEQ | BPF_K, nrs[i], 0, 6);
		insn(code, &at, BPF_LD | BPF_W | BPF_ABS, DATA_IP + 4, 0, 0);
		insn(code, &at, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(low >> 32), 0, 3);
		insn(code, &at, BPF_LD | BPF_W | BPF_ABS, DATA_IP, 0, 0);
		insn(code, &at, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)low, 0, 1);
		insn(code, &at, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)high, 0, 1);
		insn(code, &at, BPF_RET | BPF_K, SECCOMP_RET_TRACE | TRACE_DEFAULT, 0, 0);
	}
	insn(code, &at, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	out->n = (uint16_t)at;
	out->insns = (struct os_insn *)code;
	return 0;
}

void os_program_free(struct os_program *program)
{
	free(program->insns);
	program->insns = NULL;
	program->n = 0;
}
