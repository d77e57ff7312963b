/* SPDX-License-Identifier: MIT
 * What the calls are named and what their arguments are: from calls.def and linux_calls.def. */
#ifndef TRACE_KINDS_H
#define TRACE_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kind {
	NONE = 0, /* no argument, and none after it */
	ANY,      /* nothing is known: decimal when small, else hexadecimal */
	INT,      /* 32 bits, signed */
	LONG,
	UINT,
	HEX,
	MODE,     /* permission bits, octal */
	PTR,
	FD,
	ATFD,     /* FD or AT_FDCWD */
	STR,      /* a string of the guest */
	IN,       /* a buffer that the call reads; its length is the next argument */
	OUT,      /* a buffer that the call fills: as many bytes as it returns */
	IOVIN,    /* struct iovec that the call reads from; their number is the next argument */
	IOVOUT,
	ARGV,     /* a list of strings */
	ENVP,     /* a list of strings; only counted */
	OPEN,     /* open's flags; */
	OMODE,    /* and its mode, which is there only when they say so */
	FDF,      /* O_CLOEXEC and its like, no access mode */
	PROT, MAP, MREMAP, MSYNC, MADV, MLOCK,
	CLONE, CLONE3, UNSHARE, WOPT, WSTAT, IDTYPE,
	SIG, SIGHOW, SIGSET, SIGSETO, SIGACT, SIGACTO,
	FUTEX, FUTEXT, FUTEXA, FUTEXV, /* the operation; what follows is there only for some */
	IOCTL, FCNTL, FARG, FLOCK,
	PRCTL, ARCHP, SECC,
	CLOCK, CLOCKF, TS, TSO,
	WHENCE, ACC, ATF, RENAMEF, RWF, MEMFD, GRND,
	FAMILY, STYPE, MSGF, SADDR, SHUT, SOLEVEL,
	EPOP, PFDS, PIPE, STAT, RLIM, RES,
	/* The core's. */
	CALLNR, FUNC, THREAD,
};

enum result_kind {
	DEC,   /* a number, or -errno */
	ADDR,  /* an address, or -errno */
	OCT,   /* permission bits */
	NORET, /* does not return */
	RFUNC, /* a function */
};

struct call_shape {
	const char *name;
	uint8_t result;   /* enum result_kind */
	uint8_t kinds[6]; /* enum kind, NONE after the last */
};

/* The shape of a call number; false (and an empty shape) when neither the core nor Linux has it. */
bool call_shape(int nr, struct call_shape *shape);
/* By a name as users write it ("write", "mc_register"): 0 and the number, or -1. */
int call_by_name(const char *name, int *nr);
/* Calls f for each name there is. */
void call_names(void (*f)(void *context, const char *name), void *context);
bool call_is_linux(int nr);

#endif
