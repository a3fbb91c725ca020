/* sqlite_stmt.c - prepared statements: found, bound, stepped, read.
 *
 * "$n" is bound by name: SQLite numbers parameters by first appearance. It also takes "$1::uuid"
 * for one name, as Tcl does, so a cast that PostgreSQL needs may stay in the shared text; the
 * digits decide.
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "db/sqlite_engine.h"

/* --- the table of prepared statements -------------------------------------------------------- */

static void stmt_free(struct sqlite_stmt *stmt) {
    if (!stmt)
        return;
    (void)sqlite3_finalize(stmt->handle);
    (void)sqlite3_finalize(stmt->many);
    free(stmt->numbers);
    free(stmt);
}

static void stmt_free_p(struct sqlite_stmt **stmt) {
    stmt_free(*stmt);
}

void sqlite_stmts_free(struct sqlite_conn *conn) {
    for (size_t i = 0; i < SQLITE_STMT_SLOTS; i++) {
        stmt_free(conn->slots[i]);
        conn->slots[i] = NULL;
    }
    conn->n_stmts = 0;
}

static size_t slot_of(const char *sql) {
    return (size_t)(((uint64_t)(uintptr_t)sql * 0x9E3779B97F4A7C15u) >> 40) % SQLITE_STMT_SLOTS;
}

/* The slot that holds sql, or the free one where it would go. The table is never full. */
static struct sqlite_stmt **find_slot(struct sqlite_conn *conn, const char *sql) {
    size_t i = slot_of(sql);

    while (conn->slots[i] && conn->slots[i]->sql != sql)
        i = (i + 1) % SQLITE_STMT_SLOTS;
    return &conn->slots[i];
}

/* Throws the older half out and puts the rest back: open addressing leaves no holes that way. */
static void drop_older_half(struct sqlite_conn *conn) {
    struct sqlite_stmt *kept[SQLITE_STMT_SLOTS];
    uint64_t oldest = UINT64_MAX;
    uint64_t middle;
    size_t n = 0;

    for (size_t i = 0; i < SQLITE_STMT_SLOTS; i++)
        if (conn->slots[i] && conn->slots[i]->used_at < oldest)
            oldest = conn->slots[i]->used_at;
    middle = oldest + (conn->tick - oldest) / 2;
    for (size_t i = 0; i < SQLITE_STMT_SLOTS; i++) {
        struct sqlite_stmt *stmt = TAKE(conn->slots[i]);

        if (stmt && stmt->used_at > middle)
            kept[n++] = stmt;
        else
            stmt_free(stmt);
    }
    for (size_t i = 0; i < n; i++)
        *find_slot(conn, kept[i]->sql) = kept[i];
    conn->n_stmts = n;
}

/* "$12" and "$12::bigint" are number 12; 0 for any other name. */
static unsigned number_of(const char *name) {
    struct str s = str_of(name);
    uint64_t number = 0;

    if (!str_eat(&s, STR("$")) || !str_eat_u64(&s, DB_MAX_PARAMS, &number))
        return 0;
    return s.len == 0 || str_starts(s, STR("::")) ? (unsigned)number : 0;
}

static enum status number_params(struct sqlite_stmt *stmt, struct err *e) {
    stmt->n_params = sqlite3_bind_parameter_count(stmt->handle);
    stmt->numbers = calloc((size_t)stmt->n_params + 1, 1);
    if (!stmt->numbers)
        FAIL(e, ST_UNAVAILABLE, "could not prepare a statement: out of memory");
    for (int i = 0; i < stmt->n_params; i++) {
        unsigned number = number_of(sqlite3_bind_parameter_name(stmt->handle, i + 1));

        if (number == 0)
            FAIL(e, ST_BROKEN, "could not prepare \"%s\": its parameters are not $1 to $%d",
                 db_sql_name(stmt->sql).text, DB_MAX_PARAMS);
        stmt->numbers[i] = (uint8_t)number;
        if (number > stmt->max_number)
            stmt->max_number = number;
    }
    return ST_OK;
}

static enum status prepare(struct sqlite_conn *conn, const char *sql, struct sqlite_stmt **ret,
                           struct err *e) {
    ATTR_CLEANUP(stmt_free_p) struct sqlite_stmt *stmt = calloc(1, sizeof(*stmt));
    const char *rest = "";
    int code;

    if (!stmt)
        FAIL(e, ST_UNAVAILABLE, "could not prepare a statement: out of memory");
    stmt->sql = sql;
    code =
        sqlite3_prepare_v3(conn->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->handle, &rest);
    if (code != SQLITE_OK)
        return sqlite_fail(conn, code, db_sql_name(sql).text, e);
    if (!stmt->handle || str_trim(str_of(rest)).len > 0)
        FAIL(e, ST_BROKEN, "could not prepare \"%s\": not exactly one statement",
             db_sql_name(sql).text);
    TRY(number_params(stmt, e));
    *ret = TAKE(stmt);
    return ST_OK;
}

static enum status get_stmt(struct sqlite_conn *conn, const char *sql, size_t n_vals,
                            struct sqlite_stmt **ret, struct err *e) {
    struct sqlite_stmt **slot = find_slot(conn, sql);

    if (!*slot) {
        struct sqlite_stmt *stmt = NULL;

        TRY(prepare(conn, sql, &stmt, e));
        assert(stmt);
        if (conn->n_stmts >= SQLITE_STMT_MAX)
            drop_older_half(conn);
        *find_slot(conn, sql) = stmt;
        conn->n_stmts++;
        slot = find_slot(conn, sql);
    }
    (*slot)->used_at = ++conn->tick;
    *ret = *slot;
    if (sqlite_is_lost(conn))
        FAIL(e, ST_UNAVAILABLE, "could not run \"%s\": the transaction is rolled back already",
             db_sql_name(sql).text);
    if ((*slot)->max_number > n_vals)
        FAIL(e, ST_BROKEN, "could not run \"%s\": it has $%u but %zu values", db_sql_name(sql).text,
             (*slot)->max_number, n_vals);
    return ST_OK;
}

/* --- binding --------------------------------------------------------------------------------- */

/* Bytes are bound where they are: the caller keeps them until the statement is reset. An empty
 * view has no address, which SQLite would take for NULL. */
static const char *address_of(struct str s) {
    return s.len > 0 ? s.ptr : "";
}

static int bind_val(sqlite3_stmt *handle, int at, const struct db_val *v) {
    if (v->is_null)
        return sqlite3_bind_null(handle, at);
    switch (v->type) {
    case DB_NULL:
        return sqlite3_bind_null(handle, at);
    case DB_I64:
        return sqlite3_bind_int64(handle, at, v->i);
    case DB_REAL:
        return sqlite3_bind_double(handle, at, v->r);
    case DB_TEXT:
        return sqlite3_bind_text64(handle, at, address_of(v->s), v->s.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case DB_BYTES:
        return sqlite3_bind_blob64(handle, at, address_of(v->s), v->s.len, SQLITE_STATIC);
    case DB_UUID:
        return sqlite3_bind_blob64(handle, at, v->u.bytes, UUID_BYTES, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static enum status bind(struct sqlite_conn *conn, struct sqlite_stmt *stmt,
                        const struct db_val *vals, struct err *e) {
    for (int i = 0; i < stmt->n_params; i++) {
        int code = bind_val(stmt->handle, i + 1, &vals[stmt->numbers[i] - 1]);

        if (code != SQLITE_OK)
            return sqlite_fail(conn, code, db_sql_name(stmt->sql).text, e);
    }
    return ST_OK;
}

/* --- reading --------------------------------------------------------------------------------- */

/* A statement in use: reset, with its values let go, at the end of the block. */
static void finish(struct sqlite_stmt **stmt) {
    if (*stmt) {
        (void)sqlite3_reset((*stmt)->handle);
        (void)sqlite3_clear_bindings((*stmt)->handle);
    }
}

static void read_blob(sqlite3_stmt *handle, int col, struct db_val *ret) {
    const char *declared = sqlite3_column_decltype(handle, col);

    ret->type = DB_BYTES;
    ret->s.ptr = sqlite3_column_blob(handle, col);
    ret->s.len = (size_t)sqlite3_column_bytes(handle, col);
    if (ret->s.len != UUID_BYTES)
        return;
    memcpy(ret->u.bytes, ret->s.ptr, UUID_BYTES);
    if (declared && str_eq_nocase(str_of(declared), STR("uuid")))
        ret->type = DB_UUID;
}

/* A view: it holds until the next step. */
static struct db_val read_cell(sqlite3_stmt *handle, int col) {
    struct db_val v = {0};

    switch (sqlite3_column_type(handle, col)) {
    case SQLITE_INTEGER:
        v.type = DB_I64;
        v.i = sqlite3_column_int64(handle, col);
        break;
    case SQLITE_FLOAT:
        v.type = DB_REAL;
        v.r = sqlite3_column_double(handle, col);
        break;
    case SQLITE_TEXT:
        v.type = DB_TEXT;
        v.s.ptr = (const char *)sqlite3_column_text(handle, col);
        v.s.len = (size_t)sqlite3_column_bytes(handle, col);
        break;
    case SQLITE_BLOB:
        read_blob(handle, col, &v);
        break;
    default:
        v.is_null = true;
        break;
    }
    return v;
}

/* Begins a statement: found, bound, ready to step. */
static enum status start(struct sqlite_conn *conn, struct db_call call, struct sqlite_stmt **ret,
                         struct err *e) {
    TRY(get_stmt(conn, call.sql, call.n, ret, e));
    return bind(conn, *ret, call.vals, e);
}

/* *ret_row: whether there is a row; ST_OK and no row at the end. */
static enum status step(struct sqlite_conn *conn, struct sqlite_stmt *stmt, bool *ret_row,
                        struct err *e) {
    int code = sqlite3_step(stmt->handle);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sqlite_fail(conn, code, db_sql_name(stmt->sql).text, e);
    *ret_row = code == SQLITE_ROW;
    return ST_OK;
}

static enum status step_to_end(struct sqlite_conn *conn, struct sqlite_stmt *stmt, struct err *e) {
    bool has_row = true;

    while (has_row)
        TRY(step(conn, stmt, &has_row, e));
    return ST_OK;
}

static struct sqlite_conn *conn_of(struct tx *tx) {
    return ((struct sqlite_tx *)tx)->conn;
}

/* sqlite3_changes() keeps what the last writing statement left there, hence the readonly test. */
static int64_t changes_of(struct sqlite_conn *conn, struct sqlite_stmt *stmt) {
    return sqlite3_stmt_readonly(stmt->handle) ? 0 : sqlite3_changes64(conn->handle);
}

enum status sqlite_exec(struct tx *tx, struct db_call call, int64_t *ret_changed, struct err *e) {
    struct sqlite_conn *conn = conn_of(tx);
    ATTR_CLEANUP(finish) struct sqlite_stmt *stmt = NULL;

    TRY(start(conn, call, &stmt, e));
    TRY(step_to_end(conn, stmt, e));
    *ret_changed = changes_of(conn, stmt);
    return ST_OK;
}

/* --- many rows ------------------------------------------------------------------------------- */

static enum status prepare_many(struct sqlite_conn *conn, struct sqlite_stmt *stmt, size_t n_cols,
                                struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf text = {0};
    int code;

    if (stmt->many || stmt->has_no_many)
        return ST_OK;
    stmt->has_no_many = !sqlite_rows_text(stmt->sql, n_cols, SQLITE_ROWS_AT_ONCE, &text);
    if (stmt->has_no_many)
        return ST_OK;
    code = sqlite3_prepare_v3(conn->handle, text.ptr, (int)text.len, SQLITE_PREPARE_PERSISTENT,
                              &stmt->many, NULL);
    return code == SQLITE_OK ? ST_OK : sqlite_fail(conn, code, db_sql_name(stmt->sql).text, e);
}

static void let_go(sqlite3_stmt **handle) {
    if (*handle) {
        (void)sqlite3_reset(*handle);
        (void)sqlite3_clear_bindings(*handle);
    }
}

/* The next SQLITE_ROWS_AT_ONCE rows. */
static enum status exec_many(struct sqlite_conn *conn, struct sqlite_stmt *stmt,
                             const struct db_val *vals, size_t n_cols, int64_t *changed,
                             struct err *e) {
    ATTR_CLEANUP(let_go) sqlite3_stmt *many = stmt->many;
    int code = SQLITE_OK;

    for (size_t i = 0; i < SQLITE_ROWS_AT_ONCE * n_cols && code == SQLITE_OK; i++)
        code = bind_val(many, (int)i + 1, &vals[i]);
    if (code == SQLITE_OK)
        code = sqlite3_step(many);
    if (code != SQLITE_DONE)
        return sqlite_fail(conn, code, db_sql_name(stmt->sql).text, e);
    *changed += sqlite3_changes64(conn->handle);
    return ST_OK;
}

enum status sqlite_exec_rows(struct tx *tx, struct db_batch batch, int64_t *ret_changed,
                             struct err *e) {
    struct sqlite_conn *conn = conn_of(tx);
    ATTR_CLEANUP(finish) struct sqlite_stmt *stmt = NULL;
    int64_t changed = 0;
    size_t row = 0;

    TRY(get_stmt(conn, batch.sql, batch.n_cols, &stmt, e));
    if (batch.n_rows >= SQLITE_ROWS_AT_ONCE)
        TRY(prepare_many(conn, stmt, batch.n_cols, e));
    for (; stmt->many && row + SQLITE_ROWS_AT_ONCE <= batch.n_rows; row += SQLITE_ROWS_AT_ONCE)
        TRY(exec_many(conn, stmt, batch.vals + row * batch.n_cols, batch.n_cols, &changed, e));
    for (; row < batch.n_rows; row++) {
        TRY(bind(conn, stmt, batch.vals + row * batch.n_cols, e));
        TRY(step_to_end(conn, stmt, e));
        changed += changes_of(conn, stmt);
        (void)sqlite3_reset(stmt->handle);
    }
    *ret_changed = changed;
    return ST_OK;
}

/* --- results --------------------------------------------------------------------------------- */

static void copy_row(struct arena *a, sqlite3_stmt *handle, struct db_val *cells, size_t columns) {
    for (size_t col = 0; col < columns; col++) {
        cells[col] = read_cell(handle, (int)col);
        if (cells[col].type == DB_TEXT || cells[col].type == DB_BYTES || cells[col].type == DB_UUID)
            cells[col].s = arena_str(a, cells[col].s);
    }
}

/* Room for one more row; what is outgrown stays behind in the arena, at most as much again. */
static void make_room(struct arena *a, struct db_rows *rows, size_t *cap) {
    struct db_val *cells;

    if (rows->n < *cap)
        return;
    *cap = *cap ? *cap * 2 : 4;
    cells = arena_array_of(a, *cap * rows->columns, struct db_val);
    if (rows->n > 0)
        memcpy(cells, rows->cells, rows->n * rows->columns * sizeof(*cells));
    rows->cells = cells;
}

enum status sqlite_query(struct arena *a, struct tx *tx, struct db_call call, size_t max_rows,
                         struct db_rows *ret, struct err *e) {
    struct sqlite_conn *conn = conn_of(tx);
    ATTR_CLEANUP(finish) struct sqlite_stmt *stmt = NULL;
    struct db_rows rows = {0};
    size_t cap = 0;
    bool has_row = false;

    TRY(start(conn, call, &stmt, e));
    rows.columns = (size_t)sqlite3_column_count(stmt->handle);
    TRY(step(conn, stmt, &has_row, e));
    while (has_row) {
        if (rows.n == max_rows)
            FAIL(e, ST_BROKEN, "could not run \"%s\": more than %zu rows",
                 db_sql_name(call.sql).text, max_rows);
        make_room(a, &rows, &cap);
        copy_row(a, stmt->handle, rows.cells + rows.n * rows.columns, rows.columns);
        rows.n++;
        TRY(step(conn, stmt, &has_row, e));
    }
    *ret = rows;
    return ST_OK;
}

enum status sqlite_each(struct tx *tx, struct db_call call, db_row_fn fn, void *ctx,
                        struct err *e) {
    struct sqlite_conn *conn = conn_of(tx);
    ATTR_CLEANUP(finish) struct sqlite_stmt *stmt = NULL;
    struct db_val cells[DB_MAX_PARAMS];
    size_t columns;
    bool has_row = false;

    TRY(start(conn, call, &stmt, e));
    columns = (size_t)sqlite3_column_count(stmt->handle);
    if (columns > DB_MAX_PARAMS)
        FAIL(e, ST_BROKEN, "could not run \"%s\": more than %d columns", db_sql_name(call.sql).text,
             DB_MAX_PARAMS);
    TRY(step(conn, stmt, &has_row, e));
    while (has_row) {
        for (size_t col = 0; col < columns; col++)
            cells[col] = read_cell(stmt->handle, (int)col);
        TRY(fn(cells, columns, ctx, e));
        TRY(step(conn, stmt, &has_row, e));
    }
    return ST_OK;
}
