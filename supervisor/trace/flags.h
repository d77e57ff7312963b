/* SPDX-License-Identifier: MIT
 * Flags and constants by their names. */
#ifndef TRACE_FLAGS_H
#define TRACE_FLAGS_H

#include "trace/kinds.h"
#include "trace/out.h"

#include <stdbool.h>

/* Prints a value of one of the kinds that are flags or constants; false when the kind is neither. */
bool flags_print(struct out *out, enum kind kind, uint64_t value);
/* open's flags say that a mode follows. */
bool flags_open_has_mode(uint64_t flags);
/* What a futex operation's fourth argument is, and whether there are more. */
bool flags_futex_has_timeout(uint64_t op);
bool flags_futex_has_count(uint64_t op);
bool flags_futex_has_more(uint64_t op);
/* Whether a fcntl command takes an argument, and prints those that are flags. */
bool flags_fcntl_has_argument(uint64_t cmd);
void flags_fcntl_argument(struct out *out, uint64_t cmd, uint64_t value);
/* si_code of a signal; NULL when it has no name. */
const char *flags_si_code(int signo, int code);
/* Bits of a signal mask, bit 0 is signal 1. */
void flags_sigset(struct out *out, uint64_t mask);
void flags_file_mode(struct out *out, uint32_t mode);
void flags_clone(struct out *out, uint64_t flags);
void flags_wait_status(struct out *out, int status);
void flags_sigaction(struct out *out, uint64_t flags);
void flags_poll(struct out *out, unsigned events);

#endif
