/* queue_fixture.h - a fresh database, a recording handler whose behaviour a test scripts, and short
 * forms of what tests do with the queue.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "db/harness.h"
#include "log/log.h"
#include "queue/queue.h"
#include "unit/check.h"

enum {
    RUNS_MAX = 4096,
    AWAIT_MS = 30000,     /* no test waits that long unless it fails */
    SLOW_POLL_MS = 14000, /* what starts before this was not found by polling */
};

struct run {
    char payload[32];
    struct tenant_id tenant;
    int32_t attempt;
    int64_t at_ms;
    int64_t run_at_ms;
};

struct app { /* what handlers get, and the test's own state */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct db *db;
    struct tenant_id tenant, other;
    struct run runs[RUNS_MAX];
    size_t n_runs;
    job_fn behave; /* after the run was recorded; NULL: done */
    int step;      /* of a test's own choreography */
    size_t n_refused;
    void *extra;
};

/* --- waiting ---------------------------------------------------------------------------------- */

static inline void app_lock(struct app *app) {
    assert_int_equal(pthread_mutex_lock(&app->lock), 0);
}

static inline void app_unlock(struct app *app) {
    assert_int_equal(pthread_mutex_unlock(&app->lock), 0);
}

/* Under the lock; false when AWAIT_MS passed. */
static inline bool app_wait(struct app *app) {
    struct timespec until = clock_deadline(AWAIT_MS);

    return pthread_cond_clockwait(&app->changed, &app->lock, CLOCK_MONOTONIC, &until) == 0;
}

/* Steps only go forward. */
static inline void set_step(struct app *app, int step) {
    app_lock(app);
    if (app->step < step)
        app->step = step;
    assert_int_equal(pthread_cond_broadcast(&app->changed), 0);
    app_unlock(app);
}

static inline void await_step(struct app *app, int step) {
    app_lock(app);
    while (app->step < step)
        if (!app_wait(app))
            fail_msg("step %d did not come", step);
    app_unlock(app);
}

static inline void await_runs(struct app *app, size_t n) {
    app_lock(app);
    while (app->n_runs < n)
        if (!app_wait(app))
            fail_msg("%zu of %zu jobs ran", app->n_runs, n);
    app_unlock(app);
}

/* --- handlers --------------------------------------------------------------------------------- */

static inline enum status record(struct app *app, struct arena *a, const struct job *job,
                                 struct verdict *v, struct err *e) {
    job_fn behave;

    app_lock(app);
    if (app->n_runs < RUNS_MAX) {
        struct run *run = &app->runs[app->n_runs];
        struct str text = str_sub(job->payload, 0, sizeof(run->payload) - 1);

        *run = (struct run){.tenant = job->tenant,
                            .attempt = job->attempt,
                            .at_ms = clock_now_ms(),
                            .run_at_ms = job->run_at_ms};
        if (text.len > 0)
            memcpy(run->payload, text.ptr, text.len);
    }
    app->n_runs++;
    behave = app->behave;
    (void)pthread_cond_broadcast(&app->changed);
    app_unlock(app);
    return behave ? behave(app, a, job, v, e) : ST_OK;
}

static const struct job_kind test_kinds[] = {
    {.name = "test", .run = record, .max_attempts = 3, .backoff_ms = 1000, .max_backoff_ms = 4000},
    {.name = "other", .run = record},
    {.name = "patient", .run = record, .backoff_ms = 600000, .max_backoff_ms = 1200000},
};

static inline struct queue_options options_of(struct app *app, unsigned workers) {
    return (struct queue_options){.db = app->db,
                                  .app = app,
                                  .kinds = test_kinds,
                                  .n_kinds = ARRAY_LEN(test_kinds),
                                  .workers = workers,
                                  .poll_ms = SLOW_POLL_MS,
                                  .run_jobs = true};
}

static inline struct queue *start(struct queue_options options) {
    struct err e = ERR_INIT;
    struct queue *q = NULL;

    assert_ok(queue_start(options, &q, &e), &e);
    return q;
}

/* Everything that is due now, on this thread. */
static inline size_t run_due(struct queue *q) {
    struct err e = ERR_INIT;
    size_t n = 0;

    assert_ok(queue_run_due(q, SIZE_MAX, &n, &e), &e);
    return n;
}

/* --- the database ----------------------------------------------------------------------------- */

struct put_call {
    struct job_put put;
    struct job_id id;
};

static inline enum status put_tx(struct tx *tx, void *ctx, struct err *e) {
    struct put_call *call = ctx;

    return queue_put(tx, call->put, &call->id, e);
}

static inline struct job_id put(struct app *app, struct job_put job) {
    struct put_call call = {.put = job};
    struct err e = ERR_INIT;

    if (!job.kind)
        call.put.kind = "test";
    if (uuid_is_nil(job.tenant.v))
        call.put.tenant = app->tenant;
    if (job.priority == QUEUE_URGENT)
        call.put.priority = QUEUE_NORMAL;
    assert_ok(db_write(app->db, DB_SYSTEM, put_tx, &call, &e), &e);
    return call.id;
}

#define PUT(app, ...) put((app), (struct job_put){__VA_ARGS__})

struct list_call {
    struct arena *a;
    struct job_query query;
    struct job_row *rows;
    size_t n;
};

static inline enum status list_tx(struct tx *tx, void *ctx, struct err *e) {
    struct list_call *call = ctx;

    return queue_list(call->a, tx, call->query, &call->rows, &call->n, e);
}

static inline size_t list(struct arena *a, struct app *app, struct job_query query,
                          struct job_row **ret) {
    struct list_call call = {.a = a, .query = query};
    struct err e = ERR_INIT;

    assert_ok(db_read(app->db, DB_SYSTEM, list_tx, &call, &e), &e);
    if (ret)
        *ret = call.rows;
    return call.n;
}

/* The only job there is; ok when there is none and n is 0. */
static inline struct job_row only_job(struct arena *a, struct app *app) {
    struct job_row *rows;

    assert_int_equal(list(a, app, (struct job_query){0}, &rows), 1);
    return rows[0];
}

static inline enum status depth_tx(struct tx *tx, void *ctx, struct err *e) {
    return queue_depth(tx, (struct tenant_id){0}, ctx, e);
}

static inline struct queue_depth depth(struct app *app) {
    struct queue_depth d = {0};
    struct err e = ERR_INIT;

    assert_ok(db_read(app->db, DB_SYSTEM, depth_tx, &d, &e), &e);
    return d;
}

/* --- life ------------------------------------------------------------------------------------- */

static inline void swallow(struct str line, void *ctx) {
    (void)line, (void)ctx;
}

static inline int fixture_open(void **state) {
    struct app *app = calloc(1, sizeof(*app));
    struct err e = ERR_INIT;

    assert_non_null(app);
    assert_ok(crypto_init(&e), &e);
    log_set_sink(swallow, NULL);
    assert_int_equal(pthread_mutex_init(&app->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&app->changed, NULL), 0);
    assert_ok(harness_db(&app->db, &e), &e);
    app->tenant = (struct tenant_id){uuid_new()};
    app->other = (struct tenant_id){uuid_new()};
    *state = app;
    return 0;
}

static inline int fixture_close(void **state) {
    struct app *app = *state;

    clock_shift_ms(0);
    harness_done(app->db);
    (void)pthread_cond_destroy(&app->changed);
    (void)pthread_mutex_destroy(&app->lock);
    free(app);
    return 0;
}

#define QUEUE_TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_open, fixture_close)
