/* store.c - SQL of paces and of receipts that came before their message's provider id.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outbox/store.h"

enum status store_pace_take(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct pace pace, int64_t now_us, int64_t *ret_wait_us, struct err *e) {
    int64_t tolerance_us = (pace.burst - 1) * pace.interval_us;
    int64_t granted;
    struct db_rows rows;

    *ret_wait_us = 0;
    TRY(DB_EXEC(
        tx,
        DB_SQL("INSERT INTO rate_limits AS r (tenant_id, key, tat_us) VALUES ($1, $2, $3 + $4)"
               " ON CONFLICT (tenant_id, key) DO UPDATE"
               " SET tat_us = CASE WHEN r.tat_us > $3 THEN r.tat_us ELSE $3 END + $4"
               " WHERE r.tat_us <= $3 + $5"),
        &granted, e, V_UUID(tenant.v), V_TEXT(pace.key), V_I64(now_us), V_I64(pace.interval_us),
        V_I64(tolerance_us)));
    if (granted > 0)
        return ST_OK;
    TRY(DB_QUERY(a, tx, DB_SQL("SELECT tat_us FROM rate_limits WHERE tenant_id = $1 AND key = $2"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(pace.key)));

    int64_t wait_us = rows.n > 0 ? db_i64(&rows, 0, 0) - tolerance_us - now_us : pace.interval_us;

    *ret_wait_us = wait_us > 0 ? wait_us : 1;
    return ST_OK;
}

enum status store_receipt_insert(struct tx *tx, struct tenant_id tenant, struct account_id account,
                                 const struct inbound *status, struct str word, int64_t now_ms,
                                 struct err *e) {
    return DB_LATER(
        tx,
        DB_SQL("INSERT INTO receipts_early"
               " (id, tenant_id, account_id, provider_id, status, error_code, error_title, at)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
        e, V_UUID(uuid_new()), V_UUID(tenant.v), V_UUID(account.v), V_TEXT(status->message_id),
        V_TEXT(word), V_I64(status->error_code), V_TEXT(status->error_title), V_I64(now_ms));
}

enum status store_receipts_take(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct account_id account, struct str provider_id,
                                struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("DELETE FROM receipts_early"
                           " WHERE tenant_id = $1 AND account_id = $2 AND provider_id = $3"
                           " RETURNING status, error_code, error_title"),
                    ret, e, V_UUID(tenant.v), V_UUID(account.v), V_TEXT(provider_id));
}
