/* SPDX-License-Identifier: MIT
 * The host process: runs host libraries' functions for guests, without any power over the guests. The
 * tracer executes it with a control socket at CTL_FD. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/host.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#endif

/* Faults in host functions are this program's business: sanitizers leave them alone. Nothing is
 * defined for a build without sanitizers to find. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:"
	       "use_sigaltstack=0";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:"
	       "use_sigaltstack=0";
}

/* The tracer runs without address randomization where --no-aslr asked for it; this process has its
 * own, so that its addresses cannot be told from the guest's. (Thread sanitizer may need the
 * opposite, and executes the program again to have it.) */
static void randomize_addresses(char **argv)
{
#ifndef UNDER_TSAN
	int current = personality(0xffffffff);

	if (current < 0 || (current & ADDR_NO_RANDOMIZE) == 0)
		return;
	personality((unsigned long)current & ~(unsigned long)ADDR_NO_RANDOMIZE);
	current = personality(0xffffffff);
	if (current >= 0 && (current & ADDR_NO_RANDOMIZE) == 0)
		execv("/proc/self/exe", argv);
	/* Not possible here: guests may then guess this process's addresses, which gates refuse. */
#else
	(void)argv;
#endif
}

/* The terminal's signals and a SIGTERM are the tracer's to act on. A write to a pipe that nobody
 * reads is an error of the function that writes. */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGINT,  SIGQUIT, SIGHUP, SIGTERM, SIGTSTP,
				       SIGTTIN, SIGTTOU, SIGPIPE };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

static bool started_by_tracer(void)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(CTL_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

static void on_exit_called(void)
{
	control_end("a host library ended the host process by exit()");
}

int main(int argc, char **argv)
{
	struct err err = { 0 };

	(void)argc;
	if (!started_by_tracer()) {
		fprintf(stderr, "microcosm: %s is a part of microcosm(1) and is started by it\n",
			argv[0] != NULL ? argv[0] : "host");
		return EXIT_MICROCOSM;
	}
	randomize_addresses(argv);
	/* If the tracer died before this, the control socket says so. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "microcosm-host");
	ignore_signals();
	fcntl(CTL_FD, F_SETFD, FD_CLOEXEC);
	close_range(CTL_FD + 1, ~0u, 0);
	mallopt(M_ARENA_MAX, 2); /* workers allocate little */
	component_init();
	if (callback_install(&err) < 0)
		control_end("%s", err.text);
	atexit(on_exit_called);
	control_run();
	_exit(EXIT_SUCCESS);
}
