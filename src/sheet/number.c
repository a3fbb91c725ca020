/* number.c - what a stored number stands for. The value is all there is: 1.2E+11 is a telephone number that a spreadsheet
 * program shortened on the screen only, 43790 is a day when its format says so.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sheet/number.h"

#include <math.h>
#include <stdio.h>

enum {
    VALUE_BYTES = 64, /* longer is no number that a program wrote */
    SERIAL_1904 = 1462,
    SERIAL_MAX = 2958466, /* the day after 9999-12-31 */
    SERIAL_EPOCH = 25569, /* 1970-01-01 */
    DAY_S = 86400,
    EXACT_DIGITS = 15,
    MASK_DIGITS_MAX = 30,
};

/* --- formats ----------------------------------------------------------------------------------------------------------- */

static struct number_format builtin(uint32_t id) {
    if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 54) ||
        id == 57 || id == 58)
        return (struct number_format){.kind = NUMBER_DATE};
    if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || (id >= 45 && id <= 47) || id == 55 ||
        id == 56)
        return (struct number_format){.kind = NUMBER_TIME};
    if (id == 22)
        return (struct number_format){.kind = NUMBER_DATETIME};
    return (struct number_format){.kind = NUMBER_PLAIN};
}

/* Eats the next piece of a code; its letter in lower case, or 0 for what is quoted, escaped or in brackets. [h] counts as h: hours
 * beyond a day. */
static char next_letter(struct str *code) {
    char c = code->ptr[0];
    size_t n = 1;
    bool is_elapsed;

    if (c == '\\' || c == '_' || c == '*')
        n = 2;
    else if (c == '"' || c == '[')
        while (n < code->len && code->ptr[n++] != (c == '"' ? '"' : ']'))
            ;
    is_elapsed = c == '[' && code->len > 2 && strchr("hHmMsS", code->ptr[1]) &&
                 (code->ptr[2] == ']' || code->ptr[2] == code->ptr[1]);
    if (is_elapsed)
        c = code->ptr[1];
    else if (n > 1)
        c = 0;
    *code = str_sub(*code, n, code->len);
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Zeros with marks between: a number that is read as its digits. */
static bool is_mask(struct str code) {
    size_t zeros = 0;

    while (code.len > 0) {
        char c = code.ptr[0];
        char next = next_letter(&code);

        if (c == '0')
            zeros++;
        else if ((next != 0 && !strchr("-/() ", c)) || strchr("[_*", c))
            return false;
    }
    return zeros > 1 && zeros <= MASK_DIGITS_MAX;
}

struct number_format number_format_of(uint32_t id, struct str code) {
    bool has_day = false, has_time = false, has_month = false;
    struct str rest = code;

    if (code.len == 0)
        return builtin(id);
    while (rest.len > 0) {
        char c = next_letter(&rest);

        if (c == ';') /* the next section is for negative ones */
            break;
        has_day = has_day || c == 'd' || c == 'y';
        has_time = has_time || c == 'h' || c == 's';
        has_month = has_month || c == 'm';
        if (c == 'g' || c == 'e' || c == '#' || c == '?') /* General, scientific, digits */
            return (struct number_format){.kind = NUMBER_PLAIN};
    }
    if (has_day || (has_month && !has_time))
        return (struct number_format){.kind = has_time ? NUMBER_DATETIME : NUMBER_DATE};
    if (has_time)
        return (struct number_format){.kind = NUMBER_TIME};
    if (is_mask(code))
        return (struct number_format){.kind = NUMBER_MASK, .mask = code};
    return (struct number_format){.kind = NUMBER_PLAIN};
}

/* --- values ------------------------------------------------------------------------------------------------------------ */

static bool all_digits(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

static bool to_double(struct str s, double *ret) {
    char text[VALUE_BYTES];
    char *end;

    s = str_trim(s);
    if (s.len == 0 || s.len >= sizeof(text) || !strchr("+-.0123456789", s.ptr[0]))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("0123456789+-.eE", s.ptr[i]) || s.ptr[i] == '\0')
            return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    *ret = strtod(text, &end);
    return *end == '\0' && isfinite(*ret);
}

static void put_plain(struct buf *out, struct str value, double v) {
    bool is_whole = v == trunc(v);

    if (all_digits(value) && value.len <= EXACT_DIGITS)
        buf_add(out, value);
    else if (is_whole && fabs(v) < 1e21)
        buf_printf(out, "%.0f", v + 0.0);
    else
        buf_printf(out, "%.15g", v);
}

/* Digits of a whole number into the mask's zeros from the right; more digits than zeros stand in front. */
static void put_masked(struct buf *out, double v, struct str mask) {
    char digits[MASK_DIGITS_MAX + 2];
    size_t zeros = 0, n, at = 0;
    struct str rest = mask;

    for (; rest.len > 0;) {
        zeros += rest.ptr[0] == '0';
        (void)next_letter(&rest);
    }
    n = (size_t)snprintf(digits, sizeof(digits), "%0*.0f", (int)zeros, v);
    if (n >= sizeof(digits)) {
        buf_printf(out, "%.0f", v);
        return;
    }
    for (rest = mask; rest.len > 0;) {
        struct str before = rest;
        char c = next_letter(&rest);
        struct str piece = str_sub(before, 0, before.len - rest.len);

        if (piece.ptr[0] == '0') {
            size_t take = at == 0 ? n - zeros + 1 : 1;

            buf_add(out, (struct str){.ptr = digits + at, .len = take});
            at += take;
        } else if (c != 0) {
            buf_add(out, piece);
        } else if (piece.ptr[0] == '\\') {
            buf_add(out, str_sub(piece, 1, 1));
        } else {
            buf_add(out, str_sub(piece, 1, piece.len >= 2 ? piece.len - 2 : 0));
        }
    }
}

/* The day of a number of days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static void put_day(struct buf *out, int64_t days) {
    int64_t z = days + 719468, era = z / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153, d = doy - (153 * mp + 2) / 5 + 1;
    int64_t m = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (m <= 2);

    buf_printf(out, "%04lld-%02lld-%02lld", (long long)year, (long long)m, (long long)d);
}

static void put_clock(struct buf *out, int64_t seconds) {
    buf_printf(out, "%02lld:%02lld:%02lld", (long long)(seconds / 3600),
               (long long)(seconds / 60 % 60), (long long)(seconds % 60));
}

/* Lotus 1-2-3 took 1900 for a leap year, and Excel kept it: number 60 is a day that never was. */
static void put_serial_day(struct buf *out, int64_t serial) {
    if (serial == 60)
        buf_add(out, STR("1900-02-29"));
    else
        put_day(out, serial - SERIAL_EPOCH + (serial < 60));
}

static bool put_date(struct buf *out, double v, enum number_kind kind, bool is_1904) {
    int64_t days, seconds;

    if (is_1904)
        v += SERIAL_1904;
    if (v < 0 || v >= SERIAL_MAX)
        return false;
    days = (int64_t)v;
    seconds = llround((v - (double)days) * DAY_S);
    if (seconds == DAY_S) {
        days++;
        seconds = 0;
    }
    if (kind == NUMBER_TIME || (days == 0 && kind == NUMBER_DATETIME)) {
        put_clock(out, (is_1904 ? days - SERIAL_1904 : days) * DAY_S + seconds);
        return true;
    }
    put_serial_day(out, days);
    if (kind == NUMBER_DATETIME) {
        buf_add_char(out, 'T');
        put_clock(out, seconds);
    }
    return true;
}

enum sheet_type number_put(struct buf *out, struct str value, struct number_format format,
                           bool is_1904) {
    double v;

    if (!to_double(value, &v)) {
        buf_add(out, value);
        return SHEET_TEXT;
    }
    switch (format.kind) {
    case NUMBER_DATE:
    case NUMBER_TIME:
    case NUMBER_DATETIME:
        if (put_date(out, v, format.kind, is_1904))
            return SHEET_DATE;
        break;
    case NUMBER_MASK:
        if (v >= 0 && v == trunc(v) && v < 1e15) {
            put_masked(out, v, format.mask);
            return SHEET_NUMBER;
        }
        break;
    case NUMBER_PLAIN:
        break;
    }
    put_plain(out, value, v);
    return SHEET_NUMBER;
}
