// SPDX-License-Identifier: MIT
// --net: reads what the user allows, and holds a guest's address against it. Nothing here asks the
// kernel or a name server: addresses are numbers.
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 is IPv4 */

/* ---- Reading ---- */

static bool number(const char *text, size_t len, unsigned limit, unsigned *out)
{
	unsigned value = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || value > limit)
			return false;
		value = 10 * value + (unsigned)(text[i] - '0');
	}
	*out = value;
	return len > 0 && value <= limit;
}

/* IPv4 in IPv6's clothes is IPv4, and so asked for. */
static void unmap(struct net_entry *entry)
{
	if (entry->family != AF_INET6 || entry->prefix < 96 ||
	    memcmp(entry->address, mapped, sizeof mapped) != 0)
		return;
	entry->family = AF_INET;
	entry->prefix -= 96;
	memmove(entry->address, entry->address + 12, 4);
}

/* ADDRESS or ADDRESS/N. */
static bool read_address(struct net_entry *entry, sa_family_t family, const char *text, size_t len)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = memchr(text, '/', len);
	size_t address_len = slash ? (size_t)(slash - text) : len;
	unsigned bits = family == AF_INET ? 32 : 128;
	if (address_len >= sizeof address)
		return false;
	memcpy(address, text, address_len);
	address[address_len] = 0;
	entry->family = family;
	entry->prefix = bits;
	if (slash && !number(slash + 1, len - address_len - 1, bits, &entry->prefix))
		return false;
	if (inet_pton(family, address, entry->address) != 1)
		return false;
	unmap(entry);
	return true;
}

/* The entry's end, where the colon before its port is; NULL: it is no such thing. */
static const char *read_host(struct net_entry *entry, const char *text, const char *end)
{
	if (text < end && *text == '[') {
		const char *close = memchr(text, ']', (size_t)(end - text));
		return close && read_address(entry, AF_INET6, text + 1, (size_t)(close - text - 1)) ? close + 1
												   : NULL;
	}
	const char *colon = memchr(text, ':', (size_t)(end - text));
	if (!colon)
		return NULL;
	if (colon == text + 1 && *text == '*')
		return colon; /* any family, no bits */
	return read_address(entry, AF_INET, text, (size_t)(colon - text)) ? colon : NULL;
}

static bool read_entry(struct net_entry *entry, const char *text, size_t len)
{
	const char *end = text + len;
	unsigned port;
	*entry = (struct net_entry){.port = -1, .text = text, .len = len};
	const char *colon = read_host(entry, text, end);
	if (!colon || colon == end || *colon != ':')
		return false;
	if (end == colon + 2 && colon[1] == '*')
		return true;
	if (!number(colon + 1, (size_t)(end - colon - 1), UINT16_MAX, &port))
		return false;
	entry->port = (int)port;
	return true;
}

void net_free(struct net *net)
{
	free(net->entries);
	*net = (struct net){0};
}

int net_add(struct net *net, const char *argument, struct err *err)
{
	enum net_mode mode = strcmp(argument, "none") == 0   ? NET_NONE
			     : strcmp(argument, "host") == 0 ? NET_HOST
							     : NET_LIST;
	if (mode != NET_LIST || net->mode != NET_LIST)
		net_free(net);
	net->mode = mode;
	for (const char *text = argument, *next; mode == NET_LIST && text; text = next) {
		size_t len = strcspn(text, ",");
		next = text[len] ? text + len + 1 : NULL;
		struct net_entry *grown = reallocarray(net->entries, net->n + 1, sizeof *grown);
		if (!grown)
			return err_set(err, ENOMEM, "out of memory");
		net->entries = grown;
		if (!read_entry(&net->entries[net->n], text, len))
			return err_set(err, EINVAL,
				       "--net: '%.*s' is neither none, host, nor ADDRESS:PORT with an IPv4 "
				       "address, an [IPv6] one, or *, and with a number or *",
				       len < 64 ? (int)len : 64, text);
		net->n++;
	}
	return 0;
}

void net_print(const struct net *net, FILE *to)
{
	if (net->mode == NET_HOST)
		fprintf(to, "net host\n");
	for (size_t i = 0; i < net->n; i++)
		fprintf(to, "net %.*s\n", (int)net->entries[i].len, net->entries[i].text);
}

/* ---- Asking ---- */

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned rest = n % 8;
	return memcmp(a, b, n / 8) == 0 && (rest == 0 || (a[n / 8] ^ b[n / 8]) >> (8 - rest) == 0);
}

static int lookup(const struct net *net, sa_family_t family, const uint8_t *address, in_port_t port)
{
	if (net->mode == NET_HOST)
		return 0;
	if (family == AF_INET6 && memcmp(address, mapped, sizeof mapped) == 0) {
		family = AF_INET;
		address += sizeof mapped;
	}
	for (size_t i = 0; i < net->n; i++) {
		const struct net_entry *entry = &net->entries[i];
		if ((entry->family == AF_UNSPEC || entry->family == family) &&
		    (entry->port == -1 || entry->port == ntohs(port)) &&
		    same_bits(entry->address, address, entry->prefix))
			return 0;
	}
	return -EACCES;
}

static int check_in(const struct net *net, enum net_use use, struct sockaddr_in *in, size_t len)
{
	if (len < sizeof *in)
		return -EINVAL;
	if (use != NET_BIND && in->sin_addr.s_addr == htonl(INADDR_ANY))
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return lookup(net, AF_INET, (const uint8_t *)&in->sin_addr, in->sin_port);
}

static int check_in6(const struct net *net, enum net_use use, struct sockaddr_in6 *in6, size_t len)
{
	static const uint8_t none[4];
	uint8_t *address = in6->sin6_addr.s6_addr;
	if (len < offsetof(struct sockaddr_in6, sin6_scope_id)) /* which the kernel does without */
		return -EINVAL;
	if (use != NET_BIND && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		in6->sin6_addr = in6addr_loopback;
	else if (use != NET_BIND && memcmp(address, mapped, sizeof mapped) == 0 &&
		 memcmp(address + sizeof mapped, none, sizeof none) == 0)
		memcpy(address + sizeof mapped, &(in_addr_t){htonl(INADDR_LOOPBACK)}, sizeof(in_addr_t));
	return lookup(net, AF_INET6, address, in6->sin6_port);
}

/* Root alone may send to others than the kernel, and hear what these groups are told; guests may be root. */
static int check_netlink(const struct net *net, enum net_use use, const struct sockaddr_nl *nl, size_t len)
{
	const uint32_t guarded = 1u << (RTNLGRP_IPV4_MROUTE_R - 1) | 1u << (RTNLGRP_IPV6_MROUTE_R - 1);
	if (net->mode != NET_HOST)
		return -EACCES;
	if (len < sizeof *nl)
		return -EINVAL;
	if (use == NET_BIND)
		return nl->nl_groups & guarded ? -EPERM : 0;
	return nl->nl_pid || nl->nl_groups ? -EPERM : 0;
}

int net_check(const struct net *net, enum net_use use, union net_address *address, size_t len)
{
	if (len < sizeof address->any.sa_family)
		return -EINVAL;
	switch (address->any.sa_family) {
	case AF_INET: return check_in(net, use, &address->in, len);
	case AF_INET6: return check_in6(net, use, &address->in6, len);
	case AF_NETLINK: return check_netlink(net, use, &address->nl, len);
	case AF_UNSPEC:
		/* It ends a connection; elsewhere old programs mean IPv4 by it, and so does the kernel. */
		return use == NET_CONNECT ? 0 : check_in(net, use, &address->in, len);
	default: return -EACCES;
	}
}

bool net_allows_any(const struct net *net)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	static const uint8_t any4[4];
	return lookup(net, AF_INET6, any.sin6_addr.s6_addr, 0) == 0 && lookup(net, AF_INET, any4, 0) == 0;
}
