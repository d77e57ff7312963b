/* SPDX-License-Identifier: MIT
 * System V's shared memory. cases/calls.sh compares, and cases/sysv.sh where programs can be executed: with the
 * further argument "exec" this file executes itself, by argv[0]. Natively its segments are the machine's; all are
 * removed, and none is found by a key that another may have. */
#include "calls.h"
#include "faults.h"

#include <limits.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#define SIZE 20000 /* five pages, the last one in part */
#define NONE ((void *)-1)

static key_t key;

static struct shmid_ds status_of(int id)
{
	struct shmid_ds status;

	memset(&status, 0xff, sizeof status);
	shmctl(id, IPC_STAT, &status);
	return status;
}

static long attached(int id)
{
	return (long)status_of(id).shm_nattch;
}

static bool fails(void *at, int errnum)
{
	return at == NONE && errno == errnum;
}

/* ---- Keys and ids ---- */

static int make_key(size_t size)
{
	int id;

	key = 0x4d430000 ^ getpid();
	while ((id = shmget(key, size, IPC_CREAT | IPC_EXCL | 0700)) < 0 && errno == EEXIST)
		key++;
	return id;
}

static void keys(void)
{
	int id, other;

	SAY((id = make_key(SIZE)) >= 0);
	SAY(shmget(key, SIZE, 0) == id);
	SAY(shmget(key, 0, 0600) == id);
	SAY(shmget(key, 1, IPC_CREAT | 0600) == id);
	SAY(shmget(key, SIZE + 1, 0));
	SAY(shmget(key, SIZE + 1, IPC_CREAT | 0600));
	SAY(shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0600));
	SAY(shmget(key, SIZE + 1, IPC_CREAT | IPC_EXCL | 0600));
	SAY(shmget(key, SIZE, IPC_EXCL) == id);
	SAY((other = shmget(IPC_PRIVATE, 1, 0600)) >= 0 && other != id);
	SAY(shmctl(other, IPC_RMID, NULL));
	SAY(shmctl(id, IPC_RMID, NULL));
	SAY(shmget(key, 0, 0));
	SAY(shmget(key, SIZE, IPC_EXCL));
	/* Its id is nobody's any more, though another may have the place. */
	SAY((other = make_key(SIZE)) >= 0 && other != id);
	SAY(shmctl(id, IPC_STAT, &(struct shmid_ds){ 0 }));
	SAY(shmctl(id, IPC_RMID, NULL));
	SAY(fails(shmat(id, NULL, 0), EINVAL));
	SAY(shmctl(other, IPC_RMID, NULL));
	SAY(shmctl(other, IPC_RMID, NULL));
	SAY(shmget(IPC_PRIVATE, 0, 0600));
	SAY(shmget(IPC_PRIVATE, ULONG_MAX, 0600));
	SAY(shmget(IPC_PRIVATE, ULONG_MAX - (1ul << 24) + 1, 0600));
	SAY(shmget(key, 0, IPC_CREAT | 0600));
}

/* ---- What is told and set ---- */

static bool is_now(time_t at)
{
	return at > 0 && time(NULL) - at < 3600;
}

static void statuses(void)
{
	struct shmid_ds status;
	int id = make_key(SIZE);
	void *at;

	status = status_of(id);
	printf("mode %o size %zu times %d %d %d pids %d %d attached %ld\n", status.shm_perm.mode, status.shm_segsz,
	       status.shm_atime == 0, status.shm_dtime == 0, is_now(status.shm_ctime), status.shm_cpid == getpid(),
	       status.shm_lpid, (long)status.shm_nattch);
	SAY(status.shm_perm.__key == key);
	SAY(status.shm_perm.uid == geteuid() && status.shm_perm.gid == getegid() && status.shm_perm.cuid == geteuid() &&
	    status.shm_perm.cgid == getegid());
	at = shmat(id, NULL, 0);
	status = status_of(id);
	printf("times %d %d pids %d attached %ld\n", is_now(status.shm_atime), status.shm_dtime == 0,
	       status.shm_lpid == getpid(), (long)status.shm_nattch);
	SAY(shmdt(at));
	SAY(is_now(status_of(id).shm_dtime));
	status.shm_perm.mode = 0107523;
	status.shm_perm.uid = 5;
	status.shm_perm.gid = 6;
	SAY(shmctl(id, IPC_SET, &status));
	status = status_of(id);
	printf("mode %o ids %d %d %d size %zu\n", status.shm_perm.mode, status.shm_perm.uid, status.shm_perm.gid,
	       status.shm_perm.cuid == geteuid(), status.shm_segsz);
	status.shm_perm.uid = -1;
	SAY(shmctl(id, IPC_SET, &status));
	SAY(shmctl(id, IPC_SET, (void *)1));
	SAY(shmctl(id, IPC_STAT, (void *)1));
	SAY(shmctl(-1, IPC_STAT, &status));
	SAY(shmctl(INT_MAX, IPC_STAT, (void *)1));
	SAY(shmctl(INT_MAX, IPC_SET, (void *)1));
	SAY(shmctl(INT_MAX, IPC_SET, &status));
	SAY(shmctl(INT_MAX, SHM_LOCK, NULL));
	SAY(shmctl(id, SHM_UNLOCK, NULL));
	SAY(shmctl(id, 77, NULL));
	SAY(shmctl(id, -1, NULL));
	/* By its index. */
	struct shminfo limits = { 0 };
	struct shm_info usage = { 0 };
	int last = shmctl(0, IPC_INFO, (void *)&limits), found = 0;
	SAY(limits.shmmin);
	SAY(limits.shmmax > 1ul << 60 && limits.shmmni > 100 && limits.shmall > 1000);
	SAY(shmctl(0, SHM_INFO, (void *)&usage) >= 0 && usage.used_ids > 0 && usage.shm_tot >= 5);
	SAY(shmctl(0, SHM_INFO, (void *)1));
	for (int i = 0; i <= last; i++)
		found += shmctl(i, SHM_STAT_ANY, &status) == id && status.shm_segsz == SIZE;
	SAY(found);
	SAY(shmctl(INT_MAX, SHM_STAT, &status));
	SAY(shmctl(id, IPC_RMID, NULL));
}

/* As the caller is root or not, both are the same. */
static void permissions(void)
{
	static const int modes[] = { 0, 0100, 0200, 0400, 0500, 0600, 0700, 0077 };
	int id = make_key(SIZE);
	struct shmid_ds status = status_of(id);
	void *at;

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		status.shm_perm.mode = modes[i];
		printf("mode %o\n", modes[i]);
		SAY(shmctl(id, IPC_SET, &status));
		SAY(shmctl(id, IPC_STAT, &(struct shmid_ds){ 0 }));
		SAY(shmget(key, 0, 0400) == id);
		SAY(shmget(key, 0, 0060) == id);
		SAY(shmget(key, 0, 0007) == id);
		SAY((at = shmat(id, NULL, 0)) != NONE);
		shmdt(at);
		SAY((at = shmat(id, NULL, SHM_RDONLY)) != NONE);
		shmdt(at);
		SAY((at = shmat(id, NULL, SHM_RDONLY | SHM_EXEC)) != NONE);
		shmdt(at);
	}
	SAY(shmctl(id, IPC_RMID, NULL));
}

/* ---- Addresses ---- */

/* With nothing mapped there. */
static char *free_place(size_t size)
{
	char *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(at, size);
	return at;
}

static void addresses(void)
{
	int id = make_key(SIZE);
	char *at, *there = free_place(1 << 20);

	SAY((at = shmat(id, there, 0)) == there);
	SAY(at[0] == 0 && at[SIZE] == 0);
	SAY(touch(at + 5 * 4096 - 1, true));
	SAY(touch(at + 5 * 4096, true));
	SAY(fails(shmat(id, there, 0), EINVAL));
	SAY(fails(shmat(id, there + 4 * 4096, 0), EINVAL));
	SAY(fails(shmat(id, there + 5 * 4096 + 1, 0), EINVAL));
	SAY(shmat(id, there + 5 * 4096 + 1, SHM_RND) == there + 5 * 4096);
	SAY(shmdt(there + 5 * 4096 + 1));
	SAY(shmdt(there + 6 * 4096));
	SAY(attached(id));
	SAY(shmdt(there + 5 * 4096));
	SAY(shmdt(there + 5 * 4096));
	at[0] = 'a';
	SAY(shmat(id, there, SHM_REMAP) == there && at[0] == 'a');
	SAY(attached(id));
	SAY(shmat(id, there + 4096 + 7, SHM_REMAP | SHM_RND) == there + 4096 && at[4096] == 'a');
	SAY(attached(id));
	SAY(shmdt(there + 4096));
	SAY(touch(at + 4096, false));
	SAY(touch(at, false));
	SAY(shmdt(there));
	SAY(touch(at, false));
	SAY(attached(id));
	SAY(fails(shmat(id, there + 7, SHM_REMAP), EINVAL));
	SAY(fails(shmat(id, NULL, SHM_REMAP), EINVAL));
	SAY(fails(shmat(id, (void *)7, SHM_REMAP | SHM_RND), EINVAL));
	SAY(fails(shmat(id, (void *)-4096, 0), EINVAL));
	SAY(fails(shmat(id, (void *)(1ul << 47), 0), ENOMEM));
	SAY(fails(shmat(id, (void *)(1ul << 47), SHM_REMAP), ENOMEM));
	SAY(fails(shmat(-1, NULL, 0), EINVAL));
	SAY(fails(shmat(INT_MAX, NULL, 0), EINVAL));
	SAY(shmdt((void *)-4096));
	SAY(shmdt(NULL));
	SAY(shmdt(&at));
	SAY(shmdt((void *)((unsigned long)&id & -4096)));
	SAY(shmctl(id, IPC_RMID, NULL));
}

/* What a program does to the mapping itself. */
static void pieces(void)
{
	int id = make_key(SIZE);
	char *at = shmat(id, NULL, 0), *moved = free_place(1 << 20);

	SAY(mprotect(at + 4096, 4096, PROT_READ));
	SAY(attached(id));
	SAY(touch(at + 4096, true));
	SAY(munmap(at + 3 * 4096, 4096));
	SAY(attached(id));
	char *other = mmap(at + 3 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	SAY(shmdt(at));
	SAY(touch(at, false) != 0 && touch(at + 4096, false) != 0 && touch(at + 2 * 4096, false) != 0 &&
	    touch(at + 4 * 4096, false) != 0);
	SAY(touch(other, false));
	munmap(other, 4096);
	at = shmat(id, NULL, 0);
	SAY(munmap(at, 4096));
	SAY(shmdt(at + 4096));
	SAY(attached(id));
	SAY(shmdt(at));
	SAY(attached(id));
	at = shmat(id, NULL, 0);
	SAY(mremap(at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, moved) == moved);
	SAY(shmdt(at));
	SAY(shmdt(moved));
	at = shmat(id, NULL, 0);
	SAY(munmap(at, SIZE));
	SAY(attached(id));
	SAY(shmdt(at));
	/* Another of the same address. */
	int second = shmget(IPC_PRIVATE, 4096, 0600);
	at = shmat(id, NULL, 0);
	SAY(shmat(second, at, SHM_REMAP) == at);
	SAY(shmdt(at));
	SAY(attached(id) == 1 && attached(second) == 0);
	SAY(touch(at, false) != 0 && touch(at + 4096, false) == 0);
	SAY(shmdt(at));
	SAY(attached(id));
	SAY(shmctl(second, IPC_RMID, NULL));
	SAY(shmctl(id, IPC_RMID, NULL));
}

static void protections(void)
{
	static const unsigned char returns[] = { 0xb8, 7, 0, 0, 0, 0xc3 }; /* movl $7, %eax; ret */
	int id = make_key(SIZE);
	char *at = shmat(id, NULL, 0), *reads = shmat(id, NULL, SHM_RDONLY);

	SAY(reads != at);
	at[100] = 'x';
	SAY(reads[100] == 'x');
	SAY(touch(reads, false));
	SAY(touch(reads, true));
	SAY(mprotect(reads, 4096, PROT_READ | PROT_WRITE));
	SAY(mprotect(reads, 4096, PROT_NONE));
	SAY(shmdt(reads));
	SAY((reads = shmat(id, NULL, SHM_RDONLY | SHM_EXEC)) != NONE);
	memcpy(at, returns, sizeof returns);
	if (reads != NONE)
		SAY(((int (*)(void))reads)());
	SAY(shmdt(reads));
	SAY(madvise(at, 4096, MADV_REMOVE) == 0 && at[0] == 0);
	SAY(shmdt(at));
	SAY(shmctl(id, IPC_RMID, NULL));
}

/* ---- Processes ---- */

struct pipes {
	int begun[2], end[2];
};

static struct pipes pipes_make(void)
{
	struct pipes pipes;

	pipe(pipes.begun);
	pipe(pipes.end);
	return pipes;
}

static void wait_for(const int pair[2])
{
	read(pair[0], &(char){ 0 }, 1);
}

static void tell(const int pair[2])
{
	write(pair[1], "", 1);
}

static void pipes_close(const struct pipes *pipes)
{
	for (int i = 0; i < 2; i++) {
		close(pipes->begun[i]);
		close(pipes->end[i]);
	}
}

/* Fork inherits; exits, of any kind, detach. */
static void forks(void)
{
	static const char *const ends[] = { "exit", "detach", "killed" };
	int id = make_key(SIZE);
	volatile int *at = shmat(id, NULL, 0);

	for (int how = 0; how < 3; how++) {
		struct pipes pipes = pipes_make();
		pid_t child = fork();
		if (child == 0) {
			at[how] = how + 1;
			tell(pipes.begun);
			wait_for(pipes.end);
			if (how == 2)
				raise(SIGKILL);
			_exit(how == 1 ? shmdt((void *)at) + (int)attached(id) : (int)attached(id));
		}
		wait_for(pipes.begun);
		printf("%s: %d\n", ends[how], at[how]);
		SAY(attached(id));
		tell(pipes.end);
		said_end("child", child);
		SAY(attached(id));
		pipes_close(&pipes);
	}
	/* The parent's is not the child's. */
	pid_t child = fork();
	if (child == 0) {
		char *own = shmat(id, NULL, 0);
		own[100] = 'c';
		_exit(shmdt((void *)at) == 0 && shmdt((void *)at) < 0 && own[0] == 1 ? 0 : 1);
	}
	said_end("child", child);
	SAY(((volatile char *)at)[100] == 'c');
	SAY(attached(id));
	SAY(shmdt((void *)at));
	SAY(shmctl(id, IPC_RMID, NULL));
}

/* A process's first thread ends, and others have its memory. */
static struct pipes thread_pipes;

static void *last_thread(void *arg)
{
	tell(thread_pipes.begun);
	wait_for(thread_pipes.end);
	_exit(0);
}

static bool first_is_gone(pid_t pid)
{
	char name[64], text[512] = "";

	snprintf(name, sizeof name, "/proc/%d/task/%d/stat", pid, pid);
	int fd = open(name, O_RDONLY);
	if (fd < 0)
		return true; /* no /proc */
	read(fd, text, sizeof text - 1);
	close(fd);
	const char *end = strrchr(text, ')');
	return end != NULL && end[2] == 'Z';
}

static void leaderless(void)
{
	int id = make_key(SIZE);

	thread_pipes = pipes_make();
	pid_t child = fork();
	if (child == 0) {
		pthread_t thread;

		shmat(id, NULL, 0);
		pthread_create(&thread, NULL, last_thread, NULL);
		syscall(SYS_exit, 0);
	}
	wait_for(thread_pipes.begun);
	while (!first_is_gone(child))
		sched_yield();
	SAY(attached(id));
	tell(thread_pipes.end);
	said_end("child", child);
	SAY(attached(id));
	pipes_close(&thread_pipes);
	SAY(shmctl(id, IPC_RMID, NULL));
}

/* ---- Removal ---- */

static void removal(void)
{
	int id = make_key(SIZE), again;
	char *at = shmat(id, NULL, 0), *second;

	at[0] = 'a';
	SAY(shmctl(id, IPC_RMID, NULL));
	struct shmid_ds status = status_of(id);
	printf("mode %o key %d attached %ld\n", status.shm_perm.mode, status.shm_perm.__key, (long)status.shm_nattch);
	SAY(shmget(key, 0, 0));
	SAY((again = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600)) >= 0 && again != id);
	SAY(shmctl(again, IPC_RMID, NULL));
	SAY((second = shmat(id, NULL, 0)) != NONE && second[0] == 'a');
	SAY(attached(id));
	SAY(shmctl(id, IPC_RMID, NULL));
	status.shm_perm.mode = 0640;
	SAY(shmctl(id, IPC_SET, &status));
	printf("mode %o\n", status_of(id).shm_perm.mode);
	SAY(shmdt(at));
	SAY(attached(id));
	struct pipes pipes = pipes_make();
	pid_t child = fork();
	if (child == 0) {
		tell(pipes.begun);
		wait_for(pipes.end);
		_exit(0);
	}
	wait_for(pipes.begun);
	SAY(shmdt(second));
	SAY(attached(id));
	SAY((second = shmat(id, NULL, SHM_RDONLY)) != NONE && second[0] == 'a');
	SAY(shmdt(second));
	tell(pipes.end);
	said_end("child", child);
	pipes_close(&pipes);
	SAY(shmctl(id, IPC_STAT, &status));
	SAY(fails(shmat(id, NULL, 0), EINVAL));
	/* One that is only read. */
	id = make_key(SIZE);
	at = shmat(id, NULL, SHM_RDONLY);
	SAY(shmctl(id, IPC_RMID, NULL));
	SAY(attached(id));
	SAY(munmap(at, SIZE));
	SAY(shmctl(id, IPC_STAT, &status));
}

/* Exec detaches: argv[1] "attached ID" says so. */
static void execs(const char *self)
{
	int id = make_key(SIZE);
	char number[16];
	char *const argv[] = { (char *)self, "attached", number, NULL };

	snprintf(number, sizeof number, "%d", id);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		shmat(id, NULL, 0);
		shmat(id, NULL, SHM_RDONLY);
		execv(self, argv);
		_exit(99);
	}
	said_end("executed", child);
	SAY(shmctl(id, IPC_RMID, NULL));
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "attached") == 0)
		return (int)attached(atoi(argv[2]));
	calls_begin(argc, argv);
	keys();
	statuses();
	permissions();
	addresses();
	pieces();
	protections();
	forks();
	leaderless();
	removal();
	if (argc > 2 && strcmp(argv[2], "exec") == 0)
		execs(argv[0]);
	return 0;
}
