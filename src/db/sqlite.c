/* sqlite.c - opening the file, connections and their settings, and what SQLite's codes mean.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "db/sqlite_engine.h"

/* --- errors ---------------------------------------------------------------------------------- */

/* Only what the engine says in general: SQLite's messages hold names of the schema, no values. */
static const char *story_of(int code, const char *message) {
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "disk is full";
    case SQLITE_IOERR:
        return "disk I/O error";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another process holds the database";
    default:
        return message;
    }
}

static enum status status_of(const struct sqlite_conn *conn, int code) {
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return ST_CONFLICT;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
        return ST_UNAVAILABLE;
    case SQLITE_READONLY: /* a reader that writes is our bug; a writer that may not is the file's */
        return conn && conn->is_writer ? ST_UNAVAILABLE : ST_BROKEN;
    case SQLITE_TOOBIG:
        return ST_INVALID;
    default:
        return ST_BROKEN;
    }
}

enum status sqlite_fail(struct sqlite_conn *conn, int code, const char *what, struct err *e) {
    const char *message =
        conn && conn->handle ? sqlite3_errmsg(conn->handle) : sqlite3_errstr(code);
    enum status st = status_of(conn, code);
    bool is_first = e && e->status == ST_OK;

    (void)err_set(e, st, __FILE__, __LINE__, "could not run \"%s\": %s", what,
                  story_of(code, message));
    if (is_first && st == ST_CONFLICT && conn)
        e->cause = sqlite_conflict_cause(conn->handle);
    return st;
}

/* --- connections ----------------------------------------------------------------------------- */

static const char *const control_texts[CONTROL_N_CONTROLS] = {
    [CONTROL_BEGIN] = "BEGIN",       [CONTROL_COMMIT] = "COMMIT",
    [CONTROL_ROLLBACK] = "ROLLBACK", [CONTROL_SAVE] = "SAVEPOINT s",
    [CONTROL_RELEASE] = "RELEASE s", [CONTROL_UNDO] = "ROLLBACK TO s",
};

static const char *control_text(const struct sqlite_conn *conn, enum sqlite_control what) {
    /* The writer takes the lock at once: a deferred one could find, at its first write, that its
     * snapshot is old, and no waiting would help. */
    if (what == CONTROL_BEGIN && conn->is_writer)
        return "BEGIN IMMEDIATE";
    return control_texts[what];
}

enum status sqlite_control(struct sqlite_conn *conn, enum sqlite_control what, struct err *e) {
    const char *text = control_text(conn, what);
    sqlite3_stmt **stmt = &conn->controls[what];
    int code;

    if (!*stmt) {
        code = sqlite3_prepare_v3(conn->handle, text, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
        if (code != SQLITE_OK)
            return sqlite_fail(conn, code, text, e);
    }
    code = sqlite3_step(*stmt);
    if (code != SQLITE_DONE) {
        enum status st = sqlite_fail(conn, sqlite3_extended_errcode(conn->handle), text, e);

        (void)sqlite3_reset(*stmt);
        return st;
    }
    (void)sqlite3_reset(*stmt);
    if (what == CONTROL_BEGIN)
        conn->is_begun = true;
    else if (what == CONTROL_COMMIT || what == CONTROL_ROLLBACK)
        conn->is_begun = false;
    return ST_OK;
}

bool sqlite_is_lost(const struct sqlite_conn *conn) {
    return conn->is_begun && sqlite3_get_autocommit(conn->handle) != 0;
}

enum status sqlite_script(struct sqlite_conn *conn, const char *sql, struct err *e) {
    int code = sqlite3_exec(conn->handle, sql, NULL, NULL, NULL);

    if (code != SQLITE_OK)
        return sqlite_fail(conn, sqlite3_extended_errcode(conn->handle), db_sql_name(sql).text, e);
    return ST_OK;
}

/* Page caches are small on purpose: the kernel caches the file, and the idle process stays lean.
 * The writer checkpoints by itself after it has woken its callers (sqlite_writer.c).
 * secure_delete=fast overwrites what is erased where that costs no extra write. */
static const char writer_settings[] =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;"
    "PRAGMA secure_delete=FAST;" SQLITE_WRITER_SETTINGS "PRAGMA wal_autocheckpoint=0;";
static const char reader_settings[] = "PRAGMA query_only=ON;"
                                      "PRAGMA cache_size=-1024;";

static enum status open_handle(struct sqlite_conn *conn, const char *path, struct err *e) {
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &conn->handle,
                               flags | (conn->is_writer ? SQLITE_OPEN_CREATE : 0), NULL);

    if (code != SQLITE_OK)
        FAIL(e, status_of(conn, code), "could not open database file \"%s\": %s", path,
             conn->handle ? sqlite3_errmsg(conn->handle) : sqlite3_errstr(code));
    return ST_OK;
}

enum status sqlite_conn_open(const char *path, bool is_writer, uint32_t busy_ms,
                             struct sqlite_conn **ret, struct err *e) {
    ATTR_CLEANUP(sqlite_conn_close_p) struct sqlite_conn *conn = calloc(1, sizeof(*conn));

    if (!conn)
        FAIL(e, ST_UNAVAILABLE, "could not open a connection: out of memory");
    conn->is_writer = is_writer;
    TRY(open_handle(conn, path, e));
    (void)sqlite3_busy_timeout(conn->handle, (int)busy_ms);
    TRY(sqlite_script(conn, is_writer ? writer_settings : reader_settings, e));
    *ret = TAKE(conn);
    return ST_OK;
}

void sqlite_conn_close(struct sqlite_conn *conn) {
    if (!conn)
        return;
    sqlite_stmts_free(conn);
    for (size_t i = 0; i < CONTROL_N_CONTROLS; i++)
        (void)sqlite3_finalize(conn->controls[i]);
    (void)sqlite3_close(conn->handle);
    free(conn);
}

void sqlite_conn_close_p(struct sqlite_conn **conn) {
    sqlite_conn_close(*conn);
}

/* --- the engine ------------------------------------------------------------------------------ */

static enum status run_control(struct tx *tx, enum sqlite_control what, struct err *e) {
    struct sqlite_tx *stx = (struct sqlite_tx *)tx;

    return sqlite_control(stx->conn, what, e);
}

static enum status savepoint(struct tx *tx, struct err *e) {
    return run_control(tx, CONTROL_SAVE, e);
}

static enum status release(struct tx *tx, struct err *e) {
    return run_control(tx, CONTROL_RELEASE, e);
}

static enum status rollback_to(struct tx *tx, struct err *e) {
    TRY(run_control(tx, CONTROL_UNDO, e));
    return run_control(tx, CONTROL_RELEASE, e);
}

/* Nothing to tell the engine: here the statements' own filters are the only wall. */
static enum status set_scope(struct tx *tx, struct err *e) {
    (void)tx;
    (void)e;
    return ST_OK;
}

static void close_db(struct db *base) {
    struct sqlite_db *db = (struct sqlite_db *)base;

    sqlite_writer_stop(db);
    sqlite_readers_done(&db->readers);
    db_done(base);
    free(db);
}

static const struct db_engine_ops sqlite_ops = {
    .engine = DB_SQLITE,
    .close = close_db,
    .write = sqlite_write,
    .read = sqlite_read,
    .submit = sqlite_submit,
    .set_scope = set_scope,
    .savepoint = savepoint,
    .release = release,
    .rollback_to = rollback_to,
    .exec = sqlite_exec,
    .query = sqlite_query,
    .each = sqlite_each,
    .exec_rows = sqlite_exec_rows,
    .migrator_open = sqlite_migrator_open,
    .migrator_applied = sqlite_migrator_applied,
    .migrator_apply = sqlite_migrator_apply,
    .migrator_close = sqlite_migrator_close,
};

static void setup_library(void) {
    /* Both are refused once SQLite runs, which then merely costs a little. */
    (void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum status path_of(struct sqlite_db *db, struct err *e) {
    struct str path = str_sub(db->base.options.url, sizeof("sqlite:") - 1, SIZE_MAX);

    if (path.len == 0 || str_eq(path, STR(":memory:")))
        FAIL(e, ST_INVALID, "could not open the database: sqlite: wants the path of a file");
    db->path = arena_cstr(&db->base.arena, path);
    if (!db->path)
        FAIL(e, ST_INVALID, "could not open the database: a NUL byte in its path");
    db->base.described = db->base.options.url;
    return ST_OK;
}

static enum status start(struct sqlite_db *db, struct err *e) {
    TRY(path_of(db, e));
    return sqlite_writer_start(db, e);
}

enum status sqlite_open(struct db_options options, struct db **ret, struct err *e) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct sqlite_db *db = calloc(1, sizeof(*db));
    enum status st;

    if (!db)
        FAIL(e, ST_UNAVAILABLE, "could not open the database: out of memory");
    (void)pthread_once(&once, setup_library);
    db_init(&db->base, &sqlite_ops, options);
    sqlite_readers_init(&db->readers);
    st = start(db, e);
    if (st == ST_OK)
        *ret = &db->base;
    else
        close_db(&db->base);
    return st;
}
