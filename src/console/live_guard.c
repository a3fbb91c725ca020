/* live_guard.c - a socket lives no longer than the session or key that opened it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "console/live_watch.h"

enum {
    EVERY_MS = 60000, /* also when nobody said that something changed: sessions end by themselves */
    SOON_MS = 2000,   /* many changes at once are one look */
    AT_ONCE = 64,
    CLOSE_POLICY = 1008, /* RFC 6455 §7.4.1 */
};

void guard_begin(struct watcher *w, const struct req *r) {
    w->mark = caller_mark_of((struct credentials){
        .authorization = req_header(r, "authorization"),
        .session_cookie = req_cookie(r, SESSION_COOKIE),
    });
    w->route = r->route;
    w->checked_ms = clock_mono_ms();
    w->due_ms = w->checked_ms + EVERY_MS;
}

void live_recheck(struct live *l) {
    int64_t now_ms = clock_mono_ms();

    pthread_mutex_lock(&l->lock);
    LIST_EACH(&l->watchers, n) {
        struct watcher *w = LIST_ITEM(n, struct watcher, node);
        int64_t soon_ms = w->checked_ms + SOON_MS > now_ms ? w->checked_ms + SOON_MS : now_ms;

        if (soon_ms < w->due_ms)
            w->due_ms = soon_ms;
    }
    live_nudge(l);
    pthread_mutex_unlock(&l->lock);
}

/* Watchers leave the list on this thread only, so they stay while it asks. */
static size_t take_due(struct live *l, struct watcher *ret[static AT_ONCE]) {
    int64_t now_ms = clock_mono_ms();
    size_t n_due = 0;

    pthread_mutex_lock(&l->lock);
    LIST_EACH(&l->watchers, n) {
        struct watcher *w = LIST_ITEM(n, struct watcher, node);

        if (w->is_gone || w->due_ms > now_ms)
            continue;
        if (n_due == AT_ONCE) {
            live_nudge(l); /* the others after what is new */
            break;
        }
        w->checked_ms = now_ms;
        w->due_ms = now_ms + EVERY_MS;
        ret[n_due++] = w;
    }
    pthread_mutex_unlock(&l->lock);
    return n_due;
}

/* While the database is away nobody is closed, and everybody looked at again. */
void guard_tend(struct live *l) {
    struct watcher *due[AT_ONCE];
    size_t n = take_due(l, due);

    for (size_t i = 0; i < n; i++) {
        struct err e = ERR_INIT;
        enum status st = authenticator_still(l->authenticator, &due[i]->mark, due[i]->route, &e);

        if (st == ST_DENIED)
            ws_close(due[i]->conn, CLOSE_POLICY, STR("the session or key has ended"));
        else if (st != ST_OK)
            live_recheck(l);
    }
}
