/* httpd.c - starting and stopping the server.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpd/httpd.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/clock.h"
#include "httpd/internal.h"

enum {
    DEFAULT_THREADS = 2,
    DEFAULT_HANDLERS = 4,
    DEFAULT_CONNECTIONS = 10000,
    DEFAULT_BODY_MS = 30 * 1000,
    DEFAULT_IDLE_MS = 75 * 1000,
    STOP_POLL_MS = 5,
    LIMIT_SLACK = 64, /* we count closed connections a moment before libmicrohttpd does */
};

static void fill_defaults(struct httpd_options *o) {
    o->threads = o->threads ? o->threads : DEFAULT_THREADS;
    o->handlers = o->handlers ? o->handlers : DEFAULT_HANDLERS;
    o->max_connections = o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS;
    o->body_timeout_ms = o->body_timeout_ms ? o->body_timeout_ms : DEFAULT_BODY_MS;
    o->idle_timeout_ms = o->idle_timeout_ms ? o->idle_timeout_ms : DEFAULT_IDLE_MS;
}

static enum status check_routes(const struct httpd_options *o, struct err *e) {
    for (size_t i = 0; i < o->n_routes; i++) {
        const struct route *r = &o->routes[i];

        if (r->auth == AUTH_MEMBER && (r->flags & ROUTE_INLINE))
            FAIL(e, ST_INVALID,
                 "could not add route \"%s\": its auth waits, so it cannot be inline", r->path);
        if (r->auth == AUTH_MEMBER && !o->auth)
            FAIL(e, ST_INVALID, "could not add route \"%s\": the server has no auth hook", r->path);
    }
    return ST_OK;
}

static void log_library(void *cls, const char *format, va_list args) ATTR_PRINTF(2, 0);

static void log_library(void *cls, const char *format, va_list args) {
    const struct httpd *h = cls;
    char text[200]; /* longer lines of theirs are cut */
    int n = vsnprintf(text, sizeof(text), format, args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

    serve_see_log((struct str){.ptr = text, .len = len});
    log_debug(h->options.log, "libmicrohttpd",
              F_STR("text", str_trim((struct str){.ptr = text, .len = len})));
}

static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *s) {
    (void)cls;
    (void)mhd;
    return str_of(s).len; /* we decode ourselves, after splitting */
}

enum status daemon_start(struct httpd *h, struct MHD_Daemon **ret, struct err *e) {
    const struct httpd_options *o = &h->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
                     MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, arena_cstr(&h->arena, o->tls_cert_pem)},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, arena_cstr(&h->arena, o->tls_key_pem)},
        {MHD_OPTION_END, 0, NULL},
    };

    if (h->is_tls)
        flags |= MHD_USE_TLS;
    else
        tls[0] = tls[2];
    *ret = MHD_start_daemon(
        flags, 0, NULL, NULL, serve_request, h, MHD_OPTION_EXTERNAL_LOGGER, log_library, h,
        MHD_OPTION_CONNECTION_LIMIT, o->max_connections + LIMIT_SLACK,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, 0,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_URI_LOG_CALLBACK, serve_uri, h,
        MHD_OPTION_NOTIFY_COMPLETED, serve_completed, h, MHD_OPTION_NOTIFY_CONNECTION, conn_notify,
        h, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!*ret)
        FAIL(e, ST_UNAVAILABLE, "could not start the HTTP server%s",
             h->is_tls ? ": is the certificate or its key unreadable?" : "");
    return ST_OK;
}

static struct httpd *httpd_new(struct httpd_options options) {
    struct httpd *h = calloc(1, sizeof(*h));

    if (!h)
        abort();
    fill_defaults(&options);
    h->options = options;
    h->listen_fd = h->accept_wake_fd = -1;
    h->refs = 1;
    h->is_tls = options.tls_cert_pem.len > 0;
    list_init(&h->live);
    list_init(&h->spare);
    list_init(&h->conns);
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)pthread_cond_init(&h->changed, NULL);
    (void)pthread_mutex_init(&h->conns_lock, NULL);
    (void)pthread_cond_init(&h->conns_changed, NULL);
    (void)pthread_cond_init(&h->conns_room, NULL);
    return h;
}

static enum status prepare(struct httpd *h, struct err *e) {
    struct httpd_options *o = &h->options;
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        FAIL(e, ST_UNAVAILABLE, "could not get random bytes");
    h->rates = rates_new(seed);
    h->gone = answer_gone_new();
    o->operator_token = arena_str(&h->arena, o->operator_token);
    TRY(check_routes(o, e));
    TRY(route_tree_build(&h->arena, o->routes, o->n_routes, &h->routes, e));
    TRY(networks_parse(&h->arena, o->trusted_proxies, &h->trusted, e));
    TRY(listen_open(&h->arena, o->listen, &h->listen_fd, &h->address, e));
    TRY(handlers_start(o->handlers, &h->handlers, e));
    TRY(sweeper_start(h, e));
    TRY(nets_start(h, e));
    return accept_start(h, e);
}

/* Also of one that did not start. */
static void end(struct httpd *h) {
    accept_stop(h);
    nets_stop(h);
    handlers_stop(h->handlers);
    sweeper_stop(h);
    if (h->gone)
        MHD_destroy_response(h->gone);
    httpd_unref(h);
}

enum status httpd_start(struct httpd_options options, struct httpd **ret, struct err *e) {
    struct httpd *h = httpd_new(options);
    enum status st = prepare(h, e);

    if (st != ST_OK) {
        end(h);
        return st;
    }
    *ret = h;
    return ST_OK;
}

struct str httpd_address(const struct httpd *h) {
    return h->address;
}

static void wait_for_requests(struct httpd *h, uint32_t drain_ms) {
    struct timespec until = clock_deadline(drain_ms);

    (void)pthread_mutex_lock(&h->lock);
    while (h->n_live > 0) {
        if (pthread_cond_clockwait(&h->changed, &h->lock, CLOCK_MONOTONIC, &until) != 0)
            break;
    }
    (void)pthread_mutex_unlock(&h->lock);
}

/* libmicrohttpd may not be stopped while a connection is suspended: those that still wait for a
 * handler or a finish get a 503, and their requests live on until somebody finishes them. */
static void abandon_suspended(struct httpd *h) {
    struct MHD_Connection **resume;
    size_t n = 0;

    (void)pthread_mutex_lock(&h->lock);
    resume = calloc(h->n_live + 1, sizeof(struct MHD_Connection *));
    if (!resume)
        abort();
    LIST_EACH(&h->live, node) {
        struct request *r = LIST_ITEM(node, struct request, node);

        if (!r->is_retired && request_claim_resume(r, RF_ABANDONED))
            resume[n++] = r->mhd;
    }
    (void)pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < n; i++)
        nets_resume(h, resume[i]);
    free(resume);
}

/* Whoever is busy either is suspended, and then abandoned here, or will be the next moment, or
 * is about to answer. */
static void give_up_waiting(struct httpd *h) {
    atomic_store(&h->is_stopping, true);
    while (atomic_load(&h->n_busy) > 0) {
        struct timespec until = clock_deadline(STOP_POLL_MS);

        abandon_suspended(h);
        (void)pthread_mutex_lock(&h->lock);
        (void)pthread_cond_clockwait(&h->changed, &h->lock, CLOCK_MONOTONIC, &until);
        (void)pthread_mutex_unlock(&h->lock);
    }
}

void httpd_stop(struct httpd *h, uint32_t drain_ms) {
    if (!h)
        return;
    atomic_store(&h->is_draining, true);
    accept_stop(h);
    wait_for_requests(h, drain_ms);
    give_up_waiting(h);
    end(h);
}
