/* follow.c - the follower: reads each endpoint's tenant in order of arrival and hands out what the endpoint asked for.
 *
 *   read a page behind the endpoint's place, write bodies (a reader) → one transaction: move the place if nobody did,
 *   insert messages and deliveries, put the endpoint's job
 *
 * Every node follows; the place's compare-and-set lets one of them win a page. Without endpoints nothing is read but their
 * number, once a second.
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store.h"

#include "stats/stats.h"
#include "webhook/running.h"

enum { PAGE = 200, POLL_MS = 1000, GATHER_MS = 25, MEASURE_MS = 5000 };

static struct stats_counter handed_out =
    STATS_COUNTER("prosa_webhook_events_total", "Events handed out to webhook endpoints.");
static struct stats_counter oldest_waiting =
    STATS_GAUGE("prosa_webhook_oldest_waiting_seconds",
                "Age of the delivery to a webhook endpoint that waits longest.");
static struct stats_counter waiting =
    STATS_GAUGE("prosa_webhook_waiting", "Deliveries to webhook endpoints that wait.");

struct pass { /* over one endpoint */
    struct webhooks *webhooks;
    struct arena *arena;
    struct following to;
    struct place end; /* of the page */
    struct outgoing_event *events;
    size_t n, n_read;
    bool is_mine;
    int64_t n_new;
};

/* --- one endpoint ------------------------------------------------------------------------------------------------------- */

static enum status read_page(struct tx *tx, void *ctx, struct err *e) {
    struct pass *p = ctx;
    struct tenant_id tenant = p->to.tenant;
    struct event_page page;

    p->n = p->n_read = 0;
    TRY(store_following_one(p->arena, tx, tenant, p->to.id, &p->to, e));
    TRY(event_list(p->arena, tx, tenant, (struct conversation_id){0},
                   (struct page_query){.cursor = place_format(p->arena, p->to.at), .limit = PAGE},
                   &page, e));
    p->events = arena_array_of(p->arena, page.n + 1, struct outgoing_event);
    for (size_t i = 0; i < page.n; i++) {
        const struct event *ev = &page.items[i];
        struct outgoing_event *out = &p->events[p->n];

        if (!webhook_matches(p->to.events, ev->kind))
            continue;
        *out = (struct outgoing_event){.id = ev->id, .delivery.v = uuid_new(), .kind = ev->kind};
        TRY(body_of_event(p->arena, tx, ev, &out->body, e));
        p->n++;
    }
    p->n_read = page.n;
    return page.n > 0 ? place_parse(page.items[page.n - 1].cursor, &p->end, e) : ST_OK;
}

static enum status hand_out(struct tx *tx, void *ctx, struct err *e) {
    struct pass *p = ctx;
    int64_t now_ms = clock_now_ms();

    p->n_new = 0;
    TRY(store_place_move(tx, p->to.tenant, p->to.id, p->to.at, p->end, &p->is_mine, e));
    if (!p->is_mine || p->n == 0)
        return ST_OK;
    TRY(store_hand_out(
        p->arena, tx,
        &(struct handing_out){.to = p->to, .events = p->events, .n = p->n, .now_ms = now_ms},
        &p->n_new, e));
    return webhook_plan(p->arena, tx, p->to.tenant, p->to.id, now_ms, QUEUE_MOVE, e);
}

static enum status follow_one(struct webhooks *w, struct following to, int64_t *n, struct err *e) {
    struct pass p;

    do {
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};
        enum status st;

        p = (struct pass){.webhooks = w, .arena = &a, .to = to};
        st = db_read(w->options.db, DB_TENANT(to.tenant), read_page, &p, e);
        if (st == ST_NOT_FOUND) { /* disabled since it was listed */
            err_clear(e);
            return ST_OK;
        }
        TRY(st);
        if (p.n_read == 0)
            return ST_OK;
        TRY(db_write(w->options.db, DB_TENANT(to.tenant), hand_out, &p, e));
        *n += p.n_new;
        stats_add(&handed_out, p.n_new);
    } while (p.n_read == PAGE && p.is_mine);
    return ST_OK;
}

/* --- all of them -------------------------------------------------------------------------------------------------------- */

struct listing {
    struct arena *arena;
    struct following *list;
    size_t n;
};

static enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct listing *l = ctx;

    return store_following(l->arena, tx, &l->list, &l->n, e);
}

enum status webhooks_hand_out(struct webhooks *w, int64_t *ret_n, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct listing l = {.arena = &a};
    enum status st = ST_OK;

    *ret_n = 0;
    TRY(db_read(w->options.db, DB_SYSTEM, list_tx, &l, e));
    w->has_endpoints = l.n > 0;
    for (size_t i = 0; i < l.n; i++) { /* one that fails does not stop the others */
        struct err own = ERR_INIT;
        enum status one = follow_one(w, l.list[i], ret_n, &own);

        if (one != ST_OK && st == ST_OK) {
            st = one;
            *e = own;
        }
    }
    return st;
}

/* --- the thread --------------------------------------------------------------------------------------------------------- */

struct waiting_read {
    int64_t n, oldest_ms;
};

static enum status read_waiting(struct tx *tx, void *ctx, struct err *e) {
    struct waiting_read *r = ctx;

    return store_waiting(tx, &r->n, &r->oldest_ms, e);
}

static void measure(struct webhooks *w) {
    struct waiting_read r = {0};
    struct err ignored = ERR_INIT;

    if (!w->has_endpoints || db_read(w->options.db, DB_SYSTEM, read_waiting, &r, &ignored) != ST_OK)
        return;
    stats_set(&waiting, r.n);
    stats_set(&oldest_waiting, r.n > 0 ? (clock_now_ms() - r.oldest_ms) / 1000 : 0);
}

/* First a moment in any case, so that a busy tenant's events are handed out many at a time. */
static bool wait_for_news(struct webhooks *w) {
    struct timespec moment = clock_deadline(GATHER_MS), until = clock_deadline(POLL_MS);
    bool goes_on;

    pthread_mutex_lock(&w->lock);
    while (!w->is_stopping)
        if (pthread_cond_clockwait(&w->wake, &w->lock, CLOCK_MONOTONIC, &moment) != 0)
            break;
    while (!w->is_awake && !w->is_stopping)
        if (pthread_cond_clockwait(&w->wake, &w->lock, CLOCK_MONOTONIC, &until) != 0)
            break;
    w->is_awake = false;
    goes_on = !w->is_stopping;
    pthread_mutex_unlock(&w->lock);
    return goes_on;
}

static void *run(void *arg) {
    struct webhooks *w = arg;
    int64_t measured_ms = 0;

    do {
        static struct log_throttle throttle;
        struct err e = ERR_INIT;
        int64_t n, suppressed;

        if (webhooks_hand_out(w, &n, &e) != ST_OK &&
            log_throttle_pass(&throttle, 5000, &suppressed))
            log_err_line(LOG_WARN, &w->log, "events wait to be handed out to webhooks", &e, NULL,
                         0);
        if (clock_mono_ms() - measured_ms >= MEASURE_MS) {
            measure(w);
            measured_ms = clock_mono_ms();
        }
    } while (wait_for_news(w));
    return NULL;
}

void webhooks_wake(void *webhooks) {
    struct webhooks *w = webhooks;

    if (!w->has_endpoints)
        return;
    pthread_mutex_lock(&w->lock);
    w->is_awake = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

enum status webhooks_start(struct webhooks_options options, struct webhooks **ret, struct err *e) {
    struct webhooks *w = calloc(1, sizeof(*w));

    if (!w)
        FAIL(e, ST_UNAVAILABLE, "could not start webhooks: out of memory");
    w->options = options;
    w->log.parent = options.log;
    w->max_delivering = options.workers > 4 ? options.workers / 4 : 1;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    if (options.follows && pthread_create(&w->thread, NULL, run, w) != 0) {
        webhooks_free(w);
        FAIL(e, ST_UNAVAILABLE, "could not start webhooks: no thread");
    }
    w->has_thread = options.follows;
    *ret = w;
    return ST_OK;
}

const struct keyring *webhooks_keys(const struct webhooks *w) {
    return w->options.keys;
}

void webhooks_stop(struct webhooks *w) {
    if (!w || !w->has_thread)
        return;
    pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    w->has_thread = false;
}

void webhooks_free(struct webhooks *w) {
    if (!w)
        return;
    webhooks_stop(w);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
