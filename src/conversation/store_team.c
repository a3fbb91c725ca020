/* store_team.c - SQL of what people have, what waits for them and until when.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

#define IS_OPEN "c.state NOT IN ('agent_closed', 'expired')"
/* Nothing would ever happen to it: neither a deadline, nor a person who has answered all. */
#define IS_ASTRAY                                                                                  \
    IS_OPEN " AND c.deadline_at IS NULL AND NOT (c.owner = 'person' AND c.unanswered_at IS NULL)"

enum status store_conversation_deadline(struct tx *tx, const struct conversation *c,
                                        struct err *e) {
    return DB_LATER(
        tx,
        DB_SQL("UPDATE conversations SET deadline_at = $3, deadline_kind = $4,"
               " deadline_step = $5, waiting_since = $6 WHERE tenant_id = $1 AND id = $2"),
        e, V_UUID(c->tenant.v), V_UUID(c->id.v), V_TIME(c->deadline_at_ms),
        V_TEXT(c->deadline_kind), V_I64(c->deadline_step), V_TIME(c->waiting_since_ms));
}

enum status store_conversation_answered(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                        struct err *e) {
    return DB_LATER(
        tx,
        DB_SQL("UPDATE conversations SET updated_at = $4,"
               " state = CASE WHEN state = 'pending' THEN 'progress' ELSE state END,"
               " answered_count = CASE WHEN answered_count > $3 THEN answered_count ELSE $3 END,"
               " unanswered_at = NULL,"
               " deadline_at = CASE WHEN owner = 'person' THEN NULL ELSE deadline_at END,"
               " deadline_kind = CASE WHEN owner = 'person' THEN '' ELSE deadline_kind END"
               " WHERE tenant_id = $1 AND id = $2"),
        e, V_UUID(c->tenant.v), V_UUID(c->id.v), V_I64(c->inbound_count), V_I64(now_ms));
}

enum status store_conversations_waiting(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                        size_t limit, struct db_rows *ret, struct err *e) {
#define WAITING                                                                                    \
    "SELECT " CONVERSATION_COLUMNS " FROM conversations c WHERE c.tenant_id = $1"                  \
    " AND c.state = 'waiting_agent' ORDER BY c.waiting_since, c.id LIMIT $2"
    return DB_QUERY(a, tx, DB_SQL2(WAITING, WAITING " FOR UPDATE SKIP LOCKED"), ret, e,
                    V_UUID(tenant.v), V_I64((int64_t)limit));
}

enum status store_conversation_loads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx,
        DB_SQL("SELECT c.owner_user, count(*) FROM conversations c WHERE c.tenant_id = $1"
               " AND c.owner_user IS NOT NULL AND " IS_OPEN " GROUP BY c.owner_user"),
        ret, e, V_UUID(tenant.v));
}

enum status store_conversation_last_user(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                         struct lead_id lead, struct user_id *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT c.last_user FROM conversations c WHERE c.tenant_id = $1"
                        " AND c.lead_id = $2 AND c.last_user IS NOT NULL"
                        " ORDER BY c.assigned_at DESC LIMIT 1"),
                 &rows, e, V_UUID(tenant.v), V_UUID(lead.v)));
    *ret = (struct user_id){0};
    if (rows.n > 0)
        ret->v = db_uuid(&rows, 0, 0);
    return ST_OK;
}

enum status store_conversation_counts(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      int64_t now_ms, struct conversation_counts *ret,
                                      struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL("SELECT count(*), count(CASE WHEN c.owner = 'none' THEN 1 END),"
               " count(CASE WHEN c.owner <> 'bot' AND (c.deadline_step > 0 OR c.deadline_at < $2)"
               "  THEN 1 END),"
               " count(CASE WHEN " IS_ASTRAY " THEN 1 END)"
               " FROM conversations c WHERE c.tenant_id = $1 AND " IS_OPEN),
        &rows, e, V_UUID(tenant.v), V_I64(now_ms)));
    *ret = (struct conversation_counts){.open = db_i64(&rows, 0, 0),
                                        .waiting = db_i64(&rows, 0, 1),
                                        .overdue = db_i64(&rows, 0, 2),
                                        .without_deadline = db_i64(&rows, 0, 3)};
    return ST_OK;
}

enum status store_conversations_look(struct tx *tx, struct tenant_id tenant, int64_t now_ms,
                                     struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE conversations AS c SET deadline_at = $2 WHERE c.tenant_id = $1"
                          " AND c.deadline_at > $2 AND " IS_OPEN),
                   NULL, e, V_UUID(tenant.v), V_I64(now_ms));
}

enum status store_conversations_due(struct arena *a, struct tx *tx, int64_t now_ms, size_t limit,
                                    struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT c.tenant_id, c.id FROM conversations c WHERE c.deadline_at <= $1"
                           " ORDER BY c.deadline_at LIMIT $2"),
                    ret, e, V_I64(now_ms), V_I64((int64_t)limit));
}

enum status store_conversations_astray(struct arena *a, struct tx *tx, size_t limit,
                                       struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx, DB_SQL("SELECT c.tenant_id, c.id FROM conversations c WHERE " IS_ASTRAY " LIMIT $1"),
        ret, e, V_I64((int64_t)limit));
}

enum status store_conversation_put_off(struct tx *tx, struct tenant_id tenant,
                                       struct conversation_id id, int64_t at_ms, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("UPDATE conversations SET deadline_at = $3 WHERE tenant_id = $1 AND id = $2"
               " AND deadline_at IS NOT NULL"),
        NULL, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(at_ms));
}

/* --- two that become one --------------------------------------------------------------------------------------------- */

enum status store_conversations_of(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct lead_id one, struct lead_id other, struct db_rows *ret,
                                   struct err *e) {
#define OF_LEADS                                                                                   \
    "SELECT " CONVERSATION_COLUMNS " FROM conversations c WHERE c.tenant_id = $1"                  \
    " AND c.lead_id IN ($2, $3) AND " IS_OPEN " ORDER BY c.account_id, c.id"
    return DB_QUERY(a, tx, DB_SQL2(OF_LEADS, OF_LEADS " FOR UPDATE"), ret, e, V_UUID(tenant.v),
                    V_UUID(one.v), V_UUID(other.v));
}

enum status store_messages_move(struct tx *tx, const struct conversation *from,
                                const struct conversation *into, int64_t since_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE messages SET conversation_id = $3 WHERE tenant_id = $1"
                          " AND conversation_id = $2 AND direction = 'in' AND created_at >= $4"),
                   NULL, e, V_UUID(from->tenant.v), V_UUID(from->id.v), V_UUID(into->id.v),
                   V_I64(since_ms));
}

enum status store_conversation_absorbed(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                        struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("UPDATE conversations SET inbound_count = $3, window_until = $4,"
               " unanswered_at = $5, deadline_at = $6, deadline_kind = $7, updated_at = $8"
               " WHERE tenant_id = $1 AND id = $2"),
        NULL, e, V_UUID(c->tenant.v), V_UUID(c->id.v), V_I64(c->inbound_count),
        V_I64(c->window_until_ms), V_TIME(c->unanswered_at_ms), V_TIME(c->deadline_at_ms),
        V_TEXT(c->deadline_kind), V_I64(now_ms));
}
