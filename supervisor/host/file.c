/* SPDX-License-Identifier: MIT
 * What a guest's descriptor is open on: the tracer alone may look. A worker asks and waits; the answer
 * always comes, or the world is over. */
#include "host/host.h"

#include <errno.h>
#include <unistd.h>

struct question {
	struct question *next;
	uint64_t id;
	bool answered;
	int fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static struct question *questions; /* under lock */
static uint64_t last_id;           /* under lock */

int file_ask(uint32_t slot, int fd)
{
	struct question question = { .answered = false };

	if (fd < 0)
		return -EBADF;
	pthread_mutex_lock(&lock);
	question.id = ++last_id;
	question.next = questions;
	questions = &question;
	pthread_mutex_unlock(&lock);
	control_send(CTL_ASK_FILE, slot, (uint64_t)fd, question.id, 0, NULL, 0);
	pthread_mutex_lock(&lock);
	while (!question.answered)
		pthread_cond_wait(&came, &lock);
	struct question **at = &questions;
	while (*at != &question)
		at = &(*at)->next;
	*at = question.next;
	pthread_mutex_unlock(&lock);
	return question.fd;
}

void file_answer(uint64_t id, int fd)
{
	pthread_mutex_lock(&lock);
	struct question *question = questions;
	while (question != NULL && question->id != id)
		question = question->next;
	if (question != NULL) {
		question->answered = true;
		question->fd = fd;
		pthread_cond_broadcast(&came);
	} else if (fd >= 0) {
		close(fd);
	}
	pthread_mutex_unlock(&lock);
}
