/* launch.c - what a claim has marked is let go, in a transaction of its own that a pause, a cancel and an opt-out wait for. Between
 * the claim's commit and this one they may have been said, on another node too: whom it concerns is planned again, and the next
 * claim sees why. So of two commits, a stop's and a launch's, the order is the order in which people see it.
 *
 * Inside the transaction calls are only handed to the client, which nobody waits for. They are not taken back when its commit fails:
 * the rows are "sending" since the claim's. Where nobody has said anything it has written nothing, only held what a stop waits for: then
 * it is rolled back, which waits for no disk.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/run.h"

#include "base/clock.h"
#include "consent/consent.h"

enum { TRIES = 10, AGAIN_MS = 200 };

struct launch {
    struct run *run;
    struct arena arena; /* of one try */
    bool is_through;    /* and there is nothing to commit */
};

static enum status hear_stops_of(struct launch *l, struct tx *tx, struct str channel,
                                 struct err *e) {
    struct pass *p = &l->run->pass;
    struct lead_id *leads = arena_array_of(&l->arena, p->n_claimed, struct lead_id);
    size_t *at = arena_array_of(&l->arena, p->n_claimed, size_t);
    struct consent_answer *answers = arena_array_of(&l->arena, p->n_claimed, struct consent_answer);
    size_t n = 0;

    for (size_t i = 0; i < p->n_claimed; i++) {
        if (!str_eq(p->claimed[i].row.channel, channel))
            continue;
        at[n] = i;
        leads[n++] = p->claimed[i].decision->contact->id;
    }
    TRY(consent_check_many(&l->arena, tx, l->run->job->tenant, leads, n, channel, answers, e));
    for (size_t i = 0; i < n; i++)
        p->claimed[at[i]].is_stopped = answers[i].is_stopped;
    return ST_OK;
}

/* Nearly always nobody has said anything in that moment. */
static enum status hear_stops(struct launch *l, struct tx *tx, struct err *e) {
    struct pass *p = &l->run->pass;
    int64_t stops;

    TRY(consent_hold(&l->arena, tx, l->run->job->tenant, &stops, e));
    if (stops == p->stops)
        return ST_OK;
    for (size_t i = 0; i < p->n_claimed; i++) {
        bool is_seen = false;

        for (size_t k = 0; k < i && !is_seen; k++)
            is_seen = str_eq(p->claimed[k].row.channel, p->claimed[i].row.channel);
        if (!is_seen)
            TRY(hear_stops_of(l, tx, p->claimed[i].row.channel, e));
    }
    return ST_OK;
}

static enum status put_back(struct launch *l, struct tx *tx, bool is_running, size_t *ret_n,
                            struct err *e) {
    struct pass *p = &l->run->pass;
    struct uuid *ids = arena_array_of(&l->arena, p->n_claimed, struct uuid);
    size_t n = 0;

    for (size_t i = 0; i < p->n_claimed; i++)
        if (!p->claimed[i].is_flown && (!is_running || p->claimed[i].is_stopped))
            ids[n++] = p->claimed[i].row.id.v;
    *ret_n = n;
    return store_recipients_unclaim(&l->arena, tx, l->run->job->tenant, ids, n, clock_now_ms(), e);
}

static void fly(struct launch *l) {
    struct pass *p = &l->run->pass;

    for (size_t i = 0; i < p->n_claimed; i++) {
        if (p->claimed[i].is_flown || p->claimed[i].is_stopped)
            continue;
        p->claimed[i].is_flown = true;
        flight_start(l->run, &p->claimed[i]);
    }
}

static enum status launch(struct tx *tx, void *ctx, struct err *e) {
    struct launch *l = ctx;
    struct dispatch d;
    bool is_running;
    size_t n_back;

    arena_reset(&l->arena);
    TRY(queue_fence(tx, l->run->job, e));
    TRY(store_dispatch_get(&l->arena, tx, l->run->job->tenant, l->run->id, true, &d, e));
    TRY(hear_stops(l, tx, e));
    is_running = str_eq(d.state, STR("running"));
    TRY(put_back(l, tx, is_running, &n_back, e));
    if (is_running)
        fly(l);
    if (n_back > 0)
        return ST_OK;
    l->is_through = true;
    FAIL(e, ST_CONFLICT, "there was nothing to write");
}

enum status run_launch(struct run *r, struct err *e) {
    struct launch l = {.run = r};
    enum status st = ST_UNAVAILABLE;

    if (!uuid_is_nil(r->test.v)) { /* a test is nobody's campaign */
        for (size_t i = 0; i < r->pass.n_claimed; i++)
            flight_start(r, &r->pass.claimed[i]);
        return ST_OK;
    }
    /* A row that is left here would have to be looked after by a person. */
    for (int i = 0; i < TRIES && st == ST_UNAVAILABLE; i++) {
        struct err why = ERR_INIT;

        if (i > 0)
            run_wait(r, AGAIN_MS);
        st = db_write(r->deps->db, DB_TENANT(r->job->tenant), launch, &l, &why);
        if (l.is_through)
            st = ST_OK;
        if (st != ST_OK)
            *e = why;
    }
    arena_done(&l.arena);
    return st;
}
