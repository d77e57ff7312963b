/* SPDX-License-Identifier: MIT
 * Sockets of the network, on the loopback address alone and on ports that the kernel chooses: results,
 * errno and what arrives, a line each. cases/net.sh runs it natively and on Microcosm, and compares. */
#include "calls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define THREADS 4
#define ROUNDS 50

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int port_of(int fd)
{
	struct sockaddr_in6 name = { 0 }; /* the port is at the same place */
	socklen_t len = sizeof name;

	return getsockname(fd, (struct sockaddr *)&name, &len) == 0 ? ntohs(name.sin6_port) : -1;
}

#define A(name) (struct sockaddr *)&(name), sizeof(name)

static int listener(int backlog)
{
	struct sockaddr_in any = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, A(any)) < 0 || listen(fd, backlog) < 0)
		printf("no listener: %s\n", strerrorname_np(errno));
	return fd;
}

/* A port where nobody listens: of a socket that has it and does not. */
static int quiet_port(void)
{
	static int fd = -1;
	struct sockaddr_in any = loopback(0);

	if (fd < 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		bind(fd, A(any));
	}
	return port_of(fd);
}

static void streams(void)
{
	struct sockaddr_in to, from;
	struct sockaddr_in6 wide = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof from;
	char buf[16] = "";
	int server = listener(5), a, b;

	to = loopback(port_of(server));
	a = (int)SAY(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
	SAY(connect(a, (struct sockaddr *)&to, 4));
	SAY(connect(a, (struct sockaddr *)&to, 0));
	SAY(connect(a, (struct sockaddr *)&to, -1));
	SAY(connect(a, (struct sockaddr *)&to, 4096));
	SAY(connect(a, (struct sockaddr *)8, sizeof to));
	SAY(connect(-1, A(to)));
	SAY(connect(0, A(to)));
	SAY(connect(a, A(wide)));
	SAY(connect(a, A(to)));
	SAY(connect(a, A(to)));
	b = (int)SAY(accept4(server, (struct sockaddr *)&from, &len, SOCK_CLOEXEC));
	printf("peer %d family %d length %d\n", from.sin_port == htons((uint16_t)port_of(a)), from.sin_family, (int)len);
	SAY(write(a, "hello", 5));
	SAY(read(b, buf, sizeof buf));
	SAY(send(b, "world", 5, MSG_NOSIGNAL));
	SAY(recv(a, buf, sizeof buf, 0));
	SAY(sendto(a, "again", 5, 0, A(to)));
	SAY(recv(b, buf, sizeof buf, MSG_PEEK));
	SAY(shutdown(a, SHUT_WR));
	SAY(recv(b, buf, sizeof buf, 0));
	SAY(recv(b, buf, sizeof buf, 0));
	SAY(listen(a, 1));
	SAY(bind(a, A(to)));
	close(a);
	close(b);

	a = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in nobody = loopback(quiet_port());
	SAY(connect(a, A(nobody)));
	SAY(connect(a, A(to)));
	close(a);
	close(accept(server, NULL, NULL));
	a = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	long r = connect(a, A(to));
	printf("non-blocking: %s\n", r == 0 || errno == EINPROGRESS ? "begun" : strerrorname_np(errno));
	struct pollfd ready = { .fd = a, .events = POLLOUT };
	SAY(poll(&ready, 1, 5000));
	int error = -1;
	len = sizeof error;
	getsockopt(a, SOL_SOCKET, SO_ERROR, &error, &len);
	printf("error %d\n", error);
	SAY(connect(a, A(to)));
	/* An end that can begin again. */
	struct sockaddr nothing = { .sa_family = AF_UNSPEC };
	SAY(connect(a, A(nothing)));
	SAY(fcntl(a, F_SETFL, 0));
	SAY(connect(a, A(to)));
	close(a);
	/* The machine itself. */
	struct sockaddr_in itself = { .sin_family = AF_INET, .sin_port = to.sin_port };
	a = socket(AF_INET, SOCK_STREAM, 0);
	SAY(connect(a, A(itself)));
	close(a);
	close(server);
	/* Bound and not bound. */
	a = socket(AF_INET, SOCK_STREAM, 0);
	SAY(bind(a, (struct sockaddr *)&to, 3));
	SAY(bind(a, (struct sockaddr *)8, 16));
	SAY(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	SAY(bind(a, A(to)));
	printf("the port asked for: %d\n", port_of(a) == ntohs(to.sin_port));
	SAY(listen(a, 3));
	SAY(listen(a, 4));
	b = socket(AF_INET, SOCK_STREAM, 0);
	SAY(bind(b, A(to)));
	close(a);
	close(b);
	SAY(listen(0, 1));
	SAY(listen(-1, 1));
}

static void datagrams(void)
{
	struct sockaddr_in here = loopback(0), to, from;
	struct sockaddr nothing = { .sa_family = AF_UNSPEC };
	socklen_t len = sizeof from;
	char buf[16] = "";
	int a = (int)SAY(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), b = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);

	SAY(bind(a, A(here)));
	to = loopback(port_of(a));
	SAY(sendto(b, "one", 3, 0, A(to)));
	SAY(recvfrom(a, buf, sizeof buf, 0, (struct sockaddr *)&from, &len));
	printf("from the other: %d\n", from.sin_port == htons((uint16_t)port_of(b)));
	SAY(sendto(a, "two", 3, 0, (struct sockaddr *)&from, len));
	SAY(recv(b, buf, sizeof buf, 0));
	SAY(send(b, "x", 1, 0));
	SAY(sendto(b, "x", 1, 0, (struct sockaddr *)&to, 3));
	SAY(sendto(b, "x", 1, 0, (struct sockaddr *)&to, 0));
	SAY(sendto(b, "x", 1, 0, (struct sockaddr *)8, 16));
	SAY(sendto(b, (void *)8, 1, 0, A(to)));
	SAY(connect(b, A(to)));
	SAY(send(b, "three", 5, 0));
	SAY(recv(a, buf, sizeof buf, 0));
	SAY(connect(b, A(nothing)));
	SAY(send(b, "x", 1, 0));
	/* Old programs leave the family out. */
	to.sin_family = AF_UNSPEC;
	SAY(sendto(b, "four", 4, 0, A(to)));
	SAY(recv(a, buf, sizeof buf, 0));
	SAY(listen(a, 1));
	close(a);
	close(b);
}

/* What was received: data, and what came beside it. */
static void receive(int fd)
{
	char data[64] = "", control[256];
	struct iovec part = { data, sizeof data };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof control };
	long n = recvmsg(fd, &message, MSG_DONTWAIT);

	if (n < 0) {
		printf("nothing: %s\n", strerrorname_np(errno));
		return;
	}
	printf("got %ld %.*s flags %x\n", n, (int)n, data, message.msg_flags);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		printf("level %d type %d length %zu\n", c->cmsg_level, c->cmsg_type, c->cmsg_len);
		int passed;
		memcpy(&passed, CMSG_DATA(c), sizeof passed);
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			printf("works %d\n", write(passed, "p", 1) == 1 && close(passed) == 0);
	}
}

static void messages(void)
{
	union {
		struct cmsghdr head;
		char bytes[2048];
	} control = { .head = { 0 } };
	struct sockaddr_in here = loopback(0), to;
	struct iovec parts[2] = { { (void *)"one", 3 }, { (void *)"two", 3 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0), pair[2], pipes[2];
	char byte;

	bind(a, A(here));
	to = loopback(port_of(a));
	SAY(sendmsg(b, &message, 0));
	message.msg_name = &to;
	message.msg_namelen = sizeof to;
	SAY(sendmsg(b, &message, 0));
	receive(a);
	message.msg_namelen = 5;
	SAY(sendmsg(b, &message, 0));
	message.msg_namelen = (socklen_t)-1;
	SAY(sendmsg(b, &message, 0));
	message.msg_namelen = 1000;
	message.msg_name = here.sin_zero - 8;
	SAY(sendmsg(b, &message, MSG_DONTWAIT) == 6 || errno == EFAULT);
	message.msg_name = (void *)8;
	message.msg_namelen = sizeof to;
	SAY(sendmsg(b, &message, 0));
	SAY(sendmsg(b, (struct msghdr *)8, 0));
	SAY(sendmsg(-1, &(struct msghdr){ .msg_iov = parts }, 0));
	SAY(sendmsg(0, &(struct msghdr){ .msg_iov = parts }, 0));
	while (recv(a, &byte, 1, MSG_DONTWAIT) >= 0)
		;
	/* Where it comes from, and what it is marked with. */
	SAY(setsockopt(a, IPPROTO_IP, IP_PKTINFO, &(int){ 1 }, sizeof(int)));
	SAY(setsockopt(a, IPPROTO_IP, IP_RECVTOS, &(int){ 1 }, sizeof(int)));
	message.msg_name = &to;
	message.msg_control = &control;
	message.msg_controllen = CMSG_SPACE(sizeof(int));
	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TOS };
	memcpy(CMSG_DATA(&control.head), &(int){ 8 }, sizeof(int));
	SAY(sendmsg(b, &message, 0));
	receive(a);
	control.head.cmsg_len = 3;
	SAY(sendmsg(b, &message, 0));
	control.head.cmsg_len = 4096;
	SAY(sendmsg(b, &message, 0));
	message.msg_controllen = 7;
	SAY(sendmsg(b, &message, 0));
	while (recv(a, &byte, 1, MSG_DONTWAIT) >= 0)
		;
	/* Several. */
	struct mmsghdr several[3] = { { .msg_hdr = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = parts, .msg_iovlen = 1 } },
				      { .msg_hdr = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = parts, .msg_iovlen = 2 } } };
	SAY(sendmmsg(b, several, 2, 0));
	printf("lengths %u %u\n", several[0].msg_len, several[1].msg_len);
	SAY(recvmmsg(a, (struct mmsghdr[2]){ { .msg_hdr = { .msg_iov = &(struct iovec){ &byte, 1 }, .msg_iovlen = 1 } } }, 1, 0, NULL));
	receive(a);
	SAY(connect(b, A(to)));
	several[1].msg_hdr.msg_name = (void *)8;
	several[0].msg_hdr.msg_name = NULL;
	SAY(sendmmsg(b, several, 2, 0));
	SAY(sendmmsg(b, several + 1, 1, 0));
	SAY(sendmmsg(b, several, 0, 0));
	SAY(sendmmsg(-1, several, 1, 0));
	SAY(sendmmsg(b, (struct mmsghdr *)8, 1, 0));
	close(a);
	close(b);
	/* Descriptors and credentials. */
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	if (pipe(pipes) < 0)
		return;
	message = (struct msghdr){ .msg_iov = parts, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(int)) };
	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &pipes[1], sizeof(int));
	SAY(sendmsg(pair[0], &message, MSG_NOSIGNAL));
	receive(pair[1]);
	SAY(read(pipes[0], &byte, 1));
	memcpy(CMSG_DATA(&control.head), &(int){ 999 }, sizeof(int));
	SAY(sendmsg(pair[0], &message, 0));
	message.msg_controllen = control.head.cmsg_len = CMSG_LEN(253 * sizeof(int));
	for (int i = 0; i < 253; i++)
		memcpy(CMSG_DATA(&control.head) + 4 * i, &pipes[1], sizeof(int));
	SAY(sendmsg(pair[0], &message, 0));
	SAY(recv(pair[1], &byte, 1, 0));
	struct ucred who = { getpid(), getuid(), getgid() };
	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof who), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS };
	memcpy(CMSG_DATA(&control.head), &who, sizeof who);
	message.msg_controllen = CMSG_SPACE(sizeof who);
	SAY(sendmsg(pair[0], &message, 0));
	message.msg_name = &to;
	message.msg_namelen = sizeof to;
	message.msg_control = NULL;
	message.msg_controllen = 0;
	SAY(sendmsg(pair[0], &message, 0));
	for (int i = 0; i < 2; i++) {
		close(pair[i]);
		close(pipes[i]);
	}
}

static void wide_addresses(void)
{
	struct sockaddr_in6 here = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int server = (int)SAY(socket(AF_INET6, SOCK_STREAM, 0)), a;

	if (SAY(bind(server, A(here))) == 0) {
		SAY(listen(server, 5));
		here.sin6_port = htons((uint16_t)port_of(server));
		a = socket(AF_INET6, SOCK_STREAM, 0);
		SAY(connect(a, A(here)));
		close(a);
		a = socket(AF_INET6, SOCK_STREAM, 0);
		SAY(connect(a, (struct sockaddr *)&here, 24));
		close(a);
		a = socket(AF_INET6, SOCK_STREAM, 0);
		here.sin6_addr = in6addr_any;
		SAY(connect(a, A(here)));
		close(a);
	}
	close(server);
	/* IPv4 by an IPv6 socket. */
	server = listener(5);
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port_of(server)) };
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
	a = socket(AF_INET6, SOCK_STREAM, 0);
	SAY(connect(a, A(mapped)));
	close(a);
	a = socket(AF_INET6, SOCK_STREAM, 0);
	SAY(setsockopt(a, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int)));
	SAY(connect(a, A(mapped)));
	close(a);
	close(server);
}

static const struct option {
	const char *name;
	int level, option, value;
} options[] = {
	{ "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1 }, { "SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1 },
	{ "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1 }, { "SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 65536 },
	{ "SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 65536 }, { "SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 1 },
	{ "SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, 1 }, { "SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 2 },
	{ "TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1 }, { "TCP_CORK", IPPROTO_TCP, TCP_CORK, 1 },
	{ "TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 60 }, { "TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 5 },
	{ "TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 3 }, { "TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 1000 },
	{ "TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT, 1 }, { "IP_TOS", IPPROTO_IP, IP_TOS, 8 },
	{ "IP_TTL", IPPROTO_IP, IP_TTL, 5 }, { "IP_RECVERR", IPPROTO_IP, IP_RECVERR, 1 },
	{ "IP_PKTINFO", IPPROTO_IP, IP_PKTINFO, 1 },
};

static void socket_options(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct linger linger = { 1, 3 };
	struct timeval time = { 1, 500000 };
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;

	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		int value = -1;
		socklen_t size = sizeof value;
		said(options[i].name, setsockopt(fd, options[i].level, options[i].option, &options[i].value, sizeof(int)));
		said("read", getsockopt(fd, options[i].level, options[i].option, &value, &size));
		printf("%d\n", value);
	}
	SAY(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
	SAY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
	SAY(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
	SAY(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	printf("state %d\n", info.tcpi_state);
	close(fd);
}

/* ---- Calls that wait, and what breaks them off ---- */

static int full, waiting[8], n_waiting;
static volatile sig_atomic_t handled;

static void make_room(int signo)
{
	(void)signo;
	handled++;
	for (int i = 0; i < n_waiting; i++)
		close(accept(full, NULL, NULL));
	n_waiting = 0;
}

static void only_count(int signo)
{
	(void)signo;
	handled++;
}

/* Takes all that a listener will keep for accept: whoever connects next waits. */
static void fill(void)
{
	struct sockaddr_in to;
	struct pollfd ready = { .events = POLLOUT };

	full = listener(0);
	to = loopback(port_of(full));
	for (n_waiting = 0; n_waiting < 8; n_waiting++) {
		waiting[n_waiting] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(waiting[n_waiting], A(to));
		ready.fd = waiting[n_waiting];
		if (poll(&ready, 1, 300) != 1)
			break;
	}
	close(waiting[n_waiting]);
}

static void in_a_while(int milliseconds)
{
	struct itimerval timer = { .it_value = { milliseconds / 1000, milliseconds % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void interruptions(void)
{
	struct sigaction action = { .sa_handler = only_count };
	struct timeval time = { 0, 200000 };
	struct sockaddr_in to;
	int fd;

	fill();
	to = loopback(port_of(full));
	sigaction(SIGALRM, &action, NULL);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	in_a_while(100);
	SAY(connect(fd, A(to)));
	printf("handled %d\n", (int)handled);
	SAY(fcntl(fd, F_SETFL, O_NONBLOCK));
	SAY(connect(fd, A(to)));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
	SAY(connect(fd, A(to)));
	close(fd);
	/* One that is repeated after its handler has run. */
	action.sa_handler = make_room;
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	in_a_while(100);
	SAY(connect(fd, A(to)));
	printf("handled %d\n", (int)handled);
	SAY(write(fd, "x", 1));
	close(fd);
	close(full);
	/* Stopped while it waits. */
	fill();
	to = loopback(port_of(full));
	pid_t child = fork();
	if (child == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ 1, 0 }, sizeof time);
		long r = connect(fd, A(to));
		_exit(r < 0 ? errno : 0);
	}
	int status;
	usleep(200000);
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	printf("stopped %d\n", WIFSTOPPED(status));
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	printf("status %s\n", strerrorname_np(WEXITSTATUS(status)));
	/* Killed while it waits. */
	child = fork();
	if (child == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		connect(fd, A(to));
		_exit(1);
	}
	usleep(100000);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	printf("killed %d\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	make_room(0);
	close(full);
}

/* The registers are the caller's again. */
static void registers(void)
{
	struct sockaddr_in to = loopback(quiet_port());
	int fd = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	long result = SYS_connect, a0 = fd, a1 = (long)&to, a2 = sizeof to;

	__asm__ volatile("syscall" : "+a"(result), "+D"(a0), "+S"(a1), "+d"(a2) : : "rcx", "r11", "memory");
	printf("connect: %ld, kept: %d\n", result, a0 == fd && a1 == (long)&to && a2 == sizeof to);
	result = SYS_sendto;
	a0 = udp;
	a1 = (long)"x";
	a2 = 1;
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = (long)&to;
	register long r9 __asm__("r9") = sizeof to;
	__asm__ volatile("syscall"
			 : "+a"(result), "+D"(a0), "+S"(a1), "+d"(a2), "+r"(r10), "+r"(r8), "+r"(r9)
			 :
			 : "rcx", "r11", "memory");
	printf("sendto: %ld, kept: %d\n", result, r8 == (long)&to && r9 == sizeof to && a2 == 1);
	close(fd);
	close(udp);
}

static struct sockaddr_in meeting;

static void *connects(void *arg)
{
	long good = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char byte = (char)i;
		if (connect(fd, A(meeting)) == 0 && write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1 && byte == (char)i)
			good++;
		close(fd);
	}
	return (void *)(good + (long)arg);
}

static void *echoes(void *arg)
{
	int server = (int)(long)arg;
	char byte;

	for (int i = 0; i < THREADS * ROUNDS; i++) {
		int fd = accept(server, NULL, NULL);
		if (fd < 0)
			break;
		if (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) != 1)
			break;
		close(fd);
	}
	return NULL;
}

static void threads(void)
{
	int server = listener(128);
	pthread_t echo, callers[THREADS];
	long good = 0;

	meeting = loopback(port_of(server));
	pthread_create(&echo, NULL, echoes, (void *)(long)server);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&callers[i], NULL, connects, NULL);
	for (int i = 0; i < THREADS; i++) {
		void *one;
		pthread_join(callers[i], &one);
		good += (long)one;
	}
	printf("threads: %ld\n", good);
	pthread_join(echo, NULL);
	close(server);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	streams();
	datagrams();
	messages();
	wide_addresses();
	socket_options();
	registers();
	threads();
	interruptions();
	return 0;
}
