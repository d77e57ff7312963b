// SPDX-License-Identifier: MIT
// Interposed grants: installs the filters that hand a granted number to the tracer, in every process
// that needs one, before the registering call returns.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "call/interpose.h"

#define NR_SECCOMP 317
#define SET_MODE_FILTER 1
#define FLAG_TSYNC 1
#define AREA_BYTES 128 /* of the scratch pages, for each number: struct and instructions */

struct interposition {
	struct thread *caller; /* stopped at its -1 or -3; NULL once it is gone, or none */
	int64_t result;
	int32_t nr;
	size_t outstanding;
};

struct area { /* sock_fprog as the kernel has it, and what it points to */
	uint16_t n;
	uint64_t insns;
	struct os_insn code[(AREA_BYTES - 16) / sizeof(struct os_insn)];
};
_Static_assert(sizeof(struct area) == AREA_BYTES, "one area a number");

static bool bit_get(const uint8_t *bits, int32_t nr)
{
	return bits[nr / 8] >> nr % 8 & 1;
}

static void bit_set(uint8_t *bits, int32_t nr)
{
	bits[nr / 8] |= (uint8_t)(1u << nr % 8);
}

static uint64_t area_address(const struct world *w, int32_t nr)
{
	return w->scratch + (uint64_t)nr * AREA_BYTES;
}

/* Writes the filter of nr where guests can read it and not write. */
static bool area_prepare(struct world *w, int32_t nr)
{
	if (bit_get(w->interposed, nr))
		return true;
	uint32_t number = (uint32_t)nr;
	uint64_t low = w->region.base + RT_OFF_KERNEL_STUBS;
	struct os_program program;
	struct err err = {0};
	struct area *area = region_at(&w->region, REGION_SEALED,
				      (struct gaddr){area_address(w, nr)}, sizeof *area);
	if (os_filter_interpose(&number, 1, low, low + RT_KERNEL_STUBS * RT_STUB_SIZE, &program,
				&err) < 0 ||
	    program.n > sizeof area->code / sizeof area->code[0]) {
		world_end(w, END_BROKEN, EXIT_MICROCOSM, "cannot interpose on call %d: %s", nr,
			  err.text);
		return false;
	}
	area->n = program.n;
	area->insns = area_address(w, nr) + offsetof(struct area, code);
	memcpy(area->code, program.insns, program.n * sizeof *program.insns);
	os_program_free(&program);
	bit_set(w->interposed, nr);
	return true;
}

static bool needed(const struct world *w, const struct process *p, int32_t nr)
{
	return !p->boot && p->phase >= PROCESS_RUNNING && !bit_get(p->interposed, nr) &&
	       table_get(w, p, nr) != table_kernel_stub(w, nr);
}

static void complete(struct world *w, struct interposition *op)
{
	if (op->outstanding)
		return;
	struct thread *t = op->caller;
	if (t) {
		struct regs regs;
		t->awaits = NULL;
		report_result(w, t, op->result);
		if (os_get_regs(t->tid, &regs) == 0) {
			regs_set_result(&regs, op->result);
			if (os_set_regs(t->tid, &regs) == 0)
				thread_resume(w, t, 0);
		}
	}
	free(op);
}

static void installed(struct world *w, struct thread *t, int64_t result)
{
	struct interposition *op = t->interpose;
	struct regs regs = t->injection.saved;
	t->injection.active = false;
	t->interpose = NULL;
	if (result != 0) {
		world_end(w, END_BROKEN, EXIT_MICROCOSM,
			  "the kernel refuses the filter that interposes on call %d: %s", op->nr,
			  result < 0 ? strerror((int)-result) : "threads differ");
		return;
	}
	bit_set(t->process->interposed, op->nr);
	op->outstanding--;
	signal_send_held(w, t, &regs);
	if (t != op->caller) {
		/* The kernel can no longer restart what it broke off for us. */
		regs_restart(&regs);
		if (os_set_regs(t->tid, &regs) == 0)
			thread_resume(w, t, 0);
	} else if (os_set_regs(t->tid, &regs) < 0) {
		op->caller->awaits = NULL;
		op->caller = NULL;
	}
	complete(w, op);
}

bool interpose_due(struct world *w, struct thread *t, bool trapped)
{
	struct regs regs;
	if (!t->interpose || t->injection.active || os_get_regs(t->tid, &regs) < 0)
		return false;
	const uint64_t args[6] = {SET_MODE_FILTER, FLAG_TSYNC, area_address(w, t->interpose->nr)};
	inject(w, t, &regs, trapped, NR_SECCOMP, args, installed);
	return true;
}

static struct thread *any_thread(const struct process *p)
{
	struct thread *t = p->threads;
	while (t && (t->state != THREAD_RUNNING || !t->tid || t->exiting || t->interpose))
		t = t->process_next;
	return t;
}

bool interpose_sync(struct world *w, struct thread *t, int32_t nr, int64_t result)
{
	if (!w->sealed || nr < 0 || nr >= (int32_t)RT_KERNEL_STUBS || !grant_any(w, nr) ||
	    call_is_mediated(nr))
		return false;
	bool any = false;
	for (struct process *p = w->processes; p && !any; p = p->next)
		any = needed(w, p, nr);
	if (!any || !area_prepare(w, nr))
		return false;
	struct interposition *op = calloc(1, sizeof *op);
	if (!op) {
		world_end(w, END_BROKEN, EXIT_MICROCOSM, "no memory to interpose on call %d", nr);
		return true;
	}
	*op = (struct interposition){.caller = t, .result = result, .nr = nr};
	t->awaits = op;
	for (struct process *p = w->processes; p; p = p->next) {
		struct thread *in = !needed(w, p, nr)    ? NULL
				    : p == t->process ? t
						      : any_thread(p);
		if (!in)
			continue;
		in->interpose = op;
		op->outstanding++;
		if (in != t)
			thread_interrupt(in);
	}
	if (t->interpose)
		interpose_due(w, t, true);
	else
		complete(w, op);
	return true;
}

void interpose_abandon(struct world *w, struct thread *t)
{
	struct interposition *op = t->awaits;
	if (!op || t->injection.active)
		return;
	op->caller = NULL;
	t->awaits = NULL;
	report_result(w, t, op->result);
	if (os_set_result(t->tid, op->result, false) == 0)
		thread_resume(w, t, 0);
}

void interpose_thread_gone(struct world *w, struct thread *t)
{
	struct interposition *op = t->interpose;
	t->interpose = NULL;
	if (t->awaits)
		t->awaits->caller = NULL;
	t->awaits = NULL;
	if (op) {
		struct thread *other = t->process ? any_thread(t->process) : NULL;
		if (other) {
			other->interpose = op;
			thread_interrupt(other);
		} else {
			op->outstanding--;
		}
		complete(w, op);
	}
}
