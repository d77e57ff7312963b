// SPDX-License-Identifier: MIT
// What the host process may know of the world's processes, which only the tracer can see: it opens files
// of the kernel's /proc, named here, and reads none of them.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

/* ---- What processes execute ---- */

void proc_exe(struct world *w)
{
	const struct ctl_msg *msg = w->msg;
	struct thread *t = msg->slot < RT_SLOT_COUNT ? w->by_slot[msg->slot] : NULL;
	char **at = msg->slot == RT_SLOT_COUNT ? &w->first_exe : t ? &t->exe : NULL;
	if (!at)
		return;
	free(*at);
	*at = strdup(msg->text);
}

/* Without a path of its own it executes what the first process did. */
static const char *exe_of(const struct world *w, const struct process *p)
{
	const char *exe = p->exe ? p->exe : w->first_exe;
	return exe ? exe : "";
}

void proc_inherit(struct process *child, const struct process *parent)
{
	child->exe = parent->exe ? strdup(parent->exe) : NULL;
	child->program = parent->program;
}

void proc_executed(struct world *w, struct thread *t)
{
	struct process *p = t->process;
	free(p->exe);
	p->exe = t->exe ? t->exe : strdup("");
	t->exe = NULL;
	p->program = ++w->last_program;
}

/* ---- Questions ---- */

static bool is_number(const char *text)
{
	return *text && strlen(text) <= 9 && text[strspn(text, "0123456789")] == 0;
}

/* Files that the host process reads: they say nothing of others, or it leaves that out. */
static bool may_open(const char *name)
{
	static const char *const names[] = {"stat", "status", "statm", "cmdline", "comm", "maps", "environ"};
	if (strncmp(name, "fdinfo/", 7) == 0)
		return is_number(name + 7);
	if (strcmp(name, "limits") == 0)
		return true;
	if (strncmp(name, "task/", 5) == 0)
		name += 5;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The kernel's name for a file of t's process, or of t itself. */
static void kernel_path(char *to, size_t size, const struct thread *t, const char *name)
{
	if (strncmp(name, "task/", 5) == 0)
		snprintf(to, size, "/proc/%d/task/%d/%s", t->tgid, t->tid, name + 5);
	else
		snprintf(to, size, "/proc/%d/%s", t->tgid, name);
}

/* The numbers of open descriptors; as many as there is room for. */
static int list_descriptors(const char *path, struct ctl_msg *msg)
{
	DIR *directory = opendir(path);
	if (!directory)
		return -errno;
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		size_t room = CTL_TEXT_MAX - msg->text_len;
		if (!is_number(entry->d_name) || strlen(entry->d_name) + 1 > room)
			continue;
		int n = snprintf(msg->text + msg->text_len, room + 1, "%s ", entry->d_name);
		msg->text_len += (uint32_t)n;
	}
	closedir(directory);
	return 0;
}

static int answer_text(struct ctl_msg *msg, const char *text)
{
	msg->text_len = (uint32_t)strlen(text);
	if (msg->text_len == 0)
		return -ENOENT;
	memcpy(msg->text, text, msg->text_len);
	return 0;
}

/* Fills in the answer's text or descriptor. */
static int answer(const struct world *w, const struct thread *t, const char *name, struct ctl_msg *msg)
{
	char path[128], link[PATH_MAX];
	if (strcmp(name, "exe") == 0)
		return answer_text(msg, exe_of(w, t->process));
	if (strcmp(name, "state") == 0)
		return answer_text(msg, t->job_stopped || os_group_stop_comes(t->tid) ? "T" : "S");
	kernel_path(path, sizeof path, t, name);
	if (strcmp(name, "fd") == 0)
		return list_descriptors(path, msg);
	if (strncmp(name, "fd/", 3) == 0 && is_number(name + 3)) {
		ssize_t n = readlink(path, link, sizeof link - 1);
		if (n < 0)
			return -errno;
		link[n] = 0;
		return answer_text(msg, link);
	}
	if (!may_open(name))
		return -ENOENT;
	msg->fds[0] = open(path, O_RDONLY | O_CLOEXEC);
	if (msg->fds[0] < 0)
		return -errno;
	msg->n_fds = 1;
	return 0;
}

/* A guest's thread; by no number of anybody else's. */
static const struct thread *guest_thread(const struct world *w, uint64_t tid, uint64_t pid)
{
	const struct thread *t = tid > 0 && tid <= INT_MAX ? thread_find(w, (pid_t)tid) : NULL;
	return t && t->process && !t->process->boot && !t->gone && (uint64_t)t->tgid == pid ? t : NULL;
}

void proc_ask(struct world *w)
{
	struct ctl_msg *msg = w->msg;
	char name[64];
	const struct thread *t = guest_thread(w, msg->a, msg->c);
	bool fits = msg->text_len < sizeof name;
	memcpy(name, msg->text, fits ? msg->text_len + 1 : 0);
	msg->type = CTL_ANSWER;
	msg->text_len = msg->n_fds = 0;
	int error = t && fits ? answer(w, t, name, msg) : -ENOENT;
	msg->a = (uint64_t)-error;
	(void)control_send(w, msg); /* a dead host process ends the world by itself */
	if (msg->n_fds)
		close(msg->fds[0]);
	msg->n_fds = 0;
}
