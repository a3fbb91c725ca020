/* run.c - an import at work: one thread reads and prepares rows, this one puts them, batch by batch.
 *
 *   file ─► feed thread: rows ─ records ─ numbers checked ──two batches──► one transaction: fence, still wanted and still at my
 *                                                                          place? put, rows' outcomes, new place, event
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "base/clock.h"
#include "conversation/conversation.h"
#include "ingest/batch.h"
#include "ingest/keep.h"

enum {
    FEED_BATCHES = 2,
    EVENT_EVERY_MS = 500,
    TRIES = 8,
    UNDO_ROWS = 500,
    SLICE_MS = 10000, /* while others wait for a worker: going on reads the file anew */
};

/* --- the feed thread ----------------------------------------------------------------------------------------------------- */

struct feed {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct sheet *sheet;
    const struct recipe *recipe;
    const char *region;
    int64_t after;
    struct batch *batches; /* FEED_BATCHES: number i is at i % FEED_BATCHES */
    uint64_t filled, used; /* numbers of batches; used <= filled <= used + FEED_BATCHES */
    bool is_stopped;
};

static void *feed_main(void *ctx) {
    struct feed *f = ctx;
    bool is_over = false;

    while (!is_over) {
        struct batch *b;

        pthread_mutex_lock(&f->lock);
        while (!f->is_stopped && f->filled == f->used + FEED_BATCHES)
            pthread_cond_wait(&f->moved, &f->lock);
        is_over = f->is_stopped;
        b = &f->batches[f->filled % FEED_BATCHES];
        pthread_mutex_unlock(&f->lock);
        if (is_over)
            break;
        batch_fill(b, f->sheet, f->recipe, f->after, BATCH_ROWS, f->region);
        is_over = b->is_last;
        pthread_mutex_lock(&f->lock);
        f->filled++;
        pthread_cond_broadcast(&f->moved);
        pthread_mutex_unlock(&f->lock);
    }
    return NULL;
}

static void feed_start(struct feed *f) {
    f->batches = calloc(FEED_BATCHES, sizeof(*f->batches));
    if (!f->batches)
        abort();
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->moved, NULL);
    if (pthread_create(&f->thread, NULL, feed_main, f) != 0)
        abort();
}

static void feed_stop(struct feed *f) {
    pthread_mutex_lock(&f->lock);
    f->is_stopped = true;
    pthread_cond_broadcast(&f->moved);
    pthread_mutex_unlock(&f->lock);
    (void)pthread_join(f->thread, NULL);
    for (size_t i = 0; i < FEED_BATCHES; i++)
        arena_done(&f->batches[i].a);
    free(f->batches);
    pthread_cond_destroy(&f->moved);
    pthread_mutex_destroy(&f->lock);
}

static struct batch *feed_next(struct feed *f) {
    struct batch *b;

    pthread_mutex_lock(&f->lock);
    while (f->filled == f->used)
        pthread_cond_wait(&f->moved, &f->lock);
    b = &f->batches[f->used % FEED_BATCHES];
    pthread_mutex_unlock(&f->lock);
    return b;
}

static void feed_release(struct feed *f) {
    pthread_mutex_lock(&f->lock);
    f->used++;
    pthread_cond_broadcast(&f->moved);
    pthread_mutex_unlock(&f->lock);
}

/* --- one run ------------------------------------------------------------------------------------------------------------- */

struct run {
    struct ingest_deps *d;
    struct arena a;    /* lives as long as the run */
    struct arena step; /* of one transaction */
    const struct job *job;
    struct import im; /* as the database has it */
    struct recipe recipe;
    const struct batch *batch;
    int64_t place; /* where this run stands */
    int64_t told_ms, began_ms;
    bool is_over;
    struct str cause, reason; /* why it fails */
    ingest_progress_fn progress;
    void *ctx;
};

static enum status tell(struct run *r, struct tx *tx, const struct import *im, bool is_change,
                        struct err *e) {
    int64_t now = clock_now_ms();
    struct str id = uuid_format(&r->step, im->id.v);

    if (!is_change && now - r->told_ms < EVENT_EVERY_MS)
        return ST_OK;
    r->told_ms = now;
    return event_add(
        tx,
        (struct event){
            .tenant = im->tenant,
            .kind = STR("import.progress"),
            .data = arena_printf(
                &r->step,
                "{\"import\":\"%.*s\",\"state\":\"%.*s\",\"permille\":%lld,\"rows\":%lld}",
                STR_ARG(id), STR_ARG(im->state), (long long)im->permille,
                (long long)im->counts.rows),
            .at_ms = now},
        e);
}

/* The import, locked, if it still is in that state and this run's to go on with; else is_over. */
static enum status hold(struct run *r, struct tx *tx, struct str state, struct import *ret,
                        struct err *e) {
    arena_reset(&r->step);
    r->is_over = false;
    if (r->job)
        TRY(queue_fence(tx, r->job, e));
    TRY(store_import_get(&r->step, tx, r->im.tenant, r->im.id, true, ret, e));
    r->is_over = !str_eq(ret->state, state) || ret->place != r->place;
    return ST_OK;
}

static void finish(struct import *im, struct str state) {
    im->state = state;
    im->permille = 1000;
    im->finished_at_ms = im->updated_at_ms;
}

static enum status save(struct run *r, struct tx *tx, struct import *im, bool is_change,
                        struct err *e) {
    TRY(store_import_put(tx, im, e));
    return tell(r, tx, im, is_change, e);
}

/* Keeps what outlives the step. */
static void keep_state(struct run *r, const struct import *im) {
    struct import kept = r->im;

    kept.state = arena_str(&r->a, im->state);
    kept.counts = im->counts;
    kept.check = im->check;
    kept.has_check = im->has_check;
    kept.permille = im->permille;
    kept.place = im->place;
    kept.undone = im->undone;
    kept.cause = arena_str(&r->a, im->cause);
    kept.reason = arena_str(&r->a, im->reason);
    r->im = kept;
}

/* --- putting ------------------------------------------------------------------------------------------------------------- */

struct trial {
    struct run *r;
    struct import *im;
    bool is_done;
};

/* Puts everything and fails, so that nothing of it stays. */
static enum status try_tx(struct tx *tx, void *ctx, struct err *e) {
    struct trial *t = ctx;
    struct stored_row *rows;

    TRY(batch_put(&t->r->step, tx, t->im, &t->r->recipe, t->r->batch, &rows, &t->im->check, e));
    t->is_done = true;
    FAIL(e, ST_CONFLICT, "tried only");
}

static enum status try_batch(struct run *r, struct tx *tx, struct import *im, struct err *e) {
    struct trial t = {.r = r, .im = im};
    struct err why = ERR_INIT;
    enum status st;

    im->has_check = true;
    if (r->batch->n == 0)
        return ST_OK;
    st = tx_nested(tx, try_tx, &t, &why);
    if (t.is_done)
        return ST_OK;
    if (e)
        *e = why;
    return st;
}

static void end_check(struct import *im) {
    im->state = STR("ready");
    im->place = im->permille = 0;
}

static enum status check_tx(struct tx *tx, void *ctx, struct err *e) {
    struct run *r = ctx;
    struct import im;

    TRY(hold(r, tx, STR("checking"), &im, e));
    if (r->is_over)
        return ST_OK;
    TRY(try_batch(r, tx, &im, e));
    if (r->batch->n > 0)
        im.place = r->batch->last_number;
    im.permille = r->batch->permille;
    im.updated_at_ms = clock_now_ms();
    if (r->batch->is_last)
        end_check(&im);
    TRY(save(r, tx, &im, r->batch->is_last, e));
    keep_state(r, &im);
    return ST_OK;
}

static enum status put_tx(struct tx *tx, void *ctx, struct err *e) {
    struct run *r = ctx;
    struct stored_row *rows;
    struct import im;

    TRY(hold(r, tx, STR("running"), &im, e));
    if (r->is_over)
        return ST_OK;
    TRY(batch_put(&r->step, tx, &im, &r->recipe, r->batch, &rows, &im.counts, e));
    TRY(store_rows_insert(&r->step, tx, &im, rows, r->batch->n, e));
    if (r->batch->n > 0)
        im.place = r->batch->last_number;
    im.permille = r->batch->permille;
    im.updated_at_ms = clock_now_ms();
    if (r->batch->is_last)
        finish(&im, STR("done"));
    TRY(save(r, tx, &im, r->batch->is_last, e));
    keep_state(r, &im);
    return ST_OK;
}

static enum status fail_tx(struct tx *tx, void *ctx, struct err *e) {
    struct run *r = ctx;
    struct import im;

    TRY(hold(r, tx, r->im.state, &im, e));
    if (r->is_over)
        return ST_OK;
    im.updated_at_ms = clock_now_ms();
    im.cause = r->cause;
    im.reason = r->reason;
    finish(&im, STR("failed"));
    TRY(save(r, tx, &im, true, e));
    keep_state(r, &im);
    return ST_OK;
}

/* Somebody else may put the same people at this moment: then the batch is put again. */
static enum status write_patiently(struct run *r, tx_fn fn, struct err *e) {
    for (int i = 1;; i++) {
        struct err why = ERR_INIT;
        enum status st = db_write(r->d->db, DB_TENANT(r->im.tenant), fn, r, &why);

        if (st == ST_OK || st != ST_CONFLICT || i == TRIES) {
            if (st != ST_OK && e)
                *e = why;
            return st;
        }
    }
}

static enum status fail_import(struct run *r, const struct err *why, struct err *e) {
    r->cause = str_of(why->cause ? why->cause : status_name(why->status));
    r->reason = str_of(why->message);
    TRY(write_patiently(r, fail_tx, e));
    r->is_over = true;
    return ST_OK;
}

static bool is_file_at_fault(enum status st) {
    return st == ST_INVALID || st == ST_NOT_FOUND;
}

/* The next run goes on where this one ends. */
static bool must_give_way(const struct run *r) {
    return r->d->is_stopping ||
           (r->job && clock_mono_ms() - r->began_ms > SLICE_MS && queue_is_crowded(r->job));
}

/* Batches from the feed until one is the last. */
static enum status put_all(struct run *r, struct feed *f, tx_fn fn, struct err *e) {
    while (!r->is_over && !must_give_way(r)) {
        r->batch = feed_next(f);
        if (is_file_at_fault(r->batch->st))
            return fail_import(r, &r->batch->err, e);
        if (r->batch->st != ST_OK) {
            if (e)
                *e = r->batch->err;
            return r->batch->st;
        }
        TRY(write_patiently(r, fn, e));
        if (!r->is_over)
            r->place = r->im.place;
        r->is_over = r->is_over || r->batch->is_last;
        if (r->progress)
            r->progress(r->ctx, &r->im);
        feed_release(f);
    }
    return ST_OK;
}

static enum status run_rows(struct run *r, tx_fn fn, struct err *e) {
    ATTR_CLEANUP(opened_close_p) struct opened o = {.fd = -1};
    struct feed f = {.recipe = &r->recipe, .region = r->d->region, .after = r->place};
    struct err why = ERR_INIT;
    enum status st;

    TRY(recipe_of(&r->a, &r->im, &r->recipe, e));
    st = keep_open(r->d, &r->a, &r->im, &o, &why);
    if (st == ST_OK)
        st = sheet_start(o.sheet, (size_t)r->im.sheet, &why);
    if (is_file_at_fault(st))
        return fail_import(r, &why, e);
    if (st != ST_OK) {
        if (e)
            *e = why;
        return st;
    }
    f.sheet = o.sheet;
    feed_start(&f);
    st = put_all(r, &f, fn, e);
    feed_stop(&f);
    return st;
}

/* --- taking back --------------------------------------------------------------------------------------------------------- */

static struct lead_put_result *puts_of(struct arena *a, const struct db_rows *rows) {
    struct lead_put_result *puts = arena_array_of(a, rows->n + 1, struct lead_put_result);

    for (size_t i = 0; i < rows->n; i++)
        puts[i] = (struct lead_put_result){
            .outcome = db_i64(rows, i, 1) == INGEST_CREATED ? LEAD_CREATED : LEAD_UPDATED,
            .id.v = db_uuid(rows, i, 2),
            .before = db_text(rows, i, 3)};
    return puts;
}

static enum status undo_tx(struct tx *tx, void *ctx, struct err *e) {
    struct run *r = ctx;
    struct db_rows rows;
    struct import im;
    size_t n = 0;

    TRY(hold(r, tx, STR("undoing"), &im, e));
    if (r->is_over)
        return ST_OK;
    im.updated_at_ms = clock_now_ms();
    TRY(store_rows_to_undo(&r->step, tx, &im, UNDO_ROWS, &rows, e));
    if (rows.n > 0) {
        int64_t from = db_i64(&rows, rows.n - 1, 0), to = db_i64(&rows, 0, 0);

        TRY(lead_put_undo(&r->step, tx, im.tenant, puts_of(&r->step, &rows), rows.n,
                          im.updated_at_ms, &n, e));
        TRY(store_rows_undone(tx, &im, from, to, e));
        im.place = from - 1;
    }
    im.undone += (int64_t)n;
    im.permille =
        im.counts.rows > 0 && rows.n > 0 ? 1000 - im.place * 1000 / (im.counts.rows + 1) : 1000;
    if (im.permille < 0)
        im.permille = 0;
    if (rows.n < UNDO_ROWS)
        finish(&im, STR("undone"));
    TRY(save(r, tx, &im, rows.n < UNDO_ROWS, e));
    keep_state(r, &im);
    return ST_OK;
}

static enum status undo_all(struct run *r, struct err *e) {
    while (!r->is_over && !must_give_way(r)) {
        TRY(write_patiently(r, undo_tx, e));
        r->place = r->im.place;
        r->is_over = r->is_over || !str_eq(r->im.state, STR("undoing"));
        if (r->progress)
            r->progress(r->ctx, &r->im);
    }
    return ST_OK;
}

/* --- the door ------------------------------------------------------------------------------------------------------------ */

static enum status load_tx(struct tx *tx, void *ctx, struct err *e) {
    struct run *r = ctx;
    struct tenant_id tenant = r->im.tenant;

    return store_import_get(&r->a, tx, tenant, r->im.id, false, &r->im, e);
}

/* As long as rows go in or out, much is written. */
static enum status run_bulk(struct run *r, enum status (*fn)(struct run *r, struct err *e),
                            struct err *e) {
    enum status st;

    db_bulk_begin(r->d->db);
    st = fn(r, e);
    db_bulk_end(r->d->db);
    return st;
}

static enum status put_rows(struct run *r, struct err *e) {
    return run_rows(r, put_tx, e);
}

static enum status check_rows(struct run *r, struct err *e) {
    return run_rows(r, check_tx, e);
}

static enum status run_state(struct run *r, struct err *e) {
    TRY(db_read(r->d->db, DB_TENANT(r->im.tenant), load_tx, r, e));
    r->place = r->im.place;
    if (str_eq(r->im.state, STR("running")))
        return run_bulk(r, put_rows, e);
    if (str_eq(r->im.state, STR("checking")))
        return run_bulk(r, check_rows, e);
    if (str_eq(r->im.state, STR("undoing")))
        return run_bulk(r, undo_all, e);
    r->is_over = true; /* cancelled meanwhile, or done */
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status ingest_run(struct ingest_deps *d, struct tenant_id tenant, struct import_id id,
                       const struct job *job, ingest_progress_fn progress, void *ctx,
                       bool *ret_is_over, struct err *e) {
    struct run *r = calloc(1, sizeof(*r)); /* a recipe is large */
    enum status st;

    if (!r)
        abort();
    r->d = d;
    r->im.id = id;
    r->im.tenant = tenant;
    r->job = job;
    r->began_ms = clock_mono_ms();
    r->progress = progress;
    r->ctx = ctx;
    st = run_state(r, e);
    *ret_is_over = r->is_over;
    arena_done(&r->a);
    arena_done(&r->step);
    free(r);
    return st;
}
