/* store.c - SQL of a tenant's team settings and of its users' work.
 * SPDX-License-Identifier: Apache-2.0 */
#include "team/store.h"

enum status store_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct settings_row *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT t.timezone, s.settings, s.version FROM tenants t"
                        " LEFT JOIN team_settings s ON s.tenant_id = t.id WHERE t.id = $1"),
                 &rows, e, V_UUID(tenant.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such tenant");
    *ret = (struct settings_row){.timezone = db_text(&rows, 0, 0),
                                 .settings = db_text(&rows, 0, 1),
                                 .version = db_i64(&rows, 0, 2)};
    return ST_OK;
}

enum status store_settings_put(struct tx *tx, struct tenant_id tenant, struct str settings,
                               int64_t version, int64_t now_ms, int64_t *ret_changed,
                               struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("INSERT INTO team_settings AS s (tenant_id, settings, version, updated_at)"
               " VALUES ($1, $2, $3 + 1, $4)"
               " ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings,"
               " version = s.version + 1, updated_at = excluded.updated_at"
               " WHERE s.version = $3"),
        ret_changed, e, V_UUID(tenant.v), V_TEXT(settings), V_I64(version), V_I64(now_ms));
}

enum status store_members(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct user_id user, struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx,
        DB_SQL("SELECT u.id, u.name, u.email, u.role, u.is_active, m.presence, m.seen_at, m.skills,"
               " m.capacity, m.assigned, m.assigned_at FROM users u LEFT JOIN team_members m"
               " ON m.tenant_id = u.tenant_id AND m.user_id = u.id"
               " WHERE u.tenant_id = $1 AND u.id = coalesce($2, u.id) ORDER BY u.name, u.email"),
        ret, e, V_UUID(tenant.v), V_UUID_OPT(user.v));
}

enum status store_member_work(struct tx *tx, struct tenant_id tenant, struct user_id user,
                              struct str skills, int64_t capacity, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO team_members AS m (tenant_id, user_id, skills, capacity)"
                          " VALUES ($1, $2, coalesce($3, '[]'), coalesce($4, 0))"
                          " ON CONFLICT (tenant_id, user_id) DO UPDATE SET"
                          " skills = coalesce($3, m.skills), capacity = coalesce($4, m.capacity)"),
                   NULL, e, V_UUID(tenant.v), V_UUID(user.v), V_TEXT_OPT(skills),
                   V_I64_OPT(capacity, capacity >= 0));
}

enum status store_member_presence(struct tx *tx, struct tenant_id tenant, struct user_id user,
                                  struct str presence, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO team_members (tenant_id, user_id, presence, seen_at)"
                          " VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, user_id) DO UPDATE"
                          " SET presence = excluded.presence, seen_at = excluded.seen_at"),
                   NULL, e, V_UUID(tenant.v), V_UUID(user.v), V_TEXT(presence), V_I64(now_ms));
}

enum status store_member_turn(struct tx *tx, struct tenant_id tenant, struct user_id user,
                              int64_t assigned, int64_t now_ms, int64_t *ret_changed,
                              struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE team_members SET assigned = assigned + 1, assigned_at = $4"
                          " WHERE tenant_id = $1 AND user_id = $2 AND assigned = $3"),
                   ret_changed, e, V_UUID(tenant.v), V_UUID(user.v), V_I64(assigned),
                   V_I64(now_ms));
}
