/* guard.c - the address test: two tables and the IPv6 forms that carry an IPv4 address inside.
 * Source: IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and what updated it).
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/attr.h"

struct range4 {
    uint32_t base; /* host order */
    unsigned bits;
};

static const struct range4 refused4[] = {
    {0x00000000, 8},  /* 0.0.0.0/8        this network, unspecified */
    {0x0a000000, 8},  /* 10.0.0.0/8       private */
    {0x64400000, 10}, /* 100.64.0.0/10    carrier-grade NAT */
    {0x7f000000, 8},  /* 127.0.0.0/8      loopback */
    {0xa9fe0000, 16}, /* 169.254.0.0/16   link-local, cloud metadata */
    {0xac100000, 12}, /* 172.16.0.0/12    private */
    {0xc0000000, 24}, /* 192.0.0.0/24     protocol assignments */
    {0xc0000200, 24}, /* 192.0.2.0/24     documentation */
    {0xc0586300, 24}, /* 192.88.99.0/24   6to4 relay */
    {0xc0a80000, 16}, /* 192.168.0.0/16   private */
    {0xc6120000, 15}, /* 198.18.0.0/15    benchmarking */
    {0xc6336400, 24}, /* 198.51.100.0/24  documentation */
    {0xcb007100, 24}, /* 203.0.113.0/24   documentation */
    {0xe0000000, 4},  /* 224.0.0.0/4      multicast */
    {0xf0000000, 4},  /* 240.0.0.0/4      reserved, broadcast */
};

static bool is_public4(uint32_t host_order) {
    for (size_t i = 0; i < ARRAY_LEN(refused4); i++) {
        uint32_t mask = ~(uint32_t)0 << (32 - refused4[i].bits);

        if ((host_order & mask) == refused4[i].base)
            return false;
    }
    return true;
}

struct range6 {
    uint8_t base[4]; /* no refused range below is longer than 32 bits */
    unsigned bits;
};

/* Inside 2000::/3, the only block from which public unicast addresses are given out. */
static const struct range6 refused6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* 2001::/23      protocol assignments, with Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* 2001:db8::/32  documentation */
    {{0x20, 0x02, 0x00, 0x00},
     16}, /* 2002::/16      6to4: an IPv4 address behind anybody's relay */
    {{0x3f, 0xff, 0x00, 0x00}, 20}, /* 3fff::/20      documentation */
};

static uint32_t load32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_public6(const uint8_t a[static 16]) {
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* ::ffff:0:0/96 */
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};    /* 64:ff9b::/96 */

    /* On a network without IPv4 every public host is reached through NAT64, so the inner address
     * decides. */
    if (memcmp(a, mapped, sizeof(mapped)) == 0 || memcmp(a, nat64, sizeof(nat64)) == 0)
        return is_public4(load32(a + 12));
    if ((a[0] & 0xe0) != 0x20)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(refused6); i++) {
        uint32_t mask = ~(uint32_t)0 << (32 - refused6[i].bits);

        if ((load32(a) & mask) == load32(refused6[i].base))
            return false;
    }
    return true;
}

bool addr_is_public(const struct sockaddr *addr) {
    if (addr->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, addr, sizeof(in));
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (addr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, addr, sizeof(in6));
        return is_public6(in6.sin6_addr.s6_addr);
    }
    return false;
}

void addr_parse(const char *text, int port, struct sockaddr_storage *ret) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        memcpy(ret, &in, sizeof(in));
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        memcpy(ret, &in6, sizeof(in6));
}
