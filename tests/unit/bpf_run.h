/* SPDX-License-Identifier: MIT
 * Runs a filter as the kernel does, for tests to see its verdicts. */
#ifndef TESTS_BPF_RUN_H
#define TESTS_BPF_RUN_H

#include <check.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t bpf_jump(const struct sock_filter *insn, bool yes)
{
	return yes ? insn->jt : insn->jf;
}

static inline uint32_t bpf_run(const struct sock_filter *code, size_t n, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < n;) {
		const struct sock_filter *insn = &code[at++];
		switch (insn->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			ck_assert_uint_le(insn->k, sizeof *data - sizeof a);
			memcpy(&a, (const char *)data + insn->k, sizeof a);
			break;
		case BPF_ALU | BPF_AND | BPF_K: a &= insn->k; break;
		case BPF_JMP | BPF_JA: at += insn->k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: at += bpf_jump(insn, a == insn->k); break;
		case BPF_JMP | BPF_JGE | BPF_K: at += bpf_jump(insn, a >= insn->k); break;
		case BPF_JMP | BPF_JGT | BPF_K: at += bpf_jump(insn, a > insn->k); break;
		case BPF_JMP | BPF_JSET | BPF_K: at += bpf_jump(insn, (a & insn->k) != 0); break;
		case BPF_RET | BPF_K: return insn->k;
		default: ck_abort_msg("instruction 0x%x", insn->code);
		}
	}
	ck_abort_msg("the filter has no end");
	return 0;
}

#endif
