/* db.c - the front: chooses the engine, and holds what is the same for both.
 * Invariants: 1. A thread is in at most one transaction (db_run). 2. tx->hooks is as long as what
 * is still to be committed: a rolled back savepoint cuts its own hooks off.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/db.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "db/engine.h"
#include "stats/stats.h"

static struct stats_counter commits_total =
    STATS_COUNTER("prosa_db_commits_total", "Commits made; one may hold many transactions.");
static struct stats_counter transactions_total =
    STATS_COUNTER("prosa_db_transactions_total", "Transactions committed.");
static struct stats_counter retries_total = STATS_COUNTER(
    "prosa_db_retries_total", "Transactions run again after a lost serialisation or connection.");
static struct stats_counter waits_total =
    STATS_COUNTER("prosa_db_pool_waits_total", "Times a transaction waited for a free connection.");

/* --- life ------------------------------------------------------------------------------------ */

enum status db_open(struct db_options options, struct db **ret, struct err *e) {
    if (options.connections == 0)
        options.connections = 1;
    if (options.timeout_ms == 0)
        options.timeout_ms = 5000;
    if (str_starts(options.url, STR("sqlite:")))
        return sqlite_open(options, ret, e);
    if (str_starts(options.url, STR("postgresql://")) ||
        str_starts(options.url, STR("postgres://")))
        return postgres_open(options, ret, e);
    FAIL(e, ST_INVALID,
         "could not open the database: its URL starts neither with sqlite: nor with postgresql://");
}

void db_init(struct db *db, const struct db_engine_ops *ops, struct db_options options) {
    db->ops = ops;
    db->options = options;
    db->options.url = arena_str(&db->arena, options.url);
    (void)pthread_mutex_init(&db->listeners.lock, NULL);
}

void db_done(struct db *db) {
    (void)pthread_mutex_destroy(&db->listeners.lock);
    arena_done(&db->arena);
}

void db_close(struct db *db) {
    if (db)
        db->ops->close(db);
}

void db_close_p(struct db **db) {
    db_close(*db);
}

enum db_engine db_engine(const struct db *db) {
    return db->ops->engine;
}

struct str db_describe(struct arena *a, const struct db *db) {
    return arena_str(a, db->described);
}

static enum status ping(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return DB_EXEC(tx, DB_SQL("SELECT 1"), NULL, e);
}

enum status db_ping(struct db *db, struct err *e) {
    return db_read(db, DB_SYSTEM, ping, NULL, e);
}

/* --- much at once ---------------------------------------------------------------------------- */

void db_bulk_begin(struct db *db) {
    atomic_fetch_add_explicit(&db->bulks, 1, memory_order_relaxed);
}

void db_bulk_end(struct db *db) {
    int before = atomic_fetch_sub_explicit(&db->bulks, 1, memory_order_relaxed);

    assert(before > 0);
}

/* --- counting -------------------------------------------------------------------------------- */

void db_count_commit(struct db *db) {
    atomic_fetch_add_explicit(&db->counters.commits, 1, memory_order_relaxed);
    stats_add(&commits_total, 1);
}

void db_count_transactions(struct db *db, size_t n) {
    atomic_fetch_add_explicit(&db->counters.transactions, (int64_t)n, memory_order_relaxed);
    stats_add(&transactions_total, (int64_t)n);
}

void db_count_retry(struct db *db) {
    atomic_fetch_add_explicit(&db->counters.retries, 1, memory_order_relaxed);
    stats_add(&retries_total, 1);
}

void db_count_wait(struct db *db) {
    atomic_fetch_add_explicit(&db->counters.waits, 1, memory_order_relaxed);
    stats_add(&waits_total, 1);
}

struct db_counts db_counts(const struct db *db) {
    return (struct db_counts){
        .transactions = atomic_load(&db->counters.transactions),
        .commits = atomic_load(&db->counters.commits),
        .retries = atomic_load(&db->counters.retries),
        .pool_waits = atomic_load(&db->counters.waits),
    };
}

/* --- transactions ---------------------------------------------------------------------------- */

static _Thread_local bool thread_is_in_tx;
static _Thread_local bool thread_is_ours;

void db_mark_thread(void) {
    thread_is_ours = true;
}

enum status db_run(struct tx *tx, tx_fn fn, void *ctx, struct err *e) {
    enum status st;

    tx->is_system = tx->scope.is_system;
    thread_is_in_tx = true;
    st = fn(tx, ctx, e);
    thread_is_in_tx = false;
    return st;
}

enum status db_write(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e) {
    assert(!thread_is_in_tx && "db_write inside a transaction: use tx_nested");
    assert(!thread_is_ours && "db_write in a callback of db's: use db_submit");
    return db->ops->write(db, scope, fn, ctx, e);
}

enum status db_read(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e) {
    assert(!thread_is_in_tx && "db_read inside a transaction: read through its tx");
    return db->ops->read(db, scope, fn, ctx, e);
}

void db_submit(struct db *db, struct db_scope scope, tx_fn fn, db_done_fn done, void *ctx) {
    db->ops->submit(db, scope, fn, done, ctx);
}

enum db_engine tx_engine(const struct tx *tx) {
    return tx->db->ops->engine;
}

struct db *tx_db(const struct tx *tx) {
    return tx->db;
}

struct db_scope tx_scope(const struct tx *tx) {
    return tx->scope;
}

static bool is_same_scope(struct db_scope a, struct db_scope b) {
    return a.is_system == b.is_system && (a.is_system || uuid_eq(a.tenant.v, b.tenant.v));
}

enum status tx_set_scope(struct tx *tx, struct db_scope scope, struct err *e) {
    if (!tx->is_system)
        FAIL(e, ST_BROKEN, "could not change the scope of a transaction: it is one tenant's");
    if (is_same_scope(tx->scope, scope))
        return ST_OK;
    tx->scope = scope;
    return tx->db->ops->set_scope(tx, e);
}

static enum status nested_undo(struct tx *tx, struct db_scope scope, size_t n_hooks,
                               struct err *e) {
    tx->scope = scope;
    tx->hooks->n = n_hooks;
    return tx->db->ops->rollback_to(tx, e);
}

enum status tx_nested(struct tx *tx, tx_fn fn, void *ctx, struct err *e) {
    const struct db_engine_ops *ops = tx->db->ops;
    struct db_scope scope = tx->scope;
    size_t n_hooks = tx->hooks->n;
    enum status st;

    assert(tx->depth < DB_MAX_DEPTH && "savepoints nested without end");
    TRY(ops->savepoint(tx, e));
    tx->depth++;
    st = fn(tx, ctx, e);
    tx->depth--;
    if (st == ST_OK)
        st = ops->release(tx, e);
    if (st != ST_OK) {
        /* The first cause is in e; that the savepoint is gone too (a broken connection) says
         * nothing new. */
        struct err ignored = ERR_INIT;
        (void)nested_undo(tx, scope, n_hooks, &ignored);
    }
    return st;
}

/* --- after-commit hooks ---------------------------------------------------------------------- */

void tx_after_commit(struct tx *tx, void (*fn)(void *arg), void *arg) {
    db_hooks_add(tx->hooks, (struct db_hook){.fn = fn, .arg = arg});
}

void db_hooks_add(struct db_hooks *hooks, struct db_hook hook) {
    if (hooks->n == hooks->cap) {
        size_t cap = hooks->cap ? hooks->cap * 2 : 8;
        struct db_hook *items = reallocarray(hooks->items, cap, sizeof(*items));

        if (!items)
            abort(); /* as arena_alloc: the queue is durable, a crash loses nothing */
        hooks->items = items;
        hooks->cap = cap;
    }
    hooks->items[hooks->n++] = hook;
}

void db_hooks_run(struct db_hooks *hooks) {
    for (size_t i = 0; i < hooks->n; i++)
        hooks->items[i].fn(hooks->items[i].arg);
    hooks->n = 0;
}

void db_hooks_done(struct db_hooks *hooks) {
    free(hooks->items);
    *hooks = (struct db_hooks){0};
}

/* --- statements ------------------------------------------------------------------------------ */

/* A text on SQLite may hold anything; PostgreSQL refuses NUL. One rule for both. */
static enum status check_vals(const struct tx *tx, const struct db_val *vals, size_t n,
                              struct err *e) {
    if (tx->is_walking)
        FAIL(e, ST_BROKEN, "could not run a statement: the rows of another are being walked");
    for (size_t i = 0; i < n; i++)
        if (vals[i].type == DB_TEXT && !vals[i].is_null && vals[i].s.len > 0 &&
            memchr(vals[i].s.ptr, '\0', vals[i].s.len))
            FAIL(e, ST_INVALID, "text with a NUL byte");
    return ST_OK;
}

static enum status check_call(const struct tx *tx, const struct db_val *vals, size_t n,
                              struct err *e) {
    if (n > DB_MAX_PARAMS)
        FAIL(e, ST_BROKEN, "could not run a statement of %zu values: at most %d", n, DB_MAX_PARAMS);
    return check_vals(tx, vals, n, e);
}

static struct db_call call_of(const struct tx *tx, struct db_sql sql, const struct db_val *vals,
                              size_t n) {
    const char *text = tx_engine(tx) == DB_SQLITE ? sql.sqlite : sql.postgres;

    return (struct db_call){.sql = text, .vals = vals, .n = n};
}

enum status db_exec_vals(struct tx *tx, struct db_sql sql, const struct db_val *vals, size_t n,
                         int64_t *ret_changed, struct err *e) {
    int64_t changed = 0;

    TRY(check_call(tx, vals, n, e));
    TRY(tx->db->ops->exec(tx, call_of(tx, sql, vals, n), &changed, e));
    if (ret_changed)
        *ret_changed = changed;
    return ST_OK;
}

enum status db_later_vals(struct tx *tx, struct db_sql sql, const struct db_val *vals, size_t n,
                          struct err *e) {
    if (!tx->db->ops->later)
        return db_exec_vals(tx, sql, vals, n, NULL, e);
    TRY(check_call(tx, vals, n, e));
    return tx->db->ops->later(tx, call_of(tx, sql, vals, n), e);
}

enum status db_query_vals(struct arena *a, struct tx *tx, struct db_sql sql, /* NOLINT: 8 in all */
                          const struct db_val *vals, size_t n, size_t max_rows, struct db_rows *ret,
                          struct err *e) {
    struct db_rows rows = {0};

    TRY(check_call(tx, vals, n, e));
    if (max_rows == 0)
        max_rows = DB_MAX_ROWS;
    TRY(tx->db->ops->query(a, tx, call_of(tx, sql, vals, n), max_rows, &rows, e));
    *ret = rows;
    return ST_OK;
}

enum status db_each_vals(struct tx *tx, struct db_sql sql, const struct db_val *vals, size_t n,
                         db_row_fn fn, void *ctx, struct err *e) {
    enum status st;

    TRY(check_call(tx, vals, n, e));
    tx->is_walking = true;
    st = tx->db->ops->each(tx, call_of(tx, sql, vals, n), fn, ctx, e);
    tx->is_walking = false;
    return st;
}

/* Types come from the first row and must hold for all: PostgreSQL's arrays have one type each. */
static enum status check_batch(const struct tx *tx, const struct db_val *vals, size_t n_rows,
                               size_t n_cols, struct err *e) {
    size_t n_bytes = 0;

    if (n_cols == 0 || n_cols > DB_MAX_PARAMS)
        FAIL(e, ST_BROKEN, "could not write rows of %zu columns: 1 to %d", n_cols, DB_MAX_PARAMS);
    for (size_t i = 0; i < n_rows * n_cols; i++) {
        if (vals[i].type != vals[i % n_cols].type || vals[i].type == DB_NULL)
            FAIL(e, ST_BROKEN, "could not write rows: column %zu has no type or more than one",
                 i % n_cols + 1);
        n_bytes += vals[i].s.len;
    }
    if (n_bytes > DB_MAX_ROWS_BYTES)
        FAIL(e, ST_INVALID, "could not write %zu rows at once: %zu bytes", n_rows, n_bytes);
    return check_vals(tx, vals, n_rows * n_cols, e);
}

enum status db_exec_rows(struct tx *tx, struct db_sql sql, const struct db_val *vals, size_t n_rows,
                         size_t n_cols, int64_t *ret_changed, struct err *e) {
    struct db_batch batch = {
        .sql = tx_engine(tx) == DB_SQLITE ? sql.sqlite : sql.postgres,
        .vals = vals,
        .n_rows = n_rows,
        .n_cols = n_cols,
    };
    int64_t changed = 0;

    if (n_rows > 0) {
        TRY(check_batch(tx, vals, n_rows, n_cols, e));
        TRY(tx->db->ops->exec_rows(tx, batch, &changed, e));
    }
    if (ret_changed)
        *ret_changed = changed;
    return ST_OK;
}
