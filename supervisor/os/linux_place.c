// SPDX-License-Identifier: MIT
// Placement: a crossing between CPUs costs twenty times one on the same CPU.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/os.h"

int os_cpu_of(pid_t tid)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = 0;
	/* Field 39, counted from the end of the command name, which may hold anything. */
	char *p = strrchr(text, ')');
	for (int field = 2; p && field < 39; field++)
		p = strchr(p + 1, ' ');
	return p ? atoi(p + 1) : -EIO;
}

int os_place(pid_t tid, int cpu)
{
	static cpu_set_t allowed; /* what the user gave this process; read before it is changed */
	static bool known;
	if (!known) {
		if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
			return -errno;
		known = true;
	}
	if (cpu < 0)
		return sched_setaffinity(tid, sizeof allowed, &allowed) < 0 ? -errno : 0;
	if (cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, &allowed))
		return -EINVAL;
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(tid, sizeof one, &one) < 0 ? -errno : 0;
}

uint64_t os_cpu_time_ns(pid_t tid)
{
	/* The clocks of threads in other processes cannot be read (clock_getcpuclockid(3) has processes'). */
	char path[64], text[128];
	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return strtoull(text, NULL, 10);
}
