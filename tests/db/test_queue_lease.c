/* test_queue_lease.c - rule 3: a claim is a lease, and who lost it can write nothing more.
 * A queue without workers has no heart: a handler that it runs and that does not return is what a
 * frozen process looks like to the others.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/queue_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/internal.h"

enum { STEP_IN_HANDLER = 1, STEP_GO_ON = 2, STEP_OVER = 3 };

static enum status fence_tx(struct tx *tx, void *ctx, struct err *e) {
    return queue_fence(tx, ctx, e);
}

/* The first run stays until it is told to go on, and then tries to write. */
static enum status freeze_first(struct app *app, struct arena *a, const struct job *job,
                                struct verdict *v, struct err *e) {
    struct job copy = *job;
    struct err why = ERR_INIT;

    (void)a, (void)v, (void)e;
    if (job->attempt > 1)
        return ST_OK;
    set_step(app, STEP_IN_HANDLER);
    await_step(app, STEP_GO_ON);
    if (db_write(app->db, DB_TENANT(job->tenant), fence_tx, &copy, &why) == ST_CONFLICT)
        app->n_refused++;
    return ST_OK;
}

struct frozen {
    struct app *app;
    struct queue *q;
    pthread_t thread;
    size_t ran;
};

static void *run_frozen(void *arg) {
    struct frozen *f = arg;
    struct err e = ERR_INIT;

    if (queue_run_due(f->q, 1, &f->ran, &e) != ST_OK)
        print_error("frozen: %s\n", e.message);
    return NULL;
}

static struct frozen freeze(struct app *app) {
    struct frozen f = {.app = app, .q = start(options_of(app, 0))};

    app->behave = freeze_first;
    return f;
}

static void go_into_handler(struct frozen *f) {
    assert_int_equal(pthread_create(&f->thread, NULL, run_frozen, f), 0);
    await_step(f->app, STEP_IN_HANDLER);
}

static void go_on(struct frozen *f) {
    set_step(f->app, STEP_GO_ON);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    queue_stop(f->q, 0);
}

static void a_claimed_job_is_nobody_elses_while_the_lease_lasts(void **state) {
    struct app *app = *state;
    struct frozen f = freeze(app);
    struct queue *q = start(options_of(app, 0));

    PUT(app, .payload = STR("p"));
    go_into_handler(&f);
    clock_shift_ms(QUEUE_LEASE_MS - 2000);
    assert_int_equal(run_due(q), 0);
    assert_int_equal(depth(app).running, 1);
    go_on(&f);
    assert_int_equal(app->n_refused, 0);
    assert_int_equal(depth(app).running, 0);
    queue_stop(q, 0);
}

static void a_lease_that_ran_out_is_taken_over_and_the_first_one_is_fenced(void **state) {
    struct app *app = *state;
    struct frozen f = freeze(app);
    struct queue *q = start(options_of(app, 0));

    PUT(app, .lane = STR("l"), .payload = STR("p"));
    go_into_handler(&f);
    clock_shift_ms(QUEUE_LEASE_MS + 1);
    assert_int_equal(run_due(q), 1);
    assert_int_equal(app->runs[1].attempt, 2); /* the lost run counts */
    go_on(&f);
    assert_int_equal(app->n_refused, 1);
    assert_int_equal(depth(app).ready + depth(app).running + depth(app).dead, 0);
    queue_stop(q, 0);
}

/* The late verdict says retry: written over the new claim it would run the job a third time. */
static enum status freeze_first_then_retry(struct app *app, struct arena *a, const struct job *job,
                                           struct verdict *v, struct err *e) {
    TRY(freeze_first(app, a, job, v, e));
    if (job->attempt == 1)
        v->kind = VERDICT_RETRY;
    else
        set_step(app, STEP_GO_ON), await_step(app, STEP_OVER);
    return ST_OK;
}

static void a_late_verdict_does_not_touch_the_new_claim(void **state) {
    struct app *app = *state;
    struct frozen first = freeze(app), second = {.app = app, .q = start(options_of(app, 0))};

    app->behave = freeze_first_then_retry;
    PUT(app, .payload = STR("p"));
    go_into_handler(&first);
    clock_shift_ms(QUEUE_LEASE_MS + 1);
    assert_int_equal(pthread_create(&second.thread, NULL, run_frozen, &second), 0);
    assert_int_equal(pthread_join(first.thread, NULL), 0); /* its verdict is written by now */
    assert_int_equal(depth(app).running, 1);
    set_step(app, STEP_OVER);
    assert_int_equal(pthread_join(second.thread, NULL), 0);
    assert_int_equal(depth(app).ready + depth(app).running, 0);
    assert_int_equal(app->n_runs, 2);
    queue_stop(first.q, 0);
    queue_stop(second.q, 0);
}

static void a_heartbeat_prolongs_the_lease(void **state) {
    struct app *app = *state;
    struct queue *beating = start(options_of(app, 1));
    struct queue *q = start(options_of(app, 0));
    struct err e = ERR_INIT;

    app->behave = freeze_first;
    PUT(app, .payload = STR("p"));
    await_step(app, STEP_IN_HANDLER);
    for (int64_t t = 1; t <= 5; t++) {
        clock_shift_ms(t * (QUEUE_LEASE_MS - 5000));
        assert_ok(heart_prolong(beating, &e), &e);
        assert_int_equal(run_due(q), 0);
    }
    set_step(app, STEP_GO_ON);
    queue_stop(beating, AWAIT_MS);
    assert_int_equal(app->n_refused, 0);
    assert_int_equal(app->n_runs, 1);
    queue_stop(q, 0);
}

static void a_job_that_was_lost_with_its_worker_each_time_ends_dead(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct queue *q = start(options_of(app, 0));
    struct err e = ERR_INIT;

    PUT(app, .payload = STR("p"));
    assert_ok(HARNESS_EXEC(app->db, DB_SYSTEM,
                           DB_SQL("UPDATE jobs SET state = 1, attempts = 3, lease_until = 1"), NULL,
                           &e),
              &e);
    assert_int_equal(run_due(q), 1);
    assert_int_equal(app->n_runs, 0);
    assert_int_equal(only_job(&a, app).state, JOB_DEAD);
    assert_str(only_job(&a, app).cause, "lease-lost");
    queue_stop(q, 0);
}

static void a_taken_over_job_gives_way_to_a_newer_put_of_its_key(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct app *app = *state;
    struct frozen f = freeze(app);
    struct queue *q = start(options_of(app, 0));
    size_t n;
    struct err e = ERR_INIT;

    PUT(app, .key = STR("k"), .payload = STR("first"));
    go_into_handler(&f);
    PUT(app, .key = STR("k"), .payload = STR("second"), .run_at_ms = clock_now_ms() + 3600000);
    clock_shift_ms(QUEUE_LEASE_MS + 1);
    assert_ok(heart_take_over(q, false, &n, &e), &e);
    assert_int_equal(n, 1);
    assert_str(only_job(&a, app).payload, "second");
    go_on(&f);
    assert_int_equal(app->n_refused, 1);
    queue_stop(q, 0);
}

/* What a fenced transaction holds cannot be taken over before it ends. */
static enum status fence_and_expire(struct tx *tx, void *ctx, struct err *e) {
    struct frozen *f = ctx;

    TRY(queue_fence(tx, f->app->extra, e));
    clock_shift_ms(QUEUE_LEASE_MS + 1);
    set_step(f->app, STEP_GO_ON);
    await_step(f->app, STEP_OVER);
    return ST_OK;
}

static void *take_over(void *arg) {
    struct frozen *f = arg;
    struct err e = ERR_INIT;

    await_step(f->app, STEP_GO_ON);
    if (heart_take_over(f->q, true, &f->ran, &e) != ST_OK)
        print_error("take over: %s\n", e.message);
    set_step(f->app, STEP_OVER);
    return NULL;
}

static enum status fence_while_taken_over(struct app *app, struct arena *a, const struct job *job,
                                          struct verdict *v, struct err *e) {
    struct job copy = *job;
    struct frozen f = {.app = app};

    (void)a, (void)v;
    app->extra = &copy;
    return db_write(app->db, DB_TENANT(job->tenant), fence_and_expire, &f, e);
}

static void a_fenced_transaction_holds_off_the_takeover(void **state) {
    struct app *app = *state;
    struct frozen other = {.app = app, .q = start(options_of(app, 0))};
    struct queue *q = start(options_of(app, 0));
    struct err e = ERR_INIT;
    size_t n;

    if (db_engine(app->db) == DB_SQLITE) { /* one writer: the takeover waits in its queue */
        queue_stop(q, 0);
        queue_stop(other.q, 0);
        skip();
    }
    app->behave = fence_while_taken_over;
    PUT(app, .payload = STR("p"));
    assert_int_equal(pthread_create(&other.thread, NULL, take_over, &other), 0);
    assert_ok(queue_run_due(q, 1, &n, &e), &e);
    assert_int_equal(pthread_join(other.thread, NULL), 0);
    assert_int_equal(other.ran, 0);
    assert_int_equal(depth(app).ready + depth(app).running, 0);
    queue_stop(q, 0);
    queue_stop(other.q, 0);
}

static enum status fence_as(struct app *app, struct db_scope scope, struct job job) {
    struct err e = ERR_INIT;

    return db_write(app->db, scope, fence_tx, &job, &e);
}

static void a_fence_is_for_the_jobs_own_tenant(void **state) {
    struct app *app = *state;
    struct job job = {.id = {uuid_new()}, .tenant = app->tenant, .token = 1};

    assert_int_equal(fence_as(app, DB_TENANT(app->other), job), ST_BROKEN);
    assert_int_equal(fence_as(app, DB_TENANT(app->tenant), job), ST_CONFLICT);
    assert_int_equal(fence_as(app, DB_SYSTEM, job), ST_CONFLICT);
}

/* A process that was stopped finds by its own clock that what it claimed ahead is not its any more.
 * */
static enum status jump_past_the_lease(struct app *app, struct arena *a, const struct job *job,
                                       struct verdict *v, struct err *e) {
    (void)app, (void)a, (void)v, (void)e;
    if (job->attempt == 1 && str_eq(job->payload, STR("first")))
        clock_shift_ms(QUEUE_LEASE_MS + 1000);
    return ST_OK;
}

static void what_was_claimed_ahead_is_not_begun_after_the_lease(void **state) {
    struct app *app = *state;
    struct queue_options options = options_of(app, 1);
    struct queue *q;

    app->behave = jump_past_the_lease;
    PUT(app, .payload = STR("first"));
    PUT(app, .payload = STR("ahead"));
    q = start(options);
    await_runs(app, 2);
    queue_stop(q, AWAIT_MS);
    assert_int_equal(depth(app).ready + depth(app).running, 0);
    assert_int_equal(app->n_runs,
                     2); /* given back, then run: not run on the lost lease and again */
}

/* --- a real process --------------------------------------------------------------------------- */

enum { FROM_CHILD = 3, TO_CHILD = 4 }; /* the child's descriptors */

static char tell(struct app *app, const struct job *job) {
    struct job copy = *job;
    struct err e = ERR_INIT;

    return db_write(app->db, DB_TENANT(job->tenant), fence_tx, &copy, &e) == ST_CONFLICT ? 'r'
                                                                                         : 'h';
}

static enum status child_handler(struct app *app, struct arena *a, const struct job *job,
                                 struct verdict *v, struct err *e) {
    char c = 'i';

    (void)a, (void)v, (void)e;
    if (write(FROM_CHILD, &c, 1) != 1 || read(TO_CHILD, &c, 1) != 1)
        return ST_BROKEN;
    c = tell(app, job);
    return write(FROM_CHILD, &c, 1) == 1 ? ST_OK : ST_BROKEN;
}

/* A node of its own: runs one job and ends. */
static int child(const char *url) {
    struct app app = {.lock = PTHREAD_MUTEX_INITIALIZER,
                      .changed = PTHREAD_COND_INITIALIZER,
                      .behave = child_handler};
    struct queue_options options;
    struct err e = ERR_INIT;
    struct queue *q;

    if (crypto_init(&e) != ST_OK ||
        db_open((struct db_options){str_of(url), 4, 5000, NULL}, &app.db, &e) != ST_OK)
        return 1;
    options = options_of(&app, 1);
    if (queue_start(options, &q, &e) != ST_OK)
        return 1;
    await_runs(&app, 1);
    queue_stop(q, AWAIT_MS);
    db_close(app.db);
    return 0;
}

struct process {
    pid_t pid;
    int from, to;
};

static struct process spawn(struct app *app) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    char *url = arena_cstr(&a, harness_url(&a, app->db));
    int from[2], to[2];
    struct process p;

    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    p = (struct process){.pid = fork(), .from = from[0], .to = to[1]};
    assert_true(p.pid >= 0);
    if (p.pid == 0) {
        /* out of the way of 3 and 4 first */
        int out = fcntl(from[1], F_DUPFD_CLOEXEC, 16), in = fcntl(to[0], F_DUPFD_CLOEXEC, 16);

        if (dup2(out, FROM_CHILD) == FROM_CHILD && dup2(in, TO_CHILD) == TO_CHILD)
            (void)execl("/proc/self/exe", "test_queue_lease", url, (char *)NULL);
        _exit(127);
    }
    (void)close(from[1]);
    (void)close(to[0]);
    return p;
}

static char hear(const struct process *p) {
    struct pollfd fd = {.fd = p->from, .events = POLLIN};
    char c = 0;

    assert_int_equal(poll(&fd, 1, AWAIT_MS), 1);
    assert_int_equal(read(p->from, &c, 1), 1);
    return c;
}

static void a_stopped_process_is_taken_over_and_refused_when_it_goes_on(void **state) {
    struct app *app = *state;
    struct process p;
    struct queue *q;
    int status;

    if (db_engine(app->db) == DB_SQLITE)
        skip(); /* one process */
    q = start(options_of(app, 0));
    PUT(app, .lane = STR("l"), .payload = STR("p"));
    p = spawn(app);
    assert_int_equal(hear(&p), 'i');
    assert_int_equal(kill(p.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(p.pid, &status, WUNTRACED), p.pid);
    clock_shift_ms(QUEUE_LEASE_MS + 1000);
    assert_int_equal(run_due(q), 1);
    assert_int_equal(write(p.to, "x", 1), 1);
    assert_int_equal(kill(p.pid, SIGCONT), 0);
    assert_int_equal(hear(&p), 'r');
    assert_int_equal(waitpid(p.pid, &status, 0), p.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(depth(app).ready + depth(app).running + depth(app).dead, 0);
    (void)close(p.from);
    (void)close(p.to);
    queue_stop(q, 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_claimed_job_is_nobody_elses_while_the_lease_lasts),
        QUEUE_TEST(a_lease_that_ran_out_is_taken_over_and_the_first_one_is_fenced),
        QUEUE_TEST(a_late_verdict_does_not_touch_the_new_claim),
        QUEUE_TEST(a_heartbeat_prolongs_the_lease),
        QUEUE_TEST(a_job_that_was_lost_with_its_worker_each_time_ends_dead),
        QUEUE_TEST(a_taken_over_job_gives_way_to_a_newer_put_of_its_key),
        QUEUE_TEST(a_fenced_transaction_holds_off_the_takeover),
        QUEUE_TEST(a_fence_is_for_the_jobs_own_tenant),
        QUEUE_TEST(what_was_claimed_ahead_is_not_begun_after_the_lease),
        QUEUE_TEST(a_stopped_process_is_taken_over_and_refused_when_it_goes_on),
    };

    if (argc > 1)
        return child(argv[1]);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
