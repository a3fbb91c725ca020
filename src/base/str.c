/* str.c - views of text: comparing, cutting, eating numbers. Nothing here allocates.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <string.h>

struct str str_of(const char *cstr) {
    return (struct str){.ptr = cstr, .len = cstr ? strlen(cstr) : 0};
}

bool str_eq(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_eq_nocase(struct str a, struct str b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

int str_cmp(struct str a, struct str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str s, struct str prefix) {
    return s.len >= prefix.len && str_eq(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends(struct str s, struct str suffix) {
    return s.len >= suffix.len && str_eq(str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

bool str_contains(struct str s, struct str needle) {
    if (needle.len == 0)
        return true;
    return s.len > 0 && memmem(s.ptr, s.len, needle.ptr, needle.len) != NULL;
}

struct str str_sub(struct str s, size_t from, size_t len) {
    if (from >= s.len)
        return (struct str){.ptr = s.len > 0 ? s.ptr + s.len : s.ptr, .len = 0};
    if (len > s.len - from)
        len = s.len - from;
    return (struct str){.ptr = s.ptr + from, .len = len};
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s) {
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_cut(struct str *s, char sep, struct str *ret_head) {
    const char *at = s->len > 0 ? memchr(s->ptr, sep, s->len) : NULL;
    struct str whole = *s;

    if (!at) {
        *s = str_sub(whole, whole.len, 0);
        *ret_head = whole;
        return false;
    }
    *ret_head = (struct str){.ptr = whole.ptr, .len = (size_t)(at - whole.ptr)};
    *s = str_sub(whole, ret_head->len + 1, whole.len);
    return true;
}

bool str_eat(struct str *s, struct str prefix) {
    if (!str_starts(*s, prefix))
        return false;
    *s = str_sub(*s, prefix.len, s->len);
    return true;
}

bool str_eat_u64(struct str *s, uint64_t max, uint64_t *ret) {
    uint64_t v = 0;
    size_t i = 0;

    for (; i < s->len && s->ptr[i] >= '0' && s->ptr[i] <= '9'; i++) {
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s->ptr[i] - '0'), &v) || v > max)
            return false;
    }
    if (i == 0)
        return false;
    *s = str_sub(*s, i, s->len);
    *ret = v;
    return true;
}

bool str_parse_i64(struct str s, int64_t min, int64_t max, int64_t *ret) {
    bool negative = min < 0 && str_eat(&s, STR("-"));
    uint64_t magnitude;
    int64_t v;

    if (!str_eat_u64(&s, (uint64_t)INT64_MAX + negative, &magnitude) || s.len > 0)
        return false;
    v = (int64_t)(negative ? 0 - magnitude : magnitude);
    if (v < min || v > max)
        return false;
    *ret = v;
    return true;
}

uint64_t str_hash(struct str s) {
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3;
    return h;
}
