/* listen.c - the listening socket, made here rather than by libmicrohttpd so that port 0 can be
 * read back and "[::]" takes IPv4 as well.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd/internal.h"

enum { BACKLOG = 1024 };

struct endpoint {
    struct sockaddr_storage sa;
    socklen_t len;
};

static void fill_endpoint(const struct ip *ip, uint16_t port, struct endpoint *ret) {
    *ret = (struct endpoint){0};
    if (ip_is_v4(ip)) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};

        memcpy(&v4.sin_addr, ip->bytes + 12, 4);
        memcpy(&ret->sa, &v4, sizeof(v4));
        ret->len = sizeof(v4);
    } else {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

        memcpy(&v6.sin6_addr, ip->bytes, sizeof(ip->bytes));
        memcpy(&ret->sa, &v6, sizeof(v6));
        ret->len = sizeof(v6);
    }
}

/* "host:port"; the host is an address, "localhost", or empty for all interfaces. */
static bool parse_endpoint(struct str address, struct endpoint *ret) {
    size_t colon = address.len;
    struct str host;
    struct ip ip;
    int64_t port;

    while (colon > 0 && address.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0 || !str_parse_i64(str_sub(address, colon, address.len), 0, 65535, &port))
        return false;
    host = str_sub(address, 0, colon - 1);
    if (host.len == 0)
        host = STR("0.0.0.0");
    else if (str_eq(host, STR("localhost")))
        host = STR("127.0.0.1");
    else if (host.ptr[0] != '[' && str_contains(host, STR(":")))
        return false; /* "::1:80" could be read two ways */
    if (!ip_parse(host, &ip))
        return false;
    fill_endpoint(&ip, (uint16_t)port, ret);
    return true;
}

static bool bind_socket(int fd, const struct endpoint *at) {
    int one = 1, zero = 0;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
        return false;
    if (at->sa.ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    return bind(fd, (const struct sockaddr *)&at->sa, at->len) == 0 && listen(fd, BACKLOG) == 0;
}

static struct str read_address(struct arena *a, int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa = {.v6 = {0}};
    socklen_t len = sizeof(sa);
    char text[IP_TEXT_BYTES];
    bool is_v4;
    struct ip ip;

    if (getsockname(fd, &sa.any, &len) < 0 || !ip_of_sockaddr(&sa.any, &ip))
        return STR_EMPTY;
    (void)ip_format_to(&ip, text);
    is_v4 = sa.any.sa_family == AF_INET;
    return arena_printf(a, is_v4 ? "%s:%u" : "[%s]:%u", text,
                        (unsigned)ntohs(is_v4 ? sa.v4.sin_port : sa.v6.sin6_port));
}

enum status listen_open(struct arena *a, struct str address, int *ret_fd, struct str *ret_bound,
                        struct err *e) {
    struct endpoint at;
    int fd;

    if (!parse_endpoint(address, &at))
        FAIL(e, ST_INVALID, "could not read \"%.*s\" as address:port", STR_ARG(address));
    fd = socket(at.sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !bind_socket(fd, &at)) {
        int why = errno;

        if (fd >= 0)
            (void)close(fd);
        FAIL(e, ST_UNAVAILABLE, "could not listen on \"%.*s\": %s", STR_ARG(address),
             strerrordesc_np(why));
    }
    *ret_fd = fd;
    *ret_bound = read_address(a, fd);
    return ST_OK;
}
