/* test_retry_after.c - the spellings of a wait.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "httpc/retry_after.h"

static int64_t one(struct str name, struct str value) {
    struct http_header h = {.name = name, .value = value};

    return retry_after_ms(&h, 1, 1795996800000); /* 2026-11-30T00:00:00Z */
}

static void reads_seconds_and_fractions(void **state) {
    (void)state;
    assert_int_equal(one(STR("Retry-After"), STR("120")), 120000);
    assert_int_equal(one(STR("RETRY-AFTER"), STR(" 0 ")), 0);
    assert_int_equal(one(STR("retry-after"), STR("1.25")), 1250);
    assert_int_equal(one(STR("retry-after"), STR("0.0009")), 0);
    assert_int_equal(one(STR("retry-after"), STR("99999999999")), RETRY_AFTER_MAX_MS);
    assert_int_equal(one(STR("retry-after"), STR("9223372036854774.999")), RETRY_AFTER_MAX_MS);
}

static void reads_dates(void **state) {
    (void)state;
    assert_int_equal(one(STR("Retry-After"), STR("Mon, 30 Nov 2026 00:00:30 GMT")), 30000);
    assert_int_equal(one(STR("Retry-After"), STR("Sun, 29 Nov 2026 00:00:00 GMT")), 0);
    assert_int_equal(one(STR("Retry-After"), STR("Tue, 30 Nov 2027 00:00:00 GMT")),
                     RETRY_AFTER_MAX_MS);
    assert_int_equal(one(STR("Retry-After"), STR("2Dec00000001000000000")), RETRY_AFTER_MAX_MS);
}

static void milliseconds_win(void **state) {
    const struct http_header h[] = {
        {.name = STR("Retry-After"), .value = STR("2")},
        {.name = STR("Retry-After-Ms"), .value = STR("1500")},
    };

    (void)state;
    assert_int_equal(retry_after_ms(h, ARRAY_LEN(h), 0), 1500);
}

static void nonsense_is_not_given(void **state) {
    static const char *const values[] = {
        "", "soon", "-5", "12x", "1.2.3", "99999999999999999999", "\xff\xfe"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        assert_int_equal(one(STR("Retry-After"), str_of(values[i])), -1);
    assert_int_equal(retry_after_ms(NULL, 0, 0), -1);
    assert_int_equal(one(STR("X-Other"), STR("5")), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_seconds_and_fractions),
        cmocka_unit_test(reads_dates),
        cmocka_unit_test(milliseconds_win),
        cmocka_unit_test(nonsense_is_not_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
