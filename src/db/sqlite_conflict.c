/* sqlite_conflict.c - names the constraint that refused a row, as PostgreSQL names it, so that one
 * comparison of err.cause serves both engines. SQLite tells "t.a, t.b" for a unique key; the schema
 * tells which index that is. Unnamed ones get PostgreSQL's default names: t_pkey, t_a_b_key.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "db/sqlite_engine.h"

enum { CAUSE_BYTES = 128 };

/* Columns come as "t.a, t.b"; $1 is t, $2 the whole. */
static const char find_index[] =
    "SELECT l.name, l.origin FROM pragma_index_list($1) AS l"
    " WHERE l.\"unique\" AND $2 = (SELECT group_concat($1 || '.' || i.name, ', ')"
    "   FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno) AS i)"
    " ORDER BY l.origin LIMIT 1"; /* 'c' for CREATE INDEX, then 'pk', then 'u' */

static void finalize(sqlite3_stmt **stmt) {
    (void)sqlite3_finalize(*stmt);
}

/* t_a_b_key of "t.a, t.b" */
static void add_key_name(struct buf *out, struct str table, struct str columns) {
    struct str column;

    buf_add(out, table);
    while (columns.len > 0) {
        (void)str_cut(&columns, ',', &column);
        column = str_trim(column);
        buf_add_char(out, '_');
        buf_add(out, str_sub(column, table.len + 1, SIZE_MAX));
    }
    buf_add(out, STR("_key"));
}

static void add_index_name(struct buf *out, sqlite3 *handle, struct str table, struct str columns) {
    ATTR_CLEANUP(finalize) sqlite3_stmt *stmt = NULL;
    struct str origin = STR("pk"); /* no index at all: the key is the rowid itself */

    if (sqlite3_prepare_v2(handle, find_index, -1, &stmt, NULL) != SQLITE_OK)
        return;
    (void)sqlite3_bind_text(stmt, 1, table.ptr, (int)table.len, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, columns.ptr, (int)columns.len, SQLITE_STATIC);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        origin = str_of((const char *)sqlite3_column_text(stmt, 1));
        if (str_eq(origin, STR("c")))
            buf_add(out, str_of((const char *)sqlite3_column_text(stmt, 0)));
    }
    if (str_eq(origin, STR("pk"))) {
        buf_add(out, table);
        buf_add(out, STR("_pkey"));
    } else if (str_eq(origin, STR("u"))) {
        add_key_name(out, table, columns);
    }
}

static void add_unique_name(struct buf *out, sqlite3 *handle, struct str told) {
    struct str columns = told;
    struct str table;

    if (str_eat(&told, STR("index '"))) { /* an index over expressions */
        buf_add(out, str_sub(told, 0, told.len > 0 ? told.len - 1 : 0));
        return;
    }
    if (str_cut(&told, '.', &table))
        add_index_name(out, handle, table, columns);
}

const char *sqlite_conflict_cause(sqlite3 *handle) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    ATTR_CLEANUP(buf_done_p) struct buf out;
    struct str message = arena_str(&a, str_of(sqlite3_errmsg(handle)));

    buf_init(&out, CAUSE_BYTES);
    if (str_eat(&message, STR("UNIQUE constraint failed: ")))
        add_unique_name(&out, handle, message);
    else if (str_eat(&message, STR("CHECK constraint failed: ")) ||
             str_eat(&message, STR("NOT NULL constraint failed: ")))
        buf_add(&out, message);
    else if (str_starts(message, STR("FOREIGN KEY")))
        buf_add(&out, STR("foreign_key"));
    return db_intern(buf_str(&out));
}
