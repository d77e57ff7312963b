// SPDX-License-Identifier: MIT
// What is mapped in a process: by the kernel's question for one mapping (6.11), else from the text of
// /proc/PID/maps.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "os/os.h"

/* Newer than some systems' headers. */
struct query {
	uint64_t size, flags, addr, low, high, permissions, page_size, offset, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name, build_id;
};

#define QUERY _IOWR('f', 17, struct query)

static bool ask(int fd, uint64_t addr, struct os_mapping *mapping, bool *knows)
{
	struct query query = {.size = sizeof query, .addr = addr};
	int error = ioctl(fd, QUERY, &query) < 0 ? errno : 0;
	*knows = error == 0 || error == ENOENT || error == ESRCH;
	if (error)
		return false;
	*mapping = (struct os_mapping){.low = query.low, .high = query.high, .offset = query.offset,
				       .dev = makedev(query.dev_major, query.dev_minor), .inode = query.inode,
				       .permissions = {query.permissions & 1 ? 'r' : '-', query.permissions & 2 ? 'w' : '-',
						       query.permissions & 4 ? 'x' : '-', query.permissions & 8 ? 's' : 'p'}};
	return true;
}

static bool search(int fd, uint64_t addr, struct os_mapping *mapping)
{
	char line[4352];
	bool found = false;
	FILE *file = fdopen(fd, "re");
	while (file && !found && fgets(line, sizeof line, file)) {
		unsigned long long low, high, offset, inode;
		unsigned major, minor;
		if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu", &low, &high, mapping->permissions, &offset, &major,
			   &minor, &inode) != 7 || addr < low || addr >= high)
			continue;
		mapping->low = low;
		mapping->high = high;
		mapping->offset = offset;
		mapping->dev = makedev(major, minor);
		mapping->inode = inode;
		found = true;
	}
	if (file)
		fclose(file);
	else
		close(fd);
	return found;
}

bool os_mapping(pid_t tid, uint64_t addr, struct os_mapping *mapping)
{
	char path[64];
	bool knows;
	snprintf(path, sizeof path, "/proc/%d/maps", (int)tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool found = ask(fd, addr, mapping, &knows);
	if (!knows)
		return search(fd, addr, mapping);
	close(fd);
	return found;
}
