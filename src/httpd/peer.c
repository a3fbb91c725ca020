/* peer.c - addresses of peers. An address is 16 bytes whatever its family, so that comparing and
 * hashing need no cases.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpd/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

enum { V4_PREFIX_BITS = 96 };

struct network {
    struct ip base;
    unsigned bits;
};

static struct ip from_v4(const struct in_addr *v4) {
    struct ip ip;

    memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
    memcpy(ip.bytes + sizeof(v4_prefix), v4, 4);
    return ip;
}

bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *ret) {
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, sa, sizeof(v4));
        *ret = from_v4(&v4.sin_addr);
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, sa, sizeof(v6));
        memcpy(ret->bytes, &v6.sin6_addr, sizeof(ret->bytes));
        return true;
    }
    return false;
}

/* "[v6]:port" and "v4:port" lose brackets and port; a bare v6 address has more than one colon
 * and keeps them. */
static struct str without_port(struct str s) {
    struct str host, rest = s;

    if (str_eat(&rest, STR("["))) {
        (void)str_cut(&rest, ']', &host);
        return host;
    }
    if (str_cut(&rest, ':', &host) && !str_contains(rest, STR(":")))
        return host;
    return s;
}

static bool parse_bare(struct str s, struct ip *ret) {
    char text[IP_TEXT_BYTES];
    struct in_addr v4;

    if (s.len == 0 || s.len >= sizeof(text) || memchr(s.ptr, '\0', s.len))
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1) {
        *ret = from_v4(&v4);
        return true;
    }
    return inet_pton(AF_INET6, text, ret->bytes) == 1;
}

bool ip_parse(struct str s, struct ip *ret) {
    return parse_bare(without_port(str_trim(s)), ret);
}

bool ip_is_v4(const struct ip *ip) {
    return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

size_t ip_format_to(const struct ip *ip, char out[static IP_TEXT_BYTES]) {
    bool v4 = ip_is_v4(ip);

    if (!inet_ntop(v4 ? AF_INET : AF_INET6, ip->bytes + (v4 ? sizeof(v4_prefix) : 0), out,
                   IP_TEXT_BYTES))
        return 0;
    return strlen(out);
}

bool ip_is_loopback(const struct ip *ip) {
    static const struct ip v6 = {.bytes = {[15] = 1}};

    return ip_is_v4(ip) ? ip->bytes[sizeof(v4_prefix)] == 127
                        : memcmp(ip->bytes, v6.bytes, sizeof(v6.bytes)) == 0;
}

struct ip ip_bucket(const struct ip *ip) {
    struct ip bucket = *ip;

    if (!ip_is_v4(ip))
        memset(bucket.bytes + 8, 0, 8);
    return bucket;
}

static bool parse_network(struct str s, struct network *ret) {
    struct str address;
    int64_t bits;
    bool has_bits;

    has_bits = str_cut(&s, '/', &address);
    if (!parse_bare(address, &ret->base))
        return false;
    ret->bits = 128;
    if (!has_bits)
        return true;
    if (!str_parse_i64(s, 0, ip_is_v4(&ret->base) ? 32 : 128, &bits))
        return false;
    ret->bits = (unsigned)bits + (ip_is_v4(&ret->base) ? V4_PREFIX_BITS : 0);
    return true;
}

static size_t count_parts(struct str s) {
    size_t n = 1;

    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == ',';
    return n;
}

enum status networks_parse(struct arena *a, struct str text, struct networks *ret, struct err *e) {
    struct network *items = arena_array_of(a, count_parts(text), struct network);
    size_t n = 0;

    while (text.len > 0) {
        struct str part;

        (void)str_cut(&text, ',', &part);
        part = str_trim(part);
        if (part.len == 0)
            continue;
        if (!parse_network(part, &items[n]))
            FAIL(e, ST_INVALID, "could not read \"%.*s\" as a network (such as 10.0.0.0/8)",
                 STR_ARG(part));
        n++;
    }
    *ret = (struct networks){.items = items, .n = n};
    return ST_OK;
}

static bool is_in(const struct network *net, const struct ip *ip) {
    size_t whole = net->bits / 8;
    unsigned left = net->bits % 8;

    if (memcmp(net->base.bytes, ip->bytes, whole) != 0)
        return false;
    return left == 0 || (net->base.bytes[whole] ^ ip->bytes[whole]) >> (8 - left) == 0;
}

bool networks_contain(const struct networks *n, const struct ip *ip) {
    for (size_t i = 0; i < n->n; i++) {
        if (is_in(&n->items[i], ip))
            return true;
    }
    return false;
}

/* Cuts the last item of a comma-separated list off. */
static struct str cut_last(struct str *s) {
    struct str last;
    size_t at = s->len;

    while (at > 0 && s->ptr[at - 1] != ',')
        at--;
    last = str_sub(*s, at, s->len);
    *s = str_sub(*s, 0, at > 0 ? at - 1 : 0);
    return last;
}

bool peer_from_forwarded(const struct networks *trusted, struct str value, struct ip *peer) {
    while (value.len > 0) {
        struct ip ip;

        if (!ip_parse(cut_last(&value), &ip))
            return true; /* whoever wrote this is not to be believed about what stands left of it */
        *peer = ip;
        if (!networks_contain(trusted, &ip))
            return true;
    }
    return false;
}
