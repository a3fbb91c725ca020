/* store_trouble.c - SQL of messages that failed or whose fate is unknown, and of what is known about one message.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

/* $1 tenant, $2 status, $3 code or -1 for any, $4 cause or reason of those without a code, $5 first id. An id begins with the time it
 * was made at, so that one walk of messages_trouble serves the age, the order and the place. */
#define TOLD "CASE WHEN error_cause <> '' THEN error_cause ELSE error_reason END"
#define TROUBLE                                                                                    \
    " FROM messages WHERE tenant_id = $1 AND status = $2 AND status IN ('failed', 'uncertain')"    \
    " AND ($3 < 0 OR (error_code = $3 AND ($3 > 0 OR " TOLD " = $4)))"

static const struct db_sql groups_sql =
    DB_SQL("SELECT error_code, CASE WHEN error_code = 0 THEN " TOLD " ELSE '' END AS told,"
           " max(error_reason), count(*), min(updated_at), max(updated_at)" TROUBLE " AND id >= $5"
           " GROUP BY error_code, told ORDER BY count(*) DESC, error_code, told LIMIT $6");
static const struct db_sql newest_sql =
    DB_SQL("SELECT id" TROUBLE " AND id >= $5 AND id < $6 ORDER BY id DESC LIMIT $7");
static const struct db_sql oldest_sql =
    DB_SQL("SELECT id" TROUBLE " AND id >= $5 AND id > $6 ORDER BY id LIMIT $7");

/* The least id that can have been made at this time. */
static struct uuid first_id_at(int64_t ms) {
    struct uuid u = {{0}};

    for (int i = 0; i < 6; i++)
        u.bytes[i] = (uint8_t)((uint64_t)ms >> (8 * (5 - i)));
    return u;
}

static int64_t code_of(struct str cause) {
    int64_t code = 0;

    if (cause.len == 0)
        return -1;
    return str_parse_i64(cause, 1, INT64_MAX, &code) ? code : 0;
}

enum status store_trouble_groups(struct arena *a, struct tx *tx, const struct trouble_query *query,
                                 size_t max, struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx, groups_sql, ret, e, V_UUID(query->tenant.v), V_TEXT(query->status),
                    V_I64(code_of(query->cause)), V_TEXT(query->cause),
                    V_UUID(first_id_at(query->since_ms)), V_I64((int64_t)max));
}

enum status store_trouble_ids(struct arena *a, struct tx *tx, const struct trouble_query *query,
                              struct db_rows *ret, struct err *e) {
    struct uuid from = query->from.v;

    if (uuid_is_nil(from) && !query->is_forward)
        memset(from.bytes, 0xff, sizeof(from.bytes));
    return DB_QUERY(a, tx, query->is_forward ? oldest_sql : newest_sql, ret, e,
                    V_UUID(query->tenant.v), V_TEXT(query->status), V_I64(code_of(query->cause)),
                    V_TEXT(query->cause), V_UUID(first_id_at(query->since_ms)), V_UUID(from),
                    V_I64((int64_t)query->limit));
}

enum status store_message_events(struct arena *a, struct tx *tx, const struct message *m,
                                 size_t max, struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx,
        DB_SQL("SELECT xid, seq, id, tenant_id, conversation_id, message_id, kind, data, at"
               " FROM conversation_events WHERE tenant_id = $1 AND conversation_id = $2"
               " AND message_id = $3 ORDER BY xid, seq LIMIT $4"),
        ret, e, V_UUID(m->tenant.v), V_UUID(m->conversation.v), V_UUID(m->id.v),
        V_I64((int64_t)max));
}
