/* store_words.c - SQL of the words that lead to people.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "lead/pack.h"
#include "lead/words.h"

enum { COLUMNS = 3 };

static int by_word(const void *a, const void *b) {
    const struct word_row *x = a, *y = b;
    int cmp = str_cmp(x->word, y->word);

    return cmp != 0 ? cmp : uuid_cmp(x->lead.v, y->lead.v);
}

/* NOLINTNEXTLINE(readability-function-size): who, where and what */
static enum status exec_words(struct arena *a, struct tx *tx, struct db_sql sql,
                              struct tenant_id tenant, const struct word_row *rows, size_t n,
                              struct err *e) {
    struct db_sink s;

    db_sink_init(&s, a, tx, sql, COLUMNS);
    for (size_t i = 0; i < n; i++) {
        const struct db_val row[COLUMNS] = {V_UUID(tenant.v), V_TEXT(rows[i].word),
                                            V_UUID(rows[i].lead.v)};

        TRY(db_sink_put(&s, row, e));
    }
    return db_sink_end(&s, e);
}

#define INSERT_ONE "INSERT INTO lead_words (tenant_id, word, lead_id) VALUES ($1, $2, $3)"
#define INSERT_ALL                                                                                 \
    "INSERT INTO lead_words (tenant_id, word, lead_id) SELECT t, w, l FROM"                        \
    " unnest($1::uuid[], $2::text[], $3::uuid[]) AS u (t, w, l)"
#define UNLESS_THERE " ON CONFLICT DO NOTHING"

/* In the order of the index: neighbours are written together. */
/* NOLINTNEXTLINE(readability-function-size): who, where and what */
enum status store_words_put(struct arena *a, struct tx *tx, struct tenant_id tenant,
                            struct word_row *rows, size_t n, bool is_new, struct err *e) {
    /* Asking twice, as PostgreSQL does for a row that may be there, is half of what a new one costs. */
    static const struct db_sql sqls[] = {
        DB_SQL2(INSERT_ONE UNLESS_THERE, INSERT_ALL UNLESS_THERE),
        DB_SQL2(INSERT_ONE, INSERT_ALL),
    };

    if (n > 1)
        qsort(rows, n, sizeof(*rows), by_word);
    return exec_words(a, tx, sqls[is_new], tenant, rows, n, e);
}

/* NOLINTNEXTLINE(readability-function-size): who, where and what */
enum status store_words_later(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct lead_id lead, struct str name_key, struct str company_key,
                              struct err *e) {
    static const struct db_sql sql =
        DB_SQL2("INSERT INTO lead_words (tenant_id, word, lead_id) SELECT $1, value, $2"
                " FROM json_each($3) WHERE true ON CONFLICT DO NOTHING",
                "INSERT INTO lead_words (tenant_id, word, lead_id) SELECT $1, v.value, $2"
                " FROM jsonb_array_elements_text($3::jsonb) AS v (value) ON CONFLICT DO NOTHING");
    struct str words[LEAD_WORDS_MAX];
    size_t n = words_of(name_key, company_key, words);

    if (n == 0)
        return ST_OK;
    return DB_LATER(tx, sql, e, V_UUID(tenant.v), V_UUID(lead.v), V_TEXT(pack_texts(a, words, n)));
}

enum status store_words_delete(struct arena *a, struct tx *tx, struct tenant_id tenant,
                               const struct word_row *rows, size_t n, struct err *e) {
    static const struct db_sql sql =
        DB_SQL2("DELETE FROM lead_words WHERE tenant_id = $1 AND word = $2 AND lead_id = $3",
                "DELETE FROM lead_words d USING unnest($1::uuid[], $2::text[], $3::uuid[])"
                " AS u (t, w, l) WHERE d.tenant_id = t AND d.word = w AND d.lead_id = l");

    return exec_words(a, tx, sql, tenant, rows, n, e);
}

/* Behind all that begin so. */
static struct str behind(struct arena *a, struct str word) {
    return arena_printf(a, "%.*s\xF4\x8F\xBF\xBF", STR_ARG(word));
}

enum status store_words_count(struct arena *a, struct tx *tx, struct tenant_id tenant,
                              struct str word, size_t max, int64_t *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx,
                 DB_SQL("SELECT count(*) FROM (SELECT 1 FROM lead_words WHERE tenant_id = $1"
                        " AND word >= $2 AND word < $3 LIMIT $4) AS s"),
                 &rows, e, V_UUID(tenant.v), V_TEXT(word), V_TEXT(behind(a, word)),
                 V_I64((int64_t)max)));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}

static struct lead_id last_id(void) {
    struct lead_id id;

    memset(id.v.bytes, 0xff, sizeof(id.v.bytes));
    return id;
}

void word_walk_begin(struct word_walk *w, struct str word, size_t limit) {
    *w = (struct word_walk){.word = word, .after = word, .after_id = last_id(), .limit = limit};
}

enum status store_words_walk(struct arena *a, struct tx *tx, struct tenant_id tenant,
                             struct word_walk *w, struct lead_id **ids, size_t *ret_n,
                             struct err *e) {
    static const struct db_sql exact =
        DB_SQL("SELECT word, lead_id FROM lead_words WHERE tenant_id = $1 AND word = $2"
               " AND lead_id < $3 ORDER BY lead_id DESC LIMIT $4");
    static const struct db_sql longer =
        DB_SQL("SELECT word, lead_id FROM lead_words WHERE tenant_id = $1"
               " AND (word, lead_id) > ($2, $3) AND word < $5 ORDER BY word, lead_id LIMIT $4");
    const struct db_val vals[] = {V_UUID(tenant.v), V_TEXT(w->after), V_UUID(w->after_id.v),
                                  V_I64((int64_t)w->limit), V_TEXT(behind(a, w->word))};
    struct db_rows rows;

    TRY(db_query_vals(a, tx, w->is_longer ? longer : exact, vals, w->is_longer ? 5 : 4,
                      w->limit + 1, &rows, e));
    *ids = arena_array_of(a, rows.n + 1, struct lead_id);
    for (size_t i = 0; i < rows.n; i++)
        (*ids)[i].v = db_uuid(&rows, i, 1);
    *ret_n = rows.n;
    if (rows.n == w->limit) {
        w->after = db_text(&rows, rows.n - 1, 0);
        w->after_id = (*ids)[rows.n - 1];
    } else if (w->is_longer) {
        w->limit = 0;
    } else {
        w->is_longer = true;
        w->after_id = last_id(); /* behind every row of the word itself */
    }
    return ST_OK;
}
