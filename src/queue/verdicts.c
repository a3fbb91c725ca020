/* verdicts.c - the thread that writes verdicts: what gathers while one transaction runs goes into
 * the next.
 *
 * Invariants: 1. A verdict is written or its lease runs out; it is never dropped while the database
 * can be reached in time. 2. One outcome the database refuses does not keep the others from being
 * written.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "queue/internal.h"
#include "stats/stats.h"

enum { RETRY_MS = 200, MAX_TURNS = 4 };

#define TOTAL(label)                                                                               \
    STATS_COUNTER_L("prosa_jobs_total", "Verdicts written", "verdict=\"" label "\"")
static struct stats_counter totals[] = {
    [VERDICT_DONE] = TOTAL("done"),   [VERDICT_RETRY] = TOTAL("retry"),
    [VERDICT_AGAIN] = TOTAL("again"), [VERDICT_PARK] = TOTAL("park"),
    [VERDICT_DEAD] = TOTAL("dead"),
};
static struct stats_counter lost = STATS_COUNTER_L(
    "prosa_jobs_lease_lost_total", "Claims that ran out before their verdict", "when=\"verdict\"");

struct write {
    struct outcome outcomes[STORE_BATCH];
    size_t n;
    struct store_finished finished;
};

/* --- one transaction -------------------------------------------------------------------------- */

static enum status write_tx(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct write *w = ctx;

    TRY(store_tune(tx, false, e));
    return store_finish(&a, tx, w->outcomes, w->n, clock_now_ms(), &w->finished, e);
}

static void count(struct queue *q, struct claimed *const *list, size_t n, size_t n_refused) {
    bool is_repeat = false;

    for (size_t i = 0; i < n; i++) {
        if (!list[i]->is_unbegun)
            stats_add(&totals[list[i]->verdict], 1);
        is_repeat |= list[i]->is_uncertain;
    }
    if (n_refused == 0 || is_repeat) /* a repeated one finds its own first try */
        return;
    stats_add(&lost, (int64_t)n_refused);
    log_warn(q->options.log, "verdicts refused: their leases were lost",
             F_I64("jobs", (int64_t)n_refused));
}

/* Jobs that are ready again: this node plans for them, the others hear of it. */
static void wake_for(struct queue *q, const struct write *w) {
    int64_t first_ms = INT64_MAX;

    for (size_t i = 0; i < w->n; i++)
        if (w->outcomes[i].kind == OUTCOME_READY && w->outcomes[i].run_at_ms < first_ms)
            first_ms = w->outcomes[i].run_at_ms;
    queue_lock(q);
    if (first_ms < q->next_due_ms) {
        q->next_due_ms = first_ms;
        (void)pthread_cond_signal(&q->to_claim);
    }
    if (w->finished.has_freed)
        claimer_wake(
            q); /* not by way of db_notify: no listener is registered when there are no threads */
    queue_unlock(q);
    if (w->finished.has_freed)
        db_notify(q->options.db, QUEUE_CHANNEL);
}

static enum status write_once(struct queue *q, struct claimed **list, size_t n, struct err *e) {
    struct write *w = calloc(1, sizeof(*w));
    enum status st;

    if (!w)
        FAIL(e, ST_UNAVAILABLE, "could not write verdicts: out of memory");
    for (size_t i = 0; i < n; i++)
        if (!list[i]->is_settled)
            w->outcomes[w->n++] = list[i]->outcome;
    st = db_write(q->options.db, DB_SYSTEM, write_tx, w, e);
    if (st == ST_OK) {
        count(q, list, n, w->finished.n_refused);
        wake_for(q, w);
    }
    for (size_t i = 0; i < n; i++) {
        list[i]->is_settled |= st == ST_OK;
        list[i]->is_uncertain |= st == ST_UNCERTAIN;
    }
    free(w);
    return st;
}

/* --- what is refused -------------------------------------------------------------------------- */

static bool is_final(enum status st) {
    return st == ST_OK || st == ST_UNAVAILABLE || st == ST_UNCERTAIN;
}

/* A conflict is a put with a job's key that came in between: the next try sees it. */
static enum status write_patiently(struct queue *q, struct claimed **list, size_t n,
                                   struct err *e) {
    enum status st = ST_CONFLICT;

    for (int turn = 0; turn < MAX_TURNS && st == ST_CONFLICT; turn++) {
        err_clear(e);
        st = write_once(q, list, n, e);
    }
    return st;
}

enum status verdicts_write(struct queue *q, struct claimed **list, size_t n, struct err *e) {
    enum status st = write_patiently(q, list, n, e);

    if (is_final(st))
        return st;
    if (n == 1) {
        log_fail(q->options.log, "verdict could not be written, its lease will run out", e,
                 F_UUID("job", list[0]->job.id.v));
        list[0]->is_settled = true;
        err_clear(e);
        return ST_OK;
    }
    err_clear(e);
    TRY(verdicts_write(q, list, n / 2, e));
    return verdicts_write(q, list + n / 2, n - n / 2, e);
}

/* --- the thread ------------------------------------------------------------------------------- */

static size_t take_judged(struct queue *q, struct claimed **batch) {
    size_t n = 0;
    struct list_node *node;

    while (n < STORE_BATCH && (node = list_pop(&q->judged)) != NULL) {
        list_push(&q->writing, node);
        batch[n++] = LIST_ITEM(node, struct claimed, node);
    }
    q->n_judged -= n;
    q->n_writing = n;
    return n;
}

static void let_go(struct queue *q, struct claimed **batch, size_t n) {
    for (size_t i = 0; i < n; i++) {
        list_remove(&batch[i]->node);
        claimed_free(batch[i]);
    }
    q->n_writing = 0;
    if (claimer_has_room(q))
        (void)pthread_cond_signal(&q->to_claim);
    if (q->is_stopping)
        (void)pthread_cond_signal(&q->to_stop);
}

/* Under the lock, which it gives up meanwhile. Tries on until it is written or the queue was
 * stopped. */
static void write_until_settled(struct queue *q, struct claimed **batch, size_t n) {
    enum status st;

    do {
        struct err e = ERR_INIT;

        queue_unlock(q);
        st = verdicts_write(q, batch, n, &e);
        if (st != ST_OK)
            log_fail(q->options.log, "could not write verdicts yet", &e, F_I64("jobs", (int64_t)n));
        queue_lock(q);
        if (st != ST_OK && !q->has_drained)
            queue_wait(q, &q->to_write, RETRY_MS);
    } while (st != ST_OK && !q->has_drained);
}

void *writer_main(void *arg) {
    struct queue *q = arg;
    struct claimed *batch[STORE_BATCH];

    queue_lock(q);
    while (!q->has_drained) {
        size_t n = take_judged(q, batch);

        if (n == 0) {
            queue_wait(q, &q->to_write, -1);
            continue;
        }
        write_until_settled(q, batch, n);
        let_go(q, batch, n);
    }
    queue_unlock(q);
    return NULL;
}
