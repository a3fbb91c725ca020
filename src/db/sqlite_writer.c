/* sqlite_writer.c - group commit: one thread runs what all callers queued, many functions a commit.
 *
 * Invariants:
 *   1. Between BEGIN and COMMIT every function kept so far was successful; the first runs without a
 *      savepoint, since there is nothing beside it that its rollback could take along.
 *   2. A caller hears ST_OK only after the COMMIT that holds its work.
 *   3. When the transaction as a whole is lost (disk full, I/O error), all that were kept in it
 * hear
 *      the same failure, and nothing of them is in the database.
 * A batch takes what waits when it gets to it and never lingers for more: under load the commit
 * before is the time in which the next batch gathers.
 * SPDX-License-Identifier: Apache-2.0 */
#include <semaphore.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/sqlite_engine.h"

enum {
    BATCH_MAX = 512,
    BATCH_MAX_NS = 20 * 1000 * 1000,
    CHECKPOINT_PAGES = 4000, /* 16 MB; with 1000 a busy writer loses a third to them */
    BULK_CHECKPOINT_PAGES = 32000,
};

struct write_item { /* on the stack of a caller that waits, on the heap of one that does not */
    struct list_node node;
    struct db_scope scope;
    tx_fn fn;
    void *ctx;
    db_done_fn done; /* NULL: somebody waits for finished */
    sem_t finished;
    enum status st;
    struct err err;
};

struct write_batch {
    struct list kept;   /* successful, waiting for the commit */
    struct list failed; /* their callers are told after the commit, too: it frees the lock first */
    size_t n;           /* functions run */
    size_t n_kept;
    int64_t until_ns;
    bool is_open; /* BEGIN was done */
    bool is_over; /* take no more */
};

/* --- the queue ------------------------------------------------------------------------------- */

static void put_item(struct sqlite_writer *w, struct write_item *item) {
    bool is_asleep;

    (void)pthread_mutex_lock(&w->lock);
    list_push(&w->queue, &item->node);
    is_asleep = w->is_asleep;
    w->is_asleep = false;
    (void)pthread_mutex_unlock(&w->lock);
    if (is_asleep)
        (void)pthread_cond_signal(&w->filled);
}

static struct write_item *take_item(struct sqlite_writer *w) {
    struct list_node *node;

    (void)pthread_mutex_lock(&w->lock);
    node = list_pop(&w->queue);
    (void)pthread_mutex_unlock(&w->lock);
    return node ? LIST_ITEM(node, struct write_item, node) : NULL;
}

/* False when there is no work and will be none. */
static bool wait_for_work(struct sqlite_writer *w) {
    bool has_work;

    (void)pthread_mutex_lock(&w->lock);
    while (list_is_empty(&w->queue) && !w->is_stopping) {
        w->is_asleep = true;
        (void)pthread_cond_wait(&w->filled, &w->lock);
    }
    w->is_asleep = false;
    has_work = !list_is_empty(&w->queue);
    (void)pthread_mutex_unlock(&w->lock);
    return has_work;
}

enum status sqlite_write(struct db *db, struct db_scope scope, tx_fn fn, void *ctx, struct err *e) {
    struct write_item item = {.scope = scope, .fn = fn, .ctx = ctx, .err = ERR_INIT};

    (void)sem_init(&item.finished, 0, 0);
    put_item(&((struct sqlite_db *)db)->writer, &item);
    while (sem_wait(&item.finished) != 0) /* a signal's handler ran */
        ;
    (void)sem_destroy(&item.finished);
    if (item.st != ST_OK && e && e->status == ST_OK)
        *e = item.err;
    return item.st;
}

void sqlite_submit(struct db *db, struct db_scope scope, tx_fn fn, db_done_fn done, void *ctx) {
    struct write_item *item = calloc(1, sizeof(*item));

    if (!item)
        abort(); /* as arena_alloc */
    item->scope = scope;
    item->fn = fn;
    item->ctx = ctx;
    item->done = done;
    put_item(&((struct sqlite_db *)db)->writer, item);
}

/* --- one function ---------------------------------------------------------------------------- */

static void item_finish(struct write_item *item) {
    if (!item->done) {
        (void)sem_post(&item->finished); /* from here on the item is its caller's */
        return;
    }
    item->done(item->ctx, item->st, &item->err);
    free(item);
}

static void items_finish(struct list *items) {
    LIST_EACH(items, node) {
        item_finish(LIST_ITEM(node, struct write_item, node));
    }
    list_init(items);
}

/* Everyone in the transaction gets the failure that took it away. */
static void batch_lose(struct sqlite_writer *w, struct write_batch *b, enum status st,
                       const struct err *cause) {
    struct list_node *node;

    while ((node = list_pop(&b->kept)) != NULL) {
        struct write_item *item = LIST_ITEM(node, struct write_item, node);

        item->st = st;
        item->err = *cause;
        list_push(&b->failed, node);
    }
    w->hooks.n = 0;
    b->n_kept = 0;
    b->is_open = false;
    b->is_over = true;
}

static void batch_rollback(struct sqlite_writer *w, struct write_batch *b) {
    struct err ignored = ERR_INIT;

    if (!sqlite_is_lost(w->conn))
        (void)sqlite_control(w->conn, CONTROL_ROLLBACK, &ignored);
    w->conn->is_begun = false;
    b->is_open = false;
}

/* The whole transaction is gone although the function did not ask for it; its own failure, if it
 * told one, says why. */
static void batch_lose_by(struct sqlite_writer *w, struct write_batch *b, struct write_item *item) {
    struct err why;

    if (item->st == ST_OK)
        item->st = ST_UNAVAILABLE;
    (void)err_set(&item->err, item->st, __FILE__, __LINE__,
                  "could not keep the transaction: the engine rolled it back");
    why = item->err;
    why.status = ST_UNAVAILABLE;
    list_push(&b->failed, &item->node);
    batch_rollback(w, b);
    batch_lose(w, b, ST_UNAVAILABLE, &why);
}

/* Takes back what a failed function did. */
static void item_undo(struct sqlite_writer *w, struct write_batch *b, bool has_savepoint) {
    struct err e = ERR_INIT;

    if (!has_savepoint) {
        batch_rollback(w, b);
        return;
    }
    if (sqlite_control(w->conn, CONTROL_UNDO, &e) == ST_OK &&
        sqlite_control(w->conn, CONTROL_RELEASE, &e) == ST_OK)
        return;
    batch_rollback(w, b);
    batch_lose(w, b, ST_UNAVAILABLE, &e);
}

static enum status item_call(struct sqlite_db *db, struct write_item *item) {
    struct sqlite_tx tx = {
        .base = {.db = &db->base, .scope = item->scope, .hooks = &db->writer.hooks},
        .conn = db->writer.conn,
    };

    return db_run(&tx.base, item->fn, item->ctx, &item->err);
}

static void item_run(struct sqlite_db *db, struct write_batch *b, struct write_item *item) {
    struct sqlite_writer *w = &db->writer;
    bool has_savepoint = b->n_kept > 0;
    size_t n_hooks = w->hooks.n;

    item->st = has_savepoint ? sqlite_control(w->conn, CONTROL_SAVE, &item->err) : ST_OK;
    if (item->st == ST_OK)
        item->st = item_call(db, item);
    if (sqlite_is_lost(w->conn)) {
        batch_lose_by(w, b, item);
        return;
    }
    if (item->st == ST_OK && has_savepoint)
        item->st = sqlite_control(w->conn, CONTROL_RELEASE, &item->err);
    if (item->st == ST_OK) {
        list_push(&b->kept, &item->node);
        b->n_kept++;
        return;
    }
    w->hooks.n = n_hooks;
    list_push(&b->failed, &item->node);
    item_undo(w, b, has_savepoint);
}

/* --- one commit ------------------------------------------------------------------------------ */

/* The lock is not to be had: all who wait hear it now, not each after its own wait in turn. */
static void fail_all_waiting(struct sqlite_writer *w, struct write_batch *b,
                             struct write_item *first, enum status st, const struct err *why) {
    for (struct write_item *item = first; item; item = take_item(w)) {
        item->st = st;
        item->err = *why;
        list_push(&b->failed, &item->node);
    }
    b->is_over = true;
}

static bool batch_open(struct sqlite_writer *w, struct write_batch *b, struct write_item *first) {
    struct err e = ERR_INIT;
    enum status st;

    if (b->is_open)
        return true;
    st = sqlite_control(w->conn, CONTROL_BEGIN, &e);
    if (st != ST_OK)
        fail_all_waiting(w, b, first, st, &e);
    else
        b->is_open = true;
    return st == ST_OK;
}

static void batch_gather(struct sqlite_db *db, struct write_batch *b) {
    while (!b->is_over && b->n < BATCH_MAX && (b->n == 0 || clock_mono_ns() < b->until_ns)) {
        struct write_item *item = take_item(&db->writer);

        if (!item || !batch_open(&db->writer, b, item))
            return;
        b->n++;
        item_run(db, b, item);
    }
}

/* A commit whose fsync failed may have reached the disk all the same: a crash before the next write
 * would find it whole in the log. */
static enum status commit_status(struct sqlite_conn *conn, enum status st) {
    int code = sqlite3_extended_errcode(conn->handle);

    return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC ? ST_UNCERTAIN : st;
}

static void batch_commit(struct sqlite_db *db, struct write_batch *b) {
    struct sqlite_writer *w = &db->writer;
    struct err e = ERR_INIT;
    enum status st;

    if (!b->is_open)
        return;
    if (b->n_kept == 0) {
        batch_rollback(w, b);
        return;
    }
    st = sqlite_control(w->conn, CONTROL_COMMIT, &e);
    if (st == ST_OK) {
        db_count_commit(&db->base);
        db_count_transactions(&db->base, b->n_kept);
        return;
    }
    st = commit_status(w->conn, st);
    e.status = st;
    batch_rollback(w, b);
    batch_lose(w, b, st, &e);
}

static void batch_run(struct sqlite_db *db) {
    struct write_batch b = {.until_ns = clock_mono_ns() + BATCH_MAX_NS};

    list_init(&b.kept);
    list_init(&b.failed);
    batch_gather(db, &b);
    batch_commit(db, &b);
    db_hooks_run(&db->writer.hooks);
    items_finish(&b.kept);
    items_finish(&b.failed);
}

/* --- the thread ------------------------------------------------------------------------------ */

static int note_wal(void *ctx, sqlite3 *handle, const char *schema, int pages) {
    struct sqlite_writer *w = ctx;

    (void)handle;
    (void)schema;
    w->wal_pages = pages;
    return SQLITE_OK;
}

/* Moves the log into the database file, after the callers were woken. Done in full, the next commit
 * starts the log anew; a reader with an old snapshot prevents that, and then it is tried again only
 * after as many pages more. */
static void checkpoint(struct sqlite_writer *w) {
    int in_log = 0;
    int moved = 0;

    if (w->wal_pages < w->checkpoint_at)
        return;
    w->wal_pages = 0;
    (void)sqlite3_wal_checkpoint_v2(w->conn->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log,
                                    &moved);
    w->checkpoint_at =
        (w->is_bulk ? BULK_CHECKPOINT_PAGES : CHECKPOINT_PAGES) + (moved < in_log ? in_log : 0);
}

static const char bulk_settings[] = "PRAGMA cache_size=-24576;"
                                    "PRAGMA journal_size_limit=268435456;";

/* Rows of an import go into a handful of indexes at places all over them: with the small cache each page is read, spilled and
 * read again within one transaction. A failure leaves the cache as it is, which is only slower. */
static void settle_bulk(struct sqlite_db *db) {
    struct sqlite_writer *w = &db->writer;
    bool is_bulk = atomic_load_explicit(&db->base.bulks, memory_order_relaxed) > 0;
    struct err unused = ERR_INIT;

    if (is_bulk == w->is_bulk)
        return;
    w->is_bulk = is_bulk;
    w->checkpoint_at = is_bulk ? BULK_CHECKPOINT_PAGES : CHECKPOINT_PAGES;
    (void)sqlite_script(w->conn, is_bulk ? bulk_settings : SQLITE_WRITER_SETTINGS, &unused);
    if (!is_bulk)
        (void)sqlite3_db_release_memory(w->conn->handle);
}

static void *writer_main(void *arg) {
    struct sqlite_db *db = arg;

    (void)pthread_setname_np(pthread_self(), "db-writer");
    db_mark_thread();
    while (wait_for_work(&db->writer)) {
        settle_bulk(db);
        batch_run(db);
        checkpoint(&db->writer);
    }
    return NULL;
}

enum status sqlite_writer_start(struct sqlite_db *db, struct err *e) {
    struct sqlite_writer *w = &db->writer;

    TRY(sqlite_conn_open(db->path, true, db->base.options.timeout_ms, &w->conn, e));
    (void)sqlite3_wal_hook(w->conn->handle, note_wal, w);
    w->checkpoint_at = CHECKPOINT_PAGES;
    list_init(&w->queue);
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->filled, NULL);
    if (pthread_create(&w->thread, NULL, writer_main, db) != 0) {
        sqlite_conn_close(TAKE(w->conn));
        FAIL(e, ST_UNAVAILABLE, "could not start the database's writer thread");
    }
    return ST_OK;
}

void sqlite_writer_stop(struct sqlite_db *db) {
    struct sqlite_writer *w = &db->writer;

    if (!w->conn)
        return; /* never started */
    (void)pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_cond_signal(&w->filled);
    (void)pthread_join(w->thread, NULL);
    sqlite_conn_close(TAKE(w->conn));
    db_hooks_done(&w->hooks);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->filled);
}
