/* sqlite_engine.h - the parts of the SQLite engine among themselves; private to db/.
 *
 *   callers ── queue ──▶ writer thread ── one connection, BEGIN IMMEDIATE … COMMIT
 *   readers ── pool  ──▶ N read-only connections, one deferred transaction each
 *
 * A connection is used by one thread at a time, so SQLite's own mutexes are off.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>

#include "base/buf.h"
#include "base/list.h"
#include "db/engine.h"

struct sqlite_stmt { /* a prepared statement of one connection, found by the address of its text */
    const char *sql;
    sqlite3_stmt *handle;
    sqlite3_stmt
        *many; /* the same for SQLITE_ROWS_AT_ONCE rows; NULL: not asked for yet, or has_no_many */
    bool has_no_many;
    uint8_t *numbers; /* numbers[i]: the n of "$n" that SQLite's parameter i + 1 is named after */
    int n_params;
    unsigned max_number;
    uint64_t used_at; /* tick of the last use; the oldest is dropped when the table is full */
};

enum {
    SQLITE_STMT_SLOTS = 512, /* power of two, open addressing */
    SQLITE_STMT_MAX = 256,
    SQLITE_ROWS_AT_ONCE = 32,
};

enum sqlite_control {
    CONTROL_BEGIN,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
    CONTROL_SAVE,
    CONTROL_RELEASE,
    CONTROL_UNDO,
    CONTROL_N_CONTROLS
};

/* What db_bulk_begin changes and db_bulk_end changes back. */
#define SQLITE_WRITER_SETTINGS                                                                     \
    "PRAGMA cache_size=-4096;"                                                                     \
    "PRAGMA journal_size_limit=16777216;"

struct sqlite_conn {
    sqlite3 *handle;
    sqlite3_stmt *controls[CONTROL_N_CONTROLS];
    struct sqlite_stmt *slots[SQLITE_STMT_SLOTS];
    size_t n_stmts;
    uint64_t tick;
    bool is_writer;
    bool
        is_begun; /* BEGIN was done and nobody has ended it: if the engine has, see sqlite_is_lost */
    struct sqlite_conn *next_idle;
};

struct sqlite_readers {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct sqlite_conn *idle;
    unsigned n_open;
};

struct sqlite_writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct list queue; /* of struct write_item */
    bool is_stopping;
    bool is_asleep; /* waits for filled: whoever queues must signal */
    struct sqlite_conn *conn;
    struct db_hooks hooks;
    bool is_bulk;  /* as the page cache was set up last */
    int wal_pages; /* after the last commit */
    int checkpoint_at;
};

struct sqlite_db {
    struct db base;
    const char *path;
    struct sqlite_readers readers;
    struct sqlite_writer writer;
};

struct sqlite_tx {
    struct tx base;
    struct sqlite_conn *conn;
};

/* --- connections (sqlite.c) ------------------------------------------------------------------ */

/* busy_ms: how long a statement waits for another process' lock. */
enum status sqlite_conn_open(const char *path, bool is_writer, uint32_t busy_ms,
                             struct sqlite_conn **ret, struct err *e) ATTR_MUST_CHECK;
void sqlite_conn_close(struct sqlite_conn *conn);
void sqlite_conn_close_p(struct sqlite_conn **conn);
enum status sqlite_control(struct sqlite_conn *conn, enum sqlite_control what, struct err *e);
/* A full disk or an I/O error makes SQLite roll back by itself; whatever ran after that would commit
 * on its own. */
bool sqlite_is_lost(const struct sqlite_conn *conn);
/* Runs statements without values or rows. */
enum status sqlite_script(struct sqlite_conn *conn, const char *sql, struct err *e);
/* Fills e from the connection's last failure, while running `what`; the status fits the code. */
enum status sqlite_fail(struct sqlite_conn *conn, int code, const char *what, struct err *e);

/* --- statements (sqlite_stmt.c) -------------------------------------------------------------- */

void sqlite_stmts_free(struct sqlite_conn *conn);
enum status sqlite_exec(struct tx *tx, struct db_call call, int64_t *ret_changed, struct err *e);
enum status sqlite_query(struct arena *a, struct tx *tx, struct db_call call, size_t max_rows,
                         struct db_rows *ret, struct err *e);
enum status sqlite_each(struct tx *tx, struct db_call call, db_row_fn fn, void *ctx, struct err *e);
enum status sqlite_exec_rows(struct tx *tx, struct db_batch batch, int64_t *ret_changed,
                             struct err *e);

/* --- many rows at once (sqlite_rows.c) ------------------------------------------------------- */

/* The text for n_rows rows made from one for one row of n_cols values; its parameters are ?1 to ?(n_rows * n_cols), row
 * by row. False: sql is no plain INSERT of values, or too long. Whoever got true ends ret with buf_done. */
bool sqlite_rows_text(const char *sql, size_t n_cols, size_t n_rows, struct buf *ret);

/* --- conflicts (sqlite_conflict.c) ----------------------------------------------------------- */

/* The name PostgreSQL would give the constraint that the connection's last message tells of; text
 * that stays. Overwrites that message. */
const char *sqlite_conflict_cause(sqlite3 *handle);

/* --- writer, readers (sqlite_writer.c, sqlite_reader.c) -------------------------------------- */

enum status sqlite_writer_start(struct sqlite_db *db, struct err *e) ATTR_MUST_CHECK;
/* Runs what is queued, then ends the thread. */
void sqlite_writer_stop(struct sqlite_db *db);
enum status sqlite_write(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e);
void sqlite_submit(struct db *db, struct db_scope scope, tx_fn fn, db_done_fn done, void *ctx);

void sqlite_readers_init(struct sqlite_readers *readers);
void sqlite_readers_done(struct sqlite_readers *readers);
enum status sqlite_read(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e);

/* --- migrations (sqlite_migrate.c) ----------------------------------------------------------- */

enum status sqlite_migrator_open(struct db *db, struct db_migrator **ret, struct err *e);
enum status sqlite_migrator_applied(struct arena *a, struct db_migrator *m,
                                    struct db_applied_list *ret, struct err *e);
enum status sqlite_migrator_apply(struct db_migrator *m, const struct db_migration *migration,
                                  struct err *e);
void sqlite_migrator_close(struct db_migrator *m);
