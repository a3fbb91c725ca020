/* store.c - SQL of templates: reading, and those that people write.
 * SPDX-License-Identifier: Apache-2.0 */
#include "template/store.h"

#define COLUMNS                                                                                    \
    "id, account_id, channel, name, language, category, status, status_reason, quality,"           \
    " provider_id, provider_ref, subject, body, html, components, synced_at, created_at,"          \
    " updated_at"
#define USABLE_FIRST " ORDER BY CASE WHEN status IN ('approved', 'local') THEN 0 ELSE 1 END"

enum status store_templates_named(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct account_id account, const struct template *key,
                                  struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT " COLUMNS " FROM templates WHERE tenant_id = $1"
                           " AND account_id = $2 AND channel = $3 AND name = $4"
                           " AND ($5 = '' OR language = $5)" USABLE_FIRST
                           ", updated_at DESC, id LIMIT 1"),
                    ret, e, V_UUID(tenant.v), V_UUID(account.v), V_TEXT(key->channel),
                    V_TEXT(key->name), V_TEXT(key->language));
}

enum status store_template_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct uuid id, struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT " COLUMNS " FROM templates WHERE tenant_id = $1 AND id = $2"),
                    ret, e, V_UUID(tenant.v), V_UUID(id));
}

enum status store_templates_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct template_query *q, const struct template *last,
                                 struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT " COLUMNS " FROM templates WHERE tenant_id = $1"
                           " AND ($2 IS NULL OR account_id = $2) AND ($3 = '' OR channel = $3)"
                           " AND ($4 = '' OR status = $4) AND ($5 = '' OR name = $5)"
                           " AND (name, language, id) > ($6, $7, $8)"
                           " ORDER BY name, language, id LIMIT $9"),
                    ret, e, V_UUID(tenant.v), V_UUID_OPT(q->account.v), V_TEXT(q->channel),
                    V_TEXT(q->status), V_TEXT(q->name), V_TEXT(last->name), V_TEXT(last->language),
                    V_UUID(last->id), V_I64((int64_t)q->limit + 1));
}

void store_template_at(struct arena *a, const struct db_rows *rows, size_t i,
                       struct template *ret) {
    *ret = (struct template){
        .id = db_uuid(rows, i, 0),
        .account.v = db_uuid(rows, i, 1),
        .channel = db_text(rows, i, 2),
        .name = db_text(rows, i, 3),
        .language = db_text(rows, i, 4),
        .category = db_text(rows, i, 5),
        .status = db_text(rows, i, 6),
        .status_reason = db_text(rows, i, 7),
        .quality = db_text(rows, i, 8),
        .provider_id = db_text(rows, i, 9),
        .provider_ref = db_text(rows, i, 10),
        .subject = db_text(rows, i, 11),
        .body = db_text(rows, i, 12),
        .html = db_text(rows, i, 13),
        .components = db_text(rows, i, 14),
        .synced_at_ms = db_i64(rows, i, 15),
        .created_at_ms = db_i64(rows, i, 16),
        .updated_at_ms = db_i64(rows, i, 17),
    };
    template_understand(a, ret);
}

enum status store_template_insert(struct tx *tx, struct tenant_id tenant, const struct template *t,
                                  struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO templates (id, tenant_id, account_id, channel, name,"
                          " language, category, status, subject, body, html, created_at,"
                          " updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
                          " $12)"),
                   NULL, e, V_UUID(t->id), V_UUID(tenant.v), V_UUID(t->account.v),
                   V_TEXT(t->channel), V_TEXT(t->name), V_TEXT(t->language), V_TEXT(t->category),
                   V_TEXT(t->status), V_TEXT(t->subject), V_TEXT(t->body), V_TEXT(t->html),
                   V_I64(t->updated_at_ms));
}

enum status store_template_change(struct tx *tx, struct tenant_id tenant, const struct template *t,
                                  int64_t *ret_changed, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE templates SET category = $3, subject = $4, body = $5, html = $6,"
                          " updated_at = $7 WHERE tenant_id = $1 AND id = $2 AND status = 'local'"),
                   ret_changed, e, V_UUID(tenant.v), V_UUID(t->id), V_TEXT(t->category),
                   V_TEXT(t->subject), V_TEXT(t->body), V_TEXT(t->html), V_I64(t->updated_at_ms));
}

enum status store_template_delete(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                  int64_t *ret_changed, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM templates WHERE tenant_id = $1 AND id = $2"
                          " AND status IN ('local', 'gone')"),
                   ret_changed, e, V_UUID(tenant.v), V_UUID(id));
}

enum status store_templates_count_own(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      int64_t *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT count(*) FROM templates WHERE tenant_id = $1"
                        " AND status = 'local'"),
                 &rows, e, V_UUID(tenant.v)));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}
