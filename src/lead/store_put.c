/* store_put.c - SQL of puts and their undo: each statement for all persons of a call.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/person.h"

#include <string.h>

#include "lead/pack.h"
#include "lead/words.h"

/* --- reading --------------------------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_keys_find(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            const char *kind, const struct str *values, size_t n,
                            struct db_rows *ret, struct err *e) {
    static const struct db_sql sql =
        DB_SQL2("SELECT value, lead_id FROM lead_identities WHERE tenant_id = $1 AND kind = $2"
                " AND value IN (SELECT value FROM json_each($3))",
                "SELECT i.value, i.lead_id FROM jsonb_array_elements_text($3::jsonb) AS v (value)"
                " CROSS JOIN LATERAL (SELECT value, lead_id FROM lead_identities"
                " WHERE tenant_id = $1 AND kind = $2 AND value = v.value LIMIT 1) AS i");
    const struct db_val vals[] = {V_UUID(tenant.v), V_TEXT(str_of(kind)),
                                  V_TEXT(pack_texts(a, values, n))};

    *ret = (struct db_rows){0};
    return n > 0 ? db_query_vals(a, tx, sql, vals, ARRAY_LEN(vals), PACK_ROWS_MAX, ret, e) : ST_OK;
}

#define PERSON_COLUMNS                                                                             \
    "SELECT id, name, company, document, document_kind, fields, tags, source, is_named,"           \
    " updated_at, name_key, company_key FROM leads WHERE tenant_id = $1 AND id "
#define PHONE_COLUMNS                                                                              \
    "SELECT lead_id, e164, typed, position FROM lead_phones WHERE tenant_id = $1 AND lead_id "
#define EMAIL_COLUMNS                                                                              \
    "SELECT lead_id, address, position FROM lead_emails WHERE tenant_id = $1 AND lead_id "

static struct person *person_of(struct person *persons, size_t n, struct uuid id) {
    size_t from = 0, to = n;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int cmp = uuid_cmp(persons[mid].id.v, id);

        if (cmp == 0)
            return &persons[mid];
        if (cmp < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return NULL;
}

static void add_phones(struct arena *a, struct person *persons, size_t n,
                       const struct db_rows *rows) {
    size_t i = 0;

    while (i < rows->n) { /* by lead: one's stand together */
        struct uuid id = db_uuid(rows, i, 0);
        struct person *p = person_of(persons, n, id);
        size_t end = i;

        while (end < rows->n && uuid_eq(db_uuid(rows, end, 0), id))
            end++;
        p->phones = arena_array_of(a, end - i, struct person_phone);
        p->cap_phones = end - i;
        for (; i < end; i++)
            p->phones[p->n_phones++] = (struct person_phone){.e164 = db_text(rows, i, 1),
                                                             .typed = db_text(rows, i, 2),
                                                             .position = db_i64(rows, i, 3)};
    }
}

static void add_emails(struct arena *a, struct person *persons, size_t n,
                       const struct db_rows *rows) {
    size_t i = 0;

    while (i < rows->n) {
        struct uuid id = db_uuid(rows, i, 0);
        struct person *p = person_of(persons, n, id);
        size_t end = i;

        while (end < rows->n && uuid_eq(db_uuid(rows, end, 0), id))
            end++;
        p->emails = arena_array_of(a, end - i, struct person_email);
        p->cap_emails = end - i;
        for (; i < end; i++)
            p->emails[p->n_emails++] = (struct person_email){.address = db_text(rows, i, 1),
                                                             .position = db_i64(rows, i, 2)};
    }
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_persons_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct lead_id *ids, size_t n, struct person **ret,
                              size_t *ret_n, struct err *e) {
    static const struct db_sql leads =
        DB_SQL2(PERSON_COLUMNS "IN " IDS_SQLITE("$2") " ORDER BY id",
                PERSON_COLUMNS "= " IDS_POSTGRES("$2") " ORDER BY id FOR UPDATE");
    static const struct db_sql phones =
        DB_SQL2(PHONE_COLUMNS "IN " IDS_SQLITE("$2") " ORDER BY lead_id, position",
                PHONE_COLUMNS "= " IDS_POSTGRES("$2") " ORDER BY lead_id, position");
    static const struct db_sql emails =
        DB_SQL2(EMAIL_COLUMNS "IN " IDS_SQLITE("$2") " ORDER BY lead_id, position",
                EMAIL_COLUMNS "= " IDS_POSTGRES("$2") " ORDER BY lead_id, position");
    const struct db_val vals[] = {V_UUID(tenant.v), V_BYTES(pack_ids(a, ids, n))};
    struct db_rows rows;

    *ret = NULL;
    *ret_n = 0;
    if (n == 0)
        return ST_OK;
    TRY(db_query_vals(a, tx, leads, vals, ARRAY_LEN(vals), PACK_ROWS_MAX, &rows, e));
    *ret = arena_array_of(a, rows.n + 1, struct person);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct person){
            .id.v = db_uuid(&rows, i, 0),
            .name = db_text(&rows, i, 1),
            .company = db_text(&rows, i, 2),
            .document = db_text(&rows, i, 3),
            .document_kind = db_text(&rows, i, 4),
            .fields = db_text(&rows, i, 5),
            .tags = db_text(&rows, i, 6),
            .source = db_text(&rows, i, 7),
            .is_named = db_i64(&rows, i, 8),
            .updated_at_ms = db_i64(&rows, i, 9),
            .name_key = db_text(&rows, i, 10),
            .company_key = db_text(&rows, i, 11),
        };
    TRY(db_query_vals(a, tx, phones, vals, ARRAY_LEN(vals), PACK_ROWS_MAX, &rows, e));
    add_phones(a, *ret, *ret_n, &rows);
    TRY(db_query_vals(a, tx, emails, vals, ARRAY_LEN(vals), PACK_ROWS_MAX, &rows, e));
    add_emails(a, *ret, *ret_n, &rows);
    return ST_OK;
}

/* --- writing ----------------------------------------------------------------------------------------------- */

enum { PERSON_VALUES = 13, PHONE_VALUES = 8, EMAIL_VALUES = 5 };

#define PERSON_INSERT                                                                              \
    "INSERT INTO leads (id, tenant_id, name, name_key, company, company_key, document,"            \
    " document_kind, fields, tags, source, is_named, created_at, updated_at)"
static const struct db_sql insert_persons = DB_SQL2(
    PERSON_INSERT " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)",
    PERSON_INSERT " SELECT u.*, u.made FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[],"
                  " $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],"
                  " $11::text[], $12::bigint[], $13::bigint[]) AS u(id, tenant_id, name, name_key,"
                  " company, company_key, document, document_kind, fields, tags, source, is_named,"
                  " made)");
static const struct db_sql update_persons = DB_SQL2(
    "UPDATE leads SET name = $3, name_key = $4, company = $5, company_key = $6, document = $7,"
    " document_kind = $8, fields = $9, tags = $10, is_named = $12, updated_at = $13"
    " WHERE tenant_id = $2 AND id = $1",
    "UPDATE leads l SET name = u.name, name_key = u.name_key, company = u.company,"
    " company_key = u.company_key, document = u.document, document_kind = u.document_kind,"
    " fields = u.fields, tags = u.tags, is_named = u.is_named, updated_at = u.at FROM"
    " unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],"
    " $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bigint[])"
    " AS u(id, tenant_id, name, name_key, company, company_key, document, document_kind, fields,"
    " tags, source, is_named, at) WHERE l.tenant_id = u.tenant_id AND l.id = u.id");

/* Whether the person is one of those written: the new ones, or the changed ones. */
static bool is_written(const struct person *p, bool is_new) {
    return is_new ? p->is_new : p->is_changed && !p->is_new;
}

static enum status put_person(struct db_sink *s, struct tenant_id tenant, const struct person *p,
                              int64_t at_ms, struct err *e) {
    const struct db_val row[PERSON_VALUES] = {
        V_UUID(p->id.v),    V_UUID(tenant.v),       V_TEXT(p->name),     V_TEXT(p->name_key),
        V_TEXT(p->company), V_TEXT(p->company_key), V_TEXT(p->document), V_TEXT(p->document_kind),
        V_TEXT(p->fields),  V_TEXT(p->tags),        V_TEXT(p->source),   V_I64(p->is_named),
        V_I64(at_ms),
    };

    return db_sink_put(s, row, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
static enum status put_persons(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct person *const *persons, size_t n, bool is_new, int64_t now_ms,
                               struct err *e) {
    struct db_sink s;

    db_sink_init(&s, a, tx, is_new ? insert_persons : update_persons, PERSON_VALUES);
    for (size_t i = 0; i < n; i++) {
        const struct person *p = persons[i];

        if (is_written(p, is_new))
            TRY(put_person(&s, tenant, p,
                           is_new || p->updated_at_ms == 0 ? now_ms : p->updated_at_ms, e));
    }
    return db_sink_end(&s, e);
}

static enum status put_phone(struct db_sink *s, struct tenant_id tenant, struct lead_id lead,
                             const struct person_phone *p, struct err *e) {
    const struct db_val row[PHONE_VALUES] = {
        V_UUID(tenant.v),
        V_UUID(lead.v),
        V_I64(p->position),
        V_TEXT(p->read.typed),
        V_TEXT(p->read.e164),
        V_TEXT(str_of(p->read.kind)),
        V_I64(p->read.e164.len > 0 && p->read.reason[0] == '\0'),
        V_TEXT(str_of(p->read.reason)),
    };

    return db_sink_put(s, row, e);
}

static enum status put_phones(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct person *const *persons, size_t n, struct err *e) {
#define PHONE_INSERT                                                                               \
    "INSERT INTO lead_phones (tenant_id, lead_id, position, typed, e164, kind,"                    \
    " valid_for_dispatch, reason)"
    static const struct db_sql sql =
        DB_SQL2(PHONE_INSERT " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                PHONE_INSERT " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[],"
                             " $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[])");
    struct db_sink s;

    db_sink_init(&s, a, tx, sql, PHONE_VALUES);
    for (size_t i = 0; i < n; i++) {
        const struct person *p = persons[i];

        for (size_t k = 0; k < p->n_phones; k++)
            if (p->phones[k].is_new)
                TRY(put_phone(&s, tenant, p->id, &p->phones[k], e));
    }
    return db_sink_end(&s, e);
}

static enum status put_email(struct db_sink *s, struct tenant_id tenant, struct lead_id lead,
                             const struct person_email *m, struct err *e) {
    const struct db_val row[EMAIL_VALUES] = {V_UUID(tenant.v), V_UUID(lead.v), V_I64(m->position),
                                             V_TEXT(m->address), V_I64(m->is_valid)};

    return db_sink_put(s, row, e);
}

static enum status put_emails(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct person *const *persons, size_t n, struct err *e) {
#define EMAIL_INSERT "INSERT INTO lead_emails (tenant_id, lead_id, position, address, is_valid)"
    static const struct db_sql sql =
        DB_SQL2(EMAIL_INSERT " VALUES ($1, $2, $3, $4, $5)",
                EMAIL_INSERT " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[],"
                             " $4::text[], $5::bigint[])");
    struct db_sink s;

    db_sink_init(&s, a, tx, sql, EMAIL_VALUES);
    for (size_t i = 0; i < n; i++) {
        const struct person *p = persons[i];

        for (size_t k = 0; k < p->n_emails; k++)
            if (p->emails[k].is_new)
                TRY(put_email(&s, tenant, p->id, &p->emails[k], e));
    }
    return db_sink_end(&s, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what and which of them */
static enum status put_words(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct person *const *persons, size_t n, bool is_new, struct err *e) {
    struct word_row *rows;
    size_t n_rows = 0, bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += persons[i]->name_key.len + persons[i]->company_key.len + 2;
    rows = arena_array_of(a, bytes / 2 + 1, struct word_row);
    for (size_t i = 0; i < n; i++) {
        const struct person *p = persons[i];
        struct str words[LEAD_WORDS_MAX];
        size_t n_words = is_written(p, is_new) ? words_of(p->name_key, p->company_key, words) : 0;

        for (size_t k = 0; k < n_words; k++)
            rows[n_rows++] = (struct word_row){words[k], p->id};
    }
    return store_words_put(a, tx, tenant, rows, n_rows, is_new, e);
}

enum status store_persons_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct person *const *persons, size_t n, int64_t now_ms,
                              struct err *e) {
    for (int is_new = 1; is_new >= 0; is_new--) {
        TRY(put_persons(a, tx, tenant, persons, n, is_new, now_ms, e));
        TRY(put_words(a, tx, tenant, persons, n, is_new, e));
    }
    TRY(put_phones(a, tx, tenant, persons, n, e));
    return put_emails(a, tx, tenant, persons, n, e);
}

enum status store_keys_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct key_row *rows, size_t n, int64_t now_ms, struct err *e) {
    enum { COLUMNS = 6 };
#define KEY_INSERT                                                                                 \
    "INSERT INTO lead_identities (tenant_id, kind, value, lead_id, address, created_at,"           \
    " updated_at)"
    static const struct db_sql sql =
        DB_SQL2(KEY_INSERT " VALUES ($1, $2, $3, $4, $5, $6, $6)",
                KEY_INSERT " SELECT u.*, u.at FROM unnest($1::uuid[], $2::text[], $3::text[],"
                           " $4::uuid[], $5::text[], $6::bigint[])"
                           " AS u(tenant_id, kind, value, lead_id, address, at)");
    struct db_sink s;

    db_sink_init(&s, a, tx, sql, COLUMNS);
    for (size_t i = 0; i < n; i++) {
        const struct db_val row[COLUMNS] = {
            V_UUID(tenant.v),       V_TEXT(str_of(rows[i].key.kind)), V_TEXT(rows[i].key.value),
            V_UUID(rows[i].lead.v), V_TEXT(rows[i].key.address),      V_I64(now_ms)};

        TRY(db_sink_put(&s, row, e));
    }
    return db_sink_end(&s, e);
}

/* --- pairs --------------------------------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
static enum status exec_pairs(struct arena *a, struct tx *tx, struct db_sql sql,
                              struct tenant_id tenant, const struct pair_row *rows, size_t n,
                              bool has_kind, struct err *e) {
    struct db_sink s;

    db_sink_init(&s, a, tx, sql, has_kind ? 4 : 3);
    for (size_t i = 0; i < n; i++) {
        const struct db_val row[] = {V_UUID(tenant.v), V_UUID(rows[i].lead.v),
                                     V_TEXT(rows[i].value), V_TEXT(rows[i].kind)};

        TRY(db_sink_put(&s, row, e));
    }
    return db_sink_end(&s, e);
}

#define PAIRS " unnest($1::uuid[], $2::uuid[], $3::text[]) AS u(t, l, v)"

enum status store_tags_insert(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct pair_row *rows, size_t n, struct err *e) {
    static const struct db_sql sql =
        DB_SQL2("INSERT INTO lead_tags (tenant_id, lead_id, tag) VALUES ($1, $2, $3)"
                " ON CONFLICT DO NOTHING",
                "INSERT INTO lead_tags (tenant_id, lead_id, tag) SELECT t, l, v FROM" PAIRS
                " ON CONFLICT DO NOTHING");

    return exec_pairs(a, tx, sql, tenant, rows, n, false, e);
}

enum status store_tags_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct pair_row *rows, size_t n, struct err *e) {
    static const struct db_sql sql =
        DB_SQL2("DELETE FROM lead_tags WHERE tenant_id = $1 AND lead_id = $2 AND tag = $3",
                "DELETE FROM lead_tags d USING" PAIRS
                " WHERE d.tenant_id = t AND d.lead_id = l AND d.tag = v");

    return exec_pairs(a, tx, sql, tenant, rows, n, false, e);
}

enum status store_phones_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct pair_row *rows, size_t n, struct err *e) {
    static const struct db_sql sql =
        DB_SQL2("DELETE FROM lead_phones WHERE tenant_id = $1 AND lead_id = $2"
                " AND is_whatsapp <> 1 AND (e164 = $3 OR (e164 = '' AND typed = $3))",
                "DELETE FROM lead_phones d USING" PAIRS " WHERE d.tenant_id = t AND d.lead_id = l"
                " AND d.is_whatsapp <> 1 AND (d.e164 = v OR (d.e164 = '' AND d.typed = v))");

    return exec_pairs(a, tx, sql, tenant, rows, n, false, e);
}

enum status store_phones_remove(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct pair_row *rows, size_t n, struct err *e) {
    static const struct db_sql sql =
        DB_SQL2("DELETE FROM lead_phones WHERE tenant_id = $1 AND lead_id = $2"
                " AND (e164 = $3 OR (e164 = '' AND typed = $3))",
                "DELETE FROM lead_phones d USING" PAIRS " WHERE d.tenant_id = t AND d.lead_id = l"
                " AND (d.e164 = v OR (d.e164 = '' AND d.typed = v))");

    return exec_pairs(a, tx, sql, tenant, rows, n, false, e);
}

enum status store_emails_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct pair_row *rows, size_t n, struct err *e) {
    static const struct db_sql sql =
        DB_SQL2("DELETE FROM lead_emails WHERE tenant_id = $1 AND lead_id = $2 AND address = $3",
                "DELETE FROM lead_emails d USING" PAIRS
                " WHERE d.tenant_id = t AND d.lead_id = l AND d.address = v");

    return exec_pairs(a, tx, sql, tenant, rows, n, false, e);
}

enum status store_keys_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct pair_row *rows, size_t n, struct err *e) {
    static const struct db_sql sql = DB_SQL2(
        "DELETE FROM lead_identities WHERE tenant_id = $1 AND lead_id = $2 AND value = $3"
        " AND kind = $4 AND NOT EXISTS (SELECT 1 FROM lead_phones p WHERE p.tenant_id = $1"
        " AND p.lead_id = $2 AND p.e164 = $3)",
        "DELETE FROM lead_identities d USING unnest($1::uuid[], $2::uuid[], $3::text[],"
        " $4::text[]) AS u(t, l, v, k)"
        " WHERE d.tenant_id = t AND d.lead_id = l AND d.value = v AND d.kind = k"
        " AND NOT EXISTS (SELECT 1 FROM lead_phones p WHERE p.tenant_id = t AND p.lead_id = l"
        " AND p.e164 = v)");

    return exec_pairs(a, tx, sql, tenant, rows, n, true, e);
}

/* --- undo ------------------------------------------------------------------------------------------------------ */

#define UNTOUCHED                                                                                  \
    " FROM leads WHERE tenant_id = $1 AND state IN ('new', 'opted_out') AND last_inbound_at = 0"   \
    " AND merged_into IS NULL AND updated_at = created_at AND id "
#define OF_LEADS(table) "DELETE FROM " table " WHERE tenant_id = $1 AND lead_id "
#define BOTH(text)      DB_SQL2(text "IN " IDS_SQLITE("$2"), text "= " IDS_POSTGRES("$2"))

static enum status delete_words(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct db_rows *leads, struct err *e) {
    struct word_row *rows = arena_array_of(a, leads->n * LEAD_WORDS_MAX + 1, struct word_row);
    size_t n_rows = 0;

    for (size_t i = 0; i < leads->n; i++) {
        struct str words[LEAD_WORDS_MAX];
        size_t n = words_of(db_text(leads, i, 1), db_text(leads, i, 2), words);

        for (size_t k = 0; k < n; k++)
            rows[n_rows++] = (struct word_row){words[k], {db_uuid(leads, i, 0)}};
    }
    return store_words_delete(a, tx, tenant, rows, n_rows, e);
}

enum status store_leads_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct lead_id *ids, size_t n, struct db_rows *ret,
                               struct err *e) {
    static const struct db_sql find =
        DB_SQL2("SELECT id, name_key, company_key" UNTOUCHED "IN " IDS_SQLITE("$2"),
                "SELECT id, name_key, company_key" UNTOUCHED "= " IDS_POSTGRES("$2") " FOR UPDATE");
    static const struct db_sql parts[] = {
        BOTH(OF_LEADS("lead_identities")), BOTH(OF_LEADS("lead_phones")),
        BOTH(OF_LEADS("lead_emails")),     BOTH(OF_LEADS("lead_tags")),
        BOTH(OF_LEADS("lead_events")),     BOTH("DELETE FROM leads WHERE tenant_id = $1 AND id "),
    };
    struct db_val vals[] = {V_UUID(tenant.v), V_BYTES(pack_ids(a, ids, n))};
    struct lead_id *gone;

    TRY(db_query_vals(a, tx, find, vals, ARRAY_LEN(vals), PACK_ROWS_MAX, ret, e));
    if (ret->n == 0)
        return ST_OK;
    TRY(delete_words(a, tx, tenant, ret, e));
    gone = arena_array_of(a, ret->n, struct lead_id);
    for (size_t i = 0; i < ret->n; i++)
        gone[i].v = db_uuid(ret, i, 0);
    vals[1] = V_BYTES(pack_ids(a, gone, ret->n));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        TRY(db_exec_vals(tx, parts[i], vals, ARRAY_LEN(vals), NULL, e));
    return ST_OK;
}
