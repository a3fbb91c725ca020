/* postgres_pool.c - connections lent and given back, opened when first needed.
 *
 * While the server is away the takers share one attempt at a time, with growing pauses between;
 * each waits as long as its timeout allows. When it has been away for longer than that, they fail
 * at once and only the attempts go on.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "db/postgres_engine.h"

enum {
    PAUSE_FIRST_MS = 20,
    PAUSE_MAX_MS = 500,
};

void pg_pool_init(struct pg_pool *pool) {
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->freed, NULL);
}

static void close_list(struct pg_conn *list) {
    while (list) {
        struct pg_conn *conn = list;

        list = conn->next_idle;
        pg_conn_close(conn);
    }
}

void pg_pool_done(struct pg_pool *pool) {
    close_list(pool->idle);
    (void)pthread_mutex_destroy(&pool->lock);
    (void)pthread_cond_destroy(&pool->freed);
}

void pg_pool_renew(struct pg_db *db) {
    struct pg_conn *old;
    unsigned n = 0;

    (void)pthread_mutex_lock(&db->pool.lock);
    old = TAKE(db->pool.idle);
    for (struct pg_conn *conn = old; conn; conn = conn->next_idle)
        n++;
    db->pool.n_open -= n;
    db->pool.generation++;
    (void)pthread_mutex_unlock(&db->pool.lock);
    (void)pthread_cond_broadcast(&db->pool.freed);
    close_list(old);
}

/* --- taking ---------------------------------------------------------------------------------- */

enum next { NEXT_IDLE, NEXT_OPEN, NEXT_WAIT, NEXT_FAIL };

struct take {
    int64_t until_ms;
    int64_t wait_ms; /* with NEXT_WAIT */
    unsigned generation;
    bool has_waited;
};

/* pool->lock is held. */
static enum next decide(const struct pg_db *db, struct take *t) {
    const struct pg_pool *pool = &db->pool;
    int64_t now_ms = clock_mono_ms();
    bool is_down = pool->n_failures > 0 && now_ms < pool->next_try_ms;
    bool is_full = pool->n_open >= db->base.options.connections;

    if (pool->idle)
        return NEXT_IDLE;
    if (!is_full && !is_down)
        return NEXT_OPEN;
    if (now_ms >= t->until_ms ||
        (is_down && now_ms - pool->down_since_ms > db->base.options.timeout_ms))
        return NEXT_FAIL;
    t->wait_ms = t->until_ms - now_ms;
    if (!is_full && pool->next_try_ms - now_ms < t->wait_ms)
        t->wait_ms = pool->next_try_ms - now_ms;
    return NEXT_WAIT;
}

static enum status fail(const struct pg_db *db, struct err *e) {
    if (db->pool.n_failures > 0) {
        if (e && e->status == ST_OK)
            *e = db->pool.why;
        return db->pool.why.status;
    }
    FAIL(e, ST_UNAVAILABLE, "could not get a connection to the database: all %u busy for %u ms",
         db->base.options.connections, db->base.options.timeout_ms);
}

/* Waits for an idle connection (*ret) or for leave to open one (*ret NULL, counted already). */
static enum status take_slot(struct pg_db *db, struct take *t, struct pg_conn **ret,
                             struct err *e) {
    struct pg_pool *pool = &db->pool;
    struct timespec until;

    for (;;) {
        switch (decide(db, t)) {
        case NEXT_IDLE:
            *ret = pool->idle;
            pool->idle = (*ret)->next_idle;
            return ST_OK;
        case NEXT_OPEN:
            *ret = NULL;
            pool->n_open++;
            t->generation = pool->generation;
            /* While the server is away nobody else tries beside this one. */
            pool->next_try_ms = clock_mono_ms() + db->base.options.timeout_ms;
            return ST_OK;
        case NEXT_FAIL:
            return fail(db, e);
        case NEXT_WAIT:
            if (!t->has_waited)
                db_count_wait(&db->base);
            t->has_waited = true;
            until = clock_deadline(t->wait_ms);
            (void)pthread_cond_clockwait(&pool->freed, &pool->lock, CLOCK_MONOTONIC, &until);
            break;
        }
    }
}

static int64_t pause_ms(unsigned n_failures) {
    int64_t ms = PAUSE_FIRST_MS;

    while (n_failures-- > 1 && ms < PAUSE_MAX_MS)
        ms *= 2;
    return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

/* pool->lock is held. */
static void note_failure(struct pg_pool *pool, const struct err *why) {
    pool->n_open--;
    if (pool->n_failures == 0)
        pool->down_since_ms = clock_mono_ms();
    pool->n_failures++;
    pool->next_try_ms = clock_mono_ms() + pause_ms(pool->n_failures);
    pool->why = *why;
}

/* Every caller gets its own error; the log tells once that the server went and once that it is
 * back. */
static void note_open(struct pg_db *db, enum status st, const struct err *why) {
    struct pg_pool *pool = &db->pool;
    int64_t away_ms = 0;
    bool was_down;

    (void)pthread_mutex_lock(&pool->lock);
    was_down = pool->n_failures > 0;
    if (st == ST_OK) {
        away_ms = clock_mono_ms() - pool->down_since_ms;
        pool->n_failures = 0;
    } else {
        note_failure(pool, why);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    (void)pthread_cond_broadcast(&pool->freed);
    if (st != ST_OK && !was_down)
        log_err_line(LOG_WARN, db->base.options.log, "database away", why, NULL, 0);
    else if (st == ST_OK && was_down)
        log_info(db->base.options.log, "database back", F_I64("away_ms", away_ms));
}

static void drop(struct pg_pool *pool, struct pg_conn *conn) {
    pg_conn_close(conn);
    (void)pthread_mutex_lock(&pool->lock);
    pool->n_open--;
    (void)pthread_mutex_unlock(&pool->lock);
    (void)pthread_cond_signal(&pool->freed);
}

/* *ret is NULL when the connection turned out dead or could not be opened; then ask again. */
static void make_ready(struct pg_db *db, const struct take *t, struct pg_conn *conn,
                       struct pg_conn **ret) {
    struct err why = ERR_INIT;
    enum status st;

    *ret = NULL;
    if (conn) {
        if (pg_conn_settle(conn, &why) == ST_OK)
            *ret = conn;
        else
            drop(&db->pool, conn);
        return;
    }
    st = pg_conn_open(db, true, &conn, &why);
    if (st == ST_OK) {
        conn->generation = t->generation;
        *ret = conn;
    }
    note_open(db, st, &why);
}

enum status pg_pool_take(struct pg_db *db, struct pg_conn **ret, struct err *e) {
    struct take t = {.until_ms = clock_mono_ms() + db->base.options.timeout_ms};
    struct pg_conn *conn = NULL;

    while (!conn) {
        enum status st;

        (void)pthread_mutex_lock(&db->pool.lock);
        st = take_slot(db, &t, &conn, e);
        (void)pthread_mutex_unlock(&db->pool.lock);
        TRY(st);
        make_ready(db, &t, conn, &conn);
    }
    *ret = conn;
    return ST_OK;
}

/* A bare connection has no role yet; the next one may find it. */
void pg_pool_give(struct pg_db *db, struct pg_conn *conn) {
    struct pg_pool *pool = &db->pool;
    bool is_kept = !conn->is_lost && !conn->is_bare && conn->n_stmts <= PG_STMT_MAX;

    (void)pthread_mutex_lock(&pool->lock);
    is_kept = is_kept && conn->generation == pool->generation;
    if (is_kept) {
        conn->next_idle = pool->idle;
        pool->idle = conn;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (is_kept)
        (void)pthread_cond_signal(&pool->freed);
    else
        drop(pool, conn);
}
