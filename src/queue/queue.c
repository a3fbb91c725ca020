/* queue.c - starts and stops the machinery, wakes it, shows its depth.
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "crypto/crypto.h"
#include "queue/internal.h"
#include "stats/stats.h"

enum { MAX_WORKERS = 1024, RUN_BATCH = 32 };

/* The queues of this process. What the database and the metrics call back finds its queue here, or
 * finds that it is gone: neither can be told to stop calling. */
static struct {
    pthread_mutex_t rendering; /* taken before lock: a scrape must not hold up a wake-up */
    pthread_mutex_t lock;
    struct list queues;
    uintptr_t last_handle;
    bool has_hook;
} live = {.rendering = PTHREAD_MUTEX_INITIALIZER,
          .lock = PTHREAD_MUTEX_INITIALIZER,
          .queues = {.head = {&live.queues.head, &live.queues.head}}};

/* --- locking ---------------------------------------------------------------------------------- */

void queue_lock(struct queue *q) {
    (void)pthread_mutex_lock(&q->lock);
}

void queue_unlock(struct queue *q) {
    (void)pthread_mutex_unlock(&q->lock);
}

void queue_wait(struct queue *q, pthread_cond_t *cond, int64_t in_ms) {
    if (in_ms < 0) {
        (void)pthread_cond_wait(cond, &q->lock);
    } else {
        struct timespec until = clock_deadline(in_ms);

        (void)pthread_cond_clockwait(cond, &q->lock, CLOCK_MONOTONIC, &until);
    }
}

/* --- being called back ------------------------------------------------------------------------ */

static void wake_by_handle(void *ctx) {
    uintptr_t handle = (uintptr_t)ctx;

    (void)pthread_mutex_lock(&live.lock);
    LIST_EACH(&live.queues, n) {
        struct queue *q = LIST_ITEM(n, struct queue, node);

        if (q->handle == handle) {
            queue_lock(q);
            claimer_wake(q);
            queue_unlock(q);
        }
    }
    (void)pthread_mutex_unlock(&live.lock);
}

static enum status depth_tx(struct tx *tx, void *ctx, struct err *e) {
    return queue_depth(tx, (struct tenant_id){0}, ctx, e);
}

static void render_depth(struct buf *b, const struct queue_depth *depth) {
    const struct {
        const char *labels;
        int64_t n;
    } samples[] = {{"state=\"ready\"", depth->ready},
                   {"state=\"due\"", depth->due},
                   {"state=\"running\"", depth->running},
                   {"state=\"parked\"", depth->parked},
                   {"state=\"dead\"", depth->dead}};
    int64_t age_ms = depth->oldest_due_ms > 0 ? clock_now_ms() - depth->oldest_due_ms : 0;

    buf_add(b, STR("# HELP prosa_jobs Jobs in the table; due ones are counted as ready too\n"
                   "# TYPE prosa_jobs gauge\n"));
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        stats_sample(b, "prosa_jobs", samples[i].labels, samples[i].n);
    buf_add(b, STR("# HELP prosa_jobs_oldest_due_seconds How long the oldest due job has waited\n"
                   "# TYPE prosa_jobs_oldest_due_seconds gauge\n"));
    stats_sample(b, "prosa_jobs_oldest_due_seconds", NULL, age_ms > 0 ? age_ms / 1000 : 0);
}

static int64_t longest_run_ms(struct queue *q) {
    int64_t now_ms = clock_mono_ms();
    int64_t longest_ms = 0;

    queue_lock(q);
    for (size_t i = 0; i < q->n_threads; i++)
        if (q->workers[i].current && now_ms - q->workers[i].since_ms > longest_ms)
            longest_ms = now_ms - q->workers[i].since_ms;
    queue_unlock(q);
    return longest_ms;
}

static void render_queue(struct buf *b, struct queue *q) {
    struct queue_depth depth;
    struct err e = ERR_INIT;

    if (db_read(q->options.db, DB_SYSTEM, depth_tx, &depth, &e) == ST_OK)
        render_depth(b, &depth);
    buf_add(b, STR("# HELP prosa_jobs_longest_run_seconds How long the oldest running job has run\n"
                   "# TYPE prosa_jobs_longest_run_seconds gauge\n"));
    stats_sample(b, "prosa_jobs_longest_run_seconds", NULL, longest_run_ms(q) / 1000);
}

/* One queue per process in the product; of several (in tests) the oldest speaks. */
static void render(struct buf *b, void *ctx) {
    struct queue *q = NULL;

    (void)ctx;
    (void)pthread_mutex_lock(&live.rendering);
    (void)pthread_mutex_lock(&live.lock);
    if (!list_is_empty(&live.queues))
        q = LIST_ITEM(live.queues.head.next, struct queue, node);
    (void)pthread_mutex_unlock(&live.lock);
    if (q)
        render_queue(b, q);
    (void)pthread_mutex_unlock(&live.rendering);
}

static void enlist(struct queue *q) {
    (void)pthread_mutex_lock(&live.lock);
    q->handle = ++live.last_handle;
    list_push(&live.queues, &q->node);
    if (!live.has_hook)
        stats_on_render(render, NULL);
    live.has_hook = true;
    (void)pthread_mutex_unlock(&live.lock);
}

static void delist(struct queue *q) {
    (void)pthread_mutex_lock(&live.rendering);
    (void)pthread_mutex_lock(&live.lock);
    list_remove(&q->node);
    (void)pthread_mutex_unlock(&live.lock);
    (void)pthread_mutex_unlock(&live.rendering);
}

/* --- starting --------------------------------------------------------------------------------- */

static enum status check_options(const struct queue_options *o, struct err *e) {
    if (o->workers > MAX_WORKERS)
        FAIL(e, ST_INVALID, "could not start the queue: more than %d workers", MAX_WORKERS);
    if (o->lease_ms + o->poll_ms >= QUEUE_TAKEOVER_MS)
        FAIL(e, ST_INVALID, "could not start the queue: lease and poll together reach %d ms",
             QUEUE_TAKEOVER_MS);
    for (size_t i = 0; i < o->n_schedules; i++)
        if (o->schedules[i].every_ms == 0)
            FAIL(e, ST_INVALID, "could not start the queue: schedule \"%s\" has no interval",
                 o->schedules[i].name);
    return ST_OK;
}

/* Drawn once: pids come again, in a container always the same. */
static char process_text[16];

static void draw_process_name(void) {
    uint32_t random;

    crypto_random(&random, sizeof(random));
    (void)snprintf(process_text, sizeof(process_text), "%08x", random);
}

static struct str process_name(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, draw_process_name);
    return str_of(process_text);
}

/* Names this queue in jobs.worker, for people, and for the next process on the same SQLite file. */
static void name_queue(struct queue *q) {
    char host[32] = {0};

    if (gethostname(host, sizeof(host) - 1) != 0 || !utf8_is_valid(str_of(host)))
        host[0] = '\0';
    (void)snprintf(q->name_text, sizeof(q->name_text), "%s:%ld:%s", host[0] ? host : "?",
                   (long)getpid(), process_name().ptr);
    q->name = str_of(q->name_text);
}

static void each_cond(struct queue *q, void (*fn)(pthread_cond_t *cond)) {
    fn(&q->to_work);
    fn(&q->to_claim);
    fn(&q->to_write);
    fn(&q->to_beat);
    fn(&q->to_fire);
    fn(&q->to_stop);
}

static void init_cond(pthread_cond_t *cond) {
    (void)pthread_cond_init(cond, NULL);
}

static void destroy_cond(pthread_cond_t *cond) {
    (void)pthread_cond_destroy(cond);
}

static void broadcast(pthread_cond_t *cond) {
    (void)pthread_cond_broadcast(cond);
}

void queue_free(struct queue *q) {
    each_cond(q, destroy_cond);
    (void)pthread_mutex_destroy(&q->lock);
    free(q->workers);
    free(q);
}

static struct queue *queue_new(struct queue_options options) {
    struct queue *q = calloc(1, sizeof(*q));
    struct worker *workers = calloc(options.workers + 1, sizeof(*workers));

    if (!q || !workers) {
        perror("queue: out of memory");
        abort();
    }
    q->options = options;
    q->workers = workers;
    crypto_random(&q->salt, sizeof(q->salt));
    q->salt &= (1 << STORE_SALT_BITS) - 1;
    name_queue(q);
    q->next_due_ms = INT64_MAX;
    list_init(&q->waiting);
    list_init(&q->judged);
    list_init(&q->writing);
    (void)pthread_mutex_init(&q->lock, NULL);
    each_cond(q, init_cond);
    return q;
}

static enum status start_thread(pthread_t *thread, bool *ret_runs, void *(*fn)(void *arg),
                                void *arg, struct err *e) {
    pthread_attr_t attr;
    int code;

    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, QUEUE_STACK_BYTES);
    code = pthread_create(thread, &attr, fn, arg);
    (void)pthread_attr_destroy(&attr);
    if (code != 0)
        FAIL(e, ST_UNAVAILABLE, "could not start a thread of the queue: error %d", code);
    *ret_runs = true;
    return ST_OK;
}

static enum status start_worker(struct queue *q, struct err *e) {
    struct worker *w = &q->workers[q->n_threads];
    bool runs;

    w->q = q;
    TRY(start_thread(&w->thread, &runs, worker_main, w, e));
    queue_lock(q);
    q->n_threads++;
    queue_unlock(q);
    return ST_OK;
}

static enum status expire_others_tx(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return store_expire_others(tx, process_name(), clock_now_ms(), e);
}

static enum status start_runners(struct queue *q, struct err *e) {
    if (db_engine(q->options.db) == DB_SQLITE)
        TRY(db_write(q->options.db, DB_SYSTEM, expire_others_tx, NULL, e));
    TRY(db_listen(q->options.db, QUEUE_CHANNEL, wake_by_handle, (void *)q->handle, e));
    TRY(start_thread(&q->writer, &q->has_writer, writer_main, q, e));
    TRY(start_thread(&q->heart, &q->has_heart, heart_main, q, e));
    for (unsigned i = 0; i < q->options.workers; i++)
        TRY(start_worker(q, e));
    return start_thread(&q->claimer, &q->has_claimer, claimer_main, q, e);
}

/* Without workers everything runs in queue_run_due(), on the caller's thread. */
static enum status start_threads(struct queue *q, struct err *e) {
    bool is_manual = q->options.run_jobs && q->options.workers == 0;

    if (q->options.run_schedules)
        TRY(schedule_register(q, e));
    if (q->options.run_schedules && !is_manual)
        TRY(start_thread(&q->scheduler, &q->has_scheduler, scheduler_main, q, e));
    return q->options.run_jobs && !is_manual ? start_runners(q, e) : ST_OK;
}

enum status queue_start(struct queue_options options, struct queue **ret, struct err *e) {
    struct queue *q;
    enum status st;

    options.lease_ms = options.lease_ms > 0 ? options.lease_ms : QUEUE_LEASE_MS;
    options.poll_ms = options.poll_ms > 0 ? options.poll_ms : QUEUE_POLL_MS;
    TRY(check_options(&options, e));
    q = queue_new(options);
    enlist(q);
    st = start_threads(q, e);
    if (st != ST_OK) {
        queue_stop(q, 0);
        return st;
    }
    *ret = q;
    return ST_OK;
}

/* --- stopping --------------------------------------------------------------------------------- */

static void join(pthread_t thread, bool runs) {
    if (runs)
        (void)pthread_join(thread, NULL);
}

/* The claimer has ended, so that nothing is added any more. */
static void give_back_waiting(struct queue *q) {
    LIST_EACH(&q->waiting, n)
    queue_give_back(q, LIST_ITEM(n, struct claimed, node));
}

static bool is_quiet(const struct queue *q) {
    return q->n_running == 0 && (!q->has_writer || q->n_judged + q->n_writing == 0);
}

/* Handlers get their time, verdicts theirs; what is not through by then is left to its lease. */
static void drain(struct queue *q, uint32_t drain_ms) {
    int64_t until_ns = clock_mono_ns() + (int64_t)drain_ms * 1000000;

    while (!is_quiet(q) && clock_mono_ns() < until_ns)
        queue_wait(q, &q->to_stop, (until_ns - clock_mono_ns()) / 1000000 + 1);
    q->has_drained = true;
    each_cond(q, broadcast);
}

static void free_list(struct list *l) {
    struct list_node *n;

    while ((n = list_pop(l)) != NULL)
        claimed_free(LIST_ITEM(n, struct claimed, node));
}

/* Handlers that still run keep q; the last of their threads frees it. */
static bool abandon(struct queue *q) {
    size_t n_running;

    queue_lock(q);
    n_running = q->n_running;
    q->is_abandoned = n_running > 0;
    if (n_running > 0) { /* while none of them can end */
        log_warn(q->options.log, "queue stopped with handlers still running",
                 F_I64("jobs", (int64_t)n_running));
        for (size_t i = 0; i < q->n_threads; i++)
            (void)pthread_detach(q->workers[i].thread);
    }
    queue_unlock(q);
    return n_running > 0;
}

void queue_stop(struct queue *q, uint32_t drain_ms) {
    if (!q)
        return;
    delist(q);
    queue_lock(q);
    q->is_stopping = true;
    each_cond(q, broadcast);
    queue_unlock(q);
    join(q->claimer, q->has_claimer);
    join(q->scheduler, q->has_scheduler);
    queue_lock(q);
    give_back_waiting(q);
    drain(q, drain_ms);
    queue_unlock(q);
    join(q->writer, q->has_writer);
    join(q->heart, q->has_heart);
    free_list(&q->judged);
    if (abandon(q))
        return;
    for (size_t i = 0; i < q->n_threads; i++)
        join(q->workers[i].thread, true);
    queue_free(q);
}

/* --- by hand ---------------------------------------------------------------------------------- */

static enum status run_batch(struct queue *q, struct arena *a, const struct claim_result *result,
                             struct err *e) {
    struct claimed *batch[RUN_BATCH];
    size_t n = 0;
    enum status st;

    for (; n < result->jobs.n; n++) {
        batch[n] = claimed_new(&result->jobs.items[n], clock_mono_ms(), q->options.lease_ms);
        queue_run_job(q, a, batch[n]);
        arena_reset(a);
    }
    st = verdicts_write(q, batch, n, e);
    for (size_t i = 0; i < n; i++)
        claimed_free(batch[i]);
    return st;
}

static enum status run_some(struct queue *q, size_t max, size_t *ret_n, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena claim_arena = {0};
    ATTR_CLEANUP(arena_done_p) struct arena outer = {0};
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct claim_result *result = arena_new_of(&outer, struct claim_result);
    int64_t now_ms = clock_now_ms();
    struct claim_want want = {.max = max,
                              .max_bulk = max,
                              .max_tenant = max,
                              .max_fullest = max,
                              .lease = {now_ms, now_ms + q->options.lease_ms, q->salt, q->name}};

    TRY(claim_due(&claim_arena, q->options.db, want, &q->book, result, e));
    *ret_n = result->jobs.n;
    return result->jobs.n > 0 ? run_batch(q, &a, result, e) : ST_OK;
}

enum status queue_run_due(struct queue *q, size_t max_jobs, size_t *ret_ran, struct err *e) {
    size_t ran = 0, n;
    int64_t next_ms;

    if (q->options.run_schedules)
        TRY(schedule_fire_due(q, &n, &next_ms, e));
    TRY(heart_take_over(q, true, &n, e));
    do {
        size_t max = max_jobs - ran < RUN_BATCH ? max_jobs - ran : RUN_BATCH;

        TRY(run_some(q, max, &n, e));
        ran += n;
    } while (n > 0 && ran < max_jobs);
    *ret_ran = ran;
    return ST_OK;
}
