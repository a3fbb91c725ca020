/* clock.c - the two clocks of the kernel plus an offset that tests set.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>

static _Atomic int64_t shift_ms;

static int64_t read_ns(clockid_t clock) {
    struct timespec ts = {0};

    (void)clock_gettime(clock, &ts); /* cannot fail for these two clocks */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_now_ms(void) {
    return read_ns(CLOCK_REALTIME) / 1000000 +
           atomic_load_explicit(&shift_ms, memory_order_relaxed);
}

int64_t clock_mono_ms(void) {
    return read_ns(CLOCK_MONOTONIC) / 1000000 +
           atomic_load_explicit(&shift_ms, memory_order_relaxed);
}

int64_t clock_mono_ns(void) {
    return read_ns(CLOCK_MONOTONIC);
}

void clock_shift_ms(int64_t offset_ms) {
    atomic_store_explicit(&shift_ms, offset_ms, memory_order_relaxed);
}

/* The kernel waits by its own clock, so the shift stays out of it. */
struct timespec clock_deadline(int64_t in_ms) {
    int64_t ns = read_ns(CLOCK_MONOTONIC);

    if (in_ms > 0) {
        int64_t wait_ns;

        if (__builtin_mul_overflow(in_ms, (int64_t)1000000, &wait_ns) ||
            __builtin_add_overflow(ns, wait_ns, &ns))
            ns = INT64_MAX;
    }
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* Civil date of a day number, after Howard Hinnant's "days_from_civil" paper: no locale, no tzset
 * lock, any year. */
static void civil(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day) {
    int64_t shifted = days + 719468; /* days since 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;

    *ret_day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *ret_month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2 ? 1 : 0);
}

/* Quotient rounded down also for times before 1970. */
static int64_t floor_div(int64_t v, int64_t by) {
    int64_t q = v / by;

    return v % by < 0 ? q - 1 : q;
}

static void put_digits(char *out, int64_t v, size_t width) {
    for (size_t i = width; i > 0; i--) {
        out[i - 1] = (char)('0' + v % 10);
        v /= 10;
    }
}

void clock_format_iso_to(int64_t ms, char out[static CLOCK_ISO_BYTES]) {
    static const char shape[CLOCK_ISO_BYTES] = "0000-00-00T00:00:00.000Z";
    const int64_t first_ms = -62167219200000, last_ms = 253402300799999; /* years 0 to 9999 */
    int64_t days, in_day, year;
    unsigned month, day;

    ms = ms < first_ms ? first_ms : ms > last_ms ? last_ms : ms;
    days = floor_div(ms, 86400000);
    in_day = ms - days * 86400000;
    civil(days, &year, &month, &day);
    memcpy(out, shape, CLOCK_ISO_BYTES);
    put_digits(out, year, 4);
    put_digits(out + 5, month, 2);
    put_digits(out + 8, day, 2);
    put_digits(out + 11, in_day / 3600000, 2);
    put_digits(out + 14, in_day / 60000 % 60, 2);
    put_digits(out + 17, in_day / 1000 % 60, 2);
    put_digits(out + 20, in_day % 1000, 3);
}

struct str clock_format_iso(struct arena *a, int64_t ms) {
    char text[CLOCK_ISO_BYTES];

    clock_format_iso_to(ms, text);
    return arena_str(a, (struct str){.ptr = text, .len = sizeof(text)});
}

/* --- reading ISO 8601 ------------------------------------------------------------------------ */

/* Exactly n digits off the front. */
static bool eat_digits(struct str *s, size_t n, int64_t min, int64_t max, int64_t *ret) {
    struct str head = str_sub(*s, 0, n);

    for (size_t i = 0; i < head.len; i++)
        if (head.ptr[i] < '0' || head.ptr[i] > '9')
            return false;
    if (head.len != n || !str_parse_i64(head, min, max, ret))
        return false;
    *s = str_sub(*s, n, s->len);
    return true;
}

static bool eat_date(struct str *s, int64_t *ret_days) {
    static const uint8_t days_in[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day, shifted, era, of_era, of_year;

    if (!eat_digits(s, 4, 0, 9999, &year) || !str_eat(s, STR("-")) ||
        !eat_digits(s, 2, 1, 12, &month) || !str_eat(s, STR("-")) ||
        !eat_digits(s, 2, 1, days_in[month - 1], &day))
        return false;
    if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
        return false;
    shifted = month <= 2 ? year - 1 : year; /* years begin in March: the leap day comes last */
    era = floor_div(shifted, 400);
    of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    of_era = (shifted - era * 400) * 365 + (shifted - era * 400) / 4 - (shifted - era * 400) / 100 +
             of_year;
    *ret_days = era * 146097 + of_era - 719468;
    return true;
}

static bool eat_time(struct str *s, int64_t *ret_ms) {
    int64_t hour, minute, second = 0, fraction, scale = 100;

    *ret_ms = 0;
    if (!eat_digits(s, 2, 0, 23, &hour) || !str_eat(s, STR(":")) ||
        !eat_digits(s, 2, 0, 59, &minute))
        return false;
    if (str_eat(s, STR(":")) && !eat_digits(s, 2, 0, 59, &second))
        return false;
    if (str_eat(s, STR("."))) {
        if (s->len == 0 || s->ptr[0] < '0' || s->ptr[0] > '9')
            return false;
        for (; eat_digits(s, 1, 0, 9, &fraction); scale /= 10)
            *ret_ms += fraction * scale;
    }
    *ret_ms += ((hour * 60 + minute) * 60 + second) * 1000;
    return true;
}

static bool eat_zone(struct str *s, int64_t *ret_ms) {
    int64_t hour, minute, sign;

    *ret_ms = 0;
    if (str_eat(s, STR("Z")))
        return true;
    sign = str_starts(*s, STR("-")) ? -1 : 1;
    if ((!str_eat(s, STR("-")) && !str_eat(s, STR("+"))) || !eat_digits(s, 2, 0, 23, &hour) ||
        !str_eat(s, STR(":")) || !eat_digits(s, 2, 0, 59, &minute))
        return false;
    *ret_ms = sign * (hour * 60 + minute) * 60000;
    return true;
}

bool clock_parse_iso(struct str text, int64_t *ret_ms) {
    int64_t days, in_day = 0, offset = 0;

    if (!eat_date(&text, &days))
        return false;
    if (text.len > 0 &&
        (!str_eat(&text, STR("T")) || !eat_time(&text, &in_day) || !eat_zone(&text, &offset)))
        return false;
    *ret_ms = days * 86400000 + in_day - offset;
    return text.len == 0;
}
