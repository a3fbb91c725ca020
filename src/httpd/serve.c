/* serve.c - one request through libmicrohttpd's callbacks: line, headers, body, handler,
 * answer, completed. All of it runs on the connection's network thread; only finish() in
 * request.c comes from elsewhere.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "httpd/internal.h"
#include "stats/stats.h"

enum {
    SLOW_NS = 1000 * 1000 * 1000,
    BUFFERED_MAX_BYTES = 512 << 20, /* growing bodies of all requests together */
    UNAVAILABLE_LOG_MS = 1000,
};

static struct stats_counter responses[] = {
    STATS_COUNTER_L("prosa_http_requests_total", "HTTP requests by outcome", "class=\"none\""),
    STATS_COUNTER_L("prosa_http_requests_total", "HTTP requests by outcome", "class=\"1xx\""),
    STATS_COUNTER_L("prosa_http_requests_total", "HTTP requests by outcome", "class=\"2xx\""),
    STATS_COUNTER_L("prosa_http_requests_total", "HTTP requests by outcome", "class=\"3xx\""),
    STATS_COUNTER_L("prosa_http_requests_total", "HTTP requests by outcome", "class=\"4xx\""),
    STATS_COUNTER_L("prosa_http_requests_total", "HTTP requests by outcome", "class=\"5xx\""),
};

static struct stats_histogram durations =
    STATS_HISTOGRAM("prosa_http_request_duration_seconds",
                    "From the request line to the last byte of the response");

static const char *const method_names[HTTP_METHODS] = {
    [HTTP_GET] = "GET",     [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
    [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
};

void *serve_uri(void *cls, const char *uri, struct MHD_Connection *mhd) {
    struct httpd *h = cls;
    struct conn *c = conn_of(mhd);

    if (!conn_set_phase(c, PHASE_READING, h->options.body_timeout_ms))
        return NULL;
    c->request = request_new(c, str_of(uri));
    return c->request;
}

/* Set between libmicrohttpd's complaint that a response header did not fit into what a huge
 * request left of the pool and its call of serve_completed(), which follows at once on the same
 * thread. */
static _Thread_local bool has_no_room;

void serve_see_log(struct str text) {
    if (str_contains(text, STR("failed to create response header")) ||
        str_contains(text, STR("failed to create error response header")))
        has_no_room = true;
}

static enum MHD_Result begin(struct request *r, struct MHD_Connection *mhd, const char *method,
                             const char *version) {
    r->mhd = mhd;
    r->stage = STAGE_BODY;
    if (admit_headers(r, str_of(method), str_of(version)))
        return MHD_YES;
    if (conn_is_cut(r->conn))
        return MHD_NO;
    if (!request_has_body(r))
        return MHD_YES;
    r->conn->is_rude = true; /* we answer before reading what the client is about to send */
    return answer_send(r);
}

/* A body that outgrew the route's limit. In the middle of it libmicrohttpd takes no response: a
 * plain socket is told and closed, under TLS the rest is read and dropped until the 413 may be
 * sent. */
static enum MHD_Result body_over(struct request *r) {
    if (!r->h->is_tls) {
        conn_refuse(r->conn, 413);
        return MHD_NO;
    }
    r->is_body_over = true;
    (void)refuse(r, (struct problem){.status = 413, .slug = "too-large"});
    return MHD_YES;
}

static enum MHD_Result grow_body(struct request *r, struct str data) {
    if (data.len > r->body.max - r->body.len)
        return body_over(r);
    if (atomic_fetch_add(&r->h->buffered, data.len) + data.len > BUFFERED_MAX_BYTES) {
        atomic_fetch_sub(&r->h->buffered, data.len);
        conn_refuse(r->conn, 503); /* so many large bodies at once are no ordinary day */
        return MHD_NO;
    }
    buf_add(&r->body, data);
    return MHD_YES;
}

static enum MHD_Result take_body(struct request *r, const char *data, size_t *size) {
    struct str piece = {.ptr = data, .len = *size};

    *size = 0;
    if (r->is_refused)
        return MHD_YES;
    if (!r->flat)
        return grow_body(r, piece);
    if (piece.len > r->flat_cap - r->flat_len)
        return MHD_NO; /* libmicrohttpd promised the announced length */
    memcpy(r->flat + r->flat_len, piece.ptr, piece.len);
    r->flat_len += piece.len;
    return MHD_YES;
}

static void set_busy(struct request *r, bool is_busy) {
    if (is_busy == r->is_busy)
        return;
    r->is_busy = is_busy;
    if (is_busy)
        atomic_fetch_add(&r->h->n_busy, 1);
    else
        atomic_fetch_sub(&r->h->n_busy, 1);
}

static enum MHD_Result take_back(struct request *r) {
    bool is_abandoned = atomic_load(&r->flags) & RF_ABANDONED;

    set_busy(r, false);
    if (is_abandoned) /* resp may be written at this very moment */
        return MHD_queue_response(r->mhd, 503, r->h->gone);
    return answer_send(r);
}

static enum MHD_Result await_deferred(struct request *r) {
    struct MHD_Connection *mhd = r->mhd;
    unsigned old;

    r->stage = STAGE_HANDLED;
    if (atomic_load(&r->flags) & RF_FINISHED)
        return take_back(r);
    MHD_suspend_connection(mhd);
    old = atomic_fetch_or(&r->flags, RF_SUSPENDED);
    if ((old & RF_FINISHED) && request_claim_resume(r, 0))
        nets_resume(r->h, mhd);
    return MHD_YES;
}

static enum MHD_Result run_inline(struct request *r) {
    if (!handler_run(r))
        return await_deferred(r);
    (void)atomic_fetch_or(&r->flags, RF_FINISHED);
    return take_back(r);
}

static enum MHD_Result hand_over(struct request *r) {
    r->stage = STAGE_HANDLED;
    MHD_suspend_connection(r->mhd);
    (void)atomic_fetch_or(&r->flags, RF_SUSPENDED);
    handlers_push(r->h->handlers, r);
    return MHD_YES;
}

/* Counted before is_stopping is looked at: a stop sets it first and then waits for the count. */
static bool claim_handler(struct request *r) {
    set_busy(r, true);
    if (atomic_load(&r->h->is_stopping))
        (void)err_set(&r->err, ST_UNAVAILABLE, __FILE__, __LINE__, "the server is stopping");
    else if (!(r->pub.route->flags & ROUTE_INLINE) && !handlers_reserve(r->h->handlers))
        (void)err_set(&r->err, ST_UNAVAILABLE, __FILE__, __LINE__, "all handlers are busy");
    else
        return true;
    set_busy(r, false);
    return refuse_err(r);
}

static enum MHD_Result dispatch(struct request *r) {
    if (!conn_set_phase(r->conn, PHASE_BUSY, 0))
        return MHD_NO;
    if (r->is_refused)
        return answer_send(r);
    r->pub.body = r->flat ? (struct str){.ptr = r->flat, .len = r->flat_len} : buf_str(&r->body);
    if (!claim_handler(r))
        return answer_send(r);
    (void)atomic_fetch_or(&r->flags, RF_HANDED);
    return r->pub.route->flags & ROUTE_INLINE ? run_inline(r) : hand_over(r);
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's signature */
enum MHD_Result serve_request(void *cls, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **ctx) {
    struct request *r = *ctx;

    (void)cls;
    (void)url;
    if (!r)
        return MHD_NO;
    switch (r->stage) {
    case STAGE_LINE:
        return begin(r, mhd, method, version);
    case STAGE_BODY:
        return *size > 0 ? take_body(r, data, size) : dispatch(r);
    case STAGE_HANDLED:
        return atomic_load(&r->flags) & (RF_FINISHED | RF_ABANDONED) ? take_back(r) : MHD_YES;
    }
    return MHD_NO;
}

static void log_failure(const struct request *r, const struct log_field *fields, size_t n) {
    static struct log_throttle throttle;
    int64_t suppressed = 0;

    if (r->status != 503)
        log_err_line(LOG_ERROR, &r->pub.log, "request failed", &r->err, fields, n);
    else if (log_throttle_pass(&throttle, UNAVAILABLE_LOG_MS, &suppressed))
        log_err_line(LOG_WARN, &r->pub.log, "request not served", &r->err, fields, n);
}

/* Neither the path nor the query is logged: both can hold what people wrote. The route says
 * enough. */
static void log_access(const struct request *r, int64_t took_ns) {
    const struct route *route = r->pub.route;
    const struct log_field fields[] = {
        F_CSTR("route", route ? route->path : "none"),
        F_CSTR("method", r->is_head ? "HEAD" : method_names[r->pub.method]),
        F_I64("status", r->status),
        F_I64("ms", took_ns / 1000000),
        F_I64("body", (int64_t)r->pub.body.len),
    };
    bool is_quiet = route && (route->flags & ROUTE_QUIET);

    if (r->status >= 500)
        log_failure(r, fields, ARRAY_LEN(fields));
    else
        log_line(took_ns >= SLOW_NS && !is_quiet ? LOG_INFO : LOG_DEBUG, &r->pub.log, "request",
                 fields, ARRAY_LEN(fields));
}

static void account(const struct request *r) {
    int64_t took_ns = clock_mono_ns() - r->pub.started_ns;

    stats_add(&responses[r->status / 100 < ARRAY_LEN(responses) ? r->status / 100 : 0], 1);
    stats_observe_us(&durations, took_ns / 1000);
    log_access(r, took_ns);
}

static void end(struct request *r) {
    struct conn *c = r->conn;

    c->request = NULL;
    set_busy(r, false); /* resumed, but the client had left: nobody took it back */
    if (!(atomic_load(&r->flags) & RF_ABANDONED))
        account(r);
    (void)conn_set_phase(c, PHASE_IDLE, c->h->options.idle_timeout_ms);
    request_release(r);
}

void serve_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                     enum MHD_RequestTerminationCode why) {
    struct request *r = TAKE(*ctx);

    (void)cls;
    (void)mhd;
    if (!r)
        return;
    if (why != MHD_REQUEST_TERMINATED_COMPLETED_OK && r->status == 0)
        r->conn->is_rude = true; /* libmicrohttpd refused it, and its words should arrive */
    if (has_no_room)
        conn_refuse(r->conn, 431);
    has_no_room = false;
    end(r);
}

void serve_forgotten(struct request *r) {
    conn_refuse(r->conn, 431); /* the errors it happens on are those of too little room */
    end(r);
}
