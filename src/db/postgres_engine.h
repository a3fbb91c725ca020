/* postgres_engine.h - the parts of the PostgreSQL engine among themselves; private to db/.
 *
 *   db_write, db_read ── pool ──▶ N connections, each always in libpq's pipeline mode
 *   db_submit ── queue ──▶ committers ──▶ the same pool
 *   db_listen, db_notify ──▶ one thread with a connection of its own
 *
 * BEGIN, the scope and savepoints are not sent when they are asked for but together with the next
 * statement: a transaction of one statement is two round trips, a read of one statement one. A
 * statement that nobody waits for (DB_LATER) is not even sent, but queued: it goes with the next
 * one that somebody waits for, or with the commit.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libpq-fe.h>

#include "base/list.h"
#include "db/engine.h"

/* Oids of pg_type.dat, the same in every PostgreSQL. */
enum {
    PG_BOOL = 16,
    PG_BYTEA = 17,
    PG_CHAR = 18,
    PG_NAME = 19,
    PG_INT8 = 20,
    PG_INT2 = 21,
    PG_INT4 = 23,
    PG_TEXT = 25,
    PG_OID = 26,
    PG_JSON = 114,
    PG_FLOAT4 = 700,
    PG_FLOAT8 = 701,
    PG_BYTEA_ARRAY = 1001,
    PG_TEXT_ARRAY = 1009,
    PG_INT8_ARRAY = 1016,
    PG_FLOAT8_ARRAY = 1022,
    PG_BPCHAR = 1042,
    PG_VARCHAR = 1043,
    PG_VOID = 2278,
    PG_UUID = 2950,
    PG_UUID_ARRAY = 2951,
    PG_JSONB = 3802,
};

/* Statements every connection has prepared, by the names in postgres_conn.c. */
enum pg_control {
    PG_BEGIN,
    PG_BEGIN_READ,
    PG_COMMIT,
    PG_ROLLBACK,
    PG_SAVE,
    PG_RELEASE,
    PG_UNDO,
    PG_SCOPE,
    PG_N_CONTROLS,
};

enum {
    PG_STMT_SLOTS = 1024, /* power of two, open addressing */
    PG_STMT_MAX = 512,    /* a connection with more is closed and opened anew */
    PG_MAX_PENDING = 4 * DB_MAX_DEPTH,
    PG_MAX_UNREAD = 128,
    /* A frozen process must not hold its row locks while others wait to take its work over, and
     * no transaction here waits for anything but the database. */
    PG_IDLE_TX_TIMEOUT_MS = 8000,
};

struct pg_stmt {     /* prepared on one connection as "q<id>" */
    const char *sql; /* NULL: free slot */
    uint64_t types;  /* hash of the parameters' types */
    unsigned id;
    bool is_ready; /* the server has acknowledged it */
};

struct pg_conn {
    PGconn *pq;
    struct pg_stmt stmts[PG_STMT_SLOTS];
    unsigned n_stmts;
    unsigned generation; /* of the pool when it was opened */
    unsigned n_owed;     /* replies to a ROLLBACK that nobody waited for */
    bool is_bare;        /* without the role: there was none yet */
    bool is_lost;
    struct buf arrays; /* db_exec_rows() builds its parameters here */
    struct pg_conn *next_idle;
};

struct pg_pool {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct pg_conn *idle;
    unsigned n_open;
    unsigned
        generation; /* raised by a migration: older connections are closed when they come back */
    unsigned n_failures;   /* connects that failed in a row */
    int64_t down_since_ms; /* first of them */
    int64_t next_try_ms;
    struct err why; /* of the last */
};

struct pg_submit {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct list queue; /* of struct submit_item */
    pthread_t threads[2];
    unsigned n_threads; /* started with the first db_submit() */
    bool is_stopping;
};

struct pg_listen; /* postgres_listen.c */

struct pg_db {
    struct db base;
    const char *url;
    struct pg_pool pool;
    struct pg_submit submit;
    pthread_mutex_t listen_lock;
    struct pg_listen *listen; /* started with the first db_listen() or db_notify() */
};

struct pg_pending { /* a control not sent yet */
    enum pg_control what;
    struct db_scope scope;
};

struct pg_tx {
    struct tx base;
    struct pg_conn *conn;
    struct pg_pending pending[PG_MAX_PENDING];
    size_t n_pending;
    /* Queued with libpq and not yet answered, in order: the text of a statement, NULL for a control. */
    const char *unread[PG_MAX_UNREAD];
    size_t n_unread;
    bool is_begun;   /* BEGIN has been sent */
    bool is_failed;  /* the server refuses all but a rollback */
    bool must_retry; /* the whole transaction: nothing that fn makes of the failure counts */
    bool has_answer; /* fn has seen something */
    struct err why;  /* the failure behind is_failed or must_retry */
};

struct pg_params { /* of one statement, as libpq wants them; points into the values given */
    int n;
    Oid types[DB_MAX_PARAMS];
    const char *values[DB_MAX_PARAMS];
    int lengths[DB_MAX_PARAMS];
    int formats[DB_MAX_PARAMS];
    uint64_t numbers[DB_MAX_PARAMS]; /* in network order */
};

/* --- values (postgres_vals.c) ---------------------------------------------------------------- */

void pg_params_of(const struct db_val *vals, size_t n, struct pg_params *ret);
/* Each column as one array, built in `arrays`. */
enum status pg_params_of_rows(struct buf *arrays, struct db_batch batch, struct pg_params *ret,
                              struct err *e) ATTR_MUST_CHECK;
uint64_t pg_types_hash(const struct pg_params *params);
/* ST_BROKEN: a column has a type that cannot be read. */
enum status pg_check_columns(const PGresult *result, const char *sql, struct err *e)
    ATTR_MUST_CHECK;
/* A view into result; its columns must have been checked. */
struct db_val pg_cell(const PGresult *result, int row, int col);

/* --- connections (postgres_conn.c) ----------------------------------------------------------- */

/* with_role: SET ROLE prosa_app when there is such a role; migrations go without. */
enum status pg_conn_open(struct pg_db *db, bool with_role, struct pg_conn **ret, struct err *e)
    ATTR_MUST_CHECK;
void pg_conn_close(struct pg_conn *conn);
void pg_conn_close_p(struct pg_conn **conn);
/* Queue one statement, without and with parameters; nothing is sent before pg_sync(). */
enum status pg_send_control(struct pg_conn *conn, struct pg_pending control, struct err *e);
/* Ends a round of queued statements and pushes it out. */
enum status pg_sync(struct pg_conn *conn, struct err *e);
/* Next result, or NULL behind a statement's last. */
enum status pg_next(struct pg_conn *conn, PGresult **ret, struct err *e);
/* The one result of a statement. */
enum status pg_reply(struct pg_conn *conn, PGresult **ret, struct err *e);
/* The end of a round. */
enum status pg_reply_sync(struct pg_conn *conn, struct err *e);
/* Fetches what is still owed and looks whether the server has hung up. */
enum status pg_conn_settle(struct pg_conn *conn, struct err *e);
void pg_result_clear_p(PGresult **result);
/* Marks the connection as gone; ST_UNAVAILABLE. */
enum status pg_lose(struct pg_conn *conn, const char *doing, struct err *e);

/* --- what the server's errors mean (postgres_error.c) ---------------------------------------- */

bool pg_is_ok(const PGresult *result);
/* Fills e from a failed result. */
enum status pg_fail(const PGresult *result, const char *what, struct err *e);
/* Lost serialisation or deadlock: the same transaction may well succeed when run again. */
bool pg_is_retryable(const PGresult *result);
/* Another node has migrated meanwhile and a prepared statement no longer fits: the transaction can
 * be run again on a new connection. */
bool pg_is_stale(const PGresult *result);
/* A writer has met a standby: after a failover another connection may find the primary. */
bool pg_is_read_only(const PGresult *result);
/* The server ended the session: whether the last command took effect is not known. */
bool pg_is_fatal(const PGresult *result);

/* --- pool (postgres_pool.c) ------------------------------------------------------------------ */

void pg_pool_init(struct pg_pool *pool);
void pg_pool_done(struct pg_pool *pool);
enum status pg_pool_take(struct pg_db *db, struct pg_conn **ret, struct err *e) ATTR_MUST_CHECK;
void pg_pool_give(struct pg_db *db, struct pg_conn *conn);
/* Connections opened before are not used again. */
void pg_pool_renew(struct pg_db *db);

/* --- transactions (postgres_tx.c) ------------------------------------------------------------ */

enum status pg_write(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e);
/* As pg_write(), but the caller counts the transactions that fn has made one of. */
enum status pg_write_group(struct db *db, struct db_scope scope, tx_fn fn, void *ctx,
                           struct err *e);
enum status pg_read(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e);
enum status pg_set_scope(struct tx *tx, struct err *e);
enum status pg_savepoint(struct tx *tx, struct err *e);
enum status pg_release(struct tx *tx, struct err *e);
enum status pg_rollback_to(struct tx *tx, struct err *e);
/* The transaction's connection or its serialisation is lost. */
void pg_tx_fail(struct pg_tx *tx, bool must_retry, const struct err *why);
/* Queues the controls that wait: they are unread from here on. */
enum status pg_tx_queue_controls(struct pg_tx *tx, struct err *e);

/* --- statements (postgres_stmt.c) ------------------------------------------------------------ */

enum status pg_exec(struct tx *tx, struct db_call call, int64_t *ret_changed, struct err *e);
enum status pg_later(struct tx *tx, struct db_call call, struct err *e);
/* Sends what is queued and takes all answers. */
enum status pg_tx_settle(struct pg_tx *tx, struct err *e);
/* Takes a statement's failure (sql NULL: a control's) over into the transaction and e. */
enum status pg_statement_failed(struct pg_tx *tx, const char *sql, const PGresult *result,
                                struct err *e);
enum status pg_query(struct arena *a, struct tx *tx, struct db_call call, size_t max_rows,
                     struct db_rows *ret, struct err *e);
enum status pg_each(struct tx *tx, struct db_call call, db_row_fn fn, void *ctx, struct err *e);
enum status pg_exec_rows(struct tx *tx, struct db_batch batch, int64_t *ret_changed, struct err *e);

/* --- submitted work, other nodes (postgres_submit.c, postgres_listen.c) ---------------------- */

void pg_submit_init(struct pg_submit *submit);
/* Runs what is queued, then ends the threads. */
void pg_submit_done(struct pg_submit *submit);
void pg_submit_fn(struct db *db, struct db_scope scope, tx_fn fn, db_done_fn done, void *ctx);
enum status pg_listen_add(struct db *db, const char *channel, struct err *e);
void pg_notify(struct db *db, const char *channel);
/* Sends what is to be told, then ends the thread. */
void pg_listen_stop(struct pg_db *db);

/* --- migrations (postgres_migrate.c) --------------------------------------------------------- */

enum status pg_migrator_open(struct db *db, struct db_migrator **ret, struct err *e);
enum status pg_migrator_applied(struct arena *a, struct db_migrator *m, struct db_applied_list *ret,
                                struct err *e);
enum status pg_migrator_apply(struct db_migrator *m, const struct db_migration *migration,
                              struct err *e);
void pg_migrator_close(struct db_migrator *m);
