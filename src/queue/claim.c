/* claim.c - shares out a claim: by priority, then between the tenants that have due jobs.
 *
 * Invariants: 1. A claim takes nothing of a priority while a more urgent one has jobs it may take.
 * 2. Within a priority every tenant gets the same share; what one does not use, the others get. 3.
 *    When there are more tenants than jobs to
 * claim, the next claim begins behind the tenant served last. 4. The work done does not grow with
 * the queues' length.
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/claim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    MARK_FROM = 64, /* jobs of one tenant in one claim that make its queue a long one */
    MARK_MS = 1000, /* a job that became ready behind a mark waits no longer than this */
    MAX_ROUNDS = 4, /* of sharing out what others left over */
    MAX_WAKES = 4,  /* batches of jobs whose time has come, in one claim */
};

struct claim {
    struct arena *a;
    struct claim_want want;
    const struct claim_book *old_book;
    struct claim_book book; /* counts only if the transaction commits */
    int64_t mono_ms;
    struct claim_result *result;
};

struct share {
    struct tenant_id tenant;
    size_t got;   /* in this claim */
    size_t asked; /* in this round */
    size_t answered;
    struct store_mark last;
};

/* --- marks ------------------------------------------------------------------------------------ */

static struct claim_mark *find_mark(struct claim *c, int priority, struct tenant_id tenant) {
    for (size_t i = 0; i < c->book.n_marks; i++) {
        struct claim_mark *m = &c->book.marks[i];

        if (m->priority == priority && uuid_eq(m->tenant.v, tenant.v))
            return m;
    }
    return NULL;
}

static void drop_mark(struct claim *c, struct claim_mark *m) {
    *m = c->book.marks[--c->book.n_marks];
}

static void drop_old_marks(struct claim *c) {
    for (size_t i = c->book.n_marks; i > 0; i--)
        if (c->book.marks[i - 1].until_ms <= c->mono_ms)
            drop_mark(c, &c->book.marks[i - 1]);
    if (c->book.later_until_ms <= c->mono_ms)
        c->book.later = (struct store_mark){0};
}

/* A mark keeps its end when it moves on: the front is looked at once per MARK_MS, whatever the
 * pace. */
static void move_mark(struct claim *c, int priority, const struct share *share) {
    struct claim_mark *m = find_mark(c, priority, share->tenant);

    if (!m && c->book.n_marks < CLAIM_MARKS) {
        m = &c->book.marks[c->book.n_marks++];
        *m = (struct claim_mark){
            .priority = priority, .tenant = share->tenant, .until_ms = c->mono_ms + MARK_MS};
    }
    if (m)
        m->at = share->last;
}

static int by_uuid(const void *left, const void *right) {
    const struct tenant_id *a = left, *b = right;

    return uuid_cmp(a->v, b->v);
}

static size_t hot_tenants(const struct claim *c, int priority, struct tenant_id *ret) {
    size_t n = 0;

    for (size_t i = 0; i < c->book.n_marks; i++)
        if (c->book.marks[i].priority == priority)
            ret[n++] = c->book.marks[i].tenant;
    qsort(ret, n, sizeof(*ret), by_uuid);
    return n;
}

/* --- who -------------------------------------------------------------------------------------- */

static struct tenant_id next_id(struct tenant_id tenant) {
    for (size_t i = UUID_BYTES; i > 0 && ++tenant.v.bytes[i - 1] == 0; i--)
        ;
    return tenant;
}

static void rotate(struct tenant_id *list, size_t n, struct tenant_id last) {
    struct tenant_id copy[STORE_TENANTS];
    size_t first = 0;

    while (first < n && uuid_cmp(list[first].v, last.v) <= 0)
        first++;
    memcpy(copy, list, n * sizeof(*list));
    for (size_t i = 0; i < n; i++)
        list[i] = copy[(first + i) % n];
}

/* Up to STORE_TENANTS tenants with ready jobs, beginning behind the one served last. */
static enum status find_tenants(struct claim *c, struct tx *tx, int priority,
                                struct tenant_id list[static STORE_TENANTS], size_t *ret_n,
                                struct err *e) {
    struct tenant_id hot[CLAIM_MARKS];
    struct tenant_id behind[STORE_TENANTS];
    struct store_walk walk = {.priority = priority, .max = STORE_TENANTS, .hot = hot};
    size_t n, n_behind;

    walk.n_hot = hot_tenants(c, priority, hot);
    TRY(store_walk(c->a, tx, walk, list, &n, e));
    *ret_n = n;
    if (n < STORE_TENANTS) {
        rotate(list, n, c->book.last);
        return ST_OK;
    }
    walk.from = next_id(c->book.last);
    TRY(store_walk(c->a, tx, walk, behind, &n_behind, e));
    memmove(list + n_behind, list, (STORE_TENANTS - n_behind) * sizeof(*list));
    memcpy(list, behind, n_behind * sizeof(*list));
    return ST_OK;
}

/* --- how many --------------------------------------------------------------------------------- */

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t room_of_tenant(const struct claim *c, const struct share *share) {
    bool is_fullest = uuid_eq(share->tenant.v, c->want.fullest.v);
    size_t max = is_fullest ? c->want.max_fullest : c->want.max_tenant;

    return max > share->got ? max - share->got : 0;
}

/* Asks each for the same, as far as left goes; returns how many of them are asked. */
static size_t share_out(struct claim *c, int priority, struct share *shares, size_t n, size_t left,
                        struct store_share *ret) {
    size_t each = left / n > 0 ? left / n : 1;
    size_t n_asked = 0;

    for (size_t i = 0; i < n && left > 0; i++) {
        const struct claim_mark *mark = find_mark(c, priority, shares[i].tenant);
        size_t room = room_of_tenant(c, &shares[i]);

        shares[i].asked = min_size(min_size(each, left), room);
        shares[i].answered = 0;
        c->result->is_limited |= room < min_size(each, left);
        if (shares[i].asked == 0)
            continue;
        left -= shares[i].asked;
        ret[n_asked++] = (struct store_share){.tenant = shares[i].tenant,
                                              .max = shares[i].asked,
                                              .after = mark ? mark->at : (struct store_mark){0}};
    }
    return n_asked;
}

static bool is_later(struct store_mark a, struct store_mark b) {
    return a.run_at_ms > b.run_at_ms || (a.run_at_ms == b.run_at_ms && a.seq > b.seq);
}

static void count_answers(struct claim *c, size_t from, struct share *shares, size_t n) {
    size_t at = 0;

    for (size_t i = from; i < c->result->jobs.n; i++) {
        const struct store_job *job = &c->result->jobs.items[i];
        struct store_mark mark = {job->job.run_at_ms, job->seq};

        for (size_t seen = 0; !uuid_eq(shares[at].tenant.v, job->job.tenant.v); seen++) {
            assert(seen < n && "claimed a job of a tenant that was not asked");
            at = (at + 1) % n;
        }
        shares[at].answered++;
        if (is_later(mark, shares[at].last))
            shares[at].last = mark;
    }
}

/* Keeps those that may have more and moves the marks of long queues. */
static size_t keep_deep(struct claim *c, struct tx *tx, int priority, struct share *shares,
                        size_t n) {
    size_t n_deep = 0;

    for (size_t i = 0; i < n; i++) {
        struct claim_mark *mark = find_mark(c, priority, shares[i].tenant);
        bool is_deep = shares[i].answered == shares[i].asked;

        shares[i].got += shares[i].answered;
        if (!is_deep && mark)
            drop_mark(c, mark);
        if (is_deep && (mark || shares[i].got >= MARK_FROM) && tx_engine(tx) == DB_POSTGRES &&
            shares[i].answered > 0)
            move_mark(c, priority, &shares[i]);
        if (is_deep && room_of_tenant(c, &shares[i]) > 0)
            shares[n_deep++] = shares[i];
    }
    return n_deep;
}

static enum status claim_priority(struct claim *c, struct tx *tx, int priority, size_t max,
                                  struct err *e) {
    struct tenant_id tenants[STORE_TENANTS];
    struct share shares[STORE_TENANTS] = {0};
    struct store_share asked[STORE_TENANTS];
    struct store_jobs *jobs = &c->result->jobs;
    size_t end = jobs->n + max;
    size_t n;

    TRY(find_tenants(c, tx, priority, tenants, &n, e));
    for (size_t i = 0; i < n; i++)
        shares[i].tenant = tenants[i];
    for (int round = 0; round < MAX_ROUNDS && n > 0 && jobs->n < end; round++) {
        size_t from = jobs->n;
        size_t n_asked = share_out(c, priority, shares, n, end - from, asked);

        if (n_asked == 0)
            break;
        TRY(store_claim(c->a, tx, (struct store_claim){priority, asked, n_asked, c->want.lease},
                        jobs, e));
        c->book.last = asked[n_asked - 1].tenant;
        count_answers(c, from, shares, n);
        n = keep_deep(c, tx, priority, shares, n);
    }
    return ST_OK;
}

/* --- the claim -------------------------------------------------------------------------------- */

/* Looks which priorities have jobs, after those are made ready whose time has come. */
static enum status look(struct claim *c, struct tx *tx, struct store_peek *ret, struct err *e) {
    bool known[STORE_PRIORITIES] = {false};

    for (size_t i = 0; i < STORE_PRIORITIES; i++)
        for (size_t m = 0; m < c->book.n_marks; m++)
            known[i] |= c->book.marks[m].priority == (int)store_priorities[i];
    TRY(store_peek(tx, known, c->book.later, ret, e));
    for (int i = 0; i < MAX_WAKES && ret->has_later && ret->later_at_ms <= c->want.lease.now_ms;
         i++) {
        struct store_woken woken;

        TRY(store_wake_later(c->a, tx, c->want.lease.now_ms, c->book.later, &woken, e));
        if (woken.n == 0)
            break; /* another node is at it */
        if (woken.n == STORE_BATCH && tx_engine(tx) == DB_POSTGRES) {
            if (c->book.later.run_at_ms == 0)
                c->book.later_until_ms = c->mono_ms + MARK_MS;
            c->book.later = woken.last;
        }
        TRY(store_peek(tx, known, c->book.later, ret, e));
    }
    c->result->next_due_ms = ret->has_later ? ret->later_at_ms : INT64_MAX;
    return ST_OK;
}

static enum status claim_once(struct claim *c, struct tx *tx, struct err *e) {
    struct store_peek peek;

    TRY(look(c, tx, &peek, e));
    for (size_t i = 0; i < STORE_PRIORITIES && c->result->jobs.n < c->want.max; i++) {
        size_t max = c->want.max - c->result->jobs.n;

        if (!peek.is_present[i])
            continue;
        if (store_priorities[i] >= QUEUE_BULK && c->want.max_bulk < max) {
            max = c->want.max_bulk;
            c->result->is_limited = true;
            c->result->is_bulk_left = max == 0;
        }
        if (max > 0)
            TRY(claim_priority(c, tx, store_priorities[i], max, e));
    }
    return ST_OK;
}

static enum status claim_tx(struct tx *tx, void *ctx, struct err *e) {
    struct claim *c = ctx;

    arena_reset(c->a);
    c->result->jobs.n = 0;
    c->result->is_limited = c->result->is_bulk_left = false;
    c->book = *c->old_book;
    drop_old_marks(c);
    TRY(store_tune(tx, true, e));
    TRY(claim_once(c, tx, e));
    if (c->result->jobs.n > 0 || (c->book.n_marks == 0 && c->old_book->n_marks == 0))
        return ST_OK;
    c->book.n_marks =
        0; /* nothing behind the marks: look at the fronts before saying that nothing is due */
    return claim_once(c, tx, e);
}

static int by_urgency(const void *left, const void *right) {
    const struct store_job *a = left, *b = right;

    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    if (a->job.run_at_ms != b->job.run_at_ms)
        return a->job.run_at_ms < b->job.run_at_ms ? -1 : 1;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

enum status claim_due(struct arena *a, struct db *db, struct claim_want want,
                      struct claim_book *book, struct claim_result *ret, struct err *e) {
    struct claim claim = {
        .a = a, .want = want, .old_book = book, .mono_ms = clock_mono_ms(), .result = ret};

    claim.want.max = min_size(want.max, STORE_BATCH);
    TRY(db_write(db, DB_SYSTEM, claim_tx, &claim, e));
    *book = claim.book;
    qsort(ret->jobs.items, ret->jobs.n, sizeof(ret->jobs.items[0]), by_urgency);
    return ST_OK;
}
