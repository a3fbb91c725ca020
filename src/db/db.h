/* db.h - one interface, two engines: SQLite (one file, one process) and PostgreSQL (many nodes).
 *
 * Transactions are functions. db_write() runs fn inside a transaction; it may run fn more than once
 * (lost serialisation, deadlock, broken connection before the commit), so fn has no effects outside
 * the transaction and starts by setting its results anew. On SQLite one writer thread runs many
 * callers' functions in one commit, each in a savepoint: one fsync serves all (group commit). On
 * PostgreSQL each runs on a pooled connection. Readers never wait for writers.
 *
 * Every transaction names its scope: a tenant, or the system. On PostgreSQL the scope is set for
 * the transaction and row-level security holds every statement to it; on both engines the
 * statements filter on tenant_id themselves.
 *
 * SQL is one text for both engines with $1…$n placeholders wherever it can be; DB_SQL2 gives a pair
 * where it cannot. A cast of a placeholder, "$1::bigint", is read by both.
 *
 * Any thread may call anything here; a struct tx belongs to the function it was given to. Inside a
 * transaction db_write and db_read assert: they would wait for themselves.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "log/log.h"

struct db;
struct tx;

enum db_engine { DB_SQLITE, DB_POSTGRES };

struct db_options {
    /* "sqlite:PATH" ("sqlite::memory:" is refused) or "postgresql://…" with libpq's parameters. A
     * pooler in between must give each connection a session of its own. */
    struct str url;
    unsigned connections;      /* PostgreSQL: pool size; SQLite: readers; 0: 1 */
    uint32_t timeout_ms;       /* longest wait for a connection or a lock; 0: 5,000 */
    const struct log_ctx *log; /* outlives the db; may be NULL */
};

/* --- life ------------------------------------------------------------------------------------ */

/* Opens and pings. ST_UNAVAILABLE: server or file not reachable; ST_INVALID: URL not understood;
 * ST_BROKEN: the file is no database. Does not migrate. */
enum status db_open(struct db_options options, struct db **ret, struct err *e) ATTR_MUST_CHECK;
/* Runs what was submitted, sends what was notified, then closes. No transaction may start
 * meanwhile. */
void db_close(struct db *db);
void db_close_p(struct db **db);
enum db_engine db_engine(const struct db *db);
/* The URL without password, for people. */
struct str db_describe(struct arena *a, const struct db *db);
/* One trivial statement through the pool, for /readyz and doctor. */
enum status db_ping(struct db *db, struct err *e) ATTR_MUST_CHECK;

/* What happened since db_open, for tests and benchmarks; the process' metrics hold the same. */
struct db_counts {
    int64_t transactions; /* committed */
    int64_t commits;      /* one may hold many transactions */
    int64_t retries;
    int64_t pool_waits;
};
struct db_counts db_counts(const struct db *db);

/* --- migrations ------------------------------------------------------------------------------ */

struct db_migration_state {
    int64_t schema;  /* newest migration in the database; 0: none */
    int64_t program; /* newest migration this program knows */
};

enum status db_migration_state(struct db *db, struct db_migration_state *ret, struct err *e)
    ATTR_MUST_CHECK;
/* Applies what is missing, each in its own transaction, under a lock that makes parallel starters
 * wait. Idempotent. ST_CONFLICT: the database is newer than the program (the message says what to
 * do); ST_BROKEN: an applied migration's text has changed, or one failed and was undone. On
 * PostgreSQL also keeps the role "prosa_app" that row-level security binds and under which all
 * ordinary transactions run (SET ROLE per connection), with its grants; ST_DENIED: the user may not
 * make that role. What migrations may say: db/migrations.h. */
enum status db_migrate(struct db *db, int64_t *ret_applied, struct err *e) ATTR_MUST_CHECK;

/* --- transactions ---------------------------------------------------------------------------- */

struct db_scope {
    bool is_system;
    struct tenant_id tenant;
};
#define DB_SYSTEM     ((struct db_scope){.is_system = true})
#define DB_TENANT(id) ((struct db_scope){.tenant = (id)})

typedef enum status (*tx_fn)(struct tx *tx, void *ctx, struct err *e);

/* Runs fn and commits; a status other than ST_OK from fn rolls back and comes back as it is. When
 * db_write returns ST_OK the effects are durable. ST_UNAVAILABLE: database away or disk full,
 * nothing happened. ST_UNCERTAIN: the connection broke during the commit. On PostgreSQL fn must not
 * pause for 8 s between two statements: the server would take its locks away. */
enum status db_write(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e)
    ATTR_MUST_CHECK;
/* Runs fn on a reader; it sees one snapshot and must not write. Run again only as long as no
 * statement was answered, so fn may pass on what it reads. */
enum status db_read(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e)
    ATTR_MUST_CHECK;

/* Around work that writes very much, such as an import; counted, from any thread. SQLite then keeps more of the file in memory (24 MB)
 * and lets its log grow longer, so that a page that changes with every transaction is written to the file once and not each time.
 * What is promised of a commit stays the same. */
void db_bulk_begin(struct db *db);
void db_bulk_end(struct db *db);

/* As db_write, without waiting: done is called exactly once, from a thread of db's, after the
 * commit or the failure; it must be short and not call db_write. What several threads submit shares
 * commits; which order it runs in is not promised. */
typedef void (*db_done_fn)(void *ctx, enum status st, const struct err *e);
void db_submit(struct db *db, struct db_scope scope, tx_fn fn, db_done_fn done, void *ctx);

/* Calls fn after the surrounding transaction has committed, from the committing thread; never when
 * it is rolled back. For wake-ups: short, no database. arg must live that long (static or
 * reference-counted). */
void tx_after_commit(struct tx *tx, void (*fn)(void *arg), void *arg);
/* The database the transaction runs in, for tx_after_commit hooks that notify. */
struct db *tx_db(const struct tx *tx);
enum db_engine tx_engine(const struct tx *tx);
/* Scope the transaction runs in. */
struct db_scope tx_scope(const struct tx *tx);
/* Switches a transaction that began in system scope to a tenant's or back, for batches over several
 * tenants. A savepoint that is undone takes its switches along. */
enum status tx_set_scope(struct tx *tx, struct db_scope scope, struct err *e) ATTR_MUST_CHECK;
/* Runs fn in a savepoint: a status other than ST_OK undoes just its effects and comes back. */
enum status tx_nested(struct tx *tx, tx_fn fn, void *ctx, struct err *e) ATTR_MUST_CHECK;

/* --- statements ------------------------------------------------------------------------------ */

struct db_sql { /* static text, known by its address; prepared once per connection and kept */
    const char *sqlite;
    const char *postgres;
};
#define DB_SQL(text) ((struct db_sql){.sqlite = (text), .postgres = (text)})
#define DB_SQL2(sqlite_text, postgres_text)                                                        \
    ((struct db_sql){.sqlite = (sqlite_text), .postgres = (postgres_text)})

enum db_type { DB_NULL, DB_I64, DB_REAL, DB_TEXT, DB_BYTES, DB_UUID };

/* A value bound or read. What is read of 16 bytes or a UUID stands in both u and s, whatever its
 * type: SQLite cannot always tell them apart. */
struct db_val {
    enum db_type type; /* of the value or, when is_null, the type the parameter has */
    bool is_null;
    int64_t i;
    double r;
    struct str s; /* text (valid UTF-8 without NUL) or bytes */
    struct uuid u;
};
#define V_I64(v)          ((struct db_val){.type = DB_I64, .i = (v)})
#define V_REAL(v)         ((struct db_val){.type = DB_REAL, .r = (v)})
#define V_TEXT(v)         ((struct db_val){.type = DB_TEXT, .s = (v)})
#define V_BYTES(v)        ((struct db_val){.type = DB_BYTES, .s = (v)})
#define V_UUID(v)         ((struct db_val){.type = DB_UUID, .u = (v)})
/* NULL when the id is nil or the text is empty. */
#define V_UUID_OPT(v)     ((struct db_val){.type = DB_UUID, .u = (v), .is_null = uuid_is_nil(v)})
#define V_TEXT_OPT(v)     ((struct db_val){.type = DB_TEXT, .s = (v), .is_null = (v).len == 0})
#define V_I64_OPT(v, has) ((struct db_val){.type = DB_I64, .i = (v), .is_null = !(has)})

struct db_rows { /* a whole result, copied into the caller's arena */
    size_t n;
    size_t columns;
    struct db_val *cells; /* row-major */
};

/* Runs sql with n values, at most 64; *ret_changed (may be NULL) gets the number of rows written.
 * ST_CONFLICT: a key, a check, NOT NULL or a foreign key refused it; err.cause is then the
 * constraint's or index's name, on both engines as PostgreSQL names it ("t_pkey", "t_a_b_key", the
 * name given), "t.column" for NOT NULL, "foreign_key". ST_INVALID: a value does not fit its type.
 * ST_BROKEN: the statement is wrong, or row-level security refused the row. On PostgreSQL a failed
 * statement spoils the transaction: use tx_nested or ON CONFLICT to go on after one. */
enum status db_exec_vals(struct tx *tx, struct db_sql sql, const struct db_val *vals, size_t n,
                         int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;
enum status db_later_vals(struct tx *tx, struct db_sql sql, const struct db_val *vals, size_t n,
                          struct err *e) ATTR_MUST_CHECK;
/* Runs sql and copies its rows into a; at most max_rows (0: 10,000), more is ST_BROKEN. Also for
 * … RETURNING. On PostgreSQL a column of another type than the six (numeric, say) is ST_BROKEN. */
enum status db_query_vals(struct arena *a, struct tx *tx, struct db_sql sql,
                          const struct db_val *vals, size_t n, size_t max_rows, struct db_rows *ret,
                          struct err *e) ATTR_MUST_CHECK;
/* Hands out row by row without keeping them: cells hold until fn returns. fn stops the walk with
 * another status than ST_OK, which comes back; it must not use tx. On PostgreSQL a walk may take a
 * minute, fn's time included. */
typedef enum status (*db_row_fn)(const struct db_val *cells, size_t columns, void *ctx,
                                 struct err *e);
enum status db_each_vals(struct tx *tx, struct db_sql sql, const struct db_val *vals, size_t n,
                         db_row_fn fn, void *ctx, struct err *e) ATTR_MUST_CHECK;
/* Set-based write of n_rows × n_cols values (row-major), the hot path of intake and queue. sqlite
 * text: an ordinary statement with $1…$n_cols, run once per row. postgres text: gets each column as
 * an array, $1 = column 1 …, e.g. "INSERT INTO inbox (id, body) SELECT * FROM unnest($1::uuid[],
 * $2::bytea[])", run once. Column types come from the first row; a column may hold NULLs of its
 * type. At most 64 MB. */
enum status db_exec_rows(struct tx *tx, struct db_sql sql, const struct db_val *vals, size_t n_rows,
                         size_t n_cols, int64_t *ret_changed, struct err *e) ATTR_MUST_CHECK;

/* Rows for db_exec_rows that are put one by one and written DB_SINK_ROWS at a time, so that any number of them takes no
 * more memory than those. What the values point to must hold until db_sink_end, which writes the rest. */
enum { DB_SINK_ROWS = 512 };
struct db_sink {
    struct tx *tx;
    struct db_sql sql;
    size_t n_cols;
    struct arena *arena;
    struct db_val *vals; /* room for DB_SINK_ROWS rows, once there is one */
    size_t n;            /* rows in it */
};
void db_sink_init(struct db_sink *s, struct arena *a, struct tx *tx, struct db_sql sql,
                  size_t n_cols);
/* row: n_cols values, copied. */
enum status db_sink_put(struct db_sink *s, const struct db_val *row, struct err *e) ATTR_MUST_CHECK;
enum status db_sink_end(struct db_sink *s, struct err *e) ATTR_MUST_CHECK;

#define DB_VALS_(...) ((const struct db_val[]){(struct db_val){0}, ##__VA_ARGS__} + 1)
#define DB_N_VALS_(...)                                                                            \
    (sizeof((struct db_val[]){(struct db_val){0}, ##__VA_ARGS__}) / sizeof(struct db_val) - 1)
/* DB_EXEC(tx, sql, &changed or NULL, e, V_UUID(id), V_I64(now)) */
#define DB_EXEC(tx, sql, ret_changed, e, ...)                                                      \
    db_exec_vals((tx), (sql), DB_VALS_(__VA_ARGS__), DB_N_VALS_(__VA_ARGS__), (ret_changed), (e))
/* As DB_EXEC for a write whose outcome nobody asks for: PostgreSQL is not waited for. Its failure comes back from a later
 * statement of the transaction, from the end of the savepoint it is in, or from the commit, with the same status and cause. */
#define DB_LATER(tx, sql, e, ...)                                                                  \
    db_later_vals((tx), (sql), DB_VALS_(__VA_ARGS__), DB_N_VALS_(__VA_ARGS__), (e))
/* DB_QUERY(a, tx, sql, &rows, e, V_UUID(id)) */
#define DB_QUERY(a, tx, sql, ret, e, ...)                                                          \
    db_query_vals((a), (tx), (sql), DB_VALS_(__VA_ARGS__), DB_N_VALS_(__VA_ARGS__), 0, (ret), (e))

/* Cells by row and column; a NULL reads as 0, empty or nil. A column of another type asserts; an
 * integer passes for a real, 16 bytes for a UUID. */
bool db_is_null(const struct db_rows *rows, size_t row, size_t col);
int64_t db_i64(const struct db_rows *rows, size_t row, size_t col);
double db_real(const struct db_rows *rows, size_t row, size_t col);
struct str db_text(const struct db_rows *rows, size_t row, size_t col); /* text or bytes */
struct uuid db_uuid(const struct db_rows *rows, size_t row, size_t col);

/* --- wake-ups across nodes ------------------------------------------------------------------- */

/* Calls fn soon after any process sharing the database called db_notify(channel): from a thread of
 * db's, or from the notifier's own when that is in this process; so fn is short and takes no lock
 * that is held around db_notify. Spurious and coalesced calls happen, lost ones can too (a
 * connection breaks): poll as a fallback. On SQLite only within the process. At most 8 channels (a
 * to z, 0 to 9, _), 16 listeners. A listener stays for as long as db. */
enum status db_listen(struct db *db, const char *channel, void (*fn)(void *ctx), void *ctx,
                      struct err *e) ATTR_MUST_CHECK;
/* Wakes the listeners of this process at once and those of other nodes within some milliseconds
 * (coalesced; sent on a connection of its own, never inside a transaction). Cheap enough to call
 * after every commit. */
void db_notify(struct db *db, const char *channel);
