/* SPDX-License-Identifier: MIT
 * Which signal an access of memory makes. */
#ifndef LINUX_TESTS_FAULTS_H
#define LINUX_TESTS_FAULTS_H

#include <setjmp.h>

#include "calls.h"

static sigjmp_buf jump_to;

static void faulted(int signo)
{
	siglongjmp(jump_to, signo);
}

/* The signal that a read or write of the byte makes, or 0. */
static int touch(volatile char *at, bool write)
{
	int signo;

	handle(SIGSEGV, faulted, 0);
	handle(SIGBUS, faulted, 0);
	signo = sigsetjmp(jump_to, 1);
	if (signo == 0) {
		if (write)
			*at = 1;
		else
			(void)*at;
	}
	handle(SIGSEGV, SIG_DFL, 0);
	handle(SIGBUS, SIG_DFL, 0);
	return signo;
}

#endif
