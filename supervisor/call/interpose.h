/* SPDX-License-Identifier: MIT
 * Interposed grants: once a granted number's entry is no longer the stub of that kernel call, a filter
 * on top of the world's hands the number to the tracer unless the call comes from the stubs. */
#ifndef CALL_INTERPOSE_H
#define CALL_INTERPOSE_H

#include "world.h"

/* After a change of nr's entry by t, which is stopped at its call and is to get result: true when
 * filters must be installed first; t is then resumed when they are. */
bool interpose_sync(struct world *w, struct thread *t, int32_t nr, int64_t result);
/* At a stop of t: starts an installation that is due in it; true when it has resumed t. */
bool interpose_due(struct world *w, struct thread *t, bool trapped);
/* t is to be killed: it no longer waits for the filters that its call has due. */
void interpose_abandon(struct world *w, struct thread *t);
/* t is gone: what was due in it is handed to another thread of its process. */
void interpose_thread_gone(struct world *w, struct thread *t);

#endif
