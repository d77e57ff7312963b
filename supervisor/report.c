// SPDX-License-Identifier: MIT
// What the trace and the fault report get to see of a world.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "trace/ring.h"
#include "world.h"

struct traced_call {
	struct traced_call *outer;
	struct trace_call call;
	unsigned depth;
	size_t kept; /* t->n_calls when it was made: its place in the fault report */
	bool wanted, upcall, kernel;
};

#define DEPTH_MAX 256 /* deeper: its handlers jump away instead of returning */

/* ---- How the trace looks into a guest ---- */

static size_t access_read(void *context, int64_t thread, uint64_t addr, void *to, size_t n)
{
	struct world *w = context;
	const struct thread *t = thread_by_id(w, thread);
	ssize_t got = t && t->tid ? os_read(t->tid, addr, to, n) : -1;
	return got > 0 ? (size_t)got : 0;
}

static void symbol_of(struct world *w, const struct thread *t, uint64_t addr, char *text, size_t size)
{
	const char *module, *symbol;
	uint64_t offset;
	text[0] = 0;
	if (region_contains(&w->region, addr, 1)) {
		if (!modules_symbolize(w->modules, addr, &module, &symbol, &offset))
			return;
		if (symbol && offset)
			snprintf(text, size, "%s+%#llx@%s", symbol, (unsigned long long)offset, module);
		else if (symbol)
			snprintf(text, size, "%s@%s", symbol, module);
		else
			snprintf(text, size, "%s+%#llx", module, (unsigned long long)offset);
		return;
	}
	/* The host process knows the first program's symbols alone. */
	if (w->host_gone || w->end != END_NONE || (t && t->process && t->process->executed))
		return;
	struct err err = {0};
	w->msg->type = CTL_SYMBOLIZE;
	w->msg->a = addr;
	w->msg->text_len = w->msg->n_fds = 0;
	if (control_ask(w, w->msg, &err) == 0)
		snprintf(text, size, "%s", w->msg->text);
}

static void access_symbol(void *context, int64_t thread, uint64_t addr, char *text, size_t size)
{
	symbol_of(context, thread_by_id(context, thread), addr, text, size);
}

int report_open(struct world *w, const struct options *options, struct err *err)
{
	struct trace_access access = {w, access_read, access_symbol};
	return options->trace ? trace_open(&options->tracing, &access, &w->trace, err) : 0;
}

int report_modules(struct world *w, struct err *err)
{
	size_t n = w->modules->n_modules;
	if (!w->trace)
		return 0;
	const char **names = calloc(n + 1, sizeof *names);
	if (!names)
		return err_set(err, ENOMEM, "no memory for the modules' names");
	for (size_t i = 0; i < n; i++) {
		const struct module *m = &w->modules->modules[i];
		names[i] = m->name;
		trace_event(w->trace, 0, "module %s at %#llx: %s", m->name,
			    (unsigned long long)m->base, m->path);
	}
	int error = trace_check_modules(w->trace, names, n, err);
	free(names);
	return error;
}

void report_close(struct world *w)
{
	struct err err = {0};
	if (w->trace && trace_close(w->trace, &err) < 0)
		fprintf(stderr, "microcosm: %s\n", err.text);
	w->trace = NULL;
}

/* ---- Calls ---- */

static const char *module_name(const struct world *w, const char *path)
{
	for (size_t i = 0; i < w->modules->n_modules; i++)
		if (strcmp(w->modules->modules[i].path, path) == 0)
			return w->modules->modules[i].name;
	return NULL;
}

/* The host function whose stub this is, or NULL. */
static const struct module_import *gate_of(const struct world *w, uint64_t entry)
{
	uint64_t offset = entry - (w->region.base + RT_OFF_GATE_STUBS);
	for (size_t i = 0; i < w->modules->n_imports; i++)
		if (w->modules->imports[i].gate * RT_STUB_SIZE == offset)
			return &w->modules->imports[i];
	return NULL;
}

static enum trace_source source_of(const struct world *w, const struct thread *t, int32_t nr,
				   const char **module, const char **name)
{
	const char *symbol;
	uint64_t offset;
	*module = *name = NULL;
	uint64_t entry = table_nr_valid(nr) ? table_get(w, t->process, nr) : 0;
	if (nr < 0) {
		*module = "core";
		return TRACE_CORE;
	}
	if (entry == table_kernel_stub(w, nr) || entry == 0) {
		*module = nr < (int32_t)RT_KERNEL_STUBS ? "linux" : NULL;
		return nr < (int32_t)RT_KERNEL_STUBS ? TRACE_LINUX : TRACE_UNKNOWN;
	}
	const struct module_import *import = gate_of(w, entry);
	if (import) {
		*module = module_name(w, import->module);
		*name = import->symbol;
		return TRACE_MODULE;
	}
	if (!modules_symbolize(w->modules, entry, module, &symbol, &offset)) {
		*module = "guest";
		return nr < (int32_t)RT_KERNEL_STUBS ? TRACE_LINUX : TRACE_MODULE;
	}
	if (strcmp(*module, "linux") == 0)
		return TRACE_LINUX;
	*name = symbol && !offset ? symbol : NULL;
	return TRACE_MODULE;
}

static void keep(struct thread *t, const struct os_call *call, enum trace_source source,
		 const char *module, const char *name)
{
	struct fault_call *kept = &t->calls[t->n_calls++ % CALLS_KEPT];
	*kept = (struct fault_call){.source = source, .nr = call->nr, .module = module, .name = name};
	memcpy(kept->args, call->args, sizeof kept->args);
}

void report_call(struct world *w, struct thread *t, const struct os_call *call)
{
	const char *module = NULL, *name = NULL;
	/* What initialisers register is what --surface shows; the trace is the program's. */
	if (!w->trace || t->process->boot) {
		/* Names are looked up when a report is made. */
		keep(t, call, call->nr < 0 ? TRACE_CORE : TRACE_LINUX, NULL, NULL);
		return;
	}
	enum trace_source source = source_of(w, t, call->nr, &module, &name);
	keep(t, call, source, module, name);
	if (t->traced && t->traced->depth == DEPTH_MAX)
		report_drop(w, t);
	struct traced_call *traced = calloc(1, sizeof *traced);
	if (!traced) {
		world_end(w, END_BROKEN, EXIT_MICROCOSM, "no memory to trace a call");
		return;
	}
	traced->call = (struct trace_call){.thread = t->id, .source = source, .nr = call->nr,
					   .module = module, .name = name, .start_ns = os_now_ns()};
	memcpy(traced->call.args, call->args, sizeof call->args);
	traced->wanted = trace_wants(w->trace, source, call->nr, module) && !rings_has(w, call);
	if (traced->wanted)
		trace_enter(w->trace, &traced->call);
	traced->kept = t->n_calls;
	traced->outer = t->traced;
	traced->depth = t->traced ? t->traced->depth + 1 : 1;
	t->traced = traced;
}

static void pop(struct thread *t)
{
	struct traced_call *top = t->traced;
	t->traced = top->outer;
	free(top);
}

static void pop_with(struct world *w, struct thread *t, int64_t result)
{
	if (t->n_calls - t->traced->kept < CALLS_KEPT) {
		struct fault_call *kept = &t->calls[(t->traced->kept - 1) % CALLS_KEPT];
		kept->result = result;
		kept->returned = true;
	}
	if (t->traced->wanted)
		trace_leave(w->trace, &t->traced->call, result, os_now_ns());
	pop(t);
}

void report_result(struct world *w, struct thread *t, int64_t result)
{
	if (t->n_calls) {
		struct fault_call *kept = &t->calls[(t->n_calls - 1) % CALLS_KEPT];
		kept->result = result;
		kept->returned = true;
	}
	if (t->traced && !t->traced->upcall)
		pop_with(w, t, result);
}

bool report_upcall(struct thread *t, bool recorded)
{
	bool wanted = t->traced && t->traced->wanted;
	if (t->traced && (!wanted || recorded))
		pop(t);
	else if (t->traced)
		t->traced->upcall = true;
	return wanted;
}

void report_kernel(struct thread *t)
{
	if (t->traced && t->traced->wanted)
		t->traced->kernel = true;
	else if (t->traced)
		pop(t);
}

bool report_in_kernel(const struct thread *t)
{
	return t->traced && t->traced->kernel;
}

void report_kernel_end(struct world *w, struct thread *t, const struct regs *regs)
{
	if (!report_in_kernel(t))
		return;
	if (regs_interrupted(regs)) {
		trace_unfinished(w->trace, &t->traced->call);
		pop(t);
	} else {
		pop_with(w, t, (int64_t)regs->user.rax);
	}
}

void report_return(struct world *w, struct thread *t, int64_t result)
{
	while (t->traced && !t->traced->upcall) {
		trace_unfinished(w->trace, &t->traced->call);
		pop(t);
	}
	if (t->traced)
		pop_with(w, t, result);
}

void report_recorded(struct world *w, struct thread *t, const struct rt_ring_record *record,
		     const struct ring_clock *clock)
{
	struct trace_call call = {.thread = t->id, .nr = record->nr, .recorded = true};
	call.source = source_of(w, t, record->nr, &call.module, &call.name);
	if (!trace_wants(w->trace, call.source, call.nr, call.module))
		return;
	bool timed = record->start && record->start <= record->end;
	call.start_ns = ring_ns(clock, timed ? record->start : record->end);
	call.cycles = timed ? record->end - record->start : 0;
	memcpy(call.args, record->args, sizeof call.args);
	trace_enter(w->trace, &call);
	trace_leave(w->trace, &call, record->result, ring_ns(clock, record->end));
}

void report_drop(struct world *w, struct thread *t)
{
	while (t->traced) {
		if (t->traced->wanted && w->trace)
			trace_unfinished(w->trace, &t->traced->call);
		pop(t);
	}
}

void report_gate(struct world *w, struct thread *t, uint32_t index, const struct ctl_gate *gate)
{
	struct trace_call call = {.thread = t->id, .source = TRACE_GATE, .nr = (int)index,
				  .start_ns = gate->start_ns};
	for (size_t i = 0; i < w->modules->n_imports; i++)
		if (w->modules->imports[i].gate == index) {
			call.name = w->modules->imports[i].symbol;
			call.module = module_name(w, w->modules->imports[i].module);
		}
	call.host_errno = gate->err;
	memcpy(call.args, gate->ireg, sizeof call.args);
	if (!w->trace || !trace_wants(w->trace, TRACE_GATE, call.nr, call.module))
		return;
	trace_enter(w->trace, &call);
	trace_leave(w->trace, &call, (int64_t)gate->rax, gate->end_ns);
}

/* ---- Faults ---- */

struct faulting {
	struct world *w;
	const struct thread *t;
};

static void fault_symbol(void *context, uint64_t addr, char *text, size_t size)
{
	const struct faulting *faulting = context;
	symbol_of(faulting->w, faulting->t, addr, text, size);
}

/* By frame pointers: a guest that keeps none, or lies, gets a shorter or a wrong list. */
static size_t walk(const struct thread *t, const struct regs *regs, uint64_t *frames)
{
	uint64_t at = regs->user.rbp, pair[2];
	size_t n = 0;
	while (n < FAULT_FRAMES && at &&
	       os_read(t->tid, at, pair, sizeof pair) == (ssize_t)sizeof pair) {
		if (!pair[1])
			break;
		frames[n++] = pair[1];
		if (pair[0] <= at)
			break; /* stacks grow down: anything else would go round */
		at = pair[0];
	}
	return n;
}

void report_fault(struct world *w, struct thread *t, const siginfo_t *info,
		  const struct regs *regs)
{
	uint64_t frames[FAULT_FRAMES];
	struct fault_call calls[CALLS_KEPT];
	size_t n = t->n_calls < CALLS_KEPT ? t->n_calls : CALLS_KEPT;
	for (size_t i = 0; i < n; i++) {
		calls[i] = t->calls[(t->n_calls - n + i) % CALLS_KEPT];
		calls[i].source = source_of(w, t, calls[i].nr, &calls[i].module, &calls[i].name);
	}
	struct faulting faulting = {w, t};
	struct fault_report report = {
		.thread = t->id, .process = t->process->id, .signo = info->si_signo, .info = info,
		.regs = &regs->user, .frames = frames, .n_frames = walk(t, regs, frames),
		.symbol = fault_symbol, .context = &faulting, .calls = calls, .n_calls = n,
		.note = t->process->boot ? "in a module's initialiser"
			: thread_structure(w, t)->depth ? "inside a handler"
							: NULL,
	};
	fault_report(stderr, &report);
}
