/* SPDX-License-Identifier: MIT
 * The one interface to the host's kernel: tracing, spawning, filters. Functions return 0 or -errno;
 * -ESRCH means that the thread has been killed, an ordinary outcome: its exit event follows. */
#ifndef OS_OS_H
#define OS_OS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/arch.h"
#include "base/err.h"

/* ---- Events of traced threads ---- */

enum os_event_kind {
	OS_EVENT_TRAP,     /* a call that the filter hands to the tracer */
	OS_EVENT_CALL_END, /* a kernel call that os_resume_to_call_end let run is done */
	OS_EVENT_CALL_ENTRY, /* on its way in; only after os_resume_to_call_end: go on */
	OS_EVENT_NEW,      /* made a thread or process: value is its tid */
	OS_EVENT_EXEC,
	OS_EVENT_EXITING,  /* last stop of a thread; value is its wait status */
	OS_EVENT_STOP,     /* by os_interrupt, or the first stop of a new thread */
	OS_EVENT_GROUP_STOP, /* job control: signal has the signal */
	OS_EVENT_SIGNAL,   /* about to be delivered: signal has it */
	OS_EVENT_GONE,     /* reaped: value is the wait status; no thread any more */
	OS_EVENT_NONE,     /* nothing of ours (a spurious wake-up) */
};

struct os_event {
	enum os_event_kind kind;
	pid_t tid;
	int signal;
	int64_t value;
};

/* Installs the handlers of the signals that interrupt os_wait: SIGIO (the control socket) and those
 * that are passed on to the guest. Once. */
int os_wait_init(struct err *err);
/* The signals that were blocked before: with them so a program begins, as by execve(2). */
const sigset_t *os_wait_given_mask(void);
/* From now on os_wait returns -EINTR every so many milliseconds; 0: no longer. 0, or -errno: as before. */
int os_wait_ticks(unsigned milliseconds);
/* Blocks until a traced thread or child has an event, 0; or until a signal came, -EINTR (also for one
 * that came since the last call); -ECHILD when there are no children. */
int os_wait(struct os_event *event);
/* Whether the thread has ended, and then its last event, before those of others. */
bool os_wait_ended(pid_t tid, struct os_event *event);
/* The next signal that came for the supervisor itself, 0 when there is none. from_terminal: the kernel
 * sent it to the whole foreground group. */
int os_wait_signal(bool *from_terminal);

/* ---- Stopped threads ---- */

struct os_call { /* a trapped call, as PTRACE_GET_SYSCALL_INFO has it */
	bool foreign; /* not by the 64-bit ABI: int 0x80 */
	int32_t nr;   /* low 32 bits, signed */
	uint64_t args[6];
	uint64_t ip, sp;
};

int os_get_call(pid_t tid, struct os_call *call);
int os_get_regs(pid_t tid, struct regs *regs);
int os_set_regs(pid_t tid, const struct regs *regs);
/* The trapped call is, for the kernel too, the one of this number. */
int os_set_number(pid_t tid, int32_t nr);
/* The trapped call is skipped and returns result. negative: its number is below 0 (cheaper). */
int os_set_result(pid_t tid, int64_t result, bool negative);
/* The trapped call is skipped, and the thread goes on at ip with nr in rax. */
int os_redirect(pid_t tid, uint64_t ip, int64_t nr);
int os_resume(pid_t tid, int signal);
/* Resumes until the kernel call that it is in, or will make next, ends. */
int os_resume_to_call_end(pid_t tid, int signal);
int os_interrupt(pid_t tid);
int os_listen(pid_t tid); /* stay in a group stop */
bool os_group_stop_comes(pid_t tid); /* the next event of the thread is one, and has happened already */
int os_get_siginfo(pid_t tid, siginfo_t *info);
int os_set_siginfo(pid_t tid, const siginfo_t *info);
/* Whether events of it may still come. */
bool os_is_traced(pid_t tid);
/* The process that made it: its thread group, or the parent of what leads one; 0 when it is gone. */
pid_t os_maker(pid_t tid);
/* The parent of a process that has ended and is still to be waited for; 0: it is none. */
pid_t os_zombie_parent(pid_t pid);
/* The process that a descriptor of a thread's stands for, 0: it has been waited for; -EBADF. */
pid_t os_pidfd_target(pid_t tid, int fd);
/* A thread's descriptor is a socket or a pipe: 1 or 0; -EBADF. */
int os_is_channel(pid_t tid, int fd);
/* Signal dispositions, from /proc: 'i' ignored, 'd' default, 'h' has a handler. */
int os_signal_disposition(pid_t tid, int signal);
int os_send_signal(pid_t tgid, pid_t tid, int signal); /* tid 0: the process */

/* Has a stopped thread stop by SIGTRAP before it executes the instruction at addr; 0: no longer. The
 * processor takes only the beginning of an instruction for one. */
int os_break_at(pid_t tid, uint64_t addr);
/* A fault's signal would change what the thread does with it. */
bool os_signal_blocked(pid_t tid, int signal);

struct os_mapping {
	uint64_t low, high;
	uint64_t dev, inode, offset; /* of the file; inode 0: there is none */
	char permissions[5];         /* "r-xp", as /proc/PID/maps has them */
};

/* The mapping at addr; false when there is none. */
bool os_mapping(pid_t tid, uint64_t addr, struct os_mapping *mapping);

/* Memory of a guest; respects its protections. Bytes copied, possibly fewer, or -errno. */
ssize_t os_read(pid_t tid, uint64_t addr, void *to, size_t n);
ssize_t os_write(pid_t tid, uint64_t addr, const void *from, size_t n);
/* One word of a private mapping, whatever its protection: for the table. tid need not be stopped. */
int os_poke(pid_t tid, uint64_t addr, uint64_t word);

/* ---- Filters ---- */

struct os_program { /* classic BPF, as seccomp(2) takes it */
	uint16_t n;
	struct os_insn { uint16_t code; uint8_t jt, jf; uint32_t k; } *insns;
};

struct os_rule {
	uint32_t nr;
	uint32_t n_conditions;
	struct mc_rule conditions[MC_RULES_MAX];
};

/* Gates notify; each rule allows; everything else stops for the tracer. */
int os_filter_make(const struct os_rule *rules, size_t n, struct os_program *out, struct err *err);
/* The boot process's: no rules, but the stub's own calls pass. It unmaps itself before anything of a module's runs,
 * and nothing there can map again. */
int os_filter_boot(struct os_program *out, struct err *err);
/* mseal(2): since 6.10. */
bool os_seals_mappings(void);
/* What maps, unmaps or moves memory is handed to the tracer where it touches [low, high), or may. */
int os_filter_guard(struct os_program *program, uint64_t low, uint64_t high, struct err *err);
/* Numbers in nrs are handed to the tracer unless the call comes from [low, high). */
int os_filter_interpose(const uint32_t *nrs, size_t n, uint64_t low, uint64_t high,
			struct os_program *out, struct err *err);
void os_program_free(struct os_program *program);

/* ---- Spawning ---- */

struct os_spawn {
	const char *stub; /* its path */
	char *const *argv, *const *envp;
	int control_fd;
	bool boot; /* not part of the user's job: a process group of its own, 0-2 from /dev/null, no signal blocked */
};

/* A process that executes the stub and is traced; it waits for what os_filters_send sends to *filters. */
int os_spawn(const struct os_spawn *spawn, pid_t *tid, int *filters, struct err *err);
/* The filters that a spawned process installs on itself. filter's listener goes to control_fd as
 * CTL_LISTENER; extra (NULL or empty: none) is installed under it, so that filter's notifications win. */
int os_filters_send(int fd, const struct os_program *filter, const struct os_program *extra, struct err *err);
/* Whether this process, and so all that it starts, is under a seccomp filter that somebody else made. */
bool os_is_filtered(void);
/* Whether that filter lets the number pass that carries Microcosm's own calls. */
bool os_carrier_passes(void);
/* Makes the host process, which is to run `run` with its end of a new socket pair at CTL_FD: before os_wait_init,
 * whose handlers are not for it. */
int os_spawn_host(void (*run)(void), pid_t *pid, int *socket, struct err *err);
/* Messages interrupt os_wait from now on. */
int os_watch_socket(int socket, struct err *err);

/* ---- Placement ---- */

/* Whether the process executes the file with this device and inode: after an OS_EVENT_EXEC. */
bool os_executes(pid_t tid, uint64_t dev, uint64_t ino);
/* An O_PATH descriptor of what the thread's descriptor is open on, or -errno. */
int os_open_file(pid_t tid, int fd);
/* The CPU that a thread last ran on, or -errno. */
int os_cpu_of(pid_t tid);
/* tid 0: the caller. cpu -1: where the user allowed it when Microcosm started. */
int os_place(pid_t tid, int cpu);

/* How long a thread has run, or 0 when it is gone. */
uint64_t os_cpu_time_ns(pid_t tid);

uint64_t os_now_ns(void);

#endif
