/* sink.c - rows that are gathered one by one and written many at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "db/db.h"

void db_sink_init(struct db_sink *s, struct arena *a, struct tx *tx, struct db_sql sql,
                  size_t n_cols) {
    *s = (struct db_sink){.tx = tx, .sql = sql, .n_cols = n_cols, .arena = a};
}

enum status db_sink_put(struct db_sink *s, const struct db_val *row, struct err *e) {
    if (s->n == DB_SINK_ROWS)
        TRY(db_sink_end(s, e));
    if (!s->vals)
        s->vals = arena_array_of(s->arena, DB_SINK_ROWS * s->n_cols, struct db_val);
    memcpy(s->vals + s->n * s->n_cols, row, s->n_cols * sizeof(*row));
    s->n++;
    return ST_OK;
}

enum status db_sink_end(struct db_sink *s, struct err *e) {
    size_t n = s->n;

    s->n = 0;
    return db_exec_rows(s->tx, s->sql, s->vals, n, s->n_cols, NULL, e);
}
