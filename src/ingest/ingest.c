/* ingest.c - an import before and around its run: uploaded, understood, changed, looked at, started, stopped.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ingest/ingest.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "conversation/conversation.h"
#include "ingest/batch.h"
#include "ingest/keep.h"

enum { SHEETS_BYTES = 64 << 10 };

/* --- understanding a file ------------------------------------------------------------------------------------------------- */

static struct str sheets_json(struct arena *a, const struct sheet *s) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SHEETS_BYTES};
    struct json_out o;

    json_out_init(&o, &b);
    json_arr(&o, NULL);
    for (size_t i = 0; i < sheet_count(s); i++) {
        json_obj(&o, NULL);
        json_put_str(&o, "name", utf8_cut_points(sheet_name(s, i), 31));
        json_put_bool(&o, "is_hidden", sheet_is_hidden(s, i));
        json_end(&o);
    }
    json_end(&o);
    return arena_str(a, buf_str(&b));
}

static enum status refuse_empty(struct err *e) {
    enum status st = err_set(e, ST_INVALID, __FILE__, __LINE__, "there are no rows in it");

    if (e)
        e->cause = "no-rows";
    return st;
}

/* Header and columns of im's sheet. find_header: else im says which row it is. */
static enum status understand(struct arena *a, struct sheet *s, bool find_header, struct import *im,
                              struct err *e) {
    struct columns *columns = arena_new_of(a, struct columns);
    const struct kept_row *header = NULL;
    struct kept_row *rows;
    size_t n, below = 0;

    TRY(keep_head(a, s, (size_t)im->sheet, COLUMN_LOOK_ROWS, &rows, &n, e));
    if (n == 0)
        return refuse_empty(e);
    if (find_header)
        im->header_row = columns_find_header(a, rows, n);
    for (; below < n && rows[below].number <= im->header_row; below++)
        if (rows[below].number == im->header_row)
            header = &rows[below];
    columns_find(a, header, rows + below, n - below, columns);
    im->columns = columns_json(a, columns);
    return ST_OK;
}

/* The first sheet that people see and that has rows. */
static enum status choose_sheet(struct arena *a, struct sheet *s, struct import *im,
                                struct err *e) {
    for (size_t i = 0; i < sheet_count(s); i++) {
        struct err why = ERR_INIT;
        enum status st;

        if (sheet_is_hidden(s, i))
            continue;
        im->sheet = (int64_t)i;
        st = understand(a, s, true, im, &why);
        if (st == ST_OK)
            return ST_OK;
        if (!why.cause || strcmp(why.cause, "no-rows") != 0) {
            if (e)
                *e = why;
            return st;
        }
    }
    return refuse_empty(e);
}

static enum status examine(struct ingest_deps *d, struct arena *a, struct import *im,
                           struct err *e) {
    ATTR_CLEANUP(opened_close_p) struct opened o = {.fd = -1};

    TRY(keep_open(d, a, im, &o, e));
    im->kind = sheet_kind(o.sheet) == SHEET_XLSX ? STR("xlsx") : STR("csv");
    im->sheets = sheets_json(a, o.sheet);
    return choose_sheet(a, o.sheet, im, e);
}

static enum status insert_tx(struct tx *tx, void *ctx, struct err *e) {
    return store_import_insert(tx, ctx, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status ingest_add(struct ingest_deps *d, struct arena *a, struct tenant_id tenant,
                       struct ingest_file file, struct str name, struct str actor,
                       struct import *ret, struct err *e) {
    struct import im = {.id.v = uuid_new(),
                        .tenant = tenant,
                        .name = utf8_cut_points(utf8_repair(a, name), INGEST_NAME_MAX),
                        .state = STR("ready"),
                        .actor = actor,
                        .policy = STR("fill"),
                        .tags = STR("[]"),
                        .created_at_ms = clock_now_ms()};
    enum status st;

    im.updated_at_ms = im.created_at_ms;
    TRY(keep_file(d, a, &im, file, &im.sha256, &im.size, e));
    st = examine(d, a, &im, e);
    if (st == ST_OK)
        st = db_write(d->db, DB_TENANT(tenant), insert_tx, &im, e);
    if (st != ST_OK) {
        keep_remove(d, a, tenant, im.id);
        return st;
    }
    *ret = im;
    return ST_OK;
}

/* --- finding them --------------------------------------------------------------------------------------------------------- */

enum status ingest_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct import_id id,
                       struct import *ret, struct err *e) {
    return store_import_get(a, tx, tenant, id, false, ret, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status ingest_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct import_id after, size_t limit, struct import **ret, size_t *ret_n,
                        struct err *e) {
    return store_import_list(a, tx, tenant, after, limit, ret, ret_n, e);
}

enum status ingest_find_unfinished(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct str sha256, struct import *ret, struct err *e) {
    struct db_rows rows;

    TRY(store_import_unfinished(a, tx, tenant, sha256, &rows, e));
    if (rows.n == 0)
        return ST_NOT_FOUND;
    return store_import_get(a, tx, tenant, (struct import_id){db_uuid(&rows, 0, 0)}, false, ret, e);
}

/* --- changing ------------------------------------------------------------------------------------------------------------- */

struct changing {
    struct ingest_deps *d;
    struct arena *a;
    const struct ingest_change *change;
    struct import im, found; /* found: as understood anew */
    bool is_found;
};

static enum status read_tx(struct tx *tx, void *ctx, struct err *e) {
    struct changing *x = ctx;
    struct tenant_id tenant = x->im.tenant;

    return store_import_get(x->a, tx, tenant, x->im.id, false, &x->im, e);
}

static enum status read_number(const struct json *v, const char *what, int64_t max, int64_t *ret,
                               struct err *e) {
    if (!v)
        return ST_OK;
    if (json_type(v) != JSON_INT || json_i64(v, -1) < 0 || json_i64(v, -1) > max)
        FAIL(e, ST_INVALID, "%s: a number from 0 to %lld", what, (long long)max);
    *ret = json_i64(v, 0);
    return ST_OK;
}

/* The file is read outside the transaction. */
static enum status understand_again(struct changing *x, struct err *e) {
    ATTR_CLEANUP(opened_close_p) struct opened o = {.fd = -1};
    const struct ingest_change *c = x->change;

    x->found = x->im;
    if (!c->sheet && !c->header_row)
        return ST_OK;
    TRY(keep_open(x->d, x->a, &x->im, &o, e));
    TRY(read_number(c->sheet, "sheet", (int64_t)sheet_count(o.sheet) - 1, &x->found.sheet, e));
    TRY(read_number(c->header_row, "header_row", SHEET_MAX_ROWS, &x->found.header_row, e));
    x->is_found = true;
    return understand(x->a, o.sheet, !c->header_row, &x->found, e);
}

static enum status change_columns(struct changing *x, struct err *e) {
    const struct json *list = x->change->columns;
    struct columns *columns = arena_new_of(x->a, struct columns);

    if (!list)
        return ST_OK;
    TRY(columns_parse(x->a, x->im.columns, columns, e));
    if (json_type(list) != JSON_ARRAY)
        FAIL(e, ST_INVALID, "columns: an array of {\"index\", \"target\"}");
    for (size_t i = 0; i < json_len(list); i++) {
        int64_t index = json_i64(json_get(json_at(list, i), "index"), -1);
        struct column *c = NULL;

        for (size_t k = 0; k < columns->n; k++)
            if ((int64_t)columns->items[k].index == index)
                c = &columns->items[k];
        if (!c)
            FAIL(e, ST_INVALID, "columns: there is no column with index %lld", (long long)index);
        if (!target_parse(json_str(json_get(json_at(list, i), "target")), &c->target, &c->field))
            FAIL(e, ST_INVALID,
                 "columns: target is name, company, document, phone, phone_area, email, tags,"
                 " ignore or field:NAME");
    }
    x->im.columns = columns_json(x->a, columns);
    return ST_OK;
}

static enum status change_rest(struct changing *x, struct err *e) {
    const struct json *policy = x->change->policy, *tags = x->change->tags;
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = SHEETS_BYTES};
    enum lead_policy parsed;

    if (policy) {
        if (!policy_parse(json_str(policy), &parsed))
            FAIL(e, ST_INVALID, "policy: skip, fill or overwrite");
        x->im.policy = json_str(policy);
    }
    if (!tags)
        return ST_OK;
    if (json_type(tags) != JSON_ARRAY || json_len(tags) > INGEST_TAGS_MAX)
        FAIL(e, ST_INVALID, "tags: an array of at most %d texts", INGEST_TAGS_MAX);
    for (size_t i = 0; i < json_len(tags); i++)
        if (json_type(json_at(tags, i)) != JSON_STRING ||
            utf8_count(json_str(json_at(tags, i))) > LEAD_TAG_MAX)
            FAIL(e, ST_INVALID, "tags: each is a text of at most %d characters", LEAD_TAG_MAX);
    json_write(&b, tags);
    x->im.tags = arena_str(x->a, buf_str(&b));
    return ST_OK;
}

static enum status change_tx(struct tx *tx, void *ctx, struct err *e) {
    struct changing *x = ctx;
    struct tenant_id tenant = x->im.tenant;
    struct import_id id = x->im.id;

    TRY(store_import_get(x->a, tx, tenant, id, true, &x->im, e));
    if (!str_eq(x->im.state, STR("ready")))
        FAIL(e, ST_CONFLICT, "the import is %.*s: only one that is ready can be changed",
             STR_ARG(x->im.state));
    if (x->is_found) {
        x->im.sheet = x->found.sheet;
        x->im.header_row = x->found.header_row;
        x->im.columns = x->found.columns;
    }
    TRY(change_columns(x, e));
    TRY(change_rest(x, e));
    x->im.has_check = false;
    x->im.updated_at_ms = clock_now_ms();
    return store_import_shape(tx, &x->im, e);
}

enum status ingest_change(struct ingest_deps *d, struct arena *a, struct tenant_id tenant,
                          struct import_id id, const struct ingest_change *change,
                          struct import *ret, struct err *e) {
    struct changing x = {.d = d, .a = a, .change = change, .im = {.id = id, .tenant = tenant}};

    TRY(db_read(d->db, DB_TENANT(tenant), read_tx, &x, e));
    TRY(understand_again(&x, e));
    TRY(db_write(d->db, DB_TENANT(tenant), change_tx, &x, e));
    *ret = x.im;
    return ST_OK;
}

/* --- steps ---------------------------------------------------------------------------------------------------------------- */

static enum status put_job(struct arena *a, struct tx *tx, const struct import *im, struct err *e) {
    struct str id = uuid_format(a, im->id.v), tenant = uuid_format(a, im->tenant.v);

    return queue_put(
        tx,
        (struct job_put){.tenant = im->tenant,
                         .kind = INGEST_RUN_JOB,
                         .lane = arena_printf(a, "import:%.*s", STR_ARG(tenant)),
                         .key = id,
                         .coalesce = QUEUE_KEEP,
                         .priority = QUEUE_BULK,
                         .payload = arena_printf(a, "{\"import\":\"%.*s\"}", STR_ARG(id))},
        NULL, e);
}

static bool is_one_of(struct str s, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(s, str_of(words[i])))
            return true;
    return false;
}

/* Somebody without number, address or document could never be found again. */
static enum status want_key(struct arena *a, const struct import *im, struct err *e) {
    struct columns *columns = arena_new_of(a, struct columns);
    enum status st;

    TRY(columns_parse(a, im->columns, columns, e));
    for (size_t i = 0; i < columns->n; i++) {
        enum target t = columns->items[i].target;

        if (t == TARGET_PHONE || t == TARGET_EMAIL || t == TARGET_DOCUMENT)
            return ST_OK;
    }
    st =
        err_set(e, ST_INVALID, __FILE__, __LINE__,
                "no column holds telephone numbers, e-mail addresses or documents: say which does");
    if (e)
        e->cause = "no-key-column";
    return st;
}

static enum status begin(struct arena *a, struct import *im, bool is_check, struct err *e) {
    bool goes_on = !is_check && !str_eq(im->state, STR("ready"));

    TRY(want_key(a, im, e));
    if (is_check) {
        im->check = (struct ingest_counts){0};
        im->has_check = false;
    }
    if (!goes_on)
        im->place = im->permille = 0;
    if (!is_check && im->started_at_ms == 0)
        im->started_at_ms = im->updated_at_ms;
    im->state = is_check ? STR("checking") : STR("running");
    im->cause = im->reason = STR_EMPTY;
    im->finished_at_ms = 0;
    return ST_OK;
}

static enum status cancel(struct import *im) {
    bool is_check = str_eq(im->state, STR("checking")); /* what is left is a ready one */

    im->state = is_check ? STR("ready") : STR("cancelled");
    if (is_check)
        im->place = im->permille = 0;
    else
        im->finished_at_ms = im->updated_at_ms;
    return ST_OK;
}

static void begin_undo(struct import *im) {
    im->state = STR("undoing");
    im->place = INT32_MAX;
    im->permille = 0;
    im->undone = 0;
    im->finished_at_ms = 0;
}

static enum status change_state(struct arena *a, struct import *im, enum ingest_step step,
                                struct err *e) {
    static const char *const checkable[] = {"ready"},
                             *const startable[] = {"ready", "cancelled", "failed"},
                             *const stoppable[] = {"ready", "checking", "running"},
                             *const undoable[] = {"done", "cancelled", "failed"};
    static const struct {
        const char *const *from;
        size_t n;
        const char *what;
    } steps[] = {
        [INGEST_CHECK] = {checkable, ARRAY_LEN(checkable), "checked"},
        [INGEST_COMMIT] = {startable, ARRAY_LEN(startable), "started"},
        [INGEST_CANCEL] = {stoppable, ARRAY_LEN(stoppable), "cancelled"},
        [INGEST_UNDO] = {undoable, ARRAY_LEN(undoable), "taken back"},
    };

    if (!is_one_of(im->state, steps[step].from, steps[step].n))
        FAIL(e, ST_CONFLICT, "the import is %.*s: it cannot be %s now", STR_ARG(im->state),
             steps[step].what);
    switch (step) {
    case INGEST_CHECK:
        return begin(a, im, true, e);
    case INGEST_COMMIT:
        return begin(a, im, false, e);
    case INGEST_CANCEL:
        return cancel(im);
    case INGEST_UNDO:
        begin_undo(im);
        return ST_OK;
    }
    return ST_OK;
}

/* Half of an import taken back would be worse than none. */
static enum status want_rows(struct arena *a, struct tx *tx, const struct import *im,
                             struct err *e) {
    int64_t n;

    TRY(store_rows_count(a, tx, im, &n, e));
    if (n < im->counts.rows)
        FAIL(e, ST_CONFLICT,
             "what became of the import's rows is no longer kept: it cannot be taken back");
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status ingest_step(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct import_id id, enum ingest_step step, bool with_job, int64_t now_ms,
                        struct import *ret, struct err *e) {
    struct import im;
    struct str text;

    TRY(store_import_get(a, tx, tenant, id, true, &im, e));
    im.updated_at_ms = now_ms;
    TRY(change_state(a, &im, step, e));
    if (step == INGEST_UNDO)
        TRY(want_rows(a, tx, &im, e));
    TRY(store_import_put(tx, &im, e));
    if (with_job && step != INGEST_CANCEL)
        TRY(put_job(a, tx, &im, e));
    text = uuid_format(a, im.id.v);
    TRY(event_add(
        tx,
        (struct event){.tenant = tenant,
                       .kind = STR("import.progress"),
                       .data = arena_printf(a,
                                            "{\"import\":\"%.*s\",\"state\":\"%.*s\","
                                            "\"permille\":%lld,\"rows\":%lld}",
                                            STR_ARG(text), STR_ARG(im.state),
                                            (long long)im.permille, (long long)im.counts.rows),
                       .at_ms = now_ms},
        e));
    *ret = im;
    return ST_OK;
}

/* --- jobs ----------------------------------------------------------------------------------------------------------------- */

enum status ingest_run_job(struct app *app, struct arena *a, const struct job *job,
                           struct verdict *ret_verdict, struct err *e) {
    const struct json *payload;
    struct import_id id;
    bool is_over;

    TRY(json_parse(a, job->payload, JSON_LIMITS_DEFAULT, &payload, e));
    if (!uuid_parse(json_str(json_get(payload, "import")), &id.v))
        FAIL(e, ST_INVALID, "the job names no import");
    TRY(ingest_run(app_ingest(app), job->tenant, id, job, NULL, NULL, &is_over, e));
    if (!is_over)
        *ret_verdict = (struct verdict){.kind = VERDICT_AGAIN, .after_ms = 1};
    return ST_OK;
}

enum { STALE_MS = 60 * 1000 };
#define DAY_MS        (24LL * 3600 * 1000)
#define READY_KEEP_MS (7 * DAY_MS)
#define OVER_KEEP_MS  (30 * DAY_MS)

struct watching {
    struct arena *a;
    struct db_rows stale, gone;
};

static enum status watch_tx(struct tx *tx, void *ctx, struct err *e) {
    struct watching *w = ctx;
    int64_t now = clock_now_ms();

    TRY(store_import_stale(w->a, tx, now - STALE_MS, &w->stale, e));
    for (size_t i = 0; i < w->stale.n; i++) {
        const struct import im = {.id.v = db_uuid(&w->stale, i, 0),
                                  .tenant.v = db_uuid(&w->stale, i, 1)};

        TRY(put_job(w->a, tx, &im, e));
    }
    return store_import_forget_files(w->a, tx, now - READY_KEEP_MS, now - OVER_KEEP_MS, &w->gone,
                                     e);
}

/* --- files that nobody knows --------------------------------------------------------------------------------------------- */

/* A file is older than its import's row; an hour is longer than any upload takes between the two. */
enum { ORPHAN_MS = 3600 * 1000, SWEEP_FILES = 10000 };

struct sweeping {
    struct arena *a;
    struct kept_file *files;
    size_t n;
};

static enum status known_tx(struct tx *tx, void *ctx, struct err *e) {
    struct sweeping *s = ctx;

    for (size_t i = 0; i < s->n; i++)
        if (!s->files[i].is_part)
            TRY(store_import_has_file(s->a, tx, s->files[i].tenant, s->files[i].id,
                                      &s->files[i].is_known, e));
    return ST_OK;
}

/* What a process left that died between a file and its row, or between forgetting it and removing it. */
static enum status sweep(struct ingest_deps *d, struct arena *a, struct err *e) {
    struct sweeping s = {.a = a, .files = arena_array_of(a, SWEEP_FILES, struct kept_file)};

    s.n = keep_list_old(d, a, clock_now_ms() - ORPHAN_MS, s.files, SWEEP_FILES);
    if (s.n == 0)
        return ST_OK;
    TRY(db_read(d->db, DB_SYSTEM, known_tx, &s, e));
    for (size_t i = 0; i < s.n; i++)
        if (!s.files[i].is_known)
            keep_remove_file(d, a, &s.files[i]);
    return ST_OK;
}

/* --- rows of old imports ------------------------------------------------------------------------------------------------- */

/* A run takes away so much at most; what is left waits for the next minute's. */
enum { FORGET_ROWS = 2000, FORGET_BATCHES = 20 };

struct forgetting {
    struct arena a;
    int64_t before_ms;
    bool is_over;
};

static enum status forget_tx(struct tx *tx, void *ctx, struct err *e) {
    struct forgetting *f = ctx;
    struct import im;

    TRY(store_rows_old(&f->a, tx, f->before_ms, &im, e));
    f->is_over = uuid_is_nil(im.id.v);
    return f->is_over ? ST_OK : store_rows_delete(tx, &im, FORGET_ROWS, e);
}

static enum status forget_rows(struct ingest_deps *d, struct err *e) {
    struct forgetting f = {.before_ms = clock_now_ms() - d->rows_keep_ms};
    enum status st = ST_OK;

    for (int i = 0; i < FORGET_BATCHES && d->rows_keep_ms > 0 && !f.is_over && st == ST_OK; i++) {
        st = db_write(d->db, DB_SYSTEM, forget_tx, &f, e);
        arena_reset(&f.a);
    }
    arena_done(&f.a);
    return st;
}

enum status ingest_watch_job(struct app *app, struct arena *a, const struct job *job,
                             struct verdict *ret_verdict, struct err *e) {
    struct ingest_deps *d = app_ingest(app);
    struct watching w = {.a = a};

    (void)job, (void)ret_verdict;
    TRY(db_write(d->db, DB_SYSTEM, watch_tx, &w, e));
    for (size_t i = 0; i < w.gone.n; i++)
        keep_remove(d, a, (struct tenant_id){db_uuid(&w.gone, i, 1)},
                    (struct import_id){db_uuid(&w.gone, i, 0)});
    TRY(sweep(d, a, e));
    return forget_rows(d, e);
}
