/* postgres_migrate.c - migrations on a connection of their own, as the connecting user, under an
 * advisory lock; and the role prosa_app, under which everything else runs.
 *
 * The tables' owner stays the connecting user. prosa_app may read and write rows and no more, and
 * row-level security binds it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/postgres_engine.h"

struct db_migrator {
    struct pg_db *db;
    struct pg_conn *conn;
};

/* Roles are the cluster's, not the database's: two databases migrating at once meet here. */
static const char role_sql[] =
    "DO $$ BEGIN"
    "  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'prosa_app') THEN"
    "    BEGIN CREATE ROLE prosa_app NOLOGIN;"
    "    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END;"
    "  END IF;"
    "  IF NOT pg_has_role('prosa_app', 'member') THEN"
    "    EXECUTE format('GRANT prosa_app TO %I', current_user);"
    "  END IF;"
    " END $$";

static const char table_sql[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,"
    " applied_at_ms BIGINT NOT NULL)";

static const char grants_sql[] =
    "DO $$ BEGIN"
    "  EXECUTE format('GRANT USAGE ON SCHEMA %I TO prosa_app', current_schema());"
    "  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I"
    " TO prosa_app', current_schema());"
    "  EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO prosa_app',"
    "                 current_schema());"
    "  REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM prosa_app;"
    " END $$";

/* Tables with rows of tenants that no policy guards. */
static const char unguarded_sql[] =
    "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"
    " AND a.attname = 'tenant_id' AND NOT a.attisdropped"
    " AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1 LIMIT 1";

/* Other programs' locks are spread over the same numbers; this one is ours. */
#define LOCK_NUMBER "8102763411908735"

/* --- simple queries -------------------------------------------------------------------------- */

/* Out of pipeline mode, where one text may hold many statements. Migrations may take long: the
 * server's limits are off, so is ours. */
static enum status run_sql(struct db_migrator *m, const char *sql, PGresult **ret, struct err *e) {
    PGresult *result = PQexec(m->conn->pq, sql);

    if (!pg_is_ok(result)) {
        enum status st = pg_fail(result, db_sql_name(sql).text, e);

        PQclear(result);
        return st;
    }
    if (ret)
        *ret = result;
    else
        PQclear(result);
    return ST_OK;
}

static enum status run_params(struct db_migrator *m, const char *sql, int n,
                              const char *const *values, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p)
    PGresult *result = PQexecParams(m->conn->pq, sql, n, NULL, values, NULL, NULL, 0);

    return pg_is_ok(result) ? ST_OK : pg_fail(result, db_sql_name(sql).text, e);
}

/* --- the session ----------------------------------------------------------------------------- */

static enum status leave_pipeline(struct db_migrator *m, struct err *e) {
    if (!PQexitPipelineMode(m->conn->pq) || PQsetnonblocking(m->conn->pq, 0) != 0)
        return pg_lose(m->conn, "migrate the database", e);
    return ST_OK;
}

static enum status make_role(struct db_migrator *m, struct err *e) {
    struct err why = ERR_INIT;
    enum status st = run_sql(m, role_sql, NULL, &why);

    if (st == ST_OK)
        return ST_OK;
    FAIL(e, st == ST_UNAVAILABLE ? st : ST_DENIED,
         "could not make role prosa_app: %s; as a superuser run CREATE ROLE prosa_app NOLOGIN; "
         "GRANT prosa_app TO the user of the URL",
         why.message);
}

static enum status set_up(struct db_migrator *m, struct err *e) {
    TRY(leave_pipeline(m, e));
    TRY(run_sql(m,
                "SET statement_timeout = 0; SET lock_timeout = 0;"
                " SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning",
                NULL, e));
    TRY(run_sql(m, "SELECT pg_advisory_lock(" LOCK_NUMBER ")", NULL, e));
    TRY(make_role(m, e));
    TRY(run_sql(m, table_sql, NULL, e));
    return run_sql(m, grants_sql, NULL, e);
}

enum status pg_migrator_open(struct db *db, struct db_migrator **ret, struct err *e) {
    struct db_migrator *m = calloc(1, sizeof(*m));
    enum status st;

    if (!m)
        FAIL(e, ST_UNAVAILABLE, "could not migrate: out of memory");
    m->db = (struct pg_db *)db;
    st = pg_conn_open(m->db, false, &m->conn, e);
    if (st == ST_OK)
        st = set_up(m, e);
    if (st == ST_OK)
        *ret = m;
    else
        pg_migrator_close(m);
    return st;
}

/* Closing the connection frees the lock. The pool's own may lack the role or be prepared for an
 * older schema. */
void pg_migrator_close(struct db_migrator *m) {
    pg_conn_close(m->conn);
    pg_pool_renew(m->db);
    free(m);
}

/* --- steps ----------------------------------------------------------------------------------- */

static struct str cell(struct arena *a, const PGresult *result, int row, int col) {
    return arena_str(a, (struct str){.ptr = PQgetvalue(result, row, col),
                                     .len = (size_t)PQgetlength(result, row, col)});
}

enum status pg_migrator_applied(struct arena *a, struct db_migrator *m, struct db_applied_list *ret,
                                struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *result = NULL;
    struct db_applied_list list = {0};

    TRY(run_sql(m, "SELECT number, name, checksum FROM schema_migrations ORDER BY number", &result,
                e));
    list.n = (size_t)PQntuples(result);
    list.items = arena_array_of(a, list.n, struct db_applied);
    for (int i = 0; i < PQntuples(result); i++) {
        list.items[i].name = cell(a, result, i, 1);
        list.items[i].checksum = cell(a, result, i, 2);
        if (!str_parse_i64(cell(a, result, i, 0), 0, INT64_MAX, &list.items[i].number))
            FAIL(e, ST_BROKEN, "could not read table schema_migrations");
    }
    *ret = list;
    return ST_OK;
}

static enum status record(struct db_migrator *m, const struct db_migration *migration,
                          struct err *e) {
    char number[24];
    char now[24];
    const char *values[] = {number, migration->name, migration->checksum, now};

    (void)snprintf(number, sizeof(number), "%lld", (long long)migration->number);
    (void)snprintf(now, sizeof(now), "%lld", (long long)clock_now_ms());
    return run_params(m,
                      "INSERT INTO schema_migrations (number, name, checksum, applied_at_ms)"
                      " VALUES ($1, $2, $3, $4)",
                      4, values, e);
}

static enum status check_guarded(struct db_migrator *m, struct err *e) {
    ATTR_CLEANUP(pg_result_clear_p) PGresult *unguarded = NULL;

    TRY(run_sql(m, unguarded_sql, &unguarded, e));
    if (PQntuples(unguarded) > 0)
        FAIL(e, ST_BROKEN, "table \"%s\" has a tenant_id but no line \"-- @tenant_table\"",
             PQgetvalue(unguarded, 0, 0));
    return ST_OK;
}

/* Policies bind the tables' owner, too, unless it is a superuser: hence the scope. */
static enum status apply_in_tx(struct db_migrator *m, const struct db_migration *migration,
                               struct err *e) {
    TRY(run_sql(m, "BEGIN; SET LOCAL prosa.scope = 'system'", NULL, e));
    TRY(run_sql(m, migration->sql.ptr, NULL, e));
    TRY(record(m, migration, e));
    TRY(run_sql(m, grants_sql, NULL, e));
    TRY(check_guarded(m, e));
    return run_sql(m, "COMMIT", NULL, e);
}

enum status pg_migrator_apply(struct db_migrator *m, const struct db_migration *migration,
                              struct err *e) {
    struct err why = ERR_INIT;
    enum status st = apply_in_tx(m, migration, &why);

    if (st == ST_OK)
        return ST_OK;
    PQclear(PQexec(m->conn->pq, "ROLLBACK"));
    FAIL(e, st == ST_UNAVAILABLE ? st : ST_BROKEN, "could not apply migration %lld \"%s\": %s",
         (long long)migration->number, migration->name, why.message);
}
