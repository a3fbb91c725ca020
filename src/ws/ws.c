/* ws.c - the ws thread, and what other threads may call. One epoll loop; an eventfd wakes it
 * when the dirty list was empty and is not any more. Connections that die in a round are dropped
 * after it: an event of the same round may still point at them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ws/ws.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "stats/stats.h"
#include "ws/internal.h"

enum {
    DEFAULT_MESSAGE_BYTES = 64 << 10,
    DEFAULT_QUEUED_BYTES = 1 << 20,
    DEFAULT_PING_MS = 30 * 1000,
    DEFAULT_CONNECTIONS = 10000,
    EVENTS = 256,        /* a round */
    SWEEPS_PER_PING = 8, /* how often deadlines are looked at */
    SWEEP_MAX_MS = 200,
    STOP_WAIT_MS = 2000, /* for all close handshakes together */
    FRAME_OVERHEAD = 64, /* what a queued message costs beside its bytes */
};

static struct stats_counter slow_peers = STATS_COUNTER(
    "prosa_ws_slow_closed_total", "WebSocket peers closed because they did not keep up");

void *ws_user(const struct ws_conn *c) {
    return c->user;
}

struct ws_conn *ws_ref(struct ws_conn *c) {
    atomic_fetch_add(&c->refs, 1);
    return c;
}

static void drop_inbox(struct ws_conn *c) {
    struct outgoing *out;

    while ((out = c->inbox) != NULL) {
        c->inbox = out->next;
        free(out);
    }
}

void ws_unref(struct ws_conn *c) {
    struct ws *w;

    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    w = c->w;
    drop_inbox(c);
    if (c->free_user)
        c->free_user(c->user);
    free(c->first);
    free(c);
    ws_unref_server(w);
}

void ws_unref_server(struct ws *w) {
    if (atomic_fetch_sub(&w->refs, 1) != 1)
        return;
    (void)close(w->epoll_fd);
    (void)close(w->wake_fd);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

bool ws_mark_dirty(struct ws_conn *c) {
    bool was_empty = list_is_empty(&c->w->dirty);

    if (c->is_dirty)
        return false;
    c->is_dirty = true;
    (void)ws_ref(c);
    list_push(&c->w->dirty, &c->dirty);
    return was_empty;
}

void ws_wake(struct ws *w) {
    uint64_t one = 1;

    while (write(w->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

static struct outgoing *outgoing_new(struct str text) {
    struct outgoing *out = malloc(sizeof(*out) + text.len);

    if (!out)
        abort();
    out->next = NULL;
    out->len = text.len;
    if (text.len > 0)
        memcpy(out->bytes, text.ptr, text.len);
    return out;
}

/* Under w->lock. */
static bool ask_close(struct ws_conn *c, uint16_t code, struct str reason) {
    struct str cut = utf8_cut_bytes(reason, sizeof(c->close_reason));

    if (c->is_shut)
        return false;
    c->is_shut = true;
    c->close_code = code;
    c->close_reason_len = cut.len;
    if (cut.len > 0)
        memcpy(c->close_reason, cut.ptr, cut.len);
    return ws_mark_dirty(c);
}

bool ws_send_text(struct ws_conn *c, struct str text) {
    struct ws *w = c->w;
    size_t cost = text.len + FRAME_OVERHEAD;
    struct outgoing *out = outgoing_new(text);
    bool wake, is_taken = false;

    (void)pthread_mutex_lock(&w->lock);
    if (!c->is_shut && c->inbox_bytes + c->frames_bytes + cost > w->options.max_queued_bytes) {
        wake = ask_close(c, WS_TRY_AGAIN_LATER, STR("too slow"));
        stats_add(&slow_peers, 1);
    } else if (c->is_shut) {
        wake = false;
    } else {
        *c->inbox_end = out;
        c->inbox_end = &out->next;
        c->inbox_bytes += cost;
        wake = ws_mark_dirty(c);
        is_taken = true;
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (!is_taken)
        free(out);
    if (wake)
        ws_wake(w);
    return is_taken;
}

void ws_close(struct ws_conn *c, uint16_t code, struct str reason) {
    bool wake;

    (void)pthread_mutex_lock(&c->w->lock);
    wake = ask_close(c, code, reason);
    (void)pthread_mutex_unlock(&c->w->lock);
    if (wake)
        ws_wake(c->w);
}

static struct ws_conn *next_dirty(struct ws *w) {
    struct list_node *n;
    struct ws_conn *c;

    (void)pthread_mutex_lock(&w->lock);
    n = list_pop(&w->dirty);
    c = n ? LIST_ITEM(n, struct ws_conn, dirty) : NULL;
    if (c)
        c->is_dirty = false;
    (void)pthread_mutex_unlock(&w->lock);
    return c;
}

static void take_dirty(struct ws *w) {
    struct ws_conn *c;

    while ((c = next_dirty(w)) != NULL) {
        if (c->state == CONN_JOINING)
            conn_start(c);
        conn_take_inbox(c);
        ws_unref(c);
    }
}

static uint32_t sweep_every_ms(const struct ws *w) {
    uint32_t ms = w->options.ping_every_ms / SWEEPS_PER_PING;

    return ms < 1 ? 1 : ms > SWEEP_MAX_MS ? SWEEP_MAX_MS : ms;
}

static void drop_dead(struct ws *w) {
    struct ws_conn *c;

    while ((c = w->dead) != NULL) {
        w->dead = c->next_dead;
        ws_unref(c);
    }
}

static void sweep(struct ws *w, int64_t now_ms) {
    LIST_EACH(&w->conns, n) {
        conn_sweep(LIST_ITEM(n, struct ws_conn, node), now_ms);
    }
}

static bool is_stopping(struct ws *w) {
    bool is;

    (void)pthread_mutex_lock(&w->lock);
    is = w->is_stopping;
    (void)pthread_mutex_unlock(&w->lock);
    return is;
}

/* True when the thread may end. */
static bool stop_step(struct ws *w, int64_t now_ms) {
    if (w->stop_by_ms == 0) {
        w->stop_by_ms = now_ms + STOP_WAIT_MS;
        LIST_EACH(&w->conns, n) {
            struct ws_conn *c = LIST_ITEM(n, struct ws_conn, node);

            conn_close_with(c, WSLAY_CODE_GOING_AWAY, STR("the server is stopping"));
            conn_take_inbox(c);
        }
    }
    return list_is_empty(&w->conns) || now_ms >= w->stop_by_ms;
}

static void handle_events(struct ws *w, const struct epoll_event *events, int n) {
    uint64_t count;

    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr)
            conn_ready(events[i].data.ptr, events[i].events);
        else
            (void)!read(w->wake_fd, &count, sizeof(count));
    }
}

static void *loop_main(void *ctx) {
    struct ws *w = ctx;
    struct epoll_event events[EVENTS] = {0};
    int64_t now_ms;

    do {
        handle_events(w, events, epoll_wait(w->epoll_fd, events, EVENTS, (int)sweep_every_ms(w)));
        take_dirty(w);
        now_ms = clock_mono_ms();
        if (now_ms >= w->next_sweep_ms) {
            w->next_sweep_ms = now_ms + sweep_every_ms(w);
            sweep(w, now_ms);
        }
        drop_dead(w);
    } while (!is_stopping(w) || !stop_step(w, now_ms));
    return NULL;
}

static void fill_defaults(struct ws_options *o) {
    o->max_message_bytes = o->max_message_bytes ? o->max_message_bytes : DEFAULT_MESSAGE_BYTES;
    o->max_queued_bytes = o->max_queued_bytes ? o->max_queued_bytes : DEFAULT_QUEUED_BYTES;
    o->ping_every_ms = o->ping_every_ms ? o->ping_every_ms : DEFAULT_PING_MS;
    o->max_connections = o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS;
}

static bool open_loop(struct ws *w) {
    struct epoll_event ev = {.events = EPOLLIN};

    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return w->epoll_fd >= 0 && w->wake_fd >= 0 &&
           epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &ev) == 0 &&
           pthread_create(&w->thread, NULL, loop_main, w) == 0;
}

enum status ws_start(struct ws_options options, struct ws **ret, struct err *e) {
    struct ws *w = calloc(1, sizeof(*w));

    if (!w)
        abort();
    fill_defaults(&options);
    w->options = options;
    list_init(&w->conns);
    list_init(&w->dirty);
    atomic_init(&w->refs, 1);
    (void)pthread_mutex_init(&w->lock, NULL);
    if (!open_loop(w)) {
        ws_unref_server(w);
        FAIL(e, ST_UNAVAILABLE, "could not start the WebSocket thread");
    }
    (void)pthread_setname_np(w->thread, "websocket");
    *ret = w;
    return ST_OK;
}

/* What the thread left: those that did not finish their close handshake in time, and those that
 * joined too late. */
static void end_all(struct ws *w) {
    struct ws_conn *c;

    LIST_EACH(&w->conns, n) {
        conn_let_go(LIST_ITEM(n, struct ws_conn, node));
    }
    drop_dead(w);
    while ((c = next_dirty(w)) != NULL) {
        if (c->state == CONN_JOINING)
            conn_end(c);
        ws_unref(c);
    }
}

void ws_stop(struct ws *w) {
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    (void)pthread_mutex_unlock(&w->lock);
    ws_wake(w);
    (void)pthread_join(w->thread, NULL);
    end_all(w);
    ws_unref_server(w);
}
