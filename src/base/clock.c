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
