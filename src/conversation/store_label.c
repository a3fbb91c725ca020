/* store_label.c - SQL of the tenant's labels and canned answers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

enum status store_labels(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx, DB_SQL("SELECT id, name, color FROM labels WHERE tenant_id = $1"), ret,
                    e, V_UUID(tenant.v));
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
                          " WHERE tenant_id = $1 AND id = $2"),
                   ret_changed, e, V_UUID(tenant.v), V_UUID(label->id), V_TEXT(label->name),
                   V_TEXT(label->color), V_I64(now_ms));
}

/* The ids in conversations.labels stay: a reader skips what is gone, and writing all those rows anew would lock them. */
enum status store_label_delete(struct tx *tx, struct tenant_id tenant, struct uuid id,
                               int64_t *ret_changed, struct err *e) {
    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM conversation_labels WHERE tenant_id = $1 AND label_id = $2"),
                NULL, e, V_UUID(tenant.v), V_UUID(id)));
    return DB_EXEC(tx, DB_SQL("DELETE FROM labels WHERE tenant_id = $1 AND id = $2"), ret_changed,
                   e, V_UUID(tenant.v), V_UUID(id));
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
