/* run.c - the job that sends a campaign: passes, one after the other, until there is nothing to do, somebody says stop, or others
 * wait for their turn.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/run.h"

#include "base/clock.h"
#include "dispatch/turn.h"

enum {
    SLICE_MIN_MS = 2000,  /* of a run while others wait for a turn or for a worker */
    SLICE_MAX_MS = 60000, /* of any run */
    BUSY_AGAIN_MS = 250,
    GIVE_WAY_MS = 2 * BUSY_AGAIN_MS, /* so that whoever waits has asked again */
    PASS_MS = 40,                    /* answers wait so long for company */
    CHECK_MIN_MS = 2000,
    CHECK_EARLY_MAX =
        20000, /* rows that are counted sooner than that, when many have just failed */
    TELL_MS = 1000,
    ASIDE_MIN = 32, /* fewer answers are not worth a transaction of their own */
    AHEAD_PART = 4, /* of the window, at most */
    RECORD_TRIES = 20,
    RECORD_AGAIN_MS = 500,
};

/* --- one transaction -------------------------------------------------------------------------------------------------------- */

/* Counting all rows takes its time, so it is not done with each of them; but a campaign that fails as a whole would be over before
 * the next time comes. */
static bool is_check_due(const struct run *r) {
    const struct since_check *s = &r->since;

    if (clock_mono_ms() - r->checked_at_ms >= CHECK_MIN_MS + 20 * r->check_took_ms)
        return true;
    return s->limits.error_percent > 0 && s->limits.error_min > 0 &&
           s->n_counted < CHECK_EARLY_MAX && s->n >= s->limits.error_min &&
           s->n_bad * 100 > s->n * s->limits.error_percent;
}

/* More than so many of a hundred failed since it was last started: a person should look before the rest goes out. */
static enum status check_errors(struct run *r, struct tx *tx, struct dispatch *d, int64_t now_ms,
                                struct err *e) {
    struct arena *a = &r->batch->arena;
    struct dispatch_settings settings;
    struct run_outcome so_far;
    struct rules rules;
    int64_t began_ms = clock_mono_ms(), n;

    if (!r->is_checking)
        return ST_OK;
    TRY(dispatch_settings_get(a, tx, d->tenant, &settings, e));
    TRY(rules_read(a, d, &settings, &rules, e));
    TRY(store_outcome(a, tx, d->tenant, d->id, d->resumed_at_ms, &so_far, e));
    r->checked_at_ms = clock_mono_ms();
    r->check_took_ms = r->checked_at_ms - began_ms;
    n = so_far.good + so_far.bad;
    r->since = (struct since_check){.limits = rules.limits, .n_counted = n};
    if (rules.limits.error_percent == 0 || rules.limits.error_min == 0 ||
        n < rules.limits.error_min || so_far.bad * 100 <= n * rules.limits.error_percent)
        return ST_OK;
    return dispatch_set_state(a, tx, d, "paused", STR("error-threshold"),
                              arena_printf(a, "%lld of %lld messages failed: see why, then resume",
                                           (long long)so_far.bad, (long long)n),
                              now_ms, e);
}

static enum status check_running(struct run *r, struct tx *tx, struct dispatch *d, int64_t now_ms,
                                 struct err *e) {
    struct err why = ERR_INIT;
    int64_t n;

    if (str_eq(d->state, STR("cancelled"))) {
        TRY(store_recipients_cancel(tx, d->tenant, d->id, now_ms, &n, e));
        r->pass.is_over = n == 0;
        return ST_OK;
    }
    if (!str_eq(d->state, STR("running")))
        return ST_OK;
    if (dispatch_check_gate(httpc_gate(r->deps->httpc), &why) != ST_OK)
        return dispatch_set_state(&r->batch->arena, tx, d, "paused", STR("gate-closed"),
                                  arena_str(&r->batch->arena, str_of(why.message)), now_ms, e);
    return check_errors(r, tx, d, now_ms, e);
}

static enum status finish(struct run *r, struct tx *tx, struct dispatch *d, int64_t now_ms,
                          struct err *e) {
    if (!uuid_is_nil(r->test.v))
        return ST_OK;
    d->finished_at_ms = now_ms;
    return dispatch_set_state(&r->batch->arena, tx, d, "done", STR_EMPTY, STR_EMPTY, now_ms, e);
}

static enum status tell(struct run *r, struct tx *tx, struct dispatch *d, int64_t now_ms,
                        struct err *e) {
    if (r->pass.n_recorded == 0 || clock_mono_ms() - r->told_at_ms < TELL_MS)
        return ST_OK;
    r->told_at_ms = clock_mono_ms();
    return dispatch_event(&r->batch->arena, tx, d, now_ms, e);
}

/* While a pass is being written answers come back, about as many as during the last one: their places are given away too, so that
 * the provider does not wait for our commits. Those who have no place yet then wait in the client, behind all 1:1 messages. */
static size_t room(const struct run *r) {
    size_t most = r->window / AHEAD_PART;
    size_t n = r->window + (r->n_landed < most ? r->n_landed : most);

    return r->n_flying < n ? n - r->n_flying : 0;
}

enum status run_pass(struct tx *tx, void *ctx, struct err *e) {
    struct run *r = ctx;
    struct dispatch *d = arena_new_of(&r->batch->arena, struct dispatch);
    int64_t now_ms = clock_now_ms(), n;
    bool is_test = !uuid_is_nil(r->test.v);

    r->pass = (struct pass){0};
    TRY(queue_fence(tx, r->job, e));
    TRY(store_dispatch_get(&r->batch->arena, tx, r->job->tenant, r->id, true, d, e));
    if (!r->is_begun && !is_test)
        TRY(store_recipients_orphans(tx, d->tenant, d->id, now_ms, &n, e));
    TRY(run_record(r, tx, d, now_ms, e));
    if (!is_test)
        TRY(check_running(r, tx, d, now_ms, e));
    if (!is_test && !str_eq(d->state, STR("running"))) {
        r->pass.is_over = r->pass.is_over || !str_eq(d->state, STR("cancelled"));
        return tell(r, tx, d, now_ms, e);
    }
    if (r->is_ending || room(r) == 0) {
        r->pass.is_over = r->is_ending;
        r->pass.again_at_ms = r->is_ending ? now_ms + r->away_ms : 0;
        return tell(r, tx, d, now_ms, e);
    }
    TRY(run_claim(r, tx, d, room(r), now_ms, e));
    if (r->pass.is_campaign_over)
        return finish(r, tx, d, now_ms, e);
    return tell(r, tx, d, now_ms, e);
}

/* --- between transactions --------------------------------------------------------------------------------------------------- */

static void take_done(struct run *r) {
    size_t first = r->n_finished;

    pthread_mutex_lock(&r->lock);
    while (r->n_finished < RUN_WINDOW_MAX && !list_is_empty(&r->done)) {
        r->finished[r->n_finished++] = LIST_ITEM(list_pop(&r->done), struct flight, node);
        r->n_done--;
        r->n_flying--;
    }
    pthread_mutex_unlock(&r->lock);
    for (size_t i = first; i < r->n_finished; i++) {
        flight_judge(r->finished[i]);
        r->since.n++;
        r->since.n_bad += r->finished[i]->result.outcome == SEND_REJECTED;
    }
}

static void begin_batch(struct run *r) {
    r->batch = calloc(1, sizeof(*r->batch));
    if (!r->batch)
        abort();
}

static void end_batch(struct run *r) {
    struct batch *b = r->batch;

    r->batch = NULL;
    if (b->refs > 0) /* its flights still need it */
        return;
    arena_done(&b->arena);
    free(b);
}

/* Those that the provider has taken come first, for the recorder. */
static size_t sort_out(struct run *r) {
    size_t n = 0;

    for (size_t i = 0; i < r->n_finished; i++) {
        struct flight *f = r->finished[i];

        if (f->result.outcome != SEND_ACCEPTED)
            continue;
        r->finished[i] = r->finished[n];
        r->finished[n++] = f;
    }
    return n;
}

/* Not where the transaction needs to see them: the last ones, and when it counts how many were taken and how many not. */
static bool may_set_aside(const struct run *r) {
    return !r->is_checking && !r->is_ending && r->n_flying > 0 && r->n_finished >= ASIDE_MIN;
}

/* What the recorder could not write down the pass tries itself: its failure is the one to be told. */
static void take_up(struct run *r) {
    bool has_failed = recorder_wait(r) != ST_OK;
    size_t n;

    take_done(r);
    r->is_checking = r->n_finished > 0 && is_check_due(r);
    if (has_failed || !may_set_aside(r))
        return;
    n = sort_out(r);
    if (n >= ASIDE_MIN)
        recorder_start(r, n);
}

static void end_recorded(struct run *r) {
    for (size_t i = r->n_aside; i < r->n_finished; i++)
        flight_end(r, r->finished[i]);
    r->n_finished = r->n_aside;
}

static void count_landed(struct run *r) {
    pthread_mutex_lock(&r->lock);
    r->n_landed = r->n_done;
    pthread_mutex_unlock(&r->lock);
}

/* Records what is done, claims, and lets fly what was claimed. */
static enum status pass(struct run *r, struct err *e) {
    enum status st;

    take_up(r);
    begin_batch(r);
    st = db_write(r->deps->db, DB_TENANT(r->job->tenant), run_pass, r, e);
    if (st == ST_OK) {
        r->is_begun = true;
        end_recorded(r);
        if (r->pass.n_claimed > 0)
            st = run_launch(r, e);
    }
    end_batch(r);
    count_landed(r);
    return st;
}

/* Until `n` answers are there, or the time is over. */
static void wait_for(struct run *r, size_t n, int64_t ms) {
    const struct timespec until = clock_deadline(ms);

    pthread_mutex_lock(&r->lock);
    r->wake_at = n;
    while (r->n_done < n)
        if (pthread_cond_clockwait(&r->wake, &r->lock, CLOCK_MONOTONIC, &until) != 0)
            break;
    pthread_mutex_unlock(&r->lock);
}

void run_wait(struct run *r, int64_t ms) {
    wait_for(r, SIZE_MAX, ms);
}

static void rest(struct run *r) {
    size_t enough = r->window / 4 > 0 ? r->window / 4 : 1;
    int64_t ms = PASS_MS;

    if (r->pass.wait_us > 0)
        ms = r->pass.wait_us / 1000 + 1;
    if (r->n_flying > 0 && ms > PASS_MS)
        ms = PASS_MS;
    if (r->pass.wait_us == 0 && r->pass.n_claimed > 0 && room(r) > enough)
        return; /* there is room for more at once */
    wait_for(r, r->n_flying < enough && r->n_flying > 0 ? r->n_flying : enough, ms);
}

static bool must_give_way(struct run *r, int64_t began_ms) {
    int64_t ms = clock_mono_ms() - began_ms;

    if (ms > SLICE_MIN_MS && (turn_is_wanted(&r->deps->turns) || queue_is_crowded(r->job))) {
        r->away_ms = GIVE_WAY_MS;
        return true;
    }
    return r->deps->is_stopping || ms > SLICE_MAX_MS;
}

static void drop_finished(struct run *r) {
    for (size_t i = 0; i < r->n_finished; i++)
        flight_end(r, r->finished[i]);
    r->n_finished = 0;
}

/* The answers of what flies are recorded, come what may: a row that is left "sending" has to be looked after by a person. */
static enum status land_all(struct run *r, struct err *e) {
    enum status st = ST_OK;

    r->is_ending = true;
    for (int tries = 0; tries < RECORD_TRIES;) {
        struct err why = ERR_INIT;

        wait_for(r, r->n_flying, PASS_MS);
        (void)recorder_wait(r); /* else the pass does it */
        take_done(r);
        if (r->n_flying == 0 && r->n_finished == 0)
            return ST_OK;
        if (r->n_finished == 0)
            continue;
        st = pass(r, &why);
        if (st == ST_OK)
            continue;
        *e = why;
        if (st != ST_UNAVAILABLE) /* the lease is lost, or it is our fault: nothing will help */
            tries = RECORD_TRIES;
        tries++;
        run_wait(r, RECORD_AGAIN_MS);
    }
    drop_finished(r);
    while (r->n_flying > 0) {
        wait_for(r, r->n_flying, PASS_MS);
        take_done(r);
        drop_finished(r);
    }
    return st;
}

static enum status fly(struct run *r, struct err *e) {
    int64_t began_ms = clock_mono_ms();
    enum status st;

    do {
        st = pass(r, e);
        if (st != ST_OK || (r->pass.is_over && r->n_flying == 0))
            break;
        rest(r);
        r->is_ending = r->is_ending || must_give_way(r, began_ms);
    } while (true);
    if (st == ST_OK)
        return ST_OK;

    struct err ignored = ERR_INIT;

    (void)land_all(r, &ignored);
    return st;
}

static void open_run(struct run *r) {
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, &attr);
    pthread_condattr_destroy(&attr);
    list_init(&r->done);
    list_init(&r->free);
    recorder_init(r);
    r->window = (size_t)r->deps->window;
    if (r->window == 0 || r->window > RUN_WINDOW_MAX)
        r->window = RUN_WINDOW_MAX;
}

static void close_run(struct run *r) {
    recorder_done(r);
    for (struct list_node *n; (n = list_pop(&r->free)) != NULL;)
        free(LIST_ITEM(n, struct flight, node));
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
}

static void set_verdict(const struct run *r, struct verdict *ret) {
    int64_t wait_ms = r->pass.again_at_ms - clock_now_ms();

    *ret = (struct verdict){.kind = VERDICT_DONE};
    if (r->pass.again_at_ms == 0)
        return;
    *ret = (struct verdict){
        .kind = VERDICT_AGAIN,
        .after_ms = wait_ms > 0 ? (uint32_t)(wait_ms < INT32_MAX ? wait_ms : INT32_MAX) : 0};
}

static enum status run(struct run *r, struct arena *a, struct verdict *ret_verdict, struct err *e) {
    enum status st;

    r->finished = arena_array_of(a, RUN_WINDOW_MAX, struct flight *);
    open_run(r);
    st = fly(r, e);
    if (st == ST_OK)
        set_verdict(r, ret_verdict);
    close_run(r);
    return st;
}

enum status dispatch_run_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e) {
    struct dispatch_deps *deps = app_dispatch(app);
    struct run *r = arena_new_of(a, struct run);
    enum status st;

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    *r = (struct run){.deps = deps, .app = app, .job = job};
    TRY(dispatch_of_job(a, job, &r->id, e));
    if (!turn_take(&deps->turns, (size_t)deps->max_running, job->tenant, clock_mono_ms())) {
        *ret_verdict = (struct verdict){.kind = VERDICT_AGAIN, .after_ms = BUSY_AGAIN_MS};
        return ST_OK;
    }
    st = run(r, a, ret_verdict, e);
    turn_leave(&deps->turns, job->tenant);
    return st;
}

enum status dispatch_test_job(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *ret_verdict, struct err *e) {
    struct run *r = arena_new_of(a, struct run);
    const struct json *payload;

    *ret_verdict = (struct verdict){.kind = VERDICT_DONE};
    *r = (struct run){.deps = app_dispatch(app), .app = app, .job = job};
    TRY(dispatch_of_job(a, job, &r->id, e));
    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "recipient")), &r->test.v))
        FAIL(e, ST_INVALID, "the job's payload names no recipient");
    return run(r, a, ret_verdict, e);
}
