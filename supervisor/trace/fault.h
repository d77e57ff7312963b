/* SPDX-License-Identifier: MIT
 * The report on a guest's fault: formatting alone, of what the caller has gathered. */
#ifndef TRACE_FAULT_H
#define TRACE_FAULT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/user.h>

#include "trace/trace.h"

#define FAULT_CALLS 16
#define FAULT_FRAMES 64

struct fault_call { /* one of the thread's last calls */
	enum trace_source source;
	int nr;
	const char *name, *module; /* as in struct trace_call; both may be NULL */
	uint64_t args[6];
	int64_t result;
	int32_t host_errno; /* gates */
	bool returned;
};

struct fault_report {
	const char *program; /* NULL: not known */
	int64_t thread;      /* Microcosm's ids */
	int process;
	int signo;
	const siginfo_t *info; /* NULL: not known */
	const struct user_regs_struct *regs;
	/* Return addresses, innermost first, without regs->rip. */
	const uint64_t *frames;
	size_t n_frames;
	/* "symbol+0x12@object" of a code address, "" when unknown. May be NULL. */
	void (*symbol)(void *context, uint64_t addr, char *text, size_t size);
	void *context;
	const struct fault_call *calls; /* oldest first */
	size_t n_calls;
	const char *note; /* one more line, such as "in a handler of module clock"; or NULL */
};

/* Every line begins with "microcosm: " or two blanks; nothing of the guest's is printed unescaped. No
 * memory of the guest is looked at. */
void fault_report(FILE *to, const struct fault_report *report);

#endif
