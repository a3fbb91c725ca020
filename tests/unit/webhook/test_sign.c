/* test_sign.c - signatures against vectors of Standard Webhooks' own libraries.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"
#include "webhook/store.h"

/* From the libraries' tests (standard-webhooks/libraries, svix): one secret, id, time and body. */
static void signature_is_the_libraries(void **state) {
    struct arena a = {0};
    struct err e = ERR_INIT;
    struct str got;

    (void)state;
    assert_ok(crypto_init(&e), &e);
    assert_ok(webhook_sign(&a, STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                           STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
                           STR("{\"test\": 2432232314}"), &got, &e),
              &e);
    assert_str(got, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_int_equal(
        webhook_sign(&a, STR("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), STR("m"), 1, STR_EMPTY, &got, &e),
        ST_BROKEN);
    err_clear(&e);
    assert_int_equal(webhook_sign(&a, STR("whsec_"), STR("m"), 1, STR_EMPTY, &got, &e), ST_BROKEN);
    arena_done(&a);
}

static void new_secrets_are_32_random_bytes(void **state) {
    struct arena a = {0};
    struct err e = ERR_INIT;
    struct str one, two, key;

    (void)state;
    assert_ok(crypto_init(&e), &e);
    one = secret_new(&a);
    two = secret_new(&a);
    assert_false(str_eq(one, two));
    assert_true(str_eat(&one, STR("whsec_")));
    assert_true(crypto_unbase64(&a, one, &key));
    assert_int_equal(key.len, 32);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature_is_the_libraries),
        cmocka_unit_test(new_secrets_are_32_random_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
