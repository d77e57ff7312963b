/* SPDX-License-Identifier: MIT
 * The threads that receive gate notifications and run host functions.
 *
 * One worker of a listener, its leader, waits in RECV: a notification wakes all that do, and a second
 * one costs every call 3 us. What becomes of the lead while a call runs depends on the function:
 *   quick so far   the leader runs it and keeps the lead (it is "solo"). The control thread looks every
 *                  millisecond: from a call that lasts it takes the lead and gives it to another
 *   else           the leader gives the lead away first
 * A solo leader whose function calls back into the guest receives in place until the callback returns.
 * A worker that has no lead after its call takes it if nobody has it, else parks; a handful are kept.
 * Whoever needs a leader takes a parked worker, else starts a new one. */
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
#define PARKED_MAX 4
#define TICK_FIRST_MS 1
#define TICK_LAST_MS 64
#define WATCH_MS 1
#define WATCH_IDLE_TICKS 64 /* without a call, after which nobody looks any more */

/* Newer than some systems' headers: Linux 6.6. */
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, uint64_t)
#endif

/* The kernel's struct may be longer than the headers' one. */
union notification {
	struct seccomp_notif notif;
	char bytes[256];
};

struct listener {
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t promoted;
	/* Under lock. */
	bool led;            /* somebody is leader or is on the way to be */
	bool promotion;      /* a parked worker has been told to lead */
	bool over;           /* the filter's last task is gone */
	bool wanting;        /* the control thread is to start a leader */
	unsigned parked, total;
	/* The leader's: a notification that it received and leaves to the next leader. */
	bool has_mail;
	union notification mail;
	/* The solo call's number, 0: none. The leader sets it and takes it back after the call; the
	 * control thread takes it away. Who finds it gone has lost the lead. */
	_Atomic uint64_t solo;
	uint64_t calls;                   /* the leader's: solo calls so far */
	struct component_gate *solo_gate; /* the leader's, then of who took the lead from it */
	/* The control thread's. */
	uint64_t seen;
	struct listener *next;
};

static __thread struct worker *self;
static _Atomic unsigned workers; /* of all listeners */

static pthread_mutex_t listeners_lock = PTHREAD_MUTEX_INITIALIZER;
static struct listener *listeners; /* under listeners_lock */
static _Atomic bool watching;      /* the control thread looks at solo calls */
static _Atomic bool starting;      /* some listener is wanting */

static pthread_mutex_t interrupt_lock = PTHREAD_MUTEX_INITIALIZER;
static struct worker *interrupted;  /* under interrupt_lock */
static int tick_ms = TICK_FIRST_MS; /* under interrupt_lock */

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
	/* One that was sent may still be on its way. On return from any call it has come. */
	(void)getppid();
}

/* A signal that comes just before the call blocks is lost, so it is sent until the call is over. */
static int interrupt_tick(void)
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

static int start_thread(struct listener *listener)
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
	return 0;
}

/* Under the listener's lock. Without a thread to be had, calls wait for a worker that gets free. */
static int start_worker(struct listener *listener)
{
	int r = start_thread(listener);

	if (r == 0)
		listener->total++;
	return r;
}

int worker_start_for_lines(void)
{
	return start_thread(NULL);
}

/* Gives the lead to another worker. In the fault handler no thread can be made: the host function that
 * called back may hold any lock of the C library. */
static void listener_promote(struct listener *listener, bool in_handler)
{
	bool wake = false;

	pthread_mutex_lock(&listener->lock);
	listener->led = true;
	if (listener->parked > 0 && !listener->promotion) {
		listener->promotion = true;
		pthread_cond_signal(&listener->promoted);
	} else if (in_handler) {
		listener->wanting = wake = true;
		atomic_store(&starting, true);
	} else if (start_worker(listener) < 0) {
		listener->led = false; /* the next worker that is free takes it */
	}
	pthread_mutex_unlock(&listener->lock);
	if (wake)
		control_wake();
}

/* A worker without the lead is free: true when it has it now, false when it shall end. */
static bool listener_return(struct listener *listener)
{
	bool lead = true;

	pthread_mutex_lock(&listener->lock);
	if (listener->over || (listener->led && listener->parked >= PARKED_MAX)) {
		lead = false;
	} else if (!listener->led) {
		listener->led = true;
	} else {
		listener->parked++;
		while (!listener->promotion && !listener->over)
			pthread_cond_wait(&listener->promoted, &listener->lock);
		lead = !listener->over;
		listener->promotion = false;
		listener->parked--;
	}
	pthread_mutex_unlock(&listener->lock);
	return lead;
}

/* The filter is gone, as RECV said to the leader. */
static void listener_end(struct listener *listener)
{
	pthread_mutex_lock(&listener->lock);
	listener->over = true;
	pthread_cond_broadcast(&listener->promoted);
	pthread_mutex_unlock(&listener->lock);
}

static void listener_unlist(const struct listener *listener)
{
	pthread_mutex_lock(&listeners_lock);
	for (struct listener **at = &listeners; *at != NULL; at = &(*at)->next)
		if (*at == listener) {
			*at = listener->next;
			break;
		}
	pthread_mutex_unlock(&listeners_lock);
}

/* The worker ends; the last one takes the listener with it. */
static void listener_leave(struct listener *listener)
{
	pthread_mutex_lock(&listener->lock);
	bool last = --listener->total == 0;
	pthread_mutex_unlock(&listener->lock);
	if (last) {
		listener_unlist(listener);
		close(listener->fd);
		pthread_cond_destroy(&listener->promoted);
		pthread_mutex_destroy(&listener->lock);
		free(listener);
	}
}

/* ---- The lead ---- */

void worker_leave(struct worker *worker)
{
	struct listener *listener = worker->listener;
	uint64_t mine = worker->solo;

	if (worker->solo != 0 && !atomic_compare_exchange_strong(&listener->solo, &mine, 0))
		worker->leads = false; /* it has been given away already */
	worker->solo = 0;
	if (!worker->leads)
		return;
	worker->leads = false;
	listener_promote(listener, worker->in_handler);
}

void worker_begin(struct worker *worker, bool quick)
{
	struct listener *listener = worker->listener;

	if (!worker->leads)
		return;
	if (!quick) {
		worker_leave(worker);
		return;
	}
	worker->solo = ++listener->calls;
	listener->solo_gate = worker->gate;
	atomic_store(&listener->solo, worker->solo);
	if (!atomic_load(&watching) && !atomic_exchange(&watching, true))
		control_wake();
}

void worker_end(struct worker *worker)
{
	uint64_t mine = worker->solo;

	if (worker->solo != 0 && !atomic_compare_exchange_strong(&worker->listener->solo, &mine, 0))
		worker->leads = false;
	worker->solo = 0;
}

/* Takes the lead from a call that has lasted since the last look. True when there was a call. */
static bool listener_watch(struct listener *listener)
{
	uint64_t solo = atomic_load(&listener->solo);
	bool lasts = solo != 0 && solo == listener->seen;
	bool changed = solo != 0 && solo != listener->seen;

	if (solo != 0)
		listener->seen = solo;
	if (lasts && atomic_compare_exchange_strong(&listener->solo, &solo, 0)) {
		/* At once, not when it returns: other threads may be about to call it. */
		component_took(listener->solo_gate, COMPONENT_SLOW_NS);
		listener_promote(listener, false);
	}
	return changed || lasts;
}

static bool watch_all(void)
{
	bool active = false;

	pthread_mutex_lock(&listeners_lock);
	for (struct listener *listener = listeners; listener != NULL; listener = listener->next)
		active |= listener_watch(listener);
	pthread_mutex_unlock(&listeners_lock);
	return active;
}

static int watch_tick(void)
{
	static unsigned idle;

	if (!atomic_load(&watching))
		return -1;
	idle = watch_all() ? 0 : idle + 1;
	if (idle < WATCH_IDLE_TICKS)
		return WATCH_MS;
	idle = 0;
	atomic_store(&watching, false);
	/* A call that began before that saw it true and woke nobody. */
	if (!watch_all())
		return -1;
	atomic_store(&watching, true);
	return WATCH_MS;
}

/* The leaders that fault handlers asked for. */
static void start_wanted(void)
{
	pthread_mutex_lock(&listeners_lock);
	for (struct listener *listener = listeners; listener != NULL; listener = listener->next) {
		pthread_mutex_lock(&listener->lock);
		if (listener->wanting && start_worker(listener) < 0)
			listener->led = false;
		listener->wanting = false;
		pthread_mutex_unlock(&listener->lock);
	}
	pthread_mutex_unlock(&listeners_lock);
}

int worker_tick(void)
{
	if (atomic_exchange(&starting, false))
		start_wanted();
	int interrupts = interrupt_tick(), watch = watch_tick();

	return interrupts < 0 || (watch >= 0 && watch < interrupts) ? watch : interrupts;
}

/* ENOENT says that a thread was killed before its notification was received, or that nobody is left
 * who could send one. */
static bool listener_hung_up(const struct listener *listener)
{
	struct pollfd polled = { .fd = listener->fd };

	return poll(&polled, 1, 0) == 1 && (polled.revents & (POLLHUP | POLLNVAL)) != 0;
}

enum received { RECEIVED, RECEIVED_NOTHING, RECEIVED_END };

/* RECEIVED_NOTHING: a signal came, or a thread was killed while it called. */
static enum received receive(struct listener *listener, union notification *n)
{
	if (listener->has_mail) {
		listener->has_mail = false;
		*n = listener->mail;
		return RECEIVED;
	}
	memset(&n->notif, 0, sizeof(n->notif)); /* the kernel insists */
	if (ioctl(listener->fd, SECCOMP_IOCTL_NOTIF_RECV, &n->notif) == 0)
		return RECEIVED;
	if (errno == EINTR || (errno == ENOENT && !listener_hung_up(listener)))
		return RECEIVED_NOTHING;
	if (errno != ENOENT)
		control_end("host process: cannot receive gate calls: %s", strerror(errno));
	listener_end(listener);
	return RECEIVED_END;
}

/* Its host function waits for a callback: the stack is taken, so that calls of host functions are for
 * another worker, with the lead; everything else can be served here. */
void worker_await(struct worker *worker)
{
	struct listener *listener = worker->listener;
	union notification n;
	enum received received = receive(listener, &n);

	if (received == RECEIVED_END) {
		worker->leads = false;
	} else if (received == RECEIVED && gate_needs_worker(&n.notif)) {
		listener->mail = n;
		listener->has_mail = true;
		worker_leave(worker);
	} else if (received == RECEIVED) {
		struct notice notice = { .listener = listener->fd, .id = n.notif.id };

		gate_serve(worker, &notice, &n.notif);
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
	union notification n;

	worker->leads = true;
	do {
		enum received received = receive(listener, &n);

		if (received == RECEIVED_END)
			break;
		if (received == RECEIVED_NOTHING)
			continue;
		struct notice notice = { .listener = listener->fd, .id = n.notif.id };
		gate_serve(worker, &notice, &n.notif);
		if (!worker->leads)
			worker->leads = listener_return(listener);
	} while (worker->leads);
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

	sigset_t none;

	sigemptyset(&none); /* it may have been started in the fault handler */
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	self = worker;
	worker->thread = pthread_self();
	void *stack = handler_stack_set();
	pthread_cleanup_push(on_thread_exit, worker);
	if (worker->listener == NULL)
		line_run(worker);
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
	/* The lock of the list keeps the listener alive: its worker may be at its end already. */
	pthread_mutex_lock(&listeners_lock);
	listener->next = listeners;
	listeners = listener;
	pthread_mutex_lock(&listener->lock);
	listener->led = true;
	int r = start_worker(listener);
	pthread_mutex_unlock(&listener->lock);
	pthread_mutex_unlock(&listeners_lock);
	if (r < 0) /* ends the world: nothing is cleaned up */
		return err_sys(err, -r, "host process: cannot start a worker");
	return 0;
}
