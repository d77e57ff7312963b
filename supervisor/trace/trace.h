/* SPDX-License-Identifier: MIT
 * The trace: one line a call, written by the supervisor from what it trapped. Knows how to print;
 * knows nothing of ptrace. */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct trace;

struct trace_options {
	const char *set;    /* --trace=SET: NULL or "all": everything. Comma-separated names, numbers,
			       core, linux, gates, module:NAME, signals, threads; "!x" takes x away */
	const char *file;   /* -o: NULL is stderr */
	const char *format; /* NULL or "text"; "json": one object a line, schema in microcosm(1) */
	bool lines;         /* print lines (false for -c alone) */
	bool summary;       /* -c: a table at the end */
	bool relative;      /* -r */
};

/* How the trace looks into a guest. Both may be called between trace_enter and trace_leave. */
struct trace_access {
	void *context;
	/* Copies up to n bytes of the thread's memory; how many, 0 when none. */
	size_t (*read)(void *context, int64_t thread, uint64_t addr, void *to, size_t n);
	/* "symbol@object" of a code address, "" when unknown. */
	void (*symbol)(void *context, int64_t thread, uint64_t addr, char *text, size_t size);
};

enum trace_source { TRACE_CORE, TRACE_LINUX, TRACE_MODULE, TRACE_GATE, TRACE_UNKNOWN };

struct trace_call {
	int64_t thread;  /* Microcosm's id */
	enum trace_source source;
	int nr;          /* the call number, or the gate index */
	const char *module; /* whose handler or gate it is: "core", "linux", "zlib"...; or NULL */
	const char *name;   /* known by the caller (gates, modules' symbols); NULL: by the number */
	uint64_t args[6];
	int32_t host_errno; /* gates: errno after the call, to be set before trace_leave; or 0 */
	uint64_t start_ns;  /* CLOCK_MONOTONIC */
	bool recorded;      /* by the guest: memory is not what it was at the call */
	uint64_t cycles;    /* recorded: that it took, 0 when that is not known */
	char text[512];     /* trace_enter's: the arguments, one a line */
};

int trace_open(const struct trace_options *options, const struct trace_access *access,
	       struct trace **trace, struct err *err);
/* Ends the output: prints the summary if it was asked for. 0, or -errno when lines were lost. */
int trace_close(struct trace *trace, struct err *err);

/* When the modules are loaded: a module:NAME of the set that is none of names is an error, which
 * suggests what was meant. "linux" and "core" need not be among them. */
int trace_check_modules(const struct trace *trace, const char *const *names, size_t n,
			struct err *err);

/* Whether a call is in the set: what need not be seen need not be trapped. */
bool trace_wants(const struct trace *trace, enum trace_source source, int nr, const char *module);

/* Decodes the arguments while the guest's memory is as it was at the call. */
void trace_enter(struct trace *trace, struct trace_call *call);
/* trace_enter, trace_leave and trace_unfinished take calls that trace_wants wants; leave may follow
 * enter at once (gates, which are reported when they are over). Nothing is kept between the two but
 * the call itself.
 * Writes the line: "[3] write(1, "hello\n", 6) = 6 <12.3 us>". */
void trace_leave(struct trace *trace, struct trace_call *call, int64_t result, uint64_t end_ns);
/* The same for a call that never returned (exit, exec, killed): "= ?". */
void trace_unfinished(struct trace *trace, struct trace_call *call);

/* "[3] ... 17 records lost": so many calls of the thread's are missing here; negative: nobody knows how many. */
void trace_lost(struct trace *trace, int64_t thread, int64_t records);

/* Lines between the two go out together. */
void trace_hold(struct trace *trace);
void trace_flush(struct trace *trace);

/* "[3] --- SIGSEGV {si_code=..., si_addr=...} ---", and other events: "[3] +++ text +++". */
void trace_signal(struct trace *trace, int64_t thread, int signo, const void *siginfo);
void trace_event(struct trace *trace, int64_t thread, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "SIGSEGV", "ENOENT", and a call's name by its number ("write", "mc_register"); NULL: none known. */
const char *trace_signal_name(int signo);
const char *trace_errno_name(int errnum);
const char *trace_call_name(int nr);

#endif
