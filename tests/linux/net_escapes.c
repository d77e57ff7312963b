/* SPDX-License-Identifier: MIT
 * The network, by a world that may use one port of the loopback address. cases/net.sh runs this as
 *   net_escapes count                the host's side: prints a port where nobody listens, and two that
 *                                    must not be reached; at the end of standard input how often they were
 *   net_escapes give COMMAND...      with a local datagram socket as standard input
 *   net_escapes held                 the guest's: tries what that could reach
 *   net_escapes try ALLOWED TCP UDP  the guest's: tries each way there; a line for each that is open */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define RACES 3000
#define RACES_MAX 300000
#define AT_MICROCOSM 0x6d63
#define ABSTRACT "microcosm-test-net"

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

#define A(name) (struct sockaddr *)&(name), sizeof(name)

static int stream(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int port_of(int fd)
{
	struct sockaddr_in name = { 0 };
	socklen_t len = sizeof name;

	return getsockname(fd, (struct sockaddr *)&name, &len) == 0 ? ntohs(name.sin_port) : -1;
}

/* ---- The host's side ---- */

static int sockets[6];

static int bound(int family, int type, const void *address, socklen_t len)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, address, len) < 0) {
		perror("net_escapes: a socket to be left alone");
		exit(1);
	}
	if (type == SOCK_STREAM)
		listen(fd, 4096);
	return fd;
}

static socklen_t unix_name(struct sockaddr_un *name, const char *text, bool abstract)
{
	*name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strcpy(name->sun_path + abstract, text);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + strlen(text) + !abstract);
}

static int count(void)
{
	struct sockaddr_in any = loopback(0);
	struct sockaddr_un name;
	long reached = 0;
	char byte;
	int n = 0;

	sockets[n++] = bound(AF_INET, SOCK_STREAM, &any, sizeof any);
	sockets[n++] = bound(AF_INET, SOCK_DGRAM, &any, sizeof any);
	unlink("stream");
	unlink("datagram");
	sockets[n++] = bound(AF_UNIX, SOCK_STREAM, &name, unix_name(&name, "stream", false));
	sockets[n++] = bound(AF_UNIX, SOCK_DGRAM, &name, unix_name(&name, "datagram", false));
	sockets[n++] = bound(AF_UNIX, SOCK_STREAM, &name, unix_name(&name, ABSTRACT "-s", true));
	sockets[n++] = bound(AF_UNIX, SOCK_DGRAM, &name, unix_name(&name, ABSTRACT "-d", true));
	/* Where nobody listens: for a world to use. */
	struct sockaddr_in quiet = loopback(0);
	int fds[2] = { stream(), socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
	for (int tries = 0; tries < 20 && quiet.sin_port == 0; tries++) {
		if (bind(fds[0], A(quiet)) == 0)
			quiet = loopback(port_of(fds[0]));
		if (bind(fds[1], A(quiet)) < 0) {
			close(fds[0]);
			fds[0] = stream();
			quiet = loopback(0);
		}
	}
	printf("%d %d %d\n", port_of(fds[0]), port_of(sockets[0]), port_of(sockets[1]));
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	for (int i = 0; i < n; i++) {
		int fd;
		while (i % 2 == 0 ? (fd = accept(sockets[i], NULL, NULL)) >= 0 : recv(sockets[i], &byte, 1, 0) >= 0) {
			if (i % 2 == 0)
				close(fd);
			reached++;
		}
	}
	printf("%ld\n", reached);
	return 0;
}

/* ---- The guest's side ---- */

static int allowed, tcp, udp;
static bool all_well = true;

/* It must fail, with this errno where one is given. */
static void refused(const char *what, long result, int error)
{
	if (result >= 0 || (error && errno != error)) {
		printf("%s: %s\n", what, result >= 0 ? "open" : strerrorname_np(errno));
		all_well = false;
	}
}

#define REFUSED(call, error) refused(#call, (long)(call), error)
static void families(void)
{
	static const int others[] = { AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG, AF_KEY, AF_BLUETOOTH, AF_TIPC,
				      AF_XDP, AF_CAN, AF_RDS, AF_KCM, AF_SMC };

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		for (int type = 1; type <= 5; type++)
			REFUSED(socket(others[i], type, 0), EACCES);
	REFUSED(socket(AF_INET, SOCK_RAW, IPPROTO_TCP), EACCES);
	REFUSED(socket(AF_INET, SOCK_RAW, IPPROTO_RAW), EACCES);
	REFUSED(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), EACCES);
	REFUSED(socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6), EACCES);
	REFUSED(socket(AF_INET, SOCK_STREAM, 262 /* MPTCP */), EACCES);
	REFUSED(socket(AF_INET, SOCK_STREAM, 132 /* SCTP */), EACCES);
	REFUSED(socket(AF_INET, SOCK_DGRAM, 136 /* UDP-Lite */), EACCES);
	REFUSED(syscall(SYS_socket, AF_INET | 1l << 32, SOCK_STREAM, 0), EACCES);
}

static void other_addresses(void)
{
	struct sockaddr_in name = loopback(tcp), mine = loopback(allowed);
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)tcp) };
	struct sockaddr_un path;
	socklen_t len;
	int fd = stream(), wide = socket(AF_INET6, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);

	REFUSED(connect(fd, A(name)), EACCES);
	name.sin_addr.s_addr = htonl(INADDR_ANY);
	REFUSED(connect(fd, A(name)), EACCES);
	name.sin_addr.s_addr = htonl(0x7f000002);
	REFUSED(connect(fd, A(name)), EACCES);
	name = mine;
	name.sin_addr.s_addr = htonl(0x7f000002);
	REFUSED(connect(fd, A(name)), EACCES);
	REFUSED(bind(fd, A(name)), EACCES);
	name.sin_addr.s_addr = htonl(INADDR_ANY);
	REFUSED(bind(fd, A(name)), EACCES);
	name.sin_family = AF_UNSPEC;
	REFUSED(bind(fd, A(name)), EACCES);
	name = loopback(0);
	REFUSED(bind(fd, A(name)), EACCES);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
	REFUSED(connect(wide, A(mapped)), EACCES);
	inet_pton(AF_INET6, "::ffff:0.0.0.0", &mapped.sin6_addr);
	REFUSED(connect(wide, A(mapped)), EACCES);
	mapped.sin6_addr = in6addr_any;
	REFUSED(connect(wide, A(mapped)), EACCES);
	REFUSED(bind(wide, A(mapped)), EACCES);
	mapped.sin6_addr = in6addr_loopback;
	mapped.sin6_port = htons((uint16_t)allowed);
	REFUSED(connect(wide, A(mapped)), EACCES);
	len = unix_name(&path, ABSTRACT "-s", true);
	REFUSED(connect(local, (struct sockaddr *)&path, len), 0);
	REFUSED(connect(fd, (struct sockaddr *)&path, len), 0);
	path.sun_path[1] = 'x';
	REFUSED(bind(local, (struct sockaddr *)&path, len), 0);
	REFUSED(bind(local, (struct sockaddr *)&path, sizeof(sa_family_t)), 0);
	len = unix_name(&path, "stream", false);
	REFUSED(connect(local, (struct sockaddr *)&path, len), 0);
	/* By sockets that are held: a pair's end has no peer but the other. */
	int pair[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	close(pair[1]);
	REFUSED(connect(pair[0], (struct sockaddr *)&path, len), 0);
	/* Nobody chose this port. */
	close(fd);
	fd = stream();
	REFUSED(listen(fd, 1), EACCES);
	REFUSED(listen(wide, 1), EACCES);
	setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &(int){ 1 }, sizeof(int));
	REFUSED(bind(fd, A(name)), EACCES);
	REFUSED(listen(fd, 1), EACCES);
	close(fd);
	close(wide);
	close(local);
	close(pair[0]);
}

static void messages(void)
{
	struct sockaddr_in name = loopback(udp), to = loopback(tcp);
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)udp) };
	struct iovec part = { (void *)"x", 1 };
	struct msghdr message = { .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &part, .msg_iovlen = 1 };
	struct mmsghdr messages[2] = { { message, 0 }, { message, 0 } };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), wide = socket(AF_INET6, SOCK_DGRAM, 0), s = stream();

	REFUSED(sendto(fd, "x", 1, 0, A(name)), EACCES);
	name.sin_family = AF_UNSPEC;
	REFUSED(sendto(fd, "x", 1, 0, A(name)), EACCES);
	name.sin_family = AF_INET;
	name.sin_addr.s_addr = 0;
	REFUSED(sendto(fd, "x", 1, 0, A(name)), EACCES);
	name = loopback(udp);
	REFUSED(connect(fd, A(name)), EACCES);
	REFUSED(sendto(wide, "x", 1, 0, A(name)), EACCES);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
	REFUSED(sendto(wide, "x", 1, 0, A(mapped)), EACCES);
	REFUSED(sendmsg(fd, &message, 0), EACCES);
	REFUSED(sendmsg(wide, &message, 0), EACCES);
	REFUSED(sendmmsg(fd, messages, 2, 0), EACCES);
	REFUSED(sendto(s, "x", 1, MSG_FASTOPEN, A(to)), 0);
	REFUSED(sendto(s, "x", 1, MSG_FASTOPEN, NULL, 0), 0);
	message.msg_name = &to;
	REFUSED(sendmsg(s, &message, MSG_FASTOPEN), 0);
	REFUSED(setsockopt(s, IPPROTO_TCP, 30 /* TCP_FASTOPEN_CONNECT */, &(int){ 1 }, sizeof(int)), EPERM);
	close(fd);
	close(wide);
	close(s);
}

/* What goes beside the data. */
static void controls(void)
{
	static const int others[][2] = {
		{ SOL_SOCKET, SO_MARK }, { SOL_SOCKET, 61 /* SCM_TXTIME */ }, { SOL_SOCKET, SO_PRIORITY },
		{ IPPROTO_IP, 7 /* IP_RETOPTS */ }, { IPPROTO_IPV6, 57 /* IPV6_RTHDR */ }, { IPPROTO_IPV6, 54 /* IPV6_HOPOPTS */ },
		{ IPPROTO_IPV6, 9 /* IPV6_NEXTHOP */ }, { 279 /* SOL_ALG */, 1 }, { IPPROTO_UDP, 104 },
	};
	struct {
		struct cmsghdr head;
		unsigned char data[48];
	} control[2] = { { .data = { 0 } } };
	struct iovec part = { (void *)"x", 1 };
	struct sockaddr_in name = loopback(allowed);
	struct msghdr message = { .msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &part, .msg_iovlen = 1,
				  .msg_control = control };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), pair[2];
	struct ucred who = { 1, getuid(), getgid() };

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		for (int second = 0; second < 2; second++) {
			/* As the first, and behind one that is good. */
			control[0].head = (struct cmsghdr){ sizeof *control, IPPROTO_IP, IP_TOS };
			control[second].head = (struct cmsghdr){ sizeof *control, others[i][0], others[i][1] };
			message.msg_controllen = (size_t)(second + 1) * sizeof *control;
			REFUSED(sendmsg(fd, &message, 0), EPERM);
		}
	close(fd);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	message.msg_name = NULL;
	message.msg_namelen = 0;
	for (int i = 0; i < 3; i++) {
		who = (struct ucred){ i == 0 ? 1 : getpid(), getuid() + (i == 1), getgid() + (i == 2) };
		control[0].head = (struct cmsghdr){ CMSG_LEN(sizeof who), SOL_SOCKET, SCM_CREDENTIALS };
		memcpy(control[0].data, &who, sizeof who);
		message.msg_controllen = CMSG_SPACE(sizeof who);
		REFUSED(sendmsg(pair[0], &message, 0), EPERM);
	}
	close(pair[0]);
	close(pair[1]);
}

static const struct {
	int level, option;
} forbidden[] = {
	{ SOL_SOCKET, SO_PRIORITY }, { SOL_SOCKET, SO_BINDTODEVICE }, { SOL_SOCKET, SO_ATTACH_FILTER },
	{ SOL_SOCKET, 50 /* SO_ATTACH_BPF */ }, { SOL_SOCKET, 51 /* SO_ATTACH_REUSEPORT_CBPF */ },
	{ SOL_SOCKET, SO_MARK }, { SOL_SOCKET, SO_SNDBUFFORCE }, { SOL_SOCKET, SO_RCVBUFFORCE },
	{ SOL_SOCKET, SO_PASSCRED }, { SOL_SOCKET, SO_BUSY_POLL }, { SOL_SOCKET, 62 /* SO_BINDTOIFINDEX */ },
	{ SOL_SOCKET, 61 /* SO_TXTIME */ }, { SOL_SOCKET, 60 /* SO_ZEROCOPY */ }, { SOL_SOCKET, 72 /* SO_RESERVE_MEM */ },
	{ IPPROTO_IP, IP_OPTIONS }, { IPPROTO_IP, IP_HDRINCL }, { IPPROTO_IP, IP_TRANSPARENT },
	{ IPPROTO_IP, IP_FREEBIND }, { IPPROTO_IP, 16 /* IP_IPSEC_POLICY */ }, { IPPROTO_IP, 17 /* IP_XFRM_POLICY */ },
	{ IPPROTO_IP, 64 /* IPT_SO_SET_REPLACE */ }, { IPPROTO_IP, IP_ADD_MEMBERSHIP },
	{ IPPROTO_TCP, TCP_CONGESTION }, { IPPROTO_TCP, TCP_MD5SIG }, { IPPROTO_TCP, TCP_REPAIR },
	{ IPPROTO_TCP, TCP_ULP }, { IPPROTO_TCP, TCP_FASTOPEN }, { IPPROTO_IPV6, 57 /* IPV6_RTHDR */ },
	{ IPPROTO_IPV6, 54 /* IPV6_HOPOPTS */ }, { IPPROTO_IPV6, 75 /* IPV6_TRANSPARENT */ },
	{ IPPROTO_UDP, 100 /* UDP_ENCAP */ }, { 255, 1 }, { SOL_SOCKET, 1 << 20 },
};

static void options(void)
{
	int fd = stream(), value[16] = { 0 };

	for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
		char what[64];
		snprintf(what, sizeof what, "option %d of level %d", forbidden[i].option, forbidden[i].level);
		refused(what, setsockopt(fd, forbidden[i].level, forbidden[i].option, value, sizeof value), EPERM);
	}
	close(fd);
}

/* ---- Addresses that change while they are looked at ---- */

static struct sockaddr_in shared;
static atomic_bool racing;

static void *flips(void *arg)
{
	in_port_t bad = htons((uint16_t)(long)arg), good = htons((uint16_t)allowed);
	volatile in_port_t *port = &shared.sin_port;

	while (racing) {
		for (int i = 0; i < 200; i++) {
			*port = bad;
			*port = good;
		}
	}
	return NULL;
}

enum racing_call { CONNECTS, SENDS, SENDS_MESSAGES };

static void race(enum racing_call call)
{
	struct iovec part = { (void *)"x", 1 };
	struct msghdr message = { .msg_name = &shared, .msg_namelen = sizeof shared, .msg_iov = &part, .msg_iovlen = 1 };
	bool sends = call != CONNECTS;
	pthread_t flipper;
	long done = 0;

	shared = loopback(allowed);
	racing = true;
	pthread_create(&flipper, NULL, flips, (void *)(long)(sends ? udp : tcp));
	int fd = sends ? socket(AF_INET, SOCK_DGRAM, 0) : -1;
	for (long i = 0; i < RACES || (i < RACES_MAX && done < 100); i++) {
		if (sends) {
			done += (call == SENDS ? sendto(fd, "x", 1, 0, A(shared)) : sendmsg(fd, &message, 0)) == 1;
			continue;
		}
		fd = stream();
		/* ECONNREFUSED: nobody listens where it may go, it got there. */
		done += connect(fd, A(shared)) == 0 || errno == ECONNREFUSED;
		close(fd);
	}
	racing = false;
	pthread_join(flipper, NULL);
	if (done < 100) {
		printf("a race with %ld good calls tells nothing\n", done);
		all_well = false;
	}
}

/* ---- The memory that the kernel reads the address from ---- */

static void region(void)
{
	struct header {
		char magic[8];
		unsigned version, flags;
		unsigned long base, size;
	} *header = (struct header *)getauxval(AT_MICROCOSM);
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (!header)
		return; /* natively */
	char *base = (char *)header->base, *own = mmap(NULL, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* Where the sealed part has something. */
	for (char *at = base; at < base + 0x10000000; at += 0x100000) {
		unsigned char there;
		if (mincore(at, 4096, &there) < 0)
			continue;
		REFUSED(munmap(at, 4096), EPERM);
		refused("mapping over", mmap(at, 4096, 3, flags, -1, 0) == MAP_FAILED ? -1 : 0, EPERM);
		refused("asking for the place", mmap(at, 4096, 3, flags & ~MAP_FIXED, -1, 0) != at ? -1 : 0, 0);
		REFUSED(madvise(at, 4096, MADV_DONTFORK), EPERM);
		REFUSED(mprotect(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
		refused("moving", mremap(at, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0, EPERM);
		refused("copying over",
			mremap(own, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED ? -1 : 0, EPERM);
	}
	REFUSED(munmap(base - 4096, 8192), EPERM);
	REFUSED(munmap((void *)4096, 0x7fffffff0000), EPERM);
	refused("moving there", mremap(own, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, base) == MAP_FAILED ? -1 : 0, EPERM);
	refused("moving there, high bits",
		syscall(SYS_mremap, own, 4096, 4096, 1l << 32 | MREMAP_MAYMOVE | MREMAP_FIXED, base), 0);
	/* Elsewhere it works. */
	if (mremap(own, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, own + 4096) != own + 4096 ||
	    mmap(own, 4096, 3, flags, -1, 0) != own || munmap(own, 8192) != 0) {
		perror("own memory");
		all_well = false;
	}
	char *large = mmap(NULL, (size_t)1 << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (large == MAP_FAILED || munmap(large, (size_t)1 << 40) != 0) {
		perror("a large reservation");
		all_well = false;
	}
}

/* A datagram socket that was inherited, and could send to any of the host's. */
static int held(void)
{
	struct iovec part = { (void *)"x", 1 };

	for (int abstract = 0; abstract < 2; abstract++) {
		struct sockaddr_un name;
		socklen_t len = unix_name(&name, abstract ? ABSTRACT "-d" : "datagram", abstract);
		struct msghdr message = { .msg_name = &name, .msg_namelen = len, .msg_iov = &part, .msg_iovlen = 1 };
		struct mmsghdr several = { .msg_hdr = message };
		REFUSED(sendto(0, "x", 1, 0, (struct sockaddr *)&name, len), 0);
		REFUSED(sendmsg(0, &message, 0), 0);
		REFUSED(sendmmsg(0, &several, 1, 0), 0);
		REFUSED(connect(0, (struct sockaddr *)&name, len), 0);
		REFUSED(bind(0, (struct sockaddr *)&name, len), 0);
	}
	printf(all_well ? "refused\n" : "not all was refused\n");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "held") == 0)
		return held();
	if (argc > 2 && strcmp(argv[1], "give") == 0) {
		dup2(socket(AF_UNIX, SOCK_DGRAM, 0), 0);
		execv(argv[2], argv + 2);
		return 127;
	}
	if (argc == 2 && strcmp(argv[1], "count") == 0)
		return count();
	if (argc != 5)
		return 2;
	allowed = atoi(argv[2]);
	tcp = atoi(argv[3]);
	udp = atoi(argv[4]);
	families();
	other_addresses();
	messages();
	controls();
	options();
	region();
	race(CONNECTS);
	race(SENDS);
	race(SENDS_MESSAGES);
	printf(all_well ? "refused\n" : "not all was refused\n");
	return 0;
}
