/* SPDX-License-Identifier: MIT
 * The threads that receive gate notifications and run host functions.
 *
 * A listener's workers are, under its lock:
 *   receiving  blocked in RECV or on the way there; one while another runs a call, two at most: each
 *              notification wakes all of them
 *   parked     waiting to be made receiving; a handful, further ones end
 *   busy       the rest: running a call, or suspended in a callback
 * Who takes the last receiving place away fills it: with a parked worker, else with a new one. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/host.h"

#define STACK_BYTES (256 * 1024)
#define STACK_GUARD_BYTES (64 * 1024)
#define RECEIVING_MAX 2
#define PARKED_MAX 4
#define TICK_FIRST_MS 1
#define TICK_LAST_MS 64

/* Newer than some systems' headers: Linux 6.6. */
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#endif

struct listener {
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t promoted;
	/* Under lock. */
	unsigned receiving, parked, total;
	unsigned promotions; /* parked workers that have been told to receive */
	bool over;           /* the filter's last task is gone */
};

/* The kernel's struct may be longer than the headers' one. */
union notification {
	struct seccomp_notif notif;
	char bytes[256];
};

static __thread struct worker *self;
static _Atomic unsigned workers; /* of all listeners */

static pthread_mutex_t interrupt_lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker *interrupted; /* under interrupt_lock */
static int tick_ms = -1;           /* under interrupt_lock */

struct worker *worker_self(void)
{
	return self;
}

/* ---- Interrupting ---- */

void worker_interrupt(struct worker *worker)
{
	pthread_mutex_lock(&interrupt_lock);
	atomic_store(&worker->interrupted, true);
	if (!worker->listed) {
		worker->listed = true;
		worker->next_interrupted = interrupted;
		interrupted = worker;
	}
	tick_ms = TICK_FIRST_MS;
	pthread_kill(worker->thread, SIGNAL_INTERRUPT);
	pthread_mutex_unlock(&interrupt_lock);
	control_wake();
}

void worker_release(struct worker *worker)
{
	if (!atomic_load(&worker->interrupted))
		return;
	pthread_mutex_lock(&interrupt_lock);
	for (struct worker **at = &interrupted; *at != NULL; at = &(*at)->next_interrupted)
		if (*at == worker) {
			*at = worker->next_interrupted;
			break;
		}
	worker->listed = false;
	atomic_store(&worker->interrupted, false);
	pthread_mutex_unlock(&interrupt_lock);
}

/* A signal that comes just before the call blocks is lost, so it is sent until the call is over. */
int worker_tick(void)
{
	pthread_mutex_lock(&interrupt_lock);
	for (struct worker *worker = interrupted; worker != NULL; worker = worker->next_interrupted)
		pthread_kill(worker->thread, SIGNAL_INTERRUPT);
	int timeout = interrupted != NULL ? tick_ms : -1;
	if (tick_ms < TICK_LAST_MS)
		tick_ms *= 2;
	pthread_mutex_unlock(&interrupt_lock);
	return timeout;
}

/* ---- The pool ---- */

static void *worker_main(void *argument);

/* Under the listener's lock. Without a thread to be had, calls wait for a worker that gets free. */
static int start_worker(struct listener *listener)
{
	pthread_attr_t attributes;
	pthread_t thread; /* the worker notes its own id: it may run before pthread_create stores it */

	if (atomic_fetch_add(&workers, 1) >= RT_SLOT_COUNT) {
		atomic_fetch_sub(&workers, 1);
		return -EAGAIN;
	}
	struct worker *worker = calloc(1, sizeof(*worker));
	int r = worker == NULL ? ENOMEM : pthread_attr_init(&attributes);
	if (r == 0) {
		worker->listener = listener;
		pthread_cond_init(&worker->resume, NULL);
		pthread_attr_setstacksize(&attributes, STACK_BYTES);
		pthread_attr_setguardsize(&attributes, STACK_GUARD_BYTES);
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		r = pthread_create(&thread, &attributes, worker_main, worker);
		pthread_attr_destroy(&attributes);
	}
	if (r != 0) {
		free(worker);
		atomic_fetch_sub(&workers, 1);
		return -r;
	}
	listener->receiving++;
	listener->total++;
	return 0;
}

/* A receiving worker has become busy. */
static void listener_taken(struct listener *listener)
{
	pthread_mutex_lock(&listener->lock);
	if (--listener->receiving == 0) {
		if (listener->parked > listener->promotions) {
			listener->promotions++;
			listener->receiving++;
			pthread_cond_signal(&listener->promoted);
		} else {
			start_worker(listener);
		}
	}
	pthread_mutex_unlock(&listener->lock);
}

/* A busy worker is free: true when it shall receive, false when it shall end. */
static bool listener_return(struct listener *listener)
{
	bool receive = true;

	pthread_mutex_lock(&listener->lock);
	if (listener->over) {
		receive = false;
	} else if (listener->receiving < RECEIVING_MAX) {
		listener->receiving++;
	} else if (listener->parked >= PARKED_MAX) {
		receive = false;
	} else {
		listener->parked++;
		while (listener->promotions == 0 && !listener->over)
			pthread_cond_wait(&listener->promoted, &listener->lock);
		if (listener->promotions > 0)
			listener->promotions--; /* counted as receiving by who promoted it */
		else
			receive = false;
		listener->parked--;
	}
	pthread_mutex_unlock(&listener->lock);
	return receive;
}

/* The filter is gone, as RECV said to a receiving worker. */
static void listener_end(struct listener *listener)
{
	pthread_mutex_lock(&listener->lock);
	listener->receiving--;
	listener->over = true;
	pthread_cond_broadcast(&listener->promoted);
	pthread_mutex_unlock(&listener->lock);
}

/* The worker ends; the last one takes the listener with it. */
static void listener_leave(struct listener *listener)
{
	pthread_mutex_lock(&listener->lock);
	bool last = --listener->total == 0;
	pthread_mutex_unlock(&listener->lock);
	if (last) {
		close(listener->fd);
		pthread_cond_destroy(&listener->promoted);
		pthread_mutex_destroy(&listener->lock);
		free(listener);
	}
}

/* ENOENT says that a thread was killed before its notification was received, or that nobody is left
 * who could send one. */
static bool listener_hung_up(const struct listener *listener)
{
	struct pollfd polled = { .fd = listener->fd };

	return poll(&polled, 1, 0) == 1 && (polled.revents & (POLLHUP | POLLNVAL)) != 0;
}

static bool receive(struct listener *listener, union notification *n)
{
	for (;;) {
		memset(&n->notif, 0, sizeof(n->notif)); /* the kernel insists */
		if (ioctl(listener->fd, SECCOMP_IOCTL_NOTIF_RECV, &n->notif) == 0)
			return true;
		if (errno == EINTR || (errno == ENOENT && !listener_hung_up(listener)))
			continue;
		if (errno != ENOENT)
			control_end("host process: cannot receive gate calls: %s", strerror(errno));
		return false;
	}
}

/* Only a host function can end a worker's thread. */
static void on_thread_exit(void *argument)
{
	const struct worker *worker = argument;

	control_end("host function %s ended its thread",
		    worker->gate != NULL ? worker->gate->symbol : "(none)");
}

static void serve(struct worker *worker)
{
	struct listener *listener = worker->listener;
	union notification n = { .bytes = { 0 } };

	do {
		if (!receive(listener, &n)) {
			listener_end(listener);
			break;
		}
		listener_taken(listener);
		struct notice notice = { .listener = listener->fd, .id = n.notif.id };
		gate_serve(worker, &notice, &n.notif);
	} while (listener_return(listener));
}

/* A stack of its own for the fault handler: a host function may have used up the worker's. */
static void *handler_stack_set(void)
{
	stack_t stack = { .ss_size = CALLBACK_STACK_BYTES };

	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) < 0)
		control_end("host process: no memory for a worker");
	return stack.ss_sp;
}

static void handler_stack_free(void *memory)
{
	stack_t stack = { .ss_flags = SS_DISABLE };

	sigaltstack(&stack, NULL);
	munmap(memory, CALLBACK_STACK_BYTES);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;

	self = worker;
	worker->thread = pthread_self();
	void *stack = handler_stack_set();
	pthread_cleanup_push(on_thread_exit, worker);
	serve(worker);
	pthread_cleanup_pop(0);
	handler_stack_free(stack);
	listener_leave(worker->listener);
	pthread_cond_destroy(&worker->resume);
	free(worker);
	atomic_fetch_sub(&workers, 1);
	return NULL;
}

int worker_listen(int fd, struct err *err)
{
	struct seccomp_notif_sizes sizes;

	if (fd < 0)
		return err_set(err, EPROTO, "host process: malformed CTL_LISTENER");
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0 ||
	    sizes.seccomp_notif > sizeof(union notification))
		return err_set(err, ENOSYS, "host process: seccomp notifications of an unknown form");
	/* Wakes the receiver on the caller's CPU; kernels without it only take longer. */
	(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	struct listener *listener = calloc(1, sizeof(*listener));
	if (listener == NULL)
		return err_set(err, ENOMEM, "host process: out of memory");
	listener->fd = fd;
	pthread_mutex_init(&listener->lock, NULL);
	pthread_cond_init(&listener->promoted, NULL);
	pthread_mutex_lock(&listener->lock);
	int r = start_worker(listener);
	pthread_mutex_unlock(&listener->lock);
	if (r < 0)
		return err_sys(err, -r, "host process: cannot start a worker");
	return 0;
}
