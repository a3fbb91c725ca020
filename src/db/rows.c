/* rows.c - reading cells of a result, and the small texts that messages need.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "db/engine.h"

/* --- cells ----------------------------------------------------------------------------------- */

static const struct db_val *cell(const struct db_rows *rows, size_t row, size_t col) {
    assert(row < rows->n && col < rows->columns && "no such cell");
    return &rows->cells[row * rows->columns + col];
}

bool db_is_null(const struct db_rows *rows, size_t row, size_t col) {
    return cell(rows, row, col)->is_null;
}

int64_t db_i64(const struct db_rows *rows, size_t row, size_t col) {
    const struct db_val *v = cell(rows, row, col);

    assert((v->is_null || v->type == DB_I64) && "not an integer");
    return v->is_null ? 0 : v->i;
}

double db_real(const struct db_rows *rows, size_t row, size_t col) {
    const struct db_val *v = cell(rows, row, col);

    assert((v->is_null || v->type == DB_REAL || v->type == DB_I64) && "not a number");
    if (v->is_null)
        return 0;
    return v->type == DB_REAL ? v->r : (double)v->i;
}

struct str db_text(const struct db_rows *rows, size_t row, size_t col) {
    const struct db_val *v = cell(rows, row, col);

    assert((v->is_null || v->type == DB_TEXT || v->type == DB_BYTES) && "neither text nor bytes");
    return v->is_null ? STR_EMPTY : v->s;
}

/* SQLite knows no type "uuid": what an expression or RETURNING yields is 16 bytes. */
struct uuid db_uuid(const struct db_rows *rows, size_t row, size_t col) {
    const struct db_val *v = cell(rows, row, col);

    assert((v->is_null || v->type == DB_UUID || (v->type == DB_BYTES && v->s.len == UUID_BYTES)) &&
           "not a UUID");
    return v->is_null ? (struct uuid){0} : v->u;
}

/* --- texts ----------------------------------------------------------------------------------- */

struct db_sql_name db_sql_name(const char *sql) {
    struct db_sql_name name = {0};
    size_t n = 0;
    bool is_gap = false;

    for (; *sql != '\0' && n + 2 < sizeof(name.text); sql++) {
        if (isspace((unsigned char)*sql)) {
            is_gap = n > 0;
            continue;
        }
        if (is_gap)
            name.text[n++] = ' ';
        is_gap = false;
        name.text[n++] = *sql;
    }
    return name;
}

const char *db_intern(struct str text) {
    enum { MAX_TEXTS = 1024 };
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char *texts[MAX_TEXTS];
    const char *found = NULL;
    size_t i;

    (void)pthread_mutex_lock(&lock);
    for (i = 0; i < MAX_TEXTS && texts[i]; i++)
        if (str_eq(str_of(texts[i]), text))
            break;
    if (i < MAX_TEXTS && !texts[i])
        texts[i] = strndup(text.ptr ? text.ptr : "", text.len);
    if (i < MAX_TEXTS)
        found = texts[i];
    (void)pthread_mutex_unlock(&lock);
    return found ? found : "other";
}
