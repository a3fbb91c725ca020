/* store_delivery.c - SQL of what is sent to webhook endpoints and how that went.
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store.h"

#define COLUMNS                                                                                    \
    "d.id, d.endpoint_id, d.message_id, d.kind, d.state, d.attempts, d.next_at, d.cause,"          \
    " d.reason, d.status, d.reply, d.took_ms, d.created_at, d.tried_at"
#define JOIN_MESSAGE                                                                               \
    " FROM webhook_deliveries d JOIN webhook_messages m"                                           \
    " ON m.tenant_id = d.tenant_id AND m.id = d.message_id"

enum {
    BODY_COLUMN = 14,
    MESSAGE_COLUMNS = 5,
    DELIVERY_COLUMNS = 6,
    PURGE_ROWS = 5000,
    TROUBLES_MAX = 500,
};

/* --- handing out ------------------------------------------------------------------------------------------------------ */

static enum status insert_messages(struct arena *a, struct tx *tx, const struct handing_out *what,
                                   struct err *e) {
    struct db_val *vals = arena_array_of(a, what->n * MESSAGE_COLUMNS, struct db_val);

    for (size_t i = 0; i < what->n; i++) {
        const struct db_val row[MESSAGE_COLUMNS] = {
            V_UUID(what->to.tenant.v), V_UUID(what->events[i].id), V_TEXT(what->events[i].kind),
            V_TEXT(what->events[i].body), V_I64(what->now_ms)};

        memcpy(vals + i * MESSAGE_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2("INSERT INTO webhook_messages (tenant_id, id, kind, body, created_at)"
                " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, id) DO NOTHING",
                "INSERT INTO webhook_messages (tenant_id, id, kind, body, created_at)"
                " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int8[])"
                " ON CONFLICT (tenant_id, id) DO NOTHING"),
        vals, what->n, MESSAGE_COLUMNS, NULL, e);
}

enum status store_hand_out(struct arena *a, struct tx *tx, const struct handing_out *what,
                           int64_t *ret_n, struct err *e) {
    struct db_val *vals = arena_array_of(a, what->n * DELIVERY_COLUMNS, struct db_val);

    TRY(insert_messages(a, tx, what, e));
    for (size_t i = 0; i < what->n; i++) {
        const struct db_val row[DELIVERY_COLUMNS] = {
            V_UUID(what->events[i].delivery.v), V_UUID(what->to.tenant.v),    V_UUID(what->to.id.v),
            V_UUID(what->events[i].id),         V_TEXT(what->events[i].kind), V_I64(what->now_ms)};

        memcpy(vals + i * DELIVERY_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2("INSERT INTO webhook_deliveries (id, tenant_id, endpoint_id, message_id, kind,"
                " state, next_at, queued_at, created_at)"
                " VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $6, $6)"
                " ON CONFLICT (tenant_id, message_id, endpoint_id) DO NOTHING",
                "INSERT INTO webhook_deliveries (id, tenant_id, endpoint_id, message_id, kind,"
                " state, next_at, queued_at, created_at)"
                " SELECT u.id, u.tenant_id, u.endpoint_id, u.message_id, u.kind, 'waiting', u.at,"
                " u.at, u.at FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[],"
                " $5::text[], $6::int8[]) AS u(id, tenant_id, endpoint_id, message_id, kind, at)"
                " ON CONFLICT (tenant_id, message_id, endpoint_id) DO NOTHING"),
        vals, what->n, DELIVERY_COLUMNS, ret_n, e);
}

/* --- delivering ------------------------------------------------------------------------------------------------------- */

enum status store_due(struct arena *a, struct tx *tx, struct tenant_id tenant,
                      struct webhook_id webhook, size_t max, struct due_list *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT d.id, d.message_id, m.body, d.attempts, d.queued_at" JOIN_MESSAGE
                        " WHERE d.tenant_id = $1 AND d.endpoint_id = $2 AND d.state = 'waiting'"
                        " AND d.next_at <= $3 ORDER BY d.next_at, d.id LIMIT $4"),
                 &rows, e, V_UUID(tenant.v), V_UUID(webhook.v), V_I64(clock_now_ms()),
                 V_I64((int64_t)max)));
    *ret =
        (struct due_list){.items = arena_array_of(a, rows.n + 1, struct due_delivery), .n = rows.n};
    for (size_t i = 0; i < rows.n; i++)
        ret->items[i] = (struct due_delivery){
            .id.v = db_uuid(&rows, i, 0),
            .message = db_uuid(&rows, i, 1),
            .body = db_text(&rows, i, 2),
            .attempts = db_i64(&rows, i, 3),
            .queued_at_ms = db_i64(&rows, i, 4),
        };
    return ST_OK;
}

enum status store_next_due(struct arena *a, struct tx *tx, struct tenant_id tenant,
                           struct webhook_id webhook, int64_t *ret_ms, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT min(next_at) FROM webhook_deliveries WHERE tenant_id = $1"
                        " AND endpoint_id = $2 AND state = 'waiting'"),
                 &rows, e, V_UUID(tenant.v), V_UUID(webhook.v)));
    *ret_ms = db_i64(&rows, 0, 0);
    return ST_OK;
}

enum status store_delivery_fate(struct tx *tx, struct tenant_id tenant, struct delivery_fate fate,
                                int64_t now_ms, struct err *e) {
    const struct webhook_attempt *at = &fate.attempt;

    return DB_EXEC(tx,
                   DB_SQL("UPDATE webhook_deliveries SET state = $3, attempts = $4, next_at = $5,"
                          " cause = $6, reason = $7, status = $8, reply = $9, took_ms = $10,"
                          " tried_at = $11 WHERE tenant_id = $1 AND id = $2 AND state = 'waiting'"),
                   NULL, e, V_UUID(tenant.v), V_UUID(fate.id.v), V_TEXT(str_of(fate.state)),
                   V_I64(fate.attempts), V_I64(fate.next_at_ms), V_TEXT(at->cause),
                   V_TEXT(at->reason), V_I64(at->status), V_TEXT(at->reply), V_I64(at->took_ms),
                   V_I64(now_ms));
}

enum status store_deliveries_give_up(struct tx *tx, struct giving_up what, int64_t *ret_n,
                                     struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE webhook_deliveries SET state = 'dead', cause = $4, reason = $5"
                          " WHERE tenant_id = $1 AND endpoint_id = $2 AND state = 'waiting'"
                          " AND queued_at < $3"),
                   ret_n, e, V_UUID(what.tenant.v), V_UUID(what.webhook.v),
                   V_I64(what.queued_before_ms), V_TEXT(what.cause), V_TEXT(what.reason));
}

/* --- again ------------------------------------------------------------------------------------------------------------ */

/* $1 tenant, $2 now */
#define AGAIN                                                                                      \
    "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, cause = '', reason = '',"      \
    " next_at = $2, queued_at = $2 WHERE tenant_id = $1 AND id IN"                                 \
    " (SELECT d.id FROM webhook_deliveries d JOIN webhook_endpoints w"                             \
    " ON w.tenant_id = d.tenant_id AND w.id = d.endpoint_id AND w.state = 'active'"                \
    " WHERE d.tenant_id = $1"
/* $3 endpoint, $4 cause, $5 since, $6 until, $7 at most, $8 not what was queued since */
#define AGAIN_WHICH                                                                                \
    " AND ($3 IS NULL OR d.endpoint_id = $3) AND ($4 = '' OR d.cause = $4)"                        \
    " AND d.created_at >= $5 AND d.created_at < $6 AND d.queued_at <= $8 LIMIT $7)"
static const struct db_sql again_one_sql =
    DB_SQL(AGAIN " AND d.id = $3 AND (d.state = 'dead' OR ($4 = 1 AND d.state = 'delivered')))");
static const struct db_sql again_dead_sql = DB_SQL(AGAIN " AND d.state = 'dead'" AGAIN_WHICH);
static const struct db_sql again_all_sql = DB_SQL(AGAIN " AND d.state <> 'waiting'" AGAIN_WHICH);

static enum status make_waiting(struct tx *tx, const struct webhook_replay *which, int64_t now_ms,
                                int64_t *ret_n, struct err *e) {
    if (!uuid_is_nil(which->id.v))
        return DB_EXEC(tx, again_one_sql, ret_n, e, V_UUID(which->tenant.v), V_I64(now_ms),
                       V_UUID(which->id.v), V_I64(which->with_delivered));
    return DB_EXEC(
        tx, which->with_delivered ? again_all_sql : again_dead_sql, ret_n, e,
        V_UUID(which->tenant.v), V_I64(now_ms), V_UUID_OPT(which->webhook.v), V_TEXT(which->cause),
        V_I64(which->since_ms), V_I64(which->until_ms > 0 ? which->until_ms : INT64_MAX),
        V_I64(WEBHOOK_REPLAY_MAX), V_I64(which->asked_ms > 0 ? which->asked_ms : now_ms));
}

enum status store_replay(struct arena *a, struct tx *tx, const struct webhook_replay *which,
                         int64_t now_ms, struct replayed *ret, struct err *e) {
    struct db_rows rows;

    TRY(make_waiting(tx, which, now_ms, &ret->n, e));
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT DISTINCT endpoint_id FROM webhook_deliveries WHERE tenant_id = $1"
                        " AND state = 'waiting' AND queued_at = $2"),
                 &rows, e, V_UUID(which->tenant.v), V_I64(now_ms)));
    ret->webhooks = arena_array_of(a, rows.n + 1, struct webhook_id);
    for (size_t i = 0; i < rows.n; i++)
        ret->webhooks[i].v = db_uuid(&rows, i, 0);
    ret->n_webhooks = rows.n;
    return ST_OK;
}

/* system */
enum status store_webhook_purge(struct tx *tx, int64_t before_ms, int64_t *ret_n, struct err *e) {
    int64_t n_messages;

    TRY(DB_EXEC(
        tx,
        DB_SQL("DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM"
               " webhook_deliveries WHERE created_at < $1 AND state <> 'waiting' LIMIT $2)"),
        ret_n, e, V_I64(before_ms), V_I64(PURGE_ROWS)));
    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM webhook_messages WHERE (tenant_id, id) IN (SELECT m.tenant_id,"
                       " m.id FROM webhook_messages m WHERE m.created_at < $1 AND NOT EXISTS"
                       " (SELECT 1 FROM webhook_deliveries d WHERE d.tenant_id = m.tenant_id"
                       " AND d.message_id = m.id) LIMIT $2)"),
                &n_messages, e, V_I64(before_ms), V_I64(PURGE_ROWS)));
    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM webhook_places WHERE (tenant_id, endpoint_id) IN"
                       " (SELECT tenant_id, id FROM webhook_endpoints WHERE state = 'deleted'"
                       " AND updated_at < $1)"),
                NULL, e, V_I64(before_ms)));
    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM webhook_endpoints WHERE state = 'deleted' AND updated_at < $1"),
                NULL, e, V_I64(before_ms)));
    *ret_n += n_messages;
    return ST_OK;
}

/* --- for people ------------------------------------------------------------------------------------------------------- */

static struct webhook_delivery delivery_at(const struct db_rows *rows, size_t i) {
    return (struct webhook_delivery){
        .id.v = db_uuid(rows, i, 0),
        .webhook.v = db_uuid(rows, i, 1),
        .message = db_uuid(rows, i, 2),
        .kind = db_text(rows, i, 3),
        .state = db_text(rows, i, 4),
        .attempts = db_i64(rows, i, 5),
        .next_at_ms = db_i64(rows, i, 6),
        .cause = db_text(rows, i, 7),
        .reason = db_text(rows, i, 8),
        .status = db_i64(rows, i, 9),
        .reply = db_text(rows, i, 10),
        .took_ms = db_i64(rows, i, 11),
        .created_at_ms = db_i64(rows, i, 12),
        .tried_at_ms = db_i64(rows, i, 13),
    };
}

#define LIST                                                                                       \
    "SELECT " COLUMNS " FROM webhook_deliveries d WHERE d.tenant_id = $1"                          \
    " AND ($2 IS NULL OR d.endpoint_id = $2) AND ($3 = '' OR d.state = $3)"                        \
    " AND ($4 = '' OR d.cause = $4) AND ($5 IS NULL OR d.id < $5)"
#define LIST_ORDER " ORDER BY d.id DESC LIMIT $6"
static const struct db_sql list_sql = DB_SQL(LIST LIST_ORDER);
/* The same, so that the index of the dead few serves it beside the many delivered. */
static const struct db_sql list_dead_sql = DB_SQL(LIST " AND d.state = 'dead'" LIST_ORDER);

enum status webhook_delivery_list(struct arena *a, struct tx *tx,
                                  const struct webhook_delivery_query *query,
                                  struct webhook_delivery **ret, size_t *ret_n, struct err *e) {
    bool is_dead = str_eq(query->state, STR("dead"));
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, is_dead ? list_dead_sql : list_sql, &rows, e, V_UUID(query->tenant.v),
                 V_UUID_OPT(query->webhook.v), V_TEXT(query->state), V_TEXT(query->cause),
                 V_UUID_OPT(query->after.v), V_I64((int64_t)query->limit)));
    *ret = arena_array_of(a, rows.n + 1, struct webhook_delivery);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = delivery_at(&rows, i);
    *ret_n = rows.n;
    return ST_OK;
}

enum status webhook_delivery_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                 struct delivery_id id, struct webhook_delivery *ret,
                                 struct str *ret_body, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL("SELECT " COLUMNS ", m.body" JOIN_MESSAGE " WHERE d.tenant_id = $1 AND d.id = $2"),
        &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such delivery; they are kept for 30 days");
    *ret = delivery_at(&rows, 0);
    if (ret_body)
        *ret_body = db_text(&rows, 0, BODY_COLUMN);
    return ST_OK;
}

enum status webhook_troubles(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct webhook_trouble **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT endpoint_id, cause, max(reason), count(*), min(created_at),"
                        " max(created_at) FROM webhook_deliveries WHERE state = 'dead'"
                        " AND ($1 IS NULL OR tenant_id = $1) GROUP BY endpoint_id, cause"
                        " ORDER BY count(*) DESC LIMIT $2"),
                 &rows, e, V_UUID_OPT(tenant.v), V_I64(TROUBLES_MAX)));
    *ret = arena_array_of(a, rows.n + 1, struct webhook_trouble);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct webhook_trouble){
            .webhook.v = db_uuid(&rows, i, 0),
            .cause = db_text(&rows, i, 1),
            .reason = db_text(&rows, i, 2),
            .n = db_i64(&rows, i, 3),
            .oldest_ms = db_i64(&rows, i, 4),
            .newest_ms = db_i64(&rows, i, 5),
        };
    *ret_n = rows.n;
    return ST_OK;
}

/* system */
enum status store_waiting(struct tx *tx, int64_t *ret_n, int64_t *ret_oldest_ms, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows rows;

    TRY(DB_QUERY(&a, tx,
                 DB_SQL("SELECT count(*), min(queued_at) FROM webhook_deliveries"
                        " WHERE state = 'waiting'"),
                 &rows, e));
    *ret_n = db_i64(&rows, 0, 0);
    *ret_oldest_ms = db_i64(&rows, 0, 1);
    return ST_OK;
}

/* system */
enum status webhook_health(struct tx *tx, struct webhook_health *ret, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows ends, dead;

    TRY(DB_QUERY(&a, tx,
                 DB_SQL("SELECT count(CASE WHEN state = 'active' THEN 1 END),"
                        " count(CASE WHEN state = 'active' AND failing_since > 0 THEN 1 END),"
                        " count(CASE WHEN state = 'disabled' AND failing_since > 0"
                        " THEN 1 END) FROM webhook_endpoints"),
                 &ends, e));
    TRY(DB_QUERY(&a, tx, DB_SQL("SELECT count(*) FROM webhook_deliveries WHERE state = 'dead'"),
                 &dead, e));
    *ret = (struct webhook_health){
        .active = db_i64(&ends, 0, 0),
        .failing = db_i64(&ends, 0, 1),
        .disabled_by_us = db_i64(&ends, 0, 2),
        .dead = db_i64(&dead, 0, 0),
    };
    return store_waiting(tx, &ret->waiting, &ret->oldest_waiting_ms, e);
}
