/* SPDX-License-Identifier: MIT
 * Calls of sockets that the kernel's own would not do: what they name lies in memory. */
#include "linux.h"

enum { SENDMSG = 46 };

#define MESSAGES_MAX 1024 /* as Linux's UIO_MAXIOV */

static mc_fn sendmsg_stub;

void sockets_init(void)
{
	sendmsg_stub = mc_get(SENDMSG);
}

struct messages { /* struct mmsghdr, as the kernel has it */
	char message[56];
	uint32_t sent, pad;
};

/* Each goes by the tracer, which makes a copy. An error counts where nothing was sent before. */
HANDLER(linux_sendmmsg)
{
	long n = (unsigned)a2 < MESSAGES_MAX ? (long)(unsigned)a2 : MESSAGES_MAX, done = 0;
	struct messages *guest = (struct messages *)a1;

	for (; done < n; done++) {
		long r = sendmsg_stub(a0, (long)guest[done].message, a3, 0, 0, 0);
		if (r < 0)
			return done > 0 ? done : r;
		uint32_t sent = (uint32_t)r;
		if (mc_copy_out(&guest[done].sent, &sent, sizeof sent) != 0)
			return done > 0 ? done : -EFAULT;
	}
	return done;
}
