/* api_failure.c - everything that went wrong, from all parts of the house, grouped by cause, looked at and tried again.
 *
 *   area       what stands in it                          trying again
 *   inbox      raw calls that could not be applied        read again
 *   jobs       parked and dead jobs                       run again
 *   sends      messages that failed                       sent again
 *   uncertain  messages that may have gone out            a person says what became of them
 *   webhooks   deliveries to other systems given up       delivered again
 *
 * A group is known by area, kind and cause. Trying a whole group again goes a piece at a time, oldest first: each answer says
 * where to go on, and what fails again meanwhile keeps its place behind that.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"
#include "outbox/outbox.h"
#include "webhook/webhook.h"

enum {
    PIECE = 200, /* of one call */
    SENDS_DAYS = 30,
};

struct retry {
    struct str kind, cause, after; /* of a whole group */
    struct str how;                /* uncertain: "sent", "failed", "resend" */
    const struct json *ids;        /* or these */
    size_t n, n_skipped;
    struct str last; /* where to go on */
    bool has_more, is_whole;
};

struct area {
    const char *name;
    const char *status; /* of its messages */
    enum status (*groups)(struct tx *tx, struct api *x, const struct area *area, struct err *e);
    enum status (*list)(struct tx *tx, struct api *x, const struct area *area, struct err *e);
    /* ST_CONFLICT, ST_NOT_FOUND: it is no failure any more. */
    enum status (*retry_one)(struct tx *tx, struct api *x, const struct area *area, struct uuid id,
                             const struct retry *r, struct err *e);
    enum status (*retry_some)(struct tx *tx, struct api *x, const struct area *area,
                              struct retry *r, struct err *e);
};

struct group {
    struct str kind, cause, reason;
    int64_t n, oldest_ms, newest_ms;
    struct str about; /* what kind stands for, where that is an id */
};

static void write_group(struct api *x, const struct area *area, const struct group *g) {
    json_obj(&x->o, NULL);
    json_put_str(&x->o, "area", str_of(area->name));
    json_put_str_or_null(&x->o, "kind", g->kind);
    json_put_str(&x->o, "cause", g->cause);
    json_put_str(&x->o, "reason", g->reason);
    json_put_opt(&x->o, "about", g->about);
    json_put_i64(&x->o, "count", g->n);
    json_put_time(&x->o, "oldest_at", g->oldest_ms);
    json_put_time(&x->o, "newest_at", g->newest_ms);
    json_end(&x->o);
}

/* --- inbox -------------------------------------------------------------------------------------------------------------- */

static enum status inbox_area_groups(struct tx *tx, struct api *x, const struct area *area,
                                     struct err *e) {
    struct inbox_group *list;
    size_t n;

    TRY(inbox_groups(x->r->arena, tx, x->tenant, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        write_group(x, area,
                    &(struct group){.kind = list[i].state,
                                    .cause = list[i].cause,
                                    .reason = list[i].sample_reason,
                                    .n = list[i].n,
                                    .oldest_ms = list[i].oldest_ms,
                                    .newest_ms = list[i].newest_ms});
    return ST_OK;
}

static enum status inbox_area_list(struct tx *tx, struct api *x, const struct area *area,
                                   struct err *e) {
    const struct inbox_query query = {.tenant = x->tenant,
                                      .state = req_query(x->r, "kind"),
                                      .cause = req_query(x->r, "cause"),
                                      .cursor = x->page.cursor,
                                      .limit = x->page.limit};
    struct inbox_page page;

    (void)area;
    TRY(inbox_list_trouble(x->r->arena, tx, &query, &page, e));
    for (size_t i = 0; i < page.n; i++)
        write_inbox(&x->o, &page.items[i]);
    api_end_list(x, page.next, page.next.len > 0);
    return ST_OK;
}

static enum status inbox_area_one(struct tx *tx, struct api *x, const struct area *area,
                                  struct uuid id, const struct retry *r, struct err *e) {
    struct inbox_row row;
    int64_t n;

    (void)area, (void)r;
    TRY(inbox_get(x->r->arena, tx, x->tenant, (struct inbox_id){id}, &row, e));
    if (str_eq(row.state, STR("done")) || str_eq(row.state, STR("received")))
        FAIL(e, ST_CONFLICT, "the call is %.*s", STR_ARG(row.state));
    return inbox_replay(tx, x->tenant, row.id, STR_EMPTY, &n, e);
}

static enum status inbox_area_some(struct tx *tx, struct api *x, const struct area *area,
                                   struct retry *r, struct err *e) {
    const struct inbox_query query = {.tenant = x->tenant,
                                      .state = r->kind,
                                      .cause = r->cause,
                                      .cursor = r->after,
                                      .limit = PIECE};

    (void)area;
    return inbox_replay_some(x->r->arena, tx, &query, &r->last, &r->n, e);
}

/* --- jobs --------------------------------------------------------------------------------------------------------------- */

static enum status jobs_groups(struct tx *tx, struct api *x, const struct area *area,
                               struct err *e) {
    struct job_group *list;
    size_t n;

    TRY(queue_groups(x->r->arena, tx, x->tenant, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        write_group(x, area,
                    &(struct group){.kind = list[i].kind,
                                    .cause = list[i].cause,
                                    .reason = list[i].sample_reason,
                                    .n = list[i].n,
                                    .oldest_ms = list[i].oldest_ms,
                                    .newest_ms = list[i].newest_ms});
    return ST_OK;
}

static const char *opt_cstr(struct api *x, struct str s) {
    return s.len > 0 ? arena_cstr(x->r->arena, s) : NULL;
}

static enum status jobs_query(struct api *x, struct str kind, struct str cause, struct str after,
                              struct job_query *ret, struct err *e) {
    *ret = (struct job_query){.tenant = x->tenant,
                              .is_kept = true,
                              .kind = opt_cstr(x, kind),
                              .cause = opt_cstr(x, cause)};
    if (after.len > 0 && !uuid_parse(after, &ret->after.v))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    return ST_OK;
}

static enum status jobs_list(struct tx *tx, struct api *x, const struct area *area, struct err *e) {
    struct job_query query;
    struct job_row *list;
    size_t n;

    (void)area;
    TRY(jobs_query(x, req_query(x->r, "kind"), req_query(x->r, "cause"), x->page.cursor, &query,
                   e));
    query.limit = x->page.limit;
    TRY(queue_list(x->r->arena, tx, query, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        write_job(&x->o, &list[i]);
    api_end_list(x, n > 0 ? uuid_format(x->r->arena, list[n - 1].id.v) : STR_EMPTY,
                 n == x->page.limit);
    return ST_OK;
}

static enum status jobs_one(struct tx *tx, struct api *x, const struct area *area, struct uuid id,
                            const struct retry *r, struct err *e) {
    int64_t n;

    (void)area, (void)r;
    TRY(queue_replay(tx, x->tenant, (struct job_id){id}, NULL, NULL, &n, e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "no such job, or it is neither parked nor dead");
    return ST_OK;
}

static enum status jobs_some(struct tx *tx, struct api *x, const struct area *area, struct retry *r,
                             struct err *e) {
    struct job_query query;
    struct job_id last;

    (void)area;
    TRY(jobs_query(x, r->kind, r->cause, r->after, &query, e));
    query.limit = PIECE;
    TRY(queue_replay_some(tx, &query, &last, &r->n, e));
    r->last = uuid_format(x->r->arena, last.v);
    return ST_OK;
}

/* --- messages ----------------------------------------------------------------------------------------------------------- */

/* What failed long ago is history, not work; what is uncertain stays work until somebody settles it. */
static struct trouble_query trouble_of(const struct api *x, const struct area *area) {
    bool is_failed = strcmp(area->status, "failed") == 0;

    return (struct trouble_query){
        .tenant = x->tenant,
        .status = str_of(area->status),
        .since_ms = is_failed ? clock_now_ms() - (int64_t)SENDS_DAYS * 24 * 3600 * 1000 : 0,
    };
}

static enum status message_groups(struct tx *tx, struct api *x, const struct area *area,
                                  struct err *e) {
    const struct trouble_query query = trouble_of(x, area);
    struct trouble_group *list;
    size_t n;

    TRY(message_trouble_groups(x->r->arena, tx, &query, &list, &n, e));
    for (size_t i = 0; i < n; i++)
        write_group(x, area,
                    &(struct group){.kind = STR_EMPTY,
                                    .cause = list[i].cause,
                                    .reason = list[i].sample_reason,
                                    .n = list[i].n,
                                    .oldest_ms = list[i].oldest_ms,
                                    .newest_ms = list[i].newest_ms});
    return ST_OK;
}

static enum status read_place(struct str cursor, struct message_id *ret, struct err *e) {
    if (cursor.len > 0 && !uuid_parse(cursor, &ret->v))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    return ST_OK;
}

static enum status message_items(struct tx *tx, struct api *x, const struct area *area,
                                 struct err *e) {
    struct trouble_query query = trouble_of(x, area);
    struct message_page page;

    query.cause = req_query(x->r, "cause");
    query.limit = x->page.limit;
    TRY(read_place(x->page.cursor, &query.from, e));
    TRY(message_trouble_list(x->r->arena, tx, &query, &page, e));
    for (size_t i = 0; i < page.n; i++)
        write_message(&x->o, NULL, &page.items[i]);
    api_end_list(x, page.n > 0 ? uuid_format(x->r->arena, page.items[page.n - 1].id.v) : STR_EMPTY,
                 page.has_more);
    return ST_OK;
}

/* A failed one can only be sent again. */
static enum settle settle_of(struct str how) {
    if (str_eq(how, STR("sent")))
        return SETTLE_SENT;
    return str_eq(how, STR("failed")) ? SETTLE_FAILED : SETTLE_RESEND;
}

static enum status settle_one(struct tx *tx, struct api *x, const struct area *area, struct uuid id,
                              const struct retry *r, struct err *e) {
    struct message m;

    TRY(message_get(x->r->arena, tx, x->tenant, (struct message_id){id}, &m, e));
    if (!str_eq(m.status, str_of(area->status)))
        FAIL(e, ST_CONFLICT, "the message is %.*s", STR_ARG(m.status));
    return outbox_settle(x->r->arena, tx, x->tenant, m.id, settle_of(r->how), api_actor(x), e);
}

struct one {
    struct api *x;
    const struct area *area;
    struct uuid id;
    const struct retry *r;
};

static enum status retry_nested(struct tx *tx, void *ctx, struct err *e) {
    const struct one *one = ctx;

    return one->area->retry_one(tx, one->x, one->area, one->id, one->r, e);
}

/* Somebody else may have dealt with it meanwhile: that is no failure of this call. */
static enum status retry_or_skip(struct tx *tx, struct api *x, const struct area *area,
                                 struct uuid id, struct retry *r, struct err *e) {
    struct one one = {.x = x, .area = area, .id = id, .r = r};
    struct err why = ERR_INIT;
    enum status st = tx_nested(tx, retry_nested, &one, &why);

    if (st == ST_CONFLICT || st == ST_NOT_FOUND) {
        r->n_skipped++;
        return ST_OK;
    }
    if (st != ST_OK)
        *e = why;
    else
        r->n++;
    return st;
}

static enum status settle_some(struct tx *tx, struct api *x, const struct area *area,
                               struct retry *r, struct err *e) {
    struct trouble_query query = trouble_of(x, area);
    struct message_page page;

    query.cause = r->cause;
    query.limit = PIECE;
    query.is_forward = true;
    TRY(read_place(r->after, &query.from, e));
    TRY(message_trouble_list(x->r->arena, tx, &query, &page, e));
    for (size_t i = 0; i < page.n; i++)
        TRY(retry_or_skip(tx, x, area, page.items[i].id.v, r, e));
    r->has_more = page.has_more;
    if (page.n > 0)
        r->last = uuid_format(x->r->arena, page.items[page.n - 1].id.v);
    return ST_OK;
}

/* --- deliveries to other systems ------------------------------------------------------------------------------------------ */

static enum status deliveries_groups(struct tx *tx, struct api *x, const struct area *area,
                                     struct err *e) {
    struct webhook_trouble *list;
    size_t n;

    TRY(webhook_troubles(x->r->arena, tx, x->tenant, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        struct err gone = ERR_INIT;
        struct webhook w = {0};

        if (webhook_get(x->r->arena, tx, x->tenant, list[i].webhook, &w, &gone) != ST_OK)
            continue; /* deleted: there is nowhere to send it again */
        write_group(x, area,
                    &(struct group){.kind = uuid_format(x->r->arena, list[i].webhook.v),
                                    .about = w.url,
                                    .cause = list[i].cause,
                                    .reason = list[i].reason,
                                    .n = list[i].n,
                                    .oldest_ms = list[i].oldest_ms,
                                    .newest_ms = list[i].newest_ms});
    }
    return ST_OK;
}

static enum status read_endpoint(struct str kind, struct webhook_id *ret, struct err *e) {
    if (kind.len > 0 && !uuid_parse(kind, &ret->v))
        FAIL(e, ST_INVALID, "kind: the id of a webhook is needed");
    return ST_OK;
}

static enum status deliveries_list(struct tx *tx, struct api *x, const struct area *area,
                                   struct err *e) {
    struct webhook_delivery_query query = {.tenant = x->tenant,
                                           .state = STR("dead"),
                                           .cause = req_query(x->r, "cause"),
                                           .limit = x->page.limit};
    struct webhook_delivery *list;
    size_t n;

    (void)area;
    TRY(read_endpoint(req_query(x->r, "kind"), &query.webhook, e));
    if (x->page.cursor.len > 0 && !uuid_parse(x->page.cursor, &query.after.v))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    TRY(webhook_delivery_list(x->r->arena, tx, &query, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        json_obj(&x->o, NULL);
        write_delivery_members(&x->o, &list[i]);
        json_end(&x->o);
    }
    api_end_list(x, n > 0 ? uuid_format(x->r->arena, list[n - 1].id.v) : STR_EMPTY,
                 n == x->page.limit);
    return ST_OK;
}

static enum status deliveries_one(struct tx *tx, struct api *x, const struct area *area,
                                  struct uuid id, const struct retry *r, struct err *e) {
    const struct webhook_replay which = {.tenant = x->tenant, .id = {id}};
    int64_t n;

    (void)area, (void)r;
    TRY(webhook_replay(x->r->arena, tx, &which, &n, e));
    if (n == 0)
        FAIL(e, ST_CONFLICT, "the delivery is not given up, or its endpoint is disabled");
    return ST_OK;
}

/* All at once: what is replayed waits in line behind its endpoint's one worker. */
static enum status deliveries_some(struct tx *tx, struct api *x, const struct area *area,
                                   struct retry *r, struct err *e) {
    struct webhook_replay which = {.tenant = x->tenant, .cause = r->cause};
    int64_t n;

    (void)area;
    TRY(read_endpoint(r->kind, &which.webhook, e));
    TRY(webhook_replay(x->r->arena, tx, &which, &n, e));
    r->n = (size_t)n;
    r->is_whole = true;
    return ST_OK;
}

/* --- the areas ---------------------------------------------------------------------------------------------------------- */

enum { AREA_INBOX, AREA_JOBS, AREA_SENDS, AREA_UNCERTAIN, AREA_WEBHOOKS };

static const struct area areas[] = {
    [AREA_INBOX] = {"inbox", NULL, inbox_area_groups, inbox_area_list, inbox_area_one,
                    inbox_area_some},
    [AREA_JOBS] = {"jobs", NULL, jobs_groups, jobs_list, jobs_one, jobs_some},
    [AREA_SENDS] = {"sends", "failed", message_groups, message_items, settle_one, settle_some},
    [AREA_UNCERTAIN] = {"uncertain", "uncertain", message_groups, message_items, settle_one,
                        settle_some},
    [AREA_WEBHOOKS] = {"webhooks", NULL, deliveries_groups, deliveries_list, deliveries_one,
                       deliveries_some},
};

static enum status find_area(const struct api *x, const struct area **ret, struct err *e) {
    struct str name = req_param(x->r, "area");

    for (size_t i = 0; i < ARRAY_LEN(areas); i++)
        if (str_eq(name, str_of(areas[i].name))) {
            *ret = &areas[i];
            return ST_OK;
        }
    FAIL(e, ST_NOT_FOUND, "there is no such area: inbox, jobs, sends, uncertain or webhooks");
}

static enum status list_groups(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    api_begin_list(x);
    for (size_t i = 0; i < ARRAY_LEN(areas); i++)
        TRY(areas[i].groups(tx, x, &areas[i], e));
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status list_items(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct area *area;

    TRY(find_area(x, &area, e));
    api_begin_list(x);
    return area->list(tx, x, area, e);
}

/* --- trying again ------------------------------------------------------------------------------------------------------- */

static enum status read_retry(const struct api *x, const struct area *area, struct retry *ret,
                              struct err *e) {
    const struct json *cause = json_get(x->body, "cause");

    *ret = (struct retry){
        .kind = json_str(json_get(x->body, "kind")),
        .cause = json_str(cause),
        .after = json_str(json_get(x->body, "after")),
        .how = json_str(json_get(x->body, "how")),
        .ids = json_get(x->body, "ids"),
    };
    if ((json_len(ret->ids) > 0) == (ret->cause.len > 0))
        FAIL(e, ST_INVALID, "either ids or a cause is needed");
    if (json_len(ret->ids) > PIECE)
        FAIL(e, ST_INVALID, "ids: at most %d at once", PIECE);
    if (area != &areas[AREA_UNCERTAIN])
        ret->how = STR_EMPTY;
    else if (!str_eq(ret->how, STR("sent")) && !str_eq(ret->how, STR("failed")) &&
             !str_eq(ret->how, STR("resend")))
        FAIL(e, ST_INVALID, "how: \"sent\", \"failed\" or \"resend\" is needed");
    return ST_OK;
}

static enum status retry_ids(struct tx *tx, struct api *x, const struct area *area, struct retry *r,
                             struct err *e) {
    for (size_t i = 0; i < json_len(r->ids); i++) {
        struct uuid id;

        if (!uuid_parse(json_str(json_at(r->ids, i)), &id))
            FAIL(e, ST_INVALID, "ids[%zu]: an id is needed", i);
        TRY(retry_or_skip(tx, x, area, id, r, e));
    }
    return ST_OK;
}

static enum status record_retry(struct tx *tx, struct api *x, const struct area *area,
                                const struct retry *r, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = API_BODY_MAX};
    struct json_out o;

    if (r->n == 0)
        return ST_OK;
    json_out_init(&o, &b);
    json_obj(&o, NULL);
    json_put_opt(&o, "kind", r->kind);
    json_put_opt(&o, "cause", r->cause);
    json_put_opt(&o, "how", r->how);
    json_put_i64(&o, "count", (int64_t)r->n);
    if (r->ids)
        json_put_json(&o, "ids", r->ids);
    json_end(&o);
    return audit_add(tx,
                     (struct audit){.tenant = x->tenant,
                                    .actor = api_actor(x),
                                    .action = "failure.retry",
                                    .object = str_of(area->name),
                                    .detail = arena_str(x->r->arena, buf_str(&b))},
                     e);
}

static enum status retry(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct area *area;
    struct retry r;

    TRY(find_area(x, &area, e));
    TRY(read_retry(x, area, &r, e));
    if (r.ids) {
        TRY(retry_ids(tx, x, area, &r, e));
    } else {
        TRY(area->retry_some(tx, x, area, &r, e));
        r.has_more = !r.is_whole && (r.has_more || r.n == PIECE);
    }
    if (tx_scope(tx).is_system)
        TRY(tx_set_scope(tx, DB_TENANT(x->tenant), e));
    TRY(record_retry(tx, x, area, &r, e));
    json_put_i64(api_begin(x), "count", (int64_t)r.n);
    json_put_i64(&x->o, "skipped", (int64_t)r.n_skipped);
    json_put_bool(&x->o, "has_more", r.has_more);
    if (r.has_more)
        json_put_str(&x->o, "next", r.last);
    else
        json_put_null(&x->o, "next");
    json_end(&x->o);
    return ST_OK;
}

API_HANDLER(failures_get, API_READS, list_groups)
API_HANDLER(failures_get_area, API_READS, list_items)

/* Only raw calls are drained by a job that belongs to no tenant. */
static enum status failures_retry_post(struct app *app, struct req *r, struct resp *ret,
                                       struct err *e) {
    bool is_inbox = str_eq(req_param(r, "area"), str_of(areas[AREA_INBOX].name));

    return api_answer(app, r, is_inbox ? API_WRITES_SYSTEM : API_WRITES, retry, ret, e);
}

const struct route api_failure_routes[] = {
    {HTTP_GET, API "/failures", failures_get, SUPERVISOR, .scope = "jobs:read",
     .summary = "What went wrong, from all areas, grouped by cause"},
    {HTTP_GET, API "/failures/{area}", failures_get_area, SUPERVISOR, .scope = "jobs:read",
     .summary = "The items of one area, newest first; kind and cause narrow it"},
    {HTTP_POST, API "/failures/{area}/retry", failures_retry_post, SUPERVISOR,
     .scope = "jobs:write", .max_body = API_BODY_MAX,
     .summary = "Try items again: by ids, or a whole cause piece by piece"},
};
const size_t api_failure_n_routes = ARRAY_LEN(api_failure_routes);
