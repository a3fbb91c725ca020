/* store.c - SQL of conversations and of what has been seen.
 * SPDX-License-Identifier: Apache-2.0 */
#include "conversation/store.h"

#define COLUMNS CONVERSATION_COLUMNS
#define IS_OPEN "c.state NOT IN ('agent_closed', 'expired')"

enum { PERSON_COLUMN = 27 };

void store_conversation_row(const struct db_rows *rows, size_t i, struct tenant_id tenant,
                            struct conversation *ret) {
    *ret = (struct conversation){
        .id.v = db_uuid(rows, i, 0),
        .tenant = tenant,
        .account.v = db_uuid(rows, i, 1),
        .lead.v = db_uuid(rows, i, 2),
        .state = db_text(rows, i, 3),
        .owner = db_text(rows, i, 4),
        .owner_user.v = db_uuid(rows, i, 5),
        .owner_version = db_i64(rows, i, 6),
        .inbound_count = db_i64(rows, i, 7),
        .answered_count = db_i64(rows, i, 8),
        .window_until_ms = db_i64(rows, i, 9),
        .bot_state = db_text(rows, i, 10),
        .handoff_reason = db_text(rows, i, 11),
        .last_text = db_text(rows, i, 12),
        .last_at_ms = db_i64(rows, i, 13),
        .created_at_ms = db_i64(rows, i, 14),
        .skill = db_text(rows, i, 15),
        .summary = db_text(rows, i, 16),
        .collected = db_text(rows, i, 17),
        .waiting_since_ms = db_i64(rows, i, 18),
        .assigned_at_ms = db_i64(rows, i, 19),
        .unanswered_at_ms = db_i64(rows, i, 20),
        .last_user.v = db_uuid(rows, i, 21),
        .deadline_at_ms = db_i64(rows, i, 22),
        .deadline_kind = db_text(rows, i, 23),
        .deadline_step = db_i64(rows, i, 24),
        .read_count = db_i64(rows, i, 25),
        .label_ids = db_text(rows, i, 26),
    };
    if (rows->columns > PERSON_COLUMN) {
        ret->lead_name = db_text(rows, i, PERSON_COLUMN);
        ret->lead_phone = db_text(rows, i, PERSON_COLUMN + 1);
        ret->lead_user_id = db_text(rows, i, PERSON_COLUMN + 2);
        ret->owner_name = db_text(rows, i, PERSON_COLUMN + 3);
    }
}

static enum status one(const struct db_rows *rows, struct tenant_id tenant,
                       struct conversation *ret, struct err *e) {
    if (rows->n == 0)
        FAIL(e, ST_NOT_FOUND, "no such conversation");
    store_conversation_row(rows, 0, tenant, ret);
    return ST_OK;
}

enum status store_conversation_find_open(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                         struct account_id account, struct lead_id lead,
                                         struct conversation *ret, struct err *e) {
#define FIND_OPEN                                                                                  \
    "SELECT " COLUMNS " FROM conversations c"                                                      \
    " WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.lead_id = $3 AND " IS_OPEN
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL2(FIND_OPEN, FIND_OPEN " FOR UPDATE"), &rows, e, V_UUID(tenant.v),
                 V_UUID(account.v), V_UUID(lead.v)));
    return one(&rows, tenant, ret, e);
}

enum status store_conversation_insert(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                      struct err *e) {
    return DB_LATER(
        tx,
        DB_SQL(
            "INSERT INTO conversations (id, tenant_id, account_id, lead_id, state, owner, last_at,"
            " created_at, updated_at, deadline_at, deadline_kind)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $8, $9)"),
        e, V_UUID(c->id.v), V_UUID(c->tenant.v), V_UUID(c->account.v), V_UUID(c->lead.v),
        V_TEXT(c->state), V_TEXT(c->owner), V_I64(now_ms), V_I64(c->deadline_at_ms),
        V_TEXT(c->deadline_kind));
}

enum status store_conversation_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct conversation_id id, struct conversation *ret,
                                    struct err *e) {
#define LOCK "SELECT " COLUMNS " FROM conversations c WHERE c.tenant_id = $1 AND c.id = $2"
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL2(LOCK, LOCK " FOR UPDATE"), &rows, e, V_UUID(tenant.v),
                 V_UUID(id.v)));
    return one(&rows, tenant, ret, e);
}

enum status store_conversation_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                   struct conversation_id id, struct conversation *ret,
                                   struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS CONVERSATION_PERSON_COLUMNS
                        " FROM conversations c" CONVERSATION_JOIN_PERSON
                        " WHERE c.tenant_id = $1 AND c.id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    return one(&rows, tenant, ret, e);
}

enum status store_conversation_inbound(struct tx *tx, const struct conversation *c, struct str text,
                                       int64_t window_until_ms, int counted, int64_t now_ms,
                                       struct err *e) {
    return DB_LATER(
        tx,
        DB_SQL("UPDATE conversations SET last_text = $3, last_at = $6, updated_at = $6,"
               " inbound_count = inbound_count + $5,"
               " window_until = CASE WHEN window_until > $4 THEN window_until ELSE $4 END,"
               " unanswered_at = CASE WHEN $5 = 0 THEN unanswered_at"
               "  ELSE coalesce(unanswered_at, $6) END,"
               " deadline_at = CASE WHEN $5 = 1 AND owner = 'bot' AND (deadline_at IS NULL"
               "  OR deadline_at > $7) THEN $7 ELSE deadline_at END,"
               " deadline_kind = CASE WHEN $5 = 1 AND owner = 'bot' THEN 'answer'"
               "  ELSE deadline_kind END"
               " WHERE tenant_id = $1 AND id = $2"),
        e, V_UUID(c->tenant.v), V_UUID(c->id.v), V_TEXT(text), V_I64(window_until_ms),
        V_I64(counted), V_I64(now_ms), V_I64(now_ms + BOT_ANSWER_MS));
}

enum status store_conversation_preview(struct tx *tx, struct tenant_id tenant,
                                       struct conversation_id id, struct str text, int64_t now_ms,
                                       struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("UPDATE conversations SET last_text = $3, last_at = $4, updated_at = $4"
                           " WHERE tenant_id = $1 AND id = $2"),
                    e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(text), V_I64(now_ms));
}

enum status store_conversation_own(struct tx *tx, const struct conversation *c, int64_t now_ms,
                                   struct err *e) {
    return DB_LATER(
        tx,
        DB_SQL(
            "UPDATE conversations SET state = $3, owner = $4, owner_user = $5, handoff_reason = $6,"
            " skill = $7, summary = $8, collected = $9, waiting_since = $10, assigned_at = $11,"
            " unanswered_at = $12, last_user = $13, deadline_at = $14, deadline_kind = $15,"
            " deadline_step = $16, owner_version = owner_version + 1, updated_at = $17"
            " WHERE tenant_id = $1 AND id = $2"),
        e, V_UUID(c->tenant.v), V_UUID(c->id.v), V_TEXT(c->state), V_TEXT(c->owner),
        V_UUID_OPT(c->owner_user.v), V_TEXT(c->handoff_reason), V_TEXT(c->skill),
        V_TEXT(c->summary), V_TEXT(c->collected), V_TIME(c->waiting_since_ms),
        V_TIME(c->assigned_at_ms), V_TIME(c->unanswered_at_ms), V_UUID_OPT(c->last_user.v),
        V_TIME(c->deadline_at_ms), V_TEXT(c->deadline_kind), V_I64(c->deadline_step),
        V_I64(now_ms));
}

enum status store_conversation_bot_state(struct tx *tx, struct tenant_id tenant,
                                         struct conversation_id id, struct str bot_state,
                                         int64_t answered, int64_t now_ms, struct err *e) {
    return DB_LATER(
        tx,
        DB_SQL("UPDATE conversations SET bot_state = $3, updated_at = $5,"
               " state = CASE WHEN state = 'pending' THEN 'progress' ELSE state END,"
               " answered_count = CASE WHEN answered_count > $4 THEN answered_count ELSE $4 END,"
               " unanswered_at = CASE WHEN owner = 'bot' THEN NULL ELSE unanswered_at END,"
               " deadline_kind = CASE WHEN owner = 'bot' THEN 'expire' ELSE deadline_kind END"
               " WHERE tenant_id = $1 AND id = $2"),
        e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(bot_state), V_I64(answered), V_I64(now_ms));
}

enum status store_conversation_move(struct tx *tx, struct tenant_id tenant, struct lead_id from,
                                    struct lead_id into, struct err *e) {
    return DB_EXEC(
        tx, DB_SQL("UPDATE conversations SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2"),
        NULL, e, V_UUID(tenant.v), V_UUID(from.v), V_UUID(into.v));
}

enum status store_conversation_ids_of(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                      struct lead_id lead, struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT id FROM conversations WHERE tenant_id = $1 AND lead_id = $2"
                           " ORDER BY id LIMIT 1000"),
                    ret, e, V_UUID(tenant.v), V_UUID(lead.v));
}

enum status store_conversation_give(struct tx *tx, struct tenant_id tenant,
                                    struct conversation_id id, struct lead_id from,
                                    struct lead_id into, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE conversations SET lead_id = $4 WHERE tenant_id = $1 AND id = $2"
                          " AND lead_id = $3"),
                   NULL, e, V_UUID(tenant.v), V_UUID(id.v), V_UUID(from.v), V_UUID(into.v));
}

enum status store_seen_insert(struct tx *tx, const struct seen_event *seen, int64_t now_ms,
                              int64_t *ret_inserted, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL(
            "INSERT INTO inbound_seen (tenant_id, account_id, dedup, at, inbox_id)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, account_id, dedup) DO NOTHING"),
        ret_inserted, e, V_UUID(seen->tenant.v), V_UUID(seen->account.v), V_TEXT(seen->dedup),
        V_I64(now_ms), V_UUID_OPT(seen->call.v));
}

/* By equality alone: a range of texts would need an index in the order of their bytes. */
enum status store_seen_calls(struct arena *a, struct tx *tx, const struct message *m,
                             struct db_rows *ret, struct err *e) {
    static const char *const words[] = {"sent", "delivered", "read", "played", "failed"};
    struct str keys[ARRAY_LEN(words)];

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        keys[i] = arena_printf(a, "s:%.*s:%s", STR_ARG(m->provider_id), words[i]);
    return DB_QUERY(
        a, tx,
        DB_SQL(
            "SELECT dedup, inbox_id, at FROM inbound_seen WHERE tenant_id = $1 AND account_id = $2"
            " AND dedup IN ($3, $4, $5, $6, $7, $8) ORDER BY at, dedup"),
        ret, e, V_UUID(m->tenant.v), V_UUID(m->account.v),
        V_TEXT(arena_printf(a, "m:%.*s", STR_ARG(m->provider_id))), V_TEXT(keys[0]),
        V_TEXT(keys[1]), V_TEXT(keys[2]), V_TEXT(keys[3]), V_TEXT(keys[4]));
}
