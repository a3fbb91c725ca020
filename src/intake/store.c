/* store.c - SQL of raw calls and account events. Raw calls belong to the system until they are routed: most statements here
 * run in the system's scope.
 * SPDX-License-Identifier: Apache-2.0 */
#include "intake/store.h"

enum { APPEND_COLUMNS = 7, SETTLE_COLUMNS = 7, PURGE_ROWS = 5000 };

enum status store_inbox_append(struct arena *a, struct tx *tx, const struct raw_call *calls,
                               size_t n, struct err *e) {
    struct db_val *vals = arena_array_of(a, n * APPEND_COLUMNS, struct db_val);

    for (size_t i = 0; i < n; i++) {
        const struct db_val row[APPEND_COLUMNS] = {
            V_UUID(calls[i].id.v),     V_UUID_OPT(calls[i].tenant.v),
            V_TEXT(calls[i].provider), V_UUID_OPT(calls[i].account.v),
            V_BYTES(calls[i].body),    V_I64(calls[i].at_ms),
            V_TEXT(calls[i].query),
        };

        memcpy(vals + i * APPEND_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2(
            "INSERT INTO inbox (id, tenant_id, provider, account_id, body, received_at, query, state)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, 'received')",
            "INSERT INTO inbox (id, tenant_id, provider, account_id, body, received_at, query, state)"
            " SELECT u.*, 'received' FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[],"
            " $5::bytea[], $6::int8[], $7::text[]) u"),
        vals, n, APPEND_COLUMNS, NULL, e);
}

enum status store_inbox_waiting(struct arena *a, struct tx *tx, size_t max, struct raw_call **ret,
                                size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL("SELECT id, tenant_id, provider, account_id, body, received_at, query FROM inbox"
               " WHERE state = 'received' ORDER BY seq LIMIT $1"),
        &rows, e, V_I64((int64_t)max)));
    *ret = arena_array_of(a, rows.n + 1, struct raw_call);
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct raw_call){
            .id.v = db_uuid(&rows, i, 0),
            .tenant.v = db_uuid(&rows, i, 1),
            .provider = db_text(&rows, i, 2),
            .account.v = db_uuid(&rows, i, 3),
            .body = db_text(&rows, i, 4),
            .at_ms = db_i64(&rows, i, 5),
            .query = db_text(&rows, i, 6),
        };
    *ret_n = rows.n;
    return ST_OK;
}

enum status store_inbox_settle(struct arena *a, struct tx *tx, const struct raw_fate *fates,
                               size_t n, int64_t now_ms, struct err *e) {
    struct db_val *vals = arena_array_of(a, n * SETTLE_COLUMNS, struct db_val);

    for (size_t i = 0; i < n; i++) {
        const struct db_val row[SETTLE_COLUMNS] = {
            V_UUID(fates[i].id.v),
            V_UUID_OPT(fates[i].tenant.v),
            V_TEXT(str_of(fates[i].state)),
            V_TEXT(str_of(fates[i].cause)),
            V_TEXT(fates[i].reason),
            V_I64(fates[i].events),
            V_I64(now_ms),
        };

        memcpy(vals + i * SETTLE_COLUMNS, row, sizeof(row));
    }
    return db_exec_rows(
        tx,
        DB_SQL2(
            "UPDATE inbox SET tenant_id = coalesce(tenant_id, $2), state = $3, cause = $4, reason = $5,"
            " events = $6, done_at = $7 WHERE id = $1",
            "UPDATE inbox i SET tenant_id = coalesce(i.tenant_id, u.tenant_id), state = u.state, cause = u.cause,"
            " reason = u.reason, events = u.events::int, done_at = u.done_at"
            " FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::int8[], $7::int8[])"
            " AS u(id, tenant_id, state, cause, reason, events, done_at) WHERE i.id = u.id"),
        vals, n, SETTLE_COLUMNS, NULL, e);
}

enum status store_inbox_purge(struct tx *tx, int64_t before_ms, struct err *e) {
    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE state = 'done'"
                       " AND received_at < $1 LIMIT $2)"),
                NULL, e, V_I64(before_ms), V_I64(PURGE_ROWS)));
    TRY(DB_EXEC(tx, DB_SQL("DELETE FROM inbound_seen WHERE at < $1"), NULL, e, V_I64(before_ms)));
    return DB_EXEC(tx, DB_SQL("DELETE FROM receipts_early WHERE at < $1"), NULL, e,
                   V_I64(before_ms));
}

enum status store_account_event(struct tx *tx, struct tenant_id tenant, struct account_id account,
                                const struct inbound *event, int64_t now_ms, struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("INSERT INTO account_events (id, tenant_id, account_id, field, raw, at)"
                           " VALUES ($1, $2, $3, $4, $5, $6)"),
                    e, V_UUID(uuid_new()), V_UUID(tenant.v), V_UUID(account.v),
                    V_TEXT(event->field), V_TEXT(event->raw), V_I64(now_ms));
}

enum status store_only_tenant(struct arena *a, struct tx *tx, struct tenant_id *ret,
                              struct err *e) {
    struct db_rows rows;

    *ret = (struct tenant_id){0};
    TRY(DB_QUERY(a, tx, DB_SQL("SELECT id FROM tenants WHERE is_active <> 0 LIMIT 2"), &rows, e));
    if (rows.n == 1)
        ret->v = db_uuid(&rows, 0, 0);
    return ST_OK;
}

/* --- for people ----------------------------------------------------------------------------------------------------- */

#define COLUMNS                                                                                    \
    "seq, id, tenant_id, account_id, provider, state, cause, reason, events, received_at, done_at, length(body)"
#define OF_TENANT " ($1 IS NULL OR tenant_id = $1)"

static void inbox_row(struct arena *a, const struct db_rows *rows, size_t i, bool with_body,
                      struct inbox_row *ret) {
    *ret = (struct inbox_row){
        .cursor = arena_printf(a, "%lld", (long long)db_i64(rows, i, 0)),
        .id.v = db_uuid(rows, i, 1),
        .tenant.v = db_uuid(rows, i, 2),
        .account.v = db_uuid(rows, i, 3),
        .provider = db_text(rows, i, 4),
        .state = db_text(rows, i, 5),
        .cause = db_text(rows, i, 6),
        .reason = db_text(rows, i, 7),
        .events = db_i64(rows, i, 8),
        .received_at_ms = db_i64(rows, i, 9),
        .done_at_ms = db_i64(rows, i, 10),
        .bytes = db_i64(rows, i, 11),
        .body = with_body ? db_text(rows, i, 12) : STR_EMPTY,
    };
}

enum status inbox_list(struct arena *a, struct tx *tx, const struct inbox_query *query,
                       struct inbox_page *ret, struct err *e) {
#define LIST_WHERE                                                                                 \
    " FROM inbox WHERE" OF_TENANT " AND ($2 = '' OR state = $2) AND seq < $3"                      \
    " ORDER BY seq DESC LIMIT $4"
    int64_t before = INT64_MAX, limit = (int64_t)query->limit;
    struct db_rows rows;

    if (query->cursor.len > 0 && !str_parse_i64(query->cursor, 0, INT64_MAX, &before))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    if (query->with_body)
        TRY(DB_QUERY(a, tx, DB_SQL("SELECT " COLUMNS ", body" LIST_WHERE), &rows, e,
                     V_UUID_OPT(query->tenant.v), V_TEXT(query->state), V_I64(before),
                     V_I64(limit)));
    else
        TRY(DB_QUERY(a, tx, DB_SQL("SELECT " COLUMNS LIST_WHERE), &rows, e,
                     V_UUID_OPT(query->tenant.v), V_TEXT(query->state), V_I64(before),
                     V_I64(limit)));
    *ret =
        (struct inbox_page){.items = arena_array_of(a, rows.n + 1, struct inbox_row), .n = rows.n};
    for (size_t i = 0; i < rows.n; i++)
        inbox_row(a, &rows, i, query->with_body, &ret->items[i]);
    ret->next = rows.n == query->limit ? ret->items[rows.n - 1].cursor : STR_EMPTY;
    return ST_OK;
}

enum status inbox_get(struct arena *a, struct tx *tx, struct tenant_id tenant, struct inbox_id id,
                      struct inbox_row *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS ", body FROM inbox WHERE" OF_TENANT " AND id = $2"),
                 &rows, e, V_UUID_OPT(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such call in the inbox");
    inbox_row(a, &rows, 0, true, ret);
    return ST_OK;
}

enum status store_drain_put(struct tx *tx, struct err *e) {
    return queue_put(tx,
                     (struct job_put){.kind = INTAKE_DRAIN_JOB,
                                      .lane = STR("intake"),
                                      .key = STR("intake"),
                                      .coalesce = QUEUE_KEEP,
                                      .priority = QUEUE_URGENT,
                                      .payload = STR("{}")},
                     NULL, e);
}

enum status inbox_replay(struct tx *tx, struct tenant_id tenant, struct inbox_id id,
                         struct str state, int64_t *ret_n, struct err *e) {
    TRY(DB_EXEC(
        tx,
        DB_SQL(
            "UPDATE inbox SET state = 'received', cause = '', reason = '', done_at = NULL WHERE" OF_TENANT
            " AND ($2 IS NULL OR id = $2) AND ($3 = '' OR state = $3)"
            " AND state IN ('unparsed', 'unrouted', 'failed', 'done')"
            " AND ($2 IS NOT NULL OR state <> 'done')"),
        ret_n, e, V_UUID_OPT(tenant.v), V_UUID_OPT(id.v), V_TEXT(state)));
    return store_drain_put(tx, e);
}

/* --- what could not be applied ---------------------------------------------------------------------------------------- */

#define IN_TROUBLE " state IN ('unparsed', 'unrouted', 'failed')"
#define OF_CAUSE   " AND ($2 = '' OR state = $2) AND ($3 = '' OR cause = $3)"

enum { GROUPS_MAX = 200 };

enum status inbox_groups(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct inbox_group **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(
        a, tx,
        DB_SQL("SELECT state, cause, max(reason), count(*), min(received_at), max(received_at)"
               " FROM inbox WHERE tenant_id = $1 AND" IN_TROUBLE
               " GROUP BY state, cause ORDER BY count(*) DESC, state, cause LIMIT $2"),
        &rows, e, V_UUID(tenant.v), V_I64(GROUPS_MAX)));
    *ret = arena_array_of(a, rows.n + 1, struct inbox_group);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct inbox_group){
            .state = db_text(&rows, i, 0),
            .cause = db_text(&rows, i, 1),
            .sample_reason = db_text(&rows, i, 2),
            .n = db_i64(&rows, i, 3),
            .oldest_ms = db_i64(&rows, i, 4),
            .newest_ms = db_i64(&rows, i, 5),
        };
    return ST_OK;
}

static enum status place_of(struct str cursor, int64_t *place, struct err *e) {
    if (cursor.len > 0 && !str_parse_i64(cursor, 0, INT64_MAX, place))
        FAIL(e, ST_INVALID, "the cursor is not one that this server gave");
    return ST_OK;
}

enum status inbox_list_trouble(struct arena *a, struct tx *tx, const struct inbox_query *query,
                               struct inbox_page *ret, struct err *e) {
    int64_t before = INT64_MAX;
    struct db_rows rows;

    TRY(place_of(query->cursor, &before, e));
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM inbox WHERE tenant_id = $1 AND" IN_TROUBLE OF_CAUSE
                        " AND seq < $4 ORDER BY seq DESC LIMIT $5"),
                 &rows, e, V_UUID(query->tenant.v), V_TEXT(query->state), V_TEXT(query->cause),
                 V_I64(before), V_I64((int64_t)query->limit)));
    *ret =
        (struct inbox_page){.items = arena_array_of(a, rows.n + 1, struct inbox_row), .n = rows.n};
    for (size_t i = 0; i < rows.n; i++)
        inbox_row(a, &rows, i, false, &ret->items[i]);
    ret->next = rows.n == query->limit ? ret->items[rows.n - 1].cursor : STR_EMPTY;
    return ST_OK;
}

enum status inbox_replay_some(struct arena *a, struct tx *tx, const struct inbox_query *query,
                              struct str *ret_last, size_t *ret_n, struct err *e) {
    int64_t last = 0;
    struct db_rows rows;

    TRY(place_of(query->cursor, &last, e));
    TRY(DB_QUERY(
        a, tx,
        DB_SQL("UPDATE inbox SET state = 'received', cause = '', reason = '', done_at = NULL"
               " WHERE seq IN (SELECT seq FROM inbox WHERE tenant_id = $1 AND" IN_TROUBLE OF_CAUSE
               " AND seq > $4 ORDER BY seq LIMIT $5) RETURNING seq"),
        &rows, e, V_UUID(query->tenant.v), V_TEXT(query->state), V_TEXT(query->cause), V_I64(last),
        V_I64((int64_t)query->limit)));
    for (size_t i = 0; i < rows.n; i++)
        if (db_i64(&rows, i, 0) > last)
            last = db_i64(&rows, i, 0);
    *ret_last = arena_printf(a, "%lld", (long long)last);
    *ret_n = rows.n;
    return rows.n > 0 ? store_drain_put(tx, e) : ST_OK;
}
