/* test_queue_lane.c - rule 2: one at a time and in order, whoever claims, and no lane is forgotten.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/queue_fixture.h"

enum { LANES = 5, PER_LANE = 60, CLAIMERS = 8, PUTTERS = 4, PER_PUTTER = 60 };

static void a_lane_runs_in_the_order_of_its_puts(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));

    PUT(app, .lane = STR("l"), .payload = STR("1"), .priority = QUEUE_BULK);
    PUT(app, .lane = STR("l"), .payload = STR("2"), .priority = QUEUE_DIRECT);
    PUT(app, .lane = STR("l"), .payload = STR("3"));
    assert_int_equal(run_due(q), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(app->runs[i].payload[0], '1' + i);
    queue_stop(q, 0);
}

static void lanes_of_two_tenants_are_two_lanes(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));

    PUT(app, .lane = STR("l"), .run_at_ms = clock_now_ms() + 60000);
    PUT(app, .lane = STR("l"), .tenant = app->other);
    assert_int_equal(run_due(q), 1);
    queue_stop(q, 0);
}

static enum status first_attempt(struct app *app, struct arena *a, const struct job *job,
                                 struct verdict *v, struct err *e) {
    (void)a, (void)e;
    if (job->attempt == 1 && str_eq(job->payload, STR("1")))
        *v = *(const struct verdict *)app->extra;
    return ST_OK;
}

static void a_job_that_waits_for_a_retry_holds_its_lane(void **state) {
    struct app *app = *state;
    struct verdict retry = {.kind = VERDICT_RETRY, .after_ms = 2000};
    struct queue *q = start(options_of(app, 0));

    app->behave = first_attempt;
    app->extra = &retry;
    PUT(app, .lane = STR("l"), .payload = STR("1"));
    PUT(app, .lane = STR("l"), .payload = STR("2"));
    assert_int_equal(run_due(q), 1);
    clock_shift_ms(2500);
    assert_int_equal(run_due(q), 2);
    assert_string_equal(app->runs[1].payload, "1");
    assert_string_equal(app->runs[2].payload, "2");
    queue_stop(q, 0);
}

static void frees_its_lane(struct app *app, enum verdict_kind kind) {
    struct verdict verdict = {.kind = kind};
    struct queue *q = start(options_of(app, 0));

    app->behave = first_attempt;
    app->extra = &verdict;
    PUT(app, .lane = STR("l"), .payload = STR("1"));
    PUT(app, .lane = STR("l"), .payload = STR("2"));
    assert_int_equal(run_due(q), 2);
    assert_string_equal(app->runs[1].payload, "2");
    queue_stop(q, 0);
}

static void a_parked_job_frees_its_lane(void **state) {
    frees_its_lane(*state, VERDICT_PARK);
}

static void a_dead_job_frees_its_lane(void **state) {
    frees_its_lane(*state, VERDICT_DEAD);
}

static enum status replay_all(struct tx *tx, void *ctx, struct err *e) {
    struct app *app = ctx;
    int64_t n;

    return queue_replay(tx, app->tenant, (struct job_id){0}, NULL, NULL, &n, e);
}

static void a_replayed_job_goes_before_the_later_ones_of_its_lane(void **state) {
    struct app *app = *state;
    struct verdict park = {.kind = VERDICT_PARK};
    struct queue *q = start(options_of(app, 0));
    struct err e = ERR_INIT;

    app->behave = first_attempt;
    app->extra = &park;
    PUT(app, .lane = STR("l"), .payload = STR("1"));
    assert_int_equal(run_due(q), 1);
    app->behave = NULL;
    PUT(app, .lane = STR("l"), .payload = STR("2"));
    PUT(app, .lane = STR("l"), .payload = STR("3"));
    assert_ok(db_write(app->db, DB_TENANT(app->tenant), replay_all, app, &e), &e);
    assert_int_equal(run_due(q), 3);
    assert_string_equal(app->runs[1].payload, "2"); /* the head already */
    assert_string_equal(app->runs[2].payload, "1");
    assert_string_equal(app->runs[3].payload, "3");
    queue_stop(q, 0);
}

static void a_reply_makes_what_is_before_it_in_its_lane_as_urgent(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));

    for (int i = 0; i < 40; i++)
        PUT(app, .payload = STR("other"), .priority = QUEUE_BULK);
    PUT(app, .lane = STR("l"), .payload = STR("1"), .priority = QUEUE_BULK);
    PUT(app, .lane = STR("l"), .payload = STR("2"), .priority = QUEUE_BULK);
    PUT(app, .lane = STR("l"), .payload = STR("3"), .priority = QUEUE_DIRECT);
    assert_int_equal(run_due(q), 43);
    assert_string_equal(app->runs[0].payload, "1");
    queue_stop(q, 0);
}

/* --- many claimers ---------------------------------------------------------------------------- */

struct lanes { /* guarded by the app's lock */
    bool is_running[LANES];
    int next[LANES];
    bool is_wrong;
};

/* Payload "lane number"; a failed attempt must hold the lane too. */
static enum status check_lane(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *v, struct err *e) {
    struct lanes *lanes = app->extra;
    struct str rest = job->payload;
    uint64_t lane, number;

    (void)a, (void)e;
    if (!str_eat_u64(&rest, LANES - 1, &lane) || !str_eat(&rest, STR(" ")) ||
        !str_eat_u64(&rest, PER_LANE, &number))
        return ST_BROKEN;
    app_lock(app);
    lanes->is_wrong |= lanes->is_running[lane] || lanes->next[lane] != (int)number;
    lanes->is_running[lane] = true;
    app_unlock(app);
    (void)sched_yield();
    app_lock(app);
    lanes->is_running[lane] = false;
    if (number % 7 == 0 && job->attempt == 1)
        *v = (struct verdict){.kind = VERDICT_RETRY, .after_ms = 1};
    else
        lanes->next[lane]++;
    app_unlock(app);
    return ST_OK;
}

static bool is_all_done(struct app *app) {
    const struct lanes *lanes = app->extra;
    bool is_done = true;

    app_lock(app);
    for (size_t i = 0; i < LANES; i++)
        is_done &= lanes->next[i] == PER_LANE;
    is_done |= lanes->is_wrong;
    app_unlock(app);
    return is_done;
}

static void *claim_until_done(void *arg) {
    struct app *app = arg;
    struct queue *q = NULL;
    struct err e = ERR_INIT;
    int64_t until_ms = clock_mono_ms() + AWAIT_MS;

    if (queue_start(options_of(app, 0), &q, &e) != ST_OK)
        return NULL;
    while (!is_all_done(app) && clock_mono_ms() < until_ms) {
        size_t n;

        err_clear(&e);
        if (queue_run_due(q, SIZE_MAX, &n, &e) != ST_OK)
            print_error("claimer: %s\n", e.message);
    }
    queue_stop(q, 0);
    return NULL;
}

static enum status put_lanes(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = ctx;
    struct job_put *puts = arena_array_of(&a, LANES * PER_LANE, struct job_put);

    for (size_t i = 0; i < LANES * PER_LANE; i++)
        puts[i] = (struct job_put){.kind = "test",
                                   .tenant = app->tenant,
                                   .lane = arena_printf(&a, "lane %zu", i % LANES),
                                   .priority = QUEUE_NORMAL,
                                   .payload = arena_printf(&a, "%zu %zu", i % LANES, i / LANES)};
    return queue_put_many(tx, puts, LANES * PER_LANE, e);
}

static void eight_claimers_keep_every_lane_in_order(void **state) {
    struct app *app = *state;
    struct lanes lanes = {0};
    pthread_t threads[CLAIMERS];
    struct err e = ERR_INIT;

    app->behave = check_lane;
    app->extra = &lanes;
    assert_ok(db_write(app->db, DB_TENANT(app->tenant), put_lanes, app, &e), &e);
    for (size_t i = 0; i < CLAIMERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, claim_until_done, app), 0);
    for (size_t i = 0; i < CLAIMERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_false(lanes.is_wrong);
    for (size_t i = 0; i < LANES; i++)
        assert_int_equal(lanes.next[i], PER_LANE);
    assert_int_equal(depth(app).ready + depth(app).running, 0);
}

/* --- puts and verdicts at once ---------------------------------------------------------------- */

struct putter {
    struct app *app;
    unsigned seed;
};

static void *put_into_few_lanes(void *arg) {
    static const char *const names[] = {"a", "b", "c"};
    struct putter *p = arg;

    for (unsigned i = 0; i < PER_PUTTER; i++) {
        struct put_call call = {.put = {.kind = "test",
                                        .tenant = p->app->tenant,
                                        .lane = str_of(names[(p->seed + i) % 3]),
                                        .priority = QUEUE_NORMAL}};
        struct err e = ERR_INIT;

        if (db_write(p->app->db, DB_TENANT(p->app->tenant), put_tx, &call, &e) != ST_OK)
            print_error("put: %s\n", e.message);
    }
    return NULL;
}

/* A put that finds its lane's head just as the head leaves must not be left behind nobody. */
static void no_put_is_left_behind_in_a_lane(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 4));
    struct putter putters[PUTTERS];
    pthread_t threads[PUTTERS];

    for (unsigned i = 0; i < PUTTERS; i++) {
        putters[i] = (struct putter){app, i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_into_few_lanes, &putters[i]), 0);
    }
    for (size_t i = 0; i < PUTTERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    await_runs(app, PUTTERS * PER_PUTTER);
    queue_stop(q, AWAIT_MS);
    assert_int_equal(depth(app).ready + depth(app).running, 0);
}

/* --- a put that is not committed when its lane's head leaves ---------------------------------- */

struct slow_put {
    struct app *app;
    struct job_put put;
    struct queue *q;
    _Atomic bool has_finished; /* the other side got through without waiting */
};

enum { STEP_IN_HANDLER = 1, STEP_IS_PUT = 2 };

static enum status leave_when_put(struct app *app, struct arena *a, const struct job *job,
                                  struct verdict *v, struct err *e) {
    (void)a, (void)e;
    if (!str_eq(job->payload, STR("head")))
        return ST_OK;
    set_step(app, STEP_IN_HANDLER);
    await_step(app, STEP_IS_PUT);
    *v = *(const struct verdict *)app->extra;
    return ST_OK;
}

static void *run_head(void *arg) {
    struct slow_put *p = arg;
    struct err e = ERR_INIT;
    size_t n;

    if (queue_run_due(p->q, 1, &n, &e) != ST_OK)
        print_error("run: %s\n", e.message);
    p->has_finished = true;
    return NULL;
}

static enum status count_waiting(struct tx *tx, int64_t *ret, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows rows;

    TRY(DB_QUERY(&a, tx, DB_SQL("SELECT count(*) FROM pg_locks WHERE NOT granted"), &rows, e));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}

/* Ends only when the head's verdict waits for it, or did not. */
static enum status put_slowly(struct tx *tx, void *ctx, struct err *e) {
    struct slow_put *p = ctx;
    int64_t until_ms = clock_mono_ms() + AWAIT_MS;
    int64_t n_waiting = 0;

    TRY(queue_put(tx, p->put, NULL, e));
    set_step(p->app, STEP_IS_PUT);
    while (n_waiting == 0 && !p->has_finished && clock_mono_ms() < until_ms)
        TRY(count_waiting(tx, &n_waiting, e));
    return ST_OK;
}

static void is_not_left_behind(struct app *app, struct job_put put, enum verdict_kind kind) {
    struct slow_put p = {.app = app, .put = put, .q = start(options_of(app, 0))};
    struct verdict verdict = {.kind = kind};
    struct err e = ERR_INIT;
    pthread_t thread;

    app->behave = leave_when_put;
    app->extra = &verdict;
    assert_int_equal(pthread_create(&thread, NULL, run_head, &p), 0);
    await_step(app, STEP_IN_HANDLER);
    assert_ok(db_write(app->db, DB_SYSTEM, put_slowly, &p, &e), &e);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(run_due(p.q), 1);
    assert_string_equal(app->runs[1].payload, "late");
    queue_stop(p.q, 0);
}

static void a_late_put(void **state, enum verdict_kind kind) {
    struct app *app = *state;

    if (db_engine(app->db) == DB_SQLITE)
        skip(); /* one writer */
    PUT(app, .lane = STR("l"), .payload = STR("head"));
    is_not_left_behind(app,
                       (struct job_put){.kind = "test",
                                        .tenant = app->tenant,
                                        .lane = STR("l"),
                                        .priority = QUEUE_NORMAL,
                                        .payload = STR("late")},
                       kind);
}

static void a_late_put_sees_the_head_done(void **state) {
    a_late_put(state, VERDICT_DONE);
}

static void a_late_put_sees_the_head_parked(void **state) {
    a_late_put(state, VERDICT_PARK);
}

static void a_job_that_is_moved_meanwhile_still_gets_its_turn(void **state) {
    struct app *app = *state;

    if (db_engine(app->db) == DB_SQLITE)
        skip();
    PUT(app, .lane = STR("l"), .payload = STR("head"));
    PUT(app, .lane = STR("l"), .key = STR("k"), .payload = STR("early"));
    is_not_left_behind(app,
                       (struct job_put){.kind = "test",
                                        .tenant = app->tenant,
                                        .lane = STR("l"),
                                        .key = STR("k"),
                                        .coalesce = QUEUE_MOVE,
                                        .priority = QUEUE_NORMAL,
                                        .payload = STR("late")},
                       VERDICT_DONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_lane_runs_in_the_order_of_its_puts),
        QUEUE_TEST(lanes_of_two_tenants_are_two_lanes),
        QUEUE_TEST(a_job_that_waits_for_a_retry_holds_its_lane),
        QUEUE_TEST(a_parked_job_frees_its_lane),
        QUEUE_TEST(a_dead_job_frees_its_lane),
        QUEUE_TEST(a_replayed_job_goes_before_the_later_ones_of_its_lane),
        QUEUE_TEST(a_reply_makes_what_is_before_it_in_its_lane_as_urgent),
        QUEUE_TEST(eight_claimers_keep_every_lane_in_order),
        QUEUE_TEST(a_late_put_sees_the_head_done),
        QUEUE_TEST(a_late_put_sees_the_head_parked),
        QUEUE_TEST(a_job_that_is_moved_meanwhile_still_gets_its_turn),
        QUEUE_TEST(no_put_is_left_behind_in_a_lane),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
