/* SPDX-License-Identifier: MIT
 * Errors of set-up: a negative errno and a message for people, printed once, by main. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Exit statuses of Microcosm's own (microcosm(1)). */
enum exit_status {
	EXIT_MICROCOSM = 125, /* usage, failure of the supervisor, a rule broken */
	EXIT_UNUSABLE = 126,  /* PROGRAM or a module found but unusable */
	EXIT_NOT_FOUND = 127, /* PROGRAM not found */
};

struct err {
	int status;      /* enum exit_status that main should end with; 0: EXIT_MICROCOSM */
	char text[1024]; /* one line, no newline, without the "microcosm: " in front */
};

/* Fills in the message and returns -errnum, so that `return err_set(err, EINVAL, ...)` reads well.
 * A message that is too long is cut; err may be NULL. */
int err_set(struct err *err, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, appending ": " and strerror(errnum). */
int err_sys(struct err *err, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "format: " in front of the message there is, on the way up. */
void err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The supervisor itself is wrong: aborts with the place. On in every build; no side effects inside. */
#define MC_ASSERT(condition)                                                               \
	((condition) ? (void)0 : assert_failed(#condition, __FILE__, __LINE__))
void assert_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

#endif
