/* SPDX-License-Identifier: MIT
 * Which network addresses a world may use: --net, read and asked. */
#ifndef NET_H
#define NET_H

#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"

enum net_mode {
	NET_NONE,
	NET_LIST, /* what the entries say */
	NET_HOST, /* any address */
};

struct net_entry {
	sa_family_t family;  /* AF_UNSPEC: any address */
	uint8_t address[16]; /* the network's order, as all addresses here */
	unsigned prefix;     /* bits of it that count */
	int port;            /* -1: any */
	const char *text;    /* as given; len bytes of the option's argument */
	size_t len;
};

struct net {
	enum net_mode mode;
	struct net_entry *entries; /* malloc'ed */
	size_t n;
};

/* Takes an option's argument, which must stay: none, host, or ADDR:PORT[,...], which adds to a list. */
int net_add(struct net *net, const char *argument, struct err *err);
/* As the lines of a policy: none for a world without. */
void net_print(const struct net *net, FILE *to);
void net_free(struct net *net);

union net_address { /* a copy of what a guest gave */
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_nl nl;
	unsigned char bytes[sizeof(struct sockaddr_storage)];
};

enum net_use { NET_CONNECT, NET_SEND, NET_BIND };

/* 0, -EACCES, or what the kernel says of an address of that length. The unspecified address to connect
 * or send to, by which the kernel means the machine itself, becomes the loopback address. Of netlink's, for all
 * addresses alone, the kernel's own to connect or send to, and to bind what it lets anybody have; else -EPERM. */
int net_check(const struct net *net, enum net_use use, union net_address *address, size_t len);
/* Whether a port of the kernel's choice on any address may be listened on. */
bool net_allows_any(const struct net *net);

#endif
