/* store.c - SQL of leads and their identities.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/store.h"

enum status store_identity_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct identity id, struct lead_id *ret, struct str *ret_address,
                                struct err *e) {
    struct db_rows rows;

    *ret = (struct lead_id){0};
    *ret_address = STR_EMPTY;
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT lead_id, address FROM lead_identities"
                        " WHERE tenant_id = $1 AND kind = $2 AND value = $3"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(str_of(id.kind)), V_TEXT(id.value)));
    if (rows.n > 0) {
        ret->v = db_uuid(&rows, 0, 0);
        *ret_address = db_text(&rows, 0, 1);
    }
    return ST_OK;
}

enum status store_identity_put(struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                               struct identity id, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO lead_identities"
                          " (tenant_id, kind, value, lead_id, address, created_at, updated_at)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $6)"
                          " ON CONFLICT (tenant_id, kind, value) DO UPDATE"
                          " SET lead_id = excluded.lead_id, address = excluded.address,"
                          " updated_at = excluded.updated_at"),
                   NULL, e, V_UUID(tenant.v), V_TEXT(str_of(id.kind)), V_TEXT(id.value),
                   V_UUID(lead.v), V_TEXT(id.address), V_I64(now_ms));
}

enum status store_identities_move(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                                  struct lead_id into, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE lead_identities SET lead_id = $3, updated_at = $4"
                          " WHERE tenant_id = $1 AND lead_id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(from.v), V_UUID(into.v), V_I64(now_ms));
}

enum status store_lead_insert(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                              const struct party *party, int64_t now_ms, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("INSERT INTO leads (id, tenant_id, name, username, created_at, updated_at)"
               " VALUES ($1, $2, $3, $4, $5, $5)"),
        NULL, e, V_UUID(id.v), V_UUID(tenant.v), V_TEXT(party->name), V_TEXT(party->username),
        V_I64(now_ms));
}

enum status store_lead_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct lead_id id, struct lead *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL("SELECT l.name, i.kind, i.address FROM leads l"
               " LEFT JOIN lead_identities i ON i.tenant_id = l.tenant_id AND i.lead_id = l.id"
               " WHERE l.tenant_id = $1 AND l.id = $2 ORDER BY i.updated_at"),
        &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such lead");
    *ret = (struct lead){.id = id, .name = db_text(&rows, 0, 0)};
    for (size_t i = 0; i < rows.n; i++) { /* the newest of each kind stays */
        if (str_eq(db_text(&rows, i, 1), STR("phone")))
            ret->phone = db_text(&rows, i, 2);
        else if (str_eq(db_text(&rows, i, 1), STR("user_id")))
            ret->user_id = db_text(&rows, i, 2);
    }
    return ST_OK;
}

enum status store_lead_name(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                            struct str name, struct str username, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE leads SET name = CASE WHEN $3 = '' THEN name ELSE $3 END,"
                          " username = CASE WHEN $4 = '' THEN username ELSE $4 END, updated_at = $5"
                          " WHERE tenant_id = $1 AND id = $2"
                          " AND (($3 <> '' AND name <> $3) OR ($4 <> '' AND username <> $4))"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(name), V_TEXT(username),
                   V_I64(now_ms));
}

enum status store_lead_merge(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                             struct lead_id into, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE leads SET merged_into = $3, updated_at = $4"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(from.v), V_UUID(into.v), V_I64(now_ms));
}

enum status store_lead_marketing(struct tx *tx, struct tenant_id tenant, struct lead_id id,
                                 bool is_stop, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE leads SET marketing_stopped_at = $3, updated_at = $4"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id.v), V_I64_OPT(now_ms, is_stop),
                   V_I64(now_ms));
}
