/* SPDX-License-Identifier: MIT
 * Plans (rt.h): the boot process's, made of the region alone, and the program's; and the descriptors
 * that a stub is given, in the plan's order. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "host/host.h"
#include "load/program.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int boot_blob = -1, program_blob = -1; /* memfds of the plans, under lock */
static struct program_plan program;           /* under lock */
static char *module_dir;
static bool randomize;

/* What a thread is about to execute, under lock: from its call until the program has started. */
struct next {
	int64_t thread; /* id */
	int blob;
	struct program_plan plan;
};
static struct next *nexts[RT_SLOT_COUNT];

/* A memfd with the plan's bytes, sealed, so that nobody can write it. */
static int blob_make(const struct rt_plan *plan)
{
	int fd = memfd_create("microcosm-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("microcosm-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	for (uint64_t done = 0; done < plan->size;) {
		ssize_t n = pwrite(fd, (const char *)plan + done, plan->size - done, (off_t)done);

		if (n <= 0) {
			int e = n < 0 ? errno : EIO;
			close(fd);
			return -e;
		}
		done += (uint64_t)n;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		int e = errno;
		close(fd);
		return -e;
	}
	return fd;
}

static int boot_make(void)
{
	const struct memory_region *region = memory_region();
	uint64_t size = sizeof(struct rt_plan) + region->n_maps * sizeof(struct rt_map);
	struct rt_plan *plan = calloc(1, size);

	if (plan == NULL)
		return -ENOMEM;
	*plan = (struct rt_plan){
		.magic = RT_PLAN_MAGIC,
		.size = size,
		.region_base = region->base,
		.start = region->start,
		.n_fds = 2,
		.n_maps = (uint32_t)region->n_maps,
		.maps = sizeof(*plan),
		.n_seal = 1,
		.seal_addr = region->base,
		.seal_len = RT_OFF_HEAP,
	};
	memcpy(plan + 1, region->maps, region->n_maps * sizeof(struct rt_map));
	int fd = blob_make(plan);
	free(plan);
	return fd;
}

/* Opens what the program names: its interpreter and the objects it needs. */
static int open_named(void *context, const char *path)
{
	(void)context;
	return tree_open_file(path);
}

/* By a name with a slash, or along the list of directories; what it was found as is in path. -1: the tree
 * has none. */
static int open_in_tree(const char *name, const char *directories, char *path, size_t size)
{
	if (strchr(name, '/') != NULL) {
		snprintf(path, size, "%s", name);
		return tree_open_program(name);
	}
	for (const char *p = directories; *p != '\0'; p += strcspn(p, ":"), p += *p == ':') {
		int n = (int)strcspn(p, ":");

		if (n == 0 || *p != '/' || snprintf(path, size, "%.*s/%s", n, p, name) >= (int)size)
			continue;
		int fd = tree_open_program(path);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* What the slot's thread executes, as its /proc/self/exe. A program that the tree has not is put into
 * /proc, by the name that it was given. */
static void tell_exe(uint32_t slot, int fd, const char *outside)
{
	char path[PATH_MAX];

	if (mch_proc() == NULL)
		return;
	if (outside != NULL ? !tree_add_program(fd, outside, path, sizeof(path))
			    : tree_path_of(fd, path, sizeof(path)) < 0)
		path[0] = '\0';
	control_say(CTL_EXE, slot, 0, 0, 0, path, strlen(path));
}

/* Plans a program for the slot's thread into plan, whose descriptor as a file is returned. */
static int plan_make(uint32_t slot, int given, const char *outside, const char *path,
		     int (*open)(void *, const char *), void *context, struct mch_words *words,
		     struct program_plan *plan, struct err *err)
{
	const struct memory_region *region = memory_region();
	int fd = fcntl(given, F_DUPFD_CLOEXEC, 0);
	int r = fd < 0 ? -errno : script_follow(&fd, path, open, context, words);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		err->status = EXIT_UNUSABLE;
		return err_sys(err, -r, "%s: its interpreter cannot be run", path);
	}
	struct program_request request = {
		.fd = fd,
		.path = path,
		.module_dir = module_dir != NULL ? module_dir : "/",
		.open = open,
		.context = context,
		.region_maps = region->maps,
		.n_region_maps = region->n_maps,
		.region_base = region->base,
		.region_size = region->size,
		.start = region->start,
		.randomize = randomize,
	};
	r = program_plan(&request, plan, err);
	if (r == 0)
		tell_exe(slot, fd, words->n == 0 ? outside : NULL);
	close(fd);
	if (r < 0)
		return r;
	int blob = blob_make(plan->blob);
	if (blob < 0) {
		program_plan_free(plan);
		return err_sys(err, -blob, "%s: cannot keep the plan", path);
	}
	return blob;
}

int descriptor_plan_program(const struct ctl_msg *msg, struct mch_words *words, struct err *err)
{
	const char *texts[4] = { "", "", "", "" }; /* path, module directory, name, PATH */
	struct program_plan plan = { 0 };
	char found[PATH_MAX];
	size_t at = 0;

	for (size_t i = 0; i < 4 && at < msg->text_len; i++, at += strlen(msg->text + at) + 1)
		texts[i] = msg->text + at;
	if (at != msg->text_len || memory_region()->maps == NULL)
		return err_set(err, EPROTO, "host process: malformed CTL_PROGRAM");
	int in_tree = open_in_tree(texts[2], texts[3], found, sizeof(found));
	if (in_tree < 0 && msg->n_fds == 0) {
		err->status = EXIT_NOT_FOUND;
		return err_set(err, ENOENT, "%s: not found in the world's files", texts[2]);
	}
	module_dir = strdup(texts[1]);
	randomize = msg->a != 0;
	int fd = plan_make(RT_SLOT_COUNT, in_tree >= 0 ? in_tree : msg->fds[0],
			   in_tree >= 0 ? NULL : texts[2], in_tree >= 0 ? found : texts[0], open_named, NULL,
			   words, &plan, err);
	if (in_tree >= 0)
		close(in_tree);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&lock);
	if (program_blob >= 0) {
		close(program_blob);
		program_plan_free(&program);
	}
	program_blob = fd;
	program = plan;
	pthread_mutex_unlock(&lock);
	return 0;
}

static int region_descriptor(uint32_t n)
{
	return n < 2 ? memory_region()->fds[n] : -EPERM;
}

static int boot_descriptor(uint32_t n)
{
	if (n > 0)
		return region_descriptor(n - 1);
	if (boot_blob < 0)
		boot_blob = boot_make();
	return boot_blob;
}

static int program_descriptor(int blob, const struct program_plan *plan, uint32_t n)
{
	if (blob < 0)
		return -EPERM;
	if (n == 0)
		return blob;
	if (n < 3)
		return region_descriptor(n - 1);
	return n - 3 < plan->n_fds ? plan->fds[n - 3] : -EPERM;
}

/* A duplicate, so that a new plan may come while the old one's descriptor is on its way. */
int descriptor_get(enum ctl_plan plan, uint32_t slot, uint32_t n)
{
	int fd = -EPERM;

	pthread_mutex_lock(&lock);
	if (plan == CTL_PLAN_BOOT)
		fd = boot_descriptor(n);
	else if (plan == CTL_PLAN_PROGRAM)
		fd = program_descriptor(program_blob, &program, n);
	else if (plan == CTL_PLAN_EXEC && nexts[slot] != NULL)
		fd = program_descriptor(nexts[slot]->blob, &nexts[slot]->plan, n);
	if (fd >= 0) {
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			fd = -errno;
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

/* Not in place of what the thread `keep` (an id) planned; 0: of anybody's. */
static void next_set(uint32_t slot, struct next *next, int64_t keep)
{
	pthread_mutex_lock(&lock);
	struct next *before = nexts[slot];
	if (before != NULL && keep != 0 && before->thread == keep)
		before = NULL;
	else
		nexts[slot] = next;
	pthread_mutex_unlock(&lock);
	if (before == NULL)
		return;
	close(before->blob);
	program_plan_free(&before->plan);
	free(before);
}

int descriptor_plan_next(uint32_t slot, int fd, const char *path, int (*open)(void *, const char *),
			 void *context, struct mch_words *words)
{
	struct err err = { 0 };
	struct next *next = calloc(1, sizeof(*next));

	if (next == NULL)
		return -ENOMEM;
	next->thread = memory_threads()[slot].id;
	next->blob = plan_make(slot, fd, NULL, path, open, context, words, &next->plan, &err);
	if (next->blob < 0) {
		int r = next->blob;

		free(next);
		return r;
	}
	next_set(slot, next, 0);
	return 0;
}

void descriptor_forget_next(uint32_t slot)
{
	next_set(slot, NULL, 0);
}

void descriptor_forget_others(uint32_t slot, int64_t thread)
{
	next_set(slot, NULL, thread);
}

void descriptor_symbolize(uint64_t addr, char *text, size_t size)
{
	pthread_mutex_lock(&lock);
	if (program_blob >= 0)
		program_symbolize(&program, addr, text, size);
	pthread_mutex_unlock(&lock);
}
