/* lenient.c - see lenient.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "provider/lenient.h"

#include <string.h>

#include "base/utf8.h"

enum {
    ESCAPE_BYTES = 6, /* backslash, u, four hex digits */
    HEX_DIGITS = 4,
    SURROGATE_HIGH = 0xD800,
    SURROGATE_LOW = 0xDC00,
    SURROGATE_END = 0xE000,
    TEXT_MAX_BYTES = 4 << 20, /* Meta says 3 MB at most */
    TEXT_MAX_VALUES = 200000,
};

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | ' ');
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of a \uXXXX at the front of s, -1 when there is none. */
static int escaped_unit(struct str s) {
    int unit = 0;

    if (s.len < ESCAPE_BYTES || s.ptr[0] != '\\' || s.ptr[1] != 'u')
        return -1;
    for (size_t i = ESCAPE_BYTES - HEX_DIGITS; i < ESCAPE_BYTES; i++) {
        int digit = hex_value(s.ptr[i]);

        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* How many bytes the escape at the front of s takes; *ret_is_bad: it is one to replace. */
static size_t escape_length(struct str s, bool *ret_is_bad) {
    int unit = escaped_unit(s);

    *ret_is_bad = false;
    if (unit < 0)
        return s.len < 2 ? s.len : 2;
    if (unit >= SURROGATE_HIGH && unit < SURROGATE_LOW) {
        int next = escaped_unit(str_sub(s, ESCAPE_BYTES, ESCAPE_BYTES));

        if (next >= SURROGATE_LOW && next < SURROGATE_END)
            return (size_t)2 * ESCAPE_BYTES;
        *ret_is_bad = true;
    } else {
        *ret_is_bad = unit == 0 || (unit >= SURROGATE_LOW && unit < SURROGATE_END);
    }
    return ESCAPE_BYTES;
}

/* Only inside strings is a backslash JSON at all: no need to know where strings begin. */
static struct str repair(struct arena *a, struct str text) {
    struct str valid = utf8_repair(a, text);
    char *out = arena_alloc(a, valid.len + 1);
    size_t at = 0;

    if (valid.len > 0)
        memcpy(out, valid.ptr, valid.len);
    while (at < valid.len) {
        const char *escape = memchr(out + at, '\\', valid.len - at);
        bool is_bad;
        size_t length;

        if (!escape)
            break;
        at = (size_t)(escape - out);
        length = escape_length((struct str){.ptr = out + at, .len = valid.len - at}, &is_bad);
        if (is_bad)
            memcpy(out + at + ESCAPE_BYTES - HEX_DIGITS, "fffd", HEX_DIGITS);
        at += length;
    }
    return (struct str){.ptr = out, .len = valid.len};
}

enum status lenient_parse(struct arena *a, struct str text, unsigned max_depth,
                          const struct json **ret, struct err *e) {
    const struct json_limits limits = {
        .max_bytes = TEXT_MAX_BYTES,
        .max_depth = max_depth,
        .max_values = TEXT_MAX_VALUES,
        .allow_duplicates = true,
    };
    struct err ignored = ERR_INIT;

    if (text.len > TEXT_MAX_BYTES)
        FAIL(e, ST_INVALID, "more than %d bytes of JSON", TEXT_MAX_BYTES);
    if (!str_contains(text, STR("\\u0000")) && json_parse(a, text, limits, ret, &ignored) == ST_OK)
        return ST_OK;
    return json_parse(a, repair(a, text), limits, ret, e);
}
