/* store_tenant.c - SQL of tenants.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/store.h"

#define COLUMNS "id, slug, name, locale, timezone, is_active, created_at"

struct tenant_id store_scope_tenant(const struct tx *tx) {
    struct db_scope scope = tx_scope(tx);

    return scope.is_system ? (struct tenant_id){0} : scope.tenant;
}

static struct tenant tenant_at(const struct db_rows *rows, size_t i) {
    return (struct tenant){
        .id = {db_uuid(rows, i, 0)},
        .slug = db_text(rows, i, 1),
        .name = db_text(rows, i, 2),
        .locale = db_text(rows, i, 3),
        .timezone = db_text(rows, i, 4),
        .is_active = db_i64(rows, i, 5) != 0,
        .created_at_ms = db_i64(rows, i, 6),
    };
}

enum status store_tenant_insert(struct tx *tx, const struct tenant *tenant, struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("INSERT INTO tenants"
                       " (id, slug, name, locale, timezone, is_active, created_at, updated_at)"
                       " VALUES ($1, $2, $3, $4, $5, 1, $6, $6) ON CONFLICT (slug) DO NOTHING"),
                &changed, e, V_UUID(tenant->id.v), V_TEXT(tenant->slug), V_TEXT(tenant->name),
                V_TEXT(tenant->locale), V_TEXT(tenant->timezone), V_I64(tenant->created_at_ms)));
    if (changed == 0)
        FAIL(e, ST_CONFLICT, "there is a tenant \"%.*s\" already", STR_ARG(tenant->slug));
    return ST_OK;
}

/* system */
enum status tenant_find_slug(struct arena *a, struct tx *tx, struct str slug, struct tenant *ret,
                             struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT " COLUMNS " FROM tenants WHERE slug = $1"), &rows, e,
                 V_TEXT(slug)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no tenant \"%.*s\"", STR_ARG(slug));
    *ret = tenant_at(&rows, 0);
    return ST_OK;
}

enum status tenant_get(struct arena *a, struct tx *tx, struct tenant_id id, struct tenant *ret,
                       struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT " COLUMNS " FROM tenants WHERE id = $1"), &rows, e,
                 V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such tenant");
    *ret = tenant_at(&rows, 0);
    return ST_OK;
}

/* system */
enum status tenant_list(struct arena *a, struct tx *tx, struct tenant **ret, size_t *ret_n,
                        struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT " COLUMNS " FROM tenants ORDER BY slug"), &rows, e));
    *ret = arena_array_of(a, rows.n, struct tenant);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = tenant_at(&rows, i);
    *ret_n = rows.n;
    return ST_OK;
}

enum status tenant_set_active(struct tx *tx, struct tenant_id id, bool is_active, struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx, DB_SQL("UPDATE tenants SET is_active = $2, updated_at = $3 WHERE id = $1"),
                &changed, e, V_UUID(id.v), V_I64(is_active), V_I64(clock_now_ms())));
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such tenant");
    return ST_OK;
}

enum status store_tenant_legacy(struct arena *a, struct tx *tx, struct tenant_id id,
                                struct str *ret_json, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT legacy FROM tenants WHERE id = $1"), &rows, e,
                 V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such tenant");
    *ret_json = db_text(&rows, 0, 0);
    return ST_OK;
}

enum status store_tenant_legacy_put(struct tx *tx, struct tenant_id id, struct str json,
                                    struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx, DB_SQL("UPDATE tenants SET legacy = $2, updated_at = $3 WHERE id = $1"),
                &changed, e, V_UUID(id.v), V_TEXT(json), V_I64(clock_now_ms())));
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such tenant");
    return ST_OK;
}
