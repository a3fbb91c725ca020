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
    size_t n_before; /* replies that come before the statement's own */
    bool has_prepare;
};

static enum status lose_round(struct round *r, const struct err *why, struct err *e) {
    pg_tx_fail(r->tx, true, why);
    if (e && e->status == ST_OK)
        *e = *why;
    return why->status;
}

/* A failed statement spoils the transaction up to the next savepoint. */
static enum status fail_round(struct round *r, const PGresult *result, struct err *e) {
    struct err why = ERR_INIT;
    bool is_gone = pg_is_fatal(result) || pg_is_stale(result) ||
                   (pg_is_read_only(result) && !r->tx->base.is_read);

    (void)pg_fail(result, db_sql_name(r->sql).text, &why);
    if (is_gone)
        r->tx->conn->is_lost = true;
    pg_tx_fail(r->tx, is_gone || pg_is_retryable(result), &why);
    if (e && e->status == ST_OK)
        *e = why;
    return why.status;
}

static enum status send_round(struct round *r, struct err *e) {
    struct pg_conn *conn = r->tx->conn;
    const struct pg_params *p = r->params;
    struct stmt_name name = name_of(r->stmt);

    for (size_t i = 0; i < r->tx->n_pending; i++)
        TRY(pg_send_control(conn, r->tx->pending[i], e));
    if (r->has_prepare && !PQsendPrepare(conn->pq, name.text, r->sql, p->n, p->types))
        return pg_lose(conn, "speak to the database", e);
    if (!PQsendQueryPrepared(conn->pq, name.text, p->n, p->values, p->lengths, p->formats, 1))
        return pg_lose(conn, "speak to the database", e);
    return pg_sync(conn, e);
}

/* The replies to the controls and to the preparation; the first failed one, if any, in *ret_failed.
 * What follows it the server has skipped. */
static enum status receive_before(struct round *r, PGresult **ret_failed, struct err *e) {
    for (size_t i = 0; i < r->n_before; i++) {
        ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;

        TRY(pg_reply(r->tx->conn, &result, e));
        if (!pg_is_ok(result) && !*ret_failed)
            *ret_failed = TAKE(result);
    }
    if (!*ret_failed)
        r->stmt->is_ready = true;
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
    ATTR_CLEANUP(pg_result_clear_p) PGresult *failed = NULL;
    struct pg_tx *tx = r->tx;
    struct err why = ERR_INIT;

    if (tx->is_failed) {
        if (e && e->status == ST_OK)
            *e = tx->why;
        return tx->why.status;
    }
    r->stmt = get_stmt(tx->conn, r->sql, pg_types_hash(r->params));
    r->has_prepare = !r->stmt->is_ready;
    r->n_before = tx->n_pending + r->has_prepare;
    tx->is_begun = true;
    if (send_round(r, &why) != ST_OK)
        return lose_round(r, &why, e);
    tx->n_pending = 0;
    if (receive_before(r, &failed, &why) != ST_OK)
        return lose_round(r, &why, e);
    if (!failed)
        return ST_OK;
    if (skip_statement(r, &why) != ST_OK)
        tx->conn->is_lost = true;
    return fail_round(r, failed, e);
}

/* Sends it and takes its one reply. */
static enum status round_run(struct round *r, PGresult **ret, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
    struct err why = ERR_INIT;

    TRY(round_begin(r, e));
    if (pg_reply(r->tx->conn, &result, &why) != ST_OK)
        return lose_round(r, &why, e);
    /* A server that ends the session answers with the reason and no end of the round. */
    if (pg_reply_sync(r->tx->conn, &why) != ST_OK)
        return pg_is_ok(result) ? lose_round(r, &why, e) : fail_round(r, result, e);
    if (!pg_is_ok(result))
        return fail_round(r, result, e);
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
        return lose_round(w->round, &why, e);
    *ret_end = !result;
    if (!result)
        return ST_OK;
    if (!pg_is_ok(result))
        return fail_round(w->round, result, e);
    if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
        walk_row(w, result, e);
    return ST_OK;
}

/* fail_round() leaves the NULL and the round's end unread. */
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
        return lose_round(w->round, &why, e);
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
