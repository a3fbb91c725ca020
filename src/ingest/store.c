/* store.c - SQL of imports.
 * SPDX-License-Identifier: Apache-2.0 */
#include "ingest/store.h"

#define COLUMNS                                                                                     \
    "id, name, kind, state, sha256, size, actor, sheets, sheet, header_row, columns, policy, tags," \
    " place, permille, n_rows, n_created, n_updated, n_skipped, n_failed, n_noted, n_undone,"       \
    " checked, cause, reason, created_at, updated_at, started_at, finished_at"

/* --- the last trial's counts as JSON ------------------------------------------------------------------------------------ */

static struct str check_format(struct arena *a, const struct import *im) {
    const struct ingest_counts *c = &im->check;

    if (!im->has_check)
        return STR_EMPTY;
    return arena_printf(a, "[%lld,%lld,%lld,%lld,%lld,%lld]", (long long)c->rows,
                        (long long)c->created, (long long)c->updated, (long long)c->skipped,
                        (long long)c->failed, (long long)c->noted);
}

static void check_parse(struct arena *a, struct str text, struct import *im) {
    const struct json *v = NULL;
    struct err why = ERR_INIT;
    int64_t n[6];

    im->has_check = text.len > 0 && json_parse(a, text, JSON_LIMITS_DEFAULT, &v, &why) == ST_OK;
    for (size_t i = 0; i < ARRAY_LEN(n); i++)
        n[i] = json_i64(json_at(v, i), 0);
    im->check = (struct ingest_counts){n[0], n[1], n[2], n[3], n[4], n[5]};
}

static void row(struct arena *a, const struct db_rows *rows, size_t i, struct tenant_id tenant,
                struct import *ret) {
    *ret = (struct import){
        .id.v = db_uuid(rows, i, 0),
        .tenant = tenant,
        .name = db_text(rows, i, 1),
        .kind = db_text(rows, i, 2),
        .state = db_text(rows, i, 3),
        .sha256 = db_text(rows, i, 4),
        .size = db_i64(rows, i, 5),
        .actor = db_text(rows, i, 6),
        .sheets = db_text(rows, i, 7),
        .sheet = db_i64(rows, i, 8),
        .header_row = db_i64(rows, i, 9),
        .columns = db_text(rows, i, 10),
        .policy = db_text(rows, i, 11),
        .tags = db_text(rows, i, 12),
        .place = db_i64(rows, i, 13),
        .permille = db_i64(rows, i, 14),
        .counts = {.rows = db_i64(rows, i, 15),
                   .created = db_i64(rows, i, 16),
                   .updated = db_i64(rows, i, 17),
                   .skipped = db_i64(rows, i, 18),
                   .failed = db_i64(rows, i, 19),
                   .noted = db_i64(rows, i, 20)},
        .undone = db_i64(rows, i, 21),
        .cause = db_text(rows, i, 23),
        .reason = db_text(rows, i, 24),
        .created_at_ms = db_i64(rows, i, 25),
        .updated_at_ms = db_i64(rows, i, 26),
        .started_at_ms = db_i64(rows, i, 27),
        .finished_at_ms = db_i64(rows, i, 28),
    };
    check_parse(a, db_text(rows, i, 22), ret);
}

enum status store_import_insert(struct tx *tx, const struct import *im, struct err *e) {
    return DB_EXEC(
        tx,
        DB_SQL("INSERT INTO ingest_jobs (id, tenant_id, name, kind, state, sha256, size, actor,"
               " sheets, sheet, header_row, columns, policy, tags, created_at, updated_at)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)"),
        NULL, e, V_UUID(im->id.v), V_UUID(im->tenant.v), V_TEXT(im->name), V_TEXT(im->kind),
        V_TEXT(im->state), V_TEXT(im->sha256), V_I64(im->size), V_TEXT(im->actor),
        V_TEXT(im->sheets), V_I64(im->sheet), V_I64(im->header_row), V_TEXT(im->columns),
        V_TEXT(im->policy), V_TEXT(im->tags), V_I64(im->created_at_ms));
}

enum status store_import_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct import_id id, bool with_lock, struct import *ret,
                             struct err *e) {
    static const struct db_sql plain =
        DB_SQL("SELECT " COLUMNS " FROM ingest_jobs WHERE tenant_id = $1 AND id = $2");
    static const struct db_sql locked =
        DB_SQL2("SELECT " COLUMNS " FROM ingest_jobs WHERE tenant_id = $1 AND id = $2",
                "SELECT " COLUMNS " FROM ingest_jobs WHERE tenant_id = $1 AND id = $2 FOR UPDATE");
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, with_lock ? locked : plain, &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    if (rows.n == 0)
        FAIL(e, ST_NOT_FOUND, "no such import");
    row(a, &rows, 0, tenant, ret);
    return ST_OK;
}

/* NOLINTNEXTLINE(readability-function-size): who, where, what, how far and what comes back */
enum status store_import_list(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct import_id after, size_t limit, struct import **ret,
                              size_t *ret_n, struct err *e) {
    static const struct uuid last = {.bytes = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                               0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT " COLUMNS " FROM ingest_jobs WHERE tenant_id = $1 AND id < $2"
                        " ORDER BY id DESC LIMIT $3"),
                 &rows, e, V_UUID(tenant.v), V_UUID(uuid_is_nil(after.v) ? last : after.v),
                 V_I64((int64_t)limit)));
    *ret = arena_array_of(a, rows.n + 1, struct import);
    *ret_n = rows.n;
    for (size_t i = 0; i < rows.n; i++)
        row(a, &rows, i, tenant, &(*ret)[i]);
    return ST_OK;
}

enum status store_import_unfinished(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                    struct str sha256, struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT id FROM ingest_jobs WHERE tenant_id = $1 AND sha256 = $2"
                           " AND state = 'running' ORDER BY id DESC LIMIT 1"),
                    ret, e, V_UUID(tenant.v), V_TEXT(sha256));
}

enum status store_import_shape(struct tx *tx, const struct import *im, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("UPDATE ingest_jobs SET sheet = $3, header_row = $4, columns = $5,"
                          " policy = $6, tags = $7, checked = '', updated_at = $8"
                          " WHERE tenant_id = $1 AND id = $2"),
                   NULL, e, V_UUID(im->tenant.v), V_UUID(im->id.v), V_I64(im->sheet),
                   V_I64(im->header_row), V_TEXT(im->columns), V_TEXT(im->policy), V_TEXT(im->tags),
                   V_I64(im->updated_at_ms));
}

enum status store_import_put(struct tx *tx, const struct import *im, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    const struct ingest_counts *c = &im->counts;

    return DB_EXEC(
        tx,
        DB_SQL("UPDATE ingest_jobs SET state = $3, place = $4, permille = $5, n_rows = $6,"
               " n_created = $7, n_updated = $8, n_skipped = $9, n_failed = $10, n_noted = $11,"
               " n_undone = $12, checked = $13, cause = $14, reason = $15, updated_at = $16,"
               " started_at = $17, finished_at = $18 WHERE tenant_id = $1 AND id = $2"),
        NULL, e, V_UUID(im->tenant.v), V_UUID(im->id.v), V_TEXT(im->state), V_I64(im->place),
        V_I64(im->permille), V_I64(c->rows), V_I64(c->created), V_I64(c->updated),
        V_I64(c->skipped), V_I64(c->failed), V_I64(c->noted), V_I64(im->undone),
        V_TEXT(check_format(&a, im)), V_TEXT(im->cause), V_TEXT(im->reason),
        V_I64(im->updated_at_ms), V_I64(im->started_at_ms), V_I64(im->finished_at_ms));
}

enum status store_import_stale(struct arena *a, struct tx *tx, int64_t before_ms,
                               struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT id, tenant_id FROM ingest_jobs"
                           " WHERE state IN ('checking', 'running', 'undoing') AND updated_at < $1"
                           " ORDER BY updated_at LIMIT 100"),
                    ret, e, V_I64(before_ms));
}

enum status store_import_has_file(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  struct import_id id, bool *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT 1 FROM ingest_jobs WHERE tenant_id = $1 AND id = $2"
                        " AND has_file = 1"),
                 &rows, e, V_UUID(tenant.v), V_UUID(id.v)));
    *ret = rows.n > 0;
    return ST_OK;
}

enum status store_import_forget_files(struct arena *a, struct tx *tx, int64_t ready_before_ms,
                                      int64_t over_before_ms, struct db_rows *ret, struct err *e) {
    return DB_QUERY(
        a, tx,
        DB_SQL("UPDATE ingest_jobs SET has_file = 0 WHERE id IN (SELECT id FROM ingest_jobs"
               " WHERE has_file = 1 AND ((state = 'ready' AND updated_at < $1)"
               " OR (state IN ('done', 'undone', 'failed', 'cancelled') AND updated_at < $2))"
               " ORDER BY updated_at LIMIT 100) RETURNING id, tenant_id"),
        ret, e, V_I64(ready_before_ms), V_I64(over_before_ms));
}
