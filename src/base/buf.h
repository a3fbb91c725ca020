/* buf.h - bytes that grow up to a ceiling. There is no unlimited buffer: past max the append is
 * dropped whole and the buffer stays marked as overflown, so a writer checks once at the end.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct buf { /* caller's storage */
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    bool overflown;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b); /* frees; the buffer may be used again with the same max */
void buf_done_p(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */

void buf_add(struct buf *b, struct str s);
void buf_add_char(struct buf *b, char c);
void buf_add_i64(struct buf *b, int64_t v);
/* s as the text of an HTML element or of a quoted attribute; past max the rest of it is dropped. */
void buf_add_html(struct buf *b, struct str s);
void buf_printf(struct buf *b, const char *fmt, ...) ATTR_PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list args) ATTR_PRINTF(2, 0);
/* Makes room for n more bytes and returns where to write them, NULL past max; buf_commit says how
 * many were. */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
/* Drops n bytes from the front. */
void buf_consume(struct buf *b, size_t n);

/* View of what is in it, valid until the next call. */
struct str buf_str(const struct buf *b);
