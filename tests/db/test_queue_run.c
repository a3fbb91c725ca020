/* test_queue_run.c - verdicts: what becomes of a job after it ran, and what people can do about it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/queue_fixture.h"
#include "stats/stats.h"

struct script { /* what the next run answers */
    enum status st;
    struct verdict verdict;
    struct err err;
};

static enum status play(struct app *app, struct arena *a, const struct job *job, struct verdict *v,
                        struct err *e) {
    const struct script *s = app->extra;

    (void)a, (void)job;
    *v = s->verdict;
    if (s->st != ST_OK)
        *e = s->err;
    return s->st;
}

/* Puts one job, lets it run once as scripted, and returns its row; nothing is left of a done one.
 * */
static struct job_row run_once(struct arena *a, struct app *app, struct script s) {
    struct queue *q = start(options_of(app, 0));
    struct job_row row = {0};
    struct job_row *rows;

    s.err.status = s.st;
    app->behave = play;
    app->extra = &s;
    PUT(app, .payload = STR("p"));
    assert_int_equal(run_due(q), 1);
    if (list(a, app, (struct job_query){0}, &rows) > 0)
        row = rows[0];
    app->extra = NULL;
    queue_stop(q, 0);
    return row;
}

static struct script answer(enum status st) {
    return (struct script){.st = st, .err = {.message = "because"}};
}

/* --- statuses --------------------------------------------------------------------------------- */

static void done_jobs_leave_the_table(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    assert_true(uuid_is_nil(run_once(&a, *state, answer(ST_OK)).id.v));
    assert_true(uuid_is_nil(run_once(&a, *state, answer(ST_NOT_FOUND)).id.v));
}

static void retry_is_for(struct app *app, enum status st) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    int64_t before_ms = clock_now_ms();
    struct job_row row = run_once(&a, app, answer(st));

    assert_int_equal(row.state, JOB_READY);
    assert_int_equal(row.attempts, 1);
    assert_true(row.run_at_ms > before_ms && row.run_at_ms <= clock_now_ms() + 1000);
    assert_str(row.cause, status_name(st));
    assert_str(row.reason, "because");
}

static void a_conflict_is_retried(void **state) {
    retry_is_for(*state, ST_CONFLICT);
}

static void what_was_unavailable_is_retried(void **state) {
    retry_is_for(*state, ST_UNAVAILABLE);
}

static void what_may_have_happened_is_run_again(void **state) {
    retry_is_for(*state, ST_UNCERTAIN);
}

static void death_is_for(struct app *app, enum status st) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct job_row row = run_once(&a, app, answer(st));

    assert_int_equal(row.state, JOB_DEAD);
    assert_str(row.cause, status_name(st));
    assert_str(row.reason, "because");
}

static void what_stays_wrong_is_dead(void **state) {
    death_is_for(*state, ST_INVALID);
}

static void retry_after_is_honoured(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct script s = answer(ST_LIMITED);
    int64_t before_ms = clock_now_ms();
    struct job_row row;

    s.err.retry_after_ms = 90000;
    s.err.cause = "meta-130429";
    row = run_once(&a, *state, s);
    assert_true(row.run_at_ms >= before_ms + 90000 && row.run_at_ms <= clock_now_ms() + 90000);
    assert_str(row.cause, "meta-130429");
}

/* --- verdicts --------------------------------------------------------------------------------- */

static void a_verdict_stands_whatever_the_status(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct script s = answer(ST_DENIED);
    struct job_row row;

    s.verdict =
        (struct verdict){.kind = VERDICT_PARK, .cause = "gate", .reason = STR("gate is off")};
    row = run_once(&a, *state, s);
    assert_int_equal(row.state, JOB_PARKED);
    assert_str(row.cause, "gate");
    assert_str(row.reason, "gate is off");
}

static void again_does_not_count_as_an_attempt(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct script s = {.verdict = {.kind = VERDICT_AGAIN, .after_ms = 60000}};
    int64_t before_ms = clock_now_ms();
    struct job_row row = run_once(&a, *state, s);

    assert_int_equal(row.attempts, 0);
    assert_true(row.run_at_ms >= before_ms + 60000);
}

static void a_reason_the_database_would_refuse_is_repaired(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct script s = {.verdict = {.kind = VERDICT_DEAD, .cause = "x"}};

    s.verdict.reason = (struct str){"bad \xff and \0 inside", 16};
    assert_int_equal(run_once(&a, *state, s).state, JOB_DEAD);
}

static void the_last_attempt_is_followed_by_death(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct script s = {.st = ST_UNAVAILABLE, .err = {.status = ST_UNAVAILABLE}};
    struct queue *q = start(options_of(app, 0));

    app->behave = play;
    app->extra = &s;
    PUT(app, .payload = STR("p"));
    for (int attempt = 1; attempt <= 3; attempt++) {
        assert_int_equal(run_due(q), 1);
        assert_int_equal(app->runs[attempt - 1].attempt, attempt);
        clock_shift_ms(10000 * attempt);
    }
    assert_int_equal(only_job(&a, app).state, JOB_DEAD);
    assert_int_equal(only_job(&a, app).attempts, 3);
    queue_stop(q, 0);
}

/* Ten minutes, then twenty at most, each anywhere below; so long that none comes due in the test.
 * */
static void backoff_grows_and_is_jittered(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct script s = {.st = ST_UNAVAILABLE, .err = {.status = ST_UNAVAILABLE}};
    struct queue *q = start(options_of(app, 0));
    int64_t longest_ms = 0, shortest_ms = INT64_MAX;
    struct job_row *rows;
    size_t n;

    app->behave = play;
    app->extra = &s;
    for (int i = 0; i < 64; i++)
        PUT(app, .kind = "patient", .payload = STR("p"));
    assert_int_equal(run_due(q), 64);
    clock_shift_ms(600001);
    assert_int_equal(run_due(q), 64);
    n = list(&a, app, (struct job_query){0}, &rows);
    assert_int_equal(n, 64);
    for (size_t i = 0; i < n; i++) {
        int64_t wait_ms = rows[i].run_at_ms - rows[i].updated_at_ms;

        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
        shortest_ms = wait_ms < shortest_ms ? wait_ms : shortest_ms;
    }
    assert_true(longest_ms > 600000 && longest_ms <= 1200000); /* 2^-64 to be wrong */
    assert_true(shortest_ms < 600000);
    queue_stop(q, 0);
}

static void a_kind_this_program_does_not_know_is_retried(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));

    PUT(app, .kind = "from.the.future");
    assert_int_equal(run_due(q), 1);
    assert_int_equal(app->n_runs, 0);
    assert_int_equal(only_job(&a, app).state, JOB_READY);
    assert_str(only_job(&a, app).cause, "unknown-kind");
    queue_stop(q, 0);
}

/* --- for people ------------------------------------------------------------------------------- */

struct people {
    struct app *app;
    struct tenant_id tenant;
    struct job_id id;
    const char *cause;
    int64_t n;
    struct arena a;
    struct job_group *groups;
    size_t n_groups;
};

static enum status replay_tx(struct tx *tx, void *ctx, struct err *e) {
    struct people *p = ctx;

    return queue_replay(tx, p->tenant, p->id, NULL, p->cause, &p->n, e);
}

static enum status discard_tx(struct tx *tx, void *ctx, struct err *e) {
    struct people *p = ctx;

    return queue_discard(tx, p->tenant, p->id, e);
}

static enum status groups_tx(struct tx *tx, void *ctx, struct err *e) {
    struct people *p = ctx;

    return queue_groups(&p->a, tx, p->tenant, &p->groups, &p->n_groups, e);
}

static enum status die_by_payload(struct app *app, struct arena *a, const struct job *job,
                                  struct verdict *v, struct err *e) {
    (void)app, (void)e;
    if (job->attempt > 1)
        return ST_OK;
    *v = (struct verdict){.kind = str_eq(job->payload, STR("park")) ? VERDICT_PARK : VERDICT_DEAD,
                          .cause = arena_cstr(a, job->payload),
                          .reason = STR("why")};
    return ST_OK;
}

/* Three dead of cause x, two of y, one parked; one of the other tenant's dead of x. */
static struct queue *bury(struct app *app) {
    static const char *const causes[] = {"x", "x", "x", "y", "y", "park"};
    struct queue *q = start(options_of(app, 0));

    app->behave = die_by_payload;
    for (size_t i = 0; i < ARRAY_LEN(causes); i++)
        PUT(app, .payload = str_of(causes[i]));
    PUT(app, .payload = STR("x"), .tenant = app->other);
    assert_int_equal(run_due(q), 7);
    app->behave = NULL;
    return q;
}

static void failures_are_grouped_by_cause(void **state) {
    struct app *app = *state;
    struct people p = {.app = app, .tenant = app->tenant};
    struct queue *q = bury(app);
    struct err e = ERR_INIT;

    assert_ok(db_read(app->db, DB_TENANT(app->tenant), groups_tx, &p, &e), &e);
    assert_int_equal(p.n_groups, 3);
    assert_str(p.groups[0].cause, "x");
    assert_int_equal(p.groups[0].n, 3);
    assert_int_equal(p.groups[0].state, JOB_DEAD);
    assert_str(p.groups[0].sample_reason, "why");
    assert_int_equal(p.groups[1].n, 2);
    assert_int_equal(p.groups[2].state, JOB_PARKED);
    arena_done(&p.a);
    queue_stop(q, 0);
}

static void depth_counts_by_state(void **state) {
    struct app *app = *state;
    struct queue *q = bury(app);
    struct queue_depth d;

    PUT(app, .lane = STR("l"));
    PUT(app, .lane = STR("l"));
    PUT(app, .run_at_ms = clock_now_ms() + 60000);
    d = depth(app);
    assert_int_equal(d.ready, 3);
    assert_int_equal(d.due, 1);
    assert_int_equal(d.parked, 1);
    assert_int_equal(d.dead, 6);
    assert_true(d.oldest_due_ms > 0 && d.oldest_due_ms <= clock_now_ms());
    queue_stop(q, 0);
}

static enum status replay_some_tx(struct tx *tx, void *ctx, struct err *e) {
    struct people *p = ctx;
    const struct job_query query = {
        .tenant = p->tenant, .cause = p->cause, .after = p->id, .limit = 2};
    size_t n;

    TRY(queue_replay_some(tx, &query, &p->id, &n, e));
    p->n = (int64_t)n;
    return ST_OK;
}

static void a_group_is_replayed_piece_by_piece(void **state) {
    static const int64_t pieces[] = {2, 1, 0};
    struct app *app = *state;
    struct people p = {.app = app, .tenant = app->tenant, .cause = "x"};
    struct queue *q = bury(app);
    struct err e = ERR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        assert_ok(db_write(app->db, DB_TENANT(app->tenant), replay_some_tx, &p, &e), &e);
        assert_int_equal(p.n, pieces[i]);
    }
    assert_int_equal(run_due(q), 3); /* neither y's nor the other tenant's */
    queue_stop(q, 0);
}

static void kept_jobs_are_listed_by_cause(void **state) {
    struct app *app = *state;
    struct queue *q = bury(app);
    struct job_query query = {.tenant = app->tenant, .is_kept = true};
    struct job_row *rows;
    struct arena a = {0};

    PUT(app, .payload = STR("waits"));
    assert_int_equal(list(&a, app, query, &rows), 6);
    query.cause = "y";
    assert_int_equal(list(&a, app, query, &rows), 2);
    arena_done(&a);
    queue_stop(q, 0);
}

static void a_group_is_replayed_at_once(void **state) {
    struct app *app = *state;
    struct people p = {.app = app, .tenant = app->tenant, .cause = "x"};
    struct queue *q = bury(app);
    struct err e = ERR_INIT;

    assert_ok(db_write(app->db, DB_TENANT(app->tenant), replay_tx, &p, &e), &e);
    assert_int_equal(p.n, 3);
    assert_int_equal(run_due(q), 3);
    assert_int_equal(app->runs[7].attempt, 1);
    assert_int_equal(depth(app).dead, 3);
    p.tenant = (struct tenant_id){0};
    p.cause = NULL;
    assert_ok(db_write(app->db, DB_SYSTEM, replay_tx, &p, &e), &e);
    assert_int_equal(p.n, 4);
    queue_stop(q, 0);
}

static void a_replayed_job_gives_way_to_one_that_waits_with_its_key(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct people p = {.app = app, .tenant = app->tenant};
    struct queue *q = start(options_of(app, 0));
    struct err e = ERR_INIT;

    app->behave = die_by_payload;
    for (int i = 0; i < 2; i++) {
        PUT(app, .key = STR("k"), .payload = STR("x"));
        assert_int_equal(run_due(q), 1);
    }
    assert_int_equal(depth(app).dead, 2);
    PUT(app, .key = STR("k"), .payload = STR("newest"));
    assert_ok(db_write(app->db, DB_TENANT(app->tenant), replay_tx, &p, &e), &e);
    assert_int_equal(p.n, 2);
    assert_str(only_job(&a, app).payload, "newest");
    queue_stop(q, 0);
}

static void discard_removes_what_does_not_run(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct people p = {.app = app, .tenant = app->tenant};
    struct err e = ERR_INIT;

    p.id = PUT(app, .lane = STR("l"), .run_at_ms = clock_now_ms() + 60000);
    PUT(app, .lane = STR("l"), .payload = STR("next"));
    p.tenant = app->other;
    assert_int_equal(db_write(app->db, DB_TENANT(app->other), discard_tx, &p, &e), ST_NOT_FOUND);
    err_clear(&e);
    p.tenant = app->tenant;
    assert_ok(db_write(app->db, DB_TENANT(app->tenant), discard_tx, &p, &e), &e);
    assert_str(only_job(&a, app).payload, "next");
    assert_int_equal(depth(app).due, 1);
}

static void lists_page_from_the_newest(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct job_query query = {.tenant = app->tenant, .limit = 2};
    struct queue *q = bury(app);
    size_t n_seen = 0, n;
    struct job_row *rows;

    while ((n = list(&a, app, query, &rows)) > 0) {
        for (size_t i = 0; i + 1 < n; i++)
            assert_true(uuid_cmp(rows[i].id.v, rows[i + 1].id.v) > 0);
        n_seen += n;
        query.after = rows[n - 1].id;
    }
    assert_int_equal(n_seen, 6);
    query = (struct job_query){.tenant = app->tenant, .has_state = true, .state = JOB_PARKED};
    assert_int_equal(list(&a, app, query, &rows), 1);
    query = (struct job_query){.kind = "other"};
    assert_int_equal(list(&a, app, query, &rows), 0);
    queue_stop(q, 0);
}

static void depth_and_verdicts_are_in_the_metrics(void **state) {
    struct app *app = *state;
    struct queue *q = bury(app);
    struct buf b;

    buf_init(&b, 1 << 20);
    stats_render(&b);
    assert_true(str_contains(buf_str(&b), STR("prosa_jobs{state=\"dead\"} 6\n")));
    assert_true(str_contains(buf_str(&b), STR("prosa_jobs_total{verdict=\"dead\"} ")));
    assert_true(str_contains(buf_str(&b), STR("prosa_job_duration_seconds_count ")));
    buf_done(&b);
    queue_stop(q, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(done_jobs_leave_the_table),
        QUEUE_TEST(a_conflict_is_retried),
        QUEUE_TEST(what_was_unavailable_is_retried),
        QUEUE_TEST(what_stays_wrong_is_dead),
        QUEUE_TEST(what_may_have_happened_is_run_again),
        QUEUE_TEST(retry_after_is_honoured),
        QUEUE_TEST(a_verdict_stands_whatever_the_status),
        QUEUE_TEST(again_does_not_count_as_an_attempt),
        QUEUE_TEST(a_reason_the_database_would_refuse_is_repaired),
        QUEUE_TEST(the_last_attempt_is_followed_by_death),
        QUEUE_TEST(backoff_grows_and_is_jittered),
        QUEUE_TEST(a_kind_this_program_does_not_know_is_retried),
        QUEUE_TEST(failures_are_grouped_by_cause),
        QUEUE_TEST(depth_counts_by_state),
        QUEUE_TEST(a_group_is_replayed_at_once),
        QUEUE_TEST(a_group_is_replayed_piece_by_piece),
        QUEUE_TEST(kept_jobs_are_listed_by_cause),
        QUEUE_TEST(a_replayed_job_gives_way_to_one_that_waits_with_its_key),
        QUEUE_TEST(discard_removes_what_does_not_run),
        QUEUE_TEST(depth_and_verdicts_are_in_the_metrics),
        QUEUE_TEST(lists_page_from_the_newest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
