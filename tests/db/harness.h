/* harness.h - a fresh, migrated database for one test, on the engine that PROSA_TEST_ENGINE names:
 * "sqlite" (the default, a directory of its own under TMPDIR) or "postgres" (a database of its own
 * on the server of PROSA_TEST_POSTGRES_URL, whose user may create databases; a copy of one that is
 * migrated once a server, emptied between a program's tests). Not for several threads at once.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/db.h"

enum db_engine harness_engine(void);

/* A new database with all migrations of the program; ends with harness_done. */
enum status harness_db(struct db **ret, struct err *e) ATTR_MUST_CHECK;
/* The same without migrations. */
enum status harness_db_bare(struct db **ret, struct err *e) ATTR_MUST_CHECK;
/* The same with one migration, of this text. */
enum status harness_db_with(const char *sql, struct db **ret, struct err *e) ATTR_MUST_CHECK;
/* Closes it and removes the database. */
void harness_done(struct db *db);
/* The test changes the schema: no other test gets this database. */
void harness_spoil(const struct db *db);

/* URL of a database of harness_db(), for a second struct db on it (db_close that one first). */
struct str harness_url(struct arena *a, const struct db *db);
/* Connects as the server's superuser to the same database and runs SQL (PostgreSQL only); a failure
 * fails the test. */
void harness_superuser(const struct db *db, const char *sql);

/* One statement in a transaction of its own. */
enum status harness_exec_vals(struct db *db, struct db_scope scope, struct db_sql sql,
                              const struct db_val *vals, size_t n, int64_t *ret_changed,
                              struct err *e) ATTR_MUST_CHECK;
/* HARNESS_EXEC(db, scope, sql, &changed or NULL, e, V_UUID(id), …) */
#define HARNESS_EXEC(db, scope, sql, ret_changed, e, ...)                                          \
    harness_exec_vals((db), (scope), (sql), DB_VALS_(__VA_ARGS__), DB_N_VALS_(__VA_ARGS__),        \
                      (ret_changed), (e))
/* The first cell of a query as an integer; a failure fails the test. */
int64_t harness_i64(struct db *db, struct db_scope scope, struct db_sql sql);

/* The rows of queries whose $1 is the tenant, as text: equal texts mean that nothing is different. */
enum status harness_snapshot(struct arena *a, struct tx *tx, const struct db_sql *sqls, size_t n,
                             struct uuid tenant, struct str *ret, struct err *e) ATTR_MUST_CHECK;
