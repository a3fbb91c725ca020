/* test_queue_put.c - rule 1, coalescing, and taking jobs back before they run.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/queue_fixture.h"

/* --- rule 1 ----------------------------------------------------------------------------------- */

static enum status put_and_fail(struct tx *tx, void *ctx, struct err *e) {
    TRY(put_tx(tx, ctx, e));
    FAIL(e, ST_DENIED, "as the test wants");
}

static void a_put_exists_exactly_when_its_transaction_commits(void **state) {
    struct app *app = *state;
    struct put_call call = {.put = {.kind = "test", .tenant = app->tenant, .priority = QUEUE_BULK}};
    struct queue *q = start(options_of(app, 0));
    struct err e = ERR_INIT;

    assert_int_equal(db_write(app->db, DB_SYSTEM, put_and_fail, &call, &e), ST_DENIED);
    assert_int_equal(run_due(q), 0);
    err_clear(&e);
    assert_ok(db_write(app->db, DB_SYSTEM, put_tx, &call, &e), &e);
    assert_int_equal(run_due(q), 1);
    queue_stop(q, 0);
}

static enum status put_status(struct app *app, struct db_scope scope, struct job_put job) {
    struct put_call call = {.put = job};
    struct err e = ERR_INIT;

    return db_write(app->db, scope, put_tx, &call, &e);
}

static void a_put_that_cannot_be_right_is_refused(void **state) {
    struct app *app = *state;
    static char long_text[300];
    struct job_put job = {.kind = "test", .tenant = app->tenant, .priority = QUEUE_NORMAL};

    memset(long_text, 'x', sizeof(long_text));
    assert_int_equal(put_status(app, DB_TENANT(app->tenant), job), ST_OK);
    assert_int_equal(put_status(app, DB_TENANT(app->other), job), ST_DENIED);
    job.lane = (struct str){long_text, sizeof(long_text)};
    assert_int_equal(put_status(app, DB_SYSTEM, job), ST_INVALID);
    job.lane = STR_EMPTY;
    job.priority = (enum queue_priority)5;
    assert_int_equal(put_status(app, DB_SYSTEM, job), ST_INVALID);
    job.priority = QUEUE_NORMAL;
    job.kind = "";
    assert_int_equal(put_status(app, DB_SYSTEM, job), ST_INVALID);
}

/* --- many ------------------------------------------------------------------------------------- */

struct many {
    struct app *app;
    size_t n;
    bool has_key;
};

static enum status put_many(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct many *m = ctx;
    struct job_put *puts = arena_array_of(&a, m->n, struct job_put);

    for (size_t i = 0; i < m->n; i++)
        puts[i] = (struct job_put){.kind = "test",
                                   .tenant = m->app->tenant,
                                   .lane = i % 3 == 0 ? STR("l") : STR_EMPTY,
                                   .key = m->has_key ? STR("k") : STR_EMPTY,
                                   .priority = QUEUE_NORMAL,
                                   .payload = arena_printf(&a, "%zu", i)};
    return queue_put_many(tx, puts, m->n, e);
}

static void many_at_once_keep_their_order_in_a_lane(void **state) {
    struct app *app = *state;
    struct many many = {.app = app, .n = 2500};
    struct queue *q = start(options_of(app, 0));
    struct err e = ERR_INIT;
    int last = -1;

    PUT(app, .lane = STR("l"), .payload = STR("-1"));
    assert_ok(db_write(app->db, DB_TENANT(app->tenant), put_many, &many, &e), &e);
    assert_int_equal(depth(app).ready, 2501);
    assert_int_equal(run_due(q), 2501);
    for (size_t i = 0; i < app->n_runs; i++) {
        int64_t at;

        assert_true(str_parse_i64(str_of(app->runs[i].payload), -1, 2500, &at));
        if (at >= 0 && at % 3 == 0) {
            assert_true(at > last);
            last = (int)at;
        }
    }
    queue_stop(q, 0);
}

static void many_at_once_have_no_key(void **state) {
    struct app *app = *state;
    struct many many = {.app = app, .n = 2, .has_key = true};
    struct err e = ERR_INIT;

    assert_int_equal(db_write(app->db, DB_SYSTEM, put_many, &many, &e), ST_INVALID);
}

/* --- coalescing ------------------------------------------------------------------------------- */

static void keep_leaves_the_waiting_job_as_it_is(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    int64_t now_ms = clock_now_ms();
    struct job_id first =
        PUT(app, .key = STR("k"), .payload = STR("1"), .run_at_ms = now_ms + 5000);
    struct job_id second = PUT(app, .key = STR("k"), .payload = STR("2"));
    struct job_row row = only_job(&a, app);

    assert_true(uuid_eq(first.v, second.v));
    assert_str(row.payload, "1");
    assert_int_equal(row.run_at_ms, now_ms + 5000);
}

static void keys_of_other_kinds_and_tenants_are_other_keys(void **state) {
    struct app *app = *state;

    PUT(app, .key = STR("k"));
    PUT(app, .key = STR("k"), .kind = "other");
    PUT(app, .key = STR("k"), .tenant = app->other);
    assert_int_equal(depth(app).ready, 3);
}

static struct job_id move(struct app *app, const char *payload, int64_t run_at_ms,
                          int64_t no_later_ms) {
    return PUT(app, .key = STR("k"), .coalesce = QUEUE_MOVE, .payload = str_of(payload),
               .run_at_ms = run_at_ms, .no_later_ms = no_later_ms);
}

static void move_debounces_up_to_the_first_puts_ceiling(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));
    int64_t now_ms = clock_now_ms();

    (void)move(app, "1", now_ms + 2000, now_ms + 5000);
    (void)move(app, "2", now_ms + 4000, now_ms + 50000);
    assert_int_equal(only_job(&a, app).run_at_ms, now_ms + 4000);
    (void)move(app, "3", now_ms + 6000, 0);
    assert_int_equal(only_job(&a, app).run_at_ms, now_ms + 5000);
    assert_str(only_job(&a, app).payload, "3");
    assert_int_equal(run_due(q), 0);
    clock_shift_ms(5001);
    assert_int_equal(run_due(q), 1);
    assert_string_equal(app->runs[0].payload, "3");
    queue_stop(q, 0);
}

static void move_makes_a_due_job_wait_again(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));

    (void)move(app, "1", 0, 0);
    (void)move(app, "2", clock_now_ms() + 3000, 0);
    assert_int_equal(run_due(q), 0);
    (void)move(app, "3", 0, 0);
    assert_int_equal(run_due(q), 1);
    queue_stop(q, 0);
}

static void a_first_put_past_its_own_ceiling_runs_at_the_ceiling(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    int64_t now_ms = clock_now_ms();

    (void)move(app, "1", now_ms + 9000, now_ms + 5000);
    assert_int_equal(only_job(&a, app).run_at_ms, now_ms + 5000);
}

/* --- beside a running job --------------------------------------------------------------------- */

static enum status put_same_key(struct app *app, struct arena *a, const struct job *job,
                                struct verdict *v, struct err *e) {
    (void)a, (void)v, (void)e;
    if (job->payload.len == 0)
        PUT(app, .key = STR("k"), .lane = STR("l"), .payload = STR("second"));
    return ST_OK;
}

static void a_put_while_the_job_runs_makes_a_new_row_behind_it(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));

    app->behave = put_same_key;
    PUT(app, .key = STR("k"), .lane = STR("l"));
    assert_int_equal(run_due(q), 2);
    assert_string_equal(app->runs[1].payload, "second");
    assert_int_equal(app->runs[1].attempt, 1);
    queue_stop(q, 0);
}

static enum status put_same_key_and_fail(struct app *app, struct arena *a, const struct job *job,
                                         struct verdict *v, struct err *e) {
    TRY(put_same_key(app, a, job, v, e));
    if (job->payload.len > 0)
        return ST_OK;
    *v = (struct verdict){.kind = VERDICT_RETRY, .after_ms = 700};
    return ST_OK;
}

static void a_job_to_be_retried_gives_way_to_a_newer_put_of_its_key(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));
    int64_t before_ms = clock_now_ms();

    app->behave = put_same_key_and_fail;
    PUT(app, .key = STR("k"), .lane = STR("l"));
    assert_int_equal(run_due(q), 1);
    assert_str(only_job(&a, app).payload, "second");
    assert_int_equal(only_job(&a, app).attempts, 1);
    assert_true(only_job(&a, app).run_at_ms >= before_ms + 700);
    clock_shift_ms(5000);
    assert_int_equal(run_due(q), 1);
    assert_int_equal(app->runs[1].attempt, 2);
    assert_int_equal(depth(app).ready + depth(app).running, 0);
    queue_stop(q, 0);
}

static enum status fail_twins(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *v, struct err *e) {
    (void)a, (void)e;
    if (job->attempt == 1 && app->n_runs < 2)
        PUT(app, .key = STR("k"), .payload = STR("twin"));
    *v = (struct verdict){.kind = VERDICT_RETRY, .after_ms = 1000};
    return ST_OK;
}

/* Both are in one batch of verdicts when the second is claimed before the first is written. */
static void two_running_jobs_of_a_key_that_both_fail_become_one(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));

    app->behave = fail_twins;
    PUT(app, .key = STR("k"), .payload = STR("first"));
    (void)run_due(q);
    assert_str(only_job(&a, app).payload, "twin");
    queue_stop(q, 0);
}

/* --- cancelling ------------------------------------------------------------------------------- */

static enum status cancel_tx(struct tx *tx, void *ctx, struct err *e) {
    struct app *app = ctx;

    return queue_cancel(tx, app->tenant, "test", STR("k"), e);
}

static void cancel(struct app *app) {
    struct err e = ERR_INIT;

    assert_ok(db_write(app->db, DB_TENANT(app->tenant), cancel_tx, app, &e), &e);
}

static void a_cancelled_job_does_not_run(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));

    cancel(app); /* none there: fine */
    PUT(app, .key = STR("k"));
    PUT(app, .key = STR("other"));
    cancel(app);
    assert_int_equal(run_due(q), 1);
    queue_stop(q, 0);
}

static void a_cancelled_head_lets_its_lane_move_on(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));

    PUT(app, .key = STR("k"), .lane = STR("l"), .run_at_ms = clock_now_ms() + 60000);
    PUT(app, .lane = STR("l"), .payload = STR("next"));
    assert_int_equal(run_due(q), 0);
    cancel(app);
    assert_int_equal(run_due(q), 1);
    assert_string_equal(app->runs[0].payload, "next");
    queue_stop(q, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_put_exists_exactly_when_its_transaction_commits),
        QUEUE_TEST(a_put_that_cannot_be_right_is_refused),
        QUEUE_TEST(many_at_once_keep_their_order_in_a_lane),
        QUEUE_TEST(many_at_once_have_no_key),
        QUEUE_TEST(keep_leaves_the_waiting_job_as_it_is),
        QUEUE_TEST(keys_of_other_kinds_and_tenants_are_other_keys),
        QUEUE_TEST(move_debounces_up_to_the_first_puts_ceiling),
        QUEUE_TEST(move_makes_a_due_job_wait_again),
        QUEUE_TEST(a_first_put_past_its_own_ceiling_runs_at_the_ceiling),
        QUEUE_TEST(a_put_while_the_job_runs_makes_a_new_row_behind_it),
        QUEUE_TEST(a_job_to_be_retried_gives_way_to_a_newer_put_of_its_key),
        QUEUE_TEST(two_running_jobs_of_a_key_that_both_fail_become_one),
        QUEUE_TEST(a_cancelled_job_does_not_run),
        QUEUE_TEST(a_cancelled_head_lets_its_lane_move_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
