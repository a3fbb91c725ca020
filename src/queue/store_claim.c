/* store_claim.c - finding and claiming due jobs, and keeping the claims.
 *
 * A claim must stay quick whoever waits: it asks which priorities have ready jobs, walks over the
 * tenants that have some (one index probe each, however long their queues are) and takes a few of
 * each. Which ones and how many is decided in claim.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/store.h"

#include <assert.h>

#include "base/buf.h"

enum { JOB_COLUMNS = 12, LIST_BYTES = 64 * STORE_TENANTS };

/* Plans: a table that is small or empty when a statement is first planned would be read whole by it
 * ever after; compiling a plan takes longer than any of these runs; and since each statement has
 * but one index to use, a plan made for any values is as good as one made anew for these. */
#define TUNE                                                                                       \
    "SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),"            \
    " set_config('plan_cache_mode', 'force_generic_plan', true)"
static const struct db_sql tune_sql = DB_SQL(TUNE);
static const struct db_sql tune_lose_sql =
    DB_SQL(TUNE ", set_config('synchronous_commit', 'off', true)");

/* $1 … $4: taken as present; ($5, $6): where to look on for those of state 4. */
#define PRESENT(known, priority)                                                                   \
    " CASE WHEN " known                                                                            \
    " = 1 THEN 1 ELSE (SELECT 1 FROM jobs WHERE state = 0 AND priority = " priority                \
    "  LIMIT 1) END"
static const struct db_sql peek_sql =
    DB_SQL("SELECT" PRESENT("$1", "0") "," PRESENT("$2", "10") "," PRESENT("$3", "20") "," PRESENT(
        "$4", "30") ","
                    " (SELECT run_at FROM jobs WHERE state = 4 AND (run_at, seq) > ($5, $6)"
                    "  ORDER BY run_at, seq LIMIT 1)");

/* $1 now, ($2, $3) after, $4 max */
static const struct db_sql wake_later_sql = DB_SQL2(
    "UPDATE jobs SET state = 0 WHERE seq IN (SELECT seq FROM jobs WHERE state = 4 AND run_at <= $1"
    " AND (run_at, seq) > ($2, $3) ORDER BY run_at, seq LIMIT $4) RETURNING run_at, seq",
    "UPDATE jobs j SET state = 0 FROM (SELECT ctid AS at FROM jobs WHERE state = 4 AND run_at <= $1"
    "  AND (run_at, seq) > ($2, $3) ORDER BY run_at, seq LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED) p"
    " WHERE j.ctid = p.at RETURNING j.run_at, j.seq");

/* $1 priority, $2 from, $3 max, $4 hot tenants by comma (PostgreSQL), which are yielded unprobed.
 * SQLite: one equality and one strict bound, because it would walk through a row-value comparison's
 * equal prefix. PostgreSQL: the bound is a plain column of a subquery that stays one (OFFSET 0);
 * as an expression row-level security would keep it out of the index condition. */
#define NEXT_HOT(op, from)                                                                         \
    " (SELECT h.tenant_id AS hot, coalesce(h.tenant_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')"   \
    "   AS upto FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT tenant_id FROM hot"                  \
    "   WHERE tenant_id " op " " from " ORDER BY tenant_id LIMIT 1) h ON true OFFSET 0) next"
#define NEXT_TENANT(op, from)                                                                      \
    " coalesce((SELECT j.tenant_id FROM jobs j WHERE j.state = 0 AND j.priority = $1"              \
    "  AND j.tenant_id " op " " from " AND j.tenant_id < next.upto"                                \
    "  ORDER BY j.tenant_id LIMIT 1), next.hot)"
static const struct db_sql walk_sql = DB_SQL2(
    "WITH RECURSIVE walk(tenant_id) AS ("
    " SELECT (SELECT tenant_id FROM jobs WHERE state = 0 AND priority = $1 AND tenant_id >= $2"
    "  ORDER BY tenant_id LIMIT 1)"
    " UNION ALL"
    " SELECT (SELECT j.tenant_id FROM jobs j WHERE j.state = 0 AND j.priority = $1"
    "  AND j.tenant_id > w.tenant_id ORDER BY j.tenant_id LIMIT 1)"
    "  FROM walk w WHERE w.tenant_id IS NOT NULL LIMIT $3)"
    " SELECT tenant_id FROM walk WHERE tenant_id IS NOT NULL",
    "WITH RECURSIVE hot(tenant_id) AS MATERIALIZED ("
    " SELECT unnest(string_to_array($4, ',')::uuid[])),"
    " walk(tenant_id) AS ("
    " SELECT" NEXT_TENANT(">=", "$2") " FROM" NEXT_HOT(
        ">=",
        "$2") " UNION ALL"
              " SELECT" NEXT_TENANT(">", "w.tenant_id") " FROM walk w CROSS JOIN LATERAL" NEXT_HOT(
                  ">",
                  "w.tenant_id") " WHERE w.tenant_id IS NOT NULL)"
                                 " SELECT tenant_id FROM walk WHERE tenant_id IS NOT NULL LIMIT $3");

/* $1 lease_until, $2 now, $3 worker, $4 salt, $5 priority; SQLite, once per tenant: $6 tenant, $7
 * max; PostgreSQL: $6 tenants, $7 their shares, $8 and $9 their marks, each by comma. */
#define CLAIM_SET                                                                                  \
    "SET state = 1, attempts = attempts + 1, token = (((token >> 20) + 1) << 20) + $4::bigint,"    \
    " lease_until = $1, updated_at = $2, worker = $3"
static const struct db_sql claim_sql = DB_SQL2(
    "UPDATE jobs " CLAIM_SET
    " WHERE seq IN (SELECT seq FROM jobs WHERE state = 0 AND priority = $5 AND tenant_id = $6"
    "  ORDER BY run_at, seq LIMIT $7)"
    " RETURNING id, tenant_id, kind, lane, key, payload, token, attempts, run_at, created_at,"
    " priority, seq",
    "UPDATE jobs j " CLAIM_SET " FROM (SELECT c.at FROM"
    "  unnest(string_to_array($6, ',')::uuid[], string_to_array($7, ',')::bigint[],"
    "   string_to_array($8, ',')::bigint[], string_to_array($9, ',')::bigint[])"
    "   AS t(tenant_id, share, run_at, seq)"
    "  CROSS JOIN LATERAL (SELECT k.ctid AS at FROM jobs k WHERE k.state = 0"
    "   AND k.priority = $5 AND k.tenant_id = t.tenant_id AND (k.run_at, k.seq) > (t.run_at, t.seq)"
    "   ORDER BY k.run_at, k.seq LIMIT t.share FOR NO KEY UPDATE SKIP LOCKED) c) p"
    " WHERE j.ctid = p.at"
    " RETURNING j.id, j.tenant_id, j.kind, j.lane, j.key, j.payload, j.token, j.attempts,"
    " j.run_at, j.created_at, j.priority, j.seq");

/* $1 tenant, $2 id, $3 token, $4 now, $5 lease_until */
static const struct db_sql prolong_sql =
    DB_SQL2("UPDATE jobs SET lease_until = $5, updated_at = $4"
            " WHERE tenant_id = $1 AND id = $2 AND token = $3 AND state = 1",
            "UPDATE jobs j SET lease_until = p.lease_until, updated_at = p.now FROM"
            " (SELECT v.*, k.at FROM"
            "   unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])"
            "   AS v(tenant_id, id, token, now, lease_until)" STORE_LOCK_HELD(
                "NO KEY UPDATE") ") p"
                                 " WHERE j.ctid = p.at");

static const struct db_sql is_held_sql =
    DB_SQL("SELECT state FROM jobs WHERE tenant_id = $1 AND id = $2 AND token = $3");

/* --- finding ---------------------------------------------------------------------------------- */

enum status store_tune(struct tx *tx, bool may_lose, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows rows;

    if (tx_engine(tx) == DB_SQLITE)
        return ST_OK;
    return DB_QUERY(&a, tx, may_lose ? tune_lose_sql : tune_sql, &rows, e);
}

enum status store_peek(struct tx *tx, const bool known[static STORE_PRIORITIES],
                       struct store_mark later, struct store_peek *ret, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows rows;

    TRY(DB_QUERY(&a, tx, peek_sql, &rows, e, V_I64(known[0]), V_I64(known[1]), V_I64(known[2]),
                 V_I64(known[3]), V_I64(later.run_at_ms), V_I64(later.seq)));
    for (size_t i = 0; i < STORE_PRIORITIES; i++)
        ret->is_present[i] = !db_is_null(&rows, 0, i);
    ret->has_later = !db_is_null(&rows, 0, STORE_PRIORITIES);
    ret->later_at_ms = db_i64(&rows, 0, STORE_PRIORITIES);
    return ST_OK;
}

static bool mark_is_before(struct store_mark a, struct store_mark b) {
    return a.run_at_ms < b.run_at_ms || (a.run_at_ms == b.run_at_ms && a.seq < b.seq);
}

enum status store_wake_later(struct arena *a, struct tx *tx, int64_t now_ms,
                             struct store_mark after, struct store_woken *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, wake_later_sql, &rows, e, V_I64(now_ms), V_I64(after.run_at_ms),
                 V_I64(after.seq), V_I64(STORE_BATCH)));
    *ret = (struct store_woken){.n = rows.n, .last = after};
    for (size_t i = 0; i < rows.n; i++) {
        struct store_mark mark = {db_i64(&rows, i, 0), db_i64(&rows, i, 1)};

        if (mark_is_before(ret->last, mark))
            ret->last = mark;
    }
    return ST_OK;
}

static void add_uuid(struct buf *list, struct uuid u) {
    char text[UUID_TEXT_BYTES];

    uuid_format_to(u, text);
    if (list->len > 0)
        buf_add_char(list, ',');
    buf_add(list, (struct str){text, sizeof(text)});
}

static void add_number(struct buf *list, int64_t n) {
    if (list->len > 0)
        buf_add_char(list, ',');
    buf_add_i64(list, n);
}

enum status store_walk(struct arena *a, struct tx *tx, struct store_walk walk,
                       struct tenant_id *ret, size_t *ret_n, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf hot = {0};
    struct db_rows rows;

    buf_init(&hot, LIST_BYTES);
    for (size_t i = 0; i < walk.n_hot; i++)
        add_uuid(&hot, walk.hot[i].v);
    assert(!hot.overflown);
    TRY(DB_QUERY(a, tx, walk_sql, &rows, e, V_I64(walk.priority), V_UUID(walk.from.v),
                 V_I64((int64_t)walk.max), V_TEXT(buf_str(&hot))));
    for (size_t i = 0; i < rows.n; i++)
        ret[i] = (struct tenant_id){db_uuid(&rows, i, 0)};
    *ret_n = rows.n;
    return ST_OK;
}

/* --- claiming --------------------------------------------------------------------------------- */

static void add_jobs(const struct db_rows *rows, struct store_jobs *jobs) {
    assert(jobs->n + rows->n <= STORE_BATCH);
    for (size_t i = 0; i < rows->n; i++)
        jobs->items[jobs->n++] = (struct store_job){
            .job = {.id = {db_uuid(rows, i, 0)},
                    .tenant = {db_uuid(rows, i, 1)},
                    .kind = db_text(rows, i, 2),
                    .lane = db_text(rows, i, 3),
                    .key = db_text(rows, i, 4),
                    .payload = db_text(rows, i, 5),
                    .token = db_i64(rows, i, 6),
                    .attempt = (int32_t)db_i64(rows, i, 7),
                    .run_at_ms = db_i64(rows, i, 8),
                    .created_at_ms = db_i64(rows, i, 9)},
            .priority = (int)db_i64(rows, i, 10),
            .seq = db_i64(rows, i, 11),
        };
}

static enum status claim_each(struct arena *a, struct tx *tx, struct store_claim claim,
                              struct store_jobs *jobs, struct err *e) {
    for (size_t i = 0; i < claim.n; i++) {
        struct db_rows rows;

        TRY(DB_QUERY(a, tx, claim_sql, &rows, e, V_I64(claim.lease.until_ms),
                     V_I64(claim.lease.now_ms), V_TEXT(claim.lease.worker), V_I64(claim.lease.salt),
                     V_I64(claim.priority), V_UUID(claim.shares[i].tenant.v),
                     V_I64((int64_t)claim.shares[i].max)));
        add_jobs(&rows, jobs);
    }
    return ST_OK;
}

struct share_lists {
    struct buf tenants, shares, marks_at, marks_seq;
};

static void share_lists_done(struct share_lists *l) {
    buf_done(&l->tenants);
    buf_done(&l->shares);
    buf_done(&l->marks_at);
    buf_done(&l->marks_seq);
}

static void share_lists_init(struct share_lists *l, const struct store_share *shares, size_t n) {
    buf_init(&l->tenants, LIST_BYTES);
    buf_init(&l->shares, LIST_BYTES);
    buf_init(&l->marks_at, LIST_BYTES);
    buf_init(&l->marks_seq, LIST_BYTES);
    for (size_t i = 0; i < n; i++) {
        add_uuid(&l->tenants, shares[i].tenant.v);
        add_number(&l->shares, (int64_t)shares[i].max);
        add_number(&l->marks_at, shares[i].after.run_at_ms);
        add_number(&l->marks_seq, shares[i].after.seq);
    }
    assert(!l->tenants.overflown && !l->marks_seq.overflown && !l->marks_at.overflown);
}

static enum status claim_set(struct arena *a, struct tx *tx, struct store_claim claim,
                             struct store_jobs *jobs, struct err *e) {
    ATTR_CLEANUP(share_lists_done) struct share_lists lists = {0};
    struct db_rows rows;

    share_lists_init(&lists, claim.shares, claim.n);
    TRY(DB_QUERY(a, tx, claim_sql, &rows, e, V_I64(claim.lease.until_ms), V_I64(claim.lease.now_ms),
                 V_TEXT(claim.lease.worker), V_I64(claim.lease.salt), V_I64(claim.priority),
                 V_TEXT(buf_str(&lists.tenants)), V_TEXT(buf_str(&lists.shares)),
                 V_TEXT(buf_str(&lists.marks_at)), V_TEXT(buf_str(&lists.marks_seq))));
    add_jobs(&rows, jobs);
    return ST_OK;
}

enum status store_claim(struct arena *a, struct tx *tx, struct store_claim claim,
                        struct store_jobs *jobs, struct err *e) {
    return tx_engine(tx) == DB_SQLITE ? claim_each(a, tx, claim, jobs, e)
                                      : claim_set(a, tx, claim, jobs, e);
}

/* --- keeping ---------------------------------------------------------------------------------- */

enum status store_prolong(struct tx *tx, const struct store_held *held, size_t n, int64_t now_ms,
                          int64_t until_ms, size_t *ret_n, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    enum { COLUMNS = 5 };
    struct db_val *vals = arena_array_of(&a, n * COLUMNS, struct db_val);
    int64_t changed;

    for (size_t i = 0; i < n; i++) {
        struct db_val *row = vals + i * COLUMNS;

        row[0] = V_UUID(held[i].tenant.v);
        row[1] = V_UUID(held[i].id.v);
        row[2] = V_I64(held[i].token);
        row[3] = V_I64(now_ms);
        row[4] = V_I64(until_ms);
    }
    TRY(db_exec_rows(tx, prolong_sql, vals, n, COLUMNS, &changed, e));
    if (changed < (int64_t)n) /* see STORE_LOCK_HELD */
        TRY(db_exec_rows(tx, prolong_sql, vals, n, COLUMNS, &changed, e));
    *ret_n = (size_t)changed;
    return ST_OK;
}

enum status store_is_held(struct arena *a, struct tx *tx, struct store_held held, bool *ret,
                          struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, is_held_sql, &rows, e, V_UUID(held.tenant.v), V_UUID(held.id.v),
                 V_I64(held.token)));
    *ret = rows.n > 0 && db_i64(&rows, 0, 0) == STATE_RUNNING;
    return ST_OK;
}
