/* check.c - values whose form a type alone does not say.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "config/table.h"

enum {
    IPV4_BITS = 32,
    IPV6_BITS = 128,
    PORT_MAX = 65535,
};

/* Numeric address of the family; inet_pton wants a NUL. */
static bool is_address(int family, struct str s) {
    char text[INET6_ADDRSTRLEN] = {0};
    unsigned char bytes[sizeof(struct in6_addr)];

    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.ptr, s.len);
    return inet_pton(family, text, bytes) == 1;
}

bool check_listen(struct str v) {
    const char *colon = v.len > 0 ? memrchr(v.ptr, ':', v.len) : NULL;
    struct str host;
    int64_t port;

    if (!colon)
        return false;
    host = str_sub(v, 0, (size_t)(colon - v.ptr));
    if (!str_parse_i64(str_sub(v, host.len + 1, v.len), 0, PORT_MAX, &port))
        return false;
    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        return is_address(AF_INET6, str_sub(host, 1, host.len - 2));
    return is_address(AF_INET, host);
}

static bool is_network(struct str s) {
    struct str host;
    int64_t bits;
    bool has_bits = str_cut(&s, '/', &host);
    bool is_v4 = is_address(AF_INET, host);

    if (!is_v4 && !is_address(AF_INET6, host))
        return false;
    return !has_bits || str_parse_i64(s, 0, is_v4 ? IPV4_BITS : IPV6_BITS, &bits);
}

bool check_networks(struct str v) {
    bool more = v.len > 0;

    while (more) {
        struct str one;

        more = str_cut(&v, ',', &one);
        if (!is_network(str_trim(one)))
            return false;
    }
    return true;
}

bool check_database(struct str v) {
    if (str_eat(&v, STR("sqlite:")))
        return v.len > 0 && !str_eq(v, STR(":memory:"));
    return str_starts(v, STR("postgresql://")) || str_starts(v, STR("postgres://"));
}

bool check_graph_version(struct str v) {
    uint64_t number;

    return str_eat(&v, STR("v")) && str_eat_u64(&v, 999, &number) && str_eat(&v, STR(".")) &&
           str_eat_u64(&v, 999, &number) && v.len == 0;
}
