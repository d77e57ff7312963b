// SPDX-License-Identifier: MIT
// microcosm: reads the command line, runs a world, says once what failed.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "host/run.h"
#include "options.h"
#include "world.h"

static int fail(const struct err *err)
{
	fprintf(stderr, "microcosm: %s\n", err->text);
	return err->status ? err->status : EXIT_MICROCOSM;
}

/* A descriptor 0, 1 or 2 that is closed would be taken by a file of the supervisor's own, which guests
 * inherit and messages are written to. */
static void fill_stdio(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* EFBIG says it better, and what is executed has the default again. */
static void file_too_large(int signo)
{
	(void)signo;
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err = {0};
	int status = 0;
	if (host_is_wanted(argv[0]))
		host_run();
	fill_stdio();
	if (signal(SIGXFSZ, file_too_large) == SIG_IGN)
		signal(SIGXFSZ, SIG_IGN); /* for the program as well */
	if (options_parse(argc, argv, &options, &err) < 0)
		status = fail(&err);
	else if (options.action == OPTIONS_HELP)
		options_help(stdout);
	else if (options.action == OPTIONS_VERSION)
		puts("microcosm " MC_VERSION);
	else if (options.action == OPTIONS_POLICY)
		policy_print(&options, stdout);
	else if (world_run(&options, host_run, &status, &err) < 0)
		status = fail(&err);
	options_free(&options);
	if (fflush(stdout) != 0 && status == 0)
		status = EXIT_MICROCOSM;
	return status;
}
