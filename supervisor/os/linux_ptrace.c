// SPDX-License-Identifier: MIT
// Stopped threads: registers, calls, memory, resuming; by ptrace(2) and process_vm_readv(2).
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"

#define BASE_END 0x7ffffffff000ull

static int request(enum __ptrace_request op, pid_t tid, uintptr_t addr, uintptr_t data)
{
	return ptrace(op, tid, (void *)addr, (void *)data) < 0 ? -errno : 0;
}

int os_get_call(pid_t tid, struct os_call *call)
{
	struct __ptrace_syscall_info info = {0}; /* checkers do not know that the kernel fills it in */
	if (ptrace((enum __ptrace_request)PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info) < 0)
		return -errno;
	if (info.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return -ESRCH; /* killed between the stop and now */
	call->foreign = info.arch != AUDIT_ARCH_X86_64;
	call->nr = (int32_t)info.seccomp.nr;
	memcpy(call->args, info.seccomp.args, sizeof call->args);
	call->ip = info.instruction_pointer;
	call->sp = info.stack_pointer;
	return 0;
}

int os_get_regs(pid_t tid, struct regs *regs)
{
	int error = request(PTRACE_GETREGS, tid, 0, (uintptr_t)&regs->user);
	if (error)
		return error;
	/* wrgsbase takes the kernel's half too, but os_set_regs would be refused. */
	if (regs->user.fs_base >= BASE_END)
		regs->user.fs_base = 0;
	if (regs->user.gs_base >= BASE_END)
		regs->user.gs_base = 0;
	return 0;
}

int os_set_regs(pid_t tid, const struct regs *regs)
{
	return request(PTRACE_SETREGS, tid, 0, (uintptr_t)&regs->user);
}

static int poke_register(pid_t tid, size_t offset, uint64_t value)
{
	return request(PTRACE_POKEUSER, tid, offset, (uintptr_t)value);
}

int os_redirect(pid_t tid, uint64_t ip, int64_t nr)
{
	int error = poke_register(tid, offsetof(struct user_regs_struct, orig_rax), (uint64_t)-1);
	if (error == 0)
		error = poke_register(tid, offsetof(struct user_regs_struct, rax), (uint64_t)nr);
	if (error == 0)
		error = poke_register(tid, offsetof(struct user_regs_struct, rip), ip);
	return error;
}

int os_set_number(pid_t tid, int32_t nr)
{
	return poke_register(tid, offsetof(struct user_regs_struct, orig_rax), (uint64_t)(int64_t)nr);
}

int os_set_result(pid_t tid, int64_t result, bool negative)
{
	int error = negative ? 0 : poke_register(tid, offsetof(struct user_regs_struct, orig_rax), (uint64_t)-1);
	return error ? error : poke_register(tid, offsetof(struct user_regs_struct, rax), (uint64_t)result);
}

int os_resume(pid_t tid, int signal)
{
	return request(PTRACE_CONT, tid, 0, (uintptr_t)signal);
}

int os_resume_to_call_end(pid_t tid, int signal)
{
	return request(PTRACE_SYSCALL, tid, 0, (uintptr_t)signal);
}

int os_interrupt(pid_t tid)
{
	return request(PTRACE_INTERRUPT, tid, 0, 0);
}

int os_listen(pid_t tid)
{
	return request(PTRACE_LISTEN, tid, 0, 0);
}

int os_get_siginfo(pid_t tid, siginfo_t *info)
{
	return request(PTRACE_GETSIGINFO, tid, 0, (uintptr_t)info);
}

int os_set_siginfo(pid_t tid, const siginfo_t *info)
{
	return request(PTRACE_SETSIGINFO, tid, 0, (uintptr_t)info);
}

pid_t os_zombie_parent(pid_t pid)
{
	char path[64], line[256], state = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	int parent = 0;
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "State: %c", &state) != 1)
			sscanf(line, "PPid: %d", &parent);
	if (file)
		fclose(file);
	return state == 'Z' ? parent : 0;
}

pid_t os_pidfd_target(pid_t tid, int fd)
{
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)tid, fd);
	FILE *file = fopen(path, "re");
	int pid = -EBADF;
	while (file && fgets(line, sizeof line, file))
		sscanf(line, "Pid: %d", &pid);
	if (file)
		fclose(file);
	return pid == -1 ? 0 : pid; /* as fdinfo has it */
}

int os_is_channel(pid_t tid, int fd)
{
	char path[64];
	struct stat file;
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)tid, fd);
	return stat(path, &file) < 0 ? -EBADF : S_ISSOCK(file.st_mode) || S_ISFIFO(file.st_mode);
}

int os_signal_disposition(pid_t tid, int signal)
{
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	uint64_t ignored = 0, caught = 0;
	while (fgets(line, sizeof line, file)) {
		if (strncmp(line, "SigIgn:", 7) == 0)
			ignored = strtoull(line + 7, NULL, 16);
		else if (strncmp(line, "SigCgt:", 7) == 0)
			caught = strtoull(line + 7, NULL, 16);
	}
	fclose(file);
	uint64_t bit = 1ull << (signal - 1);
	return caught & bit ? 'h' : ignored & bit ? 'i' : 'd';
}

int os_send_signal(pid_t tgid, pid_t tid, int signal)
{
	long result = tid ? syscall(SYS_tgkill, tgid, tid, signal) : kill(tgid, signal);
	return result < 0 ? -errno : 0;
}

ssize_t os_read(pid_t tid, uint64_t addr, void *to, size_t n)
{
	struct iovec local = {to, n}, remote = {(void *)(uintptr_t)addr, n};
	ssize_t done = process_vm_readv(tid, &local, 1, &remote, 1, 0);
	if (done < 0 && errno == EFAULT && n > 1) {
		/* One iovec is all or nothing up to the first bad page: read up to the page's end. */
		size_t first = 4096 - (addr & 4095);
		if (first < n) {
			local.iov_len = remote.iov_len = first;
			done = process_vm_readv(tid, &local, 1, &remote, 1, 0);
		}
	}
	return done < 0 ? -errno : done;
}

ssize_t os_write(pid_t tid, uint64_t addr, const void *from, size_t n)
{
	struct iovec local = {(void *)(uintptr_t)from, n}, remote = {(void *)(uintptr_t)addr, n};
	ssize_t done = process_vm_writev(tid, &local, 1, &remote, 1, 0);
	return done < 0 ? -errno : done;
}

int os_poke(pid_t tid, uint64_t addr, uint64_t word)
{
	if (request(PTRACE_POKEDATA, tid, addr, word) == 0)
		return 0;
	/* Not stopped: by its memory file, which a tracer may write through read-only mappings too. */
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/mem", (int)tid);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* 0 bytes: the thread has ended and has no memory any more. */
	ssize_t done = pwrite(fd, &word, sizeof word, (off_t)addr);
	int error = done == (ssize_t)sizeof word ? 0 : done < 0 ? -errno : -ESRCH;
	close(fd);
	return error;
}

#define DEBUG_CONTROL 7
#define BREAK_LOCAL_0 1u /* on execution, of any length */

static uintptr_t debug_register(unsigned n)
{
	return offsetof(struct user, u_debugreg) + n * sizeof(((struct user *)0)->u_debugreg[0]);
}

int os_break_at(pid_t tid, uint64_t addr)
{
	int error = request(PTRACE_POKEUSER, tid, debug_register(DEBUG_CONTROL), 0);
	if (error == 0 && addr)
		error = request(PTRACE_POKEUSER, tid, debug_register(0), addr);
	if (error == 0 && addr)
		error = request(PTRACE_POKEUSER, tid, debug_register(DEBUG_CONTROL), BREAK_LOCAL_0);
	return error;
}

bool os_signal_blocked(pid_t tid, int signal)
{
	uint64_t mask = 0; /* checkers do not know that the kernel fills it in */
	return ptrace((enum __ptrace_request)PTRACE_GETSIGMASK, tid, sizeof mask, &mask) < 0 ||
	       mask >> (signal - 1) & 1;
}

bool os_is_traced(pid_t tid)
{
	siginfo_t info;
	return waitid(P_PID, (id_t)tid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) == 0;
}

bool os_executes(pid_t tid, uint64_t dev, uint64_t ino)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d/exe", (int)tid);
	return stat(path, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* By /proc: the kernel's call for it (pidfd_getfd) is refused in most containers. Nothing is opened that
 * could be waited for, or notices. */
bool os_group_stop_comes(pid_t tid)
{
	siginfo_t info = {0};
	if (waitid(P_PID, (id_t)tid, &info, WSTOPPED | WNOHANG | WNOWAIT | __WALL) < 0 || info.si_pid != tid)
		return false;
	return info.si_status >> 8 == PTRACE_EVENT_STOP && (info.si_status & 0x7f) != SIGTRAP;
}

int os_open_file(pid_t tid, int fd)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)tid, fd);
	int file = open(path, O_PATH | O_CLOEXEC);
	return file >= 0 ? file : errno == ENOENT ? -EBADF : -errno;
}

pid_t os_maker(pid_t tid)
{
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
	FILE *file = fopen(path, "re");
	int tgid = 0, parent = 0;
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "Tgid: %d", &tgid) != 1)
			sscanf(line, "PPid: %d", &parent);
	if (file)
		fclose(file);
	return tgid != tid ? tgid : parent;
}

uint64_t os_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
