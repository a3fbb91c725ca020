/* postgres_submit.c - work whose callers do not wait: two committers take what waits and run it in
 * one transaction, each function in a savepoint with its own scope. The savepoints' commands travel
 * with the statements, so a group costs its functions' round trips and one commit.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "db/postgres_engine.h"

/* Measured, one small insert each: 1 a commit 4.5 k/s, 8: 18 k, 16: 21 k, 48: 25 k. Past 64
 * subtransactions of one transaction a server's snapshots get slow (PGPROC_MAX_CACHED_SUBXIDS). */
enum { GROUP_MAX = 48 };

struct submit_item {
    struct list_node node;
    struct db_scope scope;
    tx_fn fn;
    db_done_fn done;
    void *ctx;
    enum status st;
    struct err err;
};

struct group {
    struct submit_item *items[GROUP_MAX];
    size_t n;
};

void pg_submit_init(struct pg_submit *submit) {
    (void)pthread_mutex_init(&submit->lock, NULL);
    (void)pthread_cond_init(&submit->filled, NULL);
    list_init(&submit->queue);
}

/* --- committers ------------------------------------------------------------------------------ */

/* False when there is no work and will be none. */
static bool take_group(struct pg_submit *submit, struct group *ret) {
    ret->n = 0;
    (void)pthread_mutex_lock(&submit->lock);
    while (list_is_empty(&submit->queue) && !submit->is_stopping)
        (void)pthread_cond_wait(&submit->filled, &submit->lock);
    LIST_EACH(&submit->queue, node) {
        if (ret->n == GROUP_MAX)
            break;
        list_remove(node);
        ret->items[ret->n++] = LIST_ITEM(node, struct submit_item, node);
    }
    (void)pthread_mutex_unlock(&submit->lock);
    return ret->n > 0;
}

/* A member must not leave its own scope unless that is the system's. */
static enum status run_item(struct tx *tx, void *ctx, struct err *e) {
    struct submit_item *item = ctx;
    enum status st;

    TRY(tx_set_scope(tx, item->scope, e));
    tx->is_system = item->scope.is_system;
    st = item->fn(tx, item->ctx, e);
    tx->is_system = true;
    return st;
}

static enum status run_group(struct tx *tx, void *ctx, struct err *e) {
    struct group *group = ctx;

    for (size_t i = 0; i < group->n; i++) {
        struct submit_item *item = group->items[i];

        item->err = ERR_INIT;
        item->st = tx_nested(tx, run_item, item, &item->err);
        if (((struct pg_tx *)tx)->must_retry) /* the rest would only fail as well */
            FAIL(e, ST_UNAVAILABLE, "the transaction is lost");
    }
    return ST_OK;
}

static void commit_group(struct db *db, struct group *group) {
    struct err why = ERR_INIT;
    enum status st = pg_write_group(db, DB_SYSTEM, run_group, group, &why);
    size_t n_kept = 0;

    for (size_t i = 0; i < group->n; i++) {
        if (st != ST_OK) {
            group->items[i]->st = st;
            group->items[i]->err = why;
        }
        n_kept += group->items[i]->st == ST_OK;
    }
    db_count_transactions(db, n_kept);
}

static void commit_one(struct db *db, struct submit_item *item) {
    item->err = ERR_INIT;
    item->st = pg_write(db, item->scope, item->fn, item->ctx, &item->err);
}

static void finish(struct submit_item *item) {
    item->done(item->ctx, item->st, &item->err);
    free(item);
}

static void *committer_main(void *arg) {
    struct pg_db *db = arg;
    struct group group;

    (void)pthread_setname_np(pthread_self(), "db-committer");
    db_mark_thread();
    while (take_group(&db->submit, &group)) {
        if (group.n == 1)
            commit_one(&db->base, group.items[0]);
        else
            commit_group(&db->base, &group);
        for (size_t i = 0; i < group.n; i++)
            finish(group.items[i]);
    }
    return NULL;
}

/* --- putting --------------------------------------------------------------------------------- */

/* submit->lock is held. One thread is enough to go on; none is not. */
static void start_threads(struct pg_db *db) {
    struct pg_submit *submit = &db->submit;

    while (submit->n_threads < ARRAY_LEN(submit->threads) &&
           pthread_create(&submit->threads[submit->n_threads], NULL, committer_main, db) == 0)
        submit->n_threads++;
    if (submit->n_threads == 0)
        abort(); /* as arena_alloc */
}

void pg_submit_fn(struct db *base, struct db_scope scope, tx_fn fn, db_done_fn done, void *ctx) {
    struct pg_db *db = (struct pg_db *)base;
    struct submit_item *item = calloc(1, sizeof(*item));

    if (!item)
        abort(); /* as arena_alloc */
    item->scope = scope;
    item->fn = fn;
    item->done = done;
    item->ctx = ctx;
    (void)pthread_mutex_lock(&db->submit.lock);
    if (db->submit.n_threads == 0)
        start_threads(db);
    list_push(&db->submit.queue, &item->node);
    (void)pthread_mutex_unlock(&db->submit.lock);
    (void)pthread_cond_signal(&db->submit.filled);
}

void pg_submit_done(struct pg_submit *submit) {
    (void)pthread_mutex_lock(&submit->lock);
    submit->is_stopping = true;
    (void)pthread_mutex_unlock(&submit->lock);
    (void)pthread_cond_broadcast(&submit->filled);
    for (unsigned i = 0; i < submit->n_threads; i++)
        (void)pthread_join(submit->threads[i], NULL);
    (void)pthread_mutex_destroy(&submit->lock);
    (void)pthread_cond_destroy(&submit->filled);
}
