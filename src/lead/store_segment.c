/* store_segment.c - SQL of saved segments.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/store.h"

enum status store_segments(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                           struct segment **ret, size_t *ret_n, struct err *e) {
    static const struct db_sql all = DB_SQL(
                                   "SELECT id, name, filter, created_at, updated_at FROM segments"
                                   " WHERE tenant_id = $1 ORDER BY name, id"),
                               one = DB_SQL(
                                   "SELECT id, name, filter, created_at, updated_at FROM segments"
                                   " WHERE tenant_id = $1 AND id = $2");
    const struct db_val vals[] = {V_UUID(tenant.v), V_UUID(id)};
    bool is_all = uuid_is_nil(id);
    struct db_rows rows;

    TRY(db_query_vals(a, tx, is_all ? all : one, vals, is_all ? 1 : 2, 0, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct segment);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct segment){.id = db_uuid(&rows, i, 0),
                                     .name = db_text(&rows, i, 1),
                                     .filter = db_text(&rows, i, 2),
                                     .created_at_ms = db_i64(&rows, i, 3),
                                     .updated_at_ms = db_i64(&rows, i, 4)};
    return ST_OK;
}

enum status store_segment_insert(struct tx *tx, struct tenant_id tenant,
                                 const struct segment *segment, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO segments (id, tenant_id, name, filter, created_at,"
                          " updated_at) VALUES ($1, $2, $3, $4, $5, $6)"),
                   NULL, e, V_UUID(segment->id), V_UUID(tenant.v), V_TEXT(segment->name),
                   V_TEXT(segment->filter), V_I64(segment->created_at_ms),
                   V_I64(segment->updated_at_ms));
}

enum status store_segment_update(struct tx *tx, struct tenant_id tenant,
                                 const struct segment *segment, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE segments SET name = $3, filter = $4, updated_at = $5"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(segment->id), V_TEXT(segment->name),
                   V_TEXT(segment->filter), V_I64(segment->updated_at_ms));
}

enum status store_segment_delete(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                 struct err *e) {
    int64_t n = 0;

    TRY(DB_EXEC(tx, DB_SQL("DELETE FROM segments WHERE tenant_id = $1 AND id = $2"), &n, e,
                V_UUID(tenant.v), V_UUID(id)));
    if (n == 0)
        FAIL(e, ST_NOT_FOUND, "no such segment");
    return ST_OK;
}

enum status lead_segment_filter(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct uuid segment, const struct json **ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT filter FROM segments WHERE tenant_id = $1 AND id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(segment)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such segment");
    return json_parse(a, db_text(&rows, 0, 0), JSON_LIMITS_DEFAULT, ret, e);
}
