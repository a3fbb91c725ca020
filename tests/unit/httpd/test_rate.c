/* test_rate.c - what rate.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <string.h>

#include "httpd/rate.h"

static struct rate_key key(uint32_t caller, uint32_t scope) {
    struct rate_key k = {.scope = scope};

    memcpy(k.id, &caller, sizeof(caller));
    return k;
}

static void bucket_empties_and_refills_evenly(void **state) {
    struct rates *r = rates_new(42);

    (void)state;
    for (int i = 0; i < 60; i++)
        assert_int_equal(rates_take(r, key(1, 0), 60, 1000), 0);
    assert_int_equal(rates_take(r, key(1, 0), 60, 1000), 1000);
    assert_int_equal(rates_take(r, key(1, 0), 60, 1400), 600);
    assert_int_equal(rates_peek(r, key(1, 0), 60, 1400), 600);
    assert_int_equal(rates_take(r, key(1, 0), 60, 2000), 0);
    assert_int_equal(rates_take(r, key(1, 0), 60, 2000), 1000);
    assert_int_equal(rates_take(r, key(1, 0), 60, 10 * 60 * 1000), 0);
    rates_free(r);
}

static void callers_and_scopes_do_not_share(void **state) {
    struct rates *r = rates_new(42);

    (void)state;
    assert_int_equal(rates_take(r, key(1, 0), 1, 0), 0);
    assert_int_not_equal(rates_take(r, key(1, 0), 1, 0), 0);
    assert_int_equal(rates_take(r, key(2, 0), 1, 0), 0);
    assert_int_equal(rates_take(r, key(1, 1), 1, 0), 0);
    assert_int_equal(rates_peek(r, key(3, 0), 1, 0), 0);
    rates_free(r);
}

/* Far more callers than places: whoever keeps calling stays known, nobody crashes. */
static void busy_caller_survives_a_flood(void **state) {
    struct rates *r = rates_new(7);

    (void)state;
    assert_int_equal(rates_take(r, key(0, 0), 1, 0), 0);
    for (uint32_t i = 1; i < 100000; i++) {
        (void)rates_take(r, key(i, 0), 1, 0);
        if (i % 64 == 0)
            assert_int_not_equal(rates_take(r, key(0, 0), 1, 0), 0);
    }
    rates_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket_empties_and_refills_evenly),
        cmocka_unit_test(callers_and_scopes_do_not_share),
        cmocka_unit_test(busy_caller_survives_a_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
