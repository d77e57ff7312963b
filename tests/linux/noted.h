/* SPDX-License-Identifier: MIT
 * A handler that keeps the last signal's information and counts. */
#ifndef LINUX_TESTS_NOTED_H
#define LINUX_TESTS_NOTED_H

#include "calls.h"

static siginfo_t last;
static volatile sig_atomic_t handled;

static void note(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	last = *info;
	handled++;
}

#endif
