/* store_keys.c - SQL of many leads at once: what they are recognised by.
 * SPDX-License-Identifier: Apache-2.0 */
#include "lead/store.h"
#include "json/json.h"

enum { KEYS_ROWS_MAX = 100000, LIST_BYTES = 8 << 20 };

struct key_list {
    struct lead_key *items;
    size_t n, cap;
};

static void keep(struct arena *a, struct key_list *l, size_t at, struct str kind,
                 struct str value) {
    if (l->n == l->cap) {
        size_t cap = l->cap > 0 ? l->cap * 2 : 16;
        struct lead_key *more = arena_array_of(a, cap, struct lead_key);

        if (l->n > 0)
            memcpy(more, l->items, l->n * sizeof(*more));
        l->items = more;
        l->cap = cap;
    }
    l->items[l->n++] = (struct lead_key){
        .at = at, .key = arena_printf(a, "%.*s:%.*s", STR_ARG(kind), STR_ARG(value))};
}

/* One lead is a few µs of SQLite and a round trip of PostgreSQL: there all go in one statement. No join: SQLite would take the
 * order from the primary key, and walk all keys of the tenant for each lead. */
static enum status keys_one_by_one(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   const struct lead_id *leads, size_t n, struct key_list *l,
                                   struct err *e) {
    for (size_t i = 0; i < n; i++) {
        struct db_rows rows;

        TRY(DB_QUERY(a, tx,
                     DB_SQL("SELECT kind, value FROM lead_identities WHERE tenant_id = $1"
                            " AND lead_id = (SELECT COALESCE(merged_into, id) FROM leads"
                            " WHERE tenant_id = $1 AND id = $2) ORDER BY kind, value"),
                     &rows, e, V_UUID(tenant.v), V_UUID(leads[i].v)));
        for (size_t r = 0; r < rows.n; r++)
            keep(a, l, i, db_text(&rows, r, 0), db_text(&rows, r, 1));
    }
    return ST_OK;
}

static enum status keys_at_once(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                const struct lead_id *leads, size_t n, struct key_list *l,
                                struct err *e) {
    const struct db_sql sql =
        DB_SQL2("SELECT 0, kind, value FROM lead_identities WHERE tenant_id = $1 AND value = $2",
                "SELECT u.at, i.kind, i.value"
                " FROM unnest($2::text::uuid[]) WITH ORDINALITY AS u (id, at)"
                " CROSS JOIN LATERAL (SELECT COALESCE(merged_into, id) AS id FROM leads"
                " WHERE tenant_id = $1 AND id = u.id LIMIT 1) AS l"
                " CROSS JOIN LATERAL (SELECT kind, value FROM lead_identities"
                " WHERE tenant_id = $1 AND lead_id = l.id OFFSET 0) AS i"
                " ORDER BY u.at, i.kind, i.value");
    ATTR_CLEANUP(buf_done_p) struct buf list;
    struct db_rows rows;

    buf_init(&list, LIST_BYTES);
    for (size_t i = 0; i < n; i++) {
        buf_add(&list, i == 0 ? STR("{") : STR(","));
        buf_add(&list, uuid_format(a, leads[i].v));
    }
    buf_add(&list, STR("}"));
    TRY(db_query_vals(a, tx, sql, DB_VALS_(V_UUID(tenant.v), V_TEXT(buf_str(&list))), 2,
                      KEYS_ROWS_MAX, &rows, e));
    for (size_t r = 0; r < rows.n; r++)
        keep(a, l, (size_t)db_i64(&rows, r, 0) - 1, db_text(&rows, r, 1), db_text(&rows, r, 2));
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): whose, where, what and when */
enum status lead_keys_many(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct lead_id *leads, size_t n, struct lead_key **ret,
                           size_t *ret_n, struct err *e) {
    struct key_list l = {0};

    if (n > 0)
        TRY(tx_engine(tx) == DB_SQLITE || n == 1 ? keys_one_by_one(a, tx, tenant, leads, n, &l, e)
                                                 : keys_at_once(a, tx, tenant, leads, n, &l, e));
    *ret = l.items;
    *ret_n = l.n;
    return ST_OK;
}

enum status lead_list_keys(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           const struct str *keys, size_t n, struct lead_list *ret, struct err *e) {
    *ret = (struct lead_list){.items = arena_array_of(a, n + 1, struct lead_id)};
    for (size_t i = 0; i < n; i++) {
        struct str value = keys[i], kind;
        struct db_rows rows;
        bool is_new = true;

        if (!str_cut(&value, ':', &kind))
            continue;
        TRY(DB_QUERY(a, tx,
                     DB_SQL("SELECT lead_id FROM lead_identities"
                            " WHERE tenant_id = $1 AND kind = $2 AND value = $3"),
                     &rows, e, V_UUID(tenant.v), V_TEXT(kind), V_TEXT(value)));
        for (size_t k = 0; rows.n > 0 && k < ret->n; k++)
            is_new = is_new && !uuid_eq(ret->items[k].v, db_uuid(&rows, 0, 0));
        if (rows.n > 0 && is_new)
            ret->items[ret->n++].v = db_uuid(&rows, 0, 0);
    }
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): whose, where, what and when */
enum status lead_show_stopped(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              const struct lead_id *leads, size_t n, int64_t stopped_at_ms,
                              int64_t now_ms, struct err *e) {
    struct db_val *vals = arena_array_of(a, n * 4 + 1, struct db_val);

    if (n == 0)
        return ST_OK;
    for (size_t i = 0; i < n; i++) {
        vals[i * 4] = V_UUID(tenant.v);
        vals[i * 4 + 1] = V_UUID(leads[i].v);
        vals[i * 4 + 2] = V_I64_OPT(stopped_at_ms, stopped_at_ms > 0);
        vals[i * 4 + 3] = V_I64(now_ms);
    }
    return db_exec_rows(
        tx,
        DB_SQL2("UPDATE leads SET marketing_stopped_at = $3, updated_at = $4"
                " WHERE tenant_id = $1 AND id = $2",
                "UPDATE leads l SET marketing_stopped_at = u.stopped, updated_at = u.at FROM"
                " unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int8[])"
                " AS u (tenant, id, stopped, at)"
                " WHERE l.tenant_id = u.tenant AND l.id = u.id"),
        vals, n, 4, NULL, e);
}
