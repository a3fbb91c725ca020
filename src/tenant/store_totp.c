/* store_totp.c - SQL of the second factor.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/store.h"

enum { PAGE_ROWS = 100 };

static struct totp_row row_at(const struct db_rows *rows, size_t i) {
    return (struct totp_row){
        .tenant = {db_uuid(rows, i, 0)},
        .user = {db_uuid(rows, i, 1)},
        .sealed = db_text(rows, i, 2),
        .is_confirmed = !db_is_null(rows, i, 3),
        .step = db_i64(rows, i, 4),
    };
}

enum status store_totp_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct user_id user, struct totp_row *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT tenant_id, id, totp_secret, totp_confirmed_at, totp_step FROM users"
                        " WHERE tenant_id = $1 AND id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(user.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "the tenant has no such user");
    *ret = row_at(&rows, 0);
    return ST_OK;
}

enum status store_totp_put(struct tx *tx, struct tenant_id tenant, struct user_id user,
                           struct str sealed, struct err *e) {
    struct db_val secret = V_BYTES(sealed);
    int64_t changed;

    secret.is_null = sealed.len == 0;
    TRY(DB_EXEC(tx, DB_SQL("DELETE FROM user_recovery_codes WHERE tenant_id = $1 AND user_id = $2"),
                NULL, e, V_UUID(tenant.v), V_UUID(user.v)));
    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE users SET totp_secret = $3, totp_confirmed_at = NULL,"
                       " totp_step = 0, updated_at = $4 WHERE tenant_id = $1 AND id = $2"),
                &changed, e, V_UUID(tenant.v), V_UUID(user.v), secret, V_I64(clock_now_ms())));
    if (changed == 0)
        FAIL(e, ST_NOT_FOUND, "the tenant has no such user");
    return ST_OK;
}

enum status store_totp_step(struct tx *tx, struct tenant_id tenant, struct user_id user,
                            int64_t step, bool *ret_done, struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE users SET totp_step = $3"
                       " WHERE tenant_id = $1 AND id = $2 AND totp_step < $3"),
                &changed, e, V_UUID(tenant.v), V_UUID(user.v), V_I64(step)));
    *ret_done = changed > 0;
    return ST_OK;
}

enum status store_totp_confirm(struct tx *tx, struct tenant_id tenant, struct user_id user,
                               struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE users SET totp_confirmed_at = $3"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(user.v), V_I64(clock_now_ms()));
}

enum status store_recovery_add(struct tx *tx, struct tenant_id tenant, struct user_id user,
                               struct str digest, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO user_recovery_codes (tenant_id, user_id, digest)"
                          " VALUES ($1, $2, $3)"),
                   NULL, e, V_UUID(tenant.v), V_UUID(user.v), V_BYTES(digest));
}

enum status store_recovery_take(struct tx *tx, struct tenant_id tenant, struct user_id user,
                                struct str digest, bool *ret_done, struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM user_recovery_codes"
                       " WHERE tenant_id = $1 AND user_id = $2 AND digest = $3"),
                &changed, e, V_UUID(tenant.v), V_UUID(user.v), V_BYTES(digest)));
    *ret_done = changed > 0;
    return ST_OK;
}

enum status store_totp_page(struct arena *a, struct tx *tx, struct user_id after,
                            struct totp_row **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT tenant_id, id, totp_secret, totp_confirmed_at, totp_step FROM users"
                        " WHERE id > $1 AND totp_secret IS NOT NULL ORDER BY id LIMIT $2"),
                 &rows, e, V_UUID(after.v), V_I64(PAGE_ROWS)));
    *ret = arena_array_of(a, rows.n, struct totp_row);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = row_at(&rows, i);
    *ret_n = rows.n;
    return ST_OK;
}

enum status store_totp_swap(struct tx *tx, const struct totp_row *row, struct str old,
                            bool *ret_done, struct err *e) {
    int64_t changed;

    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE users SET totp_secret = $3"
                       " WHERE tenant_id = $1 AND id = $2 AND totp_secret = $4"),
                &changed, e, V_UUID(row->tenant.v), V_UUID(row->user.v), V_BYTES(row->sealed),
                V_BYTES(old)));
    *ret_done = changed > 0;
    return ST_OK;
}
