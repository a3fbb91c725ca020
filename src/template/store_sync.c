/* store_sync.c - SQL of what the provider tells of its templates.
 * SPDX-License-Identifier: Apache-2.0 */
#include "template/store.h"

enum status store_template_synced(struct tx *tx, const struct account *account, const char *channel,
                                  const struct template_item *item, int64_t started_ms,
                                  int64_t at_ms, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL(
            "INSERT INTO templates AS t (id, tenant_id, account_id, channel, name, language,"
            " category, status, status_reason, quality, provider_id, provider_ref, body,"
            " components, synced_at, created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $15)"
            " ON CONFLICT (tenant_id, account_id, channel, name, language) DO UPDATE SET"
            " category = CASE WHEN t.updated_at > $16 THEN t.category ELSE $7 END,"
            " status = CASE WHEN t.updated_at > $16 THEN t.status ELSE $8 END,"
            " status_reason = CASE WHEN t.updated_at > $16 THEN t.status_reason ELSE $9 END,"
            " quality = CASE WHEN t.updated_at > $16 THEN t.quality ELSE $10 END,"
            " provider_id = $11, provider_ref = $12, body = $13, components = $14,"
            " synced_at = $15, updated_at = CASE WHEN t.updated_at > $16 THEN t.updated_at"
            " WHEN t.category = $7 AND t.status = $8 AND t.status_reason = $9 AND t.quality = $10"
            " AND t.components = $14 THEN t.updated_at ELSE $15 END"),
        NULL, e, V_UUID(uuid_new()), V_UUID(account->tenant.v), V_UUID(account->id.v),
        V_TEXT(str_of(channel)), V_TEXT(item->name), V_TEXT(item->language), V_TEXT(item->category),
        V_TEXT(item->status), V_TEXT(item->reason), V_TEXT(item->quality), V_TEXT(item->id),
        V_TEXT(item->ref), V_TEXT(item->body), V_TEXT(item->components), V_I64(at_ms),
        V_I64(started_ms));
}

enum status store_templates_gone(struct tx *tx, const struct account *account, int64_t at_ms,
                                 struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE templates SET status = 'gone', updated_at = $3"
                          " WHERE tenant_id = $1 AND account_id = $2 AND synced_at <> $3"
                          " AND status NOT IN ('gone', 'local')"),
                   NULL, e, V_UUID(account->tenant.v), V_UUID(account->id.v), V_I64(at_ms));
}

enum status store_template_learn(struct tx *tx, struct tenant_id tenant,
                                 const struct template_item *item, int64_t now_ms,
                                 int64_t *ret_changed, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE templates SET status = CASE WHEN $5 = '' THEN status ELSE $5 END,"
                          " status_reason = CASE WHEN $5 = '' THEN status_reason ELSE $6 END,"
                          " quality = CASE WHEN $7 = '' THEN quality ELSE $7 END,"
                          " category = CASE WHEN $8 = '' THEN category ELSE $8 END, updated_at = $9"
                          " WHERE tenant_id = $1 AND status <> 'local' AND name = $3"
                          " AND (language = $4 OR $4 = '') AND (provider_id = $2 OR $2 = '')"),
                   ret_changed, e, V_UUID(tenant.v), V_TEXT(item->id), V_TEXT(item->name),
                   V_TEXT(item->language), V_TEXT(item->status), V_TEXT(item->reason),
                   V_TEXT(item->quality), V_TEXT(item->category), V_I64(now_ms));
}

enum status store_template_marks(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 const struct template_query *q, struct template_mark **ret,
                                 size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT id, status, quality, category FROM templates WHERE tenant_id = $1"
                        " AND ($2 IS NULL OR account_id = $2) AND ($3 = '' OR name = $3)"
                        " ORDER BY id"),
                 &rows, e, V_UUID(tenant.v), V_UUID_OPT(q->account.v), V_TEXT(q->name)));
    *ret = arena_array_of(a, rows.n + 1, struct template_mark);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct template_mark){.id = db_uuid(&rows, i, 0),
                                           .status = db_text(&rows, i, 1),
                                           .quality = db_text(&rows, i, 2),
                                           .category = db_text(&rows, i, 3)};
    return ST_OK;
}

enum status store_sync_put(struct tx *tx, struct tenant_id tenant, const struct template_sync *s,
                           struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO template_syncs (tenant_id, account_id, state, cause, reason,"
                          " templates, at) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                          " ON CONFLICT (tenant_id, account_id) DO UPDATE SET state = $3,"
                          " cause = $4, reason = $5, templates = $6, at = $7"),
                   NULL, e, V_UUID(tenant.v), V_UUID(s->account.v), V_TEXT(s->state),
                   V_TEXT(s->cause), V_TEXT(s->reason), V_I64(s->n_templates), V_I64(s->at_ms));
}

enum status store_sync_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT account_id, state, cause, reason, templates, at"
                           " FROM template_syncs WHERE tenant_id = $1 ORDER BY account_id"),
                    ret, e, V_UUID(tenant.v));
}
