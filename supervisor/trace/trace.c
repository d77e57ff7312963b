// SPDX-License-Identifier: MIT
// The trace: makes a line of each call and event, as text or as JSON, and writes it at once.
//
// JSON, schema 1: one object a line; every field is always there, null where it does not apply.
//   all:     schema (1), type, time_ns (since the trace began, when the call began)
//   lost:    thread, records (calls that --trace-ring has no record of; null: how many is not known)
//   call:    thread, source ("core" "linux" "module" "gate" "unknown"), module, nr (a gate: its
//            index), name, args (as the text form prints them), raw (the same arguments' registers,
//            strings of hexadecimal), result (a 64-bit signed integer; null: the call never returned),
//            text (result as the text form prints it), errno ("ENOENT"), duration_ns, cycles (ticks of
//            the time stamp counter, of what --trace-ring recorded)
//   signal:  thread, signal ("SIGSEGV"), nr, code, text
//   event:   thread, text
//   summary: name, calls, errors, total_ns, median_ns; at the end, for -c
// A field may be added under the same schema number; one that changes its meaning raises it. The
// page microcosm(1) says the same to users.
#include "trace/trace.h"

#include "trace/decode.h"
#include "trace/flags.h"
#include "trace/near.h"
#include "trace/out.h"
#include "trace/set.h"
#include "trace/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 8192 /* six arguments and a name, each escape escaped again, fit */
#define HELD_BYTES (8 * LINE_BYTES)
#define ARG_BYTES 400   /* of what a call filled */
#define ARG_SHARE 22    /* kept for each argument that is still to come */

struct trace {
	struct trace_access access;
	struct set *set;
	struct summary *summary; /* NULL without -c */
	int fd;
	char *file;  /* NULL: stderr */
	bool json;
	bool lines;
	bool relative;
	uint64_t begin_ns, last_ns;
	uint64_t n_lines; /* to be written next */
	uint64_t lost; /* lines that could not be written... */
	int error;     /* ...and why the first one could not */
	char line[LINE_BYTES];
	bool holding;
	size_t n_held;
	char held[HELD_BYTES]; /* whole lines */
};

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t elapsed(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* ---- Opening and writing ---- */

static int parse_options(struct trace *trace, const struct trace_options *options, struct err *err)
{
	const char *format = options->format ? options->format : "text";
	trace->json = strcmp(format, "json") == 0;
	if (!trace->json && strcmp(format, "text") != 0)
		return err_set(err, EINVAL, "--trace-format: '%s' is neither 'text' nor 'json'", format);
	trace->lines = options->lines;
	trace->relative = options->relative;
	if (options->summary && !(trace->summary = summary_new()))
		return err_set(err, ENOMEM, "trace: out of memory");
	return set_parse(options->set, &trace->set, err);
}

static int open_file(struct trace *trace, const char *file, struct err *err)
{
	if (!file)
		return 0;
	trace->file = strdup(file);
	if (!trace->file)
		return err_set(err, ENOMEM, "trace: out of memory");
	trace->fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	return trace->fd < 0 ? err_sys(err, errno, "-o: cannot write %s", file) : 0;
}

static void release(struct trace *trace)
{
	set_free(trace->set);
	summary_free(trace->summary);
	free(trace->file);
	free(trace);
}

int trace_open(const struct trace_options *options, const struct trace_access *access,
	       struct trace **result, struct err *err)
{
	struct trace *trace = calloc(1, sizeof *trace);
	if (!trace)
		return err_set(err, ENOMEM, "trace: out of memory");
	trace->fd = STDERR_FILENO;
	if (access)
		trace->access = *access;
	int status = parse_options(trace, options, err);
	if (!status)
		status = open_file(trace, options->file, err);
	if (status) {
		if (err)
			err->status = EXIT_MICROCOSM;
		release(trace);
		return status;
	}
	trace->begin_ns = trace->last_ns = now_ns();
	*result = trace;
	return 0;
}

/* The line goes out at once: what a crash leaves behind is complete up to it. */
static int write_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t done = write(fd, text, n);
		if (done > 0) {
			text += done;
			n -= (size_t)done;
		} else if (done < 0 && errno == EAGAIN) {
			/* Somebody made the terminal non-blocking; a trace has no holes. */
			struct pollfd wait = { .fd = fd, .events = POLLOUT };
			poll(&wait, 1, -1);
		} else if (done == 0 || errno != EINTR) {
			return done == 0 ? EIO : errno;
		}
	}
	return 0;
}

static void line_begin(struct trace *trace, struct out *out)
{
	out_init(out, trace->line, sizeof trace->line - 1);
}

/* After a line that was lost none is tried again: a gap in the middle would look like a whole trace. */
static void write_lines(struct trace *trace, const char *text, size_t n)
{
	if (n && !trace->error)
		trace->error = write_all(trace->fd, text, n);
	trace->lost += trace->error ? trace->n_lines : 0;
	trace->n_lines = 0;
}

static void write_held(struct trace *trace)
{
	write_lines(trace, trace->held, trace->n_held);
	trace->n_held = 0;
}

static void line_end(struct trace *trace, struct out *out)
{
	out->text[out->len++] = '\n';
	if (trace->holding && out->len > sizeof trace->held - trace->n_held)
		write_held(trace);
	trace->n_lines++;
	if (trace->holding) {
		memcpy(trace->held + trace->n_held, out->text, out->len);
		trace->n_held += out->len;
		return;
	}
	write_lines(trace, out->text, out->len);
}

void trace_hold(struct trace *trace)
{
	trace->holding = true;
}

void trace_flush(struct trace *trace)
{
	trace->holding = false;
	write_held(trace);
}

/* ---- What text and JSON lines begin with ---- */

static void text_begin(struct trace *trace, struct out *out, int64_t thread, uint64_t at_ns)
{
	line_begin(trace, out);
	if (trace->relative) {
		out_printf(out, "%12.6f ", (double)elapsed(trace->last_ns, at_ns) / 1e9);
		if (at_ns > trace->last_ns)
			trace->last_ns = at_ns;
	}
	out_printf(out, "[%" PRId64 "] ", thread);
}

static void json_begin(struct trace *trace, struct out *out, const char *type, uint64_t at_ns)
{
	line_begin(trace, out);
	out_printf(out, "{\"schema\":1,\"type\":\"%s\",\"time_ns\":%" PRIu64, type,
		   elapsed(trace->begin_ns, at_ns));
}

static void json_string(struct out *out, const char *key, const char *value)
{
	out_printf(out, ",\"%s\":", key);
	if (value)
		out_json(out, value);
	else
		out_text(out, "null");
}

/* ---- Calls ---- */

static struct decode decode_of(const struct trace *trace, const struct trace_call *call)
{
	struct decode d = { .access = &trace->access, .thread = call->thread, .args = call->args };
	if (call->recorded)
		d.access = NULL;
	decode_shape(call->source, call->nr, &d.shape);
	return d;
}

/* Host components of Microcosm's own (mch_, mc_) return -errno; other host functions say by errno
 * what went wrong when they return -1, an int or a long. */
static int call_errno(const struct trace_call *call, int64_t result)
{
	if (call->source != TRACE_GATE)
		return decode_is_error(result) ? (int)-result : 0;
	if (call->name && strncmp(call->name, "mc", 2) == 0 && decode_is_error(result))
		return (int)-result;
	return result == -1 || result == (int64_t)UINT32_MAX ? call->host_errno : 0;
}

bool trace_wants(const struct trace *trace, enum trace_source source, int nr, const char *module)
{
	return set_has_call(trace->set, source, nr, module);
}

/* Each argument gets what room there is, less a share for those that follow it. What the call fills
 * stays an empty line. */
void trace_enter(struct trace *trace, struct trace_call *call)
{
	call->text[0] = 0;
	if (!trace->lines)
		return;
	struct decode d = decode_of(trace, call);
	unsigned n = decode_count(&d);
	size_t used = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t room = sizeof call->text - used - (n - i - 1) * ARG_SHARE - 1;
		struct out out;
		out_init(&out, call->text + used, room);
		if (!decode_is_filled((enum kind)d.shape.kinds[i]))
			decode_argument(&d, i, false, &out);
		out_mark_cut(&out);
		used += out.len;
		call->text[used++] = '\n';
		call->text[used] = 0;
	}
}

/* Calls f for each argument, in order, those from trace_enter and those that the call has filled. */
static void each_argument(const struct decode *d, const struct trace_call *call, bool returned,
			  void (*f)(struct out *, unsigned, const char *), struct out *line)
{
	const char *rest = call->text;
	unsigned n = decode_count(d);
	for (unsigned i = 0; i < n; i++) {
		char text[sizeof call->text];
		size_t len = strcspn(rest, "\n");
		struct out out;
		out_init(&out, text, ARG_BYTES);
		if (decode_is_filled((enum kind)d->shape.kinds[i])) {
			decode_argument(d, i, returned, &out);
			out_mark_cut(&out);
		} else {
			memcpy(text, rest, len);
			text[len] = 0;
		}
		rest += len + (rest[len] != 0);
		f(line, i, text);
	}
}

static void text_argument(struct out *line, unsigned i, const char *text)
{
	if (i)
		out_text(line, ", ");
	out_text(line, text);
}

static void json_argument(struct out *line, unsigned i, const char *text)
{
	if (i)
		out_char(line, ',');
	out_json(line, text);
}

static void result_text(const struct decode *d, const struct trace_call *call, int64_t result,
			struct out *out)
{
	decode_result(d, call->source, result, out);
	int errnum = call_errno(call, result);
	if (call->source == TRACE_GATE && errnum) {
		out_char(out, ' ');
		decode_errno(out, errnum);
	}
}

/* returned false: the call never came back, end_ns is when that was seen. */
static void text_call(struct trace *trace, const struct decode *d, const struct trace_call *call,
		      bool returned, uint64_t end_ns)
{
	struct out line;
	text_begin(trace, &line, call->thread, end_ns);
	decode_name(call->source, call->nr, call->name, call->module, &line);
	out_char(&line, '(');
	each_argument(d, call, returned, text_argument, &line);
	out_text(&line, ") = ");
	if (returned) {
		result_text(d, call, d->result, &line);
		if (!call->recorded)
			out_printf(&line, " <%.1f us>", (double)elapsed(call->start_ns, end_ns) / 1e3);
		else if (call->cycles)
			out_printf(&line, " <%" PRIu64 " cycles>", call->cycles);
	} else {
		out_char(&line, '?');
	}
	line_end(trace, &line);
}

static void json_call(struct trace *trace, const struct decode *d, const struct trace_call *call,
		      bool returned, uint64_t end_ns)
{
	static const char *const sources[] = { "core", "linux", "module", "gate", "unknown" };
	char text[ARG_BYTES];
	struct out line, part;
	json_begin(trace, &line, "call", call->start_ns);
	out_printf(&line, ",\"thread\":%" PRId64 ",\"source\":\"%s\"", call->thread,
		   sources[call->source <= TRACE_UNKNOWN ? call->source : TRACE_UNKNOWN]);
	out_init(&part, text, sizeof text);
	if (call->module)
		out_escaped(&part, call->module, strnlen(call->module, 100));
	json_string(&line, "module", call->module ? text : NULL);
	out_init(&part, text, sizeof text);
	decode_name(call->source, call->nr, call->name, NULL, &part);
	out_printf(&line, ",\"nr\":%d", call->nr);
	json_string(&line, "name", text);
	out_text(&line, ",\"args\":[");
	each_argument(d, call, returned, json_argument, &line);
	out_text(&line, "],\"raw\":[");
	for (unsigned i = 0, n = decode_count(d); i < n; i++)
		out_printf(&line, "%s\"0x%" PRIx64 "\"", i ? "," : "", call->args[i]);
	out_init(&part, text, sizeof text);
	if (returned) {
		result_text(d, call, d->result, &part);
		out_printf(&line, "],\"result\":%" PRId64, d->result);
		json_string(&line, "text", text);
		json_string(&line, "errno", trace_errno_name(call_errno(call, d->result)));
		if (call->recorded && !call->cycles)
			out_text(&line, ",\"duration_ns\":null");
		else
			out_printf(&line, ",\"duration_ns\":%" PRIu64, elapsed(call->start_ns, end_ns));
	} else {
		out_text(&line, "],\"result\":null,\"text\":\"?\",\"errno\":null,\"duration_ns\":null");
	}
	if (call->recorded && call->cycles)
		out_printf(&line, ",\"cycles\":%" PRIu64 "}", call->cycles);
	else
		out_text(&line, ",\"cycles\":null}");
	line_end(trace, &line);
}

static void call_line(struct trace *trace, const struct trace_call *call, bool returned,
		      int64_t result, uint64_t end_ns)
{
	if (!trace->lines)
		return;
	struct decode d = decode_of(trace, call);
	d.result = result;
	if (trace->json)
		json_call(trace, &d, call, returned, end_ns);
	else
		text_call(trace, &d, call, returned, end_ns);
}

/* Gates have numbers of their own; so has one number when different functions serve it. */
static void call_count(struct trace *trace, const struct trace_call *call, uint64_t ns, bool error)
{
	if (!trace->summary)
		return;
	char name[300];
	struct out out;
	out_init(&out, name, sizeof name);
	decode_name(call->source, call->nr, call->name, call->module, &out);
	uint64_t key = (uint64_t)(uint32_t)call->nr << 1 | (call->source == TRACE_GATE);
	summary_add(trace->summary, key, name, ns, error);
}

void trace_leave(struct trace *trace, struct trace_call *call, int64_t result, uint64_t end_ns)
{
	call_line(trace, call, true, result, end_ns);
	call_count(trace, call, elapsed(call->start_ns, end_ns), call_errno(call, result) != 0);
}

void trace_unfinished(struct trace *trace, struct trace_call *call)
{
	uint64_t now = now_ns();
	call_line(trace, call, false, 0, now);
	call_count(trace, call, elapsed(call->start_ns, now), false);
}

/* ---- Events ---- */

static void signal_text(struct out *out, int signo, const siginfo_t *info)
{
	flags_print(out, SIG, (uint64_t)signo);
	if (!info)
		return;
	const char *code = flags_si_code(signo, info->si_code);
	out_text(out, " {si_code=");
	if (code)
		out_text(out, code);
	else
		out_printf(out, "%d", info->si_code);
	bool fault = signo == SIGSEGV || signo == SIGBUS || signo == SIGILL || signo == SIGFPE ||
		     signo == SIGTRAP;
	if (fault && info->si_code > 0 && info->si_code != SI_KERNEL) {
		out_printf(out, ", si_addr=%#" PRIx64, (uint64_t)(uintptr_t)info->si_addr);
	} else if (signo == SIGSYS && info->si_code > 0) {
		out_printf(out, ", si_call_addr=%#" PRIx64 ", si_syscall=%d, si_arch=%#x",
			   (uint64_t)(uintptr_t)info->si_call_addr, info->si_syscall, info->si_arch);
	} else if (signo == SIGCHLD && info->si_code > 0) {
		out_printf(out, ", si_pid=%d, si_status=%d", info->si_pid, info->si_status);
	} else if (info->si_code <= 0 && info->si_code != SI_TIMER) {
		out_printf(out, ", si_pid=%d, si_uid=%u", info->si_pid, info->si_uid);
	}
	out_char(out, '}');
}

void trace_signal(struct trace *trace, int64_t thread, int signo, const void *siginfo)
{
	if (!trace->lines || !set_has_signals(trace->set))
		return;
	siginfo_t info;
	if (siginfo)
		memcpy(&info, siginfo, sizeof info);
	char text[256];
	struct out line, part;
	out_init(&part, text, sizeof text);
	signal_text(&part, signo, siginfo ? &info : NULL);
	if (trace->json) {
		json_begin(trace, &line, "signal", now_ns());
		out_printf(&line, ",\"thread\":%" PRId64, thread);
		json_string(&line, "signal", trace_signal_name(signo));
		out_printf(&line, ",\"nr\":%d,\"code\":", signo);
		out_printf(&line, siginfo ? "%d" : "null", siginfo ? info.si_code : 0);
		json_string(&line, "text", text);
		out_char(&line, '}');
	} else {
		text_begin(trace, &line, thread, now_ns());
		out_printf(&line, "--- %s ---", text);
	}
	line_end(trace, &line);
}

void trace_event(struct trace *trace, int64_t thread, const char *format, ...)
{
	if (!trace->lines || !set_has_threads(trace->set))
		return;
	char raw[512], text[1100];
	va_list ap;
	va_start(ap, format);
	vsnprintf(raw, sizeof raw, format, ap);
	va_end(ap);
	struct out line, part;
	out_init(&part, text, sizeof text);
	out_escaped(&part, raw, strlen(raw));
	out_mark_cut(&part);
	if (trace->json) {
		json_begin(trace, &line, "event", now_ns());
		out_printf(&line, ",\"thread\":%" PRId64, thread);
		json_string(&line, "text", text);
		out_char(&line, '}');
	} else {
		text_begin(trace, &line, thread, now_ns());
		out_printf(&line, "+++ %s +++", text);
	}
	line_end(trace, &line);
}

void trace_lost(struct trace *trace, int64_t thread, int64_t records)
{
	struct out line;
	if (!trace->lines)
		return;
	if (trace->json) {
		json_begin(trace, &line, "lost", now_ns());
		out_printf(&line, ",\"thread\":%" PRId64 ",\"records\":", thread);
		if (records < 0)
			out_text(&line, "null}");
		else
			out_printf(&line, "%" PRId64 "}", records);
	} else {
		text_begin(trace, &line, thread, now_ns());
		if (records < 0)
			out_text(&line, "... records lost: the ring was written to");
		else
			out_printf(&line, "... %" PRId64 " records lost", records);
	}
	line_end(trace, &line);
}

int trace_check_modules(const struct trace *trace, const char *const *names, size_t n,
			struct err *err)
{
	static const char *const always[] = { "linux", "core" };
	const char **all = calloc(n + 2, sizeof *all);
	if (!all)
		return err_set(err, ENOMEM, "trace: out of memory");
	memcpy(all, always, sizeof always);
	if (n)
		memcpy(all + 2, names, n * sizeof *all);
	const char *unknown = set_unknown_module(trace->set, all, n + 2);
	struct near near;
	near_init(&near, unknown ? unknown : "");
	for (size_t i = 0; unknown && i < n; i++)
		near_try(&near, names[i]);
	free(all);
	if (!unknown)
		return 0;
	if (near.best)
		return err_set(err, EINVAL, "--trace: no module is named '%s'; did you mean '%s'?",
			       unknown, near.best);
	return err_set(err, EINVAL, "--trace: no module is named '%s'", unknown);
}

/* ---- The end ---- */

static void text_row(struct trace *trace, const struct summary_row *row, double all_ns)
{
	struct out line;
	char errors[24] = "";
	if (row->errors)
		snprintf(errors, sizeof errors, "%" PRIu64, row->errors);
	line_begin(trace, &line);
	out_printf(&line, "%6.2f %14.1f %11.1f %9" PRIu64 " %9s %s",
		   all_ns > 0 ? 100.0 * (double)row->total_ns / all_ns : 0.0,
		   (double)row->total_ns / 1e3, (double)row->median_ns / 1e3, row->calls, errors,
		   row->name);
	line_end(trace, &line);
}

static void text_line(struct trace *trace, const char *text)
{
	struct out line;
	line_begin(trace, &line);
	out_text(&line, text);
	line_end(trace, &line);
}

static void text_summary(struct trace *trace, const struct summary_row *rows, size_t n)
{
	static const char rule[] = "------ -------------- ----------- --------- --------- ----------------";
	struct summary_row all = { .name = "total" };
	for (size_t i = 0; i < n; i++) {
		all.calls += rows[i].calls;
		all.errors += rows[i].errors;
		all.total_ns += rows[i].total_ns;
	}
	text_line(trace, "% time       total us   median us     calls    errors call");
	text_line(trace, rule);
	for (size_t i = 0; i < n; i++)
		text_row(trace, &rows[i], (double)all.total_ns);
	text_line(trace, rule);
	char errors[24] = "";
	if (all.errors)
		snprintf(errors, sizeof errors, "%" PRIu64, all.errors);
	struct out line;
	line_begin(trace, &line);
	out_printf(&line, "100.00 %14.1f %11s %9" PRIu64 " %9s total", (double)all.total_ns / 1e3, "",
		   all.calls, errors);
	line_end(trace, &line);
}

static void json_summary(struct trace *trace, const struct summary_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct out line;
		json_begin(trace, &line, "summary", now_ns());
		json_string(&line, "name", rows[i].name);
		out_printf(&line, ",\"calls\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"total_ns\":%" PRIu64
			   ",\"median_ns\":%" PRIu64 "}", rows[i].calls, rows[i].errors,
			   rows[i].total_ns, rows[i].median_ns);
		line_end(trace, &line);
	}
}

int trace_close(struct trace *trace, struct err *err)
{
	if (!trace)
		return 0;
	if (trace->summary) {
		size_t n;
		struct summary_row *rows = summary_rows(trace->summary, &n);
		if (trace->json)
			json_summary(trace, rows, n);
		else
			text_summary(trace, rows, n);
		free(rows);
	}
	if (trace->file && close(trace->fd) && !trace->error)
		trace->error = errno;
	int status = 0;
	if (trace->error) {
		status = err_sys(err, trace->error, "trace: %" PRIu64 " lines could not be written to %s",
				 trace->lost, trace->file ? trace->file : "standard error");
		if (err)
			err->status = EXIT_MICROCOSM;
	}
	release(trace);
	return status;
}
