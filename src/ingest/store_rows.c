/* store_rows.c - SQL of what became of each row.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ingest/store.h"

#define OF_TENANT_IMPORT "tenant_id = $1 AND import_id = $2"
#define SEEN             "number, outcome, is_undone, reason, column_title, value, lead_id"

enum { INSERT_COLUMNS = 9 };

enum status store_rows_insert(struct arena *a, struct tx *tx, const struct import *im,
                              const struct stored_row *rows, size_t n, struct err *e) {
    static const struct db_sql sql = DB_SQL2(
        "INSERT INTO ingest_rows (tenant_id, import_id, number, outcome, reason, column_title,"
        " value, lead_id, before) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        "INSERT INTO ingest_rows (tenant_id, import_id, number, outcome, reason, column_title,"
        " value, lead_id, before) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[],"
        " $4::bigint[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::text[])");
    struct db_sink s;

    db_sink_init(&s, a, tx, sql, INSERT_COLUMNS);
    for (size_t i = 0; i < n; i++) {
        const struct db_val row[INSERT_COLUMNS] = {
            V_UUID(im->tenant.v),   V_UUID(im->id.v),
            V_I64(rows[i].number),  V_I64((int64_t)rows[i].outcome),
            V_TEXT(rows[i].reason), V_TEXT(rows[i].column),
            V_TEXT(rows[i].value),  V_UUID_OPT(rows[i].lead.v),
            V_TEXT(rows[i].before),
        };

        TRY(db_sink_put(&s, row, e));
    }
    return db_sink_end(&s, e);
}

enum status store_rows_to_undo(struct arena *a, struct tx *tx, const struct import *im,
                               size_t limit, struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx,
        DB_SQL("SELECT number, outcome, lead_id, before FROM ingest_rows WHERE " OF_TENANT_IMPORT
               " AND number <= $3 AND outcome < 2 ORDER BY number DESC LIMIT $4"),
        ret, e, V_UUID(im->tenant.v), V_UUID(im->id.v), V_I64(im->place), V_I64((int64_t)limit));
}

enum status store_rows_undone(struct tx *tx, const struct import *im, int64_t from, int64_t to,
                              struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE ingest_rows SET is_undone = 1 WHERE " OF_TENANT_IMPORT
                          " AND number BETWEEN $3 AND $4 AND outcome < 2"),
                   NULL, e, V_UUID(im->tenant.v), V_UUID(im->id.v), V_I64(from), V_I64(to));
}

enum status store_rows_count(struct arena *a, struct tx *tx, const struct import *im, int64_t *ret,
                             struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT count(*) FROM ingest_rows WHERE " OF_TENANT_IMPORT), &rows,
                 e, V_UUID(im->tenant.v), V_UUID(im->id.v)));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}

#define OLD                                                                                        \
    "SELECT j.id, j.tenant_id FROM ingest_jobs j WHERE j.state IN ('done', 'undone', 'failed',"    \
    " 'cancelled') AND j.updated_at < $1 AND EXISTS (SELECT 1 FROM ingest_rows r"                  \
    " WHERE r.tenant_id = j.tenant_id AND r.import_id = j.id) ORDER BY j.updated_at LIMIT 1"

enum status store_rows_old(struct arena *a, struct tx *tx, int64_t before_ms, struct import *ret,
                           struct err *e) {
    static const struct db_sql sql = DB_SQL2(OLD, OLD " FOR UPDATE SKIP LOCKED");
    struct db_rows rows;

    *ret = (struct import){0};
    TRY(DB_QUERY(a, tx, sql, &rows, e, V_I64(before_ms)));
    if (rows.n > 0)
        *ret = (struct import){.id.v = db_uuid(&rows, 0, 0), .tenant.v = db_uuid(&rows, 0, 1)};
    return ST_OK;
}

enum status store_rows_delete(struct tx *tx, const struct import *im, size_t limit, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("DELETE FROM ingest_rows WHERE " OF_TENANT_IMPORT
                          " AND number IN (SELECT number FROM ingest_rows WHERE " OF_TENANT_IMPORT
                          " ORDER BY number LIMIT $3)"),
                   NULL, e, V_UUID(im->tenant.v), V_UUID(im->id.v), V_I64((int64_t)limit));
}

enum status store_rows_page(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct import_id id, const struct ingest_row_query *q,
                            struct db_rows *ret, struct err *e) {
    static const struct db_sql all =
        DB_SQL("SELECT " SEEN " FROM ingest_rows WHERE " OF_TENANT_IMPORT " AND number > $3"
               " ORDER BY number LIMIT $4");
    static const struct db_sql outcome =
        DB_SQL("SELECT " SEEN " FROM ingest_rows WHERE " OF_TENANT_IMPORT
               " AND number > $3 AND outcome = $5"
               " ORDER BY number LIMIT $4");
    static const struct db_sql problems =
        DB_SQL("SELECT " SEEN " FROM ingest_rows WHERE " OF_TENANT_IMPORT
               " AND number > $3 AND reason <> ''"
               " ORDER BY number LIMIT $4");
    static const struct db_sql both =
        DB_SQL("SELECT " SEEN " FROM ingest_rows WHERE " OF_TENANT_IMPORT
               " AND number > $3 AND reason <> ''"
               " AND outcome = $5 ORDER BY number LIMIT $4");
    /* Skipped and failed ones always have a reason, by which they are indexed. */
    bool by_reason = q->is_problem || (q->has_outcome && q->outcome >= INGEST_SKIPPED);
    const struct db_val vals[] = {V_UUID(tenant.v), V_UUID(id.v), V_I64(q->after),
                                  V_I64((int64_t)q->limit), V_I64((int64_t)q->outcome)};

    if (!q->has_outcome)
        return db_query_vals(a, tx, by_reason ? problems : all, vals, 4, 0, ret, e);
    return db_query_vals(a, tx, by_reason ? both : outcome, vals, 5, 0, ret, e);
}

enum status store_rows_reasons(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct import_id id, struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT outcome, reason, column_title, count(*) AS n FROM ingest_rows"
                           " WHERE " OF_TENANT_IMPORT " AND reason <> ''"
                           " GROUP BY outcome, reason, column_title ORDER BY n DESC, outcome,"
                           " reason, column_title LIMIT 100"),
                    ret, e, V_UUID(tenant.v), V_UUID(id.v));
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_rows_leads(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct import_id id, int64_t after, size_t limit, struct db_rows *ret,
                             struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT lead_id, number FROM ingest_rows WHERE " OF_TENANT_IMPORT
                           " AND number > $3 AND lead_id IS NOT NULL AND is_undone = 0"
                           " ORDER BY number LIMIT $4"),
                    ret, e, V_UUID(tenant.v), V_UUID(id.v), V_I64(after), V_I64((int64_t)limit));
}

enum status store_rows_each_problem(struct tx *tx, struct tenant_id tenant, struct import_id id,
                                    db_row_fn fn, void *ctx, struct err *e) {
    const struct db_val vals[] = {V_UUID(tenant.v), V_UUID(id.v)};

    return db_each_vals(tx,
                        DB_SQL("SELECT number, outcome, reason, column_title, value FROM"
                               " ingest_rows WHERE " OF_TENANT_IMPORT
                               " AND reason <> '' ORDER BY number"),
                        vals, ARRAY_LEN(vals), fn, ctx, e);
}
