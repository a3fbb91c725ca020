/* test_quiet.c - nobody is written to outside the hours, by the clocks on their own wall.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "calendar/brazil.h"
#include "calendar/zone.h"
#include "consent/consent.h"
#include "phone/phone.h"

#include "unit/check.h"

static const int64_t own_days_off[] = {20819}; /* 2027-01-01 */

static struct quiet usual(void) {
    struct quiet q = {.is_on = true,
                      .spares_national = true,
                      .timezone = STR("America/Sao_Paulo"),
                      .holidays = own_days_off,
                      .n_holidays = 1};

    for (size_t i = 0; i < 5; i++)
        q.week[i] = (struct quiet_day){8 * 60, 20 * 60};
    q.week[5] = (struct quiet_day){9 * 60, 16 * 60};
    return q;
}

/* The rule once more, from nothing but what the wall clock shows. */
static bool may_write(const struct quiet *q, struct str zone, int64_t at_ms) {
    int64_t s = floor_div(at_ms, 1000), local = s + zone_offset_s(zone_find(zone, NULL), s);
    int64_t day = floor_div(local, 86400), minute = (local - day * 86400) / 60;
    const struct quiet_day *h = &q->week[date_weekday(day)];

    for (size_t i = 0; i < q->n_holidays; i++)
        if (q->holidays[i] == day)
            return false;
    if (q->spares_national && brazil_is_holiday(day, false))
        return false;
    if (q->spares_optional && brazil_is_holiday(day, true) && !brazil_is_holiday(day, false))
        return false;
    return minute >= h->from && minute < h->to;
}

static int64_t at(const char *iso) {
    int64_t ms = 0;

    assert_true(clock_parse_iso(str_of(iso), &ms));
    return ms;
}

static uint32_t next(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void nothing_is_ever_sent_outside_the_hours(void **state) {
    static const char *const zones[] = {
        "America/Sao_Paulo", "America/Manaus",       "America/Rio_Branco",
        "America/Noronha",   "America/Campo_Grande", "America/Fortaleza",
        "America/New_York",  "Europe/Lisbon",        "Australia/Lord_Howe"};
    /* 1985 to 2045: forty summers with daylight saving in Brazil, which began and ended at midnight, and those without. */
    const int64_t from = at("1985-01-01T00:00:00Z"), span_min = (int64_t)60 * 365 * DAY_MIN;
    uint32_t seed = 5;

    (void)state;
    for (int i = 0; i < 40000; i++) {
        struct str zone = str_of(zones[next(&seed) % ARRAY_LEN(zones)]);
        struct quiet q = usual();
        int64_t now =
            from +
            (int64_t)(((uint64_t)next(&seed) << 24 | next(&seed)) % (uint64_t)span_min) * MINUTE_MS;
        int64_t until;

        q.spares_optional = next(&seed) % 2;
        if (next(&seed) % 4 == 0) /* hours where clocks are turned */
            q.week[6] = (struct quiet_day){0, 90},
            q.week[5] = (struct quiet_day){23 * 60 + 20, 24 * 60};
        until = quiet_until_ms(&q, zone, now);
        assert_int_equal(until == 0, may_write(&q, zone, now));
        if (until == 0)
            continue;
        assert_true(until > now);
        assert_true(may_write(&q, zone, until));
        assert_false(may_write(&q, zone, until - MINUTE_MS) && until - MINUTE_MS > now);
        for (int k = 0; k < 8; k++) { /* and it was not allowed any earlier */
            int64_t between =
                now + (int64_t)((uint64_t)next(&seed) % (uint64_t)((until - now) / MINUTE_MS)) *
                          MINUTE_MS;

            assert_false(may_write(&q, zone, between));
        }
    }
}

static void evening_of_one_zone_is_afternoon_of_another(void **state) {
    const struct quiet q = usual();
    const int64_t now = at("2026-11-19T23:30:00Z"); /* a Thursday before a holiday */

    (void)state;
    assert_int_equal(quiet_until_ms(&q, STR("America/Rio_Branco"), now), 0); /* 18:30 */
    assert_int_equal(quiet_until_ms(&q, STR("America/Manaus"), now), 0);     /* 19:30 */
    assert_int_equal(quiet_until_ms(&q, STR("America/Sao_Paulo"), now),
                     at("2026-11-21T09:00:00-03:00"));
    assert_int_equal(quiet_until_ms(&q, STR("America/Noronha"), now),
                     at("2026-11-21T09:00:00-02:00"));
}

static void who_has_no_zone_or_a_strange_one_gets_the_tenants(void **state) {
    const struct quiet q = usual();
    const int64_t now = at("2026-11-18T23:30:00Z");

    (void)state;
    assert_int_equal(quiet_until_ms(&q, STR_EMPTY, now), at("2026-11-19T08:00:00-03:00"));
    assert_int_equal(quiet_until_ms(&q, STR("Mars/Olympus"), now), at("2026-11-19T08:00:00-03:00"));
}

static void own_and_national_holidays_are_spared(void **state) {
    struct quiet q = usual();

    (void)state;
    assert_true(quiet_until_ms(&q, STR_EMPTY, at("2026-12-25T12:00:00-03:00")) > 0);
    assert_true(quiet_until_ms(&q, STR_EMPTY, at("2027-01-01T12:00:00-03:00")) > 0);
    assert_int_equal(quiet_until_ms(&q, STR_EMPTY, at("2027-02-09T12:00:00-03:00")),
                     0); /* carnival */
    q.spares_optional = true;
    assert_true(quiet_until_ms(&q, STR_EMPTY, at("2027-02-09T12:00:00-03:00")) > 0);
    q.is_on = false;
    assert_int_equal(quiet_until_ms(&q, STR_EMPTY, at("2026-12-25T03:00:00-03:00")), 0);
}

static void every_area_code_has_the_zone_of_its_state(void **state) {
    static const char codes[] =
        "11 12 13 14 15 16 17 18 19 21 22 24 27 28 31 32 33 34 35 37 38 41 42 43 44 45 46"
        " 47 48 49 51 53 54 55 61 62 63 64 65 66 67 68 69 71 73 74 75 77 79 81 82 83 84"
        " 85 86 87 88 89 91 92 93 94 95 96 97 98 99";
    struct str rest = str_of(codes), code;
    size_t n = 0;

    (void)state;
    while (rest.len > 0) {
        char phone[] = "5500987654321";
        bool is_known;

        (void)str_cut(&rest, ' ', &code);
        memcpy(phone + 2, code.ptr, 2);
        assert_true(phone_timezone(str_of(phone))[0] != 0);
        (void)zone_find(str_of(phone_timezone(str_of(phone))), &is_known);
        assert_true(is_known);
        n++;
    }
    assert_int_equal(n, 67);
    assert_string_equal(phone_timezone(STR("5568999991234")), "America/Rio_Branco");
    assert_string_equal(phone_timezone(STR("559233334444")), "America/Manaus");
    assert_string_equal(phone_timezone(STR("")), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_ever_sent_outside_the_hours),
        cmocka_unit_test(evening_of_one_zone_is_afternoon_of_another),
        cmocka_unit_test(who_has_no_zone_or_a_strange_one_gets_the_tenants),
        cmocka_unit_test(own_and_national_holidays_are_spared),
        cmocka_unit_test(every_area_code_has_the_zone_of_its_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
