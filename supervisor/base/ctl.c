/* SPDX-License-Identifier: MIT
 * Messages between tracer and host process: one packet each, descriptors beside it. */
#include "base/ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(offsetof(struct ctl_msg, type) == 0, "a packet begins with its type");
_Static_assert(offsetof(struct ctl_msg, text_len) == CTL_WIRE_BYTES, "the fixed part comes first");

union ctl_control { /* aligned as the kernel wants it */
	char bytes[CMSG_SPACE(CTL_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

size_t ctl_listener_packet(void *to, size_t size)
{
	uint32_t type = CTL_LISTENER;
	if (size < CTL_WIRE_BYTES)
		return 0;
	memset(to, 0, CTL_WIRE_BYTES);
	memcpy(to, &type, sizeof type);
	return CTL_WIRE_BYTES;
}

static int send_packet(int socket, const struct ctl_msg *msg, int flags)
{
	union ctl_control control;
	struct iovec iov[2] = {
		{ .iov_base = (void *)(uintptr_t)msg, .iov_len = CTL_WIRE_BYTES },
		{ .iov_base = (void *)(uintptr_t)msg->text, .iov_len = msg->text_len },
	};
	struct msghdr header = { .msg_iov = iov, .msg_iovlen = 2 };

	if (msg->text_len > CTL_TEXT_MAX || msg->n_fds > CTL_FDS_MAX)
		return -EMSGSIZE;
	if (msg->n_fds > 0) {
		size_t bytes = msg->n_fds * sizeof(int);

		memset(&control, 0, sizeof(control));
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(bytes);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(cmsg), msg->fds, bytes);
	}
	for (;;) {
		if (sendmsg(socket, &header, MSG_NOSIGNAL | flags) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

int ctl_send(int socket, const struct ctl_msg *msg)
{
	return send_packet(socket, msg, 0);
}

int ctl_try_send(int socket, const struct ctl_msg *msg)
{
	return send_packet(socket, msg, MSG_DONTWAIT);
}

/* Takes the descriptors out of a received header; too many of them, or ancillary data of another
 * kind, is malformed. */
static int take_fds(struct msghdr *header, struct ctl_msg *msg)
{
	int result = 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(header, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
			result = -EPROTO;
			continue;
		}
		size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (msg->n_fds < CTL_FDS_MAX) {
				msg->fds[msg->n_fds++] = fd;
			} else {
				close(fd);
				result = -EPROTO;
			}
		}
	}
	return result;
}

int ctl_receive(int socket, struct ctl_msg *msg, int wait)
{
	union ctl_control control;
	struct iovec iov[2] = {
		{ .iov_base = msg, .iov_len = CTL_WIRE_BYTES },
		{ .iov_base = msg->text, .iov_len = CTL_TEXT_MAX },
	};
	struct msghdr header;
	ssize_t n;

	do {
		memset(&header, 0, sizeof(header));
		header.msg_iov = iov;
		header.msg_iovlen = 2;
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	} while (n < 0 && errno == EINTR);

	msg->text_len = 0;
	msg->n_fds = 0;
	if (n < 0) {
		if (errno == ECONNRESET) /* the peer died with messages unread */
			return 0;
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	int result = take_fds(&header, msg);
	if (n == 0 && msg->n_fds == 0)
		return 0;
	if (n < (ssize_t)CTL_WIRE_BYTES || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		result = -EPROTO;
	if (result < 0) {
		for (uint32_t i = 0; i < msg->n_fds; i++)
			close(msg->fds[i]);
		msg->n_fds = 0;
		return result;
	}
	msg->text_len = (uint32_t)((size_t)n - CTL_WIRE_BYTES);
	msg->text[msg->text_len] = '\0';
	return 1;
}
