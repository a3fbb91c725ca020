/* worker.c - the threads that run handlers, and which waiting job each takes.
 *
 * Two reserves keep a flood from shutting others out: bulk jobs never hold the last two parts of
 * the workers, one tenant never the last one, a part being an eighth. So a 1:1 reply finds a free
 * worker although a campaign's provider stalls, also when both are the same tenant's.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "queue/internal.h"
#include "stats/stats.h"

static struct stats_counter lost_early = STATS_COUNTER_L(
    "prosa_jobs_lease_lost_total", "Claims that ran out before their verdict", "when=\"waiting\"");

enum { RESERVE_PART = 8, MIN_WORKERS = 4 };

static size_t reserve(const struct queue *q) {
    return q->options.workers < MIN_WORKERS
               ? 0
               : (q->options.workers + RESERVE_PART - 1) / RESERVE_PART;
}

size_t worker_bulk_cap(const struct queue *q) {
    return q->options.workers - 2 * reserve(q);
}

size_t worker_tenant_cap(const struct queue *q) {
    return q->options.workers - reserve(q);
}

/* --- taking ----------------------------------------------------------------------------------- */

size_t worker_count_running(const struct queue *q, struct tenant_id tenant) {
    size_t n = 0;

    for (size_t i = 0; i < q->n_threads; i++)
        if (q->workers[i].current && uuid_eq(q->workers[i].current->job.tenant.v, tenant.v))
            n++;
    return n;
}

static bool may_start(const struct queue *q, const struct claimed *c) {
    if (c->priority >= QUEUE_BULK && q->n_bulk_running >= worker_bulk_cap(q))
        return false;
    return q->n_running < worker_tenant_cap(q) ||
           worker_count_running(q, c->job.tenant) < worker_tenant_cap(q);
}

struct claimed *worker_find_next(const struct queue *q) {
    LIST_EACH(&q->waiting, n) {
        struct claimed *c = LIST_ITEM(n, struct claimed, node);

        if (may_start(q, c))
            return c;
    }
    return NULL;
}

void worker_wake(struct queue *q) {
    if (q->n_idle == 0 || q->is_waking_worker || !worker_find_next(q))
        return;
    q->is_waking_worker = true;
    (void)pthread_cond_signal(&q->to_work);
}

static void take(struct queue *q, struct worker *w, struct claimed *c) {
    bool is_bulk = c->priority >= QUEUE_BULK;

    list_remove(&c->node);
    q->n_waiting--;
    q->n_bulk_waiting -= is_bulk;
    q->n_running++;
    q->n_bulk_running += is_bulk;
    w->current = c;
    w->since_ms = clock_mono_ms();
    if (claimer_has_room(q))
        (void)pthread_cond_signal(&q->to_claim);
    worker_wake(q); /* one by one, each by the one before: no herd for jobs over at once */
}

static struct claimed *next(struct queue *q, struct worker *w) {
    struct claimed *c;

    while (!q->is_stopping && !(c = worker_find_next(q))) {
        q->n_idle++;
        queue_wait(q, &q->to_work, -1);
        q->n_idle--;
        q->is_waking_worker = false;
    }
    if (q->is_stopping)
        return NULL;
    take(q, w, c);
    return c;
}

/* While all workers are busy nobody looks what waits. */
bool queue_is_crowded(const struct job *job) {
    struct queue *q = job->queue;
    bool is_crowded;

    if (!q)
        return false;
    queue_lock(q);
    is_crowded = q->n_bulk_waiting > 0 || q->is_bulk_left || q->n_running >= q->options.workers;
    queue_unlock(q);
    return is_crowded;
}

/* --- handing on ------------------------------------------------------------------------------- */

static void hand_on(struct queue *q, struct worker *w, int64_t ran_us) {
    struct claimed *c = TAKE(w->current);

    q->n_running--;
    q->n_bulk_running -= c->priority >= QUEUE_BULK;
    q->run_us += (ran_us - q->run_us) / 16;
    if (q->has_drained) { /* nobody writes verdicts any more; the lease will run out */
        claimed_free(c);
        return;
    }
    list_push(&q->judged, &c->node);
    if (q->n_judged++ == 0)
        (void)pthread_cond_signal(&q->to_write);
    if (q->is_limited)
        claimer_wake(q);
    else if (claimer_has_room(q))
        (void)pthread_cond_signal(&q->to_claim);
    if (q->n_running == 0 && q->is_stopping)
        (void)pthread_cond_signal(&q->to_stop);
}

/* A process that was stopped for longer than its leases finds out by its own clock before it starts
 * anything. */
static bool is_overdue(const struct claimed *c) {
    return c->is_lost || clock_mono_ms() >= c->lease_end_ms;
}

static int64_t run(struct queue *q, struct arena *a, struct claimed *c) {
    int64_t from_ns = clock_mono_ns();

    if (is_overdue(c)) {
        stats_add(&lost_early, 1);
        log_warn(q->options.log, "job not begun: its lease was lost", F_UUID("job", c->job.id.v));
        queue_set_unbegun(c);
    } else {
        c->job.queue = q;
        queue_run_job(q, a, c);
    }
    arena_reset(a);
    return (clock_mono_ns() - from_ns) / 1000;
}

void *worker_main(void *arg) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct worker *w = arg;
    struct queue *q = w->q;
    struct claimed *c;
    bool is_last;

    queue_lock(q);
    while ((c = next(q, w)) != NULL) {
        int64_t ran_us;

        queue_unlock(q);
        ran_us = run(q, &a, c);
        queue_lock(q);
        hand_on(q, w, ran_us);
    }
    q->n_ended++;
    is_last = q->is_abandoned && q->n_ended == q->n_threads;
    queue_unlock(q);
    if (is_last)
        queue_free(q);
    return NULL;
}
