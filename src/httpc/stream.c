/* stream.c - both ends of a stream, and httpc_fetch().
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/stream.h"

#include <assert.h>

#include "httpc/loop.h"

enum {
    STREAM_BYTES = 256 << 10,
    PIECE_MAX_BYTES = 1 << 20, /* far above what libcurl brings at once */
};

/* --- the loop's end --------------------------------------------------------------------------- */

enum stream_take stream_give(struct stream *s, struct str piece) {
    enum stream_take how = STREAM_TAKEN;

    (void)pthread_mutex_lock(&s->lock);
    if (s->is_refused)
        how = STREAM_REFUSED;
    else if (s->pending.len > 0 && s->pending.len + piece.len > STREAM_BYTES)
        how = STREAM_FULL;
    else
        buf_add(&s->pending, piece);
    s->is_paused = how == STREAM_FULL;
    if (s->pending.overflown)
        how = STREAM_REFUSED;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    return how;
}

void stream_fly(struct stream *s, struct transfer *t) {
    s->transfer = t;
}

void stream_leave(struct httpc *h, struct stream *s) {
    (void)pthread_mutex_lock(&h->lock);
    if (s->is_listed)
        list_remove(&s->node);
    s->is_listed = false;
    s->transfer = NULL;
    (void)pthread_mutex_unlock(&h->lock);
}

/* All under the lock: what is not listed may be gone the moment it is let go. */
bool stream_next(struct httpc *h, struct transfer **ret) {
    struct list_node *n;

    *ret = NULL;
    (void)pthread_mutex_lock(&h->lock);
    n = list_pop(&h->resumes);
    if (n) {
        struct stream *s = LIST_ITEM(n, struct stream, node);

        s->is_listed = false;
        *ret = s->transfer;
    }
    (void)pthread_mutex_unlock(&h->lock);
    return n != NULL;
}

/* --- the taker's end --------------------------------------------------------------------------- */

struct fetch {
    struct stream stream;
    struct httpc_sink sink;
    struct arena *arena;
    struct http_reply *ret;
    enum status status;      /* of the call */
    enum status sink_status; /* of the sink */
    struct err *e;
};

static void ended(void *ctx, enum status st, const struct http_reply *reply, const struct err *e) {
    struct fetch *f = ctx;

    http_reply_copy(f->arena, reply, f->ret);
    f->status = st;
    (void)pthread_mutex_lock(&f->stream.lock);
    if (st != ST_OK && !f->stream.is_refused && f->e && f->e->status == ST_OK)
        *f->e = *e;
    f->stream.has_ended = true;
    (void)pthread_cond_signal(&f->stream.changed);
    (void)pthread_mutex_unlock(&f->stream.lock);
}

static void ask_for_more(struct httpc *h, struct stream *s) {
    (void)pthread_mutex_lock(&h->lock);
    if (!s->is_listed)
        list_push(&h->resumes, &s->node);
    s->is_listed = true;
    httpc_wake(h);
    (void)pthread_mutex_unlock(&h->lock);
}

/* Waits for a piece and swaps it into *into, which is empty; false when none will come. */
static bool next_piece(struct stream *s, struct buf *into, bool *ret_was_paused) {
    struct buf empty = *into;

    (void)pthread_mutex_lock(&s->lock);
    while (s->pending.len == 0 && !s->has_ended)
        (void)pthread_cond_wait(&s->changed, &s->lock);
    *into = s->pending;
    s->pending = empty;
    *ret_was_paused = s->is_paused && !s->has_ended;
    s->is_paused = false;
    (void)pthread_mutex_unlock(&s->lock);
    return into->len > 0;
}

static void refuse_more(struct stream *s) {
    (void)pthread_mutex_lock(&s->lock);
    s->is_refused = true;
    (void)pthread_mutex_unlock(&s->lock);
}

static void take_all(struct httpc *h, struct fetch *f) {
    struct buf piece;
    bool was_paused;

    buf_init(&piece, STREAM_BYTES + PIECE_MAX_BYTES);
    while (next_piece(&f->stream, &piece, &was_paused)) {
        if (f->sink_status == ST_OK) {
            struct err why = ERR_INIT;

            f->sink_status = f->sink.take(f->sink.ctx, buf_str(&piece), &why);
            if (f->sink_status != ST_OK) {
                refuse_more(&f->stream);
                if (f->e)
                    *f->e = why;
            }
        }
        buf_clear(&piece);
        if (was_paused)
            ask_for_more(h, &f->stream);
    }
    buf_done(&piece);
}

enum status httpc_fetch(struct httpc *h, struct arena *a, const struct http_call *call,
                        struct httpc_sink sink, struct http_reply *ret, struct err *e) {
    struct fetch f = {
        .stream = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER},
        .sink = sink,
        .arena = a,
        .ret = ret,
        .e = e,
    };

    assert(!pthread_equal(pthread_self(), h->thread)); /* it would wait for itself */
    buf_init(&f.stream.pending, STREAM_BYTES + PIECE_MAX_BYTES);
    httpc_submit_stream(h, call, &f.stream, ended, &f);
    take_all(h, &f);
    stream_leave(h, &f.stream); /* asked for more after the end */
    buf_done(&f.stream.pending);
    (void)pthread_mutex_destroy(&f.stream.lock);
    (void)pthread_cond_destroy(&f.stream.changed);
    return f.sink_status != ST_OK ? f.sink_status : f.status;
}
