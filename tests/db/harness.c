/* harness.c - see harness.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/harness.h"

#include "db/migrations.h"

#include <dirent.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MAX_DATABASES = 8,
    NAME_BYTES = 64,
    TIMEOUT_MS = 5000,
    CONNECTIONS = 8,
};

static struct database {
    struct db *db; /* NULL: free slot */
    char dir[NAME_BYTES];
    char name[NAME_BYTES];
} databases[MAX_DATABASES];

enum db_engine harness_engine(void) {
    const char *name = getenv("PROSA_TEST_ENGINE"); /* NOLINT(concurrency-mt-unsafe): one thread */

    return name && str_eq(str_of(name), STR("postgres")) ? DB_POSTGRES : DB_SQLITE;
}

static struct database *find(const struct db *db) {
    for (size_t i = 0; i < MAX_DATABASES; i++)
        if (databases[i].db == db)
            return &databases[i];
    (void)fprintf(stderr, "harness: no such database, or too many\n");
    abort();
}

/* --- PostgreSQL ------------------------------------------------------------------------------ */

static const char *server_url(void) {
    const char *url = getenv("PROSA_TEST_POSTGRES_URL"); /* NOLINT(concurrency-mt-unsafe) */

    if (!url) {
        (void)fprintf(stderr, "harness: PROSA_TEST_POSTGRES_URL is not set\n");
        exit(2); /* NOLINT(concurrency-mt-unsafe) */
    }
    return url;
}

static void ignore_notice(void *arg, const char *message) {
    (void)arg;
    (void)message;
}

/* As the superuser, in database `name` or the URL's own. */
static bool run_as_superuser(const char *name, const char *sql) {
    const char *keys[] = {"dbname", "dbname", NULL};
    const char *values[] = {server_url(), name, NULL};
    PGconn *conn;
    PGresult *result;
    bool is_done;

    if (!name)
        keys[1] = NULL;
    conn = PQconnectdbParams(keys, values, 1);
    (void)PQsetNoticeProcessor(conn, ignore_notice, NULL);
    result = PQexec(conn, sql);
    is_done =
        PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
    if (!is_done)
        (void)fprintf(stderr, "harness: %s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return is_done;
}

/* The server's URL with another database: what stands between the authority and the '?'. */
static struct str url_with(struct arena *a, const char *name) {
    struct str query = str_of(server_url());
    struct str base;
    bool has_query = str_cut(&query, '?', &base);
    struct str rest = base;
    struct str scheme;
    struct str authority;

    (void)str_cut(&rest, ':', &scheme);
    (void)str_eat(&rest, STR("//"));
    (void)str_cut(&rest, '/', &authority);
    return arena_printf(a, "%.*s://%.*s/%s%s%.*s", STR_ARG(scheme), STR_ARG(authority), name,
                        has_query ? "?" : "", STR_ARG(query));
}

static enum status create_database(struct database *d, struct err *e) {
    static unsigned counter;
    char sql[NAME_BYTES * 2];

    (void)snprintf(d->name, sizeof(d->name), "prosa_test_%d_%u", (int)getpid(), ++counter);
    (void)snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", d->name);
    if (!run_as_superuser(NULL, sql))
        FAIL(e, ST_UNAVAILABLE, "could not drop database \"%s\"", d->name);
    (void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s", d->name);
    if (!run_as_superuser(NULL, sql))
        FAIL(e, ST_UNAVAILABLE, "could not create database \"%s\"", d->name);
    return ST_OK;
}

static void drop_database(struct database *d) {
    char sql[NAME_BYTES * 2];

    (void)snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", d->name);
    (void)run_as_superuser(NULL, sql);
}

void harness_superuser(const struct db *db, const char *sql) {
    if (!run_as_superuser(find(db)->name, sql))
        abort();
}

/* --- SQLite ---------------------------------------------------------------------------------- */

static enum status create_dir(struct database *d, struct err *e) {
    const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */

    (void)snprintf(d->dir, sizeof(d->dir), "%s/prosa-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(d->dir))
        FAIL(e, ST_UNAVAILABLE, "could not make directory \"%s\"", d->dir);
    return ST_OK;
}

static void remove_dir(struct database *d) {
    DIR *dir = opendir(d->dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL) /* NOLINT(concurrency-mt-unsafe): own stream */
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        (void)closedir(dir);
    (void)rmdir(d->dir);
}

/* --- both ------------------------------------------------------------------------------------ */

static struct str url_of(struct arena *a, const struct database *d) {
    if (harness_engine() == DB_POSTGRES)
        return url_with(a, d->name);
    return arena_printf(a, "sqlite:%s/prosa.db", d->dir);
}

struct str harness_url(struct arena *a, const struct db *db) {
    return url_of(a, find(db));
}

static void remove_database(struct database *d) {
    if (harness_engine() == DB_POSTGRES)
        drop_database(d);
    else
        remove_dir(d);
    *d = (struct database){0};
}

enum status harness_db_bare(struct db **ret, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct database *d = find(NULL);
    struct db *db = NULL;
    enum status st;

    TRY(harness_engine() == DB_POSTGRES ? create_database(d, e) : create_dir(d, e));
    st = db_open((struct db_options){.url = url_of(&a, d),
                                     .connections = CONNECTIONS,
                                     .timeout_ms = TIMEOUT_MS},
                 &db, e);
    if (st == ST_OK)
        *ret = d->db = db;
    else
        remove_database(d);
    return st;
}

enum status harness_db(struct db **ret, struct err *e) {
    struct db *db = NULL;
    enum status st;

    TRY(harness_db_bare(&db, e));
    st = db_migrate(db, NULL, e);
    if (st == ST_OK)
        *ret = db;
    else
        harness_done(db);
    return st;
}

enum status harness_db_with(const char *sql, struct db **ret, struct err *e) {
    struct migration_file file = {
        .number = 1,
        .name = "test",
        .engine = "",
        .sql = sql,
        .len = str_of(sql).len,
        .sha256 = "0",
    };
    struct db *db = NULL;
    enum status st;

    TRY(harness_db_bare(&db, e));
    st = db_migrate_files(db, &file, 1, NULL, e);
    if (st == ST_OK)
        *ret = db;
    else
        harness_done(db);
    return st;
}

void harness_done(struct db *db) {
    struct database *d;

    if (!db)
        return;
    d = find(db);
    db_close(db);
    remove_database(d);
}

/* --- one statement --------------------------------------------------------------------------- */

struct statement {
    struct db_sql sql;
    const struct db_val *vals;
    size_t n;
    int64_t result; /* rows changed, or the first cell */
};

static enum status exec_statement(struct tx *tx, void *ctx, struct err *e) {
    struct statement *s = ctx;

    return db_exec_vals(tx, s->sql, s->vals, s->n, &s->result, e);
}

enum status harness_exec_vals(struct db *db, struct db_scope scope, struct db_sql sql,
                              const struct db_val *vals, size_t n, int64_t *ret_changed,
                              struct err *e) {
    struct statement s = {.sql = sql, .vals = vals, .n = n};

    TRY(db_write(db, scope, exec_statement, &s, e));
    if (ret_changed)
        *ret_changed = s.result;
    return ST_OK;
}

static enum status query_statement(struct tx *tx, void *ctx, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct statement *s = ctx;
    struct db_rows rows;

    TRY(DB_QUERY(&a, tx, s->sql, &rows, e));
    s->result = db_i64(&rows, 0, 0);
    return ST_OK;
}

int64_t harness_i64(struct db *db, struct db_scope scope, struct db_sql sql) {
    struct statement s = {.sql = sql};
    struct err e = ERR_INIT;

    if (db_read(db, scope, query_statement, &s, &e) != ST_OK) {
        (void)fprintf(stderr, "harness: %s\n", e.message);
        abort();
    }
    return s.result;
}

static void add_cell(struct arena *a, struct buf *b, const struct db_val *v) {
    if (v->type == DB_I64)
        buf_printf(b, "%lld|", (long long)v->i);
    else if (v->type == DB_UUID || v->s.len == UUID_BYTES)
        buf_printf(b, "%.*s|", STR_ARG(uuid_format(a, v->u)));
    else
        buf_printf(b, "%.*s|", STR_ARG(v->s));
}

enum status harness_snapshot(struct arena *a, struct tx *tx, const struct db_sql *sqls, size_t n,
                             struct uuid tenant, struct str *ret, struct err *e) {
    ATTR_CLEANUP(buf_done_p) struct buf b;

    buf_init(&b, 16 << 20);
    for (size_t i = 0; i < n; i++) {
        struct db_rows rows;

        TRY(DB_QUERY(a, tx, sqls[i], &rows, e, V_UUID(tenant)));
        for (size_t k = 0; k < rows.n * rows.columns; k++)
            add_cell(a, &b, &rows.cells[k]);
        buf_add_char(&b, '\n');
    }
    *ret = arena_str(a, buf_str(&b));
    return ST_OK;
}
