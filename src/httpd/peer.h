/* peer.h - who is at the other end: addresses, networks and what trusted proxies say. Private to
 * httpd.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct ip { /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bytes[16];
};

enum { IP_TEXT_BYTES = 46 }; /* the longest form of inet_ntop(), with its NUL */

bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *ret);
/* "10.0.0.1", "fd00::1"; with a port ("10.0.0.1:80", "[fd00::1]:80") too, as some proxies write
 * it. */
bool ip_parse(struct str s, struct ip *ret);
/* IPv4 in its own form; returns the length. */
size_t ip_format_to(const struct ip *ip, char out[static IP_TEXT_BYTES]);
bool ip_is_loopback(const struct ip *ip);
bool ip_is_v4(const struct ip *ip);
/* What one customer usually owns: an IPv4 address, or the first 64 bits of an IPv6 one. */
struct ip ip_bucket(const struct ip *ip);

struct network;
struct networks {
    const struct network *items;
    size_t n;
};

/* "10.0.0.0/8, fd00::/8, 192.0.2.7" into a; ST_INVALID names the part that is none. */
enum status networks_parse(struct arena *a, struct str text, struct networks *ret, struct err *e)
    ATTR_MUST_CHECK;
bool networks_contain(const struct networks *n, const struct ip *ip);

/* The rightmost address of an X-Forwarded-For value that is not in trusted; when all are, the
 * leftmost. *peer stays as it is where the value says nothing readable. True when an untrusted
 * address was found, so nothing further left counts. */
bool peer_from_forwarded(const struct networks *trusted, struct str value, struct ip *peer);
