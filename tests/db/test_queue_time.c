/* test_queue_time.c - rule 5's other half: what is due starts at once, schedules fire once, and a
 * queue that stops leaves nothing undone.
 * Polling is so slow here that whatever starts in time was woken for.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/queue_fixture.h"

enum {
    SOON_MS = SLOW_POLL_MS -
              2000, /* before the next poll; how long a loaded machine takes is not asked */
    HOUR_MS = 3600000,
    NODES = 3,
    STEP_IN_HANDLER = 1,
    STEP_GO_ON = 2,
    STEP_OVER = 3,
};

/* --- wake-ups --------------------------------------------------------------------------------- */

static void a_put_wakes_an_idle_worker_at_once(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 2));

    for (size_t i = 0; i < 20; i++) {
        int64_t from_ms = clock_mono_ms();

        PUT(app, .payload = STR("p"));
        await_runs(app, i + 1);
        assert_true(clock_mono_ms() - from_ms < SOON_MS);
    }
    queue_stop(q, AWAIT_MS);
}

static void a_job_starts_when_its_time_has_come(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 2));
    int64_t now_ms = clock_now_ms();

    PUT(app, .payload = STR("late"), .run_at_ms = now_ms + 120);
    PUT(app, .payload = STR("early"), .run_at_ms = now_ms + 60);
    await_runs(app, 2);
    assert_string_equal(app->runs[0].payload, "early");
    for (size_t i = 0; i < 2; i++) {
        assert_true(app->runs[i].at_ms >= app->runs[i].run_at_ms);
        assert_true(app->runs[i].at_ms < app->runs[i].run_at_ms + SOON_MS);
    }
    queue_stop(q, AWAIT_MS);
}

static enum status retry_soon(struct app *app, struct arena *a, const struct job *job,
                              struct verdict *v, struct err *e) {
    (void)app, (void)a, (void)e;
    if (job->attempt == 1)
        *v = (struct verdict){.kind = VERDICT_RETRY, .after_ms = 30};
    return ST_OK;
}

static void a_retry_starts_without_polling(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 2));
    int64_t from_ms = clock_mono_ms();

    app->behave = retry_soon;
    PUT(app, .payload = STR("p"));
    await_runs(app, 2);
    assert_true(clock_mono_ms() - from_ms < SOON_MS);
    queue_stop(q, AWAIT_MS);
}

static void the_next_of_a_lane_starts_without_polling(void **state) {
    struct app *app = *state;
    struct queue *q = start(options_of(app, 2));
    int64_t from_ms = clock_mono_ms();

    for (int i = 0; i < 20; i++)
        PUT(app, .lane = STR("l"), .payload = STR("p"));
    await_runs(app, 20);
    assert_true(clock_mono_ms() - from_ms < SOON_MS);
    queue_stop(q, AWAIT_MS);
}

static void a_second_queue_hears_of_puts_too(void **state) {
    struct app *app = *state;
    struct queue_options idle = options_of(app, 1);
    struct queue *first, *second;

    idle.run_jobs = false; /* a node that only takes requests */
    first = start(idle);
    second = start(options_of(app, 1));
    PUT(app, .payload = STR("p"));
    await_runs(app, 1);
    queue_stop(first, AWAIT_MS);
    queue_stop(second, AWAIT_MS);
    PUT(app, .payload = STR("p")); /* wakes nobody, and nothing that is gone */
    assert_int_equal(depth(app).due, 1);
}

/* --- schedules -------------------------------------------------------------------------------- */

static const struct schedule hourly[] = {{.name = "hourly", .kind = "test", .every_ms = HOUR_MS}};

static struct queue *scheduler(struct app *app) {
    struct queue_options options = options_of(app, 0);

    options.run_schedules = true;
    options.schedules = hourly;
    options.n_schedules = ARRAY_LEN(hourly);
    return start(options);
}

struct node {
    pthread_t thread;
    struct queue *q;
    size_t ran;
};

static void *run_node(void *arg) {
    struct node *n = arg;
    struct err e = ERR_INIT;

    if (queue_run_due(n->q, SIZE_MAX, &n->ran, &e) != ST_OK)
        print_error("node: %s\n", e.message);
    return NULL;
}

static void run_nodes(struct node *nodes) {
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(pthread_create(&nodes[i].thread, NULL, run_node, &nodes[i]), 0);
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(pthread_join(nodes[i].thread, NULL), 0);
}

static void a_schedule_fires_once_on_three_nodes(void **state) {
    struct app *app = *state;
    struct node nodes[NODES];

    for (size_t i = 0; i < NODES; i++)
        nodes[i].q = scheduler(app);
    run_nodes(nodes);
    assert_int_equal(app->n_runs, 0);
    for (size_t hour = 1; hour <= 5; hour++) {
        clock_shift_ms((int64_t)hour * HOUR_MS);
        run_nodes(nodes);
        run_nodes(nodes);
        assert_int_equal(app->n_runs, hour);
    }
    assert_true(uuid_is_nil(app->runs[0].tenant.v));
    assert_string_equal(app->runs[0].payload, "{}");
    for (size_t i = 0; i < NODES; i++)
        queue_stop(nodes[i].q, 0);
}

static void a_schedule_that_was_missed_fires_once(void **state) {
    struct app *app = *state;
    struct queue *q = scheduler(app);

    clock_shift_ms(10 * HOUR_MS);
    assert_int_equal(run_due(q), 1);
    assert_int_equal(run_due(q), 0);
    queue_stop(q, 0);
}

static void schedules_keep_their_times_over_a_restart(void **state) {
    struct app *app = *state;

    queue_stop(scheduler(app), 0);
    clock_shift_ms(HOUR_MS);
    {
        struct queue *q = scheduler(app);

        assert_int_equal(run_due(q), 1);
        queue_stop(q, 0);
    }
}

static void a_scheduler_alone_puts_for_others(void **state) {
    static const struct schedule often[] = {{.name = "often", .kind = "test", .every_ms = 50}};
    struct app *app = *state;
    struct queue_options options = options_of(app, 0);
    struct queue *alone, *q;

    options.run_jobs = false;
    options.run_schedules = true;
    options.schedules = often;
    options.n_schedules = 1;
    alone = start(options);
    q = start(options_of(app, 1));
    await_runs(app, 3);
    queue_stop(alone, 0);
    queue_stop(q, AWAIT_MS);
}

/* --- starting --------------------------------------------------------------------------------- */

static void a_dead_process_claims_on_sqlite_run_again_at_once(void **state) {
    struct app *app = *state;
    struct err e = ERR_INIT;
    struct queue *q;

    if (db_engine(app->db) == DB_POSTGRES)
        skip(); /* there it may live on another machine */
    PUT(app, .payload = STR("p"));
    assert_ok(HARNESS_EXEC(app->db, DB_SYSTEM,
                           DB_SQL("UPDATE jobs SET state = 1, attempts = 1, worker = 'h:1:dead',"
                                  " lease_until = 9999999999999"),
                           NULL, &e),
              &e);
    q = start(options_of(app, 1));
    await_runs(app, 1);
    queue_stop(q, AWAIT_MS);
    assert_int_equal(app->runs[0].attempt, 2);
}

/* --- stopping --------------------------------------------------------------------------------- */

static enum status wait_in_handler(struct app *app, struct arena *a, const struct job *job,
                                   struct verdict *v, struct err *e) {
    (void)a, (void)job, (void)v, (void)e;
    set_step(app, STEP_IN_HANDLER);
    await_step(app, STEP_GO_ON);
    return ST_OK;
}

static void *go_on(void *arg) {
    set_step(arg, STEP_GO_ON);
    return NULL;
}

static void stop_waits_for_handlers_and_gives_the_rest_back(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct job_row *rows;
    pthread_t thread;
    struct queue *q;

    app->behave = wait_in_handler;
    for (int i = 0; i < 5; i++)
        PUT(app, .payload = STR("p"));
    q = start(options_of(app, 1));
    await_step(app, STEP_IN_HANDLER);
    assert_int_equal(pthread_create(&thread, NULL, go_on, app), 0);
    queue_stop(q, AWAIT_MS);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(depth(app).running, 0);
    assert_int_equal(depth(app).ready, 5 - app->n_runs);
    for (size_t i = list(&a, app, (struct job_query){0}, &rows); i > 0; i--)
        assert_int_equal(rows[i - 1].attempts, 0);
}

static enum status wait_and_tell(struct app *app, struct arena *a, const struct job *job,
                                 struct verdict *v, struct err *e) {
    TRY(wait_in_handler(app, a, job, v, e));
    set_step(app, STEP_OVER);
    return ST_OK;
}

static void stop_does_not_wait_longer_than_it_may(void **state) {
    struct app *app = *state;
    struct queue *q;

    app->behave = wait_and_tell;
    PUT(app, .payload = STR("p"));
    q = start(options_of(app, 1));
    await_step(app, STEP_IN_HANDLER);
    queue_stop(q, 20);
    assert_int_equal(depth(app).running, 1); /* left to its lease */
    set_step(app, STEP_GO_ON);               /* its thread ends by itself */
    await_step(app, STEP_OVER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_put_wakes_an_idle_worker_at_once),
        QUEUE_TEST(a_job_starts_when_its_time_has_come),
        QUEUE_TEST(a_retry_starts_without_polling),
        QUEUE_TEST(the_next_of_a_lane_starts_without_polling),
        QUEUE_TEST(a_second_queue_hears_of_puts_too),
        QUEUE_TEST(a_schedule_fires_once_on_three_nodes),
        QUEUE_TEST(a_schedule_that_was_missed_fires_once),
        QUEUE_TEST(schedules_keep_their_times_over_a_restart),
        QUEUE_TEST(a_scheduler_alone_puts_for_others),
        QUEUE_TEST(a_dead_process_claims_on_sqlite_run_again_at_once),
        QUEUE_TEST(stop_waits_for_handlers_and_gives_the_rest_back),
        QUEUE_TEST(stop_does_not_wait_longer_than_it_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
