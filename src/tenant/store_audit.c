/* store_audit.c - SQL of the audit log.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tenant/store.h"

#define COLUMNS "tenant_id, seq, at, actor, action, object, detail, prev_hash, hash"

enum {
    PAGE_ROWS = 500,
};

/* RETURNING gives the old hash: the new one is known only after it and is written by
 * store_audit_insert(). */
enum status store_audit_next(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             int64_t *ret_seq, struct str *ret_prev_hash, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("INSERT INTO audit_heads (tenant_id, seq, hash) VALUES ($1, 1, $2)"
                        " ON CONFLICT (tenant_id) DO UPDATE SET seq = audit_heads.seq + 1"
                        " RETURNING seq, hash"),
                 &rows, e, V_UUID(tenant.v), V_BYTES(STR_EMPTY)));
    *ret_seq = db_i64(&rows, 0, 0);
    *ret_prev_hash = db_text(&rows, 0, 1);
    return ST_OK;
}

enum status store_audit_insert(struct tx *tx, const struct audit_row *row, struct err *e) {
    TRY(DB_EXEC(tx,
                DB_SQL("INSERT INTO audit_log (" COLUMNS ")"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"),
                NULL, e, V_UUID(row->tenant.v), V_I64(row->seq), V_I64(row->at_ms),
                V_TEXT(row->actor), V_TEXT(row->action), V_TEXT(row->object), V_TEXT(row->detail),
                V_BYTES(row->prev_hash), V_BYTES(row->hash)));
    return DB_EXEC(tx, DB_SQL("UPDATE audit_heads SET hash = $2 WHERE tenant_id = $1"), NULL, e,
                   V_UUID(row->tenant.v), V_BYTES(row->hash));
}

static void rows_from(struct arena *a, const struct db_rows *rows, struct audit_row **ret,
                      size_t *ret_n) {
    *ret = arena_array_of(a, rows->n, struct audit_row);
    for (size_t i = 0; i < rows->n; i++)
        (*ret)[i] = (struct audit_row){
            .tenant = {db_uuid(rows, i, 0)},
            .seq = db_i64(rows, i, 1),
            .at_ms = db_i64(rows, i, 2),
            .actor = db_text(rows, i, 3),
            .action = db_text(rows, i, 4),
            .object = db_text(rows, i, 5),
            .detail = db_text(rows, i, 6),
            .prev_hash = db_text(rows, i, 7),
            .hash = db_text(rows, i, 8),
        };
    *ret_n = rows->n;
}

enum status store_audit_page(struct arena *a, struct tx *tx, struct tenant_id tenant, int64_t after,
                             struct audit_row **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM audit_log WHERE tenant_id = $1 AND seq > $2"
                        " ORDER BY seq LIMIT $3"),
                 &rows, e, V_UUID(tenant.v), V_I64(after), V_I64(PAGE_ROWS)));
    rows_from(a, &rows, ret, ret_n);
    return ST_OK;
}

enum status audit_list(struct arena *a, struct tx *tx, struct audit_query q, struct audit_row **ret,
                       size_t *ret_n, struct err *e) {
    struct db_rows rows;
    int64_t top = q.before > 0 ? q.before : INT64_MAX;
    int64_t max = q.limit > 0 && q.limit < PAGE_ROWS ? (int64_t)q.limit : PAGE_ROWS;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM audit_log WHERE tenant_id = $1 AND seq < $2"
                        " ORDER BY seq DESC LIMIT $3"),
                 &rows, e, V_UUID(q.tenant.v), V_I64(top), V_I64(max)));
    rows_from(a, &rows, ret, ret_n);
    return ST_OK;
}

enum status store_audit_head(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             int64_t *ret_seq, struct str *ret_hash, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT seq, hash FROM audit_heads WHERE tenant_id = $1"), &rows, e,
                 V_UUID(tenant.v)));
    *ret_seq = rows.n > 0 ? db_i64(&rows, 0, 0) : 0;
    *ret_hash = rows.n > 0 ? db_text(&rows, 0, 1) : STR_EMPTY;
    return ST_OK;
}
