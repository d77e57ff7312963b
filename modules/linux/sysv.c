/* SPDX-License-Identifier: MIT
 * System V's shared memory, the half in the guest: the host half has the segments and gives their memory's
 * descriptors, which are mapped here; what is attached is a mapping like others. */
#include "linux.h"

#include <linux/capability.h>
#include <linux/ipc.h>
#include <linux/mman.h>

#include <asm/shmbuf.h>

#include "sysv.h"

enum { CLOSE = 3, MMAP = 9, MUNMAP = 11, GETEUID = 107, GETEGID = 108, CAPGET = 125 };

/* As <linux/shm.h> has them, which wants a C library. */
#define SHM_RDONLY 010000
#define SHM_RND 020000
#define SHM_REMAP 040000
#define SHM_EXEC 0100000
#define SHM_LOCK 11
#define SHM_UNLOCK 12
#define SHM_STAT 13
#define SHM_INFO 14
#define SHM_STAT_ANY 15
struct shm_info {
	int32_t used;
	uint64_t counts[5];
};

#define PAGE_MASK 4095ul
#define READS 4
#define WRITES 2
#define EXECUTES 1

static mc_fn capget_stub, close_stub, getegid_stub, geteuid_stub, mmap_stub, munmap_stub;

void sysv_init(void)
{
	capget_stub = mc_get(CAPGET);
	close_stub = mc_get(CLOSE);
	getegid_stub = mc_get(GETEGID);
	geteuid_stub = mc_get(GETEUID);
	mmap_stub = mc_get(MMAP);
	munmap_stub = mc_get(MUNMAP);
}

/* Who is root, or takes itself for it, may everything. */
static bool is_privileged(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	return ids_pretend() || (capget_stub((long)&head, (long)data, 0, 0, 0, 0) == 0 &&
				 (data[0].effective & 1u << CAP_IPC_OWNER) != 0);
}

static unsigned wanted(unsigned bits)
{
	return is_privileged() ? 0 : bits;
}

HANDLER(linux_shmget)
{
	unsigned mode = (unsigned)a2;
	uint32_t uid = (uint32_t)geteuid_stub(0, 0, 0, 0, 0, 0), gid = (uint32_t)getegid_stub(0, 0, 0, 0, 0, 0);

	ids_show(&uid, &gid);
	return sysv_get((uint32_t)a0, (uint64_t)a1, (int)a2, wanted((mode | mode >> 3 | mode >> 6) & 7), uid, gid);
}

/* Where the caller wants it: 0, or -errno. */
static long attach_address(unsigned long *address, int flags)
{
	if (*address == 0)
		return (flags & SHM_REMAP) != 0 ? -EINVAL : 0;
	if ((*address & PAGE_MASK) != 0 && (flags & SHM_RND) == 0)
		return -EINVAL;
	*address &= ~PAGE_MASK;
	return *address == 0 && (flags & SHM_REMAP) != 0 ? -EINVAL : 0;
}

HANDLER(linux_shmat)
{
	unsigned long address = (unsigned long)a1, end;
	int flags = (int)a2;
	bool reads = (flags & SHM_RDONLY) != 0, executes = (flags & SHM_EXEC) != 0;
	long fixed = address == 0 ? 0 : (flags & SHM_REMAP) != 0 ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	uint64_t size = 0;
	long r = (int)a0 < 0 ? -EINVAL : attach_address(&address, flags);

	if (r < 0)
		return r;
	long fd = sysv_attach((int)a0, wanted(READS | (reads ? 0 : WRITES) | (executes ? EXECUTES : 0)), reads, &size);
	if (fd < 0)
		return fd;
	if (fixed == MAP_FIXED_NOREPLACE && __builtin_add_overflow(address, size, &end))
		r = -EINVAL;
	else
		r = mmap_stub((long)address, (long)size,
			      PROT_READ | (reads ? 0 : PROT_WRITE) | (executes ? PROT_EXEC : 0), MAP_SHARED | fixed, fd, 0);
	close_stub(fd, 0, 0, 0, 0, 0);
	return r == -EEXIST ? -EINVAL : r;
}

/* In pieces, where the caller has changed parts. */
HANDLER(linux_shmdt)
{
	struct sysv_piece piece = { 0 };
	long r = ((unsigned long)a0 & PAGE_MASK) != 0 ? -EINVAL : sysv_detach((uint64_t)a0, &piece);

	if (r < 0)
		return r;
	do
		r = munmap_stub((long)piece.at, (long)(piece.end - piece.at), 0, 0, 0, 0);
	while (r == 0 && sysv_detach((uint64_t)a0, &piece) == 0);
	return r;
}

/* r: what a gate said that filled in `from`. */
static long told(long r, long to, const void *from, size_t size)
{
	return r >= 0 && mc_copy_out((void *)to, from, size) != 0 ? -EFAULT : r;
}

static long status(int id, int command, long to)
{
	struct shmid64_ds status;
	unsigned bits = command == SHM_STAT_ANY ? 0 : wanted(READS);
	long r = sysv_stat(id, command != IPC_STAT, bits, (struct sysv_status *)&status);

	r = told(r, to, &status, sizeof status);
	return r > 0 && command == IPC_STAT ? 0 : r;
}

static long set(int id, long from)
{
	struct shmid64_ds status;

	if (mc_copy_in(&status, (const void *)from, sizeof status) != 0)
		return -EFAULT;
	if (status.shm_perm.uid == UINT32_MAX || status.shm_perm.gid == UINT32_MAX) {
		long r = sysv_check(id);
		return r < 0 ? r : -EINVAL;
	}
	return sysv_set(id, status.shm_perm.mode, status.shm_perm.uid, status.shm_perm.gid);
}

HANDLER(linux_shmctl)
{
	struct shminfo64 limits;
	struct shm_info usage;
	int id = (int)a0;
	long r;

	if (id < 0 || (int)a1 < 0)
		return -EINVAL;
	switch ((int)a1) {
	case IPC_STAT: case SHM_STAT: case SHM_STAT_ANY: return status(id, (int)a1, a2);
	case IPC_SET: return set(id, a2);
	case IPC_RMID: return sysv_remove(id);
	case IPC_INFO:
		r = sysv_limits(&limits);
		return told(r, a2, &limits, sizeof limits);
	case SHM_INFO:
		r = sysv_usage(&usage);
		return told(r, a2, &usage, sizeof usage);
	case SHM_LOCK: case SHM_UNLOCK:
		r = sysv_check(id);
		return r == 0 && (int)a1 == SHM_LOCK ? -EPERM : r;
	default: return -EINVAL;
	}
}
