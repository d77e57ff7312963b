/* SPDX-License-Identifier: MIT
 * Descriptors: copies, flags, locks between processes, terminals. cases/calls.sh compares. */
#include "calls.h"

#include <linux/close_range.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>

static int count(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void copies(void)
{
	int pair[2];

	SAY(pipe(pair));
	SAY(dup(pair[0]));
	SAY(dup(99));
	SAY(dup2(pair[0], 20));
	SAY(dup2(pair[0], pair[0]));
	SAY(dup2(99, 99));
	SAY(dup2(99, 20));
	SAY(dup2(pair[0], -1));
	SAY(dup3(pair[0], 21, O_CLOEXEC));
	SAY(fcntl(20, F_GETFD));
	SAY(fcntl(21, F_GETFD));
	SAY(dup3(pair[0], pair[0], 0));
	SAY(dup3(pair[0], 22, 1));
	SAY(fcntl(pair[0], F_DUPFD, 30));
	SAY(fcntl(pair[0], F_DUPFD_CLOEXEC, 30));
	SAY(fcntl(30, F_GETFD));
	SAY(fcntl(31, F_GETFD));
	SAY(fcntl(pair[0], F_DUPFD, -1));
	SAY(fcntl(30, F_SETFD, FD_CLOEXEC));
	SAY(fcntl(30, F_GETFD));
	SAY(fcntl(99, F_GETFD));
	SAY(fcntl(pair[0], F_GETFL));
	SAY(fcntl(pair[0], F_SETFL, O_NONBLOCK));
	SAY(fcntl(20, F_GETFL) & O_NONBLOCK);
	SAY(read(20, &pair, 1));
	SAY(fcntl(pair[1], F_GETFL));
	SAY(fcntl(pair[1], F_GETPIPE_SZ));
	SAY(fcntl(pair[1], F_SETPIPE_SZ, 8192));
	SAY(fcntl(pair[1], F_GETPIPE_SZ));
	SAY(fcntl(0, F_GETPIPE_SZ));
	SAY(count());
	SAY(close_range(20, 21, 0));
	SAY(count());
	SAY(close_range(30, ~0u, CLOSE_RANGE_CLOEXEC));
	SAY(fcntl(30, F_GETFD));
	SAY(close_range(31, 30, 0));
	SAY(close_range(3, 4, 99));
	if (fork() == 0) {
		SAY(close_range(3, ~0u, CLOSE_RANGE_UNSHARE));
		SAY(count());
		_exit(0);
	}
	wait(NULL);
	SAY(count());
	SAY(close_range(3, ~0u, 0));
	SAY(pipe2(pair, O_CLOEXEC | O_NONBLOCK));
	SAY(fcntl(pair[0], F_GETFD));
	SAY(fcntl(pair[0], F_GETFL));
	SAY(pipe2(pair, O_CLOEXEC | O_DIRECT));
	SAY(syscall(SYS_pipe, 1));
	SAY(ioctl(pair[0], FIONCLEX));
	SAY(fcntl(pair[0], F_GETFD));
	SAY(ioctl(pair[0], FIOCLEX));
	SAY(fcntl(pair[0], F_GETFD));
	SAY(ioctl(pair[0], FIONBIO, &(int){ 1 }));
	SAY(fcntl(pair[0], F_GETFL) & O_NONBLOCK);
	SAY(write(pair[1], "12345", 5));
	int n = 0;
	SAY(ioctl(pair[0], FIONREAD, &n));
	printf("%d to be read\n", n);
	SAY(ioctl(pair[0], FIONREAD, 1));
	SAY(ioctl(99, FIONREAD, &n));
	SAY(ioctl(pair[0], TIOCGWINSZ, &n));
	SAY(close_range(3, ~0u, 0));
}

static void lock_say(int fd, int command, short type, off_t from, off_t len)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = len };
	long result = fcntl(fd, command, &lock);

	if (result < 0)
		printf("lock %d %d %ld %ld: %s\n", command, type, (long)from, (long)len, strerrorname_np(errno));
	else if (command == F_GETLK || command == F_OFD_GETLK)
		printf("lock %d %d %ld %ld: type %d start %ld len %ld by %s\n", command, type, (long)from, (long)len,
		       lock.l_type, (long)lock.l_start, (long)lock.l_len,
		       lock.l_type == F_UNLCK    ? "nobody"
		       : lock.l_pid == getppid() ? "parent"
		       : lock.l_pid == -1	 ? "a description"
						 : "?");
	else
		printf("lock %d %d %ld %ld: %ld\n", command, type, (long)from, (long)len, result);
	fflush(stdout);
}

static int lock_waits(int fd, off_t from)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = 10 };

	return fcntl(fd, F_SETLKW, &lock) < 0 ? errno : 0;
}

static void locks(void)
{
	int fd = open("locked", O_RDWR | O_CREAT, 0600), ready[2], other;

	lock_say(fd, F_SETLK, F_WRLCK, 0, 10);
	lock_say(fd, F_SETLK, F_RDLCK, 20, 10);
	lock_say(fd, F_SETLK, 77, 20, 10);
	lock_say(99, F_SETLK, F_RDLCK, 20, 10);
	SAY(fcntl(fd, F_SETLK, 1));
	pid_t child = fork();
	if (child == 0) {
		lock_say(fd, F_GETLK, F_WRLCK, 0, 100);
		lock_say(fd, F_GETLK, F_RDLCK, 20, 5);
		lock_say(fd, F_SETLK, F_RDLCK, 0, 5);
		lock_say(fd, F_SETLK, F_RDLCK, 20, 5);
		_exit(0);
	}
	said_end("locks", child);
	/* Each waits for the other: one of them is told, and the other gets what it wants. */
	pipe(ready);
	child = fork();
	if (child == 0) {
		int told = 0;
		lock_say(fd, F_SETLKW, F_WRLCK, 50, 10);
		write(ready[1], "x", 1);
		told = lock_waits(fd, 0) == EDEADLK;
		_exit(told);
	}
	char c;
	int status = 0;
	read(ready[0], &c, 1);
	bool told = lock_waits(fd, 50) == EDEADLK;
	struct flock unlock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	SAY(fcntl(fd, F_SETLK, &unlock));
	SAY(waitpid(child, &status, 0) == child && WEXITSTATUS(status) + told == 1);
	close(ready[0]), close(ready[1]);

	lock_say(fd, F_OFD_SETLK, F_WRLCK, 0, 10);
	other = open("locked", O_RDWR);
	lock_say(other, F_OFD_GETLK, F_WRLCK, 0, 5);
	lock_say(other, F_OFD_SETLK, F_WRLCK, 0, 5);
	lock_say(other, F_SETLK, F_RDLCK, 0, 5);
	child = fork();
	if (child == 0) {
		lock_say(fd, F_OFD_SETLK, F_RDLCK, 0, 10); /* the same description */
		lock_say(other, F_OFD_SETLKW, F_RDLCK, 0, 10);
		_exit(0);
	}
	said_end("descriptions", child);
	close(fd);
	lock_say(other, F_OFD_SETLK, F_WRLCK, 0, 5);
	fd = open("locked", O_RDWR);
	SAY(flock(fd, LOCK_SH));
	SAY(flock(other, LOCK_SH | LOCK_NB));
	SAY(flock(other, LOCK_EX | LOCK_NB));
	SAY(flock(fd, LOCK_UN));
	SAY(flock(other, LOCK_EX));
	SAY(flock(fd, 99));
	SAY(flock(99, LOCK_SH));
	handle(SIGALRM, ignore_signal, 0);
	struct itimerval often = { .it_value.tv_usec = 30000, .it_interval.tv_usec = 30000 };
	setitimer(ITIMER_REAL, &often, NULL);
	SAY(flock(fd, LOCK_EX));
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	close(other);
	close(fd);
	unlink("locked");
}

static void terminals(void)
{
	int master, slave, n = -1, fg = 0;
	char name[64];
	struct termios settings;
	struct winsize size = { 10, 20, 0, 0 };

	SAY(master = open("/dev/ptmx", O_RDWR | O_NOCTTY));
	if (master < 0)
		return;
	SAY(ioctl(master, TIOCSPTLCK, &(int){ 0 }));
	SAY(ioctl(master, TIOCGPTN, &n) == 0 && n >= 0);
	SAY(slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	SAY(isatty(slave));
	SAY(ioctl(slave, TCGETS, &settings));
	settings.c_lflag &= ~(tcflag_t)ECHO;
	SAY(tcsetattr(slave, TCSANOW, &settings));
	SAY(tcsetattr(slave, TCSADRAIN, &settings));
	SAY(tcsetattr(slave, TCSAFLUSH, &settings));
	SAY(tcgetattr(slave, &settings) == 0 && !(settings.c_lflag & ECHO));
	SAY(ioctl(slave, 0x802c542a /* TCGETS2 */, name) == 0);
	SAY(ioctl(slave, 0x402c542b /* TCSETS2 */, name) == 0);
	SAY(ioctl(slave, 0x402c542c /* TCSETSW2 */, name) == 0);
	SAY(ioctl(slave, 0x402c542d /* TCSETSF2 */, name) == 0);
	SAY(ioctl(slave, TIOCSWINSZ, &size));
	size.ws_row = 0;
	SAY(ioctl(master, TIOCGWINSZ, &size));
	printf("%d rows\n", size.ws_row);
	SAY(write(slave, "out", 3));
	SAY(ioctl(slave, TIOCOUTQ, &n));
	SAY(tcdrain(slave) < 0 ? -1 : 0); /* TCSBRK, 1 */
	SAY(read(master, name, sizeof name));
	SAY(write(master, "line\n", 5));
	struct pollfd arrived = { slave, POLLIN, 0 };
	SAY(poll(&arrived, 1, -1));
	SAY(ioctl(slave, FIONREAD, &n));
	printf("%d to be read\n", n);
	SAY(tcflush(slave, TCIFLUSH));
	SAY(ioctl(slave, FIONREAD, &n));
	printf("%d to be read\n", n);
	SAY(ioctl(slave, TIOCGPGRP, &fg));
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		SAY(setsid() == getpid());
		SAY(ioctl(slave, TIOCSCTTY, 0));
		SAY(ioctl(slave, TIOCGSID, &n) == 0 && n == getpid());
		SAY(ioctl(slave, TIOCGPGRP, &fg) == 0 && fg == getpid());
		pid_t job = fork();
		if (job == 0) {
			setpgid(0, 0);
			pause();
			_exit(0);
		}
		setpgid(job, job);
		SAY(tcsetpgrp(slave, job));
		SAY(tcgetpgrp(slave) == job);
		handle(SIGTTOU, SIG_IGN, 0);
		handle(SIGTTIN, SIG_IGN, 0);
		SAY(read(slave, name, 1)); /* in the background */
		SAY(write(master, "\003", 1)); /* Ctrl-C: for the job */
		said_end("the job", job);
		SAY(tcsetpgrp(slave, getpid()));
		SAY(ioctl(slave, TIOCSPGRP, 1));
		long kept, result;
		fg = getpid();
		__asm__ volatile("syscall"
				 : "=a"(result), "=d"(kept)
				 : "a"((long)SYS_ioctl), "D"((long)slave), "S"((long)TIOCSPGRP), "1"(&fg)
				 : "rcx", "r11", "memory");
		printf("%ld, its argument's register kept %d\n", result, kept == (long)&fg);
		handle(SIGHUP, SIG_IGN, 0);
		SAY(ioctl(slave, TIOCNOTTY));
		SAY(ioctl(slave, TIOCGSID, &n));
		_exit(0);
	}
	said_end("a session", child);
	SAY(close(slave));
	SAY(read(master, name, 1));
	close(master);
}

int main(int argc, char **argv)
{
	calls_begin(argc, argv);
	copies();
	locks();
	terminals();
	return 0;
}
