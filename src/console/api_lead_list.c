/* api_lead_list.c - many leads: found, counted by state, made, tagged.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"

enum { LIST_MAX = 50, IDS_MAX = 1000 };

enum status api_lead_filter(struct tx *tx, struct api *x, const struct json **ret, struct err *e) {
    const struct json_limits limits = {
        .max_bytes = SEGMENT_FILTER_BYTES, .max_depth = 12, .max_values = 5000};
    struct str text = req_query(x->r, "filter"), id = req_query(x->r, "segment");
    struct segment segment = {0};

    *ret = NULL;
    if (id.len > 0) {
        if (!uuid_parse(id, &segment.id))
            FAIL(e, ST_INVALID, "segment: the id of a segment");
        TRY(segment_get(x->r->arena, tx, x->tenant, segment.id, &segment, e));
        if (text.len == 0)
            text = segment.filter;
    }
    return text.len > 0 ? json_parse(x->r->arena, text, limits, ret, e) : ST_OK;
}

static enum status list_leads(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct lead_query query = {.q = req_query(x->r, "q"),
                               .sort = req_query(x->r, "sort"),
                               .cursor = x->page.cursor,
                               .limit = x->page.limit};
    struct lead_page page;

    TRY(api_lead_filter(tx, x, &query.filter, e));
    TRY(lead_list(x->r->arena, tx, x->tenant, &query, &page, e));
    api_begin_list(x);
    for (size_t i = 0; i < page.n; i++)
        write_lead(&x->o, NULL, page.items[i], NULL, NULL);
    api_end_list(x, page.next, page.has_more);
    return ST_OK;
}

static enum status board(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct lead_column columns[LEAD_N_STATES];
    struct json_out *o;

    TRY(lead_board(x->r->arena, tx, x->tenant, x->page.limit, columns, e));
    o = api_begin(x);
    json_arr(o, "columns");
    for (size_t i = 0; i < LEAD_N_STATES; i++) {
        const struct lead_column *c = &columns[i];

        json_obj(o, NULL);
        json_put_str(o, "state", c->state);
        json_put_i64(o, "count", c->count);
        json_arr(o, "leads");
        for (size_t k = 0; k < c->page.n; k++)
            write_lead(o, NULL, c->page.items[k], NULL, NULL);
        json_end(o);
        json_put_bool(o, "has_more", c->page.has_more);
        if (c->page.has_more)
            json_put_str(o, "next", c->page.next);
        else
            json_put_null(o, "next");
        json_end(o);
    }
    json_end(o);
    json_end(o);
    return ST_OK;
}

/* --- made and tagged ------------------------------------------------------------------------------------------------ */

static enum status texts_of(struct api *x, const char *name, struct str out[LIST_MAX],
                            size_t *ret_n, struct err *e) {
    const struct json *list = json_get(x->body, name);

    *ret_n = json_len(list);
    if ((list && json_type(list) != JSON_ARRAY) || *ret_n > LIST_MAX)
        FAIL(e, ST_INVALID, "%s: a list of at most %d texts", name, LIST_MAX);
    for (size_t i = 0; i < *ret_n; i++) {
        if (json_type(json_at(list, i)) != JSON_STRING)
            FAIL(e, ST_INVALID, "%s: a list of texts", name);
        out[i] = json_str(json_at(list, i));
    }
    return ST_OK;
}

static enum status read_policy(struct api *x, enum lead_policy *ret, struct err *e) {
    struct str policy = json_str(json_get(x->body, "policy"));

    if (policy.len == 0 || str_eq(policy, STR("fill")))
        *ret = LEAD_FILL;
    else if (str_eq(policy, STR("skip")))
        *ret = LEAD_SKIP;
    else if (str_eq(policy, STR("overwrite")))
        *ret = LEAD_OVERWRITE;
    else
        FAIL(e, ST_INVALID, "policy: skip, fill or overwrite");
    return ST_OK;
}

static enum status read_record(struct api *x, struct lead_record *r, struct str lists[3][LIST_MAX],
                               struct err *e) {
    r->name = json_str(json_get(x->body, "name"));
    r->company = json_str(json_get(x->body, "company"));
    r->document = json_str(json_get(x->body, "document"));
    r->source = STR("api");
    if (json_get(x->body, "fields"))
        r->fields = api_text(x, json_get(x->body, "fields"));
    r->phones = lists[0];
    r->emails = lists[1];
    r->tags = lists[2];
    TRY(texts_of(x, "phones", lists[0], &r->n_phones, e));
    TRY(texts_of(x, "emails", lists[1], &r->n_emails, e));
    return texts_of(x, "tags", lists[2], &r->n_tags, e);
}

static const char *const outcomes[] = {
    [LEAD_CREATED] = "created", [LEAD_UPDATED] = "updated", [LEAD_SKIPPED] = "known"};

/* {"name"?, "company"?, "document"?, "phones"?, "emails"?, "tags"?, "fields"?, "policy"?} */
static enum status add_lead(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct arena *a = x->r->arena;
    struct str lists[3][LIST_MAX];
    struct lead_record record = {0};
    struct lead_put_result out;
    enum lead_policy policy = LEAD_FILL;
    struct lead_row *row;

    TRY(read_policy(x, &policy, e));
    TRY(read_record(x, &record, lists, e));
    if (!uuid_is_nil(x->r->principal.user.v))
        record.source = STR("person");
    TRY(lead_put_many(a, tx, x->tenant, &record, 1, policy, clock_now_ms(), &out, e));
    if (out.outcome == LEAD_REFUSED)
        FAIL(e, ST_INVALID, "%s: %s", out.column ? out.column : "phone", out.reason);
    TRY(consent_show_many(a, tx, x->tenant, &out.id, 1, clock_now_ms(), e));
    TRY(lead_changed(a, tx, x->tenant, out.id, clock_now_ms(), e));
    TRY(api_audit(tx, x, "lead.add", uuid_format(a, out.id.v), e));
    TRY(lead_row_get(a, tx, x->tenant, out.id, &row, e));
    api_begin(x);
    json_put_str(&x->o, "outcome", str_of(outcomes[out.outcome]));
    write_lead(&x->o, "lead", row, NULL, NULL);
    json_put_id(&x->o, "id", out.id.v);
    json_end(&x->o);
    return ST_OK;
}

/* {"ids", "add"?, "remove"?} */
static enum status tag_leads(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct json *list = json_get(x->body, "ids");
    struct str add[LIST_MAX], drop[LIST_MAX];
    size_t n = json_len(list), n_add, n_drop;
    struct lead_id *ids = arena_array_of(x->r->arena, n + 1, struct lead_id);

    if (n == 0 || n > IDS_MAX || json_type(list) != JSON_ARRAY)
        FAIL(e, ST_INVALID, "ids: a list of 1 to %d ids", IDS_MAX);
    for (size_t i = 0; i < n; i++)
        TRY(api_uuid(json_at(list, i), "ids", &ids[i].v, e));
    TRY(texts_of(x, "add", add, &n_add, e));
    TRY(texts_of(x, "remove", drop, &n_drop, e));
    if (n_add + n_drop == 0)
        FAIL(e, ST_INVALID, "add or remove: a list of tags");
    TRY(lead_tag_many(x->r->arena, tx, x->tenant, ids, n, add, n_add, drop, n_drop, clock_now_ms(),
                      e));
    TRY(api_audit(tx, x, "lead.tag", arena_printf(x->r->arena, "%zu", n), e));
    api_begin_empty(x);
    return ST_OK;
}

API_HANDLER(leads_get, API_READS, list_leads)
API_HANDLER(leads_board_get, API_READS, board)
API_HANDLER(leads_post, API_WRITES, add_lead)
API_HANDLER(leads_tags_post, API_WRITES, tag_leads)

#define READ  .scope = "leads:read"
#define WRITE .scope = "leads:write", .max_body = API_BODY_MAX

const struct route api_lead_list_routes[] = {
    {HTTP_GET, API "/leads", leads_get, AGENT, READ,
     .summary = "People, by filter or words, sorted, a page at a time"},
    {HTTP_POST, API "/leads", leads_post, AGENT, WRITE,
     .summary = "A new person, or more about one who is known by number or address"},
    {HTTP_GET, API "/leads/board", leads_board_get, AGENT, READ,
     .summary = "How many people are in each state, and the first of each"},
    {HTTP_GET, API "/leads/export", api_lead_export, SUPERVISOR, READ,
     .summary = "People as a spreadsheet, CSV or XLSX"},
    {HTTP_POST, API "/leads/tags", leads_tags_post, AGENT, WRITE,
     .summary = "Add tags to many people, or take them away"},
};
const size_t api_lead_list_n_routes = ARRAY_LEN(api_lead_list_routes);
