/* SPDX-License-Identifier: MIT
 * Waiting for descriptors, descriptors that stand for events, and sockets that are held. cases/calls.sh
 * compares. */
#include "calls.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>

static void polls(void)
{
	int pair[2], closed[2];
	struct timespec none = { 0, 0 }, brief = { 0, 10 * MILLISECONDS };
	fd_set in, out;
	struct timeval tv = { 0, 0 };
	sigset_t empty;

	pipe(pair);
	pipe(closed);
	close(closed[1]);
	struct pollfd fds[4] = { { pair[0], POLLIN, 0 }, { pair[1], POLLOUT, 0 }, { closed[0], POLLIN, 0 }, { 99, POLLIN, 0 } };
	SAY(poll(fds, 4, 0));
	for (int i = 0; i < 4; i++)
		printf("%x ", fds[i].revents);
	printf("\n");
	SAY(poll(fds, 1, 0));
	SAY(poll(fds, 1, 10));
	SAY(poll(NULL, 0, 1));
	SAY(poll((void *)1, 1, 0));
	SAY(poll(fds, 1u << 31, 0));
	SAY(write(pair[1], "x", 1));
	SAY(poll(fds, 1, -1));
	printf("%x\n", fds[0].revents);
	SAY(syscall(SYS_ppoll, fds, 1, &none, NULL, 8));
	fds[0].events = POLLPRI;
	SAY(ppoll(fds, 1, &brief, NULL));
	SAY(syscall(SYS_ppoll, fds, 1, &none, &empty, 4));
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(pair[0], &in);
	FD_SET(pair[1], &out);
	SAY(syscall(SYS_select, pair[1] + 1, &in, &out, NULL, &tv));
	printf("%d %d\n", FD_ISSET(pair[0], &in) != 0, FD_ISSET(pair[1], &out) != 0);
	SAY(pselect(pair[1] + 1, &in, &out, NULL, &none, NULL));
	FD_ZERO(&in);
	FD_SET(60, &in); /* above 63 it would be left out or not as the descriptor table's size has it */
	SAY(syscall(SYS_select, 61, &in, NULL, NULL, &tv));
	SAY(syscall(SYS_select, -1, &in, NULL, NULL, &tv));
	SAY(syscall(SYS_select, 1, 1, NULL, NULL, &tv));
	/* A signal that is let in for the wait alone. */
	sigset_t block;
	sigemptyset(&block);
	sigemptyset(&empty);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	handle(SIGUSR1, ignore_signal, 0);
	raise(SIGUSR1);
	SAY(ppoll(NULL, 0, NULL, &empty));
	raise(SIGUSR1);
	SAY(pselect(0, NULL, NULL, NULL, NULL, &empty));
	raise(SIGUSR1);
	int ep = epoll_create1(0);
	struct epoll_event event;
	SAY(epoll_pwait(ep, &event, 1, -1, &empty));
	raise(SIGUSR1);
	SAY(syscall(SYS_epoll_pwait2, ep, &event, 1, NULL, &empty, 8l));
	close(ep);
	sigprocmask(SIG_UNBLOCK, &block, NULL);
	close(pair[0]), close(pair[1]), close(closed[0]);
}

static void epolls(void)
{
	int ep, pair[2];
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 1234567890123 }, got[4];
	struct timespec none = { 0, 0 };

	pipe(pair);
	SAY(ep = epoll_create(1));
	SAY(close(ep));
	SAY(epoll_create(0));
	SAY(epoll_create1(99));
	SAY(ep = epoll_create1(EPOLL_CLOEXEC));
	SAY(fcntl(ep, F_GETFD));
	SAY(epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &event));
	SAY(epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &event));
	SAY(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &event));
	SAY(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &event));
	SAY(epoll_ctl(ep, EPOLL_CTL_DEL, pair[1], NULL));
	SAY(epoll_ctl(ep, 77, pair[1], &event));
	SAY(epoll_wait(ep, got, 4, 0));
	SAY(write(pair[1], "x", 1));
	SAY(epoll_wait(ep, got, 4, -1));
	printf("%x %d\n", got[0].events, got[0].data.u64 == 1234567890123);
	SAY(epoll_wait(ep, got, 4, 0));
	event.events = EPOLLIN | EPOLLONESHOT;
	SAY(epoll_ctl(ep, EPOLL_CTL_MOD, pair[0], &event));
	SAY(epoll_pwait(ep, got, 4, 0, NULL));
	SAY(syscall(SYS_epoll_pwait2, ep, got, 4, &none, NULL, 8l));
	SAY(epoll_wait(ep, got, 0, 0));
	SAY(epoll_wait(pair[0], got, 1, 0));
	SAY(syscall(SYS_epoll_wait, ep, 1, 1, 0));
	struct pollfd fd = { ep, POLLIN, 0 };
	SAY(poll(&fd, 1, 0));
	close(pair[1]);
	SAY(epoll_ctl(ep, EPOLL_CTL_MOD, pair[0], &event));
	SAY(epoll_wait(ep, got, 4, 0));
	printf("%x\n", got[0].events);
	close(ep);
	close(pair[0]);
}

static void events(void)
{
	uint64_t value = 0;
	int fd;

	SAY(fd = eventfd(5, EFD_NONBLOCK | EFD_CLOEXEC));
	SAY(fcntl(fd, F_GETFD));
	SAY(read(fd, &value, 8));
	printf("%ld\n", (long)value);
	SAY(read(fd, &value, 8));
	SAY(read(fd, &value, 4));
	value = 3;
	SAY(write(fd, &value, 8));
	value = UINT64_MAX;
	SAY(write(fd, &value, 8));
	value = UINT64_MAX - 1;
	SAY(write(fd, &value, 8));
	close(fd);
	SAY(fd = (int)syscall(SYS_eventfd, 2));
	SAY(read(fd, &value, 8));
	close(fd);
	SAY(fd = eventfd(2, EFD_SEMAPHORE));
	SAY(read(fd, &value, 8));
	printf("%ld\n", (long)value);
	close(fd);
	SAY(syscall(SYS_eventfd2, 0, 99));
	/* From a thread or process to another. */
	SAY(fd = eventfd(0, 0));
	pid_t child = fork();
	if (child == 0) {
		value = 42;
		_exit(write(fd, &value, 8) != 8);
	}
	SAY(read(fd, &value, 8));
	printf("%ld\n", (long)value);
	said_end("child", child);
	close(fd);

	sigset_t set;
	struct signalfd_siginfo info;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	SAY(fd = (int)syscall(SYS_signalfd, -1, &set, 8));
	SAY(close(fd));
	SAY(fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
	SAY(read(fd, &info, sizeof info));
	sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 9 });
	SAY(read(fd, &info, sizeof info));
	printf("signal %d code %d pid %d value %d\n", info.ssi_signo, info.ssi_code, info.ssi_pid == (uint32_t)getpid(), info.ssi_int);
	child = fork();
	if (child == 0) {
		kill(-getpgrp(), SIGUSR1);
		_exit(3);
	}
	struct pollfd poll_fd = { fd, POLLIN, 0 };
	SAY(poll(&poll_fd, 1, -1));
	SAY(read(fd, &info, sizeof info));
	printf("signal %d code %d by child %d\n", info.ssi_signo, info.ssi_code, info.ssi_pid == (uint32_t)child);
	SAY(poll(&poll_fd, 1, -1));
	SAY(read(fd, &info, sizeof info));
	printf("signal %d code %d status %d by child %d\n", info.ssi_signo, info.ssi_code, info.ssi_status,
	       info.ssi_pid == (uint32_t)child);
	said_end("child", child);
	SAY(read(fd, &info, 4));
	SAY(signalfd(99, &set, 0));
	close(fd);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void timer_fds(void)
{
	struct itimerspec spec = { .it_value.tv_nsec = 10 * MILLISECONDS, .it_interval.tv_nsec = 5 * MILLISECONDS }, old;
	uint64_t value = 0;
	int fd;

	SAY(fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	SAY(fcntl(fd, F_GETFD));
	SAY(timerfd_settime(fd, 0, &spec, NULL));
	SAY(timerfd_gettime(fd, &old) == 0 && old.it_interval.tv_nsec == 5 * MILLISECONDS && old.it_value.tv_nsec > 0);
	SAY(read(fd, &value, 8));
	SAY(value >= 1);
	nanosleep(&(struct timespec){ 0, 30 * MILLISECONDS }, NULL);
	SAY(read(fd, &value, 8));
	SAY(value >= 4);
	memset(&spec, 0, sizeof spec);
	SAY(timerfd_settime(fd, 0, &spec, &old));
	SAY(fcntl(fd, F_SETFL, O_NONBLOCK));
	SAY(read(fd, &value, 8));
	spec.it_value.tv_nsec = -1;
	SAY(timerfd_settime(fd, 0, &spec, &old));
	SAY(timerfd_settime(0, 0, &spec, &old));
	close(fd);
	SAY(fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
	clock_gettime(CLOCK_REALTIME, &spec.it_value);
	SAY(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL));
	SAY(read(fd, &value, 8));
	close(fd);
	SAY(timerfd_create(CLOCK_MONOTONIC, 99));
	SAY(timerfd_gettime(99, &old));
}

static void sockets(void)
{
	int pair[2], option = 0;
	socklen_t len = sizeof option;
	char buf[64];
	struct sockaddr_un name;
	struct iovec part[2] = { { buf, 2 }, { buf + 2, 10 } };
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int) * 4)]; } control;
	struct msghdr message = { .msg_iov = part, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control };

	SAY(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	SAY(fcntl(pair[0], F_GETFD));
	SAY(send(pair[0], "hello", 5, 0));
	SAY(sendto(pair[0], "hello", 5, MSG_NOSIGNAL, NULL, 0));
	SAY(recv(pair[1], buf, 3, MSG_PEEK));
	SAY(recvfrom(pair[1], buf, 5, 0, (void *)&name, &len));
	printf("len %d\n", (int)len);
	SAY(recvmsg(pair[1], &message, 0));
	printf("control %d flags %x\n", (int)message.msg_controllen, message.msg_flags);
	SAY(recv(pair[1], buf, 5, MSG_DONTWAIT));
	len = sizeof option;
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &option, &len));
	printf("type %d\n", option);
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_ERROR, &option, &len));
	printf("error %d\n", option);
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_DOMAIN, &option, &len));
	SAY(getsockopt(0, SOL_SOCKET, SO_DOMAIN, &option, &len));
	struct ucred peer;
	len = sizeof peer;
	SAY(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &len));
	printf("peer %d\n", peer.pid == getpid() && peer.uid == getuid());
	len = sizeof name;
	SAY(getsockname(pair[0], (void *)&name, &len));
	printf("family %d len %d\n", name.sun_family, (int)len);
	len = sizeof name;
	SAY(getpeername(pair[0], (void *)&name, &len));
	SAY(getsockname(0, (void *)&name, &len));
	SAY(syscall(SYS_accept, pair[0], NULL, NULL));
	SAY(accept4(pair[0], NULL, NULL, SOCK_CLOEXEC));
	SAY(shutdown(pair[0], SHUT_WR));
	SAY(recv(pair[1], buf, 5, 0));
	SAY(send(pair[0], "x", 1, MSG_NOSIGNAL));
	SAY(shutdown(pair[0], 99));
	SAY(shutdown(0, SHUT_WR));
	close(pair[0]), close(pair[1]);
	SAY(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair));
	SAY(send(pair[0], "one", 3, 0));
	SAY(send(pair[0], "two two", 7, 0));
	SAY(recv(pair[1], buf, 5, 0));
	message.msg_controllen = sizeof control;
	part[1].iov_len = 2;
	SAY(recvmsg(pair[1], &message, 0));
	printf("truncated %d\n", (message.msg_flags & MSG_TRUNC) != 0);
	SAY(recv(pair[1], buf, 5, 0));
	struct mmsghdr several[3] = { { .msg_hdr = { .msg_iov = &part[0], .msg_iovlen = 1 } },
				      { .msg_hdr = { .msg_iov = &part[1], .msg_iovlen = 1 } } };
	SAY(send(pair[0], "a", 1, 0));
	SAY(send(pair[0], "bc", 2, 0));
	SAY(recvmmsg(pair[1], several, 2, 0, NULL));
	printf("%u %u\n", several[0].msg_len, several[1].msg_len);
	close(pair[0]);
	SAY(recv(pair[1], buf, 5, 0));
	pid_t child = fork();
	if (child == 0)
		_exit(send(pair[1], "x", 1, 0) == 1);
	said_end("sends to nobody", child);
	close(pair[1]);
}

int main(int argc, char **argv)
{
	calls_begin(argc, argv);
	setpgid(0, 0);
	polls();
	epolls();
	events();
	timer_fds();
	sockets();
	return 0;
}
