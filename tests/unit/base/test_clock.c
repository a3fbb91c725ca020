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

static void iso_text_reads_back(void **state) {
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00Z", 0},
        {"2026-11-21T03:04:05.678Z", 1795230245678},
        {"2026-11-21T00:04:05.6789999-03:00", 1795230245678},
        {"2026-11-21T03:04:05+00:00", 1795230245000},
        {"2000-02-29T12:00:00.5Z", 951825600500},
        {"1969-12-31T23:59:59.999Z", -1},
        {"0000-01-01T00:00:00.000Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-13-01",
                                      "2026-00-10",
                                      "2025-02-29",
                                      "1900-02-29",
                                      "2026-04-31",
                                      "2026-11-21T",
                                      "2026-11-21T03:04:05",
                                      "2026-11-21T24:00Z",
                                      "2026-11-21 03:04Z",
                                      "2026-11-21T03:60Z",
                                      "2026-11-21T03:04:05.Z",
                                      "2026-11-21T03:04Zx",
                                      "+026-11-21",
                                      "2026-1-21"};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(clock_parse_iso(str_of(good[i].text), &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (clock_parse_iso(str_of(bad[i]), &ms))
            fail_msg("read \"%s\"", bad[i]);
    for (int64_t at = -62167219200000; at < 253402300799999;
         at += 86400000 * INT64_C(9973) + 12345) {
        char text[CLOCK_ISO_BYTES];

        clock_format_iso_to(at, text);
        assert_true(clock_parse_iso((struct str){text, sizeof(text)}, &ms));
        assert_int_equal(ms, at);
    }
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
        cmocka_unit_test(iso_text_reads_back),
        cmocka_unit_test(shift_moves_both_clocks),
        cmocka_unit_test(deadline_is_of_the_kernels_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
