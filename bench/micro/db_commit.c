/* db_commit.c - what a transaction costs on either engine: db_commit URL [SECONDS]. The database
 * must be empty; a table is made in it.
 *
 * write: threads that insert one row a db_write. submit: 256 of the same under way by db_submit.
 * rows: threads that insert 64 or 256 rows a transaction by db_exec_rows. read: threads that read
 * one row by its key.
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/db.h"
#include "db/migrations.h"

enum { MAX_THREADS = 64, MAX_ROWS = 256, COLUMNS = 4, IN_FLIGHT = 256, BODY_BYTES = 300 };

static const char schema[] =
    "CREATE TABLE bench_rows (tenant_id UUID NOT NULL, id UUID NOT NULL, at BIGINT NOT NULL,"
    " body BYTEA NOT NULL, PRIMARY KEY (tenant_id, id));\n"
    "-- @tenant_table bench_rows\n";

static const struct db_sql insert_one =
    DB_SQL("INSERT INTO bench_rows (tenant_id, id, at, body) VALUES ($1, $2, $3, $4)");
static const struct db_sql insert_rows =
    DB_SQL2("INSERT INTO bench_rows (tenant_id, id, at, body) VALUES ($1, $2, $3, $4)",
            "INSERT INTO bench_rows (tenant_id, id, at, body)"
            " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bytea[])");
static const struct db_sql read_one =
    DB_SQL("SELECT at, body FROM bench_rows WHERE tenant_id = $1 AND id = $2");

static struct db *db;
static struct tenant_id tenant;
static struct uuid known_id;
static char body[BODY_BYTES];
static _Atomic bool is_over;

struct task {
    pthread_t thread;
    tx_fn fn;
    bool is_read;
    size_t rows;
    int64_t n;
};

/* --- what a transaction does ----------------------------------------------------------------- */

static struct str body_str(void) {
    return (struct str){.ptr = body, .len = sizeof(body)};
}

static enum status write_one(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return DB_EXEC(tx, insert_one, NULL, e, V_UUID(tenant.v), V_UUID(uuid_new()), V_I64(1),
                   V_BYTES(body_str()));
}

static enum status write_rows(struct tx *tx, void *ctx, struct err *e) {
    const struct task *task = ctx;
    struct db_val vals[MAX_ROWS * COLUMNS];

    for (size_t i = 0; i < task->rows; i++) {
        vals[i * COLUMNS] = V_UUID(tenant.v);
        vals[i * COLUMNS + 1] = V_UUID(uuid_new());
        vals[i * COLUMNS + 2] = V_I64(1);
        vals[i * COLUMNS + 3] = V_BYTES(body_str());
    }
    return db_exec_rows(tx, insert_rows, vals, task->rows, COLUMNS, NULL, e);
}

static enum status find_one(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows rows;

    (void)ctx;
    return DB_QUERY(&a, tx, read_one, &rows, e, V_UUID(tenant.v), V_UUID(known_id));
}

/* --- running --------------------------------------------------------------------------------- */

static void check(enum status st, const struct err *e) {
    if (st == ST_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", status_name(st), e->message);
    exit(1); /* NOLINT(concurrency-mt-unsafe): nothing is to be saved */
}

static void *run_task(void *arg) {
    struct task *task = arg;

    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        struct err e = ERR_INIT;

        check((task->is_read ? db_read : db_write)(db, DB_TENANT(tenant), task->fn, task, &e), &e);
        task->n++;
    }
    return NULL;
}

static void report(const char *what, unsigned threads, size_t rows, int64_t n, int64_t ns,
                   struct db_counts before) {
    struct db_counts after = db_counts(db);
    int64_t commits = after.commits - before.commits;
    double seconds = (double)ns / 1e9;

    printf("%-7s threads %2u rows %3zu: %8.0f tx/s %9.0f rows/s", what, threads, rows,
           (double)n / seconds, (double)n * (double)rows / seconds);
    if (commits > 0)
        printf("  %5.1f tx a commit",
               (double)(after.transactions - before.transactions) / (double)commits);
    printf("\n");
    (void)fflush(stdout);
}

static void run(const char *what, unsigned threads, struct task task, double seconds) {
    struct timespec ts = {.tv_sec = (time_t)seconds,
                          .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    struct db_counts before = db_counts(db);
    struct task tasks[MAX_THREADS];
    int64_t begin_ns = clock_mono_ns();
    int64_t n = 0;

    atomic_store(&is_over, false);
    for (unsigned i = 0; i < threads; i++) {
        tasks[i] = task;
        if (pthread_create(&tasks[i].thread, NULL, run_task, &tasks[i]) != 0)
            exit(1); /* NOLINT(concurrency-mt-unsafe) */
    }
    (void)nanosleep(&ts, NULL);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(tasks[i].thread, NULL);
        n += tasks[i].n;
    }
    report(what, threads, task.rows, n, clock_mono_ns() - begin_ns, before);
}

/* --- submitted ------------------------------------------------------------------------------- */

static sem_t slots;
static _Atomic int64_t n_done;

static void note_done(void *ctx, enum status st, const struct err *e) {
    (void)ctx;
    check(st, e);
    atomic_fetch_add(&n_done, 1);
    (void)sem_post(&slots);
}

static void run_submit(double seconds) {
    struct db_counts before = db_counts(db);
    int64_t begin_ns = clock_mono_ns();
    int64_t until_ns = begin_ns + (int64_t)(seconds * 1e9);

    (void)sem_init(&slots, 0, IN_FLIGHT);
    atomic_store(&n_done, 0);
    while (clock_mono_ns() < until_ns) {
        (void)sem_wait(&slots);
        db_submit(db, DB_TENANT(tenant), write_one, note_done, NULL);
    }
    for (int i = 0; i < IN_FLIGHT; i++)
        (void)sem_wait(&slots);
    report("submit", 1, 1, n_done, clock_mono_ns() - begin_ns, before);
}

static void open_db(const char *url) {
    struct migration_file file = {
        .number = 1,
        .name = "bench",
        .engine = "",
        .sql = schema,
        .len = sizeof(schema) - 1,
        .sha256 = "0",
    };
    struct err e = ERR_INIT;

    check(db_open((struct db_options){.url = str_of(url), .connections = 16, .timeout_ms = 10000},
                  &db, &e),
          &e);
    check(db_migrate_files(db, &file, 1, NULL, &e), &e);
}

static enum status write_known(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return DB_EXEC(tx, insert_one, NULL, e, V_UUID(tenant.v), V_UUID(known_id), V_I64(1),
                   V_BYTES(body_str()));
}

int main(int argc, char **argv) {
    static const unsigned threads[] = {1, 2, 4, 16, 64};
    static const size_t rows[] = {64, 256};
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
    struct err e = ERR_INIT;

    if (argc < 2)
        return 2;
    tenant.v = uuid_new();
    known_id = uuid_new();
    open_db(argv[1]);
    check(db_write(db, DB_TENANT(tenant), write_known, NULL, &e), &e);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        run("write", threads[i], (struct task){.fn = write_one, .rows = 1}, seconds);
    run_submit(seconds);
    for (size_t i = 0; i < 4; i++)
        run("rows", i < 2 ? 1 : 2, (struct task){.fn = write_rows, .rows = rows[i % 2]}, seconds);
    for (size_t i = 0; i < 4; i++)
        run("read", threads[i], (struct task){.fn = find_one, .rows = 1, .is_read = true}, seconds);
    db_close(db);
    return 0;
}
