/* store.c - SQL of leads and their identities.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/store.h"
#include "lead/words.h"

enum status store_identity_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                struct identity id, struct found *ret, struct err *e) {
    struct db_rows rows;

    *ret = (struct found){0};
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT i.lead_id, i.address, l.state, l.last_inbound_at"
                        " FROM lead_identities i"
                        " JOIN leads l ON l.tenant_id = i.tenant_id AND l.id = i.lead_id"
                        " WHERE i.tenant_id = $1 AND i.kind = $2 AND i.value = $3"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(str_of(id.kind)), V_TEXT(id.value)));
    if (rows.n > 0)
        *ret = (struct found){.lead.v = db_uuid(&rows, 0, 0),
                              .address = db_text(&rows, 0, 1),
                              .state = db_text(&rows, 0, 2),
                              .last_inbound_at_ms = db_i64(&rows, 0, 3)};
    return ST_OK;
}

enum status store_identity_put(struct tx *tx, struct tenant_id tenant, struct lead_id lead,
                               struct identity id, int64_t now_ms, struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("INSERT INTO lead_identities"
                           " (tenant_id, kind, value, lead_id, address, created_at, updated_at)"
                           " VALUES ($1, $2, $3, $4, $5, $6, $6)"
                           " ON CONFLICT (tenant_id, kind, value) DO UPDATE"
                           " SET lead_id = excluded.lead_id, address = excluded.address,"
                           " updated_at = excluded.updated_at"),
                    e, V_UUID(tenant.v), V_TEXT(str_of(id.kind)), V_TEXT(id.value), V_UUID(lead.v),
                    V_TEXT(id.address), V_I64(now_ms));
}

enum status store_identities_move(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                                  struct lead_id into, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE lead_identities SET lead_id = $3, updated_at = $4"
                          " WHERE tenant_id = $1 AND lead_id = $2"),
                   NULL, e, V_UUID(tenant.v), V_UUID(from.v), V_UUID(into.v), V_I64(now_ms));
}

enum status store_lead_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct lead_id id, const struct party *party, int64_t now_ms,
                              struct err *e) {
    struct str name_key = utf8_fold(a, party->name);

    TRY(DB_LATER(
        tx,
        DB_SQL("INSERT INTO leads (id, tenant_id, name, username, created_at, updated_at, name_key,"
               " source) VALUES ($1, $2, $3, $4, $5, $5, $6, $7)"),
        e, V_UUID(id.v), V_UUID(tenant.v), V_TEXT(party->name), V_TEXT(party->username),
        V_I64(now_ms), V_TEXT(name_key),
        V_TEXT(party->phone.len + party->user_id.len == 0 ? STR("email") : STR("whatsapp"))));
    return store_words_later(a, tx, tenant, id, name_key, STR_EMPTY, e);
}

enum status store_lead_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct lead_id id, struct lead *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL("SELECT l.name, i.kind, i.address FROM leads l"
               " LEFT JOIN lead_identities i ON i.tenant_id = l.tenant_id AND i.lead_id = l.id"
               " WHERE l.tenant_id = $1 AND l.id = $2 ORDER BY i.updated_at"),
        &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such lead");
    *ret = (struct lead){.id = id, .name = db_text(&rows, 0, 0)};
    for (size_t i = 0; i < rows.n; i++) { /* the newest of each kind stays */
        if (str_eq(db_text(&rows, i, 1), STR("phone")))
            ret->phone = db_text(&rows, i, 2);
        else if (str_eq(db_text(&rows, i, 1), STR("user_id")))
            ret->user_id = db_text(&rows, i, 2);
        else if (str_eq(db_text(&rows, i, 1), STR("email")))
            ret->email = db_text(&rows, i, 2);
    }
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_lead_name(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct lead_id id, const struct party *party, int64_t now_ms,
                            int64_t *ret_changed, struct err *e) {
    struct str name_key = utf8_fold(a, party->name);

    TRY(DB_EXEC(
        tx,
        DB_SQL(
            "UPDATE leads SET"
            " name = CASE WHEN $3 = '' OR is_named = 1 THEN name ELSE $3 END,"
            " name_key = CASE WHEN $3 = '' OR is_named = 1 THEN name_key ELSE $6 END,"
            " username = CASE WHEN $4 = '' THEN username ELSE $4 END, updated_at = $5"
            " WHERE tenant_id = $1 AND id = $2"
            " AND (($3 <> '' AND name <> $3 AND is_named = 0) OR ($4 <> '' AND username <> $4))"),
        ret_changed, e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(party->name),
        V_TEXT(party->username), V_I64(now_ms), V_TEXT(name_key)));
    return *ret_changed > 0 ? store_words_later(a, tx, tenant, id, name_key, STR_EMPTY, e) : ST_OK;
}

enum status store_lead_profile(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_id id, struct lead_profile *ret,
                               struct lead_id *ret_merged, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL(
            "SELECT l.name, l.state, l.tags, l.marketing_stopped_at, l.created_at, l.merged_into,"
            " i.kind, i.address, l.company, l.document, l.document_kind, l.fields, l.source,"
            " l.updated_at, l.last_inbound_at FROM leads l"
            " LEFT JOIN lead_identities i ON i.tenant_id = l.tenant_id AND i.lead_id = l.id"
            " WHERE l.tenant_id = $1 AND l.id = $2 ORDER BY i.kind, i.updated_at DESC"),
        &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such lead");
    *ret = (struct lead_profile){
        .id = id,
        .name = db_text(&rows, 0, 0),
        .state = db_text(&rows, 0, 1),
        .tags = db_text(&rows, 0, 2),
        .marketing_stopped_at_ms = db_i64(&rows, 0, 3),
        .created_at_ms = db_i64(&rows, 0, 4),
        .identities = arena_array_of(a, rows.n, struct lead_identity),
        .company = db_text(&rows, 0, 8),
        .document = db_text(&rows, 0, 9),
        .document_kind = db_text(&rows, 0, 10),
        .fields = db_text(&rows, 0, 11),
        .source = db_text(&rows, 0, 12),
        .updated_at_ms = db_i64(&rows, 0, 13),
        .last_inbound_at_ms = db_i64(&rows, 0, 14),
    };
    ret_merged->v = db_uuid(&rows, 0, 5);
    for (size_t i = 0; i < rows.n; i++)
        if (!db_is_null(&rows, i, 6))
            ret->identities[ret->n_identities++] =
                (struct lead_identity){db_text(&rows, i, 6), db_text(&rows, i, 7)};
    return ST_OK;
}

enum status store_lead_edit(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            const struct lead_profile *p, bool is_named, int64_t now_ms,
                            struct err *e) {
    struct str name_key = utf8_fold(a, p->name), company_key = utf8_fold(a, p->company);

    TRY(DB_EXEC(tx,
                DB_SQL("UPDATE leads SET name = $3, tags = $4, company = $5, document = $6,"
                       " document_kind = $7, fields = $8, name_key = $9, company_key = $10,"
                       " is_named = CASE WHEN $11 = 1 THEN 1 ELSE is_named END, updated_at = $12"
                       " WHERE tenant_id = $1 AND id = $2"),
                NULL, e, V_UUID(tenant.v), V_UUID(p->id.v), V_TEXT(p->name), V_TEXT(p->tags),
                V_TEXT(p->company), V_TEXT(p->document), V_TEXT(p->document_kind),
                V_TEXT(p->fields), V_TEXT(name_key), V_TEXT(company_key), V_I64(is_named),
                V_I64(now_ms)));
    return store_words_later(a, tx, tenant, p->id, name_key, company_key, e);
}

/* The first number behind all that begin with these digits: "5511" → "5512", "559" → "56". Digits sort alike in every
 * collation. */
static struct str behind(struct arena *a, struct str digits) {
    size_t n = digits.len;

    while (n > 0 && digits.ptr[n - 1] == '9')
        n--;
    if (n == 0)
        return arena_printf(a, "%.*s99999999999999999999", STR_ARG(digits));
    return arena_printf(a, "%.*s%c", (int)(n - 1), digits.ptr, digits.ptr[n - 1] + 1);
}

enum status store_leads_by_phone(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct str prefix, size_t limit, struct db_rows *ret,
                                 struct err *e) {
    struct str end = behind(a, prefix);

    return DB_QUERY(a, tx,
                    DB_SQL("SELECT lead_id FROM lead_identities WHERE tenant_id = $1"
                           " AND kind = 'phone' AND value >= $2 AND value < $3"
                           " ORDER BY value LIMIT $4"),
                    ret, e, V_UUID(tenant.v), V_TEXT(prefix), V_TEXT(end), V_I64((int64_t)limit));
}
