/* httpc.c - the side of the callers: start, stop, hand a call over, wait for its end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/httpc.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "httpc/guard.h"
#include "httpc/loop.h"
#include "httpc/stream.h"

enum {
    DEFAULT_TIMEOUT_MS = 30000,
    DEFAULT_CONNECT_TIMEOUT_MS = 5000,
    DEFAULT_MAX_PER_HOST = 256,
    DEFAULT_MAX_TOTAL = 1000,
};

static char *copy_text(struct str s) {
    char *p = malloc(s.len + 1);

    if (!p)
        abort();
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

static struct httpc_options with_defaults(struct httpc_options o) {
    struct str agent = o.user_agent.len > 0 ? o.user_agent : STR("prosa");

    o.timeout_ms = o.timeout_ms > 0 ? o.timeout_ms : DEFAULT_TIMEOUT_MS;
    o.connect_timeout_ms =
        o.connect_timeout_ms > 0 ? o.connect_timeout_ms : DEFAULT_CONNECT_TIMEOUT_MS;
    o.breaker_failures = o.breaker_failures > 0 ? o.breaker_failures : BREAKER_FAILURES;
    o.max_per_host = o.max_per_host > 0 ? o.max_per_host : DEFAULT_MAX_PER_HOST;
    o.max_total = o.max_total > 0 ? o.max_total : DEFAULT_MAX_TOTAL;
    o.user_agent = (struct str){.ptr = copy_text(agent), .len = agent.len};
    o.ca_file = (struct str){.ptr = copy_text(o.ca_file), .len = o.ca_file.len};
    return o;
}

static void httpc_free(struct httpc *h) {
    loop_close(h);
    (void)pthread_mutex_destroy(&h->lock);
    free((void *)(uintptr_t)h->options.user_agent.ptr);
    free((void *)(uintptr_t)h->options.ca_file.ptr);
    free(h);
    curl_global_cleanup();
}

/* The loop's thread takes no signals: they are the main thread's, and OpenSSL writes without
 * MSG_NOSIGNAL. */
static int start_thread(struct httpc *h) {
    sigset_t all, before;
    int failed;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&h->thread, NULL, loop_run, h);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum status httpc_start(struct httpc_options options, struct httpc **ret, struct err *e) {
    struct httpc *h;
    enum status st;

    if (curl_global_init(CURL_GLOBAL_ALL))
        FAIL(e, ST_BROKEN, "could not start HTTP client: libcurl does not start");
    h = calloc(1, sizeof(*h));
    if (!h)
        abort();
    h->options = with_defaults(options);
    atomic_init(&h->gate, (int)options.gate);
    h->is_public = addr_is_public;
    list_init(&h->inbox);
    list_init(&h->limits);
    list_init(&h->resumes);
    (void)pthread_mutex_init(&h->lock, NULL);
    st = loop_open(h, e);
    if (st == ST_OK && start_thread(h))
        st = err_set(e, ST_UNAVAILABLE, __FILE__, __LINE__,
                     "could not start HTTP client: no thread");
    if (st != ST_OK) {
        httpc_free(h);
        return st;
    }
    *ret = h;
    return ST_OK;
}

void httpc_wake(struct httpc *h) {
    const uint64_t one = 1;

    if (h->is_awake)
        return;
    h->is_awake = true;
    (void)!write(h->wake_fd, &one,
                 sizeof(one)); /* fails only when the counter is full: awake then, too */
}

void httpc_stop(struct httpc *h) {
    if (!h)
        return;
    (void)pthread_mutex_lock(&h->lock);
    h->is_stopping = true;
    httpc_wake(h);
    (void)pthread_mutex_unlock(&h->lock);
    (void)pthread_join(h->thread, NULL);
    httpc_free(h);
}

enum gate httpc_gate(const struct httpc *h) {
    return (enum gate)atomic_load_explicit(&h->gate, memory_order_relaxed);
}

void httpc_set_gate(struct httpc *h, enum gate gate) {
    atomic_store_explicit(&h->gate, (int)gate, memory_order_relaxed);
}

void httpc_limit_host(struct httpc *h, struct str host_port, double per_second) {
    struct limit *limit = calloc(1, sizeof(*limit));

    if (!limit)
        abort();
    limit->host_port = (struct str){.ptr = copy_text(host_port), .len = host_port.len};
    limit->per_second = per_second;
    (void)pthread_mutex_lock(&h->lock);
    list_push(&h->limits, &limit->node);
    httpc_wake(h);
    (void)pthread_mutex_unlock(&h->lock);
}

/* False when the client is stopping; t is the caller's again then. */
static bool hand_over(struct httpc *h, struct transfer *t) {
    bool is_taken;

    (void)pthread_mutex_lock(&h->lock);
    is_taken = !h->is_stopping;
    if (is_taken) {
        list_push(&h->inbox, &t->node);
        httpc_wake(h);
    }
    (void)pthread_mutex_unlock(&h->lock);
    return is_taken;
}

static void refuse_stopping(struct transfer *t) {
    struct http_reply reply = {.phase = HTTP_NOT_SENT, .retry_after_ms = -1};
    struct err e = ERR_INIT;

    (void)err_set(&e, ST_UNAVAILABLE, __FILE__, __LINE__, "could not call: the client is stopping");
    e.cause = "stopping";
    reply.failure = str_of(e.message);
    t->done(t->ctx, ST_UNAVAILABLE, &reply, &e);
    free(t);
}

void httpc_submit(struct httpc *h, const struct http_call *call, httpc_done_fn done, void *ctx) {
    httpc_submit_stream(h, call, NULL, done, ctx);
}

void httpc_submit_stream(struct httpc *h, const struct http_call *call, struct stream *stream,
                         httpc_done_fn done, void *ctx) {
    struct transfer *t = calloc(1, sizeof(*t));
    uint32_t timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : h->options.timeout_ms;

    if (!t)
        abort();
    t->httpc = h;
    t->call = call;
    t->done = done;
    t->ctx = ctx;
    t->stream = stream;
    t->started_ns = clock_mono_ns();
    t->deadline_ms = clock_mono_ms() + timeout_ms;
    t->method = call->method;
    t->url = call->url;
    t->body = call->body;
    if (!hand_over(h, t))
        refuse_stopping(t);
}

struct waiter { /* of httpc_call(), on its stack */
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool has_ended;
    enum status status;
    struct arena *arena;
    struct http_reply *ret;
    struct err *e;
};

/* The arena is the loop's until it says so: its owner sleeps. */
static void end_wait(void *ctx, enum status st, const struct http_reply *reply,
                     const struct err *e) {
    struct waiter *w = ctx;

    http_reply_copy(w->arena, reply, w->ret);
    if (st != ST_OK && w->e && w->e->status == ST_OK)
        *w->e = *e;
    w->status = st;
    (void)pthread_mutex_lock(&w->lock);
    w->has_ended = true;
    (void)pthread_cond_signal(&w->ended);
    (void)pthread_mutex_unlock(&w->lock);
}

enum status httpc_call(struct httpc *h, struct arena *a, const struct http_call *call,
                       struct http_reply *ret, struct err *e) {
    struct waiter w = {
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .ended = PTHREAD_COND_INITIALIZER,
        .arena = a,
        .ret = ret,
        .e = e,
    };

    assert(!pthread_equal(pthread_self(), h->thread)); /* it would wait for itself */
    httpc_submit(h, call, end_wait, &w);
    (void)pthread_mutex_lock(&w.lock);
    while (!w.has_ended)
        (void)pthread_cond_wait(&w.ended, &w.lock);
    (void)pthread_mutex_unlock(&w.lock);
    (void)pthread_mutex_destroy(&w.lock);
    (void)pthread_cond_destroy(&w.ended);
    return w.status;
}
