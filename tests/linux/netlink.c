/* SPDX-License-Identifier: MIT
 * Netlink sockets, which read how the network is set up and do not change it. cases/netlink.sh runs this, in a network
 * namespace where it may do so, as
 *   netlink up      natively: gives the loopback interface an address
 *   netlink hold    natively: says so and waits for the end of standard input, with a network namespace of its own
 *   netlink show    interfaces, addresses, routes and what calls answer; the same natively and on Microcosm
 *   netlink change  tries each way to change something, undoes what succeeded; a line for each that did
 *   netlink none    tries to get a socket; a line for each */
#include "calls.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LOOPBACK 1      /* its interface, in every namespace */
#define FIRST_MTU 65536 /* which it has */
#define MICROCOSM_SOCKET (0x2000 + SYS_socket) /* the linux module's handler for those of the tracer's */
#define RACED 100
#define RACES_MAX 300000

#define A(name) (struct sockaddr *)&(name), sizeof(name)

static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

static int opened(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0) {
		perror("netlink: socket");
		exit(1);
	}
	return fd;
}

/* ---- Requests ---- */

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	};
	char attributes[64];
};

static void attribute(struct request *r, unsigned short type, const void *value, size_t n)
{
	struct rtattr *at = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	*at = (struct rtattr){ .rta_len = (unsigned short)RTA_LENGTH(n), .rta_type = type };
	memcpy(RTA_DATA(at), value, n);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + (unsigned)RTA_SPACE(n);
}

static struct request begun(int type, int flags, size_t body)
{
	return (struct request){ .head = {
		.nlmsg_len = (unsigned)NLMSG_LENGTH(body),
		.nlmsg_type = (unsigned short)type,
		.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags),
	} };
}

static struct request address(int type, const char *text, int bits)
{
	struct request r = begun(type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(r.address));
	in_addr_t value = inet_addr(text);

	r.address.ifa_family = AF_INET;
	r.address.ifa_prefixlen = (unsigned char)bits;
	r.address.ifa_index = LOOPBACK;
	attribute(&r, IFA_LOCAL, &value, sizeof value);
	attribute(&r, IFA_ADDRESS, &value, sizeof value);
	return r;
}

static struct request mtu(int type, unsigned value)
{
	struct request r = begun(type, 0, sizeof(r.link));

	r.link.ifi_index = LOOPBACK;
	attribute(&r, IFLA_MTU, &value, sizeof value);
	return r;
}

static struct request route(int type)
{
	struct request r = begun(type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof(r.route));
	in_addr_t to = inet_addr("198.51.100.0");
	int interface = LOOPBACK;

	r.route = (struct rtmsg){ .rtm_family = AF_INET, .rtm_dst_len = 24, .rtm_table = RT_TABLE_MAIN,
				  .rtm_protocol = RTPROT_STATIC, .rtm_scope = RT_SCOPE_LINK, .rtm_type = RTN_UNICAST };
	attribute(&r, RTA_DST, &to, sizeof to);
	attribute(&r, RTA_OIF, &interface, sizeof interface);
	return r;
}

static struct msghdr message_of(struct iovec *part, bool named)
{
	return (struct msghdr){ .msg_name = named ? (void *)&kernel : NULL, .msg_namelen = named ? sizeof kernel : 0,
				.msg_iov = part, .msg_iovlen = 1 };
}

/* The kernel's answer: 0 or -errno. */
static int acknowledged(int fd)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[512];
	} answer;

	for (;;) {
		ssize_t n = recv(fd, &answer, sizeof answer, 0);
		if (n < (ssize_t)NLMSG_LENGTH(sizeof answer.error))
			return n < 0 ? -errno : -EPROTO;
		if (answer.head.nlmsg_type == NLMSG_ERROR)
			return answer.error.error;
	}
}

static int ask(const struct request *r)
{
	int fd = opened();
	int result = send(fd, r, r->head.nlmsg_len, 0) < 0 ? -errno : acknowledged(fd);

	close(fd);
	return result;
}

/* ---- What there is ---- */

static void say_bytes(const char *what, const void *from, size_t n)
{
	const unsigned char *bytes = from;

	printf(" %s ", what);
	for (size_t i = 0; i < n; i++)
		printf("%02x", bytes[i]);
}

/* What does not change meanwhile. */
static void say_message(const struct nlmsghdr *head)
{
	static const struct {
		int type;
		size_t body;
		unsigned short wanted[6];
	} kinds[] = {
		{ RTM_NEWLINK, sizeof(struct ifinfomsg), { IFLA_IFNAME, IFLA_ADDRESS, IFLA_BROADCAST, IFLA_MTU } },
		{ RTM_NEWADDR, sizeof(struct ifaddrmsg), { IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST } },
		{ RTM_NEWROUTE, sizeof(struct rtmsg),
		  { RTA_DST, RTA_GATEWAY, RTA_OIF, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE } },
	};
	size_t kind = head->nlmsg_type == RTM_NEWLINK ? 0 : head->nlmsg_type == RTM_NEWADDR ? 1 : 2;
	size_t body = kinds[kind].body;
	const struct rtattr *at = (const void *)((const char *)NLMSG_DATA(head) + NLMSG_ALIGN(body));
	unsigned left = head->nlmsg_len - (unsigned)NLMSG_LENGTH(body);

	printf("message %d", head->nlmsg_type);
	say_bytes("is", NLMSG_DATA(head), body);
	for (; RTA_OK(at, left); at = RTA_NEXT(at, left))
		for (size_t i = 0; i < COUNT(kinds[kind].wanted); i++)
			if (at->rta_type != 0 && at->rta_type == kinds[kind].wanted[i]) {
				printf(" %d", at->rta_type);
				say_bytes("is", RTA_DATA(at), RTA_PAYLOAD(at));
			}
	printf("\n");
}

static void dump(int type, bool to_kernel)
{
	static char buf[1 << 16] __attribute__((aligned(8)));
	struct request r = begun(type, NLM_F_DUMP, sizeof(struct rtgenmsg));
	struct sockaddr_nl from;
	struct iovec part = { &r, r.head.nlmsg_len }, into = { buf, sizeof buf };
	struct msghdr message = message_of(&part, to_kernel);
	int fd = opened();
	bool done = false;

	SAY(sendmsg(fd, &message, 0));
	message = (struct msghdr){ .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &into, .msg_iovlen = 1 };
	while (!done) {
		ssize_t n = recvmsg(fd, &message, 0);
		if (n < 0)
			break;
		if (from.nl_pid != 0)
			printf("from %d\n", from.nl_pid);
		for (const struct nlmsghdr *head = (void *)buf; NLMSG_OK(head, n) && !done; head = NLMSG_NEXT(head, n)) {
			done = head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR;
			if (!done)
				say_message(head);
		}
	}
	printf("dump %d ends\n", type);
	close(fd);
}

static void say_address(const char *what, const struct sockaddr *name)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (name == NULL)
		return;
	if (name->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)name)->sin_addr, text, sizeof text);
	else if (name->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)name)->sin6_addr, text, sizeof text);
	printf(" %s %d %s", what, name->sa_family, text);
}

static void interfaces(void)
{
	struct ifaddrs *list, *one;
	struct if_nameindex *names = if_nameindex();

	if (names == NULL || getifaddrs(&list) < 0) {
		perror("netlink: interfaces");
		exit(1);
	}
	for (size_t i = 0; names[i].if_index != 0; i++)
		printf("index %u %s\n", names[i].if_index, names[i].if_name);
	for (one = list; one != NULL; one = one->ifa_next) {
		printf("interface %s %#x", one->ifa_name, one->ifa_flags);
		say_address("address", one->ifa_addr);
		say_address("mask", one->ifa_netmask);
		say_address("broadcast", one->ifa_broadaddr);
		printf("\n");
	}
	freeifaddrs(list);
	if_freenameindex(names);
}

/* What anybody's socket does. */
static void calls(void)
{
	const struct sockaddr_nl groups = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR };
	struct sockaddr_nl name = kernel;
	struct request r = begun(RTM_GETLINK, NLM_F_DUMP, sizeof(struct rtgenmsg));
	socklen_t len = sizeof name;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK, NETLINK_ROUTE), value = 0;
	char byte;

	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_GETFL));
	SAY(recv(fd, &byte, 1, 0));
	SAY(bind(fd, (struct sockaddr *)&name, 4));
	SAY(bind(fd, (struct sockaddr *)8, sizeof name));
	SAY(bind(fd, A(name)));
	SAY(getsockname(fd, (struct sockaddr *)&name, &len));
	printf("bound to %s, groups %u, length %u\n", name.nl_pid == (unsigned)getpid() ? "own id" : "another",
	       name.nl_groups, len);
	name.nl_pid++;
	SAY(bind(fd, A(name)));
	SAY(sendto(fd, &r, r.head.nlmsg_len, 0, (const struct sockaddr *)&kernel, 4));
	SAY(sendto(fd, &r, r.head.nlmsg_len, 0, (const struct sockaddr *)8, sizeof kernel));
	SAY(connect(fd, (const struct sockaddr *)&kernel, 4));
	SAY(connect(fd, A(kernel)));
	SAY(sendto(fd, &r, r.head.nlmsg_len, 0, A(kernel)));
	SAY(recv(fd, &byte, 1, 0));
	name.nl_family = AF_UNSPEC;
	SAY(connect(fd, A(name)));
	SAY(listen(fd, 1));
	SAY(accept(fd, NULL, NULL));
	len = sizeof value;
	SAY(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len));
	printf("domain %d\n", value);
	SAY(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &(int){ 1 }, sizeof(int)));
	SAY(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &(int){ 1 }, sizeof(int)));
	close(fd);
	fd = opened();
	SAY(fcntl(fd, F_GETFD));
	SAY(bind(fd, A(groups)));
	close(fd);
}

static int show(void)
{
	interfaces();
	for (int to_kernel = 0; to_kernel < 2; to_kernel++) {
		dump(RTM_GETLINK, to_kernel);
		dump(RTM_GETADDR, to_kernel);
		dump(RTM_GETROUTE, to_kernel);
	}
	calls();
	return 0;
}

/* ---- Ways to send ---- */

static long by_write(int fd, const void *m, size_t n)
{
	return write(fd, m, n);
}

static long by_writev(int fd, const void *m, size_t n)
{
	struct iovec parts[2] = { { (void *)m, 7 }, { (char *)m + 7, n - 7 } };

	return writev(fd, parts, 2);
}

static long by_pwritev2(int fd, const void *m, size_t n)
{
	return pwritev2(fd, &(struct iovec){ (void *)m, n }, 1, -1, 0);
}

static long by_send(int fd, const void *m, size_t n)
{
	return send(fd, m, n, MSG_NOSIGNAL);
}

static long by_sendto(int fd, const void *m, size_t n)
{
	return sendto(fd, m, n, 0, A(kernel));
}

static long by_sendto_empty(int fd, const void *m, size_t n)
{
	return sendto(fd, m, n, 0, (const struct sockaddr *)&kernel, 0);
}

static long by_sendto_long(int fd, const void *m, size_t n)
{
	union {
		struct sockaddr_nl name;
		char bytes[128];
	} address = { .name = kernel };

	return sendto(fd, m, n, 0, A(address));
}

static long by_sendmsg(int fd, const void *m, size_t n)
{
	struct iovec part = { (void *)m, n };
	struct msghdr message = message_of(&part, false);

	return sendmsg(fd, &message, 0);
}

static long by_sendmsg_named(int fd, const void *m, size_t n)
{
	struct iovec part = { (void *)m, n };
	struct msghdr message = message_of(&part, true);

	return sendmsg(fd, &message, 0);
}

static long by_credentials(int fd, const void *m, size_t n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control = { .head = { CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS } };
	const struct ucred own = { getpid(), getuid(), getgid() };
	struct iovec part = { (void *)m, n };
	struct msghdr message = message_of(&part, true);

	memcpy(CMSG_DATA(&control.head), &own, sizeof own);
	message.msg_control = &control;
	message.msg_controllen = sizeof control;
	return sendmsg(fd, &message, 0);
}

static long by_sendmmsg(int fd, const void *m, size_t n)
{
	struct iovec part = { (void *)m, n };
	struct mmsghdr messages[1] = { { .msg_hdr = message_of(&part, false) } };

	return sendmmsg(fd, messages, 1, 0);
}

static long by_sendmmsg_named(int fd, const void *m, size_t n)
{
	struct iovec part = { (void *)m, n };
	struct mmsghdr messages[1] = { { .msg_hdr = message_of(&part, true) } };

	return sendmmsg(fd, messages, 1, 0);
}

static long by_connect(int fd, const void *m, size_t n)
{
	return connect(fd, A(kernel)) < 0 ? -1 : write(fd, m, n);
}

static long by_connect_and_sendto(int fd, const void *m, size_t n)
{
	return connect(fd, A(kernel)) < 0 ? -1 : sendto(fd, m, n, 0, A(kernel));
}

static long by_bind(int fd, const void *m, size_t n)
{
	return bind(fd, A(kernel)) < 0 ? -1 : sendto(fd, m, n, 0, A(kernel));
}

static long by_splice(int fd, const void *m, size_t n)
{
	int ends[2];
	long r = pipe(ends) < 0 ? -1 : write(ends[1], m, n);

	if (r == (long)n)
		r = splice(ends[0], NULL, fd, NULL, n, 0);
	close(ends[0]);
	close(ends[1]);
	return r;
}

static long by_sendfile(int fd, const void *m, size_t n)
{
	int file = memfd_create("message", MFD_CLOEXEC);
	off_t at = 0;
	long r = write(file, m, n) != (ssize_t)n ? -1 : sendfile(fd, file, &at, n);

	close(file);
	return r;
}

/* By another process, whose socket it is not. */
static long by_child(int fd, const void *m, size_t n)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(sendto(fd, m, n, 0, A(kernel)) == (ssize_t)n ? 0 : errno);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	errno = WEXITSTATUS(status);
	return errno == 0 ? 0 : -1;
}

/* Through a socket of another's, as it were: passed, and passed back. */
static long by_passing(int fd, const void *m, size_t n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = message_of(&part, false);
	int pair[2], passed = -1;

	message.msg_control = &control;
	message.msg_controllen = sizeof control;
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && sendmsg(pair[0], &message, 0) == 1 &&
	    recvmsg(pair[1], &message, 0) == 1)
		memcpy(&passed, CMSG_DATA(&control.head), sizeof passed);
	long r = sendto(passed, m, n, 0, A(kernel));
	close(passed);
	close(pair[0]);
	close(pair[1]);
	return r;
}

static const struct {
	const char *name;
	long (*send)(int fd, const void *m, size_t n);
} ways[] = {
	{ "write", by_write }, { "writev", by_writev }, { "pwritev2", by_pwritev2 }, { "send", by_send },
	{ "sendto", by_sendto }, { "sendto, a name of no length", by_sendto_empty }, { "sendto, a long name", by_sendto_long },
	{ "sendmsg", by_sendmsg }, { "sendmsg, named", by_sendmsg_named }, { "sendmsg, with credentials", by_credentials },
	{ "sendmmsg", by_sendmmsg }, { "sendmmsg, named", by_sendmmsg_named }, { "connect and write", by_connect },
	{ "connect and sendto", by_connect_and_sendto }, { "bind and sendto", by_bind }, { "splice", by_splice },
	{ "sendfile", by_sendfile }, { "a child's sendto", by_child }, { "passed on", by_passing },
};

/* ---- Changes ---- */

static bool all_well = true;

static void open_way(const char *way, const char *what, int error)
{
	printf("%s, %s: %s\n", way, what, error == 0 ? "open" : strerrorname_np(error));
	all_well = false;
}

static void change_by(size_t way)
{
	const struct {
		const char *what;
		struct request change, undo;
	} changes[] = {
		{ "a new address", address(RTM_NEWADDR, "192.0.2.77", 32),
		  address(RTM_DELADDR, "192.0.2.77", 32) },
		{ "an address less", address(RTM_DELADDR, "192.0.2.1", 24),
		  address(RTM_NEWADDR, "192.0.2.1", 24) },
		{ "mtu", mtu(RTM_SETLINK, 1281), mtu(RTM_SETLINK, FIRST_MTU) },
		{ "mtu by RTM_NEWLINK", mtu(RTM_NEWLINK, 1281), mtu(RTM_NEWLINK, FIRST_MTU) },
		{ "a new route", route(RTM_NEWROUTE), route(RTM_DELROUTE) },
	};

	for (size_t i = 0; i < COUNT(changes); i++) {
		int fd = opened();
		long sent = ways[way].send(fd, &changes[i].change, changes[i].change.head.nlmsg_len);
		int error = sent < 0 ? errno : -acknowledged(fd);
		close(fd);
		if (error != EPERM)
			open_way(ways[way].name, changes[i].what, error);
		if (error == 0 && ask(&changes[i].undo) != 0)
			open_way(ways[way].name, "which could not be undone", EIO);
	}
}

/* ---- Addresses that are not the kernel's, and what else root alone may do ---- */

static void refused(const char *what, long result, int error)
{
	if (result >= 0 || errno != error)
		open_way("call", what, result >= 0 ? 0 : errno);
}

#define REFUSED(call, error) refused(#call, (long)(call), error)

static void others(void)
{
	const struct sockaddr_nl process = { .nl_family = AF_NETLINK, .nl_pid = (unsigned)getppid() + 1000000 },
				 group = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	const struct sockaddr_nl *const names[] = { &process, &group };
	const struct request r = begun(RTM_GETLINK, 0, sizeof(struct ifinfomsg));
	struct iovec part = { (void *)&r, sizeof r };
	int fd = opened();

	for (size_t i = 0; i < COUNT(names); i++) {
		struct msghdr message = message_of(&part, true);
		message.msg_name = (void *)names[i];
		struct mmsghdr messages = { .msg_hdr = message };
		REFUSED(connect(fd, A(*names[i])), EPERM);
		REFUSED(sendto(fd, &r, sizeof r, 0, A(*names[i])), EPERM);
		REFUSED(sendmsg(fd, &message, 0), EPERM);
		REFUSED(sendmmsg(fd, &messages, 1, 0), EPERM);
	}
	/* Packets of multicast routers are told to these. */
	for (int bit = 29; bit <= 30; bit++) {
		const struct sockaddr_nl packets = { .nl_family = AF_NETLINK, .nl_groups = 1u << bit | RTMGRP_LINK };
		REFUSED(bind(fd, A(packets)), EPERM);
	}
	REFUSED(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &(int){ RTNLGRP_IPV4_MROUTE_R }, sizeof(int)), EPERM);
	REFUSED(setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &(int){ 1 }, sizeof(int)), EPERM);
	close(fd);
	for (int protocol = 1; protocol < 32; protocol++)
		refused("socket of another protocol", socket(AF_NETLINK, SOCK_RAW, protocol), EACCES);
	for (int type = 0; type < 16; type++)
		if (type != SOCK_RAW && type != SOCK_DGRAM) {
			refused("socket of another type", socket(AF_NETLINK, type, NETLINK_ROUTE), EACCES);
			REFUSED(syscall(MICROCOSM_SOCKET, AF_NETLINK, type, NETLINK_ROUTE), EACCES);
		}
	REFUSED(syscall(MICROCOSM_SOCKET, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), EACCES);
	REFUSED(syscall(SYS_socket, AF_NETLINK | 1l << 32, SOCK_RAW, NETLINK_ROUTE), EACCES);
	REFUSED(syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 1l << 32), EACCES);
}

/* ---- Addresses that change while they are looked at ---- */

static struct sockaddr_nl shared;
static atomic_bool racing;

static void *flips(void *arg)
{
	volatile struct sockaddr_nl *name = &shared;

	(void)arg;
	while (racing) {
		name->nl_family = AF_INET; /* any address of this may be sent to */
		name->nl_family = AF_NETLINK;
		name->nl_pid = 1;
		name->nl_pid = 0;
	}
	return NULL;
}

static void race(bool by_message)
{
	const struct request r = address(RTM_NEWADDR, "192.0.2.77", 32);
	struct iovec part = { (void *)&r, r.head.nlmsg_len };
	struct msghdr message = message_of(&part, true);
	pthread_t flipper;
	int fd = opened(), done = 0;

	message.msg_name = &shared;
	shared = kernel;
	racing = true;
	pthread_create(&flipper, NULL, flips, NULL);
	for (long i = 0; i < 10 * RACED || (i < RACES_MAX && done < RACED); i++) {
		if ((by_message ? sendmsg(fd, &message, 0) : sendto(fd, &r, r.head.nlmsg_len, 0, A(shared))) < 0)
			continue;
		int error = -acknowledged(fd);
		if (error != EPERM)
			open_way(by_message ? "sendmsg" : "sendto", "an address that changes", error);
		done++;
	}
	racing = false;
	pthread_join(flipper, NULL);
	close(fd);
	if (done < RACED)
		open_way("race", "too few messages", ETIME);
}

static int change(void)
{
	for (size_t i = 0; i < COUNT(ways); i++)
		change_by(i);
	if (all_well) { /* else it is not the place for these */
		others();
		race(false);
		race(true);
	}
	printf(all_well ? "refused\n" : "not all was refused\n");
	return 0;
}

/* ---- Where there are none ---- */

static int none(void)
{
	for (int type = 1; type <= 5; type++)
		for (int protocol = 0; protocol < 3; protocol++)
			REFUSED(socket(AF_NETLINK, type, protocol), EACCES);
	REFUSED(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), EACCES);
	REFUSED(syscall(MICROCOSM_SOCKET, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), EACCES);
	REFUSED(syscall(MICROCOSM_SOCKET, AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_ROUTE), EACCES);
	printf(all_well ? "refused\n" : "not all was refused\n");
	return 0;
}

static int up(void)
{
	struct request r = begun(RTM_NEWLINK, 0, sizeof(r.link)), ip = address(RTM_NEWADDR, "192.0.2.1", 24);

	r.link.ifi_index = LOOPBACK;
	r.link.ifi_flags = r.link.ifi_change = IFF_UP;
	int error = -ask(&r);
	if (error == 0)
		error = -ask(&ip);
	if (error != 0)
		fprintf(stderr, "netlink: the loopback interface cannot be set up: %s\n", strerror(error));
	return error != 0;
}

static int hold(void)
{
	char byte;

	if (up() != 0)
		return 1;
	printf("held\n");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} modes[] = { { "up", up }, { "hold", hold }, { "show", show }, { "change", change }, { "none", none } };

	for (size_t i = 0; argc == 2 && i < COUNT(modes); i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run();
	return 2;
}
