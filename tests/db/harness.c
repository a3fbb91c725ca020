/* harness.c - see harness.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "db/harness.h"

#include "crypto/crypto.h"
#include "db/migrations.h"

#include <dirent.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define UNFINISHED "prosa_template_unfinished"

enum {
    CHECKSUM_BYTES = 64, /* in hex */
    MAX_DATABASES = 8,
    NAME_BYTES = 64,
    TIMEOUT_MS = 5000,
    CONNECTIONS = 8,
};

static struct database {
    struct db *db; /* NULL: free slot */
    char dir[NAME_BYTES];
    char name[NAME_BYTES];
    bool is_of_migrations; /* and of nothing else: emptied, it is as good as new */
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

/* As the superuser, in database `name` or the URL's own. PQfinish it, also a dead one. */
static PGconn *connect_as_superuser(const char *name) {
    const char *keys[] = {"dbname", name ? "dbname" : NULL, NULL};
    const char *values[] = {server_url(), name, NULL};
    PGconn *conn = PQconnectdbParams(keys, values, 1);

    (void)PQsetNoticeProcessor(conn, ignore_notice, NULL);
    return conn;
}

/* ret_rows may be NULL. */
static bool run_on(PGconn *conn, const char *sql, int *ret_rows) {
    PGresult *result = PQexec(conn, sql);
    bool is_done =
        PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;

    if (!is_done)
        (void)fprintf(stderr, "harness: %s: %s", sql, PQerrorMessage(conn));
    if (ret_rows)
        *ret_rows = PQntuples(result);
    PQclear(result);
    return is_done;
}

static bool run_as_superuser(const char *name, const char *sql) {
    PGconn *conn = connect_as_superuser(name);
    bool is_done = run_on(conn, sql, NULL);

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

static enum status create_database(struct database *d, const char *template, struct err *e) {
    static unsigned counter;
    char sql[NAME_BYTES * 3];

    (void)snprintf(d->name, sizeof(d->name), "prosa_test_%d_%u", (int)getpid(), ++counter);
    (void)snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", d->name);
    if (!run_as_superuser(NULL, sql))
        FAIL(e, ST_UNAVAILABLE, "could not drop database \"%s\"", d->name);
    (void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s", d->name, template);
    if (!run_as_superuser(NULL, sql))
        FAIL(e, ST_UNAVAILABLE, "could not create database \"%s\"", d->name);
    return ST_OK;
}

static void drop_database(struct database *d) {
    char sql[NAME_BYTES * 2];

    (void)snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", d->name);
    (void)run_as_superuser(NULL, sql);
}

/* --- a migrated database to copy, made once a server: a copy costs a fifth of its migrations ----------- */

/* Other migrations, other template: a server may outlive a build. */
static void name_template(char *name, size_t max) {
    uint8_t digest[SHA256_BYTES];
    struct buf all;

    buf_init(&all, migration_files_count * CHECKSUM_BYTES);
    for (size_t i = 0; i < migration_files_count; i++)
        buf_add(&all, str_of(migration_files[i].sha256));
    crypto_sha256(buf_str(&all), digest);
    buf_done(&all);
    (void)snprintf(name, max, "prosa_template_%02x%02x%02x%02x", digest[0], digest[1], digest[2],
                   digest[3]);
}

static enum status migrate_url(struct str url, struct err *e) {
    struct db *db;
    enum status st;

    TRY(db_open((struct db_options){.url = url, .connections = 1, .timeout_ms = TIMEOUT_MS}, &db,
                e));
    st = db_migrate(db, NULL, e);
    db_close(db);
    return st;
}

/* Under the lock. It gets its name when it is whole. */
static enum status make_template(PGconn *conn, const char *name, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    char sql[NAME_BYTES * 3];
    int found = 0;

    (void)snprintf(sql, sizeof(sql), "SELECT FROM pg_database WHERE datname = '%s'", name);
    if (!run_on(conn, sql, &found))
        FAIL(e, ST_UNAVAILABLE, "could not look for database \"%s\"", name);
    if (found > 0)
        return ST_OK;
    if (!run_on(conn, "DROP DATABASE IF EXISTS " UNFINISHED " WITH (FORCE)", NULL) ||
        !run_on(conn, "CREATE DATABASE " UNFINISHED, NULL))
        FAIL(e, ST_UNAVAILABLE, "could not create database \"" UNFINISHED "\"");
    TRY(migrate_url(url_with(&a, UNFINISHED), e));
    (void)snprintf(sql, sizeof(sql), "ALTER DATABASE " UNFINISHED " RENAME TO %s", name);
    if (!run_on(conn, sql, NULL))
        FAIL(e, ST_UNAVAILABLE, "could not name database \"%s\"", name);
    return ST_OK;
}

/* Test programs run side by side: one makes it, the others wait. */
static enum status need_template(const char *name, struct err *e) {
    static bool is_there;
    PGconn *conn;
    enum status st = ST_UNAVAILABLE;

    if (is_there)
        return ST_OK;
    conn = connect_as_superuser(NULL);
    if (run_on(conn, "SELECT pg_advisory_lock(7203)", NULL))
        st = make_template(conn, name, e);
    else
        err_set(e, st, __FILE__, __LINE__, "could not lock the template database");
    PQfinish(conn); /* and the lock */
    is_there = st == ST_OK;
    return st;
}

/* --- and emptied, as good as new, for the next test of this program: a tenth of a new one -------------- */

static char kept[NAME_BYTES]; /* its name; "": none */

static void drop_kept(void) {
    struct database d = {0};

    memcpy(d.name, kept, sizeof(d.name));
    if (*kept)
        drop_database(&d);
}

/* Without triggers: the audit log defends itself. DELETE: TRUNCATE makes new files of hundreds. */
static bool empty_database(const struct database *d) {
    return run_as_superuser(d->name,
                            "SET session_replication_role = replica;"
                            "DO $$ DECLARE name text; BEGIN"
                            " FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r'"
                            " AND relnamespace = 'public'::regnamespace"
                            " AND relname NOT IN ('schema_migrations', 'search_place') LOOP"
                            " EXECUTE format('DELETE FROM %I', name); END LOOP; END $$;"
                            "UPDATE search_place SET place = ''");
}

static void keep_or_drop(struct database *d) {
    static bool is_told;

    if (*kept || !d->is_of_migrations || !empty_database(d)) {
        drop_database(d);
        return;
    }
    if (!is_told && atexit(drop_kept) == 0)
        is_told = true;
    memcpy(kept, d->name, sizeof(kept));
}

static enum status kept_or_copy(struct database *d, struct err *e) {
    char template[NAME_BYTES];

    d->is_of_migrations = true;
    if (*kept) {
        memcpy(d->name, kept, sizeof(d->name));
        *kept = '\0';
        return ST_OK;
    }
    name_template(template, sizeof(template));
    TRY(need_template(template, e));
    return create_database(d, template, e);
}

void harness_spoil(const struct db *db) {
    find(db)->is_of_migrations = false;
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
        keep_or_drop(d);
    else
        remove_dir(d);
    *d = (struct database){0};
}

static enum status open_database(struct database *d, struct db **ret, struct err *e) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct db *db = NULL;
    enum status st = db_open((struct db_options){.url = url_of(&a, d),
                                                 .connections = CONNECTIONS,
                                                 .timeout_ms = TIMEOUT_MS},
                             &db, e);

    if (st == ST_OK)
        *ret = d->db = db;
    else
        remove_database(d);
    return st;
}

enum status harness_db_bare(struct db **ret, struct err *e) {
    struct database *d = find(NULL);

    TRY(harness_engine() == DB_POSTGRES ? create_database(d, "template1", e) : create_dir(d, e));
    return open_database(d, ret, e);
}

enum status harness_db(struct db **ret, struct err *e) {
    struct database *d = find(NULL);
    struct db *db = NULL;
    enum status st;

    TRY(harness_engine() == DB_POSTGRES ? kept_or_copy(d, e) : create_dir(d, e));
    TRY(open_database(d, &db, e));
    st = db_migrate(db, NULL, e); /* nothing is left to do on PostgreSQL, but to look */
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
