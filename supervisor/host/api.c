/* SPDX-License-Identifier: MIT
 * What host components may ask of the host process: <microcosm-host.h>. */
#include "microcosm-host.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "host/host.h"

const struct mch_caller *mch_caller(void)
{
	const struct worker *worker = worker_self();

	return worker != NULL && worker->gate != NULL ? &worker->caller : NULL;
}

bool mch_in_region(const void *shared, size_t n)
{
	return memory_readable((uint64_t)(uintptr_t)shared, n);
}

/* In the sealed part, which guests cannot write. */
uint32_t mch_flags(void)
{
	return ((const struct mc_header *)(memory_region()->base + RT_OFF_HEADER))->flags;
}

long mch_fetch(void *to, const void *shared, size_t n)
{
	if (!mch_in_region(shared, n))
		return -EFAULT;
	memory_fetch(to, (uint64_t)(uintptr_t)shared, n);
	return 0;
}

long mch_store(void *shared, const void *from, size_t n)
{
	if (!memory_writable((uint64_t)(uintptr_t)shared, n))
		return -EFAULT;
	memory_store((uint64_t)(uintptr_t)shared, from, n);
	return 0;
}

long mch_give_fd(int fd, int flags)
{
	struct worker *worker = worker_self();

	if (worker == NULL || worker->gate == NULL || (flags & ~O_CLOEXEC) != 0)
		return -EINVAL;
	if (worker->gives)
		close(worker->gift.fd);
	worker->gives = true;
	worker->gift = (struct gift){ .fd = fd, .flags = (uint32_t)flags };
	return 0;
}

long mch_exec(int file, const char *path, int (*open)(void *context, const char *path), void *context,
	      struct mch_words *words)
{
	const struct worker *worker = worker_self();

	if (worker == NULL || worker->gate == NULL)
		return -EINVAL;
	int r = descriptor_plan_next(worker->slot_index, file, path, open, context, words);
	if (r < 0)
		return r;
	int stub = fcntl(memory_region()->stub_fd, F_DUPFD_CLOEXEC, 0);
	if (stub < 0)
		return -errno;
	return mch_give_fd(stub, O_CLOEXEC);
}

int mch_caller_file(int fd)
{
	const struct worker *worker = worker_self();

	return worker != NULL && worker->gate != NULL ? ask_file(worker->slot_index, fd) : -EINVAL;
}

long mch_local(int fd)
{
	const struct worker *worker = worker_self();

	return worker != NULL && worker->gate != NULL ? control_send_fd(CTL_LOCAL, worker->slot_index, fd) : -EINVAL;
}

static _Atomic uint64_t *word(void)
{
	const struct worker *worker = worker_self();

	if (worker == NULL || worker->gate == NULL)
		return NULL;
	return memory_word(memory_threads()[worker->slot_index].fs);
}

uint64_t mch_word(void)
{
	_Atomic uint64_t *at = word();

	return at != NULL ? atomic_load(at) : 0;
}

void mch_set_word(uint64_t value)
{
	_Atomic uint64_t *at = word();

	if (at == NULL || atomic_load(at) == value)
		return;
	atomic_store(at, value);
	memory_changed();
}

bool mch_any_word(bool (*is)(uint64_t word, void *context), void *context)
{
	for (uint32_t i = 0; i < RT_SLOT_COUNT; i++) {
		uint64_t value = atomic_load(memory_word(i));

		if (value != 0 && is(value, context))
			return true;
	}
	return false;
}

uint64_t mch_threads_changes(void)
{
	return memory_changes();
}

size_t mch_threads(struct mch_thread *to, size_t room)
{
	size_t n = 0;

	for (uint32_t i = 0; i < RT_SLOT_COUNT && n < room; i++) {
		const struct ctl_thread *thread = &memory_threads()[i];
		uint32_t tid = atomic_load(&thread->tid);
		const _Atomic uint64_t *own = memory_word(thread->fs);

		if (tid == 0 || thread->pid == 0 || own == NULL)
			continue;
		to[n++] = (struct mch_thread){ .pid = (int32_t)thread->pid, .tid = (int32_t)tid,
					       .program = thread->program, .word = atomic_load(own) };
	}
	return n;
}

bool mch_interrupted(void)
{
	const struct worker *worker = worker_self();

	return worker != NULL && atomic_load(&worker->interrupted);
}
