/* postgres_tx.c - transactions: what is sent when, what is run again, what is uncertain.
 *
 * Invariants:
 *   1. A transaction is run again only while its COMMIT has not been sent; from then on a broken
 *      connection means ST_UNCERTAIN.
 *   2. Once must_retry is set no statement of the transaction is sent any more, and what fn returns
 *      does not count.
 *   3. Controls wait in `pending` and keep their order; what a savepoint that was never sent
 * covered
 *      is dropped with it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/postgres_engine.h"

enum {
    MAX_ATTEMPTS = 8,
    PAUSE_MS = 4, /* doubles with each attempt */
};

void pg_tx_fail(struct pg_tx *tx, bool must_retry, const struct err *why) {
    tx->is_failed = true;
    tx->must_retry = tx->must_retry || must_retry;
    if (tx->why.status == ST_OK)
        tx->why = *why;
}

/* --- pending controls ------------------------------------------------------------------------ */

static void push(struct pg_tx *tx, enum pg_control what) {
    assert(tx->n_pending < PG_MAX_PENDING && "controls without a statement");
    tx->pending[tx->n_pending++] = (struct pg_pending){.what = what, .scope = tx->base.scope};
}

enum status pg_tx_queue_controls(struct pg_tx *tx, struct err *e) {
    tx->is_begun = true;
    for (size_t i = 0; i < tx->n_pending; i++) {
        TRY(pg_send_control(tx->conn, tx->pending[i], e));
        tx->unread[tx->n_unread++] = NULL;
    }
    tx->n_pending = 0;
    return ST_OK;
}

/* Index of the innermost savepoint if it is still pending, n_pending otherwise. */
static size_t find_pending_save(const struct pg_tx *tx) {
    for (size_t i = tx->n_pending; i > 0 && tx->pending[i - 1].what == PG_SCOPE; i--)
        if (i > 1 && tx->pending[i - 2].what == PG_SAVE)
            return i - 2;
    if (tx->n_pending > 0 && tx->pending[tx->n_pending - 1].what == PG_SAVE)
        return tx->n_pending - 1;
    return tx->n_pending;
}

/* Only the last of several scopes in a row matters. */
enum status pg_set_scope(struct tx *base, struct err *e) {
    struct pg_tx *tx = (struct pg_tx *)base;

    (void)e;
    if (tx->n_pending > 0 && tx->pending[tx->n_pending - 1].what == PG_SCOPE)
        tx->n_pending--;
    push(tx, PG_SCOPE);
    return ST_OK;
}

/* What was queued before it is answered first: from here on an unread failure is the savepoint's. */
enum status pg_savepoint(struct tx *base, struct err *e) {
    TRY(pg_tx_settle((struct pg_tx *)base, e));
    push((struct pg_tx *)base, PG_SAVE);
    return ST_OK;
}

enum status pg_release(struct tx *base, struct err *e) {
    struct pg_tx *tx = (struct pg_tx *)base;
    size_t save = find_pending_save(tx);

    TRY(pg_tx_settle(tx, e)); /* also when fn said ST_OK after a failed statement */
    if (save == tx->n_pending) {
        push(tx, PG_RELEASE);
        return ST_OK;
    }
    tx->n_pending--;
    memmove(&tx->pending[save], &tx->pending[save + 1],
            (tx->n_pending - save) * sizeof(tx->pending[0]));
    return ST_OK;
}

enum status pg_rollback_to(struct tx *base, struct err *e) {
    struct pg_tx *tx = (struct pg_tx *)base;
    size_t save = find_pending_save(tx);
    struct err undone = ERR_INIT;

    (void)e;
    (void)pg_tx_settle(tx, &undone);
    if (save < tx->n_pending) {
        tx->n_pending = save;
        return ST_OK;
    }
    /* Scopes set inside go with the savepoint; the server takes them back by itself. */
    if (tx->n_pending > 0 && tx->pending[tx->n_pending - 1].what == PG_SCOPE)
        tx->n_pending--;
    push(tx, PG_UNDO);
    push(tx, PG_RELEASE);
    if (!tx->must_retry) {
        tx->is_failed = false;
        tx->why = ERR_INIT;
    }
    return ST_OK;
}

/* --- the end --------------------------------------------------------------------------------- */

/* Nobody waits for the answer: the next user of the connection collects it. */
static void rollback(struct pg_tx *tx) {
    struct err ignored = ERR_INIT;
    struct pg_pending control = {.what = PG_ROLLBACK};

    if (!tx->is_begun || tx->conn->is_lost)
        return;
    if (tx->n_unread > 0)
        (void)pg_tx_settle(tx, &ignored);
    if (pg_send_control(tx->conn, control, &ignored) == ST_OK &&
        pg_sync(tx->conn, &ignored) == ST_OK)
        tx->conn->n_owed++;
}

static enum status send_commit(struct pg_tx *tx, struct err *e) {
    struct pg_pending control = {.what = PG_COMMIT};

    TRY(pg_tx_queue_controls(tx, e));
    return pg_send_control(tx->conn, control, e);
}

static enum status uncertain(struct pg_tx *tx, struct err *e) {
    tx->conn->is_lost = true;
    FAIL(e, ST_UNCERTAIN, "the connection to the database broke during the commit");
}

/* Of what was queued before the COMMIT the first that failed; the server has then skipped the rest,
 * the COMMIT too. */
static enum status receive_queued(struct pg_tx *tx, size_t n, struct err *e) {
    enum status st = ST_OK;

    for (size_t i = 0; i < n; i++) {
        ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
        struct err gone = ERR_INIT;

        if (pg_reply(tx->conn, &result, &gone) != ST_OK)
            return st == ST_OK ? uncertain(tx, e) : st;
        if (st == ST_OK && !pg_is_ok(result))
            st = pg_statement_failed(tx, tx->unread[i], result, e);
    }
    return st;
}

static enum status receive_commit(struct pg_tx *tx, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
    struct err why = ERR_INIT, gone = ERR_INIT;
    size_t n = tx->n_unread;
    enum status st;

    tx->n_unread = 0;
    st = receive_queued(tx, n, e);

    if (st == ST_UNCERTAIN)
        return st;
    if (pg_reply(tx->conn, &result, &gone) != ST_OK)
        return st == ST_OK ? uncertain(tx, e) : st;
    /* Should the round's end not come any more, the commit itself was answered all the same. */
    (void)pg_reply_sync(tx->conn, &gone);
    if (st != ST_OK) {
        rollback(tx);
        return st;
    }
    if (pg_is_ok(result))
        return ST_OK;
    if (pg_is_fatal(result))
        return uncertain(tx, e);
    st = pg_fail(result, "COMMIT", &why);
    pg_tx_fail(tx, pg_is_retryable(result), &why);
    if (e && e->status == ST_OK)
        *e = why;
    return st;
}

static enum status commit(struct pg_tx *tx, struct err *e) {
    struct err why = ERR_INIT;

    if (!tx->is_begun)
        return ST_OK; /* it held no statement */
    if (pg_conn_settle(tx->conn, &why) != ST_OK || send_commit(tx, &why) != ST_OK) {
        pg_tx_fail(tx, true, &why);
        if (e)
            *e = why;
        return why.status;
    }
    if (pg_sync(tx->conn, &why) != ST_OK)
        return uncertain(tx, e);
    return receive_commit(tx, e);
}

/* --- one attempt ----------------------------------------------------------------------------- */

struct work {
    struct pg_db *db;
    struct db_scope scope;
    tx_fn fn;
    void *ctx;
    bool is_read;
};

static enum status run_fn(const struct work *work, struct pg_tx *tx, struct err *e) {
    enum status st;

    push(tx, work->is_read ? PG_BEGIN_READ : PG_BEGIN);
    push(tx, PG_SCOPE);
    st = db_run(&tx->base, work->fn, work->ctx, e);
    if (st == ST_OK && tx->is_failed) { /* the commit would be a rollback */
        st = tx->why.status;
        *e = tx->why;
    }
    if (st != ST_OK || work->is_read) {
        rollback(tx);
        return st;
    }
    return commit(tx, e);
}

static enum status attempt(const struct work *work, bool *ret_again, struct err *e) {
    ATTR_CLEANUP(db_hooks_done) struct db_hooks hooks = {0};
    struct pg_tx tx = {
        .base = {.db = &work->db->base,
                 .scope = work->scope,
                 .hooks = &hooks,
                 .is_read = work->is_read},
    };
    enum status st;

    *ret_again = false;
    TRY(pg_pool_take(work->db, &tx.conn, e));
    st = run_fn(work, &tx, e);
    pg_pool_give(work->db, tx.conn);
    if (tx.must_retry && st != ST_UNCERTAIN) {
        /* What a reader has been handed it may have passed on (an export); a writer must not. */
        *ret_again = !work->is_read || !tx.has_answer;
        *e = tx.why;
        st = ST_UNAVAILABLE;
    }
    if (st == ST_OK && tx.is_begun && !work->is_read)
        db_count_commit(&work->db->base);
    if (st == ST_OK)
        db_hooks_run(&hooks);
    return st;
}

/* Full jitter: those that collided once should not meet again. */
static void pause_before_retry(unsigned n_attempts) {
    int64_t most_us = (int64_t)PAUSE_MS * 1000 << n_attempts;
    int64_t us = clock_mono_ns() / 64 % most_us;
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

    (void)nanosleep(&ts, NULL);
}

static enum status run(const struct work *work, struct err *e) {
    struct err why = ERR_INIT;
    bool again = true;
    enum status st = ST_OK;

    for (unsigned n = 0; again && n < MAX_ATTEMPTS; n++) {
        if (n > 0) {
            db_count_retry(&work->db->base);
            pause_before_retry(n);
        }
        why = ERR_INIT;
        st = attempt(work, &again, &why);
    }
    if (st != ST_OK && e && e->status == ST_OK) {
        *e = why;
        e->status = st;
    }
    return st;
}

enum status pg_write_group(struct db *db, struct db_scope scope, tx_fn fn, void *ctx,
                           struct err *e) {
    struct work work = {.db = (struct pg_db *)db, .scope = scope, .fn = fn, .ctx = ctx};

    return run(&work, e);
}

enum status pg_write(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e) {
    TRY(pg_write_group(db, scope, fn, ctx, e));
    db_count_transactions(db, 1);
    return ST_OK;
}

enum status pg_read(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e) {
    struct work work = {
        .db = (struct pg_db *)db, .scope = scope, .fn = fn, .ctx = ctx, .is_read = true};

    return run(&work, e);
}
