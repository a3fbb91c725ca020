/* store_key.c - SQL of API keys.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/store.h"

#define COLUMNS "id, tenant_id, name, scopes, prefix, created_at, last_used_at, revoked_at"

enum status store_key_insert(struct tx *tx, const struct api_key *key, struct str digest,
                             struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO api_keys"
                          " (id, tenant_id, name, scopes, prefix, digest, created_at)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7)"),
                   NULL, e, V_UUID(key->id), V_UUID(key->tenant.v), V_TEXT(key->name),
                   V_TEXT(key->scopes), V_TEXT(key->prefix), V_BYTES(digest),
                   V_I64(key->created_at_ms));
}

enum status api_key_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct api_key **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT " COLUMNS " FROM api_keys WHERE tenant_id = $1 ORDER BY id"),
                 &rows, e, V_UUID(tenant.v)));
    *ret = arena_array_of(a, rows.n, struct api_key);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct api_key){
            .id = db_uuid(&rows, i, 0),
            .tenant = {db_uuid(&rows, i, 1)},
            .name = db_text(&rows, i, 2),
            .scopes = db_text(&rows, i, 3),
            .prefix = db_text(&rows, i, 4),
            .created_at_ms = db_i64(&rows, i, 5),
            .last_used_at_ms = db_i64(&rows, i, 6),
            .revoked_at_ms = db_i64(&rows, i, 7),
        };
    *ret_n = rows.n;
    return ST_OK;
}

enum status api_key_revoke(struct tx *tx, struct tenant_id tenant, struct uuid id, struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE api_keys SET revoked_at = $3"
                       " WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL"),
                &changed, e, V_UUID(tenant.v), V_UUID(id), V_I64(clock_now_ms())));
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "the tenant has no such key in force");
    return ST_OK;
}

enum status store_key_find(struct arena *a, struct tx *tx, struct str digest,
                           struct credential *ret, struct err *e) {
    struct db_rows rows;

    *ret = (struct credential){0};
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT k.tenant_id, k.id, k.scopes, t.is_active, k.created_at,"
                        " k.last_used_at, k.revoked_at FROM api_keys k"
                        " JOIN tenants t ON t.id = k.tenant_id WHERE k.digest = $1"),
                 &rows, e, V_BYTES(digest)));
    if (rows.n == 0)
        return ST_OK;
    *ret = (struct credential){
        .principal = {.tenant = {db_uuid(&rows, 0, 0)},
                      .key = db_uuid(&rows, 0, 1),
                      .scopes = db_text(&rows, 0, 2)},
        .is_user_active = true,
        .is_tenant_active = db_i64(&rows, 0, 3) != 0,
        .created_at_ms = db_i64(&rows, 0, 4),
        .seen_at_ms = db_i64(&rows, 0, 5),
        .revoked_at_ms = db_i64(&rows, 0, 6),
    };
    return ST_OK;
}

enum status store_key_touch(struct tx *tx, struct tenant_id tenant, struct uuid id, int64_t now_ms,
                            struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2"
                          " AND (last_used_at IS NULL OR last_used_at < $3)"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id), V_I64(now_ms));
}
