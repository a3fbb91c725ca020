/* utf8.c - checking, counting, cutting and folding UTF-8. The decoder is total: any bytes in, never
 * past the end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

#include "base/utf8_fold.h"

enum {
    REPLACEMENT_POINT = 0xFFFD,
    COMBINING_FIRST = 0x300,
    COMBINING_LAST = 0x36F,
    WORD_BYTES = 8,
};

/* Length of the well-formed sequence at the front of s (n bytes, n > 0) and its code point; 0 when
 * there is none. The table of well-formed sequences is Unicode 15, 3.9, table 3-7. */
static size_t sequence(const unsigned char *s, size_t n, uint32_t *ret_point) {
    unsigned char lead = s[0];
    unsigned char low = 0x80, high = 0xBF;
    size_t len;
    uint32_t point;

    if (lead < 0x80) {
        *ret_point = lead;
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    len = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (n < len)
        return 0;
    if (lead == 0xE0)
        low = 0xA0; /* else overlong */
    else if (lead == 0xED)
        high = 0x9F; /* else a surrogate */
    else if (lead == 0xF0)
        low = 0x90; /* else overlong */
    else if (lead == 0xF4)
        high = 0x8F; /* else past U+10FFFF */
    if (s[1] < low || s[1] > high)
        return 0;
    point = (lead & (0xFFu >> (len + 1))) << 6 | (s[1] & 0x3Fu);
    for (size_t i = 2; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (s[i] & 0x3Fu);
    }
    *ret_point = point;
    return len;
}

/* Number of ASCII bytes at the front, counted in whole words: a fast lane, not an exact answer. */
static size_t ascii_words(const char *p, size_t n) {
    size_t i = 0;

    while (n - i >= WORD_BYTES) {
        uint64_t word;

        memcpy(&word, p + i, sizeof(word));
        if (word & 0x8080808080808080)
            break;
        i += WORD_BYTES;
    }
    return i;
}

size_t utf8_valid_prefix(struct str s) {
    size_t i = 0;

    while (i < s.len) {
        uint32_t point;
        size_t n;

        i += ascii_words(s.ptr + i, s.len - i);
        if (i == s.len)
            break;
        n = sequence((const unsigned char *)s.ptr + i, s.len - i, &point);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}

bool utf8_is_valid(struct str s) {
    return utf8_valid_prefix(s) == s.len;
}

static bool is_continuation(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t utf8_count(struct str s) {
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += !is_continuation(s.ptr[i]);
    return n;
}

struct str utf8_cut_bytes(struct str s, size_t max_bytes) {
    size_t len = max_bytes;

    if (s.len <= max_bytes)
        return s;
    while (len > 0 && is_continuation(s.ptr[len]))
        len--;
    return str_sub(s, 0, len);
}

struct str utf8_cut_points(struct str s, size_t max_points) {
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (is_continuation(s.ptr[i]))
            continue;
        if (n == max_points)
            return str_sub(s, 0, i);
        n++;
    }
    return s;
}

bool utf8_next(struct str *s, uint32_t *ret_point) {
    size_t n = s->len > 0 ? sequence((const unsigned char *)s->ptr, s->len, ret_point) : 0;

    if (n == 0)
        return false;
    *s = str_sub(*s, n, s->len);
    return true;
}

size_t utf8_put(uint32_t point, char out[static 4]) {
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        point = REPLACEMENT_POINT;
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

struct str utf8_repair(struct arena *a, struct str s) {
    size_t good = utf8_valid_prefix(s);
    size_t len = 0;
    char *out;

    if (good == s.len)
        return s;
    out = arena_alloc_n(a, s.len, 3); /* each invalid byte becomes the three of U+FFFD */
    while (s.len > 0) {
        memcpy(out + len, s.ptr, good);
        len += good;
        s = str_sub(s, good, s.len);
        if (s.len == 0)
            break;
        len += utf8_put(REPLACEMENT_POINT, out + len);
        s = str_sub(s, 1, s.len);
        good = utf8_valid_prefix(s);
    }
    return (struct str){.ptr = out, .len = len};
}

/* Writes what one code point folds to; at most as many bytes as it has itself. */
static size_t fold_point(uint32_t point, char out[static 4]) {
    const char *folded = "";

    if (point >= 'A' && point <= 'Z')
        point += 'a' - 'A';
    else if (point >= COMBINING_FIRST && point <= COMBINING_LAST)
        return 0;
    else if (point >= UTF8_FOLD_FIRST && point <= UTF8_FOLD_LAST)
        folded = utf8_fold_table[point - UTF8_FOLD_FIRST];
    else if (point == 0xAA || point == 0xBA) /* the ordinals of 1a and 1o */
        folded = point == 0xAA ? "a" : "o";
    if (!*folded)
        return utf8_put(point, out);
    out[0] = folded[0];
    if (!folded[1])
        return 1;
    out[1] = folded[1];
    return 2;
}

struct str utf8_fold(struct arena *a, struct str s) {
    char *out = arena_alloc(a, s.len + 4); /* folding never grows; fold_point is owed four bytes */
    size_t len = 0;

    while (s.len > 0) {
        uint32_t point;

        if (utf8_next(&s, &point)) {
            len += fold_point(point, out + len);
            continue;
        }
        out[len++] = s.ptr[0];
        s = str_sub(s, 1, s.len);
    }
    return (struct str){.ptr = out, .len = len};
}
