/* api_segment.c - filters saved under a name, and how many they take.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/api.h"

#include "base/clock.h"

static void write_segment(struct json_out *o, const struct segment *s) {
    json_obj(o, NULL);
    json_put_id(o, "id", s->id);
    json_put_str(o, "name", s->name);
    json_put_raw(o, "filter", s->filter);
    json_put_time(o, "created_at", s->created_at_ms);
    json_put_time(o, "updated_at", s->updated_at_ms);
    json_end(o);
}

static enum status list_segments(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct segment *items;
    size_t n;

    TRY(segment_list(x->r->arena, tx, x->tenant, &items, &n, e));
    api_begin_list(x);
    for (size_t i = 0; i < n; i++)
        write_segment(&x->o, &items[i]);
    api_end_list(x, STR_EMPTY, false);
    return ST_OK;
}

static enum status one_segment(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct segment segment;

    TRY(segment_get(x->r->arena, tx, x->tenant, x->id, &segment, e));
    write_segment(api_begin_bare(x), &segment);
    return ST_OK;
}

static enum status put_segment(struct tx *tx, struct api *x, struct segment *segment,
                               const char *action, struct err *e) {
    if (json_get(x->body, "name"))
        segment->name = json_str(json_get(x->body, "name"));
    if (json_get(x->body, "filter"))
        segment->filter = api_text(x, json_get(x->body, "filter"));
    TRY(segment_put(x->r->arena, tx, x->tenant, segment, clock_now_ms(), e));
    TRY(api_audit(tx, x, action, uuid_format(x->r->arena, segment->id), e));
    write_segment(api_begin_bare(x), segment);
    return ST_OK;
}

static enum status add_segment(struct tx *tx, void *ctx, struct err *e) {
    struct segment segment = {.filter = STR("{}")};

    return put_segment(tx, ctx, &segment, "segment.add", e);
}

static enum status change_segment(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    struct segment segment;

    TRY(segment_get(x->r->arena, tx, x->tenant, x->id, &segment, e));
    TRY(api_if_match(tx, x, one_segment, e));
    return put_segment(tx, x, &segment, "segment.change", e);
}

static enum status remove_segment(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;

    TRY(segment_remove(tx, x->tenant, x->id, e));
    TRY(api_audit(tx, x, "segment.remove", uuid_format(x->r->arena, x->id), e));
    api_begin_empty(x);
    return ST_OK;
}

static enum status count_segment(struct tx *tx, void *ctx, struct err *e) {
    struct api *x = ctx;
    const struct json *filter;
    struct segment segment;
    bool is_exact;
    int64_t n;

    TRY(segment_get(x->r->arena, tx, x->tenant, x->id, &segment, e));
    TRY(json_parse(x->r->arena, segment.filter, JSON_LIMITS_DEFAULT, &filter, e));
    TRY(lead_count(x->r->arena, tx, x->tenant, filter, &n, &is_exact, e));
    api_begin(x);
    json_put_i64(&x->o, "count", n);
    json_put_bool(&x->o, "is_exact", is_exact);
    json_end(&x->o);
    return ST_OK;
}

API_HANDLER(segments_get, API_READS, list_segments)
API_HANDLER(segment_get_one, API_READS, one_segment)
API_HANDLER(segments_post, API_WRITES, add_segment)
API_HANDLER(segment_patch, API_WRITES, change_segment)
API_HANDLER(segment_delete, API_WRITES, remove_segment)
API_HANDLER(segment_count_get, API_READS, count_segment)

#define READ  .scope = "leads:read"
#define WRITE .scope = "leads:write", .max_body = API_BODY_MAX

const struct route api_segment_routes[] = {
    {HTTP_GET, API "/segments", segments_get, AGENT, READ, .summary = "Saved filters, by name"},
    {HTTP_POST, API "/segments", segments_post, SUPERVISOR, WRITE, .summary = "Save a filter"},
    {HTTP_GET, API "/segments/{id}", segment_get_one, AGENT, READ, .summary = "One saved filter"},
    {HTTP_PATCH, API "/segments/{id}", segment_patch, SUPERVISOR, WRITE,
     .summary = "Change a saved filter or its name"},
    {HTTP_DELETE, API "/segments/{id}", segment_delete, SUPERVISOR, WRITE,
     .summary = "Remove a saved filter"},
    {HTTP_GET, API "/segments/{id}/count", segment_count_get, AGENT, READ,
     .summary = "How many people a saved filter takes now"},
};
const size_t api_segment_n_routes = ARRAY_LEN(api_segment_routes);
