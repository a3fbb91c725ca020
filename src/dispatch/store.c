/* store.c - SQL of campaigns, of the tenant's settings and of what accounts have sent.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/store.h"

enum { HOUR_MS = 3600 * 1000, DAY_SLOTS = 24, SLOTS_KEPT = 72 };

#define COLUMNS                                                                                    \
    "id, tenant_id, name, state, cause, reason, audience, channels, variables, limits, estimate,"  \
    " then_do, plan_after, plan_seen, wait_cause, wait_until, start_at, planned_at, dry_run_at,"   \
    " started_at, resumed_at, finished_at, created_by, created_at, updated_at"

static struct dispatch dispatch_of(const struct db_rows *rows, size_t i) {
    return (struct dispatch){
        .id.v = db_uuid(rows, i, 0),
        .tenant.v = db_uuid(rows, i, 1),
        .name = db_text(rows, i, 2),
        .state = db_text(rows, i, 3),
        .cause = db_text(rows, i, 4),
        .reason = db_text(rows, i, 5),
        .audience = db_text(rows, i, 6),
        .channels = db_text(rows, i, 7),
        .variables = db_text(rows, i, 8),
        .limits = db_text(rows, i, 9),
        .estimate = db_text(rows, i, 10),
        .then_do = db_text(rows, i, 11),
        .plan_after.v = db_uuid(rows, i, 12),
        .plan_seen = db_i64(rows, i, 13),
        .wait_cause = db_text(rows, i, 14),
        .wait_until_ms = db_i64(rows, i, 15),
        .start_at_ms = db_i64(rows, i, 16),
        .planned_at_ms = db_i64(rows, i, 17),
        .dry_run_at_ms = db_i64(rows, i, 18),
        .started_at_ms = db_i64(rows, i, 19),
        .resumed_at_ms = db_i64(rows, i, 20),
        .finished_at_ms = db_i64(rows, i, 21),
        .created_by = db_text(rows, i, 22),
        .created_at_ms = db_i64(rows, i, 23),
        .updated_at_ms = db_i64(rows, i, 24),
    };
}

enum status store_dispatch_insert(struct tx *tx, const struct dispatch *d, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO dispatches (id, tenant_id, name, state, audience, channels,"
                          " variables, limits, created_by, created_at, updated_at)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)"),
                   NULL, e, V_UUID(d->id.v), V_UUID(d->tenant.v), V_TEXT(d->name), V_TEXT(d->state),
                   V_TEXT(d->audience), V_TEXT(d->channels), V_TEXT(d->variables),
                   V_TEXT(d->limits), V_TEXT(d->created_by), V_I64(d->created_at_ms));
}

enum status store_dispatch_update(struct tx *tx, const struct dispatch *d, int64_t now_ms,
                                  struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("UPDATE dispatches SET name = $3, state = $4, cause = $5, reason = $6,"
               " audience = $7, channels = $8, variables = $9, limits = $10, estimate = $11,"
               " then_do = $12, plan_after = $13, plan_seen = $14, wait_cause = $15,"
               " wait_until = $16, start_at = $17, planned_at = $18, dry_run_at = $19,"
               " started_at = $20, resumed_at = $21, finished_at = $22, updated_at = $23"
               " WHERE tenant_id = $1 AND id = $2"),
        NULL, e, V_UUID(d->tenant.v), V_UUID(d->id.v), V_TEXT(d->name), V_TEXT(d->state),
        V_TEXT(d->cause), V_TEXT(d->reason), V_TEXT(d->audience), V_TEXT(d->channels),
        V_TEXT(d->variables), V_TEXT(d->limits), V_TEXT(d->estimate), V_TEXT(d->then_do),
        V_UUID_OPT(d->plan_after.v), V_I64(d->plan_seen), V_TEXT(d->wait_cause),
        V_I64(d->wait_until_ms), V_I64(d->start_at_ms), V_I64(d->planned_at_ms),
        V_I64(d->dry_run_at_ms), V_I64(d->started_at_ms), V_I64(d->resumed_at_ms),
        V_I64(d->finished_at_ms), V_I64(now_ms));
}

enum status store_dispatch_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct dispatch_id id, bool with_lock, struct dispatch *ret,
                               struct err *e) {
    struct db_rows rows;

    if (with_lock)
        TRY(DB_QUERY(a, tx,
                     DB_SQL2("SELECT " COLUMNS " FROM dispatches WHERE tenant_id = $1 AND id = $2",
                             "SELECT " COLUMNS " FROM dispatches WHERE tenant_id = $1 AND id = $2"
                             " FOR UPDATE"),
                     &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    else
        TRY(DB_QUERY(a, tx,
                     DB_SQL("SELECT " COLUMNS " FROM dispatches WHERE tenant_id = $1 AND id = $2"),
                     &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "there is no such campaign");
    *ret = dispatch_of(&rows, 0);
    return ST_OK;
}

enum status store_dispatch_list(struct arena *a, struct tx *tx, const struct dispatch_query *q,
                                struct dispatch **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM dispatches WHERE tenant_id = $1"
                        " AND ($2 = '' OR state = $2) AND ($3::uuid IS NULL OR id < $3)"
                        " ORDER BY id DESC LIMIT $4"),
                 &rows, e, V_UUID(q->tenant.v), V_TEXT(q->state), V_UUID_OPT(q->after.v),
                 V_I64((int64_t)q->limit)));
    *ret = arena_array_of(a, rows.n + 1, struct dispatch);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = dispatch_of(&rows, i);
    return ST_OK;
}

enum status store_dispatch_list_live(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                     struct dispatch **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM dispatches WHERE tenant_id = $1"
                        " AND (state = 'running' OR (state = 'planned' AND start_at > 0))"
                        " ORDER BY id"),
                 &rows, e, V_UUID(tenant.v)));
    *ret = arena_array_of(a, rows.n + 1, struct dispatch);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = dispatch_of(&rows, i);
    return ST_OK;
}

enum status store_dispatch_delete(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                  struct err *e) {
    TRY(store_dry_clear(tx, tenant, id, e));
    TRY(DB_EXEC(tx,
                DB_SQL("DELETE FROM dispatch_recipients WHERE tenant_id = $1 AND dispatch_id = $2"),
                NULL, e, V_UUID(tenant.v), V_UUID(id.v)));
    return DB_EXEC(tx, DB_SQL("DELETE FROM dispatches WHERE tenant_id = $1 AND id = $2"), NULL, e,
                   V_UUID(tenant.v), V_UUID(id.v));
}

enum status store_dispatch_wait(struct tx *tx, struct tenant_id tenant, struct dispatch_id id,
                                struct str cause, int64_t until_ms, struct err *e) {
    return DB_LATER(tx,
                    DB_SQL("UPDATE dispatches SET wait_cause = $3, wait_until = $4"
                           " WHERE tenant_id = $1 AND id = $2"),
                    e, V_UUID(tenant.v), V_UUID(id.v), V_TEXT(cause), V_I64(until_ms));
}

/* --- settings ----------------------------------------------------------------------------------------------------------- */

enum status store_dispatch_settings_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                        struct str *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT settings FROM dispatch_settings WHERE tenant_id = $1"),
                 &rows, e, V_UUID(tenant.v)));
    *ret = rows.n > 0 ? db_text(&rows, 0, 0) : STR("{}");
    return ST_OK;
}

enum status store_dispatch_settings_lock(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                         struct err *e) {
    struct db_rows rows;

    if (tx_engine(tx) == DB_SQLITE) /* which has one writer */
        return ST_OK;
    for (int round = 0;; round++) {
        TRY(DB_QUERY(a, tx,
                     DB_SQL("SELECT tenant_id FROM dispatch_settings WHERE tenant_id = $1"
                            " FOR UPDATE"),
                     &rows, e, V_UUID(tenant.v)));
        if (rows.n > 0 || round > 0)
            return ST_OK;
        TRY(DB_EXEC(tx,
                    DB_SQL("INSERT INTO dispatch_settings (tenant_id, updated_at) VALUES ($1, 0)"
                           " ON CONFLICT (tenant_id) DO NOTHING"),
                    NULL, e, V_UUID(tenant.v)));
    }
}

enum status store_dispatch_settings_put(struct tx *tx, struct tenant_id tenant, struct str settings,
                                        int64_t now_ms, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO dispatch_settings (tenant_id, settings, updated_at)"
                          " VALUES ($1, $2, $3) ON CONFLICT (tenant_id) DO UPDATE"
                          " SET settings = excluded.settings, updated_at = excluded.updated_at"),
                   NULL, e, V_UUID(tenant.v), V_TEXT(settings), V_I64(now_ms));
}

/* --- senders ------------------------------------------------------------------------------------------------------------ */

enum status store_sender_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct account_id account, int64_t now_ms, struct sender_state *ret,
                             struct err *e) {
    struct db_rows rows;

    *ret = (struct sender_state){0};
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT blocked_until, backoffs, cause FROM dispatch_senders"
                        " WHERE tenant_id = $1 AND account_id = $2"),
                 &rows, e, V_UUID(tenant.v), V_UUID(account.v)));
    if (rows.n > 0) {
        ret->blocked_until_ms = db_i64(&rows, 0, 0);
        ret->backoffs = db_i64(&rows, 0, 1);
        ret->cause = db_text(&rows, 0, 2);
    }
    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT coalesce(CAST(sum(sent) AS BIGINT), 0), coalesce(min(slot), 0)"
                        " FROM sender_days WHERE tenant_id = $1 AND account_id = $2 AND slot > $3"),
                 &rows, e, V_UUID(tenant.v), V_UUID(account.v),
                 V_I64(now_ms / HOUR_MS - DAY_SLOTS - 1)));
    ret->sent_day = db_i64(&rows, 0, 0);
    ret->oldest_slot_ms = db_i64(&rows, 0, 1) * HOUR_MS;
    return ST_OK;
}

enum status store_sender_count(struct tx *tx, struct tenant_id tenant, struct account_id account,
                               int64_t now_ms, int64_t n, struct err *e) {
    TRY(DB_LATER(tx,
                 DB_SQL("INSERT INTO sender_days AS s (tenant_id, account_id, slot, sent)"
                        " VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, account_id, slot)"
                        " DO UPDATE SET sent = s.sent + excluded.sent"),
                 e, V_UUID(tenant.v), V_UUID(account.v), V_I64(now_ms / HOUR_MS), V_I64(n)));
    return DB_LATER(tx,
                    DB_SQL("DELETE FROM sender_days WHERE tenant_id = $1 AND account_id = $2"
                           " AND slot < $3"),
                    e, V_UUID(tenant.v), V_UUID(account.v), V_I64(now_ms / HOUR_MS - SLOTS_KEPT));
}

enum status store_sender_block(struct tx *tx, struct tenant_id tenant, struct account_id account,
                               int64_t until_ms, struct str cause, int64_t now_ms, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("INSERT INTO dispatch_senders AS s (tenant_id, account_id, blocked_until, backoffs,"
               " cause, updated_at) VALUES ($1, $2, $3::bigint,"
               " CASE WHEN $3::bigint = 0 THEN 0 ELSE 1 END, $4, $5)"
               " ON CONFLICT (tenant_id, account_id) DO UPDATE"
               " SET blocked_until = excluded.blocked_until, cause = excluded.cause,"
               " backoffs = CASE WHEN excluded.blocked_until = 0 THEN 0 ELSE s.backoffs + 1 END,"
               " updated_at = excluded.updated_at"),
        NULL, e, V_UUID(tenant.v), V_UUID(account.v), V_I64(until_ms), V_TEXT(cause),
        V_I64(now_ms));
}
