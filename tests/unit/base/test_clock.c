/* test_clock.c - what clock.h promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "unit/check.h"

#include <time.h>

#include "base/clock.h"

static void iso_text_agrees_with_the_library(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    for (int64_t s = -62167219200; s < 253402300800; s += 86399 * 997) {
        time_t t = s;
        struct tm tm;
        char want[80];

        assert_non_null(gmtime_r(&t, &tm));
        (void)snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.042Z", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        assert_str(clock_format_iso(&a, s * 1000 + 42), want);
        arena_reset(&a);
    }
}

static void iso_text_of_known_moments(void **state) {
    ATTR_CLEANUP(arena_done_p) struct arena a = {0};

    (void)state;
    assert_str(clock_format_iso(&a, 0), "1970-01-01T00:00:00.000Z");
    assert_str(clock_format_iso(&a, -1), "1969-12-31T23:59:59.999Z");
    assert_str(clock_format_iso(&a, 1795230245678), "2026-11-21T03:04:05.678Z");
    assert_str(clock_format_iso(&a, 951782400000), "2000-02-29T00:00:00.000Z");
    assert_str(clock_format_iso(&a, INT64_MAX), "9999-12-31T23:59:59.999Z");
    assert_str(clock_format_iso(&a, INT64_MIN), "0000-01-01T00:00:00.000Z");
}

static void shift_moves_both_clocks(void **state) {
    int64_t now_ms = clock_now_ms(), mono_ms = clock_mono_ms();

    (void)state;
    clock_shift_ms(86400000);
    assert_in_range(clock_now_ms() - now_ms, 86400000, 86410000);
    assert_in_range(clock_mono_ms() - mono_ms, 86400000, 86410000);
    clock_shift_ms(0);
    assert_in_range(clock_now_ms() - now_ms + 5, 0, 10000);
}

static void deadline_is_of_the_kernels_clock(void **state) {
    struct timespec at;
    int64_t at_ms;

    (void)state;
    clock_shift_ms(1000000000);
    at = clock_deadline(1500);
    clock_shift_ms(0);
    at_ms = (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
    assert_in_range(at_ms - clock_mono_ms(), 100, 1500);
    assert_in_range(at.tv_nsec, 0, 999999999);
    at = clock_deadline(INT64_MAX);
    assert_true(at.tv_sec > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iso_text_agrees_with_the_library),
        cmocka_unit_test(iso_text_of_known_moments),
        cmocka_unit_test(shift_moves_both_clocks),
        cmocka_unit_test(deadline_is_of_the_kernels_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
