/* SPDX-License-Identifier: MIT
 * /proc: texts. What concerns processes is the kernel's, of which the tracer opens files of the world's
 * processes alone, less what would tell of others; the rest is written here, out of what says nothing
 * of others: processors, memory, times. */
#include <errno.h>
#include <fcntl.h>
#include <microcosm-host.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "proc.h"

#define WRITER(name)                                                                       \
	static int name(FILE *out __attribute__((unused)),                                 \
			const struct proc_place *at __attribute__((unused)),               \
			const char *fixed __attribute__((unused)))

/* ---- Other ids and another name, which modules ask for before the seal ---- */

struct as_shown {
	uint32_t own, shown;
};

static struct as_shown shown_uid, shown_gid;
static bool ids_shown;
static char hostname[65]; /* empty: the kernel's */

long names_identity(uint64_t uids, uint64_t gids, const char *name, size_t len)
{
	if (mch_caller()->pid != 0)
		return -EPERM;
	if (len >= sizeof(hostname))
		return -EINVAL;
	ids_shown = uids != 0 || gids != 0;
	shown_uid = (struct as_shown){ (uint32_t)(uids >> 32), (uint32_t)uids };
	shown_gid = (struct as_shown){ (uint32_t)(gids >> 32), (uint32_t)gids };
	return len > 0 ? mch_fetch(hostname, name, len) : 0;
}

/* ---- Of a process ---- */

static FILE *source(const struct proc_place *at, const char *name, int *error)
{
	long fd = proc_ask(at, name, NULL, 0);
	FILE *file = fd < 0 ? NULL : fdopen((int)fd, "r");

	*error = fd < 0 ? (int)fd : file == NULL ? -errno : 0;
	if (fd >= 0 && file == NULL)
		close((int)fd);
	return file;
}

static int copy_all(FILE *out, int fd)
{
	char bytes[8192];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		fwrite(bytes, 1, (size_t)n, out);
		at += n;
	}
	return n < 0 ? -errno : 0;
}

/* As the kernel has it. */
WRITER(write_plain)
{
	long fd = proc_ask(at, at->name, NULL, 0);

	if (fd < 0)
		return (int)fd;
	int r = copy_all(out, (int)fd);
	close((int)fd);
	return r;
}

static bool is_own(const struct proc_place *at)
{
	return at->pid == mch_caller()->pid;
}

/* Memory is the process's own affair. */
WRITER(write_own)
{
	return is_own(at) ? write_plain(out, at, fixed) : -EACCES;
}

/* Line by line, through a filter. */
static int write_lines(FILE *out, const struct proc_place *at, const char *name,
		       void (*filter)(FILE *out, const struct proc_place *at, char *line))
{
	char *line = NULL;
	size_t room = 0;
	int r;
	FILE *file = source(at, name, &r);

	if (file == NULL)
		return r;
	while (getline(&line, &room, file) > 0)
		filter(out, at, line);
	r = ferror(file) ? -EIO : 0;
	free(line);
	fclose(file);
	return r;
}

/* Who reads is in a call, which to the kernel is a wait for its answer; a guest that is stopped is to it
 * one that is traced, for a moment or until a signal continues it. */
static char state_of(const struct proc_place *at, char state)
{
	const struct mch_caller *caller = mch_caller();

	if (at->tid != 0 ? at->tid == caller->tid : at->pid == caller->pid)
		return 'R';
	if (state != 't')
		return state;
	const struct proc_place thread = { .pid = at->pid, .tid = at->tid };
	long n = proc_ask(&thread, "state", &state, 1);
	return n == 1 ? state : 'S';
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R': return "running";
	case 'T': return "stopped";
	case 'Z': return "zombie";
	case 'X': return "dead";
	case 'D': return "disk sleep";
	default: return "sleeping";
	}
}

static int known(int pid)
{
	return proc_has(pid) ? pid : 0;
}

/* As the caller sees its own: --uid. */
static void write_ids(FILE *out, const char *line, struct as_shown ids)
{
	size_t head = strcspn(line, ":") + 1;
	const char *at = line + head;
	int n;

	fprintf(out, "%.*s", (int)head, line);
	for (unsigned id; sscanf(at, " %u%n", &id, &n) == 1; at += n)
		fprintf(out, "\t%u", id == ids.own ? ids.shown : id);
	fputc('\n', out);
}

static void filter_status(FILE *out, const struct proc_place *at, char *line)
{
	static const char *const left_out[] = { "NStgid:", "NSpid:", "NSpgid:", "NSsid:", "SigQ:",
						/* where the supervisor keeps it for now */
						"Cpus_allowed:", "Cpus_allowed_list:" };
	int number;
	char state;

	for (size_t i = 0; i < sizeof(left_out) / sizeof(*left_out); i++)
		if (strncmp(line, left_out[i], strlen(left_out[i])) == 0)
			return;
	if (sscanf(line, "State:\t%c", &state) == 1) {
		state = state_of(at, state);
		fprintf(out, "State:\t%c (%s)\n", state, state_name(state));
	} else if (sscanf(line, "PPid:\t%d", &number) == 1) {
		fprintf(out, "PPid:\t%d\n", known(number));
	} else if (strncmp(line, "Uid:", 4) == 0) {
		write_ids(out, line, shown_uid);
	} else if (strncmp(line, "Gid:", 4) == 0) {
		write_ids(out, line, shown_gid);
	} else if (strncmp(line, "Groups:", 7) == 0 && ids_shown) { /* as getgroups says then */
		fprintf(out, "Groups:\t%u \n", shown_gid.shown);
	} else if (strncmp(line, "TracerPid:", 10) == 0) {
		fprintf(out, "TracerPid:\t0\n");
	} else {
		fputs(line, out);
	}
}

WRITER(write_status)
{
	return write_lines(out, at, "status", filter_status);
}

/* The fields that follow the name, by their numbers in proc(5). */
static void filter_stat(FILE *out, const struct proc_place *at, char *line)
{
	char *name_end = strrchr(line, ')'), *save = NULL;
	int field = 3;

	if (name_end == NULL)
		return;
	fprintf(out, "%.*s", (int)(name_end + 1 - line), line);
	for (char *word = strtok_r(name_end + 1, " \n", &save); word != NULL;
	     word = strtok_r(NULL, " \n", &save), field++) {
		switch (field) {
		case 3: fprintf(out, " %c", state_of(at, *word)); break;
		case 4: case 5: case 6: case 8: /* parent, group, session, the terminal's group */
			fprintf(out, " %d", known(atoi(word)));
			break;
		case 29: case 30: case 35: fputs(" 0", out); break; /* the kernel's stack, and where it waits */
		default: fprintf(out, " %s", word);
		}
	}
	fputc('\n', out);
}

WRITER(write_stat)
{
	return write_lines(out, at, "stat", filter_stat);
}

/* A mapping's name, if the world has it. */
static void filter_maps(FILE *out, const struct proc_place *at, char *line)
{
	static const char region[] = "/memfd:microcosm", memfd[] = "/memfd:";
	char *name = strchr(line, '/');

	(void)at;
	if (name == NULL) {
		fputs(line, out);
		return;
	}
	name[strcspn(name, "\n")] = '\0';
	fprintf(out, "%.*s", (int)(name - line), line);
	if (strncmp(name, region, sizeof(region) - 1) == 0)
		fputs("[microcosm]", out);
	else if (strncmp(name, memfd, sizeof(memfd) - 1) == 0 || proc_names(name))
		fputs(name, out);
	fputc('\n', out);
}

WRITER(write_maps)
{
	return is_own(at) ? write_lines(out, at, "maps", filter_maps) : -EACCES;
}

static void filter_fdinfo(FILE *out, const struct proc_place *at, char *line)
{
	(void)at;
	if (strncmp(line, "pos:", 4) == 0 || strncmp(line, "flags:", 6) == 0)
		fputs(line, out);
}

/* The mounts that the user asked for; a source would be the host's. */
static void write_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (strchr(" \t\n\\", *text) != NULL)
			fprintf(out, "\\%03o", (unsigned char)*text);
		else
			fputc(*text, out);
}

static const char *mount_options(const struct mch_mount *mount)
{
	return mount->read_only ? "ro,nosuid,nodev" : "rw,nosuid,nodev";
}

WRITER(write_mounts)
{
	size_t n;
	const struct mch_mount *mounts = mch_tree_mounts(&n);

	for (size_t i = 0; i < n; i++) {
		fputs("microcosm ", out);
		write_escaped(out, mounts[i].place);
		fprintf(out, " %s %s 0 0\n", mounts[i].type, mount_options(&mounts[i]));
	}
	return 0;
}

WRITER(write_mountinfo)
{
	size_t n;
	const struct mch_mount *mounts = mch_tree_mounts(&n);

	for (size_t i = 0; i < n; i++) {
		struct stat st;

		if (stat(mounts[i].place, &st) < 0)
			continue;
		fprintf(out, "%zu %d %u:%u / ", i + 2, 1, major(st.st_dev), minor(st.st_dev));
		write_escaped(out, mounts[i].place);
		fprintf(out, " %s - %s microcosm %.2s\n", mount_options(&mounts[i]), mounts[i].type,
			mount_options(&mounts[i]));
	}
	return 0;
}

WRITER(write_fixed)
{
	fputs(fixed, out);
	return 0;
}

/* ---- Of the machine: files of the host's, open since before the seal ---- */

static const char *const held_names[] = { "cpuinfo", "meminfo", "stat", "uptime", "loadavg",
					  "sys/kernel/pid_max", "sys/kernel/threads-max",
					  "sys/kernel/ngroups_max", "sys/kernel/cap_last_cap",
					  "sys/vm/overcommit_memory", "sys/vm/max_map_count",
					  "sys/fs/file-max", "sys/fs/nr_open", "sys/fs/pipe-max-size" };
#define HELD (sizeof(held_names) / sizeof(*held_names))
static int held[HELD];
static unsigned char boot_id[16];

__attribute__((constructor)) static void start(void)
{
	if (mch_proc() == NULL)
		return;
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < HELD; i++)
		held[i] = proc < 0 ? -1 : openat(proc, held_names[i], O_RDONLY | O_CLOEXEC);
	if (proc >= 0)
		close(proc);
	if (getrandom(boot_id, sizeof(boot_id), 0) < 0)
		memset(boot_id, 0, sizeof(boot_id));
}

/* -1: the host has none of that name. */
static int held_file(const char *name)
{
	for (size_t i = 0; i < HELD; i++)
		if (strcmp(held_names[i], name) == 0)
			return held[i];
	return -1;
}

WRITER(write_held)
{
	int fd = held_file(at->name);

	return fd < 0 ? -ENOENT : copy_all(out, fd);
}

static char *held_text(const char *name)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);
	int fd = held_file(name);

	if (to == NULL)
		return NULL;
	int r = fd < 0 ? -ENOENT : copy_all(to, fd);
	if (fclose(to) == 0 && r == 0)
		return text;
	free(text);
	return NULL;
}

/* How busy processors are, and since when they run. */
WRITER(write_machine_stat)
{
	char *text = held_text("stat"), *save = NULL;
	int32_t last;

	if (text == NULL)
		return -ENOENT;
	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "cpu", 3) == 0 || strncmp(line, "btime", 5) == 0)
			fprintf(out, "%s\n", line);
	free(text);
	fprintf(out, "intr 0\nctxt 0\nprocesses %zu\nprocs_running 1\nprocs_blocked 0\n", proc_count(&last));
	return 0;
}

WRITER(write_loadavg)
{
	char *text = held_text("loadavg");
	char loads[64];
	int32_t last;
	size_t n = proc_count(&last);
	bool ok = text != NULL && sscanf(text, "%60[0-9. ]", loads) == 1 && strrchr(loads, ' ') != NULL;

	free(text);
	if (!ok)
		return -ENOENT;
	*strrchr(loads, ' ') = '\0'; /* what follows counts the host's threads */
	fprintf(out, "%s 1/%zu %d\n", loads, n, last);
	return 0;
}

WRITER(write_version)
{
	struct utsname name;

	if (uname(&name) < 0)
		return -errno;
	fprintf(out, "%s version %s (microcosm) %s\n", name.sysname, name.release, name.version);
	return 0;
}

WRITER(write_uname)
{
	struct utsname name;

	if (uname(&name) < 0)
		return -errno;
	fprintf(out, "%s\n", strcmp(fixed, "hostname") == 0 ? (hostname[0] != '\0' ? hostname : name.nodename)
			     : strcmp(fixed, "osrelease") == 0 ? name.release
			     : strcmp(fixed, "ostype") == 0 ? name.sysname : name.version);
	return 0;
}

static void write_id(FILE *out, const unsigned char *id)
{
	for (int i = 0; i < 16; i++)
		fprintf(out, "%02x%s", i == 6 ? (id[i] & 0x0f) | 0x40 : i == 8 ? (id[i] & 0x3f) | 0x80 : id[i],
			i == 3 || i == 5 || i == 7 || i == 9 ? "-" : i == 15 ? "\n" : "");
}

/* The world's own, not the machine's. */
WRITER(write_boot_id)
{
	write_id(out, boot_id);
	return 0;
}

WRITER(write_uuid)
{
	unsigned char id[16];

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return -EIO;
	write_id(out, id);
	return 0;
}

/* ---- The tables ---- */

const struct proc_file proc_process_files[] = {
	{ "stat", 0444, true, write_stat, NULL },
	{ "status", 0444, true, write_status, NULL },
	{ "statm", 0444, true, write_plain, NULL },
	{ "cmdline", 0444, true, write_plain, NULL },
	{ "comm", 0444, true, write_plain, NULL },
	{ "maps", 0444, true, write_maps, NULL },
	{ "environ", 0400, true, write_own, NULL },
	{ "limits", 0444, false, write_plain, NULL },
	{ "mounts", 0444, false, write_mounts, NULL },
	{ "mountinfo", 0444, false, write_mountinfo, NULL },
	{ "cgroup", 0444, false, write_fixed, "0::/\n" },
	{ "oom_score_adj", 0444, false, write_fixed, "0\n" },
	{ NULL, 0, false, NULL, NULL },
};

const struct proc_file proc_global_files[] = {
	{ "cpuinfo", 0444, false, write_held, NULL },
	{ "meminfo", 0444, false, write_held, NULL },
	{ "uptime", 0444, false, write_held, NULL },
	{ "stat", 0444, false, write_machine_stat, NULL },
	{ "loadavg", 0444, false, write_loadavg, NULL },
	{ "version", 0444, false, write_version, NULL },
	{ "filesystems", 0444, false, write_fixed, "nodev\ttmpfs\nnodev\tproc\nnodev\tdevpts\n" },
	{ "swaps", 0444, false, write_fixed, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" },
	{ "sys/kernel/hostname", 0444, false, write_uname, "hostname" },
	{ "sys/kernel/osrelease", 0444, false, write_uname, "osrelease" },
	{ "sys/kernel/ostype", 0444, false, write_uname, "ostype" },
	{ "sys/kernel/version", 0444, false, write_uname, "version" },
	{ "sys/kernel/pid_max", 0444, false, write_held, NULL },
	{ "sys/kernel/threads-max", 0444, false, write_held, NULL },
	{ "sys/kernel/ngroups_max", 0444, false, write_held, NULL },
	{ "sys/kernel/cap_last_cap", 0444, false, write_held, NULL },
	{ "sys/kernel/random/boot_id", 0444, false, write_boot_id, NULL },
	{ "sys/kernel/random/uuid", 0444, false, write_uuid, NULL },
	{ "sys/vm/overcommit_memory", 0444, false, write_held, NULL },
	{ "sys/vm/max_map_count", 0444, false, write_held, NULL },
	{ "sys/fs/file-max", 0444, false, write_held, NULL },
	{ "sys/fs/nr_open", 0444, false, write_held, NULL },
	{ "sys/fs/pipe-max-size", 0444, false, write_held, NULL },
	{ NULL, 0, false, NULL, NULL },
};

int proc_write(FILE *out, const struct proc_place *at)
{
	const struct proc_file *file = at->pid != 0 ? proc_process_files : proc_global_files;

	if (at->pid != 0 && at->tid == 0 && strncmp(at->name, "fdinfo/", 7) == 0)
		return is_own(at) ? write_lines(out, at, at->name, filter_fdinfo) : -EACCES;
	for (; file->name != NULL; file++)
		if (strcmp(file->name, at->name) == 0)
			return file->write(out, at, file->fixed);
	return -ENOENT;
}
