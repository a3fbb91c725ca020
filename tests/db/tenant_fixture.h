/* tenant_fixture.h - a fresh database with two tenants, for the tests of tenant/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "db/harness.h"
#include "tenant/tenant.h"
#include "unit/check.h"

struct fixture {
    struct arena a;
    struct db *db;
    struct tenant acme, other;
    struct keyring *keys;
    struct err e;
};

struct fixture_add {
    struct fixture *f;
    struct tenant_new in;
    struct tenant out;
};

static inline enum status fixture_add_tx(struct tx *tx, void *ctx, struct err *e) {
    struct fixture_add *add = ctx;

    return tenant_add(&add->f->a, tx, add->in, &add->out, e);
}

static inline enum status fixture_tenant(struct fixture *f, struct tenant_new in,
                                         struct tenant *ret) {
    struct fixture_add add = {.f = f, .in = in};
    enum status st = db_write(f->db, DB_SYSTEM, fixture_add_tx, &add, &f->e);

    *ret = add.out;
    return st;
}

static inline int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_ok(crypto_init(&f->e), &f->e);
    assert_ok(harness_db(&f->db, &f->e), &f->e);
    assert_ok(keyring_parse(STR("1111111111111111111111111111111111111111111111111111111111111111"),
                            &f->keys, &f->e),
              &f->e);
    assert_ok(fixture_tenant(f, (struct tenant_new){.slug = STR("acme")}, &f->acme), &f->e);
    assert_ok(fixture_tenant(f, (struct tenant_new){.slug = STR("other")}, &f->other), &f->e);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    struct fixture *f = *state;

    keyring_free(f->keys);
    harness_done(f->db);
    arena_done(&f->a);
    free(f);
    return 0;
}

/* The status, with what was said about the failure forgotten: for calls that are meant to fail. */
static inline enum status fixture_failing(struct fixture *f, enum status st) {
    err_clear(&f->e);
    return st;
}

#define TENANT_TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
