/* test_calendar.c - what the clocks say and when a team works: Brazil with its daylight saving of old, zones with a rule for
 * later years, breaks and holidays.
 * SPDX-License-Identifier: Apache-2.0 */
#include "calendar/calendar.h"

#include "unit/check.h"

static int64_t utc_s(int64_t year, unsigned month, unsigned day, int hour, int minute) {
    return date_to_days((struct date){year, month, day}) * 86400 + hour * 3600 + minute * 60;
}

static const struct zone *zone(const char *name) {
    bool is_known;
    const struct zone *z = zone_find(str_of(name), &is_known);

    assert_true(is_known);
    return z;
}

/* --- days ---------------------------------------------------------------------------------------- */

static void days_and_dates_are_each_others_inverse(void **state) {
    (void)state;
    assert_int_equal(date_to_days((struct date){1970, 1, 1}), 0);
    assert_int_equal(date_to_days((struct date){2000, 3, 1}), 11017);
    for (int64_t day = -200000; day < 200000; day += 7)
        assert_int_equal(date_to_days(date_of_days(day)), day);
    assert_int_equal(date_weekday(0), 3);                                         /* Thursday */
    assert_int_equal(date_weekday(date_to_days((struct date){2026, 11, 21})), 5); /* Saturday */
    assert_int_equal(date_weekday(date_to_days((struct date){1969, 12, 28})), 6); /* Sunday */
}

static void dates_that_do_not_exist_are_refused(void **state) {
    static const char *const bad[] = {"",           "2026-2-03",  "2026-02-30", "2025-02-29",
                                      "2026-13-01", "2026-00-10", "2026-01-00", "2026-04-31",
                                      "20260-1-01", "2026/01/01"};
    int64_t days;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(date_parse(str_of(bad[i]), &days));
    assert_true(date_parse(STR("2024-02-29"), &days));
    assert_int_equal(days, date_to_days((struct date){2024, 2, 29}));
}

static void easter_falls_where_the_church_says(void **state) {
    static const struct date sundays[] = {{1981, 4, 19}, {2000, 4, 23}, {2008, 3, 23},
                                          {2019, 4, 21}, {2024, 3, 31}, {2025, 4, 20},
                                          {2026, 4, 5},  {2038, 4, 25}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sundays); i++)
        assert_int_equal(date_easter(sundays[i].year), date_to_days(sundays[i]));
}

/* --- zones --------------------------------------------------------------------------------------- */

static void zones_of_brazil_have_their_offsets_now_and_then(void **state) {
    static const struct {
        const char *name;
        int64_t year;
        unsigned month, day;
        int hour, minute; /* UTC */
        int32_t offset_minutes;
    } cases[] = {
        {"America/Sao_Paulo", 2026, 11, 21, 12, 0, -180},
        {"America/Sao_Paulo", 2018, 11, 4, 2, 59, -180}, /* the last summer time began at 03:00Z */
        {"America/Sao_Paulo", 2018, 11, 4, 3, 0, -120},
        {"America/Sao_Paulo", 2019, 2, 17, 1, 59, -120}, /* … and ended at 02:00Z */
        {"America/Sao_Paulo", 2019, 2, 17, 2, 0, -180},
        {"America/Sao_Paulo", 2019, 12, 21, 12, 0, -180}, /* abolished in 2019 */
        {"America/Sao_Paulo", 1985, 11, 2, 3, 0, -120},
        {"America/Manaus", 2018, 12, 1, 12, 0, -240},
        {"America/Cuiaba", 2018, 12, 1, 12, 0, -180},
        {"America/Cuiaba", 2026, 12, 1, 12, 0, -240},
        {"America/Bahia", 2011, 12, 1, 12, 0, -120}, /* one summer only */
        {"America/Bahia", 2012, 12, 1, 12, 0, -180},
        {"America/Noronha", 2026, 1, 1, 0, 0, -120},
        {"America/Rio_Branco", 2026, 1, 1, 0, 0, -300},
        {"America/Rio_Branco", 2010, 1, 1, 0, 0, -240}, /* 2008 to 2013 */
        {"UTC", 2026, 1, 1, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t at =
            utc_s(cases[i].year, cases[i].month, cases[i].day, cases[i].hour, cases[i].minute);

        if (zone_offset_s(zone(cases[i].name), at) != cases[i].offset_minutes * 60)
            fail_msg("case %zu: %s", i, cases[i].name);
    }
}

static void years_behind_the_table_follow_the_rule(void **state) {
    static const struct {
        const char *name;
        int64_t year;
        unsigned month;
        int32_t offset_minutes; /* on the 15th */
    } cases[] = {
        {"America/New_York", 2090, 1, -300},
        {"America/New_York", 2090, 7, -240},
        {"Europe/Lisbon", 2090, 1, 0},
        {"Europe/Lisbon", 2090, 7, 60},
        {"Australia/Sydney", 2090, 1, 660},
        {"Australia/Sydney", 2090, 7, 600}, /* summer over New Year */
        {"Asia/Kolkata", 2090, 7, 330},
        {"Asia/Jerusalem", 2090, 7, 180},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (zone_offset_s(zone(cases[i].name), utc_s(cases[i].year, cases[i].month, 15, 12, 0)) !=
            cases[i].offset_minutes * 60)
            fail_msg("case %zu: %s", i, cases[i].name);
    /* The second Sunday of March 2090 is the 12th. */
    assert_int_equal(zone_offset_s(zone("America/New_York"), utc_s(2090, 3, 12, 6, 59)), -5 * 3600);
    assert_int_equal(zone_offset_s(zone("America/New_York"), utc_s(2090, 3, 12, 7, 0)), -4 * 3600);
}

static void skipped_and_repeated_times_have_one_instant(void **state) {
    const struct zone *sp = zone("America/Sao_Paulo");

    (void)state;
    /* 2018-11-04 00:00 to 01:00 was skipped: midnight is the change itself. */
    assert_int_equal(zone_utc_s(sp, utc_s(2018, 11, 4, 0, 0)), utc_s(2018, 11, 4, 3, 0));
    assert_int_equal(zone_utc_s(sp, utc_s(2018, 11, 4, 0, 30)), utc_s(2018, 11, 4, 3, 30));
    assert_int_equal(zone_utc_s(sp, utc_s(2018, 11, 4, 1, 0)), utc_s(2018, 11, 4, 3, 0));
    /* 2019-02-16 23:00 to 24:00 was twice: the first counts. */
    assert_int_equal(zone_utc_s(sp, utc_s(2019, 2, 16, 23, 30)), utc_s(2019, 2, 17, 1, 30));
    assert_int_equal(zone_utc_s(sp, utc_s(2019, 2, 17, 0, 0)), utc_s(2019, 2, 17, 3, 0));
    assert_int_equal(zone_utc_s(sp, utc_s(2026, 11, 21, 9, 0)), utc_s(2026, 11, 21, 12, 0));
}

static void names_that_are_no_zone_are_utc_and_leave_no_directory(void **state) {
    static const char *const bad[] = {
        "",        "Nowhere/City",     "../../../etc/passwd", "/etc/passwd", "America/../../passwd",
        "America", "America/Sao Paulo"};
    bool is_known;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(zone_offset_s(zone_find(str_of(bad[i]), &is_known), 0), 0);
        assert_false(is_known);
    }
}

static void damaged_zone_files_are_refused(void **state) {
    struct arena a = {0};
    char bytes[4096];
    FILE *f = fopen("/usr/share/zoneinfo/America/New_York", "re");
    size_t n;
    const struct zone *z;
    struct err e = ERR_INIT;

    (void)state;
    if (!f)
        skip();
    n = fread(bytes, 1, sizeof(bytes), f);
    (void)fclose(f);
    assert_ok(zone_parse(&a, (struct str){bytes, n}, &z, &e), &e);
    for (size_t cut = 0; cut + 40 < n; cut++) {
        err_clear(&e);
        enum status any = zone_parse(&a, (struct str){bytes, cut}, &z, &e);

        assert_in_range(any, ST_OK, ST_BROKEN); /* any verdict, no fault */
    }
    for (size_t at = 0; at < n; at++) {
        char was = bytes[at];

        bytes[at] = (char)(was ^ 0x55);
        err_clear(&e);
        if (zone_parse(&a, (struct str){bytes, n}, &z, &e) == ST_OK)
            for (int64_t t = -5000000000; t < 5000000000; t += 499999999)
                (void)zone_utc_s(z, t);
        bytes[at] = was;
    }
    arena_done(&a);
}

/* --- working time -------------------------------------------------------------------------------- */

/* Monday to Friday 9 to 12 and 13 to 18, Saturday 9 to 13; Christmas and New Year off. */
static struct calendar shop(const char *zone_name) {
    static int64_t holidays[2];
    struct calendar c = {.zone = zone(zone_name), .holidays = holidays, .n_holidays = 2};

    holidays[0] = date_to_days((struct date){2026, 12, 25});
    holidays[1] = date_to_days((struct date){2027, 1, 1});
    for (int i = 0; i < 5; i++)
        c.week[i] = (struct work_day){.spans = {{540, 720}, {780, 1080}}, .n = 2};
    c.week[5] = (struct work_day){.spans = {{540, 780}}, .n = 1};
    return c;
}

static int64_t at(int64_t year, unsigned month, unsigned day, int hour, int minute) {
    return utc_s(year, month, day, hour, minute) * 1000;
}

#define MINUTES(n) ((int64_t)(n)*MINUTE_MS)

static void shop_is_open_in_its_hours(void **state) {
    const struct calendar c = shop("America/Sao_Paulo");

    (void)state;
    assert_false(calendar_is_open(&c, at(2026, 11, 23, 11, 59))); /* Monday, three hours behind */
    assert_true(calendar_is_open(&c, at(2026, 11, 23, 12, 0)));
    assert_true(calendar_is_open(&c, at(2026, 11, 23, 14, 59)));
    assert_false(calendar_is_open(&c, at(2026, 11, 23, 15, 0))); /* lunch */
    assert_true(calendar_is_open(&c, at(2026, 11, 23, 16, 0)));
    assert_false(calendar_is_open(&c, at(2026, 11, 23, 21, 0)));
    assert_false(calendar_is_open(&c, at(2026, 11, 22, 13, 0))); /* Sunday */
    assert_false(calendar_is_open(&c, at(2026, 12, 25, 13, 0))); /* a Friday, Christmas */
}

static void deadline_waits_for_the_break_the_night_and_the_holiday(void **state) {
    const struct calendar c = shop("America/Sao_Paulo");
    static const struct {
        unsigned month, day;
        int hour, minute, minutes;
        unsigned to_month, to_day;
        int to_hour, to_minute;
    } cases[] = {
        {11, 23, 12, 0, 30, 11, 23, 12, 30},
        {11, 23, 14, 50, 10, 11, 23, 15, 0}, /* ends with the morning: before lunch */
        {11, 23, 14, 50, 20, 11, 23, 16, 10},
        {11, 23, 15, 30, 0, 11, 23, 16, 0},   /* asked at lunch: next moment at work */
        {11, 23, 20, 50, 30, 11, 24, 12, 20}, /* over night */
        {11, 28, 15, 50, 30, 11, 30, 12, 20}, /* Saturday to Monday */
        {12, 24, 20, 50, 30, 12, 26, 12, 20}, /* over Christmas to Saturday */
        {11, 22, 3, 0, 5, 11, 23, 12, 5},     /* Sunday */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t from = at(2026, cases[i].month, cases[i].day, cases[i].hour, cases[i].minute);
        int64_t to =
            at(2026, cases[i].to_month, cases[i].to_day, cases[i].to_hour, cases[i].to_minute);

        if (calendar_add(&c, from, MINUTES(cases[i].minutes)) != to)
            fail_msg(
                "case %zu: off by %lld min", i,
                (long long)((calendar_add(&c, from, MINUTES(cases[i].minutes)) - to) / MINUTE_MS));
        assert_int_equal(calendar_between(&c, from, to), MINUTES(cases[i].minutes));
    }
    /* A whole week is 44 hours: it ends with Saturday's last minute. */
    assert_int_equal(calendar_add(&c, at(2026, 11, 23, 12, 0), MINUTES(44 * 60)),
                     at(2026, 11, 28, 16, 0));
}

static void day_of_another_length_has_its_own_hours(void **state) {
    struct calendar c = {.zone = zone("America/Sao_Paulo")};

    (void)state;
    for (int i = 0; i < 7; i++)
        c.week[i] = (struct work_day){.spans = {{0, 1440}}, .n = 1};
    /* 2018-11-04 had 23 hours, 2019-02-16 had 25. */
    assert_int_equal(calendar_between(&c, at(2018, 11, 4, 3, 0), at(2018, 11, 5, 2, 0)),
                     MINUTES(23 * 60));
    assert_int_equal(calendar_between(&c, at(2019, 2, 16, 2, 0), at(2019, 2, 17, 3, 0)),
                     MINUTES(25 * 60));
    assert_int_equal(calendar_add(&c, at(2018, 11, 4, 2, 30), MINUTES(60)), at(2018, 11, 4, 3, 30));
    /* Nine to six is nine hours on the day of the change, too. */
    for (int i = 0; i < 7; i++)
        c.week[i] = (struct work_day){.spans = {{540, 1080}}, .n = 1};
    assert_int_equal(calendar_between(&c, at(2018, 11, 4, 0, 0), at(2018, 11, 5, 0, 0)),
                     MINUTES(9 * 60));
    assert_int_equal(calendar_add(&c, at(2018, 11, 4, 0, 0), 0),
                     at(2018, 11, 4, 11, 0)); /* -02:00 */
    assert_int_equal(calendar_add(&c, at(2018, 11, 3, 0, 0), 0),
                     at(2018, 11, 3, 12, 0)); /* -03:00 */
}

static void adding_is_the_inverse_of_measuring(void **state) {
    const struct calendar c = shop("America/Sao_Paulo");

    (void)state;
    for (int i = 0; i < 2000; i++) {
        int64_t from = at(2026, 12, 20, 0, 0) + (int64_t)i * 7919 * 1000;
        int64_t minutes = i * 13 % 3000 + 1, to = calendar_add(&c, from, MINUTES(minutes));

        assert_int_equal(calendar_between(&c, from, to), MINUTES(minutes));
        assert_int_equal(calendar_between(&c, from, to - 1), MINUTES(minutes) - 1);
    }
}

static void team_that_never_works_still_has_deadlines(void **state) {
    const struct calendar c = {.zone = zone("UTC")};

    (void)state;
    assert_int_equal(calendar_add(&c, 1000, MINUTES(5)), 1000 + MINUTES(5));
    assert_false(calendar_is_open(&c, 1000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_dates_are_each_others_inverse),
        cmocka_unit_test(dates_that_do_not_exist_are_refused),
        cmocka_unit_test(easter_falls_where_the_church_says),
        cmocka_unit_test(zones_of_brazil_have_their_offsets_now_and_then),
        cmocka_unit_test(years_behind_the_table_follow_the_rule),
        cmocka_unit_test(skipped_and_repeated_times_have_one_instant),
        cmocka_unit_test(names_that_are_no_zone_are_utc_and_leave_no_directory),
        cmocka_unit_test(damaged_zone_files_are_refused),
        cmocka_unit_test(shop_is_open_in_its_hours),
        cmocka_unit_test(deadline_waits_for_the_break_the_night_and_the_holiday),
        cmocka_unit_test(day_of_another_length_has_its_own_hours),
        cmocka_unit_test(adding_is_the_inverse_of_measuring),
        cmocka_unit_test(team_that_never_works_still_has_deadlines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
