/* test_tenant_totp.c - the second factor in the database: codes that count once, sealing, new keys, on both engines.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "db/tenant_fixture.h"
#include "tenant/totp.h"

#define PASSWORD STR("correct horse")

struct call {
    struct fixture *f;
    struct user user;
    const struct keyring *keys;
    struct str code;
    struct totp_new factor;
    struct str recovery[TOTP_RECOVERY_CODES];
};

static enum status begin(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return totp_begin(&c->f->a, tx, c->keys, &c->user, &c->factor, e);
}

static enum status confirm(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return totp_confirm(&c->f->a, tx, c->keys, &c->user, c->code, c->recovery, e);
}

static enum status use(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return totp_use(tx, c->keys, &c->user, c->code, e);
}

static enum status reset(struct tx *tx, void *ctx, struct err *e) {
    struct call *c = ctx;

    return totp_reset(tx, c->user.tenant, c->user.id, e);
}

static enum status run(struct call *c, tx_fn fn) {
    return db_write(c->f->db, DB_TENANT(c->f->acme.id), fn, c, &c->f->e);
}

/* The other way round than the program: letters to bytes. */
static struct str unbase32(struct arena *a, struct str text) {
    char *out = arena_alloc(a, text.len);
    unsigned bits = 0, value = 0;
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        value = value << 5 | (unsigned)(c >= 'A' ? c - 'A' : c - '2' + 26);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (char)(value >> bits & 0xff);
        }
    }
    return (struct str){out, n};
}

static struct str code_in(struct call *c, int steps) {
    struct str secret = unbase32(&c->f->a, c->factor.secret);

    return totp_code(&c->f->a, secret, clock_now_ms() / TOTP_STEP_MS + steps, TOTP_DIGITS);
}

static struct call with_factor(struct fixture *f) {
    struct call c = {.f = f, .keys = f->keys};
    const struct user_new in = {.tenant = f->acme.id,
                                .email = STR("ana@example.com"),
                                .password = PASSWORD,
                                .role = ROLE_AGENT};

    assert_ok(user_add(&f->a, f->db, in, &c.user, &f->e), &f->e);
    assert_ok(run(&c, begin), &f->e);
    c.code = code_in(&c, 0);
    assert_ok(run(&c, confirm), &f->e);
    return c;
}

static void assert_refused(struct call *c) {
    assert_int_equal(run(c, use), ST_DENIED);
    assert_string_equal(c->f->e.cause, "second-factor");
    err_clear(&c->f->e);
}

static void a_code_counts_once_and_none_before_it_counts_any_more(void **state) {
    struct call c = with_factor(*state);

    assert_refused(&c); /* the one that confirmed */
    clock_shift_ms(2 * TOTP_STEP_MS);
    c.code = code_in(&c, 0);
    assert_ok(run(&c, use), &c.f->e);
    assert_refused(&c);
    c.code = code_in(&c, -1);
    assert_refused(&c);
    c.code = code_in(&c, 2);
    assert_refused(&c);
    c.code = code_in(&c, 1);
    assert_ok(run(&c, use), &c.f->e);
    clock_shift_ms(0);
}

static void a_recovery_code_counts_once_and_only_for_its_user(void **state) {
    struct fixture *f = *state;
    struct call c = with_factor(f);
    struct call other = {.f = f, .keys = f->keys};
    const struct user_new in = {.tenant = f->acme.id,
                                .email = STR("bob@example.com"),
                                .password = PASSWORD,
                                .role = ROLE_AGENT};

    assert_ok(user_add(&f->a, f->db, in, &other.user, &f->e), &f->e);
    assert_ok(run(&other, begin), &f->e);
    other.code = code_in(&other, 0);
    assert_ok(run(&other, confirm), &f->e);
    other.code = c.recovery[0];
    assert_refused(&other);
    c.code = c.recovery[0];
    assert_ok(run(&c, use), &f->e);
    assert_refused(&c);
    c.code = STR("aaaa-aaaa-aaaa-aaaa");
    assert_refused(&c);
}

static void the_secret_is_stored_sealed_and_under_the_new_key_after_resealing(void **state) {
    struct fixture *f = *state;
    struct call c = with_factor(f);
    struct keyring *both, *fresh;
    int64_t n = -1;

    assert_ok(keyring_parse(STR("2222222222222222222222222222222222222222222222222222222222222222\n"
                                "1111111111111111111111111111111111111111111111111111111111111111"),
                            &both, &f->e),
              &f->e);
    assert_ok(keyring_parse(STR("2222222222222222222222222222222222222222222222222222222222222222"),
                            &fresh, &f->e),
              &f->e);
    clock_shift_ms(2 * TOTP_STEP_MS);
    c.keys = fresh;
    c.code = code_in(&c, 0);
    assert_int_equal(fixture_failing(f, run(&c, use)), ST_BROKEN); /* not under this key yet */
    assert_ok(totp_reseal(f->db, both, &n, &f->e), &f->e);
    assert_int_equal(n, 1);
    assert_ok(totp_reseal(f->db, both, &n, &f->e), &f->e);
    assert_int_equal(n, 0);
    assert_ok(run(&c, use), &f->e);
    clock_shift_ms(0);
    keyring_free(both);
    keyring_free(fresh);
}

static void a_reset_takes_secret_and_recovery_codes_away(void **state) {
    struct call c = with_factor(*state);

    assert_ok(run(&c, reset), &c.f->e);
    c.code = STR_EMPTY;
    assert_ok(run(&c, use), &c.f->e); /* nothing is asked for */
    assert_ok(run(&c, begin), &c.f->e);
    c.code = code_in(&c, 0);
    assert_ok(run(&c, confirm), &c.f->e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TENANT_TEST(a_code_counts_once_and_none_before_it_counts_any_more),
        TENANT_TEST(a_recovery_code_counts_once_and_only_for_its_user),
        TENANT_TEST(the_secret_is_stored_sealed_and_under_the_new_key_after_resealing),
        TENANT_TEST(a_reset_takes_secret_and_recovery_codes_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
