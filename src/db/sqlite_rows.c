/* sqlite_rows.c - the text that inserts many rows at once, made from the one that inserts one.
 *
 * A statement opens a cursor for its table and each of its indexes, and closes them at its end: for a table with eight
 * indexes that is most of what one row costs. One statement for many rows opens them once.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "db/sqlite_engine.h"

enum { TEXT_BYTES = 64 << 10 };

struct insert { /* INSERT INTO «head» VALUES «tuple»«tail» */
    struct str head, tuple, tail;
};

/* Only what is copied easily: parameters, each row's own. */
static bool split(const char *sql, struct insert *ret) {
    static const char values[] = " VALUES (";
    struct str text = str_of(sql);
    const char *at = strstr(sql, values);
    const char *end;

    if (!at || !str_eat(&text, STR("INSERT INTO ")))
        return false;
    ret->head = (struct str){text.ptr, (size_t)(at - text.ptr)};
    at += sizeof(values) - 2;
    end = at + 1 + strspn(at + 1, "$0123456789, ");
    if (*end != ')')
        return false;
    ret->tuple = (struct str){at, (size_t)(end + 1 - at)};
    ret->tail = str_of(end + 1);
    return !str_contains(ret->tail, STR("$"));
}

/* "$3" of row 2 of a table of 5 columns is "?13". */
static void put_tuple(struct buf *b, struct str tuple, size_t before) {
    while (tuple.len > 0) {
        uint64_t number;

        if (str_eat(&tuple, STR("$")) && str_eat_u64(&tuple, DB_MAX_PARAMS, &number)) {
            buf_printf(b, "?%zu", before + (size_t)number);
            continue;
        }
        buf_add_char(b, tuple.ptr[0]);
        tuple = str_sub(tuple, 1, tuple.len);
    }
}

bool sqlite_rows_text(const char *sql, size_t n_cols, size_t n_rows, struct buf *ret) {
    struct insert insert;

    if (!split(sql, &insert))
        return false;
    buf_init(ret, TEXT_BYTES);
    /* FAIL: a row that is refused leaves those before it, as one by one. Whoever writes them gives up all they did, so
     * the engine need not note for each statement how to take it back. */
    buf_add(ret, STR("INSERT OR FAIL INTO "));
    buf_add(ret, insert.head);
    buf_add(ret, STR(" VALUES "));
    for (size_t i = 0; i < n_rows; i++) {
        if (i > 0)
            buf_add_char(ret, ',');
        put_tuple(ret, insert.tuple, i * n_cols);
    }
    buf_add(ret, insert.tail);
    if (!ret->overflown)
        return true;
    buf_done(ret);
    return false;
}
