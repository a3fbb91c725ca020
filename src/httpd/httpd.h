/* httpd.h - the HTTP server: a route table that decides auth, tenant, body limit and rate before
 * a handler runs.
 *
 * libmicrohttpd's threads own the sockets and never wait: an INLINE handler runs on them and
 * must not block; any other runs on httpd's own handler threads while the connection is
 * suspended. A handler may defer its answer and give it later from any thread (group commit).
 * Bodies are read whole within the route's limit. Failures leave as RFC 9457 problem JSON; every
 * response carries X-Request-Id.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "log/log.h"

struct httpd;
struct app; /* opaque to this module; handed to handlers as it is */

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS };

enum route_auth {
    AUTH_NONE,      /* public */
    AUTH_SIGNATURE, /* the handler itself checks a provider's signature over the raw body */
    AUTH_MEMBER,    /* session cookie or API key of a tenant, by the server's auth hook */
    AUTH_OPERATOR,  /* loopback peers, or the metrics token */
};

enum role { ROLE_NONE, ROLE_AGENT, ROLE_SUPERVISOR, ROLE_ADMIN };

enum route_flags {
    ROUTE_INLINE = 1,  /* runs on the network thread: no disk, no database, no waiting */
    ROUTE_UPGRADE = 2, /* answers with a protocol switch */
    ROUTE_QUIET = 4,   /* not logged at info (health checks) */
};

/* Who is calling, as the auth hook found out. */
struct principal {
    struct tenant_id tenant;
    struct user_id user; /* nil for an API key */
    struct uuid key;     /* nil for a session */
    enum role role;      /* of a user; an API key has ROLE_NONE and scopes */
    struct str scopes;   /* of an API key: space-separated */
    /* Writes then need a same-origin proof, which httpd checks (Origin or Sec-Fetch-Site). */
    bool by_cookie;
};

struct req { /* lives until the response is sent; views are valid that long */
    struct arena *arena;
    enum http_method method;
    struct str path;
    struct str query;           /* raw, without the "?" */
    struct str body;            /* raw bytes */
    struct str request_id;      /* 22 characters, ours */
    struct str peer;            /* address without port; behind trusted proxies the forwarded one */
    bool is_secure;             /* TLS here or at a trusted proxy */
    struct principal principal; /* zero unless the route asks for one */
    const struct route *route;
    struct log_ctx log; /* carries request id, later tenant */
    int64_t started_ns;
    void *impl;
};

/* Path parameter, query parameter (percent-decoded; empty when absent) and header (name any
 * case). */
struct str req_param(const struct req *r, const char *name);
struct str req_query(const struct req *r, const char *name);
bool req_has_query(const struct req *r, const char *name);
struct str req_header(const struct req *r, const char *name);
struct str req_cookie(const struct req *r, const char *name);

/* True when the request proves to come from a page of ours: its Origin is the Host, or
 * Sec-Fetch-Site says same-origin. */
bool req_is_same_origin(const struct req *r);

/* Takes the socket over after the 101, on a network thread; read_already is valid during the
 * call. fd is non-blocking and given back by release(handle), which also closes it; -1: the
 * connection was lost first, there is nothing to release. Called exactly once for a resp that
 * was returned. */
typedef void (*upgrade_fn)(void *ctx, int fd, struct str read_already,
                           void (*release)(void *handle), void *handle);

enum { RESP_MAX_HEADERS = 16 };
struct resp {
    unsigned status;         /* 0: 200 with a body, 204 without */
    struct str content_type; /* default application/json; a static or arena text */
    struct str body;         /* in the request's arena or static */
    struct {
        const char *name;
        struct str value;
    } headers[RESP_MAX_HEADERS];
    size_t n_headers;
    upgrade_fn upgrade; /* ROUTE_UPGRADE: takes the socket over after 101 */
    void *upgrade_ctx;
    bool is_deferred; /* set by req_defer */
    bool has_file;    /* set by resp_file: instead of a body */
    int file;
    uint64_t file_at, file_len;
    bool is_cut; /* the connection is closed without a word: what simulators do to a caller */
};

void resp_header(struct resp *resp, const char *name, struct str value);
/* len bytes of an open file from `at` on are the body; fd belongs to httpd from here on, whatever
 * becomes of the answer. The file must not shrink. The network thread reads it while it sends, so it
 * is told to come into memory ahead of that. */
void resp_file(struct resp *resp, int fd, uint64_t at, uint64_t len);
/* JSON body from a buffer: copies it into the request's arena; an overflown buffer becomes a
 * 500. */
void resp_json(const struct req *r, struct resp *resp, unsigned status, const struct buf *b);
void resp_text(struct resp *resp, unsigned status, struct str text);
/* Turns a failure into its problem response: type "urn:prosa:problem:<slug>", title, status,
 * detail (err.message, unless it is our own fault), instance (the request id), field when given. */
void resp_problem(const struct req *r, struct resp *resp, const struct err *e, const char *field);

/* Adds the members of a JSON object to a problem that was just made (RFC 9457 §3.2). */
void resp_problem_add(const struct req *r, struct resp *resp, struct str object);

/* The answer comes later by req_finish, from any thread, exactly once. r and its arena stay
 * valid until then. */
void req_defer(struct req *r, struct resp *resp);
void req_finish(struct req *r, struct resp *resp);

/* A failure status becomes a problem response; not after req_defer. */
typedef enum status (*handler_fn)(struct app *app, struct req *r, struct resp *ret_resp,
                                  struct err *e);

struct route {
    enum http_method method;
    /* "/api/v1/conversations/{id}"; "/assets/{path*}" takes the rest with its slashes, also none.
     * A literal segment wins over a parameter. HEAD is answered by GET, OPTIONS by httpd. */
    const char *path;
    handler_fn handler;
    enum route_auth auth;
    enum role min_role; /* AUTH_MEMBER, users */
    const char *scope;  /* AUTH_MEMBER, API keys: "conversations:read" */
    uint32_t max_body;  /* bytes; 0: no body accepted */
    /* At most so many at once, refilled evenly: per principal (AUTH_MEMBER) or peer address (of
     * IPv6 the first 64 bits). 0: the server's default for members, unlimited for others. */
    uint32_t rate_per_min;
    unsigned flags;
    const char *summary; /* one line, for the API description */
};

struct httpd_options {
    struct str listen;        /* "127.0.0.1:8080", "[::1]:0", "localhost:80", ":80" */
    unsigned threads;         /* network threads; 0: 2 */
    unsigned handlers;        /* handler threads; 0: 4 */
    unsigned max_connections; /* more wait until others close; 0: 10,000 */
    /* From a request's first line to its last byte; slower clients get 408 and are closed. Also
     * what a new connection has for its first line, and the part of a response's time that does
     * not depend on its length. 0: 30 s */
    uint32_t body_timeout_ms;
    uint32_t idle_timeout_ms; /* keep-alive; 0: 75 s */
    struct str tls_cert_pem;  /* both empty: no TLS */
    struct str tls_key_pem;
    struct str trusted_proxies; /* CIDRs, comma-separated */
    struct str operator_token;  /* for AUTH_OPERATOR from elsewhere; empty: loopback only */
    /* AUTH_MEMBER routes without a rate of their own, all together; 0: 1200 */
    uint32_t member_rate_per_min;
    const struct route *routes; /* stay the caller's and outlive the server */
    size_t n_routes;
    struct app *app;
    /* Fills principal from the request's credentials for an AUTH_MEMBER route; checks role and
     * scope (httpd does again). Runs on a handler thread. ST_DENIED with cause "unauthenticated"
     * becomes 401 and counts against the address, any other ST_DENIED 403. */
    enum status (*auth)(struct app *app, struct req *r, struct principal *ret, struct err *e);
    const struct log_ctx *log;
};

/* ST_INVALID: a route, the address or a network is malformed; ST_UNAVAILABLE: the address is taken,
 * or the certificate does not load. */
enum status httpd_start(struct httpd_options options, struct httpd **ret, struct err *e)
    ATTR_MUST_CHECK;
/* The bound address, "127.0.0.1:43211": port 0 read back. */
struct str httpd_address(const struct httpd *h);
/* Stops accepting, answers 503 with Connection: close to new requests on kept connections, lets
 * begun ones finish for at most drain_ms, then closes. What is not finished by then is answered
 * 503; its req lives on until req_finish. Handlers are waited for, however long they take. Who
 * took sockets over by an upgrade gives them back first (ws_stop). */
void httpd_stop(struct httpd *h, uint32_t drain_ms);

/* True when scopes ("conversations:read jobs:*" or "*") permits wanted ("conversations:read"). */
bool scope_permits(struct str scopes, struct str wanted);
