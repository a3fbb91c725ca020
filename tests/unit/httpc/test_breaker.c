/* test_breaker.c - the states of a circuit, with the time given by hand.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "httpc/breaker.h"

static void fail_times(struct breaker *b, unsigned n, int64_t now_ms) {
    for (unsigned i = 0; i < n; i++)
        (void)breaker_report(b, BREAKER_BAD, false, now_ms);
}

static void opens_after_failures_in_a_row(void **state) {
    struct breaker b;

    (void)state;
    breaker_init(&b, BREAKER_FAILURES);
    fail_times(&b, BREAKER_FAILURES - 1, 0);
    assert_false(
        breaker_report(&b, BREAKER_GOOD, false, 0)); /* one success starts the count over */
    fail_times(&b, BREAKER_FAILURES - 1, 0);
    assert_true(breaker_admit(&b, 0));
    assert_true(breaker_report(&b, BREAKER_BAD, false, 0));
    assert_false(breaker_admit(&b, 0));
    assert_false(breaker_admit(&b, BREAKER_PAUSE_MS - 1));
    assert_int_equal(breaker_wait_ms(&b, 0), BREAKER_PAUSE_MS);
}

static void neutral_outcomes_do_not_count(void **state) {
    struct breaker b;

    (void)state;
    breaker_init(&b, BREAKER_FAILURES);
    for (int i = 0; i < 10 * BREAKER_FAILURES; i++)
        assert_false(breaker_report(&b, BREAKER_NEUTRAL, false, 0));
    assert_true(breaker_admit(&b, 0));
}

static void one_probe_decides(void **state) {
    struct breaker b;

    (void)state;
    breaker_init(&b, BREAKER_FAILURES);
    fail_times(&b, BREAKER_FAILURES, 0);
    assert_true(breaker_admit(&b, BREAKER_PAUSE_MS));
    assert_int_equal(b.state, BREAKER_PROBING);
    assert_false(breaker_admit(&b, BREAKER_PAUSE_MS));                      /* only one */
    assert_false(breaker_report(&b, BREAKER_BAD, false, BREAKER_PAUSE_MS)); /* a straggler */
    assert_int_equal(b.state, BREAKER_PROBING);
    assert_true(breaker_report(&b, BREAKER_BAD, true, BREAKER_PAUSE_MS));
    assert_false(breaker_admit(&b, 3 * BREAKER_PAUSE_MS - 1)); /* the pause has doubled */
    assert_true(breaker_admit(&b, 3 * BREAKER_PAUSE_MS));
    assert_false(breaker_report(&b, BREAKER_GOOD, true, 3 * BREAKER_PAUSE_MS));
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_int_equal(b.pause_ms, BREAKER_PAUSE_MS);
}

static void a_probe_without_verdict_is_repeated(void **state) {
    struct breaker b;

    (void)state;
    breaker_init(&b, BREAKER_FAILURES);
    fail_times(&b, BREAKER_FAILURES, 0);
    assert_true(breaker_admit(&b, BREAKER_PAUSE_MS));
    assert_false(breaker_report(&b, BREAKER_NEUTRAL, true, BREAKER_PAUSE_MS));
    assert_true(breaker_admit(&b, BREAKER_PAUSE_MS));
}

static void the_pause_has_a_ceiling(void **state) {
    struct breaker b;
    int64_t now = 0;

    (void)state;
    breaker_init(&b, BREAKER_FAILURES);
    fail_times(&b, BREAKER_FAILURES, now);
    for (int i = 0; i < 20; i++) {
        now += BREAKER_MAX_PAUSE_MS;
        assert_true(breaker_admit(&b, now));
        assert_true(breaker_report(&b, BREAKER_BAD, true, now));
    }
    assert_int_equal(breaker_wait_ms(&b, now), BREAKER_MAX_PAUSE_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_after_failures_in_a_row),
        cmocka_unit_test(neutral_outcomes_do_not_count),
        cmocka_unit_test(one_probe_decides),
        cmocka_unit_test(a_probe_without_verdict_is_repeated),
        cmocka_unit_test(the_pause_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
