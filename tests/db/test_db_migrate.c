/* test_db_migrate.c - what runs, once, in order, and when it is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <pthread.h>
#include <string.h>

#include "db/harness.h"
#include "db/migrations.h"

#define FILE_OF(n, text)                                                                           \
    {                                                                                              \
        .number = (n), .name = "m" #n, .engine = "", .sql = (text), .len = sizeof(text) - 1,       \
        .sha256 = "sum" #n                                                                         \
    }

static struct db *db;

static int open_db(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(harness_db_bare(&db, &e), &e);
    return 0;
}

static int close_db(void **state) {
    (void)state;
    harness_done(db);
    return 0;
}

static const struct migration_file files[] = {
    FILE_OF(1, "CREATE TABLE one (id BIGINT PRIMARY KEY);\nINSERT INTO one VALUES (1);"),
    FILE_OF(2, "CREATE TABLE two (id BIGINT REFERENCES one (id));\nINSERT INTO two VALUES (1);"),
    FILE_OF(4, "ALTER TABLE one ADD COLUMN t TEXT;"),
};

static void migrations_run_once_in_order(void **state) {
    struct err e = ERR_INIT;
    int64_t applied = -1;

    (void)state;
    assert_ok(db_migrate_files(db, files, 2, &applied, &e), &e);
    assert_int_equal(applied, 2);
    assert_ok(db_migrate_files(db, files, 2, &applied, &e), &e);
    assert_int_equal(applied, 0);
    assert_ok(db_migrate_files(db, files, 3, &applied, &e), &e);
    assert_int_equal(applied, 1);
    assert_int_equal(harness_i64(db, DB_SYSTEM, DB_SQL("SELECT count(t) + count(*) FROM one")), 1);
    assert_int_equal(harness_i64(db, DB_SYSTEM,
                                 DB_SQL("SELECT CAST(sum(number) AS BIGINT) + count(name)"
                                        " FROM schema_migrations") /* 7 + 3 */),
                     10);
}

static void the_state_tells_both_numbers(void **state) {
    struct db_migration_state s;
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(db_migration_state(db, &s, &e), &e);
    assert_int_equal(s.schema, 0);
    assert_true(s.program > 0);
    assert_ok(db_migrate_files(db, files, 3, NULL, &e), &e);
    assert_ok(db_migration_state(db, &s, &e), &e);
    assert_int_equal(s.schema, 4);
}

static void the_programs_own_migrations_run(void **state) {
    struct db_migration_state s;
    struct err e = ERR_INIT;
    int64_t applied = -1;

    (void)state;
    assert_ok(db_migrate(db, &applied, &e), &e);
    assert_int_equal(applied, migration_files_count);
    assert_ok(db_migrate(db, &applied, &e), &e);
    assert_int_equal(applied, 0);
    assert_ok(db_migration_state(db, &s, &e), &e);
    assert_int_equal(s.schema, s.program);
}

static void a_newer_schema_is_refused(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(db_migrate_files(db, files, 3, NULL, &e), &e);
    assert_int_equal(db_migrate_files(db, files, 2, NULL, &e), ST_CONFLICT);
    assert_non_null(strstr(e.message, "newer program"));
}

static void a_changed_text_is_refused(void **state) {
    struct migration_file changed[2];
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(db_migrate_files(db, files, 2, NULL, &e), &e);
    memcpy(changed, files, sizeof(changed));
    changed[0].sha256 = "another";
    assert_int_equal(db_migrate_files(db, changed, 2, NULL, &e), ST_BROKEN);
    assert_non_null(strstr(e.message, "m1"));
}

static void a_lost_migration_is_refused(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(db_migrate_files(db, files, 2, NULL, &e), &e);
    assert_int_equal(db_migrate_files(db, files + 1, 1, NULL, &e), ST_BROKEN);
}

static void a_failed_migration_leaves_nothing(void **state) {
    static const struct migration_file bad[] = {
        FILE_OF(1, "CREATE TABLE one (id BIGINT);"),
        FILE_OF(2, "CREATE TABLE two (id BIGINT);\nINSERT INTO two VALUES (1);\nSELEC 1;"),
    };
    struct db_migration_state s;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(db_migrate_files(db, bad, 2, NULL, &e), ST_BROKEN);
    assert_non_null(strstr(e.message, "migration 2 \"m2\""));
    err_clear(&e);
    assert_ok(db_migration_state(db, &s, &e), &e);
    assert_int_equal(s.schema, 1);
    assert_int_equal(harness_i64(db, DB_SYSTEM,
                                 DB_SQL2("SELECT count(*) FROM sqlite_master WHERE name = 'two'",
                                         "SELECT count(*) FROM pg_class WHERE relname = 'two'")),
                     0);
}

static void a_broken_foreign_key_is_refused(void **state) {
    static const struct migration_file bad[] = {
        FILE_OF(1, "CREATE TABLE one (id BIGINT PRIMARY KEY);"
                   "CREATE TABLE two (id BIGINT REFERENCES one (id)); INSERT INTO two VALUES (5);"),
    };
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(db_migrate_files(db, bad, 1, NULL, &e), ST_BROKEN);
}

static void each_engine_gets_its_own_text(void **state) {
    static const struct migration_file own[] = {
        FILE_OF(1, "-- @sqlite\n"
                   "CREATE TABLE one (id INTEGER PRIMARY KEY, word TEXT DEFAULT 'lite');\n"
                   "-- @postgres\n"
                   "CREATE TABLE one (id BIGINT GENERATED ALWAYS AS IDENTITY, word TEXT DEFAULT "
                   "'postgres');\n"
                   "-- @both\n"
                   "CREATE TABLE two (id BIGINT);\n"
                   "INSERT INTO one (word) SELECT 'x' WHERE 1 = 0;\n"
                   "INSERT INTO one DEFAULT VALUES;\n"),
    };
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(db_migrate_files(db, own, 1, NULL, &e), &e);
    assert_int_equal(harness_i64(db, DB_SYSTEM, DB_SQL("SELECT length(word) FROM one")),
                     harness_engine() == DB_SQLITE ? 4 : 8);
    assert_int_equal(harness_i64(db, DB_SYSTEM, DB_SQL("SELECT count(*) FROM two")), 0);
}

static void unknown_directives_are_refused(void **state) {
    static const char *const texts[] = {"-- @tenant_tabel x\n", "-- @tenant_table a;b\n",
                                        "-- @tenant_table\n", "-- @system_table a b\n",
                                        "-- @tenant_table a b c\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ATTR_CLEANUP(arena_done_p) struct arena a = {0};
        struct err e = ERR_INIT;
        struct str ret;

        assert_int_equal(db_migration_text(&a, DB_POSTGRES, str_of(texts[i]), &ret, &e), ST_BROKEN);
    }
}

static void a_tenants_table_without_a_policy_is_refused(void **state) {
    static const struct migration_file bad[] = {
        FILE_OF(1, "CREATE TABLE one (tenant_id UUID, id BIGINT);"),
    };
    struct err e = ERR_INIT;

    (void)state;
    if (harness_engine() != DB_POSTGRES)
        skip();
    assert_int_equal(db_migrate_files(db, bad, 1, NULL, &e), ST_BROKEN);
    assert_non_null(strstr(e.message, "\"one\""));
}

/* --- a server's ordinary user ---------------------------------------------------------------- */

/* A role of the test's own, which owns the database, and the URL to connect as it. */
static struct str plain_url(struct arena *a, const char *name, const char *attributes) {
    struct str rest = harness_url(a, db);
    struct str head;

    (void)str_cut(&rest, '@', &head);
    harness_superuser(db,
                      arena_printf(a,
                                   "DROP ROLE IF EXISTS %s;"
                                   " CREATE ROLE %s LOGIN PASSWORD 'plain' %s;"
                                   " DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I OWNER TO %s',"
                                   " current_database()); END $$",
                                   name, name, attributes, name)
                          .ptr);
    return arena_printf(a, "postgresql://%s:plain@%.*s", name, STR_ARG(rest));
}

static void drop_role(struct arena *a, const char *name) {
    harness_superuser(
        db, arena_printf(a, "REASSIGN OWNED BY %s TO CURRENT_USER; DROP OWNED BY %s; DROP ROLE %s",
                         name, name, name)
                .ptr);
}

static enum status migrate_as(struct str url, struct err *e) {
    static const struct migration_file own[] = {
        FILE_OF(1, "CREATE TABLE one (tenant_id UUID, id BIGINT);\n-- @tenant_table one\n"
                   "INSERT INTO one (id) VALUES (1);"),
    };
    struct tenant_id nobody = {.v = uuid_new()};
    struct db *mine;
    enum status st;

    TRY(db_open((struct db_options){.url = url}, &mine, e));
    st = db_migrate_files(mine, own, 1, NULL, e);
    if (st == ST_OK) {
        assert_int_equal(harness_i64(mine, DB_SYSTEM, DB_SQL("SELECT count(*) FROM one")), 1);
        assert_int_equal(harness_i64(mine, DB_TENANT(nobody), DB_SQL("SELECT count(*) FROM one")),
                         0);
    }
    db_close(mine);
    return st;
}

static void a_plain_user_can_own_the_database(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct err e = ERR_INIT;

    (void)state;
    if (harness_engine() != DB_POSTGRES)
        skip();
    assert_ok(migrate_as(plain_url(&a, "prosa_test_plain", "CREATEROLE"), &e), &e);
    drop_role(&a, "prosa_test_plain");
}

static void a_user_who_may_not_make_the_role_is_told_how(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct err e = ERR_INIT;
    struct str url;

    (void)state;
    if (harness_engine() != DB_POSTGRES)
        skip();
    url = plain_url(&a, "prosa_test_poor", "");
    assert_int_equal(migrate_as(url, &e), ST_DENIED);
    assert_non_null(strstr(e.message, "CREATE ROLE prosa_app"));
    harness_superuser(db, "DO $$ BEGIN CREATE ROLE prosa_app NOLOGIN;"
                          " EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
                          " GRANT prosa_app TO prosa_test_poor");
    err_clear(&e);
    assert_ok(migrate_as(url, &e), &e);
    drop_role(&a, "prosa_test_poor");
}

/* --- parallel starters ----------------------------------------------------------------------- */

enum { N_STARTERS = 4 };

struct starter {
    pthread_t thread;
    struct str url;
    int64_t applied;
    enum status st;
    struct err e;
};

static void *start(void *arg) {
    struct starter *s = arg;
    struct db *mine;

    s->st = db_open((struct db_options){.url = s->url, .timeout_ms = 10000}, &mine, &s->e);
    if (s->st != ST_OK)
        return NULL;
    s->st = db_migrate(mine, &s->applied, &s->e);
    db_close(mine);
    return NULL;
}

static void parallel_starters_apply_each_once(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct starter starters[N_STARTERS] = {0};
    struct db_migration_state s;
    struct err e = ERR_INIT;

    (void)state;
    for (int i = 0; i < N_STARTERS; i++) {
        starters[i].url = harness_url(&a, db);
        assert_int_equal(pthread_create(&starters[i].thread, NULL, start, &starters[i]), 0);
    }
    for (int i = 0; i < N_STARTERS; i++)
        (void)pthread_join(starters[i].thread, NULL);
    for (int i = 0; i < N_STARTERS; i++)
        assert_ok(starters[i].st, &starters[i].e);
    assert_ok(db_migration_state(db, &s, &e), &e);
    assert_int_equal(s.schema, s.program);
}

int main(void) {
#define FRESH(test) cmocka_unit_test_setup_teardown(test, open_db, close_db)
    const struct CMUnitTest tests[] = {
        FRESH(migrations_run_once_in_order),
        FRESH(the_state_tells_both_numbers),
        FRESH(the_programs_own_migrations_run),
        FRESH(a_newer_schema_is_refused),
        FRESH(a_changed_text_is_refused),
        FRESH(a_lost_migration_is_refused),
        FRESH(a_failed_migration_leaves_nothing),
        FRESH(a_broken_foreign_key_is_refused),
        FRESH(each_engine_gets_its_own_text),
        cmocka_unit_test(unknown_directives_are_refused),
        FRESH(a_tenants_table_without_a_policy_is_refused),
        FRESH(a_plain_user_can_own_the_database),
        FRESH(a_user_who_may_not_make_the_role_is_told_how),
        FRESH(parallel_starters_apply_each_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
