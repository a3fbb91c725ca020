/* store_list.c - SQL of what people look at: the list, and a person's history.
 * SPDX-License-Identifier: Apache-2.0 */
#include "consent/store.h"

#define SUPPRESSION                                                                                \
    "SELECT id, key, channel, source, actor, note, lead_id, created_at FROM suppressions"          \
    " WHERE tenant_id = $1"

static struct suppression suppression_of(const struct db_rows *rows, size_t i) {
    return (struct suppression){.id = db_uuid(rows, i, 0),
                                .key = db_text(rows, i, 1),
                                .channel = db_text(rows, i, 2),
                                .source = db_text(rows, i, 3),
                                .actor = db_text(rows, i, 4),
                                .note = db_text(rows, i, 5),
                                .lead.v = db_uuid(rows, i, 6),
                                .created_at_ms = db_i64(rows, i, 7)};
}

enum status store_suppressions_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    const struct suppression_query *query, struct suppression **ret,
                                    size_t *ret_n, struct err *e) {
    struct db_rows rows;

    /* The lead's own row stands beside those of its keys and says nothing more. */
    TRY(DB_QUERY(a, tx,
                 DB_SQL(SUPPRESSION " AND key NOT LIKE 'lead:%'"
                                    " AND ($2 = '' OR channel = $2) AND ($3 = '' OR key = $3)"
                                    " AND ($4::uuid IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(query->channel), V_TEXT(query->key),
                 V_UUID_OPT(query->before), V_I64((int64_t)query->limit)));
    *ret = arena_array_of(a, rows.n + 1, struct suppression);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = suppression_of(&rows, i);
    *ret_n = rows.n;
    return ST_OK;
}

enum status store_suppression_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct uuid id, struct suppression *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL(SUPPRESSION " AND id = $2"), &rows, e, V_UUID(tenant.v),
                 V_UUID(id)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "nobody is on the list under this id");
    *ret = suppression_of(&rows, 0);
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): whose, where, what and when */
enum status store_acts(struct arena *a, struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                       struct str keys, size_t limit, struct consent_act **ret, size_t *ret_n,
                       struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL2("SELECT id, act, channel, source, text, actor, message_id, at FROM consents"
                " WHERE tenant_id = $1 AND (lead_id = $2 OR EXISTS (SELECT 1 FROM json_each(keys) k"
                " WHERE k.value IN (SELECT value FROM json_each($3)))) ORDER BY id DESC LIMIT $4",
                "SELECT id, act, channel, source, text, actor, message_id, at FROM consents"
                " WHERE tenant_id = $1 AND (lead_id = $2"
                " OR keys::jsonb ?| ARRAY(SELECT json_array_elements_text($3::text::json)))"
                " ORDER BY id DESC LIMIT $4"),
        &rows, e, V_UUID(tenant.v), V_UUID(lead.v), V_TEXT(keys), V_I64((int64_t)limit)));
    *ret = arena_array_of(a, rows.n + 1, struct consent_act);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct consent_act){.id = db_uuid(&rows, i, 0),
                                         .is_stop = str_eq(db_text(&rows, i, 1), STR("stop")),
                                         .channel = db_text(&rows, i, 2),
                                         .source = db_text(&rows, i, 3),
                                         .text = db_text(&rows, i, 4),
                                         .actor = db_text(&rows, i, 5),
                                         .message.v = db_uuid(&rows, i, 6),
                                         .at_ms = db_i64(&rows, i, 7)};
    *ret_n = rows.n;
    return ST_OK;
}
