/* store.c - SQL of media and of what providers have of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "media/store.h"

#define COLUMNS                                                                                    \
    "id, account_id, conversation_id, message_id, state, reason, kind, mime, size, sha256,"        \
    " file_name, provider_id, link, claimed_sha256, is_upload, created_at, updated_at"

static void row(const struct db_rows *rows, size_t i, struct tenant_id tenant, struct media *ret) {
    *ret = (struct media){
        .id.v = db_uuid(rows, i, 0),
        .tenant = tenant,
        .account.v = db_uuid(rows, i, 1),
        .conversation.v = db_uuid(rows, i, 2),
        .message.v = db_uuid(rows, i, 3),
        .state = db_text(rows, i, 4),
        .reason = db_text(rows, i, 5),
        .kind = db_text(rows, i, 6),
        .mime = db_text(rows, i, 7),
        .size = db_i64(rows, i, 8),
        .sha256 = db_text(rows, i, 9),
        .file_name = db_text(rows, i, 10),
        .provider_id = db_text(rows, i, 11),
        .link = db_text(rows, i, 12),
        .claimed_sha256 = db_text(rows, i, 13),
        .is_upload = db_i64(rows, i, 14) != 0,
        .created_at_ms = db_i64(rows, i, 15),
        .updated_at_ms = db_i64(rows, i, 16),
    };
}

enum status store_media_insert(struct tx *tx, const struct media *m, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("INSERT INTO media (tenant_id, " COLUMNS ")"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
               " $17, $17)"),
        NULL, e, V_UUID(m->tenant.v), V_UUID(m->id.v), V_UUID_OPT(m->account.v),
        V_UUID_OPT(m->conversation.v), V_UUID_OPT(m->message.v), V_TEXT(m->state),
        V_TEXT(m->reason), V_TEXT(m->kind), V_TEXT(m->mime), V_I64(m->size), V_TEXT(m->sha256),
        V_TEXT(m->file_name), V_TEXT(m->provider_id), V_TEXT(m->link), V_TEXT(m->claimed_sha256),
        V_I64(m->is_upload), V_I64(m->created_at_ms));
}

enum status store_media_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct media_id id, struct media *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT " COLUMNS " FROM media WHERE tenant_id = $1 AND id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such file");
    row(&rows, 0, tenant, ret);
    return ST_OK;
}

enum status store_media_settle(struct tx *tx, const struct media *m, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE media SET state = $3, reason = $4, mime = $5, size = $6,"
                          " sha256 = $7, file_name = $8, updated_at = $9"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(m->tenant.v), V_UUID(m->id.v), V_TEXT(m->state),
                   V_TEXT(m->reason), V_TEXT(m->mime), V_I64(m->size), V_TEXT(m->sha256),
                   V_TEXT(m->file_name), V_I64(m->updated_at_ms));
}

enum status store_media_use(struct tx *tx, struct tenant_id tenant, struct media_id id,
                            struct err *e) {
    return DB_EXEC(tx, DB_SQL("UPDATE media SET is_used = 1 WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id.v));
}

enum status store_media_purge(struct arena *a, struct tx *tx, int64_t before_ms,
                              struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx,
        DB_SQL("DELETE FROM media WHERE id IN (SELECT id FROM media WHERE is_upload = 1"
               " AND is_used = 0 AND created_at < $1 LIMIT 500) RETURNING tenant_id, sha256"),
        ret, e, V_I64(before_ms));
}

enum status store_file_is_used(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct str sha256, bool *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT id FROM media WHERE tenant_id = $1 AND sha256 = $2 LIMIT 1"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(sha256)));
    *ret = rows.n > 0;
    return ST_OK;
}

/* --- what providers have ---------------------------------------------------------------------------------------------- */

enum status store_upload_find(struct arena *a, struct tx *tx, const struct media *m,
                              struct account_id account, int64_t now_ms, struct str *ret,
                              struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT provider_id FROM media_uploads WHERE tenant_id = $1"
                        " AND media_id = $2 AND account_id = $3 AND expires_at > $4"),
                 &rows, e, V_UUID(m->tenant.v), V_UUID(m->id.v), V_UUID(account.v), V_I64(now_ms)));
    *ret = rows.n > 0 ? db_text(&rows, 0, 0) : STR_EMPTY;
    return ST_OK;
}

enum status store_upload_put(struct tx *tx, const struct media *m, struct account_id account,
                             struct str provider_id, int64_t expires_at_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO media_uploads"
                          " (tenant_id, media_id, account_id, provider_id, expires_at)"
                          " VALUES ($1, $2, $3, $4, $5)"
                          " ON CONFLICT (tenant_id, media_id, account_id)"
                          " DO UPDATE SET provider_id = $4, expires_at = $5"),
                   NULL, e, V_UUID(m->tenant.v), V_UUID(m->id.v), V_UUID(account.v),
                   V_TEXT(provider_id), V_I64(expires_at_ms));
}

enum status store_upload_drop(struct tx *tx, const struct media *m, struct account_id account,
                              struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM media_uploads WHERE tenant_id = $1 AND media_id = $2"
                          " AND account_id = $3"),
                   NULL, e, V_UUID(m->tenant.v), V_UUID(m->id.v), V_UUID(account.v));
}
