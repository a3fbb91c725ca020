/* encode.c - what a value looks like in a log line. Invariants: whatever the bytes, a value stays
 * one token of one line (no raw quote, line break or terminal control gets out) and valid UTF-8;
 * redacted types never show more than their rule says.
 * SPDX-License-Identifier: Apache-2.0 */
#include "log/encode.h"

#include <string.h>

#include "base/utf8.h"

enum {
    PHONE_DIGITS_MIN = 8,
    PHONE_DIGITS_MAX = 15, /* E.164 */
    PHONE_TAIL_DIGITS = 2,
};

static bool is_control(uint32_t point) {
    return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x2028 || point == 0x2029;
}

static void add_escaped(struct buf *b, uint32_t point) {
    char bytes[4];

    switch (point) {
    case '"':
        buf_add(b, STR("\\\""));
        break;
    case '\\':
        buf_add(b, STR("\\\\"));
        break;
    case '\n':
        buf_add(b, STR("\\n"));
        break;
    case '\r':
        buf_add(b, STR("\\r"));
        break;
    case '\t':
        buf_add(b, STR("\\t"));
        break;
    default:
        if (is_control(point))
            buf_printf(b, "\\u%04x", point);
        else
            buf_add(b, (struct str){.ptr = bytes, .len = utf8_put(point, bytes)});
        break;
    }
}

static void add_quoted(struct buf *b, struct str s) {
    bool cut = s.len > LOG_VALUE_BYTES;

    if (cut)
        s = utf8_cut_bytes(s, LOG_VALUE_BYTES);
    buf_add_char(b, '"');
    while (s.len > 0) {
        uint32_t point;

        if (!utf8_next(&s, &point)) {
            point = 0xFFFD;
            s = str_sub(s, 1, s.len);
        }
        add_escaped(b, point);
    }
    if (cut)
        buf_add(b, STR("\xE2\x80\xA6"));
    buf_add_char(b, '"');
}

static bool is_plain(struct str s) {
    if (s.len == 0 || s.len > LOG_VALUE_BYTES)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c <= ' ' || c >= 0x7F || c == '=' || c == '"' || c == '\\')
            return false;
    }
    return true;
}

static void add_text(struct buf *b, enum log_format format, struct str s) {
    if (format == LOG_LOGFMT && is_plain(s))
        buf_add(b, s);
    else
        add_quoted(b, s);
}

/* Length of the country code at the front, ITU-T E.164 annex: zones 1 and 7 have one digit, the
 * codes below two, all others three. */
static size_t country_digits(const char digits[static 2]) {
    static const char two[] = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 "
                              "55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98";

    if (digits[0] == '1' || digits[0] == '7')
        return 1;
    for (size_t i = 0; i + 1 < sizeof(two); i += 3) {
        if (memcmp(two + i, digits, 2) == 0)
            return 2;
    }
    return 3;
}

/* "+55…42". What does not look like an international number shows nothing at all. */
static void add_phone(struct buf *b, enum log_format format, struct str s) {
    char digits[PHONE_DIGITS_MAX];
    char shown[16]; /* "+", three digits, U+2026, two digits */
    size_t n = 0, at = 0, country;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            continue;
        if (n == PHONE_DIGITS_MAX) {
            add_text(b, format, STR("***"));
            return;
        }
        digits[n++] = s.ptr[i];
    }
    if (n < PHONE_DIGITS_MIN) {
        add_text(b, format, STR("***"));
        return;
    }
    country = country_digits(digits);
    shown[at++] = '+';
    memcpy(shown + at, digits, country);
    at += country;
    at += utf8_put(0x2026, shown + at);
    memcpy(shown + at, digits + n - PHONE_TAIL_DIGITS, PHONE_TAIL_DIGITS);
    at += PHONE_TAIL_DIGITS;
    add_text(b, format, (struct str){.ptr = shown, .len = at});
}

static void add_value(struct buf *b, enum log_format format, const struct log_field *f) {
    char text[UUID_TEXT_BYTES];

    switch (f->type) {
    case FIELD_STR:
        add_text(b, format, f->s);
        break;
    case FIELD_I64:
        buf_add_i64(b, f->i);
        break;
    case FIELD_BOOL:
        buf_add(b, f->i ? STR("true") : STR("false"));
        break;
    case FIELD_UUID:
        uuid_format_to(f->u, text);
        add_text(b, format, (struct str){.ptr = text, .len = sizeof(text)});
        break;
    case FIELD_PHONE:
        add_phone(b, format, f->s);
        break;
    case FIELD_SECRET:
        add_text(b, format, STR("***"));
        break;
    }
}

void log_encode_field(struct buf *b, enum log_format format, const struct log_field *f) {
    if (format == LOG_JSON) {
        if (b->len > 1) /* behind the opening brace */
            buf_add_char(b, ',');
        add_quoted(b, str_of(f->key));
        buf_add_char(b, ':');
    } else {
        if (b->len > 0)
            buf_add_char(b, ' ');
        buf_add(b, str_of(f->key));
        buf_add_char(b, '=');
    }
    add_value(b, format, f);
}
