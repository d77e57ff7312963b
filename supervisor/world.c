// SPDX-License-Identifier: MIT
// A world's life: region and modules, host process, boot process, sealing, the program, the end.
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checked.h"
#include "options.h"
#include "paths.h"
#include "rt_guest.h"

#define EMPTY_PATH_BYTES 16
#define SCRATCH_BYTES (RT_KERNEL_STUBS * 128)
#define HOST_GRACE_MS 5000

extern char **environ;

/* ---- The region's contents ---- */

static int runtime_symbols(struct world *w, struct err *err)
{
	const struct {
		const char *name;
		uint64_t *to;
	} wanted[] = {
		{"rt_config", &w->rt.config},
		{"rt_entry", &w->rt.entry},
		{"rt_entry_trap", &w->rt.entry_trap},
		{"rt_entry_trapped", &w->rt.entry_trapped},
		{"rt_entry_ring", &w->rt.entry_ring},
		{"rt_upcall", &w->rt.upcall},
		{"rt_upcall_trapped", &w->rt.upcall_trapped},
		{"rt_upcall_ring", &w->rt.upcall_ring},
		{"rt_site", &w->rt.site},
		{"rt_site_ring", &w->rt.site_ring},
		{"rt_site_recorded", &w->rt.site_recorded},
		{"rt_dispatch_begin", &w->rt.dispatch_begin},
		{"rt_dispatch_end", &w->rt.dispatch_end},
		{"rt_exit_check", &w->rt.exit_check},
		{"rt_exit_end", &w->rt.exit_end},
		{"rt_thread_begin", &w->rt.thread_begin},
		{"rt_thread_main", &w->rt.thread_main},
		{"rt_core_call", &w->rt.core_call},
		{"rt_core_called", &w->rt.core_called},
		{"rt_core_get", &w->rt.core_get},
		{"rt_core_init", &w->rt.core_init},
		{"rt_boot", &w->rt.boot},
		{"rt_start", &w->rt.start},
		{"rt_first", &w->rt.first},
		{"rt_gate_call", &w->rt.gate_call},
		{"rt_gate_call_vector", &w->rt.gate_call_vector},
		{"rt_copy_begin", &w->rt.copy_begin},
		{"rt_copy_end", &w->rt.copy_end},
		{"rt_copy_fault", &w->rt.copy_fault},
	};
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		int error = modules_runtime_symbol(w->modules, wanted[i].name, wanted[i].to, err);
		if (error)
			return error;
	}
	return 0;
}

static void *sealed_at(struct world *w, uint64_t address, uint64_t len)
{
	void *at = region_at(&w->region, REGION_SEALED, (struct gaddr){address}, len);
	MC_ASSERT(at != NULL);
	return at;
}

static void write_stubs(struct world *w)
{
	for (int32_t nr = 0; nr > -256; nr--)
		arch_core_stub(sealed_at(w, table_core_stub(w, nr), RT_STUB_SIZE), table_core_stub(w, nr), nr,
			       w->rt.core_call);
	/* These two do not leave user space. */
	arch_self_stub(sealed_at(w, table_core_stub(w, MC_SYS_THREAD_SELF), RT_STUB_SIZE));
	arch_jump_stub(sealed_at(w, table_core_stub(w, MC_SYS_GET), RT_STUB_SIZE),
		       table_core_stub(w, MC_SYS_GET), w->rt.core_get);
	for (int32_t nr = 0; nr < (int32_t)RT_KERNEL_STUBS; nr++)
		arch_call_stub(sealed_at(w, table_kernel_stub(w, nr), RT_STUB_SIZE), nr);
	for (size_t i = 0; i < w->modules->n_imports; i++) {
		const struct module_import *import = &w->modules->imports[i];
		uint64_t at = w->region.base + RT_OFF_GATE_STUBS + import->gate * RT_STUB_SIZE;
		arch_gate_stub(sealed_at(w, at, RT_STUB_SIZE), at, import->gate,
			       import->vector ? w->rt.gate_call_vector : w->rt.gate_call);
	}
}

static uint32_t may_write(const struct options *options)
{
	for (size_t i = 0; i < options->n_tree; i++)
		if (options->tree[i].kind == CTL_TREE_RW || options->tree[i].kind == CTL_TREE_TMPFS)
			return MC_HEADER_WRITABLE;
	return 0;
}

/* As the linux module understands it. */
static uint32_t shown_id(const struct options *options, const char *name, uint32_t own)
{
	uint32_t shown = own;
	for (size_t i = 0; i < options->n_words; i++) {
		const struct word_option *word = &options->words[i];
		char value[16] = "", *end;
		if (word->name_len != strlen(name) || memcmp(word->name, name, word->name_len) != 0)
			continue;
		shown = own;
		if (word->value_len >= sizeof value)
			continue;
		memcpy(value, word->value, word->value_len);
		uint64_t id = strtoull(value, &end, 10);
		if (*value >= '0' && *value <= '9' && !*end && id < UINT32_MAX)
			shown = (uint32_t)id;
	}
	return shown;
}

/* Guests get one with standard input, output and error. */
static bool holds_network(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		int family = AF_UNIX;
		socklen_t len = sizeof family;
		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 && family != AF_UNIX)
			return true;
	}
	return false;
}

static uint32_t network(const struct options *options)
{
	switch (options->net.mode) {
	case NET_LIST: return MC_HEADER_NET;
	case NET_HOST: return MC_HEADER_NET | MC_HEADER_NET_HOST;
	default: return options->learn ? MC_HEADER_NET : 0; /* to learn which are wanted, they must be asked for */
	}
}

static uint32_t header_flags(struct world *w)
{
	const struct mc_header *header = sealed_at(w, w->region.base + RT_OFF_HEADER, sizeof *header);
	return header->flags;
}

static void write_header(struct world *w, uint32_t flags)
{
	struct rt_config *config = sealed_at(w, w->rt.config, sizeof *config);
	struct mc_header *header = sealed_at(w, w->region.base + RT_OFF_HEADER, sizeof *header);
	uint64_t mask, size;
	arch_vector_state(&mask, &size);
	*header = (struct mc_header){
		.magic = {'M', 'I', 'C', 'R', 'O', 'C', 'S', 'M'},
		.abi_version = MC_ABI_VERSION,
		.flags = flags,
		.region_base = w->region.base,
		.region_size = w->region.size,
		.entry = w->rings ? w->rt.entry_ring : w->trace ? w->rt.entry_trap : w->rt.entry,
		.table = w->region.base + RT_OFF_TABLE,
		.table_first = MC_NR_MIN,
		.table_count = MC_NR_COUNT,
		.xsave_mask = mask,
		.xsave_size = size,
		.options = w->region.base + RT_OFF_OPTIONS,
	};
	*config = (struct rt_config){
		.header = w->region.base + RT_OFF_HEADER,
		.table_zero = w->region.base + RT_OFF_TABLE - 8 * (int64_t)MC_NR_MIN,
		.region_base = w->region.base,
		.region_size = w->region.size,
		.entry = header->entry,
		.xsave_mask = mask,
		.xsave_size = size,
		.stubs = w->region.base + RT_OFF_STUBS,
		.recorded = rings_recorded(w),
	};
}

_Static_assert(sizeof(struct mc_header) <= RT_OFF_OPTIONS, "one page");

/* What modules find by mc_option(); the memory is 0 so far, which ends the list. */
static int write_options(struct world *w, const struct options *options, struct err *err)
{
	char *to = sealed_at(w, w->region.base + RT_OFF_OPTIONS, RT_OPTIONS_BYTES);
	size_t room = RT_OPTIONS_BYTES - 1;
	for (size_t i = 0; i < options->n_words; i++) {
		const struct word_option *word = &options->words[i];
		if (room < word->name_len + word->value_len + 2)
			return err_set(err, E2BIG, "--option: more than %llu bytes in all",
				       (unsigned long long)RT_OPTIONS_BYTES);
		room -= word->name_len + word->value_len + 2;
		memcpy(to, word->name, word->name_len);
		to += word->name_len + 1;
		memcpy(to, word->value, word->value_len);
		to += word->value_len + 1;
	}
	return 0;
}

/* A list for rt_boot and what it points to, one after the other. */
static uint64_t write_list(struct world *w, uint64_t *at, const uint64_t *resolvers,
			   size_t n_resolvers, const uint64_t *calls, size_t n_calls)
{
	struct rt_boot_list *list = sealed_at(w, *at, sizeof *list);
	uint64_t address = *at;
	*list = (struct rt_boot_list){.resolvers = *at + sizeof *list, .n_resolvers = n_resolvers,
				      .n_calls = n_calls};
	list->calls = list->resolvers + 8 * n_resolvers;
	if (n_resolvers)
		memcpy(sealed_at(w, list->resolvers, 8 * n_resolvers), resolvers, 8 * n_resolvers);
	if (n_calls)
		memcpy(sealed_at(w, list->calls, 8 * n_calls), calls, 8 * n_calls);
	*at = list->calls + 8 * n_calls;
	return address;
}

static int write_lists(struct world *w, struct err *err)
{
	const struct module_set *set = w->modules;
	struct gaddr at;
	uint64_t bytes = SCRATCH_BYTES + HELD_PATHS * HELD_PATH_BYTES + EMPTY_PATH_BYTES +
			 LENT_BYTES * (uint64_t)RT_SLOT_COUNT + 2 * sizeof(struct rt_boot_list) +
			 8 * (set->n_resolvers + set->n_inits + set->n_finis);
	uint64_t rounded;
	if (!checked_align(bytes, 4096, &rounded))
		return err_set(err, EOVERFLOW, "too many initialisers");
	int error = region_reserve(&w->region, rounded, 4096, &at, err);
	if (error == 0)
		error = region_map(&w->region, at, rounded, PROT_READ, REGION_SEALED, err);
	if (error)
		return error;
	w->scratch = at.value;
	w->held_paths = at.value + SCRATCH_BYTES;
	w->empty_path = w->held_paths + HELD_PATHS * HELD_PATH_BYTES;
	w->lent = w->empty_path + EMPTY_PATH_BYTES;
	uint64_t next = w->lent + LENT_BYTES * (uint64_t)RT_SLOT_COUNT;
	w->boot_list = write_list(w, &next, set->resolvers, set->n_resolvers, set->inits, set->n_inits);
	w->fini_list = write_list(w, &next, NULL, 0, set->finis, set->n_finis);
	return 0;
}

static int region_fill(struct world *w, const struct paths *paths, const struct options *options,
		       struct err *err)
{
	int error = region_create(&w->region, options->no_aslr, err);
	if (error == 0)
		error = modules_load(&w->region, paths->runtime,
				     options->no_modules ? NULL : paths->module_set, paths->module_dir,
				     &w->modules, err);
	if (error == 0)
		error = runtime_symbols(w, err);
	if (error == 0)
		error = write_lists(w, err);
	if (error == 0 && options->ring)
		error = rings_init(w, err);
	if (error)
		return error;
	write_stubs(w);
	write_header(w, may_write(options) | network(options));
	table_init(w);
	error = write_options(w, options, err);
	return error ? error : region_seal(&w->region, err);
}

/* ---- The host process ---- */

static struct ctl_msg *message(struct world *w, enum ctl_type type)
{
	w->msg->type = type;
	w->msg->slot = 0;
	w->msg->a = w->msg->b = w->msg->c = 0;
	w->msg->text_len = w->msg->n_fds = 0;
	return w->msg;
}

static bool add_text(struct ctl_msg *msg, const char *text)
{
	size_t n = strlen(text) + 1;
	if (n > CTL_TEXT_MAX - msg->text_len)
		return false;
	memcpy(msg->text + msg->text_len, text, n);
	msg->text_len += (uint32_t)n;
	return true;
}

static int tell(struct world *w, struct err *err)
{
	int error = control_send(w, w->msg);
	return error ? err_sys(err, -error, "cannot talk to the host process") : 0;
}

static int open_stub(struct world *w, const struct paths *paths, struct err *err)
{
	struct stat st;
	w->stub_fd = open(paths->stub, O_RDONLY | O_CLOEXEC);
	if (w->stub_fd < 0 || fstat(w->stub_fd, &st) < 0)
		return err_sys(err, errno, "%s", paths->stub);
	w->stub_dev = st.st_dev;
	w->stub_ino = st.st_ino;
	return 0;
}

/* What the host process sees as the entry's path; relative ones are the supervisor's. */
static bool add_tree_entry(struct ctl_msg *msg, const struct tree_option *entry)
{
	char host[PATH_MAX], absolute[PATH_MAX], kind[16];
	snprintf(kind, sizeof kind, "%d", entry->kind);
	if (snprintf(host, sizeof host, "%.*s", (int)entry->host_len, entry->host ? entry->host : "") >=
	    (int)sizeof host)
		return false;
	const char *guest = entry->guest ? entry->guest : host;
	if (guest[0] != '/')
		guest = realpath(host, absolute) ? absolute : guest;
	return add_text(msg, kind) && add_text(msg, host) && add_text(msg, guest);
}

static int tell_tree(struct world *w, const struct options *options, int program, struct err *err)
{
	char cwd[PATH_MAX] = "";
	const char *start = options->cwd ? options->cwd : getcwd(cwd, sizeof cwd);
	struct ctl_msg *msg = message(w, CTL_TREE);
	msg->a = options->n_tree;
	msg->b = options->learn != NULL;
	if (program >= 0) {
		msg->fds[0] = program;
		msg->n_fds = 1;
	}
	bool fits = add_text(msg, start ? start : "");
	for (size_t i = 0; i < options->n_tree && fits; i++)
		fits = add_tree_entry(msg, &options->tree[i]);
	if (!fits)
		return err_set(err, E2BIG, "the file tree's description is too long");
	return tell(w, err);
}

static int tell_region(struct world *w, struct err *err)
{
	struct ctl_msg *msg = message(w, CTL_REGION);
	msg->a = w->region.base;
	msg->b = w->region.size;
	msg->c = w->rt.start;
	msg->fds[0] = w->region.fds[REGION_SEALED];
	msg->fds[1] = w->region.fds[REGION_SHARED];
	msg->fds[2] = w->thread_table_fd;
	msg->fds[3] = w->stub_fd;
	msg->n_fds = 4;
	msg->text_len = (uint32_t)(w->region.n_maps * sizeof w->region.maps[0]);
	MC_ASSERT(msg->text_len <= CTL_TEXT_MAX);
	memcpy(msg->text, w->region.maps, msg->text_len);
	int error = tell(w, err);
	for (size_t i = 0; i < w->modules->n_modules && !error; i++) {
		msg = message(w, CTL_MODULE_TEXT);
		msg->a = w->modules->modules[i].text_low;
		msg->b = w->modules->modules[i].text_high;
		error = tell(w, err);
	}
	if (w->trace && !error) {
		msg = message(w, CTL_TRACE);
		msg->a = 1;
		error = tell(w, err);
	}
	return error;
}

/* Asks for the imports; start_answers has what comes of it. */
static int bind_imports(struct world *w, struct err *err)
{
	for (size_t i = 0; i < w->modules->n_imports; i++) {
		const struct module_import *import = &w->modules->imports[i];
		struct ctl_msg *msg = message(w, CTL_IMPORT);
		msg->a = import->gate;
		msg->b = import->vector;
		bool fits = add_text(msg, import->symbol) && add_text(msg, import->module);
		for (size_t l = 0; l < import->n_libraries && fits; l++)
			fits = add_text(msg, import->libraries[l]);
		if (!fits) {
			err->status = EXIT_UNUSABLE;
			return err_set(err, E2BIG, "%s: names of host libraries are too long",
				       import->module);
		}
		int error = tell(w, err);
		if (error)
			return error;
	}
	message(w, CTL_BIND);
	return tell(w, err);
}

static int send_program(struct world *w, const struct options *options, const struct paths *paths,
			int fd, const char *path, struct err *err)
{
	struct ctl_msg *msg = message(w, CTL_PROGRAM);
	const char *directories = getenv("PATH");
	msg->a = !options->no_aslr;
	if (fd >= 0) {
		msg->fds[0] = fd;
		msg->n_fds = 1;
	}
	if (!add_text(msg, path) || !add_text(msg, paths->module_dir) || !add_text(msg, options->argv[0]) ||
	    !add_text(msg, directories ? directories : "/usr/bin:/bin"))
		return err_set(err, E2BIG, "%s: path too long", path);
	return tell(w, err);
}

/* ---- Spawning the boot process and the program ---- */

static int spawn(struct world *w, const struct paths *paths, char *const *argv, char *const *envp, bool boot,
		 int *filters, struct err *err)
{
	struct os_spawn request = {.stub = paths->stub, .argv = argv, .envp = envp, .control_fd = w->control,
				   .boot = boot};
	pid_t tid;
	int error = os_spawn(&request, &tid, filters, err);
	if (error)
		return error;
	struct process *p = process_new(w, tid);
	struct thread *t = p ? thread_new(w, tid) : NULL;
	if (!t || thread_place(w, t, p) < 0)
		return err_set(err, ENOMEM, "no memory for a process");
	t->tgid = tid;
	fs_new(w, t);
	t->joinable = true;
	t->first_stop_seen = true;
	p->boot = boot;
	p->first = !boot;
	thread_report(w, t, boot ? CTL_PLAN_BOOT : CTL_PLAN_PROGRAM);
	if (boot) {
		w->boot = p;
		w->boot_thread = t;
	} else {
		w->first = p;
	}
	return 0;
}

static bool boot_ready(const struct world *w)
{
	return w->boot_ready || !w->boot;
}

static bool never(const struct world *w)
{
	(void)w;
	return false;
}

static int spawn_boot(struct world *w, const struct paths *paths, struct err *err)
{
	static char *argv[] = {(char *)"microcosm-boot", NULL}, *envp[] = {NULL};
	struct os_program filter;
	int error = os_filter_boot(&filter, err);
	if (error)
		return error;
	int filters;
	error = spawn(w, paths, argv, envp, true, &filters, err);
	if (error == 0)
		error = os_filters_send(filters, &filter, NULL, err);
	if (filters >= 0)
		close(filters);
	os_program_free(&filter);
	return error;
}

/* The words of a script's interpreter, and what the user gave. */
static char **program_arguments(char *words, uint64_t n_words, const struct options *options)
{
	size_t n = 0, given = n_words ? 1 : 0; /* the script's name is among the words */
	char **argv = calloc(n_words + (size_t)options->argc + 1, sizeof *argv);
	for (char *word = words; argv && n < n_words; word += strlen(word) + 1)
		argv[n++] = word;
	for (size_t i = given; argv && i < (size_t)options->argc; i++)
		argv[n++] = options->argv[i];
	return argv;
}

/* It waits for its filters. */
static int spawn_program(struct world *w, const struct options *options, const struct paths *paths,
			 char *words, uint64_t n_words, struct err *err)
{
	char **argv = program_arguments(words, n_words, options);
	if (!argv)
		return err_set(err, ENOMEM, "no memory for the program's arguments");
	char **envp = options_environment(options, environ);
	if (!envp) {
		free(argv);
		return err_set(err, ENOMEM, "no memory for the environment");
	}
	int error = spawn(w, paths, argv, envp, false, &w->filters_fd, err);
	free(envp);
	free(argv);
	if (error == 0)
		os_place(w->first->tgid, -1); /* beside us, as long as we have other things to do */
	return error;
}

/* What a script's interpreter is, only the host process can say: the program then starts late. */
static bool may_be_script(int program)
{
	char mark[2];
	return program < 0 || pread(program, mark, sizeof mark, 0) != sizeof mark ||
	       memcmp(mark, "#!", sizeof mark) == 0;
}

/* The host process's answer to CTL_PROGRAM. */
static int program_answer(struct world *w, const struct options *options, const struct paths *paths,
			  struct err *err)
{
	static char words[CTL_TEXT_MAX + 2]; /* w->msg is used again */
	int error = control_answer(w, err);
	if (error || w->first || options->action == OPTIONS_SURFACE)
		return error;
	memcpy(words, w->msg->text, w->msg->text_len + 1);
	uint64_t n = 0;
	for (size_t at = 0; at < w->msg->text_len; at += strlen(words + at) + 1)
		n++;
	return spawn_program(w, options, paths, words, n, err);
}

static bool keeps_vdso(const struct world *w)
{
	return grant_any(w, SYS_clock_gettime) || grant_any(w, SYS_gettimeofday) ||
	       grant_any(w, SYS_time);
}

/* The filter takes as long as the host process's own sealing, so they are made side by side. */
static int seal(struct world *w, struct os_program *filter, struct os_program *extra, struct err *err)
{
	w->sealed = true;
	write_header(w, header_flags(w) | (keeps_vdso(w) ? MC_HEADER_VDSO : 0));
	message(w, CTL_SEAL);
	int error = tell(w, err);
	if (error == 0 && w->rings)
		rings_choose(w);
	if (error == 0)
		error = grant_filter(w, filter, extra, err);
	if (error == 0)
		error = control_answer(w, err);
	return error;
}

static int run_program(struct world *w, const struct os_program *filter,
		       const struct os_program *extra, struct err *err)
{
	/* Without finalisers nobody needs it any more. */
	if (w->boot && w->modules->n_finis == 0) {
		w->boot->phase = PROCESS_ENDING;
		process_kill(w->boot);
	}
	if (w->first)
		os_place(w->first->tgid, w->cpu);
	int error = os_filters_send(w->filters_fd, filter, extra, err);
	w->filters_ready = true;
	if (w->rings)
		(void)ticks_want(w, TICKS_RINGS, true);
	if (error == 0)
		loop_run(w, never);
	return error;
}

/* ---- The end ---- */

static bool any_guest(const struct world *w)
{
	for (const struct process *p = w->processes; p; p = p->next)
		if (!p->boot)
			return true;
	return false;
}

/* Kills and reaps every guest; with the boot process too when it is not to finalise. */
static void kill_guests(struct world *w, bool boot_too)
{
	struct os_event event;
	for (struct process *p = w->processes; p; p = p->next)
		if (!p->boot || boot_too) {
			p->phase = PROCESS_ENDING;
			process_kill(p);
		}
	while (boot_too ? w->processes != NULL : any_guest(w)) {
		int error = os_wait(&event);
		if (error == -EINTR) {
			control_receive(w);
			continue;
		}
		if (error)
			return;
		loop_reap(w, &event);
	}
}

static void finalise(struct world *w)
{
	int status = w->status;
	struct thread *t = w->boot_thread;
	if (w->end != END_ORDERLY || !w->boot || !w->boot_ready || w->modules->n_finis == 0)
		return;
	w->end = END_NONE;
	w->finalising = true;
	w->boot_ready = false;
	if (os_set_result(t->tid, (int64_t)w->fini_list, false) == 0) {
		thread_resume(w, t, 0);
		loop_run(w, boot_ready);
	}
	if (w->end == END_NONE) {
		w->end = END_ORDERLY;
		w->status = status;
	}
}

static void end_host(struct world *w)
{
	if (w->control >= 0)
		close(w->control);
	w->control = -1;
	if (!w->host_pid)
		return;
	/* At the end of the stream it ends by itself; where it cannot, it is made to. */
	int pidfd = (int)syscall(SYS_pidfd_open, w->host_pid, 0);
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	int done;
	do
		done = pidfd < 0 || w->end == END_BROKEN ? 0 : poll(&poll_fd, 1, HOST_GRACE_MS);
	while (done < 0 && errno == EINTR);
	if (done == 0)
		kill(w->host_pid, SIGKILL);
	while (waitpid(w->host_pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
}

static void world_close(struct world *w)
{
	kill_guests(w, w->end != END_ORDERLY);
	finalise(w);
	/* Nobody calls the host process any more: it ends while the rest does. */
	if (w->end == END_ORDERLY && w->control >= 0)
		shutdown(w->control, SHUT_WR);
	kill_guests(w, true);
	if (w->filters_fd >= 0)
		close(w->filters_fd);
	if (w->stub_fd >= 0)
		close(w->stub_fd);
	if (w->learn && w->end != END_NONE)
		control_receive(w); /* the last of what was found */
	control_forget(w);
	report_close(w);
	modules_free(w->modules);
	threads_free(w);
	patches_free(w);
	rings_free(w);
	region_destroy(&w->region);
	end_host(w); /* last: it ends meanwhile */
}

static int world_start(struct world *w, const struct options *options, void (*host)(void), struct err *err)
{
	struct paths paths;
	char path[PATH_MAX];
	int program = -1;
	struct os_program filter = {0}, extra = {0};
	int error = threads_init(w, err);
	if (error == 0)
		error = paths_find(&paths, options->modules, err);
	if (error == 0 && options->argc) {
		program = paths_open_program(options->argv[0], path, err);
		error = program < 0 ? program : 0;
		if (error && options->n_tree) { /* it may be in the tree */
			*err = (struct err){0};
			error = 0;
		}
	}
	if (error == 0) {
		if (options->host_files)
			setenv("MICROCOSM_HOST_FILES", "1", 1);
		error = os_spawn_host(host, &w->host_pid, &w->control, err);
		if (options->host_files)
			unsetenv("MICROCOSM_HOST_FILES");
	}
	if (error == 0)
		error = os_wait_init(err);
	if (error == 0)
		error = os_watch_socket(w->control, err);
	if (error == 0)
		error = learn_open(w, options, err);
	if (error == 0)
		error = open_stub(w, &paths, err);
	if (error == 0)
		error = tell_tree(w, options, program, err);
	/* From here on where the tracees start: each crossing would cost twenty times as much. */
	w->cpu = sched_getcpu();
	os_place(0, w->cpu);
	if (error == 0)
		error = report_open(w, options, err);
	if (error == 0)
		error = region_fill(w, &paths, options, err);
	/* A trace has every call trap, unless it is of rings. */
	if (error == 0 && (!w->trace || w->rings) && !options->no_patch)
		error = patches_init(w, err);
	if (error == 0)
		error = report_modules(w, err);
	if (error == 0)
		error = tell_region(w, err);
	if (error == 0)
		error = bind_imports(w, err);
	if (error == 0 && options->argc)
		error = send_program(w, options, &paths, program, path, err);
	/* The host process is still starting: the boot process is made meanwhile. */
	if (error == 0)
		error = spawn_boot(w, &paths, err);
	if (error == 0)
		error = control_answer(w, err); /* to bind_imports: initialisers may call them */
	/* In the tree there may be another of that name. */
	if (error == 0 && options->argc && options->action != OPTIONS_SURFACE && !options->n_tree &&
	    !may_be_script(program))
		error = spawn_program(w, options, &paths, NULL, 0, err);
	if (program >= 0)
		close(program);
	if (error == 0)
		loop_run(w, boot_ready);
	if (error == 0 && w->end == END_NONE && options->argc)
		error = program_answer(w, options, &paths, err);
	if (error == 0 && w->end == END_NONE)
		error = seal(w, &filter, &extra, err);
	if (error == 0 && w->end == END_NONE && options->action == OPTIONS_SURFACE) {
		surface_print(w, stdout);
		world_end(w, END_ORDERLY, 0, "%s", "");
	}
	if (error == 0 && w->end == END_NONE)
		error = run_program(w, &filter, &extra, err);
	os_program_free(&filter);
	os_program_free(&extra);
	return error;
}

int world_run(const struct options *options, void (*host)(void), int *status, struct err *err)
{
	struct world *w = calloc(1, sizeof *w);
	if (!w)
		return err_set(err, ENOMEM, "no memory for a world");
	w->control = -1;
	w->thread_table_fd = -1;
	w->filters_fd = w->stub_fd = -1;
	w->waits = options->wait;
	w->net = options->net; /* the entries stay the options' */
	w->shown_uid = shown_id(options, "uid", geteuid());
	w->shown_gid = shown_id(options, "gid", getegid());
	w->listens_freely = network(options) == 0 ? !holds_network() : net_allows_any(&w->net);
	w->region.fds[0] = w->region.fds[1] = -1;
	int error = world_start(w, options, host, err);
	world_close(w);
	learn_close(w, options);
	*status = w->status;
	if (error == 0 && w->end == END_BROKEN) {
		err->status = w->status;
		error = err_set(err, EINVAL, "%s", w->end_reason);
	}
	free(w);
	return error;
}
