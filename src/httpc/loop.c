/* loop.c - the thread that owns libcurl: epoll around curl_multi_socket_action, fed by an inbox and
 * one eventfd.
 *
 * Invariants: 1. a transfer is in exactly one list: the inbox, its host's queue, or flying. 2. done
 * is called once for each, outside of libcurl's callbacks. 3. nothing here waits for anything but
 * epoll.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/loop.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "httpc/stream.h"

enum {
    EVENTS_PER_WAIT = 256,
    MAX_WAIT_MS = 60000,
};

/* --- ends ------------------------------------------------------------------------------------ */

static void handle_put(struct httpc *h, struct handle *hd) {
    if (!hd)
        return;
    handle_reset(hd);
    hd->next = h->idle_handles;
    h->idle_handles = hd;
}

static struct handle *handle_get(struct httpc *h) {
    struct handle *hd = h->idle_handles;

    if (!hd)
        return handle_new(&h->options);
    h->idle_handles = hd->next;
    hd->next = NULL;
    return hd;
}

static void report_breaker(struct httpc *h, struct transfer *t, enum breaker_outcome outcome) {
    struct breaker *b = t->breaker;

    if (!b)
        return;
    if (breaker_report(b, outcome, t->is_probe, clock_mono_ms())) {
        outcome_count_breaker_open();
        log_warn(h->options.log, "circuit opened", F_STR("circuit", b->entry.name),
                 F_I64("failures", b->failures));
    }
    t->is_probe = false;
}

static void transfer_end(struct httpc *h, struct transfer *t, const struct outcome *o,
                         const struct err *e) {
    report_breaker(h, t, o->breaker);
    outcome_count(t, o, e);
    if (t->stream)
        stream_leave(h, t->stream);
    t->done(t->ctx, o->status, &o->reply, e);
    if (t->breaker)
        t->breaker->users--;
    handle_put(h, t->handle);
    free(t);
}

void loop_refuse(struct httpc *h, struct transfer *t, enum status st, const struct err *e) {
    struct outcome o;

    outcome_without_reply(t, e, &o);
    o.status = st;
    transfer_end(h, t, &o, e);
}

/* --- arrivals -------------------------------------------------------------------------------- */

static bool breaker_is_idle(const struct name_entry *e) {
    const struct breaker *b =
        (const struct breaker *)(const void *)e; /* entry is its first member */

    return b->users == 0 && b->state == BREAKER_CLOSED && b->failures == 0;
}

_Static_assert(offsetof(struct breaker, entry) == 0, "breaker_is_idle relies on it");

static void breaker_free(struct name_entry *e) {
    free(CONTAINER_OF(e, struct breaker, entry));
}

static struct breaker *breaker_get(struct httpc *h, struct str name) {
    struct name_entry *e = names_find(&h->breakers, name);
    struct breaker *b;

    if (e)
        return CONTAINER_OF(e, struct breaker, entry);
    b = calloc(1, sizeof(*b));
    if (!b)
        abort();
    breaker_init(b, h->options.breaker_failures);
    names_add(&h->breakers, &b->entry, name);
    return b;
}

/* Finds the hop's host and, at the first hop, the circuit; then the call queues for its turn. */
static void arrive(struct httpc *h, struct transfer *t) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct err e = ERR_INIT;
    struct str host_port;
    enum status st;

    if (t->call->reach == REACH_UNSET) {
        st = err_set(&e, ST_BROKEN, __FILE__, __LINE__, "could not call: reach is not set");
        loop_refuse(h, t, st, &e);
        return;
    }
    st = url_host_port(&a, t->url, &host_port, &e);
    if (st != ST_OK) {
        e.cause = "url-malformed";
        loop_refuse(h, t, st, &e);
        return;
    }
    t->host = turn_host(h, host_port);
    if (!t->breaker) {
        t->breaker = breaker_get(h, t->call->breaker ? str_of(t->call->breaker) : host_port);
        t->breaker->users++;
    }
    turn_enqueue(h, t);
}

void loop_fly(struct httpc *h, struct transfer *t) {
    int64_t left_ms = t->deadline_ms - clock_mono_ms();
    struct err e = ERR_INIT;
    enum status st = ST_OK;

    if (!t->handle)
        t->handle = handle_get(h);
    if (!t->handle)
        st = err_set(&e, ST_BROKEN, __FILE__, __LINE__, "could not build call: out of memory");
    if (st == ST_OK)
        st = transfer_prepare(t, h->resolve, left_ms > 0 ? (uint32_t)left_ms : 1, &e);
    if (st == ST_OK && curl_multi_add_handle(h->multi, t->handle->easy))
        st = err_set(&e, ST_BROKEN, __FILE__, __LINE__, "could not build call: libcurl refused it");
    if (st != ST_OK) {
        turn_done(h, t);
        loop_refuse(h, t, st, &e);
        return;
    }
    if (t->stream)
        stream_fly(t->stream, t);
    list_push(&h->flying, &t->node);
    outcome_count_in_flight(1);
}

static void apply_limit(struct httpc *h, struct limit *limit) {
    turn_limit(h, limit->host_port, limit->per_second);
    free((void *)(uintptr_t)limit->host_port.ptr);
    free(limit);
}

static void list_take(struct list *from, struct list *ret) {
    struct list_node *n;

    list_init(ret);
    while ((n = list_pop(from)))
        list_push(ret, n);
}

/* libcurl brings the piece it kept at once, so a stream may be full again on return. */
static void resume_streams(struct httpc *h) {
    struct transfer *t;

    while (stream_next(h, &t))
        if (t && t->handle)
            (void)curl_easy_pause(t->handle->easy, CURLPAUSE_CONT);
}

static void fetch_inbox(struct httpc *h) {
    struct list inbox, limits;
    struct list_node *n;
    uint64_t count;

    (void)!read(h->wake_fd, &count, sizeof(count));
    (void)pthread_mutex_lock(&h->lock);
    list_take(&h->inbox, &inbox);
    list_take(&h->limits, &limits);
    h->is_awake = false;
    (void)pthread_mutex_unlock(&h->lock);
    while ((n = list_pop(&limits)))
        apply_limit(h, LIST_ITEM(n, struct limit, node));
    while ((n = list_pop(&inbox)))
        arrive(h, LIST_ITEM(n, struct transfer, node));
    resume_streams(h);
}

/* --- landings -------------------------------------------------------------------------------- */

static void leave_libcurl(struct httpc *h, struct transfer *t) {
    (void)curl_multi_remove_handle(h->multi, t->handle->easy);
    list_remove(&t->node);
    turn_done(h, t);
    outcome_count_in_flight(-1);
}

static void land(struct httpc *h, CURL *easy, CURLcode result) {
    struct transfer *t = NULL;
    struct err e = ERR_INIT;
    struct outcome o;

    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
    leave_libcurl(h, t);
    if (result == CURLE_OK && transfer_redirect(t)) {
        arrive(h, t);
        return;
    }
    outcome_judge(t, result, &o, &e);
    transfer_end(h, t, &o, &e);
}

static void land_finished(struct httpc *h) {
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(h->multi, &left))) {
        CURL *easy = m->easy_handle; /* m dies with the handle's removal */
        CURLcode result = m->data.result;

        if (m->msg == CURLMSG_DONE)
            land(h, easy, result);
    }
}

static void cancel(struct httpc *h, struct transfer *t) {
    struct err e = ERR_INIT;
    /* what was cut is reported like any other cut: the call may have had its effect */
    enum status st = t->was_sent ? ST_OK : ST_UNAVAILABLE;

    (void)err_set(&e, ST_UNAVAILABLE, __FILE__, __LINE__, "could not call: the client is stopping");
    e.cause = "stopping";
    loop_refuse(h, t, st, &e);
}

static void cancel_all(struct httpc *h) {
    struct transfer *t;

    fetch_inbox(h);
    while ((t = turn_drain(h)))
        cancel(h, t);
    while (!list_is_empty(&h->flying)) {
        t = LIST_ITEM(h->flying.head.next, struct transfer, node);
        leave_libcurl(h, t);
        cancel(h, t);
    }
}

/* --- libcurl and epoll ----------------------------------------------------------------------- */

static int on_socket_interest(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known) {
    struct httpc *h = ctx;
    struct epoll_event ev = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(h->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    ev.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    /* The kernel forgets a descriptor when it is closed, with or without libcurl telling us; -1
     * would end every transfer, so what we believe of fd is only tried first. */
    if (epoll_ctl(h->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) &&
        epoll_ctl(h->epoll_fd, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev))
        return -1;
    if (!known)
        (void)curl_multi_assign(h->multi, fd, h);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx) {
    struct httpc *h = ctx;

    (void)multi;
    h->curl_due_ns = timeout_ms < 0 ? -1 : clock_mono_ns() + (int64_t)timeout_ms * 1000000;
    return 0;
}

static int wait_ms(const struct httpc *h) {
    int64_t wait = MAX_WAIT_MS;

    if (h->curl_due_ns >= 0) {
        int64_t left_ns = h->curl_due_ns - clock_mono_ns();

        wait = left_ns <= 0 ? 0 : (left_ns + 999999) / 1000000;
    }
    if (wait > 0 && h->turn_due_ms != INT64_MAX) {
        int64_t left = h->turn_due_ms - clock_mono_ms();

        wait = left <= 0 ? 0 : left < wait ? left : wait;
    }
    return (int)(wait < MAX_WAIT_MS ? wait : MAX_WAIT_MS);
}

static void run_timers(struct httpc *h) {
    int running;

    if (h->curl_due_ns < 0 || h->curl_due_ns > clock_mono_ns())
        return;
    h->curl_due_ns = -1;
    (void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static void run_event(struct httpc *h, const struct epoll_event *ev) {
    int mask = 0;
    int running;

    if (ev->data.fd == h->wake_fd) {
        fetch_inbox(h);
        return;
    }
    if (ev->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        mask |= CURL_CSELECT_IN;
    if (ev->events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (ev->events & EPOLLERR)
        mask |= CURL_CSELECT_ERR;
    (void)curl_multi_socket_action(h->multi, ev->data.fd, mask, &running);
}

static void set_multi(struct httpc *h) {
    (void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket_interest);
    (void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    (void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    (void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    (void)curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)h->options.max_total);
    (void)curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)h->options.max_total);
    (void)curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)h->options.max_per_host);
}

enum status loop_open(struct httpc *h, struct err *e) {
    struct epoll_event ev = {.events = EPOLLIN};

    list_init(&h->flying);
    h->breakers = (struct names){.is_idle = breaker_is_idle, .free_fn = breaker_free};
    turn_init(h);
    h->curl_due_ns = -1;
    h->multi = curl_multi_init();
    h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    h->wake_fd = ev.data.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!h->multi || h->epoll_fd < 0 || h->wake_fd < 0 ||
        epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, h->wake_fd, &ev))
        FAIL(e, ST_UNAVAILABLE, "could not start HTTP client: out of memory or descriptors");
    set_multi(h);
    return ST_OK;
}

void loop_close(struct httpc *h) {
    while (h->idle_handles) {
        struct handle *hd = h->idle_handles;

        h->idle_handles = hd->next;
        handle_free(hd);
    }
    if (h->multi)
        (void)curl_multi_cleanup(h->multi);
    if (h->epoll_fd >= 0)
        (void)close(h->epoll_fd);
    if (h->wake_fd >= 0)
        (void)close(h->wake_fd);
    names_done(&h->hosts);
    names_done(&h->breakers);
    curl_slist_free_all(h->resolve);
}

static bool is_stopping(struct httpc *h) {
    bool stopping;

    (void)pthread_mutex_lock(&h->lock);
    stopping = h->is_stopping;
    (void)pthread_mutex_unlock(&h->lock);
    return stopping;
}

void *loop_run(void *httpc) {
    struct httpc *h = httpc;
    struct epoll_event events[EVENTS_PER_WAIT];

    while (!is_stopping(h)) {
        int n = epoll_wait(h->epoll_fd, events, EVENTS_PER_WAIT, wait_ms(h));

        for (int i = 0; i < n; i++)
            run_event(h, &events[i]);
        run_timers(h);
        land_finished(h);
        turn_advance(h);
    }
    cancel_all(h);
    return NULL;
}
