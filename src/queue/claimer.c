/* claimer.c - the thread that claims: as much as workers can start soon, as soon as something is
 * due.
 *
 * How far it claims ahead follows the work: jobs that are over in microseconds come in large
 * batches, so that the database's cost is shared; of jobs that take seconds none is claimed before
 * a worker is free, so that another node may have it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "queue/internal.h"

enum {
    MAX_UNWRITTEN =
        4 *
        STORE_BATCH, /* verdicts: past it the database is slow, and claiming more does not help */
    MIN_NAP_MS = 5,
    START_RUN_US = QUEUE_AHEAD_US,
};

/* --- room ------------------------------------------------------------------------------------- */

/* How long a job runs, as far as is known: what runs already is no shorter than its age. */
static int64_t expected_run_us(const struct queue *q) {
    int64_t youngest_ms = INT64_MAX;
    int64_t now_ms = clock_mono_ms();

    if (q->n_running < q->options.workers)
        youngest_ms = 0;
    for (size_t i = 0; i < q->n_threads && youngest_ms > 0; i++)
        if (q->workers[i].current && now_ms - q->workers[i].since_ms < youngest_ms)
            youngest_ms = now_ms - q->workers[i].since_ms;
    if (youngest_ms == INT64_MAX || youngest_ms * 1000 < q->run_us)
        return q->run_us;
    return youngest_ms * 1000;
}

static size_t ahead(const struct queue *q) {
    int64_t us = expected_run_us(q) > 1 ? expected_run_us(q) : 1;
    int64_t n = (int64_t)q->options.workers * QUEUE_AHEAD_US / us;

    return n > STORE_BATCH ? STORE_BATCH : (size_t)n;
}

static size_t minus(size_t a, size_t b) {
    return a > b ? a - b : 0;
}

/* Workers are idle, but what waits here may not have them: others' jobs may. */
static bool has_stuck(const struct queue *q, size_t idle) {
    return idle > 0 && q->n_waiting > 0 && !worker_find_next(q);
}

bool claimer_has_room(const struct queue *q) {
    size_t idle = q->options.workers - q->n_running;

    if (q->is_stopping || q->n_judged + q->n_writing >= MAX_UNWRITTEN)
        return false;
    return q->n_waiting < idle || 2 * q->n_waiting < ahead(q) || has_stuck(q, idle);
}

struct vote {
    struct tenant_id best;
    size_t lead;
};

static void vote(struct vote *v, struct tenant_id tenant) {
    if (v->lead == 0)
        v->best = tenant;
    if (uuid_eq(v->best.v, tenant.v))
        v->lead++;
    else
        v->lead--;
}

static size_t count_held(const struct queue *q, struct tenant_id tenant) {
    size_t n = worker_count_running(q, tenant);

    LIST_EACH(&q->waiting, node)
    n += uuid_eq(LIST_ITEM(node, struct claimed, node)->job.tenant.v, tenant.v);
    return n;
}

/* The tenant that has most of the jobs here, if one has: no other can be near its share. */
static struct tenant_id fullest(const struct queue *q) {
    struct vote v = {0};

    for (size_t i = 0; i < q->n_threads; i++)
        if (q->workers[i].current)
            vote(&v, q->workers[i].current->job.tenant);
    LIST_EACH(&q->waiting, node)
    vote(&v, LIST_ITEM(node, struct claimed, node)->job.tenant);
    return v.best;
}

static struct claim_want want_of(const struct queue *q) {
    struct claim_want want = {.max_tenant = worker_tenant_cap(q) + ahead(q)};
    size_t idle = q->options.workers - q->n_running;

    want.max = minus(idle + ahead(q), q->n_waiting);
    if (want.max < idle && has_stuck(q, idle))
        want.max = idle;
    want.max_bulk = minus(worker_bulk_cap(q) + ahead(q), q->n_bulk_running + q->n_bulk_waiting);
    want.fullest = fullest(q);
    want.max_fullest = minus(want.max_tenant, count_held(q, want.fullest));
    want.lease = (struct store_lease){.now_ms = clock_now_ms(),
                                      .until_ms = clock_now_ms() + q->options.lease_ms,
                                      .salt = q->salt,
                                      .worker = q->name};
    return want;
}

/* --- claiming --------------------------------------------------------------------------------- */

static void line_up(struct queue *q, struct claimed *c) {
    struct list_node *at = &q->waiting.head;

    while (at->prev != &q->waiting.head &&
           LIST_ITEM(at->prev, struct claimed, node)->priority > c->priority)
        at = at->prev;
    list_insert_before(at, &c->node);
    q->n_waiting++;
    q->n_bulk_waiting += c->priority >= QUEUE_BULK;
}

/* Own clock read before the claim was sent: the lease cannot have begun earlier than that. */
static void take_over(struct queue *q, const struct claim_result *result, int64_t sent_ms) {
    for (size_t i = 0; i < result->jobs.n; i++)
        line_up(q, claimed_new(&result->jobs.items[i], sent_ms, q->options.lease_ms));
    q->next_due_ms = result->next_due_ms;
    q->is_limited = result->is_limited;
    q->is_bulk_left = result->is_bulk_left;
    worker_wake(q);
}

/* Under the lock, which it gives up meanwhile. *ret_has_more: as many came as were asked for. */
static enum status claim(struct queue *q, struct arena *a, struct claim_result *result,
                         bool *ret_has_more) {
    struct claim_want want = want_of(q);
    int64_t sent_ms = clock_mono_ms();
    struct err e = ERR_INIT;
    enum status st;

    *ret_has_more = false;
    if (want.max == 0)
        return ST_OK;
    q->is_woken = false;
    queue_unlock(q);
    st = claim_due(a, q->options.db, want, &q->book, result, &e);
    if (st != ST_OK)
        log_fail(q->options.log, "could not claim jobs", &e);
    queue_lock(q);
    if (st != ST_OK)
        return st;
    take_over(q, result, sent_ms);
    *ret_has_more = result->jobs.n == (want.max < STORE_BATCH ? want.max : STORE_BATCH);
    return ST_OK;
}

/* --- sleeping --------------------------------------------------------------------------------- */

void claimer_wake(struct queue *q) {
    q->is_woken = true;
    (void)pthread_cond_signal(&q->to_claim);
}

static int64_t nap_ms(const struct queue *q) {
    int64_t poll_ms = q->options.poll_ms;
    int64_t due_ms = q->next_due_ms == INT64_MAX ? poll_ms : q->next_due_ms - clock_now_ms();

    if (due_ms <= 0)
        return MIN_NAP_MS; /* another node is making it ready */
    return due_ms < poll_ms ? due_ms : poll_ms;
}

/* Until something may be due; spurious wake-ups do no harm. The end is read from the shiftable
 * clock each time. */
static void sleep_until_due(struct queue *q) {
    int64_t from_ms = clock_mono_ms();

    while (!q->is_stopping && !q->is_woken && clock_mono_ms() - from_ms < nap_ms(q))
        queue_wait(q, &q->to_claim, nap_ms(q) - (clock_mono_ms() - from_ms));
}

/* The database is away: commits that could wake us are not to be expected. */
static void sleep_after_failure(struct queue *q) {
    int64_t until_ms = clock_mono_ms() + q->options.poll_ms;

    while (!q->is_stopping && clock_mono_ms() < until_ms)
        queue_wait(q, &q->to_claim, until_ms - clock_mono_ms());
}

static void claim_until_stopped(struct queue *q, struct arena *a, struct claim_result *result) {
    while (!q->is_stopping) {
        bool has_more;

        if (!claimer_has_room(q))
            queue_wait(q, &q->to_claim, -1);
        else if (claim(q, a, result, &has_more) != ST_OK)
            sleep_after_failure(q);
        else if (!has_more)
            sleep_until_due(q);
    }
}

void *claimer_main(void *arg) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct queue *q = arg;
    struct claim_result *result = calloc(1, sizeof(*result));

    if (!result) {
        perror("queue: out of memory");
        abort();
    }
    queue_lock(q);
    q->run_us = START_RUN_US;
    claim_until_stopped(q, &a, result);
    queue_unlock(q);
    free(result);
    return NULL;
}
