/* sqlite_migrate.c - migrations on a connection of their own. The lock is the file's write lock,
 * taken per migration: which of two starters runs one is decided inside its transaction.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/clock.h"
#include "db/sqlite_engine.h"

enum { LOCK_WAIT_MS = 120000 }; /* another starter may be in the middle of a long one */

struct db_migrator {
    struct sqlite_db *db;
    struct sqlite_conn *conn;
    struct db_hooks hooks;
};

static const char create_table[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,"
    " applied_at_ms BIGINT NOT NULL)";

static struct sqlite_tx tx_of(struct db_migrator *m) {
    return (struct sqlite_tx){
        .base = {.db = &m->db->base, .scope = DB_SYSTEM, .hooks = &m->hooks, .is_system = true},
        .conn = m->conn,
    };
}

/* Foreign keys are off while a migration runs, so that it may build a table anew under its old
 * name; whether they hold is checked before the commit. */
enum status sqlite_migrator_open(struct db *db, struct db_migrator **ret, struct err *e) {
    struct db_migrator *m = calloc(1, sizeof(*m));
    enum status st;

    if (!m)
        FAIL(e, ST_UNAVAILABLE, "could not migrate: out of memory");
    m->db = (struct sqlite_db *)db;
    st = sqlite_conn_open(m->db->path, true, LOCK_WAIT_MS, &m->conn, e);
    if (st == ST_OK)
        st = sqlite_script(m->conn, "PRAGMA foreign_keys=OFF", e);
    if (st == ST_OK)
        st = sqlite_script(m->conn, create_table, e);
    if (st == ST_OK)
        *ret = m;
    else
        sqlite_migrator_close(m);
    return st;
}

void sqlite_migrator_close(struct db_migrator *m) {
    sqlite_conn_close(m->conn);
    db_hooks_done(&m->hooks);
    free(m);
}

enum status sqlite_migrator_applied(struct arena *a, struct db_migrator *m,
                                    struct db_applied_list *ret, struct err *e) {
    struct sqlite_tx tx = tx_of(m);
    struct db_applied_list list = {0};
    struct db_rows rows;

    TRY(DB_QUERY(a, &tx.base,
                 DB_SQL("SELECT number, name, checksum FROM schema_migrations ORDER BY number"),
                 &rows, e));
    list.n = rows.n;
    list.items = arena_array_of(a, rows.n, struct db_applied);
    for (size_t i = 0; i < rows.n; i++)
        list.items[i] = (struct db_applied){
            .number = db_i64(&rows, i, 0),
            .name = db_text(&rows, i, 1),
            .checksum = db_text(&rows, i, 2),
        };
    *ret = list;
    return ST_OK;
}

static enum status check_foreign_keys(struct sqlite_tx *tx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db_rows rows;

    TRY(DB_QUERY(&a, &tx->base, DB_SQL("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1"),
                 &rows, e));
    if (rows.n > 0)
        FAIL(e, ST_BROKEN, "rows of table \"%.*s\" point nowhere", STR_ARG(db_text(&rows, 0, 0)));
    return ST_OK;
}

static enum status apply_in_tx(struct db_migrator *m, const struct db_migration *migration,
                               struct err *e) {
    struct sqlite_tx tx = tx_of(m);
    int64_t is_new = 0;

    TRY(DB_EXEC(&tx.base,
                DB_SQL("INSERT INTO schema_migrations (number, name, checksum, applied_at_ms)"
                       " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"),
                &is_new, e, V_I64(migration->number), V_TEXT(str_of(migration->name)),
                V_TEXT(str_of(migration->checksum)), V_I64(clock_now_ms())));
    if (is_new == 0)
        return ST_OK; /* another starter was faster */
    TRY(sqlite_script(m->conn, migration->sql.ptr, e));
    return check_foreign_keys(&tx, e);
}

enum status sqlite_migrator_apply(struct db_migrator *m, const struct db_migration *migration,
                                  struct err *e) {
    struct err why = ERR_INIT;
    struct err ignored = ERR_INIT;
    enum status st = sqlite_control(m->conn, CONTROL_BEGIN, &why);

    if (st == ST_OK)
        st = apply_in_tx(m, migration, &why);
    if (st == ST_OK)
        st = sqlite_control(m->conn, CONTROL_COMMIT, &why);
    if (st == ST_OK)
        return ST_OK;
    if (!sqlite3_get_autocommit(m->conn->handle))
        (void)sqlite_control(m->conn, CONTROL_ROLLBACK, &ignored);
    return err_set(e, st == ST_UNAVAILABLE ? st : ST_BROKEN, __FILE__, __LINE__,
                   "could not apply migration %lld \"%s\": %s", (long long)migration->number,
                   migration->name, why.message);
}
