/* SPDX-License-Identifier: MIT
 * The host process: runs host libraries' functions for guests, without any power over the guests. The
 * tracer forks it, before there is anything of a world, with a control socket at CTL_FD. */
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/host.h"
#include "host/run.h"

#define HOST_NAME "microcosm-host"

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

/* Where the user has turned address randomization off (setarch -R), guests would know what this process's
 * addresses are: it executes itself to have others. (Thread sanitizer may need the opposite, and executes the
 * program again to have it.) */
static void randomize_addresses(void)
{
#ifndef UNDER_TSAN
	static char *argv[] = { (char *)HOST_NAME, NULL };
	char self[PATH_MAX];
	int current = personality(0xffffffff);

	if (current < 0 || (current & ADDR_NO_RANDOMIZE) == 0)
		return;
	personality((unsigned long)current & ~(unsigned long)ADDR_NO_RANDOMIZE);
	current = personality(0xffffffff);
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0 || current < 0 || (current & ADDR_NO_RANDOMIZE) != 0)
		return; /* not possible here: gates refuse what guests guess */
	self[n] = '\0';
	execv(self, argv);
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

bool host_is_wanted(const char *name)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return name != NULL && strcmp(name, HOST_NAME) == 0 &&
	       getsockopt(CTL_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

static void on_exit_called(void)
{
	control_end("a host library ended the host process by exit()");
}

void host_run(void)
{
	struct err err = { 0 };

	randomize_addresses();
	/* If the tracer died before this, the control socket says so. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, HOST_NAME);
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
