/* store_mail.c - SQL of how far folders are read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "intake/poll.h"

enum status store_mail_place_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct account_id account, struct place *ret, struct err *e) {
    struct db_rows rows;

    *ret = (struct place){0};
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT source, uid_validity, last_uid, looked_at, trouble, is_refused"
                        " FROM mail_places"
                        " WHERE tenant_id = $1 AND account_id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(account.v)));
    if (rows.n > 0)
        *ret = (struct place){
            .source = db_text(&rows, 0, 0),
            .at = {.uid_validity = db_i64(&rows, 0, 1), .last_uid = db_i64(&rows, 0, 2)},
            .looked_at_ms = db_i64(&rows, 0, 3),
            .trouble = db_text(&rows, 0, 4),
            .is_refused = db_i64(&rows, 0, 5) != 0};
    return ST_OK;
}

enum status store_mail_place_move(struct tx *tx, struct tenant_id tenant, struct account_id account,
                                  const struct place *from, const struct place *to, struct err *e) {
    int64_t n;

    TRY(DB_EXEC(tx,
                DB_SQL("INSERT INTO mail_places AS p (account_id, tenant_id, source, uid_validity,"
                       " last_uid, looked_at, trouble, is_refused)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7, $11)"
                       " ON CONFLICT (account_id) DO UPDATE SET source = excluded.source,"
                       " uid_validity = excluded.uid_validity, last_uid = excluded.last_uid,"
                       " looked_at = excluded.looked_at, trouble = excluded.trouble,"
                       " is_refused = excluded.is_refused"
                       " WHERE p.tenant_id = $2 AND p.source = $8 AND p.uid_validity = $9"
                       " AND p.last_uid = $10"),
                &n, e, V_UUID(account.v), V_UUID(tenant.v), V_TEXT(to->source),
                V_I64(to->at.uid_validity), V_I64(to->at.last_uid), V_I64(to->looked_at_ms),
                V_TEXT(to->trouble), V_TEXT(from->source), V_I64(from->at.uid_validity),
                V_I64(from->at.last_uid), V_I64(to->is_refused)));
    if (n == 0)
        FAIL(e, ST_CONFLICT, "another look at the mailbox was faster");
    return ST_OK;
}

enum status store_inbox_has_waiting(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct account_id account, bool *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT 1 FROM inbox WHERE state = 'received' AND tenant_id = $1"
                        " AND account_id = $2 LIMIT 1"),
                 &rows, e, V_UUID(tenant.v), V_UUID(account.v)));
    *ret = rows.n > 0;
    return ST_OK;
}
