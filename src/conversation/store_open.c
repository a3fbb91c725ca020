/* store_open.c - SQL of the open conversations of many leads at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

#define OPEN                                                                                       \
    " SELECT c.id, c.lead_id, c.account_id FROM ids JOIN conversations c ON c.lead_id = ids.id"    \
    " WHERE c.tenant_id = $2 AND c.state NOT IN ('agent_closed', 'expired')"

static struct db_val list_of(struct arena *a, struct tx *tx, const struct lead_id *leads,
                             size_t n) {
    ATTR_CLEANUP(buf_done_p) struct buf b = {.max = 1 << 20};

    for (size_t i = 0; i < n; i++) {
        if (tx_engine(tx) == DB_SQLITE)
            buf_add(&b, (struct str){(const char *)leads[i].v.bytes, UUID_BYTES});
        else
            buf_printf(&b, "%s%.*s", i > 0 ? "," : "", STR_ARG(uuid_format(a, leads[i].v)));
    }
    return tx_engine(tx) == DB_SQLITE ? V_BYTES(arena_str(a, buf_str(&b)))
                                      : V_TEXT(arena_str(a, buf_str(&b)));
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status conversation_open_of_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                       const struct lead_id *leads, size_t n,
                                       struct open_conversation **ret, size_t *ret_n,
                                       struct err *e) {
    struct db_rows rows;

    *ret_n = 0;
    if (n == 0)
        return ST_OK;
    TRY(DB_QUERY(
        a, tx,
        DB_SQL2("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 16 FROM n"
                " WHERE i + 16 < length($1)), ids(id) AS (SELECT substr($1, i + 1, 16)"
                " FROM n)" OPEN,
                "WITH ids(id) AS (SELECT unnest(string_to_array($1::text, ','))::uuid)" OPEN),
        &rows, e, list_of(a, tx, leads, n), V_UUID(tenant.v)));
    *ret = arena_array_of(a, rows.n + 1, struct open_conversation);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct open_conversation){.id.v = db_uuid(&rows, i, 0),
                                               .lead.v = db_uuid(&rows, i, 1),
                                               .account.v = db_uuid(&rows, i, 2)};
    return ST_OK;
}
