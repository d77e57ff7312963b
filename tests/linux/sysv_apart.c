/* SPDX-License-Identifier: MIT
 * That a world's segments are its own: cases/sysv.sh runs this natively, to make a segment, and to look after it
 * and remove it; and in worlds, for which it does not exist, and whose segments nobody else sees. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#define SIZE 7654321 /* as no other has it */

static int failed(const char *what)
{
	perror(what);
	return 1;
}

static int make(void)
{
	key_t key = 0x4d440000 ^ getpid();
	int id;

	while ((id = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600)) < 0)
		if (errno != EEXIST)
			return failed("shmget");
		else
			key++;
	char *at = shmat(id, NULL, 0);
	if (at == (void *)-1)
		return failed("shmat");
	strcpy(at, "secret");
	printf("%d %d\n", key, id);
	return 0;
}

static int take_back(int id)
{
	struct shmid_ds status;
	const char *at = shmat(id, NULL, SHM_RDONLY);

	if (at == (void *)-1 || strcmp(at, "secret") != 0 || shmctl(id, IPC_STAT, &status) < 0)
		return failed("the host's segment");
	if (status.shm_nattch != 1 || status.shm_lpid != getpid())
		puts("ESCAPED: others have attached it");
	return shmctl(id, IPC_RMID, NULL) < 0 ? failed("IPC_RMID") : 0;
}

static void escaped(const char *how)
{
	printf("ESCAPED: %s\n", how);
}

static void look(key_t key, int id)
{
	struct shmid_ds status;

	if (shmget(key, 0, 0) >= 0)
		escaped("a segment by key");
	if (shmat(id, NULL, 0) != (void *)-1 || shmat(id, NULL, SHM_RDONLY) != (void *)-1)
		escaped("a segment by id");
	if (shmctl(id, IPC_STAT, &status) == 0)
		escaped("its state");
	for (int i = 0; i < 40000; i++)
		if (shmctl(i, SHM_STAT_ANY, &status) >= 0)
			escaped("a segment by index");
	if (shmctl(id, IPC_RMID, NULL) == 0)
		escaped("removed");
}

/* Says when its segment is there, and when it is gone; goes on with a line of input each. */
static int live(key_t key)
{
	int id = shmget(key, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	char *at = id < 0 ? (void *)-1 : shmat(id, NULL, 0);

	if (at == (void *)-1)
		return failed("a segment of the same key");
	sprintf(at, "own %d", getpid());
	puts("there");
	getchar();
	if (strncmp(at, "own ", 4) != 0 || atoi(at + 4) != getpid())
		escaped("somebody wrote");
	if (shmctl(id, IPC_RMID, NULL) < 0 || shmdt(at) < 0)
		return failed("shmdt");
	puts("gone");
	getchar();
	return 0;
}

int main(int argc, char **argv)
{
	setbuf(stdout, NULL);
	setbuf(stdin, NULL);
	if (argc == 1)
		return make();
	if (argc == 2)
		return take_back(atoi(argv[1]));
	look(atoi(argv[1]), atoi(argv[2]));
	return live(atoi(argv[1]));
}
