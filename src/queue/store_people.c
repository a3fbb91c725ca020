/* store_people.c - what people see of the queue and may do to it: lists, groups, depth, replay,
 * discard. A nil tenant is the operator, who sees everybody's jobs (in the system's scope).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "queue/store.h"

enum {
    MAX_LIST = 500,
    MAX_GROUPS = 1000,
    MAX_TURNS = 64,
    REPLAY_CHUNK = 500,
};

/* $1 tenant, $2 every tenant, $3 kind or NULL, $4 before (an id) or NULL, $5 limit, $6 cause or NULL */
#define LIST_SQL(states)                                                                           \
    "SELECT id, tenant_id, kind, lane, key, payload, cause, reason, state, attempts, run_at,"      \
    " created_at, updated_at FROM jobs WHERE " states                                              \
    " AND ($2 = 1 OR tenant_id = $1) AND ($3::text IS NULL OR kind = $3)"                          \
    " AND ($6::text IS NULL OR cause = $6)"                                                        \
    " AND ($4::uuid IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
static const struct db_sql list_all_sql = DB_SQL(LIST_SQL("state >= 0"));
static const struct db_sql list_ready_sql = DB_SQL(LIST_SQL("state IN (0, 4, 5)"));
static const struct db_sql list_running_sql = DB_SQL(LIST_SQL("state = 1"));
static const struct db_sql list_parked_sql = DB_SQL(LIST_SQL("state IN (2, 3) AND state = 2"));
static const struct db_sql list_kept_sql = DB_SQL(LIST_SQL("state IN (2, 3)"));
static const struct db_sql list_dead_sql = DB_SQL(LIST_SQL("state IN (2, 3) AND state = 3"));

/* What is not through yet, each part from the index that knows it. $1 tenant, $2 lane, $3 limit */
#define LANE_SQL(states)                                                                           \
    "SELECT id, tenant_id, kind, lane, key, payload, cause, reason, state, attempts, run_at,"      \
    " created_at, updated_at FROM jobs WHERE tenant_id = $1 AND lane = $2 AND " states
static const struct db_sql list_lane_sql = DB_SQL(
    "SELECT * FROM (" LANE_SQL("lane IS NOT NULL AND state IN (0, 1, 4)") " UNION ALL " LANE_SQL(
        "state = 5") " UNION ALL " LANE_SQL("state IN (2, 3)") ") AS l ORDER BY id LIMIT $3");

/* $1 tenant, $2 every tenant, $3 limit */
static const struct db_sql groups_sql = DB_SQL(
    "SELECT kind, cause, state, count(*), min(updated_at), max(reason), max(updated_at) FROM jobs"
    " WHERE state IN (2, 3) AND ($2 = 1 OR tenant_id = $1)"
    " GROUP BY kind, cause, state ORDER BY count(*) DESC, kind, cause, state LIMIT $3");

/* Each part from the smallest index that knows it; what could be claimed now counts as state 0.
 * $1 tenant, $2 every tenant, $3 now */
#define WHOSE " AND ($2 = 1 OR tenant_id = $1)"
static const struct db_sql depth_sql = DB_SQL(
    "SELECT 0, count(*), min(run_at) FROM jobs WHERE state = 0" WHOSE
    " UNION ALL SELECT 0, count(*), min(run_at) FROM jobs WHERE state = 4 AND run_at <= $3" WHOSE
    " UNION ALL SELECT 4, count(*), NULL FROM jobs WHERE state = 4 AND run_at > $3" WHOSE
    " UNION ALL SELECT 5, count(*), NULL FROM jobs WHERE state = 5" WHOSE
    " UNION ALL SELECT 1, count(*), NULL FROM jobs WHERE state = 1" WHOSE
    " UNION ALL SELECT 2, count(*), NULL FROM jobs WHERE state IN (2, 3) AND state = 2" WHOSE
    " UNION ALL SELECT 3, count(*), NULL FROM jobs WHERE state IN (2, 3) AND state = 3" WHOSE);

/* $1 tenant, $2 every tenant, $3 id or NULL, $4 kind or NULL, $5 cause or NULL, $6 after (an id),
 * $7 limit */
#define KEPT_SQL                                                                                   \
    "SELECT tenant_id, id, kind, lane, key FROM jobs WHERE state IN (2, 3)"                        \
    " AND ($2 = 1 OR tenant_id = $1) AND ($3::uuid IS NULL OR id = $3)"                            \
    " AND ($4::text IS NULL OR kind = $4) AND ($5::text IS NULL OR cause = $5) AND id > $6"        \
    " ORDER BY id LIMIT $7"
static const struct db_sql kept_sql = DB_SQL2(KEPT_SQL, KEPT_SQL " FOR UPDATE");

/* $1 tenant, $2 id, $3 now. A job of a lane first lines up; it moves to the head if there is none.
 * */
static const struct db_sql replay_sql = DB_SQL2(
    "UPDATE jobs SET state = CASE WHEN lane IS NULL THEN 0 ELSE 5 END, attempts = 0, run_at = $3,"
    " no_later = 0, updated_at = $3 WHERE tenant_id = $1 AND id = $2 AND state IN (2, 3)",
    "UPDATE jobs j SET state = CASE WHEN lane IS NULL THEN 0 ELSE 5 END, attempts = 0,"
    " run_at = p.now, no_later = 0, updated_at = p.now"
    " FROM (SELECT v.now, k.at FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])"
    "   AS v(tenant_id, id, now) CROSS JOIN LATERAL (SELECT h.ctid AS at, h.state FROM jobs h"
    "   WHERE h.tenant_id = v.tenant_id AND h.id = v.id LIMIT 1) k WHERE k.state IN (2, 3)) p"
    " WHERE j.ctid = p.at");

/* $1 tenant, $2 kind, $3 key */
static const struct db_sql has_waiting_sql =
    DB_SQL("SELECT 1 FROM jobs WHERE tenant_id = $1 AND kind = $2 AND key = $3"
           " AND key IS NOT NULL AND state IN (0, 4, 5)");

/* $1 tenant, $2 every tenant, $3 id */
static const struct db_sql find_sql =
    DB_SQL("SELECT tenant_id, state, lane FROM jobs WHERE ($2 = 1 OR tenant_id = $1) AND id = $3");

/* $1 tenant, $2 id */
static const struct db_sql delete_sql =
    DB_SQL("DELETE FROM jobs WHERE tenant_id = $1 AND id = $2 AND state <> 1");

/* --- seeing ----------------------------------------------------------------------------------- */

static struct db_val is_everybody(struct tenant_id tenant) {
    return V_I64(uuid_is_nil(tenant.v) ? 1 : 0);
}

static struct db_sql list_sql(const struct job_query *query) {
    if (query->is_kept)
        return list_kept_sql;
    if (!query->has_state)
        return list_all_sql;
    switch (query->state) {
    case JOB_READY:
        return list_ready_sql;
    case JOB_RUNNING:
        return list_running_sql;
    case JOB_PARKED:
        return list_parked_sql;
    case JOB_DEAD:
        return list_dead_sql;
    }
    return list_all_sql;
}

static enum job_state state_for_people(int64_t state) {
    return state == STATE_LATER || state == STATE_BEHIND ? JOB_READY : (enum job_state)state;
}

static struct job_row job_row(const struct db_rows *rows, size_t i) {
    return (struct job_row){
        .id = {db_uuid(rows, i, 0)},
        .tenant = {db_uuid(rows, i, 1)},
        .kind = db_text(rows, i, 2),
        .lane = db_text(rows, i, 3),
        .key = db_text(rows, i, 4),
        .payload = db_text(rows, i, 5),
        .cause = db_text(rows, i, 6),
        .reason = db_text(rows, i, 7),
        .state = state_for_people(db_i64(rows, i, 8)),
        .attempts = (int32_t)db_i64(rows, i, 9),
        .run_at_ms = db_i64(rows, i, 10),
        .created_at_ms = db_i64(rows, i, 11),
        .updated_at_ms = db_i64(rows, i, 12),
    };
}

static void job_rows(struct arena *a, const struct db_rows *rows, struct job_row **ret,
                     size_t *ret_n) {
    *ret = arena_array_of(a, rows->n + 1, struct job_row);
    *ret_n = rows->n;
    for (size_t i = 0; i < rows->n; i++)
        (*ret)[i] = job_row(rows, i);
}

enum status queue_list(struct arena *a, struct tx *tx, struct job_query query, struct job_row **ret,
                       size_t *ret_n, struct err *e) {
    size_t limit = query.limit > 0 && query.limit < MAX_LIST ? query.limit : MAX_LIST;
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, list_sql(&query), &rows, e, V_UUID(query.tenant.v),
                 is_everybody(query.tenant), V_TEXT_OPT(str_of(query.kind)),
                 V_UUID_OPT(query.after.v), V_I64((int64_t)limit),
                 V_TEXT_OPT(str_of(query.cause))));
    job_rows(a, &rows, ret, ret_n);
    return ST_OK;
}

enum status queue_list_lane(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct str lane, struct job_row **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, list_lane_sql, &rows, e, V_UUID(tenant.v), V_TEXT(lane), V_I64(MAX_LIST)));
    job_rows(a, &rows, ret, ret_n);
    return ST_OK;
}

enum status queue_groups(struct arena *a, struct tx *tx, struct tenant_id tenant,
                         struct job_group **ret, size_t *ret_n, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, groups_sql, &rows, e, V_UUID(tenant.v), is_everybody(tenant),
                 V_I64(MAX_GROUPS)));
    *ret = arena_array_of(a, rows.n + 1, struct job_group);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        (*ret)[i] = (struct job_group){
            .kind = db_text(&rows, i, 0),
            .cause = db_text(&rows, i, 1),
            .state = (enum job_state)db_i64(&rows, i, 2),
            .n = db_i64(&rows, i, 3),
            .oldest_ms = db_i64(&rows, i, 4),
            .sample_reason = db_text(&rows, i, 5),
            .newest_ms = db_i64(&rows, i, 6),
        };
    return ST_OK;
}

static void add_due(struct queue_depth *depth, int64_t n, int64_t oldest_ms) {
    depth->ready += n;
    depth->due += n;
    if (n > 0 && (depth->oldest_due_ms == 0 || oldest_ms < depth->oldest_due_ms))
        depth->oldest_due_ms = oldest_ms;
}

static void add_depth(struct queue_depth *depth, int64_t state, int64_t n, int64_t oldest_ms) {
    switch (state) {
    case STATE_READY:
        add_due(depth, n, oldest_ms);
        break;
    case STATE_LATER:
    case STATE_BEHIND:
        depth->ready += n;
        break;
    case STATE_RUNNING:
        depth->running += n;
        break;
    case STATE_PARKED:
        depth->parked += n;
        break;
    case STATE_DEAD:
        depth->dead += n;
        break;
    default:
        break;
    }
}

enum status queue_depth(struct tx *tx, struct tenant_id tenant, struct queue_depth *ret,
                        struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows rows;

    TRY(DB_QUERY(&a, tx, depth_sql, &rows, e, V_UUID(tenant.v), is_everybody(tenant),
                 V_I64(clock_now_ms())));
    *ret = (struct queue_depth){0};
    for (size_t i = 0; i < rows.n; i++)
        add_depth(ret, db_i64(&rows, i, 0), db_i64(&rows, i, 1), db_i64(&rows, i, 2));
    return ST_OK;
}

/* --- replaying -------------------------------------------------------------------------------- */

struct replay {
    struct tenant_id tenant;
    struct job_id id;
    struct str kind;
    struct str cause;
    struct uuid after; /* where the next chunk begins */
    size_t chunk;      /* the most of one */
    size_t n;          /* of the last chunk */
};

static void notify_committed(void *arg) {
    struct db *db = arg;

    db_notify(db, QUEUE_CHANNEL);
}

static enum status make_ready(struct tx *tx, struct tenant_id tenant, struct uuid id,
                              int64_t now_ms, struct err *e) {
    const struct db_val vals[] = {V_UUID(tenant.v), V_UUID(id), V_I64(now_ms)};

    return db_exec_rows(tx, replay_sql, vals, 1, ARRAY_LEN(vals), NULL, e);
}

/* Of jobs with one key one waits: a replayed one gives way to that which waits already. */
static enum status replay_row(struct arena *a, struct tx *tx, const struct db_rows *rows, size_t i,
                              int64_t now_ms, struct err *e) {
    struct tenant_id tenant = {db_uuid(rows, i, 0)};
    struct str key = db_text(rows, i, 4);
    struct db_rows waiting = {0};

    if (key.len > 0)
        TRY(DB_QUERY(a, tx, has_waiting_sql, &waiting, e, V_UUID(tenant.v),
                     V_TEXT(db_text(rows, i, 2)), V_TEXT(key)));
    if (waiting.n > 0)
        return DB_EXEC(tx, delete_sql, NULL, e, V_UUID(tenant.v), V_UUID(db_uuid(rows, i, 1)));
    return make_ready(tx, tenant, db_uuid(rows, i, 1), now_ms, e);
}

/* Those with neither lane nor key, all at once. */
static enum status replay_plain(struct arena *a, struct tx *tx, const struct db_rows *rows,
                                int64_t now_ms, struct err *e) {
    enum { COLUMNS = 3 };
    struct db_val *vals = arena_array_of(a, (rows->n + 1) * COLUMNS, struct db_val);
    size_t n = 0;

    for (size_t i = 0; i < rows->n; i++) {
        if (!db_is_null(rows, i, 3) || !db_is_null(rows, i, 4))
            continue;
        vals[n * COLUMNS] = V_UUID(db_uuid(rows, i, 0));
        vals[n * COLUMNS + 1] = V_UUID(db_uuid(rows, i, 1));
        vals[n * COLUMNS + 2] = V_I64(now_ms);
        n++;
    }
    return n > 0 ? db_exec_rows(tx, replay_sql, vals, n, COLUMNS, NULL, e) : ST_OK;
}

static enum status replay_special(struct arena *a, struct tx *tx, const struct db_rows *rows,
                                  int64_t now_ms, struct err *e) {
    for (size_t i = 0; i < rows->n; i++) {
        struct store_lane lane = {{db_uuid(rows, i, 0)}, db_text(rows, i, 3)};
        int64_t moved;

        if (lane.name.len == 0 && db_is_null(rows, i, 4))
            continue;
        if (lane.name.len > 0)
            TRY(store_hold_lane(a, tx, lane, e));
        TRY(replay_row(a, tx, rows, i, now_ms, e));
        if (lane.name.len > 0)
            TRY(store_move_lanes(tx, &lane, 1, now_ms, &moved, e));
    }
    return ST_OK;
}

static enum status replay_chunk(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct replay *r = ctx;
    int64_t now_ms = clock_now_ms();
    struct db_rows rows;

    TRY(DB_QUERY(&a, tx, kept_sql, &rows, e, V_UUID(r->tenant.v), is_everybody(r->tenant),
                 V_UUID_OPT(r->id.v), V_TEXT_OPT(r->kind), V_TEXT_OPT(r->cause), V_UUID(r->after),
                 V_I64((int64_t)r->chunk)));
    TRY(replay_plain(&a, tx, &rows, now_ms, e));
    TRY(replay_special(&a, tx, &rows, now_ms, e));
    r->n = rows.n;
    if (rows.n > 0)
        r->after = db_uuid(&rows, rows.n - 1, 1);
    return ST_OK;
}

/* A put that came in between with one of the keys or lanes makes the chunk start over. */
static enum status replay_next(struct tx *tx, struct replay *r, struct err *e) {
    enum status st = ST_CONFLICT;

    for (int turn = 0; turn < MAX_TURNS && st == ST_CONFLICT; turn++) {
        err_clear(e);
        st = tx_nested(tx, replay_chunk, r, e);
    }
    return st;
}

enum status queue_replay(struct tx *tx, struct tenant_id tenant, struct job_id id, const char *kind,
                         const char *cause, int64_t *ret_n, struct err *e) {
    struct replay r = {.tenant = tenant,
                       .id = id,
                       .kind = str_of(kind),
                       .cause = str_of(cause),
                       .chunk = REPLAY_CHUNK,
                       .n = REPLAY_CHUNK};
    int64_t n = 0;

    while (r.n == REPLAY_CHUNK) {
        TRY(replay_next(tx, &r, e));
        n += (int64_t)r.n;
    }
    if (n > 0)
        tx_after_commit(tx, notify_committed, tx_db(tx));
    *ret_n = n;
    return ST_OK;
}

enum status queue_replay_some(struct tx *tx, const struct job_query *query, struct job_id *ret_last,
                              size_t *ret_n, struct err *e) {
    struct replay r = {.tenant = query->tenant,
                       .kind = str_of(query->kind),
                       .cause = str_of(query->cause),
                       .after = query->after.v,
                       .chunk = query->limit < REPLAY_CHUNK ? query->limit : REPLAY_CHUNK};

    TRY(replay_next(tx, &r, e));
    if (r.n > 0)
        tx_after_commit(tx, notify_committed, tx_db(tx));
    ret_last->v = r.after;
    *ret_n = r.n;
    return ST_OK;
}

/* --- discarding ------------------------------------------------------------------------------- */

enum status queue_discard(struct tx *tx, struct tenant_id tenant, struct job_id id, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct store_lane lane;
    struct db_rows rows;
    int64_t n;

    TRY(DB_QUERY(&a, tx, find_sql, &rows, e, V_UUID(tenant.v), is_everybody(tenant), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "could not discard a job: there is none with this id");
    lane = (struct store_lane){{db_uuid(&rows, 0, 0)}, db_text(&rows, 0, 2)};
    if (lane.name.len > 0)
        TRY(store_hold_lane(&a, tx, lane, e));
    TRY(DB_EXEC(tx, delete_sql, &n, e, V_UUID(lane.tenant.v), V_UUID(id.v)));
    if (n == 0)
        FAIL(e, ST_CONFLICT, "could not discard a job: it is running");
    if (lane.name.len > 0)
        TRY(store_move_lanes(tx, &lane, 1, clock_now_ms(), &n, e));
    tx_after_commit(tx, notify_committed, tx_db(tx));
    return ST_OK;
}
