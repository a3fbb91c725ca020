/* heart.c - keeps this process' leases from running out, and makes jobs ready again whose lease
 * did.
 *
 * A heartbeat prolongs by token: a job that was taken over is not prolonged but found lost, and
 * what has not begun of it never will. A job is prolonged as long as its handler runs; a handler
 * must have time limits of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "queue/internal.h"
#include "stats/stats.h"

enum {
    BEATS_PER_LEASE = 3,
    OVERLAP_MS = 5000, /* of one look with the last: rows that were locked then, clocks apart */
    FULL_EVERY = 20,   /* in rounds: also what was overlooked longer ago than that */
    STALE_MS = 1000,   /* that a job waits here for a worker */
};

static struct stats_counter taken_over = STATS_COUNTER(
    "prosa_jobs_taken_over_total", "Jobs made ready again because their lease ran out");

/* --- prolonging ------------------------------------------------------------------------------- */

struct beat {
    struct store_held *held;
    size_t n;
    int64_t lease_ms;
    bool *is_lost;
};

static int by_id(const void *left, const void *right) {
    const struct store_held *a = left, *b = right;
    int order = uuid_cmp(a->tenant.v, b->tenant.v);

    return order != 0 ? order : uuid_cmp(a->id.v, b->id.v);
}

static enum status find_lost(struct arena *a, struct tx *tx, struct beat *beat, struct err *e) {
    for (size_t i = 0; i < beat->n; i++) {
        bool is_held;

        TRY(store_is_held(a, tx, beat->held[i], &is_held, e));
        beat->is_lost[i] = !is_held;
    }
    return ST_OK;
}

static enum status beat_tx(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct beat *beat = ctx;
    int64_t now_ms = clock_now_ms();
    size_t n_held;

    TRY(store_tune(tx, true, e));
    TRY(store_prolong(tx, beat->held, beat->n, now_ms, now_ms + beat->lease_ms, &n_held, e));
    return n_held == beat->n ? ST_OK : find_lost(&a, tx, beat, e);
}

typedef void (*visit_fn)(struct queue *q, struct claimed *c, void *ctx);

static void visit_list(struct queue *q, struct list *l, visit_fn fn, void *ctx) {
    LIST_EACH(l, node)
    fn(q, LIST_ITEM(node, struct claimed, node), ctx);
}

static void visit_all(struct queue *q, visit_fn fn, void *ctx) {
    visit_list(q, &q->waiting, fn, ctx);
    for (size_t i = 0; i < q->n_threads; i++)
        if (q->workers[i].current)
            fn(q, q->workers[i].current, ctx);
    visit_list(q, &q->judged, fn, ctx);
    visit_list(q, &q->writing, fn, ctx);
}

static void add_held(struct queue *q, struct claimed *c, void *ctx) {
    struct beat *beat = ctx;

    c->beat = q->beat;
    beat->held[beat->n++] = claimed_held(c);
}

static bool is_lost(const struct beat *beat, const struct claimed *c) {
    struct store_held key = claimed_held(c);
    const struct store_held *found = bsearch(&key, beat->held, beat->n, sizeof(key), by_id);

    return found && found->token == key.token && beat->is_lost[found - beat->held];
}

struct beaten {
    const struct beat *beat;
    int64_t lease_end_ms;
};

static void mark(struct queue *q, struct claimed *c, void *ctx) {
    const struct beaten *beaten = ctx;

    if (c->beat != q->beat)
        return; /* claimed meanwhile */
    if (is_lost(beaten->beat, c))
        c->is_lost = true;
    else
        c->lease_end_ms = beaten->lease_end_ms;
}

enum status heart_prolong(struct queue *q, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct beat beat = {.lease_ms = q->options.lease_ms};
    struct beaten beaten = {&beat, clock_mono_ms() + q->options.lease_ms};
    size_t max;

    queue_lock(q);
    q->beat++;
    max = q->n_waiting + q->n_running + q->n_judged + q->n_writing;
    beat.held = arena_array_of(&a, max + 1, struct store_held);
    beat.is_lost = arena_array_of(&a, max + 1, bool);
    visit_all(q, add_held, &beat);
    queue_unlock(q);
    if (beat.n == 0)
        return ST_OK;
    qsort(beat.held, beat.n, sizeof(beat.held[0]), by_id);
    TRY(db_write(q->options.db, DB_SYSTEM, beat_tx, &beat, e));
    queue_lock(q);
    visit_all(q, mark, &beaten);
    queue_unlock(q);
    return ST_OK;
}

/* --- taking over ------------------------------------------------------------------------------ */

struct take_over {
    int64_t since_ms;
    int64_t now_ms;
    size_t n;
};

static enum status take_over_tx(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct take_over *t = ctx;
    struct store_finished finished;
    struct outcome *list;

    TRY(store_tune(tx, false, e));
    TRY(store_expired(&a, tx, t->since_ms, t->now_ms, &list, &t->n, e));
    return store_finish(&a, tx, list, t->n, t->now_ms, &finished, e);
}

/* Only the newest part of the past is looked through: under load it is full of dead entries of
 * claims that ended well. */
enum status heart_take_over(struct queue *q, bool is_full, size_t *ret_n, struct err *e) {
    struct take_over t = {.since_ms = is_full ? 0 : q->looked_ms - OVERLAP_MS,
                          .now_ms = clock_now_ms()};

    TRY(db_write(q->options.db, DB_SYSTEM, take_over_tx, &t, e));
    *ret_n = t.n;
    if (t.n < STORE_BATCH)
        q->looked_ms = t.now_ms;
    if (t.n == 0)
        return ST_OK;
    stats_add(&taken_over, (int64_t)t.n);
    log_warn(q->options.log, "jobs taken over: their leases ran out", F_I64("jobs", (int64_t)t.n));
    db_notify(q->options.db, QUEUE_CHANNEL);
    return ST_OK;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void prolong(struct queue *q) {
    struct err e = ERR_INIT;

    if (heart_prolong(q, &e) != ST_OK)
        log_fail(q->options.log, "could not prolong leases", &e);
}

static void take_over(struct queue *q, bool is_full) {
    size_t n = STORE_BATCH;

    while (n == STORE_BATCH) { /* a whole node's jobs may be more than one batch */
        struct err e = ERR_INIT;

        if (heart_take_over(q, is_full, &n, &e) != ST_OK) {
            log_fail(q->options.log, "could not take over jobs", &e);
            return;
        }
    }
}

/* What was expected to be short is not: other nodes may have the jobs that wait behind it. */
static void give_back_stale(struct queue *q) {
    LIST_EACH(&q->waiting, node) {
        struct claimed *c = LIST_ITEM(node, struct claimed, node);

        if (clock_mono_ms() - c->claimed_ms >= STALE_MS)
            queue_give_back(q, c);
    }
}

void *heart_main(void *arg) {
    struct queue *q = arg;
    int64_t beat_ms = q->options.lease_ms / BEATS_PER_LEASE;
    int64_t next_beat_ms = clock_mono_ms() + beat_ms;

    queue_lock(q);
    for (uint64_t round = 0; !q->has_drained; round++) {
        int64_t nap_ms = next_beat_ms - clock_mono_ms();

        queue_unlock(q);
        if (nap_ms <= 0) {
            next_beat_ms = clock_mono_ms() + beat_ms;
            prolong(q);
        }
        take_over(q, round % FULL_EVERY == 0);
        queue_lock(q);
        give_back_stale(q);
        nap_ms = next_beat_ms - clock_mono_ms();
        if (!q->has_drained)
            queue_wait(q, &q->to_beat, nap_ms < q->options.poll_ms ? nap_ms : q->options.poll_ms);
    }
    queue_unlock(q);
    return NULL;
}
