/* SPDX-License-Identifier: MIT
 * How the host process begins. */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include <stdbool.h>

/* In a child of the tracer with the control socket at CTL_FD: serves it until the tracer is gone. */
_Noreturn void host_run(void);
/* Whether the program, called by this name, was executed by its own host process, which goes on in it. */
bool host_is_wanted(const char *name);

#endif
