/* store.c - SQL of receipts that came before their message's provider id.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outbox/store.h"

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
