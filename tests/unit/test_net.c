// SPDX-License-Identifier: MIT
// --net: what an argument means, what is none, and which addresses it lets through.
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

static struct net net;
static struct err err;

static void setup(void)
{
	net = (struct net){0};
	err = (struct err){0};
}

static void teardown(void)
{
	net_free(&net);
}

static void add(const char *argument)
{
	ck_assert_msg(net_add(&net, argument, &err) == 0, "%s: %s", argument, err.text);
}

static int ask4(enum net_use use, const char *address, int port)
{
	union net_address name = {.in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}};
	ck_assert_int_eq(inet_pton(AF_INET, address, &name.in.sin_addr), 1);
	return net_check(&net, use, &name, sizeof name.in);
}

static int ask6(enum net_use use, const char *address, int port)
{
	union net_address name = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)}};
	ck_assert_int_eq(inet_pton(AF_INET6, address, &name.in6.sin6_addr), 1);
	return net_check(&net, use, &name, sizeof name.in6);
}

START_TEST(nothing_is_allowed_at_first)
{
	ck_assert_int_eq(ask4(NET_CONNECT, "127.0.0.1", 80), -EACCES);
	ck_assert_int_eq(ask6(NET_BIND, "::1", 80), -EACCES);
	ck_assert(!net_allows_any(&net));
}
END_TEST

START_TEST(a_list_allows_what_it_says)
{
	add("10.0.0.1:80,192.168.4.0/22:443,[2001:db8::1]:53,[fd00::/9]:*,*:9");
	ck_assert_int_eq(ask4(NET_CONNECT, "10.0.0.1", 80), 0);
	ck_assert_int_eq(ask4(NET_SEND, "10.0.0.1", 80), 0);
	ck_assert_int_eq(ask4(NET_BIND, "10.0.0.1", 80), 0);
	ck_assert_int_eq(ask4(NET_CONNECT, "10.0.0.1", 81), -EACCES);
	ck_assert_int_eq(ask4(NET_CONNECT, "10.0.0.2", 80), -EACCES);
	ck_assert_int_eq(ask4(NET_CONNECT, "192.168.4.0", 443), 0);
	ck_assert_int_eq(ask4(NET_CONNECT, "192.168.7.255", 443), 0);
	ck_assert_int_eq(ask4(NET_CONNECT, "192.168.8.0", 443), -EACCES);
	ck_assert_int_eq(ask4(NET_CONNECT, "192.168.3.255", 443), -EACCES);
	ck_assert_int_eq(ask6(NET_CONNECT, "2001:db8::1", 53), 0);
	ck_assert_int_eq(ask6(NET_CONNECT, "2001:db8::1", 54), -EACCES);
	ck_assert_int_eq(ask6(NET_CONNECT, "fd7f:ffff::1", 1), 0);
	ck_assert_int_eq(ask6(NET_CONNECT, "fd80::1", 1), -EACCES);
	ck_assert_int_eq(ask4(NET_CONNECT, "1.2.3.4", 9), 0);
	ck_assert_int_eq(ask6(NET_CONNECT, "1::2", 9), 0);
	ck_assert(!net_allows_any(&net));
	add("*:*");
	ck_assert(net_allows_any(&net));
}
END_TEST

START_TEST(an_address_has_one_meaning)
{
	add("127.0.0.1:80,[::ffff:10.1.0.0/112]:81,0.0.0.0:82,[::]:83");
	ck_assert_int_eq(ask6(NET_CONNECT, "::ffff:127.0.0.1", 80), 0);
	ck_assert_int_eq(ask6(NET_CONNECT, "::127.0.0.1", 80), -EACCES);
	ck_assert_int_eq(ask4(NET_CONNECT, "10.1.255.1", 81), 0);
	ck_assert_int_eq(ask4(NET_CONNECT, "10.2.0.1", 81), -EACCES);
	/* Any address of the machine's, to bind; the machine itself, to connect to. */
	ck_assert_int_eq(ask4(NET_BIND, "0.0.0.0", 82), 0);
	ck_assert_int_eq(ask4(NET_CONNECT, "0.0.0.0", 82), -EACCES);
	ck_assert_int_eq(ask4(NET_CONNECT, "0.0.0.0", 80), 0);
	ck_assert_int_eq(ask6(NET_CONNECT, "::ffff:0.0.0.0", 80), 0);
	ck_assert_int_eq(ask6(NET_BIND, "::", 83), 0);
	ck_assert_int_eq(ask6(NET_CONNECT, "::", 83), -EACCES);
	ck_assert_int_eq(ask4(NET_BIND, "0.0.0.0", 83), -EACCES);
}
END_TEST

START_TEST(the_kernel_gets_what_was_checked)
{
	add("[::1]:*,127.0.0.1:*");
	union net_address name = {.in = {.sin_family = AF_INET}};
	ck_assert_int_eq(net_check(&net, NET_CONNECT, &name, sizeof name.in), 0);
	ck_assert_uint_eq(name.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	name = (union net_address){.in6 = {.sin6_family = AF_INET6}};
	ck_assert_int_eq(net_check(&net, NET_SEND, &name, sizeof name.in6), 0);
	ck_assert(IN6_IS_ADDR_LOOPBACK(&name.in6.sin6_addr));
}
END_TEST

START_TEST(other_families_are_refused)
{
	union net_address name = {.any = {.sa_family = AF_UNSPEC}};
	add("host");
	ck_assert_int_eq(ask4(NET_CONNECT, "1.2.3.4", 5), 0);
	ck_assert_int_eq(ask6(NET_BIND, "::", 5), 0);
	ck_assert(net_allows_any(&net));
	ck_assert_int_eq(net_check(&net, NET_CONNECT, &name, sizeof name.any), 0);
	for (int family = AF_UNIX; family < 256; family++) {
		name.any.sa_family = (sa_family_t)family;
		if (family != AF_INET && family != AF_INET6 && family != AF_NETLINK)
			ck_assert_int_eq(net_check(&net, NET_CONNECT, &name, sizeof name), -EACCES);
	}
	/* Where a family is left out, and no connection ends, IPv4 is meant. */
	add("none");
	add("127.0.0.1:80");
	name = (union net_address){.in = {.sin_family = AF_UNSPEC, .sin_port = htons(80),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
	ck_assert_int_eq(net_check(&net, NET_SEND, &name, sizeof name.in), 0);
	ck_assert_int_eq(net_check(&net, NET_BIND, &name, sizeof name.in), 0);
	name.in.sin_port = htons(81);
	ck_assert_int_eq(net_check(&net, NET_SEND, &name, sizeof name.in), -EACCES);
}
END_TEST

START_TEST(short_addresses_are_none)
{
	union net_address name = {.in = {.sin_family = AF_INET}};
	add("host");
	for (size_t len = 0; len < sizeof name.in; len++)
		ck_assert_int_eq(net_check(&net, NET_CONNECT, &name, len), -EINVAL);
	name.any.sa_family = AF_INET6;
	for (size_t len = 0; len < 24; len++)
		ck_assert_int_eq(net_check(&net, NET_CONNECT, &name, len), -EINVAL);
	ck_assert_int_eq(net_check(&net, NET_CONNECT, &name, 24), 0);
}
END_TEST

START_TEST(the_last_word_counts)
{
	add("1.2.3.4:5");
	add("6.7.8.9:10");
	ck_assert_int_eq(ask4(NET_CONNECT, "1.2.3.4", 5), 0);
	ck_assert_int_eq(ask4(NET_CONNECT, "6.7.8.9", 10), 0);
	add("host");
	ck_assert_int_eq(ask4(NET_CONNECT, "1.1.1.1", 1), 0);
	add("1.2.3.4:5");
	ck_assert_int_eq(ask4(NET_CONNECT, "1.1.1.1", 1), -EACCES);
	ck_assert_int_eq(ask4(NET_CONNECT, "6.7.8.9", 10), -EACCES);
	add("none");
	ck_assert_int_eq(ask4(NET_CONNECT, "1.2.3.4", 5), -EACCES);
}
END_TEST

static int ask_netlink(enum net_use use, uint32_t pid, uint32_t groups, size_t len)
{
	union net_address name = {.nl = {.nl_family = AF_NETLINK, .nl_pid = pid, .nl_groups = groups}};
	return net_check(&net, use, &name, len);
}

START_TEST(netlink_leads_to_the_kernel)
{
	static const enum net_use uses[] = {NET_CONNECT, NET_SEND, NET_BIND};
	const size_t len = sizeof(struct sockaddr_nl);
	for (int i = 0; i < 3; i++) {
		setup();
		ck_assert_int_eq(ask_netlink(uses[i], 0, 0, len), -EACCES);
		add("*:*");
		ck_assert_int_eq(ask_netlink(uses[i], 0, 0, len), -EACCES);
		add("host");
		ck_assert_int_eq(ask_netlink(uses[i], 0, 0, len), 0);
		ck_assert_int_eq(ask_netlink(uses[i], 0, 0, len - 1), -EINVAL);
		ck_assert_int_eq(ask_netlink(uses[i], 0, 0, len + 1), 0);
		ck_assert_int_eq(ask_netlink(uses[i], 1, 0, len), uses[i] == NET_BIND ? 0 : -EPERM);
		ck_assert_int_eq(ask_netlink(uses[i], 0, 1, len), uses[i] == NET_BIND ? 0 : -EPERM);
	}
	/* RTNLGRP_IPV4_MROUTE_R, RTNLGRP_IPV6_MROUTE_R. */
	ck_assert_int_eq(ask_netlink(NET_BIND, 0, 0x9fffffff, len), 0);
	ck_assert_int_eq(ask_netlink(NET_BIND, 0, 0x20000000, len), -EPERM);
	ck_assert_int_eq(ask_netlink(NET_BIND, 0, 0x40000001, len), -EPERM);
}
END_TEST

START_TEST(mistakes_are_said)
{
	static const char *const bad[] = {
		"", ",", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:99999999999",
		"127.0.0.1:-1", "127.0.0.1: 1", "127.0.0.1:1 ", "127.1:1", "127.0.0.1/33:1", "127.0.0.1/:1",
		"127.0.0.1/8", "::1:80", "[::1]80", "[::1]:", "[::1:80", "[::1/129]:80", "[127.0.0.1]:80", "[]:80",
		"*", "*:", "**:1", "*/8:1", ":80", "127.0.0.1:1,", "127.0.0.1:1,x", "Host", "[::1%lo]:1",
		"0000000000000000000000000000000000000000000000000000127.0.0.1:1",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		err = (struct err){0};
		ck_assert_msg(net_add(&net, bad[i], &err) == -EINVAL, "'%s'", bad[i]);
		ck_assert_msg(strstr(err.text, "--net: '") == err.text, "'%s': %s", bad[i], err.text);
		net_free(&net);
	}
}
END_TEST

START_TEST(it_is_printed_as_given)
{
	char *text = NULL;
	size_t len;
	add("10.0.0.1:80,[::/0]:*");
	add("*:53");
	FILE *to = open_memstream(&text, &len);
	net_print(&net, to);
	fclose(to);
	ck_assert_str_eq(text, "net 10.0.0.1:80\nnet [::/0]:*\nnet *:53\n");
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("net");
	TCase *tc = tcase_create("net");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_is_allowed_at_first);
	tcase_add_test(tc, a_list_allows_what_it_says);
	tcase_add_test(tc, an_address_has_one_meaning);
	tcase_add_test(tc, the_kernel_gets_what_was_checked);
	tcase_add_test(tc, other_families_are_refused);
	tcase_add_test(tc, short_addresses_are_none);
	tcase_add_test(tc, the_last_word_counts);
	tcase_add_test(tc, netlink_leads_to_the_kernel);
	tcase_add_test(tc, mistakes_are_said);
	tcase_add_test(tc, it_is_printed_as_given);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
