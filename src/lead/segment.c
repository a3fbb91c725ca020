/* segment.c - filters that people saved under a name.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "lead/store.h"

enum status segment_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                        struct segment *ret, struct err *e) {
    struct segment *items;
    size_t n;

    TRY(store_segments(a, tx, tenant, id, &items, &n, e));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "no such segment");
    *ret = items[0];
    return ST_OK;
}

enum status segment_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct segment **ret, size_t *ret_n, struct err *e) {
    return store_segments(a, tx, tenant, (struct uuid){0}, ret, ret_n, e);
}

enum status segment_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                        struct segment *segment, int64_t now_ms, struct err *e) {
    const struct json_limits limits = {
        .max_bytes = SEGMENT_FILTER_BYTES, .max_depth = 12, .max_values = 5000};
    struct lead_filter *unused;
    const struct json *filter;
    struct segment *all;
    size_t n;

    segment->name = str_trim(segment->name);
    if (segment->name.len == 0 || utf8_count(segment->name) > SEGMENT_NAME_MAX)
        FAIL(e, ST_INVALID, "name: 1 to %d characters", SEGMENT_NAME_MAX);
    TRY(json_parse(a, segment->filter, limits, &filter, e));
    TRY(lead_filter_parse(a, filter, &unused, e));
    segment->updated_at_ms = now_ms;
    if (!uuid_is_nil(segment->id))
        return store_segment_update(tx, tenant, segment, e);
    TRY(segment_list(a, tx, tenant, &all, &n, e));
    if (n >= SEGMENTS_MAX)
        FAIL(e, ST_CONFLICT, "at most %d segments", SEGMENTS_MAX);
    segment->id = uuid_new();
    segment->created_at_ms = now_ms;
    return store_segment_insert(tx, tenant, segment, e);
}

enum status segment_remove(struct tx *tx, struct tenant_id tenant, struct uuid id, struct err *e) {
    return store_segment_delete(tx, tenant, id, e);
}
