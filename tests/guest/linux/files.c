/* SPDX-License-Identifier: MIT
 * Linux calls on descriptors that a guest holds or makes do what they do without Microcosm.
 */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

static void pipes(void)
{
	int a[2], b[2], waiting;
	char text[8], more[8];
	struct iovec parts[2] = { { text, 1 }, { more, sizeof more } };
	struct stat st;

	CHECK_IS(pipe(a), 0);
	CHECK_IS(pipe2(b, O_NONBLOCK | O_CLOEXEC), 0);
	CHECK_IS(write(a[1], "abc", 3), 3);
	CHECK_IS(ioctl(a[0], FIONREAD, &waiting), 0);
	CHECK_IS(waiting, 3);
	CHECK_IS(readv(a[0], parts, 2), 3);
	CHECK(text[0] == 'a' && more[0] == 'b' && more[1] == 'c');
	CHECK(read(b[0], text, 1) == -1 && errno == EAGAIN);
	CHECK_IS(write(a[1], "xyz", 3), 3);
	CHECK_IS(splice(a[0], NULL, b[1], NULL, 3, 0), 3);
	CHECK_IS(read(b[0], text, sizeof text), 3);
	CHECK(memcmp(text, "xyz", 3) == 0);
	CHECK(fstat(a[0], &st) == 0 && S_ISFIFO(st.st_mode));
	CHECK(!isatty(a[0]) && errno == ENOTTY);
	CHECK(lseek(a[0], 0, SEEK_CUR) == -1 && errno == ESPIPE);
	CHECK(write(a[1], (void *)64, 1) == -1 && errno == EFAULT);
	CHECK_IS(close(a[0]), 0);
	CHECK(close(a[0]) == -1 && errno == EBADF);
	close(a[1]), close(b[0]), close(b[1]);
}

static void descriptors(void)
{
	int a[2];

	CHECK_IS(pipe(a), 0);
	CHECK_IS(dup2(a[1], 50), 50);
	CHECK_IS(dup3(a[1], 51, O_CLOEXEC), 51);
	CHECK_IS(fcntl(51, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(a[1], F_DUPFD_CLOEXEC, 60) >= 60);
	CHECK_IS(fcntl(a[0], F_SETFL, fcntl(a[0], F_GETFL) | O_NONBLOCK), 0);
	CHECK(fcntl(a[0], F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(a[0], F_SETOWN, 1) == -1 && errno == ESRCH);
	CHECK(fcntl(a[0], F_SETSIG, 10) == -1 && errno == EPERM);
	close(a[0]), close(a[1]), close(50), close(51), close(60);
}

static void waiting(void)
{
	int a[2], event = eventfd(0, EFD_NONBLOCK), set = epoll_create1(0);
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct epoll_event one = { .events = EPOLLIN, .data.fd = event };
	struct itimerspec soon = { { 0, 0 }, { 0, 1000000 } };
	struct timeval second = { 1, 0 };
	uint64_t times = 0;
	fd_set fds;

	CHECK_IS(pipe(a), 0);
	struct pollfd polled = { a[0], POLLIN, 0 };
	CHECK_IS(poll(&polled, 1, 1), 0);
	CHECK_IS(write(a[1], "", 1), 1);
	CHECK_IS(poll(&polled, 1, -1), 1);
	FD_ZERO(&fds);
	FD_SET(a[0], &fds);
	CHECK_IS(select(a[0] + 1, &fds, NULL, NULL, &second), 1);
	CHECK_IS(epoll_ctl(set, EPOLL_CTL_ADD, event, &one), 0);
	CHECK_IS(epoll_wait(set, &one, 1, 0), 0);
	CHECK_IS(eventfd_write(event, 1), 0);
	CHECK_IS(epoll_wait(set, &one, 1, -1), 1);
	CHECK_IS(one.data.fd, event);
	CHECK_IS(timerfd_settime(timer, 0, &soon, NULL), 0);
	CHECK_IS(read(timer, &times, sizeof times), sizeof times);
	CHECK_IS(times, 1);
	close(a[0]), close(a[1]), close(event), close(set), close(timer);
}

static void sockets(void)
{
	int pair[2];
	char text[8];

	CHECK_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_IS(send(pair[0], "hi", 2, 0), 2);
	CHECK_IS(recv(pair[1], text, sizeof text, 0), 2);
	CHECK_IS(shutdown(pair[0], SHUT_WR), 0);
	CHECK_IS(recv(pair[1], text, sizeof text, 0), 0);
	close(pair[0]), close(pair[1]);
	CHECK(socketpair(AF_UNIX, SOCK_RAW, 0, pair) == -1 && errno == EPERM);
	CHECK(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EACCES);
}

static void names(void)
{
	char text[8];
	struct stat st;

	CHECK(getcwd(text, sizeof text) == text && strcmp(text, "/") == 0);
	/* A world without files. */
	CHECK(open("/", O_RDONLY) == -1 && errno == ENOENT);
	CHECK(stat("/", &st) == -1 && errno == ENOENT);
	CHECK(readlink("/proc/self/exe", text, sizeof text) == -1 && errno == ENOENT);
	CHECK(mkdir("/x", 0700) == -1 && errno == ENOENT);
}

int main(void)
{
	pipes();
	descriptors();
	waiting();
	sockets();
	names();
	return 0;
}
