/* store_put.c - jobs into the table and out again before they run; the fence.
 *
 * How a put stays right beside claims and verdicts on PostgreSQL, where they run at the same time:
 *   1. A put into a lane locks the lane's head FOR KEY SHARE. A claim or a heartbeat of the head
 *      does not mind; what takes the head out of the lane (FOR UPDATE) waits for the put's commit
 *      and then sees the new job behind it.
 *   2. Two first puts into a lane meet in the unique index jobs_lane; the second waits, inserts
 *      nothing and starts over, now seeing the first as the head.
 *   3. A put that keeps or moves a waiting job holds that row until its commit, and claims skip it:
 *      a handler that was just about to begin cannot miss what this transaction adds.
 * On SQLite there is one writer and nothing of this can happen.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "queue/store.h"

enum {
    MAX_TURNS = 64, /* of a put that finds the lane or the key changed under it each time */
    PUT_COLUMNS = 10,
    PUT_CHUNK = 1000,
};

const enum queue_priority store_priorities[STORE_PRIORITIES] = {QUEUE_URGENT, QUEUE_DIRECT,
                                                                QUEUE_NORMAL, QUEUE_BULK};

/* $1 tenant, $2 id, $3 kind, $4 lane, $5 key, $6 priority, $7 run_at, $8 no_later, $9 now, $10
 * payload One row and many stand apart on PostgreSQL, where the second is planned anew each time.
 * */
#define INSERT_ONE(lock)                                                                           \
    "INSERT INTO jobs (tenant_id, id, kind, lane, key, priority, state, run_at, no_later,"         \
    " created_at, updated_at, payload)"                                                            \
    " VALUES ($1, $2, $3, $4, $5, $6,"                                                             \
    "  CASE WHEN (SELECT h.state FROM jobs h WHERE h.tenant_id = $1 AND h.lane = $4"               \
    "   AND h.lane IS NOT NULL AND h.state IN (0, 1, 4)" lock ") IS NOT NULL THEN 5"               \
    "   WHEN $7 <= $9 THEN 0 ELSE 4 END,"                                                          \
    "  $7, $8, $9, $9, $10)"
static const struct db_sql insert_one_sql =
    DB_SQL2(INSERT_ONE("") " RETURNING state",
            INSERT_ONE(" FOR KEY SHARE") " ON CONFLICT DO NOTHING RETURNING state");
static const struct db_sql insert_many_sql = DB_SQL2(
    INSERT_ONE(""),
    "INSERT INTO jobs (tenant_id, id, kind, lane, key, priority, state, run_at, no_later,"
    " created_at, updated_at, payload)"
    " SELECT tenant_id, id, kind, lane, key, priority,"
    "  CASE WHEN lane IS NOT NULL AND (in_lane > 1 OR (SELECT h.state FROM jobs h"
    "   WHERE h.tenant_id = v.tenant_id AND h.lane = v.lane AND h.lane IS NOT NULL"
    "   AND h.state IN (0, 1, 4) FOR KEY SHARE) IS NOT NULL) THEN 5"
    "   WHEN run_at <= now THEN 0 ELSE 4 END,"
    "  run_at, no_later, now, now, payload"
    " FROM (SELECT u.*, row_number() OVER (PARTITION BY tenant_id, lane ORDER BY nth) AS in_lane"
    "  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[],"
    "   $7::bigint[], $8::bigint[], $9::bigint[], $10::text[]) WITH ORDINALITY"
    "   AS u(tenant_id, id, kind, lane, key, priority, run_at, no_later, now, payload, nth)) v"
    " ORDER BY nth ON CONFLICT DO NOTHING");

/* $1 tenant, $2 lane, $3 priority */
#define RAISE(which)                                                                               \
    "UPDATE jobs SET priority = $3 WHERE tenant_id = $1 AND lane = $2 AND lane IS NOT NULL"        \
    " AND " which " AND priority > $3"
static const struct db_sql raise_head_sql = DB_SQL(RAISE("state IN (0, 1, 4) AND state <> 1"));
static const struct db_sql raise_behind_sql = DB_SQL(RAISE("state = 5"));

/* $1 tenant, $2 kind, $3 key */
static const struct db_sql keep_sql =
    DB_SQL2("SELECT id FROM jobs WHERE tenant_id = $1 AND kind = $2 AND key = $3"
            " AND key IS NOT NULL AND state IN (0, 4, 5)",
            "SELECT id FROM jobs WHERE tenant_id = $1 AND kind = $2 AND key = $3"
            " AND key IS NOT NULL AND state IN (0, 4, 5) FOR NO KEY UPDATE");

/* $4 run_at, $5 now, $6 payload */
static const struct db_sql move_sql =
    DB_SQL("UPDATE jobs SET payload = $6, updated_at = $5,"
           " run_at = CASE WHEN no_later > 0 AND no_later < $4 THEN no_later ELSE $4 END,"
           " state = CASE WHEN state = 5 THEN 5 WHEN $4 <= $5 THEN 0"
           "  WHEN no_later > 0 AND no_later <= $5 THEN 0 ELSE 4 END"
           " WHERE tenant_id = $1 AND kind = $2 AND key = $3 AND key IS NOT NULL"
           " AND state IN (0, 4, 5) RETURNING id");

static const struct db_sql find_key_sql =
    DB_SQL("SELECT id, lane FROM jobs WHERE tenant_id = $1 AND kind = $2 AND key = $3"
           " AND key IS NOT NULL AND state IN (0, 4, 5)");

static const struct db_sql delete_waiting_sql =
    DB_SQL("DELETE FROM jobs WHERE tenant_id = $1 AND id = $2 AND state IN (0, 4, 5)");

/* $1 tenant, $2 id, $3 token */
static const struct db_sql fence_sql =
    DB_SQL2("SELECT state FROM jobs WHERE tenant_id = $1 AND id = $2 AND token = $3",
            "SELECT state FROM jobs WHERE tenant_id = $1 AND id = $2 AND token = $3"
            " FOR NO KEY UPDATE");

/* --- putting ---------------------------------------------------------------------------------- */

static void notify_committed(void *arg) {
    struct db *db = arg;

    db_notify(db, QUEUE_CHANNEL);
}

static bool is_priority(enum queue_priority priority) {
    for (size_t i = 0; i < STORE_PRIORITIES; i++)
        if (store_priorities[i] == priority)
            return true;
    return false;
}

static enum status check_put(struct tx *tx, const struct job_put *put, struct err *e) {
    struct db_scope scope = tx_scope(tx);

    if (!put->kind || put->kind[0] == '\0')
        FAIL(e, ST_INVALID, "could not put a job: it has no kind");
    if (!is_priority(put->priority))
        FAIL(e, ST_INVALID, "could not put job \"%s\": no such priority", put->kind);
    if (put->lane.len > STORE_LANE_BYTES || put->key.len > STORE_LANE_BYTES)
        FAIL(e, ST_INVALID, "could not put job \"%s\": lane or key longer than %d bytes", put->kind,
             STORE_LANE_BYTES);
    if (put->payload.len > STORE_PAYLOAD_BYTES)
        FAIL(e, ST_INVALID, "could not put job \"%s\": payload larger than %d bytes", put->kind,
             STORE_PAYLOAD_BYTES);
    if (!scope.is_system && !uuid_eq(scope.tenant.v, put->tenant.v))
        FAIL(e, ST_DENIED, "could not put job \"%s\": it belongs to another tenant", put->kind);
    return ST_OK;
}

static int64_t start_of(const struct job_put *put, int64_t now_ms) {
    int64_t at = put->run_at_ms > 0 ? put->run_at_ms : now_ms;

    return put->no_later_ms > 0 && put->no_later_ms < at ? put->no_later_ms : at;
}

static void put_values(const struct job_put *put, struct job_id id, int64_t now_ms,
                       struct db_val vals[static PUT_COLUMNS]) {
    vals[0] = V_UUID(put->tenant.v);
    vals[1] = V_UUID(id.v);
    vals[2] = V_TEXT(str_of(put->kind));
    vals[3] = V_TEXT_OPT(put->lane);
    vals[4] = V_TEXT_OPT(put->key);
    vals[5] = V_I64(put->priority);
    vals[6] = V_I64(start_of(put, now_ms));
    vals[7] = V_I64(put->no_later_ms);
    vals[8] = V_I64(now_ms);
    vals[9] = V_TEXT(put->payload);
}

/* Looks for a waiting job with put's key, keeps or moves it, and holds its row. */
static enum status coalesce(struct arena *a, struct tx *tx, const struct job_put *put,
                            int64_t now_ms, bool *ret_found, struct job_id *ret_id, struct err *e) {
    struct db_val tenant = V_UUID(put->tenant.v);
    struct db_val kind = V_TEXT(str_of(put->kind));
    struct db_rows rows;

    switch (put->coalesce) {
    case QUEUE_KEEP:
        TRY(DB_QUERY(a, tx, keep_sql, &rows, e, tenant, kind, V_TEXT(put->key)));
        break;
    case QUEUE_MOVE:
        TRY(DB_QUERY(a, tx, move_sql, &rows, e, tenant, kind, V_TEXT(put->key),
                     V_I64(put->run_at_ms > 0 ? put->run_at_ms : now_ms), V_I64(now_ms),
                     V_TEXT(put->payload)));
        break;
    }
    *ret_found = rows.n > 0;
    if (rows.n > 0)
        *ret_id = (struct job_id){db_uuid(&rows, 0, 0)};
    return ST_OK;
}

/* A reply must not wait for the bulk message before it to come up among all others' bulk: those in
 * front of it in the lane become as urgent as it is. */
static enum status raise_lane(struct tx *tx, const struct job_put *put, struct err *e) {
    struct db_val tenant = V_UUID(put->tenant.v);

    TRY(DB_EXEC(tx, raise_head_sql, NULL, e, tenant, V_TEXT(put->lane), V_I64(put->priority)));
    return DB_EXEC(tx, raise_behind_sql, NULL, e, tenant, V_TEXT(put->lane), V_I64(put->priority));
}

static enum status try_put(struct arena *a, struct tx *tx, const struct job_put *put,
                           bool *ret_is_put, struct job_id *ret_id, struct err *e) {
    int64_t now_ms = clock_now_ms();
    struct db_val vals[PUT_COLUMNS];
    struct job_id id = {uuid_new()};
    bool is_found = false;
    struct db_rows rows;

    *ret_is_put = true;
    if (put->key.len > 0)
        TRY(coalesce(a, tx, put, now_ms, &is_found, ret_id, e));
    if (is_found)
        return ST_OK;
    put_values(put, id, now_ms, vals);
    TRY(db_query_vals(a, tx, insert_one_sql, vals, PUT_COLUMNS, 0, &rows, e));
    *ret_is_put = rows.n == 1;
    *ret_id = id;
    if (rows.n == 0 || db_i64(&rows, 0, 0) != STATE_BEHIND || put->priority >= QUEUE_BULK)
        return ST_OK;
    return raise_lane(tx, put, e);
}

enum status queue_put(struct tx *tx, struct job_put put, struct job_id *ret_id, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct job_id id = {0};
    bool is_put = false;

    TRY(check_put(tx, &put, e));
    for (int turn = 0; turn < MAX_TURNS && !is_put; turn++)
        TRY(try_put(&a, tx, &put, &is_put, &id, e));
    if (!is_put)
        FAIL(e, ST_UNAVAILABLE, "could not put job \"%s\": its lane or key kept changing",
             put.kind);
    tx_after_commit(tx, notify_committed, tx_db(tx));
    if (ret_id)
        *ret_id = id;
    return ST_OK;
}

/* --- many at once ----------------------------------------------------------------------------- */

struct chunk {
    const struct job_put *puts;
    size_t n;
    bool has_lane;
};

static enum status insert_chunk(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct chunk *chunk = ctx;
    struct db_val *vals = arena_array_of(&a, chunk->n * PUT_COLUMNS, struct db_val);
    int64_t now_ms = clock_now_ms();
    int64_t n;

    for (size_t i = 0; i < chunk->n; i++)
        put_values(&chunk->puts[i], (struct job_id){uuid_new()}, now_ms, vals + i * PUT_COLUMNS);
    TRY(db_exec_rows(tx, insert_many_sql, vals, chunk->n, PUT_COLUMNS, &n, e));
    if (n != (int64_t)chunk->n)
        FAIL(e, ST_CONFLICT, "could not put jobs: the head of a lane changed");
    return ST_OK;
}

/* A chunk with lanes is put whole or not at all: putting again only what met another's head would
 * break its order. */
static enum status put_chunk(struct tx *tx, struct chunk chunk, struct err *e) {
    enum status st = ST_CONFLICT;

    if (!chunk.has_lane)
        return insert_chunk(tx, &chunk, e);
    for (int turn = 0; turn < MAX_TURNS && st == ST_CONFLICT; turn++) {
        struct err cause = ERR_INIT;

        st = tx_nested(tx, insert_chunk, &chunk, &cause);
        if (st != ST_OK && st != ST_CONFLICT)
            *e = cause;
    }
    if (st == ST_CONFLICT)
        FAIL(e, ST_UNAVAILABLE, "could not put jobs: their lanes kept changing");
    return st;
}

enum status queue_put_many(struct tx *tx, const struct job_put *puts, size_t n, struct err *e) {
    for (size_t i = 0; i < n; i++) {
        TRY(check_put(tx, &puts[i], e));
        if (puts[i].key.len > 0)
            FAIL(e, ST_INVALID, "could not put jobs \"%s\": many at once have no key",
                 puts[i].kind);
    }
    for (size_t from = 0; from < n; from += PUT_CHUNK) {
        struct chunk chunk = {.puts = puts + from};

        chunk.n = n - from < PUT_CHUNK ? n - from : PUT_CHUNK;
        for (size_t i = 0; i < chunk.n && !chunk.has_lane; i++)
            chunk.has_lane = chunk.puts[i].lane.len > 0;
        TRY(put_chunk(tx, chunk, e));
    }
    if (n > 0)
        tx_after_commit(tx, notify_committed, tx_db(tx));
    return ST_OK;
}

/* --- out again -------------------------------------------------------------------------------- */

enum status queue_cancel(struct tx *tx, struct tenant_id tenant, const char *kind, struct str key,
                         struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct store_lane lane = {.tenant = tenant};
    struct db_rows rows;
    int64_t n, moved;

    TRY(DB_QUERY(&a, tx, find_key_sql, &rows, e, V_UUID(tenant.v), V_TEXT(str_of(kind)),
                 V_TEXT(key)));
    if (rows.n == 0)
        return ST_OK;
    lane.name = db_text(&rows, 0, 1);
    if (lane.name.len > 0)
        TRY(store_hold_lane(&a, tx, lane, e));
    TRY(DB_EXEC(tx, delete_waiting_sql, &n, e, V_UUID(tenant.v), V_UUID(db_uuid(&rows, 0, 0))));
    if (n == 0 || lane.name.len == 0)
        return ST_OK;
    TRY(store_move_lanes(tx, &lane, 1, clock_now_ms(), &moved, e));
    if (moved > 0)
        tx_after_commit(tx, notify_committed, tx_db(tx));
    return ST_OK;
}

enum status queue_fence(struct tx *tx, const struct job *job, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_scope scope = tx_scope(tx);
    struct db_rows rows;

    /* Row-level security would hide the job, which looks like a lost lease. */
    if (!scope.is_system && !uuid_eq(scope.tenant.v, job->tenant.v))
        FAIL(e, ST_BROKEN, "could not fence a job: the transaction is another tenant's");
    TRY(DB_QUERY(&a, tx, fence_sql, &rows, e, V_UUID(job->tenant.v), V_UUID(job->id.v),
                 V_I64(job->token)));
    if (rows.n == 0 || db_i64(&rows, 0, 0) != STATE_RUNNING) {
        if (e)
            e->cause = "lease-lost";
        FAIL(e, ST_CONFLICT, "could not go on with a job: its lease was lost");
    }
    return ST_OK;
}
