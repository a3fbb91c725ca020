/* store_label.c - SQL of the tenant's labels and canned answers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

enum status store_labels(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx, DB_SQL("SELECT id, name, color FROM labels WHERE tenant_id = $1 AND removed_at = 0"),
        ret, e, V_UUID(tenant.v));
}

enum status store_labels_removed(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx, DB_SQL("SELECT id FROM labels WHERE tenant_id = $1 AND removed_at > 0"),
                    ret, e, V_UUID(tenant.v));
}

enum status store_label_insert(struct tx *tx, struct tenant_id tenant, const struct label *label,
                               int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO labels (id, tenant_id, name, color, created_at, updated_at)"
                          " VALUES ($1, $2, $3, $4, $5, $5)"),
                   NULL, e, V_UUID(label->id), V_UUID(tenant.v), V_TEXT(label->name),
                   V_TEXT(label->color), V_I64(now_ms));
}

enum status store_label_update(struct tx *tx, struct tenant_id tenant, const struct label *label,
                               int64_t now_ms, int64_t *ret_changed, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE labels SET name = $3, color = $4, updated_at = $5"
                          " WHERE tenant_id = $1 AND id = $2 AND removed_at = 0"),
                   ret_changed, e, V_UUID(tenant.v), V_UUID(label->id), V_TEXT(label->name),
                   V_TEXT(label->color), V_I64(now_ms));
}

/* What conversations say of it stays: readers skip a label that is gone, writing all those rows anew would lock them, and it can
 * come back. */
enum status store_label_remove(struct tx *tx, struct tenant_id tenant, struct uuid id,
                               int64_t now_ms, int64_t *ret_changed, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE labels SET removed_at = $3 WHERE tenant_id = $1 AND id = $2"
                          " AND removed_at = 0"),
                   ret_changed, e, V_UUID(tenant.v), V_UUID(id), V_I64(now_ms));
}

enum status store_label_restore(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                int64_t now_ms, int64_t *ret_changed, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE labels SET removed_at = 0, updated_at = $3"
                          " WHERE tenant_id = $1 AND id = $2 AND removed_at > 0"),
                   ret_changed, e, V_UUID(tenant.v), V_UUID(id), V_I64(now_ms));
}

enum status store_label_forgettable(struct arena *a, struct tx *tx, int64_t before_ms,
                                    struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT tenant_id, id FROM labels"
                           " WHERE removed_at > 0 AND removed_at < $1 ORDER BY removed_at LIMIT 1"),
                    ret, e, V_I64(before_ms));
}

enum status store_label_forget(struct tx *tx, struct tenant_id tenant, struct uuid id, int64_t max,
                               int64_t *ret_changed, struct err *e) {
    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM conversation_labels WHERE tenant_id = $1 AND label_id = $2"
                       " AND conversation_id IN (SELECT conversation_id FROM conversation_labels"
                       " WHERE tenant_id = $1 AND label_id = $2 LIMIT $3)"),
                ret_changed, e, V_UUID(tenant.v), V_UUID(id), V_I64(max)));
    if (*ret_changed == max)
        return ST_OK;
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM labels WHERE tenant_id = $1 AND id = $2 AND removed_at > 0"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id));
}

enum status store_canned(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT id, shortcut, text, updated_at FROM canned_answers"
                           " WHERE tenant_id = $1 ORDER BY shortcut"),
                    ret, e, V_UUID(tenant.v));
}

enum status store_canned_insert(struct tx *tx, struct tenant_id tenant, const struct canned *canned,
                                int64_t now_ms, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("INSERT INTO canned_answers (id, tenant_id, shortcut, text, created_at, updated_at)"
               " VALUES ($1, $2, $3, $4, $5, $5)"),
        NULL, e, V_UUID(canned->id), V_UUID(tenant.v), V_TEXT(canned->shortcut),
        V_TEXT(canned->text), V_I64(now_ms));
}

enum status store_canned_update(struct tx *tx, struct tenant_id tenant, const struct canned *canned,
                                int64_t now_ms, int64_t *ret_changed, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE canned_answers SET shortcut = $3, text = $4, updated_at = $5"
                          " WHERE tenant_id = $1 AND id = $2"),
                   ret_changed, e, V_UUID(tenant.v), V_UUID(canned->id), V_TEXT(canned->shortcut),
                   V_TEXT(canned->text), V_I64(now_ms));
}

enum status store_canned_delete(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                int64_t *ret_changed, struct err *e) {
    return DB_EXEC(tx, DB_SQL("DELETE FROM canned_answers WHERE tenant_id = $1 AND id = $2"),
                   ret_changed, e, V_UUID(tenant.v), V_UUID(id));
}
