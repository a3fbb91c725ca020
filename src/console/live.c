/* live.c - events to browsers. One thread reads conversation_events in their order, for all tenants of this node, and hands each
 * to the sockets of its tenant. A socket that opens with a cursor is first brought up to where the thread stands.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "console/live_watch.h"
#include "console/write.h"
#include "stats/stats.h"

enum { PAGE = 200, POLL_MS = 1000, WISH_MS = 100, FRAME_MAX = 1 << 20 };

static struct stats_counter sockets =
    STATS_GAUGE("prosa_live_sockets", "Browsers that watch live.");

static bool place_parse(struct str text, struct place *ret) {
    struct str head;

    return str_cut(&text, '.', &head) && str_parse_i64(head, 0, INT64_MAX, &ret->xid) &&
           str_parse_i64(text, 0, INT64_MAX, &ret->seq);
}

static bool place_before(struct place a, struct place b) {
    return a.xid != b.xid ? a.xid < b.xid : a.seq < b.seq;
}

static struct str place_format(struct arena *a, struct place p) {
    return arena_printf(a, "%lld.%lld", (long long)p.xid, (long long)p.seq);
}

/* --- sockets ------------------------------------------------------------------------------------------------------------ */

static void watcher_free(void *user) {
    struct watcher *w = user;

    free(w->name);
    free(w);
}

void live_nudge(struct live *l) {
    l->is_awake = true;
    pthread_cond_signal(&l->wake);
}

static void opened(void *ctx, struct ws_conn *c) {
    struct live *l = ctx;
    struct watcher *w = ws_user(c);

    pthread_mutex_lock(&l->lock);
    w->conn = ws_ref(c); /* let go by the thread once closed: it may be sending */
    w->is_new = true;
    list_push(&l->watchers, &w->node);
    live_nudge(l);
    pthread_mutex_unlock(&l->lock);
    stats_add(&sockets, 1);
}

static void text(void *ctx, struct ws_conn *c, struct str message) {
    (void)ctx;
    presence_heard(ws_user(c), message); /* all else that browsers do goes through the API */
}

static void closed(void *ctx, struct ws_conn *c) {
    struct live *l = ctx;
    struct watcher *w = ws_user(c);

    pthread_mutex_lock(&l->lock);
    w->is_gone = true;
    live_nudge(l);
    pthread_mutex_unlock(&l->lock);
    stats_add(&sockets, -1);
}

enum status live_open(struct live *l, struct req *r, struct resp *ret, struct err *e) {
    static const struct ws_events events = {.opened = opened, .text = text, .closed = closed};
    struct watcher *w;
    struct place at = {0};
    struct str after = req_query(r, "after");

    if (after.len > 0 && !place_parse(after, &at))
        FAIL(e, ST_INVALID, "after: the cursor is not one that this server gave");
    w = calloc(1, sizeof(*w));
    if (!w)
        FAIL(e, ST_UNAVAILABLE, "out of memory");
    *w = (struct watcher){.live = l,
                          .tenant = r->principal.tenant,
                          .user = r->principal.user,
                          .at = at,
                          .has_place = after.len > 0};
    guard_begin(w, r);

    enum status st = ws_accept(l->ws, r, &events, l, w, watcher_free, ret, e);

    if (st != ST_OK)
        free(w);
    return st;
}

/* --- the thread --------------------------------------------------------------------------------------------------------- */

struct page { /* one read */
    struct arena *a;
    struct tenant_id tenant; /* nil: all */
    struct place from;
    struct event *events;
    struct message *messages; /* beside events; id nil: none */
    size_t n;
};

static enum status read_page(struct tx *tx, void *ctx, struct err *e) {
    struct page *p = ctx;
    struct event_page found;

    TRY(event_list(p->a, tx, p->tenant, (struct conversation_id){0},
                   (struct page_query){.cursor = place_format(p->a, p->from), .limit = PAGE},
                   &found, e));
    p->events = found.items;
    p->n = found.n;
    p->messages = arena_array_of(p->a, p->n + 1, struct message);
    for (size_t i = 0; i < p->n; i++) {
        struct err gone = ERR_INIT;

        if (!uuid_is_nil(p->events[i].message.v) &&
            message_get(p->a, tx, p->events[i].tenant, p->events[i].message, &p->messages[i],
                        &gone) != ST_OK)
            p->messages[i] = (struct message){0};
    }
    return ST_OK;
}

static struct str frame_of(struct arena *a, const struct page *p, size_t i) {
    struct buf b;
    struct json_out o;
    const struct message *m = uuid_is_nil(p->messages[i].id.v) ? NULL : &p->messages[i];

    buf_init(&b, FRAME_MAX);
    json_out_init(&o, &b);
    write_event(&o, &p->events[i], m);
    if (b.overflown) { /* a giant message is fetched by its id */
        buf_done(&b);
        buf_init(&b, FRAME_MAX);
        json_out_init(&o, &b);
        write_event(&o, &p->events[i], NULL);
    }

    struct str frame = arena_str(a, buf_str(&b));

    buf_done(&b);
    return frame;
}

static void send_to(struct watcher *w, const struct page *p, size_t i, struct str frame) {
    struct place at;

    if (!place_parse(p->events[i].cursor, &at) || !place_before(w->at, at))
        return;
    if (ws_send_text(w->conn, frame))
        w->at = at;
}

/* Brings a new socket to where the thread stands; the thread then goes on for all. */
static enum status catch_up(struct live *l, struct watcher *w, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct page p = {.a = &a, .tenant = w->tenant};

    if (!w->has_place) {
        w->at = l->at;
        return ST_OK;
    }
    do {
        arena_reset(&a);
        p.from = w->at;
        TRY(db_read(l->db, DB_TENANT(w->tenant), read_page, &p, e));
        for (size_t i = 0; i < p.n; i++)
            send_to(w, &p, i, frame_of(&a, &p, i));
    } while (p.n == PAGE && place_before(p.from, w->at));
    return ST_OK;
}

/* Drops the closed, returns a new one to catch up, or NULL. */
static struct watcher *tend(struct live *l) {
    struct watcher *fresh = NULL;

    pthread_mutex_lock(&l->lock);
    LIST_EACH(&l->watchers, n) {
        struct watcher *w = LIST_ITEM(n, struct watcher, node);

        if (w->is_gone) {
            list_remove(&w->node);
            presence_left(l, w);
            ws_unref(w->conn); /* frees w with the connection's last reference */
        } else if (w->is_new && !fresh) {
            fresh = w;
        }
    }
    if (fresh)
        fresh->is_new = false;
    pthread_mutex_unlock(&l->lock);
    return fresh;
}

static void greet(struct live *l, struct watcher *w) {
    pthread_mutex_lock(&l->lock);
    if (!w->is_gone)
        presence_greet(l, w);
    pthread_mutex_unlock(&l->lock);
}

static void broadcast(struct live *l, struct arena *a, const struct page *p) {
    pthread_mutex_lock(&l->lock);
    bool is_watched = !list_is_empty(&l->watchers);

    for (size_t i = 0; is_watched && i < p->n; i++) {
        struct str frame = STR_EMPTY;

        LIST_EACH(&l->watchers, n) {
            struct watcher *w = LIST_ITEM(n, struct watcher, node);

            if (w->is_gone || w->is_new || !uuid_eq(w->tenant.v, p->events[i].tenant.v))
                continue;
            if (frame.len == 0)
                frame = frame_of(a, p, i);
            send_to(w, p, i, frame);
        }
    }
    pthread_mutex_unlock(&l->lock);
}

static enum status follow(struct live *l, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct page p = {.a = &a};

    do {
        arena_reset(&a);
        p.from = l->at;
        TRY(db_read(l->db, DB_SYSTEM, read_page, &p, e));
        broadcast(l, &a, &p);
        if (p.n > 0)
            place_parse(p.events[p.n - 1].cursor, &l->at);
    } while (p.n == PAGE);
    return ST_OK;
}

static enum status find_end(struct tx *tx, void *ctx, struct err *e) {
    struct live *l = ctx;
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct str cursor;

    TRY(event_last(&a, tx, (struct tenant_id){0}, &cursor, e));
    place_parse(cursor, &l->at);
    return ST_OK;
}

/* Nobody watches: the place jumps to the end instead of reading what nobody is sent. */
static enum status step(struct live *l, struct err *e) {
    struct watcher *fresh;
    bool is_watched;

    pthread_mutex_lock(&l->lock);
    is_watched = !list_is_empty(&l->watchers);
    pthread_mutex_unlock(&l->lock);
    if (!is_watched)
        return db_read(l->db, DB_SYSTEM, find_end, l, e);
    TRY(follow(l, e));
    while ((fresh = tend(l)) != NULL) {
        TRY(catch_up(l, fresh, e));
        greet(l, fresh);
    }
    presence_tend(l);
    guard_tend(l);
    return follow(l, e);
}

static bool wait_for_news(struct live *l) {
    struct timespec until;

    pthread_mutex_lock(&l->lock);
    until = clock_deadline(l->has_wishes ? WISH_MS : POLL_MS);
    while (!l->is_awake && !l->is_stopping)
        if (pthread_cond_clockwait(&l->wake, &l->lock, CLOCK_MONOTONIC, &until) != 0)
            break;
    l->is_awake = false;

    bool goes_on = !l->is_stopping;

    pthread_mutex_unlock(&l->lock);
    return goes_on;
}

static void *run(void *arg) {
    struct live *l = arg;

    do {
        static struct log_throttle throttle;
        struct err e = ERR_INIT;
        int64_t suppressed;

        if (step(l, &e) != ST_OK && log_throttle_pass(&throttle, 5000, &suppressed))
            log_err_line(LOG_WARN, &l->log, "live updates wait for the database", &e, NULL, 0);
    } while (wait_for_news(l));
    return NULL;
}

void live_wake(void *live) {
    struct live *l = live;

    pthread_mutex_lock(&l->lock);
    live_nudge(l);
    pthread_mutex_unlock(&l->lock);
}

enum status live_start(struct db *db, struct ws *ws, struct authenticator *au,
                       const struct log_ctx *log, struct live **ret, struct err *e) {
    struct live *l = calloc(1, sizeof(*l));

    if (!l)
        FAIL(e, ST_UNAVAILABLE, "could not start live updates: out of memory");
    l->db = db;
    l->ws = ws;
    l->authenticator = au;
    l->log.parent = log;
    list_init(&l->watchers);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wake, NULL);
    if (pthread_create(&l->thread, NULL, run, l) != 0) {
        free(l);
        FAIL(e, ST_UNAVAILABLE, "could not start live updates: no thread");
    }
    *ret = l;
    return ST_OK;
}

void live_stop(struct live *l) {
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->is_stopping = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    LIST_EACH(&l->watchers, n) {
        struct watcher *w = LIST_ITEM(n, struct watcher, node);

        list_remove(n);
        ws_unref(w->conn);
    }
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
