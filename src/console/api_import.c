/* api_import.c - spreadsheets in: upload, decide, look, start, follow, take back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "ingest/ingest.h"

enum { UPLOADS_PER_MIN = 20, ANSWER_MAX = 4 << 20, PREVIEW_DEFAULT = 50 };

static struct import_id import_of(const struct api *x) {
    return (struct import_id){x->id};
}

/* --- as JSON ---------------------------------------------------------------------------------------------------------- */

static void put_counts(struct json_out *o, const char *key, const struct ingest_counts *c) {
    json_obj(o, key);
    json_put_i64(o, "rows", c->rows);
    json_put_i64(o, "created", c->created);
    json_put_i64(o, "updated", c->updated);
    json_put_i64(o, "skipped", c->skipped);
    json_put_i64(o, "failed", c->failed);
    json_put_i64(o, "noted", c->noted);
    json_end(o);
}

static void put_import(struct json_out *o, const struct import *im) {
    json_put_id(o, "id", im->id.v);
    json_put_str(o, "name", im->name);
    json_put_str(o, "kind", im->kind);
    json_put_i64(o, "size", im->size);
    json_put_str(o, "state", im->state);
    json_put_raw(o, "sheets", im->sheets);
    json_put_i64(o, "sheet", im->sheet);
    json_put_i64(o, "header_row", im->header_row);
    json_put_raw(o, "columns", im->columns);
    json_put_str(o, "policy", im->policy);
    json_put_raw(o, "tags", im->tags);
    json_put_i64(o, "permille", im->permille);
    put_counts(o, "counts", &im->counts);
    if (im->has_check)
        put_counts(o, "check", &im->check);
    else
        json_put_null(o, "check");
    json_put_i64(o, "undone", im->undone);
    json_put_str_or_null(o, "cause", im->cause);
    json_put_str_or_null(o, "reason", im->reason);
    json_put_str(o, "actor", im->actor);
    json_put_time(o, "created_at", im->created_at_ms);
    json_put_time(o, "updated_at", im->updated_at_ms);
    json_put_time(o, "started_at", im->started_at_ms);
    json_put_time(o, "finished_at", im->finished_at_ms);
}

static void answer_import(struct api *x, const struct import *im) {
    put_import(api_begin(x), im);
    json_end(&x->o);
}

/* --- upload, change, look: they read the file, so no transaction stands open ------------------------------------------------ */

/* A refused file says why also as a slug. */
static enum status refuse(struct api *x, struct resp *ret, enum status st, const struct err *e) {
    if (st != ST_INVALID || !e->cause)
        return st;
    resp_problem(x->r, ret, e, NULL);
    resp_problem_add(x->r, ret, arena_printf(x->r->arena, "{\"cause\":\"%s\"}", e->cause));
    return ST_OK;
}

static enum status import_post(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    struct api x = {.app = app, .r = r, .tenant = r->principal.tenant};
    struct str name = req_query(r, "name");
    struct import im;
    enum status st;

    st = ingest_add(app_ingest(app), r->arena, x.tenant,
                    (struct ingest_file){.bytes = r->body, .fd = -1},
                    name.len > 0 ? name : STR("planilha"), api_actor(&x), &im, e);
    if (st != ST_OK)
        return refuse(&x, ret, st, e);
    buf_init(&x.out, ANSWER_MAX);
    json_out_init(&x.o, &x.out);
    json_obj(&x.o, NULL);
    put_import(&x.o, &im);
    json_end(&x.o);
    resp_json(r, ret, 201, &x.out);
    buf_done(&x.out);
    return ST_OK;
}

static enum status change(struct api *x, struct resp *ret, struct err *e) {
    const struct ingest_change change = {.sheet = json_get(x->body, "sheet"),
                                         .header_row = json_get(x->body, "header_row"),
                                         .columns = json_get(x->body, "columns"),
                                         .policy = json_get(x->body, "policy"),
                                         .tags = json_get(x->body, "tags")};
    struct import im;

    enum status st =
        ingest_change(app_ingest(x->app), x->r->arena, x->tenant, import_of(x), &change, &im, e);

    if (st != ST_OK)
        return refuse(x, ret, st, e);
    answer_import(x, &im);
    resp_json(x->r, ret, 200, &x->out);
    return ST_OK;
}

static enum status import_patch(struct app *app, struct req *r, struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;

    TRY(api_start(&x, app, r, e));
    return change(&x, ret, e);
}

static enum status import_preview_get(struct app *app, struct req *r, struct resp *ret,
                                      struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    ATTR_CLEANUP(buf_done_p) struct buf out = {.max = ANSWER_MAX};
    size_t limit;
    enum status st;

    TRY(api_start(&x, app, r, e));
    limit = req_has_query(r, "limit") ? x.page.limit : PREVIEW_DEFAULT;
    if (limit > INGEST_PREVIEW_MAX)
        limit = INGEST_PREVIEW_MAX;
    st = ingest_preview(app_ingest(app), r->arena, x.tenant, import_of(&x), limit, &out, e);
    if (st != ST_OK)
        return refuse(&x, ret, st, e);
    resp_json(r, ret, 200, &out);
    return ST_OK;
}

/* --- lists ------------------------------------------------------------------------------------------------------------- */

static enum status list_imports(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct import_id after = {0};
    struct import *list;
    size_t n;

    if (x->page.cursor.len > 0 && !uuid_parse(x->page.cursor, &after.v))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    TRY(ingest_list(x->r->arena, tx, x->tenant, after, x->page.limit, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        put_import(&x->o, &list[i]);
        json_end(&x->o);
    }
    api_end_list(x, n > 0 ? uuid_format(x->r->arena, list[n - 1].id.v) : STR_EMPTY,
                 n == x->page.limit);
    return ST_OK;
}

static enum status put_reasons(struct tx *tx, struct api *x, struct err *e) {
    bool is_english = str_starts(req_query(x->r, "lang"), STR("en"));
    struct ingest_reason *list;
    size_t n;

    TRY(ingest_reasons(x->r->arena, tx, x->tenant, import_of(x), &list, &n, e));
    json_arr(&x->o, "reasons");
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        json_put_str(&x->o, "outcome", str_of(ingest_outcome_name(list[i].outcome)));
        json_put_str(&x->o, "reason", list[i].reason);
        json_put_str(&x->o, "explanation",
                     str_of(ingest_reason_text(x->r->arena, list[i].reason, is_english)));
        json_put_str(&x->o, "column", list[i].column);
        json_put_i64(&x->o, "count", list[i].n);
        json_end(&x->o);
    }
    json_end(&x->o);
    return ST_OK;
}

static enum status one_import(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct import im;

    TRY(ingest_get(x->r->arena, tx, x->tenant, import_of(x), &im, e));
    put_import(api_begin(x), &im);
    TRY(put_reasons(tx, x, e));
    json_end(&x->o);
    return ST_OK;
}

static enum status read_row_query(struct api *x, struct ingest_row_query *q, struct err *e) {
    struct str outcome = req_query(x->r, "outcome");

    *q = (struct ingest_row_query){.limit = x->page.limit};
    if (x->page.cursor.len > 0 && !str_parse_i64(x->page.cursor, 0, INT64_MAX, &q->after))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    if (str_eq(outcome, STR("problem")))
        q->is_problem = true;
    else if (outcome.len > 0) {
        for (int o = INGEST_CREATED; o <= INGEST_FAILED; o++) {
            if (str_eq(outcome, str_of(ingest_outcome_name((enum ingest_outcome)o)))) {
                q->has_outcome = true;
                q->outcome = (enum ingest_outcome)o;
            }
        }
        if (!q->has_outcome)
            FAIL(e, ST_INVALID, "outcome: created, updated, skipped, failed or problem");
    }
    return ST_OK;
}

static enum status list_rows(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    bool is_english = str_starts(req_query(x->r, "lang"), STR("en"));
    struct ingest_row_query q;
    struct ingest_row *list;
    struct import im;
    int64_t last = 0;
    size_t n;

    TRY(read_row_query(x, &q, e));
    TRY(ingest_get(x->r->arena, tx, x->tenant, import_of(x), &im, e));
    TRY(ingest_rows(x->r->arena, tx, x->tenant, im.id, &q, &list, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++) {
        const struct ingest_row *row = &list[i];

        json_obj(&x->o, NULL);
        json_put_i64(&x->o, "number", last = row->number);
        json_put_str(&x->o, "outcome", str_of(ingest_outcome_name(row->outcome)));
        json_put_str(&x->o, "reason", row->reason);
        json_put_str(&x->o, "explanation",
                     str_of(row->reason.len == 0
                                ? ""
                                : ingest_reason_text(x->r->arena, row->reason, is_english)));
        json_put_str(&x->o, "column", row->column);
        json_put_str(&x->o, "value", row->value);
        json_put_id(&x->o, "lead_id", row->lead.v);
        json_put_bool(&x->o, "is_undone", row->is_undone);
        json_end(&x->o);
    }
    api_end_list(x, n > 0 ? arena_printf(x->r->arena, "%lld", (long long)last) : STR_EMPTY,
                 n == x->page.limit);
    return ST_OK;
}

/* --- the file of errors -------------------------------------------------------------------------------------------------- */

struct errors {
    struct api *x;
    int fd;
};

static enum status write_errors(struct tx *tx, void *ctx, struct err *e) {
    struct errors *w = ctx;

    if (ftruncate(w->fd, 0) != 0 || lseek(w->fd, 0, SEEK_SET) != 0)
        FAIL(e, ST_UNAVAILABLE, "could not write a temporary file: %m");
    return ingest_errors(tx, w->x->tenant, import_of(w->x), req_query(w->x->r, "lang"), w->fd, e);
}

static enum status send_errors(struct api *x, struct resp *ret, struct err *e) {
    const char *dir = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody changes it */
    struct errors w = {
        .x = x, .fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    struct stat file;
    enum status st;

    if (w.fd < 0)
        FAIL(e, ST_UNAVAILABLE, "could not make a temporary file: %m");
    st = db_read(app_db(x->app), DB_TENANT(x->tenant), write_errors, &w, e);
    if (st == ST_OK && fstat(w.fd, &file) != 0)
        st = err_set(e, ST_UNAVAILABLE, __FILE__, __LINE__, "could not read a temporary file: %m");
    if (st != ST_OK) {
        (void)close(w.fd);
        return st;
    }
    ret->content_type = STR("text/csv; charset=utf-8");
    resp_header(ret, "Content-Disposition", STR("attachment; filename=\"erros.csv\""));
    resp_file(ret, w.fd, 0, (uint64_t)file.st_size);
    return ST_OK;
}

static enum status import_errors_get(struct app *app, struct req *r, struct resp *ret,
                                     struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;

    TRY(api_start(&x, app, r, e));
    return send_errors(&x, ret, e);
}

/* --- steps ---------------------------------------------------------------------------------------------------------------- */

static enum status step(struct tx *tx, struct api *x, enum ingest_step step, const char *action,
                        struct err *e) {
    struct import im;

    TRY(ingest_step(x->r->arena, tx, x->tenant, import_of(x), step, true, clock_now_ms(), &im, e));
    TRY(api_audit(
        tx, x, action,
        arena_printf(x->r->arena, "import:%.*s", STR_ARG(uuid_format(x->r->arena, im.id.v))), e));
    answer_import(x, &im);
    return ST_OK;
}

static enum status commit(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    bool is_check = json_bool(json_get(x->body, "dry_run"), false);

    return is_check ? step(tx, x, INGEST_CHECK, "import.check", e)
                    : step(tx, x, INGEST_COMMIT, "import.commit", e);
}

static enum status cancel(struct tx *tx, void *ctx, struct err *e) {
    return step(tx, ctx, INGEST_CANCEL, "import.cancel", e);
}

static enum status undo(struct tx *tx, void *ctx, struct err *e) {
    return step(tx, ctx, INGEST_UNDO, "import.undo", e);
}

API_HANDLER(imports_get, API_READS, list_imports)
API_HANDLER(import_get_one, API_READS, one_import)
API_HANDLER(import_rows_get, API_READS, list_rows)
API_HANDLER(import_commit_post, API_QUEUES, commit)
API_HANDLER(import_cancel_post, API_WRITES, cancel)
API_HANDLER(import_undo_post, API_QUEUES, undo)

const struct route api_import_routes[] = {
    {HTTP_GET, API "/imports", imports_get, SUPERVISOR, .scope = "leads:read",
     .summary = "Imports of spreadsheets, newest first"},
    {HTTP_POST, API "/imports", import_post, SUPERVISOR, .scope = "leads:write",
     .max_body = INGEST_UPLOAD_MAX_BYTES, .rate_per_min = UPLOADS_PER_MIN,
     .summary = "Upload a spreadsheet; nothing comes in before it is committed"},
    {HTTP_GET, API "/imports/{id}", import_get_one, SUPERVISOR, .scope = "leads:read",
     .summary = "An import: how it is read, how far it is, and why rows stayed out"},
    {HTTP_PATCH, API "/imports/{id}", import_patch, SUPERVISOR, .scope = "leads:write",
     .max_body = API_BODY_MAX, .summary = "Decide how a spreadsheet is read"},
    {HTTP_GET, API "/imports/{id}/preview", import_preview_get, SUPERVISOR, .scope = "leads:read",
     .summary = "The first rows as they would come in"},
    {HTTP_POST, API "/imports/{id}/commit", import_commit_post, SUPERVISOR, .scope = "leads:write",
     .max_body = API_BODY_MAX,
     .summary = "Put the rows in, or go on with it; or try all without putting any"},
    {HTTP_POST, API "/imports/{id}/cancel", import_cancel_post, SUPERVISOR, .scope = "leads:write",
     .max_body = API_BODY_MAX, .summary = "Stop behind the rows that are in"},
    {HTTP_POST, API "/imports/{id}/undo", import_undo_post, SUPERVISOR, .scope = "leads:write",
     .max_body = API_BODY_MAX, .summary = "Take back what an import put in"},
    {HTTP_GET, API "/imports/{id}/rows", import_rows_get, SUPERVISOR, .scope = "leads:read",
     .summary = "What became of each row"},
    {HTTP_GET, API "/imports/{id}/errors", import_errors_get, SUPERVISOR, .scope = "leads:read",
     .summary = "Every row with a reason, as CSV"},
};
const size_t api_import_n_routes = ARRAY_LEN(api_import_routes);
