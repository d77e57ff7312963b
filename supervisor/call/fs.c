// SPDX-License-Identifier: MIT
// What fork copies and CLONE_FS shares: one word for each such group of threads, for the host process
// (a working directory and a umask, say), in memory that both have and no guest.
#include "world.h"

static void take(struct world *w, struct thread *t, uint32_t index)
{
	t->fs = index;
	w->fs_users[index]++;
}

/* There are as many words as threads: one is free. */
static uint32_t free_word(struct world *w)
{
	while (w->fs_users[w->fs_next])
		w->fs_next = (w->fs_next + 1) % RT_SLOT_COUNT;
	return w->fs_next;
}

void fs_new(struct world *w, struct thread *t)
{
	take(w, t, free_word(w));
	atomic_store(&w->fs_words[t->fs], 0);
}

void fs_share(struct world *w, struct thread *t, const struct thread *with)
{
	take(w, t, with->fs);
}

void fs_copy(struct world *w, struct thread *t, const struct thread *from)
{
	take(w, t, free_word(w));
	atomic_store(&w->fs_words[t->fs], atomic_load(&w->fs_words[from->fs]));
}

void fs_leave(struct world *w, struct thread *t)
{
	if (t->fs == UINT32_MAX)
		return;
	if (--w->fs_users[t->fs] == 0)
		atomic_store(&w->fs_words[t->fs], 0);
	t->fs = UINT32_MAX;
}
