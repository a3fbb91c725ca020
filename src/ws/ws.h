/* ws.h - WebSocket (RFC 6455) connections on one thread of their own: frames by libwslay,
 * sockets taken over from httpd. Nothing here waits for disk, database or a handler: a slow
 * peer's queue grows to its limit and then the peer is closed with 1013 (try again later), so
 * that it resumes by cursor.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "httpd/httpd.h"

struct ws;
struct ws_conn; /* counted: lives as long as somebody holds a reference */

struct
    ws_events { /* called on the ws thread, never two at once for one connection; must not block */
    void (*opened)(void *ctx, struct ws_conn *c);
    void (*text)(void *ctx, struct ws_conn *c, struct str message); /* whole, valid UTF-8 */
    void (*closed)(void *ctx, struct ws_conn *c);
};

struct ws_options {
    size_t max_message_bytes; /* from the peer; more closes with 1009. 0: 64 KB */
    size_t max_queued_bytes;  /* towards a slow peer. 0: 1 MB */
    uint32_t ping_every_ms;   /* no pong by the next one closes. 0: 30 s */
    unsigned max_connections; /* 0: 10,000 */
    const struct log_ctx *log;
};

enum status ws_start(struct ws_options options, struct ws **ret, struct err *e) ATTR_MUST_CHECK;
void ws_stop(struct ws *w); /* closes all with 1001 */

/* For a ROUTE_UPGRADE handler: checks the handshake (RFC 6455 §4.2.1) and Origin, and fills the
 * 101. user is handed to the events as ws_user(). ST_INVALID: not a WebSocket handshake;
 * ST_LIMITED: too many connections. */
enum status ws_accept(struct ws *w, struct req *r, const struct ws_events *events, void *ctx,
                      void *user, void (*free_user)(void *user), struct resp *ret_resp,
                      struct err *e) ATTR_MUST_CHECK;

void *ws_user(const struct ws_conn *c);
struct ws_conn *ws_ref(struct ws_conn *c);
void ws_unref(struct ws_conn *c);
/* Queues a text frame; any thread. False when the connection is closed or its queue is full (it
 * is then being closed). */
bool ws_send_text(struct ws_conn *c, struct str text);
void ws_close(struct ws_conn *c, uint16_t code, struct str reason); /* any thread */
