/* store_account.c - SQL of provider accounts and their sealed secrets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/account.h"

#define COLUMNS                                                                                    \
    "id, tenant_id, kind, name, address, settings, is_active, is_preferred, state, state_reason, " \
    "created_at, updated_at"

enum {
    PAGE_ROWS = 200,
};

static enum status account_at(struct arena *a, const struct db_rows *rows, size_t i,
                              struct account *ret, struct err *e) {
    *ret = (struct account){
        .id = {db_uuid(rows, i, 0)},
        .tenant = {db_uuid(rows, i, 1)},
        .kind = db_text(rows, i, 2),
        .name = db_text(rows, i, 3),
        .address = db_text(rows, i, 4),
        .is_active = db_i64(rows, i, 6) != 0,
        .is_preferred = db_i64(rows, i, 7) != 0,
        .state = db_text(rows, i, 8),
        .state_reason = db_text(rows, i, 9),
        .created_at_ms = db_i64(rows, i, 10),
        .updated_at_ms = db_i64(rows, i, 11),
    };
    return json_parse(a, db_text(rows, i, 5), JSON_LIMITS_DEFAULT, &ret->settings, e);
}

/* The first row, or a nil id. */
static enum status first_account(struct arena *a, const struct db_rows *rows, struct account *ret,
                                 struct err *e) {
    *ret = (struct account){0};
    return rows->n > 0 ? account_at(a, rows, 0, ret, e) : ST_OK;
}

/* --- writing --------------------------------------------------------------------------------- */

/* The engine's words name an index; ours what to do. */
static enum status tell_conflict(enum status st, struct str address, struct err *e) {
    if (st != ST_CONFLICT)
        return st;
    err_clear(e);
    FAIL(e, ST_CONFLICT, "the address \"%.*s\" belongs to another active account",
         STR_ARG(address));
}

enum status store_account_insert(struct tx *tx, struct account_write w, struct err *e) {
    const struct account *c = w.account;

    return tell_conflict(
        DB_EXEC(tx,
                DB_SQL("INSERT INTO client_providers (id, tenant_id, kind, name, address, settings,"
                       " account_group, is_active, created_at, updated_at)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8)"),
                NULL, e, V_UUID(c->id.v), V_UUID(c->tenant.v), V_TEXT(c->kind), V_TEXT(c->name),
                V_TEXT(c->address), V_TEXT(w.settings), V_TEXT(w.group), V_I64(c->created_at_ms)),
        c->address, e);
}

enum status store_account_update(struct tx *tx, struct account_write w, struct err *e) {
    const struct account *c = w.account;

    return tell_conflict(
        DB_EXEC(tx,
                DB_SQL("UPDATE client_providers SET name = $3, address = $4, settings = $5,"
                       " account_group = $6, updated_at = $7 WHERE tenant_id = $1 AND id = $2"),
                NULL, e, V_UUID(c->tenant.v), V_UUID(c->id.v), V_TEXT(c->name), V_TEXT(c->address),
                V_TEXT(w.settings), V_TEXT(w.group), V_I64(c->updated_at_ms)),
        c->address, e);
}

static enum status must_change(int64_t changed, struct err *e) {
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "the tenant has no such provider account");
    return ST_OK;
}

enum status account_set_active(struct tx *tx, struct tenant_id tenant, struct account_id id,
                               bool is_active, struct err *e) {
    int64_t changed = 0;
    enum status st = DB_EXEC(tx,
                             DB_SQL("UPDATE client_providers SET is_active = $3, updated_at = $4"
                                    " WHERE tenant_id = $1 AND id = $2"),
                             &changed, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(is_active),
                             V_I64(clock_now_ms()));

    if (st == ST_CONFLICT) {
        err_clear(e);
        FAIL(e, ST_CONFLICT, "its address belongs to another active account by now");
    }
    TRY(st);
    return must_change(changed, e);
}

enum status account_set_preferred(struct tx *tx, struct tenant_id tenant, struct account_id id,
                                  struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE client_providers SET is_preferred = CASE WHEN id = $2 THEN 1 ELSE 0"
                       " END, updated_at = $3 WHERE tenant_id = $1 AND kind ="
                       " (SELECT kind FROM client_providers WHERE tenant_id = $1 AND id = $2)"),
                &changed, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(clock_now_ms())));
    return must_change(changed, e);
}

enum status account_set_state(struct tx *tx, struct tenant_id tenant, struct account_id id,
                              struct str state, struct str reason, struct err *e) {
    int64_t changed;

    if (uuid_is_nil(id.v))
        return ST_OK;
    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE client_providers SET state = $3, state_reason = $4, updated_at = $5"
                       " WHERE tenant_id = $1 AND id = $2"),
                &changed, e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(state), V_TEXT(reason),
                V_I64(clock_now_ms())));
    return must_change(changed, e);
}

/* --- finding --------------------------------------------------------------------------------- */

enum status store_account_get(struct arena *a, struct tx *tx, struct account_id id,
                              struct account *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM client_providers"
                        " WHERE id = $1 AND tenant_id = coalesce($2, tenant_id)"),
                 &rows, e, V_UUID(id.v), V_UUID_OPT(store_scope_tenant(tx).v)));
    return first_account(a, &rows, ret, e);
}

enum status store_account_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct account **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM client_providers"
                        " WHERE tenant_id = $1 ORDER BY kind, id"),
                 &rows, e, V_UUID(tenant.v)));
    *ret = arena_array_of(a, rows.n, struct account);
    for (size_t i = 0; i < rows.n; i++)
        TRY(account_at(a, &rows, i, &(*ret)[i], e));
    *ret_n = rows.n;
    return ST_OK;
}

enum status store_account_of_kind(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct str kind, struct account *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM client_providers"
                        " WHERE tenant_id = $1 AND kind = $2 AND is_active = 1"
                        " ORDER BY is_preferred DESC, created_at DESC, id DESC LIMIT 1"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(kind)));
    return first_account(a, &rows, ret, e);
}

/* system */
enum status store_account_by_address(struct arena *a, struct tx *tx, struct str kind,
                                     struct str address, struct account *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM client_providers WHERE kind = $1 AND address = $2"
                        " ORDER BY is_active DESC, updated_at DESC, id DESC LIMIT 1"),
                 &rows, e, V_TEXT(kind), V_TEXT(address)));
    return first_account(a, &rows, ret, e);
}

enum status account_list_kind(struct arena *a, struct tx *tx, struct str kind, struct account **ret,
                              size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM client_providers WHERE kind = $1 AND is_active = 1"
                        " AND tenant_id IN (SELECT id FROM tenants WHERE is_active <> 0)"
                        " ORDER BY id LIMIT 10000"),
                 &rows, e, V_TEXT(kind)));
    *ret = arena_array_of(a, rows.n + 1, struct account);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        TRY(account_at(a, &rows, i, &(*ret)[i], e));
    return ST_OK;
}

/* system. The expressions are those of index tenants_legacy_address. */
enum status store_account_legacy_owner(struct arena *a, struct tx *tx, struct str kind,
                                       struct str address, struct tenant_id *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL2("SELECT t.id FROM tenants t WHERE"
                " coalesce(nullif(CAST(legacy ->> 'whatsapp_phone_number_id' AS TEXT), ''),"
                " CAST(legacy -> 'tools_config' -> 'whatsapp' ->> 'phone_number_id' AS TEXT)) = $2"
                " AND NOT EXISTS (SELECT 1 FROM client_providers c"
                " WHERE c.tenant_id = t.id AND c.kind = $1 AND c.is_active = 1)"
                " ORDER BY t.is_active DESC, t.id LIMIT 1",
                "SELECT t.id FROM tenants t WHERE"
                " coalesce(nullif(legacy::jsonb ->> 'whatsapp_phone_number_id', ''),"
                " legacy::jsonb -> 'tools_config' -> 'whatsapp' ->> 'phone_number_id') = $2"
                " AND NOT EXISTS (SELECT 1 FROM client_providers c"
                " WHERE c.tenant_id = t.id AND c.kind = $1 AND c.is_active = 1)"
                " ORDER BY t.is_active DESC, t.id LIMIT 1"),
        &rows, e, V_TEXT(kind), V_TEXT(address)));
    *ret = (struct tenant_id){0};
    if (rows.n > 0)
        ret->v = db_uuid(&rows, 0, 0);
    return ST_OK;
}

/* system */
enum status account_find_group(struct arena *a, struct tx *tx, struct str kind, struct str group,
                               struct account *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM client_providers"
                        " WHERE kind = $1 AND account_group = $2 AND account_group <> ''"
                        " ORDER BY is_active DESC, id LIMIT 1"),
                 &rows, e, V_TEXT(kind), V_TEXT(group)));
    TRY(first_account(a, &rows, ret, e));
    if (uuid_is_nil(ret->id.v))
        FAIL(e, ST_NOT_FOUND, "no provider account belongs to this group");
    return ST_OK;
}

/* --- secrets --------------------------------------------------------------------------------- */

static struct sealed_row sealed_at(const struct db_rows *rows, size_t i) {
    return (struct sealed_row){
        .tenant = {db_uuid(rows, i, 0)},
        .account = {db_uuid(rows, i, 1)},
        .name = db_text(rows, i, 2),
        .sealed = db_text(rows, i, 3),
    };
}

static void sealed_from(struct arena *a, const struct db_rows *rows, struct sealed_row **ret,
                        size_t *ret_n) {
    *ret = arena_array_of(a, rows->n, struct sealed_row);
    for (size_t i = 0; i < rows->n; i++)
        (*ret)[i] = sealed_at(rows, i);
    *ret_n = rows->n;
}

enum status store_secret_put(struct tx *tx, struct sealed_row row, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO client_provider_secrets"
                          " (tenant_id, provider_id, name, sealed, updated_at)"
                          " VALUES ($1, $2, $3, $4, $5)"
                          " ON CONFLICT (tenant_id, provider_id, name) DO UPDATE"
                          " SET sealed = excluded.sealed, updated_at = excluded.updated_at"),
                   NULL, e, V_UUID(row.tenant.v), V_UUID(row.account.v), V_TEXT(row.name),
                   V_BYTES(row.sealed), V_I64(clock_now_ms()));
}

enum status store_secret_delete(struct tx *tx, struct tenant_id tenant, struct account_id account,
                                struct str name, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM client_provider_secrets"
                          " WHERE tenant_id = $1 AND provider_id = $2 AND name = $3"),
                   NULL, e, V_UUID(tenant.v), V_UUID(account.v), V_TEXT(name));
}

enum status store_secret_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct account_id account, struct sealed_row **ret, size_t *ret_n,
                              struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT tenant_id, provider_id, name, sealed FROM client_provider_secrets"
                        " WHERE tenant_id = $1 AND provider_id = $2 ORDER BY name"),
                 &rows, e, V_UUID(tenant.v), V_UUID(account.v)));
    sealed_from(a, &rows, ret, ret_n);
    return ST_OK;
}

/* system */
enum status store_secret_page(struct arena *a, struct tx *tx, struct sealed_row after,
                              struct sealed_row **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT tenant_id, provider_id, name, sealed FROM client_provider_secrets"
                        " WHERE (tenant_id, provider_id, name) > ($1, $2, $3)"
                        " ORDER BY tenant_id, provider_id, name LIMIT $4"),
                 &rows, e, V_UUID(after.tenant.v), V_UUID(after.account.v), V_TEXT(after.name),
                 V_I64(PAGE_ROWS)));
    sealed_from(a, &rows, ret, ret_n);
    return ST_OK;
}

enum status store_secret_swap(struct tx *tx, struct sealed_row row, struct str old, bool *ret_done,
                              struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE client_provider_secrets SET sealed = $4, updated_at = $5"
                       " WHERE tenant_id = $1 AND provider_id = $2 AND name = $3 AND sealed = $6"),
                &changed, e, V_UUID(row.tenant.v), V_UUID(row.account.v), V_TEXT(row.name),
                V_BYTES(row.sealed), V_I64(clock_now_ms()), V_BYTES(old)));
    *ret_done = changed > 0;
    return ST_OK;
}
