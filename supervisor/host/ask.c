/* SPDX-License-Identifier: MIT
 * Questions that the tracer alone can answer: what a guest's descriptor is open on, and what the kernel
 * says of a process. A worker asks and waits; the answer always comes, or the world is over. */
#include "host/host.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct question {
	struct question *next;
	uint64_t id;
	char *text; /* for the answer, with room for `size` */
	size_t size;
	bool answered;
	long result; /* a descriptor, the text's length, or -errno */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static struct question *questions; /* under lock */
static uint64_t last_id;           /* under lock */

static void question_add(struct question *question)
{
	pthread_mutex_lock(&lock);
	question->id = ++last_id;
	question->next = questions;
	questions = question;
	pthread_mutex_unlock(&lock);
}

static long question_wait(struct question *question)
{
	pthread_mutex_lock(&lock);
	while (!question->answered)
		pthread_cond_wait(&came, &lock);
	struct question **at = &questions;
	while (*at != question)
		at = &(*at)->next;
	*at = question->next;
	pthread_mutex_unlock(&lock);
	return question->result;
}

int ask_file(uint32_t slot, int fd)
{
	struct question question = { .size = 0 };

	if (fd < 0)
		return -EBADF;
	question_add(&question);
	control_say(CTL_ASK_FILE, slot, (uint64_t)fd, question.id, 0, NULL, 0);
	return (int)question_wait(&question);
}

long mch_process(int32_t pid, int32_t tid, const char *name, char *text, size_t size)
{
	struct question question = { .text = text, .size = text != NULL ? size : 0 };

	question_add(&question);
	control_say(CTL_ASK, 0, (uint64_t)tid, question.id, (uint64_t)pid, name, strlen(name));
	return question_wait(&question);
}

/* A descriptor is taken out of the message. */
static long result_of(const struct question *question, struct ctl_msg *msg)
{
	if (msg->a != 0)
		return -(long)msg->a;
	if (msg->n_fds > 0) {
		int fd = msg->fds[0];

		msg->fds[0] = -1;
		return fd;
	}
	if (msg->text_len > question->size)
		return -ERANGE;
	memcpy(question->text, msg->text, msg->text_len);
	return msg->text_len;
}

void ask_answered(struct ctl_msg *msg)
{
	pthread_mutex_lock(&lock);
	struct question *question = questions;
	while (question != NULL && question->id != msg->b)
		question = question->next;
	if (question != NULL) {
		question->result = result_of(question, msg);
		question->answered = true;
		pthread_cond_broadcast(&came);
	}
	pthread_mutex_unlock(&lock);
}
