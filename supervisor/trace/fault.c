// SPDX-License-Identifier: MIT
// The report on a guest's fault.
#include "trace/fault.h"

#include "trace/decode.h"
#include "trace/flags.h"
#include "trace/out.h"

#include <inttypes.h>
#include <string.h>

#define LINE_BYTES 1024

static void put(FILE *to, const struct out *line)
{
	fwrite(line->text, 1, line->len, to);
	fputc('\n', to);
}

static void put_symbol(struct out *line, const struct fault_report *report, uint64_t addr)
{
	char text[256] = "";
	if (report->symbol)
		report->symbol(report->context, addr, text, sizeof text);
	text[sizeof text - 1] = 0;
	if (!text[0])
		return;
	out_char(line, ' ');
	out_escaped(line, text, strlen(text));
}

static void put_head(FILE *to, const struct fault_report *report)
{
	char text[LINE_BYTES];
	struct out line;
	out_init(&line, text, sizeof text);
	out_text(&line, "microcosm: ");
	if (report->program) {
		out_escaped(&line, report->program, strnlen(report->program, 200));
		out_text(&line, ": ");
	}
	out_printf(&line, "thread %" PRId64 " of process %d: ", report->thread, report->process);
	flags_print(&line, SIG, (uint64_t)report->signo);
	out_printf(&line, " (%s)", strsignal(report->signo));
	put(to, &line);
}

/* What the signal is about: an address where it has one, a sender where somebody sent it. */
static void put_cause(FILE *to, const struct fault_report *report)
{
	const siginfo_t *info = report->info;
	char text[LINE_BYTES];
	struct out line;
	if (!info)
		return;
	out_init(&line, text, sizeof text);
	const char *code = flags_si_code(report->signo, info->si_code);
	out_text(&line, "  ");
	if (code)
		out_text(&line, code);
	else
		out_printf(&line, "si_code %d", info->si_code);
	if (report->signo == SIGSYS && info->si_code > 0)
		out_printf(&line, ": call number %d (architecture %#x)", info->si_syscall, info->si_arch);
	else if (info->si_code == SI_KERNEL)
		out_text(&line, ": no address is known (one that is not canonical, perhaps)");
	else if (info->si_code > 0)
		out_printf(&line, ": address %#" PRIx64, (uint64_t)(uintptr_t)info->si_addr);
	else
		out_printf(&line, ": sent by process %d", info->si_pid);
	put(to, &line);
}

static void put_note(FILE *to, const char *note)
{
	char text[LINE_BYTES];
	struct out line;
	if (!note)
		return;
	out_init(&line, text, sizeof text);
	out_text(&line, "  ");
	out_escaped(&line, note, strnlen(note, 200));
	put(to, &line);
}

static void put_registers(FILE *to, const struct user_regs_struct *r)
{
	const struct { const char *name; uint64_t value; } rows[] = {
		{ "rip", r->rip }, { "rsp", r->rsp }, { "rbp", r->rbp }, { "flags", r->eflags },
		{ "rax", r->rax }, { "rbx", r->rbx }, { "rcx", r->rcx }, { "rdx", r->rdx },
		{ "rsi", r->rsi }, { "rdi", r->rdi }, { "r8", r->r8 },   { "r9", r->r9 },
		{ "r10", r->r10 }, { "r11", r->r11 }, { "r12", r->r12 }, { "r13", r->r13 },
		{ "r14", r->r14 }, { "r15", r->r15 }, { "fs", r->fs_base }, { "gs", r->gs_base },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		fprintf(to, "  %-5s %016" PRIx64 "%s", rows[i].name, rows[i].value,
			i % 4 == 3 ? "\n" : "");
}

static void put_backtrace(FILE *to, const struct fault_report *report)
{
	size_t n = report->n_frames < FAULT_FRAMES ? report->n_frames : FAULT_FRAMES;
	fputs("  backtrace:\n", to);
	for (size_t i = 0; i <= n; i++) {
		uint64_t addr = i ? report->frames[i - 1] : report->regs->rip;
		char text[LINE_BYTES];
		struct out line;
		out_init(&line, text, sizeof text);
		out_printf(&line, "    #%-2zu %#" PRIx64, i, addr);
		/* A return address may be the first of the next function: the call lies before it. */
		put_symbol(&line, report, i ? addr - 1 : addr);
		put(to, &line);
	}
	if (report->n_frames > n)
		fputs("    ...\n", to);
}

static void put_call(FILE *to, const struct fault_call *call)
{
	char text[LINE_BYTES];
	struct out line;
	struct decode d = { .args = call->args, .result = call->result };
	decode_shape(call->source, call->nr, &d.shape);
	out_init(&line, text, sizeof text);
	out_text(&line, "    ");
	decode_name(call->source, call->nr, call->name, call->module, &line);
	out_char(&line, '(');
	for (unsigned i = 0, n = decode_count(&d); i < n; i++) {
		if (i)
			out_text(&line, ", ");
		decode_argument(&d, i, call->returned, &line);
	}
	out_text(&line, ") = ");
	if (call->returned)
		decode_result(&d, call->source, call->result, &line);
	else
		out_char(&line, '?');
	if (call->returned && call->source == TRACE_GATE && call->host_errno) {
		out_char(&line, ' ');
		decode_errno(&line, call->host_errno);
	}
	put(to, &line);
}

void fault_report(FILE *to, const struct fault_report *report)
{
	put_head(to, report);
	put_cause(to, report);
	put_note(to, report->note);
	if (report->regs) {
		put_registers(to, report->regs);
		put_backtrace(to, report);
	}
	size_t n = report->n_calls < FAULT_CALLS ? report->n_calls : FAULT_CALLS;
	if (n)
		fputs("  last calls of this thread:\n", to);
	for (size_t i = report->n_calls - n; i < report->n_calls; i++)
		put_call(to, &report->calls[i]);
	fflush(to);
}
