/* bench.h - a client, one peer and calls between them, for the tests of httpc/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "httpc/loop.h"
#include "unit/httpc/fake_server.h"

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Kind: Test\r\n\r\nok"

struct bench { /* a client, an arena and one peer */
    struct httpc *h;
    struct arena a;
    struct fake peer;
    struct err e;
};

static inline void bench_open_with(struct bench *b, fake_fn serve, struct httpc_options options) {
    *b = (struct bench){.e = ERR_INIT};
    fake_listen(&b->peer, serve);
    assert_int_equal(httpc_start(options, &b->h, &b->e), ST_OK);
}

static inline void bench_open(struct bench *b, fake_fn serve) {
    bench_open_with(b, serve, (struct httpc_options){.gate = GATE_ALL, .timeout_ms = 20000});
}

static inline void bench_close(struct bench *b) {
    httpc_stop(b->h);
    fake_stop(&b->peer);
    arena_done(&b->a);
    clock_shift_ms(0);
}

static inline struct http_call get(struct str url) {
    return (struct http_call){.method = "GET", .url = url, .reach = REACH_MACHINE};
}

static inline struct http_call post(struct str url, struct str body) {
    return (struct http_call){.method = "POST", .url = url, .body = body, .reach = REACH_REPLY};
}

static inline enum status call(struct bench *b, const struct http_call *c, struct http_reply *ret) {
    err_clear(&b->e);
    return httpc_call(b->h, &b->a, c, ret, &b->e);
}

/* Two peers: this one answers every call, serve_silence hears it and says nothing. */
static inline void serve_ok(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    while (fake_read(f, fd))
        fake_write(fd, OK_REPLY);
}

/* To a port where somebody has just stopped to listen. */
static inline struct http_call post_to_nobody(struct bench *b) {
    struct fake gone;
    struct http_call c;

    fake_listen(&gone, serve_ok);
    c = post(fake_url(&b->a, &gone, "/"), STR("x"));
    fake_stop(&gone);
    return c;
}

static inline void serve_silence(struct fake *f, int fd, unsigned nth) {
    (void)nth;
    if (fake_read(f, fd))
        fake_hold(f);
}
