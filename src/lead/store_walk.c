/* store_walk.c - SQL of lists: a walk over one index, and what belongs to the rows it brings.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/filter.h"
#include "lead/pack.h"

#include <string.h>

#define COLUMNS                                                                                    \
    "SELECT l.id, l.name, l.company, l.document, l.document_kind, l.state, l.source, l.fields,"    \
    " l.tags, l.created_at, l.updated_at, l.last_inbound_at, l.marketing_stopped_at, l.name_key,"  \
    " l.company_key FROM leads l"
#define OURS " WHERE l.tenant_id = $1 AND l.merged_into IS NULL"
#define BY_ID(more)                                                                                \
    {                                                                                              \
        DB_SQL(COLUMNS OURS more " AND l.id > $2 ORDER BY l.id LIMIT $3"),                         \
            DB_SQL(COLUMNS OURS more " AND l.id < $2 ORDER BY l.id DESC LIMIT $3"),                \
    }
#define BY_TAG(sign, order)                                                                        \
    DB_SQL(COLUMNS " JOIN (SELECT lead_id FROM lead_tags WHERE tenant_id = $1 AND tag = $4"        \
                   " AND lead_id " sign " $2 ORDER BY lead_id" order " LIMIT $3) t"                \
                   " ON l.id = t.lead_id" OURS " ORDER BY l.id" order)
#define BY_KEY(key, more)                                                                          \
    {                                                                                              \
        DB_SQL(COLUMNS OURS more " AND (" key ", l.id) > ($4, $2) ORDER BY " key                   \
                                 ", l.id LIMIT $3"),                                               \
            DB_SQL(COLUMNS OURS more " AND (" key ", l.id) < ($4, $2) ORDER BY " key               \
                                     " DESC, l.id DESC LIMIT $3"),                                 \
    }

/* [is_descending] */
static const struct db_sql by_id[] = BY_ID("");
static const struct db_sql by_state[] = BY_ID(" AND l.state = $4");
static const struct db_sql by_tag[] = {BY_TAG(">", ""), BY_TAG("<", " DESC")};
static const struct db_sql by_name[] = BY_KEY("l.name_key", "");
static const struct db_sql by_updated[] = BY_KEY("l.updated_at", "");
static const struct db_sql by_heard[] = BY_KEY("l.last_inbound_at", "");
static const struct db_sql by_company[] = BY_KEY("l.company_key", "");
static const struct db_sql all_states[] = BY_KEY("l.state", "");
static const struct db_sql by_board[] = BY_KEY("l.updated_at", " AND l.state = $5");

static void row_of(const struct db_rows *rows, size_t i, struct lead_row *ret) {
    *ret = (struct lead_row){
        .id.v = db_uuid(rows, i, 0),
        .name = db_text(rows, i, 1),
        .company = db_text(rows, i, 2),
        .document = db_text(rows, i, 3),
        .document_kind = db_text(rows, i, 4),
        .state = db_text(rows, i, 5),
        .source = db_text(rows, i, 6),
        .fields = db_text(rows, i, 7),
        .tags = db_text(rows, i, 8),
        .created_at_ms = db_i64(rows, i, 9),
        .updated_at_ms = db_i64(rows, i, 10),
        .last_inbound_at_ms = db_i64(rows, i, 11),
        .marketing_stopped_at_ms = db_i64(rows, i, 12),
        .name_key = db_text(rows, i, 13),
        .company_key = db_text(rows, i, 14),
    };
}

static void rows_of(struct arena *a, const struct db_rows *rows, struct lead_row **ret,
                    size_t *ret_n) {
    *ret = arena_array_of(a, rows->n + 1, struct lead_row);
    *ret_n = rows->n;
    for (size_t i = 0; i < rows->n; i++)
        row_of(rows, i, &(*ret)[i]);
}

/* Where a walk begins: before the first or behind the last of all ids, names or times. */
static struct db_val start_id(const struct lead_walk *w) {
    struct uuid last;

    memset(last.bytes, 0xff, sizeof(last.bytes));
    return V_UUID(uuid_is_nil(w->after.v) && w->is_descending ? last : w->after.v);
}

static struct db_val start_ms(const struct lead_walk *w) {
    if (!uuid_is_nil(w->after.v))
        return V_I64(w->after_ms);
    return V_I64(w->is_descending ? INT64_MAX : INT64_MIN);
}

static struct db_val start_text(const struct lead_walk *w) {
    if (!uuid_is_nil(w->after.v) || !w->is_descending)
        return V_TEXT(w->after_text);
    return V_TEXT(STR("\xF4\x8F\xBF\xBF")); /* U+10FFFF is in no name */
}

enum status store_lead_walk(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            const struct lead_walk *w, struct lead_row **ret, size_t *ret_n,
                            struct err *e) {
    const struct db_sql *sql = by_id;
    struct db_val vals[5] = {V_UUID(tenant.v), start_id(w), V_I64((int64_t)w->limit)};
    size_t n = 4;
    struct db_rows rows;

    switch (w->order) {
    case WALK_ID:
        sql = w->state.len > 0 ? by_state : w->tag.len > 0 ? by_tag : by_id;
        vals[3] = V_TEXT(w->state.len > 0 ? w->state : w->tag);
        n = sql == by_id ? 3 : 4;
        break;
    case WALK_NAME:
        sql = by_name;
        vals[3] = start_text(w);
        break;
    case WALK_UPDATED:
        sql = w->state.len > 0 ? by_board : by_updated;
        vals[3] = start_ms(w);
        vals[4] = V_TEXT(w->state);
        n = w->state.len > 0 ? 5 : 4;
        break;
    case WALK_COMPANY:
        sql = by_company;
        vals[3] = start_text(w);
        break;
    case WALK_STATE:
        sql = all_states;
        vals[3] = start_text(w);
        break;
    case WALK_HEARD:
        sql = by_heard;
        vals[3] = start_ms(w);
        break;
    }
    TRY(db_query_vals(a, tx, sql[w->is_descending], vals, n, w->limit + 1, &rows, e));
    rows_of(a, &rows, ret, ret_n);
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_rows_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct lead_id *ids, size_t n, struct lead_row **ret,
                           size_t *ret_n, struct err *e) {
    static const struct db_sql sql =
        DB_SQL2(COLUMNS OURS " AND l.id IN " IDS_SQLITE("$2") " ORDER BY l.id",
                COLUMNS OURS " AND l.id = " IDS_POSTGRES("$2") " ORDER BY l.id");
    const struct db_val vals[] = {V_UUID(tenant.v), V_BYTES(pack_ids(a, ids, n))};
    struct db_rows rows = {0};

    if (n > 0)
        TRY(db_query_vals(a, tx, sql, vals, ARRAY_LEN(vals), n + 1, &rows, e));
    rows_of(a, &rows, ret, ret_n);
    return ST_OK;
}

/* --- what belongs to rows ------------------------------------------------------------------------------- */

static int by_lead_id(const void *a, const void *b) {
    const struct lead_row *const *x = a, *const *y = b;

    return uuid_cmp((*x)->id.v, (*y)->id.v);
}

struct details {
    struct arena *a;
    struct tx *tx;
    struct lead_row **rows; /* in order of id */
    size_t n;
    struct db_val vals[2]; /* tenant, ids */
};

/* The next row that `id` belongs to, walking along with rows sorted alike. */
static struct lead_row *follow(const struct details *d, size_t *at, struct uuid id) {
    while (*at < d->n && uuid_cmp(d->rows[*at]->id.v, id) < 0)
        ++*at;
    return *at < d->n && uuid_eq(d->rows[*at]->id.v, id) ? d->rows[*at] : NULL;
}

#define OF_LEADS(columns, table, more, order)                                                      \
    DB_SQL2("SELECT lead_id, " columns " FROM " table " WHERE tenant_id = $1" more                 \
            " AND lead_id IN " IDS_SQLITE("$2") " ORDER BY lead_id, " order,                       \
            "SELECT lead_id, " columns " FROM " table " WHERE tenant_id = $1" more                 \
            " AND lead_id = " IDS_POSTGRES("$2") " ORDER BY lead_id, " order)

static enum status add_phones(const struct details *d, struct err *e) {
    static const struct db_sql sql =
        OF_LEADS("e164, reason, valid_for_dispatch, is_whatsapp, typed, kind", "lead_phones", "",
                 "position");
    struct db_rows rows;
    struct lead_phone *phones;
    size_t at = 0;

    TRY(db_query_vals(d->a, d->tx, sql, d->vals, 2, PACK_ROWS_MAX, &rows, e));
    phones = arena_array_of(d->a, rows.n + 1, struct lead_phone);
    for (size_t i = 0; i < rows.n; i++) {
        struct lead_row *row = follow(d, &at, db_uuid(&rows, i, 0));

        phones[i] = (struct lead_phone){.e164 = db_text(&rows, i, 1),
                                        .reason = db_text(&rows, i, 2),
                                        .is_dispatchable = db_i64(&rows, i, 3),
                                        .is_whatsapp = db_i64(&rows, i, 4),
                                        .typed = db_text(&rows, i, 5),
                                        .kind = db_text(&rows, i, 6)};
        if (!row)
            continue;
        if (row->n_phones++ == 0)
            row->phones = &phones[i];
    }
    return ST_OK;
}

static enum status add_emails(const struct details *d, struct err *e) {
    static const struct db_sql sql =
        OF_LEADS("address, is_valid, bounced_at", "lead_emails", "", "position");
    struct db_rows rows;
    struct lead_email *emails;
    size_t at = 0;

    TRY(db_query_vals(d->a, d->tx, sql, d->vals, 2, PACK_ROWS_MAX, &rows, e));
    emails = arena_array_of(d->a, rows.n + 1, struct lead_email);
    for (size_t i = 0; i < rows.n; i++) {
        struct lead_row *row = follow(d, &at, db_uuid(&rows, i, 0));

        emails[i] = (struct lead_email){.address = db_text(&rows, i, 1),
                                        .is_valid = db_i64(&rows, i, 2),
                                        .is_bounced = !db_is_null(&rows, i, 3)};
        if (!row)
            continue;
        if (row->n_emails++ == 0)
            row->emails = &emails[i];
    }
    return ST_OK;
}

static enum status add_user_ids(const struct details *d, struct err *e) {
    static const struct db_sql sql =
        OF_LEADS("address", "lead_identities", " AND kind = 'user_id'", "updated_at DESC");
    struct db_rows rows;
    size_t at = 0;

    TRY(db_query_vals(d->a, d->tx, sql, d->vals, 2, PACK_ROWS_MAX, &rows, e));
    for (size_t i = 0; i < rows.n; i++) {
        struct lead_row *row = follow(d, &at, db_uuid(&rows, i, 0));

        if (row && row->user_id.len == 0)
            row->user_id = db_text(&rows, i, 1);
    }
    return ST_OK;
}

enum status store_rows_details(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct lead_row *const *rows, size_t n, unsigned which,
                               struct err *e) {
    struct details d = {.a = a, .tx = tx, .n = n};
    struct lead_id *ids = arena_array_of(a, n + 1, struct lead_id);

    if (n == 0)
        return ST_OK;
    d.rows = arena_array_of(a, n, struct lead_row *);
    memcpy(d.rows, rows, n * sizeof(struct lead_row *));
    qsort(d.rows, n, sizeof(struct lead_row *), by_lead_id);
    for (size_t i = 0; i < n; i++)
        ids[i] = d.rows[i]->id;
    d.vals[0] = V_UUID(tenant.v);
    d.vals[1] = V_BYTES(pack_ids(a, ids, n));
    if (which & ROW_PHONES)
        TRY(add_phones(&d, e));
    if (which & ROW_EMAILS)
        TRY(add_emails(&d, e));
    return which & ROW_USER_ID ? add_user_ids(&d, e) : ST_OK;
}

enum status store_lead_now(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct lead_id id, struct lead_id *ret, struct err *e) {
    enum { MERGES_MAX = 16 };
    struct db_rows rows;

    *ret = id;
    for (int i = 0; i < MERGES_MAX; i++) {
        TRY(DB_QUERY(a, tx,
                     DB_SQL("SELECT merged_into FROM leads WHERE tenant_id = $1 AND id = $2"),
                     &rows, e, V_UUID(tenant.v), V_UUID(ret->v)));
        if (rows.n == 0)
            *ret = (struct lead_id){0};
        if (rows.n == 0 || db_is_null(&rows, 0, 0))
            return ST_OK;
        ret->v = db_uuid(&rows, 0, 0);
    }
    *ret = (struct lead_id){0};
    return ST_OK;
}

/* --- search and counts ------------------------------------------------------------------------------------- */

/* Behind all that begin so. */
static struct str behind(struct arena *a, struct str prefix) {
    return arena_printf(a, "%.*s\xF4\x8F\xBF\xBF", STR_ARG(prefix));
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
static enum status add_ids(struct arena *a, struct tx *tx, struct db_sql sql,
                           struct tenant_id tenant, struct str prefix, size_t limit,
                           struct lead_id *ids, size_t *n, struct err *e) {
    const struct db_val vals[] = {V_UUID(tenant.v), V_TEXT(prefix), V_TEXT(behind(a, prefix)),
                                  V_I64((int64_t)limit)};
    struct db_rows rows;

    if (prefix.len == 0)
        return ST_OK;
    TRY(db_query_vals(a, tx, sql, vals, ARRAY_LEN(vals), limit + 1, &rows, e));
    for (size_t i = 0; i < rows.n; i++)
        ids[(*n)++].v = db_uuid(&rows, i, 0);
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_prefix_ids(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct prefixes *p, size_t limit, struct lead_id **ret,
                             size_t *ret_n, struct err *e) {
#define BY_IDENTITY(kind)                                                                          \
    DB_SQL("SELECT lead_id FROM lead_identities WHERE tenant_id = $1 AND kind = '" kind            \
           "' AND value >= $2 AND value < $3 ORDER BY value LIMIT $4")
#define BY_COLUMN(column)                                                                          \
    DB_SQL("SELECT id FROM leads WHERE tenant_id = $1 AND merged_into IS NULL AND " column         \
           " >= $2 AND " column " < $3 AND " column " <> '' ORDER BY " column " LIMIT $4")
    static const struct db_sql phone = BY_IDENTITY("phone"), email = BY_IDENTITY("email"),
                               document = BY_COLUMN("document"), name = BY_COLUMN("name_key"),
                               company = BY_COLUMN("company_key");

    *ret = arena_array_of(a, 6 * limit + 1, struct lead_id);
    *ret_n = 0;
    for (size_t i = 0; i < ARRAY_LEN(p->phones); i++)
        TRY(add_ids(a, tx, phone, tenant, p->phones[i], limit, *ret, ret_n, e));
    TRY(add_ids(a, tx, email, tenant, p->email, limit, *ret, ret_n, e));
    TRY(add_ids(a, tx, document, tenant, p->document, limit, *ret, ret_n, e));
    TRY(add_ids(a, tx, name, tenant, p->name, limit, *ret, ret_n, e));
    return add_ids(a, tx, company, tenant, p->name, limit, *ret, ret_n, e);
}

enum status store_state_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT s.column1, (SELECT count(*) FROM leads WHERE tenant_id = $1"
                           " AND merged_into IS NULL AND state = s.column1) FROM (VALUES ('new'),"
                           " ('contacting'), ('replied'), ('qualifying'), ('scheduled'), ('won'),"
                           " ('lost'), ('opted_out'), ('unreachable')) AS s"),
                    ret, e, V_UUID(tenant.v));
}

enum status store_walk_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             const struct lead_walk *walk, int64_t *ret, struct err *e) {
    static const struct db_sql all = DB_SQL("SELECT count(*) FROM leads WHERE tenant_id = $1"
                                            " AND merged_into IS NULL"),
                               of_state = DB_SQL("SELECT count(*) FROM leads WHERE tenant_id = $1"
                                                 " AND merged_into IS NULL AND state = $2"),
                               of_tag = DB_SQL("SELECT count(*) FROM lead_tags"
                                               " WHERE tenant_id = $1 AND tag = $2");
    bool is_all = walk->state.len == 0 && walk->tag.len == 0;
    const struct db_val vals[] = {V_UUID(tenant.v),
                                  V_TEXT(walk->state.len > 0 ? walk->state : walk->tag)};
    struct db_rows rows;

    TRY(db_query_vals(a, tx,
                      is_all                ? all
                      : walk->state.len > 0 ? of_state
                                            : of_tag,
                      vals, is_all ? 1 : 2, 0, &rows, e));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}

enum status store_tag_count(struct arena *a, struct tx *tx, struct tenant_id tenant, struct str tag,
                            size_t max, int64_t *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT count(*) FROM (SELECT 1 FROM lead_tags WHERE tenant_id = $1"
                        " AND tag = $2 LIMIT $3) AS s"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(tag), V_I64((int64_t)max)));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}
