/* test_pattern.c - which events an endpoint wants, and the schedule of attempts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"
#include "webhook/store.h"

static void pattern_matches_all_a_family_or_one_kind(void **state) {
    (void)state;
    assert_true(webhook_matches(STR("*"), STR("message.received")));
    assert_true(webhook_matches(STR("message.*"), STR("message.received")));
    assert_true(webhook_matches(STR("lead.* conversation.taken"), STR("conversation.taken")));
    assert_false(webhook_matches(STR("message.*"), STR("messages.received")));
    assert_false(webhook_matches(STR("message.*"), STR("message")));
    assert_false(webhook_matches(STR("conversation.taken"), STR("conversation.taken_over")));
    assert_false(webhook_matches(STR_EMPTY, STR("message.received")));
}

static void patterns_are_normalised_and_checked(void **state) {
    static const char *const bad[] = {"",           " ",   "message.",  ".x", "a..b", "a.*.b",
                                      "message.*x", "A.b", "message/*", "**", "a,b",  "é.x"};
    struct arena a = {0};
    struct err e = ERR_INIT;
    struct str got;

    (void)state;
    assert_ok(pattern_normalise(&a, STR("  message.*   conversation.taken "), &got, &e), &e);
    assert_str(got, "message.* conversation.taken");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err_clear(&e);
        assert_int_equal(pattern_normalise(&a, str_of(bad[i]), &got, &e), ST_INVALID);
    }
    arena_done(&a);
}

static void attempts_go_on_for_about_a_day_and_spread_by_a_fifth(void **state) {
    int64_t least = 0, most = 0, n = 1;

    (void)state;
    assert_int_equal(webhook_backoff_ms(1, 0), 4000);
    assert_int_equal(webhook_backoff_ms(1, 500), 5000);
    assert_in_range(webhook_backoff_ms(1, 999), 5900, 6000);
    for (; webhook_backoff_ms(n, 0) > 0; n++) {
        least += webhook_backoff_ms(n, 0);
        most += webhook_backoff_ms(n, 999);
    }
    assert_int_equal(n, 11);
    assert_in_range(least, 18 * 3600 * 1000, 20 * 3600 * 1000);
    assert_in_range(most, 28 * 3600 * 1000, 29 * 3600 * 1000);
    assert_int_equal(webhook_backoff_ms(0, 0), 0);
    assert_int_equal(webhook_backoff_ms(INT64_MAX, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_matches_all_a_family_or_one_kind),
        cmocka_unit_test(patterns_are_normalised_and_checked),
        cmocka_unit_test(attempts_go_on_for_about_a_day_and_spread_by_a_fifth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
