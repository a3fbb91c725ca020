/* test_db_scope.c - a transaction's scope: on PostgreSQL row-level security holds every statement
 * to it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <string.h>

#include "db/harness.h"

static const char schema[] =
    "CREATE TABLE notes (tenant_id UUID NOT NULL, id BIGINT NOT NULL, t TEXT,"
    " PRIMARY KEY (tenant_id, id));\n"
    "-- @tenant_table notes\n"
    "CREATE TABLE owners (id UUID PRIMARY KEY);\n"
    "-- @tenant_table owners id\n"
    "CREATE TABLE clocks (name TEXT PRIMARY KEY);\n"
    "-- @system_table clocks\n";

static struct db *db;
static struct tenant_id tenant_a, tenant_b;

static const struct db_sql insert_note =
    DB_SQL("INSERT INTO notes (tenant_id, id, t) VALUES ($1, $2, 'x')");
static const struct db_sql count_notes = DB_SQL("SELECT count(*) FROM notes");

static int open_db(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    tenant_a.v = uuid_new();
    tenant_b.v = uuid_new();
    assert_ok(harness_db_with(schema, &db, &e), &e);
    return 0;
}

static int close_db(void **state) {
    (void)state;
    harness_done(db);
    return 0;
}

static int one_note_each(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("DELETE FROM notes"), NULL, &e), &e);
    assert_ok(
        HARNESS_EXEC(db, DB_TENANT(tenant_a), insert_note, NULL, &e, V_UUID(tenant_a.v), V_I64(1)),
        &e);
    assert_ok(
        HARNESS_EXEC(db, DB_TENANT(tenant_b), insert_note, NULL, &e, V_UUID(tenant_b.v), V_I64(1)),
        &e);
    return 0;
}

static bool is_postgres(void) {
    return harness_engine() == DB_POSTGRES;
}

static void a_tenant_sees_its_rows_alone(void **state) {
    (void)state;
    assert_int_equal(harness_i64(db, DB_SYSTEM, count_notes), 2);
    if (!is_postgres())
        skip();
    assert_int_equal(harness_i64(db, DB_TENANT(tenant_a), count_notes), 1);
    assert_int_equal(harness_i64(db, DB_TENANT(tenant_b), count_notes), 1);
    assert_int_equal(harness_i64(db, DB_TENANT((struct tenant_id){.v = uuid_new()}), count_notes),
                     0);
}

static void a_tenant_cannot_write_for_another(void **state) {
    struct err e = ERR_INIT;
    int64_t changed = -1;

    (void)state;
    if (!is_postgres())
        skip();
    assert_int_equal(
        HARNESS_EXEC(db, DB_TENANT(tenant_a), insert_note, NULL, &e, V_UUID(tenant_b.v), V_I64(2)),
        ST_BROKEN);
    assert_non_null(strstr(e.message, "row-level security"));
    err_clear(&e);
    assert_ok(
        HARNESS_EXEC(db, DB_TENANT(tenant_a), DB_SQL("UPDATE notes SET t = 'mine'"), &changed, &e),
        &e);
    assert_int_equal(changed, 1);
    assert_ok(HARNESS_EXEC(db, DB_TENANT(tenant_a), DB_SQL("DELETE FROM notes"), &changed, &e), &e);
    assert_int_equal(changed, 1);
    assert_int_equal(harness_i64(db, DB_SYSTEM, count_notes), 1);
    assert_int_equal(HARNESS_EXEC(db, DB_TENANT(tenant_b),
                                  DB_SQL("UPDATE notes SET tenant_id = $1"), NULL, &e,
                                  V_UUID(tenant_a.v)),
                     ST_BROKEN);
}

static void the_owner_of_a_tenant_table_may_be_its_key(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    if (!is_postgres())
        skip();
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("INSERT INTO owners VALUES ($1), ($2)"), NULL, &e,
                           V_UUID(tenant_a.v), V_UUID(tenant_b.v)),
              &e);
    assert_int_equal(harness_i64(db, DB_TENANT(tenant_a), DB_SQL("SELECT count(*) FROM owners")),
                     1);
}

static void system_tables_are_closed_to_tenants(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    if (!is_postgres())
        skip();
    assert_ok(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("INSERT INTO clocks VALUES ('c')"), NULL, &e), &e);
    assert_int_equal(harness_i64(db, DB_TENANT(tenant_a), DB_SQL("SELECT count(*) FROM clocks")),
                     0);
    assert_int_equal(
        HARNESS_EXEC(db, DB_TENANT(tenant_a), DB_SQL("INSERT INTO clocks VALUES ('d')"), NULL, &e),
        ST_BROKEN);
}

static void rows_may_not_change_the_schema(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    if (!is_postgres())
        skip();
    assert_int_equal(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("DROP TABLE notes"), NULL, &e), ST_BROKEN);
    err_clear(&e);
    assert_int_equal(HARNESS_EXEC(db, DB_SYSTEM, DB_SQL("DELETE FROM schema_migrations"), NULL, &e),
                     ST_BROKEN);
}

/* --- changing scope -------------------------------------------------------------------------- */

struct counts {
    struct arena *a;
    int64_t n[6];
};

static enum status count_in(struct tx *tx, struct arena *a, int64_t *ret, struct err *e) {
    struct db_rows rows;

    TRY(DB_QUERY(a, tx, count_notes, &rows, e));
    *ret = db_i64(&rows, 0, 0);
    return ST_OK;
}

static enum status leave_scope_and_fail(struct tx *tx, void *ctx, struct err *e) {
    struct counts *c = ctx;

    TRY(tx_set_scope(tx, DB_TENANT(tenant_b), e));
    TRY(count_in(tx, c->a, &c->n[3], e));
    FAIL(e, ST_DENIED, "on purpose");
}

static enum status fail_unsent(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    TRY(tx_set_scope(tx, DB_TENANT(tenant_b), e));
    FAIL(e, ST_DENIED, "on purpose");
}

static enum status change_scopes(struct tx *tx, void *ctx, struct err *e) {
    struct counts *c = ctx;
    struct err ignored = ERR_INIT;

    TRY(count_in(tx, c->a, &c->n[0], e));
    TRY(tx_set_scope(tx, DB_TENANT(tenant_a), e));
    TRY(count_in(tx, c->a, &c->n[1], e));
    TRY(tx_set_scope(tx, DB_SYSTEM, e));
    TRY(tx_set_scope(tx, DB_TENANT((struct tenant_id){.v = uuid_new()}), e));
    TRY(count_in(tx, c->a, &c->n[2], e));
    TRY(tx_set_scope(tx, DB_SYSTEM, e));
    if (tx_nested(tx, fail_unsent, c, &ignored) != ST_DENIED ||
        tx_nested(tx, leave_scope_and_fail, c, &ignored) != ST_DENIED)
        FAIL(e, ST_BROKEN, "%s", ignored.message);
    if (!tx_scope(tx).is_system)
        FAIL(e, ST_BROKEN, "the scope outlived its savepoint");
    return count_in(tx, c->a, &c->n[4], e);
}

static void a_system_transaction_changes_scope(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};
    struct counts c = {.a = &a};
    struct err e = ERR_INIT;

    (void)state;
    assert_ok(db_write(db, DB_SYSTEM, change_scopes, &c, &e), &e);
    assert_int_equal(c.n[0], 2);
    assert_int_equal(c.n[4], 2);
    assert_int_equal(c.n[1], is_postgres() ? 1 : 2);
    assert_int_equal(c.n[2], is_postgres() ? 0 : 2);
    assert_int_equal(c.n[3], is_postgres() ? 1 : 2);
}

static enum status leave_scope(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    return tx_set_scope(tx, DB_SYSTEM, e);
}

static void a_tenant_transaction_cannot_leave_its_scope(void **state) {
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(db_write(db, DB_TENANT(tenant_a), leave_scope, NULL, &e), ST_BROKEN);
}

/* A scope must not stick to the connection. */
static void scopes_do_not_leak_into_the_next_transaction(void **state) {
    (void)state;
    if (!is_postgres())
        skip();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(harness_i64(db, DB_SYSTEM, count_notes), 2);
        assert_int_equal(harness_i64(db, DB_TENANT(tenant_a), count_notes), 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_tenant_sees_its_rows_alone, one_note_each),
        cmocka_unit_test_setup(a_tenant_cannot_write_for_another, one_note_each),
        cmocka_unit_test_setup(the_owner_of_a_tenant_table_may_be_its_key, one_note_each),
        cmocka_unit_test_setup(system_tables_are_closed_to_tenants, one_note_each),
        cmocka_unit_test_setup(rows_may_not_change_the_schema, one_note_each),
        cmocka_unit_test_setup(a_system_transaction_changes_scope, one_note_each),
        cmocka_unit_test_setup(a_tenant_transaction_cannot_leave_its_scope, one_note_each),
        cmocka_unit_test_setup(scopes_do_not_leak_into_the_next_transaction, one_note_each),
    };

    return cmocka_run_group_tests(tests, open_db, close_db);
}
