/* SPDX-License-Identifier: MIT
 * The messages between tracer and host process: what is sent arrives, what is malformed does not. */
#include "base/ctl.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];
static struct ctl_msg out, in;

static void setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	memset(&out, 0, sizeof(out));
	memset(&in, 0xa5, sizeof(in));
}

static void teardown(void)
{
	close(pair[0]);
	close(pair[1]);
}

static int descriptors_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(test_plain)
{
	out.type = CTL_SETTLE;
	out.slot = 12;
	out.a = ~0ull;
	out.b = 2;
	out.c = 3;
	ck_assert_int_eq(ctl_send(pair[0], &out), 0);
	ck_assert_int_eq(ctl_receive(pair[1], &in, 1), 1);
	ck_assert_uint_eq(in.type, CTL_SETTLE);
	ck_assert_uint_eq(in.slot, 12);
	ck_assert_uint_eq(in.a, ~0ull);
	ck_assert_uint_eq(in.b, 2);
	ck_assert_uint_eq(in.c, 3);
	ck_assert_uint_eq(in.text_len, 0);
	ck_assert_uint_eq(in.n_fds, 0);
	ck_assert_int_eq(in.text[0], 0);
}
END_TEST

START_TEST(test_text)
{
	static const uint32_t lengths[] = { 1, 31, 4096, CTL_TEXT_MAX };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		out.type = CTL_OK;
		out.text_len = lengths[i];
		memset(out.text, 'x', lengths[i]);
		out.text[lengths[i] - 1] = '\0';
		ck_assert_int_eq(ctl_send(pair[0], &out), 0);
		ck_assert_int_eq(ctl_receive(pair[1], &in, 1), 1);
		ck_assert_uint_eq(in.text_len, lengths[i]);
		ck_assert_int_eq(memcmp(in.text, out.text, lengths[i]), 0);
		ck_assert_int_eq(in.text[lengths[i]], 0);
	}
	out.text_len = CTL_TEXT_MAX + 1;
	ck_assert_int_eq(ctl_send(pair[0], &out), -EMSGSIZE);
}
END_TEST

START_TEST(test_descriptors)
{
	int before = descriptors_open();

	out.type = CTL_REGION;
	out.n_fds = CTL_FDS_MAX;
	for (int i = 0; i < CTL_FDS_MAX; i++)
		out.fds[i] = i == 0 ? STDERR_FILENO : pair[i % 2];
	ck_assert_int_eq(ctl_send(pair[0], &out), 0);
	ck_assert_int_eq(ctl_receive(pair[1], &in, 1), 1);
	ck_assert_uint_eq(in.n_fds, CTL_FDS_MAX);
	for (int i = 0; i < CTL_FDS_MAX; i++) {
		ck_assert_int_eq(fcntl(in.fds[i], F_GETFD), FD_CLOEXEC);
		close(in.fds[i]);
	}
	ck_assert_int_eq(descriptors_open(), before);
	out.n_fds = CTL_FDS_MAX + 1;
	ck_assert_int_eq(ctl_send(pair[0], &out), -EMSGSIZE);
}
END_TEST

START_TEST(test_nothing_and_end)
{
	ck_assert_int_eq(ctl_receive(pair[1], &in, 0), -EAGAIN);
	out.type = CTL_DROP;
	ck_assert_int_eq(ctl_send(pair[0], &out), 0);
	close(pair[0]);
	ck_assert_int_eq(ctl_receive(pair[1], &in, 1), 1);
	ck_assert_int_eq(ctl_receive(pair[1], &in, 1), 0);
	ck_assert_int_eq(ctl_send(pair[1], &out), -EPIPE);
	pair[0] = -1;
}
END_TEST

/* A peer that sends a short packet, and one that sends more descriptors than any message has. */
START_TEST(test_malformed)
{
	union { struct cmsghdr header; char bytes[CMSG_SPACE(8 * sizeof(int))]; } control;
	char bytes[CTL_WIRE_BYTES] = { 0 };
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	int before = descriptors_open();

	ck_assert_int_eq(send(pair[0], bytes, 5, 0), 5);
	ck_assert_int_eq(ctl_receive(pair[1], &in, 1), -EPROTO);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(8 * sizeof(int));
	for (size_t i = 0; i < 8; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &pair[0], sizeof(int));
	ck_assert_int_eq(sendmsg(pair[0], &header, 0), (int)sizeof(bytes));
	ck_assert_int_eq(ctl_receive(pair[1], &in, 1), -EPROTO);
	ck_assert_uint_eq(in.n_fds, 0);
	ck_assert_int_eq(descriptors_open(), before);
	ck_assert_int_eq(ctl_receive(pair[1], &in, 0), -EAGAIN);
}
END_TEST

#define SENDERS 4
#define MESSAGES 500

static void *sender(void *argument)
{
	struct ctl_msg *msg = calloc(1, sizeof(*msg));

	ck_assert_ptr_nonnull(msg);
	msg->type = CTL_GATE;
	msg->slot = (uint32_t)(uintptr_t)argument;
	for (uint64_t i = 0; i < MESSAGES; i++) {
		msg->a = i;
		msg->text_len = (uint32_t)(i * 7 % 900);
		memset(msg->text, (int)msg->slot, msg->text_len);
		ck_assert_int_eq(ctl_send(pair[0], msg), 0);
	}
	free(msg);
	return NULL;
}

/* Messages of several threads do not mix, and each thread's stay in order. */
START_TEST(test_threads)
{
	pthread_t threads[SENDERS];
	uint64_t next[SENDERS] = { 0 };

	for (uintptr_t i = 0; i < SENDERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, sender, (void *)i), 0);
	for (int i = 0; i < SENDERS * MESSAGES; i++) {
		ck_assert_int_eq(ctl_receive(pair[1], &in, 1), 1);
		ck_assert_uint_lt(in.slot, SENDERS);
		ck_assert_uint_eq(in.a, next[in.slot]++);
		ck_assert_uint_eq(in.text_len, in.a * 7 % 900);
		for (uint32_t k = 0; k < in.text_len; k++)
			ck_assert_int_eq(in.text[k], (char)in.slot);
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ctl");
	TCase *tcase = tcase_create("messages");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_plain);
	tcase_add_test(tcase, test_text);
	tcase_add_test(tcase, test_descriptors);
	tcase_add_test(tcase, test_nothing_and_end);
	tcase_add_test(tcase, test_malformed);
	tcase_add_test(tcase, test_threads);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
