/* handshake.c - an HTTP request asks to become a WebSocket (RFC 6455 §4.2).
 * SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "crypto/crypto.h"
#include "ws/internal.h"

enum { KEY_BYTES = 16 };

static bool has_token(struct str list, struct str token) {
    while (list.len > 0) {
        struct str item;

        (void)str_cut(&list, ',', &item);
        if (str_eq_nocase(str_trim(item), token))
            return true;
    }
    return false;
}

static enum status check_handshake(struct req *r, struct err *e) {
    struct str raw;

    if (!has_token(req_header(r, "upgrade"), STR("websocket")) ||
        !has_token(req_header(r, "connection"), STR("upgrade")))
        FAIL(e, ST_INVALID, "this address speaks WebSocket only");
    if (!crypto_unbase64(r->arena, req_header(r, "sec-websocket-key"), &raw) ||
        raw.len != KEY_BYTES)
        FAIL(e, ST_INVALID, "Sec-WebSocket-Key is malformed");
    return ST_OK;
}

/* Other sites can open WebSockets with our cookies: browsers do not stop them, only say where
 * they come from. */
static enum status check_origin(struct req *r, struct err *e) {
    bool must_prove = r->principal.by_cookie || req_header(r, "origin").len > 0;

    if (must_prove && !req_is_same_origin(r)) {
        e->cause = "cross-origin";
        FAIL(e, ST_DENIED, "the WebSocket was opened from another origin");
    }
    return ST_OK;
}

static struct str accept_value(struct arena *a, struct str key) {
    struct str text = arena_printf(a, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", STR_ARG(key));
    uint8_t digest[SHA1_BYTES];

    crypto_sha1(text, digest);
    return crypto_base64(a, (struct str){.ptr = (const char *)digest, .len = sizeof(digest)});
}

static bool reserve(struct ws *w) {
    if (atomic_fetch_add(&w->n_conns, 1) < w->options.max_connections)
        return true;
    atomic_fetch_sub(&w->n_conns, 1);
    return false;
}

/* On httpd's network thread. */
void handshake_take_over(void *ctx, int fd, struct str already, void (*release)(void *),
                         void *handle) {
    struct ws_conn *c = ctx;
    struct ws *w = c->w;
    int one = 1;
    bool is_late, wake = false;

    if (fd >= 0) {
        c->fd = fd;
        c->release = release;
        c->handle = handle;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* not one under TLS */
        c->first = already.len > 0 ? malloc(already.len) : NULL;
        if (c->first)
            memcpy(c->first, already.ptr, already.len);
        c->first_len = c->first ? already.len : 0;
    }
    (void)pthread_mutex_lock(&w->lock);
    is_late = fd < 0 || w->is_stopping;
    if (!is_late)
        wake = ws_mark_dirty(c);
    (void)pthread_mutex_unlock(&w->lock);
    if (wake)
        ws_wake(w);
    if (is_late)
        conn_end(c);
}

/* RFC 6455 §4.4: the one refusal that names what would be welcome. */
static void answer_version(struct req *r, struct resp *ret_resp) {
    struct err e = ERR_INIT;

    (void)err_set(&e, ST_INVALID, __FILE__, __LINE__, "only WebSocket version 13 is spoken here");
    resp_problem(r, ret_resp, &e, "Sec-WebSocket-Version");
    ret_resp->status = 426;
    resp_header(ret_resp, "Sec-WebSocket-Version", STR("13"));
    resp_header(ret_resp, "Upgrade", STR("websocket"));
}

/* NOLINTNEXTLINE(readability-function-size): a connection has that many parts */
enum status ws_accept(struct ws *w, struct req *r, const struct ws_events *events, void *ctx,
                      void *user, void (*free_user)(void *user), struct resp *ret_resp,
                      struct err *e) {
    struct ws_conn *c;

    TRY(check_handshake(r, e));
    TRY(check_origin(r, e));
    if (!str_eq(req_header(r, "sec-websocket-version"), STR("13"))) {
        answer_version(r, ret_resp);
        if (free_user)
            free_user(user);
        return ST_OK;
    }
    if (!reserve(w))
        FAIL(e, ST_LIMITED, "too many WebSocket connections");
    c = conn_new(w);
    c->events = events;
    c->ctx = ctx;
    c->user = user;
    c->free_user = free_user;
    ret_resp->upgrade = handshake_take_over;
    ret_resp->upgrade_ctx = c;
    resp_header(ret_resp, "Upgrade", STR("websocket"));
    resp_header(ret_resp, "Sec-WebSocket-Accept",
                accept_value(r->arena, req_header(r, "sec-websocket-key")));
    return ST_OK;
}
