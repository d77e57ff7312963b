// SPDX-License-Identifier: MIT
// Messages to and from the host process. Neither side may wait for the other to read: a message that
// finds the socket full is sent while what comes in is put by.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

struct waiting_message { /* put by; as much of msg.text as there is */
	struct waiting_message *next;
	struct ctl_msg msg;
};

static int put_by(struct world *w)
{
	for (;;) {
		int got = ctl_receive(w->control, w->incoming, 0);
		if (got == -EAGAIN)
			return 0;
		if (got <= 0)
			return got ? got : -EPIPE;
		size_t size = offsetof(struct waiting_message, msg.text) + w->incoming->text_len + 1;
		struct waiting_message *message = malloc(size);
		if (!message)
			return -ENOMEM;
		message->next = NULL;
		memcpy(&message->msg, w->incoming,
		       offsetof(struct ctl_msg, text) + w->incoming->text_len + 1);
		struct waiting_message **at = &w->messages;
		while (*at)
			at = &(*at)->next;
		*at = message;
	}
}

int control_send(struct world *w, const struct ctl_msg *msg)
{
	for (;;) {
		int error = ctl_try_send(w->control, msg);
		if (error != -EAGAIN)
			return error;
		error = put_by(w);
		if (error)
			return error;
		struct pollfd poll_fd = {.fd = w->control, .events = POLLIN | POLLOUT};
		if (poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
			return -errno;
	}
}

/* As ctl_receive, into w->msg; what was put by comes first. */
static int next_message(struct world *w, int wait)
{
	struct waiting_message *first = w->messages;
	if (!first)
		return ctl_receive(w->control, w->msg, wait);
	w->messages = first->next;
	memcpy(w->msg, &first->msg, offsetof(struct ctl_msg, text) + first->msg.text_len + 1);
	free(first);
	return 1;
}

void control_forget(struct world *w)
{
	free(w->answer);
	w->answer = NULL;
	while (w->messages) {
		struct waiting_message *first = w->messages;
		w->messages = first->next;
		free(first);
	}
}

/* One at most: the host process is asked one thing more than is waited for. */
static void keep_answer(struct world *w)
{
	const struct ctl_msg *msg = w->msg;
	if (w->answer)
		return;
	w->answer = malloc(sizeof *w->answer);
	if (!w->answer)
		world_end(w, END_BROKEN, EXIT_MICROCOSM, "no memory for an answer of the host process");
	else
		memcpy(w->answer, msg, offsetof(struct ctl_msg, text) + msg->text_len + 1);
}

/* 1 when it came early. */
static int take_answer(struct world *w)
{
	if (!w->answer)
		return 0;
	memcpy(w->msg, w->answer, offsetof(struct ctl_msg, text) + w->answer->text_len + 1);
	free(w->answer);
	w->answer = NULL;
	return 1;
}

/* The thread waits for the gate that asks. */
static void answer_file(struct world *w, const struct thread *t)
{
	struct ctl_msg *msg = w->msg;
	int fd = t && t->tid && msg->a <= INT32_MAX ? os_open_file(t->tid, (int)msg->a) : -EBADF;
	msg->type = CTL_ANSWER;
	msg->a = fd < 0 ? (uint64_t)-fd : 0;
	msg->text_len = 0;
	msg->n_fds = fd >= 0;
	msg->fds[0] = fd;
	(void)control_send(w, msg); /* a dead host process ends the world by itself */
	if (fd >= 0)
		close(fd);
}

/* Sent before the gate is answered that the thread waits for. */
static void take_local(struct ctl_msg *msg, struct thread *t)
{
	int fd = msg->n_fds > 0 ? msg->fds[0] : -1;
	if (t && t->tid)
		socket_set_local(t, fd);
	else if (fd >= 0)
		close(fd);
}

static void control_message(struct world *w)
{
	struct ctl_msg *msg = w->msg;
	struct thread *t = msg->slot < RT_SLOT_COUNT ? w->by_slot[msg->slot] : NULL;
	switch (msg->type) {
	case CTL_SETTLED:
		if (t && t->settling && t->settle_sequence == msg->a && t->stopped)
			signal_settled(w, t, (enum ctl_outcome)msg->b, (int64_t)msg->c);
		return;
	case CTL_END: world_end(w, END_BROKEN, EXIT_MICROCOSM, "%s", msg->text); return;
	case CTL_GATE:
		if (t && msg->text_len >= sizeof(struct ctl_gate)) {
			struct ctl_gate gate;
			memcpy(&gate, msg->text, sizeof gate);
			report_gate(w, t, (uint32_t)msg->a, &gate);
		}
		return;
	case CTL_LEARNED: learn_note(w, msg); return;
	case CTL_LOCAL: take_local(msg, t); return;
	case CTL_ASK_FILE: answer_file(w, t); return;
	case CTL_EXE: proc_exe(w); return;
	case CTL_ASK: proc_ask(w); return;
	case CTL_OK:
	case CTL_FAILED: keep_answer(w); return; /* control_answer comes for it */
	default: return;
	}
}

void control_receive(struct world *w)
{
	for (;;) {
		int got = next_message(w, 0);
		if (got == -EAGAIN)
			return;
		if (got <= 0) {
			w->host_gone = true;
			world_end(w, END_BROKEN, EXIT_MICROCOSM, "the host process is gone");
			return;
		}
		control_message(w);
	}
}

int control_answer(struct world *w, struct err *err)
{
	for (;;) {
		int got = take_answer(w);
		if (got == 0)
			got = next_message(w, 1);
		if (got <= 0)
			return err_set(err, EPIPE, "the host process is gone");
		if (w->msg->type == CTL_OK)
			return 0;
		if (w->msg->type == CTL_FAILED) {
			err->status = (int)w->msg->a;
			return err_set(err, EINVAL, "%s", w->msg->text);
		}
		control_message(w);
		if (w->end != END_NONE)
			return err_set(err, EINVAL, "%s", w->end_reason);
	}
}

int control_ask(struct world *w, struct ctl_msg *msg, struct err *err)
{
	int error = control_send(w, msg);
	if (error)
		return err_sys(err, -error, "cannot talk to the host process");
	return control_answer(w, err);
}
