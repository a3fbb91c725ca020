/* store.c - SQL of the index.
 * SPDX-License-Identifier: Apache-2.0 */
#include "search/store.h"

enum status store_search_place_get(struct arena *a, struct tx *tx, struct str *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, DB_SQL("SELECT place FROM search_place WHERE id = 1"), &rows, e));
    *ret = rows.n > 0 ? db_text(&rows, 0, 0) : STR_EMPTY;
    return ST_OK;
}

enum status store_search_place_move(struct tx *tx, struct str from, struct str into,
                                    struct err *e) {
    int64_t changed = 0;

    TRY(DB_EXEC(tx, DB_SQL("UPDATE search_place SET place = $2 WHERE id = 1 AND place = $1"),
                &changed, e, V_TEXT(from), V_TEXT(into)));
    if (changed == 0)
        FAIL(e, ST_CONFLICT, "another run has indexed this already");
    return ST_OK;
}

enum status store_search_docs_get(struct arena *a, struct tx *tx, struct tenant_id tenant,
                                  enum doc_kind kind, int64_t *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT docs FROM search_tenants WHERE tenant_id = $1 AND kind = $2"),
                 &rows, e, V_UUID(tenant.v), V_I64(kind)));
    *ret = rows.n > 0 ? db_i64(&rows, 0, 0) : 0;
    return ST_OK;
}

enum status store_search_docs_set(struct tx *tx, struct tenant_id tenant, enum doc_kind kind,
                                  int64_t docs, struct err *e) {
    return DB_EXEC(tx,
                   DB_SQL("INSERT INTO search_tenants (tenant_id, kind, docs) VALUES ($1, $2, $3)"
                          " ON CONFLICT (tenant_id, kind) DO UPDATE SET docs = excluded.docs"),
                   NULL, e, V_UUID(tenant.v), V_I64(kind), V_I64(docs));
}

enum status store_search_blocks_append(struct tx *tx, const struct db_val *vals, size_t n_rows,
                                       struct err *e) {
#define BLOCKS          "INSERT INTO search_blocks AS b (tenant_id, kind, block, docs)"
#define BLOCKS_CONFLICT " ON CONFLICT (tenant_id, kind, block) DO UPDATE SET docs = "
    return db_exec_rows(
        tx,
        DB_SQL2(
            BLOCKS " VALUES ($1, $2, $3, $4)" BLOCKS_CONFLICT
                   "CAST(b.docs || excluded.docs AS BLOB)",
            BLOCKS
            " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[])" BLOCKS_CONFLICT
            "b.docs || excluded.docs"),
        vals, n_rows, BLOCK_COLUMNS, NULL, e);
}

enum status store_search_postings_append(struct tx *tx, const struct db_val *vals, size_t n_rows,
                                         struct err *e) {
#define POSTINGS          "INSERT INTO search_postings AS p (tenant_id, kind, term, block, places)"
#define POSTINGS_CONFLICT " ON CONFLICT (tenant_id, kind, term, block) DO UPDATE SET places = "
    return db_exec_rows(tx,
                        DB_SQL2(POSTINGS " VALUES ($1, $2, $3, $4, $5)" POSTINGS_CONFLICT
                                         "CAST(p.places || excluded.places AS BLOB)",
                                POSTINGS " SELECT * FROM unnest($1::uuid[], $2::bigint[],"
                                         " $3::text[], $4::bigint[], $5::bytea[])" POSTINGS_CONFLICT
                                         "p.places || excluded.places"),
                        vals, n_rows, POSTING_COLUMNS, NULL, e);
}

enum status store_search_words_add(struct tx *tx, const struct db_val *vals, size_t n_rows,
                                   struct err *e) {
#define WORDS          "INSERT INTO search_words (tenant_id, word, stem)"
#define WORDS_CONFLICT " ON CONFLICT (tenant_id, word) DO NOTHING"
    return db_exec_rows(
        tx,
        DB_SQL2(WORDS " VALUES ($1, $2, $3)" WORDS_CONFLICT,
                WORDS " SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])" WORDS_CONFLICT),
        vals, n_rows, WORD_COLUMNS, NULL, e);
}

enum status store_search_postings(struct arena *a, struct tx *tx, const struct posting_place *from,
                                  struct db_rows *ret, struct err *e) {
    return DB_QUERY(a, tx,
                    DB_SQL("SELECT block, places FROM search_postings WHERE tenant_id = $1"
                           " AND kind = $2 AND term = $3 AND block <= $4"
                           " ORDER BY block DESC LIMIT $5"),
                    ret, e, V_UUID(from->tenant.v), V_I64(from->kind), V_TEXT(from->term),
                    V_I64(from->block), V_I64((int64_t)from->limit));
}

enum status store_search_block(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               enum doc_kind kind, int64_t block, struct str *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT docs FROM search_blocks WHERE tenant_id = $1 AND kind = $2"
                        " AND block = $3"),
                 &rows, e, V_UUID(tenant.v), V_I64(kind), V_I64(block)));
    *ret = rows.n > 0 ? db_text(&rows, 0, 0) : STR_EMPTY;
    return ST_OK;
}

enum status store_search_stems(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               struct str prefix, size_t limit, struct db_rows *ret,
                               struct err *e) {
    /* Behind every word that begins so: U+10FFFF is no letter. */
    struct str end = arena_printf(a, "%.*s\xF4\x8F\xBF\xBF", STR_ARG(prefix));

    return DB_QUERY(a, tx,
                    DB_SQL("SELECT stem FROM search_words WHERE tenant_id = $1 AND word >= $2"
                           " AND word < $3 ORDER BY length(word), word LIMIT $4"),
                    ret, e, V_UUID(tenant.v), V_TEXT(prefix), V_TEXT(end), V_I64((int64_t)limit));
}
