// SPDX-License-Identifier: MIT
// Filters, as classic BPF. They are written here and not by libseccomp, which took 0.8 ms of a start for the
// Linux numbers' 200 rules (this takes 0.03) and cannot look at the instruction pointer. The unit tests
// hold what comes out against libseccomp's own filter of the same rules.
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/os.h"
#include "rt.h"

_Static_assert(sizeof(struct os_insn) == sizeof(struct sock_filter), "the kernel's layout");

/* What GETEVENTMSG would say of a trap; the tracer goes by the call itself. */
#define TRACE (SECCOMP_RET_TRACE | 1)

#define DATA_NR offsetof(struct seccomp_data, nr)
#define DATA_ARCH offsetof(struct seccomp_data, arch)
#define DATA_IP offsetof(struct seccomp_data, instruction_pointer)
#define DATA_LOW(arg) (offsetof(struct seccomp_data, args) + 8 * (arg))
#define DATA_HIGH(arg) (DATA_LOW(arg) + 4)

/* ---- Instructions ---- */

struct code {
	struct sock_filter insns[BPF_MAXINSNS];
	size_t n;
	bool full;
};

/* Targets of jumps that `land` aims later: forward, behind what is written until then. */
enum { FAIL = 255, LEAVE = 254 };

static void insn(struct code *c, int op, uint32_t k, int yes, int no)
{
	if (c->n == BPF_MAXINSNS) {
		c->full = true;
		return;
	}
	c->insns[c->n++] = (struct sock_filter)BPF_JUMP((uint16_t)op, k, (uint8_t)yes, (uint8_t)no);
}

static void load(struct code *c, size_t offset)
{
	insn(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void jump(struct code *c, int op, uint32_t k, int yes, int no)
{
	insn(c, BPF_JMP | BPF_K | op, k, yes, no);
}

static void give(struct code *c, uint32_t action)
{
	insn(c, BPF_RET | BPF_K, action, 0, 0);
}

static void land(struct code *c, size_t from, uint8_t target)
{
	for (size_t i = from; i < c->n; i++) {
		uint8_t distance = (uint8_t)(c->n - i - 1);
		if (BPF_CLASS(c->insns[i].code) != BPF_JMP)
			continue;
		if (c->insns[i].jt == target)
			c->insns[i].jt = distance;
		if (c->insns[i].jf == target)
			c->insns[i].jf = distance;
	}
}

static int code_take(struct code *c, struct os_program *out, struct err *err)
{
	*out = (struct os_program){0};
	if (c->full)
		return err_set(err, E2BIG,
			       "the modules' grants make a filter of more than the %d instructions that "
			       "the kernel takes", BPF_MAXINSNS);
	out->insns = malloc(c->n * sizeof *out->insns);
	if (!out->insns)
		return err_set(err, ENOMEM, "no memory for a filter");
	memcpy(out->insns, c->insns, c->n * sizeof *out->insns);
	out->n = (uint16_t)c->n;
	return 0;
}

/* ---- Conditions ---- */

/* Goes on behind itself where the condition holds, to FAIL where not. */
static int condition(struct code *c, const struct mc_rule *rule)
{
	uint32_t high = (uint32_t)(rule->value >> 32), low = (uint32_t)rule->value;
	bool or_equal = rule->op == MC_RULE_GE || rule->op == MC_RULE_LT;
	if (rule->arg > 5)
		return -EINVAL;
	load(c, DATA_HIGH(rule->arg));
	switch (rule->op) {
	case MC_RULE_MASKED:
		insn(c, BPF_ALU | BPF_AND | BPF_K, (uint32_t)(rule->mask >> 32), 0, 0);
		jump(c, BPF_JEQ, high, 0, FAIL);
		load(c, DATA_LOW(rule->arg));
		insn(c, BPF_ALU | BPF_AND | BPF_K, (uint32_t)rule->mask, 0, 0);
		jump(c, BPF_JEQ, low, 0, FAIL);
		return 0;
	case MC_RULE_EQ:
		jump(c, BPF_JEQ, high, 0, FAIL);
		load(c, DATA_LOW(rule->arg));
		jump(c, BPF_JEQ, low, 0, FAIL);
		return 0;
	case MC_RULE_NE:
		jump(c, BPF_JEQ, high, 0, 2);
		load(c, DATA_LOW(rule->arg));
		jump(c, BPF_JEQ, low, FAIL, 0);
		return 0;
	case MC_RULE_GE:
	case MC_RULE_GT:
		jump(c, BPF_JGT, high, 3, 0);
		jump(c, BPF_JEQ, high, 0, FAIL);
		load(c, DATA_LOW(rule->arg));
		jump(c, or_equal ? BPF_JGE : BPF_JGT, low, 0, FAIL);
		return 0;
	case MC_RULE_LT:
	case MC_RULE_LE:
		jump(c, BPF_JGT, high, FAIL, 0);
		jump(c, BPF_JEQ, high, 0, 2);
		load(c, DATA_LOW(rule->arg));
		jump(c, or_equal ? BPF_JGE : BPF_JGT, low, FAIL, 0);
		return 0;
	default: return -EINVAL;
	}
}

/* Allows where all conditions from the given one on hold; goes on behind itself where not. */
static int alternative(struct code *c, const struct os_rule *rule, uint32_t first, size_t from)
{
	for (uint32_t i = first; i < rule->n_conditions; i++)
		if (condition(c, &rule->conditions[i]) < 0)
			return -EINVAL;
	give(c, SECCOMP_RET_ALLOW);
	land(c, from, FAIL);
	return 0;
}

/* What a request number begins with: its argument is to equal something, as in ioctl's rows. */
static bool is_request(const struct os_rule *rule)
{
	return rule->n_conditions && rule->conditions[0].op == MC_RULE_EQ && rule->conditions[0].arg <= 5;
}

static bool same_request(const struct os_rule *a, const struct os_rule *b)
{
	return is_request(b) && a->conditions[0].arg == b->conditions[0].arg &&
	       a->conditions[0].value >> 32 == b->conditions[0].value >> 32;
}

/* Neighbours that compare one argument load it once. How many these were, or -EINVAL. */
static int requests(struct code *c, const struct os_rule *const *rules, size_t n)
{
	uint32_t arg = rules[0]->conditions[0].arg;
	size_t begin = c->n, i = 0;
	load(c, DATA_HIGH(arg));
	jump(c, BPF_JEQ, (uint32_t)(rules[0]->conditions[0].value >> 32), 0, LEAVE);
	for (bool loaded = false; i < n && same_request(rules[0], rules[i]) && c->n - begin < LEAVE - 64; i++) {
		if (!loaded)
			load(c, DATA_LOW(arg));
		size_t from = c->n;
		jump(c, BPF_JEQ, (uint32_t)rules[i]->conditions[0].value, 0, FAIL);
		if (alternative(c, rules[i], 1, from) < 0)
			return -EINVAL;
		loaded = rules[i]->n_conditions == 1;
	}
	land(c, begin, LEAVE);
	return (int)i;
}

static int alternatives(struct code *c, const struct os_rule *const *rules, size_t n)
{
	for (size_t i = 0; i < n;) {
		int done = is_request(rules[i]) ? requests(c, rules + i, n - i)
						: alternative(c, rules[i], 0, c->n);
		if (done < 0)
			return done;
		i += done ? (size_t)done : 1;
	}
	give(c, TRACE);
	return 0;
}

/* ---- Numbers ---- */

struct segment { /* of numbers with one fate, up to the next segment */
	uint32_t first;
	const struct os_rule *const *rules; /* alternatives of one number */
	size_t n;
	bool allowed;
};

static int search(struct code *c, const struct segment *segments, size_t n)
{
	if (n == 1 && segments->n)
		return alternatives(c, segments->rules, segments->n);
	if (n == 1) {
		give(c, segments->allowed ? SECCOMP_RET_ALLOW : TRACE);
		return 0;
	}
	size_t half = n / 2, node = c->n;
	jump(c, BPF_JGE, segments[half].first, 0, 1);
	jump(c, BPF_JA, 0, 0, 0);
	int error = search(c, segments, half);
	if (c->full)
		return error;
	size_t left = c->n - node - 2;
	if (left < 255) { /* near: one jump does */
		c->insns[node].jt = (uint8_t)left;
		c->insns[node].jf = 0;
		memmove(&c->insns[node + 1], &c->insns[node + 2], left * sizeof c->insns[0]);
		c->n--;
	} else {
		c->insns[node + 1].k = (uint32_t)left;
	}
	return error ? error : search(c, segments + half, n - half);
}

static int compare_rules(const void *a, const void *b)
{
	const struct os_rule *left = *(const struct os_rule *const *)a, *right = *(const struct os_rule *const *)b;
	if (left->nr != right->nr)
		return left->nr < right->nr ? -1 : 1;
	return left < right ? -1 : left > right; /* alternatives stay in order */
}

static void segment_add(struct segment *segments, size_t *n, struct segment next)
{
	const struct segment *last = *n ? &segments[*n - 1] : NULL;
	if (last && !last->n && !next.n && last->allowed == next.allowed)
		return;
	segments[(*n)++] = next;
}

/* sorted has n rules; two segments for each and one more are the most. */
static size_t segments_make(const struct os_rule *const *sorted, size_t n, struct segment *segments)
{
	size_t count = 0;
	segment_add(segments, &count, (struct segment){.first = 0});
	for (size_t i = 0, end; i < n; i = end) {
		struct segment number = {.first = sorted[i]->nr, .rules = sorted + i};
		for (end = i; end < n && sorted[end]->nr == number.first; end++)
			number.allowed |= sorted[end]->n_conditions == 0;
		number.n = number.allowed ? 0 : end - i;
		if (segments[count - 1].first == number.first)
			count--; /* its neighbour is granted too */
		segment_add(segments, &count, number);
		segment_add(segments, &count, (struct segment){.first = number.first + 1});
	}
	return count;
}

/* Gates notify, carried calls are the tracer's; the rest goes on behind this. */
static void world_head(struct code *c)
{
	load(c, DATA_ARCH);
	jump(c, BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
	give(c, TRACE);
	load(c, DATA_NR);
	jump(c, BPF_JEQ, RT_NR_CARRIER, 0, 8);
	load(c, DATA_HIGH(5));
	jump(c, BPF_JEQ, RT_CARRIES_HIGH, 0, 5);
	load(c, DATA_LOW(5));
	jump(c, BPF_JEQ, (uint32_t)RT_CARRIES_GATE, 2, 0);
	jump(c, BPF_JGT, (uint32_t)RT_CARRIES_CALL, 2, 0);
	give(c, TRACE);
	give(c, SECCOMP_RET_USER_NOTIF);
	load(c, DATA_NR); /* it carries nothing */
}

/* What is called from [low, high), which is of one 4 GiB; the rest is the tracer's. */
static void pass_from(struct code *c, uint64_t low, uint64_t high)
{
	load(c, DATA_IP + 4);
	jump(c, BPF_JEQ, (uint32_t)(low >> 32), 0, 3);
	load(c, DATA_IP);
	jump(c, BPF_JGE, (uint32_t)low, 0, 1);
	jump(c, BPF_JGE, (uint32_t)high, 0, 1);
	give(c, TRACE);
	give(c, SECCOMP_RET_ALLOW);
}

int os_filter_boot(struct os_program *out, struct err *err)
{
	struct code c;
	c.n = 0;
	c.full = false;
	world_head(&c);
	pass_from(&c, RT_STUB_BASE, RT_STUB_BASE + RT_STUB_SPAN);
	return code_take(&c, out, err);
}

int os_filter_make(const struct os_rule *rules, size_t n, struct os_program *out, struct err *err)
{
	const struct os_rule **sorted = calloc(n + 1, sizeof(*sorted));
	struct segment *segments = calloc(2 * n + 1, sizeof *segments);
	struct code *c = malloc(sizeof *c);
	int error = !sorted || !segments || !c ? err_set(err, ENOMEM, "no memory for the filter") : 0;
	for (size_t i = 0; i < n && !error; i++)
		sorted[i] = &rules[i];
	if (!error) {
		c->n = 0;
		c->full = false;
		qsort(sorted, n, sizeof *sorted, compare_rules);
		world_head(c);
		if (search(c, segments, segments_make(sorted, n, segments)) < 0)
			error = err_set(err, EINVAL, "a grant has a bad rule");
		else
			error = code_take(c, out, err);
	}
	free(sorted);
	free(segments);
	free(c);
	return error;
}

/* ---- The region's guard, in front of a filter, whose jumps are relative ---- */

bool os_seals_mappings(void)
{
	return syscall(462 /* mseal: newer than the headers */, 0, 0, 0) == 0;
}

/* Upper halves of addresses and lengths do: what is 32 GiB and more below the region reaches it by no
 * length below 32 GiB. */
int os_filter_guard(struct os_program *program, uint64_t low, uint64_t high, struct err *err)
{
	enum { SPAN = 8, N = 14 };
	const uint32_t first = (uint32_t)(low >> 32), last = (uint32_t)((high - 1) >> 32);
	const struct sock_filter guard[N] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA_ARCH),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 12),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA_NR),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_munmap, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mremap, 0, 8),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA_LOW(3)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MREMAP_FIXED, 5, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA_HIGH(0)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first - SPAN, 2, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA_HIGH(1)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SPAN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, TRACE),
	};
	if (first <= SPAN || program->n + N > BPF_MAXINSNS)
		return err_set(err, E2BIG, "no room in the filter to guard the region");
	struct os_insn *grown = realloc(program->insns, (program->n + (size_t)N) * sizeof *grown);
	if (!grown)
		return err_set(err, ENOMEM, "no memory for a filter");
	memmove(grown + N, grown, program->n * sizeof *grown);
	memcpy(grown, guard, sizeof guard);
	program->insns = grown;
	program->n = (uint16_t)(program->n + N);
	return 0;
}

/* ---- Interposed numbers ---- */

int os_filter_interpose(const uint32_t *nrs, size_t n, uint64_t low, uint64_t high,
			struct os_program *out, struct err *err)
{
	/* The address range lies within one 4 GiB block. */
	if (low >> 32 != (high - 1) >> 32)
		return err_set(err, EINVAL, "cannot interpose on granted calls: their stubs lie too high");
	struct code *c = malloc(sizeof *c);
	if (!c)
		return err_set(err, ENOMEM, "no memory for a filter");
	c->n = 0;
	c->full = false;
	load(c, DATA_ARCH);
	jump(c, BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
	give(c, SECCOMP_RET_ALLOW);
	load(c, DATA_NR);
	for (size_t i = 0; i < n; i++) {
		jump(c, BPF_JEQ, nrs[i], 0, 1);
		jump(c, BPF_JA, (uint32_t)(2 * (n - i) - 1), 0, 0);
	}
	give(c, SECCOMP_RET_ALLOW);
	pass_from(c, low, high);
	int error = code_take(c, out, err);
	free(c);
	return error;
}

void os_program_free(struct os_program *program)
{
	free(program->insns);
	program->insns = NULL;
	program->n = 0;
}
