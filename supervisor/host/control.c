/* SPDX-License-Identifier: MIT
 * The control thread: one message of the tracer after the other, until the tracer is gone. */
#include "host/host.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static struct ctl_msg incoming;
static struct ctl_msg outgoing; /* under sending */
static pthread_mutex_t sending = PTHREAD_MUTEX_INITIALIZER;
static int wake_fd = -1;
static _Atomic bool tracing;
static _Atomic(const char *) activity;

bool control_traces(void)
{
	return atomic_load_explicit(&tracing, memory_order_relaxed);
}

const char *control_activity(void)
{
	return atomic_load(&activity);
}

void control_set_activity(const char *text)
{
	atomic_store(&activity, text);
}

void control_say(uint32_t type, uint32_t slot, uint64_t a, uint64_t b, uint64_t c, const void *text,
		  size_t len)
{
	if (len > CTL_TEXT_MAX)
		len = CTL_TEXT_MAX;
	pthread_mutex_lock(&sending);
	outgoing.type = type;
	outgoing.slot = slot;
	outgoing.a = a;
	outgoing.b = b;
	outgoing.c = c;
	outgoing.text_len = (uint32_t)len;
	outgoing.n_fds = 0;
	if (len > 0)
		memcpy(outgoing.text, text, len);
	/* A failure means that the tracer is gone: the control thread sees the end of the stream. */
	ctl_send(CTL_FD, &outgoing);
	pthread_mutex_unlock(&sending);
}

int control_send_fd(uint32_t type, uint32_t slot, int fd)
{
	pthread_mutex_lock(&sending);
	outgoing.type = type;
	outgoing.slot = slot;
	outgoing.a = outgoing.b = outgoing.c = 0;
	outgoing.text_len = 0;
	outgoing.n_fds = 1;
	outgoing.fds[0] = fd;
	int r = ctl_send(CTL_FD, &outgoing);
	pthread_mutex_unlock(&sending);
	return r;
}

void control_end(const char *format, ...)
{
	static _Atomic bool said;
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!atomic_exchange(&said, true))
		control_say(CTL_END, 0, 0, 0, 0, text,
			     n < (int)sizeof(text) ? (size_t)(n > 0 ? n : 0) : sizeof(text) - 1);
	/* The tracer reads the message and kills this process; without a tracer it ends itself. */
	struct timespec left = { .tv_sec = 2 };
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	_exit(EXIT_MICROCOSM);
}

void control_wake(void)
{
	uint64_t one = 1;

	/* EAGAIN would mean that it is awake already. */
	(void)!write(wake_fd, &one, sizeof(one));
}

static void reply(int result, const struct err *err, uint64_t a, const char *text)
{
	if (result < 0)
		control_say(CTL_FAILED, 0, (uint64_t)(err->status != 0 ? err->status : EXIT_MICROCOSM),
			     0, 0, err->text, strlen(err->text));
	else
		control_say(CTL_OK, 0, a, 0, 0, text, text != NULL ? strlen(text) : 0);
}

static void plan_program(const struct ctl_msg *msg)
{
	struct err err = { 0 };
	static struct mch_words words;
	int r = descriptor_plan_program(msg, &words, &err);

	if (r < 0)
		reply(r, &err, 0, NULL);
	else
		control_say(CTL_OK, 0, words.n, 0, 0, words.text, words.used);
}

static void symbolize(uint64_t addr)
{
	char text[1024] = "";

	descriptor_symbolize(addr, text, sizeof(text));
	reply(0, NULL, 0, text);
}

/* Takes a descriptor out of the message; what is left in it is closed. */
static int take_fd(struct ctl_msg *msg)
{
	int fd = msg->n_fds > 0 ? msg->fds[0] : -1;

	if (fd >= 0)
		msg->fds[0] = -1;
	return fd;
}

/* What has no reply fails by ending the world. */
static void must(int result, const struct err *err)
{
	if (result < 0)
		control_end("%s", err->text);
}

static void handle(struct ctl_msg *msg)
{
	struct err err = { 0 };

	switch (msg->type) {
	case CTL_TREE:
		must(tree_prepare(msg, &err), &err);
		break;
	case CTL_REGION:
		must(memory_map(msg, &err), &err);
		break;
	case CTL_MODULE_TEXT:
		if (memory_add_text(msg->a, msg->b) < 0)
			control_end("host process: too many modules");
		break;
	case CTL_IMPORT:
		must(component_import(msg, &err), &err);
		break;
	case CTL_BIND:
		reply(component_bind(&err), &err, 0, NULL);
		break;
	case CTL_PROGRAM:
		plan_program(msg);
		break;
	case CTL_LISTENER:
		must(worker_listen(take_fd(msg), &err), &err);
		break;
	case CTL_SEAL:
		reply(seal_apply(&err), &err, 0, NULL);
		break;
	case CTL_SETTLE:
		gate_settle(msg->slot, msg->a, msg->b != 0);
		break;
	case CTL_DROP:
		gate_drop(msg->slot);
		break;
	case CTL_SYMBOLIZE:
		symbolize(msg->a);
		break;
	case CTL_ANSWER:
		ask_answered(msg);
		break;
	case CTL_TRACE:
		atomic_store(&tracing, msg->a != 0);
		break;
	default:
		control_end("host process: unknown message %u", msg->type);
	}
	for (uint32_t i = 0; i < msg->n_fds; i++)
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
}

/* False at the end of the stream. */
static bool drain(void)
{
	for (;;) {
		int r = ctl_receive(CTL_FD, &incoming, 0);

		if (r == -EAGAIN)
			return true;
		if (r <= 0)
			return false;
		handle(&incoming);
	}
}

void control_run(void)
{
	uint64_t count;

	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake_fd < 0)
		control_end("host process: no eventfd: %s", strerror(errno));
	struct pollfd polled[2] = {
		{ .fd = CTL_FD, .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
	};
	while (drain()) {
		int timeout = worker_tick();

		if (poll(polled, 2, timeout) > 0 && (polled[1].revents & POLLIN))
			(void)!read(wake_fd, &count, sizeof(count));
	}
}
