/* SPDX-License-Identifier: MIT
 * A site that was proven somewhere is patched wherever the same code of the same file is mapped, at the first call
 * from there: where that may be patched at all, and not where the code is another by then. For Microcosm alone,
 * static and not position-independent. Arguments: the program's file, which is written to; or "executed". */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES 2000 /* far more than it takes */
#define PAGE 4096

/* umask(077), once with the number last, once with the argument, once across pages. They may be anywhere. */
extern unsigned char page[], number_last[], number_last_mov[], argument_last[], argument_last_mov[], across[],
	across_mov[], constant[];
__asm__(".text\n.balign 4096\npage:\nnumber_last: movl $077, %edi\nnumber_last_mov: movl $95, %eax\nsyscall\nret\n"
	"argument_last: movl $95, %eax\nargument_last_mov: movl $077, %edi\nsyscall\nret\n"
	"constant: .byte 0\n.org page + 4096 - 6 - 5\nacross: movl $077, %edi\nacross_mov: movl $95, %eax\nsyscall\n"
	"ret\n.balign 4096");

static long call(const unsigned char *code)
{
	long (*function)(void) = (long (*)(void))code;
	return function();
}

static int is_patched(const unsigned char *mov)
{
	return mov[0] == 0xff && mov[1] == 0x24 && mov[2] == 0x25 && mov[5] == 0x0f && mov[6] == 0x05;
}

/* Of the three sites in a copy of the pages. */
static int patched(const unsigned char *copy)
{
	return is_patched(copy + (number_last_mov - page)) + is_patched(copy + (argument_last_mov - page)) +
	       is_patched(copy + (across_mov - page));
}

static void until_patched(const unsigned char *code, const unsigned char *mov)
{
	for (int i = 0; i < TRIES && !is_patched(mov); i++)
		if (call(code) != 077)
			exit(2);
	if (!is_patched(mov))
		exit(3);
}

static off_t offset_of(const unsigned char *what)
{
	const Elf64_Phdr *headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
	uint64_t at = (uint64_t)what;

	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
		if (headers[i].p_type == PT_LOAD && at - headers[i].p_vaddr < headers[i].p_filesz)
			return (off_t)(headers[i].p_offset + at - headers[i].p_vaddr);
	exit(4);
}

static const unsigned char *map(const char *program, int protection, int flags)
{
	int fd = open(program, O_RDONLY);
	void *copy = mmap(NULL, 2 * PAGE, protection, flags, fd, offset_of(page));

	if (fd < 0 || copy == MAP_FAILED)
		exit(5);
	close(fd);
	return copy;
}

static void show(const char *how, const unsigned char *copy)
{
	int before = patched(copy);
	int right = call(copy) == 077;
	int after = patched(copy);
	for (int i = 0; i < 2; i++)
		right = right && call(copy) == 077 && call(copy + (argument_last - page)) == 077 &&
			call(copy + (across - page)) == 077;
	printf("%s: %d patched, then %d%s\n", how, before, after, right ? "" : ", wrong results");
}

static void *wait_in_pipe(void *fd)
{
	char byte;
	return (void *)read(*(int *)fd, &byte, 1);
}

static void with_threads(const char *program)
{
	const unsigned char *copy = map(program, PROT_READ | PROT_EXEC, MAP_PRIVATE);
	pthread_t thread;
	int ends[2];

	if (pipe(ends) < 0 || pthread_create(&thread, NULL, wait_in_pipe, &ends[0]) != 0)
		exit(6);
	show("with a thread", copy);
	if (write(ends[1], "", 1) != 1 || pthread_join(thread, NULL) != 0)
		exit(7);
}

static void executed(const char *program)
{
	pid_t child = fork();

	if (child == 0) {
		execl(program, program, "executed", NULL);
		_exit(8);
	}
	waitpid(child, NULL, 0);
}

/* A byte of the page in the file. */
static void change(const char *program)
{
	int fd = open(program, O_WRONLY);

	if (fd < 0 || pwrite(fd, "\1", 1, offset_of(constant)) != 1)
		exit(9);
	close(fd);
}

int main(int argc, char **argv)
{
	setbuf(stdout, NULL);
	umask(077);
	if (argc < 2)
		return 1;
	if (strcmp(argv[1], "executed") == 0) {
		printf("executed: %d patched\n", patched(page));
		return 0;
	}
	until_patched(number_last, number_last_mov);
	until_patched(argument_last, argument_last_mov);
	until_patched(across, across_mov);
	show("mapped", map(argv[1], PROT_READ | PROT_EXEC, MAP_PRIVATE));
	show("writable", map(argv[1], PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE));
	show("shared", map(argv[1], PROT_READ | PROT_EXEC, MAP_SHARED));
	with_threads(argv[1]);
	executed(argv[1]);
	change(argv[1]);
	show("changed", map(argv[1], PROT_READ | PROT_EXEC, MAP_PRIVATE));
	executed(argv[1]);
	return 0;
}
