/* buf.c - the growing buffer. Invariants: len <= cap <= max; ptr is NULL exactly when cap is 0;
 * once overflown, nothing more is added, so that what is there is a clean prefix.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_BYTES = 256,
};

void buf_init(struct buf *b, size_t max_bytes) {
    *b = (struct buf){.max = max_bytes};
}

void buf_done(struct buf *b) {
    free(b->ptr);
    buf_init(b, b->max);
}

void buf_done_p(struct buf *b) {
    buf_done(b);
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->overflown = false;
}

static void grow(struct buf *b, size_t need) {
    size_t cap = b->cap ? b->cap : FIRST_BYTES;
    char *p;

    while (cap < need)
        cap = cap > b->max / 2 ? need : cap * 2;
    if (cap > b->max)
        cap = b->max;
    p = realloc(b->ptr, cap);
    if (!p) {
        (void)fputs("buf: out of memory\n", stderr);
        abort();
    }
    b->ptr = p;
    b->cap = cap;
}

char *buf_reserve(struct buf *b, size_t n) {
    size_t need;

    if (b->overflown || __builtin_add_overflow(b->len, n, &need) || need > b->max) {
        b->overflown = true;
        return NULL;
    }
    if (need > b->cap || !b->ptr)
        grow(b, need);
    return b->ptr + b->len;
}

void buf_commit(struct buf *b, size_t n) {
    assert(n <= b->cap - b->len);
    b->len += n;
}

void buf_consume(struct buf *b, size_t n) {
    assert(n <= b->len);
    if (n == 0)
        return;
    memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
}

void buf_add(struct buf *b, struct str s) {
    char *p = s.len > 0 ? buf_reserve(b, s.len) : NULL;

    if (!p)
        return;
    memcpy(p, s.ptr, s.len);
    b->len += s.len;
}

void buf_add_char(struct buf *b, char c) {
    char *p;

    if (b->len < b->cap && !b->overflown) {
        b->ptr[b->len++] = c;
        return;
    }
    p = buf_reserve(b, 1);
    if (!p)
        return;
    *p = c;
    b->len++;
}

void buf_add_i64(struct buf *b, int64_t v) {
    char digits[20]; /* "-9223372036854775808" */
    size_t at = sizeof(digits);
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (v < 0)
        digits[--at] = '-';
    buf_add(b, (struct str){.ptr = digits + at, .len = sizeof(digits) - at});
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args) {
    va_list again;
    int len;
    char *p;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    assert(len >= 0);
    /* vsnprintf wants room for its NUL, which max need not have: format aside when there is exactly
     * none. */
    if ((size_t)len < b->max - b->len && (p = buf_reserve(b, (size_t)len + 1)) != NULL) {
        (void)vsnprintf(p, (size_t)len + 1, fmt, args);
        b->len += (size_t)len;
    } else if ((p = buf_reserve(b, (size_t)len)) != NULL) {
        char *aside = malloc((size_t)len + 1);

        if (!aside)
            abort();
        (void)vsnprintf(aside, (size_t)len + 1, fmt, args);
        memcpy(p, aside, (size_t)len);
        b->len += (size_t)len;
        free(aside);
    }
}

void buf_add_html(struct buf *b, struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        switch (s.ptr[i]) {
        case '&':
            buf_add(b, STR("&amp;"));
            break;
        case '<':
            buf_add(b, STR("&lt;"));
            break;
        case '>':
            buf_add(b, STR("&gt;"));
            break;
        case '"':
            buf_add(b, STR("&quot;"));
            break;
        case '\'':
            buf_add(b, STR("&#39;"));
            break;
        default:
            buf_add_char(b, s.ptr[i]);
        }
    }
}

void buf_printf(struct buf *b, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    buf_vprintf(b, fmt, args);
    va_end(args);
}

struct str buf_str(const struct buf *b) {
    return (struct str){.ptr = b->ptr, .len = b->len};
}
