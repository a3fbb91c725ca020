/* queue_noop.c - how fast the queue is when jobs do nothing: queue_noop URL [JOBS] [WORKERS]
 * [LANES] [PUTTERS].
 *
 * bulk: put all by queue_put_many, then start workers and wait until the last is done and written.
 * live: with workers running, PUTTERS threads put one job a transaction. one: put one, wait until
 * its handler ran, then the next. noisy: the same while another tenant's JOBS bulk jobs of 20 ms
 * each are due. PUTTERS 0: only bulk. The database is migrated and its jobs are deleted first; use
 * an empty one.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "log/log.h"
#include "queue/queue.h"

enum { SLOW_NS = 20000000, CHUNK = 1000, ONE_BY_ONE = 1000, CONNECTIONS = 80, MAX_PUTTERS = 64 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t ran;
    int64_t n;
    int64_t wanted;
    int64_t last_run_ns;
} count = {.lock = PTHREAD_MUTEX_INITIALIZER, .ran = PTHREAD_COND_INITIALIZER};

struct bench {
    struct db *db;
    size_t jobs;
    unsigned workers;
    size_t lanes;
    unsigned putters;
    struct tenant_id tenant;
    struct tenant_id neighbour;
    const char *kind;
    enum queue_priority priority;
    _Atomic int64_t left;
};

static enum status noop(struct app *app, struct arena *a, const struct job *job,
                        struct verdict *ret_verdict, struct err *e) {
    (void)app, (void)a, (void)job, (void)ret_verdict, (void)e;
    (void)pthread_mutex_lock(&count.lock);
    count.last_run_ns = clock_mono_ns();
    if (++count.n == count.wanted)
        (void)pthread_cond_signal(&count.ran);
    (void)pthread_mutex_unlock(&count.lock);
    return ST_OK;
}

/* Of the neighbour's long queue: as long as a quick provider. */
static enum status slow(struct app *app, struct arena *a, const struct job *job,
                        struct verdict *ret_verdict, struct err *e) {
    const struct timespec time = {.tv_nsec = SLOW_NS};

    (void)app, (void)a, (void)job, (void)ret_verdict, (void)e;
    (void)nanosleep(&time, NULL);
    return ST_OK;
}

static const struct job_kind kinds[] = {{.name = "noop", .run = noop},
                                        {.name = "slow", .run = slow}};

static void expect(int64_t n) {
    (void)pthread_mutex_lock(&count.lock);
    count.n = 0;
    count.wanted = n;
    (void)pthread_mutex_unlock(&count.lock);
}

static void await(void) {
    (void)pthread_mutex_lock(&count.lock);
    while (count.n < count.wanted)
        (void)pthread_cond_wait(&count.ran, &count.lock);
    (void)pthread_mutex_unlock(&count.lock);
}

static void check(enum status st, const struct err *e) {
    if (st == ST_OK)
        return;
    (void)fprintf(stderr, "queue_noop: %s\n", e->message);
    exit(1); /* NOLINT(concurrency-mt-unsafe): nothing to clean up */
}

/* --- putting ---------------------------------------------------------------------------------- */

struct many {
    struct bench *b;
    size_t from;
    size_t n;
};

static enum status put_many(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct many *m = ctx;
    struct job_put *puts = arena_array_of(&a, m->n, struct job_put);

    for (size_t i = 0; i < m->n; i++) {
        puts[i] = (struct job_put){.tenant = m->b->tenant,
                                   .kind = m->b->kind,
                                   .priority = m->b->priority,
                                   .payload = arena_printf(&a, "{\"id\":%zu}", m->from + i)};
        if (m->b->lanes > 0)
            puts[i].lane = arena_printf(&a, "lane %zu", (m->from + i) % m->b->lanes);
    }
    return queue_put_many(tx, puts, m->n, e);
}

static enum status put_one(struct tx *tx, void *ctx, struct err *e) {
    const struct bench *b = ctx;

    return queue_put(tx,
                     (struct job_put){.tenant = b->neighbour,
                                      .kind = "noop",
                                      .priority = QUEUE_DIRECT,
                                      .payload = STR("{\"id\":1}")},
                     NULL, e);
}

static void *putter(void *arg) {
    struct bench *b = arg;

    while (atomic_fetch_sub(&b->left, 1) > 0) {
        struct err e = ERR_INIT;

        check(db_write(b->db, DB_TENANT(b->neighbour), put_one, b, &e), &e);
    }
    return NULL;
}

/* --- measuring -------------------------------------------------------------------------------- */

static struct queue *start(struct bench *b) {
    struct queue_options options = {.db = b->db,
                                    .kinds = kinds,
                                    .n_kinds = ARRAY_LEN(kinds),
                                    .workers = b->workers,
                                    .run_jobs = true};
    struct err e = ERR_INIT;
    struct queue *q = NULL;

    check(queue_start(options, &q, &e), &e);
    return q;
}

static enum status depth(struct tx *tx, void *ctx, struct err *e) {
    return queue_depth(tx, (struct tenant_id){0}, ctx, e);
}

static void await_empty(struct bench *b) {
    struct queue_depth d = {.ready = 1};

    await();
    while (d.ready + d.running > 0) {
        struct err e = ERR_INIT;

        check(db_read(b->db, DB_SYSTEM, depth, &d, &e), &e);
    }
}

static double seconds_since(int64_t from_ns) {
    return (double)(clock_mono_ns() - from_ns) / 1e9;
}

static void put_all(struct bench *b) {
    for (size_t i = 0; i < b->jobs; i += CHUNK) {
        struct many m = {b, i, b->jobs - i < CHUNK ? b->jobs - i : CHUNK};
        struct err e = ERR_INIT;

        check(db_write(b->db, DB_TENANT(b->tenant), put_many, &m, &e), &e);
    }
}

static void bulk(struct bench *b) {
    int64_t from_ns = clock_mono_ns();
    double put_s, run_s;
    struct queue *q;

    put_all(b);
    put_s = seconds_since(from_ns);
    expect((int64_t)b->jobs);
    from_ns = clock_mono_ns();
    q = start(b);
    await_empty(b);
    run_s = seconds_since(from_ns);
    queue_stop(q, 1000);
    (void)printf("bulk jobs=%zu workers=%u lanes=%zu put=%.0f/s drain=%.0f/s both=%.0f/s\n",
                 b->jobs, b->workers, b->lanes, (double)b->jobs / put_s, (double)b->jobs / run_s,
                 (double)b->jobs / (put_s + run_s));
}

static void live(struct bench *b) {
    pthread_t threads[MAX_PUTTERS];
    struct queue *q = start(b);
    int64_t from_ns = clock_mono_ns();
    double put_s, run_s;

    b->left = (int64_t)b->jobs;
    expect((int64_t)b->jobs);
    for (unsigned i = 0; i < b->putters; i++)
        if (pthread_create(&threads[i], NULL, putter, b) != 0)
            exit(1); /* NOLINT(concurrency-mt-unsafe) */
    for (unsigned i = 0; i < b->putters; i++)
        (void)pthread_join(threads[i], NULL);
    put_s = seconds_since(from_ns);
    await_empty(b);
    run_s = seconds_since(from_ns);
    queue_stop(q, 1000);
    (void)printf("live jobs=%zu workers=%u putters=%u put=%.0f/s end-to-end=%.0f/s\n", b->jobs,
                 b->workers, b->putters, (double)b->jobs / put_s, (double)b->jobs / run_s);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* From the put's commit to the handler's start, and the whole way including the put. */
static void one(struct bench *b, const char *title) {
    static double pickup_ms[ONE_BY_ONE], whole_ms[ONE_BY_ONE];
    struct queue *q = start(b);
    double sum = 0;

    for (size_t i = 0; i < ONE_BY_ONE; i++) {
        int64_t from_ns = clock_mono_ns(), put_ns;
        struct err e = ERR_INIT;

        expect(1);
        check(db_write(b->db, DB_TENANT(b->neighbour), put_one, b, &e), &e);
        put_ns = clock_mono_ns();
        await();
        pickup_ms[i] = (double)(count.last_run_ns - put_ns) / 1e6;
        whole_ms[i] = (double)(count.last_run_ns - from_ns) / 1e6;
        sum += pickup_ms[i];
    }
    queue_stop(q, 1000);
    qsort(pickup_ms, ONE_BY_ONE, sizeof(double), by_value);
    qsort(whole_ms, ONE_BY_ONE, sizeof(double), by_value);
    (void)printf("%s jobs=%d pickup avg=%.2f p50=%.2f p99=%.2f max=%.2f ms,"
                 " put+pickup p50=%.2f p99=%.2f ms\n",
                 title, ONE_BY_ONE, sum / ONE_BY_ONE, pickup_ms[ONE_BY_ONE / 2],
                 pickup_ms[ONE_BY_ONE * 99 / 100], pickup_ms[ONE_BY_ONE - 1],
                 whole_ms[ONE_BY_ONE / 2], whole_ms[ONE_BY_ONE * 99 / 100]);
}

/* Replies of one tenant while another's campaign of JOBS is under way. */
static void noisy(struct bench *b) {
    b->kind = "slow";
    b->priority = QUEUE_BULK;
    put_all(b);
    one(b, "noisy");
}

static size_t number(int argc, char **argv, int i, size_t otherwise) {
    int64_t n;

    if (i >= argc)
        return otherwise;
    return str_parse_i64(str_of(argv[i]), 0, 100000000, &n) ? (size_t)n : otherwise;
}

static enum status clear(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return DB_EXEC(tx, DB_SQL("DELETE FROM jobs"), NULL, e);
}

int main(int argc, char **argv) {
    struct bench b = {.jobs = number(argc, argv, 2, 100000),
                      .workers = (unsigned)number(argc, argv, 3, 4),
                      .lanes = number(argc, argv, 4, 0),
                      .putters = (unsigned)number(argc, argv, 5, MAX_PUTTERS),
                      .tenant = {uuid_new()},
                      .neighbour = {uuid_new()},
                      .kind = "noop",
                      .priority = QUEUE_NORMAL};
    struct err e = ERR_INIT;
    int64_t applied;

    if (argc < 2 || b.putters > MAX_PUTTERS) {
        (void)fprintf(stderr,
                      "usage: queue_noop URL [JOBS] [WORKERS] [LANES] [PUTTERS, up to 64]\n");
        return 2;
    }
    check(crypto_init(&e), &e);
    check(db_open((struct db_options){str_of(argv[1]), CONNECTIONS, 30000, NULL}, &b.db, &e), &e);
    check(db_migrate(b.db, &applied, &e), &e);
    check(db_write(b.db, DB_SYSTEM, clear, NULL, &e), &e);
    bulk(&b);
    if (b.lanes == 0 && b.putters > 0) {
        live(&b);
        one(&b, "one ");
        noisy(&b);
    }
    db_close(b.db);
    return 0;
}
