/* SPDX-License-Identifier: MIT
 * Refusal: what is this world's alone stays so with a module that grants the calls without a rule: limits
 * and processor time of others, limits above one's own, addresses that --net does not have, netlink, which
 * only a host half makes, others that get signals.
 * modules-only: wide console */
#include "hostile.h"

#define NR_ioctl 16
#define NR_socket 41
#define NR_sendto 44
#define NR_clock_gettime 228
#define NR_fcntl 72
#define NR_prlimit64 302

enum { E_ACCES = 13, LIMIT_FILES = 7, INET = 2, NETLINK = 16, DATAGRAM = 2, TERMINAL_GROUP = 0x5410, RAW = 3 };
enum { SETFL = 4, SETOWN = 8, GETOWN = 9, SETOWN_EX = 15, ASYNC = 020000, FIOASYNC = 0x5452 };

int main(void)
{
	struct { unsigned long soft, hard; } limit = {0, 0}, more;
	struct { long s, ns; } time;
	const struct { unsigned short family, port; unsigned address; char zero[8]; } discard = {INET, 0x0900, 0x0100007f, {0}};

	CHECK_IS(call(NR_prlimit64, 0, LIMIT_FILES, 0, (long)&limit, 0, 0), 0);
	CHECK(limit.hard > 0);
	more.soft = limit.soft;
	more.hard = limit.hard + 1;
	CHECK_IS(call(NR_prlimit64, 0, LIMIT_FILES, (long)&more, 0, 0, 0), -E_PERM);
	CHECK_IS(call(NR_prlimit64, 1, LIMIT_FILES, 0, (long)&limit, 0, 0), -E_SRCH);
	CHECK_IS(call(NR_prlimit64, 1, LIMIT_FILES, (long)&limit, 0, 0, 0), -E_SRCH);

	CHECK_IS(call(NR_clock_gettime, 1, (long)&time, 0, 0, 0, 0), 0);
	CHECK_IS(call(NR_clock_gettime, ~1u << 3 | 2, (long)&time, 0, 0, 0, 0), -E_INVAL);
	CHECK_IS(call(NR_clock_gettime, -(1 + 1) * 8 + 2, (long)&time, 0, 0, 0, 0), -E_INVAL);

	/* The kernel reads 32 bits of the request. */
	const int group = 1;
	CHECK_IS(call(NR_ioctl, 0, TERMINAL_GROUP, (long)&group, 0, 0, 0), -E_PERM);
	CHECK_IS(call(NR_ioctl, 0, 1l << 32 | TERMINAL_GROUP, (long)&group, 0, 0, 0), -E_PERM);

	CHECK_IS(call(NR_socket, NETLINK, RAW, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(call(NR_socket, 1l << 32 | NETLINK, RAW, 0, 0, 0, 0), -E_NOSYS);
	CHECK_IS(call(NR_socket, NETLINK, RAW, 4, 0, 0, 0), -E_NOSYS);
	long fd = call(NR_socket, INET, DATAGRAM, 0, 0, 0, 0);
	CHECK(fd >= 0);
	CHECK_IS(call(NR_sendto, fd, (long)"", 0, 0, (long)&discard, sizeof discard), -E_ACCES);

	/* Half of a request is all that the kernel looks at. */
	struct { int kind, id; } owner = {1, 1};
	int on = 1;
	for (long high = 0; high <= 1l << 32; high += 1l << 32) {
		CHECK_IS(call(NR_fcntl, fd, high | SETOWN, 1, 0, 0, 0), -E_SRCH);
		CHECK_IS(call(NR_fcntl, fd, high | SETOWN, -1, 0, 0, 0), -E_SRCH);
		CHECK_IS(call(NR_fcntl, fd, high | SETOWN_EX, (long)&owner, 0, 0, 0), -E_SRCH);
		CHECK_IS(call(NR_fcntl, fd, high | GETOWN, 0, 0, 0, 0), 0);
		CHECK_IS(call(NR_fcntl, 0, high | SETFL, ASYNC, 0, 0, 0), -E_PERM); /* /dev/null */
		CHECK_IS(call(NR_ioctl, 0, high | FIOASYNC, (long)&on, 0, 0, 0), -E_PERM);
	}
	return 0;
}
