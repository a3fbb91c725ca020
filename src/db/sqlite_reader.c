/* sqlite_reader.c - the pool of read-only connections, opened as they are needed. A read is one
 * deferred transaction: the first statement fixes the snapshot, and no writer waits for it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "db/sqlite_engine.h"

void sqlite_readers_init(struct sqlite_readers *readers) {
    (void)pthread_mutex_init(&readers->lock, NULL);
    (void)pthread_cond_init(&readers->freed, NULL);
}

void sqlite_readers_done(struct sqlite_readers *readers) {
    while (readers->idle) {
        struct sqlite_conn *conn = readers->idle;

        readers->idle = conn->next_idle;
        sqlite_conn_close(conn);
    }
    (void)pthread_mutex_destroy(&readers->lock);
    (void)pthread_cond_destroy(&readers->freed);
}

/* True: *ret is an idle connection, or NULL when a new one may be opened. False: none in time. */
static bool wait_for_slot(struct sqlite_db *db, struct sqlite_conn **ret) {
    struct sqlite_readers *readers = &db->readers;
    struct timespec until = clock_deadline(db->base.options.timeout_ms);

    while (!readers->idle && readers->n_open >= db->base.options.connections)
        if (pthread_cond_clockwait(&readers->freed, &readers->lock, CLOCK_MONOTONIC, &until) != 0)
            return false;
    *ret = readers->idle;
    if (*ret)
        readers->idle = (*ret)->next_idle;
    else
        readers->n_open++;
    return true;
}

static void leave_slot(struct sqlite_readers *readers, struct sqlite_conn *conn) {
    (void)pthread_mutex_lock(&readers->lock);
    if (conn) {
        conn->next_idle = readers->idle;
        readers->idle = conn;
    } else {
        readers->n_open--;
    }
    (void)pthread_mutex_unlock(&readers->lock);
    (void)pthread_cond_signal(&readers->freed);
}

static enum status take_reader(struct sqlite_db *db, struct sqlite_conn **ret, struct err *e) {
    struct sqlite_readers *readers = &db->readers;
    struct sqlite_conn *conn = NULL;
    enum status st;
    bool has_slot;

    (void)pthread_mutex_lock(&readers->lock);
    if (!readers->idle && readers->n_open >= db->base.options.connections)
        db_count_wait(&db->base);
    has_slot = wait_for_slot(db, &conn);
    (void)pthread_mutex_unlock(&readers->lock);
    if (!has_slot)
        FAIL(e, ST_UNAVAILABLE, "could not read: all %u connections were busy for %u ms",
             db->base.options.connections, db->base.options.timeout_ms);
    if (!conn) {
        st = sqlite_conn_open(db->path, false, db->base.options.timeout_ms, &conn, e);
        if (st != ST_OK) {
            leave_slot(readers, NULL);
            return st;
        }
    }
    *ret = conn;
    return ST_OK;
}

static enum status read_on(struct sqlite_db *db, struct sqlite_conn *conn, struct db_scope scope,
                           tx_fn fn, void *ctx, struct db_hooks *hooks, struct err *e) {
    struct sqlite_tx tx = {
        .base = {.db = &db->base, .scope = scope, .hooks = hooks, .is_read = true},
        .conn = conn,
    };
    struct err ignored = ERR_INIT; /* nothing was written that an end could lose */
    enum status st;

    TRY(sqlite_control(conn, CONTROL_BEGIN, e));
    st = db_run(&tx.base, fn, ctx, e);
    (void)sqlite_control(conn, CONTROL_ROLLBACK, &ignored);
    return st;
}

enum status sqlite_read(struct db *base, struct db_scope scope, tx_fn fn, void *ctx,
                        struct err *e) {
    struct sqlite_db *db = (struct sqlite_db *)base;
    ATTR_CLEANUP(db_hooks_done) struct db_hooks hooks = {0};
    struct sqlite_conn *conn = NULL;
    enum status st;

    TRY(take_reader(db, &conn, e));
    st = read_on(db, conn, scope, fn, ctx, &hooks, e);
    leave_slot(&db->readers, conn);
    if (st == ST_OK)
        db_hooks_run(&hooks);
    return st;
}
