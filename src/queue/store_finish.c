/* store_finish.c - verdicts into the table, lanes moving on, leases that ran out.
 *
 * Each outcome is written only where the row is still running under the outcome's token. Verdicts
 * of one batch go into the table by a handful of set-based statements, in the order of tenant and
 * id, as heartbeats do: two batches that meet do not lock each other out.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "queue/store.h"

enum { GONE_COLUMNS = 3, BACK_COLUMNS = 9, LANE_COLUMNS = 3 };

/* $1 tenant, $2 id, $3 token */
static const struct db_sql gone_sql = DB_SQL2(
    "DELETE FROM jobs WHERE tenant_id = $1 AND id = $2 AND token = $3 AND state = 1",
    "DELETE FROM jobs j USING (SELECT k.at FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])"
    "  AS v(tenant_id, id, token)" STORE_LOCK_HELD("UPDATE") ") p WHERE j.ctid = p.at");

/* $4 state, $5 run_at, $6 attempts, $7 cause, $8 reason, $9 now. On PostgreSQL the rows are locked
 * FOR UPDATE, which waits for puts that hold a lane's head: it may be about to leave the lane. */
static const struct db_sql back_sql = DB_SQL2(
    "UPDATE jobs SET state = $4, run_at = $5, attempts = $6, cause = $7, reason = $8,"
    " updated_at = $9, lease_until = 0, worker = ''"
    " WHERE tenant_id = $1 AND id = $2 AND token = $3 AND state = 1",
    "UPDATE jobs j SET state = p.state, run_at = p.run_at, attempts = p.attempts, cause = p.cause,"
    "  reason = p.reason, updated_at = p.now, lease_until = 0, worker = ''"
    " FROM (SELECT v.*, k.at FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[],"
    "   $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::bigint[])"
    "   AS v(tenant_id, id, token, state, run_at, attempts, cause, reason, now)" STORE_LOCK_HELD(
        "UPDATE") ") p WHERE j.ctid = p.at");

/* $1 tenant, $2 kind, $3 key */
static const struct db_sql successor_sql =
    DB_SQL2("SELECT id FROM jobs WHERE tenant_id = $1 AND kind = $2 AND key = $3"
            " AND key IS NOT NULL AND state IN (0, 4, 5)",
            "SELECT id FROM jobs WHERE tenant_id = $1 AND kind = $2 AND key = $3"
            " AND key IS NOT NULL AND state IN (0, 4, 5) FOR NO KEY UPDATE");

/* $1 tenant, $2 id, $3 run_at, $4 attempts, $5 now */
static const struct db_sql inherit_sql = DB_SQL(
    "UPDATE jobs SET run_at = CASE WHEN run_at < $3 THEN $3 ELSE run_at END,"
    " attempts = CASE WHEN attempts < $4 THEN $4::integer ELSE attempts END, updated_at = $5,"
    " state = CASE WHEN state = 5 THEN 5 WHEN run_at > $5 OR $3 > $5 THEN 4 ELSE 0 END"
    " WHERE tenant_id = $1 AND id = $2 AND state IN (0, 4, 5)");

/* $1 tenant, $2 lane, $3 now */
static const struct db_sql move_lane_sql = DB_SQL2(
    "UPDATE jobs SET state = CASE WHEN run_at <= $3 THEN 0 ELSE 4 END"
    " WHERE state = 5 AND tenant_id = $1 AND lane = $2 AND seq = (SELECT min(b.seq) FROM jobs b"
    "  WHERE b.state = 5 AND b.tenant_id = $1 AND b.lane = $2)"
    " AND NOT EXISTS (SELECT 1 FROM jobs h WHERE h.tenant_id = $1 AND h.lane = $2"
    "  AND h.lane IS NOT NULL AND h.state IN (0, 1, 4))",
    "UPDATE jobs j SET state = CASE WHEN j.run_at <= p.now THEN 0 ELSE 4 END FROM"
    " (SELECT n.at, v.now FROM (SELECT DISTINCT tenant_id, lane, now FROM"
    "   unnest($1::uuid[], $2::text[], $3::bigint[]) AS u(tenant_id, lane, now)) v"
    "  CROSS JOIN LATERAL (SELECT b.ctid AS at FROM jobs b WHERE b.state = 5"
    "   AND b.tenant_id = v.tenant_id AND b.lane = v.lane ORDER BY b.seq LIMIT 1"
    "   FOR NO KEY UPDATE) n"
    "  WHERE (SELECT 1 FROM jobs h WHERE h.tenant_id = v.tenant_id AND h.lane = v.lane"
    "   AND h.lane IS NOT NULL AND h.state IN (0, 1, 4)) IS NULL) p"
    " WHERE j.ctid = p.at");

/* $1 tenant, $2 lane */
static const struct db_sql hold_lane_sql =
    DB_SQL("SELECT 1 FROM jobs WHERE tenant_id = $1 AND lane = $2 AND lane IS NOT NULL"
           " AND state IN (0, 1, 4) FOR KEY SHARE");

/* ($1, $2] is the time when the lease ran out, $3 max */
static const struct db_sql expired_sql = DB_SQL2(
    "SELECT tenant_id, id, token, kind, lane, key, run_at, attempts FROM jobs"
    " WHERE state = 1 AND lease_until > $1 AND lease_until <= $2 ORDER BY lease_until LIMIT $3",
    "SELECT tenant_id, id, token, kind, lane, key, run_at, attempts FROM jobs"
    " WHERE state = 1 AND lease_until > $1 AND lease_until <= $2 ORDER BY lease_until LIMIT $3"
    " FOR UPDATE SKIP LOCKED");

/* $1 process, $2 now */
static const struct db_sql expire_others_sql =
    DB_SQL("UPDATE jobs SET lease_until = $2 WHERE state = 1 AND worker NOT LIKE '%:' || $1");

/* --- lanes ------------------------------------------------------------------------------------ */

enum status store_hold_lane(struct arena *a, struct tx *tx, struct store_lane lane, struct err *e) {
    struct db_rows rows;

    if (tx_engine(tx) == DB_SQLITE)
        return ST_OK;
    return DB_QUERY(a, tx, hold_lane_sql, &rows, e, V_UUID(lane.tenant.v), V_TEXT(lane.name));
}

enum status store_move_lanes(struct tx *tx, const struct store_lane *lanes, size_t n,
                             int64_t now_ms, int64_t *ret_n, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_val *vals = arena_array_of(&a, n * LANE_COLUMNS, struct db_val);
    int64_t again;

    for (size_t i = 0; i < n; i++) {
        vals[i * LANE_COLUMNS] = V_UUID(lanes[i].tenant.v);
        vals[i * LANE_COLUMNS + 1] = V_TEXT(lanes[i].name);
        vals[i * LANE_COLUMNS + 2] = V_I64(now_ms);
    }
    TRY(db_exec_rows(tx, move_lane_sql, vals, n, LANE_COLUMNS, ret_n, e));
    if (tx_engine(tx) == DB_SQLITE)
        return ST_OK;
    /* A waiting job that a put moved meanwhile was locked but not seen, and its lane must not be
     * forgotten. */
    TRY(db_exec_rows(tx, move_lane_sql, vals, n, LANE_COLUMNS, &again, e));
    *ret_n += again;
    return ST_OK;
}

static enum status free_lanes(struct arena *a, struct tx *tx, const struct outcome *const *outcomes,
                              size_t n, int64_t now_ms, struct store_finished *ret, struct err *e) {
    struct store_lane *lanes = arena_array_of(a, n + 1, struct store_lane);
    size_t n_lanes = 0;
    int64_t moved;

    for (size_t i = 0; i < n; i++)
        if (outcomes[i]->kind != OUTCOME_READY && outcomes[i]->lane.len > 0)
            lanes[n_lanes++] = (struct store_lane){outcomes[i]->held.tenant, outcomes[i]->lane};
    if (n_lanes == 0)
        return ST_OK;
    TRY(store_move_lanes(tx, lanes, n_lanes, now_ms, &moved, e));
    ret->has_freed |= moved > 0;
    return ST_OK;
}

/* --- writing outcomes ------------------------------------------------------------------------- */

static int by_id(const void *left, const void *right) {
    const struct outcome *a = *(const struct outcome *const *)left;
    const struct outcome *b = *(const struct outcome *const *)right;
    int order = uuid_cmp(a->held.tenant.v, b->held.tenant.v);

    return order != 0 ? order : uuid_cmp(a->held.id.v, b->held.id.v);
}

static void put_held(struct db_val *row, const struct store_held *held) {
    row[0] = V_UUID(held->tenant.v);
    row[1] = V_UUID(held->id.v);
    row[2] = V_I64(held->token);
}

static int64_t state_of(const struct outcome *o, int64_t now_ms) {
    switch (o->kind) {
    case OUTCOME_READY:
        return o->run_at_ms <= now_ms ? STATE_READY : STATE_LATER;
    case OUTCOME_PARKED:
        return STATE_PARKED;
    case OUTCOME_DEAD:
        return STATE_DEAD;
    case OUTCOME_GONE:
        break;
    }
    assert(o->kind != OUTCOME_GONE && "a job that is gone has no state");
    return STATE_DEAD;
}

/* What was written the first time is not running any more and not written again. */
static enum status write_held(struct tx *tx, struct db_sql sql, const struct db_val *vals, size_t n,
                              size_t n_cols, int64_t *ret_n, struct err *e) {
    int64_t again = 0;

    TRY(db_exec_rows(tx, sql, vals, n, n_cols, ret_n, e));
    if (*ret_n < (int64_t)n && tx_engine(tx) == DB_POSTGRES) /* see STORE_LOCK_HELD */
        TRY(db_exec_rows(tx, sql, vals, n, n_cols, &again, e));
    *ret_n += again;
    return ST_OK;
}

static enum status write_gone(struct arena *a, struct tx *tx, const struct outcome *const *outcomes,
                              size_t n, struct store_finished *ret, struct err *e) {
    struct db_val *vals = arena_array_of(a, n * GONE_COLUMNS, struct db_val);
    size_t n_rows = 0;
    int64_t changed;

    for (size_t i = 0; i < n; i++)
        if (outcomes[i]->kind == OUTCOME_GONE)
            put_held(vals + n_rows++ * GONE_COLUMNS, &outcomes[i]->held);
    if (n_rows == 0)
        return ST_OK;
    TRY(write_held(tx, gone_sql, vals, n_rows, GONE_COLUMNS, &changed, e));
    ret->n_refused += n_rows - (size_t)changed;
    return ST_OK;
}

static enum status write_back(struct arena *a, struct tx *tx, const struct outcome *const *outcomes,
                              size_t n, int64_t now_ms, struct store_finished *ret, struct err *e) {
    struct db_val *vals = arena_array_of(a, n * BACK_COLUMNS, struct db_val);
    size_t n_rows = 0;
    int64_t changed;

    for (size_t i = 0; i < n; i++) {
        const struct outcome *o = outcomes[i];
        struct db_val *row = vals + n_rows * BACK_COLUMNS;

        if (o->kind == OUTCOME_GONE)
            continue;
        put_held(row, &o->held);
        row[3] = V_I64(state_of(o, now_ms));
        row[4] = V_I64(o->run_at_ms);
        row[5] = V_I64(o->attempts);
        row[6] = V_TEXT(o->cause);
        row[7] = V_TEXT(o->reason);
        row[8] = V_I64(now_ms);
        ret->has_freed |= o->kind == OUTCOME_READY;
        n_rows++;
    }
    if (n_rows == 0)
        return ST_OK;
    TRY(write_held(tx, back_sql, vals, n_rows, BACK_COLUMNS, &changed, e));
    ret->n_refused += n_rows - (size_t)changed;
    return ST_OK;
}

/* A job that should run again while a newer put with its key waits gives way to that one: the two
 * would have been one, had it not been running. The newer job inherits its attempts and its waiting
 * time. */
static enum status give_way(struct arena *a, struct tx *tx, struct outcome *o, int64_t now_ms,
                            struct err *e) {
    struct db_rows rows;
    bool is_held;

    TRY(DB_QUERY(a, tx, successor_sql, &rows, e, V_UUID(o->held.tenant.v), V_TEXT(o->job_kind),
                 V_TEXT(o->key)));
    if (rows.n == 0)
        return ST_OK;
    TRY(store_is_held(a, tx, o->held, &is_held, e));
    o->kind = OUTCOME_GONE;
    if (!is_held)
        return ST_OK; /* refused in any form */
    return DB_EXEC(tx, inherit_sql, NULL, e, V_UUID(o->held.tenant.v), V_UUID(db_uuid(&rows, 0, 0)),
                   V_I64(o->run_at_ms), V_I64(o->attempts), V_I64(now_ms));
}

enum status store_finish(struct arena *a, struct tx *tx, const struct outcome *outcomes, size_t n,
                         int64_t now_ms, struct store_finished *ret, struct err *e) {
    struct outcome *copy = arena_array_of(a, n + 1, struct outcome);
    const struct outcome **list = arena_array_of(a, n + 1, const struct outcome *);

    *ret = (struct store_finished){0};
    for (size_t i = 0; i < n; i++) {
        copy[i] = outcomes[i];
        list[i] = &copy[i];
        if (copy[i].kind == OUTCOME_READY && copy[i].key.len > 0)
            TRY(give_way(a, tx, &copy[i], now_ms, e));
    }
    qsort(list, n, sizeof(const struct outcome *), by_id);
    TRY(write_gone(a, tx, list, n, ret, e));
    TRY(write_back(a, tx, list, n, now_ms, ret, e));
    return free_lanes(a, tx, list, n, now_ms, ret, e);
}

/* --- leases that ran out ---------------------------------------------------------------------- */

enum status store_expire_others(struct tx *tx, struct str process, int64_t now_ms, struct err *e) {
    return DB_EXEC(tx, expire_others_sql, NULL, e, V_TEXT(process), V_I64(now_ms));
}

enum status store_expired(struct arena *a, struct tx *tx, int64_t since_ms, int64_t now_ms,
                          struct outcome **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;
    struct outcome *list;

    TRY(DB_QUERY(a, tx, expired_sql, &rows, e, V_I64(since_ms), V_I64(now_ms), V_I64(STORE_BATCH)));
    list = arena_array_of(a, rows.n + 1, struct outcome);
    for (size_t i = 0; i < rows.n; i++)
        list[i] = (struct outcome){
            .held = {.tenant = {db_uuid(&rows, i, 0)},
                     .id = {db_uuid(&rows, i, 1)},
                     .token = db_i64(&rows, i, 2)},
            .kind = OUTCOME_READY,
            .job_kind = db_text(&rows, i, 3),
            .lane = db_text(&rows, i, 4),
            .key = db_text(&rows, i, 5),
            .run_at_ms = db_i64(&rows, i, 6),
            .attempts = (int32_t)db_i64(&rows, i, 7),
            .cause = STR("lease-lost"),
            .reason = STR("its worker died or froze"),
        };
    *ret = list;
    *ret_n = rows.n;
    return ST_OK;
}
