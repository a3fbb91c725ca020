/* client.h - a server under test and a hand-written client: raw bytes out, one parsed response in.
 * Blocking sockets with a long timeout, so that a wrong server fails a test instead of hanging it.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "unit/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "httpd/httpd.h"

enum {
    CLIENT_TIMEOUT_S = 20,
    CLIENT_MAX_BYTES = 8 << 20,
};

struct client {
    int fd;
    struct buf in; /* received and not yet consumed */
};

struct reply {
    unsigned status;
    struct str head, body; /* valid until the next reply */
};

static inline struct httpd *server_start(struct httpd_options options) {
    struct err e = ERR_INIT;
    struct httpd *h = NULL;

    if (options.listen.len == 0)
        options.listen = STR("127.0.0.1:0");
    assert_ok(httpd_start(options, &h, &e), &e);
    return h;
}

static inline uint16_t server_port(const struct httpd *h) {
    struct str host, port = httpd_address(h);
    int64_t n = 0;

    assert_true(str_cut(&port, ':', &host));
    assert_true(str_parse_i64(port, 1, 65535, &n));
    return (uint16_t)n;
}

static inline struct client client_open(const struct httpd *h) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(server_port(h))};
    struct timeval limit = {.tv_sec = CLIENT_TIMEOUT_S};
    struct client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(connect(c.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    buf_init(&c.in, CLIENT_MAX_BYTES);
    return c;
}

static inline void client_close(struct client *c) {
    (void)close(c->fd);
    buf_done(&c->in);
}

/* False when the peer is gone. */
static inline bool client_try_send(struct client *c, struct str s) {
    while (s.len > 0) {
        ssize_t n = send(c->fd, s.ptr, s.len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        s = str_sub(s, (size_t)n, s.len);
    }
    return true;
}

static inline void client_send(struct client *c, struct str s) {
    assert_true(client_try_send(c, s));
}

/* False at the end of the stream, or when it was reset. */
static inline bool client_receive(struct client *c) {
    char *at = buf_reserve(&c->in, 16 << 10);
    ssize_t n;

    assert_non_null(at);
    n = recv(c->fd, at, 16 << 10, 0);
    assert_false(n < 0 && errno == EAGAIN); /* the server did not answer */
    if (n <= 0)
        return false;
    buf_commit(&c->in, (size_t)n);
    return true;
}

static inline bool reply_header(const struct reply *r, struct str name, struct str *ret) {
    struct str left = r->head, line, key;

    while (left.len > 0) {
        (void)str_cut(&left, '\n', &line);
        if (str_cut(&line, ':', &key) && str_eq_nocase(key, name)) {
            *ret = str_trim(line);
            return true;
        }
    }
    return false;
}

static inline struct str reply_get(const struct reply *r, const char *name) {
    struct str value = STR_EMPTY;

    (void)reply_header(r, str_of(name), &value);
    return value;
}

/* The next response, which stays in c->in; false when the connection ended before it. is_head:
 * no body follows. */
static inline bool client_try_reply(struct client *c, bool is_head, struct reply *ret) {
    int64_t len = 0;
    const char *end;

    *ret = (struct reply){0};
    while (!(end = c->in.len ? memmem(c->in.ptr, c->in.len, "\r\n\r\n", 4) : NULL)) {
        if (!client_receive(c))
            return false;
    }
    *ret = (struct reply){.head = {.ptr = c->in.ptr, .len = (size_t)(end - c->in.ptr) + 4}};
    assert_true(ret->head.len > 12);
    ret->status = (unsigned)strtoul(ret->head.ptr + 9, NULL, 10);
    if (!is_head && reply_get(ret, "Content-Length").len > 0)
        assert_true(str_parse_i64(reply_get(ret, "Content-Length"), 0, CLIENT_MAX_BYTES, &len));
    while (c->in.len < ret->head.len + (size_t)len)
        assert_true(client_receive(c));
    ret->head.ptr = c->in.ptr;
    ret->body = (struct str){.ptr = c->in.ptr + ret->head.len, .len = (size_t)len};
    return true;
}

static inline void client_consume(struct client *c, const struct reply *r) {
    buf_consume(&c->in, r->head.len + r->body.len);
}

/* Sends, takes the response's status and forgets the rest. */
static inline unsigned client_ask(struct client *c, struct str request) {
    struct reply r;

    client_send(c, request);
    assert_true(client_try_reply(c, false, &r));
    client_consume(c, &r);
    return r.status;
}

/* One request on a connection of its own. */
static inline unsigned server_ask(const struct httpd *h, struct str request) {
    struct client c = client_open(h);
    unsigned status = client_ask(&c, request);

    client_close(&c);
    return status;
}

static inline bool client_is_at_end(struct client *c) {
    return c->in.len == 0 && !client_receive(c);
}
