/* test_tenant_audit.c - the audit log's chain, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "db/tenant_fixture.h"

struct call {
    struct fixture *f;
    struct audit entry;
    struct audit_row *rows;
    int64_t before;
    size_t limit, n;
    int64_t n_verified;
    const char *sql;
};

static enum status record(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return audit_add(tx, c->entry, e);
}

static enum status record_and_fail(struct tx *tx, void *ctx, struct err *e) {
    TRY(record(tx, ctx, e));
    FAIL(e, ST_DENIED, "changed our mind");
}

static enum status list(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;
    struct audit_query q = {.tenant = c->entry.tenant, .before = c->before, .limit = c->limit};

    return audit_list(&c->f->a, tx, q, &c->rows, &c->n, e);
}

static enum status verify(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return audit_verify(tx, c->entry.tenant, &c->n_verified, e);
}

static enum status tamper(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;
    struct db_sql sql = DB_SQL(c->sql);

    return DB_EXEC(tx, sql, NULL, e, V_UUID(c->entry.tenant.v));
}

static struct call call_of(struct fixture *f) {
    return (struct call){.f = f,
                         .entry = {.tenant = f->acme.id,
                                   .actor = STR("cli"),
                                   .action = "key.add",
                                   .object = STR("key:1"),
                                   .detail = STR("{\"name\":\"crm\"}")}};
}

static enum status in_tenant(struct call *c, tx_fn fn) {
    return db_write(c->f->db, DB_TENANT(c->entry.tenant), fn, c, &c->f->e);
}

static void add_entries(struct call *c, int n) {
    for (int i = 0; i < n; i++)
        assert_ok(in_tenant(c, record), &c->f->e);
}

static void entries_form_a_chain_per_tenant(void **state) {
    struct fixture *f = *state;
    struct call c = call_of(f), d = call_of(f);

    d.entry.tenant = f->other.id;
    add_entries(&c, 3);
    add_entries(&d, 1);
    assert_ok(in_tenant(&c, list), &f->e);
    assert_int_equal(c.n, 3);
    assert_int_equal(c.rows[0].seq, 3);
    assert_str(c.rows[0].action, "key.add");
    assert_str(c.rows[0].detail, "{\"name\":\"crm\"}");
    assert_true(str_eq(c.rows[0].prev_hash, c.rows[1].hash));
    assert_int_equal(c.rows[2].prev_hash.len, 0);
    assert_ok(in_tenant(&c, verify), &f->e);
    assert_int_equal(c.n_verified, 3);
    assert_ok(in_tenant(&d, verify), &f->e);
    assert_int_equal(d.n_verified, 1);
    c.before = 3;
    c.limit = 1;
    assert_ok(in_tenant(&c, list), &f->e);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.rows[0].seq, 2);
}

static void an_empty_log_verifies(void **state) {
    struct call c = call_of(*state);

    assert_ok(in_tenant(&c, verify), &c.f->e);
    assert_int_equal(c.n_verified, 0);
}

static void the_installation_has_a_chain_of_its_own(void **state) {
    struct fixture *f = *state;
    struct call c = call_of(f);

    c.entry.tenant = (struct tenant_id){0};
    assert_ok(db_write(f->db, DB_SYSTEM, record, &c, &f->e), &f->e);
    assert_ok(db_write(f->db, DB_SYSTEM, verify, &c, &f->e), &f->e);
    assert_int_equal(c.n_verified, 1);
}

static void what_is_rolled_back_leaves_no_gap(void **state) {
    struct call c = call_of(*state);

    add_entries(&c, 1);
    assert_int_equal(fixture_failing(c.f, in_tenant(&c, record_and_fail)), ST_DENIED);
    add_entries(&c, 1);
    assert_ok(in_tenant(&c, verify), &c.f->e);
    assert_int_equal(c.n_verified, 2);
}

static void entries_cannot_be_changed_or_deleted(void **state) {
    struct call c = call_of(*state);

    add_entries(&c, 2);
    c.sql = "UPDATE audit_log SET actor = 'nobody' WHERE tenant_id = $1";
    assert_int_not_equal(fixture_failing(c.f, in_tenant(&c, tamper)), ST_OK);
    c.sql = "DELETE FROM audit_log WHERE tenant_id = $1";
    assert_int_not_equal(fixture_failing(c.f, in_tenant(&c, tamper)), ST_OK);
    assert_ok(in_tenant(&c, verify), &c.f->e);
}

static enum status drop_triggers(struct tx *tx, void *ctx, struct err *e) {
    (void)ctx;
    TRY(DB_EXEC(tx, DB_SQL("DROP TRIGGER audit_log_no_update"), NULL, e));
    return DB_EXEC(tx, DB_SQL("DROP TRIGGER audit_log_no_delete"), NULL, e);
}

/* What the owner of the database can do: the guards gone, then the change. */
static void tamper_as_owner(struct call *c, const char *sql) {
    struct fixture *f = c->f;

    harness_spoil(f->db);
    if (harness_engine() == DB_POSTGRES)
        harness_superuser(f->db, "DROP TRIGGER IF EXISTS audit_log_no_change ON audit_log");
    else
        assert_ok(db_write(f->db, DB_SYSTEM, drop_triggers, NULL, &f->e), &f->e);
    c->sql = sql;
    assert_ok(in_tenant(c, tamper), &f->e);
}

static void assert_broken(struct call *c, const char *message) {
    assert_int_equal(in_tenant(c, verify), ST_BROKEN);
    assert_string_equal(c->f->e.message, message);
}

static void a_changed_entry_is_named(void **state) {
    struct call c = call_of(*state);

    add_entries(&c, 3);
    tamper_as_owner(&c, "UPDATE audit_log SET actor = 'x' WHERE tenant_id = $1 AND seq = 2");
    assert_broken(&c, "audit log: entry 2 is not what was recorded");
}

static void a_missing_entry_is_named(void **state) {
    struct call c = call_of(*state);

    add_entries(&c, 3);
    tamper_as_owner(&c, "DELETE FROM audit_log WHERE tenant_id = $1 AND seq = 2");
    assert_broken(&c, "audit log: entry 2 is missing");
}

static void a_cut_off_end_is_named(void **state) {
    struct call c = call_of(*state);

    add_entries(&c, 3);
    tamper_as_owner(&c, "DELETE FROM audit_log WHERE tenant_id = $1 AND seq > 1");
    assert_broken(&c, "audit log: entry 2 is missing");
}

static void an_added_entry_is_named(void **state) {
    struct call c = call_of(*state);

    add_entries(&c, 2);
    c.sql = "INSERT INTO audit_log SELECT tenant_id, 3, at, actor, action, object, detail, hash,"
            " hash FROM audit_log WHERE tenant_id = $1 AND seq = 2";
    assert_ok(in_tenant(&c, tamper), &c.f->e);
    assert_broken(&c, "audit log: entry 3 is not what was recorded");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TENANT_TEST(entries_form_a_chain_per_tenant),
        TENANT_TEST(an_empty_log_verifies),
        TENANT_TEST(the_installation_has_a_chain_of_its_own),
        TENANT_TEST(what_is_rolled_back_leaves_no_gap),
        TENANT_TEST(entries_cannot_be_changed_or_deleted),
        TENANT_TEST(a_changed_entry_is_named),
        TENANT_TEST(a_missing_entry_is_named),
        TENANT_TEST(a_cut_off_end_is_named),
        TENANT_TEST(an_added_entry_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
