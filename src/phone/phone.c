/* phone.c - what people and spreadsheets type, made ready for the library, and its answer in our words.
 * SPDX-License-Identifier: Apache-2.0 */
#include "phone/phone.h"

#include <string.h>

#include "base/attr.h"
#include "phone/brazil.h"
#include "phone/library.h"

enum {
    DIGITS_MAX = 15, /* E.164 */
    BR_CODE = 55,
    BR_OLD_DIGITS = 12, /* 55, two of the area, eight of the line */
    BR_LINE_AT = 4,     /* where the line begins */
    LOST_DIGITS = 4,    /* so many zeros made up: the cell was rounded when it was shown */
    NUMBER_DIGITS = 8,  /* a piece with fewer is part of its neighbour */
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t count_digits(struct str s) {
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += is_digit(s.ptr[i]);
    return n;
}

/* --- numbers as spreadsheets show them ------------------------------------------------------------ */

/* "d[.,]ddd" and "E+dd" of what can be such a cell. */
struct cell_number {
    char digits[40];
    size_t n_digits, n_before; /* before the point */
    int64_t exponent;
};

/* The rest of the text after the mantissa: nothing, or an exponent. */
static bool read_exponent(struct str rest, int64_t *ret) {
    uint64_t n;

    *ret = 0;
    if (rest.len == 0)
        return true;
    if (!str_eat(&rest, STR("E")) && !str_eat(&rest, STR("e")))
        return false;
    (void)str_eat(&rest, STR("+"));
    if (!str_eat_u64(&rest, DIGITS_MAX, &n) || rest.len > 0)
        return false;
    *ret = (int64_t)n;
    return true;
}

static bool read_cell_number(struct str s, struct cell_number *ret) {
    bool has_point = false;
    size_t i = 0;

    *ret = (struct cell_number){0};
    for (; i < s.len && (is_digit(s.ptr[i]) || s.ptr[i] == '.' || s.ptr[i] == ','); i++) {
        if (is_digit(s.ptr[i])) {
            if (ret->n_digits == sizeof(ret->digits))
                return false;
            ret->digits[ret->n_digits++] = s.ptr[i];
            ret->n_before += !has_point;
        } else if (has_point) {
            return false;
        } else {
            has_point = true;
        }
    }
    if (!read_exponent(str_sub(s, i, s.len), &ret->exponent) || ret->n_before == 0)
        return false;
    return has_point || ret->exponent > 0;
}

/* The integer that the cell holds, or s itself when it is none of these. *ret_lost: only its first digits are known. */
static struct str whole_number(struct arena *a, struct str s, bool *ret_lost) {
    struct cell_number c;
    size_t want;
    char *out;

    *ret_lost = false;
    if (!read_cell_number(s, &c))
        return s;
    want = c.n_before + (size_t)c.exponent;
    for (size_t i = want; i < c.n_digits; i++) {
        if (c.digits[i] != '0')
            return s; /* "11.98765" is no integer, but may be a way to write a number */
    }
    /* Without an exponent a point groups digits as often as it ends them: only ".0" and ".00" are a spreadsheet's. */
    if (c.exponent == 0 && (c.n_digits - c.n_before > 2 || c.n_before < NUMBER_DIGITS))
        return s;
    out = arena_alloc(a, want + 1);
    for (size_t i = 0; i < want; i++)
        out[i] = i < c.n_digits ? c.digits[i] : '0';
    *ret_lost = want >= c.n_digits + LOST_DIGITS;
    return (struct str){.ptr = out, .len = want};
}

/* --- Brazil -------------------------------------------------------------------------------------------- */

/* As phone_key() of provider.h: lines that begin with 6 to 9 are mobile and got a 9 in front by 2016. */
static void put_ninth_digit(struct phone_library_answer *ans) {
    size_t n = strlen(ans->digits);

    if (ans->country != BR_CODE || n != BR_OLD_DIGITS || ans->digits[BR_LINE_AT] < '6')
        return;
    memmove(ans->digits + BR_LINE_AT + 1, ans->digits + BR_LINE_AT, n - BR_LINE_AT + 1);
    ans->digits[BR_LINE_AT] = '9';

    struct phone_library_answer again;
    char typed[sizeof(ans->digits) + 1] = "+";

    memcpy(typed + 1, ans->digits, n + 1);
    phone_library_read(typed, n + 2, "BR", &again);
    /* Another number, such as one whose area lost a zero, is not what was typed. */
    if (again.fault == PHONE_LIBRARY_OK && strcmp(again.digits, typed + 1) == 0)
        *ans = again;
}

/* --- the answer ------------------------------------------------------------------------------------------ */

static const char *reason_of(enum phone_library_fault fault) {
    switch (fault) {
    case PHONE_LIBRARY_OK:
        return "";
    case PHONE_LIBRARY_NO_NUMBER:
        return "not-a-number";
    case PHONE_LIBRARY_NO_COUNTRY:
        return "no-country";
    case PHONE_LIBRARY_TOO_SHORT:
        return "too-short";
    case PHONE_LIBRARY_TOO_LONG:
        return "too-long";
    case PHONE_LIBRARY_INVALID:
        return "invalid";
    }
    return "invalid";
}

/* Without an extension as Brazil writes it; the library knows the English ones. */
static struct str without_extension(struct str s) {
    static const struct str word = STR("ramal");

    for (size_t i = 0; i + word.len <= s.len; i++) {
        if (str_eq_nocase(str_sub(s, i, word.len), word))
            return str_trim(str_sub(s, 0, i));
    }
    return s;
}

void phone_read(struct arena *a, struct str typed, const char *region, struct phone *ret) {
    struct str s = str_trim(typed);
    struct phone_library_answer ans;
    bool is_lost;

    *ret = (struct phone){.kind = "unknown", .reason = "empty", .timezone = ""};
    (void)str_eat(&s, STR("'")); /* how a spreadsheet is told to keep a number as text */
    if (s.len == 0)
        return;
    ret->reason = "not-a-number";
    if (s.len > PHONE_TYPED_MAX)
        return;
    s = whole_number(a, without_extension(s), &is_lost);
    if (str_eat(&s,
                STR("0055"))) /* "00" with the country; the library would take 55 for a carrier */
        s = arena_printf(a, "+55%.*s", STR_ARG(s));
    if (is_lost) {
        ret->reason = "digits-lost";
        return;
    }
    if (strcmp(region, "BR") != 0 || !brazil_read(s, &ans)) {
        phone_library_read(s.ptr, s.len, region, &ans);
        put_ninth_digit(&ans);
    }
    ret->reason = reason_of(ans.fault);
    if (ans.fault == PHONE_LIBRARY_INVALID && ans.country == BR_CODE &&
        strlen(ans.digits) < BR_OLD_DIGITS)
        ret->reason = "too-short"; /* without its area */
    if (ans.fault != PHONE_LIBRARY_OK)
        return;
    ret->is_valid = true;
    ret->e164 = arena_str(a, str_of(ans.digits));
    ret->kind = ans.kind;
    ret->timezone = phone_timezone(ret->e164);
    ret->is_textable =
        strcmp(ans.kind, "mobile") == 0 || strcmp(ans.kind, "mobile-or-landline") == 0;
    ret->reason = ret->is_textable ? "" : ans.kind;
}

/* --- several in a cell ------------------------------------------------------------------------------------ */

/* Bytes of the separator that stands at s's front: one that numbers never have inside. */
static size_t separator_at(struct str s) {
    static const struct str words[] = {STR(" ou "), STR(" e "), STR(" or "), STR(" and ")};

    if (strchr(";/|\n\r\t\\", s.ptr[0]) && s.ptr[0] != '\0')
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (s.len >= words[i].len && str_eq_nocase(str_sub(s, 0, words[i].len), words[i]))
            return words[i].len;
    }
    return 0;
}

/* Where a comma or a blank stands between two whole numbers; s.len when nowhere. */
static size_t weak_separator(struct str s) {
    size_t left = 0, all = count_digits(s);

    for (size_t i = 0; i < s.len; i++) {
        bool is_comma = s.ptr[i] == ',';
        size_t need = is_comma ? NUMBER_DIGITS : NUMBER_DIGITS + 2; /* with its area */

        left += is_digit(s.ptr[i]);
        if ((is_comma || s.ptr[i] == ' ') && left >= need && all - left >= need)
            return i;
    }
    return s.len;
}

static void add_piece(struct str piece, struct str *ret, size_t max, size_t *n) {
    while (*n < max) {
        size_t cut = count_digits(piece) > NUMBER_DIGITS ? weak_separator(piece) : piece.len;
        struct str head = str_trim(str_sub(piece, 0, cut));

        if (count_digits(head) > 0)
            ret[(*n)++] = head;
        if (cut >= piece.len)
            return;
        piece = str_sub(piece, cut + 1, piece.len);
    }
}

size_t phone_split(struct str cell, struct str *ret, size_t max) {
    size_t n = 0, from = 0, i = 0;

    while (i < cell.len) {
        size_t cut = separator_at(str_sub(cell, i, cell.len));

        if (cut == 0) {
            i++;
            continue;
        }
        add_piece(str_sub(cell, from, i - from), ret, max, &n);
        i += cut;
        from = i;
    }
    add_piece(str_sub(cell, from, cell.len), ret, max, &n);
    return n;
}

bool phone_is_in(struct str digits, const char *region) {
    return digits.len > 0 && digits.len <= PHONE_TYPED_MAX &&
           phone_library_is_in(digits.ptr, digits.len, region);
}
