/* store_merge.c - SQL of merges: what moves between two leads, what is remembered of it, and the timeline over both.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "lead/store.h"
#include "lead/words.h"

enum status store_parts_move(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                             struct lead_id into, struct err *e) {
    static const struct db_sql statements[] = {
        DB_SQL("INSERT INTO lead_phones (tenant_id, lead_id, position, typed, e164, kind,"
               " valid_for_dispatch, reason, is_whatsapp) SELECT tenant_id, $3, position +"
               " (SELECT coalesce(max(position) + 1, 0) FROM lead_phones WHERE tenant_id = $1"
               " AND lead_id = $3), typed, e164, kind, valid_for_dispatch, reason, is_whatsapp"
               " FROM lead_phones p WHERE tenant_id = $1 AND lead_id = $2 AND NOT EXISTS (SELECT 1"
               " FROM lead_phones k WHERE k.tenant_id = $1 AND k.lead_id = $3 AND k.e164 = p.e164"
               " AND (k.e164 <> '' OR k.typed = p.typed))"),
        DB_SQL("INSERT INTO lead_emails (tenant_id, lead_id, position, address, is_valid,"
               " bounced_at) SELECT tenant_id, $3, position + (SELECT coalesce(max(position) + 1,"
               " 0) FROM lead_emails WHERE tenant_id = $1 AND lead_id = $3), address, is_valid,"
               " bounced_at FROM lead_emails m WHERE tenant_id = $1 AND lead_id = $2"
               " AND NOT EXISTS (SELECT 1 FROM lead_emails k WHERE k.tenant_id = $1"
               " AND k.lead_id = $3 AND k.address = m.address)"),
        DB_SQL("INSERT INTO lead_tags (tenant_id, tag, lead_id) SELECT tenant_id, tag, $3"
               " FROM lead_tags WHERE tenant_id = $1 AND lead_id = $2 ON CONFLICT DO NOTHING"),
    };
    static const struct db_sql clear[] = {
        DB_SQL("DELETE FROM lead_phones WHERE tenant_id = $1 AND lead_id = $2"),
        DB_SQL("DELETE FROM lead_emails WHERE tenant_id = $1 AND lead_id = $2"),
        DB_SQL("DELETE FROM lead_tags WHERE tenant_id = $1 AND lead_id = $2"),
    };
    const struct db_val vals[] = {V_UUID(tenant.v), V_UUID(from.v), V_UUID(into.v)};

    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        TRY(db_exec_vals(tx, statements[i], vals, 3, NULL, e));
        TRY(db_exec_vals(tx, clear[i], vals, 2, NULL, e));
    }
    return ST_OK;
}

/* [part][is_taken]: $1 tenant, $2 from, $3 into, $4 value, $5 position; keys: $5 kind. A number's or address' copy comes
 * before the deletion, so a copy and a deletion are two statements. */
static const struct db_sql copies[] = {
    [PART_PHONE] =
        DB_SQL("INSERT INTO lead_phones (tenant_id, lead_id, position, typed, e164, kind,"
               " valid_for_dispatch, reason, is_whatsapp) SELECT tenant_id, $3, $5,"
               " typed, e164, kind, valid_for_dispatch, reason, is_whatsapp"
               " FROM lead_phones WHERE tenant_id = $1 AND lead_id = $2 AND (e164 = $4"
               " OR (e164 = '' AND typed = $4)) ON CONFLICT DO NOTHING"),
    [PART_EMAIL] =
        DB_SQL("INSERT INTO lead_emails (tenant_id, lead_id, position, address, is_valid,"
               " bounced_at) SELECT tenant_id, $3, $5, address, is_valid, bounced_at"
               " FROM lead_emails WHERE tenant_id = $1 AND lead_id = $2"
               " AND address = $4 ON CONFLICT DO NOTHING"),
};
static const struct db_sql drops[] = {
    [PART_PHONE] = DB_SQL("DELETE FROM lead_phones WHERE tenant_id = $1 AND lead_id = $2"
                          " AND (e164 = $3 OR (e164 = '' AND typed = $3))"),
    [PART_EMAIL] = DB_SQL("DELETE FROM lead_emails WHERE tenant_id = $1 AND lead_id = $2"
                          " AND address = $3"),
    [PART_TAG] = DB_SQL("DELETE FROM lead_tags WHERE tenant_id = $1 AND lead_id = $2 AND tag = $3"),
};

enum status store_part_back(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                            struct lead_id into, const struct part_back *back, struct err *e) {
    if (back->part == PART_KEY)
        return DB_EXEC(tx,
                       DB_SQL("UPDATE lead_identities SET lead_id = $3 WHERE tenant_id = $1"
                              " AND lead_id = $2 AND kind = $4 AND value = $5"),
                       NULL, e, V_UUID(tenant.v), V_UUID(from.v), V_UUID(into.v),
                       V_TEXT(back->kind), V_TEXT(back->value));
    if (back->part == PART_TAG) {
        TRY(DB_EXEC(tx,
                    DB_SQL("INSERT INTO lead_tags (tenant_id, tag, lead_id) VALUES ($1, $2, $3)"
                           " ON CONFLICT DO NOTHING"),
                    NULL, e, V_UUID(tenant.v), V_TEXT(back->value), V_UUID(into.v)));
    } else {
        TRY(DB_EXEC(tx, copies[back->part], NULL, e, V_UUID(tenant.v), V_UUID(from.v),
                    V_UUID(into.v), V_TEXT(back->value), V_I64(back->position)));
    }
    if (!back->is_taken)
        return ST_OK;
    return DB_EXEC(tx, drops[back->part], NULL, e, V_UUID(tenant.v), V_UUID(from.v),
                   V_TEXT(back->value));
}

enum status store_keys_of(struct arena *a, struct tx *tx, struct tenant_id tenant,
                          struct lead_id id, struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT kind, value FROM lead_identities WHERE tenant_id = $1"
                           " AND lead_id = $2 ORDER BY kind, value"),
                    ret, e, V_UUID(tenant.v), V_UUID(id.v));
}

enum status store_lead_write(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct lead_row *row, int64_t now_ms, struct err *e) {
    struct str name_key = utf8_fold(a, row->name), company_key = utf8_fold(a, row->company);

    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE leads SET name = $3, name_key = $4, company = $5, company_key = $6,"
                       " document = $7, document_kind = $8, fields = $9, tags = $10, state = $11,"
                       " last_inbound_at = $12, marketing_stopped_at = $13, updated_at = $14"
                       " WHERE tenant_id = $1 AND id = $2"),
                NULL, e, V_UUID(tenant.v), V_UUID(row->id.v), V_TEXT(row->name), V_TEXT(name_key),
                V_TEXT(row->company), V_TEXT(company_key), V_TEXT(row->document),
                V_TEXT(row->document_kind), V_TEXT(row->fields), V_TEXT(row->tags),
                V_TEXT(row->state), V_I64(row->last_inbound_at_ms),
                V_I64_OPT(row->marketing_stopped_at_ms, row->marketing_stopped_at_ms != 0),
                V_I64(now_ms)));
    return store_words_later(a, tx, tenant, row->id, name_key, company_key, e);
}

enum status store_lead_merged(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                              struct lead_id into, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE leads SET merged_into = $3, updated_at = $4"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(from.v), V_UUID_OPT(into.v), V_I64(now_ms));
}

enum status store_merge_insert(struct tx *tx, struct tenant_id tenant, const struct merge_row *row,
                               struct str actor, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO lead_merges (id, tenant_id, kept_id, gone_id, before, actor,"
                          " at) VALUES ($1, $2, $3, $4, $5, $6, $7)"),
                   NULL, e, V_UUID(row->id), V_UUID(tenant.v), V_UUID(row->keep.v),
                   V_UUID(row->gone.v), V_TEXT(row->before), V_TEXT(actor), V_I64(now_ms));
}

enum status store_merge_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct uuid id,
                            struct merge_row *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL2("SELECT kept_id, gone_id, before, undone_at FROM lead_merges"
                         " WHERE tenant_id = $1 AND id = $2",
                         "SELECT kept_id, gone_id, before, undone_at FROM lead_merges"
                         " WHERE tenant_id = $1 AND id = $2 FOR UPDATE"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such merge");
    *ret = (struct merge_row){.id = id,
                              .keep.v = db_uuid(&rows, 0, 0),
                              .gone.v = db_uuid(&rows, 0, 1),
                              .before = db_text(&rows, 0, 2),
                              .undone_at_ms = db_i64(&rows, 0, 3)};
    return ST_OK;
}

enum status store_merge_newest(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id gone, struct merge_row *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT id, kept_id, before FROM lead_merges WHERE tenant_id = $1"
                        " AND gone_id = $2 AND undone_at IS NULL ORDER BY id DESC LIMIT 1"),
                 &rows, e, V_UUID(tenant.v), V_UUID(gone.v)));
    *ret = (struct merge_row){.gone = gone};
    if (rows.n == 0)
        return ST_OK;
    ret->id = db_uuid(&rows, 0, 0);
    ret->keep.v = db_uuid(&rows, 0, 1);
    ret->before = db_text(&rows, 0, 2);
    return ST_OK;
}

enum status store_merge_rewrite(struct tx *tx, struct tenant_id tenant, struct uuid id,
                                struct str before, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE lead_merges SET before = $3 WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id), V_TEXT(before));
}

enum status store_merge_undone(struct tx *tx, struct tenant_id tenant, struct uuid id,
                               int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE lead_merges SET undone_at = $3 WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id), V_I64(now_ms));
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_happenings(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct lead_id id, struct uuid before, size_t limit,
                             struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx,
        DB_SQL("WITH RECURSIVE one (id) AS (SELECT $2::uuid UNION SELECT g.gone_id"
               " FROM lead_merges g JOIN one ON g.kept_id = one.id WHERE g.tenant_id = $1"
               " AND g.undone_at IS NULL)"
               " SELECT e.id, e.kind, e.data, e.actor, e.at FROM lead_events e"
               " WHERE e.tenant_id = $1 AND e.lead_id IN (SELECT id FROM one)"
               " AND e.id < $3 ORDER BY e.id DESC LIMIT $4"),
        ret, e, V_UUID(tenant.v), V_UUID(id.v), V_UUID(before), V_I64((int64_t)limit));
}
