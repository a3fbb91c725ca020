/* api.c - the frame of every API request.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

enum {
    PAGE_DEFAULT = 50,
    ANSWER_MAX = 16 << 20,
};

static enum status read_page(struct api *x, struct err *e) {
    struct str limit = req_query(x->r, "limit");
    int64_t n = PAGE_DEFAULT;

    if (limit.len > 0 && !str_parse_i64(limit, 1, API_PAGE_MAX, &n))
        FAIL(e, ST_INVALID, "limit: a number from 1 to %d", API_PAGE_MAX);
    x->page = (struct page_query){
        .limit = (size_t)n,
        .cursor =
            req_has_query(x->r, "after") ? req_query(x->r, "after") : req_query(x->r, "cursor"),
        .is_backward = str_eq(req_query(x->r, "order"), STR("desc")),
    };
    return ST_OK;
}

static enum status read_ids(struct api *x, struct err *e) {
    struct str id = req_param(x->r, "id");
    struct uuid parsed;

    if (id.len == 0)
        return ST_OK;
    if (!uuid_parse(id, &parsed))
        FAIL(e, ST_NOT_FOUND, "no such object: the id is not a UUID");
    x->conversation.v = parsed;
    x->message.v = parsed;
    x->id = parsed;
    return ST_OK;
}

static enum status read_body(struct api *x, struct err *e) {
    struct json_limits limits = JSON_LIMITS_DEFAULT;

    if (x->r->body.len == 0)
        return ST_OK;
    limits.max_bytes = API_BODY_MAX;
    TRY(json_parse(x->r->arena, x->r->body, limits, &x->body, e));
    if (json_type(x->body) != JSON_OBJECT)
        FAIL(e, ST_INVALID, "the body must be a JSON object");
    return ST_OK;
}

enum status api_start(struct api *x, struct app *app, struct req *r, struct err *e) {
    *x = (struct api){.app = app, .r = r, .tenant = r->principal.tenant};
    buf_init(&x->out, ANSWER_MAX);
    TRY(read_page(x, e));
    TRY(read_ids(x, e));
    return read_body(x, e);
}

void api_done(struct api *x) {
    buf_done(&x->out);
}

/* An answer's tag is the digest of its bytes: whatever it is put together from, it changes when they do. */
static struct str etag(struct arena *a, const struct buf *out) {
    return arena_printf(a, "\"%016llx\"", (unsigned long long)str_hash(buf_str(out)));
}

/* A caller that has these very bytes gets 304 instead of them. */
static bool is_known(const struct req *r, const struct buf *out, struct resp *ret) {
    struct str tag;

    if (out->overflown)
        return false;
    tag = etag(r->arena, out);
    resp_header(ret, "ETag", tag);
    if (!str_eq(str_trim(req_header(r, "If-None-Match")), tag))
        return false;
    ret->status = 304;
    return true;
}

/* Reads the request's common parts, runs fn in a transaction and sends what it wrote. fn may run twice: it starts the
 * answer anew. */
enum status api_answer(struct app *app, struct req *r, enum api_access access, api_fn fn,
                       struct resp *ret, struct err *e) {
    ATTR_CLEANUP(api_done) struct api x;
    struct db_scope scope =
        access == API_WRITES_SYSTEM ? DB_SYSTEM : DB_TENANT(r->principal.tenant);

    TRY(api_start(&x, app, r, e));

    enum status st = access == API_READS ? db_read(app_db(app), scope, fn, &x, e)
                                         : db_write(app_db(app), scope, fn, &x, e);

    if (st != ST_OK && x.problem.len > 0) {
        resp_problem(r, ret, e, NULL);
        resp_problem_add(r, ret, x.problem);
        return ST_OK;
    }
    if (st != ST_OK)
        return st;
    if (access == API_READS && is_known(r, &x.out, ret))
        return ST_OK;
    if (x.out.len > 0)
        resp_json(r, ret, access == API_QUEUES ? 202 : 200, &x.out);
    else
        ret->status = 204;
    return ST_OK;
}

static void callers_changed(void *app) {
    app_callers_changed(app);
}

void api_forget_callers(struct api *x, struct tx *tx) {
    tx_after_commit(tx, callers_changed, x->app);
}

enum status api_body_text(struct api *x, const char *name, const struct str **ret, struct err *e) {
    const struct json *v = json_get(x->body, name);
    struct str *text;

    *ret = NULL;
    if (!v)
        return ST_OK;
    if (json_type(v) != JSON_STRING)
        FAIL(e, ST_INVALID, "%s: a text", name);
    text = arena_new_of(x->r->arena, struct str);
    *text = json_str(v);
    *ret = text;
    return ST_OK;
}

struct json_out *api_begin_bare(struct api *x) {
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    return &x->o;
}

void api_begin_empty(struct api *x) {
    buf_clear(&x->out);
}

enum status api_if_match(struct tx *tx, struct api *x, api_fn get, struct err *e) {
    struct str want = str_trim(req_header(x->r, "If-Match"));

    if (want.len == 0 || str_eq(want, STR("*")))
        return ST_OK;
    TRY(get(tx, x, e));
    if (!str_eq(want, etag(x->r->arena, &x->out))) {
        e->cause = "changed";
        FAIL(e, ST_CONFLICT, "somebody has changed it since: load it again");
    }
    return ST_OK;
}

enum status api_uuid(const struct json *v, const char *what, struct uuid *ret, struct err *e) {
    *ret = (struct uuid){0};
    if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL)
        return ST_OK;
    if (!uuid_parse(json_str(v), ret))
        FAIL(e, ST_INVALID, "%s: not an id", what);
    return ST_OK;
}

struct json_out *api_begin(struct api *x) {
    buf_clear(&x->out);
    json_out_init(&x->o, &x->out);
    json_obj(&x->o, NULL);
    return &x->o;
}

void api_begin_list(struct api *x) {
    json_arr(api_begin(x), "data");
}

/* next is where to go on, also at the end of what there is now: a reader that follows along asks again with it. */
void api_end_list(struct api *x, struct str last, bool has_more) {
    struct str next = last.len > 0 ? last : x->page.cursor;

    json_end(&x->o);
    json_put_str_or_null(&x->o, "next", next);
    json_put_bool(&x->o, "has_more", has_more);
    json_end(&x->o);
}

struct str api_actor(const struct api *x) {
    struct uuid id =
        uuid_is_nil(x->r->principal.user.v) ? x->r->principal.key : x->r->principal.user.v;
    struct str text = uuid_format(x->r->arena, id);

    return arena_printf(x->r->arena, "%s:%.*s",
                        uuid_is_nil(x->r->principal.user.v) ? "key" : "user", STR_ARG(text));
}

enum status api_audit(struct tx *tx, const struct api *x, const char *action, struct str object,
                      struct err *e) {
    return audit_add(tx,
                     (struct audit){.tenant = x->tenant,
                                    .actor = api_actor(x),
                                    .action = action,
                                    .object = object,
                                    .detail = STR("{}")},
                     e);
}

struct str api_text(struct api *x, const struct json *v) {
    struct buf b;
    struct str text;

    buf_init(&b, API_BODY_MAX * 2);
    json_write(&b, v);
    text = arena_str(x->r->arena, buf_str(&b));
    buf_done(&b);
    return text;
}
