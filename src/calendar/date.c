/* date.c - civil dates after Howard Hinnant's "days_from_civil" paper, and Easter after the anonymous Gregorian algorithm
 * (Meeus, Astronomical Algorithms, chapter 8).
 * SPDX-License-Identifier: Apache-2.0 */
#include "calendar/date.h"

int64_t floor_div(int64_t v, int64_t by) {
    int64_t q = v / by;

    return v % by < 0 ? q - 1 : q;
}

int64_t date_to_days(struct date d) {
    int64_t year =
        d.month <= 2 ? d.year - 1 : d.year; /* years begin in March: the leap day is last */
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = (d.month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + d.day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

struct date date_of_days(int64_t days) {
    int64_t shifted = days + 719468;
    int64_t era = floor_div(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    struct date d = {.day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1)};

    d.month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    d.year = year_of_era + era * 400 + (d.month <= 2 ? 1 : 0);
    return d;
}

unsigned date_weekday(int64_t days) { /* 1970-01-01 was a Thursday */
    return (unsigned)(days + 3 - floor_div(days + 3, 7) * 7);
}

bool date_parse(struct str s, int64_t *ret_days) {
    uint64_t year, month, day;

    if (s.len != 10 || !str_eat_u64(&s, 9999, &year) || !str_eat(&s, STR("-")) ||
        !str_eat_u64(&s, 12, &month) || !str_eat(&s, STR("-")) || !str_eat_u64(&s, 31, &day) ||
        s.len > 0)
        return false;

    const struct date d = {(int64_t)year, (unsigned)month, (unsigned)day};
    int64_t days = date_to_days(d);
    struct date back = date_of_days(days);

    if (month == 0 || day == 0 || back.day != d.day || back.month != d.month)
        return false;
    *ret_days = days;
    return true;
}

int64_t date_easter(int64_t year) {
    int64_t a = year % 19, b = year / 100, c = year % 100;
    int64_t g = (8 * b + 13) / 25;
    int64_t h = (19 * a + b - b / 4 - g + 15) % 30;
    int64_t k = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    int64_t m = (a + 11 * h + 22 * k) / 451;
    int64_t n = h + k - 7 * m + 114;

    return date_to_days((struct date){year, (unsigned)(n / 31), (unsigned)(n % 31 + 1)});
}
