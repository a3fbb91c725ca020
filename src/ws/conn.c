/* conn.c - one connection on the ws thread: frames in and out, close handshake, pings. wslay
 * frames and checks; what it may keep in memory is bounded here. A round reads at most
 * READ_BUDGET bytes from one peer, so that a loud one does not starve the others.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "stats/stats.h"
#include "ws/internal.h"

enum {
    READ_BUDGET = 64 << 10,
    CLOSE_WAIT_MS = 5000,  /* for the peer's half of the close handshake */
    LINGER_WAIT_MS = 1000, /* for the end of its stream */
};

static struct stats_counter open_conns =
    STATS_GAUGE("prosa_ws_connections", "open WebSocket connections");
static struct stats_counter received =
    STATS_COUNTER_L("prosa_ws_messages_total", "WebSocket messages", "direction=\"in\"");
static struct stats_counter sent =
    STATS_COUNTER_L("prosa_ws_messages_total", "WebSocket messages", "direction=\"out\"");

struct ws_conn *conn_new(struct ws *w) {
    struct ws_conn *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    c->w = w;
    c->fd = -1;
    c->state = CONN_JOINING;
    c->inbox_end = &c->inbox;
    atomic_init(&c->refs, 1);
    atomic_fetch_add(&w->refs, 1);
    return c;
}

static ssize_t take_first(struct ws_conn *c, uint8_t *to, size_t len) {
    size_t left = c->first_len - c->first_at;
    size_t n = left < len ? left : len;

    memcpy(to, c->first + c->first_at, n);
    c->first_at += n;
    if (c->first_at == c->first_len) {
        free(c->first);
        c->first = NULL;
    }
    return (ssize_t)n;
}

static ssize_t on_read(wslay_event_context_ptr frames, uint8_t *to, size_t len, int flags,
                       void *user) {
    struct ws_conn *c = user;
    ssize_t n;

    (void)flags;
    if (c->first)
        return take_first(c, to, len);
    if (c->budget == 0) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    do {
        n = recv(c->fd, to, len < c->budget ? len : c->budget, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        c->budget -= (size_t)n;
        c->is_pinged = false;
        return n;
    }
    c->is_at_end = n == 0 || errno != EAGAIN;
    wslay_event_set_error(frames, c->is_at_end ? WSLAY_ERR_CALLBACK_FAILURE : WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static ssize_t on_write(wslay_event_context_ptr frames, const uint8_t *from, size_t len, int flags,
                        void *user) {
    struct ws_conn *c = user;
    ssize_t n;

    do {
        n = send(c->fd, from, len,
                 MSG_NOSIGNAL | MSG_DONTWAIT | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        wslay_event_set_error(frames,
                              errno == EAGAIN ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return n;
}

static void set_closing(struct ws_conn *c) {
    if (c->state != CONN_OPEN)
        return;
    c->state = CONN_CLOSING;
    c->give_up_ms = clock_mono_ms() + CLOSE_WAIT_MS;
    (void)pthread_mutex_lock(&c->w->lock);
    c->is_shut = true;
    (void)pthread_mutex_unlock(&c->w->lock);
}

void conn_close_with(struct ws_conn *c, uint16_t code, struct str reason) {
    struct str cut = utf8_cut_bytes(reason, sizeof(c->close_reason));

    if (c->state != CONN_OPEN)
        return;
    (void)wslay_event_queue_close(c->frames, code, (const uint8_t *)cut.ptr, cut.len);
    set_closing(c);
}

static void on_message(wslay_event_context_ptr frames, const struct wslay_event_on_msg_recv_arg *m,
                       void *user) {
    struct ws_conn *c = user;

    (void)frames;
    if (c->state != CONN_OPEN || wslay_is_ctrl_frame(m->opcode))
        return;
    if (m->opcode != WSLAY_TEXT_FRAME) {
        conn_close_with(c, WSLAY_CODE_UNSUPPORTED_DATA, STR("text only"));
        return;
    }
    stats_add(&received, 1);
    if (c->events->text)
        c->events->text(c->ctx, c, (struct str){.ptr = (const char *)m->msg, .len = m->msg_length});
}

static void watch(struct ws_conn *c, uint32_t interest) {
    struct epoll_event ev = {.events = interest, .data.ptr = c};

    if (interest == c->interest)
        return;
    c->interest = interest;
    (void)epoll_ctl(c->w->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
}

void conn_let_go(struct ws_conn *c) {
    bool was_open = c->frames != NULL;

    if (c->state == CONN_DEAD)
        return;
    c->state = CONN_DEAD;
    (void)pthread_mutex_lock(&c->w->lock);
    c->is_shut = true;
    (void)pthread_mutex_unlock(&c->w->lock);
    if (was_open) {
        (void)epoll_ctl(c->w->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
        wslay_event_context_free(TAKE(c->frames));
        stats_add(&open_conns, -1);
        if (c->events->closed)
            c->events->closed(c->ctx, c);
    }
    if (c->release)
        c->release(c->handle);
    atomic_fetch_sub(&c->w->n_conns, 1);
    if (c->is_listed) {
        list_remove(&c->node);
        c->next_dead = c->w->dead;
        c->w->dead = c;
    }
}

void conn_end(struct ws_conn *c) {
    conn_let_go(c);
    ws_unref(c);
}

/* Frames are over: our side of the stream ends, and what the peer still sends is dropped until
 * its side does. Closing at once would reset the connection under our close frame when unread
 * bytes are there. */
static void begin_linger(struct ws_conn *c) {
    c->state = CONN_LINGER;
    c->give_up_ms = clock_mono_ms() + LINGER_WAIT_MS;
    (void)shutdown(c->fd, SHUT_WR);
    watch(c, EPOLLIN);
}

static void linger(struct ws_conn *c) {
    char sink[4096];
    ssize_t n = recv(c->fd, sink, sizeof(sink), MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        conn_let_go(c);
}

static void note_queue(struct ws_conn *c) {
    (void)pthread_mutex_lock(&c->w->lock);
    c->frames_bytes = wslay_event_get_queued_msg_length(c->frames);
    (void)pthread_mutex_unlock(&c->w->lock);
}

/* Writes what the socket takes, then decides what to wait for. */
static void settle(struct ws_conn *c) {
    bool wants_read, wants_write;

    if (c->state != CONN_OPEN && c->state != CONN_CLOSING)
        return;
    if (wslay_event_send(c->frames) != 0) {
        conn_let_go(c);
        return;
    }
    note_queue(c);
    if (c->frames_bytes >
        c->w->options.max_queued_bytes) /* of pongs: other frames are counted before */
        conn_close_with(c, WS_TRY_AGAIN_LATER, STR("too slow"));
    if (wslay_event_get_close_sent(c->frames) || wslay_event_get_close_received(c->frames) ||
        !wslay_event_get_read_enabled(c->frames))
        set_closing(c);
    wants_read = wslay_event_want_read(c->frames);
    wants_write = wslay_event_want_write(c->frames);
    if (!wants_read && !wants_write)
        begin_linger(c);
    else
        watch(c, (wants_read ? EPOLLIN : 0) | (wants_write ? EPOLLOUT : 0));
}

static void read_frames(struct ws_conn *c) {
    c->budget = READ_BUDGET;
    /* It fails at the end of the stream, and for frames no peer may send: then it has queued a
     * close without a code. */
    if (wslay_event_recv(c->frames) != 0 && c->is_at_end)
        conn_let_go(c);
    else
        settle(c);
}

static void make_frames(struct ws_conn *c) {
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_read,
        .send_callback = on_write,
        .on_msg_recv_callback = on_message,
    };

    if (wslay_event_context_server_init(&c->frames, &callbacks, c) != 0)
        abort();
    wslay_event_config_set_max_recv_msg_length(c->frames, c->w->options.max_message_bytes);
}

void conn_start(struct ws_conn *c) {
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

    list_push(&c->w->conns, &c->node);
    c->is_listed = true;
    if (epoll_ctl(c->w->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
        conn_let_go(c);
        return;
    }
    make_frames(c);
    c->interest = EPOLLIN;
    c->state = CONN_OPEN;
    c->next_ping_ms = clock_mono_ms() + c->w->options.ping_every_ms;
    stats_add(&open_conns, 1);
    if (c->events->opened)
        c->events->opened(c->ctx, c);
    if (c->first)
        read_frames(c);
}

void conn_ready(struct ws_conn *c, uint32_t events) {
    switch (c->state) {
    case CONN_OPEN:
    case CONN_CLOSING:
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            read_frames(c);
        else
            settle(c);
        break;
    case CONN_LINGER:
        linger(c);
        break;
    case CONN_JOINING:
    case CONN_DEAD:
        break;
    }
}

static void queue_text(struct ws_conn *c, const struct outgoing *out) {
    struct wslay_event_msg m = {
        .opcode = WSLAY_TEXT_FRAME, .msg = (const uint8_t *)out->bytes, .msg_length = out->len};

    if (c->state == CONN_OPEN && wslay_event_queue_msg(c->frames, &m) == 0)
        stats_add(&sent, 1);
}

void conn_take_inbox(struct ws_conn *c) {
    struct outgoing *first;
    struct str reason;
    uint16_t code;

    (void)pthread_mutex_lock(&c->w->lock);
    first = TAKE(c->inbox);
    c->inbox_end = &c->inbox;
    c->frames_bytes += c->inbox_bytes;
    c->inbox_bytes = 0;
    code = c->close_code;
    reason = (struct str){.ptr = c->close_reason, .len = c->close_reason_len};
    (void)pthread_mutex_unlock(&c->w->lock);
    while (first) {
        struct outgoing *next = first->next;

        queue_text(c, first);
        free(first);
        first = next;
    }
    if (code != 0)
        conn_close_with(c, code, reason);
    settle(c);
}

static void ping(struct ws_conn *c, int64_t now_ms) {
    struct wslay_event_msg m = {.opcode = WSLAY_PING};

    if (c->is_pinged) { /* a whole interval without a byte */
        conn_close_with(c, WSLAY_CODE_GOING_AWAY, STR("no answer to a ping"));
    } else {
        c->is_pinged = true;
        c->next_ping_ms = now_ms + c->w->options.ping_every_ms;
        (void)wslay_event_queue_msg(c->frames, &m);
    }
    settle(c);
}

void conn_sweep(struct ws_conn *c, int64_t now_ms) {
    if (c->state == CONN_OPEN && now_ms >= c->next_ping_ms)
        ping(c, now_ms);
    else if ((c->state == CONN_CLOSING || c->state == CONN_LINGER) && now_ms >= c->give_up_ms)
        conn_let_go(c);
}
