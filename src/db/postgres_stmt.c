/* postgres_stmt.c - statements: prepared once per connection, sent together with the controls that
 * wait for them, answered in one round.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "db/postgres_engine.h"

/* --- the table of prepared statements -------------------------------------------------------- */

/* By address of the text and types of the values: the same text with a NULL of no type is another
 * statement to the server. */
static struct pg_stmt *get_stmt(struct pg_conn *conn, const char *sql, uint64_t types) {
    uint64_t hash = ((uint64_t)(uintptr_t)sql ^ types) * 0x9E3779B97F4A7C15u;
    size_t i = (size_t)(hash >> 40) % PG_STMT_SLOTS;

    while (conn->stmts[i].sql && (conn->stmts[i].sql != sql || conn->stmts[i].types != types))
        i = (i + 1) % PG_STMT_SLOTS;
    if (!conn->stmts[i].sql) {
        conn->n_stmts++;
        conn->stmts[i] = (struct pg_stmt){.sql = sql, .types = types, .id = conn->n_stmts};
    }
    return &conn->stmts[i];
}

struct stmt_name {
    char text[16];
};

static struct stmt_name name_of(const struct pg_stmt *stmt) {
    struct stmt_name name;

    (void)snprintf(name.text, sizeof(name.text), "q%u", stmt->id);
    return name;
}

/* --- one round ------------------------------------------------------------------------------- */

struct round {
    struct pg_tx *tx;
    const char *sql;
    const struct pg_params *params;
    struct pg_stmt *stmt;
};

struct failure { /* of one of the statements that came before */
    PGresult *result;
    const char *sql;
};

static enum status lose(struct pg_tx *tx, const struct err *why, struct err *e) {
    pg_tx_fail(tx, true, why);
    if (e && e->status == ST_OK)
        *e = *why;
    return why->status;
}

/* A failed statement spoils the transaction up to the next savepoint. */
enum status pg_statement_failed(struct pg_tx *tx, const char *sql, const PGresult *result,
                                struct err *e) {
    struct err why = ERR_INIT;
    bool is_gone = pg_is_fatal(result) || pg_is_stale(result) ||
                   (pg_is_read_only(result) && !tx->base.is_read);

    (void)pg_fail(result, sql ? db_sql_name(sql).text : "begin, scope or savepoint", &why);
    if (is_gone)
        tx->conn->is_lost = true;
    pg_tx_fail(tx, is_gone || pg_is_retryable(result), &why);
    if (e && e->status == ST_OK)
        *e = why;
    return why.status;
}

static enum status refuse_failed(const struct pg_tx *tx, struct err *e) {
    if (tx->is_failed && e && e->status == ST_OK)
        *e = tx->why;
    return tx->is_failed ? tx->why.status : ST_OK;
}

static enum status queue_statement(struct pg_tx *tx, const struct pg_stmt *stmt,
                                   const struct pg_params *p, struct err *e) {
    struct stmt_name name = name_of(stmt);

    if (!PQsendQueryPrepared(tx->conn->pq, name.text, p->n, p->values, p->lengths, p->formats, 1))
        return pg_lose(tx->conn, "speak to the database", e);
    return ST_OK;
}

static enum status send_round(struct round *r, struct err *e) {
    struct pg_tx *tx = r->tx;
    const struct pg_params *p = r->params;

    TRY(pg_tx_queue_controls(tx, e));
    if (!r->stmt->is_ready) {
        struct stmt_name name = name_of(r->stmt);

        if (!PQsendPrepare(tx->conn->pq, name.text, r->sql, p->n, p->types))
            return pg_lose(tx->conn, "speak to the database", e);
        tx->unread[tx->n_unread++] = r->sql;
    }
    TRY(queue_statement(tx, r->stmt, p, e));
    return pg_sync(tx->conn, e);
}

/* The replies to what was queued; the first failed one, if any, in *ret. What follows it the server
 * has skipped. */
static enum status receive_unread(struct pg_tx *tx, struct failure *ret, struct err *e) {
    size_t n = tx->n_unread;

    *ret = (struct failure){0};
    tx->n_unread = 0;
    for (size_t i = 0; i < n; i++) {
        PGresult *result = NULL;
        enum status st = pg_reply(tx->conn, &result, e);

        if (st != ST_OK) {
            PQclear(ret->result);
            return st;
        }
        if (pg_is_ok(result) || ret->result)
            PQclear(result);
        else
            *ret = (struct failure){result, tx->unread[i]};
    }
    return ST_OK;
}

/* Past what is skipped, to the end of the round. */
static enum status skip_statement(struct round *r, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *skipped = NULL;

    TRY(pg_reply(r->tx->conn, &skipped, e));
    return pg_reply_sync(r->tx->conn, e);
}

/* Sends a statement with everything that waits; when it returns ST_OK its own reply is next. */
static enum status round_begin(struct round *r, struct err *e) {
    struct pg_tx *tx = r->tx;
    struct failure failure;
    struct err why = ERR_INIT;
    enum status st;

    TRY(refuse_failed(tx, e));
    r->stmt = get_stmt(tx->conn, r->sql, pg_types_hash(r->params));
    if (send_round(r, &why) != ST_OK || receive_unread(tx, &failure, &why) != ST_OK)
        return lose(tx, &why, e);
    if (!failure.result) {
        r->stmt->is_ready = true;
        return ST_OK;
    }
    if (skip_statement(r, &why) != ST_OK)
        tx->conn->is_lost = true;
    st = pg_statement_failed(tx, failure.sql, failure.result, e);
    PQclear(failure.result);
    return st;
}

enum status pg_tx_settle(struct pg_tx *tx, struct err *e) {
    struct failure failure;
    struct err why = ERR_INIT;
    enum status st;

    if (tx->n_unread == 0)
        return refuse_failed(tx, e);
    if (pg_sync(tx->conn, &why) != ST_OK || receive_unread(tx, &failure, &why) != ST_OK)
        return lose(tx, &why, e);
    if (pg_reply_sync(tx->conn, &why) != ST_OK && !failure.result)
        return lose(tx, &why, e);
    if (!failure.result)
        return ST_OK;
    st = pg_statement_failed(tx, failure.sql, failure.result, e);
    PQclear(failure.result);
    return st;
}

/* Sends it and takes its one reply. */
static enum status round_run(struct round *r, PGresult **ret, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
    struct err why = ERR_INIT;

    TRY(round_begin(r, e));
    if (pg_reply(r->tx->conn, &result, &why) != ST_OK)
        return lose(r->tx, &why, e);
    /* A server that ends the session answers with the reason and no end of the round. */
    if (pg_reply_sync(r->tx->conn, &why) != ST_OK)
        return pg_is_ok(result) ? lose(r->tx, &why, e)
                                : pg_statement_failed(r->tx, r->sql, result, e);
    if (!pg_is_ok(result))
        return pg_statement_failed(r->tx, r->sql, result, e);
    r->tx->has_answer = true;
    *ret = TAKE(result);
    return ST_OK;
}

/* --- what the front asks for ----------------------------------------------------------------- */

/* "INSERT 0 5", "UPDATE 5"; of a SELECT's rows none was written. */
static int64_t changed_by(PGresult *result) {
    int64_t n = 0;

    if (!str_starts(str_of(PQcmdStatus(result)), STR("SELECT")))
        (void)str_parse_i64(str_of(PQcmdTuples(result)), 0, INT64_MAX, &n);
    return n;
}

enum status pg_exec(struct tx *tx, struct db_call call, int64_t *ret_changed, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
    struct pg_params params;
    struct round r = {.tx = (struct pg_tx *)tx, .sql = call.sql, .params = &params};

    pg_params_of(call.vals, call.n, &params);
    TRY(round_run(&r, &result, e));
    *ret_changed = changed_by(result);
    return ST_OK;
}

/* A statement that the connection has not prepared yet is waited for: only then is it known to be. */
enum status pg_later(struct tx *base, struct db_call call, struct err *e) {
    struct pg_tx *tx = (struct pg_tx *)base;
    struct pg_params params;
    struct pg_stmt *stmt;
    struct err why = ERR_INIT;
    int64_t ignored;

    pg_params_of(call.vals, call.n, &params);
    stmt = get_stmt(tx->conn, call.sql, pg_types_hash(&params));
    if (!stmt->is_ready)
        return pg_exec(base, call, &ignored, e);
    TRY(refuse_failed(tx, e));
    if (tx->n_unread + tx->n_pending + 2 > PG_MAX_UNREAD)
        TRY(pg_tx_settle(tx, e));
    if (pg_tx_queue_controls(tx, &why) != ST_OK ||
        queue_statement(tx, stmt, &params, &why) != ST_OK)
        return lose(tx, &why, e);
    tx->unread[tx->n_unread++] = call.sql;
    return ST_OK;
}

enum status pg_exec_rows(struct tx *tx, struct db_batch batch, int64_t *ret_changed,
                         struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
    struct pg_params params;
    struct round r = {.tx = (struct pg_tx *)tx, .sql = batch.sql, .params = &params};

    TRY(pg_params_of_rows(&r.tx->conn->arrays, batch, &params, e));
    TRY(round_run(&r, &result, e));
    *ret_changed = changed_by(result);
    return ST_OK;
}

static void copy_rows(struct arena *a, const PGresult *result, struct db_rows *rows) {
    rows->cells = arena_array_of(a, rows->n * rows->columns, struct db_val);
    for (size_t i = 0; i < rows->n * rows->columns; i++) {
        struct db_val *v = &rows->cells[i];

        *v = pg_cell(result, (int)(i / rows->columns), (int)(i % rows->columns));
        v->s = v->type == DB_I64 || v->type == DB_REAL ? STR_EMPTY : arena_str(a, v->s);
    }
}

enum status pg_query(struct arena *a, struct tx *tx, struct db_call call, size_t max_rows,
                     struct db_rows *ret, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
    struct pg_params params;
    struct round r = {.tx = (struct pg_tx *)tx, .sql = call.sql, .params = &params};

    pg_params_of(call.vals, call.n, &params);
    TRY(round_run(&r, &result, e));
    TRY(pg_check_columns(result, call.sql, e));
    ret->n = (size_t)PQntuples(result);
    ret->columns = (size_t)PQnfields(result);
    if (ret->n > max_rows)
        FAIL(e, ST_BROKEN, "could not run \"%s\": more than %zu rows", db_sql_name(call.sql).text,
             max_rows);
    copy_rows(a, result, ret);
    return ST_OK;
}

/* --- walking --------------------------------------------------------------------------------- */

struct walk {
    struct round *round;
    db_row_fn fn;
    void *ctx;
    enum status st; /* what fn said first */
};

/* After fn has stopped the rest is read and dropped: cancelling would spoil the transaction. */
static void walk_row(struct walk *w, const PGresult *result, struct err *e) {
    struct db_val cells[DB_MAX_PARAMS];
    int columns = PQnfields(result);

    if (w->st != ST_OK)
        return;
    w->round->tx->has_answer = true;
    w->st = pg_check_columns(result, w->round->sql, e);
    if (w->st == ST_OK && columns > DB_MAX_PARAMS)
        w->st = err_set(e, ST_BROKEN, __FILE__, __LINE__, "could not run \"%s\": %d columns",
                        db_sql_name(w->round->sql).text, columns);
    if (w->st != ST_OK)
        return;
    for (int col = 0; col < columns; col++)
        cells[col] = pg_cell(result, 0, col);
    w->st = w->fn(cells, (size_t)columns, w->ctx, e);
}

/* One result; *ret_end when it was the last. */
static enum status walk_step(struct walk *w, bool *ret_end, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
    struct err why = ERR_INIT;

    if (pg_next(w->round->tx->conn, &result, &why) != ST_OK)
        return lose(w->round->tx, &why, e);
    *ret_end = !result;
    if (!result)
        return ST_OK;
    if (!pg_is_ok(result))
        return pg_statement_failed(w->round->tx, w->round->sql, result, e);
    if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
        walk_row(w, result, e);
    return ST_OK;
}

/* pg_statement_failed() leaves the NULL and the round's end unread. */
static void walk_abandon(struct walk *w) {
    struct err ignored = ERR_INIT;
    PGresult *end = NULL;

    if (pg_next(w->round->tx->conn, &end, &ignored) != ST_OK)
        return;
    PQclear(end);
    (void)pg_reply_sync(w->round->tx->conn, &ignored);
}

static enum status walk_all(struct walk *w, struct err *e) {
    struct err why = ERR_INIT;
    bool is_end = false;

    if (!PQsetSingleRowMode(w->round->tx->conn->pq))
        FAIL(e, ST_BROKEN, "could not walk the rows of \"%s\"", db_sql_name(w->round->sql).text);
    while (!is_end) {
        enum status st = walk_step(w, &is_end, e);

        if (st != ST_OK) {
            walk_abandon(w);
            return st;
        }
    }
    if (pg_reply_sync(w->round->tx->conn, &why) != ST_OK)
        return lose(w->round->tx, &why, e);
    return w->st;
}

enum status pg_each(struct tx *tx, struct db_call call, db_row_fn fn, void *ctx, struct err *e) {
    struct pg_params params;
    struct round r = {.tx = (struct pg_tx *)tx, .sql = call.sql, .params = &params};
    struct walk w = {.round = &r, .fn = fn, .ctx = ctx};

    pg_params_of(call.vals, call.n, &params);
    TRY(round_begin(&r, e));
    return walk_all(&w, e);
}
