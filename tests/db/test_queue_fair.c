/* test_queue_fair.c - rule 4: urgent before bulk, tenants side by side, however long a queue is.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/queue_fixture.h"
#include "queue/internal.h"

enum { LONG_QUEUE = 100000, CHUNK = 5000, TENANTS = 150 };

struct bulk {
    struct app *app;
    struct tenant_id tenant;
    size_t n;
    enum queue_priority priority;
};

static enum status put_bulk(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct bulk *b = ctx;
    struct job_put *puts = arena_array_of(&a, b->n, struct job_put);

    for (size_t i = 0; i < b->n; i++)
        puts[i] = (struct job_put){.kind = "test",
                                   .tenant = b->tenant,
                                   .priority = b->priority,
                                   .payload = arena_printf(&a, "%zu", i)};
    return queue_put_many(tx, puts, b->n, e);
}

static void put_long_queue(struct app *app, struct tenant_id tenant, size_t n) {
    for (size_t i = 0; i < n; i += CHUNK) {
        struct bulk bulk = {app, tenant, n - i < CHUNK ? n - i : CHUNK, QUEUE_NORMAL};
        struct err e = ERR_INIT;

        assert_ok(db_write(app->db, DB_SYSTEM, put_bulk, &bulk, &e), &e);
    }
}

/* --- one claim -------------------------------------------------------------------------------- */

struct claimer {
    struct arena a;
    struct claim_book book;
    struct claim_want want;
    struct claim_result result;
};

static struct claimer *claimer_new(size_t max) {
    struct claimer *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    c->want = (struct claim_want){.max = max,
                                  .max_bulk = max,
                                  .max_tenant = max,
                                  .max_fullest = max,
                                  .lease = {.worker = STR("test"), .salt = 7}};
    return c;
}

static void claimer_free(struct claimer *c) {
    arena_done(&c->a);
    free(c);
}

static size_t claim(struct app *app, struct claimer *c) {
    struct err e = ERR_INIT;

    c->want.lease.now_ms = clock_now_ms();
    c->want.lease.until_ms = c->want.lease.now_ms + QUEUE_LEASE_MS;
    assert_ok(claim_due(&c->a, app->db, c->want, &c->book, &c->result, &e), &e);
    return c->result.jobs.n;
}

static size_t count_of(const struct claimer *c, struct tenant_id tenant) {
    size_t n = 0;

    for (size_t i = 0; i < c->result.jobs.n; i++)
        n += uuid_eq(c->result.jobs.items[i].job.tenant.v, tenant.v);
    return n;
}

static void the_next_claim_has_a_job_behind_another_tenants_long_queue(void **state) {
    struct app *app = *state;
    struct claimer *c = claimer_new(32);

    put_long_queue(app, app->tenant, LONG_QUEUE);
    for (int i = 0; i < 20; i++)
        assert_int_equal(claim(app, c), 32);
    PUT(app, .tenant = app->other);
    assert_int_equal(claim(app, c), 32);
    assert_int_equal(count_of(c, app->other), 1);
    assert_int_equal(count_of(c, app->tenant), 31);
    claimer_free(c);
}

static void two_long_queues_share_every_claim(void **state) {
    struct app *app = *state;
    struct claimer *c = claimer_new(64);

    put_long_queue(app, app->tenant, 1000);
    put_long_queue(app, app->other, 1000);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(claim(app, c), 64);
        assert_int_equal(count_of(c, app->tenant), 32);
    }
    claimer_free(c);
}

static void single_claims_take_turns(void **state) {
    struct app *app = *state;
    struct claimer *c = claimer_new(1);
    size_t n = 0;

    put_long_queue(app, app->tenant, 100);
    put_long_queue(app, app->other, 100);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(claim(app, c), 1);
        n += count_of(c, app->tenant);
    }
    assert_int_equal(n, 10);
    claimer_free(c);
}

/* More tenants than one claim looks at. */
static void no_tenant_waits_for_a_second_turn_of_another(void **state) {
    struct app *app = *state;
    struct claimer *c = claimer_new(7);
    struct tenant_id tenants[TENANTS];
    size_t seen[TENANTS] = {0};

    for (size_t i = 0; i < TENANTS; i++) {
        tenants[i] = (struct tenant_id){uuid_new()};
        PUT(app, .tenant = tenants[i]);
        PUT(app, .tenant = tenants[i]);
    }
    for (size_t claimed = 0; claimed + 7 <= TENANTS; claimed += 7) {
        assert_int_equal(claim(app, c), 7);
        for (size_t i = 0; i < TENANTS; i++)
            seen[i] += count_of(c, tenants[i]);
    }
    for (size_t i = 0; i < TENANTS; i++)
        assert_true(seen[i] <= 1);
    claimer_free(c);
}

static void urgent_jobs_overtake_bulk(void **state) {
    struct app *app = *state;
    struct claimer *c = claimer_new(2);

    PUT(app, .priority = QUEUE_BULK, .payload = STR("bulk"));
    PUT(app, .priority = QUEUE_NORMAL, .payload = STR("normal"));
    PUT(app, .priority = QUEUE_DIRECT, .payload = STR("direct"), .tenant = app->other);
    assert_int_equal(claim(app, c), 2);
    assert_str(c->result.jobs.items[0].job.payload, "direct");
    assert_str(c->result.jobs.items[1].job.payload, "normal");
    claimer_free(c);
}

/* The marks that spare a claim the dead front of a long queue must not hide what comes before them.
 * */
static void a_job_that_is_ready_again_in_a_long_queue_is_not_forgotten(void **state) {
    struct app *app = *state;
    struct claimer *c = claimer_new(STORE_BATCH);
    struct err e = ERR_INIT;
    size_t n = 0;

    put_long_queue(app, app->tenant, 4 * STORE_BATCH);
    assert_int_equal(claim(app, c), STORE_BATCH);
    assert_ok(HARNESS_EXEC(app->db, DB_SYSTEM, DB_SQL("UPDATE jobs SET state = 0 WHERE state = 1"),
                           NULL, &e),
              &e);
    for (size_t got = 1; got > 0; n += got)
        got = claim(app, c);
    assert_int_equal(n, 4 * STORE_BATCH);
    claimer_free(c);
}

/* --- workers ---------------------------------------------------------------------------------- */

enum { STEP_GO_ON = 1 };

static enum status stall(struct app *app, struct arena *a, const struct job *job, struct verdict *v,
                         struct err *e) {
    (void)a, (void)v, (void)e;
    if (str_eq(job->payload, STR("stall")))
        await_step(app, STEP_GO_ON);
    return ST_OK;
}

static void put_stalling(struct app *app, enum queue_priority priority) {
    for (int i = 0; i < 40; i++)
        PUT(app, .priority = priority, .payload = STR("stall"));
}

/* 8 workers: bulk gets 6 of them, one tenant 7. */
static void stalling_bulk_jobs_leave_a_worker_for_replies(void **state) {
    struct app *app = *state;
    struct queue *q;

    app->behave = stall;
    put_stalling(app, QUEUE_BULK);
    q = start(options_of(app, 8));
    await_runs(app, 6);
    PUT(app, .priority = QUEUE_DIRECT, .payload = STR("own reply"));
    await_runs(app, 7);
    assert_string_equal(app->runs[6].payload, "own reply");
    set_step(app, STEP_GO_ON);
    await_runs(app, 41);
    queue_stop(q, AWAIT_MS);
}

static void one_stalling_tenant_leaves_a_worker_for_others(void **state) {
    struct app *app = *state;
    struct queue *q;

    app->behave = stall;
    put_stalling(app, QUEUE_NORMAL);
    q = start(options_of(app, 8));
    await_runs(app, 7);
    PUT(app, .tenant = app->other, .payload = STR("other's"));
    await_runs(app, 8);
    assert_true(uuid_eq(app->runs[7].tenant.v, app->other.v));
    set_step(app, STEP_GO_ON);
    await_runs(app, 41);
    queue_stop(q, AWAIT_MS);
    assert_int_equal(depth(app).ready + depth(app).running, 0);
}

/* Runs until somebody waits, as long work in slices does. */
static enum status yield(struct app *app, struct arena *a, const struct job *job, struct verdict *v,
                         struct err *e) {
    const struct timespec ms = {.tv_nsec = 1000000};
    int64_t until_ms = clock_mono_ms() + AWAIT_MS;
    bool is_over = !uuid_eq(job->tenant.v, app->tenant.v);

    (void)a;
    (void)e;
    while (!is_over && !queue_is_crowded(job) && clock_mono_ms() < until_ms) {
        app_lock(app);
        is_over = app->step >= STEP_GO_ON;
        app_unlock(app);
        (void)nanosleep(&ms, NULL);
    }
    if (!is_over)
        *v = (struct verdict){.kind = VERDICT_AGAIN, .after_ms = AWAIT_MS};
    return ST_OK;
}

static void long_bulk_jobs_hear_that_others_wait_for_a_worker(void **state) {
    struct app *app = *state;
    struct queue *q;

    app->behave = yield;
    for (int i = 0; i < 2; i++)
        PUT(app, .priority = QUEUE_BULK);
    q = start(options_of(app, 4)); /* of these 2 for bulk jobs */
    await_runs(app, 2);
    PUT(app, .tenant = app->other, .priority = QUEUE_BULK);
    await_runs(app, 3);
    app_lock(app);
    assert_true(uuid_eq(app->runs[2].tenant.v, app->other.v));
    app_unlock(app);
    set_step(app, STEP_GO_ON);
    queue_stop(q, AWAIT_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(the_next_claim_has_a_job_behind_another_tenants_long_queue),
        QUEUE_TEST(two_long_queues_share_every_claim),
        QUEUE_TEST(single_claims_take_turns),
        QUEUE_TEST(no_tenant_waits_for_a_second_turn_of_another),
        QUEUE_TEST(urgent_jobs_overtake_bulk),
        QUEUE_TEST(a_job_that_is_ready_again_in_a_long_queue_is_not_forgotten),
        QUEUE_TEST(stalling_bulk_jobs_leave_a_worker_for_replies),
        QUEUE_TEST(one_stalling_tenant_leaves_a_worker_for_others),
        QUEUE_TEST(long_bulk_jobs_hear_that_others_wait_for_a_worker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
